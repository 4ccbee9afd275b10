"""Tasks over sentences: a pool of distinct items, made once from a grammar with a seed of its own, split by content."""

import re
from abc import abstractmethod
from collections.abc import Iterable, Iterator, Sequence

import numpy as np

from rnnplay.config import UserError
from rnnplay.tasks.base import Array, Batch, Example
from rnnplay.tasks.generated import (
    SPLITS,
    Generated,
    Item,
    Split,
    collate,
    columns_of,
    generator,
    split_of,
    without_memory,
)

_WORD = re.compile(r"\w+(?:['’]\w+)*|<\w+>|[^\w\s]")


def words_of(text: str) -> list[str]:
    """The words and punctuation marks of `text`, in lower case."""
    return _WORD.findall(text.lower())


def listed(words: str) -> list[str]:
    """The words of a list as a grammar writes it."""
    return words.split()


def distinct(draw: Iterator[str], count: int) -> list[str]:
    """The first `count` different sentences that `draw` gives, in its order."""
    found: dict[str, None] = {}
    for sentence in draw:
        found[sentence] = None
        if len(found) == count:
            break
    return list(found)


def vocabulary_of(sentences: Iterable[Sequence[str]]) -> tuple[str, ...]:
    return tuple(sorted({word for sentence in sentences for word in sentence}))


class Pool(Generated):
    """A task with a finite pool of items. Held-out batches are the whole of their split, in a fixed order."""

    def prepare(self, items: Sequence[Item], keys: Sequence[str]) -> None:
        """Lay `items` out for drawing; `keys`, one for each item, decide the splits."""
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

    def draw(self, rng: np.random.Generator, count: int, split: Split, share: float) -> Batch:
        """Sequences of about the same length, so that little is padded; every one is as likely as any other."""
        pool, lengths = self.pool[split], self.lengths[split]
        drawn = rng.integers(0, len(lengths), 4 * count)
        by_length = drawn[np.argsort(lengths[drawn], kind="stable")]
        quarter = int(rng.integers(4))
        return trimmed(columns_of(pool, by_length[quarter * count : (quarter + 1) * count]))

    def evaluation(self) -> Iterator[Batch]:
        yield self.pool["validation"]

    def test(self) -> Batch:
        return self.pool["test"]

    def baselines(self) -> list[tuple[str, float]]:
        loss = without_memory([self.pool["train"]], [self.pool["validation"]], self.outputs)
        return [("without memory", loss)]

    def example(self, index: int) -> Example:
        pool = self.pool["test"]
        column = index % pool.inputs.shape[1]
        batch = trimmed(columns_of(pool, np.array([column])), 1)
        return self.shown(batch, f"{self.name} {column + 1}")


def trimmed(batch: Batch, multiple: int = 4) -> Batch:
    """`batch` without the padding that all its sequences share, but for what makes its lengths a `multiple`."""
    inputs, targets, weights, source, mask = (
        batch.inputs,
        batch.targets,
        batch.weights,
        batch.source,
        batch.source_mask,
    )
    if weights is not None:
        used = int(np.flatnonzero(weights.any(axis=1))[-1]) + 1
        used = min(len(weights), -multiple * (-used // multiple))
        inputs, targets, weights = inputs[:used], targets[:used], weights[:used]
        weights = None if (weights == 1).all() else weights
    if source is not None and mask is not None:
        used = len(mask) - int(mask.any(axis=1).argmax())
        used = min(len(mask), -multiple * (-used // multiple))
        source, mask = source[-used:], mask[-used:]
    return Batch(inputs, targets, weights, None, source, mask)


class Grammar:
    """Choices by one random generator, so that a grammar reads as the sentences that it makes."""

    def __init__(self, *seed: int | str) -> None:
        self.rng = generator(*seed)

    def one(self, choices: Sequence[str]) -> str:
        return choices[int(self.rng.integers(len(choices)))]

    def chance(self, probability: float) -> bool:
        return bool(self.rng.random() < probability)

    @abstractmethod
    def sentence(self) -> str: ...

    def __iter__(self) -> Iterator[str]:
        while True:
            yield self.sentence()


def known(words: Sequence[str], vocabulary: Sequence[str], what: str) -> list[int]:
    """The ids of `words`. Raises UserError that names the first word which the network never met."""
    ids = {word: i for i, word in enumerate(vocabulary)}
    if not words:
        raise UserError(f"There is no {what} to read.", f"Type {what}.")
    for word in words:
        if word not in ids:
            raise UserError(f"The network never met the word {word!r}.", "Use words from the examples.")
    return [ids[word] for word in words]
