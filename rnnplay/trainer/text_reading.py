"""While a long text is read the trainer answers: it says how far it is, and Stop or the loss of its starter ends it."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from rnnplay import corpora, runs
from rnnplay.protocol import AnyCommand, Inspect, ReadingText, Resume, Stop, Stopped, Train
from rnnplay.runs import checkpoint
from rnnplay.trainer.clients import Clients

_SECONDS_BETWEEN = 0.25
_SECONDS_UNREPORTED = 1.0  # of a reading: most have ended by then


class ReadingStopped(Exception):
    """The reading was ended before the run was opened."""


@contextmanager
def answering(clients: Clients, opening: Train | Resume | Inspect, later: list[AnyCommand]) -> Iterator[None]:
    """Report the reading of texts within the block; commands that arrive meanwhile are appended to `later`.

    Long texts lie in a file in the folder of the runs. The block raises ReadingStopped on Stop, or when the process
    that started the trainer is gone and the run was not to go on without it.
    """
    starter = clients.starter
    assert starter is not None
    goes_on_alone = not isinstance(opening, Inspect) and opening.linger > 0
    begun = reported = time.monotonic()

    def on_progress(done: int, total: int | None) -> None:
        nonlocal reported
        if (now := time.monotonic()) - reported < _SECONDS_BETWEEN:
            return
        reported = now
        if now - begun >= _SECONDS_UNREPORTED:
            clients.broadcast(ReadingText(bytes_read=done, progress=min(done / total, 1.0) if total else None))
        later.extend(command for _, command in clients.receive())
        if any(isinstance(command, Stop) for command in later) or (starter.closed and not goes_on_alone):
            raise ReadingStopped

    folder = runs.runs_root(opening.root) if isinstance(opening, Train) else Path(opening.run).parent
    with corpora.reading(folder, on_progress):
        yield


def stopped_event(opening: Train | Resume | Inspect) -> Stopped:
    """The last event of a trainer whose reading was stopped: a new run does not exist, an earlier one is as it was."""
    if isinstance(opening, Train):
        return Stopped(run="", step=0, reason="stopped")
    steps = checkpoint.checkpoint_steps(Path(opening.run))
    return Stopped(run=opening.run, step=steps[-1] if steps else 0, reason="stopped")
