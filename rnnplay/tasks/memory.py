"""The field's own memory tests: copy a word after a long silence, add two marked numbers out of many."""

import math
from collections.abc import Callable

import numpy as np

from rnnplay.config import RunConfig, UserError
from rnnplay.tasks.base import Answer, Array, Batch, Example, Measure
from rnnplay.tasks.generated import Generated, Split, asked, right, share_of, split_of


def rows_of(draw: Callable[[int], Array], count: int, split: Split) -> Array:
    """`count` rows of those that `draw(n)` (n, ...) gives which belong to `split`, as their bytes decide."""
    found: list[Array] = []
    while len(found) < count:
        rows = draw(max(16, (count - len(found)) * (2 if split == "train" else 12)))
        found += [row for row in rows if split_of(row.tobytes()) == split]
    return np.stack(found[:count])


class Copy(Generated):
    """Ten symbols, a silence of `seq_len` time steps whose last is the sign to go, then the ten symbols again.

    Source: Hochreiter and Schmidhuber (1997), as Arjovsky, Shah and Bengio (2016) pose it. A blank counts a tenth in
    training, where the silence would else drown the symbols; in the evaluation all time steps count alike.
    """

    name = "copy"
    symbols, word = 8, 10
    vocabulary = output_vocabulary = ("a", "b", "c", "d", "e", "f", "g", "h", "·", ">")
    inputs = outputs = 10
    question = "ten letters from a to h"
    fresh = 2_000

    def __init__(self, config: RunConfig) -> None:
        super().__init__(config)
        self.longest_lag = config.seq_len + self.word

    def draw(self, rng: np.random.Generator, count: int, split: Split, share: float) -> Batch:
        words = rows_of(lambda n: rng.integers(0, self.symbols, (n, self.word), np.int32), count, split)
        return self.batch_of(words, max(1, round(share * self.config.seq_len)), 0.1 if split == "train" else 1.0)

    def batch_of(self, words: Array, delay: int, blank_weight: float) -> Batch:
        """The sequences for `words` (B, 10): inputs and targets (delay + 20, B)."""
        word, blank, go = self.word, self.symbols, self.symbols + 1
        inputs = np.full((delay + 2 * word, len(words)), blank, np.int32)
        targets = inputs.copy()
        inputs[:word] = targets[-word:] = words.T
        inputs[word + delay - 1] = go
        weights = np.full(inputs.shape, blank_weight, np.float32)
        weights[-word:] = 1
        return Batch(inputs, targets, None if blank_weight == 1 else weights)

    def measure(self, answer: Answer) -> Measure:
        batch = self.test()
        return share_of("fresh sequences whole", right(answer, batch).all(axis=0), 0.99)

    def baselines(self) -> list[tuple[str, float]]:
        guess = self.word * math.log(self.symbols) / (self.config.seq_len + 2 * self.word)
        return [("without memory, 10 ln 8 / (T + 20)", guess)]

    def feature_names(self) -> list[str]:
        return ["speaking", "silence", "time since the word", *(f"first symbol is {s}" for s in self.vocabulary[:8])]

    def feature(self, name: str, ids: Array) -> Array:
        symbols = np.asarray(ids)
        signs = np.flatnonzero(symbols == self.symbols + 1)
        go = int(signs[0]) if len(signs) else len(symbols)
        time = np.arange(len(symbols))
        if name == "speaking":
            return np.asarray(time >= go)
        if name == "silence":
            return np.asarray((time >= self.word) & (time < go))
        if name == "time since the word":
            return np.maximum(0, time - self.word + 1) / max(1, len(symbols) - self.word)
        if name.startswith("first symbol is "):
            return np.full(len(symbols), symbols[0] == self.vocabulary.index(name[-1]))
        raise KeyError(name)

    def respond(self, prompt: str, answer: Answer) -> list[tuple[str, float]]:
        letters = prompt.strip().replace(" ", "")
        if len(letters) != self.word or any(letter not in "abcdefgh" for letter in letters):
            raise UserError(f"{prompt!r} is not a word of this task.", "Give ten letters from a to h.")
        word = np.array([["abcdefgh".index(letter) for letter in letters]], np.int32)
        spoken = answer(self.batch_of(word, self.config.seq_len, 1.0))[-self.word :, :, 0]
        return [(self.vocabulary[int(p.argmax())], float(p.max())) for p in spoken]


class Adding(Generated):
    """`seq_len` random numbers from 0 to 1, two of them marked, one in each half: say the sum of the two at the end.

    Source: Hochreiter and Schmidhuber (1997). Inputs (T, 2, B): number, marker; only the last target counts.
    """

    name = "adding"
    by_id = False
    inputs, outputs = 2, 1
    readout = "linear"
    output_vocabulary = ("sum",)
    fresh = 2_000
    tolerance = 0.04

    def __init__(self, config: RunConfig) -> None:
        super().__init__(config)
        if config.seq_len < 2:
            raise UserError("One number cannot be two summands.", "Give a length of at least 2.")
        self.longest_lag = config.seq_len

    def draw(self, rng: np.random.Generator, count: int, split: Split, share: float) -> Batch:
        length = max(min(10, self.config.seq_len), round(share * self.config.seq_len))
        half = length // 2

        def items(n: int) -> Array:
            rows = np.zeros((n, length, 2), np.float32)
            rows[:, :, 0] = rng.random((n, length), np.float32)
            rows[np.arange(n), rng.integers(0, half, n), 1] = 1
            rows[np.arange(n), rng.integers(half, length, n), 1] = 1
            return rows

        inputs = np.ascontiguousarray(rows_of(items, count, split).transpose(1, 2, 0))
        targets = np.zeros((length, 1, count), np.float32)
        targets[-1, 0] = (inputs[:, 0] * inputs[:, 1]).sum(axis=0)
        weights = np.zeros((length, count), np.float32)
        weights[-1] = 1
        return Batch(inputs, targets, weights)

    def measure(self, answer: Answer) -> Measure:
        """Of 2,000 fresh sequences the share whose sum is off by less than 0.04."""
        batch = self.test()
        error = np.abs(asked(answer, batch)[-1, 0] - batch.targets[-1, 0])
        return share_of(f"fresh sums with an error below {self.tolerance}", error < self.tolerance, 1.0)

    def baselines(self) -> list[tuple[str, float]]:
        return [("always 1, variance 1/6", 1 / 6)]

    def feature_names(self) -> list[str]:
        return ["marked", "marked so far", "time since the marker", "sum so far"]

    def feature(self, name: str, ids: Array) -> Array:
        numbers, markers = np.asarray(ids).T
        marked = np.asarray(markers > 0.5)
        if name == "marked":
            return marked
        if name == "marked so far":
            return np.cumsum(marked) / 2
        if name == "sum so far":
            return np.cumsum(numbers * marked)
        if name == "time since the marker":
            time = np.arange(len(marked))
            last = np.maximum.accumulate(np.where(marked, time, -1))
            return np.where(last < 0, 0, time - last) / len(marked)
        raise KeyError(name)

    def shown(self, batch: Batch, title: str) -> Example:
        numbers, markers = batch.inputs[:, 0, 0], batch.inputs[:, 1, 0]
        rows: list[str | None] = [
            f"{number:.2f}" + ("*" if mark else "") for number, mark in zip(numbers, markers, strict=True)
        ]
        targets: list[str | None] = [None] * (len(rows) - 1) + [f"{batch.targets[-1, 0, 0]:.2f}"]
        return Example(title, rows, targets, batch)
