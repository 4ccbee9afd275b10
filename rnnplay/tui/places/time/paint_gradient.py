"""The gradient by lag on a log axis: this network's line, other networks' beside it, ρ^k, the horizon, the task's lag.

All lines are relative to lag 0, so that they begin at the same point and 1 % is one line for all.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from rich.style import Style
from textual.strip import Strip

from rnnplay.tui.paint.braille import character, pack
from rnnplay.tui.paint.numbers import figure, rate, tick_label, ticks
from rnnplay.tui.paint.palette import Palette
from rnnplay.tui.paint.strips import Piece, blank, exactly, figures, fit, paragraph, row
from rnnplay.tui.places.time.views import Array, LagsView, OneUnitView, ReachView

FADED = 0.01
LEAST, MOST = 1e-8, 1e6  # of the gradient at lag 0: what is drawn
_GUTTER = 7
_TABLE = 56  # cells beside the chart
_SENTENCE_ROWS = 3  # that are always there
_CHART_ROWS = 6  # of chart and table that stay where sentences are long


def network_styles(palette: Palette) -> dict[str, Style]:
    """The colour of each kind of network, the same on every painting."""
    return {
        "RNN tanh": palette.loss,
        "RNN ReLU": palette.gradient,
        "RNN sigmoid": palette.dim,
        "LSTM": palette.probability,
        "GRU": palette.surprise,
    }


def relative(norms: Array) -> Array:
    """Norms over that at lag 0; NaN where that makes no sense."""
    start = norms[0] if norms.size else math.nan
    with np.errstate(divide="ignore", invalid="ignore"):
        return norms / start if start > 0 else np.full(norms.shape, math.nan)


@dataclass(frozen=True)
class Line:
    """A curve: its values by lag, its colour, and the letter that stands for it."""

    values: Array
    ink: Style
    mark: str


@dataclass(frozen=True)
class Chart:
    """A log axis from `low` to `high` over lags 0 to `last`, in `wide` x `tall` cells."""

    wide: int
    tall: int
    low: float
    high: float
    last: int

    def height(self, value: float) -> float:
        """Return how far up (0..1) a value is."""
        return math.log(value / self.low) / math.log(self.high / self.low)

    def row_of(self, value: float) -> int:
        """The row of cells, 0 at the top."""
        return min(self.tall - 1, max(0, round((1 - self.height(value)) * (4 * self.tall - 1)) // 4))

    def column_of(self, lag: float) -> int:
        return min(self.wide - 1, int(lag / max(1, self.last) * (2 * self.wide - 1)) // 2)

    def dots(self, values: Array) -> Array:
        """(4 tall, 2 wide) bool: the curve, joined up; outside the axis nothing."""
        curve = np.zeros((4 * self.tall, 2 * self.wide), bool)
        lags = np.arange(2 * self.wide) / max(1, 2 * self.wide - 1) * self.last
        known = np.arange(len(values))
        with np.errstate(divide="ignore", invalid="ignore"):
            logs = np.log(np.maximum(values, 1e-300))
        heights = np.interp(lags, known, np.where(np.isfinite(logs), logs, np.nan), right=np.nan)
        places = (1 - (heights - math.log(self.low)) / math.log(self.high / self.low)) * (4 * self.tall - 1)
        before: int | None = None
        for column, place in enumerate(places.tolist()):
            if not math.isfinite(place) or not -4 <= place <= 4 * self.tall + 4:
                before = None
                continue
            here = round(place)
            first, last = (here, here) if before is None else (min(here, before), max(here, before))
            if before is not None and last > first:
                first, last = (first, last - 1) if here < before else (first + 1, last)
            curve[max(0, first) : max(0, min(last + 1, 4 * self.tall)), column] = True
            before = here
        return curve


def chart_of(view: LagsView, wide: int, tall: int) -> Chart:
    """Axes that hold what is within MOST and LEAST of lag 0, and the line at 1 %."""
    curve = [relative(network.norms) for network in view.networks]
    values = np.concatenate([v[np.isfinite(v) & (v > 0)] for v in curve] or [np.ones(1)])
    low = min(FADED / 4, max(LEAST, float(values.min(initial=1.0))))
    high = min(MOST, max(2.0, float(values.max(initial=1.0)) * 1.5))
    low, high = 10 ** math.floor(math.log10(low)), 10 ** (math.ceil(math.log10(high) * 4) / 4)
    last = max((len(network.norms) - 1 for network in view.networks), default=1)
    return Chart(wide, tall, low, high, max(1, last))


def lags(view: LagsView, width: int, height: int, palette: Palette, _fills_screen: bool = False) -> list[Strip]:
    """The panel without its frame: chart, table of networks, and a sentence."""
    if not view.networks:
        return exactly(paragraph(view.empty, width, palette.dim, palette), height, width, palette)
    sentence = view.sentence if palette.glyphs.dots else view.sentence.replace("ρ", "rho")
    words = paragraph(sentence, width, palette.accent, palette)
    words += paragraph(view.note, width, palette.dim, palette) if view.note else []
    words = words[: max(_SENTENCE_ROWS, height - _CHART_ROWS)]
    room = height - len(words)
    if width >= 100:
        side = exactly(table(view, _TABLE, palette), room, _TABLE, palette)
        left = exactly(draw(view, width - _TABLE - 2, room, palette), room, width - _TABLE - 2, palette)
        gap = blank(2, palette)
        return [Strip([*a, *gap, *b], width) for a, b in zip(left, side, strict=True)] + words
    below = table(view, width, palette)[: max(1, min(len(view.networks) + 2, room - 7))]
    chart = draw(view, width, room - len(below), palette)
    return exactly([*chart, *below, *words], height, width, palette)


def draw(view: LagsView, width: int, height: int, palette: Palette) -> list[Strip]:
    """The curves with their axes: height - 1 rows and the lags below."""
    wide, tall = width - _GUTTER, height - 1
    if wide < 10 or tall < 3:
        return exactly([], max(0, height), width, palette)
    chart = chart_of(view, wide, tall)
    colours = network_styles(palette)
    lines = [
        Line(relative(network.norms), palette.accent if n == 0 else colours.get(network.name, palette.text), str(n + 1))
        for n, network in enumerate(view.networks)
    ]
    cells = _background(view, chart, palette)
    for line in reversed(lines):
        _plot(cells, chart, line, palette)
    cells |= _lag_label(view, chart, cells, palette)
    strips = []
    labels = {chart.row_of(v): tick_label(v) for v in _decades(chart)}
    labels[chart.row_of(FADED)] = "1 %"
    labels[chart.row_of(1.0)] = "1"
    for y in range(tall):
        pieces: list[Piece] = [(f"{labels.get(y, ''):>{_GUTTER - 1}} ", palette.dim)]
        pieces += [cells.get((y, x), (" ", palette.blank)) for x in range(wide)]
        strips.append(row(pieces, width, palette))
    return [*strips, _axis(chart, width, palette)]


Cells = dict[tuple[int, int], Piece]


def _decades(chart: Chart) -> list[float]:
    first, last = math.ceil(math.log10(chart.low)), math.floor(math.log10(chart.high))
    step = max(1, math.ceil((last - first + 1) / max(2, chart.tall // 2)))
    return [10.0**e for e in range(last, first - 1, -step)]


def _background(view: LagsView, chart: Chart, palette: Palette) -> Cells:
    """The line at 1 %, the task's longest lag, and ρ^k of this network."""
    cells: Cells = {}
    for x in range(chart.wide):
        cells[chart.row_of(FADED), x] = (palette.glyphs.dash, palette.baseline)
    if 0 < view.longest_lag <= chart.last:
        x = chart.column_of(view.longest_lag)
        for y in range(chart.tall):
            cells[y, x] = (palette.glyphs.box[5], palette.border)
    radius = view.networks[0].radius
    if radius is not None and radius > 0:
        with np.errstate(over="ignore", under="ignore"):
            powers = radius ** np.arange(chart.last + 1.0)
        dots = chart.dots(powers)
        dots[:, ::4] = False  # a broken line
        dots[:, 1::4] = False
        _put(cells, dots, palette.baseline, ".", palette)
    return cells


def _lag_label(view: LagsView, chart: Chart, cells: Cells, palette: Palette) -> Cells:
    """Return the name of the task's longest lag, beside its line, in the first row in which it hides no curve."""
    label = f"the task's lag {view.longest_lag}"
    x = chart.column_of(view.longest_lag)
    start = x + 1 if x + 1 + len(label) <= chart.wide else x - len(label)
    if not 0 < view.longest_lag <= chart.last or start < 0:
        return {}
    columns = range(start, start + len(label))
    free = (y for y in range(chart.tall) if not any((y, column) in cells for column in columns))
    y = next(free, 0)
    return {(y, column): (letter, palette.baseline) for column, letter in zip(columns, label, strict=True)}


def _plot(cells: Cells, chart: Chart, line: Line, palette: Palette) -> None:
    """Draw `line` over what is there, its number where it ends."""
    dots = chart.dots(line.values)
    _put(cells, dots, line.ink, line.mark if palette.system == "none" else "*", palette)
    shown = np.argwhere(dots)
    if len(shown):
        y, x = shown[shown[:, 1].argmax()]
        cells[int(y) // 4, int(x) // 2] = (line.mark, line.ink + Style(bold=True))


def _put(cells: Cells, dots: Array, ink: Style, plain: str, palette: Palette) -> None:
    bits = pack(dots)
    braille = palette.glyphs.dots and palette.system != "none"
    for y, x in np.argwhere(bits):
        cells[int(y), int(x)] = (character(int(bits[y, x])) if braille else plain, ink)


def _axis(chart: Chart, width: int, palette: Palette) -> Strip:
    line = [" "] * width
    for value in ticks(0, chart.last, max(2, chart.wide // 12)):
        label = tick_label(value)
        place = _GUTTER + chart.column_of(value) - (len(label) // 2 if value else 0)
        if place + len(label) <= width:
            line[place : place + len(label)] = label
    text = "".join(line).rstrip()
    unit = " time steps back"
    return row([(text + unit if len(text + unit) <= width else text, palette.dim)], width, palette)


def table(view: LagsView, width: int, palette: Palette) -> list[Strip]:
    """Each network: number, name, horizon, spectral radius with its matrix, the measured factor, and the verdict."""
    colours = network_styles(palette)
    rho = "ρ" if palette.glyphs.dots else "rho"
    head = f"{'':2}{'':18} {'horizon':>7} {rho:>5}{'':6}{'a step':>6}"
    rows = [row([(fit(head, width), palette.dim)], width, palette)]
    for n, network in enumerate(view.networks):
        ink = palette.accent if n == 0 else colours.get(network.name, palette.text)
        name = f"{network.name}{', this' if n == 0 else '' if network.trained else ', fresh'}"
        horizon = str(network.horizon) if network.horizon is not None else f">{len(network.norms) - 1}"
        radius = figure(network.radius) if network.radius is not None else "?"
        matrix = network.matrix if network.matrix == "W_hh" else "J"
        factor = figure(network.factor) if network.factor is not None else "?"
        pieces = [
            (f"{n + 1} ", ink + Style(bold=True)),
            (f"{fit(name, 18):<18} ", ink),
            (f"{horizon:>7} {radius:>5} ", palette.text),
            (f"{matrix:<5}", palette.dim),
            (f"{factor:>6} ", palette.text),
            (fit(network.verdict, max(0, width - 46)), _verdict_style(network, palette)),
        ]
        rows.append(row(pieces, width, palette))
    lag = view.networks[0].lag
    gated = any(network.matrix != "W_hh" for network in view.networks)
    note = f"a step: mean factor up to lag {lag}, measured" + (". J: the state's Jacobian" if gated else "")
    return rows + paragraph(note, width, palette.dim, palette)


def _verdict_style(network: ReachView, palette: Palette) -> Style:
    return {"explodes": palette.bad, "vanishes": palette.text}.get(network.verdict, palette.good)


def one_unit(view: OneUnitView, width: int, height: int, palette: Palette, _fills_screen: bool = False) -> list[Strip]:
    """One unit, one weight: the gradient after k time steps is w^k."""
    if view.norms is None:
        return exactly([], height, width, palette)
    w = view.weight
    what = "it explodes" if w > 1 else "it stays" if w == 1 else "it vanishes"
    explanation = f"   gradient after k steps: w^k, {what}"
    head: list[Piece] = [("w ", palette.dim), (f"{w:g}", palette.accent), (explanation, palette.text)]
    powers = [(f"w^{k}", _short(float(view.norms[k]))) for k in (1, 2, 5, 10, 20, 40) if k < len(view.norms)]
    chart_rows = draw(LagsView((ReachView("", True, view.norms, None, None, ""),)), width, max(0, height - 2), palette)
    last = row(figures(powers, palette, width=width), width, palette)
    return exactly([row(head, width, palette), *chart_rows, last], height, width, palette)


def _short(value: float) -> str:
    if value == 0 or 0.01 <= value < 1e4:
        return f"{value:.3g}"
    return rate(float(f"{value:.1e}"))


def title(_view: LagsView, palette: Palette) -> Sequence[Piece]:
    """Return what the chart shows."""
    words = "gradient of the last step's loss by lag, with respect to the whole state, lag 0 = 1"
    pieces: list[Piece] = [("6 ", palette.accent), ("Time", palette.title)]
    return [*pieces, (f" {palette.glyphs.separator} {words}", palette.dim)]


def one_unit_title(_view: OneUnitView, palette: Palette) -> Sequence[Piece]:
    """Return what the demonstration is about."""
    return [("One unit", palette.title), (f" {palette.glyphs.separator} turn w", palette.dim)]
