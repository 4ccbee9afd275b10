"""The text that the network writes, with the characters that may come next as bars below it."""

from __future__ import annotations

from collections.abc import Sequence

from rich.cells import cell_len
from rich.style import Style
from textual.strip import Strip

from rnnplay.tui.forms.panel import form
from rnnplay.tui.paint.numbers import percent
from rnnplay.tui.paint.palette import Palette
from rnnplay.tui.paint.strips import Piece, bar, exactly, figures, fit, row
from rnnplay.tui.paint.text import glyph, wrap
from rnnplay.tui.places.play.views import SampleView

_FORM = 30  # columns of the fields while they are edited
_BAR = 10  # cells of a bar that is full


def candidates(view: SampleView, width: int, palette: Palette) -> Strip:
    """`next:` and the likeliest characters, each with its probability and a bar; as many as fit whole."""
    pieces: list[Piece] = [("next ", palette.dim)]
    room = width - 5
    size = max(4, min(_BAR, room // max(1, len(view.candidates)) - 9)) if view.candidates else _BAR
    for symbol, probability in view.candidates:
        shown = glyph(symbol, palette.glyphs) if symbol != " " else "␣" if palette.glyphs.dots else "_"
        filled = bar(probability, size, palette)
        entry: list[Piece] = [
            (f" {shown} ", palette.title),
            (f"{percent(probability):>5} ", palette.text),
            (filled + " " * (size - cell_len(filled)), palette.probability),
        ]
        used = sum(cell_len(text) for text, _ in entry)
        if used > room:
            break
        pieces += entry
        room -= used
    return row(pieces, width, palette)


def _style(probability: float, palette: Palette) -> Style:
    top = len(palette.chance) - 1
    return palette.chance[min(top, int(probability * top + 0.5))]


def text_rows(view: SampleView, width: int, height: int, palette: Palette) -> list[Strip]:
    """The last rows of the text, `view.back` rows up: the prompt bright, the rest plain or on its probability."""
    rows = wrap(view.text, width - 1, palette.glyphs)  # the last column is the cursor's
    if not view.done and view.text and view.text[-1] == "\n":
        rows.append((len(view.text), len(view.text)))
    end = max(min(height, len(rows)), len(rows) - view.back)
    offset = len(view.text) - len(view.probabilities)
    painted = []
    for first, past in rows[max(0, end - height) : end]:
        pieces: list[Piece] = []
        for index in range(first, past):
            shown = glyph(view.text[index], palette.glyphs)
            if index < view.prompt_length:
                style = palette.accent
            elif view.coloured and index >= offset:
                style = _style(view.probabilities[index - offset], palette)
            else:
                style = palette.dim if view.text[index] == "\n" else palette.text
            if pieces and pieces[-1][1] is style:
                pieces[-1] = (pieces[-1][0] + shown, style)
            else:
                pieces.append((shown, style))
        if past == len(view.text) and not view.done and not view.back:
            pieces.append(("▏" if palette.glyphs.dots else "_", palette.accent))
        painted.append(row(pieces, width, palette))
    return painted


def sample(view: SampleView, width: int, height: int, palette: Palette, full: bool = False) -> list[Strip]:
    """The panel without its frame: the text, and the candidates as its last row; the fields beside it while edited."""
    if view.form is not None:
        fields = exactly(form(view.form, _FORM, height, palette), height, _FORM, palette)
        beside = sample(_without_form(view), width - _FORM - 2, height, palette, full)
        gap = row([("  ", palette.blank)], 2, palette)
        return [Strip([*a, *gap, *b], width) for a, b in zip(fields, beside, strict=True)]
    last = [candidates(view, width, palette)] if view.candidates else []
    if full and view.facts:
        last = [row(figures(view.facts, palette, width=width), width, palette), *last]
    room = height - len(last)
    if not view.text:
        return exactly([row([(fit(view.empty, width), palette.dim)], width, palette)], room, width, palette) + last
    return exactly(text_rows(view, width, room, palette), room, width, palette) + last


def _without_form(view: SampleView) -> SampleView:
    from dataclasses import replace

    return replace(view, form=None)


def title(view: SampleView, palette: Palette) -> Sequence[Piece]:
    """The settings it is drawn with."""
    dot = f" {palette.glyphs.separator} "
    pieces: list[Piece] = [("4 ", palette.accent), ("Sample", palette.title)]
    for setting in view.settings:
        pieces.append((dot + setting, palette.dim))
    return pieces
