"""Events about a run: Started with the facts of its task and network, its earlier rows and evaluations, its status."""

import math
from collections.abc import Iterator
from typing import Any

import msgspec

from rnnplay.catalogue import task_info
from rnnplay.lab.sample import can_sample
from rnnplay.protocol import DeviceUse, Evaluated, Event, Facts, Row, RowsCompleted, Started, Status
from rnnplay.trainer.clients import Clients
from rnnplay.trainer.metrics import SpeedMeter, StepResult, finite
from rnnplay.trainer.pace import Pacer
from rnnplay.trainer.session import TrainingSession

_NATS = ("softmax", "sigmoid")  # readouts whose loss is a cross-entropy


def started(session: TrainingSession) -> Started:
    learner, task = session.learner, session.learner.task
    facts = Facts(
        io_pattern=task_info(learner.config.task).io_pattern,
        parameters=int(learner.network.flat.size),
        inputs=task.inputs,
        outputs=task.outputs,
        vocabulary=tuple(task.output_vocabulary),
        baselines=session.baselines,
        unit_of_loss="nats" if task.readout in _NATS else "squared error",
        characters=task.training_size,
        held_out_part=task.part_words(),
        held_out=len(task.held_out_ids if session.inspected_ids is None else session.inspected_ids),
        step_unit=task.step_unit,
        epoch_steps=task.epoch_steps,
        features=tuple(task.feature_names()),
        longest_lag=task.longest_lag,
        blas=session.blas,
        has_examples=task.example(0) is not None,
        question_help=task.question_help,
        can_sample=can_sample(task),
        chance_loss=math.log(task.outputs) if task.readout == "softmax" else None,
        text_unavailable=session.text_unavailable,
    )
    notes = tuple(session.notes)
    return Started(
        run=str(session.run),
        config=learner.config,
        facts=facts,
        step=learner.step,
        notes=notes,
        unreachable=session.unreachable,
    )


def history_events(session: TrainingSession) -> Iterator[Event]:
    """Return all rows up to now in one event, then each evaluation."""
    rows, evaluations = session.history()
    if rows:
        yield RowsCompleted(rows=tuple(rows), is_history=True)
    best = session.best.evaluation  # of a run's last evaluation the metrics lose the line when the run goes on
    if best is not None and all(line["step"] != best.step for line in evaluations):
        evaluations.append({"step": best.step, "loss": best.loss, **session.text_mark()})
    for line in sorted(evaluations, key=lambda line: int(line["step"])):
        loss, characters = line.get("loss"), line.get("characters")
        other_text = session.is_on_other_text(line)
        yield Evaluated(
            step=line["step"],
            loss=loss if isinstance(loss, float) else None,
            baseline=None if other_text else session.baseline,
            characters=characters if isinstance(characters, int) else 0,
            is_history=True,
            other_text=other_text,
        )


def evaluated(session: TrainingSession, loss: float | None, characters: int, final: bool) -> Evaluated:
    return Evaluated(
        step=session.learner.step,
        loss=loss,
        baseline=session.baseline,
        characters=characters,
        part=session.learner.task.part_words(),
        final=final,
    )


def status(session: TrainingSession, state: str, last: StepResult | None, speed: SpeedMeter, pacer: Pacer) -> Status:
    """Return where the run is. last: the last training step, if there was one; speed: how fast it computes."""
    learner, seconds = session.learner, session.clock.read()
    config, epoch_steps = learner.config, learner.task.epoch_steps
    progress, left = speed.progress_and_eta(learner.step, seconds, config, epoch_steps, pacer.interval)
    use = learner.use()
    return Status(
        state=state,
        device=None if use is None else DeviceUse(**use._asdict()),
        step=learner.step,
        epoch=learner.epoch,
        loss=finite(last.loss) if last else None,
        grad_norm=finite(last.grad_norm) if last else None,
        chars_per_s=speed.speed if state == "training" else None,
        seconds=seconds,
        progress=progress,
        seconds_left=left,
        lr=learner.lr,
        steps_per_second=pacer.steps_per_second,
        ended_by="patience" if state == "finished" and session.out_of_patience else "",
    )


class MetricsBuffer:
    """News of a run that are not yet in its metrics and not yet sent: rows, evaluations, changes of settings."""

    def __init__(self, session: TrainingSession, clients: Clients) -> None:
        self._session, self._clients = session, clients
        self._lines: list[dict[str, Any]] = []
        self._rows: list[Row] = []
        self._evaluations: list[Evaluated] = []

    def add_row(self, row: Row) -> None:
        self._rows.append(row)
        self._lines.append(msgspec.structs.asdict(row))

    def add_evaluation(self, event: Evaluated) -> None:
        """Add a line to the metrics with `add_line`, if one is due."""
        self._evaluations.append(event)

    def add_line(self, line: dict[str, Any]) -> None:
        self._lines.append(line)

    def flush(self) -> None:
        """Append everything to the metrics, then send it. Raises WriteError, and keeps it for later."""
        if self._session.metrics is not None:
            self._session.metrics.append(self._lines)
        self._lines.clear()
        if self._rows:
            self._clients.broadcast(RowsCompleted(rows=tuple(self._rows)))
            self._rows.clear()
        for event in self._evaluations:
            self._clients.broadcast(event)
        self._evaluations.clear()
