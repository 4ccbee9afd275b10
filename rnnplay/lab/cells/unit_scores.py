"""The unit finder: which hidden number follows a feature, and would chance have found one as good?

Everything works on activations `values (U, N)`, a row for each unit, and a feature's truth `(N,)` at the same time
steps. A score is the AUC (the probability that the unit is higher where the feature is true than where it is not;
Hanley and McNeil 1982) for a true-or-false feature, Spearman's rank correlation for one with degrees. Both are
rank-based, ties averaged.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from rnnplay.verdicts import least_convincing

Array = np.ndarray[Any, np.dtype[Any]]

_APART, _ALIKE = 0.2, 0.95  # correlations of a feature with itself some time steps later


def ranks(values: Array) -> Array:
    """Ranks from 1 along the last axis of `values (U, N)`; tied values share the mean of theirs. float64 (U, N)."""
    U, N = values.shape
    out = np.empty((U, N))
    counting = np.arange(1.0, N + 1)
    for row, row_ranks in zip(values, out, strict=True):
        order = np.argsort(row)
        ordered = row[order]
        equal = ordered[1:] == ordered[:-1]
        if not equal.any():
            row_ranks[order] = counting
        else:
            begins = np.flatnonzero(np.concatenate(([True], ~equal)))
            lengths = np.diff(begins, append=N)
            row_ranks[order] = np.repeat(begins + (lengths + 1) / 2, lengths)
    return out


def auc(unit_ranks: Array, truth: Array) -> Array:
    """The AUC of each row of `unit_ranks (U, N)` for the boolean `truth (N,)`: (U,), 0.5 is chance, below: inverted.

    By the rank-sum identity: (sum of the positives' ranks - P(P+1)/2) / (P Q) with P positives and Q negatives.
    Raises ValueError where all or none are true.
    """
    positives = int(np.count_nonzero(truth))
    negatives = truth.size - positives
    if not positives or not negatives:
        raise ValueError("an AUC needs time steps where the feature is true and where it is not")
    rank_sums = unit_ranks @ truth.astype(np.float64)
    return np.asarray((rank_sums - positives * (positives + 1) / 2) / (positives * negatives))


def rank_correlation(unit_ranks: Array, degree: Array) -> Array:
    """Spearman's correlation of each row of `unit_ranks (U, N)` with `degree (N,)`: (U,). Zero for a constant unit."""
    target_ranks = ranks(degree[None].astype(np.float64))[0]
    target_ranks -= target_ranks.mean()
    centred = unit_ranks - unit_ranks.mean(axis=1, keepdims=True)
    scale = np.sqrt((centred**2).sum(axis=1) * (target_ranks**2).sum())
    return np.asarray(np.divide(centred @ target_ranks, scale, out=np.zeros(len(unit_ranks)), where=scale > 0))


@dataclass(frozen=True)
class Score:
    """Score of one row for a feature. `strength`: AUC (its distance from chance mirrored) or |correlation|."""

    row: int
    value: float  # AUC or correlation as measured
    strength: float  # in 0.5..1 for an AUC, 0..1 for a correlation
    sign: int  # 1: high where the feature is true; -1: low


def scores(unit_ranks: Array, feature: Array) -> list[Score]:
    """Return all rows, strongest first (ties: the first row first). bool `feature`: AUC; numbers: rank correlation."""
    if feature.dtype == np.bool_:
        values = auc(unit_ranks, feature)
        strengths, signs = np.maximum(values, 1 - values), np.where(values >= 0.5, 1, -1)
    else:
        values = rank_correlation(unit_ranks, feature)
        strengths, signs = np.abs(values), np.where(values >= 0, 1, -1)
    order = np.argsort(-strengths, kind="stable")
    return [Score(int(u), values[u].item(), strengths[u].item(), int(signs[u])) for u in order]


def rolled_strengths(unit_ranks: Array, feature: Array, rolls: int = 20) -> Array:
    """The strength of the best row for the feature rolled along the text, for each of `rolls` even shifts: (rolls,).

    Their mean is what chance gives. Rolling keeps neighbours alike, in the units and in the feature; shuffling would
    not, and would make chance look weaker than it is.
    """
    N = feature.size
    shifts = [N * (k + 1) // (rolls + 1) for k in range(rolls)]
    boolean = feature.dtype == np.bool_
    target_ranks = feature.astype(np.float64) if boolean else ranks(feature[None].astype(np.float64))[0]
    sums = unit_ranks @ np.stack([np.roll(target_ranks, shift) for shift in shifts], axis=1)  # (U, rolls)
    # A rolled feature has the mean and the spread of the feature itself, so one product serves all rolls.
    if boolean:
        P = np.count_nonzero(feature)
        strengths = np.abs((sums - P * (P + 1) / 2) / (P * (N - P)) - 0.5) + 0.5
    else:
        scale = np.sqrt(unit_ranks.var(axis=1, keepdims=True) * target_ranks.var()) * N
        centred = sums - N * unit_ranks.mean(axis=1, keepdims=True) * target_ranks.mean()
        strengths = np.abs(np.divide(centred, scale, out=np.zeros_like(sums), where=scale > 0))
    return np.asarray(strengths.max(axis=0))


@dataclass(frozen=True)
class Pair:
    """Two rows that tell more together: `weights` are of the weighted sum that follows the feature best."""

    rows: tuple[int, int]
    weights: tuple[float, float]  # the larger magnitude is 1
    value: float
    strength: float


def best_pair(values: Array, feature: Array, candidates: Sequence[int], tried: int = 20) -> Pair | None:
    """The two of the `candidates` (rows of `values (U, N)`) whose weighted sum follows the feature best.

    Each pair's weights are those of least squares, which for a true-or-false feature is Fisher's discriminant (1936);
    the `tried` pairs that explain most are then scored by rank, as single rows are. None: fewer than two rows vary.
    """
    chosen = np.array([u for u in candidates if np.ptp(values[u]) > 0], int)
    if len(chosen) < 2:
        return None
    x = values[chosen].astype(np.float64)
    x -= x.mean(axis=1, keepdims=True)
    x /= x.std(axis=1, keepdims=True)
    y = feature - feature.astype(np.float64).mean()
    N = y.size
    r, toward = x @ x.T / N, x @ y / N  # (K, K) correlations, (K,)
    i, j = np.triu_indices(len(chosen), 1)
    rest = np.maximum(1 - r[i, j] ** 2, 1e-9)
    a = (toward[i] - r[i, j] * toward[j]) / rest
    b = (toward[j] - r[i, j] * toward[i]) / rest
    explained = a * toward[i] + b * toward[j]
    best = np.argsort(-explained, kind="stable")[:tried]
    sums = a[best, None] * x[i[best]] + b[best, None] * x[j[best]]
    score = scores(ranks(sums), feature)[0]
    k = best[score.row]
    first, second = int(chosen[i[k]]), int(chosen[j[k]])
    weights = np.array([a[k] / values[first].std(), b[k] / values[second].std()])
    weights /= np.abs(weights).max()
    return Pair((first, second), (weights[0].item(), weights[1].item()), score.value, score.strength)


def repeat_lag(feature: Array) -> int | None:
    """The lag after which a feature (N,) comes back as it was; None: it does not.

    Where it does, the feature rolled along the text is (nearly) the feature itself or another phase of it, and the
    rolled control cannot tell a unit that follows the feature from one that does not.
    """
    x = feature.astype(np.float64)
    x -= x.mean()
    size = 1 << (2 * len(x) - 1).bit_length()
    spectrum = np.fft.rfft(x, size)
    lags = np.arange(len(x) // 2)
    sums = np.fft.irfft(spectrum * spectrum.conj(), size)[: len(lags)]
    power = np.cumsum(x**2)
    # The energy of the two parts that overlap at each lag.
    overlap = np.sqrt(power[::-1][: len(lags)] * (power[-1] - np.concatenate([[0.0], power])[: len(lags)]))
    alike = sums / np.maximum(overlap, 1e-12)
    apart = np.flatnonzero(alike < _APART)  # before it the lag is within one stretch of the feature
    if not len(apart):
        return None
    back = np.flatnonzero(alike[apart[0] :] >= _ALIKE)
    return int(apart[0] + back[0]) if len(back) else None


def convincing(best: float, rolled: float | None, untrained: float, boolean: bool) -> bool:
    """Return whether a unit of strength `best` is clear of both controls; arguments as least_convincing() has them."""
    return best >= least_convincing(rolled, untrained, boolean)


def clear_of_controls(strengths: Array, rolled: float | None, untrained: float, boolean: bool) -> Array:
    """The same for each of `strengths`: bool."""
    return np.asarray(strengths >= least_convincing(rolled, untrained, boolean))
