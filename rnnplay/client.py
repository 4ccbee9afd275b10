"""Starts a trainer in its own process or attaches to one, sends it commands and yields its events.

The child has its own session, so that Ctrl-C or a hang-up reaches it only as the end of its input: it then saves and
exits, or goes on by itself if it was told to. `train` is the same for a script: it returns when the run has ended.
"""

import asyncio
import contextlib
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

import msgspec

from rnnplay import blas, runs
from rnnplay.catalogue import make_config
from rnnplay.config import UserError
from rnnplay.protocol import (
    PROTOCOL_VERSION,
    AnyEvent,
    Attach,
    Command,
    Detach,
    Detached,
    Evaluated,
    Failed,
    Inspect,
    Resume,
    RowsCompleted,
    Started,
    Status,
    Stop,
    Stopped,
    Train,
    decode_event,
    encode_frame,
    frame_length,
    numbered,
)
from rnnplay.runs import trainers

_COMMAND = (sys.executable, "-P", "-m", "rnnplay.trainer")  # -P: do not import modules from the user's folder
_EVENT_QUEUE_SIZE = 256  # if it is full, the trainer's output blocks, and the trainer drops replaceable events
_SAVE_TIMEOUT_SECONDS = 60.0  # for a trainer to save and exit
_ANSWER_TIMEOUT_SECONDS = 60.0  # for a trainer to answer a screen that attaches: it may be in a long step
_LINE_LIMIT = 2**22  # bytes that a stream holds for its reader
LINGER = "RNNPLAY_LINGER"
_AWAY_SECONDS = 12 * 3600.0  # that a run without a limit goes on after it was left, or after a lost SSH line
_CLOSED_SECONDS = 600.0  # the same after a local window was closed

Streams = tuple[asyncio.StreamReader, asyncio.StreamWriter]


def chosen_linger() -> float | None:
    """What RNNPLAY_LINGER says in seconds; None: nothing. Raises UserError if it makes no sense."""
    given = os.environ.get(LINGER, "").strip()
    if not given:
        return None
    units = {"s": 1, "m": 60, "h": 3600, "d": 86_400}
    number, unit = (given[:-1], given[-1]) if given[-1] in units else (given, "s")
    if not (number.isascii() and number.isdigit() and len(number) < 10):
        raise UserError(f"{LINGER} is {given!r}.", "Give a time such as 90s, 10m, 12h or 2d, or 0.")
    return float(number) * units[unit]


def detach_seconds() -> float:
    """How long a run without a limit goes on after it was left on purpose."""
    chosen = chosen_linger()
    return _AWAY_SECONDS if chosen is None else chosen


def hang_up_seconds() -> float:
    """How long a run goes on after its screen was lost."""
    chosen = chosen_linger()
    if chosen is not None:
        return chosen
    return _AWAY_SECONDS if os.environ.get("SSH_CONNECTION") else _CLOSED_SECONDS


def _trainer_environment(open_command: Train | Resume | Inspect) -> dict[str, str]:
    """The child's environment: one BLAS thread and the fastest kernel, or those that a resumed run began with."""
    variables = blas.trainer_environment()
    if not isinstance(open_command, Train):
        with contextlib.suppress(UserError):  # the trainer reports a run that cannot be read
            recorded = runs.load_record(Path(open_command.run)).environment
            variables |= {name: recorded[name] for name in blas.THREADS if name in recorded and name not in os.environ}
            # A run that began without a chosen kernel is resumed without one; another machine's might crash here.
            if blas.KERNEL not in recorded:
                variables.pop(blas.KERNEL, None)
            if blas.SMALL_GEMM not in os.environ:
                variables[blas.SMALL_GEMM] = recorded.get(blas.SMALL_GEMM, "0")
    return os.environ | variables


def _how(code: int) -> str:
    """How a process ended, by its exit code."""
    return f"signal {signal.Signals(-code).name}" if code < 0 else f"exit status {code}"


def _exit_failure(run: str, how: str, stderr_file: IO[bytes] | None) -> Failed:
    """The event for a trainer that ended without a last event. run: its directory, or empty; how: in brackets."""
    last_line: list[str] = []
    if stderr_file is not None:
        stderr_file.seek(0)
        last_line = stderr_file.read().decode(errors="replace").strip().splitlines()[-1:]
    problem = f"The trainer ended unexpectedly{how}."
    if last_line:
        problem = f"{problem.removesuffix(').')}: {last_line[0]})."
    if not run:
        return Failed(
            problem=problem, remedy="Try again; if it happens again, report it with this message.", fatal=True
        )
    name = runs.run_id(Path(run))
    remedy = f'Its log is "{Path(run) / runs.LOG}"; `rnnplay resume {name}` goes on from its last checkpoint.'
    return Failed(run_id=name, problem=problem, remedy=remedy, fatal=True)


def _is_last(event: AnyEvent) -> bool:
    return isinstance(event, Stopped | Detached) or (isinstance(event, Failed) and event.fatal)


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
        environment = await asyncio.to_thread(_trainer_environment, open_command)
        stderr_file = _temporary_file()
        process = subprocess.Popen(  # asyncio's own would kill a trainer that is left
            _COMMAND,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=stderr_file,
            env=environment,
            start_new_session=True,
        )
        client = cls(await _pipe_streams(process), process, stderr_file)
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
        self._closing = True
        while not self._events.empty():  # makes room, so that the reader does not block
            self._events.get_nowait()
        await self.send(command)
        if self._process is not None and isinstance(command, Stop):
            self._streams[1].close()
        await asyncio.shield(self._reader)

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
        """Attach once more to a trainer that has cut this screen off; whether it is still there."""
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
            code = await asyncio.to_thread(_wait, self._process)
            if last is None or not _is_last(last):
                await self._put(_exit_failure(self._run, f" ({_how(code)})", self._stderr_file))
        elif last is None or not _is_last(last):
            await self._put(_exit_failure(self._run, "", None))
        if self._stderr_file is not None:
            self._stderr_file.close()
        if self._closing:
            while not self._events.empty():
                self._events.get_nowait()
        await self._events.put(None)


# ------------------------------------------------------------------------------------------------ streams, processes

_left: "list[subprocess.Popen[bytes]]" = []  # trainers that go on without us, and are not waited for


def _temporary_file() -> IO[bytes]:
    """A file for the trainer's standard error until its run has a log. Raises UserError."""
    try:
        return tempfile.TemporaryFile()
    except OSError as error:
        problem = f"No temporary file can be written ({error.strerror or error})."
        raise UserError(problem, "Set TMPDIR to a folder that you can write to.") from None


async def _pipe_streams(process: "subprocess.Popen[bytes]") -> Streams:
    """The pipes to a trainer as streams."""
    loop = asyncio.get_running_loop()
    reader = asyncio.StreamReader(_LINE_LIMIT)
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), process.stdout)
    protocol = asyncio.StreamReaderProtocol(asyncio.StreamReader())
    transport, _ = await loop.connect_write_pipe(lambda: protocol, process.stdin)
    return reader, asyncio.StreamWriter(transport, protocol, None, loop)


async def _attach(run: Path) -> Streams:
    """Streams to the trainer of `run`, to which Attach was sent. Raises UserError."""
    name = runs.run_id(run)
    record = await asyncio.to_thread(trainers.find_trainer, run)
    if record is None:
        raise UserError(f"The run {name} is not being trained.", f"`rnnplay resume {name}` goes on with it.")
    if record.is_elsewhere:
        raise UserError(f"The run {name} is being trained on {record.host}.", "Attach to it on that machine.")
    connection = await asyncio.to_thread(trainers.connect, record)
    if connection is None:
        raise UserError(f"The trainer of the run {name} cannot be reached.", f"Stop it: rnnplay stop {name}.")
    reader, writer = await asyncio.open_unix_connection(sock=connection, limit=_LINE_LIMIT)
    try:
        first = msgspec.msgpack.decode(await asyncio.wait_for(_read_frame(reader), _ANSWER_TIMEOUT_SECONDS))
        if first["version"] != PROTOCOL_VERSION:
            raise UserError(
                f"The run {name} is trained by another version of rnnplay.",
                f"End it with `rnnplay stop {name}`; `rnnplay resume {name}` then goes on with it.",
            )
        writer.write(encode_frame(numbered(Attach(linger=hang_up_seconds()))))
        await writer.drain()
    except TimeoutError:
        writer.close()
        raise UserError(f"The trainer of the run {name} does not answer.", f"rnnplay stop {name} ends it.") from None
    except (asyncio.IncompleteReadError, ConnectionError, ValueError, KeyError, TypeError):
        writer.close()
        raise UserError(f"The trainer of the run {name} has just ended.", f"rnnplay resume {name}") from None
    except UserError:
        writer.close()
        raise
    return reader, writer


async def _read_frame(reader: asyncio.StreamReader) -> bytes:
    return await reader.readexactly(frame_length(await reader.readexactly(4)))


def _wait(process: "subprocess.Popen[bytes]") -> int:
    """Wait for a trainer to end; terminate it, then kill it, if it does not within the time for saving."""
    for end in (None, process.terminate, process.kill):
        if end is not None:
            end()
        with contextlib.suppress(subprocess.TimeoutExpired):
            return process.wait(_SAVE_TIMEOUT_SECONDS)
    return -signal.SIGKILL


# --------------------------------------------------------------------------------------------------------- for scripts


@dataclass
class Summary:
    """The result of a run. losses: of each block of steps (at first one step). evaluations: (step, held-out loss)."""

    run: Path | None = None
    step: int = 0
    losses: list[float | None] = field(default_factory=list)
    evaluations: list[tuple[int, float | None]] = field(default_factory=list)


def train(task: str, *, runs: str | None = None, **choices: Any) -> Summary:
    """Train on `task` until its limit and return the result; `choices` are fields of RunConfig.

    runs: the folder for the run's directory. Without a limit (steps, epochs, minutes) it trains until interrupted.
    Raises UserError if a choice is not valid, or if the run diverged.
    """
    command = Train(config=make_config(task, **choices), root=runs)
    with (
        _temporary_file() as stderr_file,
        subprocess.Popen(
            _COMMAND,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=stderr_file,
            env=_trainer_environment(command),
            start_new_session=True,
        ) as process,
    ):
        assert process.stdin is not None
        assert process.stdout is not None
        try:
            process.stdin.write(encode_frame(command))
            process.stdin.flush()
            return _read_summary(process, stderr_file)
        finally:
            with contextlib.suppress(BrokenPipeError):
                process.stdin.close()  # it saves and exits
            process.stdout.read()


def _read_summary(process: "subprocess.Popen[bytes]", stderr_file: IO[bytes]) -> Summary:
    """Read events until the run has finished; returns its summary. Raises UserError if it failed or diverged."""
    assert process.stdin is not None
    assert process.stdout is not None
    summary = Summary()
    while len(header := process.stdout.read(4)) == 4:
        event = decode_event(process.stdout.read(frame_length(header)))
        match event:
            case Started():
                summary.run = Path(event.run)
            case RowsCompleted():
                summary.losses += [row.loss for row in event.rows]
            case Evaluated():
                summary.evaluations.append((event.step, event.loss))
            case Failed():
                raise UserError(event.problem, event.remedy)
            case Status(state="diverged"):
                raise UserError(event.problem, event.remedy)
            case Status(state="finished"):
                process.stdin.write(encode_frame(Stop()))
                process.stdin.flush()
            case Stopped():
                summary.step = event.step
                return summary
            case _:
                pass
    failed = _exit_failure(str(summary.run or ""), f" ({_how(process.wait())})", stderr_file)
    raise UserError(failed.problem, failed.remedy)
