"""The lines around the panels: what is being learned, how it stands, which keys do what, and the tabs."""

from __future__ import annotations

from rich.cells import cell_len
from textual.strip import Strip

from rnnplay.tui.paint.palette import Palette
from rnnplay.tui.paint.strips import Piece, blank, clickable, fit, flow, row, spread
from rnnplay.tui.widgets.base import LEAST_TALL, LEAST_WIDE
from rnnplay.tui.widgets.views import HeaderView, HealthView, KeysView, StatusView, TabsView


def header(view: HeaderView, width: int, palette: Palette) -> Strip:
    """The program's name, task and network at the left; state, step and speed at the right."""
    dot = f" {palette.glyphs.separator} "
    left, right = list(view.left), list(view.right)

    def length() -> int:
        words = [*left, view.state, *right]
        return 11 + 3 + sum(cell_len(word) + 3 for word in words if word)

    while length() > width and (len(right) > 1 or len(left) > 1):
        (right if len(right) > 1 and len(right) >= len(left) - 1 else left).pop()
    pieces: list[Piece] = [(" rnnplay  ", palette.accent)]
    pieces.append((f" {dot.join(left)}", palette.text))
    mood = {"good": palette.good, "bad": palette.bad}.get(view.mood, palette.text)
    end: list[Piece] = [(view.state, mood)] if view.state else []
    end.append(("".join(dot + word for word in right), palette.text))
    return spread(pieces, [*end, (" ", palette.blank)], width, palette)


def status(view: StatusView, width: int, palette: Palette) -> list[Strip]:
    """Paint what is the case, and what to do: one row, or as many as it takes, so that neither is cut."""
    mood = {"good": palette.good, "bad": palette.bad}.get(view.mood, palette.text)
    pieces = [(view.text, mood), (view.remedy, palette.dim)]
    with_more = flow([*pieces, (view.more, palette.dim)], max(1, width - 2), palette)
    lines = with_more if len(with_more) == 1 else flow(pieces, max(1, width - 2), palette)
    margin = blank(1, palette)
    return [Strip([*margin, *line, *margin], width) for line in lines[:3]] or [blank(width, palette)]


def keys(view: KeysView, width: int, palette: Palette) -> Strip:
    """Paint as many keys as fit whole, in order; the last ones, `view.always`, are always there."""
    if not view.keys:
        return row([], width, palette)
    sizes = [cell_len(hint.key) + cell_len(hint.label) + 3 for hint in view.keys]
    always = list(range(max(0, len(view.keys) - view.always), len(view.keys)))
    room = width - sum(sizes[n] for n in always)
    shown = []
    for n in range(len(view.keys) - len(always)):
        if sizes[n] > room:
            break
        room -= sizes[n]
        shown.append(n)
    pieces: list[Piece] = []
    for n in [*shown, *always]:
        hint = view.keys[n]
        pieces += [
            (" ", palette.blank),
            (hint.key, clickable(palette.key, hint.action)),
            (f" {hint.label} ", clickable(palette.dim, hint.action)),
        ]
    return row(pieces, width, palette)


def tabs(view: TabsView, width: int, palette: Palette) -> Strip:
    """The panels' names; the one that is shown stands out."""
    pieces: list[Piece] = []
    for n, name in enumerate(view.names):
        style = palette.chosen if n == view.active else palette.dim
        number = palette.chosen if n == view.active else palette.key
        action = f"screen.panel({n + 1})"
        pieces += [
            (" ", palette.blank),
            (f" {n + 1}", clickable(number, action)),
            (f" {name} ", clickable(style, action)),
        ]
    return row(pieces, width, palette)


def advice(view: HealthView, width: int, palette: Palette, most: int = 3) -> list[Strip]:
    """Paint what is wrong, the worst first: its name, its cause, what to try; as many rows as it takes."""
    margin = blank(1, palette)
    rows = []
    for one in view.advice[:most]:
        pieces = [(f"{one.name}:", palette.bad), (one.cause, palette.text), (one.remedy, palette.accent)]
        rows += [Strip([*margin, *line, *margin], width) for line in flow(pieces, max(1, width - 2), palette)]
    return rows


def too_small(_view: str, width: int, palette: Palette) -> Strip:
    """The line that says which size is needed."""
    return row([(fit(f"rnnplay needs {LEAST_WIDE}x{LEAST_TALL} cells.", width), palette.text)], width, palette)
