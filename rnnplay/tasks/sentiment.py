"""Short reviews, good or bad: negation and contrast decide, no single word does; or the user's own table.

The grammar: a clause of polarity p states it plainly ("the soup was superb") or by denying the opposite ("the soup was
never stale"), each half of the time, so that an adjective alone is no evidence. A review is a clause, or a clause and
its opposite joined so that one of them decides: after "but", before "although". Neutral remarks may surround it.
"""

from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import msgspec
import numpy as np

from rnnplay.config import RunConfig, UserError
from rnnplay.tasks.base import Array, Batch, PredictFunction, TaskScore
from rnnplay.tasks.data import MAX_HELD_OUT, TaskData, describe_unknown_symbols
from rnnplay.tasks.generated import Item, Split, accuracy_score, collate, correct_steps
from rnnplay.tasks.sentence_pool import Grammar, PooledTask, take_distinct, vocabulary_of, word_ids, words_of
from rnnplay.tasks.tables import read_labelled_lines

_CHUNK = 256  # reviews of a whole table that are evaluated together
HELD_OUT: tuple[Split, ...] = ("validation", "test")
THINGS = "soup bread music room service garden view story acting ending coffee breakfast bed host wine show".split()
ADJECTIVES = {
    True: "good superb lovely charming delightful splendid excellent wonderful pleasant brilliant".split(),
    False: "bad dreadful dull stale awful poor horrible boring clumsy disappointing".split(),
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
            verb = self.choose(DENIALS) if deny else "was"
            return f"the {thing} {verb} {self.choose(DEGREES)} {self.choose(ADJECTIVES[polarity])}"
        if kind < 0.8:
            return f"the {thing} {'was not' if deny else 'was'} {self.choose(NOUNS[polarity])}"
        return f"i would {'not' if deny else ''} {self.choose(VERBS[polarity])} the {thing}"

    def sentence(self) -> str:
        good = self.good = not self.good
        first, second = (THINGS[i] for i in self.rng.choice(len(THINGS), 2, replace=False))
        against, deciding = self.clause(not good, first), self.clause(good, second)
        body = self.choose(
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
        before = self.choose(REMARKS) if self.chance(0.4) else ""
        after = self.choose(REMARKS) if self.chance(0.4) else ""
        return " ".join(f"{before} {body} . {after}".split()) + "\t" + ("good" if good else "bad")


class Sentiment(PooledTask):
    """Read a review, predict its label after the last word. `seq_len`: the number of words read of a longer one."""

    name = "sentiment"
    question_help = "a review"
    file_help = "a file of two columns, text and label, with a tab between"
    reviews = 2_400

    def __init__(self, config: RunConfig, known: TaskData | None = None, *, reads_text: bool = True) -> None:
        """known: data of an earlier table, whose words and labels are used. reads_text: False makes it from that alone.

        Raises UserError if the table cannot be read, or if no line of it has a known word and a known label.
        """
        super().__init__(config)
        self._baselines: list[tuple[str, float]] | None = None
        if known is not None:
            self.vocabulary, self.output_vocabulary = known.symbols("vocabulary"), known.symbols("labels")
            self.inputs, self.outputs = len(self.vocabulary), len(self.output_vocabulary)
        if not reads_text:
            assert known is not None
            self._restore_data(known)
            return
        rows = self._read_rows()
        texts = [words_of(text)[: config.seq_len] for text, _ in rows]
        if known is None:
            self.vocabulary = vocabulary_of(texts)
            self.output_vocabulary = tuple(sorted({label for _, label in rows}))
            self.inputs, self.outputs = len(self.vocabulary), len(self.output_vocabulary)
        word_ids = {word: i for i, word in enumerate(self.vocabulary)}
        label_ids = {label: i for i, label in enumerate(self.output_vocabulary)}
        if known is not None:
            self._note_unknown_symbols(texts, [label for _, label in rows])
        items, keys = [], []
        for words, (_, label) in zip(texts, rows, strict=True):
            ids = [word_ids[word] for word in words if word in word_ids]
            if ids and label in label_ids:
                items.append(self.item(ids, label_ids[label]))
                keys.append(" ".join(words))
        if not items:
            problem = "No line of the table has a word and a label that the network knows."
            raise UserError(problem, "Give a table of the same kind.")
        self.prepare(items, keys)

    def _read_rows(self) -> list[tuple[str, str]]:
        """Return the (text, label) pairs. Raises UserError if the table cannot be read."""
        if self.config.text is None:
            lines = take_distinct(iter(Reviews()), self.reviews)
            return [(line.split("\t")[0], line.split("\t")[1]) for line in lines]
        rows, self.sha256, self.notes = read_labelled_lines(Path(self.config.text), self.config.encoding)
        return rows

    def _note_unknown_symbols(self, texts: list[list[str]], labels: list[str]) -> None:
        """Add notes that name and count words and labels which the network does not know."""
        new_words = Counter(word for words in texts for word in words)
        for word in self.vocabulary:
            new_words.pop(word, None)
        new_labels = Counter(label for label in labels if label not in set(self.output_vocabulary))
        for counts, what, treatment, total in (
            (new_words, "words", "left out", sum(map(len, texts))),
            (new_labels, "labels", "left out with their lines", len(labels)),
        ):
            if counts:
                self.notes += (describe_unknown_symbols(counts, what, treatment, total),)

    def file_batches(self, path: str, encoding: str | None = None) -> tuple[Iterator[Batch], tuple[str, ...]]:
        other = Sentiment(msgspec.structs.replace(self.config, text=path, encoding=encoding), self.data())
        chunks = (
            pool.select_sequences(slice(first, first + _CHUNK))
            for pool in other.pool.values()
            for first in range(0, pool.inputs.shape[1], _CHUNK)
        )
        return chunks, other.notes

    def data(self) -> TaskData:
        """Words, labels, baselines and the held-out reviews, at most MAX_HELD_OUT words of each half."""
        arrays: dict[str, Array] = {}
        for split in HELD_OUT:
            batch, lengths = self.pool[split], self.lengths[split]
            count = max(1, int(np.searchsorted(np.cumsum(lengths), MAX_HELD_OUT, side="right")))
            columns = zip(batch.inputs.T[:count], lengths[:count].tolist(), strict=True)
            arrays[f"{split}_words"] = np.concatenate([column[:length] for column, length in columns])
            arrays[f"{split}_lengths"] = lengths[:count].astype(np.int32)
            arrays[f"{split}_labels"] = batch.targets[0, :count].copy()
        values = {
            "vocabulary": list(self.vocabulary),
            "labels": list(self.output_vocabulary),
            "baselines": self.baselines(),
            "sha256": self.sha256,
            "longest_lag": self.longest_lag,
            "epoch_steps": self.epoch_steps,
            "held_out_size": self.held_out_size,
        }
        return TaskData(arrays, values)

    def _restore_data(self, data: TaskData) -> None:
        self.longest_lag, self.epoch_steps = data.integer("longest_lag"), data.integer("epoch_steps")
        self.pool, self.lengths = {}, {}
        for split in HELD_OUT:
            words = data.ids(f"{split}_words", self.inputs)
            labels = data.ids(f"{split}_labels", self.outputs).tolist()
            lengths = data.ids(f"{split}_lengths", self.longest_lag + 1)
            reviews = np.split(words, np.cumsum(lengths)[:-1])
            items = [self.item(ids.tolist(), label) for ids, label in zip(reviews, labels, strict=True)]
            self.pool[split], self.lengths[split] = collate(items, self.longest_lag), lengths
        self._baselines = [(str(name), float(loss)) for name, loss in data.values["baselines"]]
        self.sha256, self.held_out_size = data.values.get("sha256"), data.integer("held_out_size")
        self.has_training_data = False

    @staticmethod
    def item(ids: list[int], label: int) -> Item:
        return Item(ids, [label] * len(ids), [0.0] * (len(ids) - 1) + [1.0])

    def score(self, predict: PredictFunction) -> TaskScore:
        return accuracy_score("unseen reviews right", correct_steps(predict, self.test()).all(axis=0), 0.95)

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
        if self._baselines is None:
            self._baselines = self._compute_baselines()
        return self._baselines

    def _compute_baselines(self) -> list[tuple[str, float]]:
        held = self.pool["validation"]
        labels = [label for _, label in self.bags(held)]
        p = np.clip(self.bag_of_words(held)[np.arange(len(labels)), labels], 1e-12, 1)
        shares = np.bincount([label for _, label in self.bags(self.pool["train"])], minlength=self.outputs) + 1.0
        most = -np.log(shares / shares.sum())
        pairs = [
            ("bag of words (knows them, not their order)", float(-np.log(p).mean())),
            ("how common a label is", float(most[labels].mean())),
        ]
        return sorted(pairs, key=lambda pair: pair[1])

    def feature_names(self) -> list[str]:
        return ["denied", "after but", "inside although", "word position"]

    def feature(self, name: str, ids: Array) -> Array:
        words = [self.vocabulary[i] for i in ids]
        if name == "word position":
            return np.arange(1.0, len(words) + 1)
        begins, ends = {
            "denied": ({"not", "never", "hardly", "far", "anything"}, {".", ",", "although"}),
            "after but": ({"but", "yet"}, {"."}),
            "inside although": ({"although", "if"}, {".", ","}),
        }[name]
        inside, states = False, []
        for word in words:
            inside = word in begins or (inside and word not in ends)
            states.append(inside)
        return np.array(states)

    def answer_question(self, prompt: str, predict: PredictFunction) -> list[tuple[str, float]]:
        """The words of the prompt, each with the probability of the final label, and that label."""
        words = words_of(prompt)
        ids = np.array(word_ids(words, self.vocabulary, "a review"), np.int32)[:, None]
        probabilities = predict(Batch(ids, np.zeros_like(ids)))[:, :, 0]  # (T, V)
        label = int(probabilities[-1].argmax())
        pairs = [(word, float(p)) for word, p in zip(words, probabilities[:, label], strict=True)]
        return [*pairs, (f"= {self.output_vocabulary[label]}", float(probabilities[-1, label]))]
