"""Pictures in half blocks: two pixels a cell, the upper in the letter's colour, the lower in its background's."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import numpy as np
from rich.style import Style

from rnnplay.tui.paint.palette import Palette, blend
from rnnplay.tui.paint.strips import Piece

Array = np.ndarray[Any, np.dtype[Any]]

_SHADES = 16
_PAPER = 0.07  # of its ink a dark pixel has: where a picture ends is seen
_FAINT = 20  # of 255: a picture whose brightest pixel is no brighter is dark
_ASCII = " .:-=+*#%@"


def cells_tall(picture: Array) -> int:
    """Rows of cells for a picture (height, width)."""
    return (int(picture.shape[0]) + 1) // 2


def pixels(picture: Array, palette: Palette, expected: bool = False) -> list[list[Piece]]:
    """A uint8 picture (height, width), 0 to 255, as rows of pieces, each `width` cells wide.

    `expected`: what the network predicts, in the colour of probability; what is there is in the colour of text.
    """
    height, width = picture.shape
    padded = np.zeros((height + height % 2, width), np.uint8)
    padded[:height] = picture
    if palette.system not in ("truecolor", "256") and _FAINT < picture.max() < 255:
        # Without shades a pixel is lit or not: half of the brightest decides, so that what is faint is seen.
        padded = (padded.astype(float) * (255 / picture.max())).astype(np.uint8)
    rows = []
    for upper, lower in zip(padded[::2].tolist(), padded[1::2].tolist(), strict=True):
        pieces: list[Piece] = []
        for one, other in zip(upper, lower, strict=True):
            glyph, style = _cell(one * (_SHADES - 1) // 255, other * (_SHADES - 1) // 255, palette, expected)
            if pieces and pieces[-1][1] is style:
                pieces[-1] = (pieces[-1][0] + glyph, style)
            else:
                pieces.append((glyph, style))
        rows.append(pieces)
    return rows


@lru_cache(4096)
def _cell(upper: int, lower: int, palette: Palette, expected: bool) -> Piece:
    shaded = palette.system != "256"  # whose greens are too few for a picture
    ink = palette.probability if expected and shaded else palette.text
    if not palette.glyphs.dots:
        return _ASCII[(upper + lower) * (len(_ASCII) - 1) // (2 * _SHADES - 2)], ink
    if palette.system not in ("truecolor", "256"):  # no shades: what is at least half lit
        lit = (upper >= _SHADES // 2, lower >= _SHADES // 2)
        return {(False, False): " ", (True, False): "▀", (False, True): "▄", (True, True): "█"}[lit], ink
    assert ink.color is not None
    assert ink.bgcolor is not None
    shades = [
        blend(ink.bgcolor.name, ink.color.name, _PAPER + (1 - _PAPER) * shade / (_SHADES - 1))
        for shade in (upper, lower)
    ]
    return "▀", _style(*shades)


@lru_cache(1024)
def _style(upper: str, lower: str) -> Style:
    return Style(color=upper, bgcolor=lower)
