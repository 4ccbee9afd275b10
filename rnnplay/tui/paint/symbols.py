"""Each character as what a terminal draws in cells of its own, in a width on which terminals agree.

Characters that hide, or that join with the one before or after them, are drawn as something else. No two characters
are drawn alike, so that symbols in a list can be told apart; marks that look alike by themselves remain.
"""

from __future__ import annotations

import unicodedata

from rich.cells import cell_len

DOTTED_CIRCLE = "◌"  # stands for the letter that a mark belongs to
_REGIONAL = {chr(0x1F1E6 + n): chr(0x24B6 + n) for n in range(26)}  # two make a flag: Ⓐ to Ⓩ
_SKIN_TONES = {chr(0x1F3FB + n): chr(0x2780 + n) for n in range(5)}  # ➀ to ➄
# Voiced marks of half-width Katakana, and the vowels am of Thai and Lao, in characters that stand by themselves.
_SUFFIXES = {"\uff9e": "◌゛", "\uff9f": "◌゜", "\u0e33": "◌\u0e4d\u0e32", "\u0eb3": "◌\u0ecd\u0eb2"}
STAND_INS = frozenset((*_REGIONAL.values(), *_SKIN_TONES.values()))
_SUBSTITUTES = _REGIONAL | _SKIN_TONES | _SUFFIXES

# Letters that join with the next character (Grapheme_Cluster_Break=Prepend), and vowels that join with each other.
_JOINED_LETTERS = frozenset(
    map(
        chr,
        (
            *(0x0D4E, 0x1CF5, 0x1CF6, 0x111C2, 0x111C3, 0x113D1, 0x1193F, 0x11941, 0x11A3A, *range(0x11A84, 0x11A8A)),
            *(0x11D46, 0x11F02, 0x16D63, *range(0x16D67, 0x16D6B)),
        ),
    )
)
JOINING = frozenset((*_REGIONAL, *_SUFFIXES, *_JOINED_LETTERS))  # of one cell each
_BLANK = frozenset("\u115f\u1160\u3164\uffa0\U0001d159\U00013441\U00013442")  # letters without ink
_IGNORED_MARKS = frozenset(
    map(
        chr,
        (
            *(0x034F, 0x17B4, 0x17B5, *range(0x180B, 0x180E), 0x180F),
            *(*range(0xFE00, 0xFE10), *range(0xE0100, 0xE01F0)),
            0x1171E,
        ),
    )
)  # variation selectors and the like, and one that takes a cell since Unicode 16
_VIRAMA = 9  # combining class of the signs that join consonants


def drawn(character: str) -> str | None:
    """Return what stands for `character`, often itself; None: only its number can.

    A mark stands on a dotted circle, one that joins two consonants between two of them. Terminals disagree on the width
    of marks that take space (category Mc), so that a vowel sign is drawn as its vowel's own letter behind the circle.
    Parts of Korean syllables are drawn as letters, the circle on the side where the syllable goes on.
    """
    if character in _SUBSTITUTES:
        return _SUBSTITUTES[character]
    if not character.isprintable() or character in _BLANK or character in _JOINED_LETTERS:
        return None
    if "\u1100" <= character <= "\u11ff" or "\ua960" <= character <= "\ua97c" or "\ud7b0" <= character <= "\ud7fb":
        return _jamo(character)
    match unicodedata.category(character):
        case "Mc":
            return _spacing_mark(character)
        case "Mn" | "Me" if takes_no_cell(character):
            joins = unicodedata.combining(character) == _VIRAMA
            return DOTTED_CIRCLE + character + (DOTTED_CIRCLE if joins else "")
        case "Mn" | "Me":
            return None
    return character if cell_len(character) else None


def takes_no_cell(character: str) -> bool:
    """Return whether a printable `character` is drawn on the one before it, by all terminals."""
    return (
        unicodedata.category(character) in ("Mn", "Me")
        and character not in _IGNORED_MARKS
        and cell_len(DOTTED_CIRCLE + character) == cell_len(DOTTED_CIRCLE)
    )


def looks_like_another(character: str) -> bool:
    """Return whether Unicode has the same character under another number, or its cell stays blank."""
    if character == "\N{BRAILLE PATTERN BLANK}":
        return True
    normal = unicodedata.normalize("NFC", character)
    return normal != character and len(normal) == 1


def _spacing_mark(character: str) -> str | None:
    script, sign, vowel = unicodedata.name(character, "").partition(" VOWEL SIGN ")
    letter = _named(f"{script} LETTER {vowel}") if sign else None
    return DOTTED_CIRCLE + letter if letter is not None and cell_len(letter) == 1 else None


def _jamo(character: str) -> str | None:
    _, place, name = unicodedata.name(character, "").partition("SEONG ")
    letter = _named(f"HANGUL LETTER {name}") if place else None
    if letter is None:
        return None
    return letter + DOTTED_CIRCLE if "CHOSEONG" in unicodedata.name(character) else DOTTED_CIRCLE + letter


def _named(name: str) -> str | None:
    try:
        return unicodedata.lookup(name)
    except KeyError:
        return None
