"""Traces of the network's units, and the answers to questions about them: found, ablated, gates, history.

An answer outlives its question: the last of each kind is shown until another one comes or another run begins.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import msgspec

from rnnplay import protocol
from rnnplay.tui.state import Send, answers
from rnnplay.tui.state.selection import Selection

SUGGESTED_PATTERN = '"[^"]*"'  # to begin with, if the task names no features
ABLATED_CHARACTERS = 5_000  # read for each unit that is ablated
_MAX_TRACE_BYTES = 4_000_000
_BACKGROUND_TRACE_SECONDS, _FOCUSED_TRACE_SECONDS = 1.0, 0.3  # between two traces


@dataclass(frozen=True)
class Question:
    """A question that waits for its answer: the number it was sent with, and what it is about, in words."""

    request: int
    about: str
    keeps_unit: bool = False  # its answer does not choose another unit


class CellsState:
    """What is known of the units of one run. Call `reset` when another run begins."""

    def __init__(self, send: Send, selection: Selection) -> None:
        self._send, self._selection = send, selection
        self.needs_fast_trace = False  # a person looks at the units alone
        self.length = 2_000  # characters of a trace
        self.reset()

    def reset(self) -> None:
        """Forget everything about the run."""
        self.facts: protocol.Facts | None = None
        self.trace: protocol.Trace | None = None
        self.traces: dict[str, protocol.Trace] = {}  # the last one of each state
        self.state = "h"  # that is asked for: h, c or a gate
        self.start = 0  # of the piece of text that is asked for
        self.first_item: int | None = None  # that is asked for, if the task has items in place of a text
        self.unavailable = ""  # why there is no trace
        self.finding: protocol.UnitsFound | None = None
        self.ablated: protocol.UnitAblated | None = None
        self.gates: protocol.GatesComputed | None = None
        self.history: protocol.HistoryComputed | None = None
        self.waiting: dict[type[protocol.Event], Question] = {}  # by the kind of the answer
        self.progress = 0.0  # of what takes long, 0..1
        self._trace_request = self._answered_request = 0
        self.is_first_answer = False  # the last trace is the first one that answers its request: a person waits for it

    def begin_run(self, facts: protocol.Facts, units: int) -> None:
        """Take in what the task is like; `units` is their number over all layers."""
        self.facts = facts
        self.length = max(200, min(self.length, _MAX_TRACE_BYTES // units))
        self.start, self.first_item = 0, 0 if facts.has_examples and not facts.held_out else None

    @property
    def features(self) -> tuple[str, ...]:
        """The features that the task names."""
        return self.facts.features if self.facts is not None else ()

    @property
    def pattern(self) -> str:
        """What was looked for last, else a suggestion."""
        if self.finding is not None:
            return self.finding.pattern
        return self.features[0] if self.features else SUGGESTED_PATTERN

    def is_waiting(self, answer: type[protocol.Event]) -> bool:
        """Return whether a question waits for an answer of this kind."""
        return answer in self.waiting

    # ------------------------------------------------------------------------------------------------------ questions

    def request_trace(self, start: int | None = None, first_item: int | None = None) -> int:
        """Ask for the trace as it is wanted now, and again as training goes on; return the request's number."""
        self.start = self.start if start is None else start
        self.first_item = self.first_item if first_item is None else first_item
        self._trace_request = self._send(
            protocol.WatchTrace(
                start=self.start,
                length=self.length,
                every=_FOCUSED_TRACE_SECONDS if self.needs_fast_trace else _BACKGROUND_TRACE_SECONDS,
                state=self.state,
                step=self._selection.checkpoint,
                candidates=self.needs_fast_trace,
                example=self.first_item,
            )
        )
        return self._trace_request

    def show_state(self, state: str) -> None:
        """Show h, c or a gate: the last trace of it at once if it is of the same text, and a new one when it comes."""
        if state == self.state:
            return
        self.state = state
        last = self.traces.get(state)
        if last is not None and self.trace is not None and last.symbols == self.trace.symbols:
            self.trace = last
        self.request_trace()

    def show_checkpoint(self, step: int | None) -> None:
        """Show the weights of a checkpoint, or (None) the network as it is."""
        if step != self._selection.checkpoint:
            self._selection.checkpoint = step
            self.request_trace()

    def find(self, pattern: str, keep_unit: bool = False) -> None:
        """Ask which units follow `pattern`; the best of them is shown then, unless `keep_unit`.

        What was asked about an earlier pattern is withdrawn.
        """
        self.cancel()
        self._ask(protocol.UnitsFound, protocol.FindUnits(pattern=pattern), pattern, keep_unit)

    def ablate(self, to: str = "zero") -> None:
        """Ask what it costs to hold the selected unit at zero or at its mean."""
        layer, unit = self._selection.layer, self._selection.unit
        self._ask(
            protocol.UnitAblated,
            protocol.AblateUnit(
                layer=layer, unit=unit, pattern=self.pattern, clamp_to=to, characters=ABLATED_CHARACTERS
            ),
            unit_name(layer, unit),
        )

    def ask_history(self) -> None:
        """Ask how the selected unit came to follow the pattern."""
        layer, unit = self._selection.layer, self._selection.unit
        state = self.state if self.state in ("h", "c") else "h"
        question = protocol.ComputeHistory(layer=layer, unit=unit, state=state, pattern=self.pattern)
        self._ask(protocol.HistoryComputed, question, unit_name(layer, unit))

    def ask_gates(self) -> None:
        """Ask how saturated the gates are."""
        self._ask(protocol.GatesComputed, protocol.ComputeGates(), "")

    def cancel(self) -> None:
        """Withdraw the questions that take long."""
        withdrawn = [self.waiting.pop(kind, None) for kind in (protocol.UnitAblated, protocol.HistoryComputed)]
        if any(withdrawn):
            self._send(protocol.CancelQuestions())

    def _ask(
        self, answer: type[protocol.Event], question: protocol.Command, about: str, keeps_unit: bool = False
    ) -> None:
        self.progress = 0.0
        self.waiting[answer] = Question(self._send(question), about, keeps_unit)

    # -------------------------------------------------------------------------------------------------------- answers

    def handle_event(self, event: protocol.AnyEvent) -> bool:
        """Take in a trace or an answer; False: it is neither, or it answers a question that was withdrawn."""
        if isinstance(event, protocol.Trace):
            return self._handle_trace(event)
        if isinstance(event, protocol.QuestionProgressed):
            self.progress = event.fraction
            return any(answers(event, question.request) for question in self.waiting.values())
        question = self.waiting.get(type(event))
        if question is None or not answers(event, question.request):
            return False
        del self.waiting[type(event)]
        match event:
            case protocol.UnitsFound():
                self.finding = event
                self.ablated = self.history = None  # they were about the pattern before
                if question.keeps_unit:
                    self.step_unit(0)
                elif event.units:
                    self.select_result(0)
            case protocol.UnitAblated():
                self.ablated = event
            case protocol.GatesComputed():
                self.gates = event
            case protocol.HistoryComputed():
                self.history = event
            case _:
                pass
        return True

    def _handle_trace(self, event: protocol.Trace) -> bool:
        if not answers(event, self._trace_request):
            return False
        self.is_first_answer = event.request != self._answered_request
        self._answered_request = event.request
        self.traces[event.state] = event
        self._selection.fit(*event.values.shape[:2])
        if event.state == self.state:
            self.trace = msgspec.structs.replace(event, symbols=tuple(spaced(event.symbols)))
        return True

    def on_command_failed(self, event: protocol.Failed) -> bool:
        """Stop waiting for what cannot be answered; return whether it was asked here."""
        failed = [kind for kind, question in self.waiting.items() if answers(event, question.request)]
        for kind in failed:
            del self.waiting[kind]
        return bool(failed)

    # ---------------------------------------------------------------------------------------------------------- units

    def index_of(self, layer: int, unit: int) -> int | None:
        """Return the place of a unit among those found, in the state in which it follows best; None: it is not."""
        units = self.finding.units if self.finding is not None else ()
        return next((n for n, u in enumerate(units) if (u.layer, u.unit) == (layer, unit)), None)

    def order(self) -> list[tuple[int, int]]:
        """Return all units, (layer, unit): those found first, best first, then the others in their own order."""
        if self.trace is None:
            return []
        layers, units = self.trace.values.shape[:2]
        every = [(layer, unit) for layer in range(layers) for unit in range(units)]
        if self.finding is None:
            return every
        present = set(every)
        best = dict.fromkeys((u.layer, u.unit) for u in self.finding.units if (u.layer, u.unit) in present)
        return [*best, *(unit for unit in every if unit not in best)]

    def select_result(self, number: int) -> None:
        """Show one of the units that were found, in the state in which it follows best."""
        if self.finding is not None and 0 <= number < len(self.finding.units):
            unit = self.finding.units[number]
            self._selection.select(unit.layer, unit.unit)
            self.show_state(unit.state)

    def step_unit(self, by: int) -> None:
        """Show the unit so many places further in `order`."""
        self._selection.step(by, self.order())
        number = self.index_of(self._selection.layer, self._selection.unit)
        if number is not None:
            self.select_result(number)


def unit_name(layer: int, unit: int) -> str:
    """Return a unit's name with numbers from 1: layer 1 unit 37."""
    return f"layer {layer + 1} unit {unit + 1}"


def spaced(symbols: Sequence[str], vocabulary: Sequence[str] | None = None) -> Sequence[str]:
    """Return symbols of several letters with a space behind each, unless spaces are symbols themselves."""
    known = symbols if vocabulary is None else vocabulary
    if all(len(symbol) <= 1 for symbol in known) or any(symbol[:1].isspace() for symbol in known):
        return symbols
    return tuple(f"{symbol} " for symbol in symbols)
