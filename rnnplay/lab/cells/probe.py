"""Linear probes: what all units of a layer know together of a feature, and which of them carry it.

A probe is a weighted sum of units (Alain and Bengio 2016), fitted by ridge regression on one half of the time steps
and scored on the other, as a single unit is: by AUC, or by rank correlation for a feature with degrees. The halves take
turns along the text, so that one long speech is not all of a half.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from rnnplay.lab.cells.unit_scores import ranks, scores
from rnnplay.lab.cells.unit_states import InSlices
from rnnplay.tasks.base import Array

_RIDGE = 0.01  # of the variance of a unit
_MOST_GROUPED = 8  # units of a group
_AS_GOOD = 0.005  # a smaller group that is worse by less than this is taken
_TURNS = 5  # parts of the text of which each half is made up
_CARRIERS = 5  # units that are named
_LEAST_CONTRAST = 10  # time steps of the rarer value in each half


@dataclass(frozen=True, eq=False)
class Probe:
    """A weighted sum of one layer's units that follows a feature; `weights` (H,) give the sum a spread of 1."""

    weights: Array
    offset: float  # added to the sum: its mean is then 0
    strength: float  # on the half that it was not fitted on: AUC, or the magnitude of a correlation
    carriers: tuple[int, ...]  # the units whose part of the sum varies most, the first the most


@dataclass(frozen=True)
class Group:
    """Few units of one layer, by h or by c, whose weighted sum follows a feature about as well as all units do."""

    layer: int
    units: tuple[int, ...]  # the first is the one that explains most
    strength: float  # of their sum, on the half that it was not fitted on
    best_alone: float  # the best of them, on the same half


def probe_layer(rows: Array, features: Sequence[Array]) -> InSlices[list[Probe | None]]:
    """A probe of `rows` (N, H) for each feature (N,); None where it hardly varies in one of the halves."""
    first, second = _halves(len(rows))
    half, fitted, measured = int(first.sum()), rows[first], rows[second]
    usable = [n for n, feature in enumerate(features) if _varies(feature[first]) and _varies(feature[second])]
    probes: list[Probe | None] = [None] * len(features)
    if not usable:
        return probes
    mean, spread = fitted.mean(axis=0), fitted.std(axis=0) + 1e-6
    x = (fitted - mean) / spread
    y = np.stack([_standardised(features[n][first]) for n in usable], axis=1)
    gram = x.T @ x
    gram[np.diag_indices(len(gram))] += _RIDGE * half
    yield
    solved = np.linalg.solve(gram, x.T @ y) / spread[:, None]  # (H, F)
    sums = (measured - mean) @ solved
    yield
    for n, weights, sum_ in zip(usable, solved.T, sums.T, strict=True):
        score = scores(ranks(sum_[None]), features[n][second])[0]
        # A sum that goes the wrong way on the other half has not found the feature.
        strength = score.strength if score.sign > 0 else 1 - score.strength if _boolean(features[n]) else 0.0
        weights = weights / (sum_.std() + 1e-9)
        carriers = np.argsort(-np.abs(weights) * spread, kind="stable")[:_CARRIERS]
        probes[n] = Probe(weights, -float(mean @ weights), strength, tuple(carriers.tolist()))
        yield
    return probes


def smallest_group(rows: Array, feature: Array, layer: int) -> InSlices[Group | None]:
    """The fewest of a layer's units, by `rows` (N, H), that follow the feature about as well as eight of them do.

    Units are added one by one: the one that explains most of what is left (orthogonal matching pursuit).
    """
    first, second = _halves(len(rows))
    if not _varies(feature[first]) or not _varies(feature[second]):
        return None
    mean, spread = rows[first].mean(axis=0), rows[first].std(axis=0) + 1e-6
    x, measured = ((rows[half] - mean) / spread for half in (first, second))
    y = _standardised(feature[first]).astype(np.float32)
    chosen: list[int] = []
    strengths: list[float] = []
    rest = y
    for _ in range(min(_MOST_GROUPED, x.shape[1])):
        explains = np.abs(x.T @ rest)
        explains[chosen] = -1
        chosen.append(int(explains.argmax()))
        fitted = x[:, chosen]
        weights = np.linalg.solve(fitted.T @ fitted + 1e-3 * len(x) * np.eye(len(chosen)), fitted.T @ y)
        rest = y - fitted @ weights
        strengths.append(scores(ranks((measured[:, chosen] @ weights)[None]), feature[second])[0].strength)
        yield
    count = next(n for n, strength in enumerate(strengths, 1) if strength >= max(strengths) - _AS_GOOD)
    alone = scores(ranks(np.ascontiguousarray(measured[:, chosen[:count]].T)), feature[second])[0].strength
    return Group(layer, tuple(chosen[:count]), strengths[count - 1], alone)


def _halves(N: int) -> tuple[Array, Array]:
    """Bool (N,) twice: the time steps to fit on, and those to measure on."""
    first = np.arange(N) * 2 * _TURNS // N % 2 == 0
    return first, ~first


def _boolean(feature: Array) -> bool:
    return feature.dtype == np.bool_


def _standardised(feature: Array) -> Array:
    y = feature.astype(np.float64)
    return np.asarray((y - y.mean()) / y.std())


def _varies(feature: Array) -> bool:
    if _boolean(feature):
        positives = int(np.count_nonzero(feature))
        return min(positives, feature.size - positives) >= _LEAST_CONTRAST
    return bool(feature.size) and bool(np.ptp(feature) > 0)
