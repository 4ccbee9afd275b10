"""The folder `texts` beside the runs: what pipes gave, saved as files that runs refer to, removed when none does."""

import json
import re
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from rnnplay.config import RunConfig
from rnnplay.runs.directory import CONFIG, run_dirs

_FOLDER = "texts"
_NAME = re.compile(r"[0-9a-f]{16}\.txt|\..*\.tmp")  # a saved text, or one that was being saved; nothing of the user's
_UNUSED_SECONDS = 3600.0  # an unused text that is younger may be that of a run which is only beginning


def texts_folder(root: Path) -> Path:
    """The folder of the runs in `root` for the texts that pipes give. It need not exist."""
    return root / _FOLDER


def remove_unused_texts(root: Path, only: RunConfig | None = None) -> None:
    """Delete the saved texts to which no run in `root` refers, except those of the last hour.

    only: delete none but the texts of these settings, however young, because their run is deleted. Nothing is deleted
    while the settings of a run cannot be read. What cannot be deleted is left.
    """
    folder = texts_folder(root)
    with suppress(OSError, ValueError, KeyError, TypeError, AttributeError):
        if only is None:
            oldest = time.time() - _UNUSED_SECONDS
            unused = [path for path in folder.iterdir() if path.stat().st_mtime <= oldest]
        else:
            texts = [Path(text) for text in (only.text, *only.more_texts) if text is not None]
            unused = [path for path in texts if path.parent == folder]
        unused = [path for path in unused if _NAME.fullmatch(path.name) and path.is_file()]
        if unused:
            used = {name for run in run_dirs(root) for name in _texts_of(run)}
            for path in unused:
                if path.name not in used:
                    path.unlink()


def _texts_of(run: Path) -> Iterator[str]:
    """Yield the names of the files that a run reads. Raises an error of some kind if its settings cannot be read."""
    config = json.loads((run / CONFIG).read_bytes())["config"]
    for text in (config.get("text"), *(config.get("more_texts") or ())):
        if text:
            yield Path(text).name
