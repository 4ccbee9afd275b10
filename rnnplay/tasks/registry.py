"""Which class makes which task: everything but the texts."""

from collections.abc import Callable

from rnnplay.config import RunConfig
from rnnplay.tasks.addition import Addition, AdditionOriginal
from rnnplay.tasks.base import Task
from rnnplay.tasks.brackets import Brackets
from rnnplay.tasks.grammars import Counting, Reber
from rnnplay.tasks.memory import Adding, Copy
from rnnplay.tasks.patterns import Alphabet, Alternate, HelloEnd, OneOneZero, Song

GENERATED: dict[str, Callable[[RunConfig], Task]] = {
    task.name: task
    for task in (
        Alternate,
        OneOneZero,
        HelloEnd,
        Alphabet,
        Song,
        Addition,
        AdditionOriginal,
        Copy,
        Adding,
        Reber,
        Brackets,
        Counting,
    )
}
