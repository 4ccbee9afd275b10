"""The panels of Play: curves, the tasks, and the fourth panel with a sample or an example."""

from __future__ import annotations

from collections.abc import Sequence

from textual.strip import Strip

from rnnplay.tui.paint.palette import Palette
from rnnplay.tui.paint.strips import Piece, blank, exactly, paragraph
from rnnplay.tui.places.play import paint_tasks
from rnnplay.tui.places.play.example.views import ExampleView
from rnnplay.tui.places.play.views import CurveView, TasksView
from rnnplay.tui.widgets import paint_sampled_text
from rnnplay.tui.widgets.base import Panel
from rnnplay.tui.widgets.views import SampledTextView

# The painters of curves and examples load NumPy, so they are imported when there is something to paint.


def _curve(view: CurveView, width: int, height: int, palette: Palette, fills_screen: bool) -> list[Strip]:
    if not len(view.steps):
        message = paragraph(view.empty, width, palette.dim, palette)
        above = [blank(width, palette)] * max(0, (height - len(message)) // 2)
        return exactly([*above, *message], height, width, palette)
    from rnnplay.tui.places.play import paint_curve

    return paint_curve.plot(view, width, height, palette, fills_screen)


def _curve_title(view: CurveView, palette: Palette) -> Sequence[Piece]:
    name, _, more = view.title.partition(" · ")
    pieces = [(f"{view.number} ", palette.accent)] if view.number else []
    pieces.append((name, palette.title))
    return [*pieces, (f" {palette.glyphs.separator} {more}", palette.dim)] if more else pieces


class CurvePanel(Panel[CurveView]):
    """A curve, or what to say where there is none yet."""

    def __init__(self, view: CurveView, *, id: str) -> None:  # noqa: A002
        super().__init__(view, _curve, _curve_title, id=id)


def _task_title(_view: TasksView, palette: Palette) -> Sequence[Piece]:
    return [("1 ", palette.accent), ("Task", palette.title)]


class TaskPanel(Panel[TasksView]):
    """The tasks in their groups."""

    def __init__(self, *, id: str) -> None:  # noqa: A002
        super().__init__(TasksView(), paint_tasks.tasks, _task_title, id=id)

    def subtitle_text(self) -> Sequence[Piece]:
        return [(f"{self.view.cursor + 1} of {len(self.view.items)}", self.palette.dim)]


FourthView = SampledTextView | ExampleView


def _fourth(view: FourthView, width: int, height: int, palette: Palette, fills_screen: bool) -> list[Strip]:
    if isinstance(view, SampledTextView):
        return paint_sampled_text.sampled_text(view, width, height, palette, fills_screen)
    from rnnplay.tui.places.play.example import paint

    return paint.example(view, width, height, palette, fills_screen)


def _fourth_title(view: FourthView, palette: Palette) -> Sequence[Piece]:
    if isinstance(view, SampledTextView):
        return paint_sampled_text.title(view, palette)
    from rnnplay.tui.places.play.example import paint

    return paint.title(view, palette)


class SamplePanel(Panel[FourthView]):
    """A sample, or an example of the task."""

    def __init__(self, *, id: str) -> None:  # noqa: A002
        super().__init__(SampledTextView(number="4"), _fourth, _fourth_title, id=id)

    @property
    def last_row(self) -> int:
        """Return how far an example can be scrolled down."""
        if isinstance(self.view, SampledTextView):
            return 0
        from rnnplay.tui.places.play.example import paint

        return paint.max_first_row(self.view, *self.inner_size, self.palette, self.fills_screen)
