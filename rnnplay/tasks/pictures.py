"""Single pictures: classify a digit (one to one), describe a scene in a sentence (one to many)."""

import numpy as np

from rnnplay.config import RunConfig
from rnnplay.tasks.base import Array, Batch, Example, PredictFunction, TaskScore
from rnnplay.tasks.generated import (
    END,
    START,
    GeneratedTask,
    Item,
    Split,
    SymbolTask,
    accuracy_score,
    collate,
    correct_steps,
    draw_rows,
    greedy_decode,
    split_of,
)

# Five columns by seven rows a digit, row by row from the top.
DIGITS = (
    "01110 10001 10011 10101 11001 10001 01110",
    "00100 01100 00100 00100 00100 00100 01110",
    "01110 10001 00001 00110 01000 10000 11111",
    "11111 00010 00100 00010 00001 10001 01110",
    "00010 00110 01010 10010 11111 00010 00010",
    "11111 10000 11110 00001 00001 10001 01110",
    "00110 01000 10000 11110 10001 10001 01110",
    "11111 00001 00010 00100 01000 01000 01000",
    "01110 10001 10001 01110 10001 10001 01110",
    "01110 10001 10001 01111 00001 00010 01100",
)
GLYPHS = np.array(
    [[[int(pixel) for pixel in row] for row in digit.split()] for digit in DIGITS], np.float32
)  # (10, 7, 5)


class DigitPicture(GeneratedTask):
    """Classify a digit of 7 x 5 pixels at a random place on 10 x 8, faint and noisy. T = 1: no memory is needed."""

    name = "plain"
    inputs_are_ids = False
    height, width = 10, 8
    inputs, outputs = height * width, 10
    frame_shape = (height, width)
    output_vocabulary = tuple("0123456789")
    noise = 0.15

    def draw(self, rng: np.random.Generator, count: int, split: Split, length_fraction: float) -> Batch:
        def items(n: int) -> Array:
            rows = np.empty((n, 1 + self.inputs), np.float32)  # the label travels in front
            rows[:, 0] = rng.integers(0, 10, n)
            pictures = np.zeros((n, self.height, self.width), np.float32)
            for i, (top, left) in enumerate(zip(rng.integers(0, 4, n), rng.integers(0, 4, n), strict=True)):
                pictures[i, top : top + 7, left : left + 5] = GLYPHS[int(rows[i, 0])]
            pictures *= rng.uniform(0.6, 1.0, (n, 1, 1))
            pictures += rng.normal(0, self.noise, pictures.shape)
            rows[:, 1:] = pictures.clip(0, 1).reshape(n, -1)
            return rows

        rows = draw_rows(items, count, split)
        return Batch(np.ascontiguousarray(rows[:, 1:].T)[None], rows[:, 0].astype(np.int32)[None])

    def score(self, predict: PredictFunction) -> TaskScore:
        return accuracy_score("unseen digits right", correct_steps(predict, self.test())[0], 0.97)

    def baselines(self) -> list[tuple[str, float]]:
        return [("ten digits alike (ln 10)", float(np.log(10)))]

    def to_example(self, batch: Batch, title: str) -> Example:
        digit = self.output_vocabulary[int(batch.targets[0, 0])]
        return Example(title, ["picture"], [digit], batch, batch.inputs[0, :, 0].reshape(self.height, self.width))

    def feature_names(self) -> list[str]:
        return ["ink", *(f"is {digit}" for digit in self.output_vocabulary)]

    def feature(self, name: str, ids: Array) -> Array:
        if name != "ink":
            raise KeyError(name)
        return np.asarray(np.asarray(ids).mean(axis=1))

    def batch_feature(self, name: str, batch: Batch) -> Array:
        if name.startswith("is ") and name[3:] in self.output_vocabulary:
            return np.asarray(batch.targets == int(name[3:]))
        return super().batch_feature(name, batch)


SIDE = 16
SMALL, LARGE = 4, 7
SHAPES = ("square", "ring", "cross", "triangle")


def shape(kind: str, size: int) -> Array:
    """A shape of `size` x `size` pixels, 0 or 1."""
    rows, columns = np.indices((size, size))
    middle = np.isin(np.arange(size), ((size - 1) // 2, size // 2))
    drawn: dict[str, Array] = {
        "square": np.ones((size, size), bool),
        "ring": (rows % (size - 1) == 0) | (columns % (size - 1) == 0),
        "cross": middle[:, None] | middle[None, :],
        "triangle": np.abs(2 * columns - (size - 1)) <= rows + 1,
    }
    return drawn[kind].astype(np.float32)


WORDS = "a small large in at the top bottom middle left right to of above"
# The places of a single shape: row and column, each 0 low, 1 centre, 2 high.
PLACES = {"in the middle": (1, 1), "at the top": (0, 1), "at the bottom": (2, 1), "at the left": (1, 0)}
PLACES |= {"at the right": (1, 2)}

Scene = tuple[tuple[str, int, int, int], ...]  # each shape's kind, size, top row, left column


class Caption(SymbolTask):
    """Describe a scene of 16 x 16 pixels, from <START> to <END>; the picture sets the first hidden state.

    A sentence names one shape and its place, or two shapes and their relation, beginning with the upper or the left
    one, so that exactly one sentence is right. Two shapes never overlap in the named direction. The split depends on
    the scene, not on its brightness and noise: a held-out scene is never in training.
    """

    name = "caption"
    picture_shape = (1, SIDE, SIDE)
    context_size = 64
    longest = 13

    def __init__(self, config: RunConfig) -> None:
        super().__init__(config)
        self.vocabulary = self.output_vocabulary = (*sorted([*WORDS.split(), *SHAPES]), START, END)
        self.inputs = self.outputs = len(self.vocabulary)
        self.start, self.end = self.inputs - 2, self.inputs - 1
        self.ids = {word: i for i, word in enumerate(self.vocabulary)}
        self.drawings = {(kind, size): shape(kind, size) for kind in SHAPES for size in (SMALL, LARGE)}
        self.longest_lag = self.longest

    def scene(self, rng: np.random.Generator) -> tuple[Scene, str]:
        """Draw a scene at random, and its sentence."""

        def up_to(most: int) -> int:
            return int(rng.integers(most + 1))

        size, other = (LARGE if rng.random() < 0.5 else SMALL for _ in range(2))
        kind, also = (SHAPES[up_to(3)] for _ in range(2))
        name, other_name = (f"a {'large' if n == LARGE else 'small'} {k}" for n, k in ((size, kind), (other, also)))
        free = SIDE - size
        if rng.random() < 0.3:
            where = list(PLACES)[up_to(len(PLACES) - 1)]
            top, left = ((0, free // 2 - 1, free - 2)[at] + up_to(2) for at in PLACES[where])
            return ((kind, size, top, left),), f"{name} {where}"
        near = up_to(free - other - 1)
        far = near + size + 1 + up_to(free - other - 1 - near)  # at least one dark line between them
        # In the other direction they are at most a pixel apart, so that the relation is unambiguous.
        across = up_to(SIDE - max(size, other))
        aside = min(max(across + up_to(2) - 1, 0), SIDE - other)
        if rng.random() < 0.5:
            return ((kind, size, near, across), (also, other, far, aside)), f"{name} above {other_name}"
        return ((kind, size, across, near), (also, other, aside, far)), f"{name} to the left of {other_name}"

    def drawn(self, scene: Scene, rng: np.random.Generator) -> Array:
        """The picture (1, 16, 16), from 0 to 1, of random brightness and with noise."""
        picture = rng.normal(0, 0.05, (1, SIDE, SIDE))
        light = rng.uniform(0.7, 1.0)
        for kind, size, top, left in scene:
            picture[0, top : top + size, left : left + size] += light * self.drawings[kind, size]
        return picture.clip(0, 1).astype(np.float32)

    def item(self, rng: np.random.Generator, length_fraction: float) -> Item:
        return self.items(rng, 1, "train")[0]

    def items(self, rng: np.random.Generator, count: int, split: Split, length_fraction: float = 1.0) -> list[Item]:
        drawn: list[Item] = []
        while len(drawn) < count:
            scene, sentence = self.scene(rng)
            if split_of(str(scene).encode()) == split:
                words = [self.ids[word] for word in sentence.split()]
                weights = [1.0] * (len(words) + 1)
                drawn.append(Item([self.start, *words], [*words, self.end], weights, context=self.drawn(scene, rng)))
        return drawn

    def score(self, predict: PredictFunction) -> TaskScore:
        """The fraction of test scenes that the network, given its own words, describes exactly right."""
        batch = self.test()
        weights = np.ones(batch.inputs.shape) if batch.weights is None else batch.weights
        expected = [batch.targets[: int(weights[:, b].sum()) - 1, b].tolist() for b in range(batch.inputs.shape[1])]
        start = Batch(batch.inputs[:1], batch.targets[:1], context=batch.context)
        hits = [
            ids == right_ids
            for ids, right_ids in zip(greedy_decode(predict, start, self.end, self.longest + 3), expected, strict=True)
        ]
        return accuracy_score("unseen scenes described exactly right", hits, 0.95)

    def example(self, index: int) -> Example:
        item = self.items(np.random.default_rng([index, SIDE]), 1, "test")[0]
        batch = collate([item])
        example = self.to_example(batch, f"scene {index + 1}")
        picture = None if batch.context is None else batch.context[0, :, :, 0]
        return Example(example.title, example.inputs, example.targets, batch, picture)

    def feature_names(self) -> list[str]:
        return ["word position", "second shape", "relation has come"]

    def feature(self, name: str, ids: Array) -> Array:
        words = [self.vocabulary[i] for i in ids]
        shapes = np.cumsum([word in SHAPES for word in words])
        if name == "word position":
            return np.arange(1.0, len(words) + 1)
        if name == "second shape":
            return np.asarray(shapes >= 2)
        if name == "relation has come":
            return np.cumsum([word in ("above", "to", "at", "in") for word in words]) > 0
        raise KeyError(name)
