"""Encodes a text as ids of its symbols: its characters, or its bytes.

A text is read twice in chunks, first to count its symbols, then to encode them. It is never in memory as one string:
it costs one byte a character (two above 256 symbols). In characters, byte-order marks are dropped and Windows line ends
become newlines; bytes are not changed.
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
from rnnplay.corpora.library import resolve_text
from rnnplay.corpora.sources import ChunkReader, bundled_chunks, file_chunks

Array = np.ndarray[Any, np.dtype[Any]]

UNKNOWN = "\N{REPLACEMENT CHARACTER}"  # the symbol of all characters beyond the vocabulary's limit
_CODE_POINTS = 0x110000


def _byte_symbol(byte: int) -> str:
    symbol = chr(byte)
    if symbol in "\t\n" or symbol.isprintable():
        return symbol
    return chr(0x2400 + byte) if byte < 0x20 else "\N{SYMBOL FOR DELETE}" if byte == 0x7F else chr(0x2800 + byte)


# The symbol of each byte: as Latin-1 has it, else a control picture, ␀ for 0; for 0x80 to 0xA0 and 0xAD a braille cell.
BYTE_SYMBOLS = tuple(map(_byte_symbol, range(256)))


def symbols_to_bytes(symbols: str) -> bytes:
    """The bytes of `symbols`; a symbol that is not one of BYTE_SYMBOLS is left out."""
    number = {symbol: byte for byte, symbol in enumerate(BYTE_SYMBOLS)}
    return bytes(number[symbol] for symbol in symbols if symbol in number)


@dataclass(frozen=True, eq=False)
class EncodedText:
    """A text as ids of its symbols."""

    name: str
    ids: Array  # (N,) uint8, or uint16 above 256 symbols
    vocabulary: tuple[str, ...]  # sorted by code point; of bytes, by byte
    sha256: str  # of the bytes read
    unknown_id: int | None = None  # of all rare symbols, if there are too many
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, eq=False)
class SymbolCounts:
    """Size, SHA-256 and symbol counts of a text."""

    size: int  # bytes
    sha256: str
    counts: Array  # (code points,) or (256,): occurrences of each symbol

    @property
    def total(self) -> int:
        return int(self.counts.sum())


def read(
    name: str, path: str | None = None, *, max_vocabulary: int = VOCABULARY, as_bytes: bool = False
) -> EncodedText:
    """Encode the text called `name`, or the user's text at `path` (a file, or a name that `rnnplay corpora` lists).

    max_vocabulary: number of distinct ids; of more symbols the rarest share one id. Raises UserError if there is no
    such text, or if it cannot be read.
    """
    if path is None:
        return _encode(bundled_chunks(name), name, max_vocabulary, as_bytes)
    file = Path(resolve_text(path))
    return _encode(file_chunks(file), file.name, max_vocabulary, as_bytes)


def count_symbols(chunks: ChunkReader, name: str, as_bytes: bool = False) -> SymbolCounts:
    """Count the symbols of a text. Raises UserError if it is empty or not UTF-8."""
    digest = hashlib.sha256()
    counts = np.zeros(256 if as_bytes else _CODE_POINTS, np.int64)
    size = 0

    def on_chunk(chunk: bytes) -> None:
        nonlocal size
        digest.update(chunk)
        size += len(chunk)

    for codes in _code_chunks(
        chunks(), name, as_bytes, on_chunk, "Give a UTF-8 text file, or read it as bytes with --bytes."
    ):
        chunk_counts = np.bincount(codes)
        counts[: len(chunk_counts)] += chunk_counts
    if not counts.any():
        raise UserError(f'"{name}" is empty.', "Give a text of some thousand characters.")
    return SymbolCounts(size, digest.hexdigest(), counts)


def encode_file(
    path: str, vocabulary: tuple[str, ...], unknown_id: int | None = None, *, as_bytes: bool = False
) -> tuple[Array, tuple[str, ...]]:
    """The file's ids (N,) in another text's `vocabulary`, and its unknown symbols, which are left out.

    unknown_id: the id that unknown symbols get; None: they have none. Raises UserError if no symbol is known.
    """
    file = Path(resolve_text(path))
    table, known = _id_table([_code(symbol, as_bytes) for symbol in vocabulary], unknown_id)
    is_unknown = np.zeros(_CODE_POINTS, bool)
    parts = []
    for codes in _code_chunks(file_chunks(file)(), file.name, as_bytes):
        known = known[codes] if unknown_id is None else np.ones(codes.shape, bool)
        is_unknown[codes[~known]] = True
        parts.append(table[codes[known]])
    if not sum(map(len, parts)):
        raise UserError(f'"{file.name}" has no character that the network knows.', "Give a text of the same kind.")
    return np.concatenate(parts), _symbols(np.flatnonzero(is_unknown), as_bytes)


def _encode(chunks: ChunkReader, name: str, max_vocabulary: int, as_bytes: bool) -> EncodedText:
    counted = count_symbols(chunks, name, as_bytes)
    vocabulary_codes, unknown_id, notes = _limit_vocabulary(counted.counts, max_vocabulary, as_bytes)
    table, _ = _id_table(vocabulary_codes.tolist(), unknown_id)
    ids = np.empty(counted.total, table.dtype)
    end = 0
    for codes in _code_chunks(chunks(), name, as_bytes):
        begin, end = end, end + len(codes)
        if end > counted.total:
            break
        ids[begin:end] = table[codes]
    if end != counted.total:
        raise UserError(f'"{name}" changed while it was read.', "Start again when it is complete.")
    vocabulary = _symbols(vocabulary_codes, as_bytes)
    if unknown_id is not None:
        vocabulary = (*vocabulary[:unknown_id], UNKNOWN, *vocabulary[unknown_id + 1 :])
    return EncodedText(
        name=name, ids=ids, vocabulary=vocabulary, sha256=counted.sha256, unknown_id=unknown_id, notes=notes
    )


def _limit_vocabulary(counts: Array, max_vocabulary: int, as_bytes: bool) -> tuple[Array, int | None, tuple[str, ...]]:
    """The vocabulary's codes, sorted, the id of the rare symbols or None, and a note if rare symbols were joined."""
    codes = np.flatnonzero(counts)
    if len(codes) <= max_vocabulary:
        return codes, None, ()
    order = codes[np.argsort(-counts[codes], kind="stable")]
    # Of characters, UNKNOWN's own code point is the shared one; of bytes, that of the commonest rare byte.
    unknown_code = int(order[max_vocabulary - 1]) if as_bytes else ord(UNKNOWN)
    commonest = order[order != unknown_code][: max_vocabulary - 1]
    fraction = 1 - counts[commonest].sum() / counts.sum()
    retained = np.union1d(commonest, [unknown_code])
    note = (
        f"The text has {len(codes):,} different {'bytes' if as_bytes else 'characters'}: the {max_vocabulary - 1:,} "
        f"commonest have ids of their own, the rest ({fraction:.2%} of the text) are read as one, {UNKNOWN}."
    )
    return retained, int(np.searchsorted(retained, unknown_code)), (note,)


def _symbols(codes: Array, as_bytes: bool) -> tuple[str, ...]:
    return tuple(BYTE_SYMBOLS[n] if as_bytes else chr(n) for n in codes.tolist())


def _code(symbol: str, as_bytes: bool) -> int:
    """The code point or the byte of `symbol`; for UNKNOWN among bytes a code that no byte has."""
    if not as_bytes:
        return ord(symbol)
    return ord(UNKNOWN) if symbol == UNKNOWN else BYTE_SYMBOLS.index(symbol)


def _id_table(codes: list[int], unknown_id: int | None) -> tuple[Array, Array]:
    """The id of each code (a code point or a byte), and a bool for each: it is in the vocabulary."""
    table = np.full(_CODE_POINTS, unknown_id or 0, np.uint8 if len(codes) <= 256 else np.uint16)
    table[codes] = np.arange(len(codes))
    in_vocabulary = np.zeros(_CODE_POINTS, bool)
    in_vocabulary[codes] = True
    return table, in_vocabulary


def _code_chunks(
    chunks: Iterable[bytes],
    name: str,
    as_bytes: bool,
    on_chunk: Callable[[bytes], None] = lambda chunk: None,
    remedy: str = "Give a UTF-8 text file.",
) -> Iterator[Array]:
    """Yield the text's code points or bytes, an array for each chunk; `on_chunk` is called with every chunk."""
    if not as_bytes:
        yield from _code_point_chunks(chunks, name, on_chunk, remedy)
        return
    for chunk in chunks:
        on_chunk(chunk)
        yield np.frombuffer(chunk, np.uint8)


def _code_point_chunks(
    chunks: Iterable[bytes], name: str, on_chunk: Callable[[bytes], None], remedy: str
) -> Iterator[Array]:
    """Yield the text's code points, line ends as \\n. Raises UserError if it is not UTF-8."""
    decoder = codecs.getincrementaldecoder("utf-8")()
    newlines = io.IncrementalNewlineDecoder(None, translate=True)
    offset = 0  # of the chunk in the file
    for chunk in chunks:
        on_chunk(chunk)
        if offset == 0:
            if chunk.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
                raise UserError(f'"{name}" is UTF-16.', _conversion_remedy(name, "UTF-16"))
            body = chunk.removeprefix(codecs.BOM_UTF8)
            offset = len(chunk) - len(body)
        else:
            body = chunk
        if (zero := body.find(b"\0")) >= 0:
            raise UserError(f'"{name}" is not text (a zero byte at offset {offset + zero:,}).', remedy)
        yield _to_code_points(newlines.decode(_decode(decoder, body, offset, name, final=False)))
        offset += len(body)
    yield _to_code_points(newlines.decode(_decode(decoder, b"", offset, name, final=True), final=True))


def _decode(decoder: codecs.IncrementalDecoder, body: bytes, offset: int, name: str, final: bool) -> str:
    pending = len(decoder.getstate()[0])  # bytes of an incomplete character at the end of the last chunk
    try:
        return decoder.decode(body, final)
    except UnicodeDecodeError as error:
        where = offset - pending + error.start
        raise UserError(
            f'"{name}" is not UTF-8 (byte 0x{error.object[error.start]:02X} at offset {where:,}).',
            _conversion_remedy(name, "LATIN1"),
        ) from None


def _conversion_remedy(name: str, encoding: str) -> str:
    return f"Convert it, for instance with: iconv -f {encoding} -t UTF-8 '{name}' > utf8.txt."


def _to_code_points(text: str) -> Array:
    if text.isascii():
        return np.frombuffer(text.encode("ascii"), np.uint8)
    return np.frombuffer(text.encode("utf-32-le"), np.uint32)
