"""Saturation of the gates: a dot for each unit, right where its gate is mostly shut, up where it is mostly open.

The scatter of Karpathy, Johnson and Fei-Fei (2015), "Visualizing and Understanding Recurrent Networks": a forget gate
high up remembers, one far right forgets.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from textual.strip import Strip

from rnnplay.tui.paint.braille import character, pack
from rnnplay.tui.paint.numbers import count
from rnnplay.tui.paint.palette import Palette
from rnnplay.tui.paint.strips import Piece, exactly, paragraph, row
from rnnplay.tui.places.cells.views import GatePoints, GatesView

Array = np.ndarray[Any, np.dtype[Any]]

_NAMES = {"i": "input", "f": "forget", "o": "output", "r": "reset", "z": "update"}
_OPEN = 0.5  # of the time steps: a unit whose gate is open for so long counts as open


def gates(view: GatesView, width: int, height: int, palette: Palette, _fills_screen: bool = False) -> list[Strip]:
    """The panel without its frame: a square for each gate (all layers in it, told apart by number), and a last row."""
    names = list(dict.fromkeys(points.gate for points in view.gates))
    if not names:
        return exactly(paragraph(view.empty, width, palette.dim, palette), height, width, palette)
    gap = 1
    size = max(6, (width - gap * (len(names) - 1)) // len(names))
    fitting = max(1, (width + gap) // (size + gap))
    squares = [_square(view, name, size, height - 1, palette) for name in names[:fitting]]
    rows = []
    for parts in zip(*squares, strict=True):
        pieces: list[Piece] = []
        for n, part in enumerate(parts):
            pieces += [(" " * gap, palette.blank)] if n else []
            pieces += part
        rows.append(row(pieces, width, palette))
    return exactly([*rows, _last(view, width, palette)], height, width, palette)


def _square(view: GatesView, name: str, width: int, height: int, palette: Palette) -> list[list[Piece]]:
    """One gate: its name, the plot between its axes, and under it which way is shut."""
    all_points = [points for points in view.gates if points.gate == name]
    tall, wide = max(1, height - 2), max(2, width - 1)
    title = f"{name} {_NAMES.get(name, '')}"
    rows: list[list[Piece]] = [_exact([(title, palette.title)], width, palette)]
    corner, line = palette.glyphs.box[2], palette.glyphs.box[4]
    for cells in _cells(view, all_points, wide, tall, palette):
        rows.append([(palette.glyphs.box[5], palette.border), *cells])
    label = " shut " if wide >= 10 else ""
    rows.append([(corner + line * (wide - len(label)), palette.border), (label, palette.dim)])
    return rows


def _cells(view: GatesView, layers: list[GatePoints], wide: int, tall: int, palette: Palette) -> list[list[Piece]]:
    """The plot's rows. One layer: braille dots; several, or no braille: a number for each cell, the layer's."""
    dots = palette.glyphs.dots and len(layers) == 1
    across, down = (2, 4) if dots else (1, 1)
    marks: dict[tuple[int, int], str] = {}
    plotted = np.zeros((tall * 4, wide * 2), bool)
    chosen: tuple[int, int] | None = None
    for points in layers:
        x = np.clip(np.rint(points.left * (wide * across - 1)), 0, wide * across - 1).astype(int)
        y = np.clip(np.rint((1 - points.right) * (tall * down - 1)), 0, tall * down - 1).astype(int)
        for unit, (column, line) in enumerate(zip(x.tolist(), y.tolist(), strict=True)):
            cell = (line // down, column // across)
            if view.unit == (points.layer, unit):
                chosen = cell
            if dots:
                plotted[line, column] = True
            else:
                marks[cell] = "o" if len(layers) == 1 else str((points.layer + 1) % 10)
    bits = pack(plotted)
    rows = []
    for r in range(tall):
        pieces: list[Piece] = []
        for c in range(wide):
            if (r, c) == chosen:
                pieces.append((palette.glyphs.mark, palette.accent))
            elif dots and bits[r, c]:
                pieces.append((character(int(bits[r, c])), palette.gradient))
            elif (r, c) in marks:
                pieces.append((marks[r, c], palette.gradient))
            else:
                pieces.append((" ", palette.blank))
        rows.append(pieces)
    return rows


def _exact(pieces: list[Piece], width: int, palette: Palette) -> list[Piece]:
    return [(segment.text, segment.style or palette.blank) for segment in row(pieces, width, palette)]


def _last(view: GatesView, width: int, palette: Palette) -> Strip:
    """The figure to remember, and as of which step it is if there is room."""
    figure, step = _figure(view), f", step {count(view.step)}"
    if len(figure + step) > width:
        figure = figure.removesuffix(" units")
    room = len(figure + step) <= width and bool(figure)
    return row([(figure, palette.text), (step if room else "", palette.dim)], width, palette)


def _figure(view: GatesView) -> str:
    """The figure to remember: for how many units the gate that keeps the memory is open half of the time or more."""
    keeping = "f" if any(points.gate == "f" for points in view.gates) else "z"
    shown = [points for points in view.gates if points.gate == keeping]
    if not shown:
        return ""
    open_ = sum(int((points.right > _OPEN).sum()) for points in shown)
    total = sum(len(points.right) for points in shown)
    return f"{keeping} mostly open: {count(open_)} of {count(total)} units"


def gates_title(view: GatesView, palette: Palette) -> Sequence[Piece]:
    dot = f" {palette.glyphs.separator} "
    return [
        ("Gates", palette.title),
        (f"{dot}up: > 0.9, right: < 0.1", palette.dim),
    ]
