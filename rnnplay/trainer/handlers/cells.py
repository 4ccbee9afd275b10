"""Answers questions about cells: traces, find, ablate, gates, history. Long ones a moment at a time between two steps.

A long question is a job, on a copy of the network as it was asked about; a later question of its kind replaces it.
"""

import time
from collections.abc import Callable, Iterator
from dataclasses import replace

import msgspec
import numpy as np

from rnnplay.config import UserError
from rnnplay.engine import Network
from rnnplay.lab.cells.ablate import Ablation, ablate
from rnnplay.lab.cells.find import FindResult, find_in_slices, unit_score_in_slices
from rnnplay.lab.cells.gates import gate_saturation
from rnnplay.lab.cells.labelled_batch import LabelledBatch, label_held_out
from rnnplay.lab.cells.trace import ActivationTrace, likeliest_next, quantize, trace_examples, trace_items, trace_text
from rnnplay.lab.cells.unit_scores import Score
from rnnplay.lab.cells.unit_states import Unit, states_of
from rnnplay.lab.clamp import check_clamps
from rnnplay.lab.sample import CANDIDATES
from rnnplay.protocol import (
    AblateUnit,
    CancelQuestions,
    Command,
    ComputeGates,
    ComputeHistory,
    FindUnits,
    GateSaturation,
    GatesComputed,
    HistoryComputed,
    PackedArray,
    QuestionProgressed,
    ScoredGroup,
    ScoredPair,
    ScoredUnit,
    Trace,
    UnitAblated,
    UnitsFound,
    WatchTrace,
)
from rnnplay.runs import checkpoint
from rnnplay.trainer.connection import Connection
from rnnplay.trainer.handlers.base import Handler, TimeBudget, TimeShares
from rnnplay.trainer.session import TrainingSession

MAX_TRACE = 50 * 2**20  # numbers in a trace
_JOB_SHARE = 0.5  # of the time beside training that jobs may take
_SLICE_SECONDS = 0.05  # at a time while nothing trains
_PROGRESS_SECONDS = 0.3  # between two events on how far a job is


class TraceHandler(Handler):
    """Answers WatchTrace, and again every `every` seconds while the network learns."""

    commands = (WatchTrace,)
    current: WatchTrace | None = None  # to be answered again

    def __init__(self, session: TrainingSession, connection: Connection, shares: TimeShares) -> None:
        self._session, self._learner, self._connection, self._shares = session, session.learner, connection, shares
        self._traced = 0.0  # when
        self._traced_step = -1
        self._earlier: tuple[int, Network] | None = None  # a network of the run's history

    def handle_command(self, command: WatchTrace, interrupted: Callable[[], bool]) -> bool:
        """Raises UserError if the network has no such state, or the run no such step."""
        self.current = None
        self._trace(command)
        if command.every > 0 and command.step is None:
            self.current = command
        return False

    def run_pending(self, training: bool) -> None:
        """Send the trace again if it is due. Raises UserError if the network's values are not finite."""
        watch, now = self.current, time.perf_counter()
        if watch is None or now - self._traced < watch.every or self._traced_step == self._learner.step:
            return
        if not self._connection.has_pending(Trace) and (self._budget(watch).has_time(now) or not training):
            self._trace(watch)

    def cancel(self, command: Command) -> None:
        """Not again before the network has learned on: a run that diverges goes back to finite values."""
        self._traced, self._traced_step = time.perf_counter(), self._learner.step

    def _trace(self, command: WatchTrace) -> None:
        begun = time.perf_counter()
        learner = self._learner
        step = learner.step
        if command.step is not None and command.step != step:
            step = command.step
            network = self._network_of(step)
        else:
            network = learner.eval_network()
        architecture = network.architecture
        most = MAX_TRACE // (architecture.layers * architecture.hidden)
        start, length = max(command.start, 0), min(max(command.length, 1), most)
        wanted = msgspec.structs.replace(command, start=start, length=length)
        self._connection.send(self._event(step, wanted, network), command)
        self._traced, self._traced_step = time.perf_counter(), step
        self._budget(command).spend(self._traced - begun)

    def _budget(self, command: WatchTrace) -> TimeBudget:
        return self._shares.trace_with_candidates if command.candidates else self._shares.trace

    def _read(self, network: Network, command: WatchTrace) -> ActivationTrace:
        """A piece of the held-out text, or of another one; where there is no text, of held-out items."""
        task, inspected_ids = self._learner.task, self._session.inspected_ids
        ids = task.held_out_ids if inspected_ids is None else inspected_ids
        if len(ids):
            return trace_text(network, ids, command.start, command.length, command.state, task)
        if command.example is not None:
            return trace_examples(network, task, command.example, command.length, command.state)
        return trace_items(network, task, command.start, command.length, command.state)

    def _event(self, step: int, command: WatchTrace, network: Network) -> Trace:
        # A long text's values are large: never two readings of it in memory, nor one beside its bytes.
        candidates: tuple[PackedArray | None, PackedArray | None] = None, None
        sends_candidates = command.candidates and network.architecture.readout == "softmax"
        if sends_candidates and command.state != "h":
            candidates = _candidates(network, self._read(network, msgspec.structs.replace(command, state="h")))
        reading = self._read(network, command)
        if sends_candidates and command.state == "h":
            candidates = _candidates(network, reading)
        values, scale = quantize(reading.values)
        reading = replace(reading, values=values[:, :, :0])
        return Trace(
            step=step,
            start=reading.start,
            total=reading.total,
            symbols=reading.symbols(self._learner.task.vocabulary),
            state=command.state,
            values=PackedArray.from_array(values),
            scale=scale,
            surprise=PackedArray.from_array(np.clip(np.rint(reading.surprise * 10), 0, 255).astype(np.uint8)),
            candidates=candidates[0],
            probabilities=candidates[1],
        )

    def _network_of(self, step: int) -> Network:
        """The network as it was after `step`, kept until another one is asked for."""
        if self._earlier is None or self._earlier[0] != step:
            network = Network(self._learner.network.architecture)
            self._learner.load_weights_into(network, checkpoint.load_at(self._session.run, step))
            self._earlier = step, network
        return self._earlier[1]


def _candidates(network: Network, reading: ActivationTrace) -> tuple[PackedArray, PackedArray]:
    """What the network expects after each symbol of a reading of h, and how much."""
    best, chances = likeliest_next(network, reading.values[-1], CANDIDATES)
    return PackedArray.from_array(best), PackedArray.from_array(chances)


class CellsHandler(Handler):
    """Answers ComputeGates at once, FindUnits, AblateUnit and ComputeHistory as time allows."""

    commands = (FindUnits, AblateUnit, ComputeGates, ComputeHistory, CancelQuestions)

    def __init__(self, session: TrainingSession, connection: Connection, shares: TimeShares) -> None:
        self._session, self._learner, self._connection, self._shares = session, session.learner, connection, shares
        self._labelled: tuple[tuple[str, int, bool], LabelledBatch] | None = None
        # Each yields the fraction that is done, or None where it is not known.
        self._jobs: dict[FindUnits | AblateUnit | ComputeHistory, Iterator[float | None]] = {}
        self._reported = 0.0

    def handle_command(
        self,
        command: FindUnits | AblateUnit | ComputeGates | ComputeHistory | CancelQuestions,
        interrupted: Callable[[], bool],
    ) -> bool:
        """Raises UserError if the question makes no sense; earlier questions then stand."""
        match command:
            case FindUnits():
                labelled = self._label(command.pattern, command.characters)
                self._begin(command, self._find(command, labelled, self._learner.eval_network().copy()))
                for job in [job for job in self._jobs if job.pattern != command.pattern]:
                    self.cancel(job)  # it is about the feature that was looked for before
            case ComputeGates():
                self._gates(command)
            case CancelQuestions():
                self._jobs = {job: steps for job, steps in self._jobs.items() if isinstance(job, FindUnits)}
            case AblateUnit():
                network = self._learner.eval_network()
                check_clamps(network, [(command.layer, unit, 0.0) for unit in (command.unit, *command.more_units)])
                self._begin(command, self._ablate(command, network.copy()))
            case ComputeHistory():
                self._check(command)
                self._begin(command, self._history(command))
        return True

    def _begin(self, command: FindUnits | AblateUnit | ComputeHistory, job: Iterator[float | None]) -> None:
        """Start a job, in the place of an earlier one of its kind."""
        for other in [other for other in self._jobs if type(other) is type(command)]:
            self.cancel(other)
        self._jobs[command] = job

    def run_pending(self, training: bool) -> None:
        """Go on with the jobs. Raises UserError if one cannot be answered."""
        if not self._jobs:
            return
        begun = time.perf_counter()
        # While it trains, jobs get as long as the last training step took; of several connections one after the other.
        allowed = (begun - self._shares.jobs_rested) * _JOB_SHARE / (1 - _JOB_SHARE) if training else _SLICE_SECONDS
        end = begun + min(_SLICE_SECONDS, allowed)
        for command, job in list(self._jobs.items()):
            self.current = command
            for fraction in job:
                now = time.perf_counter()
                if fraction is not None and now - self._reported > _PROGRESS_SECONDS:
                    self._reported = now
                    self._connection.send(
                        QuestionProgressed(question=type(command).__name__, fraction=fraction), command
                    )
                if now >= end:
                    break
            else:
                del self._jobs[command]
        self._shares.jobs_rested = time.perf_counter()

    def seconds_until_due(self) -> float:
        return 0.0 if self._jobs else float("inf")

    def cancel(self, command: Command) -> None:
        self._jobs = {other: job for other, job in self._jobs.items() if other is not command}

    # ------------------------------------------------------------------------------------------------------- answers

    def _label(self, pattern: str, characters: int, quick: bool = False) -> LabelledBatch:
        """What is labelled for a feature: kept, for the next question is mostly about the same."""
        key = pattern, characters, quick
        if self._labelled is None or self._labelled[0] != key:
            labelled = label_held_out(self._learner.task, pattern, characters, self._session.inspected_ids, quick)
            self._labelled = key, labelled
        return self._labelled[1]

    def _find(self, question: FindUnits, labelled: LabelledBatch, network: Network) -> Iterator[None]:
        step = self._learner.step
        result = yield from find_in_slices(network, self._learner.untrained_network(), labelled, question.pattern)
        self._connection.send(answer(result, step), question)

    def _gates(self, question: ComputeGates) -> None:
        network, task = self._learner.eval_network(), self._learner.task
        result = gate_saturation(network, label_held_out(task, None, question.characters, self._session.inspected_ids))
        self._connection.send(
            GatesComputed(
                step=self._learner.step,
                gates=tuple(
                    GateSaturation(
                        layer=s.layer,
                        gate=s.gate,
                        left_saturated=PackedArray.from_array(s.left_saturated.astype(np.float32)),
                        right_saturated=PackedArray.from_array(s.right_saturated.astype(np.float32)),
                    )
                    for s in result
                ),
            ),
            question,
        )

    def _ablate(self, question: AblateUnit, network: Network) -> Iterator[float]:
        q = question
        labelled = self._label(q.pattern, _affordable(network, q.characters, q.other_units), quick=True)
        units = (q.unit, *q.more_units)
        for state in ablate(network, labelled, q.layer, units, q.pattern, q.clamp_to, q.other_units):
            if isinstance(state, Ablation):
                self._connection.send(
                    UnitAblated(
                        layer=q.layer,
                        unit=q.unit,
                        more_units=q.more_units,
                        pattern=q.pattern,
                        clamp_to=q.clamp_to,
                        inside=state.inside,
                        outside=state.outside,
                        others_inside=tuple(inside for inside, _ in state.other_units),
                        fraction_beaten=state.fraction_beaten,
                        characters=state.characters,
                        sentence=state.sentence(),
                    ),
                    q,
                )
            else:
                yield state

    def _check(self, question: ComputeHistory) -> None:
        network = self._learner.network
        check_clamps(network, [(question.layer, question.unit, 0.0)])
        if question.state not in (states := states_of(network)):
            raise UserError(f"A unit has no {question.state!r} to follow.", f"Choose of {', '.join(states)}.")

    def _history(self, question: ComputeHistory) -> Iterator[float | None]:
        q, run = question, self._session.run
        labelled = self._label(q.pattern, q.characters)
        network = Network(self._learner.network.architecture)
        states = sorted({step for kind in checkpoint.KINDS for step in checkpoint.checkpoint_steps(run, kind)})
        values: list[tuple[int, float]] = []
        for n, step in enumerate(states):
            try:
                self._learner.load_weights_into(network, checkpoint.load_at(run, step))
            except UserError:
                continue  # replaced by a later one meanwhile
            score = yield from unit_score_in_slices(network, labelled, Unit(q.layer, q.unit, q.state))
            values.append((step, score))
            yield n / len(states)
        if not values:
            raise UserError("The run has no checkpoint yet.", "Wait for the first one.")
        self._connection.send(
            HistoryComputed(
                layer=q.layer,
                unit=q.unit,
                state=q.state,
                pattern=q.pattern,
                steps=tuple(step for step, _ in values),
                values=tuple(value for _, value in values),
                best_step=None if self._session.best.evaluation is None else self._session.best.evaluation.step,
            ),
            q,
        )


def answer(result: FindResult, step: int) -> UnitsFound:
    """A FindResult as it goes through the pipe."""
    ranking = result.ranking
    pair = None
    if ranking.pair is not None and ranking.pairing is not None:
        scores = dict(ranking.units)
        one, two = (_scored_unit(unit, scores[unit]) for unit in ranking.pair)
        p = ranking.pairing
        pair = ScoredPair(units=(one, two), weights=p.weights, value=p.value, strength=p.strength)
    group = None
    if result.group is not None and result.is_spread:
        g = result.group
        group = ScoredGroup(layer=g.layer, units=g.units, strength=g.strength, best_alone=g.best_alone)
    return UnitsFound(
        pattern=result.pattern,
        step=step,
        measure=result.measure,
        units=tuple(_scored_unit(unit, score) for unit, score in ranking.units),
        rolled_control=ranking.rolled,
        untrained=result.untrained,
        convincing=result.convincing,
        rolled_says_nothing=result.rolled_says_nothing,
        group=group,
        pair=pair,
        fraction=result.share,
        characters=result.characters,
        sentence=result.sentence(),
    )


def _scored_unit(unit: Unit, score: Score) -> ScoredUnit:
    return ScoredUnit(
        layer=unit.layer,
        unit=unit.unit,
        state=unit.state,
        value=score.value,
        strength=score.strength,
        sign=score.sign,
    )


def _affordable(network: Network, characters: int, others: int) -> int:
    """As many characters as asked for, or as few as keep a large network's ablation within some minutes."""
    work = 2 * network.flat.size * (others + 2)  # multiplications a character, about
    return min(characters, max(1_000, int(3e13 / work)))
