"""Loss and gradient norm over training steps."""

from __future__ import annotations

from collections.abc import Sequence

from textual.strip import Strip

from rnnplay.tui.forms import panel
from rnnplay.tui.forms.editor import FormView
from rnnplay.tui.paint import strips
from rnnplay.tui.places.play import paint_tasks
from rnnplay.tui.places.play.views import CurveView, TasksView
from rnnplay.tui.widgets.base import Panel


class CurvePanel(Panel[CurveView | None]):
    """A curve, or what to say where there is none yet."""

    def __init__(self, number: str, heading: str, empty: str, *, id: str) -> None:  # noqa: A002
        super().__init__(None, id=id)
        self._number, self._heading, self._empty = number, heading, empty

    def content(self, width: int, height: int) -> list[Strip]:
        if self.view is None:
            message = strips.paragraph(self._empty, width, self.palette.dim, self.palette)
            above = [strips.blank(width, self.palette)] * max(0, (height - len(message)) // 2)
            return strips.exactly([*above, *message], height, width, self.palette)
        from rnnplay.tui.places.play import paint_curve  # loads NumPy: not before the first paint

        return paint_curve.plot(self.view, width, height, self.palette, self.fills_screen)

    def title_text(self) -> Sequence[strips.Piece]:
        title = self.view.title if self.view else self._heading
        name, _, more = title.partition(" · ")
        pieces = [(f"{self._number} ", self.palette.accent)] if self._number else []
        pieces.append((name, self.palette.title))
        if more:
            pieces.append((f" {self.palette.glyphs.separator} {more}", self.palette.dim))
        return pieces


class TaskPanel(Panel[TasksView]):
    def content(self, width: int, height: int) -> list[Strip]:
        return paint_tasks.tasks(self.view, width, height, self.palette, self.fills_screen)

    def subtitle_text(self) -> Sequence[strips.Piece]:
        return [(f"{self.view.cursor + 1} of {len(self.view.items)}", self.palette.dim)]

    def title_text(self) -> Sequence[strips.Piece]:
        return [("1 ", self.palette.accent), ("Task", self.palette.title)]


class SettingsPanel(Panel[FormView]):
    """The settings; while it is focused, keys edit them."""

    def content(self, width: int, height: int) -> list[Strip]:
        return panel.form(self.view, width, height, self.palette)

    def title_text(self) -> Sequence[strips.Piece]:
        return [("e ", self.palette.accent), (self.view.title, self.palette.title)]
