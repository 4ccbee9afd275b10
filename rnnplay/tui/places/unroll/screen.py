"""Unroll: walk through an example time step by time step, open one, poke it, and see what an update does.

The walk needs no answer from the trainer: what it sent holds all time steps, units and equations.
"""

from __future__ import annotations

import re
from dataclasses import replace
from typing import ClassVar

import msgspec
from textual import events
from textual.binding import BindingType
from textual.timer import Timer
from textual.widget import Widget

from rnnplay import protocol as say
from rnnplay.tui.places.base import LOADING, NOTHING, Looking
from rnnplay.tui.places.unroll import keys, views
from rnnplay.tui.places.unroll.panels import UnrollPanel
from rnnplay.tui.places.unroll.views import UnrollView
from rnnplay.tui.widgets.views import KeyHint, StatusView

LENGTH = 48  # the most time steps that are asked for at once
UNITS = 64
RATE = 0.1  # of one update by gradient descent
FRAME = 0.5  # seconds a time step stays while it plays
_WEIGHT = re.compile(r"^\s*([\w.]+)\s*\[\s*(\d+)\s*,\s*(\d+)\s*\]\s*=\s*(\S+)\s*$")


class Unroll(Looking):
    """An example unrolled."""

    BINDINGS: ClassVar[list[BindingType]] = list(keys.KEYS)
    KEYS = keys.KEYS
    READING = keys.READING

    def __init__(self, *arguments: object) -> None:
        super().__init__(*arguments)  # type: ignore[arg-type]
        self.panel = UnrollPanel(UnrollView(empty=NOTHING), id="unroll")
        self.edits: list[say.Edit] = []
        self.example = 0
        self.first: int | None = None
        self.step = -1  # of the answer that is shown
        self._waiting = False  # for the answer to an edit
        self._seeks_weight = False
        self._player: Timer | None = None

    def panels(self) -> list[Widget]:
        return [self.panel]

    @property
    def view(self) -> UnrollView:
        return self.panel.view

    @property
    def busy(self) -> bool:
        return self.view.typed is not None or self._player is not None

    def show(self, **changes: object) -> None:
        self.panel.view = replace(self.view, **changes)  # type: ignore[arg-type]

    # -------------------------------------------------------------------------------------------- questions, answers

    def begin(self) -> None:
        if not self.view.parts:
            self.show(empty=LOADING if self.session.run is not None or self.session.has_trainer else NOTHING)
        super().begin()
        self.panel.focus()

    def ask(self) -> None:
        self.send(
            say.Unroll(example=self.example, edits=tuple(self.edits), length=LENGTH, first=self.first, units=UNITS)
        )

    def paint(self, event: say.AnyEvent) -> None:
        if not isinstance(event, say.Unrolled) or event.example != self.example:
            return
        self._waiting = False
        before = self.view
        if not before.parts:  # the cursor begins on the first hidden unit: there is most to see
            before = replace(before, row=1)
        config = self.session.config
        self.panel.view = views.unrolled(event, before, config.task if config else "")
        self.step = event.step

    def forget(self) -> None:
        self._stop()
        self.edits.clear()
        self.example, self.first, self._waiting = 0, None, False
        self.panel.view = UnrollView(empty=LOADING)

    def refused(self) -> None:
        if self._waiting and self.edits:
            self._waiting = False
            self.edits.pop()

    def words(self) -> StatusView:
        if not self.view.parts:
            return StatusView(self.view.empty)
        state = "in training" if self.session.state == "training" else "as it stands"
        text = f"The network {state} after {self.step:,} steps, recomputed in 64 bits."
        return StatusView(
            text, f"{len(self.edits)} changes on a copy, u takes the last one back." if self.edits else ""
        )

    def hints(self) -> tuple[KeyHint, ...]:
        view = self.view
        return keys.key_hints(
            loaded=bool(view.parts),
            typing=view.typed is not None,
            opened=view.opened,
            edited=bool(self.edits),
            playing=self._player is not None,
        )

    def place_panels(self, width: int, height: int) -> None:
        self.panel.fills_screen = self.full is not None

    # -------------------------------------------------------------------------------------------------------- walking

    def action_walk(self, by: int) -> None:
        if not self.view.parts:
            return
        last = self.view.columns - 1
        wanted = self.view.time + by
        part = self.view.parts[-1]
        if len(self.view.parts) == 1 and part.total > len(part.inputs) and not 0 <= wanted <= last and abs(by) == 1:
            self._slide(by)
            return
        self.show(time=max(0, min(wanted, last)))

    def _slide(self, by: int) -> None:
        """Go on beyond the window of a long example."""
        part = self.view.parts[-1]
        size = len(part.inputs)
        first = max(0, min(part.first + by * (size // 2), part.total - size))
        if first != part.first:
            self.first = first
            self.show(time=max(0, min(size - 1, self.view.time + by - (first - part.first))))
            self.ask()

    def action_row(self, by: int) -> None:
        self.show(row=max(0, min(self.view.row + by, self.view.rows - 1)))

    def action_at(self, column: int, row: int) -> None:
        """A cell was clicked; a second click opens its time step."""
        again = (column, row) == (self.view.time, self.view.row)
        self.show(time=column, row=row, opened=again or self.view.opened)
        self.paint_words()

    def action_open(self) -> None:
        if self.view.typed is not None:
            self._commit()
        elif self.view.parts:
            self.show(opened=not self.view.opened, row=max(1, self.view.row))
        self.paint_words()

    def action_roll(self) -> None:
        self.show(rolled=not self.view.rolled)

    def action_state(self) -> None:
        if self.view.parts:
            states = self.view.parts[-1].layers[0].states()
            now = states.index(self.view.state) if self.view.state in states else 0
            self.show(state=states[(now + 1) % len(states)])

    def action_play(self) -> None:
        """Compute one time step after the other before a person's eyes; stop at the end."""
        if self._player is not None:
            self._stop()
        elif self.view.parts:
            begin = 0 if self.view.time >= self.view.columns - 1 else self.view.time
            self.show(time=begin, playing=True)
            self._player = self.set_interval(FRAME, self._next_frame)
        self.paint_words()

    def _next_frame(self) -> None:
        if self.view.time >= self.view.columns - 1:
            self._stop()
            self.paint_words()
        else:
            self.show(time=self.view.time + 1)

    def _stop(self) -> None:
        if self._player is not None:
            self._player.stop()
            self._player = None
        self.show(playing=False)

    def action_example(self, by: int) -> None:
        if self.example + by >= 0:
            self.example += by
            self.edits.clear()
            self.first = None
            self.ask_anew()

    # --------------------------------------------------------------------------------------------------------- poking

    def _edit(self, edit: say.Edit, over_last: bool = False) -> None:
        if over_last:
            self.edits.pop()
        self.edits.append(edit)
        self._waiting = True
        self.ask()
        self.paint_words()

    def action_update(self) -> None:
        if self.view.parts:
            self._edit(say.GradientStep(rate=RATE))

    def action_undo(self) -> None:
        if self.edits:
            self.edits.pop()
            self.ask()
            self.paint_words()

    def action_nudge(self, by: float) -> None:
        """The hidden value under the cursor a little up or down, and all that follows from it."""
        hidden = self._hidden()
        if hidden is None:
            return
        last = self.edits[-1] if self.edits else None
        value = self._value()
        over = isinstance(last, say.SetHidden) and msgspec.structs.replace(last, value=0.0) == hidden
        if over and isinstance(last, say.SetHidden):
            value = last.value
        self._edit(msgspec.structs.replace(hidden, value=round(value + by, 4)), over)

    def _hidden(self) -> say.SetHidden | None:
        """The hidden value under the cursor, as an edit."""
        cell = self.view.cell()
        if cell is None or not self.view.parts:
            return None
        p, t = self.view.place()
        part = self.view.parts[p]
        n, place = cell
        state = "c" if self.view.state == "c" and part.layers[n].c is not None else "h"
        unit = part.layers[n].units[place]
        return say.SetHidden(layer=n, time=part.first + t, unit=unit, value=0.0, state=state, part=part.name)

    def _value(self) -> float:
        p, t = self.view.place()
        n, place = self.view.cell() or (0, 0)
        layer = self.view.parts[p].layers[n]
        values = layer.c if self.view.state == "c" and layer.c is not None else layer.h
        return float(values[t + 1, place])

    def action_set(self) -> None:
        """Begin to type a value for what is under the cursor."""
        if not self.view.parts:
            return
        p, t = self.view.place()
        part, hidden = self.view.parts[p], self._hidden()
        when = f"at time step {part.first + t + 1}"
        if hidden is not None:
            asked = f"{hidden.state} {hidden.layer + 1}.{hidden.unit + 1} {when} (now {self._value():.3g}):"
        elif part.symbols:
            some = " ".join(part.symbols[:16]) + (" ..." if len(part.symbols) > 16 else "")
            asked = f"input {when}, one of {some}:"
        else:
            asked = f"first number of the input {when}:"
        self._seeks_weight = False
        self.show(typed="", asked=asked)
        self.paint_words()

    def action_weight(self) -> None:
        if not self.view.parts:
            return
        p, _ = self.view.place()
        n, place = self.view.cell() or (0, 0)
        layer = self.view.parts[p].layers[n]
        prefix = "encoder." if self.view.parts[p].name == "encoder" else ""
        matrix = "W_ph" if layer.cell == "input-rnn" else "W_hh"
        self._seeks_weight = True
        self.show(typed=f"{prefix}l{n}.{matrix}[{layer.units[place] + 1},1] = ", asked="weight:")
        self.paint_words()

    def _commit(self) -> None:
        """Take what was typed."""
        typed = self.view.typed or ""
        self.show(typed=None, asked="")
        p, t = self.view.place()
        part, hidden = self.view.parts[p], self._hidden()
        try:
            if self._seeks_weight:
                self._edit(_weight(typed))
            elif hidden is not None:
                self._edit(msgspec.structs.replace(hidden, value=_number(typed)))
            elif part.symbols:
                symbol = typed if typed in part.symbols else typed.strip()
                self._edit(say.SetInput(time=part.first + t, symbol=symbol, part=part.name))
            else:
                self._edit(say.SetInput(time=part.first + t, value=_number(typed), part=part.name))
        except ValueError as error:
            self.session.problem = (str(error), "Give it as in the example, or leave with escape.")
            self.paint_words()

    def on_key(self, event: events.Key) -> None:
        super().on_key(event)
        typed = self.view.typed
        if typed is None:
            return
        if event.key == "escape":
            self.show(typed=None, asked="")
        elif event.key == "enter":
            self._commit()
        elif event.key == "backspace":
            self.show(typed=typed[:-1])
        elif event.character and event.character.isprintable():
            self.show(typed=typed + event.character)
        else:
            return
        event.stop()
        event.prevent_default()
        self.paint_words()

    def action_back(self) -> None:
        if self._player is not None:
            self._stop()
        elif self.view.opened and self.full is None:
            self.show(opened=False)
        else:
            super().action_back()
            return
        self.paint_words()


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        raise ValueError(f"{text!r} is not a number.") from None


def _weight(text: str) -> say.SetWeight:
    found = _WEIGHT.match(text)
    if found is None:
        raise ValueError(f"{text!r} is not a weight; it looks like l0.W_hh[2,3] = 0.5.")
    name, row, column, value = found.groups()
    return say.SetWeight(name=name, row=int(row) - 1, column=int(column) - 1, value=_number(value))
