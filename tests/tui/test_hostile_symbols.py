"""Symbols that a terminal would act on, join or hide: each place paints them as glyphs of the width that it counted."""

from __future__ import annotations

import unicodedata
from dataclasses import replace

import numpy as np
import pytest
from made_up_play import palette_of, plain
from rich.cells import cell_len
from test_looking_paint import part, view
from textual.strip import Strip

from rnnplay.tui.paint.strips import row
from rnnplay.tui.paint.text import UNICODE, glyph, visible
from rnnplay.tui.places.time.paint_influence import past
from rnnplay.tui.places.time.views import PastView
from rnnplay.tui.places.unroll import paint_grid, paint_rolled, paint_time_step

ESCAPE, ZERO_WIDTH, BIDI, JOINER, ACCENT, FLAG = "\x1b", "\u200b", "\u202e", "\u200d", "\u0301", "\U0001f1e9"
HOSTILE = (ESCAPE, ZERO_WIDTH, BIDI, JOINER, ACCENT, FLAG, "\x9b", "\x07", "\U0001f469", "\U0001f3fd", "\r", "\ufe0f")


def refused(strips: list[Strip]) -> list[str]:
    """Return what must not reach a terminal: controls, formats, marks without a letter, halves of flags."""
    text = "".join(plain(strips))
    return [
        symbol
        for n, symbol in enumerate(text)
        if unicodedata.category(symbol) in ("Cc", "Cf", "Zl", "Zp", "Me")
        or (unicodedata.category(symbol) == "Mn" and text[n - 1] != "◌")
        or 0x1F1E6 <= ord(symbol) <= 0x1F1FF
        or 0x1F3FB <= ord(symbol) <= 0x1F3FF
    ]


def hostile_part() -> object:
    T = len(HOSTILE)
    base = part(T)
    assert base.outputs is not None
    outputs = replace(base.outputs, names=(ESCAPE + "]0;gone\x07", ACCENT, FLAG + FLAG))
    return replace(base, inputs=HOSTILE, targets=HOSTILE[::-1], outputs=outputs, losses=(0.25,) * T)


@pytest.mark.parametrize(("width", "height"), [(116, 36), (76, 20)])
def test_unroll_paints_no_control_no_joiner_and_no_bare_mark(width: int, height: int) -> None:
    palette, shown = palette_of("truecolor"), view(hostile_part(), time=4, opened=True)  # type: ignore[arg-type]
    for paint in (paint_grid.grid, paint_rolled.rolled, paint_time_step.opened):
        strips = paint(shown, width, height, palette)
        assert refused(strips) == []
        assert {cell_len(strip.text) for strip in strips} == {width}


def test_time_paints_no_control_no_joiner_and_no_bare_mark() -> None:
    text = PastView(HOSTILE * 9, tuple(np.linspace(0, 1, 9 * len(HOSTILE))), 0, 80, 108, ESCAPE, 0.5, f"by {BIDI}.")
    strips = past(text, 40, 12, palette_of("truecolor"))
    assert refused(strips) == []
    assert {cell_len(strip.text) for strip in strips} == {40}


def test_a_name_of_a_file_or_a_heading_cannot_reach_the_terminal_raw() -> None:
    palette = palette_of("truecolor")
    strip = row([(f"a{ESCAPE}[2Jb{BIDI}", palette.text)], 20, palette)
    assert strip.text.rstrip() == "a‹1B›[2Jb‹202E›"
    assert row([("tab\there", palette.text)], 20, palette).text.rstrip() == "tab→here"


def test_marks_stand_on_a_dotted_circle_and_differ() -> None:
    acute, grave = glyph("\u0301", UNICODE), glyph("\u0300", UNICODE)
    assert acute == "◌\u0301"
    assert acute != grave
    assert cell_len(acute) == 1


def test_halves_of_flags_and_skin_tones_are_glyphs_of_their_own() -> None:
    assert visible("\U0001f1e9\U0001f1ea", UNICODE) == "ⒹⒺ"
    assert glyph("\U0001f3fb", UNICODE) != glyph("\U0001f3ff", UNICODE)
