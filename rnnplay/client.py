"""Starts a trainer in its own process, sends it commands and yields its events; independent of the screen.

The child has its own session, so that Ctrl-C or a hang-up reaches it only as the end of its input, on which it saves
and exits. `train` is the same for a script: it returns when the run has ended.
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
    AnyEvent,
    Command,
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

_COMMAND = (sys.executable, "-P", "-m", "rnnplay.trainer")  # -P: do not import modules from the user's folder
_EVENT_QUEUE_SIZE = 256  # if it is full, the trainer's output blocks, and the trainer drops replaceable events
_SAVE_TIMEOUT_SECONDS = 60.0  # for a trainer to save and exit


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


def _exit_failure(run: str, code: int, stderr_file: IO[bytes]) -> Failed:
    """The event for a trainer that ended without a last event. run: its directory, or empty."""
    how = f"signal {signal.Signals(-code).name}" if code < 0 else f"exit status {code}"
    stderr_file.seek(0)
    last_line = stderr_file.read().decode(errors="replace").strip().splitlines()[-1:]
    problem = f"The trainer ended unexpectedly ({how}{': ' + last_line[0] if last_line else ''})."
    if not run:
        return Failed(
            problem=problem, remedy="Try again; if it happens again, report it with this message.", fatal=True
        )
    name = runs.run_id(Path(run))
    remedy = f'Its log is "{Path(run) / runs.LOG}"; `rnnplay resume {name}` goes on from its last checkpoint.'
    return Failed(run_id=name, problem=problem, remedy=remedy, fatal=True)


def _is_last(event: AnyEvent) -> bool:
    return isinstance(event, Stopped) or (isinstance(event, Failed) and event.fatal)


class TrainerClient:
    """One trainer process. Read `events()` to the end or call `close()`: both wait until the process has ended.

    Every event carries the id of its run, and the number of the command that it answers or 0.
    """

    def __init__(self, process: asyncio.subprocess.Process, stderr_file: IO[bytes]) -> None:
        self._process, self._stderr_file = process, stderr_file
        self._events: asyncio.Queue[AnyEvent | None] = asyncio.Queue(_EVENT_QUEUE_SIZE)
        self._run = ""
        self._closing = False
        self._reader = asyncio.create_task(self._read())

    @classmethod
    async def start(cls, open_command: Train | Resume | Inspect) -> "TrainerClient":
        """Start a trainer and send its first command."""
        environment = await asyncio.to_thread(_trainer_environment, open_command)
        stderr_file = tempfile.TemporaryFile()  # noqa: SIM115
        process = await asyncio.create_subprocess_exec(
            *_COMMAND,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=stderr_file,
            env=environment,
            start_new_session=True,
            limit=2**22,
        )
        client = cls(process, stderr_file)
        await client.send(open_command)
        return client

    @property
    def pid(self) -> int:
        return self._process.pid

    async def send(self, command: Command) -> int:
        """Send a command and return its number, which every event that answers it carries in `request`.

        A command that has no number gets one. If the trainer has ended, nothing is sent: `events` says how it ended.
        """
        assert self._process.stdin is not None
        command = numbered(command)
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):
            self._process.stdin.write(encode_frame(command))
            await self._process.stdin.drain()
        return command.request

    async def events(self) -> AsyncIterator[AnyEvent]:
        """Yield the trainer's events until it has ended. The last is Stopped, or a Failed that is fatal."""
        while (event := await self._events.get()) is not None:
            yield event
        self._events.put_nowait(None)  # so that a second call ends at once

    async def close(self) -> None:
        """Make the trainer save and exit, and wait for it. A second call does nothing."""
        self._closing = True
        while not self._events.empty():  # makes room, so that the reader does not block
            self._events.get_nowait()
        await self.send(Stop())
        assert self._process.stdin is not None
        self._process.stdin.close()
        await asyncio.shield(self._reader)

    async def _read(self) -> None:
        last: AnyEvent | None = None
        assert self._process.stdout is not None
        try:
            while last is None or not _is_last(last):
                body = await self._process.stdout.readexactly(frame_length(await self._process.stdout.readexactly(4)))
                last = decode_event(body)
                if isinstance(last, Started):
                    self._run = last.run
                await self._put(last)
        except (asyncio.IncompleteReadError, ConnectionResetError):
            pass  # the process ended: `_finish` reports how
        except (ValueError, msgspec.DecodeError) as error:
            problem = f"The trainer's output is not understood: {error}."
            await self._put(last := Failed(problem=problem, remedy="Start it again.", fatal=True))
        await self._finish(last)

    async def _put(self, event: AnyEvent) -> None:
        if not self._closing:
            await self._events.put(event)

    async def _finish(self, last: AnyEvent | None) -> None:
        """Wait for the process; terminate it, then kill it, if it does not end within the time for saving."""
        assert self._process.stdin is not None
        self._process.stdin.close()
        code = -signal.SIGKILL
        for end in (None, self._process.terminate, self._process.kill):
            if end is not None:
                with contextlib.suppress(ProcessLookupError):
                    end()
            with contextlib.suppress(TimeoutError):
                code = await asyncio.wait_for(self._process.wait(), _SAVE_TIMEOUT_SECONDS)
                break
        if last is None or not _is_last(last):
            await self._put(_exit_failure(self._run, code, self._stderr_file))
        self._stderr_file.close()
        if self._closing:
            while not self._events.empty():
                self._events.get_nowait()
        await self._events.put(None)


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
        tempfile.TemporaryFile() as stderr_file,
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
    failed = _exit_failure(str(summary.run or ""), process.wait(), stderr_file)
    raise UserError(failed.problem, failed.remedy)
