"""A text on the colour of one hidden unit: red where it is negative, blue where positive, plain where it is quiet."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Any

import numpy as np
from rich.cells import cell_len
from textual.strip import Strip

from rnnplay.tui.paint.numbers import count, figure, score
from rnnplay.tui.paint.palette import Palette
from rnnplay.tui.paint.strips import Piece, clickable, exactly, fit, row
from rnnplay.tui.paint.text import glyph, wrap
from rnnplay.tui.widgets import paint_explained
from rnnplay.tui.widgets.views import CellsView, Direction, UnitRow

Array = np.ndarray[Any, np.dtype[Any]]

_SIDE = 34  # columns for the list of units in full screen
SIGMOID_GATES = ("i", "f", "o", "r", "z")
LIST_FROM = 76  # columns from which on features are listed beside the text


@lru_cache(8)
def layout(symbols: tuple[str, ...], width: int, palette: Palette) -> tuple[tuple[int, int], ...]:
    """The rows of a text; kept, since unit after unit is shown on the same text."""
    return tuple(wrap(symbols, width, palette.glyphs))


def text_size(width: int, height: int, full: bool, lists_features: bool = False) -> tuple[int, int]:
    """The cells for the text itself inside a panel of `width` x `height`: below it are a gap, and the legend."""
    side = _SIDE + 2 if full and width > 2.5 * _SIDE else 0
    if lists_features and not full and width >= LIST_FROM:
        side = paint_explained.WIDTH + 2
    return width - side, max(1, height - 2 if height > 4 else height - 1)


def reach(view: CellsView) -> float:
    """Return how far from zero the shown unit gets, as a share of the scale of all: what full colour means for it.

    A cell state c has no bound of its own, and where one unit counts to ten another's ±1 would be too pale to be seen.
    """
    assert view.values is not None
    if view.state != "c":
        return 1.0
    return extent(view.values[view.layer, view.unit])


def extent(row: Array) -> float:
    """The largest magnitude of one unit's bytes, as a share of the scale; a unit that hardly moves stays pale."""
    return max(0.05, float(np.abs(row.astype(np.int16) - 127).max(initial=0)) / 127)


def value(view: CellsView, index: int) -> float:
    """The activation of the shown unit at character `index`."""
    assert view.values is not None
    return (int(view.values[view.layer, view.unit, index]) - 127) / 127 * view.scale


def value_words(value: float, scale: float, palette: Palette) -> str:
    """An activation, +0.83; one that was cut off at a scale above 1, which leaves out the largest: ≥+2.50."""
    if scale <= 1 or abs(value) < scale:
        return f"{value:+.2f}"
    sign = ("≥" if value > 0 else "≤") if palette.glyphs.dots else (">=" if value > 0 else "<=")
    return f"{sign}{value:+.2f}"


def styles(view: CellsView, palette: Palette) -> list[Any]:
    """The style of each of the 256 bytes that a character may carry."""
    if view.by_surprise:
        top = len(palette.surprise_ramp) - 1  # six bits and more
        return [palette.surprise_ramp[min(top, int(tenths * top / 60 + 0.5))] for tenths in range(256)]
    full = reach(view)
    return [palette.heat_of(max(-1.0, min(1.0, (byte - 127) / 127 / full))) for byte in range(256)]


def text_rows(view: CellsView, width: int, height: int, palette: Palette) -> list[Strip]:
    """The rows of text from `view.first_row` on."""
    carried = (
        view.surprise if view.by_surprise else (view.values[view.layer, view.unit] if view.values is not None else None)
    )
    assert carried is not None
    looks = styles(view, palette)
    rows = layout(view.symbols, width, palette)
    painted = []
    for first, end in rows[view.first_row : view.first_row + height]:
        pieces: list[Piece] = []
        run, before = "", -1
        for index, byte in enumerate(carried[first:end].tolist(), first):
            if index == view.cursor:
                if run:
                    pieces.append((run, looks[before]))
                pieces.append((glyph(view.symbols[index], palette.glyphs), palette.chosen))
                run, before = "", -1
                continue
            if before >= 0 and looks[byte] is not looks[before]:
                pieces.append((run, looks[before]))
                run = ""
            run += glyph(view.symbols[index], palette.glyphs)
            before = byte
        if run:
            pieces.append((run, looks[before]))
        painted.append(row(pieces, width, palette))
    return painted


def legend(view: CellsView, width: int, palette: Palette) -> Strip:
    """Paint the colour bar with its ends, what is pointed at, and how to move on."""
    left = _colour_bar(view, palette)
    points_at_symbol = view.cursor is not None and view.cursor < len(view.symbols)
    if view.cursor is not None and points_at_symbol and view.values is not None:
        symbol = glyph(view.symbols[view.cursor], palette.glyphs)
        left += [
            ("   ", palette.blank),
            (f"“{symbol}” " if palette.glyphs.dots else f"'{symbol}' ", palette.text),
            (value_words(value(view, view.cursor), view.scale, palette), palette.title),
        ]
    arrows = palette.glyphs.arrows
    right: list[Piece] = [
        (" / ", clickable(palette.key, "screen.find")),
        ("find  ", palette.dim),
        (f" {arrows[0]} ", clickable(palette.key, "screen.unit(-1)")),
        ("unit", palette.dim),
        (f" {arrows[1]} ", clickable(palette.key, "screen.unit(1)")),
    ]
    right = right if view.best is not None and width >= 60 else right[2:] if width >= 30 else []
    room = width - _width(right)
    if view.cursor is not None and points_at_symbol and view.surprise is not None:
        surprise = f"  surprise {int(view.surprise[view.cursor]) / 10:.1f} bits"
        if _width(left) + len(surprise) <= room:
            left.append((surprise, palette.dim))
    if view.cursor is None:
        left += _about_all(view, room - _width(left), palette)
    return Strip([*row(left, room, palette), *row(right, width - room, palette)], width)


def _width(pieces: Sequence[Piece]) -> int:
    return sum(cell_len(text) for text, _ in pieces)


def _colour_bar(view: CellsView, palette: Palette) -> list[Piece]:
    """Return the colours from the least to the most, with what their ends stand for."""
    if view.by_surprise:
        return [("0 ", palette.dim), *(("  ", style) for style in palette.surprise_ramp), (" 6 bits ", palette.dim)]
    scale = figure(view.scale * reach(view), 1)
    shown = palette.heat[:: max(1, len(palette.heat) // 10)]
    half = len(shown) // 2
    pieces: list[Piece] = [(f"-{scale} ", palette.dim)]
    for n, style in enumerate(shown):
        if palette.system == "none":
            pieces.append((("-" if n < half else "0" if n == half else "+") * 2, style))
        else:
            pieces.append((" 0 " if n == half else "  ", style))
    return [*pieces, (f" +{scale}", palette.dim)]


def _about_all(view: CellsView, room: int, palette: Palette) -> list[Piece]:
    """Return what stands in the legend while no symbol is chosen: carriers, the best units, or the place in the text.

    room: cells that are left; of the carriers whole names, as many as there is room for.
    """
    if view.direction is not None:
        pieces: list[Piece] = [("   carried by", palette.dim)]
        for unit in view.direction.carriers:
            name = f" {view.direction.layer + 1}.{unit + 1}"
            if _width(pieces) + len(name) < room:
                pieces.append((name, palette.text))
        return pieces
    if view.best:
        return [("      ", palette.blank), *short_list(view.best, (view.layer, view.unit), palette)]
    if not view.total:
        return []
    last = count(view.start + len(view.symbols))
    place = f"   {view.symbol_name} {count(view.start + 1)} to {last} of {count(view.total)}"
    return [(place, palette.dim)] if len(place) < room else []


def heatmap(view: CellsView, width: int, height: int, palette: Palette, full: bool = False) -> list[Strip]:
    """The panel without its frame: text, a gap, and the legend as its last row; in full screen the units beside it."""
    if view.values is None or not view.symbols:
        return exactly([row([(fit(view.empty, width), palette.dim)], width, palette)], height, width, palette)
    wide, tall = text_size(width, height, full, bool(view.explained))
    rows = exactly(text_rows(view, wide, tall, palette), tall, wide, palette)
    if wide < width:
        if full:
            side = exactly(_units(view, tall, palette), tall, _SIDE, palette)
        else:
            chosen = (view.layer, view.unit) if view.direction is None else view.direction.feature
            step = view.explained_step
            side = paint_explained.listed(view.explained, chosen, width - wide - 2, tall, palette, step)
        gap = row([("  ", palette.blank)], 2, palette)
        rows = [Strip([*left, *gap, *right], width) for left, right in zip(rows, side, strict=True)]
    return [*exactly(rows, height - 1, width, palette), legend(view, width, palette)]


def _units(view: CellsView, height: int, palette: Palette) -> list[Strip]:
    """The units of the layer around the shown one: mean, spread, and the share of time steps where it is saturated.

    A state without a bound is never saturated. Of a layer's direction the units that carry most of it.
    """
    assert view.values is not None
    if view.direction is not None:
        names = ("carried by", *(f"{view.direction.layer + 1}.{unit + 1}" for unit in view.direction.carriers))
        return [
            row([(f"{name:>10}", palette.text if n else palette.dim)], _SIDE, palette) for n, name in enumerate(names)
        ]
    table = _summary(view)
    is_bounded = view.state != "c" and view.scale <= 1
    heading = f"{'unit':>6} {'mean':>7} {'spread':>7}" + (f" {'saturated':>10}" if is_bounded else "")
    rows = [row([(heading, palette.dim)], _SIDE, palette)]
    room = height - 1
    first = max(0, min(view.unit - room // 2, len(table) - room))
    for unit, (mean, spread, saturated) in enumerate(table[first : first + room], first):
        style = palette.chosen if unit == view.unit else palette.text
        words = f"{unit + 1:>6} {mean:>+7.2f} {spread:>7.2f}" + (f" {saturated * 100:>8.0f} %" if is_bounded else "")
        rows.append(row([(words, clickable(style, f"screen.go_to_unit({view.layer}, {unit})"))], _SIDE, palette))
    return rows


def _summary(view: CellsView) -> list[tuple[float, float, float]]:
    """Mean, spread, and share of time steps at the edge of its range, of each unit of the layer."""
    assert view.values is not None
    numbers = (view.values[view.layer].astype(np.float32) - 127) / 127  # (H, N)
    is_at_edge = np.abs(numbers) > 0.9
    if view.state in SIGMOID_GATES:
        is_at_edge |= numbers < 0.1
    means, spreads = numbers.mean(axis=1) * view.scale, numbers.std(axis=1) * view.scale
    return list(zip(means.tolist(), spreads.tolist(), is_at_edge.mean(axis=1).tolist(), strict=True))


def title(view: CellsView, palette: Palette) -> Sequence[Piece]:
    """Return which unit of which layer, and at which step."""
    dot = f" {palette.glyphs.separator} "
    if view.values is None:
        return [("3 ", palette.accent), ("Cells", palette.title)]
    layers, units, _ = view.values.shape
    where = f"layer {view.layer + 1} unit {view.unit + 1}" if not view.by_surprise else "surprise"
    pieces: list[Piece] = [("3 ", palette.accent), ("Cells", palette.title), (dot, palette.dim)]
    if view.direction is not None:
        return [*pieces, *_direction(view.direction, palette), (f"{dot}step {count(view.step)}", palette.dim)]
    pieces.append((where, palette.title))
    if view.by_surprise:
        return [*pieces, (f"{dot}step {count(view.step)}", palette.dim)]
    if view.follows:
        state = "" if view.state == "h" else f" ({view.state})"
        return [*pieces, (f"{state} {view.follows}", palette.title), (f"{dot}step {count(view.step)}", palette.dim)]
    size = f"of {layers} x {units}" if layers > 1 else f"of {units}"
    what = {"h": "hidden state", "c": "cell state c"}.get(view.state, f"gate {view.state}")
    pieces.append((f" {size}{dot}{what}{dot}step {count(view.step)}", palette.dim))
    return pieces


def _direction(direction: Direction, palette: Palette) -> list[Piece]:
    """All units of a layer together, and what they know."""
    dot = f" {palette.glyphs.separator} "
    what = f'layer {direction.layer + 1} together follows "{direction.feature}"{dot}{direction.together}'
    return [(what, palette.title)]


def index_at(view: CellsView, line: tuple[int, int], x: int, palette: Palette) -> int | None:
    """The character `x` cells into a row; None beyond its end."""
    for index in range(*line):
        x -= cell_len(glyph(view.symbols[index], palette.glyphs))
        if x < 0:
            return index
    return None


def short_list(units: Sequence[UnitRow], chosen: tuple[int, int], palette: Palette, most: int = 3) -> list[Piece]:
    """The best units in a few cells: 37 .97   12 .81; of several layers as 2.37, of h and cell states as 37 c."""
    pieces: list[Piece] = []
    several = any(unit.layer for unit in units[:most])
    has_cell_state = any(unit.state == "c" for unit in units)
    for n, unit in enumerate(units[:most]):
        name = f"{unit.layer + 1}.{unit.unit + 1}" if several else f"{unit.unit + 1}"
        name += f" {unit.state}" if has_cell_state else ""
        style = palette.accent if (unit.layer, unit.unit) == chosen else palette.text
        pieces += [
            ("   " if n else "", palette.blank),
            (f"{name} {score(unit.strength)}", clickable(style, f"screen.result({n})")),
        ]
    return pieces
