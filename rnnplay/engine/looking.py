"""What is inside a network over a batch: activations, gradients of states and gates, and statistics.

Everything here is a copy, in columns as the equations are printed, and belongs to the caller.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from rnnplay.engine.architecture import GATES, Architecture, State
from rnnplay.engine.arrays import Array, columns, xp
from rnnplay.engine.input_rnn import InputRun
from rnnplay.engine.run import Parts
from rnnplay.engine.stack import Stack, outward

LOW, HIGH = 0.1, 0.9  # beyond them a gate is saturated
STILL = 1e-6  # a unit whose value moves less over a whole batch is dead


@dataclass(frozen=True, eq=False)
class Activations:
    """A stack of layers over T time steps.

    h (L, T+1, H, B), row 0 the state carried in (input-rnn: zero); c the same, of an LSTM; gates: for each layer
    (T, G*H, B) in the order of GATES, where they were asked for; state: the last one.
    """

    h: Array
    c: Array | None
    gates: tuple[Array, ...] | None
    state: State


@dataclass(frozen=True, eq=False)
class Forward(Activations):
    """The whole network: logits (T, V, B); outputs, the probabilities (or numbers) they stand for; the encoder."""

    logits: Array
    outputs: Array
    encoder: Activations | None


@dataclass(frozen=True, eq=False)
class StateGradients:
    """Gradients of a loss with respect to everything that a stack of layers computes.

    dh (L, T+1, H, B) of the state h before and after every time step (input-rnn: of each time step's h, row 0 zero);
    dc the same, of an LSTM; dz: for each layer (T, G*H, B), of what the gates' functions were given; dx (T, D, B) of
    the inputs (by id: of the one-hot columns); dfeatures (F, B) of a feature vector, or of what a picture was made.
    Each dh is whole: by the readout, the layer above and the future.
    """

    loss: float
    dh: Array
    dc: Array | None
    dz: tuple[Array, ...]
    dx: Array
    dfeatures: Array | None = None
    encoder: "StateGradients | None" = None


@dataclass(frozen=True)
class Statistics:
    """How a network fares on the last batch it learned from.

    saturated: for each layer and gate (`l0.f`) the shares of values below 0.1 and above 0.9, of a tanh or a plain
    cell's h: below -0.9 and above 0.9. dead: for each layer the units whose value is the same at all time steps.
    """

    gradient_norms: dict[str, float]
    weight_norms: dict[str, float]
    saturated: dict[str, tuple[float, float]]
    dead: dict[str, int]


def activations(stack: Stack, gates: bool) -> Activations:
    """What `stack` holds after its forward pass."""
    cell = stack.architecture.cell
    h = xp.stack([columns(run.h) for run in stack.runs])
    c = None
    if cell == "lstm":
        c = xp.stack([[columns(run.end(t)[1]) for t in range(run.T + 1)] for run in stack.runs])
    shown = tuple(columns(run.gate_values()).copy() for run in stack.runs) if gates else None
    return Activations(h, c, shown, outward(cell, stack.end()))


def state_gradients(stack: Stack, loss: float, dlast: list[Parts] | None) -> StateGradients:
    """What `stack` holds after its backward pass; dlast as it was given to it."""
    cell = stack.architecture.cell
    dh, dc, dz = [], [], []
    for layer, run in enumerate(stack.runs):
        dy = stack.dy[layer]
        parts = run.state_gradients(dy, None if dlast is None else dlast[layer], stack.held)
        if cell == "input-rnn":  # its h is no state: only the readout and the layer above see it
            own = xp.zeros_like(run.h)
            own[1:] = 0.0 if dy is None else dy
            parts = (own,)
        dh.append(columns(parts[0]).copy())
        if cell == "lstm":
            dc.append(columns(parts[1]).copy())
        dz.append(columns(run.gate_gradients()).copy())
    first = stack.runs[0]
    dx = first.dx if isinstance(first, InputRun) else first.gate_gradients() @ first.parameters["W_xh"]
    return StateGradients(loss, xp.stack(dh), xp.stack(dc) if dc else None, tuple(dz), columns(dx).copy())


def norms(arrays: Mapping[str, Array]) -> dict[str, float]:
    """The Euclidean norm of each array."""
    return {name: float(xp.sqrt(xp.sum(xp.square(array)))) for name, array in arrays.items()}


def saturation(a: Architecture, stack: Stack) -> dict[str, tuple[float, float]]:
    """For each layer and gate the shares of low and of high values, after a forward pass."""
    found = {}
    for layer, run in enumerate(stack.runs):
        values = run.gate_values()
        for k, gate in enumerate(GATES[a.cell]):
            block = values[..., k * a.hidden : (k + 1) * a.hidden]
            sigmoid = gate in "oifrz" or (gate == "h" and a.activation == "sigmoid")
            low = float((block < (LOW if sigmoid else -HIGH)).mean())
            found[f"l{layer}.{gate}"] = (low, float((block > HIGH).mean()))
    return found


def dead(stack: Stack) -> dict[str, int]:
    """For each layer the number of units whose h is the same at all time steps of all sequences."""
    found = {}
    for layer, run in enumerate(stack.runs):
        h = run.h[1:].reshape(-1, run.H)
        found[f"l{layer}"] = int((h.max(axis=0) - h.min(axis=0) < STILL).sum())
    return found
