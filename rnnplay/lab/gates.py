"""The gates of LSTM and GRU over a text: each one's values, and how much of the time each unit's is shut or open.

The engine keeps no gates; they follow from the states before and the inputs, for all time steps at once, by the cell's
equations.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from rnnplay.engine import Network
from rnnplay.lab import equations
from rnnplay.lab.reading import Columns, read
from rnnplay.lab.walk import Walk
from rnnplay.tasks.base import Array

SHUT, OPEN = 0.1, 0.9
SATURATING = {"lstm": ("i", "f", "o"), "gru": ("r", "z")}
_TOGETHER = 512  # time steps, for they are computed in float64


@dataclass(frozen=True, eq=False)
class Shares:
    """One gate of one layer: for each unit the share of time steps at which it is below 0.1, and above 0.9: (H,)."""

    layer: int
    gate: str
    left: Array
    right: Array


def shares(network: Network, columns: Columns) -> list[Shares]:
    """How saturated the gates are over the counted time steps; nothing for a cell that has none."""
    a = network.architecture
    names = SATURATING.get(a.cell, ())
    if not names:
        return []
    weights = Walk(a, network.parameters).chains[-1].layers
    B = columns.batch.inputs.shape[-1]
    counted = np.zeros(columns.batch.inputs.shape[0] * B, bool)
    counted[columns.order] = True
    shut = np.zeros((a.layers, len(names), a.hidden))
    open_ = np.zeros_like(shut)
    for begin, stack in read(network, columns.batch):
        here = counted[begin * B : (begin + stack.T) * B]
        inputs = columns.batch.inputs[begin : begin + stack.T]
        x = inputs.reshape(-1)[here] if a.by_id else inputs.transpose(1, 0, 2).reshape(a.inputs, -1)[:, here]
        for layer, run in enumerate(stack.runs):
            before = run.h[: stack.T].reshape(-1, a.hidden)[here].T
            for values in gate_values(weights[layer], x, before):
                for n, name in enumerate(names):
                    shut[layer, n] += (values[name] < SHUT).sum(axis=1)
                    open_[layer, n] += (values[name] > OPEN).sum(axis=1)
            x = run.h[1 : stack.T + 1].reshape(-1, a.hidden)[here].T
    return [
        Shares(layer, name, shut[layer, n] / columns.size, open_[layer, n] / columns.size)
        for layer in range(a.layers)
        for n, name in enumerate(names)
    ]


def gate_values(weights: equations.Weights, x: Array, before: Array) -> Iterator[dict[str, Array]]:
    """Every gate (H, n), some columns at a time; x: ids (N,) or columns (D, N), and the states before them (H, N)."""
    for start in range(0, before.shape[1], _TOGETHER):
        part = slice(start, start + _TOGETHER)
        h = before[:, part].astype(np.float64)
        yield equations.forward(weights, x[..., part], h, np.zeros_like(h)).gates


def expected(network: Network, top: Array, most: int) -> tuple[Array, Array]:
    """What the network expects after each symbol, given its top layer's h (H, N): ids and probabilities (most, N)."""
    W, b = network.parameters["W_hy"], network.parameters.get("b_y")
    N = top.shape[1]
    most = min(most, len(W))
    ids, chances = np.empty((most, N), np.uint16), np.empty((most, N), np.float16)
    for start in range(0, N, _TOGETHER):
        part = slice(start, start + _TOGETHER)
        y = W @ top[:, part].astype(W.dtype)
        if b is not None:
            y += b
        p = np.exp(y - y.max(axis=0))
        p /= p.sum(axis=0)
        best = np.argpartition(-p, most - 1, axis=0)[:most] if most < len(p) else np.argsort(-p, axis=0)
        order = np.argsort(-np.take_along_axis(p, best, axis=0), axis=0, kind="stable")
        best = np.take_along_axis(best, order, axis=0)
        ids[:, part], chances[:, part] = best, np.take_along_axis(p, best, axis=0)
    return ids, chances
