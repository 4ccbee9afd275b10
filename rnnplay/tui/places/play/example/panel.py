"""The text that the network writes."""

from __future__ import annotations

from collections.abc import Sequence

from textual.strip import Strip

from rnnplay.tui.paint import strips
from rnnplay.tui.places.play import paint_sample
from rnnplay.tui.places.play.views import SampleView
from rnnplay.tui.widgets.base import Panel


class SamplePanel(Panel[SampleView]):
    def content(self, width: int, height: int) -> list[Strip]:
        if self.view.example is not None:
            from rnnplay.tui.places.play.example import paint  # loads NumPy: not before the first paint

            return paint.example(self.view.example, width, height, self.palette, self.fills_screen)
        return paint_sample.sample(self.view, width, height, self.palette, self.fills_screen)

    def title_text(self) -> Sequence[strips.Piece]:
        if self.view.example is not None:
            from rnnplay.tui.places.play.example import paint

            return paint.title(self.view.example, self.palette)
        return paint_sample.title(self.view, self.palette)

    @property
    def furthest(self) -> int:
        """How far an example can be scrolled down."""
        from rnnplay.tui.places.play.example import paint

        shown = self.view.example
        return 0 if shown is None else paint.furthest(shown, *strips.inner(*self.size), self.palette, self.fills_screen)
