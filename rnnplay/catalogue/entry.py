"""What a person sees of a task before it is loaded."""

from typing import Any

import msgspec


class Entry(msgspec.Struct, frozen=True):
    """A task as a person sees it before it is loaded. `preset` holds the RunConfig fields that solve it."""

    name: str
    group: str  # the heading under which it is listed
    title: str
    line: str  # one line: what is learned
    teaches: str  # two sentences: what one sees here, and which shape it has
    shape: str  # one to one | one to many | many to one | many to many | encoder-decoder
    preset: dict[str, Any] = {}
    file: str = ""  # what a file of one's own has to be, for people; empty: it reads none
    columns: bool = False  # that file is a table, of which one column is read
