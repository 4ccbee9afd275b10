"""All activations over a whole text or over all held-out items, as rows: one for each time step, in order.

A text is read once, from a zero state to its end, so that each row is what a reader of everything before it has in
mind. Of separate items each is read from a zero state; of an encoder-decoder, what the decoder does.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from rnnplay.config import UserError
from rnnplay.engine import Network, State
from rnnplay.engine.readout import loss_per_step
from rnnplay.lab.cells.trace import check_state, state_or_gate
from rnnplay.tasks.base import Array, Batch, Task
from rnnplay.tasks.documents import DocumentTask

_NUMBERS = 2**22  # inside the network, for the time steps taken together
# The features of a text are computed in pieces, each with some of the text before it, so that memory has a bound.
_PIECE, _BEFORE = 2**20, 2**16


@dataclass(frozen=True, eq=False)
class TraceRows:
    """Some rows of a trace, n of them."""

    item: Array  # (n,) int32: the item, from 0; 0 in a text without items
    step: Array  # (n,) int64: the time step within the item, from 0
    inputs: Array  # ids (n,), or numbers (n, D)
    surprise: Array  # (n,) float32: bits of each symbol, given those before it; NaN where nothing foretells it
    features: dict[str, Array]  # (n,) bool or float32 each
    states: dict[str, Array]  # (n, L, H) float16 each


class TraceReader:
    """Reads a text or held-out items with a network; `size` is the number of rows."""

    def __init__(self, network: Network, task: Task, ids: Array | None = None, limit: int | None = None) -> None:
        """ids: of a text to read instead of what is held out. limit: rows at most.

        Raises UserError if there is nothing to read, or if `limit` is below 1.
        """
        if limit is not None and limit < 1:
            raise UserError(f"{limit} time steps cannot be read.", "Give 1 or more.")
        self.network, self.task = network, task
        self._ids = ids = task.held_out_ids if ids is None else ids
        self.is_text = isinstance(task, DocumentTask) or len(ids) > 0
        self.has_items = not self.is_text or isinstance(task, DocumentTask)
        self.has_surprise = self.is_text and task.readout == "softmax"
        if isinstance(task, DocumentTask):
            whole = sum(int((ends - begins + 1).sum()) for begins, ends in task.items_of(ids))
        else:
            whole = len(ids) if self.is_text else _count_rows(task)
        self.size = whole if limit is None else min(whole, limit)
        if not self.size:
            raise UserError(f"{task.name} has nothing held out to read.", "Give a text with --text FILE.")

    def rows(self, states: Sequence[str]) -> Iterator[TraceRows]:
        """Yield all rows, some at a time. Raises UserError if the cell has no such state or gate."""
        for state in states:
            check_state(self.network, state)
        left = self.size
        for rows in self._all_rows(states):
            yield rows if len(rows.item) <= left else _first_rows(rows, left)
            left -= len(rows.item)
            if left <= 0:
                return

    def _all_rows(self, states: Sequence[str]) -> Iterator[TraceRows]:
        if not self.is_text:
            yield from self._item_rows(states)
            return
        texts = self.task.item_texts(self._ids) if isinstance(self.task, DocumentTask) else [self._ids]
        for number, ids in enumerate(texts):
            yield from self._text_rows(number, ids, states)

    def _text_rows(self, item: int, ids: Array, states: Sequence[str]) -> Iterator[TraceRows]:
        a = self.network.architecture
        length = max(64, _NUMBERS // (8 * a.layers * a.hidden + 2 * a.outputs))
        gates = any(state not in ("h", "c") for state in states)
        carried: State | None = None
        logits: Array | None = None  # (1, V, 1) of the symbol that follows
        for begin in range(0, len(ids), _PIECE):
            end = min(begin + _PIECE, len(ids))
            features = self._features(ids, begin, end)
            for first in range(begin, end, length):
                part = ids[first : min(first + length, end)].astype(np.int32)
                result = self.network.forward(Batch(part[:, None], part[:, None]), carried, gates=gates)
                carried = result.state
                surprise = np.full(len(part), np.nan, np.float32)
                if self.has_surprise:
                    foretold = result.logits[:-1] if logits is None else np.concatenate([logits, result.logits[:-1]])
                    known = part[len(part) - len(foretold) :]
                    surprise[len(part) - len(known) :] = _bits(foretold, known)
                    logits = result.logits[-1:]
                inner = slice(first - begin, first - begin + len(part))
                yield TraceRows(
                    item=np.full(len(part), item, np.int32),
                    step=np.arange(first, first + len(part)),
                    inputs=ids[first : first + len(part)],
                    surprise=surprise,
                    features={name: values[inner] for name, values in features.items()},
                    states={state: _rows_of(state_or_gate(self.network, result, state)) for state in states},
                )

    def _features(self, ids: Array, begin: int, end: int) -> dict[str, Array]:
        before = max(begin - _BEFORE, 0)
        return {
            name: _as_column(self.task.feature(name, ids[before:end])[begin - before :])
            for name in self.task.feature_names()
        }

    def _item_rows(self, states: Sequence[str]) -> Iterator[TraceRows]:
        a, task = self.network.architecture, self.task
        gates = any(state not in ("h", "c") for state in states)
        number = 0
        for batch in task.evaluation():
            T, B = batch.inputs.shape[0], batch.inputs.shape[-1]
            width = max(1, _NUMBERS // (T * (8 * a.layers * a.hidden + 2 * a.outputs)))
            for first in range(0, B, width):
                part_batch = batch.select_sequences(slice(first, first + width))
                count = part_batch.inputs.shape[-1]
                result = self.network.forward(part_batch, gates=gates)
                features = {name: task.batch_feature(name, part_batch) for name in task.feature_names()}
                values = {state: state_or_gate(self.network, result, state) for state in states}
                for column in range(count):
                    read = np.ones(T, bool) if part_batch.mask is None else part_batch.mask[:, column]
                    yield TraceRows(
                        item=np.full(int(read.sum()), number, np.int32),
                        step=np.flatnonzero(read),
                        inputs=part_batch.inputs[..., column][read],
                        surprise=np.full(int(read.sum()), np.nan, np.float32),
                        features={name: _as_column(feature[:, column][read]) for name, feature in features.items()},
                        states={state: _rows_of(array[..., column, None][:, read]) for state, array in values.items()},
                    )
                    number += 1


def _count_rows(task: Task) -> int:
    return sum(int(batch.token_count if batch.mask is None else batch.mask.sum()) for batch in task.evaluation())


def _bits(logits: Array, ids: Array) -> Array:
    """The surprise (n,) of symbols, in bits, by the logits (n, V, 1) before them."""
    bits: Array = (loss_per_step(logits, ids[:, None], "softmax")[:, 0] / np.log(2)).astype(np.float32)
    return bits


def _rows_of(values: Array) -> Array:
    """(L, n, H, 1) -> (n, L, H) float16; what is larger than its range becomes infinite."""
    with np.errstate(over="ignore"):
        return np.ascontiguousarray(values[..., 0].swapaxes(0, 1), np.float16)


def _as_column(feature: Array) -> Array:
    return feature if feature.dtype == np.bool_ else feature.astype(np.float32)


def _first_rows(rows: TraceRows, count: int) -> TraceRows:
    return TraceRows(
        item=rows.item[:count],
        step=rows.step[:count],
        inputs=rows.inputs[:count],
        surprise=rows.surprise[:count],
        features={name: values[:count] for name, values in rows.features.items()},
        states={name: values[:count] for name, values in rows.states.items()},
    )
