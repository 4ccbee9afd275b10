"""Aligned rows over time steps: input, target, prediction, probability; wrapped where they are wider than the panel."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import zip_longest

from rich.cells import cell_len
from rich.style import Style
from textual.strip import Strip

from rnnplay.tui.paint.numbers import percent
from rnnplay.tui.paint.palette import Palette
from rnnplay.tui.paint.strips import Piece, padded, row
from rnnplay.tui.paint.text import visible
from rnnplay.tui.places.play.example.views import ExampleView, Words

LABEL = 11  # columns of the rows' names
_PERCENT = 5  # columns of a probability in figures

Cell = tuple[str, Style] | None


def chance(probability: float, palette: Palette) -> Style:
    """The background of something that has this probability."""
    top = len(palette.probability_ramp) - 1
    return palette.probability_ramp[min(top, int(probability * top + 0.5))]


def gauge(probability: float, palette: Palette) -> str:
    """A probability in one cell: a bar's height, or tenths where bars cannot be shown."""
    if not palette.glyphs.dots:
        return str(min(9, int(probability * 10)))
    return " ▁▂▃▄▅▆▇█"[round(probability * 8)] if probability >= 1 / 16 else "▁"


def shown(symbol: str | None, palette: Palette) -> str:
    """A symbol as it stands on the screen; nothing for None."""
    return "" if symbol is None else visible(symbol, palette.glyphs)


def timeline(view: ExampleView, width: int, palette: Palette, full: bool = False, height: int = 0) -> list[Strip]:
    """Paint all rows of the example, block under block; a row of a block in which nothing stands is left out.

    Where the outputs are few and `height` rows have room for them, the probability of each follows.
    """
    symbols = [view.inputs, view.targets, view.predictions]
    # A number's mark stands in the gap behind it.
    T = len(view.inputs)
    sizes = [max(cell_len(shown(part[t], palette).removesuffix("*")) for part in symbols) for t in range(T)]
    longest = max(1, *sizes)
    room = width - LABEL
    figures = longest + 1 >= _PERCENT or room >= T * _PERCENT
    # Words stand as near as each allows; letters and digits in even columns.
    even = longest + (longest > 1 or room >= 2 * T)
    wide = [max(_PERCENT, size + 1) if figures else even for size in sizes]
    named = [
        ("input", [_input(s, palette) for s in view.inputs]),
        (view.row_labels[0], _plain(view.targets, palette.text, palette)),
    ]
    named.append((view.row_labels[1], [_prediction(view, t, palette) for t in range(T)]))
    named.append((view.row_labels[2], [_chance(p, figures, palette) for p in view.target_probabilities]))
    if full and any(p is not None for p in view.prediction_probabilities):
        named.append(("p(predict)", [_chance(p, figures, palette) for p in view.prediction_probabilities]))
    painted = blocks(named, wide, width, palette)
    if view.probabilities is None or sum(wide) > room or len(painted) + 1 + len(view.outputs) > height:
        return painted
    each = [
        (f"p({shown(name, palette)})", [_output(float(p), figures, palette) for p in view.probabilities[:, v]])
        for v, name in enumerate(view.outputs)
    ]
    return [*painted, row([], width, palette), *blocks(each, wide, width, palette)]


def blocks(
    named: Sequence[tuple[str, Sequence[Cell]]], wide: Sequence[int], width: int, palette: Palette
) -> list[Strip]:
    """Rows of cells of `wide` (T,) columns, cut into blocks that fit `width`, with an empty row between two."""
    painted: list[Strip] = []
    before = 0  # rows of the block above
    for first, past in _spans(wide, width - LABEL):
        filled = sum(any(cells[first:past]) for _, cells in named)
        if first and max(filled, before) > 1:
            painted.append(row([], width, palette))
        before = filled
        for name, cells in named:
            if not any(cells[first:past]):
                continue
            pieces: list[Piece] = [(padded(name, LABEL), palette.dim)]
            for cell, room in zip(cells[first:past], wide[first:past], strict=True):
                text, style = cell or ("", palette.blank)
                pieces.append((text, style))
                pieces.append((" " * (room - cell_len(text)), palette.blank))
            painted.append(row(pieces, width, palette))
    return painted


def _spans(wide: Sequence[int], room: int) -> list[tuple[int, int]]:
    """(first, past) of each block: as many columns as `room` has place for, one at least."""
    spans: list[tuple[int, int]] = []
    first = used = 0
    for t, size in enumerate(wide):
        if t > first and used + size > room:
            spans.append((first, t))
            first, used = t, 0
        used += size
    return [*spans, (first, len(wide))]


def _input(symbol: str | None, palette: Palette) -> Cell:
    if symbol is None:
        return None
    text = shown(symbol, palette)
    return text, palette.accent if len(text) > 1 and text.endswith("*") else palette.text  # * marks what counts


def _plain(symbols: Sequence[str | None], style: Style, palette: Palette) -> list[Cell]:
    return [None if symbol is None else (shown(symbol, palette), style) for symbol in symbols]


def _prediction(view: ExampleView, t: int, palette: Palette) -> Cell:
    """Return what is right in the colour of what is good, what is wrong in that of what is bad; numbers plain."""
    symbol = view.predictions[t]
    if symbol is None:
        return None
    if view.prediction_probabilities[t] is None:
        return shown(symbol, palette), palette.probability
    return shown(symbol, palette), palette.good if symbol == view.targets[t] else palette.bad


def _chance(probability: float | None, figures: bool, palette: Palette) -> Cell:
    if probability is None:
        return None
    if figures:
        return f"{percent(probability)}".replace(" ", ""), palette.probability
    return gauge(probability, palette), palette.probability


def _output(probability: float, figures: bool, palette: Palette) -> Cell:
    """The probability of one output: the likelier, the brighter its background."""
    if not figures:
        return gauge(probability, palette), palette.probability
    return f"{percent(probability).replace(' ', ''):>4}", chance(probability, palette)


def words(
    name: str, said: Words, width: int, palette: Palette, cursor: bool = False, wanted: Sequence[str] = ()
) -> list[Strip]:
    """Words on the colour of their probability, wrapped; below each its probability, and what it should be."""
    wide = [
        max(_width(word, palette) for word in pair)
        for pair in zip_longest([word for word, _ in said], wanted, fillvalue="")
    ]
    wide = wide or [_PERCENT]
    painted: list[Strip] = []
    for first, past in _spans(wide, width - LABEL):
        upper: list[Piece] = [(f"{name:<{LABEL}}", palette.dim)]
        lower: list[Piece] = [(" " * LABEL, palette.blank)]
        below: list[Piece] = [(f"{'should be':<{LABEL}}", palette.dim)]
        for n in range(first, past):
            if n < len(said):
                text = shown(said[n][0], palette)
                figure = percent(said[n][1]).replace(" ", "")
                upper += [(text, chance(said[n][1], palette)), (" " * (wide[n] - cell_len(text)), palette.blank)]
                lower.append((f"{figure:<{wide[n]}}", palette.probability))
            if n < len(wanted):
                text = shown(wanted[n], palette)
                below.append((text + " " * (wide[n] - cell_len(text)), palette.text))
        if cursor and first <= len(said) < past:
            upper.append(("▏" if palette.glyphs.dots else "_", palette.accent))
        rows = [upper, lower] if first < len(said) or not first or len(upper) > 1 else []
        painted += [row(pieces, width, palette) for pieces in [*rows, *([below] if len(below) > 1 else [])]]
    return painted


def _width(word: str, palette: Palette) -> int:
    return max(_PERCENT, cell_len(shown(word, palette)) + 1)
