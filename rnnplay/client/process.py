"""The trainer's process: its command, its environment, its pipes as streams, and how it ended."""

import asyncio
import contextlib
import os
import signal
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import IO

from rnnplay import blas, runs
from rnnplay.config import UserError
from rnnplay.protocol import Failed, Inspect, Resume, Train

COMMAND = (sys.executable, "-P", "-m", "rnnplay.trainer")  # -P: do not import modules from the user's folder
STREAM_LIMIT = 2**22  # bytes that a stream holds for its reader
_SAVE_TIMEOUT_SECONDS = 60.0  # for a trainer to save and exit

Streams = tuple[asyncio.StreamReader, asyncio.StreamWriter]


def start_process(environment: dict[str, str], stderr_file: IO[bytes]) -> "subprocess.Popen[bytes]":
    """Start a trainer, in a session of its own. asyncio's own way would kill a trainer that is left."""
    return subprocess.Popen(
        COMMAND,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=stderr_file,
        env=environment,
        start_new_session=True,
    )


def trainer_environment(open_command: Train | Resume | Inspect) -> dict[str, str]:
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


def temporary_file() -> IO[bytes]:
    """A file for the trainer's standard error until its run has a log. Raises UserError."""
    try:
        return tempfile.TemporaryFile()
    except OSError as error:
        problem = f"No temporary file can be written ({error.strerror or error})."
        raise UserError(problem, "Set TMPDIR to a folder that you can write to.") from None


async def pipe_streams(process: "subprocess.Popen[bytes]") -> Streams:
    """The pipes to a trainer as streams."""
    loop = asyncio.get_running_loop()
    reader = asyncio.StreamReader(STREAM_LIMIT)
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), process.stdout)
    protocol = asyncio.StreamReaderProtocol(asyncio.StreamReader())
    transport, _ = await loop.connect_write_pipe(lambda: protocol, process.stdin)
    return reader, asyncio.StreamWriter(transport, protocol, None, loop)


def wait_for_exit(process: "subprocess.Popen[bytes]") -> int:
    """Wait for a trainer to end; terminate it, then kill it, if it does not within the time for saving."""
    for end in (None, process.terminate, process.kill):
        if end is not None:
            end()
        with contextlib.suppress(subprocess.TimeoutExpired):
            return process.wait(_SAVE_TIMEOUT_SECONDS)
    return -signal.SIGKILL


def how_it_ended(code: int) -> str:
    """Return how a process ended, by its exit code."""
    return f"signal {signal.Signals(-code).name}" if code < 0 else f"exit status {code}"


def exit_failure(run: str, how: str, stderr_file: IO[bytes] | None) -> Failed:
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
