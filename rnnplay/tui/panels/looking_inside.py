"""The panels of Cells and Sample: what was found, proof, gates, history, a strip of units, a text being written."""

from __future__ import annotations

from collections.abc import Sequence

from textual.strip import Strip

from rnnplay.tui.cells_views import CursorView, FindingView, GatesView, HistoryView, ProofView, StripView, WrittenView
from rnnplay.tui.paint import finding, form, rows, written
from rnnplay.tui.paint.colour import Palette
from rnnplay.tui.panels.base import Painted, Panel
from rnnplay.tui.views import FormView


class FindingPanel(Panel[FindingView]):
    def content(self, width: int, height: int) -> list[Strip]:
        return finding.finding(self.view, width, height, self.palette)

    def heading(self) -> Sequence[rows.Piece]:
        return finding.finding_title(self.view, self.palette)


class ProofPanel(Panel[ProofView]):
    def content(self, width: int, height: int) -> list[Strip]:
        return finding.proof(self.view, width, height, self.palette)

    def heading(self) -> Sequence[rows.Piece]:
        return finding.proof_title(self.view, self.palette)


class GatesPanel(Panel[GatesView]):
    def content(self, width: int, height: int) -> list[Strip]:
        from rnnplay.tui.paint import gates  # loads NumPy: not before the first paint

        return gates.gates(self.view, width, height, self.palette)

    def heading(self) -> Sequence[rows.Piece]:
        from rnnplay.tui.paint import gates

        return gates.gates_title(self.view, self.palette)


class HistoryPanel(Panel[HistoryView]):
    def content(self, width: int, height: int) -> list[Strip]:
        from rnnplay.tui.paint import history

        return history.history(self.view, width, height, self.palette)

    def heading(self) -> Sequence[rows.Piece]:
        from rnnplay.tui.paint import history

        return history.history_title(self.view, self.palette)


class StripPanel(Panel[StripView]):
    def content(self, width: int, height: int) -> list[Strip]:
        from rnnplay.tui.paint import strip

        return strip.strip(self.view, width, height, self.palette)

    def heading(self) -> Sequence[rows.Piece]:
        dot = f" {self.palette.glyphs.separator} "
        return [
            ("Cells", self.palette.title),
            (f"{dot}{len(self.view.rows)} units, most telling first", self.palette.dim),
        ]


class WrittenPanel(Panel[WrittenView]):
    def content(self, width: int, height: int) -> list[Strip]:
        return written.written(self.view, width, height, self.palette)

    def heading(self) -> Sequence[rows.Piece]:
        return written.written_title(self.view, self.palette)


class CursorBar(Painted[CursorView]):
    """The character that is pointed at, in one row."""

    DEFAULT_CSS = "CursorBar { height: 1; width: 100%; }"

    def lines(self, width: int, height: int) -> list[Strip]:
        return [cursor_row(self.view, width, self.palette)]


def cursor_row(view: CursorView, width: int, palette: Palette) -> Strip:
    """The character, the unit's value, the surprise, and what the network expects next as bars."""
    from rnnplay.tui.paint.numbers import percent
    from rnnplay.tui.paint.sample import bar
    from rnnplay.tui.paint.wrap import glyph

    def shown(symbol: str) -> str:
        return ("␣" if palette.glyphs.dots else "_") if symbol == " " else glyph(symbol, palette.glyphs)

    if view.value is None:
        return rows.row([(f" {view.place}", palette.dim)], width, palette)
    pieces: list[rows.Piece] = [(" ", palette.blank), (f"{shown(view.symbol)} ", palette.title)]
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
    return rows.row(pieces, width, palette)


class DrawingPanel(Panel[FormView]):
    """How a sample is drawn: fields to edit."""

    def content(self, width: int, height: int) -> list[Strip]:
        return form.form(self.view, width, height, self.palette)

    def heading(self) -> Sequence[rows.Piece]:
        return [("e ", self.palette.accent), (self.view.title, self.palette.title)]
