"""Reads a text as ids of its symbols: its characters, or its bytes.

A text is read twice in pieces, once for its symbols and once for its ids, and never stands whole in memory as a string:
one byte a character is what it costs (two above 256 symbols). Byte-order marks and Windows line ends are understood in
characters; bytes are taken as they are.
"""

import codecs
import hashlib
import io
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from rnnplay.config import VOCABULARY, UserError
from rnnplay.corpora.finding import Pieces, pieces_in, pieces_of
from rnnplay.corpora.library import locate

Array = np.ndarray[Any, np.dtype[Any]]

REST = "\N{REPLACEMENT CHARACTER}"  # stands for the characters beyond the vocabulary's limit
_CODE_POINTS = 0x110000


def _shown(byte: int) -> str:
    symbol = chr(byte)
    if symbol in "\t\n" or symbol.isprintable():
        return symbol
    return chr(0x2400 + byte) if byte < 0x20 else "\N{SYMBOL FOR DELETE}" if byte == 0x7F else chr(0x2800 + byte)


# The symbol of each byte: as Latin-1 has it, else a control picture, ␀ for 0; for 0x80 to 0xA0 and 0xAD a braille cell.
BYTES = tuple(map(_shown, range(256)))


def bytes_of(symbols: str) -> bytes:
    """The bytes that `symbols` stand for; those that stand for none are left out."""
    number = {symbol: byte for byte, symbol in enumerate(BYTES)}
    return bytes(number[symbol] for symbol in symbols if symbol in number)


@dataclass(frozen=True, eq=False)
class Text:
    """A text as ids of its symbols. `rest`: the id that stands for all rare symbols, where there were too many."""

    name: str
    ids: Array  # (N,) uint8, or uint16 above 256 symbols
    vocabulary: tuple[str, ...]  # sorted by code point; of bytes, by byte
    sha256: str  # of the bytes as they were read
    rest: int | None = None
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, eq=False)
class Survey:
    """What one reading of a text tells."""

    size: int  # bytes
    sha256: str
    counts: Array  # (code points,) or (256,): how often each stands in the text

    @property
    def total(self) -> int:
        return int(self.counts.sum())


def read(name: str, path: str | None = None, *, most: int = VOCABULARY, as_bytes: bool = False) -> Text:
    """The text called `name`, or the user's at `path` (a file, or a name that `rnnplay corpora` lists).

    `most`: symbols that are told apart, the rarest being read as one. Raises UserError where there is no such text.
    """
    if path is None:
        return _read(pieces_of(name), name, most, as_bytes)
    file = Path(locate(path))
    return _read(pieces_in(file), file.name, most, as_bytes)


def survey(pieces: Pieces, name: str, as_bytes: bool = False) -> Survey:
    """Size, SHA-256 and symbols of a text. Raises UserError where it is empty, or not read as UTF-8."""
    digest = hashlib.sha256()
    counts = np.zeros(256 if as_bytes else _CODE_POINTS, np.int64)
    size = 0

    def note(piece: bytes) -> None:
        nonlocal size
        digest.update(piece)
        size += len(piece)

    for codes in _codes(pieces(), name, as_bytes, note, "Give a UTF-8 text file, or read it as bytes with --bytes."):
        found = np.bincount(codes)
        counts[: len(found)] += found
    if not counts.any():
        raise UserError(f'"{name}" is empty.', "Give a text of some thousand characters.")
    return Survey(size, digest.hexdigest(), counts)


def encode_file(
    path: str, vocabulary: tuple[str, ...], rest: int | None = None, *, as_bytes: bool = False
) -> tuple[Array, tuple[str, ...]]:
    """The file's ids (N,) in another text's `vocabulary`, and the symbols that it does not know, which are left out."""
    file = Path(locate(path))
    table, known = _table([_number(symbol, as_bytes) for symbol in vocabulary], rest)
    strange = np.zeros(_CODE_POINTS, bool)
    parts = []
    for codes in _codes(pieces_in(file)(), file.name, as_bytes):
        here = known[codes] if rest is None else np.ones(codes.shape, bool)
        strange[codes[~here]] = True
        parts.append(table[codes[here]])
    if not sum(map(len, parts)):
        raise UserError(f'"{file.name}" has no character that the network knows.', "Give a text of the same kind.")
    return np.concatenate(parts), _symbols(np.flatnonzero(strange), as_bytes)


def _read(pieces: Pieces, name: str, most: int, as_bytes: bool) -> Text:
    found = survey(pieces, name, as_bytes)
    numbers, rest, notes = _commonest(found.counts, most, as_bytes)
    table, _ = _table(numbers.tolist(), rest)
    ids = np.empty(found.total, table.dtype)
    end = 0
    for codes in _codes(pieces(), name, as_bytes):
        begin, end = end, end + len(codes)
        if end > found.total:
            break
        ids[begin:end] = table[codes]
    if end != found.total:
        raise UserError(f'"{name}" changed while it was read.', "Start again when it is complete.")
    vocabulary = _symbols(numbers, as_bytes)
    if rest is not None:
        vocabulary = (*vocabulary[:rest], REST, *vocabulary[rest + 1 :])
    return Text(name=name, ids=ids, vocabulary=vocabulary, sha256=found.sha256, rest=rest, notes=notes)


def _commonest(counts: Array, most: int, as_bytes: bool) -> tuple[Array, int | None, tuple[str, ...]]:
    """The numbers of the vocabulary, sorted; the id for the rare ones and what to say, where they had to be joined."""
    numbers = np.flatnonzero(counts)
    if len(numbers) <= most:
        return numbers, None, ()
    order = numbers[np.argsort(-counts[numbers], kind="stable")]
    # Of characters REST's own code point stands for the rest; of bytes, the commonest rare one lends its number.
    joint = int(order[most - 1]) if as_bytes else ord(REST)
    alone = order[order != joint][: most - 1]
    share = 1 - counts[alone].sum() / counts.sum()
    kept = np.union1d(alone, [joint])
    note = (
        f"The text has {len(numbers):,} different {'bytes' if as_bytes else 'characters'}: the {most - 1:,} commonest "
        f"are told apart, the rest ({share:.2%} of the text) are read as one, {REST}."
    )
    return kept, int(np.searchsorted(kept, joint)), (note,)


def _symbols(numbers: Array, as_bytes: bool) -> tuple[str, ...]:
    return tuple(BYTES[n] if as_bytes else chr(n) for n in numbers.tolist())


def _number(symbol: str, as_bytes: bool) -> int:
    """Where `symbol` stands among all; REST, in bytes, at a place that no byte has."""
    if not as_bytes:
        return ord(symbol)
    return ord(REST) if symbol == REST else BYTES.index(symbol)


def _table(numbers: list[int], rest: int | None) -> tuple[Array, Array]:
    """The id of each number (a code point or a byte), and whether it is in the vocabulary at all."""
    table = np.full(_CODE_POINTS, rest or 0, np.uint8 if len(numbers) <= 256 else np.uint16)
    table[numbers] = np.arange(len(numbers))
    known = np.zeros(_CODE_POINTS, bool)
    known[numbers] = True
    return table, known


def _codes(
    pieces: Iterable[bytes],
    name: str,
    as_bytes: bool,
    note: Callable[[bytes], None] = lambda piece: None,
    remedy: str = "Give a UTF-8 text file.",
) -> Iterator[Array]:
    """The text's code points or bytes, an array for each piece; `note` is shown every piece."""
    if not as_bytes:
        yield from _code_points(pieces, name, note, remedy)
        return
    for piece in pieces:
        note(piece)
        yield np.frombuffer(piece, np.uint8)


def _code_points(pieces: Iterable[bytes], name: str, note: Callable[[bytes], None], remedy: str) -> Iterator[Array]:
    """The text's code points, line ends as \\n. Raises UserError where it is not UTF-8."""
    decoder = codecs.getincrementaldecoder("utf-8")()
    newlines = io.IncrementalNewlineDecoder(None, translate=True)
    offset = 0  # of the piece in the file
    for piece in pieces:
        note(piece)
        if offset == 0:
            if piece.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
                raise UserError(f'"{name}" is UTF-16.', _convert(name, "UTF-16"))
            body = piece.removeprefix(codecs.BOM_UTF8)
            offset = len(piece) - len(body)
        else:
            body = piece
        if (zero := body.find(b"\0")) >= 0:
            raise UserError(f'"{name}" is not text (a zero byte at offset {offset + zero:,}).', remedy)
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
