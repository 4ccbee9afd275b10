"""Fields that are edited in place: a label, a value, and between two arrows the one that is chosen."""

from __future__ import annotations

from rich.cells import cell_len
from textual.strip import Strip

from rnnplay.tui.forms.editor import FormView
from rnnplay.tui.paint.palette import Palette
from rnnplay.tui.paint.strips import Piece, clickable, fit, paragraph, row

_LABEL = 10
_WIDE = 70  # from here on each field has its line beside it
_VALUE = 26


def form(view: FormView, width: int, height: int, palette: Palette) -> list[Strip]:
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
        told = f"{field.told} {'(changes while it runs)' if field.live else ''}".strip()
        left = _LABEL + _VALUE
        return Strip([*_field_at(view, n, left, palette), *row([(told, palette.dim)], width - left, palette)], width)
    return _field_at(view, n, width, palette)


def _field_at(view: FormView, n: int, width: int, palette: Palette) -> Strip:
    field = view.rows[n]
    chosen = n == view.cursor
    glyphs = palette.glyphs
    room = width - _LABEL - 4
    if chosen and view.typed is not None:
        typed = view.typed
        while cell_len(typed) > room - 1:
            typed = typed[1:]
        value: list[Piece] = [
            ("  ", palette.chosen),
            (typed, palette.chosen),
            ("▏" if glyphs.dots else "_", palette.accent),
        ]
    elif chosen:
        value = [
            (f"{glyphs.less} ", clickable(palette.chosen, f"screen.turn({n}, -1)")),
            (fit(field.value, room, glyphs.ellipsis), palette.chosen),
            (f" {glyphs.more}", clickable(palette.chosen, f"screen.turn({n}, 1)")),
        ]
    else:
        style = palette.accent if field.changed else palette.text
        value = [("  ", palette.blank), (fit(field.value, room, glyphs.ellipsis), style)]
    label = f"{field.label:<{_LABEL}}"
    pieces: list[Piece] = [(label, palette.title if chosen else palette.dim), *value]
    return row(
        [(text, clickable(style, f"screen.field({n})") if not style.meta else style) for text, style in pieces],
        width,
        palette,
    )
