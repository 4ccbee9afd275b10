"""The panel of Sample's settings."""

from __future__ import annotations

from collections.abc import Sequence

from textual.strip import Strip

from rnnplay.tui.forms import panel
from rnnplay.tui.forms.editor import FormView
from rnnplay.tui.paint import strips
from rnnplay.tui.widgets.base import Panel


class DrawingPanel(Panel[FormView]):
    """How a sample is drawn: fields to edit."""

    def content(self, width: int, height: int) -> list[Strip]:
        return panel.form(self.view, width, height, self.palette)

    def title_text(self) -> Sequence[strips.Piece]:
        return [("e ", self.palette.accent), (self.view.title, self.palette.title)]
