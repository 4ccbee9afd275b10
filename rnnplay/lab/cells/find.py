"""Find: which unit follows a feature, beside what chance finds and what the untrained network has already.

All units of all layers are read over the same held-out characters, h and, for an LSTM, c as well; the finder ranks
them. The untrained network is the same architecture from the same seed.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from rnnplay.engine import Network
from rnnplay.lab.cells.labelled_batch import LabelledBatch, forward_chunks
from rnnplay.lab.cells.unit_scores import Pair, Score, best_pair, convincing, ranks, rolled_strengths, scores
from rnnplay.tasks.base import Array

STATES = {"lstm": ("h", "c")}
_BLOCK = 128  # rows transposed together
PAIRED = 24  # of the best units, those whose pairs are tried


@dataclass(frozen=True)
class Unit:
    """One hidden number of a network: the h or the c of a unit. Counted from 0."""

    layer: int
    unit: int
    state: str

    def __str__(self) -> str:
        """As people count: unit 37 of layer 1."""
        memory = " (c)" if self.state == "c" else ""
        return f"unit {self.unit + 1} of layer {self.layer + 1}{memory}"


@dataclass(frozen=True)
class Ranking:
    """All units of one network by how well they follow a feature, the strongest first."""

    units: list[tuple[Unit, Score]]
    rolled: float  # strength of the best unit for the feature rolled along the text
    pair: tuple[Unit, Unit] | None
    pairing: Pair | None  # its rows mean nothing here


@dataclass(frozen=True)
class FindResult:
    """What was found, and what it is to be compared with."""

    pattern: str
    boolean: bool  # AUC; else rank correlation
    ranking: Ranking
    untrained: float
    share: float  # of the characters where the feature is true (mean, where it has degrees)
    characters: int

    @property
    def measure(self) -> str:
        return "AUC" if self.boolean else "rank correlation"

    @property
    def best(self) -> tuple[Unit, Score]:
        return self.ranking.units[0]

    @property
    def convincing(self) -> bool:
        return convincing(self.best[1].strength, self.ranking.rolled, self.untrained, self.boolean)

    def sentence(self) -> str:
        """The finding in words."""
        unit, score = self.best
        controls = f"rolled {self.ranking.rolled:.2f}, untrained {self.untrained:.2f}"
        if not self.convincing:
            return (
                f"No unit stands out {describe_feature(self.pattern)}: the best, {unit}, reaches {self.measure} "
                f"{score.strength:.2f}, not clear of the controls ({controls})."
            )
        shown = f"{self.measure} {score.strength:.2f} ({controls})"
        if not self.boolean:
            return f"{str(unit).capitalize()} {'rises' if score.sign > 0 else 'falls'} with {self.pattern}: {shown}."
        level = "high" if score.sign > 0 else "low"
        return f"{str(unit).capitalize()} is {level} {describe_feature(self.pattern)}: {shown}."


def describe_feature(pattern: str) -> str:
    """A feature as the place where it is true: inside quotes; at start of word; inside matches of [A-Z]+."""
    if pattern.startswith(("inside ", "within ", "in ")):
        return pattern
    plain = all(symbol.isalnum() or symbol in " -'" for symbol in pattern)
    return f"at {pattern}" if plain else f"inside matches of {pattern}"


def states_of(network: Network) -> tuple[str, ...]:
    """What a unit of this cell has: h, and an LSTM's c."""
    return STATES.get(network.architecture.cell, ("h",))


def find(network: Network, untrained: Network, labelled: LabelledBatch, pattern: str) -> FindResult:
    """Rank the units of `network` by how well they follow the feature of `labelled`."""
    feature = labelled.feature
    boolean = feature.dtype == np.bool_
    ranking = rank(network, labelled)
    return FindResult(
        pattern=pattern,
        boolean=boolean,
        ranking=ranking,
        untrained=best_strength(untrained, labelled.first_half()),
        share=float(np.mean(feature)),
        characters=labelled.size,
    )


def rank(network: Network, labelled: LabelledBatch) -> Ranking:
    """All units of `network`, with the rolled control and the best pair."""
    feature = labelled.feature
    scored: list[tuple[Unit, Score]] = []
    rolled: list[Array] = []
    best_rows: dict[Unit, Array] = {}
    for layer, state, values in activations(network, labelled):
        unit_ranks = ranks(values)
        rolled.append(rolled_strengths(unit_ranks, feature))
        layer_scores = scores(unit_ranks, feature)
        scored += [(Unit(layer, score.row, state), score) for score in layer_scores]
        best_rows |= {Unit(layer, score.row, state): values[score.row] for score in layer_scores[:PAIRED]}
    scored.sort(key=lambda pair: -pair[1].strength)
    pair, pairing = _pair(scored, best_rows, feature)
    return Ranking(scored, float(np.max(rolled, axis=0).mean()), pair, pairing)


def best_strength(network: Network, labelled: LabelledBatch) -> float:
    """The strength of the best unit alone."""
    return max(scores(ranks(values), labelled.feature)[0].strength for _, _, values in activations(network, labelled))


def unit_score(network: Network, labelled: LabelledBatch, unit: Unit) -> float:
    """How one unit follows the feature: its AUC or its rank correlation."""
    rows = _states(network, labelled, (unit.layer,), (unit.state,), slice(unit.unit, unit.unit + 1))
    return scores(ranks(rows[unit.layer, unit.state].T), labelled.feature)[0].value


def activations(network: Network, labelled: LabelledBatch) -> Iterator[tuple[int, str, Array]]:
    """(layer, state, (H, N) float32): every unit at the counted time steps, in the text's order."""
    a = network.architecture
    rows = _states(network, labelled, range(a.layers), states_of(network), slice(None))
    for layer, state in list(rows):
        yield layer, state, _transposed(rows.pop((layer, state)))


def _transposed(rows: Array) -> Array:
    """(N, H) -> (H, N), contiguous: block by block, each of which stays in the cache."""
    out = np.empty(rows.shape[::-1], rows.dtype)
    for start in range(0, len(rows), _BLOCK):
        out[:, start : start + _BLOCK] = rows[start : start + _BLOCK].T
    return out


def _states(
    network: Network, labelled: LabelledBatch, layers: Sequence[int], states: Sequence[str], units: slice
) -> dict[tuple[int, str], Array]:
    """(N, units) of each layer and state."""
    B, N = labelled.batch.inputs.shape[-1], labelled.size
    place = np.full(labelled.batch.inputs.shape[0] * B, -1)
    place[labelled.counted_index] = np.arange(N)
    width = len(range(*units.indices(network.architecture.hidden)))
    rows = {(layer, state): np.empty((N, width), np.float32) for layer in layers for state in states}
    for begin, result in forward_chunks(network, labelled.batch):
        T = len(result.logits)
        counted_rows = place[begin * B : (begin + T) * B]
        counted = counted_rows >= 0
        for (layer, state), own in rows.items():
            inside = result.c if state == "c" else result.h
            assert inside is not None
            values = inside[layer, 1:, units].swapaxes(1, 2).reshape(-1, width)
            own[counted_rows[counted]] = values[counted]
    return rows


def _pair(
    scored: list[tuple[Unit, Score]], best_rows: dict[Unit, Array], feature: Array
) -> tuple[tuple[Unit, Unit] | None, Pair | None]:
    """The best pair of different units, each as its better state."""
    chosen: dict[tuple[int, int], Unit] = {}
    for unit, _ in scored:
        if unit in best_rows and len(chosen) < PAIRED:
            chosen.setdefault((unit.layer, unit.unit), unit)
    units = list(chosen.values())
    if len(units) < 2:
        return None, None
    pairing = best_pair(np.stack([best_rows[unit] for unit in units]), feature, range(len(units)))
    if pairing is None:
        return None, None
    return (units[pairing.rows[0]], units[pairing.rows[1]]), pairing
