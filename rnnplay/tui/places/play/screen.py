"""Play: choose a task, watch it being learned, look inside, let it write. What each key does there."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from dataclasses import replace
from typing import Any, ClassVar

from textual import events
from textual.binding import BindingType

from rnnplay import protocol as say
from rnnplay.config import UserError
from rnnplay.gallery import GALLERY
from rnnplay.tui.forms.fields import LIVE, SAMPLE_FIELDS
from rnnplay.tui.places.play import keys, layout
from rnnplay.tui.places.play.example.panel import SamplePanel
from rnnplay.tui.places.play.play_view import PlayView
from rnnplay.tui.widgets.base import Panel
from rnnplay.tui.widgets.panels import HeatmapPanel

# Done as soon as they come, not as a binding is, after the keys behind them: those are typed into what they open.
OPENING = {"s": "action_sample", "slash": "action_find", "e": "action_edit"}


class Play(PlayView):
    """The panels with their keys: what a person does goes to the session, and is shown at once."""

    BINDINGS: ClassVar[list[BindingType]] = list(keys.KEYS)
    KEYS = keys.KEYS
    READING = keys.READING

    def on_key(self, event: events.Key) -> None:
        if self.session.problem is not None and self.session.state not in ("diverged", "dead", "failed"):
            self.session.problem = None
            self.paint_words()
        if self.find_line.key(event.key, event.character) or self.ask_line.key(event.key, event.character):
            event.stop()
            event.prevent_default()
            self.paint_words()
            return
        form, taken = self.form, False
        with self.telling():
            taken = form is not None and form.key(event.key, event.character)
        if taken:
            self.paint_forms()
        elif event.key in OPENING and form is None:
            getattr(self, OPENING[event.key])()
        else:
            return
        event.stop()
        event.prevent_default()

    def on_paste(self, event: events.Paste) -> None:
        text = next(iter(event.text.splitlines()), "")
        line = next((line for line in (self.find_line, self.ask_line) if line.typing), None)
        form = self.form
        if line is not None:
            line.paste(text)
            self.paint_words()
        elif form is not None and form.field.kind == "text":
            form.type(text)
            self.paint_forms()

    def telling(self) -> Telling:
        """A context in which an error for people becomes the status line, and nothing ends."""
        return Telling(self)

    def set_field(self, name: str, value: Any) -> None:
        self.choices.set(name, value)
        running = self.session.config
        if name in LIVE and self.session.has_trainer and running is not None and running.task == self.choices.task:
            self.soon(self.session.change(**{name: float(value)}))

    def set_sampling(self, name: str, value: Any) -> None:
        if name == "temperature" and value < 0:
            raise UserError(f"A temperature of {value:g} makes no sense.", "Give 0 (always the likeliest) or more.")
        if name == "length" and value is not None and value < 1:
            raise UserError(f"A text of {value:g} characters cannot be written.", "Give 1 or more.")
        if name == "seed" and not 0 <= value < 2**63:
            raise UserError(f"The seed is {value:g}.", "Give a whole number from 0 on.")
        self.session.sampling = replace(self.session.sampling, **{name: value})

    def soon(self, work: Coroutine[Any, Any, None]) -> None:
        """Do `work` without keeping the key waiting."""
        task = asyncio.ensure_future(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def start(self) -> None:
        self.action_start()

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
            if form is not None and config == self.session.config and self.session.has_trainer:
                self.action_back()
                return
            self._begin(config)

    def _begin(self, config: Any) -> None:
        self.reading.restart()
        self.back = 0
        width, height = self.cells_panel.text_size if self.cells_panel.size.width else (80, 10)
        self.session.trace_length = max(400, min(2_000, width * height * 5 // 4))
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
            self.soon(self.session.go())
        elif self.session.state in ("stopped", "dead", "inspecting"):
            self.action_resume()
        elif self.session.state == "idle":
            self.action_start()

    def action_step(self) -> None:
        if self.session.state in ("training", "paused"):
            self.soon(self.session.send(say.DoOneStep()))

    def action_stop(self) -> None:
        if self.session.has_trainer:
            self.soon(self.session.send(say.Stop()))

    def action_gallery(self) -> None:
        """Look at a network of the gallery: the first, or the one after the present one."""
        place = GALLERY.index(self.session.gallery) + 1 if self.session.gallery is not None else 0
        piece = GALLERY[place % len(GALLERY)]
        self.choices.pick(piece.task)
        self.back = 0
        self.soon(self.session.open_gallery_network(piece))
        self.show_panel(self.cells_panel if self.has_class("tabbed") else self.task_panel)

    def action_resume(self) -> None:
        if self.session.gallery is not None:
            self.action_start()
        elif self.session.run is not None and self.session.state in ("stopped", "dead", "finished", "inspecting"):
            more = self.session.step if self.session.state == "finished" else None
            self.soon(self.session.resume(more))

    def action_edit(self) -> None:
        if self.focused is self.sample_panel and not self.session.example.here:
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
        if self.sampled_or_asked():
            return
        self._draw(self.session.sampling.seed + (1 if self.session.sampled else 0))

    def _draw(self, seed: int) -> None:
        if not self.session.example.turn_to_sample():
            return
        self.back = 0
        self.sampling_edited = False
        self.soon(self.session.sample(replace(self.session.sampling, seed=seed)))
        self.paint_sample()
        self.paint_words()

    def action_stop_sample(self) -> None:
        self.soon(self.session.send(say.StopSampling()))

    def action_temperature(self, by: int) -> None:
        field = SAMPLE_FIELDS[0]
        self.set_sampling("temperature", field.step(self.session.sampling.temperature, by))
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

    def action_unit(self, by: int) -> None:
        """The unit before, and the next; on an example: the example before, and the next."""
        if not self.turned_example(by):
            super().action_unit(by)

    def action_go_to_unit(self, layer: int, unit: int) -> None:
        self.reading.layer, self.reading.unit = layer, unit
        self.reading.by_surprise = False
        self.paint_cells()

    def action_move(self, where: str) -> None:
        """Up, down, a page, to an end: in the panel that is focused."""
        page = 8
        by = {"up": -1, "down": 1, "page_up": -page, "page_down": page, "home": -(10**9), "end": 10**9}[where]
        panel = self.cells_panel if self.focused in (self.loss_panel, self.gradient_panel) else self.focused
        if isinstance(panel, HeatmapPanel | SamplePanel) and where.startswith("page"):
            by = by // page * max(1, panel.size.height - 5)
        if isinstance(panel, Panel):
            self._move(panel, by)

    def on_panel_scroll_requested(self, event: Panel.ScrollRequested) -> None:
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
                self.soon(self.session.watch(start))
            self.paint_cells()
        elif panel is self.sample_panel and self.session.example.here:
            self.session.example.top = max(0, min(self.session.example.top + by, self.sample_panel.furthest))
            self.paint_sample()
        elif panel is self.sample_panel:
            self.back = max(0, min(self.back - by, 400))
            self.paint_sample()

    def on_heatmap_panel_character_clicked(self, event: HeatmapPanel.CharacterClicked) -> None:
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
        self.set_focus(panel)

    def action_full(self) -> None:
        """The focused panel on the whole screen, showing more; and back."""
        panel = self.focused
        place = {self.cells_panel: "cells", self.sample_panel: "sample"}.get(panel)
        if place == "sample" and self.session.example.here:
            place = None
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
            self.paint_forms()
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
        elif not self.left_answer():
            self.show_panel(self.task_panel)
        self.paint_words()

    def action_pick(self, number: int) -> None:
        """A task was clicked; a second click starts it."""
        again = self.choices.cursor == number and self.focused is self.task_panel
        self.choices.move(number - self.choices.cursor)
        self.show_panel(self.task_panel)
        self.paint_tasks()
        if again and not self.session.has_trainer:
            self.action_start()

    def action_field(self, number: int) -> None:
        if not self.sampling_edited:
            self.show_panel(self.settings_panel)
        with self.telling():
            (self.form or self.editor).choose(number)
        self.paint_forms()

    def action_turn(self, number: int, by: int) -> None:
        with self.telling():
            form = self.form or self.editor
            form.choose(number)
            form.turn(by)
        self.paint_forms()


class Telling:
    """Shows a UserError in the status line."""

    def __init__(self, screen: Play) -> None:
        self._screen = screen

    def __enter__(self) -> None:
        return None

    def __exit__(self, _kind: object, error: BaseException | None, _trace: object) -> bool:
        if isinstance(error, UserError):
            self._screen.session.problem = (error.problem, error.remedy)
            self._screen.paint_forms()
            return True
        return False
