"""The row below the text of Cells: the character that is pointed at."""

from __future__ import annotations

from rich.cells import cell_len
from textual.strip import Strip

from rnnplay.tui.paint.numbers import percent
from rnnplay.tui.paint.palette import Palette
from rnnplay.tui.paint.strips import Piece, bar, row
from rnnplay.tui.paint.text import visible
from rnnplay.tui.places.cells.views import CursorView
from rnnplay.tui.widgets.base import StripWidget
from rnnplay.tui.widgets.paint_heatmap import value_words


class CursorBar(StripWidget[CursorView]):
    """The character that is pointed at, in one row."""

    DEFAULT_CSS = "CursorBar { height: 1; width: 100%; }"

    def render_strips(self, width: int, height: int) -> list[Strip]:
        return [cursor_row(self.view, width, self.palette)]


def cursor_row(view: CursorView, width: int, palette: Palette) -> Strip:
    """The character, the unit's value, the surprise, and what the network expects next as bars."""
    if view.value is None:
        return row([], width, palette)
    pieces: list[Piece] = [(" ", palette.blank), (f"{visible(view.symbol, palette.glyphs)} ", palette.title)]
    pieces += [(value_words(view.value, view.scale, palette), palette.text)]
    if view.surprise is not None:
        pieces += [("  surprise ", palette.dim), (f"{view.surprise:.1f} bits", palette.surprise)]
    room = width - sum(len(text) for text, _ in pieces) - 8
    for n, (symbol, probability) in enumerate(view.candidates):
        head = "" if n else "  next "
        words = f" {visible(symbol, palette.glyphs)} {percent(probability)} "
        if sum(cell_len(text) for text, _ in pieces) + cell_len(head + words) > width:
            break  # half a word would mean something else
        size = min(10, room // len(view.candidates) - len(words))
        pieces += [(head, palette.dim), (words, palette.text)]
        if size > 1:
            pieces.append((f"{bar(probability, size, palette):<{size}}", palette.probability))
    return row(pieces, width, palette)
