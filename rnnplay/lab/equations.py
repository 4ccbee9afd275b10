"""One layer at one time step, by the book: every summand of every gate kept, every value open to be set by hand.

The engine computes the same numbers as fast as it can and keeps few of them; here the equations stand as they are
printed, in float64, so that a screen can put the numbers in. Columns are sequences: x (D, B) or ids (B), h (H, B).
Sources: Elman (1990); Hochreiter and Schmidhuber (1997) with Gers' forget gate (2000); Cho et al. (2014) with the reset
gate after the product, as PyTorch has it.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

Array = np.ndarray[Any, np.dtype[Any]]

GATES: dict[str, tuple[str, ...]] = {
    "lstm": ("i", "f", "g", "o"),
    "gru": ("r", "z", "n"),
    "rnn": ("h",),
    "input-rnn": ("h",),
}
"""In the order in which they are shown."""


def sigmoid(z: Array) -> Array:
    return np.tanh(z / 2) / 2 + 0.5


def times(W: Array, x: Array) -> Array:
    """W x for columns x (D, B), or for ids (B): the columns of W that one-hot inputs pick."""
    return W[:, x] if x.dtype.kind in "iu" else W @ x


@dataclass(frozen=True, eq=False)
class Weights:
    """The parameters of one layer, gate by gate: W_x (H, D), W_h (H, H), b (H, 1) or None, and the GRU's b_hn."""

    cell: str
    activation: str
    W_x: Mapping[str, Array]
    W_h: Mapping[str, Array]
    b: Mapping[str, Array | None]
    b_hn: Array | None = None

    @property
    def hidden(self) -> int:
        return int(next(iter(self.W_x.values())).shape[0])


@dataclass(eq=False)
class Moment:
    """One layer at one time step. `h`, `c` are what it hands on; `computed` is h before anything was set by hand."""

    x: Array
    h_before: Array
    c_before: Array | None
    terms: dict[str, list[Array]]  # of each gate: W_x x, W_h h (r times it for the GRU's n), b where there is one
    gates: dict[str, Array]
    h: Array
    computed: Array
    c: Array | None = None
    recurrent: Array | None = None  # the GRU's W_hn h + b_hn
    set_h: list[int] = field(default_factory=list)  # units whose h was set by hand
    set_c: list[int] = field(default_factory=list)


@dataclass(frozen=True, eq=False)
class Slope:
    """The way back through a Moment: dL/d(sum) of each gate, and what goes on to the past."""

    sums: dict[str, Array]  # (H, B)
    recurrent: dict[str, Array]  # what W_h's gradient is made of: the same but for the GRU's n, where it is r times it
    dc: Array | None  # dL/dc in all
    dh_before: Array  # for input-rnn: with respect to the previous input
    dc_before: Array | None


def forward(
    W: Weights, x: Array, h: Array, c: Array | None = None, set_h: Mapping[int, float] | None = None,
    set_c: Mapping[int, float] | None = None,
) -> Moment:  # fmt: skip
    """The cell's equations at one time step, `h` (and `c`) before it. What is set by hand replaces what is computed."""
    terms: dict[str, list[Array]] = {}
    gates: dict[str, Array] = {}
    recurrent = None
    for gate in GATES[W.cell]:
        terms[gate] = [times(W.W_x[gate], x), times(W.W_h[gate], h)]
        if gate == "n":
            recurrent = terms[gate][1] if W.b_hn is None else terms[gate][1] + W.b_hn
            terms[gate][1] = gates["r"] * recurrent
        if (b := W.b[gate]) is not None:
            terms[gate].append(np.broadcast_to(b, terms[gate][0].shape))
        total = sum(terms[gate][1:], terms[gate][0])
        gates[gate] = activate(total, function_of(W, gate))
    after: Array | None = None
    if W.cell == "lstm":
        assert c is not None
        after = gates["f"] * c + gates["i"] * gates["g"]
        after = _by_hand(after, set_c)
        computed = gates["o"] * np.tanh(after)
    elif W.cell == "gru":
        computed = (1 - gates["z"]) * gates["n"] + gates["z"] * h
    else:
        computed = gates["h"]
    return Moment(
        x, h, c, terms, gates, _by_hand(computed, set_h), computed, after, recurrent,
        sorted(set_h or ()), sorted(set_c or ()),
    )  # fmt: skip


def backward(W: Weights, m: Moment, dh: Array, dc: Array | None = None) -> Slope:
    """dL/dh (and dL/dc from the future) of what the moment handed on -> the gradients of its sums and of its past.

    Nothing flows back through what was set by hand.
    """
    dh = _cut(dh, m.set_h)
    gates = m.gates
    sums: dict[str, Array] = {}
    dc_before = None
    if W.cell == "lstm":
        assert m.c is not None and m.c_before is not None
        squashed = np.tanh(m.c)
        dc = dh * gates["o"] * (1 - squashed**2) + (0 if dc is None else dc)
        through = _cut(dc, m.set_c)
        for gate, slope in (
            ("i", through * gates["g"]),
            ("f", through * m.c_before),
            ("g", through * gates["i"]),
            ("o", dh * squashed),
        ):
            sums[gate] = slope * derivative(gates[gate], function_of(W, gate))
        dc_before = through * gates["f"]
    elif W.cell == "gru":
        assert m.recurrent is not None
        sums["n"] = dh * (1 - gates["z"]) * (1 - gates["n"] ** 2)
        sums["z"] = dh * (m.h_before - gates["n"]) * gates["z"] * (1 - gates["z"])
        sums["r"] = sums["n"] * m.recurrent * gates["r"] * (1 - gates["r"])
    else:
        sums["h"] = dh * derivative(gates["h"], W.activation)
    recurrent = {gate: (dz * gates["r"] if gate == "n" else dz) for gate, dz in sums.items()}
    dh_before = sum((W.W_h[gate].T @ dz for gate, dz in recurrent.items()), 0.0)
    if W.cell == "gru":
        dh_before = dh_before + dh * gates["z"]
    return Slope(sums, recurrent, dc, np.asarray(dh_before), dc_before)


def into_input(W: Weights, slope: Slope) -> Array:
    """dL/dx (D, B) of a moment, for the layer below or the input itself."""
    return np.asarray(sum((W.W_x[gate].T @ dz for gate, dz in slope.sums.items()), 0.0))


def function_of(W: Weights, gate: str) -> str:
    """What squashes the sum of this gate: sigmoid, tanh, relu or identity."""
    return W.activation if gate == "h" else "tanh" if gate in "gn" else "sigmoid"


def activate(z: Array, function: str) -> Array:
    match function:
        case "tanh":
            return np.tanh(z)
        case "sigmoid":
            return sigmoid(z)
        case "relu":
            return np.maximum(z, 0.0)
        case _:
            return z


def derivative(value: Array, function: str) -> Array:
    """The slope of the function where it took this value."""
    match function:
        case "tanh":
            return np.asarray(1 - value**2)
        case "sigmoid":
            return np.asarray(value * (1 - value))
        case "relu":
            return np.asarray((value > 0).astype(value.dtype))
        case _:
            return np.ones_like(value)


def _by_hand(values: Array, hand: Mapping[int, float] | None) -> Array:
    if not hand:
        return values
    changed = values.copy()
    for unit, value in hand.items():
        changed[unit] = value
    return changed


def _cut(slope: Array, units: list[int]) -> Array:
    if not units:
        return slope
    cut = slope.copy()
    cut[units] = 0
    return cut
