"""The connection of a screen or a command to one trainer, over pipes or over a socket."""

import asyncio
import contextlib
import subprocess
from collections.abc import AsyncIterator
from pathlib import Path
from typing import IO

import msgspec

from rnnplay import runs
from rnnplay.client.linger import detach_seconds, hang_up_seconds
from rnnplay.client.process import (
    STREAM_LIMIT,
    Streams,
    exit_failure,
    how_it_ended,
    pipe_streams,
    start_process,
    temporary_file,
    trainer_environment,
    wait_for_exit,
)
from rnnplay.config import UserError
from rnnplay.protocol import (
    PROTOCOL_VERSION,
    AnyEvent,
    Attach,
    Command,
    Detach,
    Detached,
    Failed,
    Inspect,
    Resume,
    Started,
    Stop,
    Stopped,
    Train,
    decode_event,
    encode_frame,
    frame_length,
    numbered,
)
from rnnplay.runs import trainers

_EVENT_QUEUE_SIZE = 256  # if it is full, the trainer's output blocks, and the trainer drops replaceable events
_ANSWER_TIMEOUT_SECONDS = 60.0  # for a trainer to answer a screen that attaches: it may be in a long step

_LEAVE_TIMEOUT_SECONDS = 10.0  # for a trainer to let a screen go that leaves it
_SAVE_TIMEOUT_SECONDS = 60.0  # for a trainer of another process to save and end

_left: "list[subprocess.Popen[bytes]]" = []  # trainers that go on without us, and are not waited for


class TrainerClient:
    """One trainer, started or attached to. Read `events()` to the end, call `close()` or call `detach()`.

    Every event carries the id of its run, and the number of the command that it answers or 0.
    """

    def __init__(
        self,
        streams: Streams,
        process: "subprocess.Popen[bytes] | None" = None,
        stderr_file: IO[bytes] | None = None,
        run: str = "",
    ) -> None:
        """process, stderr_file: of a trainer that this client started; run: the run that it is attached to."""
        self._streams, self._process, self._stderr_file = streams, process, stderr_file
        self._events: asyncio.Queue[AnyEvent | None] = asyncio.Queue(_EVENT_QUEUE_SIZE)
        self._run = run
        self._closing = False
        self._reader = asyncio.create_task(self._read())

    @classmethod
    async def start(cls, open_command: Train | Resume | Inspect) -> "TrainerClient":
        """Start a trainer and send its first command. Raises UserError or OSError if it cannot be started."""
        encode_frame(open_command)  # it is refused before a process is started
        environment = await asyncio.to_thread(trainer_environment, open_command)
        stderr_file = temporary_file()
        process = start_process(environment, stderr_file)
        client = cls(await pipe_streams(process), process, stderr_file)
        await client.send(open_command)
        return client

    @classmethod
    async def attach(cls, run: Path) -> "TrainerClient":
        """Attach to the trainer of `run`. Events begin with Started and all rows and evaluations so far.

        Raises UserError if no trainer answers for this run, or if it is another machine's or another version's.
        """
        return cls(await _attach(run), run=str(run))

    @property
    def pid(self) -> int:
        """The trainer that this client started."""
        assert self._process is not None
        return self._process.pid

    async def send(self, command: Command) -> int:
        """Send a command and return its number, which every event that answers it carries in `request`.

        A command that has no number gets one. If the trainer has ended, nothing is sent: `events` says how it ended.
        """
        command = numbered(command)
        _, writer = self._streams
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):
            writer.write(encode_frame(command))
            await writer.drain()
        return command.request

    async def events(self) -> AsyncIterator[AnyEvent]:
        """Yield the trainer's events until it has ended or is left. The last is Stopped, Detached or a fatal Failed.

        A screen that was so slow that it was cut off is attached again: Started comes once more.
        """
        while (event := await self._events.get()) is not None:
            yield event
        self._events.put_nowait(None)  # so that a second call ends at once

    async def close(self) -> None:
        """Make the trainer save and exit, and wait for it; with other screens attached only leave.

        A second call does nothing.
        """
        await self._leave(Stop(if_alone=True))

    async def detach(self, linger: float | None = None) -> None:
        """Leave the trainer, which goes on: to the run's limit, or for `linger` seconds without any screen.

        None: as long as `detach_seconds` says.
        """
        await self._leave(Detach(linger=detach_seconds() if linger is None else linger))

    async def _leave(self, command: Stop | Detach) -> None:
        if self._reader.done():
            return
        self._closing = True
        while not self._events.empty():  # makes room, so that the reader does not block
            self._events.get_nowait()
        await self.send(command)
        if self._process is not None and isinstance(command, Stop):
            self._streams[1].close()
        timeout: float | None = _LEAVE_TIMEOUT_SECONDS
        if isinstance(command, Stop):  # a trainer of our own is waited for by its process
            timeout = _SAVE_TIMEOUT_SECONDS if self._process is None else None
        done, _ = await asyncio.wait({self._reader}, timeout=timeout)
        if not done:  # it is stopped, or in a long step: it reads the command later, or finds the line lost
            self._reader.cancel()
            await asyncio.wait({self._reader})
            await self._finish(Detached(screens=0) if isinstance(command, Detach) else None)

    async def _read(self) -> None:
        last: AnyEvent | None = None
        while last is None or not _is_last(last):
            reader, _ = self._streams
            try:
                last = decode_event(await _read_frame(reader))
                if isinstance(last, Started):
                    self._run = last.run
                await self._put(last)
            except (asyncio.IncompleteReadError, ConnectionResetError):
                if not await self._attach_again():
                    break  # `_finish` reports how it ended
            except (ValueError, msgspec.DecodeError) as error:
                problem = f"The trainer's output is not understood: {error}."
                await self._put(last := Failed(problem=problem, remedy="Start it again.", fatal=True))
        await self._finish(last)

    async def _attach_again(self) -> bool:
        """Attach once more to a trainer that has cut this screen off; return whether it is still there."""
        if self._process is not None or self._closing:
            return False
        try:
            streams = await _attach(Path(self._run))
        except UserError:
            return False
        self._streams[1].close()
        self._streams = streams
        return True

    async def _put(self, event: AnyEvent) -> None:
        if not self._closing:
            await self._events.put(event)

    async def _finish(self, last: AnyEvent | None) -> None:
        """Close the streams; of a trainer that this client started and that is to end, wait until it has."""
        self._streams[1].close()
        if isinstance(last, Detached):
            if self._process is not None:
                _left.append(self._process)
        elif self._process is not None:
            code = await asyncio.to_thread(wait_for_exit, self._process)
            if last is None or not _is_last(last):
                await self._put(exit_failure(self._run, f" ({how_it_ended(code)})", self._stderr_file))
        elif last is None or not _is_last(last):
            await self._put(exit_failure(self._run, "", None))
        if self._stderr_file is not None:
            self._stderr_file.close()
        if self._closing:
            while not self._events.empty():
                self._events.get_nowait()
        await self._events.put(None)


async def _attach(run: Path) -> Streams:
    """Streams to the trainer of `run`, to which Attach was sent. Raises UserError."""
    name = runs.run_id(run)
    record = await asyncio.to_thread(trainers.find_trainer, run)
    not_trained = f"`rnnplay resume {name}` goes on with it."
    if record is None:
        raise trainers.no_trainer_error(run, not_trained)
    if record.is_elsewhere:
        raise UserError(f"The run {name} is being trained on {record.host}.", "Attach to it on that machine.")
    no_answer = UserError(f"The trainer of the run {name} does not answer.", f"rnnplay stop {name} ends it.")
    try:
        connection = await asyncio.to_thread(trainers.connect, record)
    except BlockingIOError:
        raise no_answer from None
    if connection is None:
        raise UserError(
            f"The trainer of the run {name} cannot be reached.",
            f"Try again in ten seconds, or stop it: rnnplay stop {name}.",
        )
    reader, writer = await asyncio.open_unix_connection(sock=connection, limit=STREAM_LIMIT)
    try:
        first = msgspec.msgpack.decode(await asyncio.wait_for(_read_frame(reader), _ANSWER_TIMEOUT_SECONDS))
        if first["version"] != PROTOCOL_VERSION:
            raise UserError(
                f"The run {name} is trained by another version of rnnplay.",
                f"End it with `rnnplay stop {name}`; `rnnplay resume {name}` then goes on with it.",
            )
        if not await asyncio.to_thread(trainers.is_same_run, run, first["run"]):
            raise trainers.no_trainer_error(run, not_trained)
        writer.write(encode_frame(numbered(Attach(linger=hang_up_seconds()))))
        await writer.drain()
    except UserError:
        writer.close()
        raise
    except TimeoutError:
        writer.close()
        raise no_answer from None
    except (asyncio.IncompleteReadError, ConnectionError, ValueError, KeyError, TypeError):
        writer.close()
        raise UserError(f"The trainer of the run {name} has just ended.", f"rnnplay resume {name}") from None
    return reader, writer


async def _read_frame(reader: asyncio.StreamReader) -> bytes:
    return await reader.readexactly(frame_length(await reader.readexactly(4)))


def _is_last(event: AnyEvent) -> bool:
    return isinstance(event, Stopped | Detached) or (isinstance(event, Failed) and event.fatal)
