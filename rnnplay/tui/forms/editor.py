"""A form being edited: its fields, their values, and which field is chosen. It knows no widget."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from rnnplay.tui.forms.fields import Field


@dataclass(frozen=True)
class FormRow:
    label: str
    value: str
    changed: bool = False  # differs from the run that is shown
    live: bool = False  # changes while it runs
    help: str = ""  # what it is, in a line


@dataclass(frozen=True)
class FormView:
    """Fields to edit in place. `cursor` is the chosen row, -1 where none is."""

    title: str = ""
    rows: tuple[FormRow, ...] = ()
    cursor: int = -1
    note: str = ""


class FormEditor:
    """`change(name, value)` is called for each value that is chosen or typed; it may raise UserError."""

    def __init__(self, change: Callable[[str, Any], None]) -> None:
        self.fields: tuple[Field, ...] = ()
        self.values: Mapping[str, Any] = {}
        self.cursor = 0
        self._change = change

    def show(self, fields: tuple[Field, ...], values: Mapping[str, Any]) -> None:
        """Show these fields with these values; the cursor stays within them."""
        self.fields, self.values = fields, values
        self.cursor = min(self.cursor, len(fields) - 1)

    def view(self, changed: frozenset[str], active: bool, title: str = "", note: str = "") -> FormView:
        """Return the form as it is painted; `changed`: names of the fields that stand out."""
        rows = tuple(
            FormRow(field.label, field.show(self.values[field.name]), field.name in changed, field.live, field.help)
            for field in self.fields
        )
        return FormView(title, rows, self.cursor if active else -1, note)

    @property
    def field(self) -> Field:
        """The chosen field."""
        return self.fields[self.cursor]

    def choose(self, row: int) -> None:
        """Go to a field, and stop at the first and the last."""
        self.cursor = max(0, min(row, len(self.fields) - 1))

    def step(self, by: int) -> None:
        """Give the chosen field the next value, or the one before. A text has neither."""
        if self.field.kind != "text":
            self._change(self.field.name, self.field.step(self.values[self.field.name], by))

    def set_text(self, text: str) -> None:
        """Take what was typed for the chosen field. Raises UserError where it makes no sense."""
        self._change(self.field.name, self.field.parse(text))

    def typed(self, key: str, character: str | None) -> str | None:
        """Return what the line for typing begins with after this key; None: the key is a command."""
        field = self.field
        value = str(self.values[field.name] or "") if field.kind == "text" else ""
        if key == "backspace" and field.kind != "choice":
            return value[:-1]
        return value + character if character is not None and field.accepts(character) else None

    def matches(self, text: str) -> Sequence[str]:
        """Return the choices that begin with what was typed."""
        if self.field.kind != "choice":
            return ()
        return [shown for v in self.field.values if (shown := self.field.show(v)).lower().startswith(text.lower())]
