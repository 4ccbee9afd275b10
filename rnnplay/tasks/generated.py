"""Tasks whose items are generated: seeded draws, splits that never share an item, padding, greedy decoding.

The split of an item is a fixed function of the item itself (CRC-32 of its bytes), so that no seed can put an item into
two splits: a generator draws until an item falls into the requested split.
"""

import zlib
from abc import abstractmethod
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from rnnplay.config import RunConfig, UserError
from rnnplay.tasks.base import Array, Batch, Example, PredictFunction, Task, TaskScore
from rnnplay.tasks.memoryless import PRESENT_INPUT, counted_loss, counted_name, least_loss

Split = Literal["train", "validation", "test"]
SPLITS: tuple[Split, ...] = ("train", "validation", "test")
START, END = "<START>", "<END>"


def split_of(key: bytes) -> Split:
    """The split of the item whose content is `key`: a tenth for test, a tenth for validation, the rest for training."""
    tenth = zlib.crc32(key) % 10
    return "test" if tenth == 0 else "validation" if tenth == 1 else "train"


def seeded_rng(*words: int | str) -> np.random.Generator:
    """A random generator seeded by `words`: the same words give the same draws."""
    return np.random.default_rng([zlib.crc32(word.encode()) if isinstance(word, str) else word for word in words])


@dataclass(frozen=True, eq=False)
class Item:
    """One sequence of symbols. A time step of weight 0 has no target."""

    inputs: Sequence[int]  # T
    targets: Sequence[int]  # T
    weights: Sequence[float]  # T
    source: Sequence[int] = ()
    context: Array | None = None

    @property
    def key(self) -> bytes:
        picture = b"" if self.context is None else self.context.tobytes()
        return bytes(str((list(self.source), list(self.inputs))), "ascii") + picture


def collate(items: Sequence[Item], length: int = 0, source_length: int = 0) -> Batch:
    """The batch of `items`, padded at the end to the longest or to `length`; a source is padded in front.

    Padding has weight 0. It follows the last time step that counts, so only a source, whose last state is passed to the
    decoder, needs a mask: `source_mask`.
    """
    length = max(length, *(len(item.inputs) for item in items)) if items else length
    inputs = np.zeros((length, len(items)), np.int32)
    targets = np.zeros((length, len(items)), np.int32)
    weights = np.zeros((length, len(items)), np.float32)
    for b, item in enumerate(items):
        n = len(item.inputs)
        inputs[:n, b], targets[:n, b], weights[:n, b] = item.inputs, item.targets, item.weights
    pictures = [item.context for item in items if item.context is not None]
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


def greedy_decode(predict: PredictFunction, batch: Batch, end: int, max_length: int) -> list[list[int]]:
    """The symbols that the network writes for each sequence of `batch`: its likeliest symbol is fed back until `end`.

    At most `max_length` symbols. The inputs of the batch are the prompt (for most tasks one time step, `<START>`); the
    prompt and `end` are left out.
    """
    inputs = batch.inputs
    decoded: list[list[int]] = [[] for _ in range(inputs.shape[1])]
    is_open = np.ones(inputs.shape[1], bool)
    for _ in range(max_length):
        prompt = Batch(inputs, inputs, source=batch.source, source_mask=batch.source_mask, context=batch.context)
        symbols = predict(prompt)[-1].argmax(axis=0).astype(np.int32)  # (B,)
        is_open &= symbols != end
        for b in np.flatnonzero(is_open):
            decoded[b].append(int(symbols[b]))
        if not is_open.any():
            break
        inputs = np.concatenate([inputs, symbols[None]])
    return decoded


def predict_in_chunks(predict: PredictFunction, batch: Batch, chunk_size: int = 250) -> Array:
    """The network's outputs (T, V, B) for `batch`, computed for `chunk_size` sequences at a time to save memory."""
    B = batch.inputs.shape[-1]
    chunks = (batch.select_sequences(slice(b, b + chunk_size)) for b in range(0, B, chunk_size))
    return np.concatenate([predict(chunk) for chunk in chunks], axis=2)


def draw_rows(draw: Callable[[int], Array], count: int, split: Split) -> Array:
    """`count` rows of `split` out of the rows (n, ...) that `draw(n)` returns; the bytes of a row decide its split."""
    drawn: list[Array] = []
    while len(drawn) < count:
        rows = draw(max(16, (count - len(drawn)) * (2 if split == "train" else 12)))
        drawn += [row for row in rows if split_of(row.tobytes()) == split]
    return np.stack(drawn[:count])


class GeneratedTask(Task):
    """A task that draws its items. Validation and test items do not depend on the run's seed."""

    validation_count = 256  # sequences in the evaluation
    test_count = 1_000  # sequences that `score` uses
    file_help = ""  # the form of a user's file; empty: the task reads none
    held_out_is_exhaustive = False  # the evaluation holds every sequence there is, as often as it occurs

    def __init__(self, config: RunConfig) -> None:
        if config.text and not self.file_help:
            raise UserError(f"The task {self.name} reads no file.", "Train on a text with: rnnplay train --text FILE.")
        self.config = config
        self.rng = seeded_rng(config.seed, self.name)
        self._evaluation_batches: list[Batch] | None = None

    @abstractmethod
    def draw(self, rng: np.random.Generator, count: int, split: Split, length_fraction: float) -> Batch:
        """`count` sequences of `split`, of `length_fraction` (above 0, at most 1) of their full length."""

    def batch(self, step: int) -> Batch:
        return self.draw(self.rng, self.config.batch, "train", self.length_fraction(step))

    def length_fraction(self, step: int) -> float:
        """The fraction of the full length that sequences have at training step `step`."""
        return min(1.0, (step + 1) / self.config.length_warmup_steps) if self.config.length_warmup_steps else 1.0

    def evaluation(self) -> Iterator[Batch]:
        if self._evaluation_batches is None:
            self._evaluation_batches = [
                self.draw(seeded_rng(self.name, "validation"), self.validation_count, "validation", 1.0)
            ]
        yield from self._evaluation_batches

    def test(self) -> Batch:
        """The items that `score` uses: the same at every call, none of them in training or validation."""
        return self.draw(seeded_rng(self.name, "test"), self.test_count, "test", 1.0)

    def state(self) -> dict[str, Any]:
        return {"rng": self.rng.bit_generator.state}

    def restore(self, state: dict[str, Any]) -> None:
        self.rng.bit_generator.state = state["rng"]

    def baselines(self) -> list[tuple[str, float]]:
        held_out = list(self.evaluation())
        if self.held_out_is_exhaustive:
            return [(PRESENT_INPUT, least_loss(held_out, self.inputs, self.outputs))]
        return self.counted_baselines([self.draw(seeded_rng(self.name, "baseline"), 2_000, "train", 1.0)], held_out)

    def counted_baselines(self, training: Sequence[Batch], held_out: Sequence[Batch]) -> list[tuple[str, float]]:
        """The baseline from the present input alone, counted on `training` and measured on `held_out`."""
        size = sum(
            batch.token_count if batch.weights is None else int(np.count_nonzero(batch.weights)) for batch in training
        )
        loss = counted_loss(training, held_out, self.inputs, self.outputs)
        return [(counted_name(size, self.step_unit), loss)]

    def example(self, index: int) -> Example:
        batch = self.draw(seeded_rng(self.name, "example", index), 1, "test", 1.0)
        return self.to_example(batch, f"{self.name} {index + 1}")

    def to_example(self, batch: Batch, title: str) -> Example:
        """A batch of one sequence of symbols in human-readable form."""
        counts = np.ones(batch.inputs.shape[0]) if batch.weights is None else batch.weights[:, 0]
        names = self.output_vocabulary or self.vocabulary
        return Example(
            title,
            [self.vocabulary[i] for i in batch.inputs[:, 0]],
            [names[i] if counts[t] else None for t, i in enumerate(batch.targets[:, 0])],
            batch,
        )


class SymbolTask(GeneratedTask):
    """A task whose items are sequences of symbols, drawn one by one."""

    padded_length = 0  # time steps to pad to; 0: to the next multiple of 8, so that batches come in few sizes

    @abstractmethod
    def item(self, rng: np.random.Generator, length_fraction: float) -> Item:
        """Draw one item, of any split."""

    def split(self, item: Item) -> Split:
        """The split of `item`, decided by its content."""
        return split_of(item.key)

    def items(self, rng: np.random.Generator, count: int, split: Split, length_fraction: float = 1.0) -> list[Item]:
        drawn: list[Item] = []
        while len(drawn) < count:
            item = self.item(rng, length_fraction)
            if self.split(item) == split:
                drawn.append(item)
        return drawn

    def draw(self, rng: np.random.Generator, count: int, split: Split, length_fraction: float) -> Batch:
        items = self.items(rng, count, split, length_fraction)
        return collate(items, self.padded_length or -8 * (-max(len(item.inputs) for item in items) // 8))


def correct_steps(predict: PredictFunction, batch: Batch) -> Array:
    """bool (T, B): the likeliest symbol is the target; True at time steps of weight 0."""
    hits: Array = predict_in_chunks(predict, batch).argmax(axis=1) == batch.targets
    return hits if batch.weights is None else hits | (batch.weights == 0)


def accuracy_score(name: str, hits: Any, criterion: float) -> TaskScore:
    """The fraction of `hits` (an array of bool) that are True, against `criterion`."""
    value = float(np.mean(hits))
    return TaskScore(name, value, criterion, value >= criterion)
