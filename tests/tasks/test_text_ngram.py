"""N-gram models against the textbook's formulas, computed one symbol at a time."""

import math
from collections import defaultdict

import numpy as np
import pytest

from rnnplay.tasks import ngram

Gram = tuple[int, ...]


def discounts(counts: list[int], modified: bool) -> list[float]:
    n = [sum(c == m for c in counts) for m in range(5)]
    if not n[1] or not n[2]:
        return [0, 0.5, 0.5, 0.5]
    d = n[1] / (n[1] + 2 * n[2])
    if not modified or not n[3]:
        return [0, d, d, d]
    return [0, *(min(max(m - (m + 1) * d * n[m + 1] / n[m], 0.01), m) for m in (1, 2, 3))]


class Textbook:
    """Interpolated Kneser-Ney with dictionaries, straight from Chen and Goodman's equations."""

    def __init__(self, training: list[int], symbols: int, order: int, modified: bool) -> None:
        self.symbols, self.order = symbols, order
        self.counts: dict[Gram, int] = defaultdict(int)
        for k in range(1, order + 1):
            grams = [tuple(training[i : i + k]) for i in range(len(training) - k + 1)]
            if k == order:
                for gram in grams:
                    self.counts[gram] += 1
            else:
                longer = {tuple(training[i : i + k + 1]) for i in range(len(training) - k)}
                for gram in {gram[1:] for gram in longer}:
                    self.counts[gram] = sum(other[1:] == gram for other in longer)
        self.discounts = {
            k: discounts([c for gram, c in self.counts.items() if len(gram) == k], modified)
            for k in range(1, order + 1)
        }

    def probability(self, context: Gram, symbol: int) -> float:
        lower = self.probability(context[1:], symbol) if context else 1 / self.symbols
        d = self.discounts[len(context) + 1]
        here = [self.counts.get((*context, other), 0) for other in range(self.symbols)]
        if not (total := sum(here)):
            return lower
        freed = sum(d[min(c, 3)] for c in here)
        return (here[symbol] - d[min(here[symbol], 3)] + freed * lower) / total


@pytest.mark.parametrize("modified", [False, True])
@pytest.mark.parametrize("order", [1, 2, 3, 5])
def test_probabilities_are_those_of_the_textbook(order: int, modified: bool) -> None:
    rng = np.random.default_rng(order)
    text = (rng.random(400) ** 3 * 6).astype(np.uint8)
    text[300] = 6  # a symbol that only the held-out part has
    training, held_out = text[:290], text[290:]
    found = ngram.probabilities(training, held_out, 7, order, modified=modified)
    textbook = Textbook(training.tolist(), 7, order, modified)
    everything = text.tolist()
    expected = [
        textbook.probability(tuple(everything[i - order + 1 : i]), everything[i]) for i in range(290, len(everything))
    ]
    np.testing.assert_allclose(found, expected, rtol=1e-10)
    assert math.isclose(
        ngram.cross_entropy(training, held_out, 7, order, modified=modified),
        -np.log(expected[1:]).mean(),
        rel_tol=1e-10,
    )


@pytest.mark.parametrize("order", [2, 4])
def test_probabilities_of_all_symbols_add_up_to_one(order: int) -> None:
    rng = np.random.default_rng(31)
    training = (rng.random(500) ** 2 * 5).astype(np.uint8)
    total = sum(
        ngram.probabilities(training, np.array([symbol], np.uint8), 5, order, modified=True)[0] for symbol in range(5)
    )
    assert math.isclose(total, 1, rel_tol=1e-12)


def test_sorting_and_tables_number_alike(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(4)
    text = (rng.random(3_000) ** 2 * 90).astype(np.uint16)
    with_tables = ngram.cross_entropy(text[:2_500], text[2_500:], 90, 4)
    monkeypatch.setattr(ngram, "_TABLE", 0)
    assert ngram.cross_entropy(text[:2_500], text[2_500:], 90, 4) == with_tables


def test_a_training_part_shorter_than_the_order_is_no_obstacle() -> None:
    text = np.array([0, 1, 2, 1, 0, 1], np.uint8)
    assert math.isfinite(ngram.cross_entropy(text[:2], text[2:], 3, 5))
    with pytest.raises(ValueError):
        ngram.cross_entropy(text, text[:1], 3, 2)
