"""Progress of an evaluation that takes long."""

import time
from collections.abc import Callable, Iterable, Iterator

from rnnplay.tasks.base import Batch

PROGRESS_SECONDS = 0.3  # between two reports


def with_progress(batches: Iterable[Batch], size: int, report: Callable[[float], None]) -> Iterator[Batch]:
    """Yield `batches`; now and then `report` is called with the fraction of their `size` time steps that is done.

    size: 0 if it is not known; then nothing is reported.
    """
    done, reported = 0, time.monotonic()
    for batch in batches:
        yield batch
        done += batch.token_count
        if size and time.monotonic() - reported >= PROGRESS_SECONDS:
            reported = time.monotonic()
            report(min(done / size, 1.0))
