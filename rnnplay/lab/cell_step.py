"""One layer at one time step, by engine/cells.py in float64, with what only a screen needs beside it.

That is every summand of every gate, and values that are set by hand ("poked"): they replace what was computed, and no
gradient flows back through them. Columns are sequences: x (D, B) or ids (B), h and c (H, B).
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from rnnplay.engine import cells
from rnnplay.engine.architecture import GATES
from rnnplay.engine.cells import CellGradients

Array = np.ndarray[Any, np.dtype[Any]]
Poked = Mapping[int, float] | None
"""Unit -> the value that it is set to."""

DISPLAYED_GATES: dict[str, tuple[str, ...]] = {
    "lstm": ("i", "f", "g", "o"),
    "gru": ("r", "z", "n"),
    "rnn": ("h",),
    "input-rnn": ("h",),
}
"""The gates in the order in which they are shown; their rows in the parameters have the order of GATES."""


@dataclass(frozen=True, eq=False)
class LayerWeights:
    """The parameters of one layer, `w`, by the names of cells.py: views, so that a changed weight is used at once."""

    cell: str
    activation: str
    w: Mapping[str, Array]

    @property
    def hidden(self) -> int:
        return len(self.w["W_xh"]) // len(GATES[self.cell])

    def by_gate(self, stacked: Array) -> dict[str, Array]:
        """(G*H, B) -> gate -> (H, B), views."""
        gates = GATES[self.cell]
        return dict(zip(gates, cells.blocks(stacked, len(gates)), strict=True))

    def activation_of(self, gate: str) -> str:
        """The gate's function: sigmoid, tanh, relu or identity."""
        return self.activation if gate == "h" else "tanh" if gate in "gn" else "sigmoid"


@dataclass(frozen=True, eq=False)
class CellStep:
    """Values of one time step, c after it was set by hand; h: what the layer hands on, after it was set by hand."""

    computed: Any  # RNNStep, InputRNNStep, LSTMStep or GRUStep
    h: Array
    set_h: list[int] = field(default_factory=list)  # units whose h was set by hand
    set_c: list[int] = field(default_factory=list)

    @property
    def x(self) -> Array:
        return np.asarray(self.computed.x)

    @property
    def h_prev(self) -> Array:
        """Return what W_hh multiplies; for input-rnn the previous input, which W_ph multiplies."""
        return np.asarray(self.computed[1])

    @property
    def c_prev(self) -> Array | None:
        return getattr(self.computed, "c_prev", None)

    @property
    def c(self) -> Array | None:
        return getattr(self.computed, "c", None)

    def gate(self, name: str) -> Array:
        """The value (H, B) of a gate; of an RNN's "h" what was computed, not what was set by hand."""
        return np.asarray(getattr(self.computed, name))

    def first_sequence(self) -> "CellStep":
        """The step of the first sequence alone, each array (H, 1)."""
        return replace(self, computed=self.computed._make(array[..., :1] for array in self.computed), h=self.h[:, :1])


def forward(
    layer: LayerWeights, x: Array, h: Array, c: Array | None = None, set_h: Poked = None, set_c: Poked = None
) -> CellStep:
    """The cell's equations at one time step, `h` (and `c`) before it; poked values replace the computed ones."""
    s: Any
    match layer.cell:
        case "lstm":
            assert c is not None
            s = cells.lstm_forward(layer.w, x, h, c)
            if set_c:
                poked = _poke(s.c, set_c)
                s = s._replace(c=poked, h=s.o * np.tanh(poked))
        case "gru":
            s = cells.gru_forward(layer.w, x, h)
        case "rnn":
            s = cells.rnn_forward(layer.w, x, h, layer.activation)
        case _:
            s = cells.input_rnn_forward(layer.w, x, h, layer.activation)
    return CellStep(s, _poke(s.h, set_h) if set_h else s.h, sorted(set_h or ()), sorted(set_c or ()))


def backward(layer: LayerWeights, step: CellStep, dh: Array, dc: Array | None = None) -> CellGradients:
    """dL/dh (and dL/dc from the next time step) of what the step handed on -> its gradients."""
    s, dh = step.computed, _cut(dh, step.set_h)
    match layer.cell:
        case "lstm":
            # A c that was set by hand depends on no gate: those into it are closed.
            closed = {gate: _cut(getattr(s, gate), step.set_c) for gate in ("i", "f", "g")}
            return cells.lstm_backward(layer.w, s._replace(**closed), dh, np.zeros(1) if dc is None else dc)
        case "gru":
            return cells.gru_backward(layer.w, s, dh)
        case "rnn":
            return cells.rnn_backward(layer.w, s, dh, layer.activation)
        case _:
            return cells.input_rnn_backward(layer.w, s, dh, layer.activation)


def summands(layer: LayerWeights, step: CellStep) -> dict[str, list[Array]]:
    """Return each gate's summands before its activation: W_x x, W_h h (GRU's n: r * (W_hn h + b_hn)), and b if any."""
    w = layer.w
    from_x = layer.by_gate(cells.product(w["W_xh"], step.x))
    from_h = layer.by_gate(w["W_ph" if layer.cell == "input-rnn" else "W_hh"] @ step.h_prev)
    if layer.cell == "gru":
        from_h["n"] = step.gate("r") * step.gate("a")
    result = {gate: [from_x[gate], from_h[gate]] for gate in from_x}
    if "b_h" in w:
        for gate, b in layer.by_gate(w["b_h"]).items():
            result[gate].append(np.broadcast_to(b, from_x[gate].shape))
    return result


def _poke(values: Array, poked: Mapping[int, float]) -> Array:
    changed = values.copy()
    for unit, value in poked.items():
        changed[unit] = value
    return changed


def _cut(gradient: Array, units: list[int]) -> Array:
    if not units:
        return gradient
    cut = gradient.copy()
    cut[units] = 0
    return cut
