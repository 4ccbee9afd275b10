"""Base of all handlers: each answers some kinds of command, at once or bit by bit between two training steps.

Each connection has handlers of its own; the time beside training is shared by all of them.
"""

import time
from collections.abc import Callable
from typing import Any, ClassVar

from rnnplay.protocol import Command

MAX_BACKLOG = 256 * 1024  # bytes that may wait for a reader before what is sent again and again waits too
TIME_SHARE = 0.004  # of training's time that traces may take, and again samples
FOCUSED_TIME_SHARE = 0.1  # the same for a place that shows nothing else
MEASURE_TIME_SHARE = 0.01  # of training's time, for the task's own measure
CENSUS_TIME_SHARE = 0.005  # of training's time that a census may take
_CENSUS_AT_FIRST = 0.3  # seconds of it at once: units have names within seconds, not after a minute
EXAMPLE_TIME_SHARE = 0.012  # of training's time, for showing an example again and again


class Handler:
    """Answers the commands of one connection. The loop calls it between two training steps.

    A handler that answers at once overrides `handle_command` alone. Both methods raise UserError if a command makes no
    sense; the loop then answers with Failed.
    """

    commands: ClassVar[tuple[type[Command], ...]]
    current: Command | None = None
    """The command that `run_pending` works on, or worked on when it failed."""

    def handle_command(self, command: Any, interrupted: Callable[[], bool]) -> bool:
        """Answer a command of one of `commands`; True if that took time from training.

        `interrupted()`: whether to give up a long answer, because the trainer is to end.
        """
        raise NotImplementedError

    def run_pending(self, training: bool) -> None:
        """Go on with what is not answered yet; `training`: only as far as the handler's share of the time allows."""

    def seconds_until_due(self) -> float:
        """Return the seconds until `run_pending` has something to do; infinity if nothing is pending."""
        return float("inf")

    def cancel(self, command: Command) -> None:
        """Drop a pending command: its answer failed."""


class TimeBudget:
    """Time that may be spent beside training: a share of the time that passes, and a little at once after a rest."""

    def __init__(self, share: float, most: float = 0.02) -> None:
        self._share, self._most, self._left, self._last = share, most, most, time.perf_counter()

    def has_time(self, now: float) -> bool:
        self._left = min(self._most, self._left + (now - self._last) * self._share)
        self._last = now
        return self._left > 0

    def spend(self, seconds: float) -> None:
        self._left -= seconds


class TimeShares:
    """The time beside training that the handlers of all connections share: three screens cost what one costs."""

    def __init__(self) -> None:
        self.trace = TimeBudget(TIME_SHARE)
        self.trace_with_candidates = TimeBudget(FOCUSED_TIME_SHARE)
        self.example = TimeBudget(EXAMPLE_TIME_SHARE)
        self.census = TimeBudget(CENSUS_TIME_SHARE, _CENSUS_AT_FIRST)
        self.measure = TimeBudget(MEASURE_TIME_SHARE)
        self.jobs_rested = time.perf_counter()  # when a job of any connection was last worked on
        self._samples = {0: TimeBudget(TIME_SHARE)}

    def sample(self, channel: int) -> TimeBudget:
        """The budget of the samples on this channel."""
        return self._samples.setdefault(channel, TimeBudget(FOCUSED_TIME_SHARE))
