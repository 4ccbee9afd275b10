"""The two halves of a batch: whether to split a step, how to cut it, and how to put its states together again."""

import numpy as np

from rnnplay.engine import Architecture, BatchLike, SliceableBatch, State

MIN_SPLIT_MULS = 12_000_000
"""Multiplications of a forward pass from which a step is split: below, the messages take longer than it saves."""


def forward_muls(a: Architecture, T: int, B: int) -> int:
    """The multiplications of a forward pass over T time steps of B sequences."""
    gates = {"rnn": 1, "lstm": 4, "gru": 3, "input-rnn": 2}[a.cell]
    read = a.hidden if a.inputs_are_ids else a.hidden + a.inputs
    return T * B * (gates * a.hidden * (read + (a.layers - 1) * 2 * a.hidden) + a.outputs * a.hidden)


def should_split(a: Architecture, T: int, B: int) -> bool:
    """Return whether splitting T time steps of B sequences saves time: by sizes alone, so that a run repeats."""
    return B >= 2 and forward_muls(a, T, B) >= MIN_SPLIT_MULS


def total_weight(batch: BatchLike) -> float:
    """The sum of a batch's weights; without weights T*B."""
    if batch.weights is None:
        return float(batch.inputs.shape[0] * batch.inputs.shape[-1])
    return float(batch.weights.sum())


def split_batch(
    batch: SliceableBatch, state: State | None
) -> tuple[tuple[BatchLike, State | None], tuple[BatchLike, State | None]]:
    """The first sequences of a batch and its state, half of them rounded up, and the others; views."""
    B = batch.inputs.shape[-1]
    middle = (B + 1) // 2

    def half(a: int, b: int) -> tuple[BatchLike, State | None]:
        part_state = None if state is None else [type(layer)(*(array[:, a:b] for array in layer)) for layer in state]
        return batch.select_sequences(slice(a, b)), part_state

    return half(0, middle), half(middle, B)


def join_states(first: State, second: State) -> State:
    """The states of the halves as one."""
    return [
        type(a)(*(np.concatenate(arrays, axis=1) for arrays in zip(a, b, strict=True)))
        for a, b in zip(first, second, strict=True)
    ]
