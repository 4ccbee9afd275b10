"""Two kinds of brackets, nested: predict at every time step which closing bracket is legal."""

import numpy as np

from rnnplay.config import RunConfig, UserError
from rnnplay.tasks.base import Array, Batch, PredictFunction, TaskScore
from rnnplay.tasks.generated import GeneratedTask, Split, accuracy_score, correct_steps, draw_rows
from rnnplay.tasks.memoryless import PRESENT_INPUT, table_loss

OPENING, CLOSING = "([", ")]"


class Brackets(GeneratedTask):
    """Balanced strings of `seq_len` brackets (Dyck-2), at most `deepest` deep; the target is the legal closing bracket.

    Ids: 0 "(", 1 "[", 2 ")", 3 "]". Targets: 0 none is open, 1 ")", 2 "]". A perfect predictor needs a stack.
    """

    name = "brackets"
    vocabulary = ("(", "[", ")", "]")
    output_vocabulary = ("·", ")", "]")
    inputs, outputs = 4, 3
    deepest = 8
    question_help = "brackets, ([()"

    def __init__(self, config: RunConfig) -> None:
        super().__init__(config)
        if config.seq_len < 2 or config.seq_len % 2:
            raise UserError(f"Balanced strings of {config.seq_len} brackets do not exist.", "Give an even length.")
        self.longest_lag = config.seq_len

    def strings(self, rng: np.random.Generator, count: int, length: int, deepest: int) -> Array:
        """`count` balanced strings (count, length); if an opening and a closing are possible, a coin decides."""
        strings = np.empty((count, length), np.int8)
        stack = np.zeros((count, deepest), np.int8)
        depth = np.zeros(count, int)
        every = np.arange(count)
        coins, kinds = rng.random((count, length)) < 0.5, rng.integers(0, 2, (count, length), np.int8)
        for t in range(length):
            opens = ((coins[:, t] & (depth < deepest)) | (depth == 0)) & (depth < length - t)
            top = stack[every, np.maximum(depth - 1, 0)]
            strings[:, t] = np.where(opens, kinds[:, t], 2 + top)
            stack[every[opens], depth[opens]] = kinds[opens, t]
            depth += np.where(opens, 1, -1)
        return strings

    def draw(self, rng: np.random.Generator, count: int, split: Split, length_fraction: float) -> Batch:
        length = max(2, 2 * round(length_fraction * self.config.seq_len / 2))
        deepest = max(1, round(length_fraction * self.deepest))
        # There are few short strings: none of them is held out, and lengthening sequences pass them quickly.
        strings = (
            self.strings(rng, count, length, deepest)
            if length < 16
            else draw_rows(lambda n: self.strings(rng, n, length, deepest), count, split)
        )
        inputs = strings.T.astype(np.int32)
        return Batch(inputs, np.stack([self.legal(column) for column in inputs.T], axis=1))

    def legal(self, ids: Array) -> Array:
        """The legal closing bracket after each time step of `ids` (T,): 0 none, 1 ")", 2 "]"."""
        stack: list[int] = []
        answers = np.zeros(len(ids), np.int32)
        for t, symbol in enumerate(ids.tolist()):
            if symbol < 2:
                stack.append(symbol)
            elif stack:
                stack.pop()
            answers[t] = 1 + stack[-1] if stack else 0
        return answers

    def nothing_open(self) -> float:
        """The probability that no bracket is open after a closing one, exact: `strings` walks up and down by a coin."""
        length, at_depth = self.config.seq_len, np.eye(1, self.deepest + 1)[0]
        closings = emptied = 0.0
        for t in range(length):
            depths = np.arange(self.deepest + 1)
            opens = np.where(depths == 0, 1.0, np.where((depths < self.deepest) & (depths < length - t), 0.5, 0.0))
            closes = at_depth * (1 - opens)
            closings, emptied = closings + closes.sum(), emptied + closes[1]
            at_depth = np.append(0, (at_depth * opens)[:-1]) + np.append(closes[1:], 0)
        return float(emptied / closings)

    def baselines(self) -> list[tuple[str, float]]:
        """Return the loss by the present bracket alone: after a closing one either kind is as likely, or none is."""
        none = self.nothing_open()
        closing = [none, (1 - none) / 2, (1 - none) / 2]
        table = np.array([[0, 1, 0], [0, 0, 1], closing, closing])
        return [(PRESENT_INPUT, table_loss(table, list(self.evaluation())))]

    def score(self, predict: PredictFunction) -> TaskScore:
        return accuracy_score(
            "whole strings right at every bracket", correct_steps(predict, self.test()).all(axis=0), 0.99
        )

    def feature_names(self) -> list[str]:
        return ["depth", "inside (", "inside [", "deepest is (", "nothing open"]

    def feature(self, name: str, ids: Array) -> Array:
        symbols = np.asarray(ids)
        depth = np.cumsum(np.where(symbols < 2, 1, -1))
        if name == "depth":
            return depth.astype(np.float64)
        if name == "nothing open":
            return np.asarray(depth == 0)
        if name == "deepest is (":  # the bracket at the bottom of the stack, to be closed last
            bottoms = np.maximum.accumulate(np.where((depth == 1) & (symbols < 2), np.arange(len(symbols)), 0))
            return np.asarray((depth > 0) & (symbols[bottoms] == 0))
        if name in ("inside (", "inside ["):
            return np.asarray(self.legal(symbols) == 1 + OPENING.index(name[-1]))
        raise KeyError(name)

    def answer_question(self, prompt: str, predict: PredictFunction) -> list[tuple[str, float]]:
        """The prompt, and the closing brackets that the network predicts, until it predicts that none is legal."""
        text = "".join(prompt.split())
        if not text or any(symbol not in self.vocabulary for symbol in text):
            raise UserError(f"{prompt!r} is not a string of brackets.", "Give brackets such as ([()")
        ids = [self.vocabulary.index(symbol) for symbol in text]
        before = [0, *self.legal(np.array(ids))[:-1]]
        for n, (symbol, legal) in enumerate(zip(text, before, strict=True), 1):
            if symbol in CLOSING and symbol != (legal and CLOSING[legal - 1]):
                raise UserError(f"Bracket {n}, {symbol!r}, closes nothing that is open.", "Give brackets such as ([()")
        closed = [(text, 1.0)]
        for _ in range(len(text) + 1):
            inputs = np.array(ids, np.int32)[:, None]
            probabilities = predict(Batch(inputs, np.zeros_like(inputs)))[-1, :, 0]
            legal = int(probabilities.argmax())
            closed.append((self.output_vocabulary[legal], float(probabilities[legal])))
            if legal == 0:
                break
            ids.append(1 + legal)
        return closed
