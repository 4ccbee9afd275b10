"""A quantity over training steps in braille: a bright moving line over the dim band between its least and greatest.

The x axis holds a power of two times 64 steps and doubles when it is full, so that a new row of metrics changes the
last columns alone: the painted rows stay equal, and equal rows are not sent.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from textual.strip import Strip

from rnnplay.tui.paint.braille import character, pack
from rnnplay.tui.paint.numbers import log_ticks, nice, tick_label, ticks
from rnnplay.tui.paint.palette import Palette
from rnnplay.tui.paint.strips import Piece, blank, exactly, figures, fit, paragraph, row
from rnnplay.tui.places.play.views import CurveView

Array = np.ndarray[Any, np.dtype[Any]]

_SMOOTH = 7  # columns of the moving average
_GUTTER = 6
_SIDE = 30  # columns for facts in full screen


def capacity(last: int, limit: int | None = None) -> int:
    """Steps on the x axis: 64, 128, 256, … or the run's end where that comes first."""
    steps = 64
    while steps < last:
        steps *= 2
    return min(steps, limit) if limit is not None and limit >= last else steps


@dataclass(frozen=True)
class Axis:
    """Map from a value to a row of dots: linear or logarithmic."""

    low: float
    high: float
    log: bool

    def share(self, values: Array) -> Array:
        """Return how far up (0..1) each value is; not finite where the value is not."""
        if self.log:
            with np.errstate(divide="ignore", invalid="ignore"):
                logs = np.log(np.maximum(values, 1e-300)) - math.log(self.low)
            return np.asarray(logs / math.log(self.high / self.low))
        return np.asarray((values - self.low) / (self.high - self.low))

    def dots(self, values: Array, rows: int) -> Array:
        """The row of dots (0 at the top) of each finite value, held within the plot."""
        dots = np.rint((1 - self.share(values)) * (rows - 1))
        return np.asarray(np.clip(dots, 0, rows - 1).astype(np.int64))

    def marks(self, most: int) -> list[float]:
        return log_ticks(self.low, self.high, most) if self.log else ticks(self.low, self.high, most)


@dataclass(frozen=True, eq=False)
class Columns:
    """The curve at each column of dots: `at` (K,) are the columns from the first with data to the last."""

    at: Array
    line: Array
    low: Array
    high: Array


def columns(view: CurveView, count: int, steps: int) -> Columns | None:
    """Rows gathered into `count` columns of dots over `steps` steps: mean, least and greatest; gaps are filled."""
    ends = np.asarray(view.steps, dtype=np.int64)
    if not ends.size:
        return None
    mean = np.asarray(view.mean, dtype=np.float64)
    weight = np.diff(ends, prepend=0).astype(np.float64)
    finite = np.isfinite(mean)
    if not finite.any():
        return None
    column = np.minimum((ends - 1) * count // steps, count - 1)[finite]
    mean, weight = mean[finite], np.maximum(weight[finite], 1.0)
    low, high = np.asarray(view.low, float)[finite], np.asarray(view.high, float)[finite]
    starts = np.flatnonzero(np.diff(column, prepend=-1))
    known = column[starts]
    total = np.add.reduceat(weight, starts)
    means = np.add.reduceat(mean * weight, starts) / total
    lows = np.fmin.reduceat(np.where(np.isfinite(low), low, mean), starts)
    highs = np.fmax.reduceat(np.where(np.isfinite(high), high, mean), starts)
    at = np.arange(known[0], known[-1] + 1)
    return Columns(at, np.interp(at, known, _moving(means)), np.interp(at, known, lows), np.interp(at, known, highs))


def _moving(values: Array) -> Array:
    """A trailing average, short at the start where a curve falls fast: what is drawn never changes later."""
    position = np.arange(values.size)
    window = np.minimum(_SMOOTH, 1 + position // 3)
    sums = np.concatenate(([0.0], np.cumsum(values)))
    return (sums[position + 1] - sums[position + 1 - window]) / window


def axis(view: CurveView, curve: Columns) -> Axis:
    """A range that holds the line, its marks and its levels, on round bounds so that it seldom changes."""
    shown = [curve.line, np.array([value for _, value in view.marks if math.isfinite(value)])]
    values = np.concatenate(shown)
    low, high = float(values.min()), float(values.max())
    for level in view.levels:
        if math.isfinite(level.value) and level.value < 3 * high and (level.value > 0 or not view.log):
            low, high = min(low, level.value), max(high, level.value)
    if view.log:
        low, high = max(low, 1e-8), max(high, 2e-8)
        bottom, top = _down(low * 0.9), nice(high * 1.1)
        return Axis(bottom, max(top, bottom * 10), True)
    high = high if high > 0 else 1.0
    step = nice(high / 4)
    bottom = 0.0 if 0 <= low < 0.25 * high else math.floor((low - 0.1 * (high - low)) / step) * step
    top = high + 0.04 * (high - bottom)
    return Axis(max(0.0, bottom) if low >= 0 else bottom, top, False)


def _down(value: float) -> float:
    """The greatest of 1, 2, 5 times a power of ten that is at most `value` (> 0)."""
    power = 10.0 ** math.floor(math.log10(value))
    return max(m * power for m in (1, 2, 5) if m * power <= value * (1 + 1e-9))


def _dots(line: Array, low: Array, high: Array, at: Array, rows: int, width: int) -> tuple[Array, Array]:
    """Braille bits (rows / 4, width) of the line and of the band."""
    bright = np.zeros((rows, 2 * width), dtype=bool)
    band = np.zeros_like(bright)
    before = line[0]
    for column, middle, bottom, top in zip(at.tolist(), line.tolist(), low.tolist(), high.tolist(), strict=True):
        band[top : bottom + 1, column] = True
        first, last = (middle, before - 1) if middle < before else (before + 1, middle)
        bright[min(first, middle) : max(last, middle) + 1, column] = True
        before = middle
    return pack(bright), pack(band)


def plot(view: CurveView, width: int, height: int, palette: Palette, full: bool = False) -> list[Strip]:
    """The curve's panel without its frame: plot, x axis, and a last row with the figures to remember."""
    if full and view.more and width > 3 * _SIDE:
        words = [line for sentence in view.sentences for line in paragraph(sentence, width, palette.dim, palette)]
        chart = plot(replace(view, sentences=()), width - _SIDE - 2, height - len(words), palette)
        return [_with_details(left, n, view, palette) for n, left in enumerate(chart)] + words
    last = [row(figures(view.figure, palette, width=width), width, palette)] if view.figure else []
    last += [line for sentence in view.sentences for line in paragraph(sentence, width, palette.dim, palette)]
    steps = capacity(int(view.steps[-1]), view.limit) if len(view.steps) else 64
    tall, wide = height - len(last) - 1, width - _GUTTER
    curve = columns(view, 2 * wide, steps) if wide >= 8 and tall >= 2 else None
    if curve is None:
        middle = [row([(fit(view.empty, width), palette.dim)], width, palette)]
        return (
            exactly([blank(width, palette)] * (max(0, height - 1) // 2) + middle, height - len(last), width, palette)
            + last
        )
    scale = axis(view, curve)
    return [*_grid(view, curve, scale, steps, wide, tall, palette), _x_axis(steps, width, palette), *last]


def _with_details(left: Strip, n: int, view: CurveView, palette: Palette) -> Strip:
    pieces: list[Piece] = []
    if n < len(view.more):
        label, value = view.more[n]
        pieces = [(f"{label:<14} ", palette.dim), (value, palette.text)]
    return Strip([*left, *row([("  ", palette.blank), *pieces], _SIDE + 2, palette)], left.cell_length + _SIDE + 2)


def _grid(
    view: CurveView, curve: Columns, scale: Axis, steps: int, wide: int, tall: int, palette: Palette
) -> list[Strip]:
    rows = 4 * tall
    bright, band = _dots(
        scale.dots(curve.line, rows), scale.dots(curve.low, rows), scale.dots(curve.high, rows), curve.at, rows, wide
    )
    ink = palette.loss if view.ink == "loss" else palette.gradient
    dim = palette.loss_band if view.ink == "loss" else palette.gradient_band
    labels = {
        int(scale.dots(np.array([v]), rows)[0]) // 4: tick_label(v)
        for v in scale.marks(max(2, tall // 2 if tall < 12 else tall // 4))
    }
    marks = _marks(view, scale, steps, wide, rows)
    crossings = {
        (int(scale.dots(np.array([value]), rows)[0]) // 4, max(0, min((step - 1) * wide // steps, wide - 1)))
        for step, value in view.crossings
        if 0 <= float(scale.share(np.array(value))) <= 1
    }
    busy = (bright > 0) | (band > 0)
    for y, x in (*marks, *crossings):
        busy[y, x] = True
    dashed, letters = _levels(view, scale, busy, wide, rows)
    strips = []
    for y in range(tall):
        pieces: list[Piece] = [(f"{labels.get(y, ''):>{_GUTTER - 1}} ", palette.dim)]
        words = letters.get(y, {})
        for x, (bits, faint) in enumerate(zip(bright[y].tolist(), band[y].tolist(), strict=True)):
            if (y, x) in crossings:
                pieces.append(("×", palette.accent))
            elif (y, x) in marks:
                is_best = marks[y, x] == view.best_mark
                pieces.append((palette.glyphs.mark, palette.best if is_best else palette.validation))
            elif bits:
                pieces.append((_glyph(bits, palette, "*"), ink))
            elif x in words:
                pieces.append((words[x], palette.baseline))
            elif faint:
                pieces.append((_glyph(faint, palette, "."), dim))
            elif y in dashed:
                pieces.append((palette.glyphs.dash, palette.baseline))
            else:
                pieces.append((" ", palette.blank))
        strips.append(row(pieces, wide + _GUTTER, palette))
    return strips


def _glyph(bits: int, palette: Palette, plain: str) -> str:
    return character(bits) if palette.glyphs.dots else plain


def _levels(
    view: CurveView, scale: Axis, busy: Array, wide: int, rows: int
) -> tuple[set[int], dict[int, dict[int, str]]]:
    """Rows of cells with a level, and the letters of the labels by row and column: where no cell is `busy`."""
    dashed: set[int] = set()
    letters: dict[int, dict[int, str]] = {}
    for level in view.levels:
        if not math.isfinite(level.value) or not 0 <= float(scale.share(np.array(level.value))) <= 1:
            continue
        y = int(scale.dots(np.array([level.value]), rows)[0]) // 4
        dashed.add(y)
        for label in (f" {level.label} ", f" {level.short_label} "):
            columns = [wide - len(label) - 3, *range(wide - len(label), 0, -4)]
            places = ((r, c) for r in (y, y - 1, y + 1) if 0 <= r < len(busy) for c in columns if c >= 0)
            if place := next((p for p in places if not busy[p[0], p[1] : p[1] + len(label)].any()), None):
                letters.setdefault(place[0], {}).update({place[1] + n: letter for n, letter in enumerate(label)})
                break
    return dashed, letters


def _marks(view: CurveView, scale: Axis, steps: int, wide: int, rows: int) -> dict[tuple[int, int], int]:
    """The step of each cell with a validation mark: the best, then from the last back, none within three cells."""
    cells: dict[tuple[int, int], int] = {}
    best = [mark for mark in view.marks if mark[0] == view.best_mark]
    taken: list[int] = []
    for step, value in (*best, *reversed(view.marks)):
        x = max(0, min((step - 1) * wide // steps, wide - 1))
        if math.isfinite(value) and all(abs(x - other) >= 3 for other in taken):
            cells[int(scale.dots(np.array([value]), rows)[0]) // 4, x] = step
            taken.append(x)
    return cells


def _x_axis(steps: int, width: int, palette: Palette) -> Strip:
    wide = width - _GUTTER
    line = list(f"{'step':<{width}}")
    for value in ticks(0, steps, max(2, wide // 11)):
        label = tick_label(value)
        place = _GUTTER + round(value / steps * (wide - 1)) - len(label) // 2
        place = max(_GUTTER, place) if value == 0 else place
        if place + len(label) <= width:
            line[place : place + len(label)] = label
    return row([("".join(line), palette.dim)], width, palette)
