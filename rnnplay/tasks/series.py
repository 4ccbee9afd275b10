"""A series of numbers, generated or a CSV's column: predict the next value, and forecast further values."""

from collections.abc import Iterator
from pathlib import Path

import msgspec
import numpy as np

from rnnplay.config import RunConfig, UserError
from rnnplay.tasks.base import Array, Batch, Example, PredictFunction, TaskScore
from rnnplay.tasks.data import MAX_HELD_OUT, TaskData
from rnnplay.tasks.generated import GeneratedTask, Split, seeded_rng
from rnnplay.tasks.tables import read_column

MIN_VALUES = 60  # of the user's series
MAX_FORECAST = 500  # values
_FITTED = 2**16  # windows of a long series that are in memory at a time


def tides(count: int) -> Array:
    """A made-up tide (count,): a wave whose pace and height change, flattened at its top, a slower one, and noise.

    The flattening and the changing pace are what no linear predictor follows.
    """
    rng = seeded_rng("series")
    time = np.arange(count)
    phase = 2 * np.pi * time / 24 + 6 * np.sin(2 * np.pi * time / 331)
    height = 1 + 0.4 * np.sin(2 * np.pi * time / 173)
    wave = np.tanh(3 * np.sin(phase)) * height
    return np.asarray(wave + 0.5 * np.sin(2 * np.pi * time / 61) + rng.normal(0, 0.05, count))


class Series(GeneratedTask):
    """The next value of a series, squared error; values are scaled by the training part's mean and deviation.

    Training reads windows of `seq_len` from the first part; the fraction `validation` at the end is held out, its first
    half for the evaluation, its second for `score`. The first `order` values of a held-out part have weight 0, so that
    a linear predictor can be scored on the same steps.
    """

    name = "series"
    inputs_are_ids = False
    inputs = outputs = 1
    readout = "linear"
    output_vocabulary = ("value",)
    question_help = "how many values to forecast, 50"
    file_help = "a CSV file"
    generated = 6_000

    def __init__(self, config: RunConfig, known: TaskData | None = None, *, reads_text: bool = True) -> None:
        """known: data of an earlier table, whose scaling is used. reads_text: False makes the task from it alone."""
        super().__init__(config)
        self.longest_lag = 0
        if not reads_text:
            assert known is not None
            self._restore_data(known)
            return
        values = self._read_values()
        tail = max(20, round(len(values) * max(config.validation, 0.02)))
        trained = len(values) - tail
        if known is None:
            self.mean, self.deviation = float(values[:trained].mean()), float(values[:trained].std())
            if self.deviation == 0:
                raise UserError(f"The column {self.column!r} is the same number throughout.", "Choose another column.")
        else:
            self.mean, self.deviation = known.number("mean"), known.number("deviation")
        scaled = ((values - self.mean) / self.deviation).astype(np.float32)
        cut = trained + tail // 2
        self.parts: dict[Split, Array] = {
            "train": scaled[:trained],
            "validation": scaled[trained:cut],
            "test": scaled[cut:],
        }
        self.held_out_size = tail
        self._last_values = scaled[-max(50, config.seq_len) :]
        self.order = min(16, tail // 4)
        self.coefficients = self._linear()
        self.epoch_steps = max(1, trained // (config.seq_len * config.batch))

    def _read_values(self) -> Array:
        """Return the whole series, in its own units. Raises UserError if it is too short."""
        if self.config.text is None:
            values, self.column = tides(self.generated), "tide"
        else:
            chosen = read_column(
                Path(self.config.text),
                self.config.column,
                encoding=self.config.encoding,
                missing=self.config.missing,
                separator=self.config.separator,
                decimal=self.config.decimal,
            )
            values, self.column, self.sha256 = chosen.values, chosen.name, chosen.sha256
            self.notes += chosen.notes
        if len(values) < MIN_VALUES:
            raise UserError(
                f"The series has {len(values)} value{'s' * (len(values) != 1)}.",
                f"Give at least {MIN_VALUES}, better some hundreds.",
            )
        return values

    def data(self) -> TaskData:
        """Scaling, the linear predictor and the held-out values, at most MAX_HELD_OUT of each half."""
        values = {
            "column": self.column,
            "mean": self.mean,
            "deviation": self.deviation,
            "order": self.order,
            "sha256": self.sha256,
            "held_out_size": self.held_out_size,
            "epoch_steps": self.epoch_steps,
        }
        arrays = {
            "validation": self.parts["validation"][:MAX_HELD_OUT],
            "test": self.parts["test"][:MAX_HELD_OUT],
            "last": self._last_values,
            "coefficients": self.coefficients,
        }
        return TaskData(arrays, values)

    def _restore_data(self, data: TaskData) -> None:
        self.parts = {"validation": data.array("validation"), "test": data.array("test")}
        self._last_values, self.coefficients = data.array("last"), data.array("coefficients")
        self.mean, self.deviation = data.number("mean"), data.number("deviation")
        self.order, self.epoch_steps = data.integer("order"), data.integer("epoch_steps")
        self.held_out_size = data.integer("held_out_size")
        self.column, self.sha256 = str(data.values.get("column")), data.values.get("sha256")
        self.has_training_data = False

    def draw(self, rng: np.random.Generator, count: int, split: Split, length_fraction: float) -> Batch:
        part = self.parts[split]
        length = min(max(1, round(length_fraction * self.config.seq_len)), len(part) - 1)
        starts = rng.integers(0, len(part) - length, count)
        windows = part[np.arange(length + 1)[:, None] + starts]  # (T+1, B)
        return Batch(windows[:-1, None], windows[1:, None])

    def file_batches(self, path: str, encoding: str | None = None) -> tuple[Iterator[Batch], tuple[str, ...]]:
        other = Series(msgspec.structs.replace(self.config, text=path, encoding=encoding), self.data())
        return iter([self._sequence(np.concatenate(list(other.parts.values())))]), other.notes

    def held_out_part(self, split: Split) -> Batch:
        """A held-out part as one sequence; its first values have weight 0."""
        return self._sequence(self.parts[split])

    def _sequence(self, part: Array) -> Batch:
        weights = np.ones((len(part) - 1, 1), np.float32)
        weights[: self.order - 1] = 0
        return Batch(part[:-1, None, None], part[1:, None, None], weights)

    def evaluation(self) -> Iterator[Batch]:
        yield self.held_out_part("validation")

    def test(self) -> Batch:
        return self.held_out_part("test")

    def score(self, predict: PredictFunction) -> TaskScore:
        """The squared error on the second half of the held-out part; the linear predictor's is the criterion."""
        batch = self.test()
        counted = batch.weights[:, 0] > 0 if batch.weights is not None else slice(None)
        error = float(np.mean((predict(batch)[:, 0, 0] - batch.targets[:, 0, 0])[counted] ** 2))
        linear = self._linear_error("test")
        return TaskScore(f"squared error, linear predictor {linear:.4f}", error, linear, error <= linear)

    def baselines(self) -> list[tuple[str, float]]:
        part = self.parts["validation"]
        same = float(np.mean((part[self.order :] - part[self.order - 1 : -1]) ** 2))
        pairs = [(f"linear in the last {self.order}", self._linear_error("validation")), ("the same value again", same)]
        return sorted(pairs, key=lambda pair: pair[1])

    def _linear(self) -> Array:
        """Least squares: coefficients of the last `order` values, the oldest first, and a constant."""
        windows = np.lib.stride_tricks.sliding_window_view(self.parts["train"], self.order + 1)
        chunks = (windows[begin : begin + _FITTED].astype(float) for begin in range(0, len(windows), _FITTED))
        equations = np.zeros((0, self.order + 2))
        for chunk in chunks:
            equations = np.vstack([equations, np.column_stack([chunk[:, :-1], np.ones(len(chunk)), chunk[:, -1]])])
            if len(windows) > _FITTED:
                equations = np.asarray(np.linalg.qr(equations, mode="r"))  # of the same least squares
        return np.asarray(np.linalg.lstsq(equations[:, :-1], equations[:, -1], rcond=None)[0])

    def _linear_error(self, split: Split) -> float:
        windows = np.lib.stride_tricks.sliding_window_view(self.parts[split].astype(float), self.order + 1)
        guesses = windows[:, :-1] @ self.coefficients[:-1] + self.coefficients[-1]
        return float(np.mean((guesses - windows[:, -1]) ** 2))

    def unscaled(self, values: Array) -> Array:
        return np.asarray(values) * self.deviation + self.mean

    def example(self, index: int) -> Example:
        """A window of the test part, with its numbers as `series`."""
        part = self.parts["test"]
        length = min(self.config.seq_len, len(part) - 1)
        start = index * length % (len(part) - length)
        window = part[start : start + length + 1]
        batch = Batch(window[:-1, None, None], window[1:, None, None])
        inputs: list[str | None] = [f"{value:.3g}" for value in self.unscaled(window[:-1])]
        targets: list[str | None] = [f"{value:.3g}" for value in self.unscaled(window[1:])]
        return Example(
            f"{self.column}, from held-out value {start + 1}", inputs, targets, batch, series=self.unscaled(window)
        )

    def feature_names(self) -> list[str]:
        return ["level", "rising", "turning"]

    def feature(self, name: str, ids: Array) -> Array:
        values = np.asarray(ids)[:, 0]
        change = np.diff(values, prepend=values[:1])
        if name == "level":
            return values
        if name == "rising":
            return np.asarray(change > 0)
        if name == "turning":
            return np.asarray(np.sign(change) != np.sign(np.concatenate([change[:1], change[:-1]])))
        raise KeyError(name)

    def forecast(self, history: Array, count: int, predict: PredictFunction) -> Array:
        """The next `count` values after `history` (N,), scaled, each prediction fed back."""
        values = [float(value) for value in history]
        for _ in range(count):
            inputs = np.array(values, np.float32)[:, None, None]
            values.append(float(predict(Batch(inputs, inputs))[-1, 0, 0]))
        return np.array(values[len(history) :])

    def answer_question(self, prompt: str, predict: PredictFunction) -> list[tuple[str, float]]:
        """A forecast from the end of the series, in its own units."""
        text = prompt.strip() or "50"
        if not text.isdigit() or not 1 <= int(text) <= MAX_FORECAST:
            raise UserError(f"{prompt!r} is not a number of values.", f"Give a number from 1 to {MAX_FORECAST}.")
        forecast = self.forecast(self.latest(), int(text), predict)
        return [(f"{value:.4g} ", 1.0) for value in self.unscaled(forecast)]

    def latest(self) -> Array:
        """The last values of the whole series, scaled: what a forecast goes on from."""
        return self._last_values
