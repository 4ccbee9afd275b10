"""A text that a network writes: each symbol on the colour of its probability, what was copied underlined.

Where it is stopped, the symbols that could stand there are listed beside it, and one of them can be chosen.
"""

from __future__ import annotations

from collections.abc import Sequence

from rich.cells import cell_len
from rich.style import Style
from textual.strip import Strip

from rnnplay.tui.paint.numbers import percent
from rnnplay.tui.paint.palette import Palette
from rnnplay.tui.paint.strips import Piece, bar, blank, clickable, exactly, fit, paragraph, row
from rnnplay.tui.paint.text import glyph, row_of, wrap
from rnnplay.tui.widgets.views import WrittenView

_SIDE = 24  # columns of the choices
_UNDERLINED = Style(underline=True)


def written(view: WrittenView, width: int, height: int, palette: Palette) -> list[Strip]:
    """The panel without its frame: the text, and the choices beside it or, where it is narrow, as its last rows."""
    if not view.text and not view.choices:
        return exactly(paragraph(view.empty, width, palette.dim, palette), height, width, palette)
    foot = [row([(fit(view.foot, width, palette.glyphs.ellipsis), palette.dim)], width, palette)] if view.foot else []
    if not view.choices:
        return [*text_rows(view, width, height - len(foot), palette), *foot]
    if width >= 2.4 * _SIDE:
        text = text_rows(view, width - _SIDE - 2, height - len(foot), palette)
        side = exactly(choices(view, _SIDE, palette), height - len(foot), _SIDE, palette)
        gap = blank(2, palette)
        return [*(Strip([*a, *gap, *b], width) for a, b in zip(text, side, strict=True)), *foot]
    below = choices(view, width, palette)[: max(0, height - len(foot) - 2)]
    return [*text_rows(view, width, height - len(foot) - len(below), palette), *below, *foot]


def text_rows(view: WrittenView, width: int, height: int, palette: Palette) -> list[Strip]:
    """`height` rows of the text: those around the cursor, else up to the last ones, `view.back` rows up."""
    rows = wrap(view.text, width, palette.glyphs)
    if not view.text or view.text[-1] == "\n":
        rows.append((len(view.text), len(view.text)))
    if view.cursor is not None:
        at = row_of(rows, view.cursor)
        end = min(len(rows), max(height, at + max(1, height // 3)))
        first = max(0, end - height)
    else:
        # The text moves up by a third of the panel at a time: between, one row alone changes.
        leap = max(1, height // 3)
        first = max(0, -(-max(0, len(rows) - height) // leap) * leap - view.back)
    return exactly(
        [_line(view, *span, width, palette) for span in rows[first : first + height]], height, width, palette
    )


def _line(view: WrittenView, first: int, past: int, width: int, palette: Palette) -> Strip:
    copied = range(view.copied[0], sum(view.copied)) if view.copied and view.copied[1] else range(0)
    pieces: list[Piece] = []
    for index in range(first, past):
        style = palette.chosen if index == view.cursor else _style(view, index, palette)
        if index in copied and index != view.cursor:
            style = style + _UNDERLINED
        shown = glyph(view.text[index], palette.glyphs)
        if pieces and pieces[-1][1] == style:
            pieces[-1] = (pieces[-1][0] + shown, style)
        else:
            pieces.append((shown, style))
    if past == len(view.text) == view.cursor:
        pieces.append((" ", palette.chosen))
    if past == len(view.text) and view.cursor is None and not view.back:
        pieces.append(("▏" if palette.glyphs.dots else "_", palette.accent if view.running else palette.dim))
    return row(pieces, width, palette)


def _style(view: WrittenView, index: int, palette: Palette) -> Style:
    if view.cursor is not None and index > view.cursor:
        return palette.dim
    if index < view.prompt:
        return palette.accent
    probability = view.probabilities[index]
    if probability is None:
        return palette.accent
    top = len(palette.chance) - 1
    return palette.chance[min(top, int(probability * top + 0.5))]


def choices(view: WrittenView, width: int, palette: Palette) -> list[Strip]:
    """What may stand at the cursor, the likeliest first; the chosen one stands out."""
    rows = []
    size = max(0, width - 13)
    for n, (symbol, probability) in enumerate(view.choices):
        shown = glyph(symbol, palette.glyphs) if symbol != " " else "␣" if palette.glyphs.dots else "_"
        pointer = palette.glyphs.pointer if n == view.chosen else " "
        style = clickable(palette.chosen if n == view.chosen else palette.text, f"screen.choose({n})")
        filled = bar(probability, size, palette)
        name = fit(shown, max(2, min(8, width - 10)), palette.glyphs.ellipsis)
        size = max(0, width - 10 - max(2, cell_len(name)))
        rows.append(
            row(
                [(f"{pointer} {name:<2} {percent(probability):>5} ", style), (filled[:size], palette.probability)],
                width,
                palette,
            )
        )
    return rows


def legend(palette: Palette) -> list[Piece]:
    """What the colours behind the symbols mean."""
    pieces: list[Piece] = [("unlikely ", palette.dim)]
    pieces += [("  " if palette.system != "none" else "ab", style) for style in palette.chance]
    return [*pieces, (" certain", palette.dim), ("   copied", palette.dim + _UNDERLINED)]


def written_title(view: WrittenView, palette: Palette) -> Sequence[Piece]:
    return [("Sample", palette.title), (f" {palette.glyphs.separator} {view.title}" if view.title else "", palette.dim)]
