"""Reading of a long text: its ids are mapped from a file instead of held in memory, and the progress is reported."""

import mmap
import os
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import numpy as np

from rnnplay.config import UserError
from rnnplay.folders import write_remedy

Array = np.ndarray[Any, np.dtype[Any]]
Progress = Callable[[int, int | None], None]  # bytes read, bytes to read if they are known

MAPPED_BYTES = 200 * 10**6  # ids of more bytes are mapped from a file
_PIECE = 2 * 2**20  # ids that are converted at a time


@dataclass(frozen=True)
class _Reading:
    folder: Path | None = None
    on_progress: Progress | None = None


_DEFAULT = _Reading()
_reading: ContextVar[_Reading] = ContextVar("reading", default=_DEFAULT)


@contextmanager
def reading(folder: Path | None, on_progress: Progress | None = None) -> Iterator[None]:
    """Set how texts are read within the block.

    folder: the ids of a long text are written to a file there, which has no name, so that the system removes it with
    the process; None, or one that cannot be written: the folder of temporary files. on_progress: called after every
    chunk; what it raises ends the reading.
    """
    token = _reading.set(_Reading(folder, on_progress))
    try:
        yield
    finally:
        _reading.reset(token)


def report_progress(done: int, total: int | None) -> None:
    """Call what `reading` was given: `done` of `total` bytes are read; None: their number is not known."""
    if (on_progress := _reading.get().on_progress) is not None:
        on_progress(done, total)


class IdWriter:
    """Collects the ids of a text, or other numbers; above MAPPED_BYTES in a file without a name."""

    def __init__(self, count: int | None, dtype: Any, max_bytes: int | None = None) -> None:
        """count: how many there will be; None: not known. max_bytes: that are held in memory; None: MAPPED_BYTES.

        Raises UserError if there is no room for the file.
        """
        self._dtype, self._count, self._end = np.dtype(dtype), count, 0
        max_ids = (MAPPED_BYTES if max_bytes is None else max_bytes) // self._dtype.itemsize
        self._file: IO[bytes] | None = None
        if count is not None and count > max_ids:
            self._file, max_ids = _open_nameless(), 0
        self._ids: Array = np.empty(max_ids if count is None else min(count, max_ids), self._dtype)

    def add(self, ids: Array) -> bool:
        """Append `ids` (n,); False if they are more than the announced number. Raises UserError if the disk is full."""
        begin, self._end = self._end, self._end + len(ids)
        if self._count is not None and self._end > self._count:
            return False
        if self._file is None and self._end > len(self._ids):
            self._file, earlier = _open_nameless(), self._ids[:begin]
            self._ids = self._ids[:0]
            self._write(earlier)
        if self._file is None:
            self._ids[begin : self._end] = ids
        else:
            self._write(ids)
        return True

    def _write(self, ids: Array) -> None:
        assert self._file is not None
        try:
            for first in range(0, len(ids), _PIECE):
                self._file.write(np.ascontiguousarray(ids[first : first + _PIECE], self._dtype).data)
        except OSError as error:
            raise _cannot_write(error) from None

    def __len__(self) -> int:
        return self._end

    @property
    def is_complete(self) -> bool:
        return self._end == self._count

    def array(self) -> Array:
        """The ids that were added (N,); read-only if they are mapped."""
        if self._file is None:
            return self._ids[: self._end]
        try:
            self._file.flush()
        except OSError as error:
            raise _cannot_write(error) from None
        with self._file as file:  # the mapping stays
            size = self._end * self._dtype.itemsize
            return np.frombuffer(mmap.mmap(file.fileno(), size, access=mmap.ACCESS_READ), self._dtype)


def derived_bytes_limit(size: int) -> int | None:
    """`max_bytes` of an IdWriter for what is made of a text of `size` bytes: nothing stays in memory if it is long."""
    return 0 if size > MAPPED_BYTES else None


def joined(parts: list[Array], dtype: Any, max_bytes: int | None = None) -> Array:
    """`parts` one after the other (N,), mapped from a file if they have more than `max_bytes` (None: MAPPED_BYTES).

    Raises UserError if the disk is full.
    """
    writer = IdWriter(sum(map(len, parts)), dtype, max_bytes)
    for part in parts:
        writer.add(part)
    return writer.array()


def _open_nameless() -> IO[bytes]:
    folder = _reading.get().folder
    if folder is not None:
        try:
            folder.mkdir(parents=True, exist_ok=True)
            return tempfile.TemporaryFile(dir=folder, prefix=".ids-")
        except OSError:
            pass  # a run that is only inspected may lie where nothing can be written
    try:
        return tempfile.TemporaryFile(prefix="rnnplay-ids-")
    except OSError as error:
        raise _cannot_write(error) from None


def _cannot_write(error: OSError) -> UserError:
    where = _reading.get().folder or Path(os.path.realpath(tempfile.gettempdir()))
    return UserError(
        f'The ids of a long text cannot be written to "{where}" ({error.strerror}).', f"{write_remedy(error)}."
    )
