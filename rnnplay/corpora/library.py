"""Texts by name: downloads and the user's own texts. Each is one file, named after the text.

Downloads are stored in the user's cache, since they can be downloaded again; own texts are copied to the data folder.
"""

import os
import re
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

from rnnplay.config import UserError, did_you_mean
from rnnplay.corpora.downloadable import DOWNLOADABLE, ProgressCallback, download_path, verified_download, write_error
from rnnplay.corpora.sources import INSTALLED, bundled_names, file_chunks
from rnnplay.folders import data_folder


def own_texts_dir() -> Path:
    """The folder of the user's own texts: in RNNPLAY_HOME, else in the user's data folder. It need not exist."""
    return data_folder("corpora")


def own_texts() -> dict[str, Path]:
    """The user's own texts by name."""
    folder = own_texts_dir()
    files = sorted(folder.iterdir()) if folder.is_dir() else []
    return {file.stem: file for file in files if file.is_file() and not file.name.startswith(".")}


def resolve_text(text: str) -> str:
    """The absolute path of the file that `text` names: a path or, if no such file exists, the name of a text.

    The caller may have made a name into a path in the current folder. A path that does not exist is returned too:
    reading it raises the error. Raises UserError if the text must be downloaded first.
    """
    path = Path(os.path.abspath(os.path.expanduser(text)))
    if path.exists():
        return str(path)
    name = path.name if path.parent == Path.cwd() else ""
    for downloadable in DOWNLOADABLE.values():
        if downloadable.name == name or download_path(downloadable) == path:
            if file := verified_download(downloadable):
                return str(file)
            raise UserError(
                f"The text {downloadable.name} is not downloaded yet.",
                f"Download it first: rnnplay corpora get {downloadable.name}.",
            )
    return str(own_texts().get(name, path))


def add(name: str, source: str, on_progress: ProgressCallback = lambda done, total: None) -> Path:
    """Copy a file, or download an address, to the user's own texts; returns the copy's path.

    Raises UserError: the name is taken or no name, the source cannot be read, or it is empty.
    """
    if not re.fullmatch(r"\w[\w-]{0,63}", name):
        raise UserError(f"{name!r} cannot be a name.", "Use up to 64 letters, digits, hyphens and underscores.")
    if name in (*bundled_names(), *INSTALLED, *DOWNLOADABLE):
        raise UserError(f"The name {name} is reserved for a text that rnnplay lists.", "Choose another name.")
    if name in own_texts():
        raise UserError(
            f"There is a text {name} already.", f"Choose another name, or remove it: rnnplay corpora remove {name}."
        )
    web = re.match(r"https?://", source) is not None
    if not web and re.match(r"\w+://", source):
        raise UserError(f"{source} is no address that is understood.", "Give one that begins with https://, or a file.")
    ending = re.search(r"\.\w{1,8}$", urlsplit(source).path if web else source)
    target = own_texts_dir() / f"{name}{ending[0].lower() if ending else '.txt'}"
    with _atomic_file(target) as path:
        if web:
            from rnnplay.corpora.download import fetch_once

            fetch_once(source, path, on_progress)
        else:
            with path.open("wb") as file:
                for chunk in file_chunks(Path(os.path.expanduser(source)))():
                    file.write(chunk)
        if not path.stat().st_size:
            raise UserError(f'"{source}" is empty.', "Give a text of some thousand characters.")
    return target


@contextmanager
def _atomic_file(target: Path) -> Iterator[Path]:
    """Yield a path in a temporary folder; if the block succeeds, the file there replaces `target`.

    Raises UserError if the folder cannot be written.
    """
    folder = None
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        folder = Path(tempfile.mkdtemp(prefix=".", dir=target.parent))
        yield folder / target.name
        os.replace(folder / target.name, target)
    except OSError as error:
        raise write_error(target, error) from None
    finally:
        if folder is not None:
            shutil.rmtree(folder, ignore_errors=True)


def removable() -> dict[str, Path]:
    """The files that `remove` can delete, by the names of their texts."""
    downloads = {name: download_path(text) for name, text in DOWNLOADABLE.items()}
    return {name: path for name, path in downloads.items() if path.exists()} | own_texts()


def remove(name: str) -> Path:
    """Delete the user's own text `name`, or the download of that name; returns its path. Raises UserError if absent."""
    files = removable()
    if name in (*bundled_names(), *INSTALLED):
        raise UserError(f"The text {name} came with the program or with Python.", "It stays.")
    if name not in files:
        remedy = did_you_mean(name, files) if files else "None was added or downloaded."
        raise UserError(f"There is no text {name!r} to remove.", remedy)
    try:
        files[name].unlink()
    except OSError as error:
        raise UserError(f'"{files[name]}" cannot be removed ({error.strerror}).', "Make its folder writable.") from None
    return files[name]
