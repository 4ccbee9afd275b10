"""Finding units from any screen: the line in which a feature is named, and the way to the units that were found."""

from __future__ import annotations

from collections.abc import Coroutine
from typing import TYPE_CHECKING, Any

from rnnplay import protocol as say
from rnnplay.tui.forms.prompt import Line
from rnnplay.tui.session import RunSession


class FindsUnits:
    """For a screen that shows a unit: `/` opens the line; the best unit found comes into view by itself."""

    session: RunSession
    find_line: Line
    seen: say.UnitsFound | None = None  # the finding whose best unit was brought into view

    if TYPE_CHECKING:  # what the screen brings

        def soon(self, work: Coroutine[Any, Any, None]) -> None: ...

        def action_go_to_unit(self, layer: int, unit: int) -> None: ...

        def paint_words(self) -> None: ...

    def new_find_line(self) -> Line:
        return Line("find", self.find, self._suggest)

    def action_find(self) -> None:
        if self.session.facts is not None:
            self.find_line.open()
            self.paint_words()

    def _suggest(self, text: str) -> tuple[str, ...]:
        return tuple(name for name in self.session.cells.names if text.lower() in name.lower())

    def find(self, pattern: str) -> None:
        """Ask which units follow `pattern`."""
        if pattern:
            self.soon(self.session.cells.find(pattern))

    def follow_finding(self) -> None:
        """Bring the best unit of a fresh finding into view."""
        found = self.session.cells.found
        if found is not self.seen:
            self.seen = found
            self.action_found(0)

    def action_found(self, number: int) -> None:
        """One of the units that were found."""
        found = self.session.cells.found
        if found is not None and 0 <= number < len(found.units):
            unit = found.units[number]
            self.show_state(unit.state)
            self.action_go_to_unit(unit.layer, unit.unit)

    def show_state(self, state: str) -> None:
        """Colour by h, c or a gate: at once by the last trace of it, if it is of this piece, then afresh."""
        session = self.session
        if state == session.trace_state:
            return
        session.trace_state = state
        kept = session.traces.get(state)
        if kept is not None and session.trace is not None and kept.symbols == session.trace.symbols:
            session.trace = kept
        self.watch_text()

    def watch_text(self) -> None:
        """Ask for the trace as it is wanted now."""
        session = self.session
        self.soon(session.watch(session.trace_start))

    def action_unit(self, by: int) -> None:
        """The unit before, and the next: best first, once something was found."""
        session, reading = self.session, self.session.selection
        if session.trace is None:
            return
        order = session.cells.order(*session.trace.values.shape[:2])
        here = (reading.layer, reading.unit)
        wanted = order[(order.index(here) + by) % len(order)] if here in order else order[0]
        found = session.cells.place_of(*wanted)
        if found is None:
            self.action_go_to_unit(*wanted)
        else:
            self.action_found(found)
