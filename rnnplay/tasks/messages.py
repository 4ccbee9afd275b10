"""Predictive typing: short messages in which a word far back decides what comes.

A message names something at its start (a thief, a parcel, a violin), wanders through words that could stand in any
message, and at its end needs the word that fits the start: the thief goes to jail, the parcel to the post office.
"""

import numpy as np

from rnnplay.config import RunConfig
from rnnplay.tasks.base import Answer, Array, Batch, Measure
from rnnplay.tasks.generated import Item, asked, share_of
from rnnplay.tasks.sentences import Grammar, Pool, distinct, known, listed, vocabulary_of, words_of

# Who or what is sent where.
SENT = {
    "jail": listed("criminal thief burglar robber"),
    "hospital": listed("patient wounded_man feverish_child sick_lady"),
    "school": listed("pupil teacher headmaster schoolgirl"),
    "court": listed("judge lawyer witness jury"),
    "harbour": listed("sailor captain fisherman ferry"),
    "garage": listed("car van motorbike lorry"),
    "laundry": listed("shirt sheet towel tablecloth"),
    "library": listed("novel dictionary atlas borrowed_book"),
}
SENDING = ["should be sent to the", "has to go back to the", "must be taken to the", "ought to be brought to the"]
# What is played or done, and what was left behind.
LEFT = {
    "bow": listed("violin cello viola"),
    "drumsticks": listed("drums timpani"),
    "boots": listed("football rugby"),
    "racket": listed("tennis squash badminton"),
    "brushes": listed("watercolours oils"),
    "goggles": ["in the swimming team", "in the diving team"],
}
# What the weather is, and what to bring.
WEATHER = {
    "umbrella": ["rain", "pour", "drizzle"],
    "sunglasses": ["be sunny", "be bright"],
    "gloves": ["snow", "freeze"],
    "kite": ["be windy", "be stormy"],
}
FINDERS = listed("police neighbours nurse teacher captain lawyer children driver postman baker")
PLACES = listed("bridge station market church bakery museum river school hospital harbour library garage")
TIMES = ["last night", "on monday", "this morning", "at noon", "after lunch", "two days ago", "in the holidays"]
FUTURE = ["tomorrow", "on monday", "after lunch", "at noon", "in the holidays", "next week"]
NAMES = listed("anna tom maria paul ella sam nina leo")
OPENINGS = ["hi {n} ,", "dear {n} ,", "{n} ,", "good morning {n} ,", "sorry {n} ,", "listen {n} ,"]


class Messages(Grammar):
    """Messages as lines "message<TAB>index of the deciding word"."""

    def __init__(self) -> None:
        super().__init__("typing", "grammar")

    def wandering(self, future: bool = False) -> str:
        """Words that fit any message and decide nothing."""
        if future:
            return self.one(
                [
                    f"near the {self.one(PLACES)} {self.one(FUTURE)}",
                    f"{self.one(FUTURE)} behind the old {self.one(PLACES)}",
                    f"{self.one(FUTURE)} with {self.one(NAMES)} and {self.one(NAMES)}",
                    f"on the way from the {self.one(PLACES)} to the {self.one(PLACES)} {self.one(FUTURE)}",
                ]
            )
        return self.one(
            [
                f"near the {self.one(PLACES)} {self.one(TIMES)}",
                f"{self.one(TIMES)} behind the old {self.one(PLACES)}",
                f"with {self.one(NAMES)} and {self.one(NAMES)} {self.one(TIMES)}",
                f"when we came from the {self.one(PLACES)} with {self.one(NAMES)}",
                f"on the way from the {self.one(PLACES)} to the {self.one(PLACES)} {self.one(TIMES)}",
            ]
        )

    def sentence(self) -> str:
        kind = self.rng.random()
        if kind < 0.5:
            decided = self.one(list(SENT))
            who = self.one(SENT[decided]).replace("_", " ")
            seen = self.one([f"the {self.one(FINDERS)} saw", f"{self.one(NAMES)} told you about", "we talked about"])
            message = f"the {who} that {seen} {self.wandering()} {self.one(SENDING)}"
        elif kind < 0.75:
            decided = self.one(list(LEFT))
            plays = self.one(LEFT[decided])
            child = self.one(NAMES)
            played = (
                f"is {plays}"
                if " " in plays
                else f"likes {plays}"
                if plays in ("watercolours", "oils")
                else (f"plays {'the ' if decided in ('bow', 'drumsticks') else ''}{plays}")
            )
            message = f"{child} who {played} was here {self.wandering()} and forgot the"
        else:
            decided = self.one(list(WEATHER))
            weather = self.one(WEATHER[decided])
            message = f"it will {weather} when we meet you {self.wandering(True)} so please bring your"
        opening = self.one(OPENINGS).format(n=self.one(NAMES))
        ending = self.one([". see you soon !", ". thank you !", "."])
        words = f"{opening} {message}".split()
        return f"{' '.join(words)} {decided} {ending}\t{len(words)}"


class Typing(Pool):
    """Predict each next word of a message; `measure` looks at the word that was decided far back."""

    name = "typing"
    question = "the beginning of a message"
    messages = 8_000

    def __init__(self, config: RunConfig) -> None:
        super().__init__(config)
        lines = distinct(iter(Messages()), self.messages)
        texts = [line.split("\t")[0].split() for line in lines]
        self.decided = {" ".join(words): int(line.split("\t")[1]) for words, line in zip(texts, lines, strict=True)}
        self.vocabulary = self.output_vocabulary = vocabulary_of(texts)
        self.inputs = self.outputs = len(self.vocabulary)
        ids = {word: i for i, word in enumerate(self.vocabulary)}
        rows = [[ids[word] for word in words] for words in texts]
        items = [Item(row[:-1], row[1:], [1.0] * (len(row) - 1)) for row in rows]
        self.prepare(items, [" ".join(words) for words in texts])

    def measure(self, answer: Answer) -> Measure:
        """The share of unseen messages whose deciding word is the likeliest when it is to be typed."""
        batch = self.test()
        at = np.array([self.decided[key] for key in self.keys["test"]]) - 1  # it is the target one time step earlier
        columns = np.arange(len(at))
        guesses = asked(answer, batch).argmax(axis=1)[at, columns]
        return share_of("unseen messages whose deciding word comes first", guesses == batch.targets[at, columns], 0.95)

    def feature_names(self) -> list[str]:
        return ["word position", *(f"{word} is to come" for word in (*SENT, *LEFT, *WEATHER))]

    def feature(self, name: str, ids: Array) -> Array:
        words = [self.vocabulary[i] for i in ids]
        if name == "word position":
            return np.arange(len(words)) / max(1, len(words) - 1)
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

    def respond(self, prompt: str, answer: Answer) -> list[tuple[str, float]]:
        """The five likeliest next words."""
        ids = np.array(known(words_of(prompt), self.vocabulary, "a message"), np.int32)[:, None]
        p = answer(Batch(ids, np.zeros_like(ids)))[-1, :, 0]
        return [(self.vocabulary[int(i)], float(p[i])) for i in np.argsort(-p)[:5]]
