"""The panels of Cells and Sample: what was found, proof, gates, history, a strip of units, a text being written."""

from __future__ import annotations

from collections.abc import Sequence

from textual.strip import Strip

from rnnplay.tui.paint import strips
from rnnplay.tui.paint.palette import Palette
from rnnplay.tui.places.cells import paint_find
from rnnplay.tui.places.cells.views import CursorView, FindingView, GatesView, HistoryView, ProofView, StripView
from rnnplay.tui.widgets.base import Panel, StripWidget


class FindingPanel(Panel[FindingView]):
    def content(self, width: int, height: int) -> list[Strip]:
        return paint_find.finding(self.view, width, height, self.palette)

    def title_text(self) -> Sequence[strips.Piece]:
        return paint_find.finding_title(self.view, self.palette)


class ProofPanel(Panel[ProofView]):
    def content(self, width: int, height: int) -> list[Strip]:
        return paint_find.proof(self.view, width, height, self.palette)

    def title_text(self) -> Sequence[strips.Piece]:
        return paint_find.proof_title(self.view, self.palette)


class GatesPanel(Panel[GatesView]):
    def content(self, width: int, height: int) -> list[Strip]:
        from rnnplay.tui.places.cells import paint_gates  # loads NumPy: not before the first paint

        return paint_gates.gates(self.view, width, height, self.palette)

    def title_text(self) -> Sequence[strips.Piece]:
        from rnnplay.tui.places.cells import paint_gates

        return paint_gates.gates_title(self.view, self.palette)


class HistoryPanel(Panel[HistoryView]):
    def content(self, width: int, height: int) -> list[Strip]:
        from rnnplay.tui.places.cells import paint_history

        return paint_history.history(self.view, width, height, self.palette)

    def title_text(self) -> Sequence[strips.Piece]:
        from rnnplay.tui.places.cells import paint_history

        return paint_history.history_title(self.view, self.palette)


class StripPanel(Panel[StripView]):
    def content(self, width: int, height: int) -> list[Strip]:
        from rnnplay.tui.places.cells import paint_units

        return paint_units.strip(self.view, width, height, self.palette)

    def title_text(self) -> Sequence[strips.Piece]:
        dot = f" {self.palette.glyphs.separator} "
        return [
            ("Cells", self.palette.title),
            (f"{dot}{len(self.view.rows)} units, most telling first", self.palette.dim),
        ]


class CursorBar(StripWidget[CursorView]):
    """The character that is pointed at, in one row."""

    DEFAULT_CSS = "CursorBar { height: 1; width: 100%; }"

    def render_strips(self, width: int, height: int) -> list[Strip]:
        return [cursor_row(self.view, width, self.palette)]


def cursor_row(view: CursorView, width: int, palette: Palette) -> Strip:
    """The character, the unit's value, the surprise, and what the network expects next as bars."""
    from rnnplay.tui.paint.numbers import percent
    from rnnplay.tui.paint.strips import bar
    from rnnplay.tui.paint.text import glyph

    def shown(symbol: str) -> str:
        return ("␣" if palette.glyphs.dots else "_") if symbol == " " else glyph(symbol, palette.glyphs)

    if view.value is None:
        return strips.row([(f" {view.place}", palette.dim)], width, palette)
    pieces: list[strips.Piece] = [(" ", palette.blank), (f"{shown(view.symbol)} ", palette.title)]
    pieces += [(f"{view.value:+.2f}", palette.text)]
    if view.surprise is not None:
        pieces += [("  surprise ", palette.dim), (f"{view.surprise:.1f} bits", palette.surprise)]
    room = width - sum(len(text) for text, _ in pieces) - 8
    if view.candidates:
        pieces.append(("  next ", palette.dim))
        each = room // len(view.candidates)
        for symbol, probability in view.candidates:
            words = f" {shown(symbol)} {percent(probability)} "
            size = min(10, each - len(words))
            pieces += [(words, palette.text)]
            if size > 1:
                pieces += [(f"{bar(probability, size, palette):<{size}}", palette.probability)]
    return strips.row(pieces, width, palette)
