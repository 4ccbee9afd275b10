"""The panels at the left: the tasks, and the settings of the chosen one."""

from __future__ import annotations

from collections.abc import Sequence

from textual.strip import Strip

from rnnplay.tui.paint import form, rows, tasks
from rnnplay.tui.panels.base import Panel
from rnnplay.tui.views import FormView, TasksView


class TaskPanel(Panel[TasksView]):
    def content(self, width: int, height: int) -> list[Strip]:
        return tasks.tasks(self.view, width, height, self.palette, self.full)

    def footing(self) -> Sequence[rows.Piece]:
        return [(f"{self.view.cursor + 1} of {len(self.view.items)}", self.palette.dim)]

    def heading(self) -> Sequence[rows.Piece]:
        return [("1 ", self.palette.accent), ("Task", self.palette.title)]


class SettingsPanel(Panel[FormView]):
    """The settings; while it is focused, keys edit them."""

    def content(self, width: int, height: int) -> list[Strip]:
        return form.form(self.view, width, height, self.palette)

    def heading(self) -> Sequence[rows.Piece]:
        return [("e ", self.palette.accent), (self.view.title, self.palette.title)]
