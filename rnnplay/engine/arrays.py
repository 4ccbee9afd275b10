"""The one array module of the engine, and how numbers lie in memory.

Outward a batch is B columns, as the equations are printed: h (T+1, H, B). In memory each of those columns is a row,
(T, B, H), and each gate is a block of its own: looking up a row of W_xh by id is then one copy, a gate is contiguous,
and no product over all time steps needs a transposed copy. `columns` and `rows` go from one view to the other.
"""

from typing import Any

import numpy as xp
import numpy.typing as npt

__all__ = ["LINE", "Array", "Blocks", "columns", "flat_zeros", "rows", "xp"]

Array = npt.NDArray[Any]


def columns(array: Array) -> Array:
    """(..., B, N) -> (..., N, B), a view."""
    return array.swapaxes(-1, -2)


rows = columns


LINE = 64  # bytes of a cache's line, and of the widest registers


def flat_zeros(size: int, dtype: str) -> Array:
    """Zeros (size) that begin with a line of the cache, which xp.zeros does not promise: a sixth quicker to update."""
    itemsize = xp.dtype(dtype).itemsize
    room = xp.zeros(size + LINE // itemsize, dtype)
    skipped = -room.ctypes.data % LINE // itemsize
    return room[skipped : skipped + size]


class Blocks:
    """`count` blocks of H numbers for every time step and sequence.

    With several sequences a block is (T, B, H) and contiguous. With one sequence, where calls cost more than
    arithmetic, a time step is contiguous instead: all its blocks are one flat vector.
    """

    def __init__(self, count: int, T: int, B: int, H: int, dtype: str) -> None:
        self.T, self.B, self.H = T, B, H
        self.one = B == 1
        self.apart = xp.zeros((count, 0, 1, H), dtype)
        if self.one:
            self.memory: Array = xp.zeros((T, count * H), dtype)
            self.array: Array = self.memory.reshape(T, count, 1, H).transpose(1, 0, 2, 3)
        else:
            self.memory = xp.zeros((count, T, B, H), dtype)
            self.array = self.memory  # (count, T, B, H)

    def room(self, steps: int) -> Array:
        """Where the first time steps can be written block by block: (count, steps, B, H). `scatter` puts them in place.

        With one sequence it is memory apart, each block contiguous, where arithmetic on many time steps is quick.
        """
        if not self.one:
            return self.memory[:, :steps]
        if self.apart.shape[1] != steps:
            self.apart = xp.zeros((self.array.shape[0], steps, 1, self.H), self.memory.dtype)
        return self.apart

    def gathered(self, start: int, stop: int) -> Array:
        """All blocks of time steps start to stop, each contiguous, to be read: (count, stop-start, B, H)."""
        if not self.one:
            return self.memory[:, start:stop]
        room = self.room(stop - start)
        xp.copyto(room, self.array[:, start:stop])
        return room

    def scatter(self, room: Array) -> None:
        if self.one:
            xp.copyto(self.array[:, : room.shape[1]], room)

    def flat(self, t: int, first: int, last: int) -> Array:
        """Blocks first to last at time step t: (k, B, H), for one sequence (k*H)."""
        if self.one:
            return self.memory[t, first * self.H : last * self.H]
        return self.memory[first:last, t]

    def each(self, t: int, first: int, last: int) -> Array:
        """Blocks first to last at time step t, ready to meet one block: (k, B, H), for one sequence (k, H)."""
        if self.one:
            return self.flat(t, first, last).reshape(last - first, self.H)
        return self.memory[first:last, t]

    def block(self, t: int, which: int) -> Array:
        """One block at time step t: (B, H), for one sequence (H)."""
        return self.flat(t, which, which + 1) if self.one else self.memory[which, t]

    def stacked(self, first: int, last: int, T: int) -> Array:
        """Blocks first to last of the first T time steps: (k, T, B, H), for one sequence (1, T, 1, k*H)."""
        if self.one:
            return self.memory[None, :T, None, first * self.H : last * self.H]
        return self.memory[first:last, :T]

    def matrices(self, first: int, last: int, T: int) -> Array:
        """The same as matrices (P, T*B, width), P*width = k*H."""
        stacked = self.stacked(first, last, T)
        return stacked.reshape(stacked.shape[0], T * self.B, stacked.shape[3])
