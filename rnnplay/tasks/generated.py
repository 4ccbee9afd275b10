"""Tasks whose items are drawn from a generator: seeded draws, splits that never share an item, padding, writing out.

Which split an item belongs to is a fixed function of the item itself (CRC-32 of its bytes), so that no seed can put an
item into both: a generator draws again until its item falls into the split that is asked for.
"""

import zlib
from abc import abstractmethod
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from rnnplay.config import RunConfig, UserError
from rnnplay.tasks.base import Answer, Array, Batch, Example, Measure, Task

Split = Literal["train", "validation", "test"]
SPLITS: tuple[Split, ...] = ("train", "validation", "test")
START, END = "<START>", "<END>"


def split_of(key: bytes) -> Split:
    """The split of the item whose content is `key`: a tenth for test, a tenth for validation, the rest for training."""
    tenth = zlib.crc32(key) % 10
    return "test" if tenth == 0 else "validation" if tenth == 1 else "train"


def generator(*words: int | str) -> np.random.Generator:
    """A random generator of its own for these words: the same words, the same draws, whatever else is drawn."""
    return np.random.default_rng([zlib.crc32(word.encode()) if isinstance(word, str) else word for word in words])


@dataclass(frozen=True, eq=False)
class Item:
    """One sequence of symbols: `weights` says how much each time step counts; where it is 0 there is no target."""

    inputs: Sequence[int]  # T
    targets: Sequence[int]  # T
    weights: Sequence[float]  # T
    source: Sequence[int] = ()
    features: Array | None = None

    @property
    def key(self) -> bytes:
        picture = b"" if self.features is None else self.features.tobytes()
        return bytes(str((list(self.source), list(self.inputs))), "ascii") + picture


def collate(items: Sequence[Item], length: int = 0, source_length: int = 0) -> Batch:
    """`items` side by side, padded at the end to the longest or to `length`; a source is padded in front.

    Padding counts nothing. It stands behind the last time step that counts, so a state needs protection from it only in
    a source, whose last state is handed over: that is what `source_mask` is for.
    """
    length = max(length, *(len(item.inputs) for item in items)) if items else length
    inputs = np.zeros((length, len(items)), np.int32)
    targets = np.zeros((length, len(items)), np.int32)
    weights = np.zeros((length, len(items)), np.float32)
    for b, item in enumerate(items):
        n = len(item.inputs)
        inputs[:n, b], targets[:n, b], weights[:n, b] = item.inputs, item.targets, item.weights
    pictures = [item.features for item in items if item.features is not None]
    features = np.stack(pictures, axis=-1) if pictures else None
    source = mask = None
    if items[0].source:
        source_length = max(source_length, *(len(item.source) for item in items))
        source = np.zeros((source_length, len(items)), np.int32)
        mask = np.zeros((source_length, len(items)), bool)
        for b, item in enumerate(items):
            source[source_length - len(item.source) :, b] = item.source
            mask[source_length - len(item.source) :, b] = True
    uniform = bool((weights == 1).all())
    return Batch(inputs, targets, None if uniform else weights, None, source, mask, features)


def write(answer: Answer, batch: Batch, end: int, longest: int) -> list[list[int]]:
    """What the network writes for each sequence of `batch`: its likeliest symbol fed back until `end`.

    At most `longest` symbols. The batch's own inputs are the prompt (for most tasks one time step, `<START>`); the
    prompt and `end` are left out.
    """
    inputs = batch.inputs
    written: list[list[int]] = [[] for _ in range(inputs.shape[1])]
    open_ = np.ones(inputs.shape[1], bool)
    for _ in range(longest):
        prompt = Batch(inputs, inputs, source=batch.source, source_mask=batch.source_mask, features=batch.features)
        symbols = answer(prompt)[-1].argmax(axis=0).astype(np.int32)  # (B,)
        open_ &= symbols != end
        for b in np.flatnonzero(open_):
            written[b].append(int(symbols[b]))
        if not open_.any():
            break
        inputs = np.concatenate([inputs, symbols[None]])
    return written


def asked(answer: Answer, batch: Batch, at_a_time: int = 250) -> Array:
    """What the network says to `batch` (T, V, B), asked about some sequences at a time to spare memory."""
    B = batch.inputs.shape[-1]
    pieces = (columns_of(batch, np.arange(b, min(b + at_a_time, B))) for b in range(0, B, at_a_time))
    return np.concatenate([answer(piece) for piece in pieces], axis=2)


def columns_of(batch: Batch, chosen: Array) -> Batch:
    """The sequences `chosen` out of `batch`."""

    def cut(array: Array | None) -> Array | None:
        return None if array is None else array[..., chosen]

    return Batch(
        batch.inputs[..., chosen],
        batch.targets[..., chosen],
        cut(batch.weights),
        cut(batch.mask),
        cut(batch.source),
        cut(batch.source_mask),
        cut(batch.features),
        batch.fresh,
    )


def without_memory(train: Sequence[Batch], held: Sequence[Batch], outputs: int) -> float:
    """Nats a counted time step of the best guess from the present input alone, counted on `train` (add one tenth)."""
    size = 1 + max(int(batch.inputs.max()) for batch in (*train, *held))
    counts = np.full((size, outputs), 0.1)
    for batch in train:
        np.add.at(counts, (batch.inputs, batch.targets), 1 if batch.weights is None else batch.weights)
    surprise = -np.log(counts / counts.sum(axis=1, keepdims=True))
    losses, weights = [], []
    for batch in held:
        losses.append(surprise[batch.inputs, batch.targets].ravel())
        weights.append(np.ones(batch.inputs.size) if batch.weights is None else batch.weights.ravel())
    return float(np.average(np.concatenate(losses), weights=np.concatenate(weights)))


class Generated(Task):
    """A task that draws its items. Validation and test items come from generators that no seed of a run moves."""

    held_out = 256  # sequences in the evaluation
    fresh = 1_000  # sequences that `measure` looks at
    reads = ""  # what a file of one's own has to be; empty: it reads none

    def __init__(self, config: RunConfig) -> None:
        if config.text and not self.reads:
            raise UserError(f"The task {self.name} reads no file.", "Train on a text with: rnnplay train --text FILE.")
        self.config = config
        self.rng = generator(config.seed, self.name)
        self._held: list[Batch] | None = None

    @abstractmethod
    def draw(self, rng: np.random.Generator, count: int, split: Split, share: float) -> Batch:
        """`count` sequences of `split`; `share` (above 0, at most 1) is how far their length has grown."""

    def batch(self, step: int) -> Batch:
        return self.draw(self.rng, self.config.batch, "train", self.share(step))

    def share(self, step: int) -> float:
        """How far sequences have grown at training step `step`."""
        return min(1.0, (step + 1) / self.config.grow) if self.config.grow else 1.0

    def evaluation(self) -> Iterator[Batch]:
        if self._held is None:
            self._held = [self.draw(generator(self.name, "validation"), self.held_out, "validation", 1.0)]
        yield from self._held

    def test(self) -> Batch:
        """The items that `measure` looks at: the same at every call, none of them in training or validation."""
        return self.draw(generator(self.name, "test"), self.fresh, "test", 1.0)

    def state(self) -> dict[str, Any]:
        return {"rng": self.rng.bit_generator.state}

    def restore(self, state: dict[str, Any]) -> None:
        self.rng.bit_generator.state = state["rng"]

    def baselines(self) -> list[tuple[str, float]]:
        train = [self.draw(generator(self.name, "baseline"), 2_000, "train", 1.0)]
        return [("without memory", without_memory(train, list(self.evaluation()), self.outputs))]

    def example(self, index: int) -> Example:
        batch = self.draw(generator(self.name, "example", index), 1, "test", 1.0)
        return self.shown(batch, f"{self.name} {index + 1}")

    def shown(self, batch: Batch, title: str) -> Example:
        """A batch of one sequence of symbols as rows for people."""
        counts = np.ones(batch.inputs.shape[0]) if batch.weights is None else batch.weights[:, 0]
        names = self.output_vocabulary or self.vocabulary
        return Example(
            title,
            [self.vocabulary[i] for i in batch.inputs[:, 0]],
            [names[i] if counts[t] else None for t, i in enumerate(batch.targets[:, 0])],
            batch,
        )


class Symbols(Generated):
    """A task whose items are single sequences of symbols, drawn one by one."""

    longest = 0  # time steps to pad to; 0: to the next multiple of 8, so that batches come in few sizes

    @abstractmethod
    def item(self, rng: np.random.Generator, share: float) -> Item:
        """One item, of any split."""

    def split(self, item: Item) -> Split:
        return split_of(item.key)

    def items(self, rng: np.random.Generator, count: int, split: Split, share: float = 1.0) -> list[Item]:
        found: list[Item] = []
        while len(found) < count:
            item = self.item(rng, share)
            if self.split(item) == split:
                found.append(item)
        return found

    def draw(self, rng: np.random.Generator, count: int, split: Split, share: float) -> Batch:
        items = self.items(rng, count, split, share)
        return collate(items, self.longest or -8 * (-max(len(item.inputs) for item in items) // 8))


def right(answer: Answer, batch: Batch) -> Array:
    """Whether the likeliest symbol is the target at each time step (T, B); True where nothing counts."""
    hits: Array = asked(answer, batch).argmax(axis=1) == batch.targets
    return hits if batch.weights is None else hits | (batch.weights == 0)


def share_of(name: str, hits: Any, criterion: float) -> Measure:
    """The share of `hits` (an array of bool) that are True, against `criterion`."""
    value = float(np.mean(hits))
    return Measure(name, value, criterion, value >= criterion)
