"""The screen of an app as text and styles: kept in a file that a person can read, compared row by row."""

from __future__ import annotations

import string
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import Any

from rich.style import Style
from textual.app import App

_LETTERS = string.ascii_letters + "αβγδεζηθικλμνξοπρστυφχψωΓΔΘΛΞΠΣΦΨΩбгджзийлпфцчшщъыьэюяБГДЖЗИЙЛПФЦЧШЩЪЫЬЭЮЯ"
_STYLES, _LEGEND = "---- styles", "---- legend"


@dataclass(frozen=True)
class PaintedScreen:
    """`rows`: the text of each row. `styles`: of each row, the style of each of its characters in words."""

    rows: tuple[str, ...]
    styles: tuple[tuple[str, ...], ...]

    @classmethod
    def of(cls, app: App[Any]) -> PaintedScreen:
        """Take what the compositor would send for the whole screen in front."""
        rows, styles = [], []
        for strip in app.screen._compositor.render_strips():
            rows.append(strip.text)
            styles.append(tuple(in_words(segment.style) for segment in strip for _ in segment.text))
        return cls(tuple(rows), tuple(styles))

    def write(self, path: Path) -> None:
        names = list(dict.fromkeys(name for row in self.styles for name in row))
        assert len(names) <= len(_LETTERS), f"{path}: {len(names)} styles"
        letters = dict(zip(names, _LETTERS, strict=False))
        runs = [[(letters[name], len(list(group))) for name, group in groupby(row)] for row in self.styles]
        coded = ["".join(f"{letter}{n}" if n > 1 else letter for letter, n in row) for row in runs]
        legend = [f"{letter} {name}" for name, letter in letters.items()]
        lines = [*(f"{row}|" for row in self.rows), _STYLES, *coded, _LEGEND, *legend]
        path.write_text("\n".join(lines) + "\n", encoding="utf-8")

    @classmethod
    def read(cls, path: Path) -> PaintedScreen:
        lines = path.read_text(encoding="utf-8").split("\n")[:-1]
        middle, end = lines.index(_STYLES), lines.index(_LEGEND)
        names = dict(line.split(" ", 1) for line in lines[end + 1 :])
        styles = []
        for line in lines[middle + 1 : end]:
            row: list[str] = []
            number = ""
            for symbol in reversed(line):
                if symbol in string.digits:
                    number = symbol + number
                else:
                    row = [names[symbol]] * int(number or 1) + row
                    number = ""
            styles.append(tuple(row))
        return cls(tuple(line[:-1] for line in lines[:middle]), tuple(styles))

    def differences(self, wanted: PaintedScreen) -> list[str]:
        """Return what differs from `wanted`, row by row: the two texts, or where the styles part."""
        found = []
        if len(self.rows) != len(wanted.rows):
            found.append(f"{len(self.rows)} rows, not {len(wanted.rows)}")
        pairs = zip(self.rows, wanted.rows, self.styles, wanted.styles, strict=False)
        for y, (text, old, styles, old_styles) in enumerate(pairs, 1):
            if text != old:
                found += [f"row {y:2} was |{old}|", f"       is  |{text}|"]
            elif styles != old_styles:
                changed = [(x, a, b) for x, (a, b) in enumerate(zip(old_styles, styles, strict=True)) if a != b]
                for (old_name, name), group in groupby(changed, lambda entry: entry[1:]):
                    places = [x for x, *_ in group]
                    part = text[places[0] : places[-1] + 1]
                    found.append(f"row {y:2} columns {places[0] + 1}-{places[-1] + 1} {part!r}: {old_name} -> {name}")
        return found


def in_words(style: Style | None) -> str:
    """Return colours and attributes; what a click does is left out."""
    if style is None:
        return "none"
    colours = [colour.name if colour is not None else "-" for colour in (style.color, style.bgcolor)]
    flags = [name for name in ("bold", "dim", "italic", "underline", "reverse", "strike") if getattr(style, name)]
    return " ".join([*colours, *flags])


def clicks(app: App[Any]) -> set[str]:
    """Return the actions of all clicks that the screen in front offers."""
    strips = app.screen._compositor.render_strips()
    metas = (segment.style.meta for strip in strips for segment in strip if segment.style is not None)
    return {meta["@click"] for meta in metas if "@click" in meta}
