"""Rows of styled cells: built piece by piece, cut to a width, framed with a title."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import lru_cache

from rich.cells import cell_len, set_cell_size
from rich.segment import Segment
from rich.style import Style
from textual.strip import Strip

from rnnplay.tui.paint.palette import Palette
from rnnplay.tui.paint.text import show

Piece = tuple[str, Style]

_PLAIN = str.maketrans("·→←↑↓…“”–×█▸‹›", '|><^v~""-x#><>') | {ord("ρ"): "rho"}


@lru_cache(4096)
def clickable(style: Style, action: str) -> Style:
    """`style` that does `action` (as Textual names it) when it is clicked."""
    return style + Style.from_meta({"@click": action})


def fit(text: str, width: int, ellipsis: str = "…") -> str:
    """`text` in at most `width` cells; what is cut is said by an ellipsis."""
    if width <= 0:
        return ""
    if cell_len(text) <= width:
        return text
    return set_cell_size(text, width - 1).rstrip() + ellipsis


def padded(text: str, width: int) -> str:
    """`text` with spaces behind it up to `width` cells."""
    return text + " " * (width - cell_len(text))


def row(pieces: Iterable[Piece], width: int, palette: Palette) -> Strip:
    """The pieces as a strip of exactly `width` cells: the rest is blank, what is too long is cut."""
    return _row(tuple(pieces), width, palette)


@lru_cache(1024)  # most rows of a panel are as they were when it was painted last
def _row(pieces: tuple[Piece, ...], width: int, palette: Palette) -> Strip:
    segments: list[Segment] = []
    left = width
    for text, style in pieces:
        if left <= 0 or not text:
            continue
        text = show(text, palette.glyphs)  # no text reaches the terminal by another way
        if not palette.glyphs.dots and not text.isascii():
            text = text.translate(_PLAIN).encode("ascii", "replace").decode()
        size = cell_len(text)
        if size > left:
            text, size = fit(text, left, palette.glyphs.ellipsis), left
            size = cell_len(text)
        left -= size
        if segments and segments[-1].style == style:
            segments[-1] = Segment(segments[-1].text + text, style)
        else:
            segments.append(Segment(text, style))
    if left > 0:
        segments.append(Segment(" " * left, palette.blank))
    return Strip(segments, width)


def spread(left: Sequence[Piece], right: Sequence[Piece], width: int, palette: Palette) -> Strip:
    """`left` at the left edge, `right` at the right one; where both do not fit, the left is cut."""
    size = sum(cell_len(text) for text, _ in right)
    room = width - size - 1
    if room < 8:
        return row(right, width, palette) if size else row(left, width, palette)
    start = row(left, room, palette)
    return Strip([*start, Segment(" ", palette.blank), *(Segment(t, s) for t, s in right)], width)


def blank(width: int, palette: Palette) -> Strip:
    return Strip([Segment(" " * width, palette.blank)], width)


def exactly(rows: list[Strip], height: int, width: int, palette: Palette) -> list[Strip]:
    """`height` rows: cut at the end, or filled with blank ones."""
    empty = blank(width, palette)
    return rows[:height] + [empty] * (height - len(rows))


def inner(width: int, height: int) -> tuple[int, int]:
    """The cells inside a frame of `width` x `height`, with one column of air on each side."""
    return max(0, width - 4), max(0, height - 2)


def whole_parts(pieces: Sequence[Piece], width: int, palette: Palette) -> list[Piece]:
    """`pieces` without the last of the parts between separators where all do not fit: better none than half of one."""
    shown = list(pieces)
    between = f" {palette.glyphs.separator} "
    while sum(cell_len(text) for text, _ in shown) > width and shown and between in shown[-1][0]:
        text, style = shown.pop()
        if (rest := text[: text.rindex(between)]) or not shown:
            shown.append((rest, style))
    return shown


def frame(
    rows: list[Strip],
    title: Sequence[Piece],
    width: int,
    height: int,
    palette: Palette,
    focused: bool = False,
    foot: Sequence[Piece] = (),
) -> list[Strip]:
    """`rows` (of the inner size) in a box with a title in its top line and, if there is one, a foot in its last."""
    top_left, top_right, bottom_left, bottom_right, line, side = tuple(palette.glyphs.box)
    style = palette.focus if focused else palette.border

    def edge(first: str, pieces: Sequence[Piece], last: str) -> Strip:
        parts: list[Piece] = [(first, style)]
        if pieces and width > 8:
            pieces = whole_parts(pieces, width - 5, palette)
            words = row(pieces, min(width - 5, sum(cell_len(t) for t, _ in pieces)), palette)
            parts += [(line if len(first + line) > 0 else "", style), (" ", palette.blank)]
            parts += [(s.text, s.style or palette.blank) for s in words]
            parts += [(" ", palette.blank)]
        used = sum(cell_len(t) for t, _ in parts)
        parts.append((line * (width - used - 1), style))
        parts.append((last, style))
        return row(parts, width, palette)

    content_width, content_height = inner(width, height)
    left, right = Segment(side, style), Segment(side, style)
    air = Segment(" ", palette.blank)
    framed = [edge(top_left, title, top_right)]
    for content in exactly(rows, content_height, content_width, palette):
        framed.append(Strip([left, air, *content, air, right], width))
    framed.append(edge(bottom_left, foot, bottom_right))
    return framed


def figures(
    pairs: Iterable[tuple[str, str]], palette: Palette, gap: str = "  ", width: int | None = None
) -> list[Piece]:
    """`label value` pairs, the label dim, the value plain; with a `width`, as many as fit whole."""
    pieces: list[Piece] = []
    used = -len(gap)
    for n, (label, value) in enumerate(pairs):
        used += len(gap) + cell_len(label) + bool(label) + cell_len(value)
        if width is not None and used > width:
            break
        if n:
            pieces.append((gap, palette.blank))
        if label:
            pieces.append((f"{label} ", palette.dim))
        pieces.append((value, palette.text))
    return pieces


def flow(pieces: Iterable[Piece], width: int, palette: Palette) -> list[Strip]:
    """Pieces wrapped at words into rows of `width` cells, each word in its piece's style."""
    painted: list[Strip] = []
    line: list[Piece] = []
    used = 0
    for text, style in pieces:
        for word in text.split():
            size = cell_len(word)
            if line and used + 1 + size > width:
                painted.append(row(line, width, palette))
                line, used = [], 0
            if line:
                line.append((" ", style))
                used += 1
            line.append((word, style))
            used += size
    return [*painted, row(line, width, palette)] if line else painted


def paragraph(text: str, width: int, style: Style, palette: Palette) -> list[Strip]:
    """`text` wrapped at words into rows of `width` cells."""
    return flow([(text, style)], width, palette)


def bar(share: float, width: int, palette: Palette) -> str:
    """`share` (0..1) of `width` cells, in eighths; at least a sliver for what is more than nothing."""
    eighths = round(max(0.0, min(1.0, share)) * width * 8)
    whole, rest = divmod(eighths, 8)
    last = palette.glyphs.eighths[rest - 1] if rest else ""
    return palette.glyphs.eighths[-1] * whole + last.strip()
