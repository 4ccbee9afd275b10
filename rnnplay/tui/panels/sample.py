"""The text that the network writes."""

from __future__ import annotations

from collections.abc import Sequence

from textual.strip import Strip

from rnnplay.tui.paint import rows, sample
from rnnplay.tui.panels.base import Panel
from rnnplay.tui.views import SampleView


class SamplePanel(Panel[SampleView]):
    def content(self, width: int, height: int) -> list[Strip]:
        return sample.sample(self.view, width, height, self.palette, self.full)

    def heading(self) -> Sequence[rows.Piece]:
        return sample.title(self.view, self.palette)
