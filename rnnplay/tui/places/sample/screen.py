"""Sample: the network writes, and one may hold it, go back, choose otherwise, and clamp a unit while it writes.

The text at the left is the network's as it is; where a unit is clamped, the same seed writes beside it with it held.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

from textual.binding import BindingType
from textual.containers import Container
from textual.widget import Widget

from rnnplay.config import UserError
from rnnplay.tui.forms.editor import FormEditor
from rnnplay.tui.forms.fields import CLAMP_FIELD, SAMPLE_FIELDS
from rnnplay.tui.forms.panel import FormPanel
from rnnplay.tui.messages import RunMessage
from rnnplay.tui.paint.numbers import count
from rnnplay.tui.paint.palette import Palette
from rnnplay.tui.places.edit_form import FormActions
from rnnplay.tui.places.keys import hint
from rnnplay.tui.places.sample.keys import KEYS, READING
from rnnplay.tui.places.sample.views import clamp_count_view, clamped_text_view, free_text_view, typed_view
from rnnplay.tui.places.views import status_view, symbols_name
from rnnplay.tui.session import RunSession
from rnnplay.tui.state.drafts import RunDrafts
from rnnplay.tui.state.sample import CLAMP_VALUE, FREE, TYPED
from rnnplay.tui.widgets import paint_sampled_text as paint
from rnnplay.tui.widgets.bars import StatusBar
from rnnplay.tui.widgets.base import WIDE, Panel
from rnnplay.tui.widgets.views import KeyHint, SampledTextView, StatusView


class SamplePlace(FormActions):
    """One text, or two side by side; its settings at the right."""

    DEFAULT_CSS = """
    SamplePlace #writing { layout: horizontal; height: 1fr; }
    SamplePlace #free, SamplePlace #clamped { width: 1fr; height: 1fr; }
    SamplePlace #drawing { width: 30; height: 1fr; }
    SamplePlace.narrow #writing { layout: vertical; }
    SamplePlace.narrow #drawing { width: 100%; }
    """
    KEYS = KEYS
    READING = READING
    BINDINGS: ClassVar[list[BindingType]] = [*KEYS]

    def __init__(self, session: RunSession, drafts: RunDrafts, palette: Palette) -> None:
        super().__init__(session, drafts, palette)
        self.sample = session.sample
        self.temperature_before_greedy: float | None = None
        self.chosen = 0  # candidate
        self.rows_from_end = 0
        self.editing = False
        self.prompt_typed: str | None = None  # while a prompt is typed
        self.editor = FormEditor(self.set_value)
        self.free_panel = Panel(SampledTextView(), paint.sampled_text, paint.title, id="free")
        self.count_bar = StatusBar(StatusView(), id="count")
        self.clamped_panel = Panel(SampledTextView(), paint.sampled_text, paint.title, id="clamped")
        self.form_panel = FormPanel(id="drawing")

    def panels(self) -> list[Widget]:
        return [Container(self.free_panel, self.clamped_panel, self.form_panel, id="writing"), self.count_bar]

    def first_panel(self) -> Widget:
        return self.free_panel

    def request_data(self) -> None:
        """Begin a first sample; later ones are begun by a person."""
        if not self.sample.has_begun:
            self.begin()

    def left(self) -> None:
        """Pause the writing: nothing is written while nobody looks."""
        if self.sample.has_begun and not self.sample.is_paused:
            self.sample.pause(True)

    def reset_run(self) -> None:
        self.chosen = self.rows_from_end = 0

    @property
    def narrow(self) -> bool:
        """Return whether the form takes the place of the text."""
        return self.size.width < WIDE

    def place_panels(self, width: int, height: int) -> None:
        self.set_class(self.narrow, "narrow")
        alone = self.editing and self.narrow
        shown = {"drawing": self.editing or not self.narrow, "free": not alone}
        shown["clamped"] = self.sample.clamp is not None and not alone
        self.count_bar.display = shown["clamped"] and self.full is None
        for panel in self.query(Panel):
            panel.display = panel.id == self.full if self.full is not None else shown[panel.id or ""]
            panel.fills_screen = panel.id == self.full

    # -------------------------------------------------------------------------------------------------------- painting

    def on_sample_received(self, message: RunMessage) -> None:
        super().on_sample_received(message)
        if self.sample.is_paused and self.is_active and message.generation == self.session.generation:
            self.repaint_topics({"sample"})  # a person waits for it

    def repaint_topics(self, topics: set[str]) -> None:
        if topics & {"answers"}:
            self.count_bar.view = StatusView(clamp_count_view(self.session))
            self.clamped_panel.view = clamped_text_view(self.session, self.rows_from_end)
        if not topics & {"sample", "run"}:
            return
        self.chosen = max(0, min(self.chosen, len(self.sample.texts[FREE].candidates) - 1))
        if self.prompt_typed is not None:
            self.free_panel.view = typed_view(self.session, self.prompt_typed)
        else:
            self.free_panel.view = free_text_view(self.session, self.chosen, self.rows_from_end)
        self.clamped_panel.view = clamped_text_view(self.session, self.rows_from_end)
        self.paint_form()

    def paint_form(self) -> None:
        clamp = self.sample.clamp
        fields = SAMPLE_FIELDS if clamp is None else (*SAMPLE_FIELDS, CLAMP_FIELD)
        values: dict[str, Any] = {field.name: getattr(self.sample.settings, field.name) for field in SAMPLE_FIELDS}
        values["clamp"] = clamp[2] if clamp is not None else None
        self.editor.show(fields, values)
        note = "Arrows change a value while it is written." if self.editing else ""
        self.form_panel.view = self.editor.view(frozenset(), self.editing, "How it is drawn", note)

    def status_view(self) -> StatusView:
        if self.sample.is_paused and self.sample.texts[FREE].text:
            at = f"Held after {count(self.sample.texts[FREE].length)} {symbols_name(self.session.facts)}."
            return StatusView(at, "Left goes back, up and down choose, enter writes it and goes on, w goes on.")
        return status_view(self.session)

    def key_hints(self) -> tuple[KeyHint, ...]:
        if self.editing:
            return (
                hint("↑↓", "choose", "candidate(1)"),
                hint("←→", "change", "step(1)"),
                hint("enter", "close", "take"),
                hint("esc", "back", "back"),
            )
        if not self.session.has_trainer:
            return (hint("s", "new", "begin"), hint("esc", "back", "back"))
        paused, clamp = self.sample.is_paused, self.sample.clamp
        hints = [hint("w", "go on" if paused else "hold", "toggle_writing")]
        if paused:
            hints += [
                hint("←→", "step", "step(-1)"),
                hint("↑↓", "choose", "candidate(1)"),
                hint("enter", "take", "take"),
            ]
        hints += [
            hint("s", "new", "begin"),
            hint("p", "prompt", "prompt"),
            hint("-+", "temperature", "temperature(1)"),
            hint("g", "greedy", "greedy"),
            hint("e", "edit", "edit"),
            hint("k", "let go" if clamp is not None else "clamp unit", "clamp"),
        ]
        if clamp is not None:
            hints.append(hint("[]", "clamp at", "clamp_value(1)"))
        return (*hints, hint("c", "copied", "copied"), hint("esc", "back", "back"))

    # --------------------------------------------------------------------------------------------------------- writing

    def begin(self) -> None:
        """Write from the beginning, on both sides; a run that has stopped is loaded first."""
        self.chosen = self.rows_from_end = 0
        if not self.load_if_stopped():
            self.sample.begin()
            self.count_clamped()
        self.lay_out(*self.size)

    def count_clamped(self) -> None:
        """Ask how often the clamped unit's feature is true in texts; without a clamp forget the count."""
        clamp, how, cells = self.sample.clamp, self.sample.settings, self.session.cells
        if clamp is None or not clamp[2]:
            cells.clamp_count = None
        else:
            cells.count_clamped(clamp, how.temperature, how.top_k, how.top_p)
        self.count_bar.view = StatusView(clamp_count_view(self.session))

    def action_begin(self) -> None:
        """A new sample, with the next seed."""
        if self.sample.texts[FREE].text:
            self.sample.settings = self.sample.settings.change("seed", self.sample.settings.seed + 1)
        self.begin()

    def action_again(self) -> None:
        """The same sample once more."""
        self.begin()

    def action_toggle_writing(self) -> None:
        """Hold the writing, or go on."""
        if not self.sample.has_begun:
            self.begin()
        else:
            self.sample.pause(not self.sample.is_paused)
            self.repaint_topics({"sample"})
            self.update_bars()

    def action_step(self, by: int) -> None:
        """Choose, in the form, another value. Else hold the writing: symbols back, or on again as they were."""
        if self.editing:
            self.action_step_field(1 if by > 0 else -1)
        elif self.sample.has_begun:
            self.sample.step(by)
            self.repaint_topics({"sample"})
            self.update_bars()

    def action_candidate(self, by: int) -> None:
        """Choose, in the form, another field, and in a text that is held another candidate. Else scroll."""
        if self.editing:
            self.action_choose_field(by)
        elif self.sample.is_paused:
            self.chosen += by
            self.repaint_topics({"sample"})
        else:
            self._scroll(by)

    def _scroll(self, by: int) -> None:
        self.rows_from_end = max(0, self.rows_from_end - by)
        self.repaint_topics({"sample"})

    def on_panel_scroll_requested(self, event: Panel.ScrollRequested) -> None:
        if event.panel is self.form_panel:
            self.action_choose_field(1 if event.by > 0 else -1)
        else:
            self._scroll(event.by)

    def action_choose(self, number: int) -> None:
        """A candidate was clicked."""
        self.chosen = number
        self.action_take()

    def action_take(self) -> None:
        """Write the chosen candidate and go on from there; in the form, close it."""
        candidates = self.sample.texts[FREE].candidates
        if self.editing:
            self.action_edit()
        elif self.sample.is_paused and self.chosen < len(candidates):
            self.sample.write(candidates[self.chosen].symbol)
            self.update_bars()
        elif not self.sample.has_begun:
            self.begin()

    # ------------------------------------------------------------------------------------------------- how it is drawn

    @property
    def form(self) -> FormEditor | None:
        return self.editor if self.editing else None

    def form_clicked(self, panel: str) -> None:
        self.editing = True
        self.update_bars()

    def form_entered(self) -> None:
        self.action_edit()

    def set_value(self, name: str, value: Any) -> None:
        """Take a value of the form. Raises UserError."""
        self.sample.change(name, value)
        if name in ("clamp", "temperature", "top_k", "top_p") and self.sample.clamp is not None:
            self.count_clamped()
        self.repaint_topics({"sample"})

    def action_temperature(self, by: int) -> None:
        """A lower or a higher temperature, at once."""
        self.temperature_before_greedy = None
        self.set_value("temperature", SAMPLE_FIELDS[0].step(self.sample.settings.temperature, by))

    def action_greedy(self) -> None:
        """Always the likeliest, and back to the temperature before."""
        now, before = self.sample.settings.temperature, self.temperature_before_greedy
        self.temperature_before_greedy = now or None
        self.set_value("temperature", 0.0 if now else before or 0.8)

    def action_copied(self) -> None:
        """Mark what is copied from the training text, or stop that. Raises UserError if that text is gone."""
        if self.session.facts is not None and (reason := self.session.facts.text_unavailable):
            raise UserError(f"What is copied cannot be found without the training text. {reason}", "Put the text back.")
        self.sample.set_marking(not self.sample.mark_copied)
        self.repaint_topics({"sample"})

    def action_edit(self) -> None:
        """Open the form, or close it."""
        self.editing = not self.editing
        self.lay_out(*self.size)

    async def action_back(self) -> None:
        if self.editing:
            self.action_edit()
        else:
            await super().action_back()

    # ------------------------------------------------------------------------------------------------------- the prompt

    def action_prompt(self) -> None:
        """Type a prompt; what may follow it is shown as one types."""
        if not self.load_if_stopped():
            self.ask_text(
                "prompt", self._take_prompt, self.sample.settings.prompt or "", self._continuations, self._type_prompt
            )

    def _type_prompt(self, text: str) -> None:
        self.prompt_typed = text
        self.sample.type_prompt(text)
        self._dirty.add("sample")

    def _continuations(self, text: str) -> Sequence[str]:
        """Return the prompts that the likeliest symbols make of what was typed."""
        typed = self.sample.texts[TYPED]
        return [text + c.symbol for c in typed.candidates] if typed.settings.prompt == text else []

    def _take_prompt(self, text: str) -> None:
        self.sample.settings = self.sample.settings.change("prompt", text)
        self.begin()

    def close_prompt(self) -> None:
        self.prompt_typed = None
        super().close_prompt()
        self.repaint_topics({"sample"})

    # -------------------------------------------------------------------------------------------------- clamping a unit

    def action_clamp(self) -> None:
        """Clamp the selected unit, or let it go."""
        selection = self.session.selection
        if self.sample.clamp is None:
            sign = self.session.cells.sign_of(selection.layer, selection.unit)
            self.sample.set_clamp((selection.layer, selection.unit, sign * CLAMP_VALUE))
        else:
            self.sample.set_clamp(None)
        self.count_clamped()
        self.lay_out(*self.size)

    def action_clamp_value(self, by: int) -> None:
        """The clamped unit's value down, and up. Raises UserError at a bound."""
        if self.sample.clamp is not None:
            self.set_value("clamp", round(self.sample.clamp[2] + by / 10, 1))
