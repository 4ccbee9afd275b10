"""What Play shows: its panels, when each is painted, and how they are laid out.

The screen holds what a person looks at (cursor, unit, scroll); the session holds what the trainer told. A tick paints
what is new, within a budget of bytes; a key is answered at once.
"""

from __future__ import annotations

import asyncio
from abc import abstractmethod
from dataclasses import replace
from typing import Any

from textual import events
from textual.app import ComposeResult
from textual.containers import Container
from textual.screen import Screen

from rnnplay.tui.forms.editor import FormEditor, FormView
from rnnplay.tui.forms.fields import SAMPLE_FIELDS, fields_for
from rnnplay.tui.paint.palette import Palette
from rnnplay.tui.places.find import FindsUnits
from rnnplay.tui.places.play import keys, layout
from rnnplay.tui.places.play.example.actions import AsksTasks
from rnnplay.tui.places.play.example.panel import SamplePanel
from rnnplay.tui.places.play.panels import CurvePanel, SettingsPanel, TaskPanel
from rnnplay.tui.places.play.views import SampleView, TasksView, gradient_view, loss_view, sample_view
from rnnplay.tui.places.views import header_view, status_view
from rnnplay.tui.session import RunSession
from rnnplay.tui.state.drafts import RunDrafts
from rnnplay.tui.widgets import paint_bars
from rnnplay.tui.widgets.bars import Bar, StatusBar
from rnnplay.tui.widgets.base import Panel, StripWidget
from rnnplay.tui.widgets.byte_budget import ByteBudget
from rnnplay.tui.widgets.panels import HeatmapPanel
from rnnplay.tui.widgets.views import HeaderView, KeysView, StatusView, TabsView

TICK = 0.1  # seconds between two looks at what is new
_EVERY = {"status": 5, "curves": 8, "sample": 2, "cells": 2}  # ticks between two paints of a topic

LOSS_EMPTY = "The loss of each training step appears here, over the baseline of a simple predictor."
GRADIENT_EMPTY = "The length of the gradient, before it is clipped."
CELLS_EMPTY = (
    "Here a text the network has not been trained on appears, each character on the colour of one hidden unit: "
    "red where it is negative, blue where it is positive. Left and right go through the units."
)
SAMPLE_EMPTY = "Here the network writes, one character at a time, as soon as it learns."


class PlayView(AsksTasks, FindsUnits, Screen[None]):
    """The four panels, or one of them at a time where the terminal is small."""

    def __init__(self, session: RunSession, choices: RunDrafts, palette: Palette, start: bool = False) -> None:
        super().__init__()
        self.session, self.choices = session, choices
        self.start_at_once = start
        self.reading = session.selection
        self.editor = FormEditor(self.set_field)
        self.sample_editor = FormEditor(self.set_sampling)
        self.find_line, self.ask_line = self.new_find_line(), self.new_ask_line()
        self.budget = ByteBudget()
        self.stale: set[str] = set()
        self.log_loss = False
        self.coloured = False
        self.back = 0
        self.sampling_edited = False  # the sample's fields are open
        self.tab = 1
        self.full: str | None = None
        self._ticks = 0
        self._palette = palette
        self._tasks: set[asyncio.Task[None]] = set()
        self.header = Bar(HeaderView(), paint_bars.header, id="header")
        self.tabs = Bar(TabsView(), paint_bars.tabs, id="tabs")
        self.status_bar = StatusBar(StatusView(), id="status")
        self.keys_bar = Bar(KeysView(), paint_bars.keys, id="keys")
        self.task_panel = TaskPanel(TasksView(), id="tasks")
        self.settings_panel = SettingsPanel(FormView(), id="settings")
        self.loss_panel = CurvePanel("2", "Loss", LOSS_EMPTY, id="loss")
        self.gradient_panel = CurvePanel("", "Gradient norm", GRADIENT_EMPTY, id="gradient")
        self.cells_panel = HeatmapPanel(self.reading.view(session, CELLS_EMPTY), id="cells")
        self.sample_panel = SamplePanel(SampleView(empty=SAMPLE_EMPTY), id="sample")
        self.too_small = Bar("", paint_bars.too_small, id="small")

    def compose(self) -> ComposeResult:
        yield self.header
        yield self.tabs
        with Container(id="body"):
            with Container(id="left"):
                yield self.task_panel
                yield self.settings_panel
            with Container(id="right"):
                with Container(id="curves"):
                    yield self.loss_panel
                    yield self.gradient_panel
                yield self.cells_panel
                yield self.sample_panel
        yield self.status_bar
        yield self.keys_bar
        yield self.too_small

    # ------------------------------------------------------------------------------------------------------ painting

    @property
    def painted(self) -> list[StripWidget[Any]]:
        return [widget for widget in self.query("*") if isinstance(widget, StripWidget)]

    def on_mount(self) -> None:
        self.wear(self._palette)
        self.task_panel.focus()
        self.refresh_all()
        self.set_interval(TICK, self.tick)
        if self.start_at_once:
            self.call_after_refresh(self.start)

    def wear(self, palette: Palette) -> None:
        """Paint in other colours."""
        self._palette = palette
        for widget in self.painted:
            widget.palette = palette
            widget.repaint()

    def changed(self, topic: str) -> None:
        """The session says that something is new: painted at a tick; what a person waits for, at once."""
        if topic == "run":
            self.stale |= {"curves", "sample", "cells"}
            self._ticks = -1  # all of it with the next tick
            self._announce()
        else:
            self.stale.add(topic)

    def _announce(self) -> None:
        if self.is_mounted:
            self.paint_tasks()
            self.paint_words()

    def tick(self) -> None:
        """Paint what is new, unless the terminal has not yet taken what was sent before."""
        self._ticks += 1
        if self._ticks % 2 == 0 and self.session.example.reveal():
            self.stale.add("sample")
        if not self.stale or not self.is_active or self.budget.is_terminal_busy(self.app):
            return
        for topic in sorted(self.stale):
            if self._ticks % _EVERY.get(topic, 1):
                continue
            if topic == "cells" and not self._cells_fit_the_budget():
                continue
            self.stale.discard(topic)
            painters = {"status": self.paint_words, "curves": self.paint_curves, "answers": self.follow_finding}
            painters |= {"cells": self.paint_cells, "sample": self.paint_sample}
            painters[topic]()

    def _cells_fit_the_budget(self) -> bool:
        self.budget.spend(sum(widget.changed_bytes for widget in self.painted))
        for widget in self.painted:
            widget.changed_bytes = 0
        return self.budget.has_room()

    def refresh_all(self) -> None:
        self.paint_tasks()
        self.paint_words()
        self.paint_curves()
        self.paint_cells()
        self.paint_sample()

    def paint_tasks(self) -> None:
        running = self.session.config.task if self.session.config and self.session.state != "failed" else None
        self.task_panel.view = self.choices.view(running)
        self.paint_settings()

    def paint_settings(self) -> None:
        fields = fields_for(self.choices.task, self.full == "settings")
        self.editor.show(fields, self.choices.values())
        changed = frozenset(self.choices.pending(self.session.user_config))
        self.settings_panel.view = self.editor.view(
            changed, self.settings_panel.has_focus, f"Network · {self.choices.item.title}"
        )

    def paint_words(self) -> None:
        """Header, tabs, status and keys."""
        pending = self.choices.pending(self.session.user_config)
        running = self.session.config or self.choices.draft
        title = next((item.title for item in self.choices.items if item.name == running.task), running.task)
        self.header.view = header_view(self.session, self.choices.draft, title)
        self.status_bar.view = status_view(self.session, fields_for(self.choices.task, True), pending)
        if line := next((line for line in (self.find_line, self.ask_line) if line.typing), None):
            self.status_bar.view = line.view("▏" if self._palette.glyphs.dots else "_")
        self.tabs.view = TabsView(layout.tabs(self), self.tab - 1)
        self.keys_bar.view = KeysView(keys.hints(self), 2 if self.form is not None else 3)

    def paint_curves(self) -> None:
        self.loss_panel.view = loss_view(self.session, self.log_loss, self.full == "loss")
        self.gradient_panel.view = gradient_view(self.session, self.full == "gradient")

    def paint_cells(self) -> None:
        self.reading.follow(self.session, self.cells_panel)
        self.cells_panel.view = self.reading.view(self.session, self.session.unavailable.get("cells", CELLS_EMPTY))

    def paint_sample(self) -> None:
        layout.fit_example(self)
        if self.session.example.here:
            self.sample_panel.view = SampleView(example=self.session.example.view())
            return
        view = sample_view(self.session, self.coloured or self.full == "sample", self.back)
        if not view.text:
            view = replace(view, empty=self.session.unavailable.get("sample", SAMPLE_EMPTY))
        if self.sampling_edited:
            how = self.session.sampling
            self.sample_editor.show(SAMPLE_FIELDS, {f.name: getattr(how, f.name) for f in SAMPLE_FIELDS})
            view = replace(view, form=self.sample_editor.view(frozenset(), True))
        self.sample_panel.view = view

    # -------------------------------------------------------------------------------------------------------- layout

    def on_resize(self, event: events.Resize) -> None:
        self.lay_out(event.size.width, event.size.height)

    def lay_out(self, width: int, height: int) -> None:
        """Show what fits: all panels, one tab, one panel in full, or a line that says which size is needed."""
        layout.arrange(self, width, height)
        for widget in self.painted:
            widget.repaint()

    def on_descendant_focus(self, _event: events.DescendantFocus) -> None:
        if isinstance(self.focused, Panel):
            turns = layout.turns(self, self.focused)
            self.tab = layout.tab_of(self.focused)
            if turns:
                self.lay_out(*self.size)
        if self.focused is not self.sample_panel and self.sampling_edited:
            self.sampling_edited = False
            self.paint_sample()
        self.paint_settings()
        self.paint_words()

    # --------------------------------------------------------------------------------------------- what keys act upon

    @property
    def form(self) -> FormEditor | None:
        """The form whose keys come before all others."""
        if self.focused is self.settings_panel:
            return self.editor
        return self.sample_editor if self.sampling_edited and self.focused is self.sample_panel else None

    def paint_forms(self) -> None:
        self.paint_settings()
        self.paint_words()
        if self.sampling_edited:
            self.paint_sample()

    def saving(self) -> None:
        """Say that the run is being saved, before leaving."""
        self.status_bar.view = StatusView(
            "Saving the run.", "q again leaves without waiting: it is saved all the same."
        )

    @abstractmethod
    def start(self) -> None:
        """Start the chosen task."""

    @abstractmethod
    def set_field(self, name: str, value: Any) -> None:
        """Take a setting of the network. Raises UserError."""

    @abstractmethod
    def set_sampling(self, name: str, value: Any) -> None:
        """Take a setting of the sample. Raises UserError."""
