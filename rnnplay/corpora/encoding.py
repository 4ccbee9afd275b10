"""Encodes a text as ids of its symbols: its characters, or its bytes.

A text is read twice in chunks, first to count its symbols, then to encode them. It is never in memory as one string:
it costs one byte a character (two above 256 symbols), of a long text on the disk. In characters, byte-order marks are
dropped and Windows line ends become newlines; bytes are not changed.
"""

import hashlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from rnnplay.config import DEFAULT_VOCABULARY_SIZE, UserError
from rnnplay.corpora.decoding import TextDecoder, mixes_normal_forms
from rnnplay.corpora.files import find_text_files, joined_chunks, separate_texts, text_file_chunks, total_size
from rnnplay.corpora.large_text import IdWriter, derived_bytes_limit, report_progress
from rnnplay.corpora.sources import MAX_TEXT_BYTES, ChunkReader, bundled_chunks

Array = np.ndarray[Any, np.dtype[Any]]

UNKNOWN = "\N{REPLACEMENT CHARACTER}"  # the symbol of all characters beyond the vocabulary's limit
END_OF_FILE = "\N{SYMBOL FOR END OF TEXT}"  # stands behind each file whose end is marked
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
    size: int = 0  # bytes read


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
    name: str,
    path: str | None = None,
    *,
    max_vocabulary: int = DEFAULT_VOCABULARY_SIZE,
    as_bytes: bool = False,
    encoding: str | None = None,
    normal_form: str = "none",
    more: Sequence[str] = (),
    between_files: str = "",
    passes: int = 2,
) -> EncodedText:
    """Encode the text called `name`, or the user's text at `path` (a file, a folder, or a name of `rnnplay corpora`).

    more: further files or folders, joined to it. between_files: as SymbolReader takes it. max_vocabulary: number of
    distinct ids; of more symbols the rarest share one id. encoding, normal_form: as TextDecoder takes them. passes: how
    often the text is gone through altogether, for the progress. Raises UserError if there is no such text, or if it
    cannot be read.
    """
    if path is None:
        if encoding is not None:
            raise UserError(f"The text {name} comes with its encoding.", "Leave out --encoding, or give --text FILE.")
        return _encode(SymbolReader(bundled_chunks(name), name, as_bytes, normal_form=normal_form), max_vocabulary)
    name, files, notes = find_text_files([path, *more], as_bytes)
    chunks, size = joined_chunks(files), total_size(files)
    reader = SymbolReader(
        chunks,
        name,
        as_bytes,
        encoding,
        normal_form,
        files,
        between_files,
        None if size is None else passes * size,
    )
    return _encode(reader, max_vocabulary, notes)


class SymbolReader:
    """Reads one text as codes of its symbols: code points of characters, or bytes."""

    def __init__(
        self,
        read_chunks: ChunkReader,
        name: str,
        as_bytes: bool = False,
        encoding: str | None = None,
        normal_form: str = "none",
        files: Sequence[Path] = (),
        between_files: str = "",
        bytes_to_read: int | None = None,
    ) -> None:
        """files: what `read_chunks` joins, if it is files. bytes_to_read: in all readings; None: not known.

        between_files: symbols that stand between two files; END_OF_FILE stands behind the last one too. Line ends are
        left out where the file before ends in one. Empty: files may be pieces of one text.
        """
        self.name, self.as_bytes, self.normal_form = name, as_bytes, normal_form
        self._read_chunks, self._encoding = read_chunks, encoding
        self._between = between_files
        texts: list[list[Path]] = [[]]
        if files and not as_bytes:
            if between_files:
                texts = [[file] for file in files]
            else:
                texts = separate_texts(files) if encoding is None else [list(files)]
        self._texts = [(self._decoder(text), text) for text in texts]
        self._bytes_read, self._bytes_to_read = 0, bytes_to_read

    def _decoder(self, files: Sequence[Path]) -> TextDecoder:
        if len(files) == 1:
            read_chunks, name = text_file_chunks(files[0]), files[0].name
        else:
            read_chunks, name = joined_chunks(files) if files else self._read_chunks, self.name
        otherwise = "Or read it as bytes with --read-as-bytes."
        return TextDecoder(read_chunks, name, self._encoding, self.normal_form, otherwise)

    @property
    def marks_inside(self) -> int:
        """The byte-order marks that the last reading dropped inside the text."""
        return sum(decoder.marks_inside for decoder, _ in self._texts)

    @property
    def seems_utf8(self) -> bool:
        """Return whether the last reading met a text in UTF-8, though another encoding is chosen."""
        return any(decoder.seems_utf8 for decoder, _ in self._texts)

    def codes(self, on_chunk: Callable[[bytes], None] = lambda chunk: None) -> Iterator[Array]:
        """Yield the text's codes in arrays; `on_chunk` is called with every chunk of bytes that is read."""
        size = 0

        def count_chunk(chunk: bytes) -> None:
            nonlocal size
            size += len(chunk)
            if size > MAX_TEXT_BYTES:
                raise UserError(f"The files have more than {MAX_TEXT_BYTES >> 20:,} MB.", "Give fewer of them.")
            self._bytes_read += len(chunk)
            report_progress(self._bytes_read, self._bytes_to_read)
            on_chunk(chunk)

        if not self.as_bytes:
            for number, (decoder, files) in enumerate(self._texts, 1):
                ends_line = False
                for string in self._strings(decoder, files, count_chunk):
                    ends_line = string.endswith("\n") if string else ends_line
                    yield _to_code_points(string)
                if self._between == END_OF_FILE or number < len(self._texts):
                    yield _to_code_points("" if ends_line and self._between == "\n" else self._between)
            return
        for chunk in self._read_chunks():
            count_chunk(chunk)
            yield np.frombuffer(chunk, np.uint8)

    def _strings(self, decoder: TextDecoder, files: Sequence[Path], on_chunk: Callable[[bytes], None]) -> Iterator[str]:
        """Yield the strings of one text. Of several files the one that is refused is named."""
        try:
            yield from decoder.strings(on_chunk)
        except UserError:
            for file in files if len(files) > 1 else ():
                for _ in self._decoder([file]).strings():
                    pass
            raise


def count_symbols(reader: SymbolReader) -> SymbolCounts:
    """Count the symbols of a text. Raises UserError if it is empty or not in its encoding."""
    digest = hashlib.sha256()
    counts = np.zeros(256 if reader.as_bytes else _CODE_POINTS, np.int64)
    size = 0

    def on_chunk(chunk: bytes) -> None:
        nonlocal size
        digest.update(chunk)
        size += len(chunk)

    for codes in reader.codes(on_chunk):
        chunk_counts = np.bincount(codes)
        counts[: len(chunk_counts)] += chunk_counts
    if not counts.any():
        raise UserError(f'"{reader.name}" is empty.', "Give a text of some thousand characters.")
    return SymbolCounts(size, digest.hexdigest(), counts)


def encode_file(
    path: str,
    vocabulary: tuple[str, ...],
    unknown_id: int | None = None,
    *,
    as_bytes: bool = False,
    encoding: str | None = None,
    normal_form: str = "none",
) -> tuple[Array, tuple[str, ...]]:
    """The file's ids (N,) in another text's `vocabulary`, and its unknown symbols, which are left out.

    unknown_id: the id that unknown symbols get; None: they have none. Raises UserError if no symbol is known.
    """
    name, files, _ = find_text_files([path], as_bytes)
    table, in_vocabulary = _id_table([_code(symbol, as_bytes) for symbol in vocabulary], unknown_id)
    is_unknown = np.zeros(_CODE_POINTS, bool)
    size = total_size(files)
    writer = IdWriter(None, table.dtype, derived_bytes_limit(size or 0))
    reader = SymbolReader(joined_chunks(files), name, as_bytes, encoding, normal_form, files, bytes_to_read=size)
    for codes in reader.codes():
        is_known = in_vocabulary[codes] if unknown_id is None else np.ones(codes.shape, bool)
        is_unknown[codes[~is_known]] = True
        writer.add(table[codes[is_known]])
    if not len(writer):
        raise UserError(f'"{name}" has no character that the network knows.', "Give a text of the same kind.")
    return writer.array(), _symbols(np.flatnonzero(is_unknown), as_bytes)


def _encode(reader: SymbolReader, max_vocabulary: int, notes: Sequence[str] = ()) -> EncodedText:
    counted = count_symbols(reader)
    as_bytes = reader.as_bytes
    notes = (*notes, *_reading_notes(reader, counted))
    vocabulary_codes, unknown_id, limit_notes = _limit_vocabulary(counted.counts, max_vocabulary, as_bytes)
    table, _ = _id_table(vocabulary_codes.tolist(), unknown_id)
    writer = IdWriter(counted.total, table.dtype)
    for codes in reader.codes():
        if not writer.add(table[codes]):
            break
    if not writer.is_complete:
        raise UserError(f'"{reader.name}" changed while it was read.', "Start again when it is complete.")
    vocabulary = _symbols(vocabulary_codes, as_bytes)
    if unknown_id is not None:
        vocabulary = (*vocabulary[:unknown_id], UNKNOWN, *vocabulary[unknown_id + 1 :])
    return EncodedText(
        name=reader.name,
        ids=writer.array(),
        vocabulary=vocabulary,
        sha256=counted.sha256,
        size=counted.size,
        unknown_id=unknown_id,
        notes=(*notes, *limit_notes),
    )


def _reading_notes(reader: SymbolReader, counted: SymbolCounts) -> list[str]:
    """Remarks on its encoding, byte-order marks inside the text and letters that it writes in two ways."""
    notes = []
    if reader.seems_utf8:
        notes.append("The text is UTF-8, though another encoding is chosen: without --encoding it would be read so.")
    if count := reader.marks_inside:
        marks = f"{count:,} byte-order marks" if count > 1 else "A byte-order mark"
        notes.append(f"{marks} inside the text {'are' if count > 1 else 'is'} left out: it was joined from files.")
    if not reader.as_bytes and reader.normal_form == "none":
        letter = mixes_normal_forms(map(chr, np.flatnonzero(counted.counts).tolist()))
        if letter is not None:
            notes.append(
                f"The text has {letter} as one character, and its letter and mark as two: "
                "--normalize nfc makes all of them one, nfd two."
            )
    return notes


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


def _to_code_points(text: str) -> Array:
    if text.isascii():
        return np.frombuffer(text.encode("ascii"), np.uint8)
    return np.frombuffer(text.encode("utf-32-le"), np.uint32)
