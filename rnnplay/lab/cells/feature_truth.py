"""Truth at each character of what a person looks for: a feature that the task knows, or a regular expression.

A regular expression is the user's own and may run for hours, so it gets a time limit: `re` looks for signals while it
matches, and a timer's signal ends it. Signals reach the main thread only; elsewhere the limit is not kept.
"""

import re
import signal
import threading
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from difflib import get_close_matches
from typing import Any

import numpy as np

from rnnplay.config import UserError, did_you_mean
from rnnplay.tasks.base import Array, Batch, Task

SECONDS = 1.0  # that one pattern may take over all of the text


def truth(task: Task, pattern: str, ids: Array) -> Array:
    """The feature `pattern` at each character of a text `ids` (N,): bool (N,), or numbers where it has degrees.

    A name that the task knows, else a regular expression, inside whose matches the feature is true. Raises UserError.
    """
    return _checked(task, pattern, feature_values(task, pattern, ids))


def feature_values(task: Task, pattern: str, ids: Array) -> Array:
    """The same, though it may be the same everywhere. Raises UserError for a pattern that is none."""
    if pattern in task.feature_names():
        return task.feature(pattern, ids)
    expression = _compiled(task, pattern)
    with _limit(pattern):
        return _matches(expression, [task.vocabulary[i] for i in ids])


def batch_truth(task: Task, pattern: str, batch: Batch) -> Array:
    """The same at each time step of `batch`: (T, B). Where items are numbers, only the task's own names will do."""
    if pattern in task.feature_names():
        return _checked(task, pattern, task.batch_feature(pattern, batch))
    expression = _compiled(task, pattern)
    if not task.inputs_are_ids:
        raise UserError(f"The task {task.name} has no feature {pattern!r}.", _names(task, pattern))
    with _limit(pattern):
        columns = [_matches(expression, [task.vocabulary[i] for i in column]) for column in batch.inputs.T]
    return _checked(task, pattern, np.stack(columns, axis=1))


def _checked(task: Task, pattern: str, feature: Array) -> Array:
    """`feature`, unless it is the same everywhere: then there is nothing to tell apart."""
    feature = np.asarray(feature)
    if feature.size == 0:
        raise UserError("There is no text to look at.", "Give one with --text FILE.")
    low, high = feature.min(), feature.max()
    if low < high:
        return feature
    if feature.dtype != np.bool_:
        raise UserError(f"{pattern} is {low:g} everywhere in this text.", "Look for something that changes in it.")
    if high:
        raise UserError(f"{pattern} is true everywhere in this text.", "Look for something that is not always true.")
    near = get_close_matches(pattern, task.feature_names(), n=1)
    remedy = f'Did you mean "{near[0]}"?' if near and near[0] != pattern else "Look for something that occurs in it."
    raise UserError(f"{pattern} is true nowhere in this text.", remedy)


def _compiled(task: Task, pattern: str) -> re.Pattern[str]:
    """The regular expression `pattern`; UserError where it is broken, or where it is a misspelt name."""
    if not pattern:
        raise UserError("The pattern is empty.", _names(task, pattern))
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # about syntax that a later Python may read differently
            return re.compile(pattern, re.MULTILINE)
    except (re.error, OverflowError, RecursionError) as error:
        raise UserError(f"{pattern!r} is no regular expression ({error}).", _names(task, pattern)) from None


def _names(task: Task, pattern: str) -> str:
    names = task.feature_names()
    if not names:
        return 'Give a regular expression, such as "[^"]*".' if task.inputs_are_ids else "It knows no features."
    if not task.inputs_are_ids:
        return did_you_mean(pattern, names)
    return f"Give a regular expression or one of: {', '.join(names)}."


def _matches(expression: re.Pattern[str], symbols: Sequence[str]) -> Array:
    """Return whether each of `symbols` (N) lies in a match of `expression` in all of them joined: bool (N,)."""
    text = "".join(symbols)
    inside = np.zeros(len(text), bool)
    for match in expression.finditer(text):
        inside[match.start() : match.end()] = True
    if len(text) == len(symbols):
        return inside
    ends = np.cumsum([len(symbol) for symbol in symbols])
    counts = np.concatenate(([0], np.cumsum(inside)))
    return np.asarray(counts[ends] > counts[ends - [len(symbol) for symbol in symbols]])


@contextmanager
def _limit(pattern: str) -> Iterator[None]:
    """End what is inside with UserError after SECONDS."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def expire(*_: Any) -> None:
        raise UserError(
            f'"{pattern}" takes longer than {SECONDS:g} s on this text.',
            "Write it without repetition inside repetition.",
        )

    before: Callable[..., Any] | int | None = signal.signal(signal.SIGALRM, expire)
    signal.setitimer(signal.ITIMER_REAL, SECONDS)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def describe_feature(pattern: str) -> str:
    """A feature as the place where it is true: inside quotes; at start of word; inside matches of [A-Z]+."""
    if pattern.startswith(("inside ", "within ", "in ")):
        return pattern
    plain = all(symbol.isalnum() or symbol in " -'" for symbol in pattern)
    return f"at {pattern}" if plain else f"inside matches of {pattern}"
