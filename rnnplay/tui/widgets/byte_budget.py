"""Budget of bytes that may be sent to the terminal: live repaints wait for it, answers to keys do not."""

from __future__ import annotations

from time import monotonic
from typing import Any

RATE = 20 * 1024  # bytes a second that live repaints of a text may take
_SAVED = 40 * 1024  # bytes that can be saved up

_MAX_DEBT_SECONDS = 2.0  # that a repaint may delay the next one, however large it is


class ByteBudget:
    """A bucket that fills by RATE; spending may leave it in debt, which delays the next live repaint."""

    def __init__(self) -> None:
        self._room = float(_SAVED)
        self._at = monotonic()

    def _fill(self) -> None:
        now = monotonic()
        self._room = min(_SAVED, self._room + (now - self._at) * RATE)
        self._at = now

    def spend(self, size: int) -> None:
        self._fill()
        self._room = max(self._room - size, -_MAX_DEBT_SECONDS * RATE)

    def has_room(self) -> bool:
        self._fill()
        return self._room > 0

    @staticmethod
    def is_terminal_busy(app: Any) -> bool:
        """Return whether the terminal has not yet taken what was written: then nothing more is painted.

        Textual blocks once thirty writes are waiting, and every key with it. The queue is private, so it may be gone.
        """
        driver = getattr(app, "_driver", None)
        queue = getattr(getattr(driver, "_writer_thread", None), "_queue", None)
        try:
            return queue is not None and not queue.empty()
        except AttributeError:
            return False
