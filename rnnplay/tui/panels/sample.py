"""The text that the network writes."""

from __future__ import annotations

from collections.abc import Sequence

from textual.strip import Strip

from rnnplay.tui.paint import rows, sample
from rnnplay.tui.panels.base import Panel
from rnnplay.tui.views import SampleView


class SamplePanel(Panel[SampleView]):
    def content(self, width: int, height: int) -> list[Strip]:
        if self.view.example is not None:
            from rnnplay.tui.paint import example  # loads NumPy: not before the first paint

            return example.example(self.view.example, width, height, self.palette, self.full)
        return sample.sample(self.view, width, height, self.palette, self.full)

    def heading(self) -> Sequence[rows.Piece]:
        if self.view.example is not None:
            from rnnplay.tui.paint import example

            return example.title(self.view.example, self.palette)
        return sample.title(self.view, self.palette)

    @property
    def furthest(self) -> int:
        """How far an example can be scrolled down."""
        from rnnplay.tui.paint import example

        shown = self.view.example
        return 0 if shown is None else example.furthest(shown, *rows.inner(*self.size), self.palette, self.full)
