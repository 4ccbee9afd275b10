"""Opening of a session by the first command: a new run, an old one back at its checkpoint, or one only to look at."""

import os
import shutil
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import msgspec
import numpy as np

from rnnplay import blas, corpora, runs, tasks
from rnnplay.catalogue.texts import document_of, with_length
from rnnplay.config import BY_LENGTH, MAX_CORES, RunConfig, UserError, validate
from rnnplay.folders import write_remedy
from rnnplay.machine import available_cores
from rnnplay.protocol import Inspect, Resume, Train
from rnnplay.runs import MetricsFile, RunLock, RunRecord, WriteError, checkpoint, run_id, trainers
from rnnplay.runs.best import load_named, text_marks
from rnnplay.runs.copying import copy_run
from rnnplay.runs.edited import check_config_unedited, saved_digest
from rnnplay.tasks.base import Task
from rnnplay.tasks.data import TaskData
from rnnplay.trainer.changed_settings import change_settings, extend
from rnnplay.trainer.learner import Learner
from rnnplay.trainer.metrics import MAX_EVALUATED_UNTRAINED, evaluation_interval
from rnnplay.trainer.run_device import with_chosen_device, with_device
from rnnplay.trainer.run_task import RunTask, store, task_to_inspect, task_to_resume
from rnnplay.trainer.session import TrainingSession, restore_last_good, unknown_symbols_note


def open_session(command: Train | Resume | Inspect) -> TrainingSession:
    """The run that `command` opens. Raises UserError where that cannot be."""
    match command:
        case Train():
            return begin_run(command)
        case Resume():
            return _resume(command)
        case Inspect():
            return _inspect(command)


def _session(run: Path, opened: RunTask, trains: bool) -> TrainingSession:
    """trains: on the run's device; else on the CPU, which is enough to inspect it."""
    config, task = opened.record.config, opened.task
    learner = Learner(config, task, trains)
    baselines = tuple(task.baselines())
    evaluated = sum(batch.token_count for batch in task.evaluation())
    if config.patience and not evaluated:
        raise UserError(
            "Nothing is held out, so that no evaluation can be better.", "Leave out --patience, or give --validation."
        )
    every = evaluation_interval(config.evaluate_every, config.batch * config.seq_len, evaluated)
    record = opened.record
    if trains:
        record = msgspec.structs.replace(record, trained_on=learner.device_name)
    first_text, text = text_marks(record)
    return TrainingSession(
        run=run,
        learner=learner,
        baselines=baselines,
        evaluate_every=every,
        evaluation_size=evaluated,
        blas=blas.describe(),
        notes=[*opened.notes, *task.notes],
        record=record,
        evaluated=-1 if evaluated <= MAX_EVALUATED_UNTRAINED else 0,
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
    document = document_of(config.task, text, config.document)
    return msgspec.structs.replace(config, text=text, more_texts=more, document=document)


def _with_length(config: RunConfig, task: Task) -> tuple[RunConfig, list[str]]:
    """The settings of a new run with those that its text's length decides, and a sentence on them.

    Raises UserError if a task without a text leaves one open.
    """
    symbols = task.training_size
    if not symbols and (unset := [name for name in BY_LENGTH if getattr(config, name) is None]):
        raise UserError(
            f"{unset[0].replace('_', '-')} has no value.", "Give a number: only a text has one by its length."
        )
    config, chosen = with_length(config, symbols, task.training_items)
    values = ", ".join(f"{name.replace('_', ' ')} {value:g}" for name, value in chosen.items())
    return config, [f"By the length of the text, {symbols:,} symbols to learn from: {values}."] if chosen else []


def begin_run(command: Train, known: TaskData | None = None, *, imported: bool = False) -> TrainingSession:
    """Return a new run. known: the vocabulary in which its text is read, if that is another network's than its own.

    imported: its network comes from a file, and it is kept without a step.

    Raises UserError if the settings are not valid, or if the run cannot be written.
    """
    config = resolve_config(command.config)
    if not config.cores:  # how a batch is shared out shows in the last bits: a run keeps to it
        config = msgspec.structs.replace(config, cores=min(available_cores(), MAX_CORES))
    task = tasks.make(config, known)
    if config.epochs is not None and not task.epoch_steps:
        raise UserError(f"{config.task} has no epochs: its items are drawn afresh.", "Give --steps or --minutes.")
    config, chosen = _with_length(config, task)
    config, sentences = with_chosen_device(config, task)
    record = msgspec.structs.replace(_record(config, task, blas.describe()), imported=imported)
    if known is not None:
        record = msgspec.structs.replace(record, earlier_texts=("",))  # one that only the network knew
    session = _session(Path(), RunTask(task, record), True)
    session.notes += [*chosen, *sentences]
    if session.evaluated == 0:
        session.notes.append(
            f"Much is held out: its loss is measured after {session.evaluate_every:,} steps, not before the first."
        )
    session.run = runs.create(runs.runs_root(command.root), config)
    try:
        session.lock = lock_run(session.run, session.notes)
        session.metrics = MetricsFile(session.run)
        store(session.run, task)
        runs.save_record(session.run, session.record)
        session.config_digest = runs.config_digest(session.run)
    except OSError as error:
        _discard(session)
        problem = f'"{session.run}" cannot be written ({error.strerror}).'
        raise UserError(problem, f"{write_remedy(error)}, or use --runs.") from None
    except BaseException:
        _discard(session)
        raise
    runs.remove_unused_texts(session.run.parent)
    session.paused, session.watched, session.is_new = command.paused, command.watched, True
    return session


def _discard(session: TrainingSession) -> None:
    """Remove a new run that could not be begun."""
    session.close()
    shutil.rmtree(session.run, ignore_errors=True)


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
    if not checkpoint.checkpoint_steps(run) and checkpoint.checkpoint_steps(run, checkpoint.WEIGHTS):
        raise UserError(  # it would begin again at step 0, and delete what it has
            f"The run {run_id(run)} is kept with its weights alone, as the networks of the gallery are: "
            "training cannot go on from there.",
            f"Begin a new run: rnnplay train {record.config.task}.",
        )
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


def lock_run(run: Path, notes: list[str]) -> RunLock:
    """Acquire the right to write to a run, and write down that it is opened; `notes` say what that is worth.

    Raises UserError if another process has it, here or on another machine, OSError if there can be none.
    """
    lock = RunLock(run)
    try:
        trainers.refuse_elsewhere(run)
        if not lock.is_held:
            if trainers.find_trainer(run) is not None:
                raise UserError(
                    f"The run {run.name} is being trained by another process.",
                    f"End it first: rnnplay stop {run_id(run)}.",
                )
            notes.append("The folder of this run has no file locks: take care not to train it twice at once.")
    except BaseException:
        lock.release()
        raise
    lock.note_opened()
    return lock


def _resume_in(run: Path, record: RunRecord, command: Resume) -> TrainingSession:
    notes: list[str] = []
    try:
        lock = lock_run(run, notes)
    except OSError as error:
        raise UserError(f'"{run}" cannot be written ({error.strerror}).', "Make it writable, or copy it.") from None
    try:
        opened = task_to_resume(run, record, command)
        opened, sentences = with_device(opened, command.device)
        session = _reopen(run, opened, True)
        session.lock = lock
        session.notes += [*notes, *sentences]
        restore_last_good(session, checkpoint.checkpoint_steps(run))
        if command.more_steps is not None:
            session.record, notes = extend(session.learner, session.record, command.more_steps, command.schedule)
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
        if session.is_at_limit:
            name = run_id(run)
            session.notes.append(f"The run has reached its limit: `rnnplay resume {name} --steps 1000` gives it more.")
        session.metrics.append(changes)
        session.change_count += len(changes)
    except OSError as error:
        lock.release()
        if isinstance(error, WriteError):
            raise UserError(
                f'"{run}" cannot be written ({error.strerror}).', f"{write_remedy(error)}, or copy it."
            ) from None
        raise UserError(f'"{error.filename or run}" cannot be read ({error.strerror}).', "Make it readable.") from None
    except BaseException:
        lock.release()
        raise
    session.paused = command.paused
    return session


def _reopen(run: Path, opened: RunTask, trains: bool) -> TrainingSession:
    """Return the run as it began; notes say what keeps it from going on bit for bit."""
    record = opened.record
    session = _session(run, opened, trains)
    session.learner.schedule_start = record.schedule_start
    versions = {"BLAS": (record.blas, session.blas), "NumPy": (record.numpy, np.__version__)}
    if trains and record.trained_on and session.record.trained_on:  # a change to or from the CPU has its own note
        versions["The device"] = record.trained_on, session.record.trained_on
    for what, (before, now) in versions.items():
        if before != now:
            session.notes.append(f"{what} was {before} and is {now}: the last digits may differ from an unbroken run.")
    return session


def _inspect(command: Inspect) -> TrainingSession:
    run = Path(command.run)
    record = runs.load_record(run)
    check_config_unedited(run)
    session = _reopen(run, task_to_inspect(run, record), False)
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
