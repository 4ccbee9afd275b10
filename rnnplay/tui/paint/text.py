"""A text as rows of cells: wrapped at words, with newlines, tabs and unprintable characters as glyphs one can see."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

from rich.cells import cell_len

from rnnplay.tui.paint.symbols import DOTTED_CIRCLE, JOINING, STAND_INS, drawn, looks_like_another, takes_no_cell


@lru_cache(4096)
def glyph(symbol: str, glyphs: Glyphs) -> str:
    """Return what stands for `symbol` in a text: never empty, never a control character, never cells that join up."""
    if symbol == "\n":
        return glyphs.newline
    if symbol == "\t":
        return glyphs.tab
    if symbol.isascii() and symbol.isprintable() and symbol:
        return symbol
    if len(symbol) != 1:
        return "".join(glyph(c, glyphs) for c in symbol) or _number("\0", glyphs)
    if not glyphs.dots:
        return glyphs.unknown
    return drawn(symbol) or _number(symbol, glyphs)


def show(text: str, glyphs: Glyphs) -> str:
    """Return `text` with what must not reach a terminal, or what joins with its neighbours, as glyphs.

    What `glyph` and `visible` return stays as it is.
    """
    if text.isprintable() and cell_len(text) == len(text) and JOINING.isdisjoint(text):
        return text
    parts: list[str] = []
    for character in text:
        has_circle = bool(parts) and parts[-1][-1] == DOTTED_CIRCLE
        parts.append(character if has_circle and takes_no_cell(character) else glyph(character, glyphs))
    return "".join(parts)


@lru_cache(4096)
def visible(symbol: str, glyphs: Glyphs) -> str:
    """Return what stands for `symbol` by itself, as in a list: a space can be seen, and no other symbol looks alike."""
    if symbol == " ":
        return glyphs.space
    if len(symbol) != 1:
        return "".join(glyph(c, glyphs) if _can_show(c, glyphs) else _number(c, glyphs) for c in symbol)
    stands_for_another = symbol in (glyphs.newline, glyphs.tab, glyphs.space) or symbol in STAND_INS
    if stands_for_another or looks_like_another(symbol) or not _can_show(symbol, glyphs):
        return _number(symbol, glyphs)
    return glyph(symbol, glyphs)


def _can_show(character: str, glyphs: Glyphs) -> bool:
    return glyphs.dots or (character.isascii() and (character.isprintable() or character in "\n\t"))


def _number(character: str, glyphs: Glyphs) -> str:
    """The code point, as ‹200D›."""
    return f"{glyphs.less}{ord(character):X}{glyphs.more}"


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
    space: str  # where it stands by itself
    unknown: str  # a character for which there is no room or no glyph
    dots: bool  # braille
    eighths: str  # a bar's last cell, from one eighth to full
    pointer: str
    less: str
    more: str
    separator: str
    ellipsis: str
    arrows: str  # left and right, up and down


UNICODE = Glyphs("╭╮╰╯─│", "┈", "◆", "↵", "→", "␣", "·", True, "▏▎▍▌▋▊▉█", "▸", "‹", "›", "·", "…", "←→↑↓")


ASCII = Glyphs("++++-|", "-", "o", "$", ">", "_", "?", False, "       #", ">", "<", ">", "|", "~", "<>^v")
