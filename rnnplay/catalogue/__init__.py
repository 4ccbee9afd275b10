"""The catalogue: each task's name, group, line and preset, as plain data, so that a screen can list them at once."""

from rnnplay.catalogue import generated, language
from rnnplay.catalogue.entry import Entry
from rnnplay.catalogue.texts import TEXTS
from rnnplay.config import UserError, suggestion

__all__ = ["CATALOGUE", "GROUPS", "Entry", "entry"]

GROUPS = ("PATTERNS", "ARITHMETIC", "MEMORY", "WORDS", "PICTURES", "SERIES", "TEXT")

# Grouped as a screen lists them; within a group in the order in which they are written.
CATALOGUE: tuple[Entry, ...] = tuple(
    sorted(TEXTS + generated.ENTRIES + language.ENTRIES, key=lambda entry: GROUPS.index(entry.group))
)

_BY_NAME = {entry.name: entry for entry in CATALOGUE}


def entry(name: str) -> Entry:
    """The task called `name`; UserError with the nearest name where there is none."""
    if name not in _BY_NAME:
        raise UserError(f"There is no task {name!r}.", suggestion(name, _BY_NAME))
    return _BY_NAME[name]
