"""A text of separate items (names, tweets, recipes, tunes): each is learned by itself, and so is where it ends.

No item sees the one before it: the items of a batch begin together, each at the start of a column, from a zero state.
Longer ones go on over several windows, which carry the state; behind an item's end a column counts nothing.
"""

import hashlib
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from rnnplay import corpora
from rnnplay.config import UserError
from rnnplay.tasks.base import Array, Batch
from rnnplay.tasks.data import MAX_HELD_OUT, TaskData
from rnnplay.tasks.text import EVALUATION_STREAMS, TextTask

_ROUND = 8  # time steps: lengths of last windows are multiples of it, so that few sizes occur
_HALF = 2**64


class DocumentTask(TextTask):
    """Predict the next character of an item, and its end. Items are held out by their hash, never by their place.

    In `training_ids` and `held_out_ids` an end symbol stands before the first item and behind each.
    """

    def _prepare(self, text: corpora.EncodedText) -> None:
        config = self.config
        self.sha256, self.unknown_id, self.notes = text.sha256, text.unknown_id, text.notes
        self.end_symbol = end_symbol(config.document)
        vocabulary = text.vocabulary
        if self.end_symbol not in vocabulary:
            vocabulary = (*vocabulary, self.end_symbol)
        self._set_vocabulary(vocabulary)
        items = split_items(text.ids, text.vocabulary, config.document)
        hashes = np.array([item_hash(self.decode(item)) for item in items], np.uint64).reshape(-1, 2)
        is_held_out = hashes[:, 1] < config.validation * _HALF
        self._items: list[Array] = [item for item, held in zip(items, is_held_out, strict=True) if not held]
        held_out = [item for item, held in zip(items, is_held_out, strict=True) if held]
        if len(self._items) < 2 or (config.validation and not held_out):
            raise UserError(
                f'"{text.name}" has {len(items):,} item{"s" * (len(items) != 1)}, too few to hold some out.',
                "Give more of them, or another --document.",
            )
        self.item_hashes = np.unique(hashes[:, 0])  # of held-out ones too: they are not new either
        self.training_ids, self.held_out_ids = self._flat(self._items), self._flat(held_out)
        self.training_size, self.held_out_size = len(self.training_ids), len(self.held_out_ids)
        self.notes += (f"The text has {len(items):,} items; {len(held_out):,} of them are held out.",)
        self.longest_lag = 0
        self.epoch_steps = sum(len(windows) for _, windows in self._groups(np.arange(len(self._items))))
        self._epoch, self._position = -1, self.epoch_steps  # the next batch begins an epoch
        self._plan: list[tuple[Array, range, int]] = []

    def _set_vocabulary(self, vocabulary: tuple[str, ...]) -> None:
        self.vocabulary = self.output_vocabulary = vocabulary
        self.inputs = self.outputs = len(vocabulary)
        self._end = vocabulary.index(self.end_symbol or "")

    def _restore_data(self, data: TaskData) -> None:
        super()._restore_data(data)
        self.end_symbol = end_symbol(self.config.document)
        self._set_vocabulary(self.vocabulary)
        self.item_hashes = data.array("item_hashes")

    def data(self) -> TaskData:
        data = super().data()
        return TaskData({**data.arrays, "item_hashes": self.item_hashes}, data.values)

    def _flat(self, items: Sequence[Array]) -> Array:
        end = np.array([self._end], np.uint8 if self.inputs <= 256 else np.uint16)
        return np.concatenate([end, *(part.astype(end.dtype) for item in items for part in (item, end))])

    def _groups(self, order: Array) -> list[tuple[Array, range]]:
        """(items, first time steps of their windows) of groups of up to B items that take about as many windows."""
        T, B = self.config.seq_len, self.config.batch
        lengths = np.array([len(self._items[i]) + 1 for i in order])
        order = order[np.argsort(-(-lengths // T), kind="stable")]
        groups = [order[begin : begin + B] for begin in range(0, len(order), B)]
        return [(group, range(0, max(len(self._items[i]) + 1 for i in group), T)) for group in groups]

    def batch(self, step: int) -> Batch:
        """(T, B): the next window of a group of items. The last window of a group may be shorter."""
        if self._position >= self.epoch_steps:
            self._epoch, self._position = self._epoch + 1, 0
            self._plan = []
        if not self._plan:
            rng = np.random.default_rng((self.config.seed, self._epoch))
            groups = self._groups(rng.permutation(len(self._items)))
            shuffled = [groups[i] for i in rng.permutation(len(groups))]
            self._plan = [(group, windows, first) for group, windows in shuffled for first in windows]
        group, windows, first = self._plan[self._position]
        self._position += 1
        items = [self._items[i] for i in group]
        return self._window(items, self.config.batch, windows.stop, first)

    def _window(self, items: Sequence[Array], columns: int, length: int, first: int) -> Batch:
        """The window of `items` that begins at time step `first`; a column without an item counts nothing."""
        T = min(self.config.seq_len, -(-(length - first) // _ROUND) * _ROUND)
        inputs, targets = np.full((2, T, columns), self._end, np.int32)
        weights = np.zeros((T, columns), np.float32)
        for column, item in enumerate(items):
            whole = np.concatenate([[self._end], item, [self._end]])[first : first + T + 1]
            count = max(len(whole) - 1, 0)
            inputs[:count, column], targets[:count, column] = whole[:count], whole[1 : count + 1]
            weights[:count, column] = 1
        return Batch(inputs, targets, weights, resets_state=first == 0 or not self.config.carry)

    def evaluation(self, streams: int = EVALUATION_STREAMS, limit: int = MAX_HELD_OUT) -> Iterator[Batch]:
        return self.batches_of(self.held_out_ids[: limit + 1], streams)

    def items_of(self, ids: Array) -> list[Array]:
        """All whole items in `ids` (N,), without their ends, in their order."""
        if self.config.document != "line" and self._end not in ids:
            items = split_items(ids, self.vocabulary, self.config.document)
        else:
            ends = np.flatnonzero(ids == self._end)
            items = [part[1:] if n else part for n, part in enumerate(np.split(ids, ends))][: len(ends)]
        return [item for item in items if len(item)]

    def batches_of(self, ids: Array, streams: int) -> Iterator[Batch]:
        """Yield the windows of all whole items in `ids`, `streams` of them side by side."""
        items = sorted(self.items_of(ids), key=len)
        for begin in range(0, len(items), streams):
            group = items[begin : begin + streams]
            length = len(group[-1]) + 1
            for first in range(0, length, self.config.seq_len):
                yield self._window(group, len(group), length, first)

    def restore(self, state: dict[str, Any]) -> None:
        self._plan, self._length = [], self.epoch_steps  # what the place is counted to
        super().restore(state)


END_OF_ITEM = corpora.END_OF_FILE


def end_symbol(document: str | None) -> str:
    """The symbol that is learned as an item's end: a line's end, or one that no text has."""
    return "\n" if document == "line" else END_OF_ITEM


def item_hash(item: str) -> tuple[int, int]:
    """Two numbers of 64 bits: one that tells items apart, and one that decides whether the item is held out."""
    digest = hashlib.blake2b(item.encode("utf-8", "surrogatepass"), digest_size=16).digest()
    return int.from_bytes(digest[:8], "little"), int.from_bytes(digest[8:], "little")


def split_items(ids: Array, vocabulary: tuple[str, ...], document: str | None) -> list[Array]:
    """The items of a text (N,), none of them empty, without their ends: lines, what blank lines part, or files."""
    number = {symbol: i for i, symbol in enumerate(vocabulary)}
    if document == "file":
        return _parts(ids, number.get(END_OF_ITEM))
    lines = _parts(ids, number.get("\n"), keep_empty=document == "blank")
    if document == "line":
        return lines
    space = [number[symbol] for symbol in " \t\r\f" if symbol in number]
    items: list[Array] = []
    begin = 0
    newline = np.array([number.get("\n", 0)], ids.dtype)
    for place, line in enumerate([*lines, ids[:0]]):
        if np.isin(line, space).all():  # so is an empty one
            if place > begin:
                items.append(np.concatenate([part for one in lines[begin:place] for part in (one, newline)][:-1]))
            begin = place + 1
    return items


def _parts(ids: Array, end: int | None, keep_empty: bool = False) -> list[Array]:
    if end is None:
        return [ids] if len(ids) else []
    places = np.flatnonzero(ids == end)
    parts = [part[1:] if n else part for n, part in enumerate(np.split(ids, places))]
    return parts if keep_empty else [part for part in parts if len(part)]
