"""Help: every key, and how to read the panels."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.screen import ModalScreen
from textual.strip import Strip

from rnnplay.tui.paint import rows
from rnnplay.tui.paint.colour import Palette
from rnnplay.tui.panels.base import Panel
from rnnplay.tui.screens import keys

_KEYS = 13  # columns for them

READING = (
    ("Loss", "The line is a moving average over the training steps, the band its least and greatest values. A diamond "
     "is the loss on text that is never trained on. The dashed line is a simple predictor: a network below it has "
     "learned more than which letter follows which."),
    ("Gradient norm", "How long the gradient is before it is clipped. Above the dashed line it is shortened to it."),
    ("Cells", "A text that is never trained on, each character on the colour of one hidden unit as it reads it: red is "
     "negative, blue is positive, plain is near zero. Look for a unit that follows something you can name."),
    ("Sample", "The network draws a character, reads it, and draws the next. A low temperature takes what is "
     "likeliest, a high one dares more. The bars are the likeliest next characters."),
)  # fmt: skip


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
            painted.append(rows.row(pieces, width, palette))
        for name, words in self._reading:
            painted += [rows.blank(width, palette), rows.row([(name, palette.title)], width, palette)]
            painted += rows.paragraph(words, width, palette.text, palette)
        return painted

    def content(self, width: int, height: int) -> list[Strip]:
        return self.text(width)[self.view : self.view + height]

    def heading(self) -> Sequence[rows.Piece]:
        return [("Keys, and how to read the screen", self.palette.title)]

    def scroll_rows(self, by: int) -> None:
        width, height = rows.inner(*self.size)
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
        bindings: Sequence[Binding] = keys.PLAY,
        reading: Sequence[tuple[str, str]] | None = None,
    ) -> None:
        super().__init__()
        self.panel = HelpPanel(bindings, READING if reading is None else reading)
        self.panel.palette = palette

    def compose(self) -> ComposeResult:
        yield self.panel

    def on_mount(self) -> None:
        self.panel.focus()

    def action_rows(self, by: int) -> None:
        self.panel.scroll_rows(by)

    def on_panel_moved(self, event: Panel.Moved) -> None:
        self.panel.scroll_rows(event.by)
