"""Norm and singular values of a matrix, and the eigenvalues of a square block beside the unit circle."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from textual.strip import Strip

from rnnplay.tui.paint.braille import character, pack
from rnnplay.tui.paint.numbers import count, figure
from rnnplay.tui.paint.palette import Palette
from rnnplay.tui.paint.strips import Piece, exactly, paragraph, row
from rnnplay.tui.places.network.views import Array, SpectrumView

_BARS = 5  # rows of the curve of singular values
_MARGIN = 1.08  # around the outermost eigenvalue


def title(view: SpectrumView, palette: Palette) -> Sequence[Piece]:
    gate = f" {palette.glyphs.separator} gate {view.gate}" if view.gate else ""
    return [("Spectrum", palette.title), (gate, palette.dim)]


def spectrum(view: SpectrumView, width: int, height: int, palette: Palette, _fills_screen: bool = False) -> list[Strip]:
    """Numbers, the curve of singular values, and the eigenvalues as far as there is room."""
    rows = [_norm(view, width, palette)]
    if view.note:
        rows += paragraph(view.note, width, palette.dim, palette)
    if len(view.singular_values) > 1:
        largest, least = view.singular_values[0], view.singular_values[-1]
        words = f"singular values {figure(largest)} to {figure(least)}"
        rows += [row([(words, palette.text)], width, palette)]
        rows += _curve(np.array(view.singular_values), width, _BARS, palette)
    if view.eigenvalues is not None:
        rows += _eigenvalues(view.eigenvalues, width, height - len(rows), palette)
    return exactly(rows, height, width, palette)


def _norm(view: SpectrumView, width: int, palette: Palette) -> Strip:
    pieces: list[Piece] = [("norm ", palette.dim), (figure(view.norm), palette.title)]
    if view.earlier_norm is not None:
        pieces.append((f"   earlier {figure(view.earlier_norm)}", palette.dim))
    return row(pieces, width, palette)


def _curve(values: Array, width: int, height: int, palette: Palette) -> list[Strip]:
    """Singular values from the largest on, filled down to zero."""
    dots = np.zeros((4 * height, 2 * width), bool)
    columns = np.linspace(0, len(values) - 1, 2 * width).round().astype(int)
    tall = np.ceil(values[columns] / max(float(values[0]), 1e-30) * 4 * height).astype(int)
    for x, filled in enumerate(tall.tolist()):
        dots[4 * height - filled :, x] = True
    mark = character if palette.glyphs.dots else (lambda bits: "#" if bits else " ")
    return [row([("".join(map(mark, line)), palette.loss)], width, palette) for line in pack(dots).tolist()]


def _eigenvalues(values: Array, width: int, height: int, palette: Palette) -> list[Strip]:
    """A row of words, and a square plane with the unit circle; a dot for each eigenvalue."""
    radius = np.hypot(*values)
    outside = int((radius > 1).sum())
    rho = "ρ" if palette.glyphs.dots else "rho"
    words = f"{rho} {figure(float(radius.max()))}, {count(outside)} of {count(values.shape[1])} outside the unit circle"
    rows = paragraph(words, width, palette.text, palette)
    tall = height - len(rows)
    wide = min(width, 2 * tall)
    if wide < 8:
        return rows
    tall = wide // 2
    reach = max(1.0, float(radius.max())) * _MARGIN
    circle, points = np.zeros((4 * tall, 2 * wide), bool), np.zeros((4 * tall, 2 * wide), bool)
    angle = np.linspace(0, 2 * np.pi, 16 * wide)
    _mark(circle, np.cos(angle), np.sin(angle), reach)
    _mark(points, values[0], values[1], reach)
    both = pack(circle | points)
    for y, line in enumerate(pack(points).tolist()):
        pieces: list[Piece] = []
        for x, bits in enumerate(line):
            shown = int(both[y, x])
            mark = character(shown) if palette.glyphs.dots else "*" if bits else "." if shown else " "
            pieces.append((mark if shown else " ", palette.accent if bits else palette.dim))
        rows.append(row([(" " * ((width - wide) // 2), palette.blank), *pieces], width, palette))
    return rows


def _mark(dots: Array, x: Array, y: Array, reach: float) -> None:
    """Set the dots of points (x, y) on a plane from -reach to reach."""
    tall, wide = dots.shape
    rows = np.clip(((1 - y / reach) / 2 * tall).astype(int), 0, tall - 1)
    columns = np.clip(((1 + x / reach) / 2 * wide).astype(int), 0, wide - 1)
    dots[rows, columns] = True
