"""English to Spanish, by a small grammar: articles and adjectives agree, and words change places.

What moves: adjectives stand behind their noun ("the red car": "el coche rojo"), an owner behind what is owned ("the
doctor's car": "el coche del doctor"), an object that is a pronoun before the verb ("sees her": "la ve"); "do not" is
"no". "is" is "es" with a lasting quality, "está" with a passing one or a place.
"""

import numpy as np

from rnnplay.config import RunConfig
from rnnplay.tasks.base import Array, Batch, Example, PredictFunction, TaskScore
from rnnplay.tasks.generated import END, START, Item, accuracy_score, greedy_decode
from rnnplay.tasks.sentence_pool import Grammar, PooledTask, take_distinct, vocabulary_of, word_ids, words_of

# English, Spanish, gender; the Spanish plural takes -s, or -es behind a consonant.
PEOPLE = """boy niño m|girl niña f|doctor doctor m|teacher maestra f|king rey m|queen reina f|baker panadero m
|nurse enfermera f|farmer granjero m|singer cantante f"""
ANIMALS = "dog perro m|cat gata f|horse caballo m|hen gallina f|bird pájaro m|cow vaca f"
OBJECTS = """house casa f|car coche m|book libro m|table mesa f|letter carta f|boat barco m|lamp lámpara f
|picture cuadro m|apple manzana f|ticket billete m|shirt camisa f|hat sombrero m|key llave f|flower flor f"""
PLACES = "garden jardín m|kitchen cocina f|market mercado m|school escuela f|park parque m|street calle f"
# English, Spanish masculine singular. Those in -o have a feminine in -a.
LASTING = """red rojo|white blanco|black negro|small pequeño|old viejo|new nuevo|beautiful bonito|green verde|blue azul
|big grande|strange extraño"""
PASSING = "dirty sucio|clean limpio|broken roto|lost perdido|wet mojado"
# English base, English third person, Spanish third person singular, plural, first person.
VERBS = """see sees ve ven veo|buy buys compra compran compro|sell sells vende venden vendo|love loves ama aman amo
|find finds encuentra encuentran encuentro|paint paints pinta pintan pinto|take takes toma toman tomo
|look_for looks_for busca buscan busco|carry carries lleva llevan llevo"""


def table(text: str) -> list[list[str]]:
    return [row.split() for row in text.replace("\n", "").split("|")]


PEOPLE_ROWS, OBJECT_ROWS, PLACE_ROWS = table(PEOPLE) + table(ANIMALS), table(OBJECTS), table(PLACES)
LASTING_ROWS, PASSING_ROWS, VERB_ROWS = table(LASTING), table(PASSING), table(VERBS)
ARTICLES = {("the", "m", 1): "el", ("the", "f", 1): "la", ("the", "m", 2): "los", ("the", "f", 2): "las"}
ARTICLES |= {("a", "m", 1): "un", ("a", "f", 1): "una", ("my", "m", 1): "mi", ("my", "f", 1): "mi"}
ARTICLES |= {("my", "m", 2): "mis", ("my", "f", 2): "mis", ("this", "m", 1): "este", ("this", "f", 1): "esta"}
ARTICLES |= {("these", "m", 2): "estos", ("these", "f", 2): "estas"}


def plural(english: str) -> str:
    return english[:-1] + "ies" if english.endswith("y") and english[-2] not in "aeo" else english + "s"


def plural_es(spanish: str) -> str:
    return spanish + ("s" if spanish[-1] in "aeiou" else "es")


def inflect(adjective: str, gender: str, number: int) -> str:
    word = adjective[:-1] + "a" if adjective.endswith("o") and gender == "f" else adjective
    return plural_es(word) if number == 2 else word


class TranslationGrammar(Grammar):
    """Pairs of sentences, as lines "english<TAB>español"."""

    def __init__(self) -> None:
        super().__init__("translate", "grammar")

    def row(self, rows: list[list[str]]) -> list[str]:
        return rows[int(self.rng.integers(len(rows)))]

    def noun(self, rows: list[list[str]], depth: int = 0) -> tuple[str, str, str, int]:
        """A noun phrase: English, Spanish, gender, number (1 or 2)."""
        english, spanish, gender = self.row(rows)
        number = 2 if self.chance(0.35) else 1
        article = self.choose("the the my these".split() if number == 2 else "the the a my this".split())
        adjectives = [self.row(LASTING_ROWS)] if self.chance(0.45) else []
        name = [plural(english) if number == 2 else english]
        nombre = [plural_es(spanish) if number == 2 else spanish]
        qualities = [inflect(es, gender, number) for _, es in adjectives]
        if depth == 0 and rows is OBJECT_ROWS and self.chance(0.2):  # "the doctor 's red car"
            owner, dueño, _, owners = self.noun(PEOPLE_ROWS, 1)
            of = "del" + dueño[2:] if dueño.startswith("el ") else "de " + dueño
            mark = "'" if owners == 2 and owner.endswith("s") else "'s"
            words = [owner, mark, *(en for en, _ in adjectives), *name]
            palabras = [ARTICLES["the", gender, number], *nombre, *qualities, of]
        else:
            words = [article, *(en for en, _ in adjectives), *name]
            words[0] = "an" if article == "a" and words[1][0] in "aeiou" else article
            palabras = [ARTICLES[article, gender, number], *nombre, *qualities]
        return " ".join(words), " ".join(palabras), gender, number

    def subject(self) -> tuple[str, str, str, int, bool]:
        """English, Spanish, gender, number, and whether it is "i"."""
        if self.chance(0.7):
            return (*self.noun(PEOPLE_ROWS, 1), False)
        english, spanish, gender, number = self.choose("i/yo/m/1 he/él/m/1 she/ella/f/1 they/ellos/m/2".split()).split(
            "/"
        )
        return english, spanish, gender, int(number), english == "i"

    def sentence(self) -> str:
        subject, sujeto, gender, number, first = self.subject()
        if self.chance(0.25) and not first:
            return self.being(subject, sujeto, gender, number)
        base, third, es, ellos, yo = self.row(VERB_ROWS)
        verbo = yo if first else ellos if number == 2 else es
        negated = self.chance(0.3)
        single = number == 1 and not first
        verb = (
            ("does not " if single else "do not ") + base.replace("_", " ")
            if negated
            else (third if single else base).replace("_", " ")
        )
        if self.chance(0.25):
            thing, cosa = self.choose("him/lo her/la them/los".split()).split("/")
            words, palabras = f"{subject} {verb} {thing}", f"{sujeto} {'no ' if negated else ''}{cosa} {verbo}"
        else:
            thing, cosa, *_ = self.noun(OBJECT_ROWS)
            words, palabras = f"{subject} {verb} {thing}", f"{sujeto} {'no ' if negated else ''}{verbo} {cosa}"
        if self.chance(0.25):
            place, lugar, kind = self.row(PLACE_ROWS)
            words, palabras = f"{words} in the {place}", f"{palabras} en {'el' if kind == 'm' else 'la'} {lugar}"
        return f"{words} .\t{palabras} ."

    def being(self, subject: str, sujeto: str, gender: str, number: int) -> str:
        """A sentence with "is": a lasting quality, a passing one, or a place."""
        if self.chance(0.6):
            subject, sujeto, gender, number = self.noun(OBJECT_ROWS)
        negated = self.chance(0.3)
        verb = ("is", "are")[number - 1] + (" not" if negated else "")
        no = "no " if negated else ""
        ser, estar = ("es", "son")[number - 1], ("está", "están")[number - 1]
        kind = self.rng.random()
        if kind < 0.4:
            english, spanish = self.row(LASTING_ROWS)
            return f"{subject} {verb} {english} .\t{sujeto} {no}{ser} {inflect(spanish, gender, number)} ."
        if kind < 0.75:
            english, spanish = self.row(PASSING_ROWS)
            return f"{subject} {verb} {english} .\t{sujeto} {no}{estar} {inflect(spanish, gender, number)} ."
        place, lugar, genus = self.row(PLACE_ROWS)
        return f"{subject} {verb} in the {place} .\t{sujeto} {no}{estar} en {'el' if genus == 'm' else 'la'} {lugar} ."


class Translate(PooledTask):
    """An encoder reads the English sentence backwards, a decoder writes the Spanish one from <START> to <END>.

    The source is reversed as in Sutskever, Vinyals and Le (2014): its first words are nearest to the first target.
    """

    name = "translate"
    question_help = "an English sentence"
    sentences = 16_000

    def __init__(self, config: RunConfig) -> None:
        super().__init__(config)
        pairs = [line.split("\t") for line in take_distinct(iter(TranslationGrammar()), self.sentences)]
        english = [tokens(pair[0]) for pair in pairs]
        spanish = [tokens(pair[1]) for pair in pairs]
        self.source_vocabulary = vocabulary_of(english)
        self.vocabulary = self.output_vocabulary = (*vocabulary_of(spanish), START, END)
        self.source_vocabulary_size, self.inputs = len(self.source_vocabulary), len(self.vocabulary)
        self.outputs = self.inputs
        self.start, self.end = self.inputs - 2, self.inputs - 1
        reads = {word: i for i, word in enumerate(self.source_vocabulary)}
        writes = {word: i for i, word in enumerate(self.vocabulary)}
        items = []
        for source, target in zip(english, spanish, strict=True):
            ids = [writes[word] for word in target]
            items.append(
                Item([self.start, *ids], [*ids, self.end], [1.0] * (len(ids) + 1), [reads[w] for w in reversed(source)])
            )
        self.prepare(items, [" ".join(words) for words in english])
        self.longest = self.pool["train"].inputs.shape[0]

    def translations(self, predict: PredictFunction, batch: Batch) -> list[list[int]]:
        """The network's own translations of the sources of `batch`, as ids."""
        start = np.full((1, batch.inputs.shape[1]), self.start, np.int32)
        prompt = Batch(start, start, source=batch.source, source_mask=batch.source_mask)
        return greedy_decode(predict, prompt, self.end, self.longest + 5)

    def score(self, predict: PredictFunction) -> TaskScore:
        batch = self.test().select_sequences(slice(min(self.test_count, len(self.keys["test"]))))
        weights = np.ones(batch.inputs.shape) if batch.weights is None else batch.weights
        expected = [batch.targets[: int(weights[:, b].sum()) - 1, b].tolist() for b in range(batch.inputs.shape[1])]
        hits = [ids == right for ids, right in zip(self.translations(predict, batch), expected, strict=True)]
        return accuracy_score("unseen sentences exactly right", hits, 0.97)

    def to_example(self, batch: Batch, title: str) -> Example:
        example = super().to_example(batch, title)
        assert batch.source is not None  # an encoder's batch has one
        read = [self.source_vocabulary[i] for i in batch.source[:, 0]]
        return Example(" ".join(reversed(read)), example.inputs, example.targets, batch, source=read)

    def feature_names(self) -> list[str]:
        return ["word position", "noun has come", "feminine article", "plural article"]

    def feature(self, name: str, ids: Array) -> Array:
        words = [self.vocabulary[i] for i in ids]
        if name == "word position":
            return np.arange(1.0, len(words) + 1)
        articles = {
            "feminine article": "la las una esta estas".split(),
            "plural article": "los las mis estos estas".split(),
        }
        if name in articles:  # of the last article read
            last, states = "", []
            for word in words:
                last = word if word in ARTICLES.values() else last
                states.append(last in articles[name])
            return np.array(states)
        if name == "noun has come":
            nouns = {form for row in (*PEOPLE_ROWS, *OBJECT_ROWS) for form in (row[1], plural_es(row[1]))}
            return np.cumsum([word in nouns for word in words]) > 0
        raise KeyError(name)

    def answer_question(self, prompt: str, predict: PredictFunction) -> list[tuple[str, float]]:
        words = tokens(prompt)
        if words and words[-1] != ".":
            words.append(".")
        source = np.array(word_ids(words, self.source_vocabulary, "a sentence")[::-1], np.int32)[:, None]
        start = np.full((1, 1), self.start, np.int32)
        batch = Batch(start, start, source=source, source_mask=np.ones(source.shape, bool))
        ids = [*self.translations(predict, batch)[0], self.end]
        inputs = np.array([self.start, *ids[:-1]], np.int32)[:, None]
        sure = predict(Batch(inputs, inputs, source=source, source_mask=batch.source_mask))[:, :, 0]
        return [(self.vocabulary[i], float(sure[t, i])) for t, i in enumerate(ids[:-1])]


def tokens(sentence: str) -> list[str]:
    """The words and marks of `sentence`; a possessive 's is a word of its own."""
    marked = sentence.replace("'s ", " § ").replace("’s ", " § ").replace(" ' ", " § ")
    return ["'s" if word == "§" else word for word in words_of(marked)]
