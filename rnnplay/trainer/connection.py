"""One screen or command line as the trainer sees it: commands in, events out, without ever waiting for the reader.

Increments queue up; of a whole state only the newest is kept until there is room for it. `backlog` tells those who
could produce without end how far behind the reader is.
"""

import contextlib
import fcntl
import os
import sys
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

MAX_BEHIND = 8 * 2**20  # bytes that may wait for the reader of a socket, before it is cut off
_PIPE_SIZE = 2**20
_READ = 2**16
_WHOLE_STATES = (Status, Trace)


class Connection:
    """Frames over two descriptors, `commands` to read from and `events` to write to; over a socket they are one.

    `Clients` watches the descriptors. is_pipe: it leads to the process that started the trainer.
    """

    def __init__(self, commands: int, events: int, *, is_pipe: bool = True) -> None:
        self.commands, self.events, self.is_pipe = commands, events, is_pipe
        self.run_id = ""  # of the run that is open; every event carries it
        self.opening: Command | None = None  # that attached it; None: it is not attached yet
        self.linger = 0.0  # seconds that the run goes on without any screen, if this one is lost
        os.set_blocking(events, False)
        with contextlib.suppress(AttributeError, OSError):  # only a help, and only on Linux
            fcntl.fcntl(events, fcntl.F_SETPIPE_SZ, _PIPE_SIZE)
        self.is_watched_for_room = False  # `Clients` waits until more can be written
        self._received = bytearray()
        self._frames: deque[bytearray] = deque()
        self._queued_bytes = 0  # bytes in `_frames`
        self._latest_states: dict[type[Event], Event] = {}
        self._sending = memoryview(b"")
        self._ended = False  # no command will come any more
        self._broken = False  # the reader is gone
        self._released = False  # the descriptors are closed

    @property
    def closed(self) -> bool:
        """Return whether the other side is gone, in whichever direction that was noticed."""
        return self._ended or self._broken

    @property
    def backlog(self) -> int:
        """Bytes that wait for the reader."""
        return self._queued_bytes + len(self._sending)

    @property
    def wants_to_write(self) -> bool:
        """Return whether something is held up until the reader has made room."""
        return len(self._sending) > 0 and not self._broken

    def mark_broken(self) -> None:
        """Mark the reader as gone."""
        self._broken = True

    def is_lost(self) -> bool:
        """Return whether it is closed. Gives up a socket whose reader is too far behind; that one can attach again."""
        if self._queued_bytes > MAX_BEHIND and not self.is_pipe:  # beside the frame that is on its way
            self._broken = True
        return self._ended or self._broken

    def read(self) -> list[AnyCommand]:
        """The commands that are there; call it when `commands` can be read."""
        try:
            chunk = os.read(self.commands, _READ)
        except BlockingIOError:
            return []
        except OSError:
            chunk = b""
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
        """Return whether a whole state of this kind has not left yet."""
        return kind in self._latest_states

    def write_available(self) -> None:
        """Write as much as the pipe or socket takes without waiting."""
        while not self._broken:
            if not len(self._sending):
                if self._frames:
                    self._queued_bytes -= len(self._frames[0])
                    self._sending = memoryview(self._frames.popleft())
                elif self._latest_states:
                    self._sending = memoryview(_frame(self._latest_states.pop(next(iter(self._latest_states)))))
                else:
                    return
            try:
                self._sending = self._sending[os.write(self.events, self._sending) :]
            except BlockingIOError:
                return
            except OSError:
                self._broken = True

    def release(self) -> None:
        """Close the descriptors; a second time does nothing."""
        if not self._released:
            self._released = self._ended = self._broken = True
            for descriptor in {self.commands, self.events}:
                os.close(descriptor)


def _frame(event: Event) -> bytearray:
    """`event` as bytes; if it is larger than a frame may be, a Failed that answers the same command."""
    try:
        return encode_frame(event)
    except ValueError as error:
        name = type(event).__name__
        print(f"{name}: {error}", file=sys.stderr)  # the run's log
        problem, remedy = f"{name} is too large to be sent ({error}).", "Ask for less at a time."
        return encode_frame(Failed(problem=problem, remedy=remedy, run_id=event.run_id, request=event.request))
