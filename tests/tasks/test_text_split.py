"""What of a text is trained on, held out and kept for a test, at its end or in the tail of each stream."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rnnplay import tasks
from rnnplay.catalogue import make_config
from rnnplay.config import RunConfig, UserError
from rnnplay.tasks.text import TextTask
from rnnplay.tasks.text_split import split_text
from rnnplay.trainer.learner import Learner


def config(**choices: object) -> RunConfig:
    return make_config("text", **({"text": "x", "batch": 4, "seq_len": 5} | choices))


@given(
    length=st.integers(2, 400),
    batch=st.integers(1, 9),
    seq_len=st.integers(1, 12),
    validation=st.sampled_from([0.0, 0.1, 0.3]),
    test=st.sampled_from([0.0, 0.1, 0.2]),
    holdout=st.sampled_from(["end", "streams"]),
)
def test_no_symbol_is_predicted_in_two_parts_and_each_target_follows_its_input(
    length: int, batch: int, seq_len: int, validation: float, test: float, holdout: str
) -> None:
    ids = np.arange(length)  # a symbol is its own place
    chosen = config(batch=batch, seq_len=seq_len, validation=validation, test=test, holdout=holdout)
    split = split_text(ids, chosen)
    if split is None:
        assert length * (1 - validation - test) < seq_len + batch + 1
        return
    assert split.inputs.shape == split.targets.shape
    assert split.inputs.shape[1] >= seq_len
    assert (split.targets == split.inputs + 1).all()
    predicted = [set(split.targets.reshape(-1).tolist())]
    for part in (split.validation, split.test):
        rows = part.reshape(split.streams or 1, -1) if part.size else part.reshape(1, 0)
        assert (np.diff(rows, axis=1) == 1).all()
        predicted.append(set(rows[:, 1:].reshape(-1).tolist()))
    assert not predicted[0] & predicted[1]
    assert not predicted[0] & predicted[2]
    assert not predicted[1] & predicted[2]
    if holdout == "streams" and validation:
        assert (split.validation.reshape(split.streams, -1)[:, 0] == split.inputs[:, -1] + 1).all()


def test_the_tails_of_streams_are_evaluated_whole_each_from_a_zero_state(tmp_path: Path) -> None:
    path = tmp_path / "text.txt"
    path.write_text("abcdefgh " * 300)
    chosen = config(text=str(path), holdout="streams", validation=0.2, test=0.1, batch=3, hidden=4, dtype="float64")
    task = tasks.make(chosen)
    learner = Learner(chosen, task)
    S = (2700 - 1) // 3
    first, end = int(S * 0.7), S - int(S * 0.1)
    ids = np.array([task.vocabulary.index(c) for c in "abcdefgh " * 300])
    losses = []
    for part in (task.evaluation(), task.test_batches(16)):
        loss, characters = learner.evaluate(part, lambda: False) or (None, 0)
        losses.append(loss)
        own = []
        for b in range(3):
            state = learner.network.zero_state(1)
            for k in range(b * S + first, b * S + end):
                y, state = learner.network.step(ids[k : k + 1], state)
                p = np.exp(y[:, 0] - y.max())
                own.append(-np.log(p[ids[k + 1]] / p.sum()))
        assert characters == len(own)
        assert loss == pytest.approx(np.mean(own), abs=1e-9)
        first, end = end, S
    assert losses[0] != losses[1]
    assert task.part_words() == "the tail of each of 3 streams, 20 %"
    assert task.part_words(test=True) == "the last tail of each of 3 streams, 10 %"

    data = task.data()
    assert data is not None
    without_text = TextTask(chosen, data, reads_text=False)
    for part, expected in zip((without_text.evaluation(), without_text.test_batches(16)), losses, strict=True):
        assert (learner.evaluate(part, lambda: False) or (None,))[0] == expected


def test_only_a_text_read_by_characters_has_streams_and_a_test_part() -> None:
    for chosen in (make_config("sentiment", test=0.1), config(holdout="streams", document="line")):
        with pytest.raises(UserError, match="read character by character"):
            tasks.make(chosen)
    with pytest.raises(UserError, match="Nearly all"):
        config(validation=0.8, test=0.2)
