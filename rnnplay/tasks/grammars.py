"""Strings of three small languages: an embedded Reber grammar, a^n b^n, and (in `brackets`) two kinds of brackets."""

import numpy as np

from rnnplay.config import RunConfig
from rnnplay.tasks.base import Answer, Array, Batch, Example, Measure
from rnnplay.tasks.generated import END, Item, Split, Symbols, asked, collate, right, split_of

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


class Reber(Symbols):
    """An embedded Reber string: B, then T or P, a Reber string, the same T or P again, E. Predict the next letter.

    The second letter returns only after the inner string, however long that was. Source: Hochreiter and Schmidhuber
    (1997). A string of fewer than `held_from` letters is never held out: of the few short ones each would be missed.
    """

    name = "reber"
    vocabulary = output_vocabulary = ("B", "E", "P", "S", "T", "V", "X")
    inputs = outputs = 7
    held_from = 14
    likely = 0.1

    def __init__(self, config: RunConfig) -> None:
        super().__init__(config)
        self.longest_lag = 20

    def item(self, rng: np.random.Generator, share: float) -> Item:
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
        return split_of(item.key) if len(item.inputs) >= self.held_from - 1 else "train"

    def legal(self, ids: Array) -> Array:
        """Which letters may follow at each time step of the string `ids` (T,): bool (T, 7)."""
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

    def possible(self, ids: Array) -> Array:
        return self.legal(ids)

    def measure(self, answer: Answer) -> Measure:
        """The share of 1,000 strings never trained on at whose every step just the legal letters are likely."""
        batch = self.test()
        likely = asked(answer, batch).transpose(2, 0, 1) > self.likely  # (B, T, V)
        weights = np.ones(batch.inputs.shape) if batch.weights is None else batch.weights
        hits = []
        for b in range(batch.inputs.shape[1]):
            length = int(weights[:, b].sum())
            hits.append(bool((likely[b, :length] == self.legal(batch.inputs[:length, b])).all()))
        value = float(np.mean(hits))
        return Measure("new strings whose legal letters alone are likely throughout", value, 1.0, value >= 1.0)

    def baselines(self) -> list[tuple[str, float]]:
        best = ("who knows the grammar", self.entropy())
        return [*super().baselines(), best]

    def entropy(self) -> float:
        """Nats a letter that no network can save: a legal letter among two is a coin's toss."""
        total = count = 0.0
        for batch in self.evaluation():
            weights = np.ones(batch.inputs.shape) if batch.weights is None else batch.weights
            for b in range(batch.inputs.shape[1]):
                length = int(weights[:, b].sum())
                total += float(np.log(self.legal(batch.inputs[:length, b]).sum(axis=1)).sum())
                count += length
        return total / count

    def feature_names(self) -> list[str]:
        return ["outer T", "time since the outer letter", "E is next", *(f"state {s}" for s in range(1, INNER_END))]

    def feature(self, name: str, ids: Array) -> Array:
        letters = [self.vocabulary[i] for i in ids]
        if name == "outer T":
            return np.array([t >= 1 and letters[1] == "T" for t in range(len(letters))])
        if name == "time since the outer letter":
            return np.maximum(0, np.arange(len(letters)) - 1) / max(1, len(letters))
        if name == "E is next":
            return self.legal(ids)[:, self.vocabulary.index("E")]
        states, state = [], -1
        for t, letter in enumerate(letters):
            state = 0 if t == 1 else dict(REBER[state]).get(letter, INNER_END) if t > 1 and state in REBER else state
            states.append(state)
        if name.startswith("state ") and name[6:].isdigit():
            return np.asarray(np.array(states) == int(name[6:]))
        raise KeyError(name)


class Counting(Symbols):
    """n times a, then n times b, then the end: predict the next symbol. `seq_len` is the greatest n in training.

    While a goes on nobody can know what comes next; from the first b on all is determined: only that counts in full.
    """

    name = "counting"
    vocabulary = output_vocabulary = ("a", "b", END)
    inputs = outputs = 3
    unseen = 2  # times the greatest n in training

    def __init__(self, config: RunConfig) -> None:
        super().__init__(config)
        self.longest_lag = 2 * config.seq_len

    def string(self, n: int) -> Item:
        ids = [0] * n + [1] * n + [2]
        return Item(ids[:-1], ids[1:], [0.01] * n + [1.0] * n)

    def item(self, rng: np.random.Generator, share: float) -> Item:
        return self.string(int(rng.integers(1, max(1, round(share * self.config.seq_len)) + 1)))

    def draw(self, rng: np.random.Generator, count: int, split: Split, share: float) -> Batch:
        if split != "train":  # every n, up to one that training never had
            return collate(
                [self.string(n) for n in (*range(1, self.config.seq_len + 1), self.unseen * self.config.seq_len)]
            )
        return collate([self.item(rng, share) for _ in range(count)], 2 * self.config.seq_len)

    def measure(self, answer: Answer) -> Measure:
        """Every n of training, and twice the greatest, unseen: is the determined part of each string right?"""
        batch = self.test()
        weights = np.zeros(batch.inputs.shape) if batch.weights is None else batch.weights
        hits = (right(answer, batch) | (weights < 1)).all(axis=0)
        name = f"n from 1 to {self.config.seq_len}, and {self.unseen * self.config.seq_len} unseen"
        return Measure(name, float(hits.mean()), 1.0, bool(hits.all()))

    def example(self, index: int) -> Example:
        """Only what is determined has a target: while a goes on, nobody can know."""
        n = 1 + (index + 3) % (self.unseen * self.config.seq_len)
        found = self.shown(collate([self.string(n)]), f"n = {n}")
        found.targets[:n] = [None] * n
        return found

    def feature_names(self) -> list[str]:
        return ["count", "in b", "last b"]

    def feature(self, name: str, ids: Array) -> Array:
        symbols = np.asarray(ids)
        count = np.cumsum(np.where(symbols == 0, 1, np.where(symbols == 1, -1, 0)))
        if name == "count":
            return count / max(1, int(count.max()))
        if name == "in b":
            return np.asarray(symbols == 1)
        if name == "last b":
            return np.asarray((symbols == 1) & (count == 0))
        raise KeyError(name)
