"""What all panels share: a view is painted once into strips, and only the rows that changed are sent."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from typing import Generic, TypeVar

from textual import events
from textual.geometry import Region
from textual.message import Message
from textual.strip import Strip
from textual.widget import Widget

from rnnplay.tui.paint.palette import Palette, palettes
from rnnplay.tui.paint.strips import Piece, frame, inner

View = TypeVar("View")

_PER_SEGMENT = 44  # bytes of escape codes around a run of cells, in truecolor


def estimate_bytes(strips: Sequence[Strip]) -> int:
    """About how many bytes it takes to send `strips`."""
    return sum(_PER_SEGMENT * len(strip) + strip.cell_length for strip in strips)


class StripWidget(Widget, Generic[View]):
    """A widget that shows `view`. Setting it paints; `render_line` only indexes."""

    def __init__(self, view: View, *, id: str | None = None) -> None:  # noqa: A002
        super().__init__(id=id)
        self._view = view
        self._strips: list[Strip] = []
        self.palette: Palette = palettes()[0]
        self.changed_bytes = 0  # bytes of rows that changed, about, since the last asking

    @property
    def view(self) -> View:
        return self._view

    @view.setter
    def view(self, view: View) -> None:
        self._view = view
        self.repaint()

    @abstractmethod
    def render_strips(self, width: int, height: int) -> list[Strip]:
        """The view as `height` strips of `width` cells."""

    def repaint(self) -> None:
        """Paint the view and mark the rows that differ from those on the screen."""
        width, height = self.size
        if not width or not height or not self.display:
            return
        self.update_strips(self.render_strips(width, height))

    def update_strips(self, fresh: list[Strip]) -> None:
        width = self.size.width
        old, self._strips = self._strips, fresh
        if len(old) != len(fresh) or (old and old[0].cell_length != width):
            self.changed_bytes += estimate_bytes(fresh)
            self.refresh()
            return
        changed = [y for y, (one, other) in enumerate(zip(fresh, old, strict=True)) if one != other]
        if changed:
            self.changed_bytes += estimate_bytes([fresh[y] for y in changed])
            self.refresh(*(Region(0, y, width, 1) for y in changed))

    def render_line(self, y: int) -> Strip:
        return self._strips[y] if y < len(self._strips) else Strip.blank(self.size.width, self.palette.blank)

    def on_resize(self, _event: events.Resize) -> None:
        self.repaint()

    def on_show(self, _event: events.Show) -> None:
        self.repaint()


class Panel(StripWidget[View]):
    """A framed, focusable panel with a title. `full`: it has the whole screen, and shows more."""

    can_focus = True
    fills_screen = False

    class ScrollRequested(Message):
        """A key or the wheel asks for the view to move: the screen knows what that means."""

        def __init__(self, panel: Panel[object], by: int, unit: str = "row") -> None:
            super().__init__()
            self.panel, self.by, self.unit = panel, by, unit

    @abstractmethod
    def content(self, width: int, height: int) -> list[Strip]:
        """What is inside the frame."""

    @abstractmethod
    def title_text(self) -> Sequence[Piece]:
        """What the top line says."""

    def subtitle_text(self) -> Sequence[Piece]:
        """What the bottom line says: nothing, if not where one is in something longer."""
        return ()

    def render_strips(self, width: int, height: int) -> list[Strip]:
        content = self.content(*inner(width, height))
        return frame(content, self.title_text(), width, height, self.palette, self.has_focus, self.subtitle_text())

    def watch_has_focus(self, _has_focus: bool) -> None:
        super().watch_has_focus(_has_focus)
        self.repaint()

    def on_mouse_scroll_down(self, event: events.MouseScrollDown) -> None:
        event.stop()
        self.post_message(self.ScrollRequested(self, 3))  # type: ignore[arg-type]

    def on_mouse_scroll_up(self, event: events.MouseScrollUp) -> None:
        event.stop()
        self.post_message(self.ScrollRequested(self, -3))  # type: ignore[arg-type]


WIDE, TALL = 100, 30  # from here on all panels


LEAST_WIDE, LEAST_TALL = 60, 16
