"""The Example panel: one held-out item as the network answers it, in the way that suits what the item is."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from rich.cells import cell_len
from textual.strip import Strip

from rnnplay.tui.paint.numbers import count, percent
from rnnplay.tui.paint.palette import Palette
from rnnplay.tui.paint.strips import Piece, bar, clickable, exactly, paragraph, row, spread
from rnnplay.tui.places.play.example.paint_pictures import cells_tall, pixels
from rnnplay.tui.places.play.example.paint_rows import blocks, shown, timeline, words
from rnnplay.tui.places.play.example.paint_series import Line, plot
from rnnplay.tui.places.play.example.views import AnswerView, ExampleView

_GAP = 2


def example(view: ExampleView, width: int, height: int, palette: Palette, full: bool = False) -> list[Strip]:
    """The panel without its frame; its last row is the figure to remember, and how to go on."""
    if not view.inputs:
        return exactly(paragraph(view.empty, width, palette.dim, palette), height, width, palette)
    room = height - 1
    body = rows(view, width, room, palette, full)
    first = 0 if view.film or view.frames is not None else max(0, min(view.first_row, len(body) - room))
    return [*exactly(body[first : first + room], room, width, palette), legend(view, width, palette)]


def max_first_row(view: ExampleView, width: int, height: int, palette: Palette, full: bool = False) -> int:
    """Return the greatest `first_row` that shows something more."""
    if view.frames is not None and len(view.frames) > 1:
        return len(view.frames) - 1
    if view.frames is not None:
        scaled = _scaled(view.frames[0], width, height - 1)
        room = width - int(scaled.shape[1]) - _GAP
        text = 0 if view.probabilities is not None else len(_read(view, room, height - 1, palette, full))
        return max(0, max(cells_tall(scaled), text) - (height - 1))
    return max(0, len(rows(view, width, height - 1, palette, full)) - (height - 1)) if view.inputs else 0


def rows(view: ExampleView, width: int, height: int, palette: Palette, full: bool) -> list[Strip]:
    """Paint all rows of the body: more than `height` of them can be scrolled."""
    if view.answer is not None:
        return _answer(view, view.answer, width, height, palette)
    if view.series is not None:
        return _series(view, width, height, palette)
    if view.predicted_frames is not None and view.frames is not None:
        return _film(view, width, height, palette)
    if view.frames is not None and len(view.frames) > 1:
        return _labelled_film(view, width, palette)
    if view.frames is not None:
        return _picture(view, width, height, palette, full)
    if view.probabilities is not None and all(target is None for target in view.targets[:-1]):
        return _review(view, width, palette)
    return _read(view, width, height, palette, full)


def _read(view: ExampleView, width: int, height: int, palette: Palette, full: bool) -> list[Strip]:
    """Paint what is written, and below it how, time step by time step: in full, if there is room for all of it."""
    written = _written(view, width, palette)
    below = timeline(view, width, palette, full, height - len(written) - bool(written))
    if not view.expected:
        return [*written, *below]
    fits = full or len(written) + 1 + len(below) <= height
    return [*written, row([], width, palette), *below] if fits else written


def title(view: ExampleView, palette: Palette) -> Sequence[Piece]:
    """Return which example, or what was asked."""
    dot = f" {palette.glyphs.separator} "
    what = "Answer" if view.answer is not None else "Example"
    pieces: list[Piece] = [("4 ", palette.accent), (what, palette.title)]
    if view.answer is not None:
        return [*pieces, (f"{dot}{view.answer.prompt}", palette.text), (f"{dot}step {count(view.step)}", palette.dim)]
    if not view.inputs:
        return pieces
    named = view.title if any(c.isdigit() for c in view.title.split(" ")[-1:]) else f"{view.index + 1}{dot}{view.title}"
    return [*pieces, (f"{dot}{named}", palette.text), (f"{dot}step {count(view.step)}", palette.dim)]


def legend(view: ExampleView, width: int, palette: Palette) -> Strip:
    """The figure to remember at the left, the keys at the right."""
    left: list[Piece] = []
    if view.answer is None:
        asked = [
            t
            for t, target in enumerate(view.targets)
            if target is not None and view.prediction_probabilities[t] is not None
        ]
        if view.series is not None and view.predicted is not None:
            error = float(np.mean((view.predicted - view.series[1:]) ** 2))
            left = [(f"squared error of the next value {error:.3g}", palette.dim)]
        elif view.film and view.frames is not None and view.predicted_frames is not None:
            off = np.abs(view.frames[1:].astype(float) - view.predicted_frames[:-1]).mean() / 255
            left = [(f"mean error of a pixel {off:.3f}", palette.dim)]
        elif view.expected:
            written = tuple(word for word, _ in view.decoded)
            same = written == view.expected and view.revealed is None
            left = [("exactly right", palette.good)] if same else [("not as wanted", palette.bad)]
            left = left if view.revealed is None else []
        elif asked:
            hits = sum(view.predictions[t] == view.targets[t] for t in asked)
            style = palette.good if hits == len(asked) else palette.text
            left = [(f"{hits} of {len(asked)} right", style)] if len(asked) > 1 else []
            least = min(view.target_probabilities[t] or 0.0 for t in asked)
            left.append((f"{'  least ' if left else ''}{view.row_labels[2]} {percent(least)}", palette.dim))
        elif (most := _largest_error(view)) is not None:
            left = [(f"off by {most:.2f}", palette.dim)]
    arrows = palette.glyphs.arrows
    right: list[Piece] = []
    if view.question:
        right += [(" s ", clickable(palette.key, "screen.sample")), (f"ask: {view.question}  ", palette.dim)]
    if view.samples:
        right += [(" v ", clickable(palette.key, "screen.switch")), ("sample  ", palette.dim)]
    right += [
        (f" {arrows[0]} ", clickable(palette.key, "screen.example(-1)")),
        ("example", palette.dim),
        (f" {arrows[1]} ", clickable(palette.key, "screen.example(1)")),
    ]
    if sum(cell_len(text) for text, _ in [*left, *right]) > width:
        asks: list[Piece] = [(" s ", clickable(palette.key, "screen.sample")), ("ask  ", palette.dim)]
        right = [*(asks if view.question else []), *right[-3:]]
    return spread(left, right, width, palette)


def _largest_error(view: ExampleView) -> float | None:
    """Return how far predicted numbers are from their targets, at most; None: there are no numbers."""
    pairs = [(p, t) for p, t in zip(view.predictions, view.targets, strict=True) if p is not None and t is not None]
    try:
        return max((abs(float(predicted) - float(target)) for predicted, target in pairs), default=None)
    except ValueError:
        return None


# ------------------------------------------------------------------------------------------------------------ answers


def _answer(view: ExampleView, answer: AnswerView, width: int, height: int, palette: Palette) -> list[Strip]:
    if answer.waiting:
        return [row([("…" if palette.glyphs.dots else "...", palette.dim)], width, palette)]
    if answer.series is not None:
        before = answer.before if answer.before is not None else answer.series[:0]
        lines = [Line(answer.series, len(before), palette.accent, "*")]
        lines += [Line(before, 0, palette.text, ".")] if len(before) else []
        key: list[Piece] = [("       the series' end  ", palette.text)] if len(before) else []
        key.append((f"forecast of {len(answer.series)}, each value fed back", palette.accent))
        return [*plot(lines, width, height - 1, palette, len(before) or None), row(key, width, palette)]
    return words("answer", answer.said, width, palette)


def _written(view: ExampleView, width: int, palette: Palette) -> list[Strip]:
    """Paint what an encoder read, and what the network wrote by itself, as far as it is there."""
    painted: list[Strip] = []
    if view.source:
        pieces: list[Piece] = [("reads".ljust(11), palette.dim), (" ".join(view.source), palette.text)]
        painted.append(row([*pieces, ("   the last word first", palette.dim)], width, palette))
    if view.expected:
        shown = view.decoded if view.revealed is None else view.decoded[: view.revealed]
        painted += words("writes", shown, width, palette, view.revealed is not None, view.expected)
    return painted


# ----------------------------------------------------------------------------------------------------------- pictures


def _side_by_side(left: list[list[Piece]], wide: int, right: list[Strip], width: int, palette: Palette) -> list[Strip]:
    """Rows of a picture of `wide` cells with `right` at its side."""
    painted = []
    for n in range(max(len(left), len(right))):
        pieces = left[n] if n < len(left) else [(" " * wide, palette.blank)]
        strip = row([*pieces, (" " * _GAP, palette.blank)], wide + _GAP, palette)
        other = right[n] if n < len(right) else row([], width - wide - _GAP, palette)
        painted.append(Strip([*strip, *other], width))
    return painted


def _picture(view: ExampleView, width: int, height: int, palette: Palette, full: bool) -> list[Strip]:
    """A single picture, and beside it the caption, or each output as a bar."""
    assert view.frames is not None
    picture = _scaled(view.frames[0], width, height)
    wide = int(picture.shape[1])
    room = width - wide - _GAP
    if view.probabilities is None:
        text = _read(view, room, height, palette, full)
        text = text[max(0, min(view.first_row, len(text) - height)) :]
        return _side_by_side(pixels(picture, palette), wide, text, width, palette)
    return _side_by_side(pixels(picture, palette), wide, _bars(view, room, height, palette), width, palette)


def _scaled(picture: np.ndarray[Any, Any], width: int, height: int) -> np.ndarray[Any, Any]:
    """The picture as many times larger as leaves two thirds of the width to what stands beside it."""
    times = max(1, min(height // cells_tall(picture), width // (3 * int(picture.shape[1]))))
    return np.kron(picture, np.ones((times, times), picture.dtype))


def _bars(view: ExampleView, width: int, height: int, palette: Palette) -> list[Strip]:
    """The probability of every output after the last time step, in columns where rows are short."""
    assert view.probabilities is not None
    last = view.probabilities[-1]
    columns = -(-len(view.outputs) // max(1, height))
    wide = width // columns
    each = -(-len(view.outputs) // columns)
    names = [shown(name, palette) for name in view.outputs]
    named = max(map(cell_len, names)) + 1
    painted = []
    for n in range(each):
        pieces: list[Piece] = []
        for i in range(n, len(view.outputs), each):
            p, target = float(last[i]), view.outputs[i] == view.targets[-1]
            filled = bar(p, max(2, min(24, wide - named - 10)), palette)
            entry = f"{percent(p):>5} {filled} "
            pieces += [
                (" " * (named - 1 - cell_len(names[i])) + f"{names[i]} ", palette.title),
                (entry, palette.probability),
            ]
            mark = palette.glyphs.mark if target else " "  # what it is
            pieces += [(mark, palette.validation), (" " * max(0, wide - named - 1 - cell_len(entry)), palette.blank)]
        painted.append(row(pieces, width, palette))
    return painted


def _joined(pictures: Sequence[list[list[Piece]]], width: int, palette: Palette, label: str = "") -> list[Strip]:
    """Pictures of equal height side by side, with a cell between two."""
    painted = []
    for n in range(len(pictures[0])):
        pieces: list[Piece] = [(f"{label if n == 0 else '':<11}", palette.dim)] if label else []
        for picture in pictures:
            pieces += [*picture[n], (" ", palette.blank)]
        painted.append(row(pieces, width, palette))
    return painted


def _film(view: ExampleView, width: int, height: int, palette: Palette) -> list[Strip]:
    """Above, what the next frame was; below, what the network expected it to be; where rows are few, side by side."""
    assert view.frames is not None
    assert view.predicted_frames is not None
    tall, wide = cells_tall(view.frames[0]), int(view.frames.shape[2])
    last = len(view.frames) - 2  # the frame after the last one is not in the film
    if height >= 2 * tall + 2:
        fits = max(1, (width - 11) // (wide + 1))
        first = max(0, min(view.first_row, last + 1 - fits))
        times = range(first, min(last + 1, first + fits))
        heads = "".join(f"{f'frame {t + 2}':<{wide + 1}}" for t in times)
        return [
            row([(" " * 11 + heads, palette.dim)], width, palette),
            *_joined([pixels(view.frames[t + 1], palette) for t in times], width, palette, "is"),
            row([], width, palette),
            *_joined([pixels(view.predicted_frames[t], palette, True) for t in times], width, palette, "predicted"),
        ]
    fits = max(1, width // (2 * wide + 4))
    first = max(0, min(view.first_row, last + 1 - fits))
    times = range(first, min(last + 1, first + fits))
    heads = "".join(f"{f'frame {t + 2}':<{wide + 1}}{'predicted':<{wide + 1}}  " for t in times)
    pairs: list[list[list[Piece]]] = []
    for t in times:
        gap: list[list[Piece]] = [[(" ", palette.blank)] for _ in range(tall)]
        pairs += [pixels(view.frames[t + 1], palette), pixels(view.predicted_frames[t], palette, True), gap]
    return [row([(heads, palette.dim)], width, palette), *_joined(pairs, width, palette)]


def _labelled_film(view: ExampleView, width: int, palette: Palette) -> list[Strip]:
    """Each frame with its target, the network's label and its probability below it."""
    assert view.frames is not None
    wide = int(view.frames.shape[2])
    fits = max(1, (width - 11) // (wide + 1))
    first = max(0, min(view.first_row, len(view.frames) - fits))
    times = range(first, min(len(view.frames), first + fits))
    cells = [
        ("target", [(view.targets[t] or "", palette.text) if view.targets[t] else None for t in times]),
        ("prediction", [_label(view, t, palette) for t in times]),
        ("p(target)", [_figure(view.target_probabilities[t], palette) for t in times]),
    ]
    heads = "".join(f"{f'frame {t + 1}':<{wide + 1}}" for t in times)
    return [
        row([(" " * 11 + heads, palette.dim)], width, palette),
        *_joined([pixels(view.frames[t], palette) for t in times], width, palette, " "),
        *blocks(cells, [wide + 1] * len(times), width, palette),
    ]


def _label(view: ExampleView, t: int, palette: Palette) -> Piece | None:
    label = view.predictions[t]
    return None if label is None else (label, palette.good if label == view.targets[t] else palette.bad)


def _figure(p: float | None, palette: Palette) -> Piece | None:
    return None if p is None else (percent(p), palette.probability)


# ------------------------------------------------------------------------------------------------- reviews and series


def _review(view: ExampleView, width: int, palette: Palette) -> list[Strip]:
    """Each word on the colour of what the network thinks after it; below, the probability of the label."""
    assert view.probabilities is not None
    target = view.targets[-1] if view.targets[-1] in view.outputs else view.outputs[-1]
    index = view.outputs.index(target)
    p = np.asarray(view.probabilities)[:, index].tolist()
    painted: list[Strip] = []
    upper: list[Piece] = []
    lower: list[Piece] = []
    used = 0
    for word, now in zip(view.inputs, p, strict=True):
        text = shown(word, palette)
        wide = max(5, cell_len(text) + 1)
        if upper and used + wide > width:
            painted += [row(upper, width, palette), row(lower, width, palette)]
            upper, lower, used = [], [], 0
        upper += [(text, palette.heat_of(2 * now - 1)), (" " * (wide - cell_len(text)), palette.blank)]
        lower.append((f"{percent(now).replace(' ', ''):<{wide}}", palette.probability))
        used += wide
    painted += [row(upper, width, palette), row(lower, width, palette), row([], width, palette)]
    others = [name for name in view.outputs if name != target]
    key: list[Piece] = [(f" {target} ", palette.heat_of(1.0)), ("  ", palette.blank)]
    if len(others) == 1:
        key += [(f" {others[0]} ", palette.heat_of(-1.0)), ("  ", palette.blank)]
    words_below: list[Piece] = [
        *key,
        (f"p({target}) after each word", palette.probability),
        (f"   it is {target}, the network says ", palette.dim),
        (view.predictions[-1] or "", palette.good if view.predictions[-1] == target else palette.bad),
    ]
    return [*painted, row(words_below, width, palette)]


def _series(view: ExampleView, width: int, height: int, palette: Palette) -> list[Strip]:
    """The series, the network's next value at each, and its forecast from where it was told nothing more."""
    assert view.series is not None
    lines = []
    split = None
    if view.predicted is not None:
        lines.append(Line(view.predicted, 1, palette.loss, "o"))
    if view.forecast is not None:
        split = len(view.series) - len(view.forecast)
        lines.append(Line(view.forecast, split, palette.accent, "*"))
    lines.append(Line(view.series, 0, palette.text, "."))  # above the others: where it hides one, that one is right
    legend_row: list[Piece] = [
        ("       series  ", palette.text),
        ("the next value, predicted  ", palette.loss),
        ("forecast, each value fed back", palette.accent),
    ]
    return [*plot(lines, width, height - 1, palette, split), row(legend_row, width, palette)]
