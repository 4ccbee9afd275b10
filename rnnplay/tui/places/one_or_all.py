"""A place whose panels stand side by side where there is room, and one at a time in a small terminal."""

from __future__ import annotations

from typing import Any

from textual.widget import Widget

from rnnplay.tui.places.ask_live import LiveQuestions
from rnnplay.tui.widgets.base import Panel, is_tabbed


class OneOrAllPanels(LiveQuestions):
    """`order`: the panels as tab goes through them; `tab`: place of the one that is shown alone."""

    order: tuple[Panel[Any], ...]
    tab = 0

    def first_panel(self) -> Widget:
        return self.order[self.tab]

    def show_one_or_all(self, width: int, height: int) -> str | None:
        """Show the panels that fit; return the id of the one that has the place alone, None: all are shown."""
        alone = self.full if self.full is not None else self.order[self.tab].id if is_tabbed(width, height) else None
        for panel in self.order:
            panel.display = alone is None or panel.id == alone
            panel.fills_screen = panel.id == self.full
        return alone

    def action_next_panel(self) -> None:
        """Focus the next panel."""
        self.tab = (self.tab + 1) % len(self.order)
        self.full = None
        self.lay_out(*self.size)
        self.set_focus(self.order[self.tab])
