"""Palettes: one for each colour system of a terminal, dark and light. Everything painted takes its styles from here.

What colour says is also said in another way: without colour a sign is an underline or bold, a strength is reverse.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from math import copysign

from rich.style import Style

from rnnplay.tui.paint.text import ASCII, UNICODE, Glyphs

HEAT_LEVELS = 10  # on each side of zero, in truecolor


@dataclass(frozen=True, eq=False)
class Palette:
    """Every style that is painted. `heat` runs from the most negative to the most positive, zero in the middle."""

    name: str  # of the theme, as the app knows it
    system: str  # truecolor | 256 | 16 | none
    dark: bool
    glyphs: Glyphs
    text: Style
    dim: Style
    border: Style
    focus: Style  # the border of the focused panel
    title: Style
    accent: Style
    key: Style
    good: Style
    bad: Style
    chosen: Style  # the row or field under the cursor
    loss: Style
    loss_band: Style
    gradient: Style
    gradient_band: Style
    validation: Style
    best: Style  # of the evaluations
    baseline: Style
    probability: Style
    surprise: Style
    heat: tuple[Style, ...]
    probability_ramp: tuple[Style, ...]  # from unlikely to certain: behind a sampled character
    surprise_ramp: tuple[Style, ...]  # from expected to surprising: behind a character of the text
    influence: tuple[Style, ...]  # from none to most: behind a symbol that moved a prediction

    @cached_property
    def blank(self) -> Style:
        """Empty cells: the panel's own background."""
        return Style(bgcolor=self.text.bgcolor) if self.text.bgcolor else Style()

    def heat_of(self, share: float) -> Style:
        """The style of an activation that is `share` (-1..1) of its scale."""
        half = len(self.heat) // 2
        level = int(abs(share) * half + 0.5)
        return self.heat[half + int(copysign(min(level, half), share))]


Triplet = tuple[int, int, int]


def _rgb(colour: str) -> Triplet:
    return int(colour[1:3], 16), int(colour[3:5], 16), int(colour[5:7], 16)


def _hex(colour: Triplet) -> str:
    return "#{:02x}{:02x}{:02x}".format(*colour)


def blend(low: str, high: str, share: float) -> str:
    """The colour `share` (0..1) of the way from `low` to `high`, in linear steps of their sRGB values."""
    return _hex(tuple(round(a + (b - a) * share) for a, b in zip(_rgb(low), _rgb(high), strict=True)))  # type: ignore[arg-type]


def luminance(colour: str) -> float:
    """Relative luminance (0..1) as WCAG 2 defines it."""
    parts = [c / 255 for c in _rgb(colour)]
    r, g, b = (c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in parts)
    return 0.2126 * r + 0.7152 * g + 0.0722 * b


def readable(background: str, *candidates: str) -> str:
    """The first candidate that contrasts well with `background`, else the one that contrasts most."""

    def contrast(colour: str) -> float:
        a, b = luminance(colour), luminance(background)
        return (max(a, b) + 0.05) / (min(a, b) + 0.05)

    return next((c for c in candidates if contrast(c) >= 5.5), max(candidates, key=contrast))


@dataclass(frozen=True)
class ThemeColours:
    """Colours from which a theme's palette is made."""

    background: str
    text: str
    dim: str
    border: str
    accent: str
    good: str
    bad: str
    chosen: str
    loss: str
    gradient: str
    validation: str
    probability: str
    surprise: str
    negative: tuple[str, ...]  # from weak to strong; one: blended from the background
    positive: tuple[str, ...]
    band: float = 0.34  # how much of its line's colour a band has


DARK = ThemeColours(
    background="#14161c", text="#d4d7de", dim="#878e9c", border="#3a404d", accent="#f0b862", good="#8fd19e",
    bad="#ff7a6b", chosen="#2b3140", loss="#5fc9d6", gradient="#cfc67a", validation="#ffffff",
    probability="#86cf8f", surprise="#c99bf0", negative=("#e5473c",), positive=("#3f86f5",),
)  # fmt: skip
LIGHT = ThemeColours(
    background="#fbfaf7", text="#2b2e35", dim="#737985", border="#c9ccd2", accent="#a35d00", good="#2a7a3f",
    bad="#c02f21", chosen="#e9e3d3", loss="#0a7a8a", gradient="#7a6c00", validation="#000000",
    probability="#2d8040", surprise="#8a3fc0", negative=("#e23a2e",), positive=("#2f78ee",), band=0.3,
)  # fmt: skip
# The 256-colour cube is coarse: each level is one of its own colours, so that none is rounded to another hue.
DARK_256 = ThemeColours(
    background="#121212", text="#d0d0d0", dim="#8a8a8a", border="#444444", accent="#ffaf5f", good="#87d787",
    bad="#ff5f5f", chosen="#303030", loss="#5fd7d7", gradient="#d7d787", validation="#ffffff",
    probability="#87d787", surprise="#d787ff",
    negative=("#5f0000", "#870000", "#af0000", "#d70000", "#ff5f5f"),
    positive=("#00005f", "#000087", "#005faf", "#0087ff", "#5fafff"),
)  # fmt: skip
LIGHT_256 = ThemeColours(
    background="#ffffff", text="#303030", dim="#767676", border="#c6c6c6", accent="#af5f00", good="#008700",
    bad="#af0000", chosen="#e4e4e4", loss="#00878f", gradient="#878700", validation="#000000",
    probability="#008700", surprise="#8700d7",
    negative=("#ffd7d7", "#ffafaf", "#ff8787", "#ff5f5f", "#d70000"),
    positive=("#d7d7ff", "#afd7ff", "#87afff", "#5f87ff", "#005fd7"), band=0.35,
)  # fmt: skip


def _ramp(colours: ThemeColours, ends: tuple[str, ...], levels: int) -> list[str]:
    if len(ends) > 1:
        return list(ends)
    return [blend(colours.background, ends[0], (n / levels) ** 0.85) for n in range(1, levels + 1)]


def make_palette(colours: ThemeColours, name: str, system: str, dark: bool, glyphs: Glyphs) -> Palette:
    """Return the palette of a theme."""

    def style(colour: str, background: str = colours.background, bold: bool | None = None) -> Style:
        return Style(color=colour, bgcolor=background, bold=bold)

    def on(background: str) -> Style:
        return style(readable(background, colours.text, "#ffffff", "#000000"), background)

    negative = _ramp(colours, colours.negative, HEAT_LEVELS)
    positive = _ramp(colours, colours.positive, HEAT_LEVELS)
    shades = 6 if system == "truecolor" else 3

    def shade(colour: str) -> tuple[Style, ...]:
        return tuple(on(blend(colours.background, colour, 0.62 * n / shades)) for n in range(shades + 1))

    def band(colour: str) -> Style:
        return style(blend(colours.background, colour, colours.band))

    return Palette(
        name=name, system=system, dark=dark, glyphs=glyphs,
        text=style(colours.text), dim=style(colours.dim), border=style(colours.border), focus=style(colours.accent),
        title=style(colours.text, bold=True), accent=style(colours.accent, bold=True), key=style(colours.accent),
        good=style(colours.good), bad=style(colours.bad, bold=True),
        chosen=style(colours.text, colours.chosen, bold=True),
        loss=style(colours.loss), loss_band=band(colours.loss),
        gradient=style(colours.gradient), gradient_band=band(colours.gradient),
        validation=style(colours.validation, bold=True), best=style(colours.good), baseline=style(colours.dim),
        probability=style(colours.probability), surprise=style(colours.surprise),
        heat=tuple(on(c) for c in (*reversed(negative), colours.background, *positive)),
        probability_ramp=shade(colours.probability), surprise_ramp=shade(colours.surprise),
        influence=shade(colours.gradient),
    )  # fmt: skip


def sixteen(name: str, glyphs: Glyphs) -> Palette:
    """The terminal's own sixteen colours on its own background, which may be dark or light."""
    text = Style(color="default", bgcolor="default")

    def style(colour: str, background: str = "default", bold: bool | None = None) -> Style:
        return Style(color=colour, bgcolor=background, bold=bold)

    return Palette(
        name=name, system="16", dark=True, glyphs=glyphs,
        text=text, dim=style("bright_black"), border=style("bright_black"), focus=style("yellow"),
        title=style("default", bold=True), accent=style("yellow", bold=True), key=style("yellow"),
        good=style("green"), bad=style("red", bold=True), chosen=style("black", "yellow"),
        loss=style("cyan"), loss_band=style("bright_black"),
        gradient=style("yellow"), gradient_band=style("bright_black"),
        validation=style("default", bold=True), best=style("green"), baseline=style("bright_black"),
        probability=style("green"), surprise=style("magenta"),
        heat=(style("bright_white", "red", True), style("bright_white", "red"), style("red"), text,
              style("bright_blue"), style("bright_white", "blue"), style("bright_white", "blue", True)),
        probability_ramp=(text, style("green"), style("bright_green", bold=True)),
        surprise_ramp=(text, style("magenta"), style("bright_white", "magenta")),
        influence=(text, style("yellow"), style("black", "yellow")),
    )  # fmt: skip


def colourless(name: str, glyphs: Glyphs) -> Palette:
    """Palette without colour: minus is underlined, plus is bold, and what is strong is reversed."""
    text, dim, bold = Style(dim=False), Style(dim=True), Style(bold=True)
    reverse, under = Style(reverse=True), Style(underline=True)
    return Palette(
        name=name, system="none", dark=True, glyphs=glyphs,
        text=text, dim=dim, border=dim, focus=bold, title=bold, accent=bold, key=bold, good=text, bad=bold,
        chosen=reverse, loss=text, loss_band=dim, gradient=text, gradient_band=dim, validation=bold, best=reverse,
        baseline=dim, probability=text, surprise=text,
        heat=(Style(underline=True, reverse=True), under, text, bold, Style(bold=True, reverse=True)),
        probability_ramp=(dim, text, bold), surprise_ramp=(text, under, reverse), influence=(text, under, reverse),
    )  # fmt: skip


def colour_system(environ: Mapping[str, str]) -> str:
    """Return what the terminal can show, as its environment tells: truecolor, 256, 16 or none."""
    if "NO_COLOR" in environ:
        return "none"
    if environ.get("COLORTERM", "").strip().lower() in ("truecolor", "24bit"):
        return "truecolor"
    term = environ.get("TERM", "").strip().lower()
    if term in ("", "dumb", "unknown") or term.startswith("vt"):
        return "none"
    return "256" if term.rsplit("-", 1)[-1] in ("256color", "kitty") else "16"


def shows_unicode(environ: Mapping[str, str], encoding: str | None) -> bool:
    """Return whether box lines and braille come out: only in UTF-8, and not on the Linux console."""
    return (encoding or "").lower().replace("-", "") in ("utf8", "utf_8") and environ.get("TERM") != "linux"


def prefers_light(environ: Mapping[str, str]) -> bool:
    """Return whether the environment says that the terminal is light: TEXTUAL_THEME, or COLORFGBG ("0;15")."""
    if theme := environ.get("TEXTUAL_THEME", ""):
        return "light" in theme
    return environ.get("COLORFGBG", "").rsplit(";", 1)[-1] in ("7", "15")


def palettes(environ: Mapping[str, str] | None = None, encoding: str | None = None) -> tuple[Palette, ...]:
    """The palettes for this terminal, the one to begin with first."""
    environ = os.environ if environ is None else environ
    encoding = getattr(sys.__stderr__, "encoding", None) if encoding is None else encoding
    glyphs = UNICODE if shows_unicode(environ, encoding) else ASCII
    system = colour_system(environ)
    if system == "none":
        return (colourless("rnnplay-plain", glyphs),)
    if system == "16":
        return (sixteen("rnnplay-16", glyphs),)
    colours = (DARK, LIGHT) if system == "truecolor" else (DARK_256, LIGHT_256)
    dark = make_palette(colours[0], "rnnplay-dark", system, True, glyphs)
    light = make_palette(colours[1], "rnnplay-light", system, False, glyphs)
    return (light, dark) if prefers_light(environ) else (dark, light)
