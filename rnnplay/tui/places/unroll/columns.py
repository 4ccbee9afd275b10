"""The columns of the unrolled network: as wide as their words, those around the cursor where not all have room.

Where some are not shown, one row holds the whole example, a cell for each time step.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from rich.cells import cell_len
from rich.style import Style

from rnnplay.tui.paint.palette import Palette
from rnnplay.tui.paint.strips import Piece, clickable
from rnnplay.tui.paint.text import visible
from rnnplay.tui.places.unroll.views import UnrollView

WIDTHS = (13, 10, 7, 5)  # of a column: the largest that lets all time steps be seen
BODY = 7  # cells of a wide column that hold its number; an arrow to the next time step has the rest
LONGEST_WORD = 14  # cells: what is longer is cut
LABEL, LONGEST_LABEL = 12, 20  # cells: what names the rows
BETWEEN = 2  # cells between encoder and decoder
_NARROW = 40  # cells of room below which a number has five


@dataclass(frozen=True)
class Column:
    """A column: its number over all parts, its part, its time step there, its cells, and those of its number."""

    number: int
    part: int
    time: int
    cells: int = 0
    body: int = 0


def label_cells(view: UnrollView, width: int, palette: Palette) -> int:
    """Return the cells in which the rows are named: as many as the names of outputs and of what is true take."""
    outputs = view.parts[-1].outputs
    names = [name for name, _ in view.parts[-1].truths]
    names += [f"p {visible(name, palette.glyphs)}" for name in (outputs.names if outputs is not None else ())]
    longest = max((cell_len(name) for name in names), default=0) + 3
    return max(LABEL, min(LONGEST_LABEL, width // 4, longest))


def all_columns(view: UnrollView) -> list[Column]:
    """Return the columns of all time steps that were sent, without their widths."""
    steps = [(p, t) for p, part in enumerate(view.parts) for t in range(len(part.inputs))]
    return [Column(n, p, t) for n, (p, t) in enumerate(steps)]


def word_cells(view: UnrollView, column: Column, palette: Palette) -> int:
    """Return the cells that the symbols of a column take, with one between it and the next."""
    part = view.parts[column.part]
    words = (part.inputs[column.time], part.targets[column.time])
    return (
        min(LONGEST_WORD, max(cell_len(visible(word, palette.glyphs)) for word in words if word) if any(words) else 0)
        + 1
    )


def full_width(view: UnrollView, palette: Palette) -> int:
    """Return the cells in which all columns are shown."""
    words = (word_cells(view, column, palette) for column in all_columns(view))
    return LONGEST_LABEL + BETWEEN * (len(view.parts) - 1) + sum(max(WIDTHS[-1], word) for word in words)


def visible_columns(view: UnrollView, width: int, palette: Palette) -> list[Column]:
    """Return the columns that have room in `width` cells beside the labels: all, or those around the cursor."""
    columns = all_columns(view)
    words = [word_cells(view, column, palette) for column in columns]
    room = max(WIDTHS[-1], width - label_cells(view, width, palette) - BETWEEN * (len(view.parts) - 1))
    base = next((base for base in WIDTHS if sum(max(base, word) for word in words) <= room), 0)
    if not base:
        base = BODY if room >= _NARROW else WIDTHS[-1]
    columns = [
        replace(column, cells=min(room, max(base, word)), body=min(room, max(min(base, BODY), word)))
        for column, word in zip(columns, words, strict=True)
    ]
    return window(columns, max(0, min(view.time, len(columns) - 1)), room)


def window(columns: list[Column], at: int, room: int) -> list[Column]:
    """Return the columns around number `at` that have room, it in the middle where there are enough on both sides."""
    first = past = at
    left = right = 0  # cells on either side
    room -= columns[at].cells // 2
    past += 1
    right = columns[at].cells - columns[at].cells // 2
    while True:
        before = columns[first - 1].cells if first > 0 else 0
        after = columns[past].cells if past < len(columns) else 0
        goes_left = before and left + right + before <= room
        goes_right = after and left + right + after <= room
        if goes_left and (left <= right or not goes_right):
            first, left = first - 1, left + before
        elif goes_right:
            past, right = past + 1, right + after
        else:
            return columns[first:past]


def whole(view: UnrollView, shown: list[Column], width: int, palette: Palette) -> list[Piece]:
    """Return the pieces of a row that holds all time steps, each on the colour of its target's probability.

    A cell stands for one time step, or for several where there are too many: then for the least sure of them. Those
    whose columns are shown are underlined.
    """
    columns = all_columns(view)
    each = -(-len(columns) // max(1, width - LABEL))
    symbols = [view.parts[c.part].inputs[c.time] for c in columns]
    letters = each == 1 and all(symbol is None or cell_len(visible(symbol, palette.glyphs)) == 1 for symbol in symbols)
    numbers = {column.number for column in shown}
    pieces: list[Piece] = [("  ", palette.blank), ("whole".ljust(LABEL - 2), palette.dim)]
    for first in range(0, len(columns), each):
        group = columns[first : first + each]
        chances = [p for c in group if (p := _chance(view, c)) is not None]
        levels = len(palette.probability_ramp) - 1
        style = palette.probability_ramp[min(levels, int(min(chances) * levels + 0.5))] if chances else palette.dim
        if any(c.number in numbers for c in group):
            style = style + Style(underline=True)
        if any(c.number == view.time for c in group):
            style = palette.chosen
        symbol = symbols[first] if letters else None
        glyph = visible(symbol, palette.glyphs) if symbol is not None else "·"
        pieces.append((glyph, clickable(style, f"screen.at({first},{view.row})")))
    return pieces


def _chance(view: UnrollView, column: Column) -> float | None:
    probabilities = view.parts[column.part].target_probabilities
    return probabilities[column.time] if probabilities else None
