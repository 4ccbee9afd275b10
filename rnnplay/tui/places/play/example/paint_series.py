"""A series of numbers in braille: what was, what the network expected next, and its forecast."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from rich.style import Style
from textual.strip import Strip

from rnnplay.tui.paint.braille import character, pack
from rnnplay.tui.paint.numbers import tick_label, ticks
from rnnplay.tui.paint.palette import Palette
from rnnplay.tui.paint.strips import Piece, row

Array = np.ndarray[Any, np.dtype[Any]]

_GUTTER = 7


@dataclass(frozen=True, eq=False)
class Line:
    """Values at the places first, first + 1, ... of the time axis."""

    values: Array
    first: int
    style: Style
    mark: str  # what stands for a value where there is no braille


def plot(lines: Sequence[Line], width: int, height: int, palette: Palette, split: int | None = None) -> list[Strip]:
    """`lines` over one time axis; where two meet in a cell the later one is seen. `split`: where a forecast begins."""
    values = np.concatenate([line.values for line in lines])
    values = values[np.isfinite(values)]
    last = max(line.first + len(line.values) for line in lines) - 1
    across, down = max(2, width - _GUTTER), max(1, height)
    if not values.size or last < 1:
        return [row([], width, palette)] * height
    low, high = float(values.min()), float(values.max())
    low, high = (low, high) if high > low else (low - 1, high + 1)
    marks = np.zeros((down, across), np.int64)
    cells: list[list[tuple[str, Style]]] = [[(" ", palette.blank)] * across for _ in range(down)]
    if split is not None:
        column = min(across - 1, round(split / last * (across - 1)))
        for y in range(down):
            cells[y][column] = ("┊" if palette.glyphs.dots else "|", palette.border)
    for line in lines:
        dots = np.zeros((4 * down, 2 * across), bool)
        for x, y in _points(line, last, 2 * across, 4 * down, low, high):
            dots[y, x] = True
        bits = pack(dots)
        marks |= bits
        for y, x in zip(*np.nonzero(bits), strict=True):
            text = character(int(marks[y, x])) if palette.glyphs.dots else line.mark
            cells[y][x] = (text, line.style)
    labels = {
        min(down - 1, max(0, round((high - value) / (high - low) * (down - 1)))): tick_label(value)
        for value in ticks(low, high, max(2, down // 2))
    }
    painted = []
    for y, cell in enumerate(cells):
        pieces: list[Piece] = [(f"{labels.get(y, ''):>{_GUTTER - 1}} ", palette.dim), *cell]
        painted.append(row(pieces, width, palette))
    return painted


def _points(line: Line, last: int, wide: int, tall: int, low: float, high: float) -> list[tuple[int, int]]:
    """The dots of a line, those between two values too."""
    dots_of_line: list[tuple[int, int]] = []
    before: tuple[int, int] | None = None
    for n, value in enumerate(line.values.tolist()):
        if not math.isfinite(value):
            before = None
            continue
        x = round((line.first + n) / last * (wide - 1))
        y = min(tall - 1, max(0, round((high - value) / (high - low) * (tall - 1))))
        if before is not None:
            steps = max(abs(x - before[0]), abs(y - before[1]), 1)
            dots_of_line += [
                (round(before[0] + (x - before[0]) * k / steps), round(before[1] + (y - before[1]) * k / steps))
                for k in range(1, steps)
            ]
        dots_of_line.append((x, y))
        before = (x, y)
    return dots_of_line
