"""Checks a run in training: probes the network now and then, and sends advice when it changes.

A probe costs some milliseconds. The next one waits four hundred times as long, so that training loses a quarter of 1 %;
in the first steps, when most goes wrong, a hundred times. Nothing is probed before the first WatchHealth.
"""

import time
from collections.abc import Callable

from rnnplay.lab import health as lab
from rnnplay.lab.cell_step import Array
from rnnplay.lab.example import trim_to_common_end
from rnnplay.lab.reference_network import ReferenceNetwork
from rnnplay.lab.time import longest_dependency
from rnnplay.protocol import Advice, Command, Failed, Health, Row, WatchHealth
from rnnplay.tasks.base import Batch
from rnnplay.trainer.connection import Connection
from rnnplay.trainer.handlers.base import Handler
from rnnplay.trainer.learner import Learner
from rnnplay.trainer.session import TrainingSession

SEQUENCES = 2
TIME_STEPS = 64  # the most of a sequence that are probed
_SHARE, _EARLY_SHARE = 400, 100  # the next probe waits this many times as long as a probe takes
_EXACT_RADIUS = 128  # hidden units up to which the spectral radius is worth its time


def run_facts(learner: Learner, baselines: tuple[tuple[str, float], ...]) -> lab.RunFacts:
    """Return what is known of the run that `learner` trains; `baselines` are its task's."""
    config, task = learner.config, learner.task
    text = task.training_size > 0
    batch = held_out_sequences(learner) if task.longest_lag else None
    return lab.RunFacts(
        cell=config.cell,
        activation=config.activation,
        optimizer=config.optimizer,
        lr=config.lr,
        clip=config.clip,
        span=config.tbptt_steps or (config.seq_len if text else 0),
        longest_lag=0 if batch is None else longest_dependency(task, batch),
        baseline=baselines[0][1] if baselines else None,
    )


class HealthCheck:
    """The check-up of a run, one for all connections that watch it; does nothing before the first does.

    The training calls before_step() and after_step() around each training step.
    """

    def __init__(self, session: TrainingSession, flush: Callable[[], None]) -> None:
        """`flush` writes the rows of the metrics that are complete."""
        self._session, self._flush = session, flush
        self._watchers: list[HealthHandler] = []
        self._monitor: lab.Monitor | None = None
        self._due = self._soonest = 0.0
        self._parameters_before: dict[str, Array] | None = None  # the parameters before a step
        self._batch: Batch | None = None

    @property
    def is_watched(self) -> bool:
        return bool(self._watchers)

    @property
    def watchers(self) -> "list[HealthHandler]":
        """Return the connections that are sent advice when it changes."""
        return list(self._watchers)

    def begin(self, watcher: "HealthHandler") -> None:
        """Probe the network at once, and from now on while steps are done."""
        self._flush()
        if watcher not in self._watchers:
            self._watchers.append(watcher)
        if self._monitor is None:
            self._monitor = lab.Monitor(run_facts(self._session.learner, self._session.baselines))
            for row in self._session.history()[0]:
                self.row(row)
        self._probe(None)

    def remove(self, watcher: "HealthHandler") -> None:
        """Send nothing more to this one; nobody is left: end the check-up."""
        if watcher in self._watchers:
            self._watchers.remove(watcher)
        if not self._watchers:
            self._monitor = self._parameters_before = None

    def reset(self) -> None:
        """Go back with the run to a checkpoint: what came after it did not happen."""
        if self._monitor is not None:
            self._monitor = lab.Monitor(self._monitor.facts)
        self._parameters_before = None
        self._due = self._soonest = 0.0

    def row(self, row: Row) -> None:
        """Take in a complete block of steps."""
        if self._monitor is not None:
            self._monitor.row(row.step, row.loss, row.grad_norm, row.clipped, row.lr)

    @property
    def awaits_step(self) -> bool:
        """Return whether the update of the next step is to be measured."""
        return self._parameters_before is not None

    def before_step(self) -> bool:
        """Copy, if a probe is due, the parameters, so that the update can be measured; True if it was due.

        Due by the clock, and after steps 1, 2, 4, ..., so that a run of half a second is probed too.
        """
        if self._monitor is None:
            return False
        step, now = self._session.learner.step + 1, time.perf_counter()
        due = now >= self._due or (not step & (step - 1) and now >= self._soonest)
        if due:
            parameters = self._session.learner.network.parameters
            self._parameters_before = {name: value.copy() for name, value in parameters.items()}
        return due

    def after_step(self, finite: bool) -> bool:
        """Probe the network if that is due, and at once if the loss is not a number any more; True if it took time."""
        if self._parameters_before is None and (finite or self._monitor is None):
            return False
        ratio = None
        if self._parameters_before is not None:
            ratio = lab.update_ratio(self._parameters_before, self._session.learner.network.parameters)
        self._parameters_before = None
        self._probe(ratio)
        return True

    def finish(self) -> None:
        """Probe the network a last time: the run has reached its limit."""
        if self._monitor is not None:
            self._probe(None)

    def _probe(self, ratio: float | None) -> None:
        begun = time.perf_counter()
        learner, monitor = self._session.learner, self._monitor
        assert monitor is not None
        network = learner.network
        if self._batch is None:
            self._batch = health_batch(learner)
        if self._batch is not None:
            reference = ReferenceNetwork(network.architecture, network.parameters)
            exact = network.architecture.hidden <= _EXACT_RADIUS
            lag = monitor.facts.longest_lag
            monitor.add_probe(lab.probe_network(reference, self._batch, learner.step, ratio, exact, lag))
        monitor.solved = self._session.solved
        advice = tuple(
            Advice(name=a.name, cause=a.cause, remedy=a.remedy, severity=a.severity) for a in monitor.advice()
        )
        if advice:
            self._session.solved = None  # what ails it shows that it is no longer so
        for watcher in self._watchers:
            watcher.send_if_changed(advice)
        now = time.perf_counter()
        every = min((watcher.every for watcher in self._watchers), default=0.0)
        self._due = now + max(every, _SHARE * (now - begun))
        self._soonest = now + _EARLY_SHARE * (now - begun)


class HealthHandler(Handler):
    """Answers WatchHealth, again whenever the advice changes; does nothing before the first WatchHealth."""

    commands = (WatchHealth,)

    def __init__(self, session: TrainingSession, connection: Connection, check: HealthCheck) -> None:
        self._session, self._connection, self._check = session, connection, check
        self._command = WatchHealth()
        self._last_sent: list[tuple[str, ...]] | None = None

    @property
    def every(self) -> float:
        """The least seconds between two probes."""
        return self._command.every

    def handle_command(self, command: WatchHealth, interrupted: Callable[[], bool]) -> bool:
        """Probe the network at once, and from now on every `every` seconds while steps are done."""
        self._command = self.current = command
        self._last_sent = None
        self._check.begin(self)
        return True

    def cancel(self, command: Command) -> None:
        """Leave the check-up."""
        self._check.remove(self)

    def fail(self, problem: str, remedy: str) -> None:
        """Leave the check-up, which has failed, and say so."""
        self._check.remove(self)
        self._connection.send(Failed(problem=problem, remedy=remedy, command="WatchHealth"), self._command)

    def send_if_changed(self, advice: tuple[Advice, ...]) -> None:
        """Send the advice if it is not what was sent last."""
        texts: list[tuple[str, ...]] = [(a.name, a.cause, a.remedy) for a in advice]
        if texts != self._last_sent:
            self._last_sent = texts
            self._connection.send(Health(step=self._session.learner.step, advice=advice), self._command)


def held_out_sequences(learner: Learner) -> Batch | None:
    """Return some held-out sequences of one length; None if nothing is held out."""
    batch = next(iter(learner.task.evaluation()), None)
    return None if batch is None else trim_to_common_end(batch, SEQUENCES)


def health_batch(learner: Learner) -> Batch | None:
    """Return some held-out sequences, cut at TIME_STEPS; None if nothing is held out."""
    batch = held_out_sequences(learner)
    if batch is None or batch.inputs.shape[0] <= TIME_STEPS or batch.source is not None:
        return batch
    return Batch(batch.inputs[:TIME_STEPS], batch.targets[:TIME_STEPS])
