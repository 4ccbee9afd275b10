"""Features that units follow: a row for each feature, with its unit, its score and a tiny curve of how it grew."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from textual.strip import Strip

from rnnplay.tui.paint.braille import character, pack
from rnnplay.tui.paint.numbers import count, score
from rnnplay.tui.paint.palette import Palette
from rnnplay.tui.paint.strips import Piece, clickable, exactly, fit, row
from rnnplay.tui.widgets.views import ExplainedRow

WIDTH = 38
_CURVE = 4  # cells
_NAME, _SCORE = 8, 6


def listed(
    rows: Sequence[ExplainedRow],
    chosen: tuple[int, int] | str,
    width: int,
    height: int,
    palette: Palette,
    step: int | None = None,
) -> list[Strip]:
    """`height` rows: a heading, then as many features as fit; those whose unit is no news stand pale.

    `chosen`: the unit that is shown, (layer, unit), or the feature whose direction is. `step`: after which the scores
    were measured, where the heading is to say so.
    """
    room = max(4, width - _NAME - _SCORE - _CURVE - 1)
    follows = "follows" if step is None else f"follows, step {count(step)}"
    follows = follows if len(follows) <= room else f"step {count(step or 0)}"
    heading = f"{'unit':<{_NAME}}{follows:<{room}}{'score':>{_SCORE}}"
    strips = [row([(fit(heading, width), palette.dim)], width, palette)]
    for explained in rows[: height - 1]:
        is_chosen = chosen in (explained.feature, (explained.layer, explained.unit))
        strips.append(_row(explained, is_chosen, room, width, palette))
    return exactly(strips, height, width, palette)


def _row(explained: ExplainedRow, is_chosen: bool, room: int, width: int, palette: Palette) -> Strip:
    style = palette.chosen if is_chosen else palette.text if explained.convincing else palette.dim
    name = f"{explained.layer + 1}.{explained.unit + 1}{' c' if explained.state == 'c' else ''}"
    kind = "" if explained.is_auc else "r "
    words = (
        f"{fit(name, _NAME - 1):<{_NAME}}{fit(explained.feature, room - 1, palette.glyphs.ellipsis):<{room}}"
        f"{kind + score(explained.score):>{_SCORE}}"
    )
    action = f"screen.explained({explained.feature!r})"
    pieces: list[Piece] = [(words, clickable(style, action)), (" ", palette.blank)]
    return row([*pieces, (curve(explained.growth, explained.is_auc, palette), palette.loss)], width, palette)


def curve(growth: Sequence[float], is_auc: bool, palette: Palette) -> str:
    """The scores as a line of braille dots from chance (below) to 1 (above); without braille four levels of letters."""
    if not growth:
        return ""
    low = 0.5 if is_auc else 0.0
    columns = 2 * _CURVE if palette.glyphs.dots else _CURVE
    places = np.linspace(0, len(growth) - 1, columns)
    scores = np.interp(places, np.arange(len(growth)), growth)
    levels = np.clip(((scores - low) / (1 - low) * 4).astype(int), 0, 3)
    if not palette.glyphs.dots:
        return "".join("_.-^"[level] for level in levels.tolist())
    dots = np.zeros((4, columns), bool)
    dots[3 - levels, np.arange(columns)] = True
    return "".join(character(int(bits)) for bits in pack(dots)[0])
