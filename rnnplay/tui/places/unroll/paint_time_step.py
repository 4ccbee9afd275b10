"""A time step opened: the cell's equations with the numbers of one unit put in, and the way back."""

from __future__ import annotations

import math
import re

from textual.strip import Strip

from rnnplay.tui.paint.palette import Palette
from rnnplay.tui.paint.strips import Piece, exactly, row
from rnnplay.tui.places.unroll.views import GateView, LayerView, PartView, SummandView, UnrollView

_SIDE_BY_SIDE = 112
MINUS = "\u2212"


def number(value: float, digits: int = 2) -> str:
    """A number in an equation: 0.81; what would round away keeps two digits (3.1e-4)."""
    if not math.isfinite(value):
        return "nan" if math.isnan(value) else ("∞" if value > 0 else f"{MINUS}∞")
    if value == 0:
        return f"{0:.{digits}f}"
    small = abs(value) < 0.5 * 10.0**-digits
    text = f"{value:.{max(1, digits - 1)}e}" if small or abs(value) >= 1e4 else f"{value:.{digits}f}"
    if "e" in text:
        mantissa, exponent = text.split("e")
        text = f"{mantissa}e{int(exponent)}"
    return text.replace("-", MINUS)


def total(values: list[float], digits: int) -> str:
    """0.31 + 1.20 − 0.05"""
    parts = [number(values[0], digits)] if values else ["0"]
    for value in values[1:]:
        text = number(abs(value), digits)
        parts.append(f"{MINUS} {text}" if value < 0 else f"+ {text}")
    return " ".join(parts)


def equation(gate: GateView, t: int, u: int, digits: int) -> str:
    """f = σ(W_xf x + W_hf h + b_f) = σ(0.31 + 1.20 − 0.05) = 0.81"""
    names = " + ".join(summand.name for summand in gate.summands)
    numbers = total([float(summand.value[t, u]) for summand in gate.summands], digits)
    function = gate.function
    if not function:
        return f"{gate.name} = {names} = {numbers} = {number(float(gate.value[t, u]), digits)}"
    return f"{gate.name} = {function}({names}) = {function}({numbers}) = {number(float(gate.value[t, u]), digits)}"


def forward(view: UnrollView, digits: int) -> list[str]:
    """The equations of the unit under the cursor, and of the readout for its target."""
    p, t = view.place()
    part = view.parts[p]
    n, u = view.cell() or (0, 0)
    layer = part.layers[n]
    lines = [equation(gate, t, u, digits) for gate in layer.gates]
    value = {gate.name: float(gate.value[t, u]) for gate in layer.gates}

    def put(name: str) -> str:
        return number(value[name], digits)

    h, before = float(layer.h[t + 1, u]), float(layer.h[t, u])
    if layer.cell == "lstm" and layer.c is not None:
        c, c_before = number(float(layer.c[t + 1, u]), digits), number(float(layer.c[t, u]), digits)
        lines.append(f"c = f·c' + i·g = {put('f')}·{c_before} + {put('i')}·{put('g')} = {c}")
        lines.append(f"h = o·tanh(c) = {put('o')}·tanh({c}) = {number(float(layer.h_before_poke[t, u]), digits)}")
    elif layer.cell == "gru":
        retained = f"{put('z')}·{number(before, digits)}"
        made = number(float(layer.h_before_poke[t, u]), digits)
        lines.append(f"h = (1 {MINUS} z)·n + z·h' = (1 {MINUS} {put('z')})·{put('n')} + {retained} = {made}")
    if float(layer.h_before_poke[t, u]) != h:
        lines.append(f"h is set by hand to {number(h, digits)}")
    lines += _readout(part, t, digits)
    return lines


def target_place(part: PartView, t: int) -> int | None:
    """The place of the target among the outputs shown; the likeliest where there is no target by name."""
    if part.outputs is None or not part.losses or part.losses[t] is None:
        return None
    names = [str(name) for name in part.outputs.names]
    target = part.targets[t]
    return names.index(target) if target in names else int(part.outputs.values[t].argmax())


def _readout(part: PartView, t: int, digits: int) -> list[str]:
    place = target_place(part, t)
    if place is None or part.outputs is None:
        return []
    outputs = part.outputs
    product, bias = float(outputs.product[t, place]), float(outputs.bias[place])
    text = f"y = W_hy h + b_y = {total([product, bias], digits)} = {number(product + bias, digits)}"
    if outputs.function:
        text += f", {outputs.function} {number(float(outputs.values[t, place]), digits)}"
    return [f"{text} for {outputs.names[place]!r}"]


def backward(view: UnrollView, digits: int) -> list[tuple[str, bool]]:
    """The way back at the same unit: (line, whether it is a heading)."""
    p, t = view.place()
    part = view.parts[p]
    n, u = view.cell() or (0, 0)
    layer = part.layers[n]
    digits += 1
    lines: list[tuple[str, bool]] = []
    place = target_place(part, t)
    if place is not None and part.outputs is not None:
        slope = number(float(part.outputs.gradient[t, place]), digits)
        lines.append((f"dL/dy = {slope} for {part.outputs.names[place]!r}", False))
    above, future = float(layer.dh_above[t, u]), float(layer.dh_future[t, u])
    lines.append(
        (f"dL/dh = {number(above, digits)} from above {_plus(future, digits)} from the future = "
         f"{number(above + future, digits)}", False)
    )  # fmt: skip
    if layer.dc is not None and layer.dc_future is not None:
        dc, later = float(layer.dc[t, u]), float(layer.dc_future[t, u])
        lines.append(
            (f"dL/dc = {number(dc - later, digits)} through h {_plus(later, digits)} from the future = "
             f"{number(dc, digits)}", False)
        )  # fmt: skip
    lines.append(("gate: dL/d(its sum); the largest of what this step adds", True))
    for gate in layer.gates:
        adds = [text for summand in gate.summands if (text := _added(summand, layer.units[u], t, u, digits))]
        lines.append((f"{gate.name}: {number(float(gate.gradient[t, u]), digits)}; {', '.join(adds)}", False))
    lines.append(("|this step's part| of |the whole gradient|", True))
    begin = sum(len(view.parts[q].inputs) for q in range(p)) + t
    prefix = f"{'encoder.' if part.name == 'encoder' else ''}l{layer.index}."
    mine = [q for q in view.parameters if q.name.startswith(prefix) or q.name.startswith("W_hy")]
    texts = [
        f"{q.name.removeprefix(prefix)} {number(float(q.step_norms[begin]), digits)} of {number(q.norm, digits)}"
        for q in mine
    ]
    lines += [(", ".join(texts[k : k + 2]), False) for k in range(0, len(texts), 2)]
    return lines


def _plus(value: float, digits: int) -> str:
    return f"{MINUS if value < 0 else '+'} {number(abs(value), digits)}"


def _added(summand: SummandView, unit: int, t: int, u: int, digits: int) -> str:
    """dW_xf[4,2] 0.0031: the largest entry that this step adds to the unit's row."""
    matrix = re.search(r"W_\w+", summand.name)
    if matrix is None or summand.largest_entry is None or summand.column is None:
        return ""
    at = f"[{unit + 1},{int(summand.column[t, u]) + 1}]"
    return f"d{matrix[0]}{at} {number(float(summand.largest_entry[t, u]), digits)}"


def where(view: UnrollView) -> str:
    """Return what is opened: time step 3 of 5, layer 1, unit 4, input 'l'."""
    p, t = view.place()
    part = view.parts[p]
    n, u = view.cell() or (0, 0)
    layer: LayerView = part.layers[n]
    symbol = part.inputs[t]
    words = [f"time step {part.first + t + 1} of {part.total}", f"layer {n + 1}", f"unit {layer.units[u] + 1}"]
    if part.name:
        words.insert(0, part.name)
    words.append(f"input {symbol!r}" if symbol is not None else "no input")
    return " · ".join(words)


def opened(view: UnrollView, width: int, height: int, palette: Palette, full: bool = False) -> list[Strip]:
    """The opened time step: forward beside backward where there is room, else one above the other."""
    if not view.parts:
        return exactly([], height, width, palette)
    digits = 5 if full else 2
    there = [("forward", True), *((line, False) for line in forward(view, digits))]
    back = [("backward", True), *backward(view, digits)]

    def lines(text: list[tuple[str, bool]], room: int) -> list[Strip]:
        return [strip for line in text for strip in _wrapped(line, room, palette)]

    if width < _SIDE_BY_SIDE:
        return exactly(lines([*there, *back], width), height, width, palette)
    left_width = (width - 2) * 52 // 100
    right_width = width - left_width - 2
    left, right = lines(there, left_width), lines(back, right_width)
    between = row([(" " + palette.glyphs.box[5], palette.border)], 2, palette)
    return [
        Strip([*a, *between, *b], width)
        for a, b in zip(
            exactly(left, height, left_width, palette), exactly(right, height, right_width, palette), strict=True
        )
    ]


def _wrapped(line: tuple[str, bool], width: int, palette: Palette) -> list[Strip]:
    """A line in as many rows as it takes, broken before an equals sign or after a comma; its result stands out."""
    text, heading = line
    if not palette.glyphs.dots:
        for sign, plain in ((MINUS, "-"), ("σ", "sigmoid"), ("·", "*"), ("∞", "inf")):
            text = text.replace(sign, plain)
    if heading:
        return [row([(text, palette.dim)], width, palette)]
    pieces = text.replace(", ", ",\0").replace(" = ", "\0= ").replace("; ", ";\0").split("\0")
    result = max((n for n, piece in enumerate(pieces) if piece.startswith("= ")), default=-1)
    rows: list[list[Piece]] = [[]]
    used = 0
    for n, piece in enumerate(pieces):
        room = used + (1 if used else 0) + len(piece)
        if room > width and used:
            rows.append([("   ", palette.blank)])
            used, room = 3, 4 + len(piece)
        if used:
            rows[-1].append((" ", palette.blank))
        used = room
        if n == result > 0:
            rows[-1] += [("= ", palette.text), (piece[2:], palette.title)]
        else:
            rows[-1].append((piece, palette.text))
    return [row(one, width, palette) for one in rows]
