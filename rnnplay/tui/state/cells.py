"""What was asked of the network and what it answered: features found, units ablated, gates, a unit's history.

Answers outlive the questions: a screen shows the last of each kind until another one comes or another run begins.
"""

from __future__ import annotations

from collections.abc import Coroutine
from typing import TYPE_CHECKING, Any

from rnnplay import protocol as say
from rnnplay.tui.paint.numbers import unit_name
from rnnplay.tui.places.cells.views import FindingView, GatePoints, GatesView, HistoryView, ProofView
from rnnplay.tui.widgets.views import UnitRow

if TYPE_CHECKING:
    from rnnplay.tui.session import RunSession

Awaiting = Coroutine[Any, Any, None]
"""The question on its way: it is noted as asked before it is awaited."""

SUGGESTED = '"[^"]*"'  # a pattern to begin with, where the task has no names
ABLATED_CHARACTERS = 5_000  # read for each unit that is ablated
FIND_EMPTY = (
    "/ looks for a feature: a name that the task knows, or a regular expression such as {pattern}. "
    "It ranks all units by how well they follow it."
)


class CellsState:
    """Questions and their answers for one session. `place` is which of the units found is being looked at."""

    def __init__(self, session: RunSession) -> None:
        self._session = session
        self.forget()

    def forget(self) -> None:
        """Another run: nothing is known of it yet."""
        self.found: say.UnitsFound | None = None
        self.ablated: say.UnitAblated | None = None
        self.gates: say.GatesComputed | None = None
        self.history: say.HistoryComputed | None = None
        self.waiting: dict[type[say.Event], str] = {}  # answer -> what was asked
        self.done = 0.0  # share of what takes long

    @property
    def names(self) -> tuple[str, ...]:
        """The features that the task knows."""
        return self._session.facts.features if self._session.facts is not None else ()

    @property
    def pattern(self) -> str:
        """What was looked for last, else what to suggest."""
        if self.found is not None:
            return self.found.pattern
        return self.names[0] if self.names else SUGGESTED

    # ------------------------------------------------------------------------------------------------------ questions

    def find(self, pattern: str) -> Awaiting:
        """Which units follow `pattern`?"""
        self.waiting[say.UnitsFound] = pattern
        return self._session.send(say.FindUnits(pattern=pattern))

    def ablate(self, layer: int, unit: int, to: str = "zero") -> Awaiting:
        """What does it cost to hold the unit still?"""
        self.waiting[say.UnitAblated], self.done = unit_name(layer, unit), 0.0
        return self._session.send(
            say.AblateUnit(layer=layer, unit=unit, pattern=self.pattern, to=to, characters=ABLATED_CHARACTERS)
        )

    def leave_off(self) -> Awaiting:
        """No longer wait for what takes long."""
        for kind in (say.UnitAblated, say.HistoryComputed):
            self.waiting.pop(kind, None)
        return self._session.send(say.CancelQuestions())

    def ask_gates(self) -> Awaiting:
        return self._session.send(say.ComputeGates())

    def ask_history(self, layer: int, unit: int, state: str) -> Awaiting:
        """How did the unit come to follow what was looked for?"""
        self.waiting[say.HistoryComputed], self.done = unit_name(layer, unit), 0.0
        return self._session.send(say.ComputeHistory(layer=layer, unit=unit, state=state, pattern=self.pattern))

    # ------------------------------------------------------------------------------------------------------- answers

    def hear(self, event: say.AnyEvent) -> bool:
        """Take in an answer; False: the event is none."""
        match event:
            case say.UnitsFound():
                self.found = event
                self.ablated = self.history = None  # they were about what was looked for before
            case say.UnitAblated():
                self.ablated = event
            case say.GatesComputed():
                self.gates = event
            case say.HistoryComputed():
                self.history = event
            case say.QuestionProgressed():
                self.done = event.share
                return True
            case _:
                return False
        self.waiting.pop(type(event), None)
        return True

    def refused(self) -> None:
        """Something could not be answered; which question it was, the error says."""
        self.waiting.clear()

    # --------------------------------------------------------------------------------------------------------- views

    def place_of(self, layer: int, unit: int) -> int | None:
        """Where the unit stands among those found, in the state in which it tells most."""
        units = self.found.units if self.found is not None else ()
        return next((n for n, u in enumerate(units) if (u.layer, u.unit) == (layer, unit)), None)

    def order(self, layers: int, units: int) -> list[tuple[int, int]]:
        """All units, (layer, unit): most telling first once something was found, else as they stand."""
        every = [(layer, unit) for layer in range(layers) for unit in range(units)]
        if self.found is None:
            return every
        known = set(every)
        best = dict.fromkeys((u.layer, u.unit) for u in self.found.units if (u.layer, u.unit) in known)
        return [*best, *(unit for unit in every if unit not in best)]

    def follows(self, layer: int, unit: int) -> str:
        """What the unit follows, in a few words, where it tells clearly more than the controls: for a title."""
        place = self.place_of(layer, unit)
        if self.found is None or place is None:
            return ""
        strength = self.found.units[place].strength
        if strength <= max(self.found.rolled, self.found.untrained):
            return ""
        return f'follows "{self.found.pattern}" · {self.found.measure} {strength:.2f}'

    @property
    def best(self) -> tuple[UnitRow, ...] | None:
        """The units that were found, best first; None: nothing was looked for."""
        if self.found is None or say.UnitsFound in self.waiting:
            return () if self.found is not None else None
        return tuple(
            UnitRow(layer=u.layer, unit=u.unit, state=u.state, value=u.value, strength=u.strength, sign=u.sign)
            for u in self.found.units
        )

    def finding(self, layer: int, unit: int) -> FindingView:
        found = self.found
        if found is None or say.UnitsFound in self.waiting:
            asked = self.waiting.get(say.UnitsFound, "")
            shown = ", ".join(self.names[:3]) if self.names else SUGGESTED
            return FindingView(pattern=asked, waiting=bool(asked), empty=FIND_EMPTY.format(pattern=shown))
        return FindingView(
            pattern=found.pattern,
            measure=found.measure,
            units=self.best or (),
            cursor=self.place_of(layer, unit),
            rolled=found.rolled,
            untrained=found.untrained,
            convincing=found.convincing,
            sentence=found.sentence,
            pair=_pair(found),
            step=found.step,
        )

    def proof(self) -> ProofView:
        if say.UnitAblated in self.waiting:
            return ProofView(unit=self.waiting[say.UnitAblated], waiting=True, done=self.done)
        answer = self.ablated
        if answer is None:
            return ProofView()
        return ProofView(
            unit=unit_name(answer.layer, answer.unit),
            pattern=answer.pattern,
            to=answer.to,
            inside=answer.inside,
            outside=answer.outside,
            others=answer.others_inside,
            sentence=answer.sentence,
        )

    def gates_view(self, layer: int, unit: int) -> GatesView:
        if self.gates is None:
            return GatesView(empty="…")
        if not self.gates.gates:
            return GatesView(empty="This cell has no gates: LSTM and GRU have.", step=self.gates.step)
        points = tuple(GatePoints(g.layer, g.gate, g.left.array(), g.right.array()) for g in self.gates.gates)
        return GatesView(gates=points, unit=(layer, unit), step=self.gates.step)

    def history_view(self, at: int | None) -> HistoryView:
        if say.HistoryComputed in self.waiting:
            return HistoryView(unit=self.waiting[say.HistoryComputed], waiting=True, done=self.done)
        answer = self.history
        if answer is None:
            empty = "[ follows the unit through the run's checkpoints."
            return HistoryView(empty=empty if self.found else f"Look for a feature first (/). Then {empty}")
        return HistoryView(
            unit=unit_name(answer.layer, answer.unit),
            pattern=answer.pattern,
            measure=self.found.measure if self.found is not None else "AUC",
            steps=answer.steps,
            values=answer.values,
            at=at,
            empty="The run has one checkpoint so far.",
        )


def _pair(found: say.UnitsFound) -> str:
    """Two units in words, where they tell clearly more than the best one."""
    pair = found.pair
    if pair is None or not found.units or pair.strength < found.units[0].strength + 0.005:
        return ""
    one, two = pair.units
    sign = "plus" if pair.weights[0] * pair.weights[1] > 0 else "minus"
    return (
        f"{one.layer + 1}.{one.unit + 1} {one.state} {sign} {abs(pair.weights[1] / pair.weights[0]):.2g} times "
        f"{two.layer + 1}.{two.unit + 1} {two.state}: {pair.strength:.3f}."
    )
