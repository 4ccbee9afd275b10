"""Moving pictures: the direction of a moving block in each frame, and the next frame of a bouncing ball."""

import numpy as np

from rnnplay.tasks.base import Array, Batch, Example, PredictFunction, TaskScore
from rnnplay.tasks.generated import GeneratedTask, Split, draw_rows, predict_in_chunks

SIDE = 12


class Video(GeneratedTask):
    """A block of 3 x 3 on 12 x 12 pixels goes left, right, up, down or stays, each for some frames: label every frame.

    Inputs (T, 144, B). A label needs the frame before it, so the first frame has none.
    """

    name = "video"
    inputs_are_ids = False
    inputs, frame_shape = SIDE * SIDE, (SIDE, SIDE)
    output_vocabulary = ("left", "right", "up", "down", "still")
    outputs = 5
    moves = ((0, -1), (0, 1), (-1, 0), (1, 0), (0, 0))  # rows, columns
    block = 3
    longest_lag = 1
    test_count = 500

    def tracks(self, rng: np.random.Generator, count: int, length: int) -> Array:
        """(count, length, 3): row, column, label; the first frame's label is 0 and counts nothing."""
        free = SIDE - self.block
        tracks = np.zeros((count, length, 3), np.int16)
        place = rng.integers(0, free + 1, (count, 2))
        label = rng.integers(0, 5, count)
        moves = np.array(self.moves)
        for t in range(length):
            if t:
                label = np.where(rng.random(count) < 0.25, rng.integers(0, 5, count), label)
                beyond = ((place + moves[label] < 0) | (place + moves[label] > free)).any(axis=1)
                label = np.where(beyond, np.array([1, 0, 3, 2, 4])[label], label)  # it turns round at an edge
                place = place + moves[label]
            tracks[:, t, :2], tracks[:, t, 2] = place, label if t else 0
        return tracks

    def draw(self, rng: np.random.Generator, count: int, split: Split, length_fraction: float) -> Batch:
        length = max(2, round(length_fraction * self.config.seq_len))
        tracks = draw_rows(lambda n: self.tracks(rng, n, length), count, split).astype(int)
        rows, columns = np.indices((SIDE, SIDE)).reshape(2, -1)
        top, left = tracks[:, :, 0].T[:, None], tracks[:, :, 1].T[:, None]  # (T, 1, B)
        down, across = rows[:, None] - top, columns[:, None] - left  # (T, 144, B)
        inside = (down >= 0) & (down < self.block) & (across >= 0) & (across < self.block)
        weights = np.ones((length, count), np.float32)
        weights[0] = 0
        return Batch(inside.astype(np.float32), tracks[:, :, 2].T.astype(np.int32), weights)

    def score(self, predict: PredictFunction) -> TaskScore:
        batch = self.test()
        hits = (predict_in_chunks(predict, batch).argmax(axis=1) == batch.targets)[1:]
        value = float(hits.mean())
        return TaskScore("frames of unseen films right", value, 0.97, value >= 0.97)

    def baselines(self) -> list[tuple[str, float]]:
        batch = next(self.evaluation())
        shares = np.bincount(batch.targets[1:].ravel(), minlength=5) / batch.targets[1:].size
        return [("how common a label is", float(-(shares * np.log(shares)).sum()))]

    def to_example(self, batch: Batch, title: str) -> Example:
        length = batch.inputs.shape[0]
        targets: list[str | None] = [None, *(self.output_vocabulary[i] for i in batch.targets[1:, 0])]
        frames = batch.inputs[:, :, 0].reshape(length, SIDE, SIDE)
        return Example(title, [f"frame {t + 1}" for t in range(length)], targets, batch, frames)

    def feature_names(self) -> list[str]:
        return ["row", "column", "at an edge", *(f"moves {label}" for label in self.output_vocabulary)]

    def feature(self, name: str, ids: Array) -> Array:
        top, left = _corner(np.asarray(ids))
        if name in ("row", "column"):
            return (top if name == "row" else left) / (SIDE - self.block)
        if name == "at an edge":
            edges = (0, SIDE - self.block)
            return np.isin(top, edges) | np.isin(left, edges)
        raise KeyError(name)

    def batch_feature(self, name: str, batch: Batch) -> Array:
        label = name.removeprefix("moves ")
        if label in self.output_vocabulary:
            return np.asarray(batch.targets == self.output_vocabulary.index(label))
        return super().batch_feature(name, batch)


def _corner(frames: Array) -> tuple[Array, Array]:
    """Row and column (T,) of the first lit pixel of each frame (T, 144)."""
    first = (frames > 0.5).argmax(axis=1)
    return first // SIDE, first % SIDE


class Ball(GeneratedTask):
    """A ball flies straight through a box of 12 x 12 pixels and bounces off its walls: predict the next frame.

    Inputs and targets (T, 144, B) from 0 to 1; the ball is a round spot at a place between the pixels. Its direction
    needs two frames, so the score leaves out the first `warm_up` predictions.
    """

    name = "ball"
    inputs_are_ids = False
    inputs = outputs = SIDE * SIDE
    frame_shape = (SIDE, SIDE)
    readout = "sigmoid"
    output_vocabulary = ()
    radius, warm_up, tolerance = 1.2, 3, 0.5
    test_count = 300
    longest_lag = 2

    def paths(self, rng: np.random.Generator, count: int, length: int) -> Array:
        """Places (count, length, 2) of the ball: row, column, from 1 to 10."""
        low, span = 1.0, SIDE - 3.0
        angle, speed = rng.uniform(0, 2 * np.pi, count), rng.uniform(0.5, 1.2, count)
        start = rng.uniform(0, span, (count, 2))
        velocity = np.stack([np.sin(angle), np.cos(angle)], axis=1) * speed[:, None]
        unfolded = start[:, None] + velocity[:, None] * np.arange(length)[:, None]
        folded = unfolded % (2 * span)  # a bounce is a straight path in a mirror
        return (low + np.minimum(folded, 2 * span - folded)).astype(np.float32)

    def draw(self, rng: np.random.Generator, count: int, split: Split, length_fraction: float) -> Batch:
        length = max(self.warm_up + 2, round(length_fraction * self.config.seq_len))
        paths = draw_rows(lambda n: self.paths(rng, n, length + 1), count, split)
        rows, columns = np.indices((SIDE, SIDE)).reshape(2, -1)
        places = paths.transpose(1, 2, 0)  # (T+1, 2, B)
        squares = (rows[:, None] - places[:, :1]) ** 2 + (columns[:, None] - places[:, 1:]) ** 2
        frames = np.exp(-squares / self.radius**2).astype(np.float32)
        return Batch(frames[:-1], frames[1:])

    def score(self, predict: PredictFunction) -> TaskScore:
        """The fraction of predicted frames whose centroid is within half a pixel of the true one."""
        batch = self.test()
        expected, predicted = centroid(batch.targets), centroid(predict_in_chunks(predict, batch))
        distance = np.sqrt(((expected - predicted) ** 2).sum(axis=1))[self.warm_up :]
        value = float((distance < self.tolerance).mean())
        return TaskScore("unseen frames with the ball in its place", value, 0.95, value >= 0.95)

    def baselines(self) -> list[tuple[str, float]]:
        """The losses of the previous frame and of the mean frame, taken as probabilities."""
        batch = next(self.evaluation())
        means = batch.targets.mean(axis=(0, 2), keepdims=True)
        return [
            ("the same frame again", binary_cross_entropy(batch.inputs, batch.targets)),
            ("the mean frame", binary_cross_entropy(means, batch.targets)),
        ]

    def to_example(self, batch: Batch, title: str) -> Example:
        length = batch.inputs.shape[0]
        rows: list[str | None] = [f"frame {t + 1}" for t in range(length)]
        targets: list[str | None] = [f"frame {t + 2}" for t in range(length)]
        return Example(title, rows, targets, batch, batch.inputs[:, :, 0].reshape(length, SIDE, SIDE))

    def feature_names(self) -> list[str]:
        return ["row", "column", "moves down", "moves right", "near a wall"]

    def feature(self, name: str, ids: Array) -> Array:
        row, column = centroid(np.asarray(ids)[:, :, None])[:, :, 0].T
        if name in ("row", "column"):
            return np.asarray((row if name == "row" else column) / (SIDE - 1))
        if name in ("moves down", "moves right"):
            place = row if name == "moves down" else column
            return np.asarray(np.diff(place, prepend=place[:1]) > 0)
        if name == "near a wall":
            return np.asarray((np.minimum(row, column) < 2.5) | (np.maximum(row, column) > SIDE - 3.5))
        raise KeyError(name)


def centroid(frames: Array) -> Array:
    """The centroid of frames (T, 144, B): rows and columns (T, 2, B). Values up to 0.2 do not count."""
    light = np.maximum(frames - 0.2, 0)
    total = light.sum(axis=1, keepdims=True) + 1e-9
    rows, columns = np.indices((SIDE, SIDE)).reshape(2, -1)
    return np.concatenate(
        [(light * axis[:, None]).sum(axis=1, keepdims=True) / total for axis in (rows, columns)], axis=1
    )


def binary_cross_entropy(p: Array, targets: Array) -> float:
    """Mean binary cross-entropy in nats a pixel."""
    p = np.clip(p, 1e-4, 1 - 1e-4)
    return float(-np.mean(targets * np.log(p) + (1 - targets) * np.log(1 - p)))
