"""A text task whose text is given, not read from a file."""

from rnnplay.config import RunConfig
from rnnplay.corpora import EncodedText
from rnnplay.tasks.text import TextTask


def text_task(config: RunConfig, text: EncodedText) -> TextTask:
    class GivenText(TextTask):
        def read_text(self) -> EncodedText:
            return text

    return GivenText(config)
