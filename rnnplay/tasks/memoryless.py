"""The loss of a predictor that sees the present input alone: what a network without memory can reach.

Exact if the held-out sequences are the whole distribution, or if its probabilities are known; else counted on training
sequences. A parenthesis in a baseline's name is a detail that a narrow panel leaves out.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np

from rnnplay.tasks.base import Batch

Array = np.ndarray[Any, np.dtype[Any]]

PRESENT_INPUT = "from the present input alone"
_ADDED = (1.0, 0.1, 0.01, 1e-3, 1e-4)  # to each count, so that no pair is impossible


def counted_name(time_steps: int, step_unit: str) -> str:
    """Name the baseline whose table was counted on so many `step_unit` (plural)."""
    return f"{PRESENT_INPUT} (counted on {time_steps:,} {step_unit})"


def pair_counts(batches: Sequence[Batch], inputs: int, outputs: int) -> Array:
    """Return how often each target follows each present input (inputs, outputs), a time step counting its weight."""
    counts = np.zeros((inputs, outputs))
    for batch in batches:
        np.add.at(counts, (batch.inputs, batch.targets), 1 if batch.weights is None else batch.weights)
    return counts


def least_loss(held_out: Sequence[Batch], inputs: int, outputs: int) -> float:
    """The conditional entropy H(target | present input) of `held_out`, nats a time step.

    No function of the present input alone has a lower loss on these sequences.
    """
    counts = pair_counts(held_out, inputs, outputs)
    totals = counts.sum(axis=1, keepdims=True)
    seen = counts > 0
    surprise = np.log(np.maximum(totals, 1e-300)) - np.log(np.where(seen, counts, 1))
    return float((counts * surprise)[seen].sum() / counts.sum())


def table_loss(probabilities: Array, held_out: Sequence[Batch]) -> float:
    """Nats a time step on `held_out` of P(target | present input), a table (inputs, outputs)."""
    counts = pair_counts(held_out, *probabilities.shape)
    seen = counts > 0
    return float((counts[seen] * -np.log(probabilities[seen])).sum() / counts.sum())


def counted_loss(training: Sequence[Batch], held_out: Sequence[Batch], inputs: int, outputs: int) -> float:
    """`table_loss` of the table counted on `training`; what is added to its counts is what `held_out` bears best."""
    counts = pair_counts(training, inputs, outputs)
    tables = (counts + added for added in _ADDED)
    return min(table_loss(table / table.sum(axis=1, keepdims=True), held_out) for table in tables)
