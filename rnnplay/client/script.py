"""Training with one call, for scripts: `rnnplay.train`."""

import contextlib
import subprocess
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

from rnnplay.catalogue import make_config
from rnnplay.client.process import exit_failure, how_it_ended, start_process, temporary_file, trainer_environment
from rnnplay.config import UserError
from rnnplay.protocol import (
    Evaluated,
    Failed,
    RowsCompleted,
    Started,
    Status,
    Stop,
    Stopped,
    Train,
    decode_event,
    encode_frame,
    frame_length,
)


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
    frame = encode_frame(command)  # what cannot be sent is refused before a process is started
    with (
        temporary_file() as stderr_file,
        start_process(trainer_environment(command), stderr_file) as process,
    ):
        assert process.stdin is not None
        assert process.stdout is not None
        try:
            process.stdin.write(frame)
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
    failed = exit_failure(str(summary.run or ""), f" ({how_it_ended(process.wait())})", stderr_file)
    raise UserError(failed.problem, failed.remedy)
