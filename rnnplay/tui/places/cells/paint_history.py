"""One unit through the checkpoints of its run: how well it follows a feature, step by step, on a doubling axis."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from textual.strip import Strip

from rnnplay.formatting import short
from rnnplay.tui.paint.braille import Array, character, pack
from rnnplay.tui.paint.numbers import count, percent, score
from rnnplay.tui.paint.palette import Palette
from rnnplay.tui.paint.strips import Piece, clickable, exactly, paragraph, row
from rnnplay.tui.places.cells.views import HistoryView

_GUTTER = 5


def history(view: HistoryView, width: int, height: int, palette: Palette, _fills_screen: bool = False) -> list[Strip]:
    """The panel without its frame: the curve, the step that is shown marked, the steps below."""
    if view.waiting:
        words = f"reading the checkpoints: {percent(view.done)}"
        return exactly([row([(words, palette.dim)], width, palette)], height, width, palette)
    if len(view.steps) < 2:
        return exactly(paragraph(view.empty, width, palette.dim, palette), height, width, palette)
    low = 0.5 if view.measure == "AUC" else 0.0
    wide, tall = width - _GUTTER, max(1, height - 2)
    places = [round(n * (wide - 1) / (len(view.steps) - 1)) for n in range(len(view.steps))]
    strengths = [max(v, 1 - v) if view.measure == "AUC" else abs(v) for v in view.values]
    rows = []
    lines = _lines(places, strengths, low, wide, tall)
    marked = {
        (tall - 1 - min(tall - 1, int(_share(s, low) * tall)), x): n
        for n, (x, s) in enumerate(zip(places, strengths, strict=True))
    }
    for y in range(tall):
        label = score(1.0) if y == 0 else score(low) if y == tall - 1 else ""
        pieces: list[Piece] = [(f"{label or ('0' if y == tall - 1 else ''):>{_GUTTER - 1}} ", palette.dim)]
        for x in range(wide):
            point = marked.get((y, x))
            if point is not None:
                chosen = view.at is not None and point == view.at
                is_best = view.best is not None and point == view.best
                style = palette.accent if chosen else palette.best if is_best else palette.validation
                glyph = palette.glyphs.mark if chosen or is_best else "o"
                pieces.append((glyph, clickable(style, f"screen.checkpoint({point})")))
            elif bits := int(lines[y, x]):
                pieces.append((character(bits) if palette.glyphs.dots else "*", palette.loss))
            else:
                pieces.append((" ", palette.blank))
        rows.append(row(pieces, width, palette))
    return exactly(
        [*rows, _axis(view, places, width, palette), _last(view, strengths, width, palette)], height, width, palette
    )


def _share(strength: float, low: float) -> float:
    return max(0.0, min(1.0, (strength - low) / (1 - low)))


def _lines(places: list[int], strengths: list[float], low: float, wide: int, tall: int) -> Array:
    """Braille bits (tall, wide) of straight lines between the points."""
    dots = np.zeros((4 * tall, 2 * wide), bool)
    for (x0, s0), (x1, s1) in zip(
        zip(places, strengths, strict=True), list(zip(places, strengths, strict=True))[1:], strict=False
    ):
        for dot in range(2 * x0, 2 * x1 + 1):
            share = s0 + (s1 - s0) * (dot - 2 * x0) / max(1, 2 * (x1 - x0))
            level = min(4 * tall - 1, int(_share(share, low) * 4 * tall))
            dots[4 * tall - 1 - level, min(dot, 2 * wide - 1)] = True
    return pack(dots)


def _axis(view: HistoryView, places: list[int], width: int, palette: Palette) -> Strip:
    line = [" "] * width
    end = 0
    for place, step in zip(places, view.steps, strict=True):
        label = short(step)
        at = min(_GUTTER + place - len(label) // 2, width - len(label))
        if at > end:
            line[at : at + len(label)] = label
            end = at + len(label)
    return row([("".join(line), palette.dim)], width, palette)


def _last(view: HistoryView, strengths: list[float], width: int, palette: Palette) -> Strip:
    at = len(strengths) - 1 if view.at is None else view.at
    pieces: list[Piece] = [(f"step {count(view.steps[at])} ", palette.dim), (score(strengths[at]), palette.text)]
    if view.best is not None and view.best == at:
        pieces.append(("  the best evaluation", palette.good))
    elif view.best is not None:
        pieces.append((f"  {palette.glyphs.mark}", palette.best))
        pieces.append((f" best at step {count(view.steps[view.best])}", palette.dim))
    return row(pieces, width, palette)


def history_title(view: HistoryView, palette: Palette) -> Sequence[Piece]:
    dot = f" {palette.glyphs.separator} "
    pieces: list[Piece] = [("History", palette.title)]
    if view.unit:
        pieces.append((f"{dot}{view.unit}{dot}{view.measure} by step", palette.dim))
    return pieces
