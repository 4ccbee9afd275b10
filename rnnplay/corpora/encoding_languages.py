"""Encodings under which a text is spelt in the alphabet of one language."""

import codecs
import re
from itertools import pairwise

# Letters beyond ASCII of each language, in lower case, and the encodings in which its texts are saved.
_WEST = ("cp1252", "iso8859_15", "mac_roman", "cp850", "cp437")
_CENTRAL = ("cp1250", "iso8859_2", "cp852", "mac_latin2")
_BALTIC = ("cp1257", "iso8859_13", "iso8859_4", "cp775")
_TURKISH = ("cp1254", "iso8859_9", "cp857", "mac_turkish")
_CYRILLIC = ("cp1251", "koi8_r", "koi8_u", "cp866", "iso8859_5", "mac_cyrillic")
_RUSSIAN = "абвгдежзийклмнопрстуфхцчшщъыьэюяё"
_LANGUAGES: tuple[tuple[str, tuple[str, ...]], ...] = (
    ("äöüß", _WEST),  # German
    ("àâæçéèêëîïôœùûüÿ", _WEST),  # French
    ("áéíñóúüªº", _WEST),  # Spanish
    ("àáâãçéêíóôõúü", _WEST),  # Portuguese
    ("àèéìíîòóùú", _WEST),  # Italian
    ("àçéèíïòóúü", _WEST),  # Catalan
    ("áâèéêëïíóôöúûü", _WEST),  # Dutch
    ("åäöéæø", _WEST),  # Swedish, Danish, Norwegian, Finnish
    ("áðéíóúýþæö", _WEST),  # Icelandic
    ("ąćęłńóśźż", _CENTRAL),  # Polish
    ("áčďéěíňóřšťúůýž", _CENTRAL),  # Czech
    ("áäčďéíĺľňóôŕšťúýž", _CENTRAL),  # Slovak
    ("áéíóöőúüű", _CENTRAL),  # Hungarian
    ("čćđšž", _CENTRAL),  # Croatian, Slovenian
    ("ăâîşţ", _CENTRAL),  # Romanian
    ("ăâîșț", ("iso8859_16",)),
    ("ąčęėįšųūž", _BALTIC),  # Lithuanian
    ("āčēģīķļņšūž", _BALTIC),  # Latvian
    ("äõöüšž", _BALTIC),  # Estonian
    (_RUSSIAN, _CYRILLIC),  # Bulgarian too
    ("абвгґдеєжзиіїйклмнопрстуфхцчшщьюя", _CYRILLIC),  # Ukrainian
    ("абвгдђежзијклљмнњопрстћуфхцчџш", _CYRILLIC),  # Serbian
    ("αβγδεζηθικλμνξοπρσςτυφχψωάέήίόύώϊϋΐΰ", ("cp1253", "iso8859_7", "cp737", "mac_greek")),
    ("çğıiöşüâîû\u0307", _TURKISH),  # Turkish; İ is i and a point in lower case
    ("אבגדהוזחטיךכלםמןנסעףפץצקרשת", ("cp1255", "iso8859_8", "cp862")),
    ("ءآأؤإئابةتثجحخدذرزسشصضطظعغـفقكلمنهوىيًٌٍَُِّْ،؛؟", ("cp1256", "iso8859_6")),
)
LATIN = frozenset((*_WEST, *_CENTRAL, *_BALTIC, *_TURKISH, "iso8859_16"))
MARKS = frozenset("‘’‚“”„‹›«»–—…•€£§°©®™·¿¡№−\N{NO-BREAK SPACE}\N{SOFT HYPHEN}")
_EASTERN = (  # at least so many of a text's characters beyond ASCII lie from one to another: Kana, Hangul
    ("shift_jis", "\u3041", "\u30ff", 0.2),
    ("euc_jp", "\u3041", "\u30ff", 0.2),
    ("euc_kr", "\uac00", "\ud7a3", 0.9),
)
_MAX_ODD_FRACTION = 0.03  # of the letters beyond ASCII

# A mark within a word, or a letter of another script beside a Latin one: what a wrong encoding gives.
_OTHER = "\u0370-\u06ff"  # Greek, Cyrillic, Hebrew, Arabic
_ODD = re.compile(rf"[^\W\d_][‚“„‹«»•€£§°©®™¿¡№](?=[^\W\d_])|[A-Za-z](?=[{_OTHER}])|[{_OTHER}](?=[A-Za-z])")
_GREEK_OR_CYRILLIC = re.compile(r"[\u0370-\u052f]")
_VOWELS = re.compile(r"[аеёиоуыэюяіїєαεηιουωάέήίόύώ]")
_LEAST_VOWELS = 0.3  # of the letters of a text in Greek or Cyrillic
_WORD = re.compile(r"[^\W\d_]{2,}")


def fitting_encodings(sample: bytes) -> list[str]:
    """The encodings under which `sample` is a text in one of the languages known here, in no order."""
    names: dict[str, None] = {}
    texts = {name: decode(sample, name) for _, encodings in _LANGUAGES for name in encodings}
    for alphabet, encodings in _LANGUAGES:
        for name in encodings:
            text = texts[name]
            if text is not None and _is_spelt_in(text, frozenset(alphabet)):
                names[name] = None
    eastern = [name for name, first, last, least in _EASTERN if _fraction(sample, name, first, last) >= least]
    return [*names, *eastern]


def decode(sample: bytes, name: str) -> str | None:
    """The text of `sample`, without a character that its end may cut; None if it is not in this encoding.

    A byte-order mark at its beginning is left out.
    """
    decoder = codecs.getincrementaldecoder(name)()
    try:
        return decoder.decode(sample, final=False).removeprefix("\ufeff")
    except (UnicodeError, ValueError):
        return None


def _is_spelt_in(text: str, alphabet: frozenset[str]) -> bool:
    foreign = {symbol for symbol in set(text) if symbol > "\x7f"} - MARKS
    if not foreign or not alphabet.issuperset("".join(foreign).lower()):
        return False
    others = len(_GREEK_OR_CYRILLIC.findall(text))
    if len(_VOWELS.findall(text.lower())) < _LEAST_VOWELS * others:
        return False
    letters = sum(text.count(symbol) for symbol in foreign)
    return len(_ODD.findall(text)) + _count_odd_cases(text) <= _MAX_ODD_FRACTION * letters


def _count_odd_cases(text: str) -> int:
    """Return how often a capital letter follows a small one, one of them beyond ASCII."""
    return sum(
        before.islower() and after.isupper() and not (before.isascii() and after.isascii())
        for word in _WORD.findall(text)
        if not word.isascii()
        for before, after in pairwise(word)
    )


def _fraction(sample: bytes, name: str, first: str, last: str) -> float:
    """The fraction of the characters beyond ASCII that lie from `first` to `last`; 0 in another encoding."""
    foreign = [symbol for symbol in decode(sample, name) or "" if symbol > "\x7f"]
    return sum(first <= symbol <= last for symbol in foreign) / max(len(foreign), 1)
