"""From the first command to a run that is ready: a new one, an old one back at its checkpoint, or one only to look at.

A Session is what the loop works on: the learner, and the run's files where it may write.
"""

import os
import shutil
from dataclasses import dataclass, field
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import msgspec
import numpy as np

from rnnplay import blas, corpora, runs, tasks
from rnnplay.config import MAX_CORES, RunConfig, UserError, validate
from rnnplay.machine import available_cores
from rnnplay.protocol import Inspect, Resume, Row, Train
from rnnplay.runs import MetricsFile, RunLock, RunRecord, WriteError, checkpoint, writing
from rnnplay.runs.best import load_named, text_marks
from rnnplay.runs.checkpoint import Checkpoint
from rnnplay.runs.copying import copy_run
from rnnplay.runs.edited import check_config_unedited, saved_digest
from rnnplay.tasks.base import Task
from rnnplay.tasks.data import TaskData
from rnnplay.trainer.best_checkpoint import BestCheckpoint
from rnnplay.trainer.changed_settings import change_settings, extend
from rnnplay.trainer.learner import Learner
from rnnplay.trainer.metrics import Clock, RowRecorder, evaluation_due, evaluation_interval
from rnnplay.trainer.run_task import RunTask, store, task_to_inspect, task_to_resume


@dataclass(eq=False)
class TrainingSession:
    """One run, open. `lock` and `metrics` are None where it is only looked at."""

    run: Path
    learner: Learner
    baselines: tuple[tuple[str, float], ...]
    evaluate_every: int  # steps, at first
    blas: str
    notes: list[str]
    record: RunRecord
    config_digest: str = ""  # of config.json as it is now
    best: BestCheckpoint = field(default_factory=BestCheckpoint)
    needs_save: bool = False  # settings were changed since the last checkpoint
    recorder: RowRecorder = field(default_factory=RowRecorder)
    clock: Clock = field(default_factory=Clock)
    lock: RunLock | None = None
    metrics: MetricsFile | None = None
    evaluated: int = 0  # the last step that was evaluated on schedule
    change_count: int = 0  # how often lr or clip was changed
    solved: bool | None = None  # by the task's own measure when it was last taken; None: not known
    inspected_ids: Any = None  # ids of the text that it is looked at on
    paused: bool = False
    text_unavailable: str = ""  # why the training text is not at hand; empty: it is, or there is none
    text: str = ""  # which text it learns from: the beginning of its SHA-256
    first_text: str = ""  # the same of the text that the run began with
    unreachable: str = "Only runs in training can be attached to."  # why no other screen can; empty: one can

    @property
    def baseline(self) -> float | None:
        """The loss to beat first."""
        return self.baselines[0][1] if self.baselines else None

    def state(self) -> dict[str, Any]:
        """What a checkpoint must know beside the learner. What depends on the clock stands apart."""
        block = self.recorder.state()
        seconds = block.pop("seconds")
        return {
            "evaluated": self.evaluated,
            "changes": self.change_count,
            "block": block,
            "clock": {"seconds": self.clock.read(), "block_seconds": seconds},
        }

    def restore(self, source: Checkpoint) -> None:
        """Go to where `found` was saved. Raises UserError where it does not fit this run."""
        try:
            state = source.state["session"]
            clock = state["clock"]
            evaluated, change_count = int(state["evaluated"]), int(state["changes"])
            seconds = float(clock["seconds"])
            recorder = RowRecorder()
            recorder.restore({**state["block"], "seconds": clock["block_seconds"]})
        except (KeyError, TypeError, ValueError, msgspec.ValidationError) as error:
            raise UserError(f'"{source.path}" is not a whole checkpoint ({error!r}).', "Use another one.") from None
        self.learner.restore(source)
        self.evaluated, self.change_count, self.recorder = evaluated, change_count, recorder
        self.clock.seconds = seconds

    def truncate_metrics(self) -> None:
        """Forget the rows of metrics that the learner, gone back, has not reached: it will write them again."""
        assert self.metrics is not None
        step, change_count = self.learner.step, 0

        def keep(line: dict[str, Any]) -> bool:
            nonlocal change_count
            match line.get("kind"):
                case "changed":
                    change_count += 1
                    return change_count <= self.change_count
                case "evaluated" if self.is_on_other_text(line):
                    return bool(line["step"] <= step)
                case "evaluated":
                    on_schedule = evaluation_due(line["step"], self.evaluate_every)
                    return bool(line["step"] <= self.evaluated and on_schedule)
                case "ended":
                    return False
                case _:
                    return bool(line["step"] <= step)

        self.metrics.keep_only(keep)
        self.best.reopen(self.run, self.record, step)
        later = [
            checkpoint.checkpoint_path(self.run, other, kind)
            for kind in checkpoint.KINDS
            for other in checkpoint.checkpoint_steps(self.run, kind)
            if other > step
        ]
        with writing(self.run):
            for path in (*self.run.glob(".*.tmp"), *later):  # of a write that was killed, and of steps to come again
                path.unlink(missing_ok=True)

    def is_on_other_text(self, line: dict[str, Any]) -> bool:
        """Whether an evaluation in metrics.jsonl was made on another text than the run has now."""
        return bool(line.get("text", self.first_text) != self.text)

    def text_mark(self) -> dict[str, str]:
        """Return what marks an evaluation on another text than the run's first; empty on the first."""
        return {} if self.text == self.first_text else {"text": self.text}

    def save(self) -> None:
        """Write a checkpoint, and first the best one if it is new. Raises WriteError; those before are then unchanged.

        In this order a crash in between leaves a best checkpoint that is beyond the last one: resuming deletes it.
        """
        assert self.metrics is not None
        self.best.save(self.run)
        self.metrics.sync()  # what the checkpoint relies on
        arrays, state = self._snapshot()
        checkpoint.save(checkpoint.checkpoint_path(self.run, self.learner.step), self.learner.step, arrays, state)
        checkpoint.prune(self.run)
        self.best.prune(self.run)
        self.needs_save = False

    def _snapshot(self) -> tuple[dict[str, checkpoint.Array], dict[str, Any]]:
        """Return arrays and JSON values of a whole checkpoint."""
        arrays, state = self.learner.snapshot()
        return arrays, {"learner": state, "session": self.state(), "config_digest": self.config_digest}

    def add_evaluation(self, loss: float | None, on_schedule: bool) -> None:
        """Take in an evaluation; the best so far is held as a checkpoint. on_schedule: it counts for the patience."""

        def snapshot() -> tuple[dict[str, checkpoint.Array], dict[str, Any]]:
            arrays, state = self._snapshot()
            return arrays, {**state, "best": {"loss": loss, "text": self.text}}

        self.best.add(self.learner.step, loss if self.learner.finite else None, on_schedule, snapshot)

    @property
    def out_of_patience(self) -> bool:
        """Whether the run ends because its evaluations have not got better."""
        return 0 < self.learner.config.patience <= self.best.evaluations_since

    def save_weights(self) -> None:
        """Add the network as it is to the run's history. Raises WriteError."""
        step = self.learner.step
        path = checkpoint.checkpoint_path(self.run, step, checkpoint.WEIGHTS)
        checkpoint.save(path, step, self.learner.weights(), {"config_digest": self.config_digest}, durable=False)

    def history(self) -> tuple[list[Row], list[dict[str, Any]]]:
        """The rows and evaluations of the run up to the learner's step. Lines that make no sense are left out."""
        rows, evaluations, _ = runs.read_metrics(self.run / runs.METRICS)
        converted = []
        for row in rows:
            try:
                converted.append(msgspec.convert(row, Row))
            except msgspec.ValidationError as error:
                self.notes.append(f'A row of "{runs.METRICS}" is not understood and left out ({error}).')
        step = self.learner.step
        return [row for row in converted if row.step <= step], [line for line in evaluations if line["step"] <= step]

    def close(self) -> None:
        """Give up the right to write. A second time does nothing."""
        if self.metrics is not None:
            self.metrics.close()
        if self.lock is not None:
            self.lock.release()
        self.metrics = self.lock = None


def open_session(command: Train | Resume | Inspect) -> TrainingSession:
    """The run that `command` opens. Raises UserError where that cannot be."""
    match command:
        case Train():
            return begin_run(command)
        case Resume():
            return _resume(command)
        case Inspect():
            return _inspect(command)


def _session(run: Path, opened: RunTask) -> TrainingSession:
    config, task = opened.record.config, opened.task
    learner = Learner(config, task)
    baselines = tuple(task.baselines())
    evaluated = sum(batch.token_count for batch in task.evaluation())
    if config.patience and not evaluated:
        raise UserError(
            "Nothing is held out, so that no evaluation can be better.", "Leave out --patience, or give --validation."
        )
    every = evaluation_interval(config.evaluate_every, config.batch * config.seq_len, evaluated)
    first_text, text = text_marks(opened.record)
    return TrainingSession(
        run=run,
        learner=learner,
        baselines=baselines,
        evaluate_every=every,
        blas=blas.describe(),
        notes=[*opened.notes, *task.notes],
        record=opened.record,
        text_unavailable=opened.unavailable,
        text=text,
        first_text=first_text,
    )


def resolve_config(config: RunConfig) -> RunConfig:
    """`config`, checked, with absolute paths of its texts and what an item of them is. Raises UserError."""
    config = validate(config)
    if config.text is None:
        return config
    # A run is resumed from anywhere, and keeps to what an item is.
    text, more = corpora.resolve_text(config.text), tuple(map(corpora.resolve_text, config.more_texts))
    document = config.document or ("file" if Path(text).is_dir() and config.task == "text" else "none")
    return msgspec.structs.replace(config, text=text, more_texts=more, document=document)


def begin_run(command: Train, known: TaskData | None = None) -> TrainingSession:
    """Return a new run. known: the vocabulary in which its text is read, if that is another network's than its own.

    Raises UserError if the settings are not valid, or if the run cannot be written.
    """
    config = resolve_config(command.config)
    if not config.cores:  # how a batch is shared out shows in the last bits: a run keeps to it
        config = msgspec.structs.replace(config, cores=min(available_cores(), MAX_CORES))
    task = tasks.make(config, known)
    if config.epochs is not None and not task.epoch_steps:
        raise UserError(f"{config.task} has no epochs: its items are drawn afresh.", "Give --steps or --minutes.")
    record = _record(config, task, blas.describe())
    if known is not None:
        record = msgspec.structs.replace(record, earlier_texts=("",))  # one that only the network knew
    session = _session(Path(), RunTask(task, record))
    session.run = runs.create(runs.runs_root(command.root), config)
    try:
        session.lock = RunLock(session.run)
        session.metrics = MetricsFile(session.run)
        store(session.run, task)
        runs.save_record(session.run, record)
        session.config_digest = runs.config_digest(session.run)
    except OSError as error:
        raise UserError(f'"{session.run}" cannot be written ({error.strerror}).', "Make room, or use --runs.") from None
    session.paused = command.paused
    return session


def _record(config: RunConfig, task: Task, blas_used: str) -> RunRecord:
    try:
        own_version = version("rnnplay")
    except PackageNotFoundError:
        own_version = ""
    return RunRecord(
        config=config,
        created=datetime.now(UTC).isoformat(timespec="milliseconds"),
        sha256=task.sha256,
        blas=blas_used,
        environment={name: os.environ[name] for name in blas.VARIABLES if name in os.environ},
        numpy=np.__version__,
        rnnplay=own_version,
    )


def _resume(command: Resume) -> TrainingSession:
    run = Path(command.run)
    record = runs.load_record(run)
    check_config_unedited(run)
    if command.at is None:
        return _resume_in(run, record, command)
    run = copy_run(run, record, command.at)
    try:
        session = _resume_in(run, runs.load_record(run), command)
    except BaseException:
        shutil.rmtree(run, ignore_errors=True)
        raise
    source, step = session.record.copied_from, session.learner.step
    session.notes.append(f"This is a new run, a copy of {source} up to step {step:,}.")
    return session


def _resume_in(run: Path, record: RunRecord, command: Resume) -> TrainingSession:
    try:
        lock = RunLock(run)
    except OSError as error:
        raise UserError(f'"{run}" cannot be written ({error.strerror}).', "Make it writable, or copy it.") from None
    try:
        opened = task_to_resume(run, record, command)
        session = _reopen(run, opened)
        session.lock = lock
        restore_last_good(session, checkpoint.checkpoint_steps(run))
        if command.more_steps is not None:
            session.record, notes = extend(session.learner, opened.record, command.more_steps, command.schedule)
            session.notes += notes
        changes, notes = change_settings(session.learner, command)
        session.notes += notes
        if opened.record.sha256 != record.sha256:
            store(run, opened.task)
        runs.save_record(run, session.record)
        session.config_digest = runs.config_digest(run)
        session.needs_save = bool(changes) or session.config_digest != saved_digest(run)
        session.metrics = MetricsFile(run)
        session.truncate_metrics()
        session.metrics.append(changes)
        session.change_count += len(changes)
    except OSError as error:
        lock.release()
        if isinstance(error, WriteError):
            raise UserError(
                f'"{run}" cannot be written ({error.strerror}).', "Make room, or make it writable."
            ) from None
        raise UserError(f'"{error.filename or run}" cannot be read ({error.strerror}).', "Make it readable.") from None
    except BaseException:
        lock.release()
        raise
    session.paused = command.paused
    return session


def _reopen(run: Path, opened: RunTask) -> TrainingSession:
    """Return the run as it began; notes say what keeps it from going on bit for bit."""
    record = opened.record
    session = _session(run, opened)
    session.learner.schedule_start = record.schedule_start
    here = {"BLAS": (record.blas, session.blas), "NumPy": (record.numpy, np.__version__)}
    for what, (before, now) in here.items():
        if before != now:
            session.notes.append(f"{what} was {before} and is {now}: the last digits may differ from an unbroken run.")
    return session


def restore_last_good(session: TrainingSession, steps: list[int]) -> None:
    """Restore the last good checkpoint of `steps`; say which were damaged. Without any, the run begins again."""
    damaged: UserError | None = None
    for step in reversed(steps):
        try:
            session.restore(checkpoint.load(checkpoint.checkpoint_path(session.run, step)))
        except UserError as error:
            damaged = damaged or error
            session.notes.append(f"{error.problem} The checkpoint before it is used.")
            continue
        return
    if damaged:
        raise damaged


def _inspect(command: Inspect) -> TrainingSession:
    run = Path(command.run)
    record = runs.load_record(run)
    check_config_unedited(run)
    session = _reopen(run, task_to_inspect(run, record))
    if command.at == "last":
        _show_last_checkpoint(session)
    else:
        session.learner.show_checkpoint(load_named(run, record, command.at))
    session.best.reopen(run, record, session.learner.step)
    if command.text is not None:
        session.inspected_ids, unseen = session.learner.task.encode_file(command.text, command.encoding)
        if unseen:
            session.notes.append(unknown_symbols_note(unseen))
    return session


def _show_last_checkpoint(session: TrainingSession) -> None:
    """Restore the last good checkpoint. A trainer at work may prune one while it is being read: look again."""
    notes = list(session.notes)
    for _ in range(3):
        session.notes[:] = notes
        steps = checkpoint.checkpoint_steps(session.run)
        if not steps and (weights := checkpoint.checkpoint_steps(session.run, checkpoint.WEIGHTS)):
            return session.learner.show_checkpoint(checkpoint.load_at(session.run, weights[-1]))  # of the gallery
        if not steps:
            session.notes.append("The run has no checkpoint yet: this is the network before its first step.")
        try:
            return restore_last_good(session, steps)
        except UserError:
            if steps == checkpoint.checkpoint_steps(session.run):
                raise


def unknown_symbols_note(unseen: tuple[str, ...]) -> str:
    """What to say about symbols of a foreign text that the network does not know."""
    some = " ".join(map(repr, unseen[:8])) + (" ..." if len(unseen) > 8 else "")
    return f"{len(unseen)} characters that the network does not know were left out: {some}."
