"""Cells of a table: numbers with either decimal sign, thousands separators and units; dates; missing values."""

import math
import re
import unicodedata
from collections.abc import Sequence

MAX_VALUE = 1e100  # so that squares can be summed
MISSING = frozenset(
    (
        *("", "-", "--", "---", "–", "—", ".", "..", "...", "…", "?", "*", "na", "n/a", "n.a.", "n. a.", "<na>", "\\n"),
        *("nan", "nat", "null", "none", "nil", "missing", "n.d.", "nd", "n/d", "s/d", "k.a.", "k. a.", "no data"),
        *("#n/a", "#na", "#nv", "#null!", "#div/0!", "#value!", "#wert!", "#ref!", "#bezug!", "#name?", "#num!"),
    )
)

_SPACES = " \u00a0\u202f\u2009"  # between thousands: a space, or one that does not break a line
_GROUP_SIGNS = {".": rf",'’{_SPACES}", ",": rf".'’{_SPACES}"}  # by decimal sign
_UNIT = r"(?:[^\W\d_]|[%‰°µ$€£¥₹])[^\s\d;,|]{0,5}(?:[/·*^ ]?[^\W_]{1,4}[²³]?)?"
_CURRENCY = (
    r"(?:[A-Z]{1,2})?[$€£¥₩₪₫₱₹₺₽₿]|Rs\.?|[Kk]r\.?|Fr\.?|zł|Kč"
    r"|AUD|BRL|CAD|CHF|CNY|CZK|DKK|EUR|GBP|HUF|INR|JPY|KRW|MXN|NOK|NZD|PLN|SEK|SGD|TRY|USD|ZAR"
)
_MINUS = "−–-"  # the second is what word processors make of the last
_DAYTIME = re.compile(r"[ap]\.?m\.?", re.IGNORECASE)  # no unit


def _number_pattern(decimal: str) -> re.Pattern[str]:
    d = re.escape(decimal)
    fraction = r"\.\d*" if decimal == "." else r",\d+"
    groups = rf"[1-9]\d{{0,2}}(?P<sign>[{_GROUP_SIGNS[decimal]}])\d{{3}}(?:(?P=sign)\d{{3}})*"
    indian = r"[1-9]\d?(?:,\d{2})+,\d{3}|" if decimal == "." else ""
    return re.compile(
        rf"(?P<minus>[+{_MINUS}]?)\s?(?:(?P<currency>{_CURRENCY})\s?(?P<inner>[{_MINUS}]?))?"
        rf"(?P<whole>{indian}{groups}|\d+|(?={d}\d))(?P<fraction>{fraction})?(?P<exponent>(?:[eE][-+−]?|[dD][-+])\d{{1,3}})?"
        rf"(?:(?P<behind>[{_MINUS}])(?=$|\s))?(?:[{_SPACES}]?(?P<unit>{_UNIT}))?"
    )


_ACCOUNTANTS = re.compile(rf"^({_CURRENCY})\s*\((.*)\)$")  # $(5.00)
_NUMBER = {decimal: _number_pattern(decimal) for decimal in ".,"}
_PLAIN = {".": re.compile(r"[-+]?\d+(?:\.\d+)?"), ",": re.compile(r"[-+]?\d+(?:,\d+)?")}  # most numbers: quick to match

_ALL_PLAIN = {  # lines of them
    ".": re.compile(r"[-+]?\d{1,99}(?:\.\d+)?(?:\n[-+]?\d{1,99}(?:\.\d+)?)*"),
    ",": re.compile(r"[-+]?\d{1,99}(?:,\d+)?(?:\n[-+]?\d{1,99}(?:,\d+)?)*"),
}

_TIME = r"\d{1,2}:\d{2}(?::\d{2}(?:[.,]\d+)?)?(?: ?[AaPp]\.?[Mm]\.?)?(?:Z| ?[-+]\d{2}:?\d{2}| UTC)?"
_MONTH = r"[^\W\d_]{3,9}\.?"
_DATE = "|".join(
    (
        r"\d{4}([-/.])\d{1,2}\1\d{1,2}",  # 2024-01-31
        r"\d{4}[-/]\d{1,2}|(?:1[5-9]|2[0-2])\d\d\.(?:0[1-9]|1[0-2])",  # 2024-01, 2024.01
        r"\d{1,2}([-/.])\d{1,2}\2(?:\d{4}|\d{2})\.?",  # 31.01.2024, 1/31/24
        rf"\d{{1,2}}(?:st|nd|rd|th|\.)?[- ]{_MONTH}[-, ]+(?:\d{{4}}|\d{{2}})",  # 31 Jan 2024
        rf"{_MONTH} \d{{1,2}},? \d{{4}}",  # Jan 31, 2024
        rf"{_MONTH}[- ]\d{{4}}|\d{{4}}[- ]{_MONTH}",  # Jan 2024
        r"\d{4}-?[QW]\d{1,2}|Q[1-4][- ]\d{4}|\d{4}-W\d{2}-\d",
    )
)
_MOMENT = re.compile(rf"(?:[^\W\d_]{{2,9}},? )?(?:{_DATE})(?:[T ,]+{_TIME})?|{_TIME}")
COMPACT_DATE = re.compile(r"(1[5-9]|2[0-2])\d\d(0[1-9]|1[0-2])(0[1-9]|[12]\d|3[01])?(\d{4}|\d{6})?")  # 20240131, 202401


def parse_number(cell: str, decimal: str) -> tuple[float, str] | None:
    """The number in `cell` and its unit (empty: none), or None if it is no finite number.

    decimal: the decimal sign, "." or ",". Thousands may be separated by the other sign, by spaces or apostrophes.
    """
    if _PLAIN[decimal].fullmatch(cell):
        value = float(cell.replace(",", "."))
        return (value, "") if math.isfinite(value) else None
    cell = _ACCOUNTANTS.sub(r"(\1\2)", cell)
    negative = len(cell) > 2 and cell[0] == "(" and cell[-1] == ")"  # as accountants write it
    match = _NUMBER[decimal].fullmatch(cell[1:-1] if negative else cell)
    if match is None:
        return None
    signs = [sign for sign in (match["minus"], match["inner"], match["behind"]) if sign]
    if len(signs) + negative > 1:
        return None
    unit = match["unit"] or ""
    if unit and (_DAYTIME.fullmatch(unit) or match["currency"] or unicodedata.category(unit[0]) == "No"):  # 20½, 20¹
        return None
    digits = re.sub(r"\D", "", match["whole"]) or "0"
    exponent = (match["exponent"] or "").replace("−", "-").lower().replace("d", "e")
    if exponent and match["whole"] and not match["whole"].isdecimal():  # thousands and powers of ten: never both
        return None
    value = float(digits + (match["fraction"] or "").replace(",", ".") + exponent)
    if negative or (signs and signs[0] in _MINUS):
        value = -value
    return (value, match["currency"] or unit) if math.isfinite(value) else None


def is_missing(cell: str) -> bool:
    """Return whether `cell` (without spaces around it) says that there is no value."""
    return cell.lower() in MISSING


def is_date(cell: str) -> bool:
    """Return whether `cell` is a date, a time or both, in one of the usual notations."""
    return _MOMENT.fullmatch(cell) is not None


def all_plain_numbers(cells: Sequence[str], decimal: str) -> bool:
    """Return whether all cells are digits, with a sign or a fraction at most: the usual case, found quickly."""
    return _ALL_PLAIN[decimal].fullmatch("\n".join(cells)) is not None
