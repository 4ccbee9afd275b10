"""The one array module of the engine, and how numbers lie in memory.

Outward a batch is B columns, as the equations are printed: h (T+1, H, B). In memory each of those columns is a row,
(T, B, H), and each gate is a block of its own: looking up a row of W_xh by id is then one copy, a gate is contiguous,
and no product over all time steps needs a transposed copy. `swap_last_axes` goes from one view to the other.
"""

from typing import Any

import numpy as xp
import numpy.typing as npt

__all__ = ["CACHE_LINE_BYTES", "Array", "GateBuffer", "aligned_zeros", "swap_last_axes", "xp"]

Array = npt.NDArray[Any]

CACHE_LINE_BYTES = 64  # also the width of the widest registers


def swap_last_axes(array: Array) -> Array:
    """(..., B, N) <-> (..., N, B), a view."""
    return array.swapaxes(-1, -2)


def aligned_zeros(size: int, dtype: str) -> Array:
    """Zeros (size) that begin with a cache line, which xp.zeros does not promise: a sixth faster to update."""
    itemsize = xp.dtype(dtype).itemsize
    memory = xp.zeros(size + CACHE_LINE_BYTES // itemsize, dtype)
    skipped = -memory.ctypes.data % CACHE_LINE_BYTES // itemsize
    return memory[skipped : skipped + size]


class GateBuffer:
    """`count` blocks of H numbers for every time step and sequence: gates, or what belongs to them.

    With several sequences a block is (T, B, H) and contiguous. With one sequence, where calls cost more than
    arithmetic, a time step is contiguous instead: all its blocks are one flat vector. `array` is (count, T, B, H).
    """

    def __init__(self, count: int, T: int, B: int, H: int, dtype: str) -> None:
        self.T, self.B, self.H = T, B, H
        self.scratch = xp.zeros((count, 0, 1, H), dtype)
        if B == 1:
            self.memory: Array = xp.zeros((T, count * H), dtype)
            self.array: Array = self.memory.reshape(T, count, 1, H).transpose(1, 0, 2, 3)
        else:
            self.memory = self.array = xp.zeros((count, T, B, H), dtype)

    def work_area(self, steps: int) -> Array:
        """(count, steps, B, H) to write the first time steps block by block; `scatter` puts them in place.

        With one sequence it is other memory, where each block is contiguous and arithmetic over time steps is fast.
        """
        if self.B > 1:
            return self.memory[:, :steps]
        if self.scratch.shape[1] != steps:
            self.scratch = xp.zeros((self.array.shape[0], steps, 1, self.H), self.memory.dtype)
        return self.scratch

    def gather(self, start: int, stop: int) -> Array:
        """Return all blocks of time steps start to stop, each contiguous, to be read: (count, stop-start, B, H)."""
        if self.B > 1:
            return self.memory[:, start:stop]
        area = self.work_area(stop - start)
        xp.copyto(area, self.array[:, start:stop])
        return area

    def scatter(self, area: Array) -> None:
        """Put in place what was written into `work_area`."""
        if self.B == 1:
            xp.copyto(self.array[:, : area.shape[1]], area)

    def flat(self, t: int, first: int, last: int) -> Array:
        """Blocks first to last at time step t: (k, B, H), for one sequence (k*H)."""
        if self.B == 1:
            return self.memory[t, first * self.H : last * self.H]
        return self.memory[first:last, t]

    def broadcast_view(self, t: int, first: int, last: int) -> Array:
        """Blocks first to last at time step t, to be combined with one block: (k, B, H), for one sequence (k, H)."""
        if self.B == 1:
            return self.flat(t, first, last).reshape(last - first, self.H)
        return self.memory[first:last, t]

    def block(self, t: int, which: int) -> Array:
        """One block at time step t: (B, H), for one sequence (H)."""
        return self.flat(t, which, which + 1) if self.B == 1 else self.memory[which, t]

    def stacked(self, first: int, last: int, T: int) -> Array:
        """Blocks first to last of the first T time steps: (k, T, B, H), for one sequence (1, T, 1, k*H)."""
        if self.B == 1:
            return self.memory[None, :T, None, first * self.H : last * self.H]
        return self.memory[first:last, :T]

    def matrices(self, first: int, last: int, T: int) -> Array:
        """The same as matrices (P, T*B, width), P*width = k*H."""
        stacked = self.stacked(first, last, T)
        return stacked.reshape(stacked.shape[0], T * self.B, stacked.shape[3])
