"""The user's folders for what the program keeps, and what a person can do where one cannot be written."""

import errno
import os
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from rnnplay.config import UserError

HOME = "RNNPLAY_HOME"


def data_folder(name: str) -> Path:
    """The folder `name` in RNNPLAY_HOME, else in the user's data folder. It need not exist. Raises UserError."""
    if home := os.environ.get(HOME):
        return Path(os.path.expanduser(home)).absolute() / name
    import platformdirs

    return _in_home(lambda: platformdirs.user_data_path("rnnplay")) / name


def cache_folder() -> Path:
    """The user's folder for what can be made again. It need not exist. Raises UserError."""
    import platformdirs

    return _in_home(lambda: platformdirs.user_cache_path("rnnplay", appauthor=False))


def _in_home(folder: Callable[[], Path]) -> Path:
    """Return what `folder` returns; raises UserError if it cannot be in a home folder, because there is none."""
    with suppress(RuntimeError):  # newer versions of platformdirs; older ones return "~" as it is
        path = folder()
        if path.is_absolute():
            return path
    raise UserError("You have no home folder.", f"Set {HOME} to a folder that you can write to.")


def write_remedy(error: OSError) -> str:
    """Return what a person can do about something that cannot be written, as the beginning of a sentence."""
    match error.errno:
        case errno.ENOSPC | errno.EDQUOT:
            return "Make room"
        case errno.EFBIG:
            return "Raise the limit on the size of files (ulimit -f)"
        case errno.EACCES | errno.EPERM | errno.EROFS:
            return "Make it writable"
    return "Put that right"
