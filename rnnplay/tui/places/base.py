"""What Unroll and Time share: bars around panels, questions to the trainer, answers as they come."""

from __future__ import annotations

import asyncio
from abc import abstractmethod
from collections.abc import Coroutine, Iterator
from contextlib import contextmanager
from time import monotonic
from typing import Any, ClassVar, get_args

from textual import events
from textual.app import ComposeResult
from textual.containers import Container
from textual.screen import Screen
from textual.widget import Widget

from rnnplay import protocol as say
from rnnplay.config import UserError
from rnnplay.tui.forms.prompt import Line
from rnnplay.tui.paint.palette import Palette
from rnnplay.tui.places.views import header_view, health_view
from rnnplay.tui.session import RunSession
from rnnplay.tui.state.drafts import RunDrafts
from rnnplay.tui.widgets import paint_bars
from rnnplay.tui.widgets.bars import Bar, HealthBar, StatusBar
from rnnplay.tui.widgets.base import LEAST_TALL, LEAST_WIDE, Panel, StripWidget
from rnnplay.tui.widgets.byte_budget import ByteBudget
from rnnplay.tui.widgets.views import HeaderView, KeyHint, KeysView, StatusView

TICK = 0.1  # seconds between two looks at what is new
LIVE = 20  # ticks between two questions while it trains, at least
REST = 20  # times as long as an answer took is training left alone
NOTHING = "There is no network to look at yet. Go back with escape, choose a task and start it with enter."
LOADING = "Asking the network."
_ASKED_HERE = {
    "",
    *(kind.__name__ for kind in (say.Unroll, *get_args(say.TimeCommand), say.WatchHealth)),
}  # "": nobody knows what failed


class Looking(Screen[None]):
    """A place that asks the trainer and shows its answers."""

    READING: ClassVar[tuple[tuple[str, str], ...]] = ()
    CSS = """
    Looking { layout: vertical; overflow: hidden; }
    Looking #place { layout: vertical; height: 1fr; }
    """

    def __init__(self, session: RunSession, choices: RunDrafts, palette: Palette) -> None:
        super().__init__()
        self.session, self.choices, self._palette = session, choices, palette
        self._ticks = 0
        self._asked_step = -1  # the step that the last question was about
        self._asked_at = self._rests_until = 0.0
        self._run = session.run  # the one that the answers are about
        self._tasks: set[asyncio.Task[None]] = set()
        self._stale = False  # the run has moved on, and the words have not
        self.answers: dict[str, say.AnyEvent] = {}  # the last one of each kind
        self.full: str | None = None
        self.header = Bar(HeaderView(), paint_bars.header, id="header")
        self.health = HealthBar(id="health")
        self.status_bar = StatusBar(StatusView(), id="status")
        self.keys_bar = Bar(KeysView(), paint_bars.keys, id="keys")
        self.too_small = Bar("", paint_bars.too_small, id="small")

    def compose(self) -> ComposeResult:
        yield self.header
        with Container(id="place"):
            yield from self.panels()
        yield self.health
        yield self.status_bar
        yield self.keys_bar
        yield self.too_small

    # ------------------------------------------------------------------------------------------------- for each place

    @abstractmethod
    def panels(self) -> list[Widget]:
        """What stands between the bars."""

    @abstractmethod
    def ask(self) -> None:
        """Put the questions whose answers are shown."""

    @abstractmethod
    def paint(self, event: say.AnyEvent) -> None:
        """Show the answer that has come."""

    @abstractmethod
    def hints(self) -> tuple[KeyHint, ...]:
        """The keys that make sense now."""

    @abstractmethod
    def words(self) -> StatusView:
        """What the line above the keys says."""

    def place_panels(self, width: int, height: int) -> None:
        """Show the panels that fit."""

    @property
    def busy(self) -> bool:
        """Whether a person is in the middle of something that a new answer would disturb."""
        return False

    # ------------------------------------------------------------------------------------------------------- the life

    @property
    def painted(self) -> list[StripWidget[Any]]:
        return [widget for widget in self.query("*") if isinstance(widget, StripWidget)]

    def on_mount(self) -> None:
        self.wear(self._palette)
        self.set_interval(TICK, self.tick)
        self.session.heard.append(self.hear)

    def on_unmount(self) -> None:
        self.session.heard.remove(self.hear)

    def on_screen_resume(self) -> None:
        self.begin()

    def begin(self) -> None:
        """Load the run that stands still, if that is needed, and ask."""
        if not self.session.has_trainer and self.session.run is not None:
            self.soon(self.session.inspect())
        else:
            self.ask_anew()
        self.paint_words()

    def ask_anew(self) -> None:
        self._asked_step, self._asked_at = self.session.step, monotonic()
        if self.session.has_trainer and self.session.state != "starting":
            self.ask()

    def wear(self, palette: Palette) -> None:
        """Paint in other colours."""
        self._palette = palette
        for widget in self.painted:
            widget.palette = palette
            widget.repaint()

    def hear(self, event: say.AnyEvent) -> None:
        """The trainer has said something: an answer is painted at once, for somebody waits for it."""
        if isinstance(event, say.Unrolled | say.TimeEvent | say.Health):
            self.answers[type(event).__name__] = event
            now = monotonic()
            self._rests_until = now + REST * (now - self._asked_at)
            if self.is_active:
                self.paint(event)
                self.paint_words()
        elif isinstance(event, say.Failed):
            if event.command in _ASKED_HERE:
                self.refused()
            if self.is_active:
                self.paint_words()
        elif isinstance(event, say.Started):
            if event.run != self._run:
                self._run = event.run
                self.answers.clear()
                self.forget()
            if self.is_active:
                self.call_later(self.ask_anew)
        else:
            self._stale = self._stale or isinstance(event, say.Status | say.Stopped)

    @abstractmethod
    def forget(self) -> None:
        """Another run begins: what was asked of the one before means nothing."""

    def refused(self) -> None:
        """A question could not be answered; the session holds the words."""

    def tick(self) -> None:
        """Tell what is new; ask again where the network has moved on."""
        self._ticks += 1
        if not self.is_active or ByteBudget.is_terminal_busy(self.app):
            return
        if self._stale and self._ticks % 5 == 0:
            self._stale = False
            self.paint_words()
        moved = self.session.step != self._asked_step
        due = self._ticks % LIVE == 0 and monotonic() >= self._rests_until
        if moved and not self.busy and (due or self.session.state == "paused"):
            self.ask_anew()

    def paint_words(self) -> None:
        if self.session.health is not None:
            self.health.view = health_view(self.session.health)
        running = self.session.config or self.choices.draft
        title = next((item.title for item in self.choices.items if item.name == running.task), running.task)
        self.header.view = header_view(self.session, self.choices.draft, title)
        if self.session.problem is not None:
            self.status_bar.view = StatusView(*self.session.problem, "bad")
        else:
            self.status_bar.view = self.words()
        self.keys_bar.view = KeysView(self.hints())

    def on_resize(self, event: events.Resize) -> None:
        self.lay_out(event.size.width, event.size.height)

    def lay_out(self, width: int, height: int) -> None:
        small = width < LEAST_WIDE or height < LEAST_TALL
        for widget in self.query("#place, #header, #health, #status, #keys"):
            widget.display = not small
        self.too_small.display = small
        self.place_panels(width, height)
        for painted in self.painted:
            painted.repaint()

    def soon(self, work: Coroutine[Any, Any, None]) -> None:
        """Do `work` without keeping the key waiting."""
        task = asyncio.ensure_future(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def send(self, command: say.Command) -> None:
        self.soon(self.session.send(command))

    # ---------------------------------------------------------------------------------------------------------- keys

    def on_key(self, _event: events.Key) -> None:
        if self.session.problem is not None and self.session.state not in ("diverged", "dead", "failed"):
            self.session.problem = None
            self.paint_words()

    def action_toggle_pause(self) -> None:
        if self.session.state == "training":
            self.send(say.Pause())
        elif self.session.state in ("paused", "diverged"):
            self.send(say.Continue())

    def action_one_step(self) -> None:
        if self.session.state in ("training", "paused"):
            self.send(say.DoOneStep())

    def action_full(self) -> None:
        """The focused panel on the whole screen, showing more; and back."""
        panel = self.focused
        self.full = None if self.full is not None or not isinstance(panel, Panel) else panel.id
        self.lay_out(*self.size)

    def action_back(self) -> None:
        if self.full is not None:
            self.action_full()
        else:
            self.app.pop_screen()


class Beside(Looking):
    """A place that paints what the trainer tells of its own accord, as often as the link allows."""

    LIVE: ClassVar[frozenset[str]] = frozenset()  # topics whose paint waits for the budget
    EVERY = 2  # ticks between two paints

    def __init__(self, session: RunSession, choices: RunDrafts, palette: Palette) -> None:
        super().__init__(session, choices, palette)
        self.budget = ByteBudget()
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
            case (
                say.UnitsFound()
                | say.UnitAblated()
                | say.GatesComputed()
                | say.HistoryComputed()
                | say.QuestionProgressed()
            ):
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
        if isinstance(event, say.Started) and self.is_active:
            self.call_later(self.ask_anew)

    def paint(self, event: say.AnyEvent) -> None:
        """Nothing is painted for an event alone: `tick` does it."""

    def tick(self) -> None:
        """Paint what is new, unless the terminal has not yet taken what was sent before."""
        self._ticks += 1
        if not self.stale or not self.is_active or self._ticks % self.EVERY or self.budget.is_terminal_busy(self.app):
            return
        self.budget.spend(sum(widget.changed_bytes for widget in self.painted))
        for widget in self.painted:
            widget.changed_bytes = 0
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
            self.tell(error.problem, error.remedy)

    def tell(self, wrong: str, remedy: str) -> None:
        self.session.problem = (wrong, remedy)
        self.paint_words()

    def action_noop(self) -> None:
        """A key that is shown while a line is typed: the line has it."""
