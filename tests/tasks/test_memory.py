"""Patterns, copy and adding: what a batch asks, what is told of its time steps, what its measure forgives."""

import math

import numpy as np
import pytest

from rnnplay.catalogue import make_config
from rnnplay.config import UserError
from rnnplay.tasks.base import Array, Batch
from rnnplay.tasks.copy_adding import Adding, Copy
from rnnplay.tasks.generated import split_of
from rnnplay.tasks.patterns import HelloEnd, OneOneZero, Song


def test_copy_asks_for_the_word_after_the_silence_and_for_nothing_else() -> None:
    task = Copy(make_config("copy", seq_len=7))
    batch = task.batch_of(np.array([[0, 1, 2, 3, 4, 5, 6, 7, 0, 1]], np.int32), 7, 0.1)
    assert "".join(task.vocabulary[i] for i in batch.inputs[:, 0]) == "abcdefghab······>··········"
    assert "".join(task.vocabulary[i] for i in batch.targets[:, 0]) == "·················abcdefghab"
    assert batch.weights is not None and batch.weights[:, 0].sum() == pytest.approx(17 * 0.1 + 10)


def test_copy_grows_its_silence_from_one_time_step_to_all() -> None:
    task = Copy(make_config("copy", seq_len=50, length_warmup_steps=200))
    lengths = [task.batch(step).inputs.shape[0] for step in (0, 99, 199, 5_000)]
    assert lengths[0] == 21 and lengths[1] == 45 and lengths[2] == lengths[3] == 70


def test_the_baseline_of_copy_is_what_guessing_the_word_costs() -> None:
    task = Copy(make_config("copy", seq_len=50))
    batch = next(task.evaluation())
    blank_or_guess = np.where(batch.targets == 8, 0.0, math.log(8)).mean()
    assert task.baselines()[0][1] == pytest.approx(blank_or_guess)


def test_one_wrong_symbol_spoils_a_whole_sequence() -> None:
    task = Copy(make_config("copy"))

    def nearly(batch: Batch) -> Array:
        p = np.eye(10)[batch.targets].transpose(0, 2, 1)
        p[-1, :, : batch.inputs.shape[1] // 50] = 0.1  # the last symbol of every fiftieth
        p[-1, 9, : batch.inputs.shape[1] // 50] = 0.9
        return p

    measured = task.score(nearly)
    assert measured.value == pytest.approx(0.98) and not measured.solved


def test_time_since_the_marker_starts_again_at_each_marker() -> None:
    task = Adding(make_config("adding"))
    rows = np.array([[0.5, 0], [0.25, 1], [0.1, 0], [0.2, 0], [0.75, 1], [0.3, 0]])
    assert task.feature("since the marker", rows).tolist() == [0, 0, 1, 2, 0, 1]
    assert task.feature("marked so far", rows).tolist() == [0, 1, 1, 1, 2, 2]
    assert task.feature("sum so far", rows).tolist() == pytest.approx([0, 0.25, 0.25, 0.25, 1, 1])


def test_adding_marks_one_number_in_each_half_and_counts_only_the_last_step() -> None:
    task = Adding(make_config("adding", seq_len=30, length_warmup_steps=10))
    for step in (0, 9):
        batch = task.batch(step)
        half = batch.inputs.shape[0] // 2
        assert (batch.inputs[:half, 1].sum(axis=0) == 1).all() and (batch.inputs[half:, 1].sum(axis=0) == 1).all()
        assert batch.weights is not None and batch.weights[:-1].sum() == 0 and (batch.weights[-1] == 1).all()
        assert np.allclose(batch.targets[-1, 0], (batch.inputs[:, 0] * batch.inputs[:, 1]).sum(axis=0))


def test_always_saying_one_costs_a_sixth() -> None:
    task = Adding(make_config("adding"))
    batch = task.test()
    assert np.mean((batch.targets[-1] - 1) ** 2) == pytest.approx(task.baselines()[0][1], rel=0.1)


def test_an_error_of_a_25th_in_a_few_sums_leaves_adding_unsolved() -> None:
    task = Adding(make_config("adding"))

    def off(batch: Batch, error: float) -> Array:
        answers = batch.targets.copy()
        answers[-1, 0, 17] += error
        return answers

    assert task.score(lambda batch: off(batch, 0.039)).solved
    assert not task.score(lambda batch: off(batch, 0.041)).solved


def test_the_song_forks_after_i_love() -> None:
    task = Song(make_config("song"))
    triples = zip(task.pattern, task.pattern[1:], task.pattern[2:], strict=False)
    after = [third for first, second, third in triples if (first, second) == ("i", "love")]
    assert set(after) == {"you", "carrots"} and min(after.count("you"), after.count("carrots")) > 1


def test_the_second_1_is_told_from_the_first() -> None:
    task = OneOneZero(make_config("one-one-zero"))
    ids = task.test().inputs[:6, 0]
    assert [task.vocabulary[i] for i in ids] == ["1", "1", "0"] * 2
    assert task.feature("second 1", ids).tolist() == [False, True, False] * 2


def test_hello_that_does_not_end_is_unsolved() -> None:
    task = HelloEnd(make_config("hello-end"))
    end = task.vocabulary.index("<END>")

    def endless(batch: Batch) -> Array:
        whole = task.test().targets[: len(batch.inputs)]
        p = np.full((len(whole), task.outputs, 1), 0.0)
        for t, target in enumerate(whole[:, 0]):
            p[t, target if target != end else task.vocabulary.index("o")] = 1
        return p

    assert not task.score(endless).solved


def test_splits_are_a_fixed_function_of_the_content() -> None:
    keys = [f"item {i}".encode() for i in range(3_000)]
    shares = [np.mean([split_of(key) == split for key in keys]) for split in ("train", "validation", "test")]
    assert shares == pytest.approx([0.8, 0.1, 0.1], abs=0.02)
    assert [split_of(keys[i]) for i in (0, 28, 12)] == ["train", "validation", "test"]


@pytest.mark.parametrize(("task", "seq_len"), [("adding", 1), ("brackets", 5), ("addition", 1), ("addition", 60)])
def test_an_impossible_length_is_refused_in_a_sentence(task: str, seq_len: int) -> None:
    from rnnplay.tasks import make

    with pytest.raises(UserError):
        make(make_config(task, seq_len=seq_len))


def test_a_task_that_reads_no_file_refuses_one() -> None:
    with pytest.raises(UserError, match="reads no file"):
        Copy(make_config("copy", text="/somewhere/notes.txt"))
