"""Takes a census of the units now and then, a few milliseconds at a time between two training steps.

The untrained network is measured first, once. Each census is of the network as it was when that census began.
"""

import time
from collections.abc import Callable, Iterator

import numpy as np

from rnnplay.config import UserError
from rnnplay.engine import Network
from rnnplay.lab.cells.census import (
    CHARACTERS,
    CensusReading,
    Control,
    ExplainedFeature,
    measure_untrained,
    read_census,
    take_census,
)
from rnnplay.protocol import Census, Command, FeatureExplained, PackedArray, ScoredUnit, WatchCensus
from rnnplay.runs import checkpoint
from rnnplay.trainer.connection import Connection
from rnnplay.trainer.handlers.base import MAX_BACKLOG, Handler, TimeShares
from rnnplay.trainer.session import TrainingSession

_SLICE_SECONDS = 0.02  # at a time while nothing trains
_SMALL = 1_500  # time steps read of an earlier checkpoint
_EARLIER = 10  # checkpoints of which the growth of a feature is read, at most


class CensusHandler(Handler):
    """Answers WatchCensus with a Census, and with another one as the network learns on."""

    commands = (WatchCensus,)
    current: WatchCensus | None = None

    def __init__(self, session: TrainingSession, connection: Connection, shares: TimeShares) -> None:
        self._session, self._learner, self._connection = session, session.learner, connection
        self._work: Iterator[None] | None = None
        self._reading: CensusReading | None = None
        self._control: Control | None = None
        self._taken_step = -1  # of the last census
        self._growth: dict[str, dict[int, float]] = {}  # by feature: step -> strength of the best unit
        self._budget = shares.census
        self._growth_is_read = False
        self.seconds = 0.0  # of processor time that all censuses have taken while training

    def handle_command(self, command: WatchCensus, interrupted: Callable[[], bool]) -> bool:
        """Take a census now, and as training goes on unless `once`."""
        self.current, self._work, self._taken_step = command, None, -1
        return False

    def cancel(self, command: Command) -> None:
        """Wait until the network has learned on: no census can be taken of it. Give up if there is nothing to read."""
        self._work, self._taken_step = None, self._learner.step
        if self._reading is None:
            self.current = None

    def seconds_until_due(self) -> float:
        return 0.0 if self._work is not None or self._is_due() else float("inf")

    def _is_due(self) -> bool:
        is_due = self.current is not None and self._taken_step != self._learner.step
        return is_due and self._connection.backlog < MAX_BACKLOG

    def run_pending(self, training: bool) -> None:
        """Go on with the census, or begin one. Raises UserError if the network's values are not finite."""
        begun = now = time.perf_counter()
        if self._work is None and not self._is_due():
            return
        if training and not self._budget.has_time(now):
            return
        begun_busy = time.thread_time()
        if self._work is None:
            self._work = self._take()
        end = begun + (0.0 if training else _SLICE_SECONDS)
        for _ in self._work:
            if (now := time.perf_counter()) >= end:
                break
        else:
            self._work = None
        if training:
            busy = time.thread_time() - begun_busy  # not what other programs took of the processor meanwhile
            self.seconds += busy
            self._budget.spend(busy)

    def _take(self) -> Iterator[None]:
        command = self.current
        assert command is not None
        if self._reading is None:
            self._reading = read_census(self._learner.task, CHARACTERS, self._session.inspected_ids)
            yield
        reading = self._reading
        if self._control is None and reading.names:
            self._control = yield from measure_untrained(self._learner.untrained_network(), reading)
        step = self._learner.step
        explained: list[ExplainedFeature] = []
        if self._control is not None:
            network = self._learner.eval_network().copy()
            if not np.isfinite(network.flat).all():
                raise UserError("The network's values are not finite.", "Go back to an earlier checkpoint.")
            explained = yield from take_census(network, reading, self._control)
        for feature in explained:
            self._growth.setdefault(feature.name, {})[step] = feature.strength
        self._taken_step = step
        if not (command.once and command.growth):
            self._send(command, step, explained)
        if command.growth:
            yield from self._read_growth(explained)
            self._send(command, step, explained)
        if command.once:
            self.current = None

    def _read_growth(self, explained: list[ExplainedFeature]) -> Iterator[None]:
        """Take a small census of earlier checkpoints, for the growth of features whose past is not known yet."""
        if self._growth_is_read or not explained:
            return
        run = self._session.run
        known = set(next(iter(self._growth.values())))
        steps = sorted({step for kind in checkpoint.KINDS for step in checkpoint.checkpoint_steps(run, kind)} - known)
        steps = [step for step in steps if step < self._learner.step]
        small = read_census(self._learner.task, _SMALL, self._session.inspected_ids)
        blank = Control((0.0,) * len(small.names), (0.0,) * len(small.names))  # only strengths are taken
        yield
        network = Network(self._learner.network.architecture)
        for step in steps[:: -(-len(steps) // _EARLIER) or 1]:
            try:
                self._learner.load_weights_into(network, checkpoint.load_at(run, step))
            except UserError:
                continue  # replaced by a later one meanwhile
            for feature in (yield from take_census(network, small, blank)):
                self._growth.setdefault(feature.name, {})[step] = feature.strength
        self._growth_is_read = True

    def _send(self, command: WatchCensus, step: int, explained: list[ExplainedFeature]) -> None:
        assert self._reading is not None
        features = tuple(_event_part(feature, self._growth[feature.name]) for feature in explained)
        self._connection.send(Census(step=step, characters=self._reading.labelled.size, features=features), command)


def _event_part(feature: ExplainedFeature, growth: dict[int, float]) -> FeatureExplained:
    """An ExplainedFeature as it goes through the pipe."""
    unit, probe = feature.unit, feature.probe
    return FeatureExplained(
        feature=feature.name,
        measure="AUC" if feature.boolean else "rank correlation",
        unit=ScoredUnit(
            layer=unit.layer,
            unit=unit.unit,
            state=unit.state,
            value=feature.value,
            strength=feature.strength,
            sign=feature.sign,
        ),
        rolled_control=feature.rolled,
        untrained=feature.untrained,
        surprise=feature.surprise,
        convincing=feature.convincing,
        knowledge=feature.knowledge.value,
        layer=feature.layer,
        layer_state=feature.layer_state,
        together=probe.strength if probe is not None else None,
        together_untrained=feature.layer_untrained,
        carriers=probe.carriers if probe is not None else (),
        weights=PackedArray.from_array(probe.weights.astype(np.float32)) if probe is not None else None,
        offset=probe.offset if probe is not None else 0.0,
        growth=tuple(sorted(growth.items())),
        sentence=feature.sentence(),
        followers=PackedArray.from_array(feature.followers) if feature.followers is not None else None,
    )
