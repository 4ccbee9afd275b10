"""Guesses the encoding of bytes that are not UTF-8, and shows the first words that each encoding gives.

A guess is for a person to choose from, never for a program: no text is read in a guessed encoding.
"""

import codecs
import re
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from difflib import get_close_matches
from itertools import chain

from rnnplay.config import UserError
from rnnplay.corpora.encoding_languages import LATIN, MARKS, decode, fitting_encodings

SAMPLE_BYTES = 2**15
MAX_GUESSES = 4
_EXCERPT_CHARS = 24

# Of encodings that read a sample alike, the first of these lends its name.
_BY_FAME = (
    *("cp1252", "cp1251", "gbk", "big5", "shift_jis", "euc_kr", "euc_jp", "cp1250", "koi8_r", "cp1253", "cp1254"),
    *("cp1255", "cp1256", "cp1257", "cp874", "iso8859_2", "iso8859_5", "iso8859_9", "iso8859_15", "mac_roman"),
    *("cp850", "cp437", "cp866", "cp949", "cp932", "gb18030", "big5hkscs"),
)
_WESTERN = frozenset("ŠšŽžÀÁÂÃÄÅÆÇÈÉÊËÌÍÎÏÑÒÓÔÕÖØÙÚÛÜßàáâãäåæçèéêëìíîïñòóôõöøùúûüÿŒœŸ")
_QUOTES_AND_DASHES = frozenset("‘’‚“”„‹›–—…")
_WESTERN_MARKS = MARKS.union("ªº")
_MAX_WESTERN_FRACTION = 0.4  # of a text's letters that are not ASCII: more of them is another script
_SUGGESTED = (*_BY_FAME, "latin_1", "utf_8", "utf_16", "utf_16_le", "utf_16_be", "utf_32", "windows_1252", "gb2312")
_LEAST_ZEROS_RIGHT = 0.6  # of the zero bytes: a lower half may be zero too
_MIN_PLAIN_FRACTION = 0.02  # of the characters of a text in UTF-16 or 32 that are ASCII
_LEAST_UTF8_CHARACTERS = 3  # beyond ASCII, in a text that is UTF-8 but for some places
_ISO_2022 = (
    (re.compile(rb"\x1b(\$[@B]|\([IJ]|\$\([@BD])"), "iso2022_jp_2"),
    (re.compile(rb"\x1b\$\)C"), "iso2022_kr"),
)
# Encodings in bytes of ASCII: what they write in it, and where no sign of theirs may stand in a text that is in them.
_SEVEN_BITS = (
    ("hz", re.compile(rb"~\{((?:[!-w][!-~])+)~\}"), re.compile(rb"~(?![{}~\n])")),
    ("utf_7", re.compile(rb"\+([A-Za-z0-9+/]{3,})(?=-|[^A-Za-z0-9+/]|$)"), re.compile(rb"\+(?![-A-Za-z0-9/])")),
)
_LEAST_PLACES, _LEAST_LETTERS = 3, 6  # that show such an encoding: places in a text, or letters written in it
_UNICODE = ("utf_16_le", "utf_16_be", "utf_32_le", "utf_32_be")


@dataclass(frozen=True)
class EncodingGuess:
    """An encoding that may be right, and the first words that are not ASCII when it is used."""

    name: str
    excerpt: str


def check_encoding(name: str) -> str:
    """`name` itself if Python knows a text encoding of that name, else UserError."""
    try:
        codec = codecs.lookup(name)
        "".encode(name)  # refuses what is no encoding of texts: base64, rot13
        if codec.name in ("idna", "punycode", "undefined", "unicode_escape", "raw_unicode_escape"):
            raise LookupError
    except (LookupError, UnicodeError, ValueError):
        near = get_close_matches(name.lower().replace("-", "_"), _SUGGESTED, n=1, cutoff=0.6)
        remedy = f"Did you mean {near[0]}?" if near else f"Some of those that there are: {', '.join(_BY_FAME[:12])}."
        raise UserError(f"There is no encoding {name!r}.", remedy) from None
    return name


def sample_of(chunks: Iterable[bytes]) -> bytes:
    """The first lines with bytes beyond ASCII, up to SAMPLE_BYTES; the beginning where zero bytes show UTF-16 or 32."""
    chunks = iter(chunks)
    head = b""
    while len(head) < SAMPLE_BYTES and (chunk := next(chunks, b"")):
        head += chunk
    if b"\0" in head[:SAMPLE_BYTES]:
        return head[:SAMPLE_BYTES]
    sample, rest = b"", b""
    for chunk in chain((head.removeprefix(codecs.BOM_UTF8),), chunks):
        lines = (rest + chunk).split(b"\n")
        rest = lines.pop()[-SAMPLE_BYTES:]
        sample += b"".join(line[:SAMPLE_BYTES] + b"\n" for line in lines if not line.isascii() or is_iso_2022(line))
        if len(sample) >= SAMPLE_BYTES:
            break
    if (not rest.isascii() or is_iso_2022(rest)) and len(sample) < SAMPLE_BYTES:
        sample += rest
    return sample


def guess_encodings(sample: bytes) -> list[EncodingGuess]:
    """The likeliest encodings of `sample`, the likeliest first, those that read it alike under one name. May be empty.

    cp1252 comes first if all bytes from 0x80 on are then quotation marks, dashes and letters of Western languages.
    """
    readings: dict[str, list[str]] = {}  # encodings by decoded text, the likeliest text first
    for name in _candidates(sample) if sample else ():
        text = decode(sample, name)
        if text is not None and _is_plausible(text):
            readings.setdefault(text, []).append(name)
    guesses = []
    for text, names in list(readings.items())[:MAX_GUESSES]:
        famous = [name for name in _BY_FAME if name in names or decode(sample, name) == text]
        guesses.append(EncodingGuess((famous or names)[0], _excerpt(text)))
    return guesses


def refusal(name: str, problem: str, sample: bytes, otherwise: str) -> UserError:
    """Return the error for a text `name` that is not UTF-8 (`problem` says why), with its likeliest encodings.

    otherwise: a sentence on what else can be done, or what to do if no encoding fits.
    """
    guesses = guess_encodings(sample)
    if not guesses:
        return UserError(f'"{name}" {problem}, and no encoding that is known here fits it.', otherwise)
    candidates = ", ".join(f"{guess.name} ({guess.excerpt})" for guess in guesses)
    choose = "If that reads right, choose it:" if len(guesses) == 1 else "Choose the one that reads right:"
    return UserError(
        f'"{name}" {problem}. It may be {candidates}.', f"{choose} --encoding {guesses[0].name}. {otherwise}"
    )


def is_mostly_utf8(sample: bytes) -> bool:
    """Return whether `sample` is UTF-8 but for some places, as where files in two encodings were joined."""
    text = sample.decode("utf-8", "replace")
    broken = text.count("\ufffd")
    right = sum(character > "\x7f" for character in text) - broken
    return right >= _LEAST_UTF8_CHARACTERS and right >= 2 * broken


def is_iso_2022(chunk: bytes) -> bool:
    """Return whether `chunk` switches character sets by escape sequences: it is ASCII to UTF-8, and not to be read.

    Escape sequences of terminals look different.
    """
    return b"\x1b" in chunk and any(pattern.search(chunk) for pattern, _ in _ISO_2022)


def refuse_seven_bits(head: bytes, name: str) -> None:
    """Raise UserError if `head`, the beginning of the text `name`, is ASCII that shows itself to be HZ or UTF-7."""
    head = head[:SAMPLE_BYTES]
    head = head[: head.rfind(b"\n") + 1] or head
    for encoding, written, never in _SEVEN_BITS:
        places = len(written.findall(head))
        if not places or never.search(head) or not head.isascii():
            continue
        text = decode(head, encoding)
        if text is None or not _is_plausible(text):
            continue
        letters = [character for character in text if character > "\x7f" and character.isalpha()]
        scripts = {unicodedata.name(letter, "").partition(" ")[0] for letter in letters}
        if (places >= _LEAST_PLACES or len(letters) >= _LEAST_LETTERS) and len(scripts) <= 3:
            raise UserError(
                f'"{name}" is ASCII, but seems to be written in {encoding} ({_excerpt(text)}).',
                f"If that reads right, choose it: --encoding {encoding}; else --encoding ascii.",
            )


def _candidates(sample: bytes) -> list[str]:
    if b"\0" in sample:
        names = [name for name in _UNICODE if _zeros_fit(sample, name)]
        readings = {name: text for name in names if (text := decode(sample, name)) and "\0" not in text}
        plain = {name: sum(map(str.isascii, text)) / len(text) for name, text in readings.items()}  # spaces, line ends
        return sorted((name for name in plain if plain[name] >= _MIN_PLAIN_FRACTION), key=lambda name: -plain[name])
    names = [name for pattern, name in _ISO_2022 if pattern.search(sample)]
    from charset_normalizer import from_bytes

    # One line of a text is little to go by: a repeated one is judged better.
    matches = [match.encoding for match in from_bytes(sample if len(sample) > 512 else sample * 4)]
    spelt = fitting_encodings(sample)
    spelt.sort(key=lambda name: (matches.index(name) if name in matches else len(matches), _fame(name)))
    if _has_quotes_of_windows(sample, "cp1252" in spelt):
        names.append("cp1252")
    names += [name for name in spelt if name in LATIN]
    names += ["cp1252"] if _is_western(sample) else []
    return [*names, *spelt, *matches]


def _zeros_fit(sample: bytes, name: str) -> bool:
    """Return whether most zero bytes are the upper halves of numbers in `name`, one of _UNICODE."""
    size, upper = 4 if "32" in name else 2, "be" in name
    zeros = [sample[place::size].count(0) for place in range(size)]
    right = zeros[: size // 2] if upper else zeros[size // 2 :]
    return sum(right) >= _LEAST_ZEROS_RIGHT * sum(zeros)


def _has_quotes_of_windows(sample: bytes, is_spelt: bool) -> bool:
    """Return whether bytes from 0x80 to 0x9F are quotes and dashes in cp1252, and all other ones letters of a language.

    is_spelt: whether the letters are those of one language, if there are any.
    """
    marks = [byte for byte in sample if 0x80 <= byte <= 0x9F]
    reads_right = all(bytes([byte]).decode("cp1252", "replace") in _QUOTES_AND_DASHES for byte in set(marks))
    return bool(marks) and reads_right and (is_spelt or all(byte < 0xA0 for byte in sample))


def _fame(name: str) -> int:
    return _BY_FAME.index(name) if name in _BY_FAME else len(_BY_FAME)


def _is_western(sample: bytes) -> bool:
    text = decode(sample, "cp1252")
    if text is None:
        return False
    foreign = [character for character in text if character > "\x7f"]
    letters = sum(character.isascii() and character.isalpha() for character in text)
    western = sum(character in _WESTERN for character in foreign)
    if any(character not in _WESTERN and character not in _WESTERN_MARKS for character in foreign):
        return False
    return western <= _MAX_WESTERN_FRACTION * max(letters + western, 1)


def _is_plausible(text: str) -> bool:
    """Return whether `text` is free of controls, characters that are not assigned, and those for private use."""
    kinds = {unicodedata.category(character) for character in set(text) - set("\t\n\r\f\x0b\x1b\x07\x08")}
    return not kinds & {"Cc", "Cn", "Co", "Cs"}


def _excerpt(text: str) -> str:
    """The first words of `text` from the one on that has a character beyond ASCII."""
    words = " ".join(text.split())
    first = next((place for place, character in enumerate(words) if character > "\x7f"), 0)
    begin = max(words.rfind(" ", 0, first) + 1, first - _EXCERPT_CHARS // 2)
    excerpt = words[begin : begin + _EXCERPT_CHARS]
    if begin + _EXCERPT_CHARS < len(words):
        excerpt = (excerpt[: excerpt.rfind(" ")] if " " in excerpt[8:] else excerpt) + "…"
    return "".join(character if character.isprintable() else "·" for character in excerpt)
