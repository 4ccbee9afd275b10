"""A text of separate items (names, tweets, recipes, tunes): each is learned by itself, and so is where it ends.

No item sees the one before it: the items of a batch begin together, each at the start of a column, from a zero state.
Longer ones go on over several windows, which carry the state; behind an item's end a column counts nothing.
"""

from collections.abc import Iterator
from typing import Any

import numpy as np

from rnnplay import corpora
from rnnplay.config import UserError
from rnnplay.corpora.large_text import IdWriter, derived_bytes_limit, report_progress
from rnnplay.tasks.base import Array, Batch
from rnnplay.tasks.data import MAX_HELD_OUT, TaskData
from rnnplay.tasks.item_index import (
    MAX_STORED_HASHES,
    Bounds,
    HashCollector,
    contains,
    end_symbol,
    find_items,
    find_parts,
    hash_items,
)
from rnnplay.tasks.text import EVALUATION_STREAMS, TextTask

MAX_SHUFFLED = 2**19  # items that are put in an order together
SHORT_TEXT = 2**17  # symbols: in a longer one of separate items some are held out by chance alone
_ROUND = 8  # time steps: lengths of last windows are multiples of it, so that few sizes occur
_HASHES = 2**64


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
        count, held_out_count = self._divide(text)
        if len(self._starts) < 3 or (config.validation and not held_out_count):
            different = " different" if count > 2 else ""
            raise UserError(
                f'"{text.name}" has {count:,} item{"s" * (count != 1)}, too few{different} ones to hold some out.',
                "Give more of them, or another --document.",
            )
        self.training_items = len(self._starts) - 1
        self.training_size, self.held_out_size = len(self.training_ids), len(self.held_out_ids)
        self.notes += (f"The text has {count:,} items; {held_out_count:,} of them are held out.",)
        if not self.stores_all_items:
            self.notes += (
                f"The run stores {MAX_STORED_HASHES:,} of its items: `sample --unique` leaves out no others.",
            )
        self.longest_lag = 0
        self._blocks = -(-(len(self._starts) - 1) // MAX_SHUFFLED)
        steps = [int(self._group_windows(self._items_of_block(block)[1]).sum()) for block in range(self._blocks)]
        self._block_steps = np.cumsum([0, *steps])  # the first step of each block in an epoch, and behind the last
        self.epoch_steps = int(self._block_steps[-1])
        self._epoch, self._position = -1, self.epoch_steps  # the next batch begins an epoch
        self._ordered = -1, -1  # epoch and block of the present order

    def _divide(self, text: corpora.EncodedText) -> tuple[int, int]:
        """Lay the items into training_ids and held_out_ids; returns how many there are, and how many are held out."""
        max_bytes, dtype = derived_bytes_limit(text.ids.nbytes), np.uint8 if self.inputs <= 256 else np.uint16
        training, held_out = (IdWriter(None, dtype, max_bytes) for _ in range(2))
        starts = IdWriter(None, np.uint32 if len(text.ids) < 2**32 - 2 else np.int64, max_bytes)
        collector = HashCollector()
        code_points = np.array([ord(symbol) for symbol in text.vocabulary], np.uint32)
        end = np.array([self._end], dtype)
        training.add(end)
        held_out.add(end)
        count = held_out_count = 0
        threshold = self._hash_threshold(text, code_points)
        for begins, ends in find_items(text.ids, text.vocabulary, self.config.document):
            report_progress(int((2 + ends[-1] / len(text.ids)) * text.size), 3 * text.size)  # it was read twice
            hashes = hash_items(text.ids, (begins, ends), code_points)
            collector.add(hashes[:, 0])  # of held-out ones too: they are not new either
            is_held_out = hashes[:, 1] < threshold
            count, held_out_count = count + len(begins), held_out_count + int(is_held_out.sum())
            sizes = (ends - begins + 1)[~is_held_out]
            starts.add(len(training) + np.cumsum(sizes) - sizes)
            if len(begins) == 1:  # it may be long
                for part in (text.ids[begins[0] : ends[0]], end):
                    (held_out if is_held_out[0] else training).add(part)
                continue
            first = int(begins[0])
            part = np.full(int(ends[-1]) - first + 1, self._end, dtype)
            part[:-1] = text.ids[first : ends[-1]]
            part[ends - first] = self._end
            role = np.zeros(len(part) + 1, np.int8)  # 1: training, 2: held out, 0: between items
            role[begins - first] = roles = np.where(is_held_out, 2, 1)
            role[ends - first + 1] -= roles.astype(np.int8)
            np.cumsum(role, out=role)
            training.add(part[role[:-1] == 1])
            held_out.add(part[role[:-1] == 2])
        starts.add(np.array([len(training)]))
        self.training_ids, self.held_out_ids, self._starts = training.array(), held_out.array(), starts.array()
        self.item_hashes, self.stores_all_items = collector.array(), collector.is_complete
        return count, held_out_count

    def _hash_threshold(self, text: corpora.EncodedText, code_points: Array) -> float:
        """Below which second hash an item is held out: of a short text one item at least, if there are three."""
        threshold = self.config.validation * _HASHES
        if not threshold or len(text.ids) > SHORT_TEXT:
            return threshold
        items = find_items(text.ids, text.vocabulary, self.config.document)
        none = np.zeros(0, np.uint64)
        hashes = np.concatenate([none, *(hash_items(text.ids, bounds, code_points)[:, 1] for bounds in items)])
        return max(threshold, float(np.nextafter(float(hashes.min()), np.inf))) if len(hashes) > 2 else threshold

    def _set_vocabulary(self, vocabulary: tuple[str, ...]) -> None:
        self.vocabulary = self.output_vocabulary = vocabulary
        self.inputs = self.outputs = len(vocabulary)
        self._end = vocabulary.index(self.end_symbol or "")

    def _restore_data(self, data: TaskData) -> None:
        super()._restore_data(data)
        self.end_symbol = end_symbol(self.config.document)
        self._set_vocabulary(self.vocabulary)
        self.item_hashes, self.stores_all_items = data.array("item_hashes"), data.values.get("stores_all_items", True)

    def data(self) -> TaskData:
        data = super().data()
        return TaskData(
            {**data.arrays, "item_hashes": self.item_hashes},
            {**data.values, "stores_all_items": self.stores_all_items},
        )

    # ------------------------------------------------------------------------------------------------------- training

    def _items_of_block(self, block: int) -> tuple[Array, Array]:
        """Places (n,) in training_ids, and sizes with their ends, of a block's items: every k-th one of the text."""
        starts = self._starts[:-1][block :: self._blocks].astype(np.int64)
        return starts, self._starts[1:][block :: self._blocks] - starts

    def _group_windows(self, sizes: Array) -> Array:
        """Return how many windows each group of a block's items takes, the fewest first. sizes: of all its items."""
        windows = np.sort(-(-sizes // self.config.seq_len))
        return np.asarray(windows[self._group_bounds(len(windows))[1:] - 1])

    def _group_bounds(self, count: int) -> Array:
        """The first of `count` items of each group of up to B, and behind the last: the groups are about equal."""
        groups = -(-count // self.config.batch)
        return np.arange(groups + 1) * count // groups

    def _order(self, epoch: int, block: int) -> None:
        """Put the items of a block in groups that take about as many windows, and the groups in a random order."""
        T = self.config.seq_len
        rng = np.random.default_rng((self.config.seed, epoch, *((block,) if self._blocks > 1 else ())))
        starts, sizes = self._items_of_block(block)
        order = rng.permutation(len(starts))
        order = order[np.argsort(-(-sizes[order] // T), kind="stable")]
        self._item_starts, self._item_sizes = starts[order], sizes[order]
        windows = self._group_windows(sizes)
        self._groups = rng.permutation(len(windows))
        self._group_steps = np.cumsum(np.concatenate([[self._block_steps[block]], windows[self._groups]]))
        self._ordered = epoch, block

    def batch(self, step: int) -> Batch:
        """(T, B): the next window of a group of items. The last window of a group may be shorter."""
        if self._position >= self.epoch_steps:
            self._epoch, self._position = self._epoch + 1, 0
        block = int(np.searchsorted(self._block_steps, self._position, "right")) - 1
        if self._ordered != (self._epoch, block):
            self._order(self._epoch, block)
        place = int(np.searchsorted(self._group_steps, self._position, "right")) - 1
        first = (self._position - int(self._group_steps[place])) * self.config.seq_len
        self._position += 1
        group = int(self._groups[place])
        rows = slice(*self._group_bounds(len(self._item_starts))[group : group + 2].tolist())
        starts, sizes = self._item_starts[rows], self._item_sizes[rows]
        return self._window(self.training_ids, starts, sizes, self.config.batch, first)

    def _window(self, ids: Array, starts: Array, sizes: Array, columns: int, first: int) -> Batch:
        """The window of items in `ids` that begins at time step `first`; a column without an item counts nothing.

        starts, sizes: of the items (n,), their ends counted.
        """
        T = min(self.config.seq_len, -(-(int(sizes.max()) - first) // _ROUND) * _ROUND)
        inputs, targets = np.full((2, T, columns), self._end, np.int32)
        weights = np.zeros((T, columns), np.float32)
        for column, (start, size) in enumerate(zip(starts.tolist(), sizes.tolist(), strict=True)):
            count = min(T, size - first)
            if count <= 0:
                continue
            begin = start + first
            following = ids[begin : min(begin + count, start + size - 1)]
            targets[: len(following), column] = following
            if first:
                inputs[:count, column] = ids[begin - 1 : begin + count - 1]
            else:
                inputs[1:count, column] = ids[begin : begin + count - 1]
            weights[:count, column] = 1
        return Batch(inputs, targets, weights, resets_state=first == 0 or not self.config.carry)

    def restore(self, state: dict[str, Any]) -> None:
        self._ordered, self._length = (-1, -1), self.epoch_steps  # what the place is counted to
        super().restore(state)

    # ----------------------------------------------------------------------------------------------------- evaluation

    def evaluation(self, streams: int = EVALUATION_STREAMS, limit: int = MAX_HELD_OUT) -> Iterator[Batch]:
        return self.batches_of(self.held_out_ids[: limit + 1], streams)

    def part_words(self, *, test: bool = False) -> str:
        return f"{self.config.validation * 100:.3g} % of the items, by their hash"

    def items_of(self, ids: Array) -> Iterator[Bounds]:
        """Yield the bounds of all whole items in `ids` (N,), some at a time, in their order."""
        if self.config.document != "line" and not contains(ids, self._end):
            return find_items(ids, self.vocabulary, self.config.document)
        return find_parts(ids, self._end, whole=True)

    def item_texts(self, ids: Array) -> Iterator[Array]:
        """Yield the ids of each whole item in `ids` (N,), an end before them."""
        end = np.array([self._end], ids.dtype)
        for begins, ends in self.items_of(ids):
            for begin, stop in zip(begins.tolist(), ends.tolist(), strict=True):
                yield corpora.joined([end, ids[begin:stop]], ids.dtype)

    def batches_of(self, ids: Array, streams: int) -> Iterator[Batch]:
        """Yield the windows of all whole items in `ids`, `streams` of about the same length side by side."""
        for starts, sizes in self._gathered(self.items_of(ids)):
            order = np.argsort(sizes, kind="stable")
            for begin in range(0, len(order), streams):
                group = order[begin : begin + streams]
                for first in range(0, int(sizes[group[-1]]), self.config.seq_len):
                    yield self._window(ids, starts[group], sizes[group], len(group), first)

    def _gathered(self, bounds: Iterator[Bounds]) -> Iterator[tuple[Array, Array]]:
        """Yield starts and sizes of at least MAX_SHUFFLED items at a time, and of those that remain."""
        waiting: list[Bounds] = []
        count = 0
        for begins, ends in bounds:
            waiting.append((begins, ends - begins + 1))
            count += len(begins)
            if count >= MAX_SHUFFLED:
                yield np.concatenate([starts for starts, _ in waiting]), np.concatenate([sizes for _, sizes in waiting])
                waiting, count = [], 0
        if waiting:
            yield np.concatenate([starts for starts, _ in waiting]), np.concatenate([sizes for _, sizes in waiting])
