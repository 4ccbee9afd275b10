"""The activations of all units over a text, and how surprising each symbol was: what a heatmap shows.

A piece is read in several streams side by side, each after a stretch of the text before it, so that its states are
those of a reader who has been reading for a while; one symbol after the other would take twenty times as long.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np

from rnnplay.config import UserError
from rnnplay.engine import GATES, Network, State
from rnnplay.tasks.base import Array

STREAMS = 16
WARM = 128  # symbols read before a stream's own
_SHORTEST = 32  # symbols of a stream
_ZERO = 127  # the byte that means zero


@dataclass(frozen=True, eq=False)
class Reading:
    """A piece of a text as a network read it: N symbols from `start` of `total`."""

    start: int
    total: int
    values: Array  # (L, H, N): activations after each symbol
    surprise: Array  # (N,) bits, of each symbol given those before it; 0 where there is nothing to predict
    ids: Array  # (N,) of the symbols

    def symbols(self, vocabulary: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(vocabulary[i] for i in self.ids)


def states_of(network: Network) -> tuple[str, ...]:
    """What can be looked at: h, c and the gates."""
    cell = network.architecture.cell
    gates = tuple(gate for gate in GATES.get(cell, ()) if gate != "h")
    return ("h", "c", *gates) if cell == "lstm" else ("h", *gates)


def read_text(network: Network, ids: Array, start: int, length: int, state: str) -> Reading:
    """Read symbols `start` to `start + length` of the text `ids` (any integers). Raises UserError: no such state."""
    _check(network, state)
    total = len(ids)
    start = min(max(start, 0), max(total - 1, 0))
    stop = min(start + length, total)
    # Where less than a warm-up stands before the piece, it is read from the text's beginning, which needs none.
    begin = 0 if start < WARM else start
    N = stop - begin
    B = max(1, min(STREAMS, N // _SHORTEST))
    T = -(-N // B)
    warm = WARM if begin else min(WARM, T) if B > 1 else 0
    own = begin + T * np.arange(B)  # where each stream's own symbols begin
    places = np.clip(own + np.arange(-warm, T)[:, None], 0, total - 1)  # (warm + T, B)
    read = ids[places].astype(np.int32)
    values, surprise = _read(network, read, warm, state, fresh=begin == 0)
    kept = slice(start - begin, N)
    return Reading(start, total, values[:, :, kept], surprise[kept], np.asarray(ids[start:stop]))


def _read(network: Network, read: Array, warm: int, state: str, fresh: bool) -> tuple[Array, Array]:
    """Streams (warm + T, B) -> values (L, H, B*T) and bits (B*T,) of what follows the warm-up.

    fresh: nothing stands before the first stream, so that its warm-up is forgotten.
    """
    a = network.architecture
    steps, B = read.shape
    T = steps - warm
    values = np.empty((a.layers, a.hidden, B, T), np.float16)
    surprise = np.full((B, T), np.log2(a.outputs))
    current: State = network.zero_state(B)
    columns = np.arange(B)
    logits: Any = None
    for t in range(steps):
        if logits is not None and t >= warm and a.readout == "softmax":
            surprise[:, t - warm] = _bits(logits, read[t], columns)
        if t == warm and fresh and warm:
            for parts in current:
                for part in parts:
                    part[:, 0] = 0
            surprise[0, 0] = np.log2(a.outputs)
        logits, current = network.step(read[t], current)
        if t >= warm:
            for layer, parts in enumerate(current):
                values[layer, :, :, t - warm] = getattr(parts, state)
    return values.reshape(a.layers, a.hidden, B * T), surprise.reshape(B * T)


def _bits(logits: Array, ids: Array, columns: Array) -> Array:
    """-log2 p of `ids` (B,) given logits (V, B)."""
    greatest = logits.max(axis=0)
    return np.asarray((np.log(np.exp(logits - greatest).sum(axis=0)) + greatest - logits[ids, columns]) / np.log(2))


def _check(network: Network, state: str) -> None:
    if state not in (known := states_of(network)):
        raise UserError(f"A {network.architecture.cell} has no {state!r} to look at.", f"Choose of {', '.join(known)}.")


def quantised(values: Array) -> tuple[Array, float]:
    """Values as bytes: 0 is -scale, 127 zero, 254 +scale.

    The scale is 1; where values go beyond it, what 99 of 100 keep within, lest one loud unit pale all others.
    """
    largest = float(np.abs(values).max(initial=0))
    if not np.isfinite(largest):
        raise UserError("The network's activations are not finite.", "Go back to an earlier checkpoint.")
    scale = 1.0 if largest <= 1 else max(1.0, float(np.quantile(np.abs(values[:, :, :: _every(values)]), 0.99)))
    out = np.empty(values.shape, np.uint8)
    for layer, part in enumerate(values):
        out[layer] = np.clip(np.rint(part * np.float32(_ZERO / scale) + _ZERO), 0, 2 * _ZERO)
    return out, scale


def _every(values: Array) -> int:
    """Which part of the symbols is enough to know the scale: every n-th."""
    return max(values.size // 1_000_000, 1)
