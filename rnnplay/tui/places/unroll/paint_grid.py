"""The unrolled network as a grid: a column for each time step, a row for the input, each unit, each output, the target.

Down is forward. Where a step has no input or no output its cells are empty; an encoder's columns stand left of the
decoder's.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

import numpy as np
from rich.cells import cell_len
from rich.style import Style
from textual.strip import Strip

from rnnplay.tui.paint.numbers import figure, percent
from rnnplay.tui.paint.palette import Palette
from rnnplay.tui.paint.strips import Piece, clickable, exactly, figures, fit, paragraph, row
from rnnplay.tui.paint.text import visible
from rnnplay.tui.places.unroll.views import LayerView, OutputsView, PartView, UnrollView

WIDTHS = (13, 10, 7, 5, 3)  # of a column: as wide as lets all time steps be seen
BODY = 7  # cells of a wide column that hold its number; an arrow to the next time step has the rest
LABEL = 12
ROOMY = 24  # rows from which two lines of what is true stand there
_BETWEEN = 2  # cells between encoder and decoder


def signed(value: float, width: int) -> str:
    """An activation in a cell of `width` 7 (+0.83), 5 (+.83) or 3: its first two digits, where the sign is a style."""
    if not math.isfinite(value):
        return "nan" if width > 3 else "??"
    size = abs(value)
    if width <= 3:
        return f"{round(size * 100):02d}" if size < 0.995 else f"{min(size, 9):.0f}."
    sign = "-" if value < 0 else "+"
    if width <= 5:
        if size < 0.995:
            return f"{sign}.{round(size * 100):02d}"
        return f"{sign}{size:.1f}" if size < 9.95 else f"{sign}{min(size, 999):.0f}"
    return (
        f"{sign}{size:.2f}" if size < 9.995 else f"{sign}{size:.1f}" if size < 99.95 else f"{sign}{min(size, 9999):.0f}"
    )


def bar(share: float, width: int, palette: Palette) -> str:
    """`share` (0..1) of `width` cells, in eighths."""
    eighths = round(max(0.0, min(1.0, share)) * width * 8)
    full, rest = divmod(eighths, 8)
    last = palette.glyphs.eighths[rest - 1] if rest and palette.glyphs.dots else ""
    return (palette.glyphs.eighths[-1] * full + last).ljust(width)


def scale_of(layer: LayerView, state: str) -> float:
    """What the strongest colour stands for: 1 where a unit cannot go beyond, else the largest value shown."""
    values = layer.state(state)
    finite = np.abs(values[np.isfinite(values)])
    return max(1.0, float(finite.max())) if finite.size else 1.0


@dataclass(frozen=True)
class Column:
    """A visible column: its number over all parts, its part, its time step there."""

    number: int
    part: int
    time: int


def visible_columns(view: UnrollView, width: int) -> tuple[list[Column], int]:
    """The columns that are shown in `width` cells beside the labels, with the one under the cursor, and their width."""
    everything = [Column(0, p, t) for p, part in enumerate(view.parts) for t in range(len(part.inputs))]
    everything = [Column(n, c.part, c.time) for n, c in enumerate(everything)]
    room = width - LABEL - _BETWEEN * (len(view.parts) - 1)
    cell = next((w for w in WIDTHS if w * len(everything) <= room), 5 if room >= 60 else 3)
    count = max(1, room // cell)
    first = max(0, min(view.time - count // 2, len(everything) - count))
    return everything[first : first + count], cell


@dataclass(frozen=True)
class Grid:
    """What the rows of one painting share."""

    view: UnrollView
    columns: list[Column]
    cell: int
    width: int
    palette: Palette

    @property
    def body(self) -> int:
        return min(self.cell, BODY)

    def line(self, label: list[Piece], paint: Callable[[Column, PartView], Piece], onward: bool = False) -> Strip:
        """A row: its label, then a cell for each visible column; `onward`: with arrows to the next time step."""
        pieces = [*pad(label, LABEL, self.palette)]
        before: Column | None = None
        for column in self.columns:
            if before is not None and before.part != column.part:
                pieces.append((self.palette.glyphs.box[5] + " ", self.palette.border))
            before = column
            hidden = self.view.playing and column.number > self.view.time
            text, style = (" ", self.palette.blank) if hidden else paint(column, self.view.parts[column.part])
            pieces.append((centred(text, self.body), style))
            gap = self.cell - self.body
            if gap:
                last = column.number == self.view.columns - 1 or (self.view.playing and column.number >= self.view.time)
                arrow = self.palette.glyphs.box[4] * (gap - 2) + self.palette.glyphs.arrows[1] + " "
                pieces.append((arrow if onward and not last else " " * gap, self.palette.dim))
        return row(pieces, self.width, self.palette)

    def between(self, name: str) -> Strip:
        """A row between two sections: what leads down, and an arrow in each column."""
        down = self.palette.glyphs.arrows[3]
        return self.line(
            [("    ", self.palette.blank), (name, self.palette.dim)], lambda _c, _p: (down, self.palette.dim)
        )


def pad(pieces: list[Piece], width: int, palette: Palette) -> list[Piece]:
    used = sum(cell_len(text) for text, _ in pieces)
    return [*pieces, (" " * max(0, width - used), palette.blank)]


def centred(text: str, width: int) -> str:
    text = fit(text, width)
    left = (width - cell_len(text)) // 2
    return " " * left + text + " " * (width - left - cell_len(text))


def shown_units(view: UnrollView, layer: int, count: int) -> range:
    """The places of the units of `layer` that `count` rows show: all, or those around the cursor."""
    total = len(view.parts[0].layers[layer].units)
    at = view.cell()
    middle = at[1] if at is not None and at[0] == layer else 0
    first = max(0, min(middle - count // 2, total - count))
    return range(first, min(total, first + count))


def share_rows(wanted: list[int], room: int) -> list[int]:
    """`room` rows shared out evenly among those who want up to `wanted` each."""
    given = [0] * len(wanted)
    while room > 0 and any(g < w for g, w in zip(given, wanted, strict=True)):
        for n, want in enumerate(wanted):
            if room > 0 and given[n] < want:
                given[n] += 1
                room -= 1
    return given


def likeliest(outputs: OutputsView, count: int) -> list[int]:
    """The places of the `count` outputs that are ever likely, in the order of their ids."""
    best = np.nanmax(outputs.values, axis=0) if len(outputs.values) else np.zeros(len(outputs.ids))
    return sorted(np.argsort(-best, kind="stable")[:count].tolist())


def grid(view: UnrollView, width: int, height: int, palette: Palette) -> list[Strip]:
    """The panel without its frame: `height` rows of `width` cells."""
    if not view.parts:
        return exactly(paragraph(view.empty, width, palette.dim, palette), height, width, palette)
    columns, cell = visible_columns(view, width)
    table = Grid(view, columns, cell, width, palette)
    notes = [row([(fit(text, width), style)], width, palette) for text, style in _notes(view, palette)][:2]
    outputs = next((part.outputs for part in view.parts if part.outputs is not None), None)
    edited = any(part.previous_probabilities for part in view.parts)
    truths = view.parts[-1].truths if height >= ROOMY else view.parts[-1].truths[:1]
    fixed = 5 + (len(view.parts) > 1) + edited + len(notes) + 1 + len(truths)
    room = max(2, height - fixed)
    outs = min(len(outputs.ids), max(2, room // 3)) if outputs is not None else 0
    given = share_rows([len(layer.units) for layer in view.parts[0].layers], room - outs)
    outs = min(len(outputs.ids), room - sum(given)) if outputs is not None else 0
    spare = room - sum(given) - outs >= len(given) + (outputs is not None)
    rows = [*_heads(table), *_truths(table, len(truths))]
    for n, count in enumerate(given):
        rows += [table.between("W_hhd" if n else "W_xh")] * spare
        rows += _layer(table, n, count)
    if outputs is not None:
        rows += [table.between("W_hy")] * spare
        rows += _outputs(table, outputs, likeliest(outputs, outs))
    rows += _results(table, edited)
    rows = exactly(rows, height - len(notes) - 1, width, palette)
    return [*rows, *notes, row(_figures(view, palette), width, palette)]


def _heads(table: Grid) -> Iterator[Strip]:
    view, palette = table.view, table.palette
    if len(view.parts) > 1:
        firsts = {next((c.number for c in table.columns if c.part == p), -1): p for p in range(len(view.parts))}
        pieces: list[Piece] = [(" " * LABEL, palette.blank)]
        for column in table.columns:
            if column.number in firsts:
                name = view.parts[firsts[column.number]].name
                count = sum(c.part == column.part for c in table.columns)
                gap = _BETWEEN if column is not table.columns[0] and column.time == 0 else 0
                pieces += [
                    (" " * gap, palette.blank),
                    (fit(name, count * table.cell).ljust(count * table.cell), palette.accent),
                ]
        yield row(pieces, table.width, palette)
    less = palette.glyphs.less if table.columns[0].number else " "
    more = palette.glyphs.more if table.columns[-1].number < view.columns - 1 else " "

    def time(column: Column, part: PartView) -> Piece:
        style = palette.chosen if column.number == view.time else palette.dim
        return str(part.first + column.time + 1), clickable(style, f"screen.at({column.number},{view.row})")

    head = [(f"{less}time step{more}", palette.dim)]
    # Numbers of the time steps stay while it plays, so that one sees how far it has still to go.
    yield Grid(_still(view), table.columns, table.cell, table.width, palette).line(head, time)

    def symbol(column: Column, part: PartView) -> Piece:
        text = part.inputs[column.time]
        if text is None:
            return " ", palette.blank
        here = view.row == 0 and column.number == view.time
        style = palette.chosen if here else palette.text
        return visible(text, palette.glyphs), clickable(style, f"screen.at({column.number},0)")

    yield table.line(_label("input", view.row == 0, palette), symbol)


def _truths(table: Grid, count: int) -> Iterator[Strip]:
    """What is true at each time step, as the task knows it."""
    palette = table.palette
    for n, (name, _) in enumerate(table.view.parts[-1].truths[:count]):

        def value(column: Column, part: PartView, n: int = n) -> Piece:
            if not part.truths:
                return " ", palette.blank
            value = part.truths[n][1][column.time]
            text = f"{value:.0f}" if value == round(value) else f"{value:.2f}"[: table.body - 1]
            return text, palette.accent if value else palette.dim

        yield table.line([("  ", palette.blank), (fit(name, LABEL - 3), palette.dim)], value)


def _still(view: UnrollView) -> UnrollView:
    return replace(view, playing=False)


def _label(text: str, chosen: bool, palette: Palette) -> list[Piece]:
    mark = palette.glyphs.pointer if chosen else " "
    return [(f"{mark} ", palette.accent), (text, palette.text if chosen else palette.dim)]


def _layer(table: Grid, n: int, count: int) -> list[Strip]:
    view, palette = table.view, table.palette
    several = len(view.parts[0].layers) > 1
    layers = [part.layers[n] for part in view.parts]
    state = view.state if view.state in layers[-1].states() else "h"
    scale = max(scale_of(layer, state) for layer in layers)
    begin = 1 + sum(len(layer.units) for layer in view.parts[0].layers[:n])
    rows = []
    shown = shown_units(view, n, count)
    for place in shown:
        number = begin + place
        name = f"{state} {f'{n + 1}.' if several else ''}{layers[0].units[place] + 1}"

        def value(column: Column, part: PartView, place: int = place, number: int = number) -> Piece:
            layer = part.layers[n]
            value = float(layer.state(state)[column.time, place])
            style = palette.heat_of(value / scale) if math.isfinite(value) else palette.bad
            here = number == view.row and column.number == view.time
            text = signed(value, table.body)
            if here:
                text = f"[{text}]" if cell_len(text) + 2 <= table.body else text
                style = style + Style(bold=True, underline=True)
            return text, clickable(style, f"screen.at({column.number},{number})")

        rows.append(table.line(_label(name, number == view.row, palette), value, place == shown[len(shown) // 2]))
    return rows


def _outputs(table: Grid, outputs: OutputsView, places: list[int]) -> list[Strip]:
    palette = table.palette
    rows = []
    for place in places:

        def value(column: Column, part: PartView, place: int = place) -> Piece:
            if part.outputs is None or (part.targets[column.time] is None and part.losses[column.time] is None):
                return " ", palette.blank
            value = float(part.outputs.values[column.time, place])
            if not part.outputs.function:
                return signed(value, table.body), palette.probability
            if not math.isfinite(value):
                return "?", palette.bad
            digits = f"{min(99, round(value * 100)):2d}" if table.body >= 7 else ""
            return bar(value, table.body - 1 - len(digits), palette) + digits + " ", palette.probability

        name = visible(outputs.names[place], palette.glyphs)
        rows.append(
            table.line(
                [("  ", palette.blank), (fit(f"{'p' if outputs.function else 'y'} {name}", LABEL - 3), palette.dim)],
                value,
            )
        )
    return rows


def _results(table: Grid, edited: bool) -> list[Strip]:
    view, palette = table.view, table.palette
    up, down = palette.glyphs.arrows[2], palette.glyphs.arrows[3]
    numeric = any(part.outputs is not None and not part.outputs.function for part in view.parts)

    def target(column: Column, part: PartView) -> Piece:
        target = part.targets[column.time]
        return (" " if target is None else visible(target, palette.glyphs)), palette.text

    def chance(value: float | None) -> str:
        if value is None:
            return " "
        return signed(value, table.body) if numeric else f"{value * 100:.{1 if table.body >= 7 else 0}f}"

    def before(column: Column, part: PartView) -> Piece:
        return (chance(part.previous_probabilities[column.time]) if part.previous_probabilities else " "), palette.dim

    def right(column: Column, part: PartView) -> Piece:
        value = part.target_probabilities[column.time] if part.target_probabilities else None
        text, style = chance(value), palette.probability
        old = part.previous_probabilities[column.time] if part.previous_probabilities else None
        if value is not None and old is not None and not numeric and abs(value - old) > 5e-7:
            style = palette.good if value > old else palette.bad
            text = ((up if value > old else down) if table.body > 3 else "") + text
        return text, style

    def loss(column: Column, part: PartView) -> Piece:
        value = part.losses[column.time] if part.losses else None
        digits = {7: 4, 5: 2}.get(table.body, 0 if (value or 0) >= 9.95 else 1)
        return (" " if value is None else f"{value:.{digits}f}"[: table.body]), palette.loss

    def label(text: str) -> list[Piece]:
        return [("  ", palette.blank), (text, palette.dim)]

    rows = [table.line(label("target"), target)]
    if edited:
        rows.append(table.line(label("before"), before))
    rows.append(table.line(label("predicted" if numeric else "p target %"), right))
    rows.append(table.line(label("loss"), loss))
    return rows


def _notes(view: UnrollView, palette: Palette) -> Iterator[Piece]:
    if view.words:
        yield view.words, palette.accent
    if view.note:
        yield view.note, palette.dim


def _figures(view: UnrollView, palette: Palette) -> list[Piece]:
    pairs = [(f"loss ({view.unit_of_loss})", figure(view.loss, 4))]
    value = [p for part in view.parts for p in part.target_probabilities if p is not None]
    if value and not any(part.outputs is not None and not part.outputs.function for part in view.parts):
        pairs.append(("targets on average", percent(sum(value) / len(value))))
    if view.changed:
        pairs.append(("changed", "; ".join(view.changed)))
    return figures(pairs, palette)
