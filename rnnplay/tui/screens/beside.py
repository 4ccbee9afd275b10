"""What Cells and Sample share: lines that are typed, and live paints that keep to the link's budget."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import ClassVar

from textual import events

from rnnplay import protocol as say
from rnnplay.config import UserError
from rnnplay.tui.budget import Budget
from rnnplay.tui.choices import Choices
from rnnplay.tui.line import Line
from rnnplay.tui.paint.colour import Palette
from rnnplay.tui.screens import layout
from rnnplay.tui.screens.looking import Looking
from rnnplay.tui.session import Session


class Beside(Looking):
    """A place that paints what the trainer tells of its own accord, as often as the link allows."""

    LIVE: ClassVar[frozenset[str]] = frozenset()  # topics whose paint waits for the budget
    EVERY = 2  # ticks between two paints

    def __init__(self, session: Session, choices: Choices, palette: Palette) -> None:
        super().__init__(session, choices, palette)
        self.budget = Budget()
        self.stale: set[str] = set()
        self.typed_lines: list[Line] = []

    def show_topics(self, topics: set[str]) -> None:
        """Make the views anew that show `topics`: cells, answers, sample, run."""

    def topic(self, event: say.AnyEvent) -> str:
        """What is to be painted anew because of `event`; empty: nothing."""
        match event:
            case say.Trace():
                return "cells"
            case say.Sampled():
                return "sample"
            case say.Found() | say.Ablated() | say.GatesShown() | say.HistoryShown() | say.Working():
                return "answers"
            case say.Started() | say.Stopped() | say.Failed():
                return "run"
            case say.Status():
                return "status"
            case _:
                return ""

    def hear(self, event: say.AnyEvent) -> None:
        if isinstance(event, say.Health):
            super().hear(event)
        if topic := self.topic(event):
            self.stale.add(topic)
        if isinstance(event, say.Started) and layout.in_front(self):
            self.call_later(self.ask_anew)

    def paint(self, event: say.AnyEvent) -> None:
        """Nothing is painted for an event alone: `tick` does it."""

    def tick(self) -> None:
        """Paint what is new, unless the terminal has not yet taken what was sent before."""
        self._ticks += 1
        if not self.stale or not layout.in_front(self) or self._ticks % self.EVERY or self.budget.clogged(self.app):
            return
        self.budget.spend(sum(widget.sent for widget in self.painted))
        for widget in self.painted:
            widget.sent = 0
        topics = self.stale if self.budget.has_room() else self.stale - self.LIVE
        self.stale = self.stale - topics
        if topics - {"status"}:
            self.show_topics(topics)
        self.paint_words()

    def refresh_all(self) -> None:
        self.show_topics({"run", "cells", "answers", "sample"})
        self.paint_words()

    def lay_out(self, width: int, height: int) -> None:
        super().lay_out(width, height)
        self.call_after_refresh(self.refresh_all)

    def paint_words(self) -> None:
        super().paint_words()
        line = next((line for line in self.typed_lines if line.typing), None)
        if line is not None and self.session.problem is None:
            self.status_bar.view = line.view("▏" if self._palette.glyphs.dots else "_")

    # ---------------------------------------------------------------------------------------------------------- keys

    def on_key(self, event: events.Key) -> None:
        """A line that is being typed has all keys."""
        for line in self.typed_lines:
            if line.typing:
                with self.telling():
                    line.key(event.key, event.character)
                event.stop()
                event.prevent_default()
                self.paint_words()
                return

    def on_paste(self, event: events.Paste) -> None:
        for line in self.typed_lines:
            if line.typing and event.text:
                line.paste(event.text.splitlines()[0])
                self.paint_words()

    @contextmanager
    def telling(self) -> Iterator[None]:
        """Here an error for people becomes the status line, and nothing ends."""
        try:
            yield
        except UserError as error:
            self.tell(error.wrong, error.remedy)

    def tell(self, wrong: str, remedy: str) -> None:
        self.session.problem = (wrong, remedy)
        self.paint_words()

    def action_noop(self) -> None:
        """A key that is shown while a line is typed: the line has it."""
