"""Texts that can be downloaded: address, size and SHA-256 of each, and the file that it is downloaded to."""

import hashlib
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from rnnplay.config import UserError
from rnnplay.corpora.sources import file_chunks
from rnnplay.folders import HOME, cache_folder, data_folder, write_remedy

ProgressCallback = Callable[[int, int | None], None]  # bytes received, and the expected total; None: unknown


@dataclass(frozen=True)
class DownloadableText:
    """A text that can be downloaded, with the size and SHA-256 that verify it."""

    name: str
    url: str
    size: int  # bytes
    sha256: str
    vocabulary: int  # different characters
    licence: str


DOWNLOADABLE = {
    text.name: text
    for text in (
        DownloadableText(
            name="shakespeare",
            url="https://raw.githubusercontent.com/karpathy/char-rnn/master/data/tinyshakespeare/input.txt",
            size=1_115_394,
            sha256="86c4e6aa9db7c042ec79f339dcb96d42b0075e16b8fc2e86bf0ca57e2dc565ed",
            vocabulary=65,
            licence="public domain",
        ),
    )
}


def downloads_dir() -> Path:
    """The folder of downloaded texts: in RNNPLAY_HOME, else in the user's cache. It need not exist."""
    return data_folder("downloads") if os.environ.get(HOME) else cache_folder() / "corpora"


def verified_download(text: DownloadableText) -> Path | None:
    """The file of a downloaded text; None: not downloaded. Raises UserError if its SHA-256 is wrong."""
    path = download_path(text)
    if not path.exists():
        return None
    digest = hashlib.sha256()
    for chunk in file_chunks(path)():
        digest.update(chunk)
    if digest.hexdigest() != text.sha256:
        raise UserError(
            f'"{path}" is damaged: it is not the {text.name} that was downloaded.',
            f"Download it again: rnnplay corpora get {text.name}.",
        )
    return path


def download_path(text: DownloadableText) -> Path:
    """The file that `text` is downloaded to. It need not exist."""
    return downloads_dir() / f"{text.name}.txt"


def write_error(path: Path, error: OSError) -> UserError:
    """The UserError to raise if `path` cannot be written."""
    return UserError(f'"{path}" cannot be written ({error.strerror}).', f"{write_remedy(error)}, or set {HOME}.")
