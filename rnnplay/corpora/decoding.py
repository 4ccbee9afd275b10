"""Decodes a text from bytes to characters, in chunks: encoding, byte-order marks, line ends, Unicode normal forms."""

import codecs
import hashlib
import io
import re
import unicodedata
from collections.abc import Callable, Collection, Iterable, Iterator
from itertools import chain
from typing import Literal

from rnnplay.config import UserError
from rnnplay.corpora.encoding_guess import (
    check_encoding,
    is_iso_2022,
    is_mostly_utf8,
    refusal,
    refuse_seven_bits,
    sample_of,
)
from rnnplay.corpora.file_kinds import refuse_other_kinds
from rnnplay.corpora.sources import ChunkReader

_MARK = "\ufeff"  # the byte-order mark as a character
# UTF-32 first: its mark begins with that of UTF-16.
_BY_MARK = (
    (codecs.BOM_UTF32_LE, "utf_32"),
    (codecs.BOM_UTF32_BE, "utf_32"),
    (codecs.BOM_UTF16_LE, "utf_16"),
    (codecs.BOM_UTF16_BE, "utf_16"),
)
# Before each of these a text may be cut and its parts normalised one by one: none combines with what stands before it.
_BOUNDARY = re.compile(
    r"[\u0000-\u02ff\u0370-\u0482\u048a-\u058f\u3000-\u3029\u3041-\u3096\u30a1-\u30fa\u3400-\u9fff\uac00-\ud7a3]"
)

_RTL = ("R", "AL")  # bidirectional classes of Hebrew, Arabic and the like

# A character and the combining marks, or the vowels and last consonants of Hangul, behind it.
_CLUSTER = re.compile(
    r"(?s).[\u0300-\u036f\u0483-\u0489\u0591-\u05c7\u0610-\u061a\u064b-\u065f\u093c\u1160-\u11ff\u3099\u309a]*"
)


class TextDecoder:
    """Decodes one text, as often as it is asked to. Without an encoding: by the byte-order mark, else UTF-8.

    Line ends become \\n, byte-order marks are dropped. `marks_inside`: how many of them the last reading met after the
    text's beginning. `seems_utf8`: whether the last reading met UTF-8, though another encoding is chosen.
    """

    def __init__(
        self,
        read_chunks: ChunkReader,
        name: str,
        encoding: str | None = None,
        normal_form: str = "none",
        otherwise: str = "",
    ) -> None:
        """otherwise: a sentence on what else can be done if the encoding is wrong, for the error message."""
        self._read_chunks, self._name, self._otherwise = read_chunks, name, otherwise
        self._encoding = None if encoding is None else check_encoding(encoding)
        self._normal_form = normal_form
        self.marks_inside, self.seems_utf8 = 0, False

    def strings(self, on_chunk: Callable[[bytes], None] = lambda chunk: None) -> Iterator[str]:
        """Yield the text in parts of any length; `on_chunk` is called with every chunk of bytes that is read.

        Raises UserError if the bytes are not in the encoding, or hold a zero.
        """
        self.marks_inside = 0
        strings = self._without_marks(_newlines(self._decoded(on_chunk)))
        if self._normal_form == "none":
            return strings
        return _normalized(strings, "NFC" if self._normal_form == "nfc" else "NFD")

    def _decoded(self, on_chunk: Callable[[bytes], None]) -> Iterator[str]:
        chunks = self._read_chunks()
        first = next(chunks, b"")
        while len(first) < 4 and (more := next(chunks, b"")):  # the longest mark
            first += more
        refuse_other_kinds(first, self._name)
        encoding = self._encoding or next((name for mark, name in _BY_MARK if first.startswith(mark)), "utf_8")
        decoder = codecs.getincrementaldecoder(encoding)()
        check = None if self._encoding is None else _Utf8Check(encoding)
        offset = 0  # of the chunk in the file
        for chunk in chain((first,), chunks):
            on_chunk(chunk)
            if check is not None:
                check.add(chunk)
            elif encoding == "utf_8":
                self._refuse_other(chunk, offset)
            yield self._decode(decoder, chunk, offset, encoding, final=False)
            offset += len(chunk)
        yield self._decode(decoder, b"", offset, encoding, final=True)
        self.seems_utf8 = check is not None and check.is_passed()

    def _refuse_other(self, chunk: bytes, offset: int) -> None:
        """Raise UserError if `chunk`, valid UTF-8 or not, shows by a zero or an escape sequence that it is not."""
        if (zero := chunk.find(b"\0")) >= 0:
            raise self._refusal(f"is not UTF-8 text (a zero byte at offset {offset + zero:,})")
        if is_iso_2022(chunk):
            raise self._refusal("switches between character sets by escape sequences")
        if not offset:
            refuse_seven_bits(chunk, self._name)

    def _decode(self, decoder: codecs.IncrementalDecoder, chunk: bytes, offset: int, encoding: str, final: bool) -> str:
        pending = len(decoder.getstate()[0])  # bytes of an incomplete character at the end of the last chunk
        try:
            text = decoder.decode(chunk, final)
        except UnicodeDecodeError as error:
            where = offset - pending + error.start
            byte = error.object[error.start] if error.start < len(error.object) else 0
            if self._encoding is None and encoding != "utf_8":
                raise UserError(
                    f'"{self._name}" is {_title(encoding)} by its byte-order mark, but not at offset {where:,}.',
                    f"It may be cut off: give a whole file. {self._otherwise}".rstrip(),
                ) from None
            sample = sample_of(self._read_chunks())
            if encoding == "utf_8" and is_mostly_utf8(sample):
                raise self._broken_utf8(byte, where) from None
            raise self._refusal(f"is not {_title(encoding)} (byte 0x{byte:02X} at offset {where:,})", sample) from None
        except UnicodeError:
            raise self._refusal(f"is not {_title(encoding)}") from None
        if "\0" in text:
            raise self._refusal(f"is not {_title(encoding)} text (it has a character of number zero)")
        return text

    def _refusal(self, problem: str, sample: bytes | None = None) -> UserError:
        """sample: as `sample_of` gives it; None: it is read."""
        sample = sample_of(self._read_chunks()) if sample is None else sample
        return refusal(self._name, problem, sample, self._otherwise)

    def _broken_utf8(self, byte: int, offset: int) -> UserError:
        line, size = 1, 0
        for chunk in self._read_chunks():
            line += chunk[: max(offset - size, 0)].count(b"\n")
            size += len(chunk)
            if size >= offset:
                break
        return UserError(
            f'"{self._name}" is UTF-8 but for some bytes: the first, 0x{byte:02X}, is in line {line:,}, '
            f"at offset {offset:,}.",
            f"Mend them, or leave them out: iconv -c -f UTF-8 -t UTF-8 FILE. {self._otherwise}".rstrip(),
        )

    def _without_marks(self, strings: Iterable[str]) -> Iterator[str]:
        at_start = True
        for string in strings:
            if _MARK in string:
                self.marks_inside += string.count(_MARK) - (at_start and string.startswith(_MARK))
                string = string.replace(_MARK, "")
                at_start = False
            at_start = at_start and not string
            yield string


class _Utf8Check:
    """Tells whether bytes that are read in a chosen encoding are UTF-8: then most likely another should be chosen."""

    def __init__(self, encoding: str) -> None:
        name = codecs.lookup(encoding).name
        self._decoder: codecs.IncrementalDecoder | None = codecs.getincrementaldecoder("utf_8")()
        self._has_signs = name.startswith(("utf-16", "utf-32"))  # of those ASCII is no part
        if name in ("utf-8", "utf-8-sig", "ascii"):
            self._decoder = None

    def add(self, chunk: bytes) -> None:
        """Take in further bytes."""
        if self._decoder is None:
            return
        try:
            self._decoder.decode(chunk)
        except UnicodeDecodeError:
            self._decoder = None
        if b"\0" in chunk or b"\x1b" in chunk:
            self._decoder = None
        self._has_signs = self._has_signs or not chunk.isascii()

    def is_passed(self) -> bool:
        """Return whether all bytes were UTF-8, and not ASCII alone."""
        return self._decoder is not None and not self._decoder.getstate()[0] and self._has_signs


def read_string(
    read_chunks: ChunkReader, name: str, encoding: str | None, max_bytes: int, otherwise: str = ""
) -> tuple[str, str, int]:
    """The whole text as one string, the SHA-256 of its bytes, and the number of byte-order marks dropped inside it.

    Raises UserError if it has more than `max_bytes`, or is not in the encoding.
    """
    digest = hashlib.sha256()
    size = 0

    def on_chunk(chunk: bytes) -> None:
        nonlocal size
        size += len(chunk)
        if size > max_bytes:
            raise UserError(f'"{name}" has more than {max_bytes >> 20} MB.', "Give a smaller file.")
        digest.update(chunk)

    decoder = TextDecoder(read_chunks, name, encoding, otherwise=otherwise)
    return "".join(decoder.strings(on_chunk)), digest.hexdigest(), decoder.marks_inside


def mixes_normal_forms(symbols: Iterable[str]) -> str | None:
    """A letter of `symbols` that stands there both as one character and as a letter and a combining mark; or None."""
    characters = set(symbols)
    for symbol in sorted(characters):
        parts = unicodedata.normalize("NFD", symbol)
        if len(parts) > 1 and unicodedata.combining(parts[-1]) and characters.issuperset(parts):
            return symbol
    return None


def right_to_left_letter(symbols: Iterable[str]) -> str | None:
    """The first letter of `symbols` (characters or words) that is written from right to left, or None."""
    return next((letter for symbol in symbols for letter in symbol if unicodedata.bidirectional(letter) in _RTL), None)


def in_known_form(text: str, known: Collection[str]) -> str:
    """`text` with each letter and its marks in a form whose characters are all in `known`: as it is, NFC, NFD.

    A letter that is in none of these forms stays as it is.
    """
    if all(map(known.__contains__, text)):
        return text
    parts = []
    for cluster in _CLUSTER.findall(text):
        forms = (cluster, unicodedata.normalize("NFC", cluster), unicodedata.normalize("NFD", cluster))
        parts.append(next((form for form in forms if all(map(known.__contains__, form))), cluster))
    return "".join(parts)


def _title(encoding: str) -> str:
    return encoding.upper().replace("_", "-") if encoding.startswith("utf") else encoding


def _newlines(strings: Iterable[str]) -> Iterator[str]:
    """Yield `strings` with all line ends as \\n."""
    newlines = io.IncrementalNewlineDecoder(None, translate=True)
    yield from map(newlines.decode, strings)
    yield newlines.decode("", final=True)


def _normalized(strings: Iterable[str], form: Literal["NFC", "NFD"]) -> Iterator[str]:
    """Yield `strings` in a normal form, cut where no character combines with the one before."""
    rest = ""
    for string in strings:
        rest += string
        cut = next((place for place in range(len(rest) - 1, 0, -1) if _BOUNDARY.match(rest[place])), 0)
        yield unicodedata.normalize(form, rest[:cut])
        rest = rest[cut:]
    yield unicodedata.normalize(form, rest)
