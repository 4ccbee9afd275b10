"""Many units below a line of text, a row for each: red where it is negative, blue where it is positive."""

from __future__ import annotations

import numpy as np
from rich.cells import cell_len
from textual.strip import Strip

from rnnplay.tui.cells_views import StripView
from rnnplay.tui.paint.colour import Palette
from rnnplay.tui.paint.heatmap import extent
from rnnplay.tui.paint.rows import Piece, clickable, exactly, row
from rnnplay.tui.paint.wrap import glyph

_LABEL = 13
_PLAIN = 0.15  # of the scale: up to here no sign is written where there is no colour


def strip(view: StripView, width: int, height: int, palette: Palette) -> list[Strip]:
    """The panel without its frame: the text around the cursor, then the units, those around the chosen one."""
    if view.values is None or not view.symbols:
        return exactly([], height, width, palette)
    room = max(1, width - _LABEL)
    first = max(0, min(view.cursor - room // 2, len(view.symbols) - room))
    shown = range(first, min(first + room, len(view.symbols)))
    rows = [_text(view, shown, width, palette)]
    tall = height - 1
    top = max(0, min(view.chosen - tall // 2, len(view.rows) - tall))
    looks = [palette.heat_of((byte - 127) / 127) for byte in range(255)] + [palette.heat[-1]]
    signs = [_sign(byte, palette) for byte in range(256)]
    own = view.state == "c"  # which has no bound: each unit on its own scale
    for n in range(top, min(top + tall, len(view.rows))):
        layer, unit = view.rows[n]
        name = f"{layer + 1}.{unit + 1}"
        note = view.notes[n] if n < len(view.notes) else ""
        style = palette.chosen if n == view.chosen else palette.dim
        pieces: list[Piece] = [(f"{name:<7}{note:>5} ", clickable(style, f"screen.go_to_unit({layer}, {unit})"))]
        values = view.values[layer, unit, shown.start : shown.stop]
        if own:
            values = np.rint(127 + (values - 127.0) / extent(view.values[layer, unit])).clip(0, 254).astype(np.uint8)
        for byte in values.tolist():
            if len(pieces) > 1 and pieces[-1][1] is looks[byte]:
                pieces[-1] = (pieces[-1][0] + signs[byte], looks[byte])
            else:
                pieces.append((signs[byte], looks[byte]))
        rows.append(row(pieces, width, palette))
    return exactly(rows, height, width, palette)


def _text(view: StripView, shown: range, width: int, palette: Palette) -> Strip:
    """The characters one to a cell, so that each stands above its column."""
    pieces: list[Piece] = [(" " * _LABEL, palette.blank)]
    for at in shown:
        symbol = glyph(view.symbols[at], palette.glyphs)
        symbol = symbol if cell_len(symbol) == 1 else palette.glyphs.unknown
        pieces.append((symbol, palette.chosen if at == view.cursor else palette.text))
    return row(pieces, width, palette)


def _sign(byte: int, palette: Palette) -> str:
    """What stands in a cell: nothing where colour says it all, else the sign."""
    share = (byte - 127) / 127
    if palette.system in ("truecolor", "256") or abs(share) < _PLAIN:
        return " "
    return "+" if share > 0 else "-"
