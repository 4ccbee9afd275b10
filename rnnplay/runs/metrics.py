"""metrics.jsonl: a line for each block of steps, each evaluation and each change made while it ran.

Lines without a `kind` are blocks of training steps; `evaluated`, `changed` and `ended` are kinds of their own. The file
is appended to in whole lines, so that a torn last one is all that a crash leaves behind.
"""

import os
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import msgspec

from rnnplay.runs.directory import METRICS, write_atomically

Line = dict[str, Any]

_TAIL = 64 * 1024  # bytes at the end of the file that are enough for its last rows


def _parse(content: bytes) -> list[Line]:
    lines = []
    for text in content.split(b"\n")[:-1]:  # what follows the last line end is torn, or nothing
        try:
            line = msgspec.json.decode(text)
        except (msgspec.DecodeError, RecursionError):
            continue  # a line that a power cut left unreadable
        if isinstance(line, dict) and isinstance(line.get("step"), int):
            lines.append(line)
    return lines


def read_lines(path: Path) -> list[Line]:
    """All readable lines of the file at `path`; none where there is no file."""
    try:
        return _parse(path.read_bytes())
    except FileNotFoundError:
        return []


def read_metrics(path: Path) -> tuple[list[Line], list[Line], list[Line]]:
    """(rows, evaluations, changes) of the file at `path`, each in the order of its steps."""
    rows: list[Line] = []
    evaluations: list[Line] = []
    changes: list[Line] = []
    kinds = {None: rows, "evaluated": evaluations, "changed": changes}
    for line in read_lines(path):
        if (kind := kinds.get(line.get("kind"))) is not None:
            kind.append(line)
    return rows, evaluations, changes


def read_tail(path: Path) -> list[Line]:
    """The last readable lines of the file at `path`, quick for a file of any size."""
    try:
        with path.open("rb") as file:
            size = file.seek(0, os.SEEK_END)
            file.seek(max(0, size - _TAIL))
            content = file.read()
    except FileNotFoundError:
        return []
    return _parse(content if size <= _TAIL else content.partition(b"\n")[2])


class MetricsFile:
    """The metrics of one run, open for appending."""

    def __init__(self, run: Path) -> None:
        self._path = run / METRICS
        self._file = os.open(self._path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o644)

    def append(self, lines: Iterable[Line]) -> None:
        """Write whole lines or, where the disk is full, none of them: raises OSError and leaves the file as it was."""
        content = b"".join(msgspec.json.encode(line) + b"\n" for line in lines)
        if not content:
            return
        size = os.fstat(self._file).st_size
        try:
            written = 0
            while written < len(content):
                written += os.write(self._file, content[written:])
        except OSError:
            os.ftruncate(self._file, size)
            raise

    def cut(self, keep: Callable[[Line], bool]) -> None:
        """Keep only the lines for which `keep` is true: a resumed run forgets what its checkpoint does not know."""
        kept = b"".join(msgspec.json.encode(line) + b"\n" for line in read_lines(self._path) if keep(line))
        write_atomically(self._path, kept)
        self.close()
        self.__init__(self._path.parent)  # type: ignore[misc]  # the name now means another file

    def sync(self) -> None:
        """On the disk, before a checkpoint that relies on it is."""
        os.fsync(self._file)

    def close(self) -> None:
        os.close(self._file)
