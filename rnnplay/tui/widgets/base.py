"""Base of all widgets: a view is painted once into strips, and only the rows that changed are sent."""

from __future__ import annotations

import logging
from abc import abstractmethod
from collections.abc import Callable, Sequence
from typing import Any, Generic, TypeVar

from textual import events
from textual.geometry import Region
from textual.message import Message
from textual.strip import Strip
from textual.widget import Widget

from rnnplay.tui.paint.palette import Palette, palettes
from rnnplay.tui.paint.strips import Piece, frame, inner

View = TypeVar("View")

WIDE, TALL = 100, 30  # from here on all panels
LEAST_WIDE, LEAST_TALL = 60, 16
_BYTES_PER_SEGMENT = 44  # of escape codes around a run of cells, in truecolor
_log = logging.getLogger(__name__)


def estimate_bytes(strips: Sequence[Strip]) -> int:
    """Return about how many bytes it takes to send `strips`."""
    return sum(_BYTES_PER_SEGMENT * len(strip) + strip.cell_length for strip in strips)


def is_tabbed(width: int, height: int) -> bool:
    """Return whether one tab at a time fits."""
    return width < WIDE or height < TALL


class PaintFailed(Message):
    """A widget could not be painted: the program itself is at fault."""

    def __init__(self, widget: Widget, error: Exception) -> None:
        super().__init__()
        self.widget, self.error = widget, error


class StripWidget(Widget, Generic[View]):
    """A widget that shows `view`. Setting it paints; `render_line` only indexes."""

    def __init__(self, view: View, *, id: str | None = None) -> None:  # noqa: A002
        super().__init__(id=id)
        self._view = view
        self._strips: list[Strip] = []
        self.palette: Palette = palettes()[0]
        self.changed_bytes = 0  # about, of the rows that changed since this was last set to 0

    @property
    def view(self) -> View:
        return self._view

    @view.setter
    def view(self, view: View) -> None:
        self._view = view
        self.repaint()

    @abstractmethod
    def render_strips(self, width: int, height: int) -> list[Strip]:
        """Return the view as `height` strips of `width` cells."""

    def repaint(self) -> None:
        """Paint the view and refresh the rows that differ from those on the screen. A failure is posted, not raised."""
        width, height = self.size
        if not width or not height or not self.display:
            return
        try:
            strips = self.render_strips(width, height)
        except Exception as error:
            _log.exception("%s could not be painted.", self)
            self.post_message(PaintFailed(self, error))
            return
        self.update_strips(strips)

    def update_strips(self, strips: list[Strip]) -> None:
        """Replace the painted rows and refresh only those that differ from the rows on the screen.

        strips: `self.size.height` strips of `self.size.width` cells. Another number or width of rows refreshes the
        whole widget. Adds the estimated bytes of the refreshed rows to `changed_bytes`, which the byte budget reads.
        """
        width = self.size.width
        old, self._strips = self._strips, strips
        if len(old) != len(strips) or (old and old[0].cell_length != width):
            self.changed_bytes += estimate_bytes(strips)
            self.refresh()
            return
        changed = [y for y, (one, other) in enumerate(zip(strips, old, strict=True)) if one != other]
        if changed:
            self.changed_bytes += estimate_bytes([strips[y] for y in changed])
            self.refresh(*(Region(0, y, width, 1) for y in changed))

    def render_line(self, y: int) -> Strip:
        return self._strips[y] if y < len(self._strips) else Strip.blank(self.size.width, self.palette.blank)

    def on_resize(self, _event: events.Resize) -> None:
        self.repaint()

    def on_show(self, _event: events.Show) -> None:
        self.repaint()


Painter = Callable[[Any, int, int, Palette, bool], list[Strip]]
Titler = Callable[[Any, Palette], Sequence[Piece]]


class Panel(StripWidget[View]):
    """A framed, focusable panel with a title. `fills_screen`: it has the whole screen, and shows more."""

    can_focus = True
    fills_screen = False

    class ScrollRequested(Message):
        """A key or the wheel asks for the view to move by so many rows: the screen knows what that means."""

        def __init__(self, panel: Panel[Any], by: int) -> None:
            super().__init__()
            self.panel, self.by = panel, by

    def __init__(self, view: View, paint: Painter, title: Titler, *, id: str) -> None:  # noqa: A002
        """`paint(view, width, height, palette, fills_screen)` returns the rows inside the frame."""
        super().__init__(view, id=id)
        self._paint, self._title = paint, title

    @property
    def inner_size(self) -> tuple[int, int]:
        """Cells inside the frame: width and height."""
        return inner(*self.size)

    def subtitle_text(self) -> Sequence[Piece]:
        """Return what the bottom line says."""
        return ()

    def render_strips(self, width: int, height: int) -> list[Strip]:
        rows = self._paint(self.view, *inner(width, height), self.palette, self.fills_screen)
        title = self._title(self.view, self.palette)
        return frame(rows, title, width, height, self.palette, self.has_focus, self.subtitle_text())

    def watch_has_focus(self, _has_focus: bool) -> None:
        super().watch_has_focus(_has_focus)
        self.repaint()

    def on_mouse_scroll_down(self, event: events.MouseScrollDown) -> None:
        event.stop()
        self.post_message(self.ScrollRequested(self, 3))

    def on_mouse_scroll_up(self, event: events.MouseScrollUp) -> None:
        event.stop()
        self.post_message(self.ScrollRequested(self, -3))
