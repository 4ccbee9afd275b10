"""The activations of all units over held-out items, one item a line: what a heatmap shows where there is no text.

A time step stands under the name of its input; an encoder's words stand on a line of their own before the decoder's.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from rnnplay.config import UserError
from rnnplay.engine import Network
from rnnplay.engine.looking import Forward
from rnnplay.lab.cells.trace import Reading, check_state, picked
from rnnplay.lab.gradients import unpadded
from rnnplay.tasks.base import Array, Example, Task

MOST = 24  # items
END_OF_LINE = "\n"


@dataclass(frozen=True, eq=False)
class Items(Reading):
    """A Reading that knows the names of its own time steps."""

    names: tuple[str, ...] = ()

    def symbols(self, vocabulary: tuple[str, ...]) -> tuple[str, ...]:
        return self.names


def item(task: Task, index: int) -> Example:
    """Held-out item `index` of the task without its padding. Raises UserError where there is none."""
    if index < 0:
        raise UserError(f"There is no example {index}.", "Examples count from 0.")
    example = task.example(index)
    if example is None:
        raise UserError(f"{task.name} is a text: it has no examples.", "Look at a piece of it.")
    batch = unpadded(example.batch, 1)
    T = batch.inputs.shape[0]
    return Example(
        example.title,
        example.inputs[:T],
        example.targets[:T],
        batch,
        example.picture,
        example.source,
        example.series,
    )


def read_examples(network: Network, task: Task, first: int, length: int, state: str) -> Items:
    """Items from `first` on, whole, until their names fill about `length` cells. Raises UserError: no such state.

    After each item, and after an encoder's source, comes a time step "\\n" at which all units are at zero.
    """
    check_state(network, state)
    names: list[str] = []
    values: list[Array] = []
    surprise: list[Array] = []
    cells = 0
    for index in range(first, first + MOST):
        example = item(task, index)
        found = network.forward(example.batch, gates=state not in ("h", "c"))
        T = example.batch.inputs.shape[0]
        parts = [(named(example.inputs), picked(network, found, state)[..., 0], _bits(network, example, found))]
        if found.encoder is not None and example.source is not None:
            S = len(example.source)
            parts.insert(0, (named(example.source), picked(network, found.encoder, state)[..., 0], np.zeros(S)))
        more = sum(len(name) for part, _, _ in parts for name in part) + len(parts)
        if names and cells + more > length:
            break
        cells += more
        for part, activations, bits in parts:
            names += [*part, END_OF_LINE]
            silent = np.zeros((*activations.shape[::2], 1))
            values.append(np.concatenate([activations.transpose(0, 2, 1), silent], axis=2))
            surprise += [bits, np.zeros(1)]
        if length <= T:
            break
    together = np.concatenate(values, axis=2).astype(np.float16)
    return Items(0, 0, together, np.concatenate(surprise), np.arange(len(names)), tuple(names))


def named(inputs: Sequence[str | None]) -> list[str]:
    """Names that can stand side by side: with a space behind each where some are longer than a letter."""
    gap = " " if any(name is not None and len(name) > 1 for name in inputs) else ""
    return [f"{'·' if name is None else name}{gap}" for name in inputs]


def _bits(network: Network, example: Example, found: Forward) -> Array:
    """The surprise (T,) of each target; where targets are the next inputs, at the input that it is."""
    batch = example.batch
    T = batch.inputs.shape[0]
    bits = np.zeros(T)
    if network.architecture.readout != "softmax":
        return bits
    own = np.clip(found.outputs[np.arange(T), batch.targets[:, 0], 0], 1e-12, 1)
    known = np.array([target is not None for target in example.targets])
    bits[known] = -np.log2(own[known])
    if batch.inputs.ndim == 2 and T > 1 and np.array_equal(batch.inputs[1:], batch.targets[:-1]):
        return np.concatenate([[0.0], bits[:-1]])
    return bits
