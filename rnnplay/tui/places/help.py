"""Help: every key, and how to read the panels."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from rich.cells import cell_len
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.screen import ModalScreen
from textual.strip import Strip

from rnnplay.tui.paint.palette import Palette
from rnnplay.tui.paint.strips import Piece, blank, paragraph, row
from rnnplay.tui.places import keys
from rnnplay.tui.widgets.base import Panel

_KEYS = 13  # columns for them


def _title(_first_row: int, palette: Palette) -> Sequence[Piece]:
    return [("Keys, and how to read the screen", palette.title)]


class HelpPanel(Panel[int]):
    """The help text from row `view` on."""

    def __init__(self, bindings: Sequence[Binding], reading: Sequence[tuple[str, str]]) -> None:
        super().__init__(0, self._paint_text, _title, id="help")
        self._keys, self._reading = bindings, reading

    def text(self, width: int) -> list[Strip]:
        """Return all rows."""
        palette = self.palette
        painted: list[Strip] = []
        listed: dict[str, str] = {}
        for binding in (*self._keys, *keys.APP[:-1]):
            listed[binding.tooltip] = f"{listed.get(binding.tooltip, '')} {keys.shown(binding)}".strip()
        listed.setdefault("To the next panel", "tab")
        listed["Every action by its name"] = "^p"
        for tooltip, pressed in listed.items():
            left = f"{pressed:>{_KEYS}}  "
            for line in paragraph(tooltip, width - cell_len(left), palette.text, palette):
                painted.append(Strip.join([row([(left, palette.key)], cell_len(left), palette), line]))
                left = " " * cell_len(left)
        for name, words in self._reading:
            painted += [blank(width, palette), row([(name, palette.title)], width, palette)]
            painted += paragraph(words, width, palette.text, palette)
        return painted

    def _paint_text(self, first: int, width: int, height: int, _palette: Palette, _full: bool) -> list[Strip]:
        return self.text(width)[first : first + height]

    def scroll_rows(self, by: int) -> None:
        """Move by rows, and stop at the ends."""
        width, height = self.inner_size
        self.view = max(0, min(self.view + by, len(self.text(width)) - height))


class Help(ModalScreen[None]):
    """The help text over a place."""

    CSS = "Help { align: center middle; } Help #help { width: 86; max-width: 100%; height: 100%; }"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,question_mark,q,enter,space", "dismiss", "back", show=False),
        Binding("up", "rows(-1)", show=False),
        Binding("down", "rows(1)", show=False),
        Binding("pageup", "rows(-15)", show=False),
        Binding("pagedown", "rows(15)", show=False),
        Binding("home", "rows(-1000)", show=False),
        Binding("end", "rows(1000)", show=False),
    ]

    def __init__(self, palette: Palette, bindings: Sequence[Binding], reading: Sequence[tuple[str, str]]) -> None:
        """`bindings`: those of the place; `reading`: (heading, text) on how to read it."""
        super().__init__()
        self.panel = HelpPanel(bindings, reading)
        self.panel.palette = palette

    def compose(self) -> ComposeResult:
        yield self.panel

    def on_mount(self) -> None:
        self.panel.focus()

    def action_rows(self, by: int) -> None:
        """Scroll by rows."""
        self.panel.scroll_rows(by)

    def on_panel_scroll_requested(self, event: Panel.ScrollRequested) -> None:
        self.panel.scroll_rows(event.by)
