"""Help: every key, and how to read the panels."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.screen import ModalScreen
from textual.strip import Strip

from rnnplay.tui.paint import strips
from rnnplay.tui.paint.palette import Palette
from rnnplay.tui.places import keys
from rnnplay.tui.widgets.base import Panel

_KEYS = 13  # columns for them


class HelpPanel(Panel[int]):
    """The help text from row `view` on."""

    def __init__(self, bindings: Sequence[Binding], reading: Sequence[tuple[str, str]]) -> None:
        super().__init__(0, id="help")
        self._keys, self._reading = bindings, reading

    def text(self, width: int) -> list[Strip]:
        """All rows."""
        palette = self.palette
        painted: list[Strip] = []
        told: dict[str, str] = {}
        for binding in (*self._keys, *keys.APP[:-1]):
            told[binding.tooltip] = f"{told.get(binding.tooltip, '')} {keys.shown(binding)}".strip()
        told |= {"To the next panel": "tab", "Every action by its name": "^p"}
        for tooltip, pressed in told.items():
            pieces = [(f"{pressed:>{_KEYS}}  ", palette.key), (tooltip, palette.text)]
            painted.append(strips.row(pieces, width, palette))
        for name, words in self._reading:
            painted += [strips.blank(width, palette), strips.row([(name, palette.title)], width, palette)]
            painted += strips.paragraph(words, width, palette.text, palette)
        return painted

    def content(self, width: int, height: int) -> list[Strip]:
        return self.text(width)[self.view : self.view + height]

    def title_text(self) -> Sequence[strips.Piece]:
        return [("Keys, and how to read the screen", self.palette.title)]

    def scroll_rows(self, by: int) -> None:
        width, height = strips.inner(*self.size)
        self.view = max(0, min(self.view + by, len(self.text(width)) - height))


class Help(ModalScreen[None]):
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

    def __init__(
        self,
        palette: Palette,
        bindings: Sequence[Binding],
        reading: Sequence[tuple[str, str]],
    ) -> None:
        super().__init__()
        self.panel = HelpPanel(bindings, reading)
        self.panel.palette = palette

    def compose(self) -> ComposeResult:
        yield self.panel

    def on_mount(self) -> None:
        self.panel.focus()

    def action_rows(self, by: int) -> None:
        self.panel.scroll_rows(by)

    def on_panel_scroll_requested(self, event: Panel.ScrollRequested) -> None:
        self.panel.scroll_rows(event.by)
