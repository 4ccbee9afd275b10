"""How saturated the gates of LSTM and GRU are, unit by unit; and what a network expects after each symbol.

The shares of Karpathy, Johnson and Fei-Fei (2015), "Visualizing and Understanding Recurrent Networks".
"""

from dataclasses import dataclass

import numpy as np

from rnnplay.engine import GATES, Network
from rnnplay.lab.cells.labelled_batch import Columns, read
from rnnplay.tasks.base import Array

SHUT, OPEN = 0.1, 0.9
SATURATING = {"lstm": ("i", "f", "o"), "gru": ("r", "z")}
_TOGETHER = 512  # symbols


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
    B = columns.batch.inputs.shape[-1]
    counted = np.zeros(columns.batch.inputs.shape[0] * B, bool)
    counted[columns.order] = True
    counted = counted.reshape(-1, B)
    found = [Shares(layer, name, np.zeros(a.hidden), np.zeros(a.hidden)) for layer in range(a.layers) for name in names]
    for begin, inside in read(network, columns.batch, gates=True):
        assert inside.gates is not None
        here = counted[begin : begin + len(inside.logits)]
        for share in found:
            first = GATES[a.cell].index(share.gate) * a.hidden
            values = inside.gates[share.layer][:, first : first + a.hidden].transpose(1, 0, 2)[:, here]  # (H, n)
            share.left[...] += (values < SHUT).sum(axis=1) / columns.size
            share.right[...] += (values > OPEN).sum(axis=1) / columns.size
    return found


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
        best = np.argpartition(-p, most - 1, axis=0)[:most]
        order = np.argsort(-np.take_along_axis(p, best, axis=0), axis=0, kind="stable")
        best = np.take_along_axis(best, order, axis=0)
        ids[:, part], chances[:, part] = best, np.take_along_axis(p, best, axis=0)
    return ids, chances
