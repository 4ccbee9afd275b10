"""Every character of Unicode as it is drawn: in the width that all count, apart from its neighbours, like no other."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator
from itertools import chain

import pytest
from made_up_play import palette_of
from rich.cells import cell_len
from wcwidth import iter_graphemes, wcswidth

from rnnplay.tui.paint.strips import row
from rnnplay.tui.paint.text import ASCII, UNICODE, glyph, show, visible, wrap

# Of these, every 331st: they are drawn by one rule.
LARGE = ((0x3400, 0x9FFF), (0xAC00, 0xD7A3), (0x17000, 0x18D08), (0x20000, 0xE0000), (0xE0200, 0x110000))
BETWEEN = ("क", "한", "👩", "◌")


def characters() -> Iterator[str]:
    code = 0
    while code < 0x110000:
        yield chr(code)
        code += (
            331 if any(first <= code < end for first, end in LARGE) or unicodedata.category(chr(code)) == "Co" else 1
        )


ALL = tuple(characters())
MARKS = tuple(c for c in ALL if unicodedata.category(c)[0] == "M")


def clusters(text: str) -> list[str]:
    return list(iter_graphemes(text))


def test_every_character_has_the_width_that_a_terminal_counts() -> None:
    for character in ALL:
        for drawn in (glyph(character, UNICODE), visible(character, UNICODE)):
            assert drawn.isprintable(), hex(ord(character))
            assert cell_len(drawn) == wcswidth(drawn) > 0, hex(ord(character))


def test_no_character_joins_with_its_neighbours() -> None:
    drawn = [glyph(character, UNICODE) for character in ALL]
    alone = [[text] if len(text) == 1 else clusters(text) for text in drawn]
    assert clusters("".join(drawn)) == list(chain(*alone))
    suspects = [n for n, c in enumerate(ALL) if unicodedata.category(c) in ("Mn", "Mc", "Me", "Cf", "Lo", "Lm", "So")]
    for between in BETWEEN:
        expected = list(chain(*([between, *alone[n]] for n in suspects)))
        assert clusters("".join(between + drawn[n] for n in suspects)) == expected, between


@pytest.mark.parametrize("glyphs", [UNICODE, ASCII], ids=["unicode", "ascii"])
def test_no_two_characters_look_alike_in_a_list(glyphs: object) -> None:
    seen: dict[str, str] = {}
    for character in ALL:
        drawn = visible(character, glyphs)  # type: ignore[arg-type]
        other = seen.setdefault(drawn, character)
        assert other == character, (drawn, hex(ord(other)), hex(ord(character)))
        assert glyphs is UNICODE or drawn.isascii()


def test_no_mark_looks_like_another_in_a_text() -> None:
    assert len({glyph(mark, UNICODE) for mark in MARKS}) == len(MARKS)


def test_a_row_leaves_what_was_drawn_as_it_is() -> None:
    palette = palette_of("truecolor")
    for character in MARKS:
        drawn = glyph(character, UNICODE)
        assert show(drawn, UNICODE) == drawn, hex(ord(character))
        assert row([(drawn, palette.text)], 10, palette).text.rstrip() == drawn


def test_vowel_signs_stand_on_a_dotted_circle_as_their_letters() -> None:
    assert [glyph(sign, UNICODE) for sign in "ाीेঅ"] == ["◌आ", "◌ई", "◌\u0947", "অ"]
    assert glyph("\u0bbe", UNICODE) == "◌ஆ"
    assert glyph("\u0903", UNICODE) == "‹903›"  # no vowel: it has no letter
    assert glyph("\u0e33", UNICODE) == "◌\u0e4d\u0e32"
    assert [glyph(part, UNICODE) for part in "\u1112\u1161\u11ab"] == ["ㅎ◌", "◌ㅏ", "◌ㄴ"]


def test_joiners_spaces_and_selectors_are_told_apart_by_their_numbers() -> None:
    assert [glyph(c, UNICODE) for c in "\u200c\u200d\u00a0\ufe0f\x1b"] == ["‹200C›", "‹200D›", "‹A0›", "‹FE0F›", "‹1B›"]
    assert visible("→", UNICODE) == "‹2192›" and glyph("→", UNICODE) == "→"  # in a list a tab looks so
    assert [visible(c, UNICODE) for c in "\u3164\u2800"] == ["‹3164›", "‹2800›"]  # blank, as a space is
    assert show("\U0001f1e9\U0001f1ea", UNICODE) == "ⒹⒺ"
    assert visible("д", ASCII) == "<434>" and glyph("д", ASCII) == "?"
    assert visible("да\u0301", ASCII) == "<434><430><301>"


def test_a_text_of_marks_fills_its_rows() -> None:
    symbols = tuple("कि\u0301 ाा\u200dक" * 9)
    palette = palette_of("truecolor")
    for first, end in wrap(symbols, 20, UNICODE):
        drawn = "".join(glyph(symbol, UNICODE) for symbol in symbols[first:end])
        strip = row([(drawn, palette.text)], 20, palette)
        assert cell_len(strip.text) == 20 and strip.text.rstrip() == drawn.rstrip()
