"""Signals by which one process wakes the other.

A pipe's reader is woken on the core of its writer, which the system takes to fall asleep at once. Here the writer
computes on, so the reader would wait behind it while the other core idles. An event descriptor (Linux) wakes without
that guess; where there is none, the pipe does.
"""

import os
import select
from typing import IO

import msgspec


class EventFd(msgspec.Struct, frozen=True):
    """Signal before writing: a message larger than the pipe blocks its writer until the reader reads, and the reader
    waits for this signal.

    Plain data: both processes have the same `descriptor`; None: there are no event descriptors.
    """

    descriptor: int | None

    @classmethod
    def new(cls) -> "EventFd":
        return cls(os.eventfd(0) if hasattr(os, "eventfd") else None)

    def signal(self) -> None:
        """Wake the process that waits, now or when it begins to wait."""
        if self.descriptor is not None:
            os.eventfd_write(self.descriptor, 1)

    def wait(self, pipe: IO[bytes]) -> None:
        """Block until the signal, or until no process is left that could write into `pipe`."""
        if self.descriptor is None:
            return
        poll = select.poll()
        poll.register(self.descriptor, select.POLLIN)
        poll.register(pipe, 0)  # only its end
        if any(ready == self.descriptor for ready, _ in poll.poll()):
            os.eventfd_read(self.descriptor)

    def close(self) -> None:
        if self.descriptor is not None:
            os.close(self.descriptor)
