"""An example unrolled: the whole walk, forward and backward, after changes that were made by hand or by one update."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from rnnplay.config import UserError
from rnnplay.edits import Descend, Edit, SetHidden, SetInput, SetWeight
from rnnplay.engine.architecture import Architecture
from rnnplay.lab.equations import Array
from rnnplay.lab.reference_network import Back, State, Walk, Way
from rnnplay.tasks.base import Batch


@dataclass(frozen=True, eq=False)
class Unrolling:
    """What came of it. `before` (T, B): the probability of each target before the last edit; None: no edit."""

    walk: Walk
    way: Way
    dy: Array
    backs: list[Back]
    changed: tuple[str, ...]
    before: Array | None
    words: str


class _Bench:
    """The copy of the network and of the example that the edits change, one after the other."""

    def __init__(self, walk: Walk, batch: Batch, state: State | None, symbols: Mapping[str, Sequence[str]]) -> None:
        self.walk, self.batch, self.state, self.symbols = walk, batch, state, symbols
        self.hands: dict[tuple[int, int, int, str], dict[int, float]] = {}

    def forward(self) -> Way:
        with np.errstate(over="ignore", invalid="ignore"):
            return self.walk.forward(self.batch, self.state, self.hands)

    def _part(self, name: str) -> int:
        names = [chain.name for chain in self.walk.chains]
        if name not in names:
            remedy = f"Choose one of: {', '.join(names)}." if len(names) > 1 else "Leave the part out."
            raise UserError(f"This network has no {name or 'single part'}.", remedy)
        return names.index(name)

    def apply(self, edit: Edit) -> str:
        """Make the change, and say what was changed."""
        match edit:
            case SetHidden():
                part = self._part(edit.part)
                source = self.batch.source if len(self.walk.chains) > 1 and part == 0 else self.batch.inputs
                assert source is not None
                _within("time step", edit.time, len(source))
                _within("layer", edit.layer, self.walk.architecture.layers)
                _within("unit", edit.unit, self.walk.architecture.hidden)
                _finite(edit.value)
                if edit.state not in ("h", "c") or (edit.state == "c" and self.walk.architecture.cell != "lstm"):
                    raise UserError(f"{edit.state} cannot be set by hand in this cell.", "Set h, or c of an LSTM.")
                self.hands.setdefault((part, edit.time, edit.layer, edit.state), {})[edit.unit] = edit.value
                where = f"{edit.part} " if edit.part else ""
                return f"{where}{edit.state} {edit.layer + 1}.{edit.unit + 1} at {edit.time + 1} = {edit.value:g}"
            case SetInput():
                return self._input(edit)
            case SetWeight():
                if edit.name not in self.walk.parameters:
                    known = ", ".join(sorted(self.walk.parameters))
                    raise UserError(f"There is no parameter {edit.name!r}.", f"Choose one of: {known}.")
                matrix = self.walk.parameters[edit.name]
                _within(f"row of {edit.name}", edit.row, matrix.shape[0])
                _within(f"column of {edit.name}", edit.column, matrix.shape[1])
                _finite(edit.value)
                matrix[edit.row, edit.column] = edit.value
                return f"{edit.name}[{edit.row + 1},{edit.column + 1}] = {edit.value:g}"
            case Descend():
                _finite(edit.rate)
                way = self.forward()
                dy = self.walk.slope_of_loss(way)
                for name, slope in self.walk.gradients(way, self.walk.backward(way, dy), dy).items():
                    self.walk.parameters[name] -= edit.rate * slope
                return f"one update, rate {edit.rate:g}"

    def _input(self, edit: SetInput) -> str:
        encodes = self._part(edit.part) < len(self.walk.chains) - 1
        inputs = self.batch.source if encodes else self.batch.inputs
        assert inputs is not None
        inputs = inputs.copy()
        _within("time step", edit.time, len(inputs))
        if inputs.dtype.kind in "iu":
            known = self.symbols[edit.part]
            if edit.symbol is None or edit.symbol not in known:
                some = ", ".join(repr(symbol) for symbol in known[:12]) + (", …" if len(known) > 12 else "")
                raise UserError(f"The network does not know {edit.symbol!r}.", f"Choose one of: {some}.")
            inputs[edit.time] = known.index(edit.symbol)
            said = repr(edit.symbol)
        else:
            _within("input", edit.row, inputs.shape[1])
            _finite(edit.value)
            inputs = inputs.astype(np.float64)
            inputs[edit.time, edit.row] = edit.value
            said = f"{edit.value:g}"
        self.batch = replace(self.batch, source=inputs) if encodes else replace(self.batch, inputs=inputs)
        return f"input {edit.time + 1} = {said}"


def unroll(
    architecture: Architecture,
    parameters: Mapping[str, Array],
    batch: Batch,
    edits: Sequence[Edit] = (),
    state: State | None = None,
    symbols: Mapping[str, Sequence[str]] | None = None,
) -> Unrolling:
    """Walk through `batch` (B = 1, no padding) forward and back, after `edits` in their order.

    `state` is what the first time step begins with (zero); `symbols` names the ids of each part's inputs.
    Raises UserError where an edit asks for what is not there.
    """
    bench = _Bench(Walk(architecture, parameters), batch, state, symbols or {})
    changed: list[str] = []
    before: Array | None = None
    for n, edit in enumerate(edits):
        if n == len(edits) - 1:
            before = right(bench.forward(), architecture.readout)
        changed.append(bench.apply(edit))
    way = bench.forward()
    dy = bench.walk.slope_of_loss(way)
    with np.errstate(over="ignore", invalid="ignore"):
        backs = bench.walk.backward(way, dy)
    words = ""
    if before is not None:
        words = what_changed(changed[-1], before, right(way, architecture.readout), way.share, architecture.readout)
    return Unrolling(bench.walk, way, dy, backs, tuple(changed), before, words)


def right(way: Way, readout: str) -> Array:
    """(T, B): the probability of the target (of several outputs the mean), or the first number that is told."""
    targets = way.batch.targets
    if readout == "softmax":
        return np.take_along_axis(way.values, targets[:, None].astype(np.intp), axis=1)[:, 0]
    if readout == "linear":
        return way.values[:, 0]
    return np.asarray(np.where(targets > 0.5, way.values, 1 - way.values).mean(axis=1))


def what_changed(change: str, before: Array, after: Array, share: Array, readout: str) -> str:
    """What the last edit did to the targets' probabilities (or to what is told), in words."""
    counted = share > 0
    old, new = before[counted], after[counted]
    moved = int((np.abs(new - old) > 5e-4).sum())
    if readout == "linear":
        return f"{change}: {moved} of {old.size} predictions move, by {np.abs(new - old).max():.3g} at most"
    rise = int((new > old).sum())
    means = f"{old.mean():.2%} to {new.mean():.2%}".replace("%", " %")
    return f"{change}: the targets' mean probability goes from {means}; {rise} of {old.size} rise"


def most_active(walk: Walk, way: Way, layer: int, count: int) -> list[int]:
    """The `count` units of `layer` with the largest mean |h| over all time steps and parts, in their own order."""
    rows = [row[layer].h[:, 0] for part in way.moments for row in part]
    size = np.abs(np.stack(rows)).mean(axis=0)
    return sorted(np.argsort(-size, kind="stable")[:count].tolist())


def _within(what: str, value: int, size: int) -> None:
    if not 0 <= value < size:
        raise UserError(f"There is no {what} {value + 1}.", f"Give a number from 1 to {size}.")


def _finite(value: float) -> None:
    if not np.isfinite(value):
        raise UserError(f"{value} is not a finite number.", "Give one such as 0.5.")
