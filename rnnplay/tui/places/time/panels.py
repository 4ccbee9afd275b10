"""The panels of Time: one view each."""

from __future__ import annotations

from collections.abc import Sequence

from textual.strip import Strip

from rnnplay.tui.paint import strips
from rnnplay.tui.places.time import paint_gradient, paint_influence
from rnnplay.tui.places.time.views import LagsView, OneUnitView, PastView
from rnnplay.tui.widgets.base import Panel


class LagsPanel(Panel[LagsView]):
    """The gradient by lag."""

    def content(self, width: int, height: int) -> list[Strip]:
        return paint_gradient.lags(self.view, width, height, self.palette)

    def title_text(self) -> Sequence[strips.Piece]:
        words = "gradient of the last step's loss by lag, with respect to the whole state, lag 0 = 1"
        return [("6 ", self.palette.accent), ("Time", self.palette.title),
                (f" {self.palette.glyphs.separator} {words}", self.palette.dim)]  # fmt: skip


class OneUnitPanel(Panel[OneUnitView]):
    """The demonstration of one unit and its weight."""

    def content(self, width: int, height: int) -> list[Strip]:
        return paint_gradient.one_unit(self.view, width, height, self.palette)

    def title_text(self) -> Sequence[strips.Piece]:
        return [("One unit", self.palette.title), (f" {self.palette.glyphs.separator} turn w", self.palette.dim)]


class PastPanel(Panel[PastView]):
    """Which past mattered."""

    def content(self, width: int, height: int) -> list[Strip]:
        return paint_influence.past(self.view, width, height, self.palette)

    def title_text(self) -> Sequence[strips.Piece]:
        dot = self.palette.glyphs.separator
        words = f" {dot} gradient of the prediction with respect to each input"
        return [("Which past mattered", self.palette.title), (words, self.palette.dim)]
