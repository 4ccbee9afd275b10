"""Sources of a text's bytes: shipped with the program, installed with Python, or a file; read in chunks."""

import os
import sysconfig
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

from rnnplay.config import UserError

PYTHON_BYTES = 4 * 2**20  # of the standard library
INSTALLED = ("docs", "python")
_CHUNK_BYTES = 2 * 2**20  # bytes read at a time
_SUFFIXES = (".txt", ".c", ".tex")
_SKIPPED = {"test", "tests", "site-packages", "dist-packages", "idlelib", "lib2to3", "encodings", "pydoc_data"}

ChunkReader = Callable[[], Iterator[bytes]]  # the same bytes at every call


def bundled_chunks(name: str) -> ChunkReader:
    """A reader of the text called `name` that came with the program or with Python. Raises UserError if unknown."""
    if name == "docs":
        return _documentation
    if name == "python":
        return _standard_library
    files = bundled_files(name)
    if not files:
        raise UserError(f"There is no text for the task {name!r}.", "Give one with --text FILE.")
    return lambda: _join_lines(file.read_bytes() for file in files)


def bundled_files(name: str) -> list[Path]:
    """The files of the shipped text `name`, in the order in which they are joined; empty: it is not shipped."""
    for top in _corpora_dirs():
        if (top / name).is_dir():
            return sorted(file for file in (top / name).iterdir() if file.suffix in _SUFFIXES)
    return []


def bundled_names() -> list[str]:
    """The names of all shipped texts, sorted."""
    folders = {folder.name for top in _corpora_dirs() if top.is_dir() for folder in top.iterdir() if folder.is_dir()}
    return sorted(name for name in folders if bundled_files(name))


def _corpora_dirs() -> tuple[Path, Path]:
    package = Path(__file__).parent.parent
    return package / "_corpora", package.parent / "corpora"  # in a wheel; in a checkout


def file_chunks(path: Path) -> ChunkReader:
    """A reader of the file at `path`. Raises UserError if it cannot be read, now or when the reader is called."""
    if path.is_dir():
        raise UserError(f'"{path}" is a directory.', "Give a UTF-8 text file.")
    if not path.exists():
        raise UserError(f'There is no file "{path}".', "Give the path of a UTF-8 text file.")
    if not path.is_file():
        raise UserError(f'"{path}" is not a regular file.', "Save the text to a file and give that.")

    def chunks() -> Iterator[bytes]:
        try:
            with path.open("rb") as file:
                while chunk := file.read(_CHUNK_BYTES):
                    yield chunk
        except OSError as error:
            raise UserError(f'"{path}" cannot be read ({error.strerror}).', "Give a file that you may read.") from None

    return chunks


def _documentation() -> Iterator[bytes]:
    from pydoc_data import topics

    yield from _join_lines(topics.topics[name].encode() for name in sorted(topics.topics))


def _standard_library() -> Iterator[bytes]:
    yield from _join_lines(_limit_bytes(_python_files(Path(sysconfig.get_path("stdlib")))))


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


def _limit_bytes(contents: Iterable[bytes]) -> Iterator[bytes]:
    total = 0
    for content in contents:
        total += len(content)
        if total > PYTHON_BYTES:
            return
        yield content


def _join_lines(contents: Iterable[bytes]) -> Iterator[bytes]:
    for number, content in enumerate(contents):
        if number:
            yield b"\n"
        yield content
