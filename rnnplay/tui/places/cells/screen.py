"""Cells: the text on one unit's colour, or many units below a line of it; find a unit, prove it, see it form.

What a person looks at (layer, unit, place in the text) is the Reading that Play uses too; what was asked and answered
is the session's Asking.
"""

from __future__ import annotations

from typing import ClassVar

from textual.binding import BindingType
from textual.containers import Container
from textual.widget import Widget

from rnnplay import protocol as say
from rnnplay.tui.paint.numbers import count, score
from rnnplay.tui.paint.palette import Palette
from rnnplay.tui.paint.text import row_of
from rnnplay.tui.places.base import Beside
from rnnplay.tui.places.cells.keys import KEYS
from rnnplay.tui.places.cells.panels import CursorBar, FindingPanel, GatesPanel, HistoryPanel, ProofPanel, StripPanel
from rnnplay.tui.places.cells.views import CursorView, FindingView, GatesView, HistoryView, ProofView, StripView
from rnnplay.tui.places.find import FindsUnits
from rnnplay.tui.places.keys import COMMANDS, HELP, TYPING, hint
from rnnplay.tui.places.views import status_view
from rnnplay.tui.session import RunSession
from rnnplay.tui.state.drafts import RunDrafts
from rnnplay.tui.state.selection import Selection
from rnnplay.tui.widgets.base import TALL, WIDE, Panel
from rnnplay.tui.widgets.panels import HeatmapPanel
from rnnplay.tui.widgets.views import CellsView, KeyHint, StatusView

STATES = {"lstm": ("h", "c", "i", "f", "o", "g"), "gru": ("h", "r", "z", "n")}
READING = (
    ("Cells", "The text is held out: the network never trains on it. Each character stands on the colour of one unit "
     "after reading it: red negative, blue positive. g goes through h, an LSTM's memory c, and the gates."),
    ("Find", "The AUC is the probability that the unit is higher where the feature is true than where it is not. "
     "“Rolled” is the best unit for the feature pushed along the text: what chance finds. “Untrained” is the best unit "
     "before the first step."),
    ("Prove", "The loss inside and outside the feature when the unit is held still, beside what other units cost."),
    ("Gates", "Each dot is a unit: right is the share of the time its gate is shut (below 0.1), up the share it is "
     "open (above 0.9). A forget gate high up remembers."),
)  # fmt: skip
EMPTY = "Here the text appears as soon as there is a network to read it."
_STRIP_UNITS = 200  # at most


class InText(Beside):
    """A place with a text whose cursor moves."""

    reading: Selection
    text_panel: HeatmapPanel

    def paint_text(self) -> None:
        """Show the text as it is pointed at now."""

    def action_move(self, where: str) -> None:
        """The cursor by rows, pages or to an end; where the piece of text ends, on to the next one."""
        trace = self.session.trace
        if trace is None:
            return
        lines = self.text_panel.layout_rows(trace.symbols)
        page = max(1, self.text_panel.text_size[1] - 1)
        by = {"up": -1, "down": 1, "page_up": -page, "page_down": page, "home": -(10**9), "end": 10**9}[where]
        cursor = min(self.reading.cursor or 0, len(trace.symbols) - 1)
        line = row_of(lines, cursor)
        wanted = line + by
        if 0 <= wanted < len(lines):
            first, past = lines[wanted]
            self.reading.cursor = min(first + cursor - lines[line][0], past - 1)
        else:
            self.reading.cursor = 0 if by < 0 else len(trace.symbols) - 1
            start = self.reading.scroll(self.session, self.text_panel, by)
            if start is not None:
                self.soon(self.session.watch(start))
        self._keep_in_view()

    def action_point(self, by: int) -> None:
        trace = self.session.trace
        if trace is not None:
            self.reading.cursor = max(0, min((self.reading.cursor or 0) + by, len(trace.symbols) - 1))
            self._keep_in_view()

    def _keep_in_view(self) -> None:
        trace = self.session.trace
        if trace is not None and self.reading.cursor is not None:
            line = row_of(self.text_panel.layout_rows(trace.symbols), self.reading.cursor)
            tall = self.text_panel.text_size[1]
            self.reading.top = max(line - tall + 1, min(self.reading.top, line))
        self.paint_text()

    def on_panel_scroll_requested(self, event: Panel.ScrollRequested) -> None:
        for _ in range(abs(event.by)):
            self.action_move("down" if event.by > 0 else "up")

    def on_heatmap_panel_character_clicked(self, event: HeatmapPanel.CharacterClicked) -> None:
        self.reading.cursor = event.index
        self.paint_text()


class Cells(FindsUnits, InText):
    """One unit on the whole text at the left; what was found, its proof, gates and history at the right."""

    CSS = """
    Cells { layout: vertical; overflow: hidden; }
    #inside { layout: horizontal; height: 1fr; }
    #reading { layout: vertical; width: 1fr; height: 1fr; }
    #findings { layout: vertical; width: 42; height: 1fr; }
    #text, #strip, #found { height: 1fr; width: 100%; }
    #proof { height: 8; width: 100%; }
    #gates, #history { height: 12; width: 100%; }
    Cells.narrow #findings { width: 100%; }
    Cells.narrow #proof, Cells.narrow #gates, Cells.narrow #history { height: 1fr; }
    """
    KEYS = KEYS
    READING: ClassVar[tuple[tuple[str, str], ...]] = READING
    LIVE = frozenset({"cells"})
    BINDINGS: ClassVar[list[BindingType]] = [*KEYS]

    def __init__(self, session: RunSession, choices: RunDrafts, palette: Palette) -> None:
        super().__init__(session, choices, palette)
        self.reading = session.selection
        self.as_strip = False
        self.lower = "gates"
        self.panel_page = 0  # which panel is shown where only one fits
        self.at: int | None = None  # which checkpoint of the history is shown; None: the present
        self.find_line = self.new_find_line()
        self.typed_lines = [self.find_line]
        self.text_panel = HeatmapPanel(CellsView(empty=EMPTY), id="text")
        self.strip_panel = StripPanel(StripView(), id="strip")
        self.cursor_bar = CursorBar(CursorView(), id="cursor")
        self.found_panel = FindingPanel(FindingView(), id="found")
        self.proof_panel = ProofPanel(ProofView(), id="proof")
        self.gates_panel = GatesPanel(GatesView(), id="gates")
        self.history_panel = HistoryPanel(HistoryView(), id="history")

    def panels(self) -> list[Widget]:
        reading = Container(self.text_panel, self.strip_panel, self.cursor_bar, id="reading")
        findings = Container(self.found_panel, self.proof_panel, self.gates_panel, self.history_panel, id="findings")
        return [Container(reading, findings, id="inside")]

    def on_mount(self) -> None:  # Textual calls those of the classes above, too
        self.text_panel.focus()

    def ask(self) -> None:
        """The text with what the network expects, and its gates."""
        self.session.needs_fast_trace = True
        self.watch_text()
        self.soon(self.session.cells.ask_gates())

    def on_screen_suspend(self) -> None:
        """Play shows the present, and no candidates."""
        self.session.needs_fast_trace = False
        self.at = self.session.trace_step = None
        self.watch_text()

    # -------------------------------------------------------------------------------------------------------- layout

    @property
    def narrow(self) -> bool:
        return self.size.width < WIDE or self.size.height < TALL

    def place_panels(self, width: int, height: int) -> None:
        narrow = width < WIDE or height < TALL
        self.set_class(narrow, "narrow")
        lower = self.gates_panel if self.lower == "gates" else self.history_panel
        pages: list[list[Widget]] = [[], [self.found_panel], [self.proof_panel], [lower]]
        shown = pages[self.panel_page] if narrow else [self.found_panel, self.proof_panel, lower]
        self.text_panel.display = not self.as_strip
        self.strip_panel.display = self.as_strip
        for panel in (self.found_panel, self.proof_panel, self.gates_panel, self.history_panel):
            panel.display = panel in shown
        self.query_one("#reading").display = not narrow or self.panel_page == 0
        self.query_one("#findings").display = not narrow or self.panel_page > 0

    # ------------------------------------------------------------------------------------------------------ painting

    def show_topics(self, topics: set[str]) -> None:
        self.follow_finding()
        if topics & {"cells", "run"}:
            self.paint_text()
        if topics & {"answers", "run"}:
            self.paint_findings()

    def paint_text(self) -> None:
        """The text, or the strip, and the row about the character that is pointed at."""
        self.reading.follow(self.session, self.text_panel)
        trace = self.session.trace
        if trace is not None and self.reading.cursor is None:
            self.reading.cursor = 0
        view = self.reading.view(self.session, EMPTY)
        if self.as_strip:
            self.strip_panel.view = self._strip(view)
        else:
            self.text_panel.view = view
        self.cursor_bar.view = self._cursor(view)

    def paint_findings(self) -> None:
        asking, reading = self.session.cells, self.reading
        self.found_panel.view = asking.finding(reading.layer, reading.unit)
        self.proof_panel.view = asking.proof()
        self.gates_panel.view = asking.gates_view(reading.layer, reading.unit)
        self.history_panel.view = asking.history_view(self.at)

    def _strip(self, view: CellsView) -> StripView:
        if view.values is None:
            return StripView()
        layers, units, _ = view.values.shape
        found = self.session.cells.found
        rows, notes = self.session.cells.order(layers, units)[:_STRIP_UNITS], []
        if found is not None:
            best = {(u.layer, u.unit): u.strength for u in reversed(found.units)}
            notes = [score(best[row]) if row in best else "" for row in rows]
        here = (view.layer, view.unit)
        return StripView(
            symbols=view.symbols,
            values=view.values,
            rows=tuple(rows),
            notes=tuple(notes),
            chosen=rows.index(here) if here in rows else 0,
            cursor=view.cursor or 0,
            state=view.state,
        )

    def _cursor(self, view: CellsView) -> CursorView:
        trace = self.session.trace
        if trace is None or view.values is None or view.cursor is None:
            return CursorView()
        at = view.cursor
        value = (int(view.values[view.layer, view.unit, at]) - 127) / 127 * view.scale
        candidates: list[tuple[str, float]] = []
        if trace.candidates is not None and trace.chances is not None and self.session.facts is not None:
            names = self.session.facts.vocabulary
            chances = trace.chances.array()[:, at].tolist()
            candidates = [(names[i], p) for i, p in zip(trace.candidates.array()[:, at].tolist(), chances, strict=True)]
        surprise = int(view.surprise[at]) / 10 if view.surprise is not None else None
        return CursorView(
            trace.symbols[at], value, surprise, tuple(candidates), f"character {count(trace.start + at + 1)}"
        )

    def words(self) -> StatusView:
        found = self.session.cells.found
        if self.session.trace_step is not None:
            step = f"The network as it was at step {count(self.session.trace_step)}."
            return StatusView(step, "] goes towards the present, [ further back.")
        if found is not None and self.narrow:
            return StatusView(found.sentence, "", "" if found.convincing else "bad")
        return status_view(self.session, (), {})

    def hints(self) -> tuple[KeyHint, ...]:
        if self.find_line.typing:
            return TYPING
        found = [
            hint("←→", "unit", "unit(1)"),
            hint("↑↓", "text", "move('down')"),
            hint("/", "find", "find"),
            hint("a", "prove", "ablate"),
            hint("k", "clamp", "clamp"),
            hint("g", "h c gates", "state"),
            hint("v", "text" if self.as_strip else "units", "view"),
            hint("c", "surprise", "surprise"),
            hint("[]", "history", "scrub(-1)"),
            hint("p", "gates" if self.lower == "history" else "history", "lower"),
        ]
        if self.narrow:
            found.insert(2, hint("tab", "panels", "page(1)"))
        return (*found, hint("esc", "back", "back"), COMMANDS, HELP)

    # ---------------------------------------------------------------------------------------------------------- keys

    def find(self, pattern: str) -> None:
        super().find(pattern)
        if pattern:
            self._to_present()
            self.panel_page = 1 if self.narrow else 0
            self.lay_out(*self.size)
        self.paint_findings()

    def action_go_to_unit(self, layer: int, unit: int) -> None:
        self.reading.layer, self.reading.unit = layer, unit
        self.reading.by_surprise = False
        self.paint_text()
        self.paint_findings()

    def action_state(self) -> None:
        cell = self.session.config.cell if self.session.config else ""
        states = STATES.get(cell, ("h",))
        here = states.index(self.session.trace_state) if self.session.trace_state in states else 0
        self.show_state(states[(here + 1) % len(states)])
        self.reading.by_surprise = False
        self.paint_text()
        self.paint_findings()

    def action_surprise(self) -> None:
        self.reading.by_surprise = not self.reading.by_surprise
        self.paint_text()

    def action_view(self) -> None:
        self.as_strip = not self.as_strip
        self.panel_page = 0
        self.lay_out(*self.size)

    def action_page(self, by: int) -> None:
        if self.narrow:
            self.panel_page = (self.panel_page + by) % 4
            self.lay_out(*self.size)

    def action_lower(self) -> None:
        self.lower = "history" if self.lower == "gates" else "gates"
        if self.lower == "gates":
            self.soon(self.session.cells.ask_gates())
        elif self.session.cells.history is None and self.session.cells.found is not None:
            self._ask_history()
        if self.narrow:
            self.panel_page = 3
        self.lay_out(*self.size)

    def _ask_history(self) -> None:
        state = self.session.trace_state if self.session.trace_state in ("h", "c") else "h"
        self.soon(self.session.cells.ask_history(self.reading.layer, self.reading.unit, state))

    def action_scrub(self, by: int) -> None:
        """To an earlier or a later checkpoint; the last is the present."""
        history = self.session.cells.history
        here = (self.reading.layer, self.reading.unit)
        if self.session.cells.found is None:
            return self.tell("No feature was looked for yet.", "Press / and name one, then [ goes back in time.")
        if self.lower != "history":
            self.lower = "history"
            self.lay_out(*self.size)
        if history is None or (history.layer, history.unit) != here:
            self._ask_history()
            self.paint_findings()
            return
        places = len(history.steps)
        at = places if self.at is None else self.at
        self.action_checkpoint(max(0, min(at + by, places)))

    def action_checkpoint(self, number: int) -> None:
        history = self.session.cells.history
        if history is None:
            return
        if number >= len(history.steps):
            self._to_present()
        else:
            self.at = number
            self.session.trace_step = history.steps[number]
            self.watch_text()
        self.paint_findings()
        self.paint_words()

    def _to_present(self) -> None:
        self.at = None
        if self.session.trace_step is not None:
            self.session.trace_step = None
            self.watch_text()

    def action_ablate(self) -> None:
        """Hold the unit at zero; a second time, at its mean. While that goes on: leave it off."""
        asking = self.session.cells
        if asking.found is None:
            return self.tell("No feature was looked for yet.", "Press / and name one, then a proves a unit.")
        if say.UnitAblated in asking.waiting:
            self.soon(asking.leave_off())
            self.paint_findings()
            return
        last, here = asking.ablated, (self.reading.layer, self.reading.unit)
        again = last is not None and (last.layer, last.unit) == here and last.to == "zero"
        self.soon(asking.ablate(*here, "mean" if again else "zero"))
        if self.narrow:
            self.panel_page = 2
            self.lay_out(*self.size)
        self.paint_findings()

    def action_clamp(self) -> None:
        """To Sample, with this unit held."""
        if self.session.trace is not None:
            self.session.clamp = (self.reading.layer, self.reading.unit, 0.9)
            self.app.call_later(self.app.run_action, "app.over('sample')")
