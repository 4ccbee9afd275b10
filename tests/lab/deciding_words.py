"""Words that decide what a message of the task `typing` needs later on, by the probabilities of its grammar."""

from collections import Counter
from collections.abc import Mapping, Sequence
from fractions import Fraction

from rnnplay.tasks.typing_messages import LEFT, SENT, WEATHER, played_words


def phrases_of(table: Mapping[str, Sequence[str]]) -> dict[tuple[str, ...], str]:
    """Return each phrase by which messages of one kind name their later word, with that word."""
    named = {}
    for decided, cues in table.items():
        for cue in cues:
            phrase = played_words(cue, decided) if table is LEFT else cue.replace("_", " ")
            named[tuple(phrase.split())] = decided
    return named


DECIDING_PHRASES = tuple(phrases_of(table) for table in (SENT, LEFT, WEATHER))


def possible_words(kind: Mapping[tuple[str, ...], str], begin: Sequence[str]) -> dict[str, Fraction]:
    """Return the probability of each later word once a phrase of this kind begins with `begin`.

    The grammar chooses a later word first, all alike, and then one of its phrases.
    """
    each = Counter(kind.values())
    weights: dict[str, Fraction] = {}
    for phrase, decided in kind.items():
        if phrase[: len(begin)] == tuple(begin):
            weights[decided] = weights.get(decided, Fraction()) + Fraction(1, each[decided])
    total = sum(weights.values())
    return {decided: weight / total for decided, weight in weights.items()}


def deciding_places(words: list[str]) -> list[int]:
    """Return the places of the words that decide the message's later word, in order; the last one settles it.

    A word decides if what may come, by the probabilities of the grammar, is not the same after it as before it:
    "plays" leaves four words, "plays the" two, "plays the violin" one; after "wounded" the "man" tells nothing.
    """
    for at in range(len(words)):
        for kind in DECIDING_PHRASES:
            for phrase in kind:
                if words[at : at + len(phrase)] == list(phrase):
                    known = [possible_words(kind, phrase[:n]) for n in range(len(phrase) + 1)]
                    return [at + n for n in range(len(phrase)) if known[n] != known[n + 1]]
    return []
