"""The units that were found, beside the two controls, and what ablating one of them costs."""

from __future__ import annotations

from collections.abc import Sequence

from textual.strip import Strip

from rnnplay.tui.paint.numbers import count, percent, score
from rnnplay.tui.paint.palette import Palette
from rnnplay.tui.paint.strips import Piece, bar, clickable, exactly, fit, paragraph, row
from rnnplay.tui.places.cells.views import FindingView, ProofView
from rnnplay.tui.widgets.paint_explained import listed
from rnnplay.tui.widgets.views import UnitRow

_NAME = 14


def finding(view: FindingView, width: int, height: int, palette: Palette, _fills_screen: bool = False) -> list[Strip]:
    """The panel without its frame: a bar for each unit, the controls on the same scale, the finding in a sentence."""
    if view.waiting:
        return exactly([row([(f"looking for {view.pattern} …", palette.dim)], width, palette)], height, width, palette)
    if not view.units and view.explained:
        return _explained(view, width, height, palette)
    if not view.units:
        return exactly(paragraph(view.empty, width, palette.dim, palette), height, width, palette)
    words = paragraph(view.sentence, width, palette.text if view.convincing else palette.bad, palette)
    if view.group:
        words += paragraph(view.group, width, palette.dim, palette)
    elif view.pair:
        words += paragraph(view.pair, width, palette.dim, palette)
    low = 0.5 if view.measure == "AUC" else 0.0
    words = paragraph(_legend(view), width, palette.dim, palette) + words
    controls = [
        _bar_row(name, strength, low, width, palette, palette.dim)
        for name, strength in (("rolled", view.rolled), ("untrained", view.untrained))
        if strength is not None
    ]
    room = max(1, height - len(controls) - len(words) - 1)
    first = max(0, min((view.cursor or 0) - room // 2, len(view.units) - room))
    units = [_unit(view, n, low, width, palette) for n in range(first, min(first + room, len(view.units)))]
    rows = [*exactly(units, min(room, max(len(units), 1)), width, palette), *controls, row([], width, palette), *words]
    return exactly(rows, height, width, palette)


def _legend(view: FindingView) -> str:
    """Return what the numbers and the letters of the list mean."""
    measure = "AUC: .5 is chance." if view.measure == "AUC" else f"{view.measure.capitalize()}: 0 is chance."
    has_cell_state = any(unit.state == "c" for unit in view.units)
    return f"{measure} h: hidden state, c: cell state." if has_cell_state else measure


def _explained(view: FindingView, width: int, height: int, palette: Palette) -> list[Strip]:
    """Paint what units follow, and a sentence on the one that is shown."""
    words = paragraph(view.sentence, width, palette.text, palette) if view.sentence else []
    words += paragraph("/ looks for a feature, v shows all units of the layer together.", width, palette.dim, palette)
    room = max(2, height - len(words) - 1)
    rows = listed(view.explained, view.shown, width, min(room, len(view.explained) + 1), palette)
    return exactly([*rows, row([], width, palette), *words], height, width, palette)


def _unit(view: FindingView, n: int, low: float, width: int, palette: Palette) -> Strip:
    unit = view.units[n]
    style = palette.chosen if n == view.cursor else palette.text
    high, low_ = ("high", "low") if view.measure == "AUC" else ("up", "down")
    name = f"{high if unit.sign > 0 else low_:<5}{named(unit)}"
    return _bar_row(name, unit.strength, low, width, palette, clickable(style, f"screen.result({n})"))


def named(unit: UnitRow) -> str:
    return f"{unit.layer + 1}.{unit.unit + 1} {unit.state}"


def _bar_row(name: str, strength: float, low: float, width: int, palette: Palette, style: object) -> Strip:
    size = max(0, width - _NAME - 6)
    filled = bar((strength - low) / (1 - low), size, palette)
    return row(
        [(f"{name:<{_NAME}}", style), (f"{score(strength):>4} ", style), (filled, palette.probability)],  # type: ignore[list-item]
        width,
        palette,
    )


def finding_title(view: FindingView, palette: Palette) -> Sequence[Piece]:
    dot = f" {palette.glyphs.separator} "
    if not view.pattern:
        what = f"{dot}what units follow{dot}step {count(view.step)}"
        return [("Find", palette.title), *([(what, palette.dim)] if view.explained else [])]
    what = fit(view.pattern, 24, palette.glyphs.ellipsis)
    step = f"{dot}step {count(view.step)}" if view.units else ""
    return [
        ("Find", palette.title), (dot, palette.dim), (what, palette.title), (f"{dot}{view.measure}", palette.dim),
        (step, palette.dim),
    ]  # fmt: skip


def proof(view: ProofView, width: int, height: int, palette: Palette, _fills_screen: bool = False) -> list[Strip]:
    """Paint the cost of doing without the unit: inside and outside the feature, and compared with the others."""
    if view.waiting:
        heading = row([(f"ablating {view.unit}: {percent(view.done)}", palette.dim)], width, palette)
        filled = bar(view.done, width, palette)
        return exactly([heading, row([(filled, palette.loss)], width, palette)], height, width, palette)
    if not view.unit:
        say = "a holds the unit at zero and measures what that costs, beside other units of the layer."
        return exactly(paragraph(say, width, palette.dim, palette), height, width, palette)
    largest = max(abs(view.inside), abs(view.outside), max(map(abs, view.others), default=0.0), 1e-9)
    rows = [
        _cost("inside", view.inside, largest, width, palette),
        _cost("outside", view.outside, largest, width, palette),
    ]
    if view.others:
        middle = sorted(view.others)[len(view.others) // 2]
        rows.append(_cost(f"{len(view.others)} others", middle, largest, width, palette))
    step = f"Step {count(view.step)}: "
    words = paragraph(step + view.sentence, width, palette.text, palette)
    if len(rows) + len(words) > height and view.others:  # the figures are in the bars: what is left to say?
        beaten = sum(other < view.inside for other in view.others)
        less = f"{step}{beaten} of {len(view.others)} others cost less inside."
        words = paragraph(less, width, palette.text, palette)
    return exactly([*rows, *words], height, width, palette)


def _cost(name: str, change: float, largest: float, width: int, palette: Palette) -> Strip:
    size = max(0, width - 20)
    words: list[Piece] = [(f"{name:<11}", palette.dim), (f"{change:+.4f} ", palette.text)]
    return row([*words, (bar(abs(change) / largest, size, palette), palette.loss)], width, palette)


def proof_title(view: ProofView, palette: Palette) -> Sequence[Piece]:
    dot = f" {palette.glyphs.separator} "
    if not view.to:
        return [("Prove", palette.title)]
    return [("Prove", palette.title), (f"{dot}{view.unit} at {view.to}{dot}{view.loss_unit}", palette.dim)]
