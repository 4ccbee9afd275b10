"""The network rolled up: one time step, with the loop that carries its state to the next."""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np
from textual.strip import Strip

from rnnplay.tui.paint.numbers import figure, percent
from rnnplay.tui.paint.palette import Palette
from rnnplay.tui.paint.strips import Piece, bar, blank, exactly, fit, padded, row
from rnnplay.tui.paint.text import visible
from rnnplay.tui.places.unroll.paint_grid import centred, grid, pad, scale_of, signed
from rnnplay.tui.places.unroll.views import LayerView, PartView, UnrollView


def rolled(view: UnrollView, width: int, height: int, palette: Palette) -> list[Strip]:
    """Paint the network folded up: one time step, with the loop that carries its state to the next."""
    if not view.parts:
        return grid(view, width, height, palette)
    p, t = view.place()
    part = view.parts[p]
    symbol = part.inputs[t]
    name = visible(symbol, palette.glyphs) if symbol is not None else "none"
    lines: list[list[Piece]] = [[("input  ", palette.dim), (name, palette.title)]]
    inside, most = max(10, min(width - 26, 84)), max(1, (height - 12) // len(part.layers))
    for layer in part.layers:
        state = view.state if view.state in layer.states() else "h"
        lines += _layer_lines(layer, state, t, inside, most, palette)
    lines += _output_lines(part, t, height - len(lines) - 4, palette)
    rows = [row([(" " * 6, palette.blank), *line], width, palette) for line in lines]
    where = f"{part.name + ', ' if part.name else ''}time step {part.first + t + 1} of {part.total}"
    foot = row([(where, palette.text)], width, palette)
    return [*exactly(rows, height - 1, width, palette), foot] if height > 1 else [blank(width, palette)]


def _layer_lines(
    layer: LayerView, state: str, t: int, inside: int, most: int, palette: Palette
) -> Iterator[list[Piece]]:
    """Yield the box of a layer: in at most `most` lines of `inside` cells its units' values, around it the loop."""
    corner, line, side = palette.glyphs.box[:4], palette.glyphs.box[4], palette.glyphs.box[5]
    arrows = palette.glyphs.arrows
    left, right, down = arrows[0], arrows[1], arrows[3]
    yield [(f"       {down} {'W_xh' if layer.index == 0 else 'W_hhd'}", palette.dim)]
    top = f"{corner[0]}{line * 2}{right} {corner[0]}{line * (inside + 2)}{corner[1]} {line * 2}{corner[1]}"
    yield [(top, palette.border)]
    values, scale = layer.state(state)[t], scale_of(layer, state)
    loop = "W_ph" if layer.cell == "input-rnn" else "W_hh"
    each = inside // 5
    for n, begin in enumerate(range(0, min(len(values), each * most), each)):
        cells: list[Piece] = [
            (centred(signed(float(v), 5), 5), palette.heat_of(float(v) / scale) if math.isfinite(v) else palette.bad)
            for v in values[begin : begin + each]
        ]
        yield [
            (f"{side}    {side} ", palette.border),
            *pad(cells, inside, palette),
            (f" {side}   {side}", palette.border),
            (f" {loop}" if n == 0 else "", palette.dim),
        ]
    name = f" layer {layer.index + 1} {state}, {len(layer.units)} of {layer.total} units "
    edge = line * max(0, inside + 2 - len(name))
    yield [
        (f"{side}    {corner[2]}", palette.border),
        (name, palette.dim),
        (f"{edge}{corner[3]}   {side}", palette.border),
    ]
    yield [(f"{corner[2]}{line * 2}{left}{line * (inside + 8)}{corner[3]}", palette.border)]


def _output_lines(part: PartView, t: int, most: int, palette: Palette) -> Iterator[list[Piece]]:
    """Yield the largest outputs, at most `most` and 6 of them, then the target and its loss."""
    if part.outputs is None or part.losses[t] is None:
        yield [("no output at this time step", palette.dim)]
        return
    yield [(f"       {palette.glyphs.arrows[3]} W_hy", palette.dim)]
    places = sorted(np.argsort(-part.outputs.values[t])[: max(1, min(6, most))].tolist())
    outputs = [(part.outputs.names[place], float(part.outputs.values[t, place])) for place in places]
    if part.outputs.other is not None:
        outputs.insert(0, (part.outputs.other_name, float(part.outputs.other[t])))
    for output, value in outputs:
        name = padded(fit(visible(output, palette.glyphs), 10), 10)
        drawn = f"{bar(value, 20, palette):<20}" if part.outputs.function else ""
        text = percent(value) if part.outputs.function else signed(value, 7)
        yield [(f"output {name} ", palette.dim), (f"{drawn} {text}", palette.probability)]
    target = visible(part.targets[t] or "none", palette.glyphs)
    loss = f"   loss {figure(part.losses[t])}"
    yield [("target ", palette.dim), (target, palette.title), (loss, palette.loss)]
