"""Influence of the past: a text on the colour of how much each symbol moved one prediction. And health in words."""

from __future__ import annotations

from collections.abc import Sequence

from rich.cells import cell_len
from rich.style import Style
from textual.strip import Strip

from rnnplay.tui.paint.numbers import percent
from rnnplay.tui.paint.palette import Palette
from rnnplay.tui.paint.strips import Piece, clickable, exactly, fit, padded, paragraph, row
from rnnplay.tui.paint.text import visible
from rnnplay.tui.places.time.views import PastView, SwapRow


def past(view: PastView, width: int, height: int, palette: Palette, _fills_screen: bool = False) -> list[Strip]:
    """The symbols up to the one that is read last, the strongest colour on the one that mattered most."""
    if not view.symbols:
        return exactly(paragraph(view.empty, width, palette.dim, palette), height, width, palette)
    single = all(len(symbol) == 1 for symbol in view.symbols)
    lines: list[list[Piece]] = [[]]
    used = 0
    levels = len(palette.influence) - 1
    for n, (symbol, norm) in enumerate(zip(view.symbols, view.norms, strict=True)):
        text = visible(symbol, palette.glyphs) if symbol != " " else " "
        text = text if single else text + " "
        size = cell_len(text)
        if used + size > width:
            lines.append([])
            used = 0
        style = palette.influence[min(levels, int(norm * levels + 0.5))]
        last = n == len(view.symbols) - 1
        style = style + Style(bold=True, underline=True) if last else style
        lines[-1].append((text, clickable(style, f"screen.past_at({view.first + n})")))
        used += size
    words = _swaps(view, width, palette) if view.swaps else _by_gradient(view, width, palette)
    # The end is what the prediction is about: what does not fit is left out at the beginning.
    room = max(1, height - len(words))
    rows = [row(line, width, palette) for line in lines[-room:]]
    return exactly([*exactly(rows, room, width, palette), *words], height, width, palette)


def _by_gradient(view: PastView, width: int, palette: Palette) -> list[Strip]:
    if view.probability is None:
        return paragraph(view.sentence, width, palette.accent, palette)
    classes = f"{view.predicted!r} {percent(view.probability)}"
    if view.other:
        classes += f", {view.other!r} {percent(view.other_probability)}"
    return paragraph(f"Next {classes}: {view.sentence}", width, palette.accent, palette)


def _swaps(view: PastView, width: int, palette: Palette) -> list[Strip]:
    """The strongest places, the present input apart, and what the chosen swap leads to."""
    rows = []
    for n, swap in enumerate(view.swaps):
        style = palette.chosen if n == view.cursor else palette.text
        rows.append(
            row([(_swap_words(swap, width, palette), clickable(style, f"screen.swap_at({n})"))], width, palette)
        )
    if view.present is not None:
        rows.append(row([(_swap_words(view.present, width, palette), palette.dim)], width, palette))
    before = f"Next {view.predicted!r} {percent(view.probability or 0.0)}"
    if not view.is_swapped or view.cursor >= len(view.swaps):
        return [*rows, *paragraph(f"{before}: {view.sentence}", width, palette.accent, palette)]
    swap = view.swaps[view.cursor]
    after = f"{swap.symbol!r} swapped for {swap.other!r}: {view.predicted!r} {percent(swap.probability)}"
    if swap.predicted != view.predicted:
        after += f", now next {swap.predicted!r} {percent(swap.predicted_probability)}"
    return [*rows, *paragraph(f"{before}. {after}.", width, palette.accent, palette)]


def _swap_words(swap: SwapRow, width: int, palette: Palette) -> str:
    """A row of the list: the symbol, how far back it stands, its effect."""
    where = f"{swap.back} back" if swap.back else "present"
    cells = max(4, width - 24)
    name = padded(fit(visible(swap.symbol, palette.glyphs), cells, palette.glyphs.ellipsis), cells)
    return f"{name} {where:>9} {swap.effect:>7.2f} nats"


def title(view: PastView, palette: Palette) -> Sequence[Piece]:
    """Return what the colours are."""
    what = "each symbol swapped for likely others" if view.swaps else "gradient of the prediction by each input"
    words = f" {palette.glyphs.separator} {what}"
    return [("Which past mattered", palette.title), (words, palette.dim)]
