"""Choices of what to train: a task, and for each task a draft of the run that would be started."""

from __future__ import annotations

import os
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import msgspec

from rnnplay.catalogue import CATALOGUE, TaskInfo, make_config, task_info
from rnnplay.config import BY_LENGTH, RunConfig, UserError, validate


def differences(one: RunConfig, other: RunConfig) -> dict[str, Any]:
    """Return the settings of `other` that `one` has otherwise."""
    names = one.__struct_fields__
    return {name: getattr(other, name) for name in names if getattr(one, name) != getattr(other, name)}


# Values by which the trainer chooses the setting.
_LEFT_OPEN = {"document": None, "device": "auto", "cores": 0} | dict.fromkeys(BY_LENGTH)
_preset = cache(make_config)  # a draft is read many times for each frame


@dataclass(frozen=True)
class LivingRun:
    """A run that goes on by itself: its trainer can be attached to."""

    path: Path
    config: RunConfig
    step: int
    since_left: str  # in words; empty: nobody has left it before
    state: str = "training"  # or finished, or diverged


class RunDrafts:
    """The list of tasks below the runs that are alive, with its cursor, and a draft for each task that was edited."""

    def __init__(self, task: str | None = None, chosen: dict[str, Any] | None = None) -> None:
        self.living: tuple[LivingRun, ...] = ()
        self.items = CATALOGUE
        self.cursor = 0  # counts the living runs, then the tasks
        self._drafts: dict[str, RunConfig] = {}
        if task is not None:
            self.pick(task)
        if chosen:
            self._drafts[self.task] = make_config(self.task, **chosen)

    @property
    def living_run(self) -> LivingRun | None:
        """The run under the cursor; None where that is on a task."""
        return self.living[self.cursor] if self.cursor < len(self.living) else None

    def set_living(self, living: tuple[LivingRun, ...]) -> None:
        """List these runs above the tasks; the cursor stays where it is, on the task of a run that is gone."""
        run, task = self.living_run, self.task
        self.living = living
        paths = [other.path for other in living]
        if run is not None and run.path in paths:
            self.cursor = paths.index(run.path)
        else:
            self.pick(task)

    @property
    def item(self) -> TaskInfo:
        """The task under the cursor, or that of the run there."""
        run = self.living_run
        return self.items[self.cursor - len(self.living)] if run is None else task_info(run.config.task)

    @property
    def task(self) -> str:
        return self.item.name

    def pick(self, task: str) -> None:
        """Move to a task by its name. Raises UserError with the nearest name where there is none."""
        name = task_info(task).name
        self.cursor = len(self.living) + next(n for n, item in enumerate(self.items) if item.name == name)

    def move(self, by: int) -> None:
        """Move by so many rows, and stop at the ends of the list."""
        self.cursor = max(0, min(self.cursor + by, len(self.living) + len(self.items) - 1))

    @property
    def draft(self) -> RunConfig:
        """The run that would be started, or the settings of the living run under the cursor."""
        if (run := self.living_run) is not None:
            return run.config
        return self._drafts.get(self.task) or _preset(self.task)

    def set(self, name: str, value: Any) -> None:
        """Change a setting of the draft. Raises UserError, and changes nothing, where the value makes no sense."""
        if name == "text" and value:
            value = os.path.abspath(os.path.expanduser(value.strip()))
        try:
            self._drafts[self.task] = validate(msgspec.structs.replace(self.draft, **{name: value}))
        except TypeError:
            raise UserError(f"{name} cannot be {value!r}.", "Choose another value.") from None
        if self.living_run is not None:  # its settings are its own: another run would be started
            self.pick(self.task)

    def adopt(self, config: RunConfig) -> None:
        """Make the draft of a task equal to a run: nothing in it differs from that run."""
        self._drafts[config.task] = config

    def values(self, running: RunConfig | None = None) -> dict[str, Any]:
        """Return the settings of the draft by name.

        If the draft is that of `running`, what it leaves to the trainer is as it was chosen there.
        """
        if running is None or running.task != self.task or self.pending(running):
            return msgspec.structs.asdict(self.draft)
        return msgspec.structs.asdict(running)

    def pending(self, running: RunConfig | None) -> dict[str, Any]:
        """Return the settings of the draft that differ from those of a run of the same task.

        A draft that leaves a setting to the trainer does not differ from the run, for which it was chosen.
        """
        if running is None or running.task != self.task:
            return {}
        different = differences(running, self.draft)
        return {name: value for name, value in different.items() if name not in _LEFT_OPEN or value != _LEFT_OPEN[name]}
