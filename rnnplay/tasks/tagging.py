"""A part of speech for every word, where many words are nouns here and verbs there: what stood before decides.

The grammar writes the tags with the words. The same words serve as nouns ("the watch") and as verbs ("they watch"),
also where the deciding word is far back: "they want to see the play and dance", "the play and dance are new". "can",
"that", "to", "like", "not", "fast", "hard" and "well" have two tags as well. The words on the left always suffice.
"""

import numpy as np

from rnnplay.config import RunConfig
from rnnplay.tasks.base import Answer, Array, Batch, Measure
from rnnplay.tasks.generated import Item, right
from rnnplay.tasks.sentences import Grammar, Pool, distinct, known, listed, vocabulary_of, words_of

TAGS = ("ADJ", "ADV", "AUX", "CONJ", "DET", "NOUN", "NUM", "PART", "PREP", "PRON", "VERB", ".")
BEINGS = listed("dog girl man woman child teacher farmer horse cook cook guard guard")
BOTH = listed("watch play dance walk fish ship plant train lock ring answer help book show paint plan ride phone")
THINGS = listed("river table boat tree city house window can well") + BOTH
MASS = listed("water work fish ice")
DOING = listed("sleep arrive wait laugh sing work fish dance walk cook play ride")  # what beings do
ACTING = listed(
    "see find sell water watch plant lock ring answer help book show paint plan guard phone cook"
)  # on things
HAPPENING = listed("ring work help arrive wait")  # what things do
SAYING = listed("know think believe hope say")
WANTING = listed("want hope try plan like")
ADJECTIVES = listed("old young red quiet clever little happy fast hard")
MANNER = listed("fast hard well slowly often quietly")
PREPOSITIONS = listed("in near behind with to under")
OBJECTIVE = {"i": "me", "he": "him", "she": "her", "they": "them", "we": "us", "you": "you"}

Tagged = list[tuple[str, str]]


def third(verb: str) -> str:
    """The -s of a verb's third person, which is a noun's plural as well."""
    if verb.endswith("y") and verb[-2] not in "aeou":
        return verb[:-1] + "ies"
    return verb + ("es" if verb.endswith(("sh", "ch", "x", "s")) else "s")


def plural(noun: str) -> str:
    return {"man": "men", "woman": "women", "child": "children", "fish": "fish"}.get(noun) or third(noun)


class Sentences(Grammar):
    """Tagged sentences, as lines of words with their tags: "the/DET watch/NOUN rings/VERB ./."."""

    def __init__(self) -> None:
        super().__init__("tagging", "grammar")

    def noun_phrase(self, nouns: list[str], deep: bool = False) -> tuple[Tagged, bool]:
        """A noun phrase, and whether it is plural. `deep`: more may hang on it."""
        many = self.chance(0.4)
        if many and self.chance(0.25):
            tagged: Tagged = [(self.one(listed("two three ten")), "NUM")]
        else:
            tagged = [(self.one(listed("the the my these") if many else listed("the the a my that this every")), "DET")]
        if self.chance(0.35):
            if self.chance(0.3):
                tagged.append((self.one(["very", "quite"]), "ADV"))
            tagged.append((self.one(ADJECTIVES), "ADJ"))
        noun = self.one(nouns)
        tagged.append((plural(noun) if many else noun, "NOUN"))
        if deep and self.chance(0.25):  # "the play and dance": the second noun stands bare
            noun = self.one(nouns)
            tagged += [("and", "CONJ"), (plural(noun) if many else noun, "NOUN")]
            many = True
        elif deep and self.chance(0.25):
            tagged += [(self.one(PREPOSITIONS), "PREP"), *self.noun_phrase(THINGS)[0]]
        return tagged, many

    def object(self) -> Tagged:
        kind = self.rng.random()
        if kind < 0.2:
            return [(OBJECTIVE[self.one(list(OBJECTIVE))], "PRON")]
        if kind < 0.28:
            return [(self.one(MASS), "NOUN")]
        return self.noun_phrase(BEINGS if self.chance(0.3) else THINGS)[0]

    def bare(self) -> Tagged:
        """What beings do: a verb in its base form with what belongs to it."""
        if self.chance(0.6):
            return [(self.one(ACTING), "VERB"), *self.object(), *self.manner()]
        doing: Tagged = [(self.one(DOING), "VERB")]
        if self.chance(0.2):
            return [*doing, ("like", "PREP"), *self.noun_phrase(BEINGS)[0]]
        return doing + self.manner()

    def manner(self) -> Tagged:
        return [(self.one(MANNER), "ADV")] if self.chance(0.25) else []

    def predicate(self, being: bool, many: bool, deep: bool) -> Tagged:
        kind = self.rng.random()
        if kind < 0.15:
            be = "are" if many else "is"
            return [(be, "AUX"), (self.one(["very", "quite", "not"]), "ADV"), (self.one(ADJECTIVES), "ADJ")]
        if kind < 0.35:
            helper: Tagged = [(self.one(listed("can will must can")), "AUX")]
            if self.chance(0.3):
                helper.append(("not", "PART"))
            return helper + (self.bare() if being else [(self.one(HAPPENING), "VERB"), *self.manner()])
        if being and kind < 0.55:
            want = self.one(WANTING)
            tagged = [(want if many else third(want), "VERB"), ("to", "PART"), *self.bare()]
            if self.chance(0.5):  # "to see the play and dance": the second verb stands bare
                tagged += [("and", "CONJ"), *self.bare()]
            return tagged
        if being and kind < 0.65 and deep:
            say = self.one(SAYING)
            return [(say if many else third(say), "VERB"), ("that", "CONJ"), *self.clause(False)]
        base: Tagged = self.bare() if being else [(self.one(HAPPENING), "VERB"), *self.manner()]
        return [(base[0][0] if many else third(base[0][0]), "VERB"), *base[1:]]

    def clause(self, deep: bool = True) -> Tagged:
        if self.chance(0.25):
            word = self.one(list(OBJECTIVE))
            return [(word, "PRON"), *self.predicate(True, word not in ("he", "she"), deep)]
        being = self.chance(0.7)
        subject, many = self.noun_phrase(BEINGS if being else THINGS, deep)
        return subject + self.predicate(being, many, deep)

    def sentence(self) -> str:
        tagged = self.clause()
        if len(tagged) < 8 and self.chance(0.3):
            tagged += [(self.one(["and", "but"]), "CONJ"), *self.clause(False)]
        return " ".join(f"{word}/{tag}" for word, tag in [*tagged, (".", ".")])


class Tagging(Pool):
    """A tag for every word. `ambiguous`: the ids of the words that have more than one."""

    name = "tagging"
    question = "a sentence"
    output_vocabulary = TAGS
    sentences = 6_000

    def __init__(self, config: RunConfig) -> None:
        super().__init__(config)
        lines = distinct((line for line in Sentences() if line.count(" ") < 22), self.sentences)
        tagged = [[(pair.rpartition("/")[0], pair.rpartition("/")[2]) for pair in line.split()] for line in lines]
        self.vocabulary = vocabulary_of([[word for word, _ in sentence] for sentence in tagged])
        self.inputs, self.outputs = len(self.vocabulary), len(TAGS)
        ids = {word: i for i, word in enumerate(self.vocabulary)}
        items = [Item([ids[word] for word, _ in s], [TAGS.index(tag) for _, tag in s], [1.0] * len(s)) for s in tagged]
        self.prepare(items, [" ".join(word for word, _ in sentence) for sentence in tagged])
        seen = {(i, tag) for item in items for i, tag in zip(item.inputs, item.targets, strict=True)}
        self.ambiguous = np.flatnonzero(np.bincount([i for i, _ in seen]) > 1)

    def measure(self, answer: Answer) -> Measure:
        """The share of right tags on unseen sentences: of all words, or of the ambiguous ones where that is less."""
        batch = self.test()
        hits = right(answer, batch)
        counted = np.ones(hits.shape, bool) if batch.weights is None else batch.weights > 0
        hard = counted & np.isin(batch.inputs, self.ambiguous)
        value = min(float(hits[counted].mean()), float(hits[hard].mean()))
        return Measure("unseen words right, the ambiguous ones too", value, 0.97, value >= 0.97)

    def feature_names(self) -> list[str]:
        return ["noun", "verb", "ambiguous", "after to", "subject is plural"]

    def feature(self, name: str, ids: Array) -> Array:
        words = [self.vocabulary[i] for i in ids]
        if name == "ambiguous":
            return np.isin(ids, self.ambiguous)
        if name == "after to":
            return np.array([False] + [word == "to" for word in words[:-1]])
        if name == "subject is plural":
            return np.full(len(words), words[0] in listed("i you they we two three ten these"))
        raise KeyError(name)

    def batch_feature(self, name: str, batch: Batch) -> Array:
        if name in ("noun", "verb"):
            return np.asarray(batch.targets == TAGS.index(name.upper()))
        return super().batch_feature(name, batch)

    def respond(self, prompt: str, answer: Answer) -> list[tuple[str, float]]:
        words = words_of(prompt)
        ids = np.array(known(words, self.vocabulary, "a sentence"), np.int32)[:, None]
        tags = answer(Batch(ids, np.zeros_like(ids)))[:, :, 0]
        return [(f"{word}/{TAGS[int(p.argmax())]}", float(p.max())) for word, p in zip(words, tags, strict=True)]
