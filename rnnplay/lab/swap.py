"""Influence of the past by swaps: each earlier symbol is replaced by likely others, and a prediction made again.

The effect of a place is the mean fall of log p of the output that was predicted, in nats, over its replacements. The
others are those that the network itself holds likeliest there, given the past; if it does not predict its inputs, the
commonest ones.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np

from rnnplay.tasks.base import Array, Batch, Task

OTHERS = 8  # by which a symbol is replaced
_SLICE_CELLS = 2_000  # time steps times sequences that are read at once
_LEAST = 1e-12  # probability
_NOTICEABLE = 0.01  # nats: less is called no effect

Predict = Callable[[Batch], Array]  # a Batch -> probabilities (T, V, B)


@dataclass(frozen=True, eq=False)
class Replacement:
    """One place of the past, the encoder's first, and what became of the prediction."""

    place: int
    effect: float  # nats: mean fall of log p of `output` over `others`
    others: Array  # (n,) ids that stood in its place
    falls: Array  # (n,) nats
    outputs: Array  # (n,) the likeliest output with each of them
    probabilities: Array  # (n,) of that output

    @property
    def strongest(self) -> int:
        """Return which of the others changed the prediction most."""
        return int(self.falls.argmax())


@dataclass(frozen=True, eq=False)
class Swaps:
    """All places up to `position`. `output` was predicted with `probability`."""

    output: int
    probability: float
    replacements: list[Replacement]  # in the order of the places; the last is the present input
    sources: int  # how many of the first places are an encoder's

    def ranked(self, count: int) -> list[Replacement]:
        """The `count` places of the past whose replacement lowers log p most, the present input left out."""
        return sorted(self.replacements[:-1], key=lambda r: -r.effect)[:count]


def swaps_sentence(result: Swaps, symbols: Sequence[str], predicted: str) -> str:
    """Return in words which of `symbols`, those read up to the prediction, the output called `predicted` hangs on."""
    strongest, present = next((r for r in result.ranked(len(symbols)) if len(r.others)), None), result.replacements[-1]
    if strongest is None:
        return f"{predicted!r} has no past that could be swapped."
    if strongest.effect < _NOTICEABLE:
        is_all = len(present.others) > 0 and present.effect < _NOTICEABLE
        what = "No single input" if is_all else "Nothing before the present input"
        against = min(result.replacements if is_all else result.replacements[:-1], key=lambda r: r.effect)
        verb = "matters to" if against.effect > -_NOTICEABLE else "speaks for"
        words = f"{what} {verb} {predicted!r}: no swap lowers its log p by {_NOTICEABLE} nats on average"
        if verb == "matters to":
            return f"{words}."
        back = len(symbols) - 1 - against.place
        where = f"{back} back" if back else "the present input"
        return f"{words}; one of {symbols[against.place]!r}, {where}, raises it by {-against.effect:.2f}."
    back, effect = len(symbols) - 1 - strongest.place, strongest.effect
    symbol = symbols[strongest.place]
    return (
        f"Of the past {predicted!r} hangs most on {symbol!r}, {back} back: "
        f"with another one there its log p falls by {effect:.2f} nats on average."
    )


def commonest(task: Task) -> tuple[Array, Array]:
    """Return how often each input id (D,) and each id of an encoder's source occurs in the held-out data."""
    inputs, sources = np.zeros(task.inputs), np.zeros(max(task.source_vocabulary_size, 1))
    for batch in task.evaluation():
        weights = np.ones(batch.inputs.shape) if batch.weights is None else (batch.weights > 0).astype(float)
        inputs += np.bincount(batch.inputs.ravel(), weights.ravel(), minlength=len(inputs))
        if batch.source is not None:
            mask = np.ones(batch.source.shape) if batch.source_mask is None else batch.source_mask.astype(float)
            sources += np.bincount(batch.source.ravel(), mask.ravel(), minlength=len(sources))
    return inputs, sources


def compute_swaps(
    predict: Predict, batch: Batch, position: int, counts: tuple[Array, Array]
) -> Iterator[float | Swaps]:
    """Yield the fraction that is done after each slice, and the result last. `batch`: one sequence of ids.

    counts: of `commonest`.
    """
    batch = replace(batch.slice_time(0, position + 1), weights=None, mask=None)
    before = predict(batch)[:, :, 0]
    ids = batch.inputs[:, 0]
    output = int(before[position].argmax())
    reads_on = before.shape[1] == len(counts[0]) and bool((batch.targets[:-1, 0] == ids[1:]).all())
    source = np.zeros(0, int) if batch.source is None else batch.source[:, 0]
    others = [_likeliest(counts[1], symbol) for symbol in source]
    others += [_likeliest(before[t - 1] if reads_on and t else counts[0], symbol) for t, symbol in enumerate(ids)]
    places = np.repeat(np.arange(len(others)), [len(one) for one in others])
    chosen = np.concatenate(others) if others else np.zeros(0, int)
    size = max(1, _SLICE_CELLS // (len(ids) + len(source)))
    falls, outputs, probabilities = np.zeros(len(chosen)), np.zeros(len(chosen), int), np.zeros(len(chosen))
    for first in range(0, len(chosen), size):
        part = slice(first, min(first + size, len(chosen)))
        p = predict(_replaced(batch, places[part], chosen[part]))[position]  # (V, n)
        falls[part] = np.log(max(before[position, output], _LEAST)) - np.log(np.maximum(p[output], _LEAST))
        outputs[part], probabilities[part] = p.argmax(axis=0), p.max(axis=0)
        yield part.stop / len(chosen)
    replacements = []
    for place in range(len(others)):
        here = places == place
        effect = float(falls[here].mean()) if here.any() else 0.0
        replacements.append(Replacement(place, effect, chosen[here], falls[here], outputs[here], probabilities[here]))
    yield Swaps(output, float(before[position, output]), replacements, len(source))


def _likeliest(scores: Array, own: int) -> Array:
    """The ids of the OTHERS greatest `scores` (V,) above zero, `own` left out."""
    order = np.argsort(-scores, kind="stable")
    return np.asarray(order[(order != own) & (scores[order] > 0)][:OTHERS])


def _replaced(batch: Batch, places: Array, ids: Array) -> Batch:
    """A sequence for each of `places` (n,), at which it has the id of `ids` (n,); the source's places come first."""
    n = len(places)
    inputs, columns = np.repeat(batch.inputs, n, axis=1), np.arange(n)
    sources = 0 if batch.source is None else len(batch.source)
    source = None if batch.source is None else np.repeat(batch.source, n, axis=1)
    in_source = places < sources
    if source is not None:
        source[places[in_source], columns[in_source]] = ids[in_source]
    inputs[places[~in_source] - sources, columns[~in_source]] = ids[~in_source]
    return Batch(
        inputs,
        inputs,
        source=source,
        source_mask=None if batch.source_mask is None else np.repeat(batch.source_mask, n, axis=1),
        context=None if batch.context is None else np.repeat(batch.context, n, axis=-1),
    )
