"""The data of a task that a list shows before the task is loaded."""

from typing import Any

import msgspec


class TaskInfo(msgspec.Struct, frozen=True):
    """A task's name, texts and preset. `preset` holds the RunConfig fields that solve it."""

    name: str  # everywhere: in lists, on the command line, in files
    group: str  # the heading under which it is listed
    summary: str  # one line: what is learned
    description: str  # two sentences: what is to be seen, and the input-output pattern
    io_pattern: str  # one to one | one to many | many to one | many to many | encoder-decoder
    preset: dict[str, Any] = {}
    file_help: str = ""  # the form of the user's own file; empty: it reads none
    reads_table: bool = False  # that file is a table, of which one column is read
