"""Where a text's bytes are: shipped with the program, installed with Python, or in a file; read in pieces."""

import os
import sysconfig
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

from rnnplay.config import UserError

PYTHON_BYTES = 4 * 2**20  # of the standard library
INSTALLED = ("docs", "python")
_PIECE = 2 * 2**20  # bytes read at a time
_SUFFIXES = (".txt", ".c", ".tex")
_SKIPPED = {"test", "tests", "site-packages", "dist-packages", "idlelib", "lib2to3", "encodings", "pydoc_data"}

Pieces = Callable[[], Iterator[bytes]]  # the same bytes at every call


def pieces_of(name: str) -> Pieces:
    """The text called `name` that came with the program or with Python. Raises UserError where there is none."""
    if name == "docs":
        return _documentation
    if name == "python":
        return _standard_library
    files = shipped(name)
    if not files:
        raise UserError(f"There is no text for the task {name!r}.", "Give one with --text FILE.")
    return lambda: _joined(file.read_bytes() for file in files)


def shipped(name: str) -> list[Path]:
    """The files of the shipped text `name`, in the order in which they are joined; none: it is not shipped."""
    for top in _shelves():
        if (top / name).is_dir():
            return sorted(file for file in (top / name).iterdir() if file.suffix in _SUFFIXES)
    return []


def shipped_names() -> list[str]:
    """All shipped texts by name."""
    folders = {folder.name for top in _shelves() if top.is_dir() for folder in top.iterdir() if folder.is_dir()}
    return sorted(name for name in folders if shipped(name))


def _shelves() -> tuple[Path, Path]:
    package = Path(__file__).parent.parent
    return package / "_corpora", package.parent / "corpora"  # in a wheel; in a checkout


def pieces_in(path: Path) -> Pieces:
    """The bytes of the file at `path`. Raises UserError where it cannot be read, now or while it is."""
    if path.is_dir():
        raise UserError(f'"{path}" is a directory.', "Give a UTF-8 text file.")
    if not path.exists():
        raise UserError(f'There is no file "{path}".', "Give the path of a UTF-8 text file.")
    if not path.is_file():
        raise UserError(f'"{path}" is not a regular file.', "Save the text to a file and give that.")

    def pieces() -> Iterator[bytes]:
        try:
            with path.open("rb") as file:
                while piece := file.read(_PIECE):
                    yield piece
        except OSError as error:
            raise UserError(f'"{path}" cannot be read ({error.strerror}).', "Give a file that you may read.") from None

    return pieces


def _documentation() -> Iterator[bytes]:
    from pydoc_data import topics

    yield from _joined(topics.topics[name].encode() for name in sorted(topics.topics))


def _standard_library() -> Iterator[bytes]:
    yield from _joined(_capped(_python_files(Path(sysconfig.get_path("stdlib")))))


def _python_files(top: Path) -> Iterator[bytes]:
    for folder, folders, files in os.walk(top):
        folders[:] = sorted(name for name in folders if name not in _SKIPPED and not name.startswith(("_", "config-")))
        for name in sorted(files):
            if name.endswith(".py"):
                content = (Path(folder) / name).read_bytes()
                try:
                    content.decode()
                except UnicodeDecodeError:
                    continue
                yield content


def _capped(contents: Iterable[bytes]) -> Iterator[bytes]:
    total = 0
    for content in contents:
        total += len(content)
        if total > PYTHON_BYTES:
            return
        yield content


def _joined(contents: Iterable[bytes]) -> Iterator[bytes]:
    for number, content in enumerate(contents):
        if number:
            yield b"\n"
        yield content
