"""A text cut into streams that are read side by side, each after a warm-up: the text that stands before its own part.

A state depends on what was read since the text, or the paragraph, began. One symbol after the other would give the
true one, and take twenty times as long. A warm-up stands for the text before it only if whatever is open where a
stream's own part begins (a speech, a comment, a bracket) was opened within it: so a stream may be told from where to
read, the `restarts`.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from rnnplay.tasks.base import Array, Task

_PARAGRAPH = 1_000  # symbols: where paragraphs begin less often than this, lines are taken
_MOST_WARM = 0.5  # of the text, before a stream: beyond it one stream reads all of it


@dataclass(frozen=True, eq=False)
class Streams:
    """Symbols that each of B streams reads at warm + T time steps; its own part follows the first `warm`."""

    places: Array  # (warm + T, B): indices into the text, clipped to it
    reads: Array  # (warm + T, B) bool: False until the stream begins to read; its state stays zero
    warm: int  # time steps before the streams' own parts

    @property
    def mask(self) -> Array | None:
        """`reads` as a Batch takes it: None where every stream reads from the first time step on."""
        return None if self.reads.all() else self.reads


def warm_streams(
    begin: int,
    stop: int,
    total: int,
    most: int,
    shortest: int,
    warm: int,
    restarts: Array | None = None,
    furthest: int | None = None,
) -> Streams:
    """Cut symbols `begin` to `stop` of a text of `total` into up to `most` streams of at least `shortest` symbols.

    Each begins to read `warm` symbols before its own part, or at the last of `restarts` (sorted, the first is 0)
    before that. `furthest`: a restart that is more than so many symbols before that is not used; None: every one is,
    and where it is very far back for one of the streams, a single stream reads everything.
    """
    N = stop - begin
    B = max(1, min(most, N // shortest))
    T = -(-N // B)
    starts = begin + T * np.arange(B)
    first = np.maximum(starts - warm, 0)
    if restarts is not None:
        known = restarts[np.searchsorted(restarts, first, side="right") - 1]
        first = known if furthest is None else np.where(first - known <= furthest, known, first)
    back = int((starts - first).max())
    if restarts is not None and furthest is None and B > 1 and back > max(warm, _MOST_WARM * N):
        return warm_streams(begin, stop, total, 1, shortest, warm, restarts)
    places = starts + np.arange(-back, T)[:, None]
    return Streams(np.clip(places, 0, total - 1), places >= first, back)


def paragraph_starts(task: Task, ids: Array) -> Array:
    """The symbols after which items or paragraphs of a text `ids` (N,) begin, else lines: sorted, the first is 0.

    That symbol (an item's end, a newline) is to be read too: a quote after it opens, one after nothing might close.
    """
    number = {symbol: i for i, symbol in enumerate(task.vocabulary)}
    starts = np.zeros(0, np.int64)
    if task.end_symbol is not None:
        starts = np.flatnonzero(ids == number[task.end_symbol])
    elif "\n" in number:
        ends = np.flatnonzero(ids == number["\n"])
        starts = ends[1:][np.diff(ends) == 1]
        if len(starts) * _PARAGRAPH < len(ids):
            starts = ends
    return np.concatenate([[0], starts[starts > 0]])


def restarts(task: Task, ids: Array, features: Sequence[Array], warm: int) -> Array | None:
    """Return where a stream may begin to read and still know each of `features` (N,) later on; None: after any warm-up.

    A feature is at rest where it is what it mostly is just before a paragraph begins (of numbers, the least there). If
    it is away from rest for longer than `warm`, reading begins at a paragraph before which it is at rest, or, where
    there are few of these, after any symbol at which it is.
    """
    paragraphs = paragraph_starts(task, ids)
    at_rest = np.ones(len(ids), bool)
    for feature in features:
        rest = _resting_value(feature, paragraphs)
        resting = feature == rest
        if _longest_gap(resting) > warm:
            at_rest &= resting
    if at_rest.all():
        return None
    good = paragraphs[at_rest[paragraphs]]
    if len(good) * _PARAGRAPH < len(ids):
        good = np.flatnonzero(at_rest)
    return np.concatenate([[0], good[good > 0]])


def _resting_value(feature: Array, paragraphs: Array) -> float:
    """True or false, what it mostly is at the symbol before a paragraph; of numbers the least there."""
    before = feature[paragraphs[1:]] if len(paragraphs) > 1 else feature
    if feature.dtype == np.bool_ and len(paragraphs) > 1:
        return float(np.count_nonzero(before) * 2 > len(before))
    return float(before.min())


def _longest_gap(resting: Array) -> int:
    """The most symbols between two at which the feature is at rest; the text's beginning and end count as rest."""
    ends = np.concatenate([[-1], np.flatnonzero(resting), [len(resting)]])
    return int(np.diff(ends).max()) - 1
