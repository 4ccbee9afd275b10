"""One-row widgets around the panels: header, tabs, status and keys."""

from __future__ import annotations

from collections.abc import Callable

from textual.strip import Strip

from rnnplay.tui.paint import bars
from rnnplay.tui.paint.colour import Palette
from rnnplay.tui.panels.base import Painted, View
from rnnplay.tui.views import StatusView


class StatusBar(Painted[StatusView]):
    """How things stand: it grows by a row where a sentence is long."""

    DEFAULT_CSS = "StatusBar { height: 1; width: 100%; }"

    def lines(self, width: int, height: int) -> list[Strip]:
        painted = bars.status(self.view, width, self.palette)
        if len(painted) != height:
            self.styles.height = len(painted)
        return painted


class Bar(Painted[View]):
    """A row painted by `painter(view, width, palette)`."""

    DEFAULT_CSS = "Bar { height: 1; width: 100%; }"

    def __init__(self, view: View, painter: Callable[[View, int, Palette], Strip], *, id: str) -> None:  # noqa: A002
        super().__init__(view, id=id)
        self._painter = painter

    def lines(self, width: int, height: int) -> list[Strip]:
        return [self._painter(self.view, width, self.palette)]
