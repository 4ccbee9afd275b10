"""Makes a run in training reachable: a socket for screens that attach, and the record that says where it is."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from rnnplay.config import UserError
from rnnplay.protocol import PROTOCOL_VERSION
from rnnplay.runs import WriteError, trainers
from rnnplay.trainer.clients import Clients
from rnnplay.trainer.session import TrainingSession


@contextmanager
def serving(session: TrainingSession, clients: Clients) -> Iterator[None]:
    """Let screens attach while the block runs. Where that cannot be, the session says why in `unreachable`."""
    if session.metrics is None:  # only inspected
        yield
        return
    try:
        listener = trainers.listen(session.run)
    except UserError as error:
        session.unreachable = str(error)
        yield
        return
    path = str(listener.getsockname())
    record: trainers.TrainerRecord | None = None
    try:
        record = trainers.write_record(session.run, path, PROTOCOL_VERSION)
        session.unreachable = ""
        clients.listen(listener)
    except WriteError as error:
        listener.close()
        session.unreachable = f'"{session.run}" cannot be written ({error.strerror}).'
    try:
        yield
    finally:
        clients.stop_listening()
        if record is not None:
            trainers.remove_record(session.run, record)
        trainers.remove_socket(Path(path))
