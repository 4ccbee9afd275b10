"""Strings of three small languages: an embedded Reber grammar, a^n b^n, and (in `brackets`) two kinds of brackets."""

import numpy as np

from rnnplay.config import RunConfig
from rnnplay.tasks.base import Array, Batch, Example, PredictFunction, TaskScore
from rnnplay.tasks.generated import (
    END,
    Item,
    Split,
    SymbolTask,
    collate,
    correct_steps,
    predict_in_chunks,
    seeded_rng,
    split_of,
)

# The inner grammar: from each state the letters that may follow, each with the state that it leads to.
REBER: dict[int, tuple[tuple[str, int], ...]] = {
    0: (("B", 1),),
    1: (("T", 2), ("P", 3)),
    2: (("S", 2), ("X", 4)),
    3: (("T", 3), ("V", 5)),
    4: (("X", 3), ("S", 6)),
    5: (("P", 4), ("V", 6)),
    6: (("E", 7),),
}
INNER_END = 7


class Reber(SymbolTask):
    """An embedded Reber string: B, then T or P, a Reber string, the same T or P again, E. Predict the next letter.

    The second letter returns only after the inner string, however long that was. Source: Hochreiter and Schmidhuber
    (1997). A string of fewer than `held_out_from` letters is always in training: there are too few short ones.
    """

    name = "reber"
    vocabulary = output_vocabulary = ("B", "E", "P", "S", "T", "V", "X")
    inputs = outputs = 7
    held_out_from = 14
    likely = 0.1

    def __init__(self, config: RunConfig) -> None:
        super().__init__(config)
        self.longest_lag = 20

    def item(self, rng: np.random.Generator, length_fraction: float) -> Item:
        outer = "TP"[rng.integers(2)]
        letters, state = [], 0
        coins: list[int] = []
        while state != INNER_END:
            coins = coins or rng.integers(0, 2, 32).tolist()
            letter, state = REBER[state][coins.pop() % len(REBER[state])]
            letters.append(letter)
        ids = [self.vocabulary.index(letter) for letter in ("B", outer, *letters, outer, "E")]
        return Item(ids[:-1], ids[1:], [1.0] * (len(ids) - 1))

    def split(self, item: Item) -> Split:
        return split_of(item.key) if len(item.inputs) >= self.held_out_from - 1 else "train"

    def legal(self, ids: Array) -> Array:
        """bool (T, 7): the letters that may follow at each time step of the string `ids` (T,)."""
        allowed = np.zeros((len(ids), len(self.vocabulary)), bool)
        state, outer = -1, ""
        for t, i in enumerate(ids):
            letter = self.vocabulary[i]
            if t == 0:
                follow = "TP"
            elif t == 1:
                outer, state, follow = letter, 0, "B"
            elif state != INNER_END:
                state = dict(REBER[state]).get(letter, INNER_END)
                follow = outer if state == INNER_END else "".join(next_letter for next_letter, _ in REBER[state])
            else:
                follow = "E"
            for letter in follow:
                allowed[t, self.vocabulary.index(letter)] = True
        return allowed

    def allowed_outputs(self, ids: Array) -> Array:
        return self.legal(ids)

    def score(self, predict: PredictFunction) -> TaskScore:
        """The fraction of 1,000 test strings at whose every time step exactly the legal letters are likely."""
        batch = self.test()
        likely = predict_in_chunks(predict, batch).transpose(2, 0, 1) > self.likely  # (B, T, V)
        weights = np.ones(batch.inputs.shape) if batch.weights is None else batch.weights
        hits = []
        for b in range(batch.inputs.shape[1]):
            length = int(weights[:, b].sum())
            hits.append(bool((likely[b, :length] == self.legal(batch.inputs[:length, b])).all()))
        value = float(np.mean(hits))
        return TaskScore("new strings whose legal letters alone are likely throughout", value, 1.0, value >= 1.0)

    def baselines(self) -> list[tuple[str, float]]:
        """Counted on training strings that are as long as those that are held out; and the grammar's own entropy."""
        drawn = self.draw(seeded_rng(self.name, "baseline"), 4_000, "train", 1.0)
        weights = np.ones(drawn.inputs.shape) if drawn.weights is None else drawn.weights
        training = drawn.select_sequences(np.flatnonzero(weights.sum(axis=0) >= self.held_out_from - 1))
        best = ("the grammar's entropy (the least possible)", self.entropy())
        return [*self.counted_baselines([training], list(self.evaluation())), best]

    def entropy(self) -> float:
        """The least possible loss in nats a letter: if two letters are legal, each has probability 1/2."""
        total = count = 0.0
        for batch in self.evaluation():
            weights = np.ones(batch.inputs.shape) if batch.weights is None else batch.weights
            for b in range(batch.inputs.shape[1]):
                length = int(weights[:, b].sum())
                total += float(np.log(self.legal(batch.inputs[:length, b]).sum(axis=1)).sum())
                count += length
        return total / count

    def feature_names(self) -> list[str]:
        return ["outer T", "since outer letter", "E is next", *(f"state {s}" for s in range(1, INNER_END))]

    def feature(self, name: str, ids: Array) -> Array:
        letters = [self.vocabulary[i] for i in ids]
        if name == "outer T":
            return np.array([t >= 1 and letters[1] == "T" for t in range(len(letters))])
        if name == "since outer letter":
            return np.asarray(np.maximum(0.0, np.arange(len(letters)) - 1.0))
        if name == "E is next":
            return self.legal(ids)[:, self.vocabulary.index("E")]
        states, state = [], -1
        for t, letter in enumerate(letters):
            state = 0 if t == 1 else dict(REBER[state]).get(letter, INNER_END) if t > 1 and state in REBER else state
            states.append(state)
        if name.startswith("state ") and name[6:].isdigit():
            return np.asarray(np.array(states) == int(name[6:]))
        raise KeyError(name)


class Counting(SymbolTask):
    """n times a, then n times b, then the end: predict the next symbol. `seq_len` is the greatest n in training.

    During the a's the next symbol is not determined; from the first b on it is, and only these steps have weight 1.
    """

    name = "counting"
    vocabulary = output_vocabulary = ("a", "b", END)
    inputs = outputs = 3
    unseen = 2  # times the greatest n in training
    held_out_is_exhaustive = True

    def __init__(self, config: RunConfig) -> None:
        super().__init__(config)
        self.longest_lag = 2 * config.seq_len

    def string(self, n: int) -> Item:
        ids = [0] * n + [1] * n + [2]
        return Item(ids[:-1], ids[1:], [0.01] * n + [1.0] * n)

    def item(self, rng: np.random.Generator, length_fraction: float) -> Item:
        return self.string(int(rng.integers(1, max(1, round(length_fraction * self.config.seq_len)) + 1)))

    def draw(self, rng: np.random.Generator, count: int, split: Split, length_fraction: float) -> Batch:
        if split != "train":  # every n, up to one that training never had
            return collate(
                [self.string(n) for n in (*range(1, self.config.seq_len + 1), self.unseen * self.config.seq_len)]
            )
        return collate([self.item(rng, length_fraction) for _ in range(count)], 2 * self.config.seq_len)

    def score(self, predict: PredictFunction) -> TaskScore:
        """Every n of training, and twice the greatest, unseen: is the determined part of each string right?"""
        batch = self.test()
        weights = np.zeros(batch.inputs.shape) if batch.weights is None else batch.weights
        hits = (correct_steps(predict, batch) | (weights < 1)).all(axis=0)
        name = f"n from 1 to {self.config.seq_len}, and {self.unseen * self.config.seq_len} unseen"
        return TaskScore(name, float(hits.mean()), 1.0, bool(hits.all()))

    def example(self, index: int) -> Example:
        """Return a string in which only what is determined has a target: while a goes on, what follows is open."""
        n = 1 + (index + 3) % (self.unseen * self.config.seq_len)
        example = self.to_example(collate([self.string(n)]), f"n = {n}")
        example.targets[:n] = [None] * n
        return example

    def feature_names(self) -> list[str]:
        return ["count", "in b", "last b"]

    def feature(self, name: str, ids: Array) -> Array:
        symbols = np.asarray(ids)
        count = np.cumsum(np.where(symbols == 0, 1, np.where(symbols == 1, -1, 0)))
        if name == "count":
            return count.astype(np.float64)
        if name == "in b":
            return np.asarray(symbols == 1)
        if name == "last b":
            return np.asarray((symbols == 1) & (count == 0))
        raise KeyError(name)
