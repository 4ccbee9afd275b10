"""Two standard memory tests: copy a word after a long silence, add two marked numbers out of many."""

import math

import numpy as np

from rnnplay.config import RunConfig, UserError
from rnnplay.tasks.base import Array, Batch, Example, PredictFunction, TaskScore
from rnnplay.tasks.generated import GeneratedTask, Split, accuracy_score, correct_steps, draw_rows, predict_in_chunks
from rnnplay.tasks.memoryless import PRESENT_INPUT


class Copy(GeneratedTask):
    """Ten symbols, a silence of `seq_len` time steps whose last is the sign to go, then the ten symbols again.

    Source: Hochreiter and Schmidhuber (1997), as Arjovsky, Shah and Bengio (2016) pose it. A blank counts a tenth in
    training, or the silence would outweigh the symbols; in the evaluation all time steps have equal weight.
    """

    name = "copy"
    symbols, word = 8, 10
    vocabulary = output_vocabulary = ("a", "b", "c", "d", "e", "f", "g", "h", "·", ">")
    inputs = outputs = 10
    question_help = "ten letters from a to h"
    test_count = 2_000

    def __init__(self, config: RunConfig) -> None:
        super().__init__(config)
        self.longest_lag = config.seq_len + self.word

    def draw(self, rng: np.random.Generator, count: int, split: Split, length_fraction: float) -> Batch:
        words = draw_rows(lambda n: rng.integers(0, self.symbols, (n, self.word), np.int32), count, split)
        return self.batch_of(
            words, max(1, round(length_fraction * self.config.seq_len)), 0.1 if split == "train" else 1.0
        )

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

    def score(self, predict: PredictFunction) -> TaskScore:
        batch = self.test()
        return accuracy_score("fresh sequences whole", correct_steps(predict, batch).all(axis=0), 0.99)

    def baselines(self) -> list[tuple[str, float]]:
        """A predictor that knows when to speak, but not what; and the best one that sees the present input alone.

        A blank is answered by a blank T - 1 times, by one of the letters, all alike, 10 times; any other input by a
        blank.
        """
        word, blanks = self.word, self.config.seq_len - 1
        length = self.config.seq_len + 2 * word
        guess = word * math.log(self.symbols) / length
        when = word * math.log((blanks + word) / word) + blanks * math.log((blanks + word) / max(blanks, 1))
        return [("knows when, not what (10 ln 8/(T+20))", guess), (PRESENT_INPUT, guess + when / length)]

    def feature_names(self) -> list[str]:
        return ["speaking", "silence", "since the word", *(f"first symbol is {s}" for s in self.vocabulary[:8])]

    def feature(self, name: str, ids: Array) -> Array:
        symbols = np.asarray(ids)
        signs = np.flatnonzero(symbols == self.symbols + 1)
        go = int(signs[0]) if len(signs) else len(symbols)
        time = np.arange(len(symbols))
        if name == "speaking":
            return np.asarray(time >= go)
        if name == "silence":
            return np.asarray((time >= self.word) & (time < go))
        if name == "since the word":
            return np.asarray(np.maximum(0.0, time - self.word + 1.0))
        if name.startswith("first symbol is "):
            return np.full(len(symbols), symbols[0] == self.vocabulary.index(name[-1]))
        raise KeyError(name)

    def answer_question(self, prompt: str, predict: PredictFunction) -> list[tuple[str, float]]:
        letters = prompt.strip().replace(" ", "")
        if len(letters) != self.word or any(letter not in "abcdefgh" for letter in letters):
            raise UserError(f"{prompt!r} is not a word of this task.", "Give ten letters from a to h.")
        word = np.array([["abcdefgh".index(letter) for letter in letters]], np.int32)
        spoken = predict(self.batch_of(word, self.config.seq_len, 1.0))[-self.word :, :, 0]
        return [(self.vocabulary[int(p.argmax())], float(p.max())) for p in spoken]


class Adding(GeneratedTask):
    """Read `seq_len` numbers from 0 to 1, two of them marked, one in each half; predict the sum of the two at the end.

    Source: Hochreiter and Schmidhuber (1997). Inputs (T, 2, B): number, marker; only the last target counts.
    """

    name = "adding"
    inputs_are_ids = False
    inputs, outputs = 2, 1
    readout = "linear"
    output_vocabulary = ("sum",)
    test_count = 2_000
    tolerance = 0.04

    def __init__(self, config: RunConfig) -> None:
        super().__init__(config)
        if config.seq_len < 2:
            raise UserError("One number cannot be two summands.", "Give a length of at least 2.")
        self.longest_lag = config.seq_len

    def draw(self, rng: np.random.Generator, count: int, split: Split, length_fraction: float) -> Batch:
        length = max(min(10, self.config.seq_len), round(length_fraction * self.config.seq_len))
        half = length // 2

        def items(n: int) -> Array:
            rows = np.zeros((n, length, 2), np.float32)
            rows[:, :, 0] = rng.random((n, length), np.float32)
            rows[np.arange(n), rng.integers(0, half, n), 1] = 1
            rows[np.arange(n), rng.integers(half, length, n), 1] = 1
            return rows

        inputs = np.ascontiguousarray(draw_rows(items, count, split).transpose(1, 2, 0))
        targets = np.zeros((length, 1, count), np.float32)
        targets[-1, 0] = (inputs[:, 0] * inputs[:, 1]).sum(axis=0)
        weights = np.zeros((length, count), np.float32)
        weights[-1] = 1
        return Batch(inputs, targets, weights)

    def score(self, predict: PredictFunction) -> TaskScore:
        """The fraction of 2,000 test sequences whose predicted sum has an error below 0.04."""
        batch = self.test()
        error = np.abs(predict_in_chunks(predict, batch)[-1, 0] - batch.targets[-1, 0])
        return accuracy_score(f"fresh sums with an error below {self.tolerance}", error < self.tolerance, 1.0)

    def baselines(self) -> list[tuple[str, float]]:
        return [("always 1, the mean (variance 1/6)", 1 / 6)]

    def feature_names(self) -> list[str]:
        return ["marked", "marked so far", "since the marker", "sum so far"]

    def feature(self, name: str, ids: Array) -> Array:
        numbers, markers = np.asarray(ids).T
        marked = np.asarray(markers > 0.5)
        if name == "marked":
            return marked
        if name == "marked so far":
            return np.cumsum(marked).astype(np.float64)
        if name == "sum so far":
            return np.cumsum(numbers * marked)
        if name == "since the marker":
            time = np.arange(len(marked))
            last = np.maximum.accumulate(np.where(marked, time, -1))
            return np.where(last < 0, 0, time - last).astype(np.float64)
        raise KeyError(name)

    def to_example(self, batch: Batch, title: str) -> Example:
        numbers, markers = batch.inputs[:, 0, 0], batch.inputs[:, 1, 0]
        rows: list[str | None] = [
            f"{number:.2f}" + ("*" if mark else "") for number, mark in zip(numbers, markers, strict=True)
        ]
        targets: list[str | None] = [None] * (len(rows) - 1) + [f"{batch.targets[-1, 0, 0]:.2f}"]
        return Example(title, rows, targets, batch)
