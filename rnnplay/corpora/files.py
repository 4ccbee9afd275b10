"""The user's own files as one text: several files, the text files of a folder, and compressed ones."""

import bz2
import codecs
import gzip
import importlib
import lzma
import zlib
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import IO

from rnnplay.config import UserError
from rnnplay.corpora.library import resolve_text
from rnnplay.corpora.sources import MAX_TEXT_BYTES, ChunkReader, check_regular_file, file_chunks

_CHUNK_BYTES = 2 * 2**20
_HEAD_BYTES = 4096
_MAX_FILES = 100_000  # of a folder
_COMPRESSED = (".gz", ".bz2", ".xz", ".zst")
_MARKS = (b"\xff\xfe", b"\xfe\xff")  # a text in UTF-16 or 32 holds zero bytes too
_BACKUPS = ("~", ".bak", ".orig", ".swp", ".tmp", ".part")  # ends of names


def find_text_files(paths: Sequence[str], as_bytes: bool = False) -> tuple[str, list[Path], tuple[str, ...]]:
    """A name for the text, its files in order, and remarks. A folder stands for its text files, in order of names.

    paths: files, folders, or names that `rnnplay corpora` lists. as_bytes: a folder stands for all of its files. Raises
    UserError if one is not there, or if a folder has no text file.
    """
    files: list[Path] = []
    notes: list[str] = []
    for path in (Path(resolve_text(path)) for path in paths):
        if not path.is_dir():
            files.append(path)
            continue
        text_files, passed_over = _files_in(path, as_bytes)
        if not text_files:
            raise UserError(f'"{path}" is a directory without a text file.', "Give a folder of texts, or a file.")
        files += text_files
        count, are = len(text_files), "is" if len(text_files) == 1 else "are"
        notes.append(f'{count:,} file{"s" * (count > 1)} of "{path.name}" {are} read{passed_over}.')
    first = Path(resolve_text(paths[0])).name
    return first if len(paths) == 1 else f"{first} and {len(paths) - 1} more", files, tuple(notes)


def joined_chunks(files: Sequence[Path], max_bytes: int = MAX_TEXT_BYTES) -> ChunkReader:
    """A reader of all files, one after the other, of at most `max_bytes` together. Raises UserError as file_chunks."""
    readers = [text_file_chunks(path) for path in files]

    def chunks() -> Iterator[bytes]:
        size = 0
        for read_chunks in readers:
            for chunk in read_chunks():
                size += len(chunk)
                if size > max_bytes:
                    raise UserError(f"The files have more than {max_bytes >> 20:,} MB.", "Give fewer of them.")
                yield chunk

    return chunks


def separate_texts(files: Sequence[Path]) -> list[list[Path]]:
    """Return `files` in groups, each of which is one text: pieces of a text follow each other in one.

    Another text begins at a file with a byte-order mark, and behind one in UTF-16 or 32 at a file that is in UTF-8.
    Raises UserError if a file cannot be read.
    """
    texts: list[list[Path]] = []
    is_wide = False
    for path in files:
        head = next(text_file_chunks(path)(), b"")[:_HEAD_BYTES] if len(files) > 1 else b""
        has_mark = head.startswith((*_MARKS, codecs.BOM_UTF8, codecs.BOM_UTF32_BE))
        if not texts or has_mark or (is_wide and b"\0" not in head and _is_utf8(head)):
            texts.append([])
            is_wide = has_mark and not head.startswith(codecs.BOM_UTF8)
        texts[-1].append(path)
    return texts


def _is_utf8(head: bytes) -> bool:
    try:
        codecs.getincrementaldecoder("utf_8")().decode(head)
    except UnicodeDecodeError:
        return False
    return True


def total_size(files: Sequence[Path]) -> int | None:
    """The bytes of all files together; None: one is compressed or cannot be looked at, so that they are not known."""
    if any(path.suffix.lower() in _COMPRESSED for path in files):
        return None
    try:
        return sum(path.stat().st_size for path in files)
    except OSError:
        return None


def text_file_chunks(path: Path, max_bytes: int = MAX_TEXT_BYTES) -> ChunkReader:
    """A reader of the file at `path`, decompressed if its name ends in .gz, .bz2, .xz or .zst. Raises UserError."""
    suffix = path.suffix.lower()
    if suffix not in _COMPRESSED:
        return file_chunks(path, max_bytes)
    check_regular_file(path)

    def chunks() -> Iterator[bytes]:
        size = 0
        try:
            with _open_compressed(path, suffix) as file:
                while chunk := file.read(_CHUNK_BYTES):
                    size += len(chunk)
                    if size > max_bytes:
                        raise UserError(f'"{path}" holds more than {max_bytes >> 20:,} MB.', "Give a part of it.")
                    yield chunk
        except (OSError, EOFError, zlib.error, lzma.LZMAError, ValueError) as error:
            if isinstance(error, UserError):
                raise
            raise UserError(
                f'"{path}" cannot be decompressed ({getattr(error, "strerror", None) or error}).',
                "Give a whole file, or decompress it first.",
            ) from None

    return chunks


def _open_compressed(path: Path, suffix: str) -> IO[bytes]:
    if suffix == ".gz":
        return gzip.open(path)  # type: ignore[return-value]
    if suffix == ".bz2":
        return bz2.open(path)
    if suffix == ".xz":
        return lzma.open(path)
    with suppress(ImportError):  # from Python 3.14 on
        opened: IO[bytes] = importlib.import_module("compression.zstd").open(path)
        return opened
    raise UserError(
        f'This Python cannot decompress "{path.name}".',
        f"Decompress it first: zstd -dc {path.name} | rnnplay train --text -.",
    )


def _files_in(folder: Path, as_bytes: bool) -> tuple[list[Path], str]:
    """The folder's text files in order of names, and words on what else it has; hidden files are not counted."""
    try:
        entries = sorted(path for path in folder.iterdir() if not path.name.startswith("."))
        files = [path for path in entries if path.is_file()]
        folders = sum(path.is_dir() for path in entries)
    except OSError as error:
        raise UserError(f'"{folder}" cannot be read ({error.strerror}).', "Give a folder that you may read.") from None
    if len(files) > _MAX_FILES:
        raise UserError(f'"{folder}" has more than {_MAX_FILES:,} files.', "Join them into larger ones.")
    backups = [path for path in files if path.name.endswith(_BACKUPS) or path.name[0] == path.name[-1] == "#"]
    originals = [path for path in files if path not in set(backups)]
    texts = [path for path in originals if as_bytes or _seems_text(path)]
    counts = (
        (len(originals) - len(texts), "that {} no text"),
        (len(backups), "that {} a backup"),
        (folders, "that {} a folder"),
    )
    others = [f"{count:,} {what.format('is' if count == 1 else 'are')}" for count, what in counts if count]
    one = sum(count for count, _ in counts) == 1
    return texts, f", {' and '.join(others)} {'is' if one else 'are'} not" if others else ""


def _seems_text(path: Path) -> bool:
    """Return whether the file's first bytes hold no zero, or a mark of UTF-16 or 32. Refuses an unreadable one."""
    head = next(text_file_chunks(path)(), b"")[:_HEAD_BYTES]
    return b"\0" not in head or head.startswith(_MARKS)
