"""Where a person reads: which unit, which part of the text, and how that holds while traces come and go."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rnnplay.tui.paint.text import row_of
from rnnplay.tui.widgets.views import CellsView

if TYPE_CHECKING:
    from rnnplay.tui.session import RunSession
    from rnnplay.tui.widgets.panels import HeatmapPanel


class Selection:
    """Layer and unit count from 0 here; `top` is the first row shown of the piece that the trace is of."""

    def __init__(self) -> None:
        self.layer = self.unit = 0
        self.by_surprise = False
        self.restart()

    def restart(self) -> None:
        self.top = 0
        self.cursor: int | None = None
        self._awaited: int | None = None  # start of the piece that was asked for
        self._anchor = 0  # character of the whole text to be in the first row once that piece is there

    def view(self, session: RunSession, empty: str) -> CellsView:
        trace = session.trace
        if trace is None:
            return CellsView(empty=empty)
        values = trace.values.array()
        self.layer = min(self.layer, values.shape[0] - 1)
        self.unit = min(self.unit, values.shape[1] - 1)
        cursor = self.cursor if self.cursor is not None and self.cursor < len(trace.symbols) else None
        return CellsView(
            symbols=trace.symbols,
            values=values,
            scale=trace.scale,
            surprise=trace.surprise.array(),
            layer=self.layer,
            unit=self.unit,
            top=self.top,
            cursor=cursor,
            by_surprise=self.by_surprise,
            step=trace.step,
            start=trace.start,
            total=trace.total,
            state=trace.state,
            follows=session.cells.follows(self.layer, self.unit),
            best=session.cells.best,
        )

    def scroll(self, session: RunSession, panel: HeatmapPanel, by: int) -> int | None:
        """Move by rows; the start of another piece of the text where this one ends."""
        trace = session.trace
        if trace is None:
            return None
        lines = panel.layout_rows(trace.symbols)
        last = max(0, len(lines) - panel.text_size[1])
        wanted = self.top + by
        self.top = max(0, min(wanted, last))
        far = abs(by) > 10**6
        final = max(0, trace.total - session.trace_length)
        if wanted > last and trace.start + len(trace.symbols) < trace.total:
            self._anchor = trace.total if far else trace.start + lines[self.top][0]
            self._awaited = final if far else min(self._anchor, final)
        elif wanted < 0 and trace.start > 0:
            self._anchor = 0 if far else trace.start
            self._awaited = 0 if far else max(0, trace.start - session.trace_length // 2)
        else:
            return None
        return self._awaited

    def follow(self, session: RunSession, panel: HeatmapPanel) -> None:
        """Keep the place when another piece has come, and stay within the text when the panel has changed its size."""
        trace = session.trace
        if trace is None or not panel.size.width:
            return
        lines = panel.layout_rows(trace.symbols)
        if trace.start == self._awaited:
            self.top = row_of(lines, self._anchor - trace.start)
            self._awaited = self.cursor = None
        self.top = max(0, min(self.top, len(lines) - panel.text_size[1]))
