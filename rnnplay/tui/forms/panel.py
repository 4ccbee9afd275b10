"""The panel of a form: a label and a value a row, and between two arrows the value that is chosen."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from textual.message import Message
from textual.strip import Strip

from rnnplay.tui.forms.editor import FormView
from rnnplay.tui.paint.palette import Palette
from rnnplay.tui.paint.strips import Piece, clickable, fit, paragraph, row
from rnnplay.tui.widgets.base import Panel

_LABEL = 10
_WIDE = 70  # from here on each field has its line beside it
_VALUE = 26


def form(view: FormView, width: int, height: int, palette: Palette, _fills_screen: bool = False) -> list[Strip]:
    """A row for each field, as many around the chosen one as there is room for, then the note."""
    note = paragraph(view.note, width, palette.dim, palette) if view.note else []
    room = max(1, height - (len(note) + 1 if note else 0))
    first = max(0, min(view.cursor - room + 2, len(view.rows) - room))
    painted = [_field(view, n, width, palette) for n in range(first, min(len(view.rows), first + room))]
    if note and len(painted) + len(note) < height:
        painted += [row([], width, palette), *note]
    return painted


def _field(view: FormView, n: int, width: int, palette: Palette) -> Strip:
    field = view.rows[n]
    if width >= _WIDE:
        help_text = f"{field.help} {'(changes while it runs)' if field.live else ''}".strip()
        left = _LABEL + _VALUE
        return Strip(
            [*_field_at(view, n, left, palette), *row([(help_text, palette.dim)], width - left, palette)], width
        )
    return _field_at(view, n, width, palette)


def _field_at(view: FormView, n: int, width: int, palette: Palette) -> Strip:
    field = view.rows[n]
    chosen = n == view.cursor
    glyphs = palette.glyphs
    room = width - _LABEL - 4
    if chosen:
        value = [
            (f"{glyphs.less} ", clickable(palette.chosen, f"step({n}, -1)")),
            (fit(field.value, room, glyphs.ellipsis), palette.chosen),
            (f" {glyphs.more}", clickable(palette.chosen, f"step({n}, 1)")),
        ]
    else:
        style = palette.accent if field.changed else palette.text
        value = [("  ", palette.blank), (fit(field.value, room, glyphs.ellipsis), style)]
    label = f"{field.label:<{_LABEL}}"
    pieces: list[Piece] = [(label, palette.title if chosen else palette.dim), *value]
    return row(
        [(text, clickable(style, f"choose({n})") if not style.meta else style) for text, style in pieces],
        width,
        palette,
    )


def _title(view: FormView, palette: Palette) -> Sequence[Piece]:
    return [("e ", palette.accent), (view.title, palette.title)]


class FormPanel(Panel[FormView]):
    """Fields to edit. It tells the screen what was clicked."""

    class FieldClicked(Message):
        """A field was clicked; `by`: the arrow for the value before (-1) or the next (1), 0 for the field itself."""

        def __init__(self, panel: Panel[Any], row: int, by: int) -> None:
            super().__init__()
            self.panel, self.row, self.by = panel, row, by

    def __init__(self, *, id: str) -> None:  # noqa: A002
        super().__init__(FormView(), form, _title, id=id)

    def action_choose(self, row: int) -> None:
        self.post_message(self.FieldClicked(self, row, 0))

    def action_step(self, row: int, by: int) -> None:
        self.post_message(self.FieldClicked(self, row, by))
