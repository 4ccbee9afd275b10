"""A text as rows of cells: wrapped at words, with newlines, tabs and unprintable characters as glyphs one can see."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

from rich.cells import cell_len

_DOTTED_CIRCLE = "◌"  # carries a mark that has no letter of its own
_MARKS = ("Mn", "Me")  # not Mc, the spacing marks: some terminals give them a cell of their own and some do not
_REGIONAL = {chr(code): chr(0x24B6 + code - 0x1F1E6) for code in range(0x1F1E6, 0x1F200)}  # two make a flag: Ⓐ to Ⓩ
_SKIN_TONES = {chr(code): chr(0x2780 + code - 0x1F3FB) for code in range(0x1F3FB, 0x1F400)}  # ➀ to ➄
# What terminals join with its neighbours, each as a glyph of one cell.
_SINGLE = _REGIONAL | _SKIN_TONES


@lru_cache(4096)
def glyph(symbol: str, glyphs: Glyphs) -> str:
    """What stands for `symbol` on the screen: never empty, never a control character, never cells that join up."""
    if symbol == "\n":
        return glyphs.newline
    if symbol == "\t":
        return glyphs.tab
    if not symbol.isprintable() or not symbol:
        return glyphs.unknown
    if glyphs.box.isascii() and not symbol.isascii():
        return glyphs.unknown
    if len(symbol) == 1:
        if unicodedata.category(symbol) in _MARKS:
            return _DOTTED_CIRCLE + symbol
        if symbol in _SINGLE:
            return _SINGLE[symbol]
        if cell_len(symbol) == 0:
            return glyphs.unknown
    return symbol


def show(text: str, glyphs: Glyphs) -> str:
    """Return `text` with what must not reach a terminal, or what joins with its neighbours, as glyphs."""
    if text.isprintable() and cell_len(text) == len(text) and _REGIONAL.keys().isdisjoint(text):
        return text
    return "".join(glyph(c, glyphs) for c in text)


def visible(symbol: str, glyphs: Glyphs) -> str:
    """Return `symbol` with each of its characters as one that can be seen, a space on its own too."""
    return ("␣" if glyphs.dots else "_") if symbol == " " else show(symbol, glyphs)


def wrap(symbols: Sequence[str], width: int, glyphs: Glyphs) -> list[tuple[int, int]]:
    """Rows as (first, past the last) indices into `symbols`, each at most `width` cells wide.

    A newline ends its row. A row breaks after the last space within it, else, in a long word, where it is full.
    """
    rows: list[tuple[int, int]] = []
    sizes = {symbol: cell_len(glyph(symbol, glyphs)) for symbol in set(symbols)}
    start = 0
    used = 0
    breakable = -1  # a row may end before this index
    since_break = 0  # cells since then
    for index, symbol in enumerate(symbols):
        size = sizes[symbol]
        if used + size > width and index > start:
            if breakable > start:
                rows.append((start, breakable))
                start, used = breakable, since_break
            else:
                rows.append((start, index))
                start, used = index, 0
            breakable, since_break = -1, used
        used += size
        since_break += size
        if symbol == "\n":
            rows.append((start, index + 1))
            start, used, breakable, since_break = index + 1, 0, -1, 0
        elif symbol.endswith(" "):
            breakable, since_break = index + 1, 0
    if start < len(symbols):
        rows.append((start, len(symbols)))
    return rows


def row_of(rows: Sequence[tuple[int, int]], index: int) -> int:
    """The row that holds the character `index`; the last one where it is beyond the end."""
    low, high = 0, len(rows) - 1
    while low < high:
        middle = (low + high + 1) // 2
        if rows[middle][0] <= index:
            low = middle
        else:
            high = middle - 1
    return max(0, low)


@dataclass(frozen=True, eq=False)  # what is painted is cached by it: equal is the same, so its hash is quick
class Glyphs:
    """The characters that a terminal can show: all of Unicode, or ASCII alone."""

    box: str  # top-left, top-right, bottom-left, bottom-right, horizontal, vertical
    dash: str
    mark: str
    newline: str
    tab: str
    unknown: str
    dots: bool  # braille
    eighths: str  # a bar's last cell, from one eighth to full
    pointer: str
    less: str
    more: str
    separator: str
    ellipsis: str
    arrows: str  # left and right, up and down


UNICODE = Glyphs("╭╮╰╯─│", "┈", "◆", "↵", "→", "·", True, "▏▎▍▌▋▊▉█", "▸", "‹", "›", "·", "…", "←→↑↓")


ASCII = Glyphs("++++-|", "-", "o", "$", ">", "?", False, "       #", ">", "<", ">", "|", "~", "<>^v")
