"""The panels of Unroll and Time: thin, one view each."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from textual.strip import Strip

from rnnplay.tui.paint import strips
from rnnplay.tui.places.unroll import paint_grid, paint_rolled, paint_time_step
from rnnplay.tui.places.unroll.views import UnrollView
from rnnplay.tui.widgets.base import Panel

_BESIDE = 28  # rows from which an opened time step stands below the grid, not instead of it


class UnrollPanel(Panel[UnrollView]):
    """The unrolled network, folded up where one wants; a time step opened below it, or instead of it."""

    def content(self, width: int, height: int) -> list[Strip]:
        view, palette = self.view, self.palette
        grid = paint_rolled.rolled if view.rolled else paint_grid.grid
        if not view.opened or not view.parts:
            return grid(view, width, height, palette)
        if height < _BESIDE or self.fills_screen:
            painted = paint_time_step.opened(view, width, height - 1, palette, self.fills_screen)
            return [strips.row([(paint_time_step.where(view), palette.title)], width, palette), *painted]
        below = min(15, height // 2)
        line = strips.row(
            [(f"{palette.glyphs.box[4] * 2} {paint_time_step.where(view)} ", palette.title)], width, palette
        )
        return [
            *grid(replace(view, opened=False), width, height - below - 1, palette),
            line,
            *paint_time_step.opened(view, width, below, palette),
        ]

    def title_text(self) -> Sequence[strips.Piece]:
        pieces = [("5 ", self.palette.accent), ("Unroll", self.palette.title)]
        if self.view.title:
            pieces.append((f" {self.palette.glyphs.separator} {self.view.title}", self.palette.dim))
        return pieces
