"""Moving through the text of Cells: the cursor by characters, rows and pages, on into the next piece."""

from __future__ import annotations

from rnnplay.tui.paint.wrap import row_of
from rnnplay.tui.panels.base import Panel
from rnnplay.tui.panels.cells import CellsPanel
from rnnplay.tui.reading import Reading
from rnnplay.tui.screens.beside import Beside


class InText(Beside):
    """A place with a text whose cursor moves."""

    reading: Reading
    text_panel: CellsPanel

    def paint_text(self) -> None:
        """Show the text as it is pointed at now."""

    def action_move(self, where: str) -> None:
        """The cursor by rows, pages or to an end; where the piece of text ends, on to the next one."""
        trace = self.session.trace
        if trace is None:
            return
        lines = self.text_panel.layout_rows(trace.symbols)
        page = max(1, self.text_panel.text_size[1] - 1)
        by = {"up": -1, "down": 1, "page_up": -page, "page_down": page, "home": -(10**9), "end": 10**9}[where]
        cursor = min(self.reading.cursor or 0, len(trace.symbols) - 1)
        line = row_of(lines, cursor)
        wanted = line + by
        if 0 <= wanted < len(lines):
            first, past = lines[wanted]
            self.reading.cursor = min(first + cursor - lines[line][0], past - 1)
        else:
            self.reading.cursor = 0 if by < 0 else len(trace.symbols) - 1
            start = self.reading.scroll(self.session, self.text_panel, by)
            if start is not None:
                self.soon(self.session.watch(start))
        self._keep_in_view()

    def action_point(self, by: int) -> None:
        trace = self.session.trace
        if trace is not None:
            self.reading.cursor = max(0, min((self.reading.cursor or 0) + by, len(trace.symbols) - 1))
            self._keep_in_view()

    def _keep_in_view(self) -> None:
        trace = self.session.trace
        if trace is not None and self.reading.cursor is not None:
            line = row_of(self.text_panel.layout_rows(trace.symbols), self.reading.cursor)
            tall = self.text_panel.text_size[1]
            self.reading.top = max(line - tall + 1, min(self.reading.top, line))
        self.paint_text()

    def on_panel_moved(self, event: Panel.Moved) -> None:
        for _ in range(abs(event.by)):
            self.action_move("down" if event.by > 0 else "up")

    def on_cells_panel_pointed(self, event: CellsPanel.Pointed) -> None:
        self.reading.cursor = event.index
        self.paint_text()
