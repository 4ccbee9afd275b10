"""Saturation of the gates of LSTM and GRU, unit by unit.

The shares of Karpathy, Johnson and Fei-Fei (2015), "Visualizing and Understanding Recurrent Networks".
"""

from dataclasses import dataclass

import numpy as np

from rnnplay.engine import GATES, Network
from rnnplay.lab.cells.labelled_batch import LabelledBatch, forward_chunks
from rnnplay.tasks.base import Array

SHUT, OPEN = 0.1, 0.9
SATURATING = {"lstm": ("i", "f", "o"), "gru": ("r", "z")}


@dataclass(frozen=True, eq=False)
class GateSaturation:
    """One gate of one layer: for each unit the share of time steps at which it is below 0.1, and above 0.9: (H,)."""

    layer: int
    gate: str
    left_saturated: Array
    right_saturated: Array


def gate_saturation(network: Network, labelled: LabelledBatch) -> list[GateSaturation]:
    """Return how saturated the gates are over the counted time steps; nothing for a cell that has none."""
    a = network.architecture
    names = SATURATING.get(a.cell, ())
    if not names:
        return []
    B = labelled.batch.inputs.shape[-1]
    counted = np.zeros(labelled.batch.inputs.shape[0] * B, bool)
    counted[labelled.counted_index] = True
    counted = counted.reshape(-1, B)
    result = [
        GateSaturation(layer, name, np.zeros(a.hidden), np.zeros(a.hidden))
        for layer in range(a.layers)
        for name in names
    ]
    for begin, inside in forward_chunks(network, labelled.batch, gates=True):
        assert inside.gates is not None
        counted_here = counted[begin : begin + len(inside.logits)]
        for saturation in result:
            first = GATES[a.cell].index(saturation.gate) * a.hidden
            values = inside.gates[saturation.layer][:, first : first + a.hidden].transpose(1, 0, 2)[
                :, counted_here
            ]  # (H, n)
            saturation.left_saturated[...] += (values < SHUT).sum(axis=1) / labelled.size
            saturation.right_saturated[...] += (values > OPEN).sum(axis=1) / labelled.size
    return result
