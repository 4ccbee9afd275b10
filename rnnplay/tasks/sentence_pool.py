"""Tasks over sentences: a pool of distinct items, generated once from a grammar with a fixed seed, split by content."""

import re
import unicodedata
from abc import abstractmethod
from collections.abc import Iterable, Iterator, Sequence

import numpy as np

from rnnplay.config import UserError
from rnnplay.tasks.base import Array, Batch, Example
from rnnplay.tasks.generated import (
    SPLITS,
    GeneratedTask,
    Item,
    Split,
    collate,
    seeded_rng,
    split_of,
)

_WORD = re.compile(r"\w+(?:['’]\w+)*|<\w+>|[^\w\s]")


def words_of(text: str) -> list[str]:
    """The words and punctuation marks of `text`, in lower case."""
    return _WORD.findall(text.lower())


def take_distinct(draw: Iterator[str], count: int) -> list[str]:
    """The first `count` different sentences of `draw`, in its order."""
    sentences: dict[str, None] = {}
    for sentence in draw:
        sentences[sentence] = None
        if len(sentences) == count:
            break
    return list(sentences)


def vocabulary_of(sentences: Iterable[Sequence[str]]) -> tuple[str, ...]:
    """Return all words of `sentences`, sorted."""
    return tuple(sorted({word for sentence in sentences for word in sentence}))


class PooledTask(GeneratedTask):
    """A task with a finite pool of items. A held-out batch is its whole split, in a fixed order."""

    def prepare(self, items: Sequence[Item], keys: Sequence[str]) -> None:
        """Set `pool`, `keys` and `lengths` of each split; `keys`, one for each item, decide the splits."""
        length = max(len(item.inputs) for item in items)
        source_length = max(len(item.source) for item in items)
        self.pool: dict[Split, Batch] = {}
        self.keys: dict[Split, list[str]] = {}
        self.lengths: dict[Split, Array] = {}
        splits = [split_of(key.encode()) for key in keys]
        for split in SPLITS:
            chosen = [i for i, s in enumerate(splits) if s == split]
            if not chosen:
                raise UserError(f"There are too few items to keep any for {split}.", "Give some hundreds of lines.")
            self.pool[split] = collate([items[i] for i in chosen], length, source_length)
            self.keys[split] = [keys[i] for i in chosen]
            self.lengths[split] = np.array([len(items[i].inputs) for i in chosen])
        self.longest_lag = length
        self.held_out_size = len(keys) - len(self.keys["train"])
        self.epoch_steps = -(-len(self.keys["train"]) // self.config.batch)

    def draw(self, rng: np.random.Generator, count: int, split: Split, length_fraction: float) -> Batch:
        """Sequences of about the same length, so that there is little padding; all are equally likely."""
        pool, lengths = self.pool[split], self.lengths[split]
        drawn = rng.integers(0, len(lengths), 4 * count)
        by_length = drawn[np.argsort(lengths[drawn], kind="stable")]
        quarter = int(rng.integers(4))
        return trim_padding(pool.select_sequences(by_length[quarter * count : (quarter + 1) * count]))

    def evaluation(self) -> Iterator[Batch]:
        yield self.pool["validation"]

    def test(self) -> Batch:
        return self.pool["test"]

    def baselines(self) -> list[tuple[str, float]]:
        return self.counted_baselines([self.pool["train"]], [self.pool["validation"]])

    def example(self, index: int) -> Example:
        pool = self.pool["test"]
        column = index % pool.inputs.shape[1]
        batch = trim_padding(pool.select_sequences(np.array([column])), 1)
        return self.to_example(batch, f"{self.name} {column + 1}")


def trim_padding(batch: Batch, multiple: int = 4) -> Batch:
    """`batch` without the padding that all its sequences share, its lengths rounded up to a multiple of `multiple`."""
    inputs, targets, weights, source, mask = (
        batch.inputs,
        batch.targets,
        batch.weights,
        batch.source,
        batch.source_mask,
    )
    if weights is not None:
        length = int(np.flatnonzero(weights.any(axis=1))[-1]) + 1
        length = min(len(weights), -multiple * (-length // multiple))
        inputs, targets, weights = inputs[:length], targets[:length], weights[:length]
        weights = None if (weights == 1).all() else weights
    if source is not None and mask is not None:
        length = len(mask) - int(mask.any(axis=1).argmax())
        length = min(len(mask), -multiple * (-length // multiple))
        source, mask = source[-length:], mask[-length:]
    return Batch(inputs, targets, weights, None, source, mask)


class Grammar:
    """An endless iterator of random sentences; `choose` and `chance` draw from one random generator."""

    def __init__(self, *seed: int | str) -> None:
        self.rng = seeded_rng(*seed)

    def choose(self, choices: Sequence[str]) -> str:
        return choices[int(self.rng.integers(len(choices)))]

    def chance(self, probability: float) -> bool:
        return bool(self.rng.random() < probability)

    @abstractmethod
    def sentence(self) -> str: ...

    def __iter__(self) -> Iterator[str]:
        while True:
            yield self.sentence()


def word_ids(words: Sequence[str], vocabulary: Sequence[str], what: str) -> list[int]:
    """The ids of `words`. Raises UserError, which names the first unknown word, or says that there are none."""
    ids = {word: i for i, word in enumerate(vocabulary)}
    for form in ("NFC", "NFD"):
        words = [word if word in ids else unicodedata.normalize(form, word) for word in words]
    if not words:
        raise UserError(f"There is no {what} to read.", f"Type {what}.")
    for word in words:
        if word not in ids:
            raise UserError(f"The network never met the word {word!r}.", "Use words from the examples.")
    return [ids[word] for word in words]
