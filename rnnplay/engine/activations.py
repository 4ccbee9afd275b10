"""Activations inside a network over a batch: copies, in columns as the equations are printed."""

from dataclasses import dataclass

from rnnplay.engine.architecture import State
from rnnplay.engine.arrays import Array, swap_last_axes, xp
from rnnplay.engine.layer_stack import LayerStack, state_from_rows


@dataclass(frozen=True, eq=False)
class Activations:
    """A stack of layers over T time steps.

    h (L, T+1, H, B), row 0 the state carried in (input-rnn: zero); c the same, of an LSTM; gates: for each layer
    (T, G*H, B) in the order of GATES, if they were asked for; state: the last one.
    """

    h: Array
    c: Array | None
    gates: tuple[Array, ...] | None
    state: State


@dataclass(frozen=True, eq=False)
class ForwardResult(Activations):
    """The whole network: logits (T, V, B); outputs, the probabilities (or numbers) they stand for; the encoder."""

    logits: Array
    outputs: Array
    encoder: Activations | None


def activations(stack: LayerStack, gates: bool) -> Activations:
    """Return what `stack` holds after its forward pass."""
    cell, layers = stack.architecture.cell, stack.layers
    h = xp.stack([swap_last_axes(layer.h) for layer in layers])
    c = None
    if cell == "lstm":
        c = xp.stack([[swap_last_axes(layer.state_at(t)[1]) for t in range(layer.T + 1)] for layer in layers])
    values = tuple(swap_last_axes(layer.gate_values()).copy() for layer in layers) if gates else None
    return Activations(h, c, values, state_from_rows(cell, stack.last_state()))
