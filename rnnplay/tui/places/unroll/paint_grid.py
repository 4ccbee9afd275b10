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
from rnnplay.tui.paint.strips import Piece, bar, clickable, exactly, figures, fit, paragraph, row
from rnnplay.tui.paint.text import visible
from rnnplay.tui.places.unroll.columns import BETWEEN, BODY, Column, label_cells, visible_columns, whole
from rnnplay.tui.places.unroll.views import Array, LayerView, OutputsView, PartView, UnrollView

ROOMY = 24  # rows from which two lines of what is true stand there


def signed(value: float, width: int) -> str:
    """An activation in a cell of `width` 7 (+0.83) or 5 (+.83)."""
    if not math.isfinite(value):
        return "nan"
    size = abs(value)
    sign = "-" if value < 0 else "+"
    if width <= 5:
        if size < 0.995:
            return f"{sign}.{round(size * 100):02d}"
        return f"{sign}{size:.1f}" if size < 9.95 else f"{sign}{min(size, 999):.0f}"
    return (
        f"{sign}{size:.2f}" if size < 9.995 else f"{sign}{size:.1f}" if size < 99.95 else f"{sign}{min(size, 9999):.0f}"
    )


def loss_words(value: float, cells: int) -> str:
    """A loss in `cells` (4 or more): with four decimals at most, as many as fit; a large one as 12k, 1.23M."""
    scaled = ((value / 1000**power, letter) for power, letter in enumerate(("", "k", "M", "G", "T")))
    texts = (f"{number:.{digits}f}{letter}" for number, letter in scaled for digits in (4, 3, 2, 1, 0))
    return next((text for text in texts if len(text) <= cells), "huge")


def scale_of(layer: LayerView, state: str) -> float:
    """Return what the strongest colour stands for: 1 where a unit cannot go beyond, else the largest value shown."""
    values = layer.state(state)
    finite = np.abs(values[np.isfinite(values)])
    return max(1.0, float(finite.max())) if finite.size else 1.0


@dataclass(frozen=True)
class Grid:
    """Data that the rows of one painting share."""

    view: UnrollView
    columns: list[Column]
    width: int
    label: int  # cells
    palette: Palette

    def line(self, label: list[Piece], paint: Callable[[Column, PartView], Piece], onward: bool = False) -> Strip:
        """A row: its label, then a cell for each visible column; `onward`: with arrows to the next time step."""
        pieces = [*pad(label, self.label, self.palette)]
        before: Column | None = None
        for column in self.columns:
            if before is not None and before.part != column.part:
                pieces.append((self.palette.glyphs.box[5] + " ", self.palette.border))
            before = column
            hidden = self.view.playing and column.number > self.view.time
            text, style = (" ", self.palette.blank) if hidden else paint(column, self.view.parts[column.part])
            pieces.append((centred(text, column.body), style))
            gap = column.cells - column.body
            if gap:
                last = column.number == self.view.columns - 1 or (self.view.playing and column.number >= self.view.time)
                arrow = self.palette.glyphs.box[4] * (gap - 2) + self.palette.glyphs.arrows[1] + " "
                pieces.append((arrow if onward and not last and gap > 2 else " " * gap, self.palette.dim))
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


def at_stake(view: UnrollView, outputs: OutputsView) -> list[int]:
    """Return the places of the outputs that always have a row: the target at the cursor, and what is likeliest there.

    Where the cursor's time step has no target: of the next one that has, else of the last.
    """
    part = view.parts[-1]
    p, t = view.place()
    begin = t if p == len(view.parts) - 1 else 0
    asked = [n for n, target in enumerate(part.targets) if target is not None]
    if not asked:
        return []
    time = next((n for n in asked if n >= begin), asked[-1])
    names = [str(name) for name in outputs.names]
    target = str(part.targets[time])
    best = int(np.nan_to_num(outputs.values[time], nan=-1.0).argmax())
    return [*([names.index(target)] if target in names else []), best]


def output_places(view: UnrollView, outputs: OutputsView, count: int) -> list[int]:
    """Return the places of `count` outputs, by id: those at stake, then those that are ever likely."""
    best = np.nan_to_num(outputs.values, nan=-1.0).max(axis=0) if len(outputs.values) else np.zeros(len(outputs.ids))
    order = [*at_stake(view, outputs), *np.argsort(-best, kind="stable").tolist()]
    return sorted(list(dict.fromkeys(order))[:count])


def grid(view: UnrollView, width: int, height: int, palette: Palette) -> list[Strip]:
    """The panel without its frame: `height` rows of `width` cells."""
    if not view.parts:
        return exactly(paragraph(view.empty, width, palette.dim, palette), height, width, palette)
    columns = visible_columns(view, width, palette)
    table = Grid(view, columns, width, label_cells(view, width, palette), palette)
    strip = [row(whole(view, columns, width, palette), width, palette)] if len(columns) < view.columns else []
    notes = [strip for text, style in _notes(view, palette) for strip in paragraph(text, width, style, palette)][:3]
    outputs = next((part.outputs for part in view.parts if part.outputs is not None), None)
    edited = any(part.previous_probabilities for part in view.parts)
    truths = view.parts[-1].truths if height >= ROOMY else view.parts[-1].truths[:1]
    fixed = 5 + len(strip) + (len(view.parts) > 1) + edited + len(notes) + 1 + len(truths)
    room = max(2, height - fixed)
    possible = 0 if outputs is None else len(outputs.ids) + (outputs.other is not None)
    outs = min(possible, max(2, room // 3))
    given = share_rows([len(layer.units) for layer in view.parts[0].layers], room - outs)
    outs = min(possible, room - sum(given))
    spare = room - sum(given) - outs >= len(given) + (outputs is not None)
    rows = [*strip, *_heads(table), *_truths(table, len(truths))]
    for n, count in enumerate(given):
        rows += [table.between("W_hhd" if n else "W_xh")] * spare
        rows += _layer(table, n, count)
    if outputs is not None:
        rows += [table.between("W_hy")] * spare
        rows += _outputs(table, outputs, outs)
    rows += _results(table, edited)
    rows = exactly(rows, height - len(notes) - 1, width, palette)
    return [*rows, *notes, row(_figures(view, width, palette), width, palette)]


def _heads(table: Grid) -> Iterator[Strip]:
    view, palette = table.view, table.palette
    if len(view.parts) > 1:
        firsts = {next((c.number for c in table.columns if c.part == p), -1): p for p in range(len(view.parts))}
        pieces: list[Piece] = [(" " * table.label, palette.blank)]
        for column in table.columns:
            if column.number in firsts:
                name = view.parts[firsts[column.number]].name
                cells = sum(c.cells for c in table.columns if c.part == column.part)
                gap = BETWEEN if column is not table.columns[0] and column.time == 0 else 0
                pieces += [(" " * gap, palette.blank), (fit(name, cells).ljust(cells), palette.accent)]
        yield row(pieces, table.width, palette)
    less = palette.glyphs.less if table.columns[0].number else " "
    more = palette.glyphs.more if table.columns[-1].number < view.columns - 1 else " "

    def time(column: Column, part: PartView) -> Piece:
        style = palette.chosen if column.number == view.time else palette.dim
        return str(part.first + column.time + 1), clickable(style, f"screen.at({column.number},{view.row})")

    head = [(f"{less}time step{more}", palette.dim)]
    # Numbers of the time steps stay while it plays, so that one sees how far it has still to go.
    yield replace(table, view=_still(view)).line(head, time)

    def symbol(column: Column, part: PartView) -> Piece:
        text = part.inputs[column.time]
        if text is None:
            return " ", palette.blank
        is_chosen = view.row == 0 and column.number == view.time
        style = palette.chosen if is_chosen else palette.text
        return visible(text, palette.glyphs), clickable(style, f"screen.at({column.number},0)")

    yield table.line(_label("input", view.row == 0, palette), symbol)


def _truths(table: Grid, count: int) -> Iterator[Strip]:
    """Yield what is true at each time step, as the task knows it."""
    palette = table.palette
    for n, (name, _) in enumerate(table.view.parts[-1].truths[:count]):

        def value(column: Column, part: PartView, n: int = n) -> Piece:
            if not part.truths:
                return " ", palette.blank
            value = part.truths[n][1][column.time]
            text = f"{value:.0f}" if value == round(value) else f"{value:.2f}"[: column.body - 1]
            return text, palette.accent if value else palette.dim

        yield table.line([("  ", palette.blank), (fit(name, table.label - 3), palette.dim)], value)


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
            is_chosen = number == view.row and column.number == view.time
            text = signed(value, column.body)
            if is_chosen:
                text = f"[{text}]" if cell_len(text) + 2 <= column.body else text
                style = style + Style(bold=True, underline=True)
            return text, clickable(style, f"screen.at({column.number},{number})")

        rows.append(table.line(_label(name, number == view.row, palette), value, place == shown[len(shown) // 2]))
    return rows


def _outputs(table: Grid, outputs: OutputsView, count: int) -> list[Strip]:
    """`count` rows of outputs; of a single yes or no both classes."""
    view, palette = table.view, table.palette
    stake = at_stake(view, outputs)[:1]
    rows = []
    if outputs.other is not None:
        rows.append(_output(table, outputs.other, f"p {visible(outputs.other_name, palette.glyphs)}", palette.dim))
        stake, count = [], count - 1
    for place in output_places(view, outputs, count):
        name = f"{'p' if outputs.function else 'y'} {visible(outputs.names[place], palette.glyphs)}"
        rows.append(_output(table, outputs.values[:, place], name, palette.text if place in stake else palette.dim))
    return rows


def _output(table: Grid, values: Array, name: str, style: Style) -> Strip:
    """The row of one output, `values` (T,): a bar with its per cent, or a number."""
    palette = table.palette
    numeric = any(part.outputs is not None and not part.outputs.function for part in table.view.parts)

    def value(column: Column, part: PartView) -> Piece:
        if part.outputs is None or (part.targets[column.time] is None and part.losses[column.time] is None):
            return " ", palette.blank
        value = float(values[column.time])
        if numeric:
            return signed(value, column.body), palette.probability
        if not math.isfinite(value):
            return "?", palette.bad
        digits = f" {round(value * 100):3d}" if column.body >= BODY else ""
        size = column.body - 1 - len(digits)
        return f"{bar(value, size, palette):<{size}}{digits} ", palette.probability

    return table.line([("  ", palette.blank), (fit(name, table.label - 3), style)], value)


def _results(table: Grid, edited: bool) -> list[Strip]:
    view, palette = table.view, table.palette
    up, down = palette.glyphs.arrows[2], palette.glyphs.arrows[3]
    numeric = any(part.outputs is not None and not part.outputs.function for part in view.parts)

    def target(column: Column, part: PartView) -> Piece:
        target = part.targets[column.time]
        return (" " if target is None else visible(target, palette.glyphs)), palette.text

    def chance(value: float | None, column: Column) -> str:
        if value is None:
            return " "
        if numeric:
            return signed(value, column.body)
        return "100" if value >= 0.9995 else f"{value * 100:.{1 if column.body >= BODY else 0}f}"

    def before(column: Column, part: PartView) -> Piece:
        values = part.previous_probabilities
        return (chance(values[column.time], column) if values else " "), palette.dim

    def right(column: Column, part: PartView) -> Piece:
        value = part.target_probabilities[column.time] if part.target_probabilities else None
        text, style = chance(value, column), palette.probability
        old = part.previous_probabilities[column.time] if part.previous_probabilities else None
        if value is not None and old is not None and not numeric and abs(value - old) > 5e-7:
            style = palette.good if value > old else palette.bad
            text = (up if value > old else down) + text
        return text, style

    def loss(column: Column, part: PartView) -> Piece:
        value = part.losses[column.time] if part.losses else None
        return (" " if value is None else loss_words(value, min(BODY, column.body) - 1)), palette.loss

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


def _figures(view: UnrollView, width: int, palette: Palette) -> list[Piece]:
    """The loss, the targets' mean probability, and the changes: the last ones whole, as many as fit."""
    pairs = [(f"loss ({view.unit_of_loss})", figure(view.loss, 4))]
    value = [p for part in view.parts for p in part.target_probabilities if p is not None]
    if value and not any(part.outputs is not None and not part.outputs.function for part in view.parts):
        pairs.append(("targets on average", percent(sum(value) / len(value))))
    if not view.changed:
        return figures(pairs, palette)
    changes = ["; ".join(view.changed)]
    changes += [f"{n} before; {'; '.join(view.changed[n:])}" for n in range(1, len(view.changed))]
    rows = [figures([*some, ("changed", text)], palette) for some in (pairs, pairs[:1]) for text in changes]
    return next((row for row in rows if sum(cell_len(text) for text, _ in row) <= width), rows[-1])
