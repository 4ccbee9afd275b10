"""The progress of a command that takes long, on standard error: a line that is rewritten, or lines now and then."""

import os
import sys
import time

from rnnplay.cli.report import LINE_SECONDS
from rnnplay.formatting import measuring_words, reading_words
from rnnplay.protocol import AnyEvent, QuestionProgressed, ReadingText


class ProgressLine:
    """Shows how far a trainer is that reads a text or answers a question."""

    def __init__(self) -> None:
        self._rewrites = sys.stderr.isatty() and os.environ.get("TERM") != "dumb"
        self._shown_at = time.monotonic()
        self._is_shown = False

    def event(self, event: AnyEvent) -> None:
        """Show what an event says of the progress, or clear the line if it says none."""
        match event:
            case ReadingText():
                self._show(reading_words(event.bytes_read, event.progress))
            case QuestionProgressed():
                self._show(measuring_words(event.fraction) if event.question == "Evaluate" else f"{event.fraction:.0%}")
            case _:
                self._clear()

    def _show(self, words: str) -> None:
        if self._rewrites:
            print(f"\r{words}\x1b[K", end="", file=sys.stderr, flush=True)
            self._is_shown = True
        elif time.monotonic() - self._shown_at >= LINE_SECONDS:
            self._shown_at = time.monotonic()
            print(words, file=sys.stderr, flush=True)

    def _clear(self) -> None:
        if self._is_shown:
            self._is_shown = False
            print("\r\x1b[K", end="", file=sys.stderr, flush=True)
