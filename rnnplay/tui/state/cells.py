"""Traces of the network's units, and the answers to questions about them: found, ablated, gates, history.

An answer outlives its question: the last of each kind is shown until another one comes or another run begins.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import msgspec

from rnnplay import protocol
from rnnplay.config import UserError
from rnnplay.formatting import spaced
from rnnplay.tui.state import Send, answers
from rnnplay.tui.state.census import best_units, explained_best, followed_by
from rnnplay.tui.state.selection import Selection

SUGGESTED_PATTERN = '"[^"]*"'  # to begin with, if the task names no features
ABLATED_CHARACTERS = 5_000  # read for each unit that is ablated
_MAX_TRACE_BYTES = 4_000_000
_MUCH_BETTER = 0.05  # surprise by which another unit must be better, twice, to be shown while nobody has chosen one
_BACKGROUND_TRACE_SECONDS, _FOCUSED_TRACE_SECONDS = 1.0, 0.3  # between two traces


@dataclass(frozen=True)
class Question:
    """A question that waits for its answer: the number it was sent with, and what it is about, in words."""

    request: int
    about: str
    keeps_unit: bool = False  # its answer does not choose another unit


class CellsState:
    """Knowledge about the units of one run. Call `reset` when another run begins."""

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
        self.clamp_count: protocol.ClampedCounted | None = None  # what a feature does in texts with a unit held
        self.census: protocol.Census | None = None
        self.telling: tuple[int, int] | None = None  # (layer, unit): the one that the census chose to show
        self._better_count = 0  # censuses in a row in which another unit was much better
        self._census_request = 0
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
    def explained_features(self) -> Sequence[protocol.FeatureExplained]:
        """Return what the census says of each feature, the most surprising first."""
        return self.census.features if self.census is not None else ()

    @property
    def pattern(self) -> str:
        """Return what was looked for last, else a suggestion."""
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
                layer=layer,
                unit=unit,
                pattern=self.feature_of(layer, unit),
                clamp_to=to,
                characters=ABLATED_CHARACTERS,
            ),
            unit_name(layer, unit),
        )

    def ablate_group(self, to: str = "zero") -> None:
        """Ask what it costs to hold all units over which the feature is spread. Raises UserError if it is not."""
        group = self.finding.group if self.finding is not None else None
        if group is None:
            raise UserError("No group of units was found.", "a holds one unit.")
        first, *more = group.units
        self._ask(
            protocol.UnitAblated,
            protocol.AblateUnit(
                layer=group.layer,
                unit=first,
                more_units=tuple(more),
                pattern=self.pattern,
                clamp_to=to,
                characters=ABLATED_CHARACTERS,
            ),
            unit_name(group.layer, first, len(more)),
        )

    def count_clamped(self, clamp: tuple[int, int, float], temperature: float, top_k: int, top_p: float) -> None:
        """Ask what the feature that a unit follows does in texts with this unit held high in it, and low."""
        layer, unit, level = clamp
        self.clamp_count = None
        pattern = self.feature_of(layer, unit)
        self._ask(
            protocol.ClampedCounted,
            protocol.CountClamped(
                layer=layer,
                unit=unit,
                level=abs(level),
                pattern=pattern,
                temperature=temperature,
                top_k=top_k,
                top_p=top_p,
            ),
            pattern,
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

    def watch_census(self, growth: bool) -> None:
        """Ask what each unit follows, now and as training goes on; `growth`: from earlier checkpoints too."""
        self._census_request = self._send(protocol.WatchCensus(growth=growth))

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
            if not any(answers(event, question.request) for question in self.waiting.values()):
                return False
            self.progress = event.fraction
            return True
        if isinstance(event, protocol.Census):
            return self._handle_census(event)
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
            case protocol.ClampedCounted():
                self.clamp_count = event
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

    def _handle_census(self, event: protocol.Census) -> bool:
        """Take in what units follow; while nobody has chosen a unit, show the one that tells most."""
        if not answers(event, self._census_request):
            return False
        self.census = event
        best = next((feature for feature in event.features if feature.convincing), None)
        if best is None or self._selection.is_chosen or self.finding is not None:
            return True
        shown = self.explained_by(*self.telling) if self.telling is not None else None
        if self.telling is not None and best.surprise < (shown.surprise if shown is not None else 0) + _MUCH_BETTER:
            self._better_count = 0
            return True
        self._better_count += 1
        if self.telling is None or self._better_count >= 2:
            self._better_count, self.telling = 0, (best.unit.layer, best.unit.unit)
            self._selection.select(*self.telling, by_person=False)
            self.show_state(best.unit.state)
        return True

    def is_about_census(self, event: protocol.Failed) -> bool:
        """Return whether this says that no census can be taken."""
        return bool(self._census_request) and answers(event, self._census_request)

    def on_command_failed(self, event: protocol.Failed) -> bool:
        """Stop waiting for what cannot be answered; return whether it was asked here."""
        failed = [kind for kind, question in self.waiting.items() if answers(event, question.request)]
        for kind in failed:
            del self.waiting[kind]
        return bool(failed)

    # ---------------------------------------------------------------------------------------------------------- units

    def explained_by(self, layer: int, unit: int) -> protocol.FeatureExplained | None:
        """Return the most surprising feature that this unit follows best of all units; None: there is none.

        Of a unit that is nowhere the best: the feature that its shown state follows most surprisingly, if any, with
        this unit in the place of the best.
        """
        features = self.explained_features
        return explained_best(features, layer, unit) or followed_by(features, self.state, layer, unit)

    def feature_of(self, layer: int, unit: int) -> str:
        """Return the feature to judge a unit by: what was looked for, else what it follows by the census."""
        explained = self.explained_by(layer, unit)
        return explained.feature if self.finding is None and explained is not None else self.pattern

    def sign_of(self, layer: int, unit: int) -> int:
        """Return 1 if a unit is high where its feature is true, -1 if it is low, as far as that is known."""
        explained = self.explained_by(layer, unit)
        units = self.finding.units if self.finding is not None else [explained.unit] if explained is not None else []
        return next((u.sign for u in units if (u.layer, u.unit) == (layer, unit)), 1)

    def feature_explained(self, name: str | None) -> protocol.FeatureExplained | None:
        """Return what the census says about a feature."""
        return next((f for f in self.explained_features if f.feature == name), None)

    def select_explained(self, name: str) -> None:
        """Show the unit that follows a feature best, in the state in which it does."""
        if (feature := self.feature_explained(name)) is not None:
            self._selection.select(feature.unit.layer, feature.unit.unit)
            self.show_state(feature.unit.state)

    def toggle_direction(self) -> None:
        """Show all units of a layer together, by the direction of the feature that the shown unit follows; or the unit.

        Where it follows none, the most surprising feature's. Raises UserError if there is none.
        """
        selection = self._selection
        if selection.direction is not None:
            selection.direction = None
            explained = self.explained_by(selection.layer, selection.unit)
            if self.finding is None and explained is not None:
                self.show_state(explained.unit.state)
            return
        directions = [f for f in self.explained_features if f.weights is not None]
        feature = self.explained_by(selection.layer, selection.unit) or next(iter(directions), None)
        if feature is None or feature.weights is None:
            raise UserError("No census has measured yet what a layer knows together.", "Wait for the first census.")
        selection.direction, selection.by_surprise = feature.feature, False
        self.show_state(feature.layer_state)

    def index_of(self, layer: int, unit: int) -> int | None:
        """Return the place of a unit among those found, in the state in which it follows best; None: it is not."""
        units = self.finding.units if self.finding is not None else ()
        return next((n for n, u in enumerate(units) if (u.layer, u.unit) == (layer, unit)), None)

    def order(self) -> list[tuple[int, int]]:
        """Return all units, (layer, unit): those found or explained first, best first, then the others in order."""
        if self.trace is None:
            return []
        layers, units = self.trace.values.shape[:2]
        every = [(layer, unit) for layer in range(layers) for unit in range(units)]
        ranked = self.finding.units if self.finding is not None else best_units(self.explained_features)
        present = set(every)
        best = dict.fromkeys((u.layer, u.unit) for u in ranked if (u.layer, u.unit) in present)
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
        explained = explained_best(self.explained_features, self._selection.layer, self._selection.unit)
        if number is not None:
            self.select_result(number)
        elif self.finding is None and explained is not None:
            self.show_state(explained.unit.state)


def unit_name(layer: int, unit: int, more: int = 0) -> str:
    """Return a unit's name with numbers from 1: layer 1 unit 37; with so many others: layer 1, 5 units."""
    return f"layer {layer + 1}, {more + 1} units" if more else f"layer {layer + 1} unit {unit + 1}"
