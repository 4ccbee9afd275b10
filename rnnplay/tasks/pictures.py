"""Single pictures: a digit to name (one to one), a scene to describe in a sentence (one to many)."""

import numpy as np

from rnnplay.config import RunConfig
from rnnplay.tasks.base import Answer, Array, Batch, Example, Measure
from rnnplay.tasks.generated import (
    END,
    START,
    Generated,
    Item,
    Split,
    Symbols,
    collate,
    right,
    share_of,
    split_of,
    write,
)
from rnnplay.tasks.memory import rows_of

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


class Plain(Generated):
    """A digit of 7 x 5 pixels somewhere on 10 x 8, faint and noisy: which one is it? T = 1, nothing to remember."""

    name = "plain"
    by_id = False
    height, width = 10, 8
    inputs, outputs = height * width, 10
    frame = (height, width)
    output_vocabulary = tuple("0123456789")
    noise = 0.15

    def draw(self, rng: np.random.Generator, count: int, split: Split, share: float) -> Batch:
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

        rows = rows_of(items, count, split)
        return Batch(np.ascontiguousarray(rows[:, 1:].T)[None], rows[:, 0].astype(np.int32)[None])

    def measure(self, answer: Answer) -> Measure:
        return share_of("unseen digits right", right(answer, self.test())[0], 0.97)

    def baselines(self) -> list[tuple[str, float]]:
        return [("ten digits alike, ln 10", float(np.log(10)))]

    def shown(self, batch: Batch, title: str) -> Example:
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


class Caption(Symbols):
    """A drawn scene of 16 x 16 pixels, described from <START> to <END>; the picture sets the first hidden state.

    One shape, with the place where it is, or two, with how they lie: named from the upper or the left one, so that one
    sentence is right. Two shapes never overlap in the direction that is named.
    """

    name = "caption"
    picture = (1, SIDE, SIDE)
    features = 64
    longest = 13

    def __init__(self, config: RunConfig) -> None:
        super().__init__(config)
        words = [
            "a",
            "small",
            "large",
            "in",
            "at",
            "the",
            "top",
            "bottom",
            "middle",
            "left",
            "right",
            "to",
            "of",
            "above",
        ]
        words += SHAPES
        self.vocabulary = self.output_vocabulary = (*sorted(words), START, END)
        self.inputs = self.outputs = len(self.vocabulary)
        self.start, self.end = self.inputs - 2, self.inputs - 1
        self.ids = {word: i for i, word in enumerate(self.vocabulary)}
        self.longest_lag = self.longest

    def scene(self, rng: np.random.Generator) -> tuple[Array, str]:
        """A picture (16, 16) and its sentence."""
        picture = np.zeros((SIDE, SIDE), np.float32)

        def choose() -> tuple[Array, str]:
            large = bool(rng.integers(2))
            kind = SHAPES[rng.integers(len(SHAPES))]
            return shape(kind, LARGE if large else SMALL), f"a {'large' if large else 'small'} {kind}"

        def place(drawn: Array, top: int, left: int) -> None:
            size = len(drawn)
            picture[top : top + size, left : left + size] = drawn

        first, said = choose()
        size = len(first)
        if rng.random() < 0.3:
            free = SIDE - size
            low, high, centre = (0, 3), (free - 2, free + 1), (free // 2 - 1, free // 2 + 2)
            where, rows, columns = (
                ("in the middle", centre, centre),
                ("at the top", low, centre),
                ("at the bottom", high, centre),
                ("on the left", centre, low),
                ("on the right", centre, high),
            )[rng.integers(5)]
            place(first, int(rng.integers(*rows)), int(rng.integers(*columns)))
            sentence = f"{said} {where.replace('on the', 'at the')}"
        else:
            second, also = choose()
            near = int(rng.integers(0, SIDE - size - len(second) + 1))
            far = int(rng.integers(near + size, SIDE - len(second) + 1))
            # Across, they lie so near to one line that it is plain which way they are apart.
            across = int(rng.integers(0, SIDE - max(size, len(second)) + 1))
            aside = int(np.clip(across + rng.integers(-1, 2), 0, SIDE - len(second)))
            if rng.random() < 0.5:
                place(first, near, across)
                place(second, far, aside)
                sentence = f"{said} above {also}"
            else:
                place(first, across, near)
                place(second, aside, far)
                sentence = f"{said} to the left of {also}"
        light = rng.uniform(0.7, 1.0)
        return (picture * light + rng.normal(0, 0.05, picture.shape)).clip(0, 1).astype(np.float32), sentence

    def item(self, rng: np.random.Generator, share: float) -> Item:
        picture, sentence = self.scene(rng)
        words = [self.ids[word] for word in sentence.split()]
        return Item([self.start, *words], [*words, self.end], [1.0] * (len(words) + 1), features=picture[None])

    def split(self, item: Item) -> Split:
        return split_of(b"" if item.features is None else item.features.tobytes())

    def measure(self, answer: Answer) -> Measure:
        """The share of unseen scenes that it describes exactly right, fed with its own words."""
        batch = self.test()
        weights = np.ones(batch.inputs.shape) if batch.weights is None else batch.weights
        wanted = [batch.targets[: int(weights[:, b].sum()) - 1, b].tolist() for b in range(batch.inputs.shape[1])]
        start = Batch(batch.inputs[:1], batch.targets[:1], features=batch.features)
        hits = [
            ids == right_ids
            for ids, right_ids in zip(write(answer, start, self.end, self.longest + 3), wanted, strict=True)
        ]
        return share_of("unseen scenes described exactly right", hits, 0.95)

    def example(self, index: int) -> Example:
        item = self.items(np.random.default_rng([index, SIDE]), 1, "test")[0]
        batch = collate([item])
        shown = self.shown(batch, f"scene {index + 1}")
        picture = None if batch.features is None else batch.features[0, :, :, 0]
        return Example(shown.title, shown.inputs, shown.targets, batch, picture)

    def feature_names(self) -> list[str]:
        return ["word position", "second shape", "relation has come"]

    def feature(self, name: str, ids: Array) -> Array:
        words = [self.vocabulary[i] for i in ids]
        shapes = np.cumsum([word in SHAPES for word in words])
        if name == "word position":
            return np.arange(len(words)) / max(1, len(words) - 1)
        if name == "second shape":
            return np.asarray(shapes >= 2)
        if name == "relation has come":
            return np.cumsum([word in ("above", "to", "at", "in") for word in words]) > 0
        raise KeyError(name)
