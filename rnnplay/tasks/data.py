"""The part of a task's text or table that its network needs to be used: everything but what it trains on.

A run stores it in its own directory, so that a network can be sampled from, evaluated, exported and inspected although
its text has moved, changed or gone.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from rnnplay.config import UserError

Array = np.ndarray[Any, np.dtype[Any]]

MAX_HELD_OUT = 100_000  # symbols or values of a held-out part that are stored


@dataclass(frozen=True, eq=False)
class TaskData:
    """Data that a task needs of its text or table, apart from the training part."""

    arrays: dict[str, Array]  # held-out ids or values
    values: dict[str, Any]  # JSON values: vocabulary, labels, scaling, baselines, the text's SHA-256

    def array(self, name: str) -> Array:
        """Return the array `name`. Raises UserError if it is missing."""
        if name not in self.arrays:
            raise _not_understood(name)
        return self.arrays[name]

    def symbols(self, name: str) -> tuple[str, ...]:
        """Return the list of different strings `name`. Raises UserError if it is no such list."""
        symbols = self.values.get(name)
        if not isinstance(symbols, list) or not symbols or not all(isinstance(symbol, str) for symbol in symbols):
            raise _not_understood(name)
        if len(set(symbols)) < len(symbols):
            raise _not_understood(name)
        return tuple(symbols)

    def number(self, name: str) -> float:
        """Return the number `name`. Raises UserError if it is none."""
        value = self.values.get(name)
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise _not_understood(name)
        return value

    def integer(self, name: str) -> int:
        """Return the whole number `name`. Raises UserError if it is none."""
        return int(self.number(name))

    def streams(self, name: str, ids: Array) -> int:
        """Return the whole number `name` of streams that `ids` are made of. Raises UserError if it cannot be."""
        streams = self.integer(name)
        if streams < 1 or len(ids) % streams:
            raise _not_understood(name)
        return streams

    def ids(self, name: str, size: int) -> Array:
        """Return the array of ids `name`, all below `size`. Raises UserError if it is no such array."""
        ids = self.array(name)
        if ids.dtype.kind not in "iu" or ids.ndim != 1 or (ids.size and (ids.min() < 0 or ids.max() >= size)):
            raise _not_understood(name)
        return ids


def _not_understood(name: str) -> UserError:
    return UserError(
        f"What the run stores of its text is not understood ({name!r}).", "Open the run where its text is at hand."
    )


def describe_unknown_symbols(counts: Mapping[str, int], what: str, treatment: str, total: int) -> str:
    """Return a sentence that names and counts the symbols of a text which a network does not know.

    counts: occurrences of each. what: "characters". treatment: "left out". total: symbols of the whole text.
    """
    shown = sorted(counts, key=lambda symbol: -counts[symbol])[:8]
    named = ", ".join(f"{symbol!r} ({counts[symbol]:,})" for symbol in shown) + (", ..." if len(counts) > 8 else "")
    times = sum(counts.values())
    if len(counts) == 1:
        kinds, are, stand = f"One of the {what}", "is", "stands"
    else:
        kinds, are, stand = f"{len(counts):,} {what}", "are", "stand"
    return (
        f"{kinds} of the text {are} unknown to the network and {stand} in it {times:,} times "
        f"({times / total:.0%} of it): {named}. They are {treatment}."
    )
