"""Play: choose a task, watch it being learned, look inside, let it write."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, ClassVar

from textual import events
from textual.binding import BindingType
from textual.containers import Container
from textual.widget import Widget

from rnnplay import protocol
from rnnplay.config import UserError
from rnnplay.gallery import GALLERY
from rnnplay.tui.forms.fields import SAMPLE_FIELDS, fields_for
from rnnplay.tui.paint.palette import Palette
from rnnplay.tui.places.play import keys, layout
from rnnplay.tui.places.play.example.actions import ExampleActions
from rnnplay.tui.places.play.example.views import example_view
from rnnplay.tui.places.play.forms import PlayForms
from rnnplay.tui.places.play.panels import CurvePanel, SamplePanel, TaskPanel
from rnnplay.tui.places.play.views import gradient_view, living_status_view, loss_view, play_status_view, tasks_view
from rnnplay.tui.places.sampled_text import sampled_text_view
from rnnplay.tui.places.views import check_surprise, heatmap_view
from rnnplay.tui.session import RunSession
from rnnplay.tui.state.drafts import RunDrafts
from rnnplay.tui.state.sample import PLAY
from rnnplay.tui.widgets import paint_bars
from rnnplay.tui.widgets.bars import Bar
from rnnplay.tui.widgets.base import Panel, is_tabbed
from rnnplay.tui.widgets.panels import HeatmapPanel
from rnnplay.tui.widgets.views import CellsView, KeyHint, StatusView, TabsView

CELLS_EMPTY = (
    "Here a text the network has not been trained on appears, each character on the colour of one hidden unit: "
    "red where it is negative, blue where it is positive. Left and right go through the units."
)
SAMPLE_EMPTY = "Here the network writes, one character at a time, as soon as it learns."
MOVES = {"up": -1, "down": 1, "page_up": -8, "page_down": 8, "home": -(10**9), "end": 10**9}


class PlayPlace(ExampleActions, PlayForms):
    """The four panels, or one of them at a time where the terminal is small."""

    DEFAULT_CSS = """
    PlayPlace {
        #body { layout: horizontal; height: 1fr; }
        #left { layout: vertical; width: 30; height: 1fr; }
        #right { layout: vertical; width: 1fr; height: 1fr; }
        #curves { layout: horizontal; height: 12; }
        #fourth { layout: horizontal; width: 1fr; height: 9; }
        #tasks, #loss, #gradient, #cells, #sample { width: 1fr; height: 1fr; }
        #settings { width: 1fr; height: 12; }
        #sampling { width: 34; height: 1fr; }
        &.examples #fourth { height: 13; }
        &.film #fourth { height: 18; }
        #tabs { display: none; }
        &.tabbed #left, &.alone #left { width: 1fr; }
        &.tabbed #left { layout: horizontal; }
        &.tabbed #curves { layout: vertical; height: 1fr; }
        &.tabbed #settings, &.tabbed #fourth { height: 1fr; }
        &.alone #settings, &.alone #fourth, &.alone #curves { height: 1fr; }
        &.tall #curves { height: 1fr; }
        &.short #curves { height: 10; }
        &.short #fourth { height: 7; }
        &.short.examples #fourth { height: 10; }
    }
    """
    BINDINGS: ClassVar[list[BindingType]] = list(keys.KEYS)
    KEYS = keys.KEYS
    READING = keys.READING
    HEALTH_ROWS = False

    def __init__(self, session: RunSession, drafts: RunDrafts, palette: Palette, start: bool = False) -> None:
        """`start`: train the chosen task at once."""
        super().__init__(session, drafts, palette)
        self._start_at_once = start
        self.log_loss = False
        self.coloured = False  # the sample, by probability
        self.rows_from_end = 0  # of the sample, scrolled back
        self.tab = 1
        self.tabs = Bar(TabsView(), paint_bars.tabs, id="tabs")
        self.task_panel = TaskPanel(id="tasks")
        self.loss_panel = CurvePanel(loss_view(session, False), id="loss")
        self.gradient_panel = CurvePanel(gradient_view(session), id="gradient")
        self.heatmap = HeatmapPanel(CellsView(empty=CELLS_EMPTY), id="cells")
        self.sample_panel = SamplePanel(id="sample")

    def top_bars(self) -> list[Widget]:
        return [self.tabs]

    def panels(self) -> list[Widget]:
        left = Container(self.task_panel, self.settings_panel, id="left")
        curves = Container(self.loss_panel, self.gradient_panel, id="curves")
        fourth = Container(self.sampling_panel, self.sample_panel, id="fourth")
        return [Container(left, Container(curves, self.heatmap, fourth, id="right"), id="body")]

    def first_panel(self) -> Widget:
        return self.task_panel

    def on_mount(self) -> None:  # Textual calls those of the classes above, too
        self.set_focus(self.task_panel)
        self.repaint_all()
        if self._start_at_once:
            self.call_after_refresh(self.run_start)

    def run_start(self) -> None:
        """Start the chosen task, or say what is missing."""
        self.app.call_later(self.app.run_action, "start", self)

    def entered(self) -> None:
        """Play shows its traces and samples as they come."""
        self.repaint_all()

    def reset_run(self) -> None:
        self.rows_from_end = self.first_example_row = 0
        self.heatmap.top_character = 0

    # -------------------------------------------------------------------------------------------------------- painting

    def before_paint(self) -> None:
        if self._ticks % 2 == 0 and self.session.example.reveal_word():
            self._dirty.add("sample")

    def repaint_topics(self, topics: set[str]) -> None:
        if topics & {"run"}:
            self.paint_tasks()
        if topics & {"run", "metrics"}:
            self.paint_curves()
        if topics & {"run", "cells", "answers"}:
            self.paint_cells()
        if topics & {"run", "sample", "answers"}:
            self.paint_sample()

    def paint_tasks(self) -> None:
        self.task_panel.view = tasks_view(self.session, self.drafts)
        self.paint_form()

    def paint_curves(self) -> None:
        self.loss_panel.view = loss_view(self.session, self.log_loss, self.full == "loss")
        self.gradient_panel.view = gradient_view(self.session, self.full == "gradient")

    def paint_cells(self) -> None:
        self.heatmap.view = heatmap_view(self.session, CELLS_EMPTY, lists_features=True)

    def paint_sample(self) -> None:
        example = self.session.example
        film = example.example is not None and example.example.predicted_frames is not None
        self.set_class(example.is_shown, "examples")
        self.set_class(example.is_shown and film, "film")
        if example.is_shown:
            self.sample_panel.view = example_view(self.session, self.first_example_row)
            return
        view = sampled_text_view(
            self.session,
            PLAY,
            coloured=self.coloured or self.full == "sample",
            rows_from_end=self.rows_from_end,
            running=True,
            number="4",
        )
        self.sample_panel.view = view if view.empty else replace(view, empty=SAMPLE_EMPTY)

    def update_bars(self) -> None:
        super().update_bars()
        names = (*layout.TABS[:3], "Example") if self.session.example.is_shown else layout.TABS
        self.tabs.view = TabsView(names, self.tab - 1)

    def status_view(self) -> StatusView:
        if self.drafts.living_run is not None:
            return living_status_view(self.drafts.living_run)
        pending = self.drafts.pending(self.session.user_config)
        return play_status_view(self.session, fields_for(self.drafts.task, True), pending)

    def key_hints(self) -> tuple[KeyHint, ...]:
        if self.form is not None:
            return keys.form_hints("draw" if self.form is self.sample_editor else "apply", self.form.field.kind)
        focused = self.focused.id if isinstance(self.focused, Panel) else None
        attaches = self.drafts.living_run is not None
        return keys.key_hints(self.session, focused or "", self.full is not None, attaches)

    # ---------------------------------------------------------------------------------------------------------- layout

    def place_panels(self, width: int, height: int) -> None:
        arrangement = layout.arrangement(width, height, self.tab, self.full)
        for widget in self.query("#body Container, #body Panel"):
            if widget is not self.sampling_panel:
                widget.display = widget.id in arrangement.shown
            if isinstance(widget, Panel):
                widget.fills_screen = widget.id == self.full
        self.tabs.display = arrangement.tabbed and self.full is None
        self.set_class("tabbed" in arrangement.classes, "tabbed")
        self.set_class("alone" in arrangement.classes, "alone")
        self.set_class("tall" in arrangement.classes, "tall")
        self.set_class("short" in arrangement.classes, "short")

    def on_descendant_focus(self, _event: events.DescendantFocus) -> None:
        panel = self.focused
        if isinstance(panel, Panel):
            self._turn_to(panel)
        if panel not in (self.sample_panel, self.sampling_panel, self.prompt.input):
            self.sampling_edited = False
        self.paint_form()
        self.update_bars()

    def _turn_to(self, panel: Panel[Any]) -> None:
        """Show the tab on which a panel is; leave the full screen of another one."""
        tab = layout.TAB_OF.get(panel.id or "", self.tab)
        leaves = self.full is not None and self.full != panel.id
        if leaves:
            self.full = None
        turns, self.tab = tab != self.tab and is_tabbed(*self.size), tab
        if leaves or turns:
            self.lay_out(*self.size)

    def show_panel(self, panel: Panel[Any]) -> None:
        self._turn_to(panel)
        super().show_panel(panel)

    # ------------------------------------------------------------------------------------------------------------- keys

    def action_start(self) -> None:
        """Start the chosen task, or attach to the chosen run; in a form, apply its values. Raises UserError."""
        if self.form is self.sample_editor:
            self._draw()
        elif self.form is None and self.drafts.living_run is not None:
            self.app.call_later(self.app.run_action, "app.attach")
        elif self.form is not None:
            self.show_panel(self.task_panel)
        else:
            self.action_new()

    def action_new(self) -> None:
        config = self.drafts.draft
        if config.task == "text" and not config.text:
            self.show_panel(self.settings_panel)
            raise UserError("Which text?", "Type its path in the field “file”, then press enter.")
        width, height = self.heatmap.text_size if self.heatmap.size.width else (80, 10)
        self.session.cells.length = max(400, min(2_000, width * height * 5 // 4))
        super().action_new()

    def action_gallery(self) -> None:
        """Show a network of the gallery: the first, or the one after the present one."""
        number = GALLERY.index(self.session.gallery) + 1 if self.session.gallery is not None else 0
        piece = GALLERY[number % len(GALLERY)]
        self.drafts.pick(piece.task)
        self.session.open_gallery_network(piece)
        self.show_panel(self.heatmap if is_tabbed(*self.size) else self.task_panel)

    def action_sample(self) -> None:
        """Draw the next seed's sample, ask the task's question, or show the next item."""
        if self.session.run is None:
            return
        self.show_panel(self.sample_panel)
        if self.sample_or_ask():
            return
        sample = self.session.sample
        if sample.texts[PLAY].text:
            sample.settings = sample.settings.change("seed", sample.settings.seed + 1)
        self._draw()

    def _draw(self) -> None:
        """Draw a sample with the settings as they are; a run that has stopped is loaded, and writes then."""
        if not self.session.example.switch_to_sample():
            return
        self.rows_from_end, self.sampling_edited = 0, False
        if not self.load_if_stopped():
            self.session.sample.begin(PLAY)
        self.paint_form()
        self.paint_sample()
        self.update_bars()

    def action_stop_sample(self) -> None:
        """End the sample under way."""
        self.session.send(protocol.StopSampling())

    def action_temperature(self, by: int) -> None:
        """Draw the same sample at a higher or a lower temperature."""
        how = self.session.sample.settings
        self.set_sampling("temperature", SAMPLE_FIELDS[0].step(how.temperature, by))
        self._draw()

    def action_switch(self) -> None:
        """Go from a unit to its whole layer and back, on the text; else from the example to a free sample and back."""
        if self.focused is self.heatmap:
            self.action_direction()
            return
        example = self.session.example
        if not example.has_items or not example.can_sample:
            return
        if not example.shows_sample and not self.session.sample.texts[PLAY].request:
            self._draw()
            return
        example.shows_sample = not example.shows_sample
        self.paint_sample()
        self.update_bars()

    def action_colours(self) -> None:
        """Other colours on a text: surprise in place of a unit, probabilities under a sample. Raises UserError."""
        if self.focused is self.sample_panel:
            self.coloured = not self.coloured
            self.paint_sample()
        else:
            check_surprise(self.session)
            self.session.selection.by_surprise = not self.session.selection.by_surprise
            self.paint_cells()

    def action_log(self) -> None:
        """The loss on a logarithmic axis, and back."""
        self.log_loss = not self.log_loss
        self.paint_curves()

    def action_unit(self, by: int) -> None:
        """Choose another value in a form, the example before or the next on an example, else another unit."""
        if self.form is not None:
            self.action_step_field(1 if by > 0 else -1)
        elif not self.step_example(by):
            super().action_unit(by)

    def action_move(self, where: str) -> None:
        """Up, down, a page, to an end: in the panel that is focused."""
        by = MOVES[where]
        panel = self.heatmap if self.focused in (self.loss_panel, self.gradient_panel) else self.focused
        if panel in (self.heatmap, self.sample_panel) and where.startswith("page"):
            by = by // 8 * max(1, panel.size.height - 5)
        if isinstance(panel, Panel):
            self._move(panel, by)

    def on_panel_scroll_requested(self, event: Panel.ScrollRequested) -> None:
        self._move(event.panel, event.by)

    def _move(self, panel: Panel[Any], by: int) -> None:
        if panel is self.task_panel:
            self.drafts.move(by)
            self.paint_tasks()
            self.update_bars()
        elif panel is self.settings_panel or self.form is self.sample_editor:
            editor = self.editor if panel is self.settings_panel else self.sample_editor
            editor.choose(editor.cursor + by)
            self.paint_form()
        elif panel is self.heatmap:
            self.scroll_text(by)
        elif panel is self.sample_panel and self.session.example.is_shown:
            self.first_example_row = max(0, min(self.first_example_row + by, self.sample_panel.last_row))
            self.paint_sample()
        elif panel is self.sample_panel:
            self.rows_from_end = max(0, min(self.rows_from_end - by, 400))
            self.paint_sample()

    def on_heatmap_panel_character_clicked(self, event: HeatmapPanel.CharacterClicked) -> None:
        selection = self.session.selection
        selection.cursor = None if event.index == selection.cursor else event.index
        self.paint_cells()

    def action_panel(self, number: int) -> None:
        """Go to one of the four panels."""
        self.show_panel((self.task_panel, self.loss_panel, self.heatmap, self.sample_panel)[number - 1])

    async def action_full(self) -> None:
        """The focused panel on the whole screen: Cells and Sample are places of their own."""
        place = {self.heatmap: "cells", self.sample_panel: "sample"}.get(self.focused)
        if place == "sample" and self.session.example.is_shown:
            place = None
        if place is not None and self.session.run is not None:
            await self.app.run_action(f"app.place('{place}')")
        else:
            self.toggle_full()

    async def action_back(self) -> None:
        """Leave what was entered last: a form, a full screen, a character that is pointed at, an answer."""
        if self.form is self.sample_editor:
            self.sampling_edited = False
            self.paint_form()
        elif self.form is not None:
            self._leave_form()
        elif self.full is not None:
            self.toggle_full()
        elif self.session.selection.cursor is not None:
            self.session.selection.cursor = None
            self.paint_cells()
        elif not self.close_answer():
            self.show_panel(self.task_panel)
        self.update_bars()

    def action_pick(self, number: int) -> None:
        """A task, or a run that is alive, was clicked; a second click starts it, or attaches to it."""
        again = self.drafts.cursor == number and self.focused is self.task_panel
        starts = self.drafts.living_run is not None or not self.session.has_trainer
        self.drafts.move(number - self.drafts.cursor)
        self.show_panel(self.task_panel)
        self.paint_tasks()
        if again and starts:
            self.action_start()
