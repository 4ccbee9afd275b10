"""A text word by word; punctuation marks and line ends are words too."""

import re
import unicodedata
from collections import Counter

import numpy as np

from rnnplay import corpora
from rnnplay.config import MAX_VOCABULARY, RunConfig, UserError
from rnnplay.tasks.base import Array
from rnnplay.tasks.data import TaskData, describe_unknown_symbols
from rnnplay.tasks.text import TextTask, read_text_of

RARE = " <rare>"
# A word includes the space before it, so that the concatenated words are the text.
_TOKEN = re.compile(r"\n| ?\w+(?:['’-]\w+)*| ?[^\w\s]| +|\t")


def tokens(text: str) -> list[str]:
    """The words (each with the space before it), punctuation marks and line ends of `text`."""
    return _TOKEN.findall(text)


def _decoded(text: corpora.EncodedText) -> str:
    return "".join(text.vocabulary[i] for i in text.ids.tolist())


class Words(TextTask):
    """Predict the next word of the play, or of the user's text. Words that occur once are read as one rare word."""

    step_unit = "words"

    def __init__(self, config: RunConfig, known: TaskData | None = None, *, reads_text: bool = True) -> None:
        if config.read_as_bytes:
            raise UserError("Bytes do not make words.", "Leave out --read-as-bytes, or choose the task text.")
        super().__init__(config, known, reads_text=reads_text)

    def read_text(self) -> corpora.EncodedText:
        text = read_text_of(self.config, "play", MAX_VOCABULARY)
        words = tokens(_decoded(text))
        kinds, numbers, counts = np.unique(np.array(words), return_inverse=True, return_counts=True)
        order = np.argsort(-counts, kind="stable")
        retained = np.sort(order[(counts[order] > 1)][: self.config.max_vocabulary - 1])
        vocabulary = (*(str(kind) for kind in kinds[retained]), RARE)
        table = np.full(len(kinds), len(retained), np.uint16)
        table[retained] = np.arange(len(retained))
        fraction = 1 - counts[retained].sum() / counts.sum()
        note = f"{len(vocabulary) - 1:,} words have ids of their own; the others ({fraction:.1%}) are read as one."
        return corpora.EncodedText(
            name=text.name,
            ids=table[numbers],
            vocabulary=vocabulary,
            sha256=text.sha256,
            unknown_id=len(retained),
            notes=(*text.notes, note),
        )

    def read_in_vocabulary(self, known: TaskData) -> corpora.EncodedText:
        text = read_text_of(self.config, "play", MAX_VOCABULARY)
        vocabulary = known.symbols("vocabulary")
        rare = len(vocabulary) - 1
        number = {word: i for i, word in enumerate(vocabulary)}
        words = tokens(_decoded(text))
        new = Counter(word.strip() for word in words if word not in number)
        notes = text.notes
        if new:
            remark = describe_unknown_symbols(new, self.step_unit, "read as the rare word", len(words))
            notes = (*notes, remark)
        return corpora.EncodedText(
            name=text.name,
            ids=np.array([number.get(word, rare) for word in words], np.uint16),
            vocabulary=vocabulary,
            sha256=text.sha256,
            unknown_id=rare,
            notes=notes,
        )

    def baselines(self) -> list[tuple[str, float]]:
        """Nats a word: the trigram is the one to beat."""
        if len(self.held_out_ids) < 2:
            return []
        return [("trigram", self.ngram(3)), ("bigram", self.ngram(2))]

    def in_known_form(self, text: str) -> str:
        words = set(self.vocabulary)
        forms = (text, unicodedata.normalize("NFC", text), unicodedata.normalize("NFD", text))
        return min(forms, key=lambda form: sum(word not in words for word in tokens(form)))

    def encode(self, text: str) -> tuple[Array, tuple[str, ...]]:
        """The ids of the words of `text`, and its unknown words, which are read as the rare word."""
        number = {word: i for i, word in enumerate(self.vocabulary)}
        words = tokens(self.in_known_form(text))
        ids = np.array([number.get(word, len(self.vocabulary) - 1) for word in words], np.int32)
        return ids, tuple(dict.fromkeys(word.strip() for word in words if word not in number))

    def encode_file(self, path: str, encoding: str | None = None) -> tuple[Array, tuple[str, ...]]:
        """The ids of the words of a file; the unknown ones are read as the rare word, so none is left out."""
        text = corpora.read(
            path, path, max_vocabulary=MAX_VOCABULARY, encoding=encoding, normal_form=self.config.normalize
        )
        return self.encode(_decoded(text))[0], ()

    def feature(self, name: str, ids: Array) -> Array:
        """A feature of the text at the last character of each word."""
        lengths = [len(self.vocabulary[i]) for i in ids]
        return np.asarray(super().feature(name, ids)[np.cumsum(lengths) - 1])
