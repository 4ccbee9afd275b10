"""Binary addition: bits, carries, typed sums, and the draws of the original program."""

import json

import numpy as np
import pytest

from rnnplay.catalogue import make_config
from rnnplay.config import UserError
from rnnplay.tasks import make
from rnnplay.tasks.addition import Addition, AdditionOriginal, bits_of, number_of
from rnnplay.tasks.base import Array, Batch


def test_bits_are_the_lowest_first_and_back_again() -> None:
    numbers = np.array([0, 6, 113, 65_535])
    assert bits_of(np.array([6]), 4)[:, 0].tolist() == [0, 1, 1, 0]
    assert number_of(bits_of(numbers, 17)).tolist() == numbers.tolist()


def test_all_sums_of_7_bits_and_none_twice_are_measured() -> None:
    task = Addition(make_config("addition"))
    batch = task.every_sum()
    pairs = {(int(a), int(b)) for a, b in zip(*(number_of(batch.inputs[:, i]) for i in range(2)), strict=True)}
    assert len(pairs) == batch.inputs.shape[-1] == 16_384 and batch.inputs.shape[0] == 8
    assert (number_of(batch.targets[:, 0]) == [a + b for a, b in pairs_in_order(batch)]).all()


def pairs_in_order(batch: Batch) -> list[tuple[int, int]]:
    first, second = (number_of(batch.inputs[:, i]).tolist() for i in range(2))
    return list(zip(first, second, strict=True))


def test_long_sums_are_of_16_bits() -> None:
    batch = Addition(make_config("addition")).long_sums()
    assert batch.inputs.shape == (17, 2, 2_000)
    assert min(min(pair) for pair in pairs_in_order(batch)) >= 2**15


def test_the_carry_is_true_where_it_is_carried() -> None:
    task = Addition(make_config("addition"))
    bits = task.batch_of(np.array([0b0111]), np.array([0b0011]), 4).inputs[:, :, 0]
    assert task.feature("carry", bits).tolist() == [True, True, True, False, False]
    assert task.feature("carry in", bits).tolist() == [False, True, True, True, False]


def adder(batch: Batch) -> Array:
    first, second = (number_of(batch.inputs[:, i]) for i in range(2))
    return bits_of(first + second, len(batch.inputs))[:, None] * 0.8 + 0.1


def test_typed_numbers_are_added_and_anything_else_is_refused_in_a_sentence() -> None:
    task = Addition(make_config("addition"))
    assert task.score(adder).solved
    assert "".join(text for text, _ in task.answer_question("1234 + 99", adder)) == "1234 + 99 = 1333"
    assert task.answer_question("1234 + 99", adder)[1][1] == pytest.approx(0.9)
    for prompt in ("12", "a + b", "1 + -2", f"{2**70} + 1"):
        with pytest.raises(UserError):
            task.answer_question(prompt, adder)


def test_the_original_draws_weights_and_numbers_in_the_program_s_order() -> None:
    task = AdditionOriginal(make_config("addition-original"))
    stream = np.random.RandomState(0)
    w_xh = 2 * stream.random_sample((2, 16)) - 1
    w_hy = 2 * stream.random_sample((16, 1)) - 1
    w_hh = 2 * stream.random_sample((16, 16)) - 1
    start = task.initial_parameters()
    assert start is not None
    assert np.array_equal(start["l0.W_xh"], w_xh.T)
    assert np.array_equal(start["W_hy"], w_hy.T)
    assert np.array_equal(start["l0.W_hh"], w_hh.T)
    for step in range(3):
        wanted = (stream.randint(128), stream.randint(128))
        assert pairs_in_order(task.batch(step)) == [wanted]


def test_the_original_begins_with_9_plus_60_and_remarks_on_every_thousandth_step() -> None:
    task = AdditionOriginal(make_config("addition-original"))
    batch = task.batch(0)
    assert pairs_in_order(batch) == [(9, 60)]
    assert task.log_line(0, batch, lambda: np.full((8, 1, 1), 0.25)) == "    0  error 3.5  9 + 60 = 0"
    assert task.log_line(1, batch, lambda: np.zeros((8, 1, 1))) is None


def test_the_original_goes_on_from_its_saved_stream() -> None:
    task = AdditionOriginal(make_config("addition-original"))
    task.batch(0)
    state = json.loads(json.dumps(task.state()))
    wanted = [pairs_in_order(task.batch(step)) for step in range(1, 4)]
    again = AdditionOriginal(make_config("addition-original"))
    again.restore(state)
    assert [pairs_in_order(again.batch(step)) for step in range(1, 4)] == wanted


@pytest.mark.parametrize("name", ["addition", "addition-original"])
def test_the_baseline_is_in_the_unit_of_the_loss(name: str) -> None:
    """A predictor that gives each pair of bits the share of ones that it has in all sums loses just the baseline."""
    task = make(make_config(name))
    assert isinstance(task, Addition)
    batch, every = next(task.evaluation()), task.every_sum()
    columns, all_columns = (one.inputs.sum(axis=1).astype(int) for one in (batch, every))
    y, p = batch.targets[:, 0], np.zeros(columns.shape)
    for k in range(3):
        p[columns == k] = every.targets[:, 0][all_columns == k].mean()
    squared, nats = np.mean((y - p) ** 2), -np.mean(y * np.log(p) + (1 - y) * np.log(1 - p))
    assert task.baselines()[0][1] == pytest.approx(nats if name == "addition" else squared, rel=1e-5)
    assert squared < 0.3 < 0.6 < nats
