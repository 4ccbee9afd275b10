"""Held-out data as a network reads it, with the truth of features at every time step.

A text is cut into streams that read side by side. Each begins before its own part, so that its state depends less on
the zero state that it began with. A feature that stays on or off for longer than such a warm-up is read in one stream,
from the beginning: a network that was trained with its state carried over may count on for thousands of characters
what it has once seen. Items of a generated task are read as they are, from a zero state.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np

from rnnplay.config import UserError
from rnnplay.engine import Network, State
from rnnplay.engine.activations import ForwardResult
from rnnplay.lab.cells.feature_truth import batch_truth, truth
from rnnplay.lab.cells.streams import restarts, warm_streams
from rnnplay.tasks.base import Array, Batch, Task

STREAMS = 20
WARM = 100  # characters read before a stream's starts
_NUMBERS = 2**22  # inside the network, for the time steps taken together
_ENOUGH = 100  # time steps of contrast that make a control
_MOST_STEPS = 512  # time steps taken together: a long reading stops between them
_PARAGRAPH = 1_000  # characters in which to look for one that begins


@dataclass(frozen=True, eq=False)
class LabelledBatch:
    """A batch of inputs and targets (T, B), the time steps of it that count, and the truth of a feature at each.

    `counted_index` lists the counted time steps, as indices into (T, B) flattened, in the order of the text: (N,).
    """

    batch: Batch
    counted_index: Array
    feature: Array  # (N,) bool or numbers, at the counted time steps

    @property
    def size(self) -> int:
        return len(self.counted_index)

    def first_half(self) -> "LabelledBatch":
        """The first half of the streams, or of a single one, for a control.

        The whole if the feature hardly varies there: over a few characters the best of many untrained units would
        follow the feature by chance.
        """
        S, B = self.batch.inputs.shape[0], self.batch.inputs.shape[-1]
        streams = max(B // 2, 1)
        in_half = self.counted_index % B < streams if B > 1 else self.counted_index < S // 2
        feature = self.feature[in_half]
        if S < 2 or _contrast(feature) < max(_ENOUGH, 0.3 * _contrast(self.feature)):
            return self
        index = self.counted_index[in_half]
        if B == 1:
            return LabelledBatch(self.batch.slice_time(0, S // 2), index, feature)
        return LabelledBatch(self.batch.select_sequences(slice(streams)), index // B * streams + index % B, feature)

    def select(self, values: Array) -> Array:
        """(..., T, B) -> (..., N)."""
        return values.reshape(*values.shape[:-2], -1)[..., self.counted_index]


def _contrast(feature: Array) -> int:
    """Count the time steps of the rarer of true and false; of numbers, all that differ from the commonest one."""
    counts = np.unique(feature, return_counts=True)[1]
    return int(feature.size - counts.max()) if len(counts) > 1 else 0


def label_held_out(
    task: Task, pattern: str | None, limit: int, ids: Array | None = None, quick: bool = False
) -> LabelledBatch:
    """Return about `limit` held-out time steps, with the truth of `pattern` at each (None: true everywhere).

    `ids`: another text than the task's held-out one. `quick`: read many streams side by side in any case, each from a
    paragraph at which the feature is at rest. Raises UserError if there is nothing to read, or the pattern is
    neither a feature of the task nor a regular expression.
    """
    labelled, features = label_features(task, [] if pattern is None else [pattern], limit, ids, quick=quick)
    return labelled if pattern is None else replace(labelled, feature=features[pattern])


def label_features(
    task: Task,
    patterns: Sequence[str],
    limit: int,
    ids: Array | None = None,
    skip_constant: bool = False,
    quick: bool = False,
) -> tuple[LabelledBatch, dict[str, Array]]:
    """The same with the truth of several features (N,) at the same time steps, by name; the batch's own is all true.

    `skip_constant`: leave out a feature that is the same everywhere. Raises UserError as label_held_out does.
    """
    if limit < 1:
        raise UserError(f"{limit} characters cannot be read.", "Give 1 or more.")
    ids = task.held_out_ids if ids is None else ids
    if len(ids):
        return _text(task, patterns, limit, ids, skip_constant, quick)
    return _items(task, patterns, limit, skip_constant)


def _truths(patterns: Sequence[str], of: Callable[[str], Array], skip_constant: bool) -> dict[str, Array]:
    truths = {}
    for pattern in patterns:
        try:
            truths[pattern] = of(pattern)
        except UserError:
            if not skip_constant:
                raise
    return truths


def _text(
    task: Task, patterns: Sequence[str], limit: int, ids: Array, skip_constant: bool, quick: bool
) -> tuple[LabelledBatch, dict[str, Array]]:
    begin = _beginning(task, ids, limit)
    ids = ids[begin : begin + limit + 1].astype(np.int32)
    N = len(ids) - 1
    if N < 2:
        raise UserError("The text is too short to look at.", "Give one of some thousand characters.")
    features = _truths(patterns, lambda pattern: truth(task, pattern, ids[:N]), skip_constant)
    restart_places = restarts(task, ids[:N], list(features.values()), WARM)
    streams = warm_streams(0, N, N, STREAMS if quick or restart_places is None else 1, WARM, WARM, restart_places)
    batch = Batch(ids[streams.places], ids[streams.places + 1], mask=streams.mask)
    # Stream after stream, each in order: the order of the text.
    S, B = streams.places.shape
    order = (np.arange(streams.warm, S) * B + np.arange(B)[:, None]).reshape(-1)[:N]
    return LabelledBatch(batch, order, np.ones(N, bool)), features


def _beginning(task: Task, ids: Array, limit: int) -> int:
    """The first character to read: after an empty line if one is near, so that no paragraph is cut."""
    spare = min(_PARAGRAPH, len(ids) - 1 - limit)
    if spare < 2 or "\n" not in task.vocabulary:
        return 0
    newline = task.vocabulary.index("\n")
    breaks = np.flatnonzero(ids[:spare] == newline)
    doubled = breaks[1:][np.diff(breaks) == 1]
    return int(doubled[0]) + 1 if len(doubled) else int(breaks[0]) + 1 if len(breaks) else 0


def _items(
    task: Task, patterns: Sequence[str], limit: int, skip_constant: bool
) -> tuple[LabelledBatch, dict[str, Array]]:
    batch = next(iter(task.evaluation()), None)
    if batch is None:
        raise UserError(f"{task.name} has nothing held out to look at.", "Choose another task.")
    T, B = batch.inputs.shape[0], batch.inputs.shape[-1]
    count = max(1, min(B, limit // T))

    batch = batch.select_sequences(slice(count))
    features = _truths(patterns, lambda pattern: batch_truth(task, pattern, batch), skip_constant)
    counted = np.ones((T, count), bool) if batch.mask is None else batch.mask
    # Item after item, as a text would stand.
    order = np.flatnonzero(counted.T).reshape(-1)
    order = (order % T) * count + order // T
    labelled = LabelledBatch(batch, order, np.ones(len(order), bool))
    return labelled, {name: feature.reshape(-1)[order] for name, feature in features.items()}


def forward_chunks(network: Network, batch: Batch, gates: bool = False) -> Iterator[tuple[int, ForwardResult]]:
    """Run `network` over `batch`, some time steps at a time: (first time step, its results)."""
    a = network.architecture
    T, B = batch.inputs.shape[0], batch.inputs.shape[-1]
    steps = max(1, min(T, _MOST_STEPS, _NUMBERS // (B * a.layers * (8 * a.hidden + a.outputs))))
    state: State | None = None
    for begin in range(0, T, steps):
        result = network.forward(batch.slice_time(begin, begin + steps), state, gates=gates)
        state = result.state
        yield begin, result
