"""A text on the colours of one unit's activation as an SVG, with one rectangle for each span of equal colour."""

from collections.abc import Sequence
from html import escape

from rich.cells import cell_len

from rnnplay.formatting import spaced
from rnnplay.tui.paint.palette import LIGHT, blend, readable
from rnnplay.tui.paint.text import UNICODE, glyph, wrap

COLUMNS = 96
_WIDE, _TALL = 8.4, 20  # of a character, in pixels
_MARGIN = 24
_LEVELS = 16


def activation_svg(symbols: Sequence[str], activation: Sequence[float], title: str, sentence: str) -> str:
    """Return an SVG document: `symbols` (N) over `activation` (N), -1 red to 1 blue, between a title and a sentence.

    Symbols of several letters, words, are as wide as their letters and a space.
    """
    symbols = spaced(symbols)
    rows = wrap(symbols, COLUMNS, UNICODE)
    width = COLUMNS * _WIDE + 2 * _MARGIN
    top = _MARGIN + 2 * _TALL
    height = top + len(rows) * _TALL + 2 * _TALL + _MARGIN
    font = 'font-family="\'DejaVu Sans Mono\', Menlo, Consolas, monospace" font-size="14"'
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:.0f} {height}" {font}>',
        f'<rect width="100%" height="100%" fill="{LIGHT.background}"/>',
        _label(title, _MARGIN, _MARGIN + 10, LIGHT.dim),
    ]
    for n, (first, past) in enumerate(rows):
        parts += _row(symbols[first:past], activation[first:past], top + n * _TALL)
    parts += [_label(sentence, _MARGIN, height - _MARGIN, LIGHT.text), "</svg>"]
    return "\n".join(parts) + "\n"


def _row(symbols: Sequence[str], activation: Sequence[float], y: float) -> list[str]:
    """Return rectangles, then the letters of each, at fixed places so that any font fits."""
    behind, letters = [], []
    start = cell = 0
    levels = [round(value * _LEVELS) for value in activation]
    for at in range(1, len(levels) + 1):
        if at < len(levels) and levels[at] == levels[start]:
            continue
        colour = _colour(levels[start] / _LEVELS)
        shown = "".join(_glyphs(symbol) for symbol in symbols[start:at])
        cells = cell_len(shown)
        x, width = _MARGIN + cell * _WIDE, cells * _WIDE
        if levels[start]:
            behind.append(f'<rect x="{x:.1f}" y="{y}" width="{width:.1f}" height="{_TALL}" fill="{colour}"/>')
        ink = readable(colour, LIGHT.text, "#ffffff")
        letters.append(f'<text x="{x:.1f}" y="{y + 15}" textLength="{width:.1f}" fill="{ink}">{escape(shown)}</text>')
        start, cell = at, cell + cells
    return behind + letters


def _glyphs(symbol: str) -> str:
    """Return what is drawn for `symbol`: no space, which SVG would drop at an edge."""
    return "".join("\N{NO-BREAK SPACE}" if letter == " " else glyph(letter, UNICODE) for letter in symbol)


def _colour(value: float) -> str:
    end = LIGHT.negative[-1] if value < 0 else LIGHT.positive[-1]
    return blend(LIGHT.background, end, min(1.0, abs(value)) ** 0.85)


def _label(text: str, x: float, y: float, colour: str) -> str:
    return f'<text x="{x}" y="{y}" fill="{colour}">{escape(text)}</text>'
