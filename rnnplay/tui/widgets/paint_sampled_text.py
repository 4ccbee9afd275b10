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
from rnnplay.tui.paint.strips import Piece, bar, blank, clickable, exactly, figures, fit, padded, paragraph, row
from rnnplay.tui.paint.text import glyph, row_of, visible, wrap
from rnnplay.tui.widgets.views import SampledTextView

_SIDE = 24  # columns of the choices
_BAR = 10  # cells of a bar that is full
_LEAP_ROWS = 12  # from so many rows on the text moves up by a third of them at a time
_UNDERLINED = Style(underline=True)


def sampled_text(view: SampledTextView, width: int, height: int, palette: Palette, full: bool = False) -> list[Strip]:
    """The panel without its frame: the text, choices beside or below it, and as last rows figures and candidates."""
    last = [row(figures(view.key_figures, palette, width=width), width, palette)] if full and view.key_figures else []
    last += paragraph(view.foot, width, palette.dim, palette) if view.foot else []
    last += candidate_rows(view, width, palette) if view.candidates else []
    room = height - len(last)
    if not view.text and not view.choices:
        return exactly(paragraph(view.empty, width, palette.dim, palette), room, width, palette) + last
    if not view.choices:
        return [*text_rows(view, width, room, palette), *last]
    if width >= 2.4 * _SIDE:
        text = text_rows(view, width - _SIDE - 2, room, palette)
        side = exactly(choice_rows(view, _SIDE, palette), room, _SIDE, palette)
        gap = blank(2, palette)
        return [*(Strip([*a, *gap, *b], width) for a, b in zip(text, side, strict=True)), *last]
    below = choice_rows(view, width, palette)[: max(0, room - 2)]
    return [*text_rows(view, width, room - len(below), palette), *below, *last]


def text_rows(view: SampledTextView, width: int, height: int, palette: Palette) -> list[Strip]:
    """`height` rows of the text: those around the cursor, else up to the last ones, `view.rows_from_end` rows up."""
    rows = wrap(view.text, width - 1, palette.glyphs)  # the last column is the cursor's
    if not view.text or view.text[-1] == "\n":
        rows.append((len(view.text), len(view.text)))
    if view.cursor is not None:
        at = row_of(rows, view.cursor)
        end = min(len(rows), max(height, at + max(1, height // 3)))
        first = max(0, end - height)
    else:
        # A tall text moves up by a third of the panel at a time: between, one row alone changes.
        leap = height // 3 if height >= _LEAP_ROWS else 1
        first = max(0, -(-max(0, len(rows) - height) // leap) * leap - view.rows_from_end)
    spans = rows[first : first + height]
    return exactly([_line(view, *span, width, palette) for span in spans], height, width, palette)


def _line(view: SampledTextView, first: int, past: int, width: int, palette: Palette) -> Strip:
    copied = range(view.copied[0], sum(view.copied)) if view.copied and view.copied[1] else range(0)
    cursor = "▏" if palette.glyphs.dots else "_"
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
    if past == len(view.text) and view.cursor is None and not view.rows_from_end and not view.done:
        pieces.append((cursor, palette.accent if view.running else palette.dim))
    return row(pieces, width, palette)


def _style(view: SampledTextView, index: int, palette: Palette) -> Style:
    if view.cursor is not None and index > view.cursor:
        return palette.dim
    probability = view.probabilities[index]
    if index < view.prompt or (view.coloured and probability is None):
        return palette.accent
    if not view.coloured or probability is None:
        return palette.dim if view.text[index] == "\n" else palette.text
    top = len(palette.probability_ramp) - 1
    return palette.probability_ramp[min(top, int(probability * top + 0.5))]


def choice_rows(view: SampledTextView, width: int, palette: Palette) -> list[Strip]:
    """Paint what may stand at the cursor, the likeliest first: the network's p, p as drawn, and a line at the cut."""
    rows = []
    if view.drawn:
        rows.append(row([("  network ", palette.probability), ("as drawn", palette.loss)], width, palette))
    for n, (symbol, probability) in enumerate(view.choices):
        pointer = palette.glyphs.pointer if n == view.chosen else " "
        style = clickable(palette.chosen if n == view.chosen else palette.text, f"screen.choose({n})")
        name = fit(visible(symbol, palette.glyphs), max(2, min(8, width - 10)), palette.glyphs.ellipsis)
        room = max(0, width - 10 - max(2, cell_len(name)))
        words = f"{pointer} {padded(name, 2)} {percent(probability):>5} "
        filled = bar(probability, max(0, width - 13), palette)[:room]
        rows.append(row([(words, style), (filled, palette.probability)], width, palette))
        if n < len(view.drawn):
            words = f"{percent(view.drawn[n]):>{cell_len(words) - 1}} "
            filled = bar(view.drawn[n], max(0, width - 13), palette)[:room]
            rows.append(row([(words, palette.dim), (filled, palette.loss)], width, palette))
        if view.cut and n + 1 == view.drawable:
            line = f"{palette.glyphs.dash * 2} cut: {view.cut} "
            line += palette.glyphs.dash * (width - cell_len(line))
            rows.append(row([(line, palette.accent)], width, palette))
    if view.cut and view.drawable > len(view.choices):
        rows.append(row([(f"  {view.drawable} can be drawn: {view.cut}", palette.accent)], width, palette))
    return rows


def candidate_rows(view: SampledTextView, width: int, palette: Palette) -> list[Strip]:
    """`next` and the likeliest symbols, each with its probability and a bar; below, as they are drawn.

    As many as fit whole; an upright line stands where the others are cut off.
    """
    above: list[Piece] = [("next ", palette.dim)]
    below: list[Piece] = [("drawn", palette.dim)]
    room = width - 5
    size = max(4, min(_BAR, room // len(view.candidates) - 9))
    for n, (symbol, probability) in enumerate(view.candidates):
        name = f" {visible(symbol, palette.glyphs)} "
        cut = f" {palette.glyphs.box[5]}" if view.cut and n + 1 == view.drawable else ""
        if (used := cell_len(name) + 6 + size + len(cut)) > room:
            break
        room -= used
        above += [(name, palette.title), *_chance(probability, size, palette.probability, palette)]
        above.append((cut, palette.accent))
        if n < len(view.drawn):
            below += [(" " * cell_len(name), palette.blank), *_chance(view.drawn[n], size, palette.loss, palette)]
            below.append((cut, palette.accent))
    if view.cut and view.drawable > len(view.candidates):
        below.append((f" {view.drawable} can be drawn", palette.accent))
    return [row(pieces, width, palette) for pieces in ((above, below) if view.drawn else (above,))]


def _chance(probability: float, size: int, style: Style, palette: Palette) -> list[Piece]:
    """A probability in per cent, and its bar in `size` cells."""
    filled = bar(probability, size, palette)
    return [(f"{percent(probability):>5} ", palette.text), (filled + " " * (size - cell_len(filled)), style)]


def legend(palette: Palette) -> list[Piece]:
    """Return what the colours behind the symbols mean."""
    pieces: list[Piece] = [("unlikely ", palette.dim)]
    pieces += [("  " if palette.system != "none" else "ab", style) for style in palette.probability_ramp]
    return [*pieces, (" certain", palette.dim), ("   copied", palette.dim + _UNDERLINED)]


def title(view: SampledTextView, palette: Palette) -> Sequence[Piece]:
    """Return what is written, and how it is drawn."""
    pieces: list[Piece] = [(f"{view.number} ", palette.accent)] if view.number else []
    pieces.append(("Sample", palette.title))
    return [*pieces, *((f" {palette.glyphs.separator} {part}", palette.dim) for part in view.title_parts)]
