"""The list of parameters, and one of them as a heatmap: two cells for each weight, in colours of its own scale."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from rich.cells import cell_len
from rich.style import Style
from textual.strip import Strip

from rnnplay.tui.paint.numbers import count, figure, percent
from rnnplay.tui.paint.palette import Palette
from rnnplay.tui.paint.strips import Piece, clickable, exactly, fit, paragraph, row
from rnnplay.tui.places.network.views import Array, ListView, MatrixView

_CELLS = 2  # of a weight: about a square
_SCALE_QUANTILE = 0.999  # of magnitudes: one outlier does not bleach the rest


def list_title(view: ListView, palette: Palette) -> Sequence[Piece]:
    total = f" {palette.glyphs.separator} {count(view.parameters)} parameters" if view.rows else ""
    return [("9 ", palette.accent), ("Network", palette.title), (total, palette.dim)]


def listed(view: ListView, width: int, height: int, palette: Palette, _fills_screen: bool = False) -> list[Strip]:
    """The parameters with shape, count and norm, their sum, and what the gates mostly do."""
    if not view.rows:
        return exactly(paragraph(view.empty, width, palette.dim, palette), height, width, palette)
    name = min(max(len(matrix.title) for matrix in view.rows), max(8, width - 27))
    rows = [row([(f"{'':{name}} {'shape':>9} {'count':>8} {'norm':>7}", palette.dim)], width, palette)]
    for n, matrix in enumerate(view.rows):
        times = "×" if palette.glyphs.dots else "x"
        shape = f"{matrix.shape[0]}{times}{matrix.shape[1]}"
        words = f"{fit(matrix.title, name):<{name}} {shape:>9} {count(matrix.count):>8} {figure(matrix.norm, 2):>7}"
        style = palette.chosen if n == view.cursor else palette.text
        rows.append(row([(words, clickable(style, f"screen.choose({n})"))], width, palette))
    total = sum(matrix.count for matrix in view.rows)
    rows.append(row([(f"{'together':<{name}} {'':>9} {count(total):>8}", palette.dim)], width, palette))
    below = [row([], width, palette), *_gates(view, width, palette)] if view.gates else []
    room = height - len(below)
    if len(rows) > room > 4:  # the rows around the cursor
        first = max(1, min(view.cursor + 1 - (room - 1) // 2, len(rows) - room + 1))
        rows = [rows[0], *rows[first : first + room - 1]]
    return exactly([*rows, *below], height, width, palette)


def _gates(view: ListView, width: int, palette: Palette) -> list[Strip]:
    rows = paragraph(f"gates over {count(view.characters)} time steps", width, palette.dim, palette)
    for gate in view.gates:
        words = f" open {percent(gate.mostly_open)}, shut {percent(gate.mostly_shut)} of units:"
        rows += [
            row([(gate.name, palette.accent), (words, palette.text)], width, palette),
            row([(" " * (len(gate.name) + 1), palette.blank), (gate.meaning, palette.text)], width, palette),
        ]
    return rows


def title(view: MatrixView, palette: Palette) -> Sequence[Piece]:
    if view.values is None:
        return [("Weights", palette.title)]
    dot = f" {palette.glyphs.separator} "
    return [(view.title, palette.title), (f"{dot}step {count(view.step)}", palette.dim)]


def window(place: int, room: int, size: int) -> int:
    """Return the first of `room` rows or columns of `size` to show, so that `place` is about in the middle."""
    return max(0, min(place - room // 2, size - room))


def scale_of(values: Array) -> float:
    """Return the magnitude that has the strongest colour: of the largest weights but a few."""
    finite = np.abs(values[np.isfinite(values)])
    return float(np.quantile(finite, _SCALE_QUANTILE)) if finite.size else 0.0


def matrix(view: MatrixView, width: int, height: int, palette: Palette, _fills_screen: bool = False) -> list[Strip]:
    """The weights around the cursor; above each other now and earlier; the weight under the cursor, and the scale."""
    if view.values is None:
        return exactly(paragraph(view.empty, width, palette.dim, palette), height, width, palette)
    scale = scale_of(view.values)
    foot = [*_weight(view, width, palette), _legend(view, scale, width, palette)]
    room = height - len(foot)
    if view.earlier is None:
        return [*exactly(_weights(view.values, view, scale, width, room, palette), room, width, palette), *foot]
    head = row([(f"at step {count(view.earlier_step or 0)}, in the same colours", palette.dim)], width, palette)
    upper = max(1, (room - 1) // 2)
    rows = [
        *exactly(_weights(view.values, view, scale, width, upper, palette), upper, width, palette),
        head,
        *exactly(
            _weights(view.earlier, view, scale, width, room - upper - 1, palette), room - upper - 1, width, palette
        ),
    ]
    return [*rows, *foot]


def _weights(values: Array, view: MatrixView, scale: float, width: int, height: int, palette: Palette) -> list[Strip]:
    most = max(1, width // _CELLS)
    if values.shape[1] == 1:  # a bias goes on in the next line
        first = window(view.row // most, height, -(-len(values) // most)) * most
        places = [[(n, 0) for n in range(y, min(y + most, len(values)))] for y in range(first, len(values), most)]
    else:
        tall, wide = min(height, values.shape[0]), min(most, values.shape[1])
        top, left = window(view.row, tall, values.shape[0]), window(view.column, wide, values.shape[1])
        places = [[(y, x) for x in range(left, left + wide)] for y in range(top, top + tall)]
    rows = []
    for line in places[:height]:
        pieces: list[Piece] = []
        for y, x in line:
            text, style = _cell(float(values[y, x]), scale, palette, (y, x) == (view.row, view.column))
            pieces.append((text, clickable(style, f"screen.weight({y}, {x})")))
        rows.append(row(pieces, width, palette))
    return rows


def _cell(value: float, scale: float, palette: Palette, at_cursor: bool) -> tuple[str, Style]:
    share = max(-1.0, min(1.0, value / scale)) if scale > 0 and np.isfinite(value) else 0.0
    if not np.isfinite(value):
        text = "??"
    elif palette.system == "none":
        level = round(abs(share) * 9)
        text = "  " if level == 0 else f"{'+' if share > 0 else '-'}{level}"
    else:
        text = "  "
    if at_cursor:
        return ("[]" if palette.system == "none" or not palette.glyphs.dots else "◆ "), palette.chosen
    return text, palette.blank if palette.system == "none" else palette.heat_of(share)


def _weight(view: MatrixView, width: int, palette: Palette) -> list[Strip]:
    """The weight under the cursor: what it is and was, and what it leads from and to."""
    assert view.values is not None
    value = float(view.values[view.row, view.column])
    bias = view.column_name == "bias"
    words = f"bias of {view.row_name}" if bias else f"from {view.column_name} to {view.row_name}"
    pieces: list[Piece] = [(f"{value:+.4f}", palette.title)]
    if view.earlier is not None:
        pieces.append(
            (f"   at step {count(view.earlier_step or 0)} {view.earlier[view.row, view.column]:+.4f}", palette.dim)
        )
    return [row(pieces, width, palette), row([(words, palette.text)], width, palette)]


def _legend(view: MatrixView, scale: float, width: int, palette: Palette) -> Strip:
    assert view.values is not None
    pieces: list[Piece] = [(f"-{figure(scale)} ", palette.dim)]
    if palette.system == "none":
        pieces.append(("-9 .. -1 0 +1 .. +9", palette.text))
    else:
        pieces += [(" ", style) for style in palette.heat[:: max(1, len(palette.heat) // 10)]]
    rows, columns = view.values.shape
    pieces.append((f" +{figure(scale)}", palette.dim))
    place = f"   row {view.row + 1} of {rows}" + (f", column {view.column + 1} of {columns}" if columns > 1 else "")
    room = width - sum(cell_len(text) for text, _ in pieces)
    short = f"   {view.row + 1}, {view.column + 1}"
    pieces.append((place if len(place) <= room else short, palette.dim))
    return row(pieces, width, palette)
