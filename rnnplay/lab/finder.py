"""The unit finder: which hidden number follows a feature, and would chance have found one as good?

Everything works on activations `values (U, N)`, a row for each unit, and a feature's truth `(N,)` at the same time
steps. A score is the AUC (the probability that the unit is higher where the feature is true than where it is not;
Hanley and McNeil 1982) for a true-or-false feature, Spearman's rank correlation for one with degrees. Both are
rank-based, ties averaged.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np

Array = np.ndarray[Any, np.dtype[Any]]


def ranks(values: Array) -> Array:
    """Ranks from 1 along the last axis of `values (U, N)`; tied values share the mean of theirs. float64 (U, N)."""
    U, N = values.shape
    out = np.empty((U, N))
    counting = np.arange(1.0, N + 1)
    for u in range(U):
        order = np.argsort(values[u])
        ordered = values[u][order]
        begins = np.flatnonzero(np.concatenate(([True], ordered[1:] != ordered[:-1])))
        if len(begins) == N:
            out[u, order] = counting
        else:
            lengths = np.diff(begins, append=N)
            out[u, order] = np.repeat(begins + (lengths + 1) / 2, lengths)
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
    wanted = ranks(degree[None].astype(np.float64))[0]
    wanted -= wanted.mean()
    centred = unit_ranks - unit_ranks.mean(axis=1, keepdims=True)
    scale = np.sqrt((centred**2).sum(axis=1) * (wanted**2).sum())
    return np.asarray(np.divide(centred @ wanted, scale, out=np.zeros(len(unit_ranks)), where=scale > 0))


@dataclass(frozen=True)
class Score:
    """How well one row follows a feature. `strength`: AUC (its distance from chance mirrored) or |correlation|."""

    row: int
    value: float  # AUC or correlation as measured
    strength: float  # in 0.5..1 for an AUC, 0..1 for a correlation
    sign: int  # 1: high where the feature is true; -1: low


def scores(unit_ranks: Array, feature: Array) -> list[Score]:
    """All rows, the strongest first (ties: the first row first). bool `feature`: AUC; numbers: rank correlation."""
    if feature.dtype == np.bool_:
        values = auc(unit_ranks, feature)
        strengths, signs = np.maximum(values, 1 - values), np.where(values >= 0.5, 1, -1)
    else:
        values = rank_correlation(unit_ranks, feature)
        strengths, signs = np.abs(values), np.where(values >= 0, 1, -1)
    order = np.argsort(-strengths, kind="stable")
    return [Score(int(u), values[u].item(), strengths[u].item(), int(signs[u])) for u in order]


def rolled_control(unit_ranks: Array, feature: Array, rolls: int = 20) -> float:
    """The strength of the best row for the same feature rolled along the text: the mean over `rolls` even shifts.

    Rolling keeps what makes neighbours alike, in the units and in the feature; shuffling would destroy it and flatter.
    """
    N = feature.size
    shifts = [N * (k + 1) // (rolls + 1) for k in range(rolls)]
    return float(np.mean([scores(unit_ranks, np.roll(feature, shift))[0].strength for shift in shifts]))


def convincing(best: float, rolled: float, untrained: float, boolean: bool) -> bool:
    """Whether a unit of strength `best` stands clear of both controls: it closes a quarter of what they leave open."""
    ceiling = 1.0
    control = max(rolled, untrained, 0.5 if boolean else 0.0)
    return best - control >= 0.25 * (ceiling - control) and best - control >= 0.03
