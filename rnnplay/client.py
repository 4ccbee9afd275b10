"""Starts a trainer in a process of its own, sends it commands and yields its events; knows no screen.

The child lives in a session of its own, so that Ctrl-C or a hang-up reaches it only as the end of its input, on which
it saves and exits. `train` is the same for a script: it returns when the run has ended.
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
    Progress,
    Resume,
    Started,
    Status,
    Stop,
    Stopped,
    Train,
    body_length,
    decode_event,
    frame,
    numbered,
)

_COMMAND = (sys.executable, "-P", "-m", "rnnplay.trainer")  # -P: a random.py in the user's folder stays out of it
_QUEUED = 256  # events; beyond that the trainer waits, and leaves out what it may
_SAVING = 60.0  # seconds that a trainer gets to save and exit


def _environment(opening: Train | Resume | Inspect) -> dict[str, str]:
    """The child's environment: one BLAS thread and the best kernel, or, for a run that goes on, what it began with."""
    chosen = blas.trainer_environment()
    if not isinstance(opening, Train):
        with contextlib.suppress(UserError):  # a run that cannot be read is for the trainer to report
            before = runs.load_record(Path(opening.run)).environment
            chosen |= {name: before[name] for name in blas.THREADS if name in before and name not in os.environ}
            # It may have begun without the kernel that pays here. One that was not found to pay is not asked for.
            if blas.KERNEL not in before:
                chosen.pop(blas.KERNEL, None)
    return os.environ | chosen


def _ended(run: str, code: int, words: IO[bytes]) -> Failed:
    """What to say about a trainer that ended without a word."""
    how = f"signal {signal.Signals(-code).name}" if code < 0 else f"exit status {code}"
    words.seek(0)
    last = words.read().decode(errors="replace").strip().splitlines()[-1:]
    wrong = f"The trainer ended unexpectedly ({how}{': ' + last[0] if last else ''})."
    if not run:
        return Failed(wrong=wrong, remedy="Try again; if it happens again, report it with this message.", fatal=True)
    name = runs.run_id(Path(run))
    remedy = f'Its log is "{Path(run) / runs.LOG}"; `rnnplay resume {name}` goes on from its last checkpoint.'
    return Failed(run_id=name, wrong=wrong, remedy=remedy, fatal=True)


def _is_last(event: AnyEvent) -> bool:
    return isinstance(event, Stopped) or (isinstance(event, Failed) and event.fatal)


class Client:
    """One trainer. Read `events()` to the end, or `close()`; either way no process stays behind.

    Every event carries the id of its run, and the number of the command that it answers or 0.
    """

    def __init__(self, process: asyncio.subprocess.Process, words: IO[bytes]) -> None:
        self._process, self._words = process, words
        self._events: asyncio.Queue[AnyEvent | None] = asyncio.Queue(_QUEUED)
        self._run = ""
        self._closing = False
        self._reader = asyncio.create_task(self._read())

    @classmethod
    async def start(cls, opening: Train | Resume | Inspect) -> "Client":
        """Start a trainer and give it its first command."""
        environment = await asyncio.to_thread(_environment, opening)
        words = tempfile.TemporaryFile()  # noqa: SIM115
        process = await asyncio.create_subprocess_exec(
            *_COMMAND,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=words,
            env=environment,
            start_new_session=True,
            limit=2**22,
        )
        client = cls(process, words)
        await client.send(opening)
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
            self._process.stdin.write(frame(command))
            await self._process.stdin.drain()
        return command.request

    async def events(self) -> AsyncIterator[AnyEvent]:
        """Everything that the trainer says, until it has ended: after Stopped, or after a Failed that is fatal."""
        while (event := await self._events.get()) is not None:
            yield event
        self._events.put_nowait(None)  # for whoever asks again

    async def close(self) -> None:
        """Let the trainer save and exit, and wait for it. A second time does nothing."""
        self._closing = True
        while not self._events.empty():  # whatever the reader waits to put is dropped
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
                body = await self._process.stdout.readexactly(body_length(await self._process.stdout.readexactly(4)))
                last = decode_event(body)
                if isinstance(last, Started):
                    self._run = last.run
                await self._put(last)
        except (asyncio.IncompleteReadError, ConnectionResetError):
            pass  # it ended: `_finish` says how
        except (ValueError, msgspec.DecodeError) as error:
            wrong = f"The trainer's words are not understood: {error}."
            await self._put(last := Failed(wrong=wrong, remedy="Start it again.", fatal=True))
        await self._finish(last)

    async def _put(self, event: AnyEvent) -> None:
        if not self._closing:
            await self._events.put(event)

    async def _finish(self, last: AnyEvent | None) -> None:
        """Wait for the process, however long it saves; end it where it does not end by itself."""
        assert self._process.stdin is not None
        self._process.stdin.close()
        code = -signal.SIGKILL
        for end in (None, self._process.terminate, self._process.kill):
            if end is not None:
                with contextlib.suppress(ProcessLookupError):
                    end()
            with contextlib.suppress(TimeoutError):
                code = await asyncio.wait_for(self._process.wait(), _SAVING)
                break
        if last is None or not _is_last(last):
            await self._put(_ended(self._run, code, self._words))
        self._words.close()
        if self._closing:
            while not self._events.empty():
                self._events.get_nowait()
        await self._events.put(None)


# --------------------------------------------------------------------------------------------------------- for scripts


@dataclass
class Summary:
    """What a run came to: the loss of each block of steps (one step each at first), and each loss on held-out data."""

    run: Path | None = None
    step: int = 0
    losses: list[float | None] = field(default_factory=list)
    evaluations: list[tuple[int, float | None]] = field(default_factory=list)


def train(task: str, *, runs: str | None = None, **choices: Any) -> Summary:
    """Train on `task` until its limit and return what came of it; `choices` are the fields of RunConfig.

    `runs` is the folder for the run's directory. Without a limit (steps, epochs, minutes) it goes on until interrupted.
    Raises UserError where something is wrong with the choices, or where the run diverged.
    """
    command = Train(config=make_config(task, **choices), root=runs)
    with (
        tempfile.TemporaryFile() as words,
        subprocess.Popen(
            _COMMAND,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=words,
            env=_environment(command),
            start_new_session=True,
        ) as process,
    ):
        assert process.stdin is not None
        assert process.stdout is not None
        try:
            process.stdin.write(frame(command))
            process.stdin.flush()
            return _follow(process, words)
        finally:
            with contextlib.suppress(BrokenPipeError):
                process.stdin.close()  # it saves and exits
            process.stdout.read()


def _follow(process: "subprocess.Popen[bytes]", words: IO[bytes]) -> Summary:
    """Read events until the run has finished, as `train` promises."""
    assert process.stdin is not None
    assert process.stdout is not None
    summary = Summary()
    while len(header := process.stdout.read(4)) == 4:
        event = decode_event(process.stdout.read(body_length(header)))
        match event:
            case Started():
                summary.run = Path(event.run)
            case Progress():
                summary.losses += [row.loss for row in event.rows]
            case Evaluated():
                summary.evaluations.append((event.step, event.loss))
            case Failed():
                raise UserError(event.wrong, event.remedy)
            case Status(state="diverged"):
                raise UserError(event.wrong, event.remedy)
            case Status(state="finished"):
                process.stdin.write(frame(Stop()))
                process.stdin.flush()
            case Stopped():
                summary.step = event.step
                return summary
            case _:
                pass
    failed = _ended(str(summary.run or ""), process.wait(), words)
    raise UserError(failed.wrong, failed.remedy)
