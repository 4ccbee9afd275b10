"""Copies in a written text: the longest span of it that stands, letter for letter, in the training text.

An index of all spans of NGRAM_LENGTH symbols gives the places where the last symbols occur. From there a match is
followed symbol by symbol, so the answer is known while the text is written.
"""

from typing import Any

import numpy as np

Array = np.ndarray[Any, np.dtype[Any]]

NGRAM_LENGTH = 8  # shortest match that counts as a copy, in symbols; shorter ones are common by chance
LONGEST_TEXT = 8_000_000  # symbols of training text that are looked at


class CopyDetector:
    """Follows a text as it is written. `longest`: (start, length) of the longest copied span so far; length 0: none."""

    def __init__(self, training: Array) -> None:
        """`training` (N,): the ids of the training text, of which the first LONGEST_TEXT are looked at."""
        self._text = training[:LONGEST_TEXT]
        hashes = _hashes(self._text)
        self._order = np.argsort(hashes, kind="stable").astype(np.int32)
        self._sorted = hashes[self._order]
        self.restart([])

    def restart(self, written: list[int]) -> None:
        """Begin again with the text `written` so far."""
        self._written: list[int] = []
        self._at = np.zeros(0, np.int64)  # where in the training text the present match could go on
        self._length = 0  # of the present match
        self.longest = (0, 0)
        for symbol in written:
            self.append(symbol)

    def append(self, symbol: int) -> None:
        """The next symbol of the text; one that the training text does not know is -1."""
        self._written.append(symbol)
        continued = self._at[self._at < len(self._text)]
        continued = continued[self._text[continued] == symbol]
        if len(continued):
            self._at, self._length = continued + 1, self._length + 1
        else:
            self._at, self._length = self._find_match()
        if self._length > self.longest[1]:
            self.longest = (len(self._written) - self._length, self._length)

    def _find_match(self) -> tuple[Array, int]:
        """Return where the longest end of the text of at least NGRAM_LENGTH symbols occurs, and its length."""
        end = self._written
        if len(end) < NGRAM_LENGTH or min(end[-NGRAM_LENGTH:]) < 0:
            return np.zeros(0, np.int64), 0
        hashed = _hashes(np.array(end[-NGRAM_LENGTH:]))[0]
        low, high = np.searchsorted(self._sorted, hashed), np.searchsorted(self._sorted, hashed, side="right")
        starts = self._order[low:high].astype(np.int64)
        starts = starts[(self._text[starts[:, None] + np.arange(NGRAM_LENGTH)] == end[-NGRAM_LENGTH:]).all(axis=1)]
        length = NGRAM_LENGTH
        while len(starts) and length < len(end):
            longer = starts[starts > 0] - 1
            longer = longer[self._text[longer] == end[-length - 1]]
            if not len(longer):
                break
            starts, length = longer, length + 1
        return (starts + length, length) if len(starts) else (starts, 0)


def _hashes(ids: Array) -> Array:
    """A number for each stretch of NGRAM_LENGTH symbols of `ids` (N,): uint64 (N - NGRAM_LENGTH + 1,)."""
    count = max(0, len(ids) - NGRAM_LENGTH + 1)
    total = np.zeros(count, np.uint64)
    for k in range(NGRAM_LENGTH):
        total *= np.uint64(0x9E3779B97F4A7C15)
        total += ids[k : k + count].astype(np.uint64) + np.uint64(1)
    return total
