"""Sources of a text's bytes: shipped with the program, installed with Python, or a file; read in chunks."""

import os
import stat
import sysconfig
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

from rnnplay.config import UserError

PYTHON_BYTES = 4 * 2**20  # of the standard library
MAX_TEXT_BYTES = 4 * 2**30  # of a text
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


def file_chunks(path: Path, max_bytes: int = MAX_TEXT_BYTES, what: str = "text file") -> ChunkReader:
    """A reader of the file at `path`, of at most `max_bytes`; what: "text file", for the error messages.

    Raises UserError if it is no regular file, or cannot be read, now or when the reader is called.
    """
    check_regular_file(path, what)

    def chunks() -> Iterator[bytes]:
        size = 0
        try:
            with path.open("rb") as file:
                while chunk := file.read(_CHUNK_BYTES):
                    size += len(chunk)
                    if size > max_bytes:
                        raise UserError(f'"{path}" has more than {max_bytes >> 20:,} MB.', "Give a part of it.")
                    yield chunk
        except OSError as error:
            raise UserError(f'"{path}" cannot be read ({error.strerror}).', "Give a file that you may read.") from None

    return chunks


def check_regular_file(path: Path, what: str = "text file") -> None:
    """Raise UserError if `path` is no regular file, so that reading could wait or go on for ever."""
    try:
        mode = path.stat().st_mode
    except (FileNotFoundError, NotADirectoryError):
        raise UserError(f'There is no file "{path}".', f"Give the path of a {what}.") from None
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise UserError(f'"{path}" cannot be read ({reason}).', "Give a file that you may read.") from None
    if stat.S_ISDIR(mode):
        raise UserError(f'"{path}" is a directory.', f"Give a {what}.")
    if not stat.S_ISREG(mode):
        kinds = {stat.S_ISFIFO: "a pipe", stat.S_ISSOCK: "a socket", stat.S_ISCHR: "a device", stat.S_ISBLK: "a device"}
        kind = next((name for test, name in kinds.items() if test(mode)), "no file")
        raise UserError(f'"{path}" is {kind}, not a regular file.', f"Save what it gives to a {what} and give that.")


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
