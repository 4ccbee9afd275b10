"""How saturated the gates of LSTM and GRU are, unit by unit.

The shares of Karpathy, Johnson and Fei-Fei (2015), "Visualizing and Understanding Recurrent Networks".
"""

from dataclasses import dataclass

import numpy as np

from rnnplay.engine import GATES, Network
from rnnplay.lab.cells.labelled_batch import Columns, read
from rnnplay.tasks.base import Array

SHUT, OPEN = 0.1, 0.9
SATURATING = {"lstm": ("i", "f", "o"), "gru": ("r", "z")}


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
