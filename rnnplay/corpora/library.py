"""Texts by name: those that can be downloaded and those that the user has added; each is one file, named after it.

Downloads stand in the user's cache, since they can be had again; what the user adds is copied to the data folder.
"""

import hashlib
import os
import re
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from rnnplay.config import UserError, suggestion
from rnnplay.corpora.finding import INSTALLED, pieces_in, shipped_names

Told = Callable[[int, int | None], None]  # bytes that have come, and how many there will be where that is known


@dataclass(frozen=True)
class Remote:
    """A text that can be downloaded, and how to know it."""

    name: str
    url: str
    size: int  # bytes
    sha256: str
    vocabulary: int
    licence: str


REMOTE = {
    remote.name: remote
    for remote in (
        Remote(
            name="shakespeare",
            url="https://raw.githubusercontent.com/karpathy/char-rnn/master/data/tinyshakespeare/input.txt",
            size=1_115_394,
            sha256="86c4e6aa9db7c042ec79f339dcb96d42b0075e16b8fc2e86bf0ca57e2dc565ed",
            vocabulary=65,
            licence="public domain",
        ),
    )
}


def downloads() -> Path:
    """The folder of what was downloaded: in RNNPLAY_HOME, else in the user's cache. It need not exist."""
    if home := os.environ.get("RNNPLAY_HOME"):
        return Path(home).expanduser().absolute() / "downloads"
    import platformdirs

    return platformdirs.user_cache_path("rnnplay", appauthor=False) / "corpora"


def added() -> Path:
    """The folder of the user's own texts: in RNNPLAY_HOME, else in the user's data folder. It need not exist."""
    if home := os.environ.get("RNNPLAY_HOME"):
        return Path(home).expanduser().absolute() / "corpora"
    import platformdirs

    return platformdirs.user_data_path("rnnplay") / "corpora"


def own_texts() -> dict[str, Path]:
    """The user's own texts by name."""
    folder = added()
    files = sorted(folder.iterdir()) if folder.is_dir() else []
    return {file.stem: file for file in files if file.is_file() and not file.name.startswith(".")}


def downloaded(remote: Remote) -> Path | None:
    """The file of a text that has been downloaded. Raises UserError where it is not what it should be."""
    path = place_of(remote)
    if not path.exists():
        return None
    digest = hashlib.sha256()
    for piece in pieces_in(path)():
        digest.update(piece)
    if digest.hexdigest() != remote.sha256:
        raise UserError(
            f'"{path}" is damaged: it is not the {remote.name} that was downloaded.',
            f"Download it again: rnnplay corpora get {remote.name}.",
        )
    return path


def place_of(remote: Remote) -> Path:
    return downloads() / f"{remote.name}.txt"


def locate(text: str) -> str:
    """The absolute path of the file that a person means by `text`: a path or, where there is none, a text's name.

    A name may have become a path in the current folder by the way. Where there is neither, the path is returned all the
    same: whoever reads it says so. Raises UserError where the text must be downloaded first.
    """
    path = Path(os.path.abspath(Path(text).expanduser()))
    if path.exists():
        return str(path)
    name = path.name if path.parent == Path.cwd() else ""
    for remote in REMOTE.values():
        if remote.name == name or place_of(remote) == path:
            if found := downloaded(remote):
                return str(found)
            raise UserError(
                f"The text {remote.name} is not here yet.", f"Download it first: rnnplay corpora get {remote.name}."
            )
    return str(own_texts().get(name, path))


def add(name: str, source: str, told: Told = lambda done, total: None) -> Path:
    """Copy a file, or what an address gives, to the user's own texts. Raises UserError where that cannot be."""
    if not re.fullmatch(r"\w[\w-]{0,63}", name):
        raise UserError(f"{name!r} cannot be a name.", "Use up to 64 letters, digits, hyphens and underscores.")
    if name in (*shipped_names(), *INSTALLED, *REMOTE):
        raise UserError(f"The name {name} belongs to a text that everybody has.", "Choose another name.")
    if name in own_texts():
        raise UserError(
            f"There is a text {name} already.", f"Choose another name, or remove it: rnnplay corpora remove {name}."
        )
    web = re.match(r"https?://", source) is not None
    if not web and re.match(r"\w+://", source):
        raise UserError(f"{source} is no address that is understood.", "Give one that begins with https://, or a file.")
    ending = re.search(r"\.\w{1,8}$", urlsplit(source).path if web else source)
    target = added() / f"{name}{ending[0].lower() if ending else '.txt'}"
    with _room_for(target) as path:
        if web:
            from rnnplay.corpora.download import fetch_once

            fetch_once(source, path, told)
        else:
            with path.open("wb") as file:
                for piece in pieces_in(Path(source).expanduser())():
                    file.write(piece)
        if not path.stat().st_size:
            raise UserError(f'"{source}" is empty.', "Give a text of some thousand characters.")
    return target


@contextmanager
def _room_for(target: Path) -> Iterator[Path]:
    """A path to write to, in a folder that goes when the block is left; what is there then becomes `target`."""
    workplace = None
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        workplace = Path(tempfile.mkdtemp(prefix=".", dir=target.parent))
        yield workplace / target.name
        os.replace(workplace / target.name, target)
    except OSError as error:
        raise unwritable(target, error) from None
    finally:
        if workplace is not None:
            shutil.rmtree(workplace, ignore_errors=True)


def unwritable(path: Path, error: OSError) -> UserError:
    return UserError(f'"{path}" cannot be written ({error.strerror}).', "Make room, or set RNNPLAY_HOME.")


def removable() -> dict[str, Path]:
    """The files that `remove` can delete, by the names of their texts."""
    return {one.name: place_of(one) for one in REMOTE.values() if place_of(one).exists()} | own_texts()


def remove(name: str) -> Path:
    """Delete the user's own text `name`, or the download of that name. Raises UserError where there is none."""
    known = removable()
    if name in (*shipped_names(), *INSTALLED):
        raise UserError(f"The text {name} came with the program or with Python.", "It stays.")
    if name not in known:
        remedy = suggestion(name, known) if known else "None was added or downloaded."
        raise UserError(f"There is no text {name!r} to remove.", remedy)
    try:
        known[name].unlink()
    except OSError as error:
        raise UserError(f'"{known[name]}" cannot be removed ({error.strerror}).', "Make its folder writable.") from None
    return known[name]
