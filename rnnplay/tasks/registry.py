"""Which class makes which task: everything but the texts read by characters."""

from collections.abc import Callable

from rnnplay.config import RunConfig
from rnnplay.tasks.addition import Addition, AdditionOriginal
from rnnplay.tasks.base import Task
from rnnplay.tasks.brackets import Brackets
from rnnplay.tasks.grammars import Counting, Reber
from rnnplay.tasks.memory import Adding, Copy
from rnnplay.tasks.messages import Typing
from rnnplay.tasks.moving import Ball, Video
from rnnplay.tasks.patterns import Alphabet, Alternate, HelloEnd, OneOneZero, Song
from rnnplay.tasks.pictures import Caption, Plain
from rnnplay.tasks.sentiment import Sentiment
from rnnplay.tasks.series import Series
from rnnplay.tasks.tagging import Tagging
from rnnplay.tasks.translate import Translate
from rnnplay.tasks.words import Words

# Tasks that read a text or a table; those in neither table read a text by characters.
FROM_TEXT: dict[str, Callable[..., Task]] = {"words": Words, "sentiment": Sentiment, "series": Series}

GENERATED: dict[str, Callable[[RunConfig], Task]] = {
    "alternate": Alternate,
    "one-one-zero": OneOneZero,
    "hello-end": HelloEnd,
    "alphabet": Alphabet,
    "song": Song,
    "addition": Addition,
    "addition-original": AdditionOriginal,
    "copy": Copy,
    "adding": Adding,
    "reber": Reber,
    "brackets": Brackets,
    "counting": Counting,
    "typing": Typing,
    "tagging": Tagging,
    "translate": Translate,
    "plain": Plain,
    "caption": Caption,
    "video": Video,
    "ball": Ball,
}
