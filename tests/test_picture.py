"""The picture of a text over one unit: what it draws, where, and how wide."""

import re
from itertools import pairwise

from rnnplay.cli.activation_svg import activation_svg

CELL = 8.4


def drawn(svg: str) -> list[tuple[float, float, str]]:
    """(x, width, letters) of each run of equal colour."""
    runs = re.findall(r'<text x="([\d.]+)" y="\d+" textLength="([\d.]+)" fill="[^"]+">([^<]*)</text>', svg)
    return [(float(x), float(width), letters) for x, width, letters in runs]


def test_words_are_as_wide_as_their_letters_and_follow_each_other() -> None:
    runs = drawn(activation_svg(["the", "criminal", "ran"], [0.9, -0.9, 0.1], "words", "A sentence."))
    assert [letters.replace("\N{NO-BREAK SPACE}", " ") for _, _, letters in runs] == ["the ", "criminal ", "ran "]
    assert [round(width / CELL) for _, width, _ in runs] == [4, 9, 4]
    for (x, width, _), (following, _, _) in pairwise(runs):
        assert abs(x + width - following) < 0.11


def test_letters_take_one_cell_each_and_wide_ones_two() -> None:
    runs = drawn(activation_svg(list("a漢b"), [0.9, -0.9, 0.9], "letters", "A sentence."))
    assert [round(width / CELL) for _, width, _ in runs] == [1, 2, 1]


def test_no_control_character_reaches_the_picture() -> None:
    assert "\x1b" not in activation_svg(list("a\x1b[2J"), [0.0] * 5, "title", "sentence")
