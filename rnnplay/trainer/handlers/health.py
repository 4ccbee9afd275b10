"""Checks a run in training: probes the network now and then, and sends advice when it changes.

A probe costs some milliseconds. The next one waits four hundred times as long, so that training loses a quarter of 1 %;
in the first steps, when most goes wrong, forty times. Nothing is probed before the first WatchHealth.
"""

import time
from collections.abc import Callable

from rnnplay.lab import health as lab
from rnnplay.lab.cell_step import Array
from rnnplay.lab.example import trim_to_common_end
from rnnplay.lab.reference_network import ReferenceNetwork
from rnnplay.lab.time import longest_dependency
from rnnplay.protocol import Advice, Command, Health, Row, WatchHealth
from rnnplay.tasks.base import Batch
from rnnplay.trainer.connection import Connection
from rnnplay.trainer.handlers.base import Handler
from rnnplay.trainer.learner import Learner
from rnnplay.trainer.session import TrainingSession

SEQUENCES = 2
TIME_STEPS = 64  # the most of a sequence that are probed
_SHARE, _EARLY_SHARE = 400, 40  # the next probe waits this many times as long as a probe takes
_EXACT_RADIUS = 128  # hidden units up to which the spectral radius is worth its time


def run_facts(learner: Learner, baselines: tuple[tuple[str, float], ...]) -> lab.RunFacts:
    """What is known of the run that `learner` trains; `baselines` are its task's."""
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


class HealthHandler(Handler):
    """Answers WatchHealth, again whenever the advice changes; does nothing before the first WatchHealth.

    The loop calls before_step() and after_step() around each training step.
    """

    commands = (WatchHealth,)

    def __init__(self, session: TrainingSession, connection: Connection, flush: Callable[[], None]) -> None:
        """`flush` writes the rows of the metrics that are complete."""
        self._session, self._connection, self._flush = session, connection, flush
        self._command = WatchHealth()
        self._monitor: lab.Monitor | None = None
        self._due = self._soonest = 0.0
        self._parameters_before: dict[str, Array] | None = None  # the parameters before a step
        self._last_sent: list[tuple[str, ...]] | None = None
        self._batch: Batch | None = None

    def handle_command(self, command: WatchHealth, interrupted: Callable[[], bool]) -> bool:
        """Probe the network at once, and from now on every `every` seconds while steps are done."""
        self._flush()
        self._command = self.current = command
        self._last_sent = None
        self.reset()
        self._monitor = lab.Monitor(run_facts(self._session.learner, self._session.baselines))
        for row in self._session.history()[0]:
            self.row(row)
        self._probe(None)
        return True

    def cancel(self, command: Command) -> None:
        """End the check-up."""
        self._monitor = self._parameters_before = None

    def reset(self) -> None:
        """The run has gone back to a checkpoint: what came after it did not happen."""
        if self._monitor is not None:
            self._monitor = lab.Monitor(self._monitor.facts)
        self._parameters_before = None
        self._due = self._soonest = 0.0

    def row(self, row: Row) -> None:
        """A block of steps is complete."""
        if self._monitor is not None:
            self._monitor.row(row.step, row.loss, row.grad_norm, row.clipped, row.lr)

    def before_step(self) -> bool:
        """If a probe is due, copy the parameters, so that the update can be measured; True if it was due.

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
        """A last look: the run has reached its limit."""
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
        self._send_if_changed()
        now = time.perf_counter()
        self._due = now + max(self._command.every, _SHARE * (now - begun))
        self._soonest = now + _EARLY_SHARE * (now - begun)

    def _send_if_changed(self) -> None:
        """Send the advice if it has changed."""
        if self._monitor is None:
            return
        self._monitor.solved = self._session.solved
        advice = tuple(
            Advice(name=a.name, cause=a.cause, remedy=a.remedy, severity=a.severity) for a in self._monitor.advice()
        )
        if advice:
            self._session.solved = None  # what ails it shows that it is no longer so
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
