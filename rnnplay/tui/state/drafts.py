"""What a person has chosen: a task, and for each task the settings that differ from its preset."""

from __future__ import annotations

import os
from typing import Any

import msgspec

from rnnplay.catalogue import CATALOGUE, make_config, task_info
from rnnplay.config import RunConfig, UserError, validate
from rnnplay.tui.forms.fields import differences
from rnnplay.tui.places.play.views import TaskItem, TasksView

ITEMS = tuple(TaskItem(e.name, e.group, e.title, e.summary, e.description, e.io_pattern) for e in CATALOGUE)


class RunDrafts:
    """The list of tasks with its cursor, and a draft of the run that would be started."""

    def __init__(self, task: str | None = None, chosen: dict[str, Any] | None = None) -> None:
        self.items = ITEMS
        self.cursor = 0
        self._drafts: dict[str, RunConfig] = {}
        if task is not None:
            self.pick(task)
        if chosen:
            self._drafts[self.task] = make_config(self.task, **chosen)

    @property
    def item(self) -> TaskItem:
        return self.items[self.cursor]

    @property
    def task(self) -> str:
        return self.item.name

    def pick(self, task: str) -> None:
        """Move to a task by its name. Raises UserError with the nearest name where there is none."""
        name = task_info(task).name
        self.cursor = next(n for n, item in enumerate(self.items) if item.name == name)

    def move(self, by: int) -> None:
        self.cursor = max(0, min(self.cursor + by, len(self.items) - 1))

    @property
    def draft(self) -> RunConfig:
        """The run that would be started."""
        return self._drafts.get(self.task) or make_config(self.task)

    def set(self, name: str, value: Any) -> None:
        """Choose a value. Raises UserError, and keeps what was, where it makes no sense."""
        if name == "text" and value:
            value = os.path.abspath(os.path.expanduser(value.strip()))
        try:
            self._drafts[self.task] = validate(msgspec.structs.replace(self.draft, **{name: value}))
        except TypeError:
            raise UserError(f"{name} cannot be {value!r}.", "Choose another value.") from None

    def adopt(self, config: RunConfig) -> None:
        """Take over the settings of a run: there is nothing left that differs from it."""
        self._drafts[config.task] = config

    def values(self) -> dict[str, Any]:
        return {name: getattr(self.draft, name) for name in self.draft.__struct_fields__}

    def pending(self, running: RunConfig | None) -> dict[str, Any]:
        """What the draft has otherwise than the run of the same task."""
        if running is None or running.task != self.task:
            return {}
        return differences(running, self.draft)

    def view(self, running: str | None) -> TasksView:
        return TasksView(self.items, self.cursor, running)
