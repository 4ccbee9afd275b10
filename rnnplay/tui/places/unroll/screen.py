"""Unroll: walk through an example time step by time step, open one, poke it, and see what an update does.

The walk needs no answer from the trainer: what it sent holds all time steps, units and equations.
"""

from __future__ import annotations

import re
from dataclasses import replace
from typing import ClassVar

import msgspec
from textual.binding import BindingType
from textual.timer import Timer
from textual.widget import Widget

from rnnplay import protocol
from rnnplay.config import UserError
from rnnplay.formatting import parameter_name
from rnnplay.tui.forms.prompt import Matcher
from rnnplay.tui.places.ask_live import LiveQuestions
from rnnplay.tui.places.unroll import keys, panels
from rnnplay.tui.places.unroll.views import UnrollView, unroll_view
from rnnplay.tui.places.views import NO_GATES
from rnnplay.tui.widgets.base import Panel
from rnnplay.tui.widgets.views import KeyHint, StatusView

LENGTH = 64  # the most time steps that are asked for at once
UNITS = 64
UPDATE_RATE = 0.1  # of one update by gradient descent
FRAME_SECONDS = 0.5  # that a time step stays while it plays
_WEIGHT = re.compile(r"^\s*([\w. ]+?)\s*\[\s*(\d+)\s*,\s*(\d+)\s*\]\s*=\s*(\S+)\s*$")


class UnrollPlace(LiveQuestions):
    """An example unrolled."""

    BINDINGS: ClassVar[list[BindingType]] = list(keys.KEYS)
    KEYS = keys.KEYS
    READING = keys.READING

    def __init__(self, *arguments: object) -> None:
        super().__init__(*arguments)
        self.panel = Panel(UnrollView(empty=self.empty), panels.unrolled, panels.title, id="unroll")
        self.edits: list[protocol.Edit] = []
        self.example = 0
        self.first: int | None = None  # of the window of a long example
        self._waits_for_edit = False
        self._player: Timer | None = None

    def panels(self) -> list[Widget]:
        return [self.panel]

    def first_panel(self) -> Widget:
        return self.panel

    @property
    def view(self) -> UnrollView:
        return self.panel.view

    @property
    def busy(self) -> bool:
        return self.is_typing or self._player is not None

    def show(self, **changes: object) -> None:
        """Change some fields of the view."""
        self.panel.view = replace(self.view, **changes)  # type: ignore[arg-type]

    def repaint_topics(self, topics: set[str]) -> None:
        """The answer is painted when it comes; what is said until then depends on the run."""
        if not self.view.parts and self.view.empty != self.empty:
            self.show(empty=self.empty)

    # -------------------------------------------------------------------------------------------- questions, answers

    def ask(self) -> None:
        edits = tuple(self.edits)
        question = protocol.Unroll(example=self.example, edits=edits, length=LENGTH, first=self.first, units=UNITS)
        self.send_question(question)

    def show_answer(self, event: protocol.AnyEvent) -> None:
        if not isinstance(event, protocol.Unrolled):
            return
        self._waits_for_edit = False
        before = self.view
        if not before.parts:  # the cursor begins on the first hidden unit: there is most to see
            before = replace(before, row=1)
        task = self.session.config.task if self.session.config else ""
        self.panel.view = unroll_view(event, before, task, self.session.generation)

    def reset_run(self) -> None:
        super().reset_run()
        self._stop()
        self.edits.clear()
        self.example, self.first, self._waits_for_edit = 0, None, False
        self.panel.view = UnrollView(empty=self.empty, generation=self.session.generation)

    def take_back_question(self) -> None:
        """Take back the edit that cannot be made."""
        if self._waits_for_edit and self.edits:
            self._waits_for_edit = False
            self.edits.pop()

    def status_view(self) -> StatusView:
        if not self.view.parts:
            return StatusView(self.view.empty)
        state = "in training" if self.session.state == "training" else "as it stands"
        text = f"The network {state} after {self.view.step:,} steps, recomputed in 64 bits."
        changes = f"{len(self.edits)} change{'s' * (len(self.edits) != 1)}"
        return StatusView(text, f"{changes} on a copy, u takes the last one back." if self.edits else "")

    def key_hints(self) -> tuple[KeyHint, ...]:
        return keys.key_hints(
            loaded=bool(self.view.parts),
            opened=self.view.opened,
            edited=bool(self.edits),
            playing=self._player is not None,
            states=self.view.parts[-1].layers[0].states() if self.view.parts else (),
        )

    def place_panels(self, width: int, height: int) -> None:
        self.panel.fills_screen = self.full is not None

    # --------------------------------------------------------------------------------------------------------- walking

    def action_walk(self, by: int) -> None:
        """Move by time steps; at an end of the window of a long example, on beyond it."""
        if not self.view.parts:
            return
        last = self.view.columns - 1
        target = self.view.time + by
        part = self.view.parts[-1]
        if len(self.view.parts) == 1 and part.total > len(part.inputs) and not 0 <= target <= last and abs(by) == 1:
            self._slide(by)
            return
        self.show(time=max(0, min(target, last)))

    def _slide(self, by: int) -> None:
        """Ask for the window half its size further on."""
        part = self.view.parts[-1]
        size = len(part.inputs)
        first = max(0, min(part.first + by * (size // 2), part.total - size))
        if first != part.first:
            self.first = first
            self.show(time=max(0, min(size - 1, self.view.time + by - (first - part.first))))
            self._request()

    def action_row(self, by: int) -> None:
        """Move by units; the input is the first row."""
        self.show(row=max(0, min(self.view.row + by, self.view.rows - 1)))

    def on_panel_scroll_requested(self, event: Panel.ScrollRequested) -> None:
        self.action_row(1 if event.by > 0 else -1)

    def action_at(self, column: int, row: int) -> None:
        """A cell was clicked; a second click opens its time step."""
        again = (column, row) == (self.view.time, self.view.row)
        self.show(time=column, row=row, opened=again or self.view.opened)
        self.update_bars()

    def action_open(self) -> None:
        """Open the time step, or close it."""
        if self.view.parts:
            self.show(opened=not self.view.opened, row=max(1, self.view.row))
            self.update_bars()

    def action_roll(self) -> None:
        """Roll the network up, and unroll it."""
        self.show(rolled=not self.view.rolled)

    def action_state(self) -> None:
        """Show h, c or a gate. Raises UserError if the cell has neither."""
        if self.view.parts:
            states = self.view.parts[-1].layers[0].states()
            if len(states) == 1:
                raise UserError(*NO_GATES)
            now = states.index(self.view.state) if self.view.state in states else 0
            self.show(state=states[(now + 1) % len(states)])

    def action_play(self) -> None:
        """Show one time step after the other, and stop at the end."""
        if self._player is not None:
            self._stop()
        elif self.view.parts:
            begin = 0 if self.view.time >= self.view.columns - 1 else self.view.time
            self.show(time=begin, playing=True)
            self._player = self.set_interval(FRAME_SECONDS, self._next_frame)
        self.update_bars()

    def _next_frame(self) -> None:
        if self.view.time >= self.view.columns - 1:
            self._stop()
            self.update_bars()
        else:
            self.show(time=self.view.time + 1)

    def _stop(self) -> None:
        if self._player is not None:
            self._player.stop()
            self._player = None
        self.show(playing=False)

    def left(self) -> None:
        self._stop()

    def action_example(self, by: int) -> None:
        """The example before, or the next."""
        if self.example + by >= 0 and not self.load_if_stopped():
            self.example += by
            self.edits.clear()
            self.first = None
            self._request()

    # --------------------------------------------------------------------------------------------------------- poking

    def _edit(self, edit: protocol.Edit, over_last: bool = False) -> None:
        if self.load_if_stopped():
            return
        if over_last:
            self.edits.pop()
        self.edits.append(edit)
        self._waits_for_edit = True
        self._request()
        self.update_bars()

    def action_update(self) -> None:
        """One update by gradient descent on this example."""
        if self.view.parts:
            self._edit(protocol.GradientStep(rate=UPDATE_RATE))

    def action_undo(self) -> None:
        """Undo the last change."""
        if self.edits:
            self.edits.pop()
            self._request()
            self.update_bars()

    def action_nudge(self, by: float) -> None:
        """Set the hidden value under the cursor a little up or down, and compute all that follows from it."""
        hidden = self._hidden()
        if hidden is None:
            return
        last = self.edits[-1] if self.edits else None
        value = self._value()
        over = isinstance(last, protocol.SetHidden) and msgspec.structs.replace(last, value=0.0) == hidden
        if over and isinstance(last, protocol.SetHidden):
            value = last.value
        self._edit(msgspec.structs.replace(hidden, value=round(value + by, 4)), over)

    def _hidden(self) -> protocol.SetHidden | None:
        """The hidden value under the cursor, as an edit."""
        cell = self.view.cell()
        if cell is None or not self.view.parts:
            return None
        p, t = self.view.place()
        part = self.view.parts[p]
        n, place = cell
        state = "c" if self.view.state == "c" and part.layers[n].c is not None else "h"
        unit = part.layers[n].units[place]
        return protocol.SetHidden(layer=n, time=part.first + t, unit=unit, value=0.0, state=state, part=part.name)

    def _value(self) -> float:
        p, t = self.view.place()
        n, place = self.view.cell() or (0, 0)
        layer = self.view.parts[p].layers[n]
        values = layer.c if self.view.state == "c" and layer.c is not None else layer.h
        return float(values[t + 1, place])

    def action_set(self) -> None:
        """Type a value for what is under the cursor."""
        if not self.view.parts:
            return
        p, t = self.view.place()
        part, hidden = self.view.parts[p], self._hidden()
        when = f"at time step {part.first + t + 1}"
        if hidden is not None:
            label = f"{hidden.state} {hidden.layer + 1}.{hidden.unit + 1} {when} (now {self._value():.3g}):"
            self.ask_text(label, lambda text: self._edit(msgspec.structs.replace(hidden, value=_number(text))))
        elif part.symbols:
            self.ask_text(f"input {when}:", lambda text: self._set_symbol(text, p, t), matches=self._symbols(p))
        else:
            edit = protocol.SetInput(time=part.first + t, part=part.name)
            label = f"first number of the input {when}:"
            self.ask_text(label, lambda text: self._edit(msgspec.structs.replace(edit, value=_number(text))))

    def _symbols(self, p: int) -> Matcher:
        symbols = self.view.parts[p].symbols
        return lambda text: [symbol for symbol in symbols if symbol.startswith(text)]

    def _set_symbol(self, text: str, p: int, t: int) -> None:
        part = self.view.parts[p]
        symbol = text if text in part.symbols else text.strip()
        self._edit(protocol.SetInput(time=part.first + t, symbol=symbol, part=part.name))

    def action_weight(self) -> None:
        """Type a weight."""
        if not self.view.parts:
            return
        p, _ = self.view.place()
        n, place = self.view.cell() or (0, 0)
        layer = self.view.parts[p].layers[n]
        prefix = "encoder " if self.view.parts[p].name == "encoder" else ""
        matrix = "W_ph" if layer.cell == "input-rnn" else "W_hh"
        value = f"{prefix}layer {n + 1} {matrix}[{layer.units[place] + 1},1] = "
        self.ask_text("weight:", lambda text: self._edit(_weight(text)), value)

    async def action_back(self) -> None:
        """Leave playing, an opened time step, a full screen, the place."""
        if self._player is not None:
            self._stop()
        elif self.view.opened and self.full is None:
            self.show(opened=False)
        else:
            await super().action_back()
            return
        self.update_bars()


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        raise UserError(f"{text!r} is not a number.", "Give one as 0.5, or leave with escape.") from None


def _weight(text: str) -> protocol.SetWeight:
    match = _WEIGHT.match(text)
    if match is None:
        raise UserError(f"{text!r} is not a weight.", "Give it as layer 1 W_hh[2,3] = 0.5, or leave with escape.")
    name, row, column, value = match.groups()
    return protocol.SetWeight(name=parameter_name(name), row=int(row) - 1, column=int(column) - 1, value=_number(value))
