"""Message on the terminal after a screen has left a run that goes on: how long it does, and how to come back."""

from __future__ import annotations

import shlex
import textwrap
from pathlib import Path

from rnnplay.runs import run_id
from rnnplay.tui.paint.numbers import count
from rnnplay.tui.session import RunSession

LOGOUT_WARNING = (
    "\nThis system ends your processes when you log out, this run too (KillUserProcesses). "
    "To keep them: loginctl enable-linger"
)
_COME_BACK = "Come back"
_PAUSED_SECONDS = 600.0  # that a run which is paused waits for a screen, at most


def detached_sentence(session: RunSession, runs: str | None) -> str:
    """Return that the run goes on, how long, and the command that leads back. runs: the folder that was named."""
    from rnnplay.client import detach_seconds

    assert session.run is not None and session.config is not None
    name = run_id(Path(session.run))
    folder = f" --runs {shlex.quote(runs)}" if runs else ""
    config = session.config
    limited = any((config.steps, config.epochs, config.minutes, config.patience))
    linger = detach_seconds()
    match session.state:
        case "training" if limited:
            how = "trains on to its end"
        case "training":
            how = f"trains on, and ends after {_time(linger)} without a screen"
        case _:
            how = f"waits as it is for {_time(min(linger, _PAUSED_SECONDS))}, then it is saved and ends"
    return (
        f"{config.task}, step {count(session.step)}: the run {name} {how}.\n{_COME_BACK}: rnnplay attach {name}{folder}"
    )


def wrapped(farewell: str, width: int) -> str:
    """Break the lines of a farewell between words; a line with a command to be copied stays whole."""
    lines = farewell.splitlines()
    return "\n".join(line if line.startswith(_COME_BACK) else textwrap.fill(line, width) for line in lines)


def shared_sentence(session: RunSession) -> str:
    """Return that the run goes on because other screens are attached to it."""
    assert session.run is not None
    others = session.other_screens
    screens = "another screen is" if others == 1 else f"{others} other screens are"
    return f"The run {run_id(Path(session.run))} goes on: {screens} attached to it."


def _time(seconds: float) -> str:
    """Return a time in words: 12 hours, 10 minutes, 45 seconds."""
    for size, unit in ((3600, "hour"), (60, "minute"), (1, "second")):
        if seconds >= size:
            number = round(seconds / size)
            return f"{number:,} {unit}{'s' if number != 1 else ''}"
    return "no time"
