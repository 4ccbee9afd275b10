"""The texts that a command line names: files, folders, and pipes, whose content is first saved to a file."""

import hashlib
import os
import stat
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import IO

from rnnplay.config import UserError
from rnnplay.folders import write_remedy

MAX_PIPED_BYTES = 4 * 2**30
_CHUNK_BYTES = 2**20
_STANDARD_INPUT = "-"


def reads_pipe(text: str) -> bool:
    """Return whether `text` is standard input or another pipe, which can be read once, and by this process alone."""
    if text == _STANDARD_INPUT:
        return True
    try:
        return stat.S_ISFIFO(Path(os.path.expanduser(text)).stat().st_mode)
    except (OSError, ValueError):
        return False


def refuse_pipes(texts: Sequence[str], remedy: str) -> None:
    """Raise UserError if one of the texts is a pipe."""
    for text in texts:
        if reads_pipe(text):
            name = "Standard input" if text == _STANDARD_INPUT else f'"{text}"'
            raise UserError(f"{name} is a pipe, which cannot be read here.", remedy)


def save_pipes(texts: Sequence[str], folder: Path) -> list[str]:
    """`texts` with the path of a file in `folder` for each pipe: what it gives, read to its end.

    A file is named after the SHA-256 of its content. Raises UserError if a pipe gives nothing or more than
    MAX_PIPED_BYTES, or if the folder cannot be written.
    """
    if texts.count(_STANDARD_INPUT) > 1:
        raise UserError("Standard input is named twice.", "It can be read once: leave out one --text -.")
    return [_save_pipe(text, folder) if reads_pipe(text) else text for text in texts]


def _save_pipe(text: str, folder: Path) -> str:
    name = "standard input" if text == _STANDARD_INPUT else text
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(dir=folder, prefix=".", suffix=".tmp", delete=False) as file:
            try:
                digest = _copy(text, file, name)
                path = folder / f"{digest[:16]}.txt"
                os.replace(file.name, path)
            except BaseException:
                os.unlink(file.name)
                raise
    except OSError as error:
        raise UserError(
            f'"{folder}" cannot be written ({error.strerror}).', f"{write_remedy(error)}, or use --runs."
        ) from None
    return str(path)


def _copy(text: str, file: IO[bytes], name: str) -> str:
    """Copy the pipe to `file`; returns its SHA-256."""
    digest, size = hashlib.sha256(), 0
    with open(sys.stdin.fileno() if text == _STANDARD_INPUT else text, "rb", closefd=text != _STANDARD_INPUT) as source:
        while chunk := source.read(_CHUNK_BYTES):
            size += len(chunk)
            if size > MAX_PIPED_BYTES:
                raise UserError(
                    f"The text from {name} has more than {MAX_PIPED_BYTES >> 20:,} MB.", "Give a part of it."
                )
            digest.update(chunk)
            file.write(chunk)
    if not size:
        raise UserError(f"The text from {name} is empty.", "Look at the command before the |.")
    file.flush()
    return digest.hexdigest()
