"""Predictive typing: short messages in which a word far back decides a later one.

A message names something at its start (a thief, a shirt, a violin), continues with words that fit any message, and at
its end needs the word that fits the start: the thief goes to jail, the shirt to the laundry.
"""

import numpy as np

from rnnplay.config import RunConfig
from rnnplay.tasks.base import Array, Batch, PredictFunction, TaskScore
from rnnplay.tasks.generated import Item, accuracy_score, predict_in_chunks
from rnnplay.tasks.sentence_pool import Grammar, PooledTask, take_distinct, vocabulary_of, word_ids, words_of

# Who or what is sent where.
SENT = {
    "jail": "criminal thief burglar robber".split(),
    "hospital": "patient wounded_man feverish_child sick_lady".split(),
    "school": "pupil teacher headmaster schoolgirl".split(),
    "court": "judge lawyer witness jury".split(),
    "harbour": "sailor captain fisherman ferry".split(),
    "garage": "car van motorbike lorry".split(),
    "laundry": "shirt sheet towel tablecloth".split(),
    "library": "novel dictionary atlas borrowed_book".split(),
}
SENDING = ["should be sent to the", "has to go back to the", "must be taken to the", "ought to be brought to the"]
# What is played or done, and what was left behind.
LEFT = {
    "bow": "violin cello viola".split(),
    "drumsticks": "drums timpani".split(),
    "boots": "football rugby".split(),
    "racket": "tennis squash badminton".split(),
    "brushes": "watercolours oils".split(),
    "goggles": ["in the swimming team", "in the diving team"],
}
# What the weather is, and what to bring.
WEATHER = {
    "umbrella": ["rain", "pour", "drizzle"],
    "sunglasses": ["be sunny", "be bright"],
    "gloves": ["snow", "freeze"],
    "kite": ["be windy", "be stormy"],
}
FINDERS = "police neighbours nurse teacher captain lawyer children driver postman baker".split()
PLACES = "bridge station market church bakery museum river school hospital harbour library garage".split()
TIMES = ["last night", "on monday", "this morning", "at noon", "after lunch", "two days ago", "in the holidays"]
FUTURE = ["tomorrow", "on monday", "after lunch", "at noon", "in the holidays", "next week"]
NAMES = "anna tom maria paul ella sam nina leo".split()
OPENINGS = ["hi {n} ,", "dear {n} ,", "{n} ,", "good morning {n} ,", "sorry {n} ,", "listen {n} ,"]


def played_words(plays: str, decided: str) -> str:
    """Return what somebody plays or does, as a message says it: plays the violin, likes oils, is in the diving team."""
    if " " in plays:
        return f"is {plays}"
    if plays in ("watercolours", "oils"):
        return f"likes {plays}"
    return f"plays {'the ' if decided in ('bow', 'drumsticks') else ''}{plays}"


class Messages(Grammar):
    """Messages as lines "message<TAB>index of the word that was decided far back"."""

    def __init__(self) -> None:
        super().__init__("typing", "grammar")

    def filler_phrase(self, future: bool = False) -> str:
        """Words that fit any message and decide nothing."""
        if future:
            return self.choose(
                [
                    f"near the {self.choose(PLACES)} {self.choose(FUTURE)}",
                    f"{self.choose(FUTURE)} behind the old {self.choose(PLACES)}",
                    f"{self.choose(FUTURE)} with {self.choose(NAMES)} and {self.choose(NAMES)}",
                    f"on the way from the {self.choose(PLACES)} to the {self.choose(PLACES)} {self.choose(FUTURE)}",
                ]
            )
        return self.choose(
            [
                f"near the {self.choose(PLACES)} {self.choose(TIMES)}",
                f"{self.choose(TIMES)} behind the old {self.choose(PLACES)}",
                f"with {self.choose(NAMES)} and {self.choose(NAMES)} {self.choose(TIMES)}",
                f"when we came from the {self.choose(PLACES)} with {self.choose(NAMES)}",
                f"on the way from the {self.choose(PLACES)} to the {self.choose(PLACES)} {self.choose(TIMES)}",
            ]
        )

    def sentence(self) -> str:
        kind = self.rng.random()
        if kind < 0.5:
            decided = self.choose(list(SENT))
            who = self.choose(SENT[decided]).replace("_", " ")
            seen = self.choose(
                [f"the {self.choose(FINDERS)} saw", f"{self.choose(NAMES)} told you about", "we talked about"]
            )
            message = f"the {who} that {seen} {self.filler_phrase()} {self.choose(SENDING)}"
        elif kind < 0.75:
            decided = self.choose(list(LEFT))
            plays = self.choose(LEFT[decided])
            child = self.choose(NAMES)
            played = played_words(plays, decided)
            message = f"{child} who {played} was here {self.filler_phrase()} and forgot the"
        else:
            decided = self.choose(list(WEATHER))
            weather = self.choose(WEATHER[decided])
            message = f"it will {weather} when we meet you {self.filler_phrase(True)} so please bring your"
        opening = self.choose(OPENINGS).format(n=self.choose(NAMES))
        ending = self.choose([". see you soon !", ". thank you !", "."])
        words = f"{opening} {message}".split()
        return f"{' '.join(words)} {decided} {ending}\t{len(words)}"


class Typing(PooledTask):
    """Predict each next word of a message; `score` uses the word that was decided far back."""

    name = "typing"
    question_help = "the beginning of a message"
    messages = 8_000

    def __init__(self, config: RunConfig) -> None:
        super().__init__(config)
        lines = take_distinct(iter(Messages()), self.messages)
        texts = [line.split("\t")[0].split() for line in lines]
        self.decided = {" ".join(words): int(line.split("\t")[1]) for words, line in zip(texts, lines, strict=True)}
        self.vocabulary = self.output_vocabulary = vocabulary_of(texts)
        self.inputs = self.outputs = len(self.vocabulary)
        ids = {word: i for i, word in enumerate(self.vocabulary)}
        rows = [[ids[word] for word in words] for words in texts]
        items = [Item(row[:-1], row[1:], [1.0] * (len(row) - 1)) for row in rows]
        self.prepare(items, [" ".join(words) for words in texts])

    def score(self, predict: PredictFunction) -> TaskScore:
        """The fraction of test messages whose deciding word is predicted as the likeliest."""
        batch = self.test()
        at = np.array([self.decided[key] for key in self.keys["test"]]) - 1  # it is the target one time step earlier
        columns = np.arange(len(at))
        guesses = predict_in_chunks(predict, batch).argmax(axis=1)[at, columns]
        return accuracy_score(
            "unseen messages whose deciding word comes first", guesses == batch.targets[at, columns], 0.95
        )

    def feature_names(self) -> list[str]:
        return ["word position", *(f"{word} is to come" for word in (*SENT, *LEFT, *WEATHER))]

    def feature(self, name: str, ids: Array) -> Array:
        words = [self.vocabulary[i] for i in ids]
        if name == "word position":
            return np.arange(1.0, len(words) + 1)
        decided = name.removesuffix(" is to come")
        for table in (SENT, LEFT, WEATHER):
            if decided in table:
                text = " ".join(words) + " "
                cues = [cue.replace("_", " ") for cue in table[decided]]
                starts = [text.find(f" {cue} ") for cue in cues]
                first = min((text[: at + 1].count(" ") for at in starts if at >= 0), default=len(words))
                ends = max((t for t, word in enumerate(words) if word == decided and t > first), default=len(words))
                return (np.arange(len(words)) >= first) & (np.arange(len(words)) < ends)
        raise KeyError(name)

    def answer_question(self, prompt: str, predict: PredictFunction) -> list[tuple[str, float]]:
        """The five likeliest next words."""
        ids = np.array(word_ids(words_of(prompt), self.vocabulary, "a message"), np.int32)[:, None]
        p = predict(Batch(ids, np.zeros_like(ids)))[-1, :, 0]
        return [(self.vocabulary[int(i)], float(p[i])) for i in np.argsort(-p)[:5]]
