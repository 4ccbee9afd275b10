"""A place: bars around panels, what is painted when, the line that is typed, and what a person's keys lead to."""

from __future__ import annotations

import logging
from abc import abstractmethod
from collections.abc import Coroutine, Sequence
from typing import Any, ClassVar

from textual import events
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Container
from textual.widget import Widget
from textual.worker import Worker, WorkerState

from rnnplay.tui.current_trainer import SEE_LOG
from rnnplay.tui.messages import RunMessage
from rnnplay.tui.paint.palette import Palette
from rnnplay.tui.paint.text import glyph
from rnnplay.tui.places.keys import COMMANDS, DETACH, HELP, QUIT, RUN, typing_hints
from rnnplay.tui.places.prompt_screen import PromptScreen
from rnnplay.tui.places.run_actions import RunActions
from rnnplay.tui.places.views import header_view, health_view
from rnnplay.tui.session import RunSession
from rnnplay.tui.state.drafts import RunDrafts
from rnnplay.tui.widgets import paint_bars
from rnnplay.tui.widgets.bars import Bar, HealthBar, StatusBar
from rnnplay.tui.widgets.base import LEAST_TALL, LEAST_WIDE, PaintFailed, Panel, StripWidget
from rnnplay.tui.widgets.byte_budget import ByteBudget
from rnnplay.tui.widgets.views import HeaderView, KeyHint, KeysView, StatusView

TICK_SECONDS = 0.1  # between two paints
TICKS_PER_PAINT = {"status": 6, "metrics": 9, "sample": 3, "cells": 3}
"""Of topics that change all the time. All are multiples of 3: what is painted at one tick is sent once."""
BUDGETED_TOPICS = frozenset({"cells"})  # whose paint waits until the link has taken what was sent
ALL_TOPICS = frozenset({"run", "metrics", "cells", "sample", "answers"})
FINAL_STATES = ("diverged", "dead", "failed")  # whose problem stays on the screen
_log = logging.getLogger(__name__)


class Place(RunActions, PromptScreen):
    """A screen of the playground. It pulls what it paints from the session; messages only say what has changed."""

    KEYS: ClassVar[Sequence[Binding]] = RUN  # for help and the command palette
    BINDINGS: ClassVar[list[BindingType]] = list(RUN)  # a place gives its own, with these among them
    READING: ClassVar[Sequence[tuple[str, str]]] = ()  # (heading, text) in help
    AUTO_FOCUS = ""  # entered() sets the focus; else Textual gives it to the hidden line in a place without panels
    HEALTH_ROWS: ClassVar[bool] = True  # health has rows of its own; False: the status line tells it
    DEFAULT_CSS = """
    Place { layout: vertical; overflow: hidden; }
    Place #place { layout: vertical; height: 1fr; }
    Place #small { display: none; }
    """

    def __init__(self, session: RunSession, drafts: RunDrafts, palette: Palette) -> None:
        super().__init__()
        self.session, self.drafts, self._palette = session, drafts, palette
        self.budget = ByteBudget()
        self.full: str | None = None  # id of the panel that has the whole screen
        self._dirty: set[str] = set()
        self._ticks = 0
        self._repaint_scheduled = False
        self._generation = session.generation
        self._starts = session.starts  # of trainers, that this place has asked after
        self.header = Bar(HeaderView(), paint_bars.header, id="header")
        self.health = HealthBar(id="health")
        self.status_bar = StatusBar(StatusView(), id="status")
        self.keys_bar = Bar(KeysView(), paint_bars.keys, id="keys")
        self.too_small = Bar("", paint_bars.too_small, id="small")

    def compose(self) -> ComposeResult:
        yield self.header
        yield from self.top_bars()
        with Container(id="place"):
            yield from self.panels()
        yield self.health
        yield self.prompt
        yield self.status_bar
        yield self.keys_bar
        yield self.too_small

    # -------------------------------------------------------------------------------------------- what each place gives

    @abstractmethod
    def panels(self) -> Sequence[Widget]:
        """Return what stands between the bars."""

    @abstractmethod
    def repaint_topics(self, topics: set[str]) -> None:
        """Make the views again that show `topics`: run, metrics, cells, sample, answers."""

    @abstractmethod
    def reset_run(self) -> None:
        """Forget what was about another run."""

    @abstractmethod
    def status_view(self) -> StatusView:
        """Return what the line above the keys says."""

    @abstractmethod
    def key_hints(self) -> Sequence[KeyHint]:
        """Return the keys that make sense now, the most needed first."""

    def top_bars(self) -> Sequence[Widget]:
        """Return bars below the header."""
        return ()

    def first_panel(self) -> Widget | None:
        """Return the panel that has the focus at first."""
        return None

    def place_panels(self, width: int, height: int) -> None:
        """Show the panels that fit."""

    def show_panel(self, panel: Panel[Any]) -> None:
        """Go to a panel, wherever it is."""
        self.set_focus(panel)

    def restore_panel(self, name: str, full_screen: bool) -> None:
        """Go to the panel `name`, on the whole screen if it had that; nothing happens where there is none."""
        panel = next((panel for panel in self.query(Panel) if panel.id == name), None)
        if panel is not None:
            self.show_panel(panel)
            if full_screen and self.full is None:
                self.toggle_full()

    def request_data(self) -> None:
        """Ask the trainer for what this place shows and does not have."""

    # ----------------------------------------------------------------------------------------------------- its life

    @property
    def painted(self) -> list[StripWidget[Any]]:
        """Return all widgets that show a view."""
        return [widget for widget in self.query("*") if isinstance(widget, StripWidget)]

    def on_mount(self) -> None:
        self.set_palette(self._palette)
        self.set_interval(TICK_SECONDS, self.tick)

    def set_palette(self, palette: Palette) -> None:
        """Paint in other colours."""
        self._palette = palette
        for widget in self.painted:
            widget.palette = palette
            widget.repaint()

    def prepare(self) -> None:
        """Make the views again just before this place is shown: nothing of an earlier run is seen on it."""
        self._forget_other_run()
        self.repaint_all()

    def entered(self) -> None:
        """Show this place: the app calls it when a person comes here, not when a help text closes."""
        if self.focused is None:
            self.set_focus(self.first_panel())
        if not self.load_if_stopped():
            self._starts = self.session.starts
            self._request()
        self.lay_out(*self.size)

    def left(self) -> None:
        """Leave the place for another one."""

    def load_if_stopped(self) -> bool:
        """Load the run if it has ended, to ask it something; return whether that was begun."""
        if self.session.can_load:
            self.session.inspect()
            return True
        return False

    def _request(self) -> None:
        if self.session.has_trainer and self.session.facts is not None:
            self.request_data()

    def start_task(self, work: Coroutine[Any, Any, None]) -> None:
        """Do `work` in the background; a failure is shown and logged."""
        self.run_worker(work, exit_on_error=False)

    def on_worker_state_changed(self, event: Worker.StateChanged) -> None:
        if event.state is WorkerState.ERROR and event.worker.error is not None:
            self.session.report_failure("Something in the background went wrong", event.worker.error)

    def on_paint_failed(self, event: PaintFailed) -> None:
        """Show that a panel could not be painted, once for each reason."""
        event.stop()
        problem = f"“{event.widget.id}” could not be painted: {event.error or type(event.error).__name__}."
        if self.session.problem is None or self.session.problem[0] != problem:
            self.show_problem(problem, SEE_LOG)

    # -------------------------------------------------------------------------------------------------- run messages

    def on_run_changed(self, message: RunMessage) -> None:
        if not self._is_about_another_run(message):
            self._catch_up()
            self.update_bars()

    def on_screen_resume(self) -> None:
        """This place is shown, or what covered it has closed: meanwhile it received no messages."""
        self._forget_other_run()
        self._catch_up()

    def _catch_up(self) -> None:
        """Paint everything at the next tick; ask for what is shown if the trainer has just begun to take commands."""
        self._dirty |= ALL_TOPICS
        self._ticks = -1
        if self._starts != self.session.starts:
            self._starts = self.session.starts
            self._request()

    def on_status_changed(self, message: RunMessage) -> None:
        self._note(message)

    def on_rows_added(self, message: RunMessage) -> None:
        self._note(message)

    def on_trace_received(self, message: RunMessage) -> None:
        self._note(message)

    def on_sample_received(self, message: RunMessage) -> None:
        self._note(message)

    def on_answer_received(self, message: RunMessage) -> None:
        self._note(message)

    def _note(self, message: RunMessage) -> None:
        if not self._is_about_another_run(message):
            self._dirty.add(message.topic)

    def _is_about_another_run(self, message: RunMessage) -> bool:
        """Return whether to drop a message; on the first one about a new run, forget the run before."""
        self._forget_other_run()
        return message.generation != self.session.generation

    def _forget_other_run(self) -> None:
        if self._generation != self.session.generation:
            self._generation = self.session.generation
            self.reset_run()
            self.repaint_all()

    # -------------------------------------------------------------------------------------------------------- painting

    def tick(self) -> None:
        """Paint what has changed, unless the terminal has not yet taken what was sent before."""
        self._ticks += 1
        if not self.is_active:
            return
        self.before_paint()
        if not self._dirty or self.budget.is_terminal_busy(self.app):
            return
        topics = {topic for topic in self._dirty if not self._ticks % TICKS_PER_PAINT.get(topic, 1)}
        if not self.budget.has_room():
            topics -= BUDGETED_TOPICS
        self._dirty -= topics
        if topics & BUDGETED_TOPICS:
            self._repaint_within_budget(topics & BUDGETED_TOPICS)
        if topics - {"status"} - BUDGETED_TOPICS:
            self.repaint_topics(topics - BUDGETED_TOPICS)
        if topics:
            self.update_bars()

    def _repaint_within_budget(self, topics: set[str]) -> None:
        """Paint what changes all the time, and take its bytes from the budget: what a key asks for costs nothing."""
        for widget in self.painted:
            widget.changed_bytes = 0
        self.repaint_topics(topics)
        self.budget.spend(sum(widget.changed_bytes for widget in self.painted))

    def before_paint(self) -> None:
        """Do what is due at each tick while this place is seen."""

    def repaint_all(self) -> None:
        """Make all views again."""
        if self.is_mounted:
            self.repaint_topics(set(ALL_TOPICS))
            self.update_bars()

    def update_bars(self) -> None:
        """Paint header, health, status and keys."""
        self.header.view = header_view(self.session, self.drafts.draft)
        if self.HEALTH_ROWS:
            self.health.view = health_view(self.session)
        self.status_bar.display = not self.is_typing or self.session.problem is not None
        self.status_bar.view = self._status_view()
        if self.is_typing:
            glyphs = self._palette.glyphs
            matches = ["".join(glyph(c, glyphs) for c in match) for match in self.prompt.matches]
            self.keys_bar.view = KeysView(typing_hints(matches), 1)
        else:
            leave = (DETACH, QUIT) if self.session.can_go_on else (QUIT,)
            self.keys_bar.view = KeysView((*self.key_hints(), *leave, COMMANDS, HELP), len(leave) + 2)

    def _status_view(self) -> StatusView:
        if self.session.problem is not None and not (self.session.state == "dead" and self.session.run):
            return StatusView(*self.session.problem, "bad")
        return self.status_view()

    def show_problem(self, problem: str, remedy: str) -> None:
        """Say in the status line what is wrong and what to do, until the next key."""
        self.session.problem = (problem, remedy)
        self.update_bars()

    def key_pressed(self) -> None:
        """Close a problem that was read."""
        if self.session.problem is not None and self.session.state not in FINAL_STATES:
            self.session.problem = None
            self.update_bars()

    def saving(self) -> None:
        """Say that the run is being saved, before leaving."""
        view = StatusView("Saving the run.", "q again leaves without waiting: it is saved all the same.")
        self.status_bar.view = view

    def detaching(self) -> None:
        """Say that the run is being left, which goes on."""
        view = StatusView("Leaving the run.", "d again leaves without waiting: it goes on all the same.")
        self.status_bar.view = view

    # ---------------------------------------------------------------------------------------------------------- layout

    def on_resize(self, event: events.Resize) -> None:
        self.lay_out(event.size.width, event.size.height)

    def lay_out(self, width: int, height: int) -> None:
        """Show what fits, or a line that says which size is needed."""
        if not self.is_mounted:
            return
        small = width < LEAST_WIDE or height < LEAST_TALL
        for widget in self.query("#place, #header, #health, #status, #keys"):
            widget.display = not small
        self.too_small.display = small
        if not small:
            self.place_panels(width, height)
        for widget in self.painted:
            widget.repaint()
        if not self._repaint_scheduled:  # a terminal that is resized sends many sizes, and the first frame gets three
            self._repaint_scheduled = True
            self.call_after_refresh(self._repaint_laid_out)

    def _repaint_laid_out(self) -> None:
        self._repaint_scheduled = False
        self.repaint_all()

    # ------------------------------------------------------------------------------------------------------------ keys

    async def action_full(self) -> None:
        """Show the focused panel on the whole screen, with more in it; or all panels again."""
        self.toggle_full()

    def toggle_full(self) -> None:
        """Give the focused panel the whole screen, or show all panels again."""
        panel = self.focused
        self.full = None if self.full is not None or not isinstance(panel, Panel) else panel.id
        self.lay_out(*self.size)

    async def action_back(self) -> None:
        """Leave what was entered last: a full screen, else the place."""
        if self.full is not None:
            self.toggle_full()
        else:
            await self.app.run_action("app.leave_place")
