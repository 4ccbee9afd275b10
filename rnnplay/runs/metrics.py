"""metrics.jsonl: a line for each block of steps, each evaluation and each setting changed during the run.

Lines without a `kind` are blocks of training steps; the kinds are `evaluated`, `changed` and `ended`. Whole lines are
appended, so that a crash can leave at most an incomplete last line.
"""

import os
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import msgspec

from rnnplay.runs.directory import METRICS, write_atomically, writing

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
    """Return all valid lines of the file at `path`; an empty list if there is no file."""
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
    """The valid lines in the last 64 KiB of the file at `path`."""
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
        """Raises WriteError."""
        self._path = run / METRICS
        with writing(self._path):
            self._file = os.open(self._path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o644)

    def append(self, lines: Iterable[Line]) -> None:
        """Append lines. Raises WriteError if they cannot all be written; then the file is unchanged."""
        content = b"".join(msgspec.json.encode(line) + b"\n" for line in lines)
        if not content:
            return
        with writing(self._path):
            size = os.fstat(self._file).st_size
            try:
                written = 0
                while written < len(content):
                    written += os.write(self._file, content[written:])
            except OSError:
                os.ftruncate(self._file, size)
                raise

    def keep_only(self, keep: Callable[[Line], bool]) -> None:
        """Rewrite the file with the lines for which `keep` returns True, to cut it back to a checkpoint's step."""
        content = b"".join(msgspec.json.encode(line) + b"\n" for line in read_lines(self._path) if keep(line))
        write_atomically(self._path, content)
        self.close()
        self.__init__(self._path.parent)  # type: ignore[misc]  # opens the new file

    def sync(self) -> None:
        """Sync the file to the disk, before the checkpoint that relies on it."""
        with writing(self._path):
            os.fsync(self._file)

    def close(self) -> None:
        os.close(self._file)
