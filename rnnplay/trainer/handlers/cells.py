"""Answers questions about cells: find, ablate, clamp, gates, history. Long ones a moment at a time between two steps.

A long question is a job, on a copy of the network as it was asked about; a later question of its kind replaces it.
"""

import time
from collections.abc import Callable, Iterator

import numpy as np

from rnnplay.config import UserError
from rnnplay.engine import Network
from rnnplay.lab.cells.ablate import Ablation, ablate
from rnnplay.lab.cells.find import FindResult, find, unit_score
from rnnplay.lab.cells.gates import gate_saturation
from rnnplay.lab.cells.labelled_batch import LabelledBatch, label_held_out
from rnnplay.lab.cells.unit_scores import Score
from rnnplay.lab.cells.unit_states import Unit, states_of
from rnnplay.lab.clamp import check_clamps
from rnnplay.lab.clamp_count import count_clamped
from rnnplay.lab.sample import SamplingOptions, can_sample
from rnnplay.protocol import (
    AblateUnit,
    CancelQuestions,
    ClampedCounted,
    Command,
    ComputeGates,
    ComputeHistory,
    CountClamped,
    FindUnits,
    GateSaturation,
    GatesComputed,
    HistoryComputed,
    PackedArray,
    QuestionProgressed,
    ScoredGroup,
    ScoredPair,
    ScoredUnit,
    UnitAblated,
    UnitsFound,
)
from rnnplay.runs import checkpoint
from rnnplay.trainer.connection import Connection
from rnnplay.trainer.handlers.base import Handler, TimeShares
from rnnplay.trainer.session import TrainingSession

_JOB_SHARE = 0.5  # of the time beside training that jobs may take
_SLICE_SECONDS = 0.05  # at a time while nothing trains
_SIGN_CHARACTERS = 4_000  # read to see on which side of zero a unit is where a feature is true
_PROGRESS_SECONDS = 0.3  # between two events on how far a job is


Question = FindUnits | AblateUnit | CountClamped | ComputeHistory
"""Commands that take long."""


class CellsHandler(Handler):
    """Answers ComputeGates at once, FindUnits, AblateUnit, CountClamped and ComputeHistory as time allows."""

    commands = (FindUnits, AblateUnit, CountClamped, ComputeGates, ComputeHistory, CancelQuestions)

    def __init__(self, session: TrainingSession, connection: Connection, shares: TimeShares) -> None:
        self._session, self._learner, self._connection, self._shares = session, session.learner, connection, shares
        self._labelled: tuple[tuple[str, int, bool], LabelledBatch] | None = None
        # Each yields the fraction that is done, or None where it is not known.
        self._jobs: dict[Question, Iterator[float | None]] = {}
        self._reported = 0.0

    def handle_command(
        self,
        command: Question | ComputeGates | CancelQuestions,
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
                self._begin(command, self._ablate(command, network.copy(), self._learner.step))
            case CountClamped():
                network = self._learner.eval_network()
                check_clamps(network, [(command.layer, command.unit, command.level)])
                self._begin(command, self._count_clamped(command, network.copy()))
            case ComputeHistory():
                self._check(command)
                self._begin(command, self._history(command))
        return True

    def _begin(self, command: Question, job: Iterator[float | None]) -> None:
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
        """Return what is labelled for a feature: kept, for the next question is mostly about the same."""
        key = pattern, characters, quick
        if self._labelled is None or self._labelled[0] != key:
            labelled = label_held_out(self._learner.task, pattern, characters, self._session.inspected_ids, quick)
            self._labelled = key, labelled
        return self._labelled[1]

    def _find(self, question: FindUnits, labelled: LabelledBatch, network: Network) -> Iterator[None]:
        step = self._learner.step
        result = yield from find(network, self._learner.untrained_network(), labelled, question.pattern)
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

    def _ablate(self, question: AblateUnit, network: Network, step: int) -> Iterator[float]:
        q = question
        labelled = self._label(q.pattern, _affordable(network, q.characters, q.other_units), quick=True)
        units = (q.unit, *q.more_units)
        for state in ablate(network, labelled, q.layer, units, q.pattern, q.clamp_to, q.other_units):
            if isinstance(state, Ablation):
                self._connection.send(
                    UnitAblated(
                        step=step,
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

    def _count_clamped(self, question: CountClamped, network: Network) -> Iterator[None]:
        q, task = question, self._learner.task
        if not can_sample(task):
            raise UserError(f"{task.name} writes nothing: its items have a beginning and an end.", "Choose a text.")
        options = SamplingOptions(q.temperature, 1, q.top_k, q.top_p)
        options.check()
        labelled = self._label(q.pattern, _SIGN_CHARACTERS, quick=True)
        count = yield from count_clamped(
            network, task, labelled, q.layer, q.unit, q.level, q.pattern, options, q.symbols
        )
        self._connection.send(
            ClampedCounted(
                layer=q.layer,
                unit=q.unit,
                pattern=q.pattern,
                level=count.level,
                sign=count.sign,
                free=count.free,
                high=count.high,
                low=count.low,
                symbols=count.symbols,
                sentence=count.sentence(task.step_unit),
            ),
            q,
        )

    def _check(self, question: ComputeHistory) -> None:
        network = self._learner.network
        check_clamps(network, [(question.layer, question.unit, 0.0)])
        if question.state not in (states := states_of(network)):
            raise UserError(f"A unit has no {question.state!r} to follow.", f"Choose one of: {', '.join(states)}.")

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
            score = yield from unit_score(network, labelled, Unit(q.layer, q.unit, q.state))
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
    """Return as many characters as asked for, or as few as keep a large network's ablation within some minutes."""
    work = 2 * network.flat.size * (others + 2)  # multiplications a character, about
    return min(characters, max(1_000, int(3e13 / work)))
