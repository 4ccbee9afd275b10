"""Short patterns that repeat: the smallest tasks that need a memory."""

from collections.abc import Sequence

import numpy as np

from rnnplay.config import RunConfig
from rnnplay.tasks.base import Array, Batch, Example, PredictFunction, TaskScore
from rnnplay.tasks.generated import END, START, GeneratedTask, Split, correct_steps, greedy_decode

LINES = (
    "i love you in the morning .",
    "i love carrots in the evening .",
    "you love the sea and i love you .",
    "the sea loves carrots and i love carrots too .",
)
SONG = tuple(" ".join(LINES).split())
HELLO = (START, "h", "e", "l", "l", "o", END)


class Pattern(GeneratedTask):
    """Predict the next symbol of a repeating pattern. Held-out sequences are longer than those of training.

    `seq_len` time steps; `starts` are the positions at which a sequence may begin.
    """

    pattern: Sequence[str]
    starts: Sequence[int] = (0,)
    longer = 5  # times the length in training
    held_out_is_exhaustive = True

    def __init__(self, config: RunConfig) -> None:
        super().__init__(config)
        self.vocabulary = self.output_vocabulary = tuple(dict.fromkeys(sorted(self.pattern)))
        self.inputs = self.outputs = len(self.vocabulary)
        self.ids = np.array([self.vocabulary.index(symbol) for symbol in self.pattern], np.int32)
        self.validation_count = self.test_count = len(self.starts)

    def draw(self, rng: np.random.Generator, count: int, split: Split, length_fraction: float) -> Batch:
        length = self.config.seq_len if split == "train" else self.longer * self.config.seq_len
        # A held-out batch has every start once; a training batch draws them.
        places = np.array(self.starts)[np.arange(count) % len(self.starts)]
        if split == "train":
            places = rng.choice(self.starts, count)
        sequence = self.ids[(np.arange(length + 1)[:, None] + places) % len(self.ids)]  # (T+1, B)
        return Batch(sequence[:-1], sequence[1:], self._weights(length, count))

    def _weights(self, length: int, count: int) -> Array | None:
        return None

    def score(self, predict: PredictFunction) -> TaskScore:
        """The least probability of the right symbol, over sequences longer than those of training."""
        batch = self.test()
        probabilities = np.take_along_axis(predict(batch), batch.targets[:, None], axis=1)
        counts = np.ones_like(batch.targets, bool) if batch.weights is None else batch.weights > 0
        least = float(probabilities[:, 0][counts].min())
        return TaskScore("least probability of the right symbol", least, self.criterion, least >= self.criterion)

    criterion = 0.9

    def example(self, index: int) -> Example:
        batch = self.test()
        column = slice(index % batch.inputs.shape[1], index % batch.inputs.shape[1] + 1)
        length = min(self.config.seq_len, 40)
        weights = None if batch.weights is None else batch.weights[:length, column]
        return self.to_example(Batch(batch.inputs[:length, column], batch.targets[:length, column], weights), self.name)


class Alternate(Pattern):
    """1 0 1 0: either symbol may come first; from then on each is the opposite of the one before."""

    name = "alternate"
    pattern = ("1", "0")
    starts = (0, 1)
    longest_lag = 1
    criterion = 0.99

    def feature_names(self) -> list[str]:
        return ["next is 1"]

    def feature(self, name: str, ids: Array) -> Array:
        if name != "next is 1":
            raise KeyError(name)
        return np.asarray(ids == self.vocabulary.index("0"))


class OneOneZero(Pattern):
    """1 1 0: the same input 1 must lead to two different hidden states."""

    name = "one-one-zero"
    pattern = ("1", "1", "0")
    longest_lag = 2

    def feature_names(self) -> list[str]:
        return ["second 1"]

    def feature(self, name: str, ids: Array) -> Array:
        if name != "second 1":
            raise KeyError(name)
        one = np.asarray(ids) == self.vocabulary.index("1")
        before = np.concatenate([[False], one[:-1]])
        return np.asarray(one & before)


class Alphabet(Pattern):
    """a to z and round again, from any letter on."""

    name = "alphabet"
    pattern = tuple("abcdefghijklmnopqrstuvwxyz")
    starts = tuple(range(26))
    longest_lag = 1

    def feature_names(self) -> list[str]:
        return ["position"]

    def feature(self, name: str, ids: Array) -> Array:
        if name != "position":
            raise KeyError(name)
        return np.asarray(ids) + 1.0


class Song(Pattern):
    """A song in which "i love" is followed by "you" or by "carrots": the position decides, not the last two words."""

    name = "song"
    pattern = SONG
    longest_lag = len(SONG)
    longer = 3

    def feature_names(self) -> list[str]:
        return ["line", "position", "after love"]

    def feature(self, name: str, ids: Array) -> Array:
        place = np.arange(len(ids)) % len(self.pattern)
        if name == "line":
            ends = np.cumsum([symbol == "." for symbol in self.pattern])
            return np.asarray(np.concatenate([[0], ends[:-1]])[place] + 1.0)
        if name == "position":
            return place + 1.0
        if name == "after love":
            return np.asarray(np.asarray(ids) == self.vocabulary.index("love"))
        raise KeyError(name)


class HelloEnd(GeneratedTask):
    """h e l l o between <START> and <END>: the network writes it from <START> alone and must stop by itself."""

    name = "hello-end"
    longest_lag = 2
    validation_count = test_count = 1
    held_out_is_exhaustive = True

    def __init__(self, config: RunConfig) -> None:
        super().__init__(config)
        self.vocabulary = self.output_vocabulary = ("h", "e", "l", "o", START, END)
        self.inputs = self.outputs = len(self.vocabulary)

    def draw(self, rng: np.random.Generator, count: int, split: Split, length_fraction: float) -> Batch:
        ids = np.array([self.vocabulary.index(symbol) for symbol in HELLO], np.int32)
        sequence = np.repeat(ids[:, None], count, axis=1)
        return Batch(sequence[:-1], sequence[1:])

    def score(self, predict: PredictFunction) -> TaskScore:
        """The least probability of a right letter; solved only if the network also writes hello by itself and stops."""
        batch = self.test()
        expected = batch.targets[:-1, 0].tolist()
        start = Batch(batch.inputs[:1], batch.targets[:1])
        written = greedy_decode(predict, start, self.vocabulary.index(END), 20)[0]
        sure = bool(correct_steps(predict, batch).all())
        value = float(np.take_along_axis(predict(batch), batch.targets[:, None], axis=1).min()) if sure else 0.0
        return TaskScore("least probability of the right letter", value, 0.9, written == expected and value >= 0.9)

    def feature_names(self) -> list[str]:
        return ["first l", "position"]

    def feature(self, name: str, ids: Array) -> Array:
        letters = np.asarray(ids)
        if name == "position":
            return np.arange(1.0, len(letters) + 1)
        if name != "first l":
            raise KeyError(name)
        is_l = letters == self.vocabulary.index("l")
        return np.asarray(is_l & ~np.concatenate([[False], is_l[:-1]]))
