"""The panel of Unroll: the network unrolled or rolled up, and a time step opened below it, or instead of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from textual.strip import Strip

from rnnplay.tui.paint.palette import Palette
from rnnplay.tui.paint.strips import Piece, row
from rnnplay.tui.places.unroll import paint_grid, paint_rolled, paint_time_step
from rnnplay.tui.places.unroll.views import UnrollView

_BELOW_ROWS = 28  # from which an opened time step stands below the grid


def unrolled(view: UnrollView, width: int, height: int, palette: Palette, fills_screen: bool) -> list[Strip]:
    """The panel without its frame."""
    grid = paint_rolled.rolled if view.rolled else paint_grid.grid
    if not view.opened or not view.parts:
        return grid(view, width, height, palette)
    where = paint_time_step.where(view)
    if height < _BELOW_ROWS or fills_screen:
        painted = paint_time_step.opened(view, width, height - 1, palette, fills_screen)
        return [row([(where, palette.title)], width, palette), *painted]
    below = min(15, height // 2)
    return [
        *grid(replace(view, opened=False), width, height - below - 1, palette),
        row([(f"{palette.glyphs.box[4] * 2} {where} ", palette.title)], width, palette),
        *paint_time_step.opened(view, width, below, palette),
    ]


def title(view: UnrollView, palette: Palette) -> Sequence[Piece]:
    """Return which example is unrolled."""
    pieces = [("5 ", palette.accent), ("Unroll", palette.title)]
    return [*pieces, (f" {palette.glyphs.separator} {view.title}", palette.dim)] if view.title else pieces
