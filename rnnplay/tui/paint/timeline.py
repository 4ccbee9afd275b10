"""Aligned rows over time steps: input, target, prediction, probability; wrapped where they are wider than the panel."""

from __future__ import annotations

from collections.abc import Sequence

from rich.cells import cell_len
from rich.style import Style
from textual.strip import Strip

from rnnplay.tui.example_views import ExampleView, Words
from rnnplay.tui.paint.colour import Palette
from rnnplay.tui.paint.numbers import percent
from rnnplay.tui.paint.rows import Piece, row
from rnnplay.tui.paint.wrap import glyph

LABEL = 11  # columns of the rows' names
_PERCENT = 5  # columns of a probability in figures

Cell = tuple[str, Style] | None


def chance(probability: float, palette: Palette) -> Style:
    """The background of something that has this probability."""
    top = len(palette.chance) - 1
    return palette.chance[min(top, int(probability * top + 0.5))]


def gauge(probability: float, palette: Palette) -> str:
    """A probability in one cell: a bar's height, or tenths where bars cannot be shown."""
    if not palette.glyphs.dots:
        return str(min(9, int(probability * 10)))
    return " ▁▂▃▄▅▆▇█"[round(probability * 8)] if probability >= 1 / 16 else "▁"


def shown(symbol: str | None, palette: Palette) -> str:
    """A symbol as it stands on the screen: a space is seen."""
    if symbol is None:
        return ""
    return ("␣" if palette.glyphs.dots else "_") if symbol == " " else "".join(glyph(c, palette.glyphs) for c in symbol)


def timeline(view: ExampleView, width: int, palette: Palette, full: bool = False) -> list[Strip]:
    """All rows of the example, block under block; a row of a block in which nothing stands is left out."""
    symbols = [view.inputs, view.targets, view.predictions]
    # A number's mark stands in the gap behind it.
    longest = max((cell_len(shown(s, palette).removesuffix("*")) for part in symbols for s in part if s), default=1)
    room = width - LABEL
    T = len(view.inputs)
    figures = longest + 1 >= _PERCENT or room >= T * _PERCENT
    wide = max(_PERCENT, longest + 1) if figures else longest + (longest > 1 or room >= 2 * T)
    named = [
        ("input", [_input(s, palette) for s in view.inputs]),
        ("target", _plain(view.targets, palette.text, palette)),
    ]
    named.append(("prediction", [_prediction(view, t, palette) for t in range(T)]))
    named.append(("p(target)", [_chance(p, figures, palette) for p in view.right]))
    if full and any(p is not None for p in view.chances):
        named.append(("p(predict)", [_chance(p, figures, palette) for p in view.chances]))
    return blocks(named, wide, width, palette)


def blocks(named: Sequence[tuple[str, Sequence[Cell]]], wide: int, width: int, palette: Palette) -> list[Strip]:
    """Rows of cells of `wide` columns, cut into blocks that fit `width`, with an empty row between two."""
    T = len(named[0][1])
    each = max(1, (width - LABEL) // wide)
    painted: list[Strip] = []
    before = 0  # rows of the block above
    for first in range(0, T, each):
        filled = sum(any(cells[first : first + each]) for _, cells in named)
        if first and max(filled, before) > 1:
            painted.append(row([], width, palette))
        before = filled
        for name, cells in named:
            here = cells[first : first + each]
            if not any(here):
                continue
            pieces: list[Piece] = [(f"{name:<{LABEL}}", palette.dim)]
            for cell in here:
                text, style = cell or ("", palette.blank)
                pieces.append((text, style))
                pieces.append((" " * (wide - cell_len(text)), palette.blank))
            painted.append(row(pieces, width, palette))
    return painted


def _input(symbol: str | None, palette: Palette) -> Cell:
    if symbol is None:
        return None
    text = shown(symbol, palette)
    return text, palette.accent if len(text) > 1 and text.endswith("*") else palette.text  # * marks what counts


def _plain(symbols: Sequence[str | None], style: Style, palette: Palette) -> list[Cell]:
    return [None if symbol is None else (shown(symbol, palette), style) for symbol in symbols]


def _prediction(view: ExampleView, t: int, palette: Palette) -> Cell:
    """What is right in the colour of what is good, what is wrong in that of what is bad; numbers plain."""
    symbol = view.predictions[t]
    if symbol is None:
        return None
    if view.chances[t] is None:
        return shown(symbol, palette), palette.probability
    return shown(symbol, palette), palette.good if symbol == view.targets[t] else palette.bad


def _chance(probability: float | None, figures: bool, palette: Palette) -> Cell:
    if probability is None:
        return None
    if figures:
        return f"{percent(probability)}".replace(" ", ""), palette.probability
    return gauge(probability, palette), palette.probability


def words(name: str, said: Words, width: int, palette: Palette, cursor: bool = False) -> list[Strip]:
    """Words on the colour of their probability, wrapped; below each row the probabilities in figures."""
    painted: list[Strip] = []
    line: list[tuple[str, float]] = []
    room = width - LABEL
    used = 0
    label = name

    def finish(last: bool) -> None:
        nonlocal line, used, label
        upper: list[Piece] = [(f"{label:<{LABEL}}", palette.dim)]
        lower: list[Piece] = [(" " * LABEL, palette.blank)]
        for word, p in line:
            wide = _width(word, palette)
            text = shown(word, palette)
            upper += [(text, chance(p, palette)), (" " * (wide - cell_len(text)), palette.blank)]
            figure = percent(p).replace(" ", "")
            lower.append((f"{figure:<{wide}}", palette.probability))
        if last and cursor:
            upper.append(("▏" if palette.glyphs.dots else "_", palette.accent))
        painted.extend([row(upper, width, palette), row(lower, width, palette)])
        line, used, label = [], 0, ""

    for word, p in said:
        wide = _width(word, palette)
        if line and used + wide > room:
            finish(False)
        line.append((word, p))
        used += wide
    finish(True)
    return painted


def _width(word: str, palette: Palette) -> int:
    return max(_PERCENT, cell_len(shown(word, palette)) + 1)
