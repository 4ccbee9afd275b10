"""The class of each task by its name."""

from collections.abc import Callable

from rnnplay.config import RunConfig, UserError
from rnnplay.tasks.addition import Addition, AdditionOriginal
from rnnplay.tasks.base import Task
from rnnplay.tasks.brackets import Brackets
from rnnplay.tasks.copy_adding import Adding, Copy
from rnnplay.tasks.documents import DocumentTask
from rnnplay.tasks.grammars import Counting, Reber
from rnnplay.tasks.hello import Hello
from rnnplay.tasks.moving_pictures import Ball, Video
from rnnplay.tasks.patterns import Alphabet, Alternate, HelloEnd, OneOneZero, Song
from rnnplay.tasks.pictures import Caption, DigitPicture
from rnnplay.tasks.sentiment import Sentiment
from rnnplay.tasks.series import Series
from rnnplay.tasks.tagging import Tagging
from rnnplay.tasks.text import TextTask
from rnnplay.tasks.translate import Translate
from rnnplay.tasks.typing_messages import Typing
from rnnplay.tasks.words import Words

# Tasks that may read a text or a table.
_READING_CLASSES: dict[str, Callable[..., Task]] = {"words": Words, "sentiment": Sentiment, "series": Series}

# Tasks that generate their items. A task in neither table reads a text by characters.
TASK_CLASSES: dict[str, Callable[[RunConfig], Task]] = {
    "hello": Hello,
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
    "plain": DigitPicture,
    "caption": Caption,
    "video": Video,
    "ball": Ball,
}


def reading_class(config: RunConfig) -> Callable[..., Task]:
    """The class of a task that reads a text or a table: called with a config, TaskData or None, and reads_text.

    Raises UserError if the text is to be split into items, but is not read by characters.
    """
    chosen = _READING_CLASSES.get(config.task)
    if (config.holdout != "end" or config.test) and (
        config.document not in (None, "none") or chosen not in (None, TextTask)
    ):
        raise UserError(
            "Only a text that is read character by character has streams and a test part.",
            "Leave out --holdout and --test.",
        )
    if config.document in (None, "none"):
        return chosen or TextTask
    if chosen is not None or config.read_as_bytes:
        raise UserError("Items are read by characters.", "Leave out --document, or choose the task text.")
    return DocumentTask
