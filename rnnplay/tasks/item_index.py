"""Finds the items of a text (lines, paragraphs, files) in chunks, so that memory does not grow with their number."""

import hashlib
from collections.abc import Iterator
from typing import Any

import numpy as np

from rnnplay import corpora
from rnnplay.tasks.base import Array

END_OF_ITEM = corpora.END_OF_FILE
CHUNK_SIZE = 2**20  # ids at a time
MAX_STORED_HASHES = 2_000_000  # of a text's items: 16 MB

Bounds = tuple[Array, Array]  # for some items: the place of each one's first id, and the place behind its last, int64


def end_symbol(document: str | None) -> str:
    """The symbol that is learned as an item's end: a line's end, or one that no text has."""
    return "\n" if document == "line" else END_OF_ITEM


def find_items(ids: Array, vocabulary: tuple[str, ...], document: str | None) -> Iterator[Bounds]:
    """Yield the bounds of all items of a text (N,), in order: its lines, what blank lines part, or its files.

    No item is empty. An item of more than CHUNK_SIZE ids comes alone; others that come together span two chunks at
    most.
    """
    number = {symbol: i for i, symbol in enumerate(vocabulary)}
    if document == "blank":
        is_space = np.isin(np.arange(len(vocabulary)), [number[symbol] for symbol in " \t\r\f\n" if symbol in number])
        yield from _long_ones_alone(_paragraphs(ids, number.get("\n", -1), is_space))
    else:
        yield from find_parts(ids, number.get(end_symbol(document), -1))


def find_parts(ids: Array, end: int, *, whole: bool = False) -> Iterator[Bounds]:
    """Yield the bounds of what stands between the ids `end`, as find_items does. whole: no part without an end."""
    yield from _long_ones_alone(_parts(ids, end, whole))


def contains(ids: Array, number: int) -> bool:
    """Return whether `number` is one of `ids` (N,)."""
    return any((ids[first : first + CHUNK_SIZE] == number).any() for first in range(0, len(ids), CHUNK_SIZE))


def _parts(ids: Array, end: int, whole: bool) -> Iterator[Bounds]:
    begin = 0
    for first in range(0, len(ids), CHUNK_SIZE):
        ends = np.flatnonzero(ids[first : first + CHUNK_SIZE] == end) + first
        if len(ends):
            begins = np.concatenate([[begin], ends[:-1] + 1])
            begin = int(ends[-1]) + 1
            is_filled = ends > begins
            yield begins[is_filled], ends[is_filled]
    if begin < len(ids) and not whole:
        yield np.array([begin]), np.array([len(ids)])


def _paragraphs(ids: Array, newline: int, is_space: Array) -> Iterator[Bounds]:
    """Runs of lines that hold more than spaces. is_space: for each id; of newlines too."""
    line, line_is_filled = 0, False  # the open line: its first id, and whether it holds more than spaces so far
    item = -1  # the first id of the open item; -1: none is open
    for first in range(0, len(ids), CHUNK_SIZE):
        chunk = ids[first : first + CHUNK_SIZE]
        filled_before = np.cumsum(~is_space[chunk], dtype=np.int32)
        ends = np.flatnonzero(chunk == newline)
        counts = np.concatenate([[-1 if line_is_filled else 0], filled_before[ends]])
        is_filled = np.diff(counts) > 0
        rest = int(filled_before[-1]) - int(counts[-1])
        if len(ends):
            begins = np.concatenate([[line], ends[:-1] + first + 1])
            before = np.concatenate([[item >= 0], is_filled[:-1]])
            starts = begins[is_filled & ~before]
            if item >= 0:
                starts = np.concatenate([[item], starts])
            stops = begins[~is_filled & before] - 1
            yield starts[: len(stops)], stops
            item = int(starts[-1]) if len(starts) > len(stops) else -1
            line = int(ends[-1]) + first + 1
        line_is_filled = rest > 0
    if line_is_filled and item < 0:
        item = line
    if item >= 0:
        yield np.array([item]), np.array([len(ids) if line_is_filled else line - 1])


def _long_ones_alone(bounds: Iterator[Bounds]) -> Iterator[Bounds]:
    """Yield the items of a chunk, a long one by itself: only the first that ends in a chunk can be longer than it."""
    for begins, ends in bounds:
        if len(begins) > 1 and ends[0] - begins[0] > CHUNK_SIZE:
            yield begins[:1], ends[:1]
            begins, ends = begins[1:], ends[1:]
        if len(begins):
            yield begins, ends


# --------------------------------------------------------------------------------------------------------------- hashes


def item_hash(item: str) -> tuple[int, int]:
    """Two numbers of 64 bits: one that tells items apart, and one that decides whether the item is held out."""
    first, second = np.frombuffer(_digest(item), "<u8").tolist()
    return first, second


def hash_items(ids: Array, bounds: Bounds, code_points: Array) -> Array:
    """The item_hash of items that find_items yields together: (n, 2) uint64. code_points: of each symbol, uint32."""
    begins, ends = bounds
    first, last = int(begins[0]), int(ends[-1])
    if len(begins) == 1:
        digest = hashlib.blake2b(digest_size=16)
        for begin in range(first, last, CHUNK_SIZE):
            digest.update(_encode(_decode(ids[begin : min(begin + CHUNK_SIZE, last)], code_points)))
        digests = digest.digest()
    else:
        text = _decode(ids[first:last], code_points)
        places = zip((begins - first).tolist(), (ends - first).tolist(), strict=True)
        digests = b"".join([_digest(text[begin:end]) for begin, end in places])
    return np.frombuffer(digests, "<u8").reshape(-1, 2)


def _digest(item: str) -> bytes:
    return hashlib.blake2b(_encode(item), digest_size=16).digest()


def _encode(text: str) -> bytes:
    return text.encode("utf-8", "surrogatepass")


def _decode(ids: Array, code_points: Array) -> str:
    return code_points[ids].astype("<u4").tobytes().decode("utf-32-le", "surrogatepass")


class HashCollector:
    """The different ones of many hashes; of more than MAX_STORED_HASHES the smallest."""

    def __init__(self) -> None:
        self._hashes: Array = np.zeros(0, np.uint64)
        self._new: list[Array] = []
        self._new_count = 0
        self.is_complete = True  # none was left out

    def add(self, hashes: Array) -> None:
        """Add hashes (n,) uint64."""
        if not self.is_complete:
            hashes = hashes[hashes < self._hashes[-1]]
        self._new.append(hashes.copy())
        self._new_count += len(hashes)
        if self._new_count > MAX_STORED_HASHES // 2:
            self._merge()

    def _merge(self) -> None:
        hashes = np.concatenate([self._hashes, *self._new])
        self._new, self._new_count = [], 0
        hashes.sort()
        is_first = np.ones(len(hashes), bool)
        np.not_equal(hashes[1:], hashes[:-1], out=is_first[1:])
        hashes = hashes[is_first]
        self.is_complete = self.is_complete and len(hashes) <= MAX_STORED_HASHES
        self._hashes = hashes[:MAX_STORED_HASHES].copy()

    def array(self) -> Array:
        """The hashes (n,) uint64 in ascending order."""
        self._merge()
        return self._hashes


def is_stored(hashes: Any, item: str) -> bool:
    """Return whether the item is one of those that `hashes` (n,) uint64, in ascending order, are of."""
    number = np.uint64(item_hash(item)[0])
    place = int(np.searchsorted(hashes, number))
    return place < len(hashes) and bool(hashes[place] == number)
