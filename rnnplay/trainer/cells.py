"""Answers questions about units: find, ablate, gates, history. Short ones at once, long ones between training steps.

A long question is a job that goes on for a moment at a time, on a copy of the network as it was asked about; a later
question of its kind replaces it.
"""

import time
from collections.abc import Iterator

import numpy as np

from rnnplay.config import UserError
from rnnplay.engine import Network
from rnnplay.lab.cells.ablate import Ablation, ablate
from rnnplay.lab.cells.find import Finding, Unit, find, follow, states_of
from rnnplay.lab.cells.gates import shares
from rnnplay.lab.cells.labelled_batch import Columns, columns
from rnnplay.lab.cells.unit_scores import Score
from rnnplay.lab.clamp import check
from rnnplay.protocol import (
    Ablate,
    Ablated,
    Find,
    Forget,
    Found,
    FoundPair,
    FoundUnit,
    Gates,
    GateShares,
    GatesShown,
    History,
    HistoryShown,
    Packed,
    Working,
)
from rnnplay.runs import checkpoint
from rnnplay.trainer.connection import Wire
from rnnplay.trainer.session import Session, history

_SHARE = 0.5  # of the time beside training that a job may take
_SLICE = 0.05  # seconds at a time where nothing trains
_TELL = 0.3  # seconds between two words on how far it is


class Questions:
    """Answers Find and Gates when they come, Ablate and History as time allows."""

    def __init__(self, session: Session, wire: Wire) -> None:
        self._session, self._learner, self._wire = session, session.learner, wire
        self._untrained: Network | None = None
        self._columns: tuple[tuple[str, int], Columns] | None = None
        self._jobs: dict[type, Iterator[float]] = {}  # each yields the share that is done
        self._told = 0.0
        self._rested = time.perf_counter()

    def ask(self, question: Find | Ablate | Gates | History | Forget) -> None:
        """Raises UserError where the question makes no sense; what was asked before then stands."""
        match question:
            case Find():
                self._find(question)
            case Gates():
                self._gates(question)
            case Forget():
                self._jobs.clear()
            case Ablate():
                network = self._learner.shown()
                check(network, [(question.layer, question.unit, 0.0)])
                self._jobs[Ablate] = self._ablate(question, network.copy())
            case History():
                self._check(question)
                self._jobs[History] = self._history(question)

    def serve(self, training: bool) -> None:
        """Go on with what takes long. Raises UserError where it cannot be answered."""
        begun = time.perf_counter()
        # While it trains, a job gets as long as the last training step took.
        end = begun + (min(_SLICE, (begun - self._rested) * _SHARE / (1 - _SHARE)) if training else _SLICE)
        for kind, job in list(self._jobs.items()):
            try:
                for share in job:
                    if (now := time.perf_counter()) - self._told > _TELL:
                        self._told = now
                        self._wire.send(Working(question=kind.__name__, share=share))
                    if now >= end:
                        break
                else:
                    del self._jobs[kind]
            except UserError:
                del self._jobs[kind]
                raise
        self._rested = time.perf_counter()

    def patience(self) -> float:
        """Seconds until there is something to go on with; infinity where nothing was asked."""
        return 0.0 if self._jobs else float("inf")

    # ------------------------------------------------------------------------------------------------------- answers

    def _read(self, pattern: str, characters: int) -> Columns:
        """What is read for a feature: kept, for the next question is mostly about the same."""
        if self._columns is None or self._columns[0] != (pattern, characters):
            read = columns(self._learner.task, pattern, characters, self._session.pieces)
            self._columns = (pattern, characters), read
        return self._columns[1]

    def untrained(self) -> Network:
        """The network before its first step."""
        if self._untrained is None:
            learner = self._learner
            self._untrained = Network(learner.network.architecture, learner.config.seed)
            for name, value in (learner.task.initial_parameters() or {}).items():
                self._untrained.parameters[name][...] = value
        return self._untrained

    def _find(self, question: Find) -> None:
        network = self._learner.shown()
        read = self._read(question.pattern, question.characters)
        found = find(network, self.untrained(), read, question.pattern)
        self._wire.send(answer(found, self._learner.step))

    def _gates(self, question: Gates) -> None:
        network, task = self._learner.shown(), self._learner.task
        found = shares(network, columns(task, None, question.characters, self._session.pieces))
        self._wire.send(
            GatesShown(
                step=self._learner.step,
                gates=tuple(
                    GateShares(
                        layer=s.layer,
                        gate=s.gate,
                        left=Packed.of(s.left.astype(np.float32)),
                        right=Packed.of(s.right.astype(np.float32)),
                    )
                    for s in found
                ),
            )
        )

    def _ablate(self, question: Ablate, network: Network) -> Iterator[float]:
        q = question
        read = self._read(q.pattern, _affordable(network, q.characters, q.others))
        for state in ablate(network, read, q.layer, q.unit, q.pattern, q.to, q.others):
            if isinstance(state, Ablation):
                self._wire.send(
                    Ablated(
                        layer=q.layer,
                        unit=q.unit,
                        pattern=q.pattern,
                        to=q.to,
                        inside=state.inside,
                        outside=state.outside,
                        others_inside=tuple(inside for inside, _ in state.others),
                        beaten=state.beaten,
                        characters=state.characters,
                        sentence=state.sentence(),
                    )
                )
            else:
                yield state

    def _check(self, question: History) -> None:
        network = self._learner.network
        check(network, [(question.layer, question.unit, 0.0)])
        if question.state not in (known := states_of(network)):
            raise UserError(f"A unit has no {question.state!r} to follow.", f"Choose of {', '.join(known)}.")

    def _history(self, question: History) -> Iterator[float]:
        q, run = question, self._session.run
        read = self._read(q.pattern, q.characters)
        network = Network(self._learner.network.architecture)
        kinds = (checkpoint.WHOLE, checkpoint.WEIGHTS)
        known = sorted({step for kind in kinds for step in checkpoint.steps_of(run, kind)})
        values: list[tuple[int, float]] = []
        for n, step in enumerate(known):
            try:
                self._learner.fill(network, history(run, step))
            except UserError:
                continue  # replaced by a later one meanwhile
            values.append((step, follow(network, read, Unit(q.layer, q.unit, q.state))))
            yield n / len(known)
        if not values:
            raise UserError("The run has no checkpoint yet.", "Wait for the first one.")
        self._wire.send(
            HistoryShown(
                layer=q.layer,
                unit=q.unit,
                state=q.state,
                pattern=q.pattern,
                steps=tuple(step for step, _ in values),
                values=tuple(value for _, value in values),
            )
        )


def answer(found: Finding, step: int) -> Found:
    """A Finding as it goes through the pipe."""
    ranking = found.ranking
    pair = None
    if ranking.pair is not None and ranking.pairing is not None:
        scores = dict(ranking.units)
        one, two = (_found(unit, scores[unit]) for unit in ranking.pair)
        p = ranking.pairing
        pair = FoundPair(units=(one, two), weights=p.weights, value=p.value, strength=p.strength)
    return Found(
        pattern=found.pattern,
        step=step,
        measure=found.measure,
        units=tuple(_found(unit, score) for unit, score in ranking.units),
        rolled=ranking.rolled,
        untrained=found.untrained,
        convincing=found.convincing,
        pair=pair,
        share=found.share,
        characters=found.characters,
        sentence=found.sentence(),
    )


def _found(unit: Unit, score: Score) -> FoundUnit:
    return FoundUnit(
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
