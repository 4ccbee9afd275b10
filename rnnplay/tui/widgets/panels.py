"""The panels that several places show: the text on the colour of one unit, and a text that is written."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from textual import events
from textual.message import Message
from textual.strip import Strip

from rnnplay.tui.paint.palette import Palette
from rnnplay.tui.paint.strips import Piece, paragraph
from rnnplay.tui.paint.text import row_of
from rnnplay.tui.widgets.base import Panel
from rnnplay.tui.widgets.views import CellsView

# NumPy is loaded by the painter of heatmaps, so not before the first paint.


def _paint(view: CellsView, width: int, height: int, palette: Palette, fills_screen: bool) -> list[Strip]:
    if view.values is None:
        return paragraph(view.empty, width, palette.dim, palette)
    from rnnplay.tui.widgets import paint_heatmap

    return paint_heatmap.heatmap(view, width, height, palette, fills_screen)


def _title(view: CellsView, palette: Palette) -> Sequence[Piece]:
    if view.values is None:
        return [("3 ", palette.accent), ("Cells", palette.title)]
    from rnnplay.tui.widgets import paint_heatmap

    return paint_heatmap.title(view, palette)


class HeatmapPanel(Panel[CellsView]):
    """The text on the colour of one unit. It keeps its place in the whole text when pieces and sizes change."""

    class CharacterClicked(Message):
        """A character was clicked. `index` counts over the whole text; None: beyond the end of a row."""

        def __init__(self, index: int | None) -> None:
            super().__init__()
            self.index = index

    def __init__(self, view: CellsView, *, id: str) -> None:  # noqa: A002
        super().__init__(view, _paint, _title, id=id)
        self.top_character = 0  # of the whole text, in the first row

    @property
    def text_size(self) -> tuple[int, int]:
        """Cells for the text: width and rows."""
        from rnnplay.tui.widgets import paint_heatmap

        width, rows = paint_heatmap.text_size(*self.inner_size, self.fills_screen, bool(self.view.explained))
        return width, max(rows, 1)  # a panel that is not seen has no size, and keeps its place all the same

    def layout_rows(self) -> Sequence[tuple[int, int]]:
        """Return the rows of the piece of text, each as (first, past the last) index into its symbols."""
        from rnnplay.tui.widgets import paint_heatmap

        return paint_heatmap.layout(self.view.symbols, self.text_size[0], self.palette)

    def _first_row(self) -> int:
        rows = self.layout_rows()
        row = row_of(rows, max(0, self.top_character - self.view.start))
        return max(0, min(row, len(rows) - self.text_size[1]))

    def repaint(self) -> None:
        if self.size.width and self.view.values is not None:
            self._view = replace(self.view, first_row=self._first_row())
        super().repaint()

    def scroll_rows(self, by: int) -> int:
        """Move by rows; return how many of them lie beyond the piece of text (negative: before it)."""
        if self.view.values is None:
            return 0
        rows = self.layout_rows()
        wanted = self._first_row() + by
        row = max(0, min(wanted, len(rows) - self.text_size[1]))
        self.top_character = self.view.start + rows[row][0]
        self.repaint()
        return wanted - row

    def show_character(self, index: int) -> None:
        """Scroll as little as needed for a character of the whole text to be seen."""
        rows, first = self.layout_rows(), self._first_row()
        if not rows:
            return
        row = max(0, min(row_of(rows, index - self.view.start), len(rows) - 1))
        self.top_character = self.view.start + rows[max(row - self.text_size[1] + 1, min(first, row))][0]
        self.repaint()

    def on_click(self, event: events.Click) -> None:
        if self.view.values is None or "@click" in event.style.meta:
            return
        from rnnplay.tui.widgets import paint_heatmap

        x, y = event.x - 2, event.y - 1
        width, height = self.text_size
        rows = self.layout_rows()
        row = self.view.first_row + y
        if 0 <= x < width and 0 <= y < height and row < len(rows):
            index = paint_heatmap.index_at(self.view, rows[row], x, self.palette)
            self.post_message(self.CharacterClicked(None if index is None else self.view.start + index))
