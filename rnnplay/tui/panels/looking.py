"""The panels of Unroll and Time: thin, one view each."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from textual.strip import Strip

from rnnplay.tui.looking_views import HealthView, LagsView, OneUnitView, PastView, UnrollView
from rnnplay.tui.paint import lags, opened, past, rolled, rows, unroll
from rnnplay.tui.panels.base import Painted, Panel

_BESIDE = 28  # rows from which an opened time step stands below the grid, not instead of it


class UnrollPanel(Panel[UnrollView]):
    """The unrolled network, folded up where one wants; a time step opened below it, or instead of it."""

    def content(self, width: int, height: int) -> list[Strip]:
        view, palette = self.view, self.palette
        grid = rolled.rolled if view.rolled else unroll.grid
        if not view.opened or not view.parts:
            return grid(view, width, height, palette)
        if height < _BESIDE or self.full:
            painted = opened.opened(view, width, height - 1, palette, self.full)
            return [rows.row([(opened.where(view), palette.title)], width, palette), *painted]
        below = min(15, height // 2)
        line = rows.row([(f"{palette.glyphs.box[4] * 2} {opened.where(view)} ", palette.title)], width, palette)
        return [
            *grid(replace(view, opened=False), width, height - below - 1, palette),
            line,
            *opened.opened(view, width, below, palette),
        ]

    def heading(self) -> Sequence[rows.Piece]:
        pieces = [("5 ", self.palette.accent), ("Unroll", self.palette.title)]
        if self.view.title:
            pieces.append((f" {self.palette.glyphs.separator} {self.view.title}", self.palette.dim))
        return pieces


class LagsPanel(Panel[LagsView]):
    """The gradient by lag."""

    def content(self, width: int, height: int) -> list[Strip]:
        return lags.lags(self.view, width, height, self.palette)

    def heading(self) -> Sequence[rows.Piece]:
        words = "gradient of the last step's loss by lag, with respect to the whole state, lag 0 = 1"
        return [("6 ", self.palette.accent), ("Time", self.palette.title),
                (f" {self.palette.glyphs.separator} {words}", self.palette.dim)]  # fmt: skip


class OneUnitPanel(Panel[OneUnitView]):
    """The demonstration of one unit and its weight."""

    def content(self, width: int, height: int) -> list[Strip]:
        return lags.one_unit(self.view, width, height, self.palette)

    def heading(self) -> Sequence[rows.Piece]:
        return [("One unit", self.palette.title), (f" {self.palette.glyphs.separator} turn w", self.palette.dim)]


class PastPanel(Panel[PastView]):
    """Which past mattered."""

    def content(self, width: int, height: int) -> list[Strip]:
        return past.past(self.view, width, height, self.palette)

    def heading(self) -> Sequence[rows.Piece]:
        dot = self.palette.glyphs.separator
        words = f" {dot} gradient of the prediction with respect to each input"
        return [("Which past mattered", self.palette.title), (words, self.palette.dim)]


class HealthBar(Painted[HealthView]):
    """What ails the run, at most three pieces of advice in as many rows as they take; no row where nothing does."""

    DEFAULT_CSS = "HealthBar { height: 0; width: 100%; }"

    def __init__(self, *, id: str) -> None:  # noqa: A002
        super().__init__(HealthView(), id=id)

    def repaint(self) -> None:
        width = self.size.width or self.app.size.width
        rows_wanted = len(past.advice(self.view, width, self.palette))
        if self.styles.height is None or self.styles.height.value != rows_wanted:
            self.styles.height = rows_wanted
        super().repaint()

    def lines(self, width: int, height: int) -> list[Strip]:
        return past.advice(self.view, width, self.palette)
