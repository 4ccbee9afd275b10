"""The lock of a run: one process writes to it at a time. Its file says when the run was last opened to be trained."""

import errno
import fcntl
import os
import time
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Self

from rnnplay.config import UserError
from rnnplay.runs.directory import load_record, run_dirs, run_id

LOCK = "lock"
_UNSUPPORTED = (errno.ENOLCK, errno.EOPNOTSUPP, errno.ENOTSUP, errno.ENOSYS)  # by this file system


def _lock(file: int, kind: int) -> bool:
    """Lock a file; False if its file system has no locks at all. Raises BlockingIOError if another process holds it."""
    for function in (fcntl.flock, fcntl.lockf):
        try:
            function(file, kind | fcntl.LOCK_NB)
            return True
        except OSError as error:
            if error.errno in (errno.EACCES, errno.EAGAIN):
                raise BlockingIOError(error.errno, error.strerror) from None
            if error.errno not in _UNSUPPORTED:
                raise
    return False


class RunLock:
    """The exclusive right to write to a run; the system releases it when the process ends.

    is_held: False where the file system has no locks; nothing then keeps a second process from writing.
    """

    def __init__(self, run: Path) -> None:
        """Acquire the lock. Raises UserError if another process holds it, OSError if there can be none."""
        self._run = run
        self._file = os.open(run / LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
        try:
            self.is_held = self._acquire()
        except BaseException:
            self.release()
            raise

    def _acquire(self) -> bool:
        for _ in range(10):  # `is_locked()` holds a shared lock for an instant, so try again
            try:
                return _lock(self._file, fcntl.LOCK_EX)
            except BlockingIOError:
                time.sleep(0.05)
        name = run_id(self._run)
        raise UserError(
            f"The run {self._run.name} is being trained by another process.",
            f"Look at it with `rnnplay attach {name}`, or end it first: rnnplay stop {name}.",
        )

    def note_opened(self) -> None:
        """Write down that the run is opened to be trained now. Where that cannot be written it is left out.

        If the clock was set back, the time is that of the run opened last before, so that this one is `last`.
        """
        now = datetime.now(UTC)
        with suppress(OSError, OverflowError, TypeError, ValueError):
            # Not this run: where record locks stand in for flock, closing its file a second time releases the lock.
            others = [run for run in run_dirs(self._run.parent) if not run.samefile(self._run)]
            latest = max(map(opened_at, others))
            now = max(now, datetime.fromisoformat(latest) + timedelta(microseconds=1))
        with suppress(OSError):
            os.ftruncate(self._file, 0)
            os.pwrite(self._file, now.isoformat(timespec="microseconds").encode(), 0)

    def release(self) -> None:
        """Release the lock; a second call does nothing."""
        if self._file >= 0:
            os.close(self._file)
            self._file = -1

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.release()


def is_locked(run: Path) -> bool:
    """Return whether a process holds the run's lock; False where the file system has no locks."""
    try:
        file = os.open(run / LOCK, os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return False
    try:
        _lock(file, fcntl.LOCK_SH)
    except BlockingIOError:
        return True
    except OSError:
        return False
    finally:
        os.close(file)
    return False


def opened_at(run: Path) -> str:
    """Return when the run was last opened to be trained, else when it was begun: ISO 8601, UTC; empty: not known."""
    with suppress(OSError, ValueError):
        text = (run / LOCK).read_bytes()[:64].decode("ascii")
        datetime.fromisoformat(text)
        return text
    try:
        return load_record(run).created
    except UserError:
        return ""
