"""The word "hello" letter by letter: the smallest task that needs a memory, since l is followed by l and then by o."""

import math
from collections.abc import Iterator
from typing import Any

import numpy as np

from rnnplay.config import RunConfig, UserError
from rnnplay.tasks.base import Array, Batch, Example, Task

WORD = "hello"


class Hello(Task):
    """Reads h, e, l, l and predicts e, l, l, o; every sequence begins from a zero state."""

    vocabulary = output_vocabulary = ("h", "e", "l", "o")
    inputs = outputs = 4
    step_unit = "characters"
    notes = ("It never learned what follows o: a sample that goes on behind it means nothing.",)
    longest_lag = 1  # the letter before an l decides which l it is

    def __init__(self, config: RunConfig) -> None:
        if config.text:
            raise UserError(
                f"The task {config.task} reads no text.", "Train on a text with: rnnplay train --text FILE."
            )
        self.name = config.task
        self.held_out_ids, _ = self.encode(WORD)
        self._batch = self._of(config.batch)

    def _of(self, sequences: int) -> Batch:
        columns = np.tile(self.held_out_ids[:, None], (1, sequences))  # (T + 1, B)
        return Batch(columns[:-1], columns[1:])

    def batch(self, step: int) -> Batch:
        return self._batch

    def evaluation(self) -> Iterator[Batch]:
        yield self._of(1)

    def state(self) -> dict[str, Any]:
        return {}

    def restore(self, state: dict[str, Any]) -> None:
        pass

    def baselines(self) -> list[tuple[str, float]]:
        return [("bigram", math.log(2) / 2)]  # h and e say what follows, after l it is l or o

    def feature_names(self) -> list[str]:
        return ["second l"]

    def feature(self, name: str, ids: Array) -> Array:
        if name != "second l":
            return super().feature(name, ids)
        letter = np.asarray(ids) == self.vocabulary.index("l")
        second: Array = letter & np.concatenate([[False], letter[:-1]])
        return second

    def example(self, index: int) -> Example:
        return Example(WORD, list(WORD[:-1]), list(WORD[1:]), self._of(1))
