"""Sample: the network writes, and one may stop it, go back, choose otherwise, and hold a unit while it writes.

The text at the left is the network's as it is; where a unit is held, the same seed writes beside it with it held.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any, ClassVar

from textual.binding import BindingType
from textual.containers import Container
from textual.widget import Widget

from rnnplay import protocol as say
from rnnplay.tui.forms.editor import FormEditor, FormView
from rnnplay.tui.forms.prompt import Line
from rnnplay.tui.paint.numbers import count
from rnnplay.tui.paint.palette import Palette
from rnnplay.tui.places.base import Beside
from rnnplay.tui.places.keys import COMMANDS, HELP, TYPING, hint
from rnnplay.tui.places.sample.keys import KEYS
from rnnplay.tui.places.sample.panels import DrawingPanel
from rnnplay.tui.places.sample.views import EMPTY, FIELDS, LIVE, Drawing, typed_view, written_view
from rnnplay.tui.places.views import status_view
from rnnplay.tui.session import RunSession
from rnnplay.tui.state.drafts import RunDrafts
from rnnplay.tui.state.sample import SampledText
from rnnplay.tui.widgets.base import WIDE
from rnnplay.tui.widgets.panels import WrittenPanel
from rnnplay.tui.widgets.views import KeyHint, StatusView, WrittenView

FREE, HELD, TYPED = 2, 3, 4  # channels: as it is, with a unit held, while a prompt is typed
READING = (
    ("Sample", "Each character stands on the colour of its probability: pale where the network was surprised by its "
     "own draw. Temperature, top-k and top-p shape the draw, never the probabilities that are shown."),
    ("Stopping", "space stops it. Left takes characters back; the list shows what could stand there; enter writes the "
     "chosen one and goes on from there."),
    ("Holding a unit", "The same seed writes twice: as the network is, and with one unit held at a value."),
)  # fmt: skip


class SampleScreen(Beside):
    """One text, or two side by side; its settings at the right."""

    CSS = """
    SampleScreen { layout: vertical; overflow: hidden; }
    #writing { layout: horizontal; height: 1fr; }
    #free, #heldtext { width: 1fr; height: 1fr; }
    #drawing { width: 30; height: 1fr; }
    SampleScreen.narrow #writing { layout: vertical; }
    SampleScreen.narrow #drawing { width: 100%; }
    """
    KEYS = KEYS
    READING: ClassVar[tuple[tuple[str, str], ...]] = READING
    BINDINGS: ClassVar[list[BindingType]] = [*KEYS]

    def __init__(self, session: RunSession, choices: RunDrafts, palette: Palette) -> None:
        super().__init__(session, choices, palette)
        self.drawing = Drawing()
        self.free, self.held, self.typed = SampledText(FREE), SampledText(HELD), SampledText(TYPED)
        self.stopped = False
        self.begun = False
        self.mark_copied = True
        self.greedy_before: float | None = None  # the temperature to come back to
        self.chosen = 0  # candidate
        self.back = 0  # rows scrolled back
        self.editing = False
        self.editor = FormEditor(self._set)
        self.prompt_line = Line("prompt", self._take_prompt, self._continuations, self._prompt_changed)
        self.typed_lines = [self.prompt_line]
        self.free_panel = WrittenPanel(WrittenView(empty=EMPTY), id="free")
        self.held_panel = WrittenPanel(WrittenView(), id="heldtext")
        self.drawing_panel = DrawingPanel(FormView(), id="drawing")

    def panels(self) -> list[Widget]:
        return [Container(self.free_panel, self.held_panel, self.drawing_panel, id="writing")]

    def on_mount(self) -> None:  # Textual calls those of the classes above, too
        self.free_panel.focus()

    def ask(self) -> None:
        """A first sample of its own accord; later ones only when they are asked for."""
        if not self.begun or (self.session.clamp is not None and self.held.done):
            self.begin()

    def on_screen_suspend(self) -> None:
        """Nobody looks: nothing is written."""
        if self.begun and not self.stopped:
            self.action_toggle_writing()

    def hear(self, event: say.AnyEvent) -> None:
        if isinstance(event, say.Started):
            self.begun = False
            self.session.clamp = None
        for written in (self.free, self.held, self.typed):
            if written.hear(event):
                if isinstance(event, say.Sampled) and event.unseen and written is not self.held:
                    shown = " ".join(repr(symbol) for symbol in event.unseen)
                    self.session.problem = (f"The network has never seen {shown}.", "The prompt is read without.")
                self.chosen = 0
        super().hear(event)
        if self.stopped and isinstance(event, say.Sampled) and self.is_active:
            self.show_topics({"sample"})  # somebody waits for it
            self.paint_words()

    @property
    def narrow(self) -> bool:
        return self.size.width < WIDE

    def place_panels(self, width: int, height: int) -> None:
        narrow = width < WIDE
        self.set_class(narrow, "narrow")
        self.drawing_panel.display = self.editing or not narrow
        self.held_panel.display = self.session.clamp is not None and not (self.editing and narrow)
        self.free_panel.display = not (self.editing and narrow)

    # ------------------------------------------------------------------------------------------------------- painting

    def show_topics(self, topics: set[str]) -> None:
        if not topics & {"sample", "run"}:
            return
        held, running = self.session.clamp, self.begun and not self.stopped
        words = self.drawing.words(self._palette.glyphs.separator)
        empty = self.session.unavailable.get("sample") or EMPTY
        if self.prompt_line.typing:
            self.free_panel.view = typed_view(self.prompt_line.text, self.typed)
        else:
            title = words if held is None else "as it is"
            self.free_panel.view = written_view(
                self.free, title, self.stopped, self.chosen, self.back, running, self.mark_copied, empty
            )
        if held is not None:
            title = f"layer {held[0] + 1} unit {held[1] + 1} held at {held[2]:+.1f}"
            self.held_panel.view = written_view(self.held, title, False, 0, self.back, running, self.mark_copied, empty)
        self.paint_form()

    def paint_form(self) -> None:
        values = {field.name: getattr(self.drawing, field.name, None) for field in FIELDS}
        held = self.session.clamp
        fields = FIELDS if held is not None else FIELDS[:-1]
        values["held"] = held[2] if held is not None else None
        self.editor.show(fields, values)
        note = "Arrows change a value while it is written." if self.editing else ""
        self.drawing_panel.view = self.editor.view(frozenset(), self.editing, "How it is drawn", note)

    def words(self) -> StatusView:
        if self.stopped and self.free.text:
            at = f"Stopped after {count(self.free.length)} symbols."
            return StatusView(at, "Left goes back, up and down choose, enter writes it and goes on, space goes on.")
        return status_view(self.session, (), {})

    def hints(self) -> tuple[KeyHint, ...]:
        if self.prompt_line.typing:
            return TYPING
        if self.editing:
            return (
                hint("↑↓", "choose", "candidate(1)"),
                hint("←→", "change", "step(1)"),
                hint("esc", "back", "back"),
                COMMANDS,
                HELP,
            )
        found = [hint("space", "go on" if self.stopped else "stop", "toggle_writing")]
        if self.stopped:
            found += [
                hint("←→", "step", "step(-1)"),
                hint("↑↓", "choose", "candidate(1)"),
                hint("enter", "take", "take"),
            ]
        found += [
            hint("s", "new", "begin"),
            hint("p", "prompt", "prompt"),
            hint("-+", "temperature", "temperature(1)"),
            hint("g", "greedy", "greedy"),
            hint("e", "edit", "edit"),
            hint("k", "let go" if self.session.clamp is not None else "hold unit", "clamp"),
        ]
        if self.session.clamp is not None:
            found.append(hint("[]", "held at", "held(1)"))
        found.append(hint("c", "copied", "copied"))
        return (*found, hint("esc", "back", "back"), COMMANDS, HELP)

    # ---------------------------------------------------------------------------------------------------------- writing

    def begin(self) -> None:
        """The same seed from the beginning, on both sides."""
        d = self.drawing
        self.stopped, self.begun, self.back, self.chosen = False, True, 0, 0
        sample = say.Sample(
            prompt=d.prompt or "",
            temperature=d.temperature,
            seed=d.seed,
            top_k=d.top_k,
            top_p=d.top_p,
            rate=d.rate,
            channel=FREE,
            copied=self.mark_copied,
        )
        self.free.asked = self.held.asked = d.prompt or ""
        self.send(sample)
        held = self.session.clamp
        if held is not None:
            self.send(_as(sample, channel=HELD, clamps=(held,)))
        self.lay_out(*self.size)

    def _steer(self, **changes: Any) -> None:
        """Change the sample under way, on both sides where it means the same on both."""
        if not self.begun:
            return
        self.send(say.ChangeSample(channel=FREE, **changes))
        both = {name: value for name, value in changes.items() if name not in ("keep", "symbol")}
        if self.session.clamp is not None and both:
            self.send(say.ChangeSample(channel=HELD, **both))

    def action_begin(self) -> None:
        self.drawing = replace(self.drawing, seed=self.drawing.seed + (1 if self.free.text else 0))
        self.begin()

    def action_again(self) -> None:
        self.begin()

    def action_toggle_writing(self) -> None:
        if not self.begun:
            self.begin()
            return
        self.stopped = not self.stopped
        self.free.drop_tail()
        self._steer(go=not self.stopped)
        self.show_topics({"sample"})
        self.paint_words()

    def action_step(self, by: int) -> None:
        """Stopped: symbols back, or on again as they were. In the form: another value."""
        if self.editing:
            with self.telling():
                self.editor.turn(1 if by > 0 else -1)
            self.paint_form()
            return
        if not self.stopped:
            self.action_toggle_writing()
        if by < 0:
            keep = max(0, self.free.length + by)
            self.free.take_back(keep)  # at once; the trainer says the same, and what could stand there
            self._steer(keep=keep)
        for n in range(by):
            symbol = self.free.returned()
            if symbol is None:
                self._steer(go=True, length=by - n)
                break
            self._steer(symbol=symbol)
        self.show_topics({"sample"})

    def action_candidate(self, by: int) -> None:
        if self.editing:
            self.editor.choose(self.editor.cursor + by)
            self.paint_form()
        elif self.stopped:
            self.chosen = max(0, min(self.chosen + by, len(self.free.candidates) - 1))
            self.show_topics({"sample"})
        else:
            self.back = max(0, self.back - by)
            self.show_topics({"sample"})

    def action_choose(self, number: int) -> None:
        """A candidate was clicked."""
        self.chosen = number
        self.action_take()

    def action_take(self) -> None:
        """Write the chosen candidate, and go on from there."""
        if self.editing:
            with self.telling():
                self.editor.finish()
            self.editing = False
            self.lay_out(*self.size)
        elif self.stopped and self.chosen < len(self.free.candidates):
            symbol = self.free.candidates[self.chosen].symbol
            self.free.drop_tail()
            self._steer(symbol=symbol)
            self.stopped = False
            self._steer(go=True)
            self.paint_words()
        elif not self.begun:
            self.begin()

    # ------------------------------------------------------------------------------------------------- how it is drawn

    def _set(self, name: str, value: Any) -> None:
        """A value of the form: at once where it can be, else from the beginning. Raises UserError."""
        if name == "held":
            self._hold_at(float(value))
            return
        self.drawing = self.drawing.change(name, value)
        if name in LIVE:
            self._steer(**{name: value})
        else:
            self.begin()
        self.show_topics({"sample"})

    def action_temperature(self, by: int) -> None:
        self.greedy_before = None
        with self.telling():
            self._set("temperature", FIELDS[0].step(self.drawing.temperature, by))

    def action_greedy(self) -> None:
        """Always the likeliest, and back to the temperature before."""
        now = self.drawing.temperature
        self.greedy_before, wanted = (now, 0.0) if now else (None, self.greedy_before or 0.8)
        self._set("temperature", wanted)

    def action_copied(self) -> None:
        if self.session.facts is not None and (reason := self.session.facts.text_unavailable):
            self.tell(f"What is copied cannot be found without the training text. {reason}", "Put the text back.")
            return
        self.mark_copied = not self.mark_copied
        if self.mark_copied and self.free.copied is None:
            self.begin()  # it has to be told from the beginning
        self.show_topics({"sample"})

    def action_edit(self) -> None:
        self.editing = not self.editing
        self.lay_out(*self.size)

    def action_back(self) -> None:
        if self.editing:
            self.editor.abandon()
            self.editing = False
            self.lay_out(*self.size)
        else:
            super().action_back()

    def on_key(self, event: Any) -> None:
        if self.editing and event.key not in ("up", "down", "left", "right", "enter", "escape"):
            with self.telling():
                if self.editor.key(event.key, event.character):
                    event.stop()
                    event.prevent_default()
            self.paint_form()

    # ------------------------------------------------------------------------------------------------------- the prompt

    def action_prompt(self) -> None:
        self.prompt_line.open(self.drawing.prompt or "")
        self.show_topics({"sample"})
        self.paint_words()

    def _prompt_changed(self, text: str) -> None:
        """Ask what would follow, as one types."""
        self.typed.asked = text
        self.send(say.Sample(prompt=text, length=0, channel=TYPED))
        self.stale.add("sample")

    def _continuations(self, text: str) -> tuple[str, ...]:
        """What tab offers: the likeliest symbols after what was typed."""
        if self.typed.asked != text:
            return ()
        return tuple(text + c.symbol for c in self.typed.candidates)

    def _take_prompt(self, text: str) -> None:
        self.drawing = replace(self.drawing, prompt=text or None)
        self.begin()

    # -------------------------------------------------------------------------------------------------- holding a unit

    def action_clamp(self) -> None:
        """Hold the unit that Cells shows, or let it go."""
        reading = self.session.selection
        if self.session.clamp is None:
            self.session.clamp = (reading.layer, reading.unit, 0.9)
            self.begin()
        else:
            self.session.clamp = None
            self.send(say.StopSampling(channel=HELD))
            self.lay_out(*self.size)

    def action_held(self, by: int) -> None:
        if self.session.clamp is not None:
            self._hold_at(round(self.session.clamp[2] + by / 10, 1))

    def _hold_at(self, value: float) -> None:
        if self.session.clamp is not None:
            self.session.clamp = (*self.session.clamp[:2], value)
            self.begin()


def _as(sample: say.Sample, **changes: Any) -> say.Sample:
    return say.Sample(**({name: getattr(sample, name) for name in sample.__struct_fields__} | changes))
