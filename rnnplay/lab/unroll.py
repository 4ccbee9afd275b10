"""An example unrolled: one forward and backward pass, after edits made by hand or by one update."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from rnnplay.config import UserError
from rnnplay.edits import Edit, GradientStep, SetHidden, SetInput, SetWeight
from rnnplay.engine.architecture import Architecture
from rnnplay.formatting import parameter_title
from rnnplay.lab.cell_step import Array
from rnnplay.lab.reference_network import BackwardPass, ForwardPass, ReferenceNetwork, State
from rnnplay.tasks.base import Batch


@dataclass(frozen=True, eq=False)
class UnrolledExample:
    """Both passes after all edits. `before` (T, B): each target's probability before the last edit; None: no edit."""

    reference: ReferenceNetwork
    forward_pass: ForwardPass
    dy: Array
    backs: list[BackwardPass]
    changed: tuple[str, ...]
    before: Array | None
    words: str


class _EditableExample:
    """The copy of the network and of the example that the edits change, one after the other."""

    def __init__(
        self, reference: ReferenceNetwork, batch: Batch, state: State | None, symbols: Mapping[str, Sequence[str]]
    ) -> None:
        self.reference, self.batch, self.state, self.symbols = reference, batch, state, symbols
        self.poked: dict[tuple[int, int, int, str], dict[int, float]] = {}

    def forward(self) -> ForwardPass:
        with np.errstate(over="ignore", invalid="ignore"):
            return self.reference.forward(self.batch, self.state, self.poked)

    def _part(self, name: str) -> int:
        names = [chain.name for chain in self.reference.chains]
        if name not in names:
            remedy = f"Choose one of: {', '.join(names)}." if len(names) > 1 else "Leave the part out."
            raise UserError(f"This network has no {name or 'single part'}.", remedy)
        return names.index(name)

    def apply(self, edit: Edit) -> str:
        """Make the change, and say what was changed."""
        match edit:
            case SetHidden():
                part = self._part(edit.part)
                source = self.batch.source if len(self.reference.chains) > 1 and part == 0 else self.batch.inputs
                assert source is not None
                _within("time step", edit.time, len(source))
                _within("layer", edit.layer, self.reference.architecture.layers)
                _within("unit", edit.unit, self.reference.architecture.hidden)
                _finite(edit.value)
                if edit.state not in ("h", "c") or (edit.state == "c" and self.reference.architecture.cell != "lstm"):
                    raise UserError(f"{edit.state} cannot be set by hand in this cell.", "Set h, or c of an LSTM.")
                self.poked.setdefault((part, edit.time, edit.layer, edit.state), {})[edit.unit] = edit.value
                where = f"{edit.part} " if edit.part else ""
                return f"{where}{edit.state} {edit.layer + 1}.{edit.unit + 1} at {edit.time + 1} = {edit.value:g}"
            case SetInput():
                return self._input(edit)
            case SetWeight():
                if edit.name not in self.reference.parameters:
                    choices = ", ".join(map(parameter_title, sorted(self.reference.parameters)))
                    raise UserError(
                        f"There is no parameter {parameter_title(edit.name)}.", f"Choose one of: {choices}."
                    )
                matrix = self.reference.parameters[edit.name]
                _within(f"row of {parameter_title(edit.name)}", edit.row, matrix.shape[0])
                _within(f"column of {parameter_title(edit.name)}", edit.column, matrix.shape[1])
                _finite(edit.value)
                matrix[edit.row, edit.column] = edit.value
                return f"{parameter_title(edit.name)}[{edit.row + 1},{edit.column + 1}] = {edit.value:g}"
            case GradientStep():
                _finite(edit.rate)
                fwd = self.forward()
                dy = self.reference.loss_gradient(fwd)
                for name, slope in self.reference.gradients(fwd, self.reference.backward(fwd, dy), dy).items():
                    self.reference.parameters[name] -= edit.rate * slope
                return f"one update, rate {edit.rate:g}"

    def _input(self, edit: SetInput) -> str:
        encodes = self._part(edit.part) < len(self.reference.chains) - 1
        inputs = self.batch.source if encodes else self.batch.inputs
        assert inputs is not None
        inputs = inputs.copy()
        _within("time step", edit.time, len(inputs))
        if inputs.dtype.kind in "iu":
            choices = self.symbols[edit.part]
            if edit.symbol is None or edit.symbol not in choices:
                shown = ", ".join(repr(symbol) for symbol in choices[:12]) + (", …" if len(choices) > 12 else "")
                raise UserError(f"The network does not know {edit.symbol!r}.", f"Choose one of: {shown}.")
            inputs[edit.time] = choices.index(edit.symbol)
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
) -> UnrolledExample:
    """Run over `batch` (B = 1, no padding) forward and back, after `edits` in their order.

    `state` is what the first time step begins with (zero); `symbols` names the ids of each part's inputs.
    Raises UserError where an edit asks for what is not there.
    """
    editable = _EditableExample(ReferenceNetwork(architecture, parameters), batch, state, symbols or {})
    changed: list[str] = []
    before: Array | None = None
    for n, edit in enumerate(edits):
        if n == len(edits) - 1:
            before = target_probability(editable.forward(), architecture.readout)
        changed.append(editable.apply(edit))
    fwd = editable.forward()
    dy = editable.reference.loss_gradient(fwd)
    with np.errstate(over="ignore", invalid="ignore"):
        backs = editable.reference.backward(fwd, dy)
    words = ""
    if before is not None:
        after = target_probability(fwd, architecture.readout)
        words = describe_change(changed[-1], before, after, fwd.loss_weights, architecture.readout)
    return UnrolledExample(editable.reference, fwd, dy, backs, tuple(changed), before, words)


def target_probability(fwd: ForwardPass, readout: str) -> Array:
    """(T, B): the probability of the target (of several outputs the mean), or the first number that is predicted."""
    targets = fwd.batch.targets
    if readout == "softmax":
        return np.take_along_axis(fwd.values, targets[:, None].astype(np.intp), axis=1)[:, 0]
    if readout == "linear":
        return fwd.values[:, 0]
    return np.asarray(np.where(targets > 0.5, fwd.values, 1 - fwd.values).mean(axis=1))


def describe_change(change: str, before: Array, after: Array, loss_weights: Array, readout: str) -> str:
    """Return what the last edit did to the targets' probabilities (or to the predictions), in words."""
    counted = loss_weights > 0
    old, new = before[counted], after[counted]
    moved = int((np.abs(new - old) > 5e-4).sum())
    if readout == "linear":
        return f"{change}: {moved} of {old.size} predictions move, by {np.abs(new - old).max():.3g} at most"
    rise = int((new > old).sum())
    means = f"{old.mean():.2%} to {new.mean():.2%}".replace("%", " %")
    return f"{change}: the targets' mean probability goes from {means}; {rise} of {old.size} rise"


def most_active(reference: ReferenceNetwork, fwd: ForwardPass, layer: int, count: int) -> list[int]:
    """The `count` units of `layer` with the largest mean |h| over all time steps and parts, in their own order."""
    rows = [row[layer].h[:, 0] for part in fwd.moments for row in part]
    size = np.abs(np.stack(rows)).mean(axis=0)
    return sorted(np.argsort(-size, kind="stable")[:count].tolist())


def _within(what: str, value: int, size: int) -> None:
    if not 0 <= value < size:
        raise UserError(f"There is no {what} {value + 1}.", f"Give a number from 1 to {size}.")


def _finite(value: float) -> None:
    if not np.isfinite(value):
        raise UserError(f"{value} is not a finite number.", "Give one such as 0.5.")
