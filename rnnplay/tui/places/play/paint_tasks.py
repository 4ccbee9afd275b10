"""The tasks in their groups: a heading, then a line each; with room beside each name stands what is learned."""

from __future__ import annotations

from textual.strip import Strip

from rnnplay.tui.paint.palette import Palette
from rnnplay.tui.paint.strips import Piece, clickable, exactly, fit, paragraph, row
from rnnplay.tui.places.play.views import TasksView

_WIDE = 76  # from here on each task has its line beside it
_NAME = 22


def tasks(view: TasksView, width: int, height: int, palette: Palette, full: bool = False) -> list[Strip]:
    """The list around the cursor; below it, where there is room, what the chosen task teaches."""
    lines: list[tuple[Strip, int | None]] = []
    group = None
    for n, item in enumerate(view.items):
        if item.group != group:
            if group is not None and full:
                lines.append((row([], width, palette), None))
            group = item.group
            lines.append((row([(group, palette.dim)], width, palette), None))
        lines.append((_item(view, n, width, palette), n))
    least = min(len(lines), 8)  # rows of the list
    texts = (_about(view, width, palette, whole) for whole in (True, False))
    about = next((text for text in texts if len(text) + 1 + least <= height), [])
    room = height - (len(about) + 1 if about else 0)
    at = next((n for n, (_, item) in enumerate(lines) if item == view.cursor), 0)
    first = max(0, min(at - room // 2, len(lines) - room))
    shown = [strip for strip, _ in lines[first : first + room]]
    if not about:
        return exactly(shown, height, width, palette)
    return [*exactly(shown, room, width, palette), row([], width, palette), *about]


def _item(view: TasksView, n: int, width: int, palette: Palette) -> Strip:
    item = view.items[n]
    running = item.name == view.running
    style = palette.chosen if n == view.cursor else palette.accent if running else palette.text
    pointer = palette.glyphs.pointer if running else " "
    wide = width >= _WIDE
    name = fit(item.name, _NAME - 2 if wide else width - 3, palette.glyphs.ellipsis)
    pieces: list[Piece] = [(f" {pointer} ", style), (f"{name:<{_NAME}}" if wide else name, style)]
    if wide:
        line = fit(item.summary, width - _NAME - 3, palette.glyphs.ellipsis)
        pieces.append((line, palette.chosen if n == view.cursor else palette.dim))
    if n == view.cursor:
        used = sum(len(text) for text, _ in pieces)
        pieces.append((" " * max(0, width - used), palette.chosen))
    return row([(text, clickable(style, f"screen.pick({n})")) for text, style in pieces], width, palette)


def _about(view: TasksView, width: int, palette: Palette, whole: bool) -> list[Strip]:
    """Paint what the chosen task teaches, or no more than its line."""
    if not view.items:
        return []
    item = view.items[view.cursor]
    line = paragraph(item.summary, width, palette.text, palette) if width < _WIDE else []
    return [*line, *paragraph(item.description, width, palette.dim, palette)] if whole else line
