"""One-row widgets around the panels: header, tabs, status and keys."""

from __future__ import annotations

from collections.abc import Callable

from textual.strip import Strip

from rnnplay.tui.paint.palette import Palette
from rnnplay.tui.widgets import paint_bars
from rnnplay.tui.widgets.base import StripWidget, View
from rnnplay.tui.widgets.views import HealthView, StatusView


class StatusBar(StripWidget[StatusView]):
    """Bar for the state of the run: it grows by a row where a sentence is long."""

    DEFAULT_CSS = "StatusBar { height: 1; width: 100%; }"

    def render_strips(self, width: int, height: int) -> list[Strip]:
        painted = paint_bars.status(self.view, width, self.palette)
        if len(painted) != height:
            self.styles.height = len(painted)
        return painted


class Bar(StripWidget[View]):
    """A row painted by `painter(view, width, palette)`."""

    DEFAULT_CSS = "Bar { height: 1; width: 100%; }"

    def __init__(self, view: View, painter: Callable[[View, int, Palette], Strip], *, id: str) -> None:  # noqa: A002
        super().__init__(view, id=id)
        self._painter = painter

    def render_strips(self, width: int, height: int) -> list[Strip]:
        return [self._painter(self.view, width, self.palette)]


class HealthBar(StripWidget[HealthView]):
    """Bar for the run's problems: at most three pieces of advice in as many rows as they take; no row without any."""

    DEFAULT_CSS = "HealthBar { height: 0; width: 100%; }"

    def __init__(self, *, id: str) -> None:  # noqa: A002
        super().__init__(HealthView(), id=id)

    def repaint(self) -> None:
        width = self.size.width or self.app.size.width
        rows_wanted = len(paint_bars.advice(self.view, width, self.palette))
        if self.styles.height is None or self.styles.height.value != rows_wanted:
            self.styles.height = rows_wanted
        super().repaint()

    def render_strips(self, width: int, height: int) -> list[Strip]:
        return paint_bars.advice(self.view, width, self.palette)
