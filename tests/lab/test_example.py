"""One item of a task, or a piece of its text, without padding."""

import numpy as np
import pytest

from rnnplay import tasks
from rnnplay.catalogue import make_config
from rnnplay.config import UserError
from rnnplay.lab.example import example_or_text, held_out_example, trim_to_common_end
from rnnplay.tasks.base import Batch


def test_unpadded_keeps_whole_sequences_that_end_together() -> None:
    inputs = np.arange(20).reshape(5, 4)
    weights = np.ones((5, 4))
    weights[3:, 1] = weights[4:, 2] = 0
    kept = trim_to_common_end(Batch(inputs, inputs, weights), 8)
    np.testing.assert_array_equal(kept.inputs, inputs[:, [0, 3]])
    mask = np.array([[False, True], [True, True], [True, True]])
    source = np.array([[0, 1], [2, 3], [4, 5]])
    kept = trim_to_common_end(Batch(inputs[:, :2], inputs[:, :2], source=source, source_mask=mask), 8)
    np.testing.assert_array_equal(kept.source, source[:, [1]])
    padded = trim_to_common_end(Batch(inputs[:, :1], inputs[:, :1], source=source[:, :1], source_mask=mask[:, :1]), 1)
    np.testing.assert_array_equal(padded.source, source[1:, :1])


def test_an_item_ends_with_its_last_target() -> None:
    task = tasks.make(make_config("addition"))
    example = held_out_example(task, 3)
    assert example.batch.inputs.shape[-1] == 1
    assert len(example.inputs) == len(example.targets) == example.batch.inputs.shape[0]
    assert example_or_text(task, 3, 24)[0].title == example.title
    with pytest.raises(UserError):
        held_out_example(task, -1)


def test_a_text_is_cut_into_pieces() -> None:
    task = tasks.make(make_config("hello"))
    ids = np.arange(4).repeat(10)
    example, note = example_or_text(task, 1, 12, ids)
    np.testing.assert_array_equal(example.batch.inputs[:, 0], ids[12:24])
    np.testing.assert_array_equal(example.batch.targets[:, 0], ids[13:25])
    assert example.inputs == [task.vocabulary[i] for i in ids[12:24]]
    assert "12 characters" in note
    with pytest.raises(UserError, match="no example 4"):
        example_or_text(task, 4, 12, ids)
    with pytest.raises(UserError, match="text"):
        held_out_example(tasks.make(make_config("prose")), 0)
