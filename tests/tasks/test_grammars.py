"""Reber, counting, brackets: what is legal, what is counted, what is told of each time step."""

import numpy as np
import pytest

from rnnplay.catalogue import make_config
from rnnplay.config import UserError
from rnnplay.tasks import make
from rnnplay.tasks.base import Array, Batch
from rnnplay.tasks.brackets import Brackets
from rnnplay.tasks.grammars import Counting, Reber


def reber() -> Reber:
    return Reber(make_config("reber"))


def ids(task: Reber | Brackets | Counting, symbols: str) -> Array:
    return np.array([task.vocabulary.index(symbol) for symbol in symbols], np.int32)


def test_after_the_inner_string_only_the_outer_letter_is_legal() -> None:
    task = reber()
    for outer in "TP":
        legal = task.legal(ids(task, f"B{outer}BTXSE{outer}"))
        names = ["".join(task.vocabulary[v] for v in np.flatnonzero(row)) for row in legal]
        assert names == ["PT", "B", "PT", "SX", "SX", "E", outer, "E"]


def test_every_drawn_string_is_legal_at_every_step() -> None:
    task = reber()
    rng = np.random.default_rng(3)
    for item in task.items(rng, 200, "train"):
        legal = task.legal(np.array(item.inputs))
        assert all(legal[t, target] for t, target in enumerate(item.targets))


def test_a_network_that_gives_each_legal_letter_its_share_is_solved_and_one_that_forgets_the_outer_letter_is_not() -> (
    None
):
    task = reber()

    def knowing(batch: Batch, forgetful: bool = False) -> Array:
        columns = []
        for b in range(batch.inputs.shape[1]):
            legal = task.legal(batch.inputs[:, b]).astype(float)
            if forgetful:
                only_outer = legal[:, [task.vocabulary.index(s) for s in "TP"]].sum(axis=1) == legal.sum(axis=1)
                legal[only_outer] = [s in "TP" for s in task.vocabulary]
            columns.append(legal / legal.sum(axis=1, keepdims=True))
        return np.stack(columns, axis=2)

    assert task.score(knowing).solved
    assert not task.score(lambda batch: knowing(batch, forgetful=True)).solved


def test_a_held_out_reber_string_is_a_long_one() -> None:
    task = reber()
    batch = task.test()
    assert batch.weights is not None
    assert batch.weights.sum(axis=0).min() >= task.held_out_from - 1


def test_reber_features_follow_the_grammar() -> None:
    task = reber()
    string = ids(task, "BPBTSSXXTVVE")
    assert task.feature("outer T", string).tolist() == [False] * 12
    assert np.flatnonzero(task.feature("state 2", string)).tolist() == [3, 4, 5]
    assert task.feature("since outer letter", string)[-1] == 10


def test_a_count_is_a_count_and_a_position_a_number_of_symbols() -> None:
    counting, song = make(make_config("counting")), make(make_config("song"))
    assert counting.feature("count", np.array([0, 0, 0, 1, 1, 1])).tolist() == [1, 2, 3, 2, 1, 0]
    assert song.feature("position", np.zeros(40, int)).tolist()[:3] == [1, 2, 3]
    assert set(song.feature("line", np.zeros(40, int)).tolist()) == {1, 2, 3, 4}


def test_counting_weighs_only_what_is_determined() -> None:
    task = Counting(make_config("counting"))
    item = task.string(3)
    assert list(item.inputs) == [0, 0, 0, 1, 1, 1] and list(item.targets) == [0, 0, 1, 1, 1, 2]
    assert list(item.weights) == [0.01] * 3 + [1.0] * 3


def test_counting_is_unsolved_where_only_the_unseen_n_fails() -> None:
    task = Counting(make_config("counting"))

    def knowing(batch: Batch, longest: int) -> Array:
        p = np.eye(3)[batch.targets].transpose(0, 2, 1)
        counts = (batch.inputs == 0).sum(axis=0)  # padding is 0 too: an n is read from the weights instead
        assert batch.weights is not None
        counts = (batch.weights == 1).sum(axis=0)
        p[:, :, counts > longest] = 1 / 3
        return p

    assert task.score(lambda batch: knowing(batch, 20)).solved
    assert not task.score(lambda batch: knowing(batch, 19)).solved


def test_training_never_counts_beyond_its_length() -> None:
    task = Counting(make_config("counting", seq_len=6))
    for step in range(50):
        batch = task.batch(step)
        assert batch.weights is not None and (batch.weights == 1).sum(axis=0).max() <= 6


def test_brackets_name_the_closing_of_the_last_opening() -> None:
    task = Brackets(make_config("brackets"))
    string = ids(task, "([()])[]")
    assert [task.output_vocabulary[i] for i in task.legal(string)] == [")", "]", ")", "]", ")", "·", "]", "·"]
    assert task.feature("depth", string).tolist() == [1, 2, 3, 2, 1, 0, 1, 0]
    assert task.feature("deepest is (", string).tolist() == [True] * 5 + [False] * 3
    assert np.flatnonzero(task.feature("inside [", string)).tolist() == [1, 3, 6]


def test_drawn_brackets_balance_and_reach_the_full_depth_when_grown() -> None:
    task = Brackets(make_config("brackets", length_warmup_steps=100, seq_len=48))
    first, last = task.batch(0).inputs, task.batch(99).inputs
    for inputs in (first, last):
        depth = np.cumsum(np.where(inputs < 2, 1, -1), axis=0)
        assert depth.min() >= 0 and (depth[-1] == 0).all() and depth.max() <= task.deepest
    assert first.shape[0] < last.shape[0] == 48


def test_brackets_are_closed_on_request() -> None:
    task = Brackets(make_config("brackets"))

    def knowing(batch: Batch) -> Array:
        legal = np.stack([task.legal(column) for column in batch.inputs.T], axis=1)
        return np.eye(3)[legal].transpose(0, 2, 1)

    assert "".join(symbol for symbol, _ in task.answer_question("([ (", knowing)) == "([()])·"
    for prompt in ("([)]", "())", "]", "([a", " "):
        with pytest.raises(UserError, match="bracket"):
            task.answer_question(prompt, knowing)
