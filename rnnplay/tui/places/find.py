"""Finding units and going through them: what Play and Cells share."""

from __future__ import annotations

from collections.abc import Sequence

from rnnplay.tui.places.base import Place
from rnnplay.tui.widgets.panels import HeatmapPanel


class FindActions(Place):
    """A place with a heatmap: `/` names a feature, the arrows go through the units, best first once found."""

    heatmap: HeatmapPanel

    def action_find(self) -> None:
        """Ask which units follow a feature or a regular expression."""
        if self.session.facts is not None:
            self.ask_text("find", self.find, matches=self._matching_features)

    def _matching_features(self, text: str) -> Sequence[str]:
        return [name for name in self.session.cells.features if text.lower() in name.lower()]

    def find(self, pattern: str) -> None:
        """Ask which units follow `pattern`; a run that has stopped has to be loaded first."""
        if pattern and not self.load_if_stopped():
            self.session.cells.show_checkpoint(None)
            self.session.cells.find(pattern)
        self.repaint_topics({"cells", "answers"})

    def action_result(self, number: int) -> None:
        """Show one of the units that were found."""
        self.session.cells.select_result(number)
        self.repaint_topics({"cells", "answers"})

    def action_explained(self, name: str) -> None:
        """Show the unit that follows a feature best."""
        self.session.cells.select_explained(name)
        self.repaint_topics({"cells", "answers"})

    def action_direction(self) -> None:
        """Show all units of the layer together, or the unit again. Raises UserError before the first census."""
        self.session.cells.toggle_direction()
        self.repaint_topics({"cells", "answers"})

    def action_unit(self, by: int) -> None:
        """Show the unit before, or the next; best first, once something was found."""
        self.session.cells.step_unit(by)
        self.repaint_topics({"cells", "answers"})

    def action_go_to_unit(self, layer: int, unit: int) -> None:
        """Show this unit."""
        self.session.selection.select(layer, unit)
        self.repaint_topics({"cells", "answers"})

    def scroll_text(self, by: int) -> None:
        """Scroll by rows, on into the next piece of the text where this one ends."""
        trace = self.session.cells.trace
        beyond = self.heatmap.scroll_rows(by)
        if trace is None or not beyond:
            return
        last = max(0, trace.total - self.session.cells.length)
        start = None
        if beyond > 0 and trace.start + len(trace.symbols) < trace.total:
            to_end = by > 10**6
            start = last if to_end else min(self.heatmap.top_character, last)
            self.heatmap.top_character = trace.total - 1 if to_end else self.heatmap.top_character
        elif beyond < 0 and trace.start > 0:
            to_start = by < -(10**6)
            start = 0 if to_start else max(0, trace.start - self.session.cells.length // 2)
            self.heatmap.top_character = 0 if to_start else self.heatmap.top_character
        if start is not None and start != self.session.cells.start:
            self.session.cells.request_trace(start)
