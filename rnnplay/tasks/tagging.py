"""A part of speech for every word. Many words are nouns or verbs: the words before decide.

The grammar writes the tags with the words. The same words serve as nouns ("the watch") and as verbs ("they watch"),
also where the deciding word is far back: "they want to see the play and dance", "the play and dance are new". "can",
"that", "to", "like", "not", "fast", "hard" and "well" have two tags as well. The words on the left always suffice.
"""

import numpy as np

from rnnplay.config import RunConfig
from rnnplay.tasks.base import Array, Batch, PredictFunction, TaskScore
from rnnplay.tasks.generated import Item, correct_steps
from rnnplay.tasks.sentence_pool import Grammar, PooledTask, take_distinct, vocabulary_of, word_ids, words_of

TAGS = ("ADJ", "ADV", "AUX", "CONJ", "DET", "NOUN", "NUM", "PART", "PREP", "PRON", "VERB", ".")
BEINGS = "dog girl man woman child teacher farmer horse cook cook guard guard".split()
BOTH = "watch play dance walk fish ship plant train lock ring answer help book show paint plan ride phone".split()
THINGS = "river table boat tree city house window can well".split() + BOTH
MASS = "water work fish ice".split()
DOING = "sleep arrive wait laugh sing work fish dance walk cook play ride".split()  # what beings do
ACTING = (
    "see find sell water watch plant lock ring answer help book show paint plan guard phone cook".split()
)  # on things
HAPPENING = "ring work help arrive wait".split()  # what things do
SAYING = "know think believe hope say".split()
WANTING = "want hope try plan like".split()
ADJECTIVES = "old young red quiet clever little happy fast hard".split()
MANNER = "fast hard well slowly often quietly".split()
PREPOSITIONS = "in near behind with to under".split()
OBJECTIVE = {"i": "me", "he": "him", "she": "her", "they": "them", "we": "us", "you": "you"}

Tagged = list[tuple[str, str]]


def third_person(verb: str) -> str:
    """The -s of a verb's third person, which is a noun's plural as well."""
    if verb.endswith("y") and verb[-2] not in "aeou":
        return verb[:-1] + "ies"
    return verb + ("es" if verb.endswith(("sh", "ch", "x", "s")) else "s")


def plural(noun: str) -> str:
    return {"man": "men", "woman": "women", "child": "children", "fish": "fish"}.get(noun) or third_person(noun)


class TagGrammar(Grammar):
    """Tagged sentences, as lines of words with their tags: "the/DET watch/NOUN rings/VERB ./."."""

    def __init__(self) -> None:
        super().__init__("tagging", "grammar")

    def noun_phrase(self, nouns: list[str], deep: bool = False) -> tuple[Tagged, bool]:
        """A noun phrase, and whether it is plural. `deep`: more may hang on it."""
        many = self.chance(0.4)
        if many and self.chance(0.25):
            tagged: Tagged = [(self.choose("two three ten".split()), "NUM")]
        else:
            tagged = [
                (
                    self.choose("the the my these".split() if many else "the the a my that this every".split()),
                    "DET",
                )
            ]
        if self.chance(0.35):
            if self.chance(0.3):
                tagged.append((self.choose(["very", "quite"]), "ADV"))
            tagged.append((self.choose(ADJECTIVES), "ADJ"))
        noun = self.choose(nouns)
        tagged.append((plural(noun) if many else noun, "NOUN"))
        if deep and self.chance(0.25):  # "the play and dance": the second noun stands bare
            noun = self.choose(nouns)
            tagged += [("and", "CONJ"), (plural(noun) if many else noun, "NOUN")]
            many = True
        elif deep and self.chance(0.25):
            tagged += [(self.choose(PREPOSITIONS), "PREP"), *self.noun_phrase(THINGS)[0]]
        return tagged, many

    def object(self) -> Tagged:
        kind = self.rng.random()
        if kind < 0.2:
            return [(OBJECTIVE[self.choose(list(OBJECTIVE))], "PRON")]
        if kind < 0.28:
            return [(self.choose(MASS), "NOUN")]
        return self.noun_phrase(BEINGS if self.chance(0.3) else THINGS)[0]

    def bare(self) -> Tagged:
        """Return what beings do: a verb in its base form with what belongs to it."""
        if self.chance(0.6):
            return [(self.choose(ACTING), "VERB"), *self.object(), *self.manner()]
        doing: Tagged = [(self.choose(DOING), "VERB")]
        if self.chance(0.2):
            return [*doing, ("like", "PREP"), *self.noun_phrase(BEINGS)[0]]
        return doing + self.manner()

    def manner(self) -> Tagged:
        return [(self.choose(MANNER), "ADV")] if self.chance(0.25) else []

    def predicate(self, being: bool, many: bool, deep: bool) -> Tagged:
        kind = self.rng.random()
        if kind < 0.15:
            be = "are" if many else "is"
            return [(be, "AUX"), (self.choose(["very", "quite", "not"]), "ADV"), (self.choose(ADJECTIVES), "ADJ")]
        if kind < 0.35:
            helper: Tagged = [(self.choose("can will must can".split()), "AUX")]
            if self.chance(0.3):
                helper.append(("not", "PART"))
            return helper + (self.bare() if being else [(self.choose(HAPPENING), "VERB"), *self.manner()])
        if being and kind < 0.55:
            want = self.choose(WANTING)
            tagged = [(want if many else third_person(want), "VERB"), ("to", "PART"), *self.bare()]
            if self.chance(0.5):  # "to see the play and dance": the second verb stands bare
                tagged += [("and", "CONJ"), *self.bare()]
            return tagged
        if being and kind < 0.65 and deep:
            say = self.choose(SAYING)
            return [(say if many else third_person(say), "VERB"), ("that", "CONJ"), *self.clause(False)]
        base: Tagged = self.bare() if being else [(self.choose(HAPPENING), "VERB"), *self.manner()]
        return [(base[0][0] if many else third_person(base[0][0]), "VERB"), *base[1:]]

    def clause(self, deep: bool = True) -> Tagged:
        if self.chance(0.25):
            word = self.choose(list(OBJECTIVE))
            return [(word, "PRON"), *self.predicate(True, word not in ("he", "she"), deep)]
        being = self.chance(0.7)
        subject, many = self.noun_phrase(BEINGS if being else THINGS, deep)
        return subject + self.predicate(being, many, deep)

    def sentence(self) -> str:
        tagged = self.clause()
        if len(tagged) < 8 and self.chance(0.3):
            tagged += [(self.choose(["and", "but"]), "CONJ"), *self.clause(False)]
        return " ".join(f"{word}/{tag}" for word, tag in [*tagged, (".", ".")])


class Tagging(PooledTask):
    """Predict a tag for every word. `ambiguous`: the ids of the words that have more than one tag."""

    name = "tagging"
    question_help = "a sentence"
    output_vocabulary = TAGS
    sentences = 6_000

    def __init__(self, config: RunConfig) -> None:
        super().__init__(config)
        lines = take_distinct((line for line in TagGrammar() if line.count(" ") < 22), self.sentences)
        tagged = [[(pair.rpartition("/")[0], pair.rpartition("/")[2]) for pair in line.split()] for line in lines]
        self.vocabulary = vocabulary_of([[word for word, _ in sentence] for sentence in tagged])
        self.inputs, self.outputs = len(self.vocabulary), len(TAGS)
        ids = {word: i for i, word in enumerate(self.vocabulary)}
        items = [Item([ids[word] for word, _ in s], [TAGS.index(tag) for _, tag in s], [1.0] * len(s)) for s in tagged]
        self.prepare(items, [" ".join(word for word, _ in sentence) for sentence in tagged])
        seen = {(i, tag) for item in items for i, tag in zip(item.inputs, item.targets, strict=True)}
        self.ambiguous = np.flatnonzero(np.bincount([i for i, _ in seen]) > 1)

    def score(self, predict: PredictFunction) -> TaskScore:
        """The fraction of right tags on test sentences: of all words or of the ambiguous ones, whichever is less."""
        batch = self.test()
        hits = correct_steps(predict, batch)
        counted = np.ones(hits.shape, bool) if batch.weights is None else batch.weights > 0
        hard = counted & np.isin(batch.inputs, self.ambiguous)
        value = min(float(hits[counted].mean()), float(hits[hard].mean()))
        return TaskScore("unseen words right, the ambiguous ones too", value, 0.97, value >= 0.97)

    def feature_names(self) -> list[str]:
        return ["noun", "verb", "ambiguous", "after to", "subject is plural"]

    def feature(self, name: str, ids: Array) -> Array:
        words = [self.vocabulary[i] for i in ids]
        if name == "ambiguous":
            return np.isin(ids, self.ambiguous)
        if name == "after to":
            return np.array([False] + [word == "to" for word in words[:-1]])
        if name == "subject is plural":
            return np.full(len(words), words[0] in "i you they we two three ten these".split())
        raise KeyError(name)

    def batch_feature(self, name: str, batch: Batch) -> Array:
        if name in ("noun", "verb"):
            return np.asarray(batch.targets == TAGS.index(name.upper()))
        return super().batch_feature(name, batch)

    def answer_question(self, prompt: str, predict: PredictFunction) -> list[tuple[str, float]]:
        words = words_of(prompt)
        ids = np.array(word_ids(words, self.vocabulary, "a sentence"), np.int32)[:, None]
        tags = predict(Batch(ids, np.zeros_like(ids)))[:, :, 0]
        return [(f"{word}/{TAGS[int(p.argmax())]}", float(p.max())) for word, p in zip(words, tags, strict=True)]
