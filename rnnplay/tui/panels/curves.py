"""Loss and gradient norm over training steps."""

from __future__ import annotations

from collections.abc import Sequence

from textual.strip import Strip

from rnnplay.tui.paint import rows
from rnnplay.tui.panels.base import Panel
from rnnplay.tui.views import CurveView


class CurvePanel(Panel[CurveView | None]):
    """A curve, or what to say where there is none yet."""

    def __init__(self, number: str, heading: str, empty: str, *, id: str) -> None:  # noqa: A002
        super().__init__(None, id=id)
        self._number, self._heading, self._empty = number, heading, empty

    def content(self, width: int, height: int) -> list[Strip]:
        if self.view is None:
            message = rows.paragraph(self._empty, width, self.palette.dim, self.palette)
            above = [rows.blank(width, self.palette)] * max(0, (height - len(message)) // 2)
            return rows.exactly([*above, *message], height, width, self.palette)
        from rnnplay.tui.paint import curve  # loads NumPy: not before the first paint

        return curve.plot(self.view, width, height, self.palette, self.full)

    def heading(self) -> Sequence[rows.Piece]:
        title = self.view.title if self.view else self._heading
        name, _, more = title.partition(" · ")
        pieces = [(f"{self._number} ", self.palette.accent)] if self._number else []
        pieces.append((name, self.palette.title))
        if more:
            pieces.append((f" {self.palette.glyphs.separator} {more}", self.palette.dim))
        return pieces
