"""Held-out data as a network reads it: many streams side by side, each warmed up, and all states at every time step.

A text is cut into streams that each read some characters before their own, so that their states are those of a reader
who has been reading for a while. Items of a generated task are read as they are, from a zero state.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np

from rnnplay.config import UserError
from rnnplay.engine import Network, State
from rnnplay.engine.activations import ForwardResult
from rnnplay.lab.cells.feature_truth import batch_truth, truth
from rnnplay.lab.cells.trace import take
from rnnplay.tasks.base import Array, Batch, Task

STREAMS = 20
WARM = 100  # characters read before a stream's own
_NUMBERS = 2**22  # inside the network, for the time steps taken together
_ENOUGH = 100  # time steps of contrast that make a control
_PARAGRAPH = 1_000  # characters in which to look for one that begins


@dataclass(frozen=True, eq=False)
class Columns:
    """What is read: inputs and targets (T, B) of a Batch, and where a time step counts.

    `order` lists the counted time steps, as indices into (T, B) flattened, in the order of the text: (N,).
    """

    batch: Batch
    order: Array
    feature: Array  # (N,) bool or numbers, at the counted time steps

    @property
    def size(self) -> int:
        return len(self.order)

    def half(self) -> "Columns":
        """Its first streams only, half of the text: enough to know a control. Itself where they hold little contrast.

        Of a few characters alone the best of many untrained units would be right by chance.
        """
        B = self.batch.inputs.shape[-1]
        mine = self.order % B < B // 2
        feature = self.feature[mine]
        if B < 2 or _contrast(feature) < max(_ENOUGH, 0.3 * _contrast(self.feature)):
            return self
        order = self.order[mine] // B * (B // 2) + self.order[mine] % B
        return Columns(take(self.batch, 0, B // 2), order, feature)

    def pick(self, values: Array) -> Array:
        """(..., T, B) -> (..., N)."""
        return values.reshape(*values.shape[:-2], -1)[..., self.order]


def _contrast(feature: Array) -> int:
    """How many time steps tell it apart: the rarer of true and false; of degrees, all that are not the commonest."""
    counts = np.unique(feature, return_counts=True)[1]
    return int(feature.size - counts.max()) if len(counts) > 1 else 0


def columns(task: Task, pattern: str | None, limit: int, ids: Array | None = None) -> Columns:
    """About `limit` held-out time steps, with the truth of `pattern` at each (None: true everywhere).

    `ids`: another text than the task's held-out one. Raises UserError where there is nothing to read, or where the
    pattern makes no sense of it.
    """
    if limit < 1:
        raise UserError(f"{limit} characters cannot be read.", "Give 1 or more.")
    ids = task.held_out_ids if ids is None else ids
    if len(ids):
        return _text(task, pattern, limit, ids)
    return _items(task, pattern, limit)


def _text(task: Task, pattern: str | None, limit: int, ids: Array) -> Columns:
    begin = _beginning(task, ids, limit)
    ids = ids[begin : begin + limit + 1].astype(np.int32)
    N = len(ids) - 1
    if N < 2:
        raise UserError("The text is too short to look at.", "Give one of some thousand characters.")
    feature = np.ones(N, bool) if pattern is None else truth(task, pattern, ids[:N])
    B = max(1, min(STREAMS, N // WARM))
    T = -(-N // B)
    own = T * np.arange(B)
    warm = min(WARM, T) if B > 1 else 0
    places = own + np.arange(-warm, T)[:, None]  # (warm + T, B)
    read = np.clip(places, 0, N - 1)
    counted = (np.arange(-warm, T)[:, None] >= 0) & (places < N)
    # Before the text's beginning there is nothing to read: there the state stays zero.
    batch = Batch(ids[read], ids[read + 1], mask=places >= 0 if warm else None)
    at, stream = np.nonzero(counted)
    order = (at * B + stream)[np.argsort(places[at, stream], kind="stable")]
    return Columns(batch, order, feature)


def _beginning(task: Task, ids: Array, limit: int) -> int:
    """Where the text read begins: after an empty line where one is near, so that nothing is cut in the middle."""
    spare = min(_PARAGRAPH, len(ids) - 1 - limit)
    if spare < 2 or "\n" not in task.vocabulary:
        return 0
    newline = task.vocabulary.index("\n")
    breaks = np.flatnonzero(ids[:spare] == newline)
    doubled = breaks[1:][np.diff(breaks) == 1]
    return int(doubled[0]) + 1 if len(doubled) else int(breaks[0]) + 1 if len(breaks) else 0


def _items(task: Task, pattern: str | None, limit: int) -> Columns:
    batch = next(iter(task.evaluation()), None)
    if batch is None:
        raise UserError(f"{task.name} has nothing held out to look at.", "Choose another task.")
    T, B = batch.inputs.shape[0], batch.inputs.shape[-1]
    wanted = max(1, min(B, limit // T))

    batch = take(batch, 0, wanted)
    feature = np.ones((T, wanted), bool) if pattern is None else batch_truth(task, pattern, batch)
    real = np.ones((T, wanted), bool) if batch.mask is None else batch.mask
    # Item after item, as a text would stand.
    order = np.flatnonzero(real.T).reshape(-1)
    order = (order % T) * wanted + order // T
    return Columns(batch, order, feature.reshape(-1)[order])


def read(network: Network, batch: Batch, gates: bool = False) -> Iterator[tuple[int, ForwardResult]]:
    """Read `batch` from its beginning, some time steps at a time: (the first of them, what is inside)."""
    a = network.architecture
    T, B = batch.inputs.shape[0], batch.inputs.shape[-1]
    steps = max(1, min(T, _NUMBERS // (B * a.layers * (8 * a.hidden + a.outputs))))
    state: State | None = None
    for begin in range(0, T, steps):
        here = slice(begin, begin + steps)
        part = replace(batch, inputs=batch.inputs[here], targets=batch.targets[here], weights=None)
        if batch.mask is not None:
            part = replace(part, mask=batch.mask[here])
        found = network.forward(part, state, gates=gates)  # what sets the first state is read with the first time steps
        state = found.state
        yield begin, found
