"""Each baseline is what its name says: computed here apart, by counting one pair after the other."""

import math
from collections import Counter, defaultdict
from collections.abc import Sequence

import numpy as np
import pytest

from rnnplay.catalogue import make_config
from rnnplay.tasks import make
from rnnplay.tasks.base import Batch
from rnnplay.tasks.brackets import Brackets
from rnnplay.tasks.memoryless import PRESENT_INPUT, table_loss


def pairs(batches: Sequence[Batch]) -> dict[int, Counter[int]]:
    """The targets after each present input, a time step counting its weight."""
    counted: dict[int, Counter[int]] = defaultdict(Counter)
    for batch in batches:
        weights = np.ones(batch.inputs.shape) if batch.weights is None else batch.weights
        for x, y, w in zip(batch.inputs.ravel(), batch.targets.ravel(), weights.ravel(), strict=True):
            counted[int(x)][int(y)] += w  # type: ignore[assignment]
    return counted


def entropy(counted: dict[int, Counter[int]]) -> float:
    nats = sum(-n * math.log(n / sum(after.values())) for after in counted.values() for n in after.values() if n)
    return float(nats / sum(sum(after.values()) for after in counted.values()))


@pytest.mark.parametrize("name", ["alternate", "one-one-zero", "hello-end", "alphabet", "song", "counting"])
def test_no_network_without_memory_goes_below_the_line(name: str) -> None:
    """The best one knows how often each symbol follows each other one in what is evaluated."""
    task = make(make_config(name))
    ((title, loss),) = task.baselines()
    held_out = list(task.evaluation())
    assert title == PRESENT_INPUT
    assert loss == pytest.approx(entropy(pairs(held_out)), rel=1e-6, abs=1e-9)
    tables = np.random.default_rng(1).dirichlet(np.ones(task.outputs), (20, task.inputs))
    assert all(table_loss(table, held_out) > loss for table in tables)


def test_one_one_zero_leaves_a_1_half_in_doubt() -> None:
    ((_, loss),) = make(make_config("one-one-zero")).baselines()
    assert loss == pytest.approx(math.log(2) * 2 / 3, abs=1e-9)


@pytest.mark.parametrize("name", ["reber", "typing"])
def test_a_counted_line_says_on_how_much_it_was_counted(name: str) -> None:
    task = make(make_config(name))
    title, loss = task.baselines()[0]
    assert title.startswith(f"{PRESENT_INPUT} (counted on ") and title.endswith(" time steps)")
    counted = int(title.split("counted on ")[1].split()[0].replace(",", ""))
    assert counted > 10_000
    least = entropy(pairs(list(task.evaluation())))
    assert least < loss < 1.1 * least  # the words of the held-out sentences are not known beforehand


@pytest.mark.parametrize("length", [4, 16, 48])
def test_the_chance_that_no_bracket_is_open_is_exact(length: int) -> None:
    task = Brackets(make_config("brackets", seq_len=length))
    strings = task.strings(np.random.default_rng(2), 8_000, length, task.deepest)
    closing = strings > 1
    empty = np.cumsum(np.where(closing, -1, 1), axis=1) == 0
    assert task.nothing_open() == pytest.approx(empty.sum() / closing.sum(), rel=0.03)
    ((title, loss),) = task.baselines()
    if length == 48:
        assert title == PRESENT_INPUT and loss == pytest.approx(entropy(pairs(list(task.evaluation()))), rel=1e-3)


def test_copy_has_a_line_for_knowing_when_and_one_for_the_present_input() -> None:
    task = make(make_config("copy", seq_len=50))
    (when, guess), (title, loss) = task.baselines()
    assert when == "knows when, not what (10 ln 8/(T+20))" and guess == pytest.approx(10 * math.log(8) / 70)
    assert title == PRESENT_INPUT and loss > guess
    table = np.zeros((10, 10))
    table[:, 8] = 1
    table[8] = [*[10 / 59 / 8] * 8, 49 / 59, 0]  # of 59 blanks that it reads 10 are to be answered by a letter
    assert loss == pytest.approx(table_loss(table, list(task.evaluation())))
