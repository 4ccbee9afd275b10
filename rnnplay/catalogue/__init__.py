"""The catalogue: each task's name, group, summary and preset as plain data, listed without loading a task."""

from typing import Any

import msgspec

from rnnplay.catalogue import algorithmic, texts, words_images_series
from rnnplay.catalogue.info import TaskInfo
from rnnplay.config import RunConfig, UserError, did_you_mean, validate

__all__ = ["CATALOGUE", "GROUPS", "TaskInfo", "make_config", "task_info"]

GROUPS = ("PATTERNS", "ARITHMETIC", "MEMORY", "WORDS", "PICTURES", "SERIES", "TEXT")

# Grouped as a screen lists them; within a group in the order in which they are written.
CATALOGUE: tuple[TaskInfo, ...] = tuple(
    sorted(algorithmic.TASKS + words_images_series.TASKS + texts.TASKS, key=lambda task: GROUPS.index(task.group))
)

_BY_NAME = {task.name: task for task in CATALOGUE}


def task_info(name: str) -> TaskInfo:
    """The task called `name`. Raises UserError, which gives the nearest name."""
    if name not in _BY_NAME:
        raise UserError(f"There is no task {name!r}.", did_you_mean(name, _BY_NAME))
    return _BY_NAME[name]


def make_config(task: str, **choices: Any) -> RunConfig:
    """The preset of `task`, overridden by `choices` (None: the preset's value), validated. Raises UserError."""
    chosen = {name: value for name, value in choices.items() if value is not None}
    names = {field.name for field in msgspec.structs.fields(RunConfig)}
    if unknown := sorted(set(chosen) - names):
        raise UserError(f"There is no setting {unknown[0]!r}.", did_you_mean(unknown[0], names))
    document = texts.document_of(task, chosen.get("text"), chosen.get("document"))
    preset = task_info(task).preset | ({} if document == "none" else texts.ITEM_PRESET)
    return validate(RunConfig(task=task, **(preset | chosen)))
