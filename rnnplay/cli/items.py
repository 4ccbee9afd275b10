"""Cuts a sample into the items that are to be written: so many, up to a text, without those of the run's text."""

from collections.abc import Callable
from dataclasses import dataclass, field

MAX_TRIES = 100  # items in a row that are none to write, before it is given up
MAX_ITEM = 20_000  # characters of an item


@dataclass(eq=False)
class ItemCutter:
    """Takes a sample's symbols as they come and returns what is to be written.

    end: what ends an item. shown_end: what is written in its place. count: items to write; None: no limit. accept:
    whether an item is written at all; None: every one is, as it is drawn.
    """

    end: str
    shown_end: str
    count: int | None = None
    accept: Callable[[str], bool] | None = None
    written: int = 0
    passed_over: int = 0  # in a row
    done: bool = False
    _open: str = field(default="", init=False)  # the beginning of an item, not yet written

    def take(self, text: str) -> str:
        """Take the next symbols, and return what is to be written now."""
        self._open += text
        out = ""
        while not self.done and self.end in self._open:
            item, _, self._open = self._open.partition(self.end)
            if self.accept is not None and not self.accept(item):
                self.passed_over += 1
                self.done = self.passed_over >= MAX_TRIES
                continue
            out += item + self.shown_end
            self.written, self.passed_over = self.written + 1, 0
            self.done = self.count is not None and self.written >= self.count
        self.done = self.done or len(self._open) > MAX_ITEM
        return out

    @property
    def remark(self) -> str | None:
        """Return what to say if fewer items were found than were asked for."""
        if len(self._open) > MAX_ITEM:
            written = f"{self.written:,} whole item{'s' * (self.written != 1)}"
            return f"No {self.end!r} comes in {MAX_ITEM:,} characters: it ends after {written}."
        if self.passed_over < MAX_TRIES:
            return None
        return f"{MAX_TRIES} items in a row stand in the run's text: it ends after {self.written:,} new ones."
