"""Time that looking may take while a network trains: a share of what passes."""

import time


class Budget:
    """Time that may be spent beside training: a share of what passes, and a little at once after a rest."""

    def __init__(self, share: float, most: float = 0.02) -> None:
        self._share, self._most, self._left, self._last = share, most, most, time.perf_counter()

    def left(self, now: float) -> bool:
        self._left = min(self._most, self._left + (now - self._last) * self._share)
        self._last = now
        return self._left > 0

    def spend(self, seconds: float) -> None:
        self._left -= seconds
