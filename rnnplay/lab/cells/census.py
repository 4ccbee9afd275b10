"""A census: how well every unit follows every feature, and what each layer knows of it as a whole.

One sort a unit serves all features: the AUC for a true-or-false feature, and Spearman's correlation with one that has
degrees, are sums of the unit's ranks, so all of them are one product of the ranks (U, N) with the features (N, F). The
rolled control is the same product with the features rolled along the text.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

import numpy as np

from rnnplay.engine import Network
from rnnplay.lab.cells.find import why_rolled_says_nothing
from rnnplay.lab.cells.labelled_batch import LabelledBatch, label_features
from rnnplay.lab.cells.probe import Probe, probe_layer
from rnnplay.lab.cells.unit_scores import clear_of_controls, convincing, ranks
from rnnplay.lab.cells.unit_states import InSlices, Unit, read_states, transposed
from rnnplay.tasks.base import Array, Task

CHARACTERS = 5_000  # time steps that are read
_ROLLS = 8
_LEAST_CONTRAST = 20  # time steps at which a feature is not what it mostly is
_RANKED = 16  # units ranked at a time
_SPREAD = 0.05  # by which a whole layer must be better than its best unit for a feature to be called spread
_COMMON = 0.9  # from which on the untrained network is said to have a feature too


class Knowledge(StrEnum):
    """Place of a feature in a network."""

    ONE_UNIT = "one unit"
    SPREAD = "spread"
    UNTRAINED = "untrained"
    UNKNOWN = "unknown"


@dataclass(frozen=True, eq=False)
class CensusReading:
    """The features of a piece of held-out data, ready to be multiplied with ranks; F features, N time steps."""

    labelled: LabelledBatch
    names: tuple[str, ...]
    features: tuple[Array, ...]  # (N,) each, bool or numbers
    products: Array  # float32 (N, F): what the ranks are multiplied with
    rolled_says_nothing: tuple[bool, ...]  # of each feature

    @property
    def booleans(self) -> Array:
        return np.array([feature.dtype == np.bool_ for feature in self.features])


@dataclass(frozen=True, eq=False)
class Control:
    """Strength of each feature in the untrained network: its best unit, and the best of its layers together."""

    units: tuple[float, ...]
    layers: tuple[float, ...]


@dataclass(frozen=True, eq=False)
class ExplainedFeature:
    """The unit that follows a feature best, and what a whole layer knows of it."""

    name: str
    boolean: bool
    unit: Unit
    value: float  # AUC or rank correlation, as measured
    rolled: float | None  # None: the rolled control says nothing about this feature
    untrained: float
    layer: int  # that knows most together
    layer_state: str  # h or c of its units
    probe: Probe | None
    layer_untrained: float
    followers: Array | None = None  # float32 (S, L, H): AUC or correlation by h (and c); NaN: not clear of the controls

    @property
    def strength(self) -> float:
        return max(self.value, 1 - self.value) if self.boolean else abs(self.value)

    @property
    def sign(self) -> int:
        return 1 if self.value >= (0.5 if self.boolean else 0.0) else -1

    @property
    def surprise(self) -> float:
        """The strength above the best control."""
        return self.strength - max(self.rolled or 0.0, self.untrained)

    @property
    def convincing(self) -> bool:
        """Return whether the best unit stands clear of both controls."""
        return convincing(self.strength, self.rolled, self.untrained, self.boolean)

    @property
    def knowledge(self) -> Knowledge:
        together = self.probe.strength if self.probe is not None else 0.0
        if self._is_more_together:
            if convincing(together, None, self.layer_untrained, self.boolean):
                return Knowledge.SPREAD
            if self.layer_untrained >= _COMMON:
                return Knowledge.UNTRAINED
        if self.convincing:
            return Knowledge.ONE_UNIT
        if max(self.untrained, self.layer_untrained) >= _COMMON:
            return Knowledge.UNTRAINED
        return Knowledge.UNKNOWN

    @property
    def _is_more_together(self) -> bool:
        """Return whether the layer knows clearly more than its best unit."""
        return self.probe is not None and self.probe.strength >= self.strength + _SPREAD

    def sentence(self) -> str:
        """Return what is known of the feature, and where, in words."""
        unit = f"{self.unit.layer + 1}.{self.unit.unit + 1}{' c' if self.unit.state == 'c' else ''}"
        together = f"all units together {self.probe.strength:.2f}, " if self.probe is not None else ""
        verdict = {
            Knowledge.ONE_UNIT: "one unit follows it in part" if self._is_more_together else "one unit knows it",
            Knowledge.SPREAD: "known, but spread",
            Knowledge.UNTRAINED: f"no news, the untrained network has {max(self.untrained, self.layer_untrained):.2f}",
            Knowledge.UNKNOWN: "not known",
        }[self.knowledge]
        return f"{self.name}: {together}best unit {unit} {self.strength:.2f}: {verdict}."


def read_census(task: Task, limit: int = CHARACTERS, ids: Array | None = None) -> CensusReading:
    """About `limit` held-out time steps with every feature of the task that varies. UserError: nothing to read."""
    labelled, features = label_features(task, task.feature_names(), limit, ids, skip_constant=True)
    features = {name: feature for name, feature in features.items() if _contrast(feature) >= _LEAST_CONTRAST}
    return CensusReading(
        labelled,
        tuple(features),
        tuple(features.values()),
        _products(tuple(features.values()), labelled.size),
        tuple(bool(why_rolled_says_nothing(feature)) for feature in features.values()),
    )


def measure_untrained(network: Network, reading: CensusReading) -> InSlices[Control]:
    """The control of a census: the same of the untrained network."""
    rows = yield from read_states(network, reading.labelled)
    layers = yield from _probes(rows, reading)
    values, _ = yield from _unit_values(rows, reading, rolls=0)
    best = _strengths(values, reading.booleans).max(axis=0)
    return Control(tuple(best.tolist()), tuple(probe.strength if probe else 0.0 for *_, probe in layers))


def take_census(network: Network, reading: CensusReading, control: Control) -> InSlices[list[ExplainedFeature]]:
    """Every feature of `reading` with its best unit, the most surprising first. `network` must not learn meanwhile."""
    rows = yield from read_states(network, reading.labelled)
    units = [Unit(layer, unit, state) for layer, state in rows for unit in range(network.architecture.hidden)]
    layers = yield from _probes(rows, reading)
    values, rolled = yield from _unit_values(rows, reading, _ROLLS)
    strengths = _strengths(values, reading.booleans)
    best = strengths.argmax(axis=0)
    rolled_controls = [None if useless else rolled[f].item() for f, useless in enumerate(reading.rolled_says_nothing)]
    place = tuple(np.array([(unit.state != "h", unit.layer, unit.unit) for unit in units], int).T)
    explained = [
        ExplainedFeature(
            name=name,
            boolean=bool(reading.booleans[f]),
            unit=units[best[f]],
            value=values[best[f], f].item(),
            rolled=rolled_controls[f],
            untrained=control.units[f],
            layer=layers[f][0],
            layer_state=layers[f][1],
            probe=layers[f][2],
            layer_untrained=control.layers[f],
            followers=_clear_values(
                values[:, f],
                place,
                clear_of_controls(strengths[:, f], rolled_controls[f], control.units[f], bool(reading.booleans[f])),
            ),
        )
        for f, name in enumerate(reading.names)
    ]
    return sorted(explained, key=lambda feature: -feature.surprise)


def _clear_values(values: Array, place: tuple[Array, ...], clear: Array) -> Array:
    """Float32 (S, L, H): `values` (U,) at `place`, the index of state, layer and unit; NaN where they are not clear."""
    shaped = np.empty([int(index.max()) + 1 for index in place], np.float32)
    shaped[place] = np.where(clear, values, np.nan)
    return shaped


def _products(features: Sequence[Array], N: int) -> Array:
    """Float32 (N, F): ranks from -0.5 to 0.5 times these, summed, are AUC - 0.5 or, per spread of the ranks, r."""
    columns = np.empty((N, len(features)), np.float32)
    for column, feature in zip(columns.T, features, strict=True):
        if feature.dtype == np.bool_:
            positives = np.count_nonzero(feature)
            column[:] = (feature - positives / N) * (N / (positives * (N - positives)))
        else:
            target = ranks(feature[None].astype(np.float64))[0]
            target -= target.mean()
            column[:] = target / np.sqrt((target**2).sum())
    return columns


def _unit_values(
    rows: dict[tuple[int, str], Array], reading: CensusReading, rolls: int
) -> InSlices[tuple[Array, Array]]:
    """AUC or correlation of each unit with each feature (U, F), and the rolled control of each feature (F,).

    Empties `rows`. The control is the mean over the rolls of the best unit's strength.
    """
    N, F = reading.products.shape
    shifts = [N * (k + 1) // (rolls + 1) for k in range(rolls)]
    products = np.concatenate([reading.products, *(np.roll(reading.products, s, axis=0) for s in shifts)], axis=1)
    booleans = reading.booleans
    values, rolled = [], np.zeros((rolls, F))
    for key in list(rows):
        unit_rows = transposed(rows.pop(key))
        for first in range(0, len(unit_rows), _RANKED):
            unit_ranks = ranks(unit_rows[first : first + _RANKED])
            centred = ((unit_ranks - (N + 1) / 2) / N).astype(np.float32)
            sums = (centred @ products).astype(np.float64).reshape(len(centred), 1 + rolls, F)
            norms = np.sqrt((centred.astype(np.float64) ** 2).sum(axis=1))[:, None, None]
            scaled = np.where(booleans, sums + 0.5, np.divide(sums, norms, out=np.zeros_like(sums), where=norms > 0))
            scaled = scaled.clip(-1, 1)  # float32 may give a little more
            values.append(scaled[:, 0])
            if rolls:
                rolled = np.maximum(rolled, _strengths(scaled[:, 1:], booleans).max(axis=0))
            yield
    return np.concatenate(values), rolled.mean(axis=0) if rolls else np.zeros(F)


def _strengths(values: Array, booleans: Array) -> Array:
    """(..., F) AUC or correlation -> how far from chance: 0.5..1, or 0..1."""
    return np.where(booleans, np.abs(values - 0.5) + 0.5, np.abs(values))


def _probes(
    rows: dict[tuple[int, str], Array], reading: CensusReading
) -> InSlices[list[tuple[int, str, Probe | None]]]:
    """Return for each feature the layer whose units, by h or by c, know most of it together, and its probe."""
    best: list[tuple[int, str, Probe | None]] = [(0, "h", None)] * len(reading.names)
    for (layer, state), values in rows.items():
        for f, probe in enumerate((yield from probe_layer(values, reading.features))):
            best_probe = best[f][2]
            if probe is not None and (best_probe is None or probe.strength > best_probe.strength):
                best[f] = layer, state, probe
    return best


def _contrast(feature: Array) -> int:
    """The time steps at which a feature is not what it mostly is."""
    counts = np.unique(feature, return_counts=True)[1]
    return int(feature.size - counts.max())
