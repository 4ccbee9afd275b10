"""Waiting before the next training step, so that a person can watch it. Waiting never changes a number."""

import time

WATCHED_STEPS_PER_SECOND = 100.0  # at which a run begins that would be over too soon
QUICK_SECONDS = 1.0  # a run that would take less is slowed
_MAX_WATCHED_STEPS = 2_000  # a run of more steps would take too long at that speed
_MEASURED_STEPS = 8  # after which it is known how long the run would take


class Pacer:
    """The speed of training in steps a second; None: as fast as it goes."""

    def __init__(self, watched_steps: int | None = None) -> None:
        """watched_steps: of a run that is slowed if it would be over within a second; None: it is not slowed."""
        self.steps_per_second: float | None = None
        self._last_step = 0 if watched_steps is None or watched_steps > _MAX_WATCHED_STEPS else watched_steps
        self._measured = 0
        self._fastest = float("inf")  # seconds of a step
        self._due = 0.0  # when the next step may begin
        if self._last_step:
            self.steps_per_second = WATCHED_STEPS_PER_SECOND

    def set_speed(self, steps_per_second: float | None) -> None:
        """Train at this speed from now on, as a person has chosen."""
        self.steps_per_second, self._last_step = steps_per_second, 0
        self.skip_wait()

    def skip_wait(self) -> None:
        """Let the next step begin at once."""
        self._due = 0.0

    def seconds_until_due(self) -> float:
        """Return the seconds until the next step may begin; 0: now."""
        return max(0.0, self._due - time.perf_counter()) if self.steps_per_second else 0.0

    def step_done(self, now: float, seconds: float) -> None:
        """Count a step that ended at `now` and took `seconds`. A step that was late is not made up for."""
        if self._last_step:
            self._measure(seconds)
        self._due = max(self._due + self.interval, now) if self._due else now + self.interval

    @property
    def interval(self) -> float:
        """Seconds between the beginnings of two steps that the speed asks for; 0: none."""
        return 1 / self.steps_per_second if self.steps_per_second else 0.0

    def _measure(self, seconds: float) -> None:
        """Stop, after the first steps, slowing a run that takes long enough by itself."""
        self._measured += 1
        self._fastest = min(self._fastest, seconds)
        if self._measured == _MEASURED_STEPS:
            if self._fastest * self._last_step > QUICK_SECONDS:
                self.steps_per_second = None
            self._last_step = 0
