"""The h and c of all units at the counted time steps of a LabelledBatch, read some time steps at a time."""

from collections.abc import Generator, Sequence
from dataclasses import dataclass
from typing import TypeVar

import numpy as np

from rnnplay.engine import Network
from rnnplay.lab.cells.labelled_batch import LabelledBatch, forward_chunks
from rnnplay.tasks.base import Array

STATES = {"lstm": ("h", "c")}
_BLOCK = 128  # rows transposed together

Result = TypeVar("Result")
InSlices = Generator[None, None, Result]
"""A computation that stops often, so that training can go on between its slices; it returns a Result at its end."""


@dataclass(frozen=True)
class Unit:
    """One hidden number of a network: the h or the c of a unit. Counted from 0."""

    layer: int
    unit: int
    state: str

    def __str__(self) -> str:
        """Return the name in which layer and unit count from 1: unit 37 of layer 1."""
        memory = " (c)" if self.state == "c" else ""
        return f"unit {self.unit + 1} of layer {self.layer + 1}{memory}"


def states_of(network: Network) -> tuple[str, ...]:
    """Return what a unit of this cell has: h, and an LSTM's c."""
    return STATES.get(network.architecture.cell, ("h",))


def read_states(
    network: Network,
    labelled: LabelledBatch,
    layers: Sequence[int] | None = None,
    states: Sequence[str] | None = None,
    units: slice = slice(None),
) -> InSlices[dict[tuple[int, str], Array]]:
    """(N, units) float32 of each (layer, state), in the text's order; None: all of them."""
    layers = range(network.architecture.layers) if layers is None else layers
    states = states_of(network) if states is None else states
    B, N = labelled.batch.inputs.shape[-1], labelled.size
    place = np.full(labelled.batch.inputs.shape[0] * B, -1)
    place[labelled.counted_index] = np.arange(N)
    width = len(range(*units.indices(network.architecture.hidden)))
    rows = {(layer, state): np.empty((N, width), np.float32) for layer in layers for state in states}
    for begin, result in forward_chunks(network, labelled.batch):
        T = len(result.logits)
        counted_rows = place[begin * B : (begin + T) * B]
        counted = counted_rows >= 0
        for (layer, state), own in rows.items():
            inside = result.c if state == "c" else result.h
            assert inside is not None
            values = inside[layer, 1:, units].swapaxes(1, 2).reshape(-1, width)
            own[counted_rows[counted]] = values[counted]
        yield
    return rows


def transposed(rows: Array) -> Array:
    """(N, H) -> (H, N), contiguous: block by block, each of which stays in the cache."""
    out = np.empty(rows.shape[::-1], rows.dtype)
    for start in range(0, len(rows), _BLOCK):
        out[:, start : start + _BLOCK] = rows[start : start + _BLOCK].T
    return out
