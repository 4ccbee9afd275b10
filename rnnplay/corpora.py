"""Finds a text and reads it as ids: shipped with the program, installed with Python, or the user's own file.

A text is read twice in pieces, once for its symbols and once for its ids, and never stands whole in memory as a string:
one byte a character is what it costs (two above 256 symbols). Byte-order marks and Windows line ends are understood.
"""

import codecs
import hashlib
import io
import os
import sysconfig
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from rnnplay.config import UserError

Array = np.ndarray[Any, np.dtype[Any]]

MAX_VOCABULARY = 8_192
REST = "\N{REPLACEMENT CHARACTER}"  # stands for the characters beyond MAX_VOCABULARY
PYTHON_BYTES = 4 * 2**20  # of the standard library
_PIECE = 2 * 2**20  # bytes read at a time
_CODE_POINTS = 0x110000
_SUFFIXES = (".txt", ".c", ".tex")
_SKIPPED = {"test", "tests", "site-packages", "dist-packages", "idlelib", "lib2to3", "encodings", "pydoc_data"}

Pieces = Callable[[], Iterator[bytes]]


@dataclass(frozen=True, eq=False)
class Text:
    """A text as ids of its symbols. `rest`: the id that stands for all rare symbols, where there were too many."""

    name: str
    ids: Array  # (N,) uint8, or uint16 above 256 symbols
    vocabulary: tuple[str, ...]  # sorted by code point
    sha256: str  # of the bytes as they were read
    rest: int | None = None
    notes: tuple[str, ...] = ()


def read(name: str, path: str | None = None) -> Text:
    """The text called `name`, or the user's file at `path`. Raises UserError where there is no such text."""
    if path is not None:
        return _read(_own(Path(path)), Path(path).name)
    if name == "docs":
        return _read(_documentation, name)
    if name == "python":
        return _read(_standard_library, name)
    files = shipped(name)
    if not files:
        raise UserError(f"There is no text for the task {name!r}.", "Give one with --text FILE.")
    return _read(lambda: _joined(file.read_bytes() for file in files), name)


def shipped(name: str) -> list[Path]:
    """The files of the shipped text `name`, in the order in which they are joined; none: it is not shipped."""
    here = Path(__file__).parent
    for folder in (here / "_corpora" / name, here.parent / "corpora" / name):  # in a wheel; in a checkout
        if folder.is_dir():
            return sorted(file for file in folder.iterdir() if file.suffix in _SUFFIXES)
    return []


def encode_file(path: str, vocabulary: tuple[str, ...], rest: int | None = None) -> tuple[Array, tuple[str, ...]]:
    """The file's ids (N,) in another text's `vocabulary`, and the symbols that it does not know, which are left out."""
    table, known = _table(vocabulary, rest)
    counts = np.zeros(_CODE_POINTS, bool)
    parts = []
    for codes in _code_points(_own(Path(path))(), Path(path).name):
        here = known[codes] if rest is None else np.ones(codes.shape, bool)
        counts[codes[~here]] = True
        parts.append(table[codes[here]])
    if not sum(map(len, parts)):
        raise UserError(
            f'"{Path(path).name}" has no character that the network knows.', "Give a text of the same kind."
        )
    return np.concatenate(parts), tuple(map(chr, np.flatnonzero(counts).tolist()))


# ----------------------------------------------------------------------------------------------------------- sources


def _own(path: Path) -> Pieces:
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


# ----------------------------------------------------------------------------------------------------------- reading


def _read(pieces: Pieces, name: str) -> Text:
    digest = hashlib.sha256()
    counts = np.zeros(_CODE_POINTS, np.int64)
    for codes in _code_points(pieces(), name, digest.update):
        found = np.bincount(codes)
        counts[: len(found)] += found
    total = int(counts.sum())
    if not total:
        raise UserError(f'"{name}" is empty.', "Give a text of some thousand characters.")
    points, notes = _commonest(counts)
    vocabulary = tuple(map(chr, points.tolist()))
    rest = vocabulary.index(REST) if notes else None
    table, _ = _table(vocabulary, rest)
    ids = np.empty(total, table.dtype)
    end = 0
    for codes in _code_points(pieces(), name):
        begin, end = end, end + len(codes)
        if end > total:
            break
        ids[begin:end] = table[codes]
    if end != total:
        raise UserError(f'"{name}" changed while it was read.', "Start again when it is complete.")
    return Text(name=name, ids=ids, vocabulary=vocabulary, sha256=digest.hexdigest(), rest=rest, notes=notes)


def _commonest(counts: Array) -> tuple[Array, tuple[str, ...]]:
    """The code points of the vocabulary, sorted, and what to say where rare ones had to be put together."""
    points = np.flatnonzero(counts)
    if len(points) <= MAX_VOCABULARY:
        return points, ()
    order = points[np.argsort(-counts[points], kind="stable")]
    kept = np.union1d(order[order != ord(REST)][: MAX_VOCABULARY - 1], [ord(REST)])
    share = 1 - counts[kept].sum() / counts.sum()
    note = (
        f"The text has {len(points):,} different characters: the {MAX_VOCABULARY - 1:,} commonest are told apart, "
        f"the rest ({share:.2%} of the text) are read as one, {REST}."
    )
    return kept, (note,)


def _table(vocabulary: tuple[str, ...], rest: int | None) -> tuple[Array, Array]:
    """The id of each code point, and whether it is in the vocabulary at all."""
    points = [ord(symbol) for symbol in vocabulary]
    table = np.full(_CODE_POINTS, rest or 0, np.uint8 if len(vocabulary) <= 256 else np.uint16)
    table[points] = np.arange(len(points))
    known = np.zeros(_CODE_POINTS, bool)
    known[points] = True
    return table, known


def _code_points(
    pieces: Iterable[bytes], name: str, digest: Callable[[bytes], None] = lambda piece: None
) -> Iterator[Array]:
    """The text's code points, an array for each piece, line ends as \\n. Raises UserError where it is not UTF-8."""
    decoder = codecs.getincrementaldecoder("utf-8")()
    newlines = io.IncrementalNewlineDecoder(None, translate=True)
    offset = 0  # of the piece in the file
    for piece in pieces:
        digest(piece)
        if offset == 0:
            if piece.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
                raise UserError(f'"{name}" is UTF-16.', _convert(name, "UTF-16"))
            body = piece.removeprefix(codecs.BOM_UTF8)
            offset = len(piece) - len(body)
        else:
            body = piece
        if (zero := body.find(b"\0")) >= 0:
            raise UserError(
                f'"{name}" is not text (a zero byte at offset {offset + zero:,}).', "Give a UTF-8 text file."
            )
        yield _array(newlines.decode(_decode(decoder, body, offset, name, final=False)))
        offset += len(body)
    yield _array(newlines.decode(_decode(decoder, b"", offset, name, final=True), final=True))


def _decode(decoder: codecs.IncrementalDecoder, body: bytes, offset: int, name: str, final: bool) -> str:
    waiting = len(decoder.getstate()[0])  # bytes of a character that the last piece ended within
    try:
        return decoder.decode(body, final)
    except UnicodeDecodeError as error:
        where = offset - waiting + error.start
        raise UserError(
            f'"{name}" is not UTF-8 (byte 0x{error.object[error.start]:02X} at offset {where:,}).',
            _convert(name, "LATIN1"),
        ) from None


def _convert(name: str, encoding: str) -> str:
    return f"Convert it, for instance with: iconv -f {encoding} -t UTF-8 '{name}' > utf8.txt."


def _array(text: str) -> Array:
    if text.isascii():
        return np.frombuffer(text.encode("ascii"), np.uint8)
    return np.frombuffer(text.encode("utf-32-le"), np.uint32)
