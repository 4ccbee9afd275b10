"""Many units below a line of text, a row for each: red where it is negative, blue where it is positive."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from rich.cells import cell_len
from textual.strip import Strip

from rnnplay.tui.paint.palette import Palette
from rnnplay.tui.paint.strips import Piece, clickable, exactly, fit, row
from rnnplay.tui.paint.text import glyph
from rnnplay.tui.places.cells.views import StripView
from rnnplay.tui.widgets.paint_heatmap import extent

_LABEL = 13
_WORD = 9  # cells of a word at most
_PLAIN = 0.15  # of the scale: up to here no sign is written where there is no colour


def strip(view: StripView, width: int, height: int, palette: Palette, _fills_screen: bool = False) -> list[Strip]:
    """The panel without its frame: the text around the cursor, then the units, those around the chosen one."""
    if view.values is None or not view.symbols:
        return exactly([], height, width, palette)
    room = max(1, width - _LABEL)
    wide = _widths(view.symbols, palette)
    shown = _around(view.cursor, wide, room)
    rows = [_text(view, shown, wide, width, palette)]
    tall = height - 1
    top = max(0, min(view.chosen - tall // 2, len(view.rows) - tall))
    looks = [palette.heat_of((byte - 127) / 127) for byte in range(255)] + [palette.heat[-1]]
    signs = [_sign(byte, palette) for byte in range(256)]
    is_memory = view.state == "c"  # which has no bound: each unit on its own scale
    for n in range(top, min(top + tall, len(view.rows))):
        layer, unit = view.rows[n]
        name = f"{layer + 1}.{unit + 1}"
        note = view.notes[n] if n < len(view.notes) else ""
        style = palette.chosen if n == view.chosen else palette.dim
        pieces: list[Piece] = [(f"{name:<7}{note:>5} ", clickable(style, f"screen.go_to_unit({layer}, {unit})"))]
        values = view.values[layer, unit, shown.start : shown.stop]
        if is_memory:
            values = np.rint(127 + (values - 127.0) / extent(view.values[layer, unit])).clip(0, 254).astype(np.uint8)
        for at, byte in zip(shown, values.tolist(), strict=True):
            cells = signs[byte] * wide[at]
            if len(pieces) > 1 and pieces[-1][1] is looks[byte]:
                pieces[-1] = (pieces[-1][0] + cells, looks[byte])
            else:
                pieces.append((cells, looks[byte]))
        rows.append(row(pieces, width, palette))
    return exactly(rows, height, width, palette)


def _name(symbol: str, palette: Palette) -> str:
    return "".join(glyph(c, palette.glyphs) for c in symbol.strip(" ") or " ")


def _widths(symbols: Sequence[str], palette: Palette) -> list[int]:
    """The cells of each time step's column: its word's and a gap; one where letters stand, or numbers that say little.

    So a series is seen as a whole; what its value is where the cursor stands is told elsewhere.
    """
    lengths = [1 if len(symbol) == 1 else cell_len(_name(symbol, palette)) for symbol in symbols]
    words = sum(not any(c.isdigit() for c in symbol) for symbol in symbols)
    if max(lengths) == 1 or (max(lengths) > 2 and 2 * words < len(symbols)):
        return [1] * len(symbols)
    return [min(length, _WORD) + 1 for length in lengths]


def _around(cursor: int, wide: Sequence[int], room: int) -> range:
    """The time steps that fit into `room` cells, the cursor in their middle as far as can be."""
    first = past = max(0, min(cursor, len(wide) - 1))
    used = 0
    while first > 0 and used + wide[first - 1] <= room // 2:
        first -= 1
        used += wide[first]
    while past < len(wide) and used + wide[past] <= room:
        used += wide[past]
        past += 1
    while first > 0 and used + wide[first - 1] <= room:
        first -= 1
        used += wide[first]
    return range(first, past)


def _text(view: StripView, shown: range, wide: Sequence[int], width: int, palette: Palette) -> Strip:
    """The characters one to a cell, or words, so that each stands above its column."""
    pieces: list[Piece] = [(" " * _LABEL, palette.blank)]
    for at in shown:
        name = _name(view.symbols[at], palette)
        if wide[at] == 1:
            name = name if cell_len(name) == 1 else palette.glyphs.unknown
        else:
            name = fit(name, wide[at] - 1, palette.glyphs.ellipsis)
        pieces.append((name, palette.chosen if at == view.cursor else palette.text))
        pieces.append((" " * (wide[at] - cell_len(name)), palette.blank))
    return row(pieces, width, palette)


def _sign(byte: int, palette: Palette) -> str:
    """Return what stands in a cell: nothing where colour says it all, else the sign."""
    share = (byte - 127) / 127
    if palette.system in ("truecolor", "256") or abs(share) < _PLAIN:
        return " "
    return "+" if share > 0 else "-"


def strip_title(view: StripView, palette: Palette) -> Sequence[Piece]:
    """Return how many units are shown."""
    dot = f" {palette.glyphs.separator} "
    return [("Cells", palette.title), (f"{dot}{len(view.rows)} units, most telling first", palette.dim)]
