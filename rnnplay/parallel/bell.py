"""How one process wakes the other.

A pipe's reader is woken on the core of its writer, which the system takes to fall asleep at once. Here it computes on,
so the reader would wait behind it while the other core idles. An event descriptor (Linux) wakes without that guess;
where there is none, the pipe does.
"""

import os
import select
from typing import IO

import msgspec


class Bell(msgspec.Struct, frozen=True):
    """What a writer rings before a message: after it, one too long for the pipe would wait for a reader that waits.

    Plain data: both processes have the same `descriptor`.
    """

    descriptor: int | None

    @classmethod
    def new(cls) -> "Bell":
        return cls(os.eventfd(0) if hasattr(os, "eventfd") else None)

    def ring(self) -> None:
        if self.descriptor is not None:
            os.eventfd_write(self.descriptor, 1)

    def wait(self, pipe: IO[bytes]) -> None:
        """Until it rings, or nobody is left who could write into `pipe`."""
        if self.descriptor is None:
            return
        poll = select.poll()
        poll.register(self.descriptor, select.POLLIN)
        poll.register(pipe, 0)  # its end alone
        if any(ready == self.descriptor for ready, _ in poll.poll()):
            os.eventfd_read(self.descriptor)

    def close(self) -> None:
        if self.descriptor is not None:
            os.close(self.descriptor)
