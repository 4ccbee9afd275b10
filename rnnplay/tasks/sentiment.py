"""Short reviews, good or bad: negation and contrast decide, no single word does; or a table of one's own.

The grammar: a clause of polarity p says so plainly ("the soup was superb") or by denying the opposite ("the soup was
never stale"), each half of the time, so that an adjective tells nothing. A review is a clause, or a clause and its
opposite joined so that one of them counts: after "but", before "although". Remarks that judge nothing stand around it.
"""

from collections import Counter
from pathlib import Path

import numpy as np

from rnnplay.config import RunConfig
from rnnplay.tasks.base import Answer, Array, Batch, Measure
from rnnplay.tasks.generated import Item, right, share_of
from rnnplay.tasks.sentences import Grammar, Pool, distinct, known, listed, vocabulary_of, words_of
from rnnplay.tasks.tables import labelled_lines

THINGS = listed("soup bread music room service garden view story acting ending coffee breakfast bed host wine show")
ADJECTIVES = {
    True: listed("good superb lovely charming delightful splendid excellent wonderful pleasant brilliant"),
    False: listed("bad dreadful dull stale awful poor horrible boring clumsy disappointing"),
}
NOUNS = {True: ["a pleasure", "a treat", "a success", "a joy"], False: ["a disaster", "a failure", "a mess", "a pity"]}
VERBS = {True: ["recommend", "praise", "repeat"], False: ["avoid", "blame", "regret"]}
DENIALS = ["was not", "was never", "was hardly", "was far from being", "was anything but"]
DEGREES = ["", "", "really", "very", "quite"]
REMARKS = [
    "we came on a friday .",
    "my sister chose the place .",
    "it was raining outside .",
    "we stayed for two hours .",
    "there were four of us .",
    "i paid with a card .",
    "the train was late that day .",
    "we had read about it before .",
    "a friend had told me about it .",
    "it is next to the station .",
]


class Reviews(Grammar):
    """Reviews in turn good and bad, as lines "review<TAB>label"."""

    def __init__(self) -> None:
        super().__init__("sentiment", "grammar")
        self.good = False

    def clause(self, good: bool, thing: str) -> str:
        deny = self.chance(0.5)
        kind = self.rng.random()
        polarity = good != deny
        if kind < 0.6:
            told = self.one(DENIALS) if deny else "was"
            return f"the {thing} {told} {self.one(DEGREES)} {self.one(ADJECTIVES[polarity])}"
        if kind < 0.8:
            return f"the {thing} {'was not' if deny else 'was'} {self.one(NOUNS[polarity])}"
        return f"i would {'not' if deny else ''} {self.one(VERBS[polarity])} the {thing}"

    def sentence(self) -> str:
        good = self.good = not self.good
        first, second = (THINGS[i] for i in self.rng.choice(len(THINGS), 2, replace=False))
        against, deciding = self.clause(not good, first), self.clause(good, second)
        body = self.one(
            [
                self.clause(good, first),
                f"{against} , but {deciding}",
                f"{against} , and yet {deciding}",
                f"although {against} , {deciding}",
                f"{deciding} , although {against}",
                f"{deciding} , even if {against}",
                f"people say that {against} , but {deciding}",
                f"whatever they say , {deciding}",
            ]
        )
        before = self.one(REMARKS) if self.chance(0.4) else ""
        after = self.one(REMARKS) if self.chance(0.4) else ""
        return " ".join(f"{before} {body} . {after}".split()) + "\t" + ("good" if good else "bad")


class Sentiment(Pool):
    """A review in, its label after the last word. `seq_len`: words that are read of a longer one."""

    name = "sentiment"
    question = "a review"
    reads = "a file of two columns, text and label, with a tab between"
    reviews = 2_400

    def __init__(self, config: RunConfig) -> None:
        super().__init__(config)
        if config.text is None:
            lines = distinct(iter(Reviews()), self.reviews)
            rows = [(line.split("\t")[0], line.split("\t")[1]) for line in lines]
        else:
            rows, self.sha256, self.notes = labelled_lines(Path(config.text))
        texts = [words_of(text)[: config.seq_len] for text, _ in rows]
        self.vocabulary = vocabulary_of(texts)
        self.output_vocabulary = tuple(sorted({label for _, label in rows}))
        self.inputs, self.outputs = len(self.vocabulary), len(self.output_vocabulary)
        word_ids = {word: i for i, word in enumerate(self.vocabulary)}
        items = [
            self.item([word_ids[word] for word in words], self.output_vocabulary.index(label))
            for words, (_, label) in zip(texts, rows, strict=True)
        ]
        self.prepare(items, [" ".join(words) for words in texts])

    @staticmethod
    def item(ids: list[int], label: int) -> Item:
        return Item(ids, [label] * len(ids), [0.0] * (len(ids) - 1) + [1.0])

    def measure(self, answer: Answer) -> Measure:
        return share_of("unseen reviews right", right(answer, self.test()).all(axis=0), 0.95)

    def bag_of_words(self, batch: Batch) -> Array:
        """Probabilities (B, V) from the words alone, in any order: naive Bayes counted on the training reviews."""
        counts = np.ones((self.outputs, self.inputs))
        priors = np.ones(self.outputs)
        for words, label in self.bags(self.pool["train"]):
            priors[label] += 1
            for word, n in words.items():
                counts[label, word] += n
        log_p = np.log(counts / counts.sum(axis=1, keepdims=True))
        scores = np.array(
            [
                np.log(priors) + sum((n * log_p[:, word] for word, n in words.items()), np.zeros(self.outputs))
                for words, _ in self.bags(batch)
            ]
        )
        p = np.exp(scores - scores.max(axis=1, keepdims=True))
        return np.asarray(p / p.sum(axis=1, keepdims=True))

    @staticmethod
    def bags(batch: Batch) -> list[tuple[Counter[int], int]]:
        """The words of each review of `batch`, counted, and its label."""
        weights = np.ones(batch.inputs.shape) if batch.weights is None else batch.weights
        last = weights.argmax(axis=0)
        return [
            (Counter(batch.inputs[: t + 1, b].tolist()), int(batch.targets[t, b])) for b, t in enumerate(last.tolist())
        ]

    def baselines(self) -> list[tuple[str, float]]:
        held = self.pool["validation"]
        labels = [label for _, label in self.bags(held)]
        p = np.clip(self.bag_of_words(held)[np.arange(len(labels)), labels], 1e-12, 1)
        shares = np.bincount([label for _, label in self.bags(self.pool["train"])], minlength=self.outputs) + 1.0
        most = -np.log(shares / shares.sum())
        return [("bag of words", float(-np.log(p).mean())), ("how common a label is", float(most[labels].mean()))]

    def feature_names(self) -> list[str]:
        return ["denied", "after but", "inside although", "word position"]

    def feature(self, name: str, ids: Array) -> Array:
        words = [self.vocabulary[i] for i in ids]
        if name == "word position":
            return np.arange(len(words)) / max(1, len(words) - 1)
        begins, ends = {
            "denied": ({"not", "never", "hardly", "far", "anything"}, {".", ",", "although"}),
            "after but": ({"but", "yet"}, {"."}),
            "inside although": ({"although", "if"}, {".", ","}),
        }[name]
        inside, found = False, []
        for word in words:
            inside = word in begins or (inside and word not in ends)
            found.append(inside)
        return np.array(found)

    def respond(self, prompt: str, answer: Answer) -> list[tuple[str, float]]:
        """The words of the prompt, each with the probability of the label that the network gives in the end."""
        words = words_of(prompt)
        ids = np.array(known(words, self.vocabulary, "a review"), np.int32)[:, None]
        probabilities = answer(Batch(ids, np.zeros_like(ids)))[:, :, 0]  # (T, V)
        label = int(probabilities[-1].argmax())
        told = [(word, float(p)) for word, p in zip(words, probabilities[:, label], strict=True)]
        return [*told, (f"= {self.output_vocabulary[label]}", float(probabilities[-1, label]))]
