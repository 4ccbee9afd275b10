"""The finder's scores against their definitions, counted pair by pair."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rnnplay.lab.cells.unit_scores import auc, best_pair, rank_correlation, ranks, repeat_lag, rolled_strengths, scores


def auc_by_pairs(values: np.ndarray, truth: np.ndarray) -> float:
    high, low = values[truth], values[~truth]
    wins = (high[:, None] > low).sum() + 0.5 * (high[:, None] == low).sum()
    return float(wins / (len(high) * len(low)))


def test_a_feature_that_comes_back_is_no_control_for_itself() -> None:
    rng = np.random.default_rng(5)
    period = rng.random(7) > 0.5
    assert repeat_lag(np.tile(period, 40)) == 7
    assert repeat_lag(np.tile(rng.random(12), 30)) == 12
    speeches = np.repeat(rng.random(60) > 0.5, rng.integers(5, 90, 60))
    assert repeat_lag(speeches) is None
    assert repeat_lag(rng.random(3_000) > 0.9) is None
    assert repeat_lag(np.arange(500) > 200) is None


@given(st.lists(st.tuples(st.integers(-3, 3), st.booleans()), min_size=2, max_size=60))
def test_the_auc_equals_counting_all_pairs_with_ties(pairs: list[tuple[int, bool]]) -> None:
    values = np.array([float(v) for v, _ in pairs])
    truth = np.array([t for _, t in pairs])
    if truth.all() or not truth.any():
        with pytest.raises(ValueError, match="AUC"):
            auc(ranks(values[None]), truth)
    else:
        assert auc(ranks(values[None]), truth)[0] == pytest.approx(auc_by_pairs(values, truth), abs=1e-12)


def test_the_auc_equals_counting_all_pairs_on_random_activations() -> None:
    rng = np.random.default_rng(3)
    values = rng.standard_normal((7, 211)).astype(np.float32)
    truth = rng.random(211) < 0.3
    expected = [auc_by_pairs(row, truth) for row in values]
    assert auc(ranks(values), truth) == pytest.approx(expected, abs=1e-12)


def test_the_rank_correlation_is_pearsons_on_average_ranks() -> None:
    rng = np.random.default_rng(5)
    values = rng.integers(0, 9, (4, 150)).astype(np.float64)
    degree = rng.integers(0, 5, 150)

    def slow_ranks(row: np.ndarray) -> np.ndarray:
        return np.array([(row < v).sum() + ((row == v).sum() + 1) / 2 for v in row])

    expected = [np.corrcoef(slow_ranks(row), slow_ranks(degree))[0, 1] for row in values]
    assert rank_correlation(ranks(values), degree) == pytest.approx(expected, abs=1e-12)


def test_a_constant_unit_correlates_with_nothing() -> None:
    assert rank_correlation(ranks(np.full((1, 20), 2.0)), np.arange(20)).tolist() == [0.0]


def test_a_planted_unit_is_found_first_with_its_sign() -> None:
    rng = np.random.default_rng(7)
    truth = np.repeat(rng.random(60) < 0.5, 17)
    values = rng.standard_normal((30, truth.size))
    values[13] = np.where(truth, -1.0, 1.0) + 0.1 * rng.standard_normal(truth.size)
    best = scores(ranks(values), truth)[0]
    assert (best.row, best.sign) == (13, -1)
    assert best.strength > 0.99
    assert rolled_strengths(ranks(values), truth).mean() < 0.7


@pytest.mark.parametrize("degrees", [2, 5])
def test_the_rolled_strengths_are_the_best_scores_for_each_shift(degrees: int) -> None:
    rng = np.random.default_rng(11)
    values = rng.integers(0, 6, (9, 140)).astype(np.float32)
    feature = rng.integers(0, degrees, 140)
    feature = feature == 1 if degrees == 2 else feature
    each = [scores(ranks(values), np.roll(feature, 140 * (k + 1) // 21))[0].strength for k in range(20)]
    np.testing.assert_allclose(rolled_strengths(ranks(values), feature), each, atol=1e-12)


def test_two_units_that_tell_a_feature_only_together_are_found() -> None:
    rng = np.random.default_rng(13)
    truth = np.repeat(rng.random(50) < 0.4, 9)
    values = rng.standard_normal((11, truth.size)).astype(np.float32)
    values[4] = truth + 3 * values[8] + 0.05 * values[4]
    pair = best_pair(values, truth, range(11))
    assert pair is not None
    assert set(pair.rows) == {4, 8}
    assert scores(ranks(values), truth)[0].strength < 0.8
    assert pair.strength > 0.99
    weighted = pair.weights[0] * values[pair.rows[0]] + pair.weights[1] * values[pair.rows[1]]
    assert auc_by_pairs(weighted, truth) == pytest.approx(pair.value, abs=1e-9)
