"""The trainer's end of the two pipes: commands in, events out, without ever waiting for the reader.

Increments queue up; of a whole state only the newest is kept until there is room for it. `backlog` tells those who
could produce without end how far behind the reader is.
"""

import contextlib
import fcntl
import os
import select
import sys
import time
from collections import deque

import msgspec

from rnnplay.protocol import (
    AnyCommand,
    Command,
    Event,
    Failed,
    Status,
    Trace,
    decode_command,
    encode_frame,
    frame_length,
)

_PIPE_SIZE = 2**20
_READ = 2**16
_WHOLE_STATES = (Status, Trace)


class Connection:
    """Frames over two descriptors: `commands` to read from, `events` to write to."""

    def __init__(self, commands: int, events: int) -> None:
        self._in, self._out = commands, events
        self.run_id = ""  # of the run that is open; every event carries it
        os.set_blocking(events, False)
        with contextlib.suppress(AttributeError, OSError):  # only a help, and only on Linux
            fcntl.fcntl(events, fcntl.F_SETPIPE_SZ, _PIPE_SIZE)
        self._poll = select.poll()
        self._poll.register(commands, select.POLLIN)
        self._poll.register(events, 0)
        self._received = bytearray()
        self._frames: deque[bytearray] = deque()
        self._queued_bytes = 0  # bytes in `_frames`
        self._latest_states: dict[type[Event], Event] = {}
        self._sending = memoryview(b"")
        self._ended = False  # no command will come any more
        self._broken = False  # the reader is gone

    @property
    def closed(self) -> bool:
        """The other side is gone, in whichever direction that was noticed."""
        return self._ended or self._broken

    @property
    def backlog(self) -> int:
        """Bytes that wait for the reader."""
        return self._queued_bytes + len(self._sending)

    def receive(self, timeout: float = 0.0) -> list[AnyCommand]:
        """The commands that have arrived, or that do within `timeout` seconds. Events leave meanwhile."""
        deadline = time.monotonic() + timeout
        left = timeout
        self.write_available()
        while not self.closed:
            self._poll.modify(self._out, select.POLLOUT if self._sending else 0)
            ready = dict(self._poll.poll(left * 1000))
            if ready.get(self._out, 0) & (select.POLLERR | select.POLLHUP | select.POLLNVAL):
                self._broken = True  # noticed here even if there is nothing to write
                break
            if self._out in ready:
                self.write_available()
            if self._in in ready and (commands := self._read()):
                return commands
            if (left := deadline - time.monotonic()) <= 0:
                break
        return []

    def _read(self) -> list[AnyCommand]:
        chunk = os.read(self._in, _READ)
        self._ended = not chunk
        self._received += chunk
        commands: list[AnyCommand] = []
        while len(self._received) >= 4:
            try:
                end = 4 + frame_length(bytes(self._received[:4]))
            except ValueError as error:
                self.send(
                    Failed(problem=f"Commands cannot be read: {error}.", remedy="Start a new trainer.", fatal=True)
                )
                self._ended = True
                break
            if len(self._received) < end:
                break
            try:
                commands.append(decode_command(bytes(self._received[4:end])))
            except msgspec.DecodeError as error:
                self.send(Failed(problem=f"A command is not understood: {error}.", remedy="Send one of the protocol."))
            del self._received[:end]
        return commands

    def send(self, event: Event, answers: Command | None = None) -> None:
        """Queue an event, with the run's id and the number of the command that it answers.

        It leaves with `write_available`. A newer Status or Trace takes the place of one that has not left.
        """
        event = msgspec.structs.replace(event, run_id=self.run_id, request=answers.request if answers else 0)
        if isinstance(event, _WHOLE_STATES):
            self._latest_states[type(event)] = event
        else:
            self._frames.append(_frame(event))
            self._queued_bytes += len(self._frames[-1])

    def has_pending(self, kind: type[Event]) -> bool:
        """Whether a whole state of this kind has not left yet."""
        return kind in self._latest_states

    def write_available(self) -> None:
        """Write as much as the pipe takes without waiting."""
        while not self._broken:
            if not self._sending:
                if self._frames:
                    self._queued_bytes -= len(self._frames[0])
                    self._sending = memoryview(self._frames.popleft())
                elif self._latest_states:
                    self._sending = memoryview(_frame(self._latest_states.pop(next(iter(self._latest_states)))))
                else:
                    return
            try:
                self._sending = self._sending[os.write(self._out, self._sending) :]
            except BlockingIOError:
                return
            except BrokenPipeError:
                self._broken = True

    def flush(self, timeout: float) -> None:
        """Wait until everything has left, `timeout` seconds at most."""
        deadline = time.monotonic() + timeout
        self.write_available()
        while self._sending and not self._broken and (left := deadline - time.monotonic()) > 0:
            select.select([], [self._out], [], left)
            self.write_available()


def _frame(event: Event) -> bytearray:
    """`event` as bytes; if it is larger than a frame may be, a Failed that answers the same command."""
    try:
        return encode_frame(event)
    except ValueError as error:
        name = type(event).__name__
        print(f"{name}: {error}", file=sys.stderr)  # the run's log
        problem, remedy = f"{name} is too large to be sent ({error}).", "Ask for less at a time."
        return encode_frame(Failed(problem=problem, remedy=remedy, run_id=event.run_id, request=event.request))
