"""Which past mattered: a text on the colour of how much each symbol moved one prediction. And health in words."""

from __future__ import annotations

from collections.abc import Sequence

from rich.cells import cell_len
from rich.style import Style
from textual.strip import Strip

from rnnplay.tui.paint.numbers import percent
from rnnplay.tui.paint.palette import Palette
from rnnplay.tui.paint.strips import Piece, clickable, exactly, paragraph, row
from rnnplay.tui.paint.text import visible
from rnnplay.tui.places.time.views import PastView


def past(view: PastView, width: int, height: int, palette: Palette, _fills_screen: bool = False) -> list[Strip]:
    """The symbols up to the one that is read last, the strongest colour on the one that mattered most."""
    if not view.symbols:
        return exactly(paragraph(view.empty, width, palette.dim, palette), height, width, palette)
    single = all(len(symbol) == 1 for symbol in view.symbols)
    lines: list[list[Piece]] = [[]]
    used = 0
    levels = len(palette.influence) - 1
    for n, (symbol, norm) in enumerate(zip(view.symbols, view.norms, strict=True)):
        text = visible(symbol, palette.glyphs) if symbol != " " else " "
        text = text if single else text + " "
        size = cell_len(text)
        if used + size > width:
            lines.append([])
            used = 0
        style = palette.influence[min(levels, int(norm * levels + 0.5))]
        last = n == len(view.symbols) - 1
        style = style + Style(bold=True, underline=True) if last else style
        lines[-1].append((text, clickable(style, f"screen.past_at({view.first + n})")))
        used += size
    classes = f"{view.predicted!r} {percent(view.probability)}"
    if view.other:
        classes += f", {view.other!r} {percent(view.other_probability)}"
    words = paragraph(f"Next {classes}: {view.sentence}", width, palette.accent, palette)
    # The end is what the prediction is about: what does not fit is left out at the beginning.
    room = max(1, height - len(words))
    rows = [row(line, width, palette) for line in lines[-room:]]
    return exactly([*exactly(rows, room, width, palette), *words], height, width, palette)


def title(_view: PastView, palette: Palette) -> Sequence[Piece]:
    """What the colours are."""
    words = f" {palette.glyphs.separator} gradient of the prediction with respect to each input"
    return [("Which past mattered", palette.title), (words, palette.dim)]
