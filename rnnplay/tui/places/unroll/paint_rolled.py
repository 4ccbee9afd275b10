"""The network rolled up: one time step, with the loop that carries its state to the next."""

from __future__ import annotations

import math

import numpy as np
from textual.strip import Strip

from rnnplay.tui.paint.numbers import figure, percent
from rnnplay.tui.paint.palette import Palette
from rnnplay.tui.paint.strips import Piece, blank, exactly, fit, padded, row
from rnnplay.tui.paint.text import visible
from rnnplay.tui.places.unroll.paint_grid import bar, centred, grid, pad, scale_of, signed
from rnnplay.tui.places.unroll.views import UnrollView


def rolled(view: UnrollView, width: int, height: int, palette: Palette) -> list[Strip]:
    """The same network folded up: one time step, with the loop that carries its state to the next."""
    if not view.parts:
        return grid(view, width, height, palette)
    p, t = view.place()
    part = view.parts[p]
    down = palette.glyphs.arrows[3]
    left, right = palette.glyphs.arrows[0], palette.glyphs.arrows[1]
    corner, side = palette.glyphs.box[:4], palette.glyphs.box[5]
    line = palette.glyphs.box[4]
    inside = max(10, min(width - 26, 84))
    rows: list[Strip] = []

    def add(*pieces: Piece) -> None:
        rows.append(row([(" " * 6, palette.blank), *pieces], width, palette))

    symbol = part.inputs[t]
    add(("input  ", palette.dim), (visible(symbol, palette.glyphs) if symbol is not None else "none", palette.title))
    for layer in part.layers:
        matrix = "W_xh" if layer.index == 0 else "W_hhd"
        add((f"       {down} {matrix}", palette.dim))
        edge = line * (inside + 2)
        loop = "W_ph" if layer.cell == "input-rnn" else "W_hh"
        add((f"{corner[0]}{line * 2}{right} {corner[0]}{edge}{corner[1]} {line * 2}{corner[1]}", palette.border))
        state = view.state if view.state in layer.states() else "h"
        values, scale = layer.state(state)[t], scale_of(layer, state)
        each = inside // 5
        lines = [values[n : n + each] for n in range(0, len(values), each)][: max(1, (height - 12) // len(part.layers))]
        for n, some in enumerate(lines):
            cells: list[Piece] = [
                (
                    centred(signed(float(v), 5), 5),
                    palette.heat_of(float(v) / scale) if math.isfinite(v) else palette.bad,
                )
                for v in some
            ]
            label = f" {loop}" if n == 0 else ""
            add(
                (f"{side}    {side} ", palette.border), *pad(cells, inside, palette),
                (f" {side}   {side}", palette.border), (label, palette.dim),
            )  # fmt: skip
        name = f" layer {layer.index + 1} {state}, {len(layer.units)} of {layer.total} units "
        add((f"{side}    {corner[2]}", palette.border), (name, palette.dim),
            (line * max(0, inside + 2 - len(name)) + f"{corner[3]}   {side}", palette.border))  # fmt: skip
        add((f"{corner[2]}{line * 2}{left}{line * (inside + 8)}{corner[3]}", palette.border))
    if part.outputs is not None and part.losses[t] is not None:
        add((f"       {down} W_hy", palette.dim))
        places = sorted(np.argsort(-part.outputs.values[t])[: max(1, min(6, height - len(rows) - 3))].tolist())
        rows_of = [(part.outputs.names[place], float(part.outputs.values[t, place])) for place in places]
        if part.outputs.other is not None:
            rows_of.insert(0, (part.outputs.other_name, float(part.outputs.other[t])))
        for output, value in rows_of:
            name = padded(fit(visible(output, palette.glyphs), 10), 10)
            drawn = bar(value, 20, palette) if part.outputs.function else ""
            text = percent(value) if part.outputs.function else signed(value, 7)
            add((f"output {name} ", palette.dim), (f"{drawn} {text}", palette.probability))
        target = part.targets[t]
        add(("target ", palette.dim), (visible(target or "none", palette.glyphs), palette.title),
            (f"   loss {figure(part.losses[t])}", palette.loss))  # fmt: skip
    else:
        add(("no output at this time step", palette.dim))
    where = f"{part.name + ', ' if part.name else ''}time step {part.first + t + 1} of {part.total}"
    foot = row([(where, palette.text)], width, palette)
    return [*exactly(rows, height - 1, width, palette), foot] if height > 1 else [blank(width, palette)]
