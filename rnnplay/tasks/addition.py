"""Binary addition, the lowest bit first: the network must remember the carry.

`addition` learns from sums of random numbers; `addition-original` repeats a well-known small program draw for draw.
"""

import re
from collections.abc import Callable
from typing import Any

import numpy as np

from rnnplay.config import RunConfig, UserError
from rnnplay.tasks.base import Array, Batch, Example, PredictFunction, TaskScore
from rnnplay.tasks.generated import GeneratedTask, Split, predict_in_chunks
from rnnplay.tasks.memoryless import PRESENT_INPUT

LONG_BITS = 16  # of the test's long numbers, longer than those of training


def bits_of(numbers: Array, count: int) -> Array:
    """The lowest `count` bits of `numbers` (B,), the lowest first: (count, B) float32."""
    return ((np.asarray(numbers) >> np.arange(count)[:, None]) & 1).astype(np.float32)


def number_of(bits: Array) -> Array:
    """The numbers (B,) whose bits, the lowest first, are `bits` (T, B)."""
    powers = 1 << np.arange(len(bits), dtype=np.int64)
    return np.asarray(powers @ (np.asarray(bits) > 0.5))


class Addition(GeneratedTask):
    """Read two numbers of `seq_len` - 1 bits, one bit of each at a time step; predict each bit of their sum.

    Inputs (T, 2, B), targets (T, 1, B). The rule, two bits and a carry, holds for numbers of any length.
    """

    name = "addition"
    inputs_are_ids = False
    inputs, outputs = 2, 1
    readout = "sigmoid"
    output_vocabulary = ("1",)
    longest_lag = LONG_BITS
    question_help = "two numbers, 23 + 18"

    def __init__(self, config: RunConfig) -> None:
        super().__init__(config)
        if not 2 <= config.seq_len <= 40:
            raise UserError(f"Sums of {config.seq_len} bits are not possible.", "Give a length from 2 to 40.")
        self.bits = config.seq_len - 1

    def batch_of(self, first: Array, second: Array, bits: int) -> Batch:
        """The sums `first` + `second` (B,) of numbers of `bits` bits; the last time step is the carry."""
        inputs = np.stack([bits_of(first, bits + 1), bits_of(second, bits + 1)], axis=1)
        return Batch(inputs, bits_of(first + second, bits + 1)[:, None])

    def draw(self, rng: np.random.Generator, count: int, split: Split, length_fraction: float) -> Batch:
        # The only task whose held-out items may be in training: there are only 16,384 sums of 7 bits, all tested.
        first, second = rng.integers(0, 2**self.bits, (2, count))
        return self.batch_of(first, second, self.bits)

    def every_sum(self) -> Batch:
        """Return all sums of numbers of at most 7 bits (or of as many as there are in training)."""
        bits = min(7, self.bits)
        first, second = np.divmod(np.arange(4**bits), 2**bits)
        return self.batch_of(first, second, bits)

    def long_sums(self) -> Batch:
        """2,000 sums of 16-bit numbers."""
        first, second = generator_of_long_numbers().integers(2 ** (LONG_BITS - 1), 2**LONG_BITS, (2, 2_000))
        return self.batch_of(first, second, LONG_BITS)

    def score(self, predict: PredictFunction) -> TaskScore:
        """The fraction of sums right in every bit: the lesser of all 7-bit sums and of 2,000 16-bit sums."""
        fractions = [
            float(np.mean(((predict_in_chunks(predict, batch, 5_000) > 0.5) == batch.targets).all(axis=(0, 1))))
            for batch in (self.every_sum(), self.long_sums())
        ]
        return TaskScore("whole sums right, 7 and 16 bits", min(fractions), 1.0, min(fractions) >= 1.0)

    def baselines(self) -> list[tuple[str, float]]:
        y, p = self.memoryless_guesses()
        return [(PRESENT_INPUT, float(-np.mean(y * np.log(p) + (1 - y) * np.log(1 - p))))]

    def memoryless_guesses(self) -> tuple[Array, Array]:
        """Each held-out bit of a sum (T, B), and the exact probability of a 1 given only the two input bits.

        A carry into bit t has probability (1 - 2^-t) / 2; two bits are 0 0, equal to each other or not, with 1/4, 1/4
        and 1/2, and after the last bit always 0 0.
        """
        batch = next(self.evaluation())
        columns = batch.inputs.sum(axis=1).astype(int)  # (T, B): how many of the two bits are 1
        carry = (1 - 0.5 ** np.arange(self.bits + 1)) / 2
        mean = carry[:-1].mean()
        nothing = (carry[:-1].sum() / 4 + carry[-1]) / (self.bits / 4 + 1)
        ones = np.clip([nothing, 1 - mean, mean], 1e-12, 1 - 1e-12)  # a sum of one bit has no doubt
        return batch.targets[:, 0], ones[columns]

    def feature_names(self) -> list[str]:
        return ["carry", "carry in", "bit"]

    def feature(self, name: str, ids: Array) -> Array:
        bits = np.asarray(ids) > 0.5  # (T, 2)
        if name == "bit":
            return np.arange(1.0, len(bits) + 1)
        if name not in ("carry", "carry in"):
            raise KeyError(name)
        carries = [False]
        for a, b in bits:
            carries.append(bool((a & b) | ((a | b) & carries[-1])))
        return np.array(carries[1:] if name == "carry" else carries[:-1])

    def to_example(self, batch: Batch, title: str) -> Example:
        first, second = (number_of(batch.inputs[:, i]) for i in range(2))
        rows: list[str | None] = [f"{int(a)}{int(b)}" for a, b in batch.inputs[:, :, 0]]
        targets: list[str | None] = [str(int(y)) for y in batch.targets[:, 0, 0]]
        return Example(f"{first[0]} + {second[0]} = {first[0] + second[0]}, lowest bit first", rows, targets, batch)

    def answer_question(self, prompt: str, predict: PredictFunction) -> list[tuple[str, float]]:
        match = re.fullmatch(r"\s*(\d+)\s*\+\s*(\d+)\s*=?\s*", prompt)
        if not match:
            raise UserError(f"{prompt!r} is no sum.", "Give two numbers: 23 + 18")
        first, second = int(match[1]), int(match[2])
        bits = max(first.bit_length(), second.bit_length(), self.bits)
        if bits > 60:
            raise UserError("These numbers are too long.", "Give numbers below 2^60.")
        outputs = predict(self.batch_of(np.array([first]), np.array([second]), bits))[:, 0, 0]
        sure = float(np.where(outputs > 0.5, outputs, 1 - outputs).min())
        return [(f"{first} + {second} = ", 1.0), (str(int(number_of(outputs[:, None])[0])), sure)]


def generator_of_long_numbers() -> np.random.Generator:
    return np.random.default_rng(16)


class AdditionOriginal(Addition):
    """A well-known program of forty lines, repeated by the general engine with the same draws in the same order.

    One generator draws first the weights (from -1 to 1), then two 7-bit numbers for each of the 10,000 steps. The
    program's deltas are those of a squared error summed over the time steps and halved; with the mean over eight time
    steps, its rate 0.1 is 0.4 here. Source of the order: `numpy.random.RandomState(0)` in that program.
    """

    name = "addition-original"
    readout = "sigmoid-squared"

    def __init__(self, config: RunConfig) -> None:
        super().__init__(config)
        self.stream = np.random.RandomState(config.seed % 2**32)
        h = config.hidden or 0
        w_xh, w_hy, w_hh = (2 * self.stream.random_sample(shape) - 1 for shape in ((2, h), (h, 1), (h, h)))
        # The program multiplies rows by matrices, the engine matrices by columns.
        self.parameters = {"l0.W_xh": w_xh.T.copy(), "W_hy": w_hy.T.copy(), "l0.W_hh": w_hh.T.copy()}

    def initial_parameters(self) -> dict[str, Array] | None:
        config = self.config
        plain = config.cell == "rnn" and config.layers == 1 and not config.bias
        return self.parameters if plain else None

    def baselines(self) -> list[tuple[str, float]]:
        """The squared error, as this task's loss is."""
        y, p = self.memoryless_guesses()
        return [(PRESENT_INPUT, float(np.mean((y - p) ** 2)))]

    def batch(self, step: int) -> Batch:
        pairs = [
            (self.stream.randint(2**self.bits), self.stream.randint(2**self.bits)) for _ in range(self.config.batch)
        ]
        first, second = np.array(pairs).T
        return self.batch_of(first, second, self.bits)

    def log_line(self, step: int, batch: Batch, outputs: Callable[[], Array]) -> str | None:
        if step % 1_000:
            return None
        predicted = outputs()[:, :, 0]  # (T, 1)
        error = float(np.abs(batch.targets[:, :, 0] - predicted).sum(axis=0)[0])
        first, second = (int(number_of(batch.inputs[:, i])[0]) for i in range(2))
        digits = np.format_float_positional(error, precision=8, trim="-")
        return f"{step:>5}  error {digits}  {first} + {second} = {int(number_of(predicted)[0])}"

    def state(self) -> dict[str, Any]:
        state: Any = self.stream.get_state(legacy=False)
        inner = state["state"]
        return {"key": inner["key"].tolist(), "pos": int(inner["pos"])}

    def restore(self, state: dict[str, Any]) -> None:
        self.stream.set_state(("MT19937", np.array(state["key"], np.uint32), int(state["pos"]), 0, 0.0))

    def score(self, predict: PredictFunction) -> TaskScore:
        """The fraction of all 7-bit sums that are right in every bit, after the program's 10,000 steps."""
        batch = self.every_sum()
        hits = ((predict_in_chunks(predict, batch, 5_000) > 0.5) == batch.targets).all(axis=(0, 1))
        value = float(np.mean(hits))
        return TaskScore("whole 7-bit sums right", value, 0.9, value >= 0.9)
