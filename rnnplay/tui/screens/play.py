"""Play: choose a task, watch it being learned, look inside, let it write.

The screen holds what a person looks at (cursor, unit, scroll); the session holds what the trainer told. A tick paints
what is new, within a budget of bytes; a key is answered at once.
"""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from dataclasses import replace
from typing import Any, ClassVar

from textual import events
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Container
from textual.screen import Screen

from rnnplay import protocol as say
from rnnplay.config import UserError
from rnnplay.tui import present
from rnnplay.tui.budget import Budget
from rnnplay.tui.choices import Choices
from rnnplay.tui.editor import Editor
from rnnplay.tui.paint import bars
from rnnplay.tui.paint.colour import Palette
from rnnplay.tui.panels.bars import Bar, StatusBar
from rnnplay.tui.panels.base import Painted, Panel
from rnnplay.tui.panels.cells import CellsPanel
from rnnplay.tui.panels.curves import CurvePanel
from rnnplay.tui.panels.sample import SamplePanel
from rnnplay.tui.panels.tasks import SettingsPanel, TaskPanel
from rnnplay.tui.screens import keys, layout
from rnnplay.tui.screens.finding import FindsUnits
from rnnplay.tui.session import Session
from rnnplay.tui.settings import LIVE, SAMPLE_FIELDS, fields_for
from rnnplay.tui.views import FormView, HeaderView, KeysView, SampleView, StatusView, TabsView, TasksView

TICK = 0.1  # seconds between two looks at what is new
_EVERY = {"status": 5, "curves": 8, "sample": 2, "cells": 2}  # ticks between two paints of a topic

LOSS_EMPTY = "The loss of each training step appears here, over the baseline of a simple predictor."
GRADIENT_EMPTY = "The length of the gradient, before it is clipped."
CELLS_EMPTY = (
    "Here a text the network has not been trained on appears, each character on the colour of one hidden unit: "
    "red where it is negative, blue where it is positive. Left and right go through the units."
)
SAMPLE_EMPTY = "Here the network writes, one character at a time, as soon as it learns."


class Play(FindsUnits, Screen[None]):
    """The four panels, or one of them at a time where the terminal is small."""

    BINDINGS: ClassVar[list[BindingType]] = list(keys.PLAY)

    def __init__(self, session: Session, choices: Choices, palette: Palette, start: bool = False) -> None:
        super().__init__()
        self.session, self.choices = session, choices
        self.start_at_once = start
        self.reading = session.reading
        self.editor = Editor(self._set_field)
        self.sample_editor = Editor(self._set_sampling)
        self.find_line = self.new_find_line()
        self.budget = Budget()
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
        self.header = Bar(HeaderView(), bars.header, id="header")
        self.tabs = Bar(TabsView(), bars.tabs, id="tabs")
        self.status_bar = StatusBar(StatusView(), id="status")
        self.keys_bar = Bar(KeysView(), bars.keys, id="keys")
        self.task_panel = TaskPanel(TasksView(), id="tasks")
        self.settings_panel = SettingsPanel(FormView(), id="settings")
        self.loss_panel = CurvePanel("2", "Loss", LOSS_EMPTY, id="loss")
        self.gradient_panel = CurvePanel("", "Gradient norm", GRADIENT_EMPTY, id="gradient")
        self.cells_panel = CellsPanel(self.reading.view(session, CELLS_EMPTY), id="cells")
        self.sample_panel = SamplePanel(SampleView(empty=SAMPLE_EMPTY), id="sample")
        self.too_small = Bar("", layout.too_small, id="small")

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
    def painted(self) -> list[Painted[Any]]:
        return [widget for widget in self.query("*") if isinstance(widget, Painted)]

    def on_mount(self) -> None:
        self.wear(self._palette)
        self.task_panel.focus()
        self.refresh_all()
        self.set_interval(TICK, self.tick)
        if self.start_at_once:
            self.call_after_refresh(self.action_start)

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
        if not self.stale or not self.is_current or self.budget.clogged(self.app):
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
        self.budget.spend(sum(widget.sent for widget in self.painted))
        for widget in self.painted:
            widget.sent = 0
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
        changed = frozenset(self.choices.pending(self.session.config))
        self.settings_panel.view = self.editor.view(
            changed, self.settings_panel.has_focus, f"Network · {self.choices.item.title}"
        )

    def paint_words(self) -> None:
        """Header, tabs, status and keys."""
        pending = self.choices.pending(self.session.config)
        running = self.session.config or self.choices.draft
        title = next((item.title for item in self.choices.items if item.name == running.task), running.task)
        self.header.view = present.header(self.session, self.choices.draft, title)
        self.status_bar.view = present.status(self.session, fields_for(self.choices.task, True), pending)
        if self.find_line.typing:
            self.status_bar.view = self.find_line.view("▏" if self._palette.glyphs.dots else "_")
        self.tabs.view = TabsView(layout.TABS, self.tab - 1)
        self.keys_bar.view = KeysView(keys.hints(self))

    def paint_curves(self) -> None:
        self.loss_panel.view = present.loss(self.session, self.log_loss, self.full == "loss")
        self.gradient_panel.view = present.gradient(self.session, self.full == "gradient")

    def paint_cells(self) -> None:
        self.reading.follow(self.session, self.cells_panel)
        self.cells_panel.view = self.reading.view(self.session, self.session.silent.get("cells", CELLS_EMPTY))

    def paint_sample(self) -> None:
        view = present.sample(self.session, self.coloured or self.full == "sample", self.back)
        if not view.text:
            view = replace(view, empty=self.session.silent.get("sample", SAMPLE_EMPTY))
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

    # ---------------------------------------------------------------------------------------------------------- keys

    @property
    def form(self) -> Editor | None:
        """The form whose keys come before all others."""
        if self.focused is self.settings_panel:
            return self.editor
        return self.sample_editor if self.sampling_edited and self.focused is self.sample_panel else None

    def on_key(self, event: events.Key) -> None:
        if self.session.problem is not None and self.session.state not in ("diverged", "dead", "failed"):
            self.session.problem = None
            self.paint_words()
        if self.find_line.key(event.key, event.character):
            event.stop()
            event.prevent_default()
            self.paint_words()
            return
        form = self.form
        if form is None:
            return
        with self.telling():
            if form.key(event.key, event.character):
                event.stop()
                event.prevent_default()
                self._paint_forms()

    def on_paste(self, event: events.Paste) -> None:
        form = self.form
        if form is not None and form.field.kind == "text" and event.text:
            form.type(event.text.splitlines()[0])
            self._paint_forms()

    def _paint_forms(self) -> None:
        self.paint_settings()
        self.paint_words()
        if self.sampling_edited:
            self.paint_sample()

    def telling(self) -> Telling:
        """A context in which an error for people becomes the status line, and nothing ends."""
        return Telling(self)

    def _set_field(self, name: str, value: Any) -> None:
        self.choices.set(name, value)
        running = self.session.config
        if name in LIVE and self.session.alive and running is not None and running.task == self.choices.task:
            self.soon(self.session.change(**{name: float(value)}))

    def _set_sampling(self, name: str, value: Any) -> None:
        if name == "temperature" and value < 0:
            raise UserError(f"A temperature of {value:g} makes no sense.", "Give 0 (always the likeliest) or more.")
        if name == "length" and value is not None and value < 1:
            raise UserError(f"A text of {value:g} characters cannot be written.", "Give 1 or more.")
        if name == "seed" and not 0 <= value < 2**63:
            raise UserError(f"The seed is {value:g}.", "Give a whole number from 0 on.")
        self.session.sampling = replace(self.session.sampling, **{name: value})

    def saving(self) -> None:
        """Say that the run is being saved, before leaving."""
        self.status_bar.view = StatusView(
            "Saving the run.", "q again leaves without waiting: it is saved all the same."
        )

    def soon(self, work: Coroutine[Any, Any, None]) -> None:
        """Do `work` without keeping the key waiting."""
        task = asyncio.ensure_future(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def action_start(self) -> None:
        """Start the chosen task; in a form, take its values: a new run where they need one."""
        form = self.form
        with self.telling():
            if form is not None:
                form.finish()
            if form is self.sample_editor:
                self._draw(self.session.sampling.seed)
                return
            config = self.choices.draft
            if config.task == "text" and not config.text:
                self.settings_panel.focus()
                raise UserError("Which text?", "Type its path in the field “file”, then press enter.")
            if form is not None and config == self.session.config and self.session.alive:
                self.action_back()
                return
            self._begin(config)

    def _begin(self, config: Any) -> None:
        self.reading.restart()
        self.back = 0
        width, height = self.cells_panel.text_size if self.cells_panel.size.width else (80, 10)
        self.session.trace_length = max(400, min(2_000, 2 * width * height))
        self.soon(self.session.train(config))
        if self.focused is self.settings_panel:
            self.task_panel.focus()

    def action_new(self) -> None:
        """A new run of the task that is chosen, with its settings as they are."""
        self.action_start()

    def action_toggle_pause(self) -> None:
        if self.session.state == "training":
            self.soon(self.session.pause())
        elif self.session.state in ("paused", "diverged"):
            self.soon(self.session.send(say.Go()))
        elif self.session.state in ("stopped", "dead", "inspecting"):
            self.action_resume()
        elif self.session.state == "idle":
            self.action_start()

    def action_step(self) -> None:
        if self.session.state in ("training", "paused"):
            self.soon(self.session.send(say.OneStep()))

    def action_stop(self) -> None:
        if self.session.alive:
            self.soon(self.session.send(say.Stop()))

    def action_resume(self) -> None:
        if self.session.run is not None and self.session.state in ("stopped", "dead", "finished", "inspecting"):
            more = self.session.step if self.session.state == "finished" else None
            self.soon(self.session.resume(more))

    def action_edit(self) -> None:
        if self.focused is self.sample_panel:
            self.sampling_edited = True
            self.paint_sample()
            self.paint_words()
        else:
            self.show_panel(self.settings_panel)

    def action_sample(self) -> None:
        """Draw a new sample: the next seed's, where this one's was drawn."""
        if self.session.run is None:
            return
        self.show_panel(self.sample_panel)
        self._draw(self.session.sampling.seed + (1 if self.session.sampled else 0))

    def _draw(self, seed: int) -> None:
        self.back = 0
        self.sampling_edited = False
        self.soon(self.session.sample(replace(self.session.sampling, seed=seed)))
        self.paint_sample()
        self.paint_words()

    def action_stop_sample(self) -> None:
        self.soon(self.session.send(say.StopSampling()))

    def action_temperature(self, by: int) -> None:
        field = SAMPLE_FIELDS[0]
        self._set_sampling("temperature", field.turn(self.session.sampling.temperature, by))
        self._draw(self.session.sampling.seed)

    def action_colours(self) -> None:
        """Other colours on a text: surprise instead of a unit, probabilities under a sample."""
        if self.focused is self.sample_panel:
            self.coloured = not self.coloured
            self.paint_sample()
        else:
            self.reading.by_surprise = not self.reading.by_surprise
            self.paint_cells()

    def action_log(self) -> None:
        self.log_loss = not self.log_loss
        self.paint_curves()

    def action_go_to_unit(self, layer: int, unit: int) -> None:
        self.reading.layer, self.reading.unit = layer, unit
        self.reading.by_surprise = False
        self.paint_cells()

    def action_move(self, where: str) -> None:
        """Up, down, a page, to an end: in the panel that is focused."""
        page = 8
        by = {"up": -1, "down": 1, "page_up": -page, "page_down": page, "home": -(10**9), "end": 10**9}[where]
        panel = self.cells_panel if self.focused in (self.loss_panel, self.gradient_panel) else self.focused
        if isinstance(panel, CellsPanel | SamplePanel) and where.startswith("page"):
            by = by // page * max(1, panel.size.height - 5)
        if isinstance(panel, Panel):
            self._move(panel, by)

    def on_panel_moved(self, event: Panel.Moved) -> None:
        self._move(event.panel, event.by)

    def _move(self, panel: Any, by: int) -> None:
        if panel is self.task_panel:
            self.choices.move(by)
            self.paint_tasks()
            self.paint_words()
        elif panel is self.settings_panel:
            self.editor.cursor = max(0, min(self.editor.cursor + by, len(self.editor.fields) - 1))
            self.paint_settings()
        elif panel is self.cells_panel and self.session.trace is not None:
            if (start := self.reading.scroll(self.session, self.cells_panel, by)) is not None:
                self.soon(self.session.watch(start, self.session.trace_length, self.session.trace_every))
            self.paint_cells()
        elif panel is self.sample_panel:
            self.back = max(0, min(self.back - by, 400))
            self.paint_sample()

    def on_cells_panel_pointed(self, event: CellsPanel.Pointed) -> None:
        self.reading.cursor = None if event.index == self.reading.cursor else event.index
        self.paint_cells()

    def action_panel(self, number: int) -> None:
        self.show_panel((self.task_panel, self.loss_panel, self.cells_panel, self.sample_panel)[number - 1])

    def show_panel(self, panel: Panel[Any]) -> None:
        leaving = self.full is not None and self.full != panel.id
        if leaving:
            self.full = None
        if leaving or layout.turns(self, panel):
            self.tab = layout.tab_of(panel)
            self.lay_out(*self.size)
        panel.focus()

    def action_full(self) -> None:
        """The focused panel on the whole screen, showing more; and back."""
        panel = self.focused
        place = {self.cells_panel: "cells", self.sample_panel: "sample"}.get(panel)
        if place is not None and self.session.facts is not None:
            self.app.call_later(self.app.run_action, f"app.place('{place}')")
            return
        self.full = None if self.full is not None or not isinstance(panel, Panel) else panel.id
        self.lay_out(*self.size)
        self.call_after_refresh(self.refresh_all)

    def action_back(self) -> None:
        """Leave what was entered last: typing, a form, a full screen, a pointed-at character."""
        form = self.form
        if form is not None and form.abandon():
            self._paint_forms()
        elif form is self.sample_editor:
            self.sampling_edited = False
            self.paint_sample()
        elif form is not None:
            if self.session.config is not None and self.session.config.task == self.choices.task:
                self.choices.adopt(self.session.config)
            self.show_panel(self.task_panel)
        elif self.full is not None:
            self.action_full()
        elif self.reading.cursor is not None:
            self.reading.cursor = None
            self.paint_cells()
        else:
            self.show_panel(self.task_panel)
        self.paint_words()

    def action_pick(self, number: int) -> None:
        """A task was clicked; a second click starts it."""
        again = self.choices.cursor == number and self.focused is self.task_panel
        self.choices.move(number - self.choices.cursor)
        self.show_panel(self.task_panel)
        self.paint_tasks()
        if again and not self.session.alive:
            self.action_start()

    def action_field(self, number: int) -> None:
        if not self.sampling_edited:
            self.show_panel(self.settings_panel)
        with self.telling():
            (self.form or self.editor).choose(number)
        self._paint_forms()

    def action_turn(self, number: int, by: int) -> None:
        with self.telling():
            form = self.form or self.editor
            form.choose(number)
            form.turn(by)
        self._paint_forms()


class Telling:
    """Shows a UserError in the status line."""

    def __init__(self, screen: Play) -> None:
        self._screen = screen

    def __enter__(self) -> None:
        return None

    def __exit__(self, _kind: object, error: BaseException | None, _trace: object) -> bool:
        if isinstance(error, UserError):
            self._screen.session.problem = (error.wrong, error.remedy)
            self._screen._paint_forms()
            return True
        return False
