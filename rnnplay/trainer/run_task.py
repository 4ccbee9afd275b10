"""The task of an earlier run: read from its text, or, for a run that is only inspected, from what the run stores of it.

A run whose text is at hand and unchanged is as it was when it began. Otherwise it can be inspected with the data in its
own directory, or go on with a text that is named: the same one elsewhere, bit for bit, or another one in the vocabulary
of the first.
"""

import contextlib
from dataclasses import dataclass
from pathlib import Path

import msgspec

from rnnplay import corpora, tasks
from rnnplay.config import UserError, validate
from rnnplay.protocol import Resume
from rnnplay.runs import RunLock, RunRecord, run_id, task_data, trainers
from rnnplay.tasks.base import Task
from rnnplay.tasks.data import TaskData


@dataclass(frozen=True, eq=False)
class RunTask:
    """The task of a run, and the run's record as it is from now on."""

    task: Task
    record: RunRecord
    unavailable: str = ""  # why the training text is not at hand; empty: it is, or there is none
    notes: tuple[str, ...] = ()


def task_to_inspect(run: Path, record: RunRecord) -> RunTask:
    """Return the run's task, from its text or else from its stored data.

    A run that stores none yet gets them, if it can be written. Raises UserError if there is neither.
    """
    stored, damage = _load(run)
    try:
        task = _make(record, stored)
    except UserError as error:
        if stored is None:
            raise damage or _cannot_be_read(run, record, error) from None
        reason = error.problem
    else:
        if task.sha256 == record.sha256:
            if stored is None and task.sha256 is not None:
                _complete(run, task)
            return RunTask(task, record)
        if stored is None:
            raise damage or _has_changed(run, record)
        reason = "Its text has changed since it was trained."
    note = f"{reason} The run is shown with what it stores of that text; what needs the training text is off."
    return RunTask(tasks.restore(record.config, stored), record, unavailable=reason, notes=(note,))


def task_to_resume(run: Path, record: RunRecord, command: Resume) -> RunTask:
    """Return the run's task to train on: from the run's text, else from the text that `command` names.

    Raises UserError if the text is not at hand or has changed and no other is named, or if it cannot be read.
    """
    stored, damage = _load(run)
    if command.text is not None:
        return _with_named_text(run, record, stored, command)
    try:
        task = _make(record, stored)
    except UserError as error:
        raise _cannot_be_read(run, record, error) from None
    if task.sha256 != record.sha256:
        raise _has_changed(run, record)
    if damage or stored is None or stored.values.get("sha256") != record.sha256:
        store(run, task)
    return RunTask(task, record)


def store(run: Path, task: Task) -> None:
    """Write what the run's network needs of its text, if it reads one. Raises OSError."""
    if task.sha256 is not None and (data := task.data()) is not None:
        task_data.save(run, data.arrays, data.values)


def _with_named_text(run: Path, record: RunRecord, stored: TaskData | None, command: Resume) -> RunTask:
    assert command.text is not None
    before = record.config
    path: str | None = corpora.resolve_text(command.text)
    if before.text is None and Path(command.text).name == before.task and not Path(str(path)).exists():
        path = None  # the text that came with the program or with Python, as it is now
    config = validate(
        msgspec.structs.replace(before, text=path, more_texts=(), encoding=command.encoding or before.encoding)
    )
    task = tasks.make(config, stored)
    if task.sha256 is None:
        raise UserError(f"The task {before.task} reads no text.", "Leave out --text.")
    if task.sha256 == record.sha256 and config.encoding == before.encoding:
        record = msgspec.structs.replace(record, config=config)
        task = _make(record, stored)
        if stored is None:
            store(run, task)
        return RunTask(task, record)
    if stored is None:
        stored = _data_of_first_text(run, record)
        task = tasks.make(config, stored)
    earlier = (*record.earlier_texts, record.sha256 or "")
    record = msgspec.structs.replace(record, config=config, sha256=task.sha256, earlier_texts=earlier)
    return RunTask(task, record, notes=(_describe_change(stored, before.text or before.task, task, path),))


def _describe_change(stored: TaskData, before: str, task: Task, path: str | None) -> str:
    size = stored.values.get("training_size", 0) + stored.values.get("held_out_size", 0)
    old, new = f'"{Path(before).name}"', f'"{Path(path or task.name).name}"'
    if task.training_size:
        old += f" of {size:,} {task.step_unit}"
        new += f" of {task.training_size + task.held_out_size:,}"
    return (
        f"The run goes on with another text: {new} instead of {old}. "
        "Evaluations from here on are not comparable with those before, so the best one is counted from here."
    )


def _load(run: Path) -> tuple[TaskData | None, UserError | None]:
    """Return the run's stored data, or None and what is wrong with them, if anything is."""
    try:
        stored_data = task_data.load(run)
    except UserError as error:
        return None, error
    return (None if stored_data is None else TaskData(*stored_data)), None


def _make(record: RunRecord, stored: TaskData | None) -> Task:
    """Return the task read from the run's text; in the first text's vocabulary, if the run has had another."""
    if not record.earlier_texts:
        return tasks.make(record.config)
    if stored is None:
        raise UserError("The run has lost the vocabulary that it stored.", "Begin a new run.")
    return tasks.make(record.config, stored)


def _data_of_first_text(run: Path, record: RunRecord) -> TaskData:
    """Return the data of a run that stores none, from its text. Raises UserError if that is not at hand."""
    try:
        task = _make(record, None)
    except UserError as error:
        raise _cannot_be_read(run, record, error) from None
    data = task.data()
    if data is None or task.sha256 != record.sha256:
        raise _has_changed(run, record)
    return data


def _complete(run: Path, task: Task) -> None:
    """Store what a run of an earlier version lacks, unless it cannot be written or is being trained."""
    with contextlib.suppress(OSError, UserError), RunLock(run) as lock:
        trainers.refuse_elsewhere(run)
        if lock.is_held:
            store(run, task)


def _cannot_be_read(run: Path, record: RunRecord, error: UserError) -> UserError:
    if record.sha256 is None:
        return error
    return UserError(
        f"The text of the run {run.name} is not at hand: {error.problem}",
        f"Put it back, or name it where it is now: rnnplay resume {run_id(run)} --text FILE.",
    )


def _has_changed(run: Path, record: RunRecord) -> UserError:
    text = "FILE" if record.config.text is not None else record.config.task
    return UserError(
        f"The text of the run {run.name} has changed since the run began.",
        f"Put the old text back, or go on with another: rnnplay resume {run_id(run)} --text {text}.",
    )
