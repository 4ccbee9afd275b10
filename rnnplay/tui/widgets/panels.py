"""The text on the colour of one hidden unit."""

from __future__ import annotations

from collections.abc import Sequence

from textual import events
from textual.message import Message
from textual.strip import Strip

from rnnplay.tui.paint import strips
from rnnplay.tui.widgets import paint_sampled_text
from rnnplay.tui.widgets.base import Panel
from rnnplay.tui.widgets.views import CellsView, WrittenView


class HeatmapPanel(Panel[CellsView]):
    class CharacterClicked(Message):
        """A character was clicked."""

        def __init__(self, index: int | None) -> None:
            super().__init__()
            self.index = index

    def content(self, width: int, height: int) -> list[Strip]:
        if self.view.values is None:
            return strips.paragraph(self.view.empty, width, self.palette.dim, self.palette)
        from rnnplay.tui.widgets import paint_heatmap  # loads NumPy: not before the first paint

        return paint_heatmap.heatmap(self.view, width, height, self.palette, self.fills_screen)

    def title_text(self) -> Sequence[strips.Piece]:
        if self.view.values is None:
            return [("3 ", self.palette.accent), ("Cells", self.palette.title)]
        from rnnplay.tui.widgets import paint_heatmap

        return paint_heatmap.title(self.view, self.palette)

    @property
    def text_size(self) -> tuple[int, int]:
        """Cells for the text: width and rows."""
        from rnnplay.tui.widgets import paint_heatmap

        return paint_heatmap.text_size(*strips.inner(*self.size), self.fills_screen)

    def layout_rows(self, symbols: tuple[str, ...]) -> Sequence[tuple[int, int]]:
        """The rows of a text, as indices of its characters."""
        from rnnplay.tui.widgets import paint_heatmap

        return paint_heatmap.layout(symbols, self.text_size[0], self.palette)

    def on_click(self, event: events.Click) -> None:
        if self.view.values is None or "@click" in event.style.meta:
            return
        from rnnplay.tui.widgets import paint_heatmap

        x, y = event.x - 2, event.y - 1
        width, height = self.text_size
        lines = self.layout_rows(self.view.symbols)
        line = self.view.top + y
        if 0 <= x < width and 0 <= y < height and line < len(lines):
            self.post_message(self.CharacterClicked(paint_heatmap.index_at(self.view, lines[line], x, self.palette)))


class WrittenPanel(Panel[WrittenView]):
    def content(self, width: int, height: int) -> list[Strip]:
        return paint_sampled_text.written(self.view, width, height, self.palette)

    def title_text(self) -> Sequence[strips.Piece]:
        return paint_sampled_text.written_title(self.view, self.palette)
