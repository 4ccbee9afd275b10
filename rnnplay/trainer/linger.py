"""Time for which a run goes on while no screen is attached."""

IDLE_SECONDS = 600.0  # that a run which does not train, because it is paused or finished, waits for a screen


class Linger:
    """Adds up what the screens that left asked for. All times are seconds on one clock that never jumps."""

    def __init__(self) -> None:
        self._until: float | None = None  # None: no screen asked for anything
        self._left = 0.0  # when the last one left

    def leave(self, seconds: float, now: float) -> None:
        """Let the run go on for `seconds` after a screen has left; the longest of such times counts."""
        self._left = now
        if seconds > 0:
            self._until = max(self._until or now, now + seconds)

    def is_over(self, now: float, training: bool, has_limit: bool, since: float) -> bool:
        """Return whether the trainer is to save and end, if no screen is attached.

        training: whether steps are being done; has_limit: they end by themselves; since: when that began.
        """
        if self._until is None:
            return True
        if training:
            return not has_limit and now >= self._until
        return now >= max(self._left, since) + min(IDLE_SECONDS, self._until - self._left)
