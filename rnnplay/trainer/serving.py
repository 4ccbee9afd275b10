"""Makes a run in training reachable: a socket for screens that attach, and the record that says where it is."""

import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from rnnplay.config import UserError
from rnnplay.protocol import PROTOCOL_VERSION
from rnnplay.runs import WriteError, trainers
from rnnplay.trainer.clients import Clients
from rnnplay.trainer.session import TrainingSession

_CHECK_SECONDS = 10.0  # between two looks at whether the socket's file is still there
_TOUCH_SECONDS = 3600.0  # so old it becomes at most: programs that clean /tmp remove what is some days old


@contextmanager
def serving(session: TrainingSession, clients: Clients) -> Iterator[Callable[[], None]]:
    """Let screens attach while the block runs. Where that cannot be, the session says why in `unreachable`.

    Yields a function that is to be called often: where the socket's file was deleted it makes another one.
    """
    if session.metrics is None:  # only inspected
        yield lambda: None
        return
    server = Server(session, clients)
    server.open()
    try:
        yield server.check_if_due
    finally:
        server.close()


class Server:
    """The socket at which a run in training is reached, and its trainer.json."""

    def __init__(self, session: TrainingSession, clients: Clients) -> None:
        self._session, self._clients = session, clients
        self._record: trainers.TrainerRecord | None = None  # of the socket that was opened last
        self._file = (0, 0)  # device and number of the socket's file
        self._due = time.monotonic() + _CHECK_SECONDS

    def open(self) -> None:
        """Let screens attach. Where that cannot be, the session says why in `unreachable`."""
        session = self._session
        try:
            listener = trainers.listen(session.run)
        except UserError as error:
            session.unreachable = str(error)
            return
        path = str(listener.getsockname())
        try:
            self._record = trainers.write_record(session.run, path, PROTOCOL_VERSION)
        except WriteError as error:
            listener.close()
            trainers.remove_socket(Path(path))
            session.unreachable = f'"{session.run}" cannot be written ({error.strerror}).'
            return
        self._file = _identity(path)
        session.unreachable = ""
        self._clients.listen(listener)

    def check_if_due(self) -> None:
        """Open another socket if the file of the present one, or trainer.json, was deleted; looks every ten seconds."""
        now = time.monotonic()
        if now >= self._due:
            self._due = now + _CHECK_SECONDS
            self.check()

    def check(self) -> None:
        """Open another socket if the file of the present one, or trainer.json, was deleted or damaged."""
        record = trainers.read_record(self._session.run)
        if self._record is None or record not in (None, self._record):
            return  # it was never reachable; or the run, finished here, is trained on by another process
        if record is None and self._session.lock is None:
            return
        path = self._record.socket
        if record is not None and _identity(path) == self._file:
            _touch(path)
            return
        self._clients.stop_listening()
        self.open()

    def close(self) -> None:
        """Refuse further screens, and remove the files by which they find the run."""
        self._clients.stop_listening()
        if self._record is not None:
            trainers.remove_record(self._session.run, self._record)


def _identity(path: str) -> tuple[int, int]:
    """Device and number of the file at `path`; zeros: there is none."""
    try:
        status = os.lstat(path)
    except OSError:
        return 0, 0
    return status.st_dev, status.st_ino


def _touch(path: str) -> None:
    """Make the socket and its folder new again, if the socket is old."""
    with suppress(OSError):
        if abs(time.time() - os.lstat(path).st_mtime) > _TOUCH_SECONDS:
            os.utime(path)
            os.utime(os.path.dirname(path))
