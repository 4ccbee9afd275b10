"""Cells: the text on one unit's colour, or many units below a line of it; find a unit, prove it, see it form."""

from __future__ import annotations

from typing import Any, ClassVar

from textual.binding import BindingType
from textual.containers import Container
from textual.widget import Widget

from rnnplay import protocol
from rnnplay.config import UserError
from rnnplay.tui.paint.numbers import count
from rnnplay.tui.paint.palette import Palette
from rnnplay.tui.paint.text import row_of
from rnnplay.tui.places.cells import paint_find, paint_gates, paint_history, paint_units
from rnnplay.tui.places.cells.keys import KEYS, READING
from rnnplay.tui.places.cells.panels import CursorBar
from rnnplay.tui.places.cells.views import (
    CursorView,
    FindingView,
    GatesView,
    HistoryView,
    ProofView,
    StripView,
    ablation_view,
    cursor_view,
    find_view,
    gates_view,
    history_view,
    unit_rows_view,
)
from rnnplay.tui.places.find import FindActions
from rnnplay.tui.places.keys import hint
from rnnplay.tui.places.views import NO_GATES, check_surprise, cursor_in_trace, heatmap_view, status_view
from rnnplay.tui.session import RunSession
from rnnplay.tui.state.drafts import RunDrafts
from rnnplay.tui.state.sample import CLAMP_VALUE
from rnnplay.tui.widgets.base import Panel, is_tabbed
from rnnplay.tui.widgets.panels import HeatmapPanel
from rnnplay.tui.widgets.views import CellsView, KeyHint, StatusView

STATES = {"lstm": ("h", "c", "i", "f", "o", "g"), "gru": ("h", "r", "z", "n")}
TEXT, FIND, PROOF, LOWER = range(4)  # the panels, as tab goes through them where only one fits
EMPTY = "Here the text appears as soon as there is a network to read it."


class CellsPlace(FindActions):
    """One unit on the whole text at the left; what was found, its proof, gates and history at the right."""

    DEFAULT_CSS = """
    CellsPlace #inside { layout: horizontal; height: 1fr; }
    CellsPlace #reading { layout: vertical; width: 1fr; height: 1fr; }
    CellsPlace #findings { layout: vertical; width: 42; height: 1fr; }
    CellsPlace #text, CellsPlace #strip, CellsPlace #found { height: 1fr; width: 100%; }
    CellsPlace #proof { height: 8; width: 100%; }
    CellsPlace #gates, CellsPlace #history { height: 12; width: 100%; }
    CellsPlace.narrow #findings { width: 100%; }
    CellsPlace.narrow #proof, CellsPlace.narrow #gates, CellsPlace.narrow #history { height: 1fr; }
    """
    KEYS = KEYS
    READING = READING
    BINDINGS: ClassVar[list[BindingType]] = [*KEYS]

    def __init__(self, session: RunSession, drafts: RunDrafts, palette: Palette) -> None:
        super().__init__(session, drafts, palette)
        self.as_strip = False
        self.lower = "gates"
        self.panel_page = TEXT  # which panel is shown where only one fits
        self.heatmap = HeatmapPanel(CellsView(empty=EMPTY), id="text")
        self.strip_panel = Panel(StripView(), paint_units.strip, paint_units.strip_title, id="strip")
        self.cursor_bar = CursorBar(CursorView(), id="cursor")
        self.find_panel = Panel(FindingView(), paint_find.finding, paint_find.finding_title, id="found")
        self.proof_panel = Panel(ProofView(), paint_find.proof, paint_find.proof_title, id="proof")
        self.gates_panel = Panel(GatesView(), paint_gates.gates, paint_gates.gates_title, id="gates")
        self.history_panel = Panel(HistoryView(), paint_history.history, paint_history.history_title, id="history")

    def panels(self) -> list[Widget]:
        reading = Container(self.heatmap, self.strip_panel, self.cursor_bar, id="reading")
        findings = Container(self.find_panel, self.proof_panel, self.gates_panel, self.history_panel, id="findings")
        return [Container(reading, findings, id="inside")]

    def first_panel(self) -> Widget:
        return self.heatmap

    def entered(self) -> None:
        self.session.cells.needs_fast_trace = True
        super().entered()

    def left(self) -> None:
        """Other places show the present, and no candidates."""
        self.session.cells.needs_fast_trace = False
        self.session.selection.checkpoint = None
        self.session.cells.request_trace()

    def reset_run(self) -> None:
        self.heatmap.top_character = 0
        self.lay_out(*self.size)  # another cell may have no gates to show

    def request_data(self) -> None:
        """Ask for the text with what the network expects, and for its gates."""
        self.session.cells.request_trace()
        if len(self.states) > 1:
            self.session.cells.ask_gates()

    # ---------------------------------------------------------------------------------------------------------- layout

    @property
    def states(self) -> tuple[str, ...]:
        """Return what a character can be coloured by: h, an LSTM's c, and the gates."""
        return STATES.get(self.session.config.cell, ("h",)) if self.session.config else ("h",)

    @property
    def narrow(self) -> bool:
        """Return whether one panel fits at a time."""
        return is_tabbed(*self.size)

    def place_panels(self, width: int, height: int) -> None:
        self.set_class(self.narrow or self.full is not None, "narrow")
        text = self.strip_panel if self.as_strip else self.heatmap
        has_gates = len(self.states) > 1
        lower = self.gates_panel if self.lower == "gates" and has_gates else self.history_panel
        shown: list[Panel[Any]] = [text, self.find_panel, self.proof_panel, lower]
        if self.full is not None:
            shown = [panel for panel in self.query(Panel) if panel.id == self.full]
        elif self.narrow:
            shown = [shown[self.panel_page]]
        for panel in self.query(Panel):
            panel.display = panel in shown
            panel.fills_screen = panel.id == self.full
        reading = text in shown
        self.query_one("#reading").display = reading
        self.query_one("#findings").display = shown != [text]

    # -------------------------------------------------------------------------------------------------------- painting

    def repaint_topics(self, topics: set[str]) -> None:
        if topics & {"cells", "answers", "run"}:
            self.paint_text()
        if topics & {"answers", "run"}:
            self.paint_findings()

    def paint_text(self) -> None:
        """Show the text, or the strip, and the row about the character that is pointed at."""
        session = self.session
        if session.cells.trace is not None and cursor_in_trace(session) is None:
            session.selection.cursor = session.cells.trace.start
        view = heatmap_view(session, EMPTY)
        self.heatmap.view = view
        if self.as_strip:
            self.strip_panel.view = unit_rows_view(session, view)
        self.cursor_bar.view = cursor_view(session, view)

    def paint_findings(self) -> None:
        """Show what was found, its proof, gates and history."""
        self.find_panel.view = find_view(self.session)
        self.proof_panel.view = ablation_view(self.session)
        self.gates_panel.view = gates_view(self.session)
        self.history_panel.view = history_view(self.session)

    def status_view(self) -> StatusView:
        finding, step = self.session.cells.finding, self.session.selection.checkpoint
        if step is not None:
            return StatusView(
                f"The network as it was at step {count(step)}.", "] goes towards the present, [ further back."
            )
        if finding is not None and self.narrow:
            return StatusView(finding.sentence, "", "" if finding.convincing else "bad")
        return status_view(self.session)

    def key_hints(self) -> tuple[KeyHint, ...]:
        if self.session.cells.trace is None:
            return (hint("esc", "back", "back"),)
        hints = [
            hint("←→", "unit", "unit(1)"),
            hint("↑↓", "text", "move('down')"),
            hint("/", "find", "find"),
            hint("a", "prove", "ablate"),
            hint("k", "clamp", "clamp"),
            *([hint("g", "h c gates" if "c" in self.states else "h gates", "state")] if len(self.states) > 1 else []),
            hint("v", "text" if self.as_strip else "units", "view"),
            hint("c", "surprise", "surprise"),
            hint("[]", "history", "scrub(-1)"),
        ]
        if len(self.states) > 1:
            hints.append(hint("p", "gates" if self.lower == "history" else "history", "lower"))
        if self.narrow:
            hints.insert(2, hint("tab", "panels", "page(1)"))
        return (*hints, hint("f", "back" if self.full else "full", "full"), hint("esc", "back", "back"))

    # ------------------------------------------------------------------------------------------------- through the text

    def action_move(self, where: str) -> None:
        """Move the cursor by rows, pages or to an end; where the piece of text ends, on to the next one."""
        trace, selection = self.session.cells.trace, self.session.selection
        if trace is None:
            return
        rows = self.heatmap.layout_rows()
        page = max(1, self.heatmap.text_size[1] - 1)
        by = {"up": -1, "down": 1, "page_up": -page, "page_down": page, "home": -(10**9), "end": 10**9}[where]
        cursor = cursor_in_trace(self.session) or 0
        row = row_of(rows, cursor)
        if 0 <= row + by < len(rows):
            first, past = rows[row + by]
            selection.cursor = trace.start + min(first + cursor - rows[row][0], past - 1)
        else:
            selection.cursor = trace.start if by < 0 else trace.start + len(trace.symbols) - 1
            self.scroll_text(by)
        self._show_cursor()

    def action_point(self, by: int) -> None:
        """Move the cursor by characters."""
        trace, cursor = self.session.cells.trace, cursor_in_trace(self.session)
        if trace is not None:
            cursor = max(0, min((cursor or 0) + by, len(trace.symbols) - 1))
            self.session.selection.cursor = trace.start + cursor
            self._show_cursor()

    def _show_cursor(self) -> None:
        if self.session.selection.cursor is not None and self.heatmap.size.width:
            self.heatmap.show_character(self.session.selection.cursor)
        self.paint_text()

    def on_panel_scroll_requested(self, event: Panel.ScrollRequested) -> None:
        """The wheel moves through the text on the text, through the units on a list of them."""
        if event.panel in (self.heatmap, self.strip_panel):
            for _ in range(abs(event.by)):
                self.action_move("down" if event.by > 0 else "up")
        elif event.panel is self.find_panel:
            self.action_unit(1 if event.by > 0 else -1)

    def on_heatmap_panel_character_clicked(self, event: HeatmapPanel.CharacterClicked) -> None:
        self.session.selection.cursor = event.index
        self.paint_text()

    # ------------------------------------------------------------------------------------------------------------ keys

    def find(self, pattern: str) -> None:
        super().find(pattern)
        if pattern:
            self.panel_page = FIND if self.narrow else TEXT
            self.lay_out(*self.size)

    def action_state(self) -> None:
        """Colour by h, by c, by each of the gates. Raises UserError if the cell has neither."""
        states, state = self.states, self.session.cells.state
        if len(states) == 1:
            raise UserError(*NO_GATES)
        at = states.index(state) if state in states else 0
        self.session.selection.by_surprise = False
        self.session.cells.show_state(states[(at + 1) % len(states)])
        self.repaint_topics({"cells", "answers"})

    def action_surprise(self) -> None:
        """Colour by surprise, and back. Raises UserError if no symbols are predicted."""
        check_surprise(self.session)
        self.session.selection.by_surprise = not self.session.selection.by_surprise
        self.paint_text()

    def action_view(self) -> None:
        """Show all units of the layer together, on the list of features; else many units below a line of text."""
        if self.focused is self.find_panel and self.session.cells.finding is None:
            self.action_direction()
            return
        self.as_strip = not self.as_strip
        self.panel_page = TEXT
        if self.full in ("text", "strip"):
            self.full = None
        self.lay_out(*self.size)

    def action_page(self, by: int) -> None:
        """Focus the next panel."""
        if self.narrow and self.full is None:
            self.panel_page = (self.panel_page + by) % (LOWER + 1)
            self.lay_out(*self.size)
        else:
            self.focus_next()

    def action_lower(self) -> None:
        """Gates, or a unit's history. Raises UserError if the cell has no gates."""
        if len(self.states) == 1:
            raise UserError(*NO_GATES)
        self.lower = "history" if self.lower == "gates" else "gates"
        cells = self.session.cells
        if self.lower == "gates":
            cells.ask_gates()
        elif cells.history is None and cells.finding is not None:
            cells.ask_history()
        if self.narrow:
            self.panel_page = LOWER
        self.lay_out(*self.size)

    def action_scrub(self, by: int) -> None:
        """Go to an earlier or later checkpoint; the last is the present. Raises UserError before a feature is found."""
        cells, selection = self.session.cells, self.session.selection
        if cells.finding is None:
            raise UserError("No feature was looked for yet.", "Press / and name one, then [ goes back in time.")
        if self.lower != "history":
            self.lower = "history"
            self.lay_out(*self.size)
        history = cells.history
        if history is None or (history.layer, history.unit) != (selection.layer, selection.unit):
            cells.ask_history()
            self.paint_findings()
            return
        present = len(history.steps)
        at = history.steps.index(selection.checkpoint) if selection.checkpoint in history.steps else present
        self.action_checkpoint(max(0, min(at + by, present)))

    def action_checkpoint(self, number: int) -> None:
        """Show one of the checkpoints of the history, or the present after them."""
        history = self.session.cells.history
        if history is not None:
            self.session.cells.show_checkpoint(history.steps[number] if number < len(history.steps) else None)
            self.paint_findings()
            self.update_bars()

    def action_ablate(self) -> None:
        """Hold the unit at zero; a second time, at its mean. While that goes on: withdraw it. Raises UserError."""
        cells, selection = self.session.cells, self.session.selection
        if cells.finding is None and cells.explained_by(selection.layer, selection.unit) is None:
            raise UserError("No feature was looked for yet.", "Press / and name one, then a proves a unit.")
        if cells.is_waiting(protocol.UnitAblated):
            cells.cancel()
        elif not self.load_if_stopped():
            last, here = cells.ablated, (selection.layer, selection.unit)
            again = last is not None and (last.layer, last.unit) == here and last.clamp_to == "zero"
            cells.ablate("mean" if again else "zero")
            self._show_proof()
        self.paint_findings()

    def action_ablate_group(self) -> None:
        """Hold all units over which the feature is spread, at zero. Raises UserError if it is not spread."""
        self.session.cells.ablate_group()
        self._show_proof()
        self.paint_findings()

    def _show_proof(self) -> None:
        if self.narrow:
            self.panel_page = PROOF
            self.lay_out(*self.size)

    async def action_clamp(self) -> None:
        """Go to Sample, with this unit held."""
        if self.session.cells.trace is not None:
            selection = self.session.selection
            sign = self.session.cells.sign_of(selection.layer, selection.unit)
            self.session.sample.clamp = (selection.layer, selection.unit, sign * CLAMP_VALUE)
            self.session.sample.has_begun = False  # it begins again, with the unit held beside it
            await self.app.run_action("app.push_place('sample')")
