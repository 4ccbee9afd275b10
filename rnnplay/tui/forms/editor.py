"""A form being edited: which field is chosen, what is typed into it. It knows fields and keys, no widget."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from rnnplay.tui.forms.fields import Field


class FormEditor:
    """`change(name, value)` is called for each value that is chosen or typed; it may raise UserError."""

    def __init__(self, change: Callable[[str, Any], None]) -> None:
        self.fields: tuple[Field, ...] = ()
        self.values: Mapping[str, Any] = {}
        self.cursor = 0
        self.typed: str | None = None
        self._change = change

    def show(self, fields: tuple[Field, ...], values: Mapping[str, Any]) -> None:
        self.fields, self.values = fields, values
        self.cursor = min(self.cursor, len(fields) - 1)

    def view(self, changed: frozenset[str], active: bool, title: str = "", note: str = "") -> FormView:
        rows = tuple(
            FormRow(field.label, field.show(self.values[field.name]), field.name in changed, field.live, field.help)
            for field in self.fields
        )
        return FormView(title, rows, self.cursor if active else -1, self.typed if active else None, note)

    @property
    def field(self) -> Field:
        return self.fields[self.cursor]

    def choose(self, row: int) -> None:
        self.finish()
        self.cursor = max(0, min(row, len(self.fields) - 1))

    def turn(self, by: int) -> None:
        self.typed = None
        self._change(self.field.name, self.field.step(self.values[self.field.name], by))

    def finish(self) -> None:
        """Take what was typed."""
        if self.typed is not None:
            typed, self.typed = self.typed, None
            self._change(self.field.name, self.field.parse(typed))

    def abandon(self) -> bool:
        """Drop what is being typed; False where nothing was."""
        was, self.typed = self.typed, None
        return was is not None

    def type(self, text: str) -> None:
        self.typed = (self.typed or "") + text

    def key(self, key: str, character: str | None) -> bool:
        """Do what `key` does in a form; False where it means nothing here. Raises UserError for what cannot be."""
        if key in ("up", "down"):
            self.choose(self.cursor + (1 if key == "down" else -1))
        elif key in ("left", "right") and self.field.kind != "text":
            self.turn(1 if key == "right" else -1)
        elif key == "backspace" and self.field.kind != "choice":
            value = self.values[self.field.name]
            before = self.typed if self.typed is not None else (value or "" if self.field.kind == "text" else "")
            self.typed = before[:-1]
        elif character is not None and self.field.accepts(character, self.typed):
            if self.typed is None and self.field.kind == "text":
                self.typed = self.values[self.field.name] or ""
            self.type(character)
        else:
            return False
        return True


@dataclass(frozen=True)
class FormRow:
    label: str
    value: str
    changed: bool = False  # differs from the run that is shown
    live: bool = False  # changes while it runs
    told: str = ""  # what it is, in a line


@dataclass(frozen=True)
class FormView:
    """Fields to edit in place. `cursor` is the chosen row, -1 where none is; `typed` what is being typed into it."""

    title: str = ""
    rows: tuple[FormRow, ...] = ()
    cursor: int = -1
    typed: str | None = None
    note: str = ""
