"""Find: which unit follows a feature, beside what chance finds and what the untrained network has already.

All units of all layers are read over the same held-out characters, h and, for an LSTM, c as well, and ranked. The
untrained network is the same architecture from the same seed. Where no unit alone tells what a layer knows together,
the smallest group of units that does is found as well.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from rnnplay.engine import Network
from rnnplay.lab.cells.ablate import Ablation, ablate
from rnnplay.lab.cells.feature_truth import describe_feature
from rnnplay.lab.cells.labelled_batch import LabelledBatch
from rnnplay.lab.cells.probe import Group, probe_layer, smallest_group
from rnnplay.lab.cells.unit_scores import (
    Pair,
    Score,
    best_pair,
    convincing,
    ranks,
    repeat_lag,
    rolled_strengths,
    scores,
)
from rnnplay.lab.cells.unit_states import InSlices, Unit, read_states, transposed
from rnnplay.tasks.base import Array

PAIRED = 24  # of the best units, those whose pairs are tried
_SPREAD = 0.02  # a group that follows a feature better than its best unit by this is worth telling
_RANKED = 32  # units ranked at a time
_JUDGES = 20  # other units that are ablated where ablation has to judge
_LEAST_CONTRAST = 20  # time steps of the rarer value; with fewer a rolled feature says nothing


@dataclass(frozen=True)
class Ranking:
    """All units of one network by how well they follow a feature, the strongest first."""

    units: list[tuple[Unit, Score]]
    rolled: float  # strength of the best unit for the feature rolled along the text
    pair: tuple[Unit, Unit] | None
    pairing: Pair | None  # its rows mean nothing here


@dataclass(frozen=True)
class FindResult:
    """Result of a search, and what it is to be compared with."""

    pattern: str
    boolean: bool  # AUC; else rank correlation
    ranking: Ranking
    untrained: float
    share: float  # of the characters where the feature is true (mean, where it has degrees)
    characters: int
    rolled_says_nothing: str = ""  # why the rolled control cannot judge; empty: it can
    ablation: Ablation | None = None  # of the best unit, where the rolled control cannot judge
    group: Group | None = None  # of the layer that knows most together
    group_untrained: float = 0.0  # all units of a layer of the untrained network together

    @property
    def measure(self) -> str:
        return "AUC" if self.boolean else "rank correlation"

    @property
    def best(self) -> tuple[Unit, Score]:
        return self.ranking.units[0]

    @property
    def convincing(self) -> bool:
        rolled = None if self.rolled_says_nothing else self.ranking.rolled
        return convincing(self.best[1].strength, rolled, self.untrained, self.boolean)

    @property
    def is_spread(self) -> bool:
        """Return whether several units together follow the feature clearly better than the best one."""
        group = self.group
        if group is None or len(group.units) < 2 or group.strength < group.best_alone + _SPREAD:
            return False
        return convincing(group.strength, None, self.group_untrained, self.boolean)

    def sentence(self) -> str:
        """The finding in words."""
        parts = [self._of_best_unit(), self._of_group(), self._of_ablation()]
        return " ".join(part for part in parts if part)

    def _of_best_unit(self) -> str:
        unit, score = self.best
        controls = f"rolled {self.ranking.rolled:.2f}, untrained {self.untrained:.2f}"
        if self.rolled_says_nothing:
            controls = f"untrained {self.untrained:.2f}; {self.rolled_says_nothing}"
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

    def _of_group(self) -> str:
        if self.group is None or not self.is_spread:
            return ""
        together = f"together {self.group.strength:.3f}, best alone {self.group.best_alone:.2f}"
        return f"It is spread over {len(self.group.units)} units of layer {self.group.layer + 1}: {together}."

    def _of_ablation(self) -> str:
        return "" if self.ablation is None else self.ablation.sentence()


def find(network: Network, untrained: Network, labelled: LabelledBatch, pattern: str) -> InSlices[FindResult]:
    """Rank the units of `network` by how well they follow the feature of `labelled`, some milliseconds at a time.

    `network` must not learn meanwhile.
    """
    feature = labelled.feature
    boolean = feature.dtype == np.bool_
    rows = yield from read_states(network, labelled)
    group = yield from _group(rows, feature)
    ranking = yield from rank(rows, feature)
    control = labelled.first_half()
    untrained_rows = yield from read_states(untrained, control)
    group_untrained = yield from _layer_strength(untrained_rows, control.feature)
    best_untrained = yield from best_strength(untrained_rows, control.feature)
    nothing = why_rolled_says_nothing(feature)
    ablation = None
    if nothing and boolean:
        ablation = yield from _ablated(network, labelled, ranking.units[0][0], pattern)
    return FindResult(
        pattern=pattern,
        boolean=boolean,
        ranking=ranking,
        untrained=best_untrained,
        share=float(np.mean(feature)),
        characters=labelled.size,
        rolled_says_nothing=nothing,
        ablation=ablation,
        group=group,
        group_untrained=group_untrained,
    )


def why_rolled_says_nothing(feature: Array) -> str:
    """Return in words why the feature rolled along the text is no control; empty: it is one."""
    if (lag := repeat_lag(feature)) is not None:
        return f"rolling says nothing, for the feature comes back every {lag} time steps"
    if feature.dtype == np.bool_:
        positives = int(np.count_nonzero(feature))
        if min(positives, feature.size - positives) < _LEAST_CONTRAST:
            return "rolling says nothing about so few time steps"
    return ""


def rank(rows: dict[tuple[int, str], Array], feature: Array) -> InSlices[Ranking]:
    """Return all units by (layer, state), (N, H) each, with the rolled control and the best pair. Empties `rows`."""
    scored: list[tuple[Unit, Score]] = []
    rolled: list[Array] = []
    best_rows: dict[Unit, Array] = {}
    for layer, state in list(rows):
        values = transposed(rows.pop((layer, state)))
        unit_ranks = yield from _ranks(values)
        rolled.append(rolled_strengths(unit_ranks, feature))
        yield
        layer_scores = scores(unit_ranks, feature)
        scored += [(Unit(layer, score.row, state), score) for score in layer_scores]
        best_rows |= {Unit(layer, score.row, state): values[score.row] for score in layer_scores[:PAIRED]}
        yield
    scored.sort(key=lambda pair: -pair[1].strength)
    pair, pairing = _pair(scored, best_rows, feature)
    return Ranking(scored, float(np.max(rolled, axis=0).mean()), pair, pairing)


def best_strength(rows: dict[tuple[int, str], Array], feature: Array) -> InSlices[float]:
    """The strength of the best unit alone."""
    strengths = []
    for values in rows.values():
        unit_ranks = yield from _ranks(transposed(values))
        strengths.append(scores(unit_ranks, feature)[0].strength)
    return max(strengths)


def unit_score(network: Network, labelled: LabelledBatch, unit: Unit) -> InSlices[float]:
    """Compute how one unit follows the feature, its AUC or its rank correlation, some milliseconds at a time."""
    which = slice(unit.unit, unit.unit + 1)
    rows = yield from read_states(network, labelled, (unit.layer,), (unit.state,), which)
    return scores(ranks(rows[unit.layer, unit.state].T), labelled.feature)[0].value


def _ranks(values: Array) -> InSlices[Array]:
    out = np.empty(values.shape)
    for first in range(0, len(values), _RANKED):
        out[first : first + _RANKED] = ranks(values[first : first + _RANKED])
        yield
    return out


def _group(rows: dict[tuple[int, str], Array], feature: Array) -> InSlices[Group | None]:
    """The smallest group of the layer whose units, by h or by c, know most of the feature together."""
    best: Group | None = None
    for (layer, _), values in rows.items():
        group = yield from smallest_group(values, feature, layer)
        if group is not None and (best is None or group.strength > best.strength):
            best = group
    return best


def _layer_strength(rows: dict[tuple[int, str], Array], feature: Array) -> InSlices[float]:
    """The strength of the best probe of a layer, by h or by c; 0 where none can be fitted."""
    best = 0.0
    for values in rows.values():
        (probe,) = yield from probe_layer(values, [feature])
        best = max(best, probe.strength if probe is not None else 0.0)
    return best


def _ablated(network: Network, labelled: LabelledBatch, unit: Unit, pattern: str) -> InSlices[Ablation | None]:
    if network.architecture.cell == "input-rnn":
        return None
    steps: Iterator[float | Ablation] = ablate(
        network, labelled, unit.layer, (unit.unit,), pattern, other_units=_JUDGES
    )
    for state in steps:
        if isinstance(state, Ablation):
            return state
        yield
    return None


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
