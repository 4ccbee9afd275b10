"""The prediction that a question about the past is about: which time steps are read, and which one is predicted."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from rnnplay import tasks
from rnnplay.catalogue import make_config
from rnnplay.config import UserError
from rnnplay.lab.time import Influence
from rnnplay.protocol import ComputeInfluence
from rnnplay.trainer.handlers.prediction import prediction_of
from rnnplay.trainer.handlers.time import TimeHandler


def session(task: tasks.Task, inspected_ids: Any = None) -> Any:
    return SimpleNamespace(learner=SimpleNamespace(task=task), inspected_ids=inspected_ids)


@pytest.mark.parametrize(("past", "position", "first", "place"), [(5, 20, 16, 4), (50, 3, 0, 3), (7, None, 0, 6)])
def test_of_a_text_as_many_symbols_are_read_as_asked_for_up_to_the_position(
    tmp_path: Path, past: int, position: int | None, first: int, place: int
) -> None:
    (tmp_path / "text.txt").write_text("abcdefghijklmnopqrstuvwxyz" * 40)
    task = tasks.make(make_config("text", text=str(tmp_path / "text.txt"), seq_len=5, batch=2))
    held_out = task.decode(task.held_out_ids)
    asked = prediction_of(session(task), ComputeInfluence(position=position, past=past))
    end = first + place
    assert (asked.first, asked.place, asked.position, asked.total) == (first, place, end, len(held_out) - 1)
    assert "".join(asked.symbols) == held_out[first : end + 1]
    assert task.decode(asked.batch.inputs[:, 0]) == held_out[first : end + 1]
    assert task.decode(asked.batch.targets[:, 0]) == held_out[first + 1 : end + 2]
    other = prediction_of(session(task, np.arange(9)), ComputeInfluence(position=7, past=3))
    assert (other.total, other.batch.inputs[:, 0].tolist()) == (8, [5, 6, 7])
    with pytest.raises(UserError, match="There is no time step 1000"):
        prediction_of(session(task), ComputeInfluence(position=999, past=3))


def test_of_an_item_its_beginning_is_read_up_to_the_position() -> None:
    task = tasks.make(make_config("addition"))
    asked = prediction_of(session(task), ComputeInfluence(example=0, position=2))
    assert (asked.first, asked.place, asked.position, len(asked.symbols)) == (0, 2, 2, 3)
    assert asked.batch.inputs.shape[0] == asked.total > 3


def test_a_number_that_is_predicted_is_shown_in_its_own_unit_and_as_no_probability() -> None:
    task = tasks.make(make_config("series"))
    example = task.example(0)
    assert example is not None
    scaled = float(example.batch.inputs[0, 0, 0])
    classes = TimeHandler._classes(session_of(task), Influence(np.zeros(1), 0, scaled))
    assert classes == [(example.inputs[0], None)]
    bits = TimeHandler._classes(session_of(tasks.make(make_config("addition"))), Influence(np.zeros(1), 0, 0.25))
    assert bits == [("0", 0.75), ("1", 0.25)]


def session_of(task: tasks.Task) -> Any:
    return SimpleNamespace(_learner=SimpleNamespace(task=task))
