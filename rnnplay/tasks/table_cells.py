"""Cells of a table: numbers with either decimal sign, thousands separators and units; dates; missing values."""

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from rnnplay.tasks.base import Array

MAX_VALUE = 1e100  # so that squares can be summed
MISSING = frozenset(
    (
        *("", "-", "--", "–", "—", ".", "..", "?", "na", "n/a", "n.a.", "#n/a", "#na", "k.a.", "\\n"),
        *("nan", "null", "none", "nil", "missing"),
    )
)

_SPACES = " \u00a0\u202f\u2009"  # between thousands: a space, or one that does not break a line
_GROUP_SIGNS = {".": rf",'’{_SPACES}", ",": rf".'’{_SPACES}"}  # by decimal sign
_UNIT = r"(?:[^\W\d_]|[%‰°µ$€£¥₹])[^\s\d;,|]{0,5}(?:[/·*^ ]?[^\W_]{1,4}[²³]?)?"
_CURRENCY = r"[$€£¥₹₽]|(?:CHF|EUR|GBP|JPY|USD)"
_DAYTIME = re.compile(r"[ap]\.?m\.?", re.IGNORECASE)  # no unit


def _number_pattern(decimal: str) -> re.Pattern[str]:
    d = re.escape(decimal)
    fraction = r"\.\d*" if decimal == "." else r",\d+"
    groups = rf"[1-9]\d{{0,2}}(?P<sign>[{_GROUP_SIGNS[decimal]}])\d{{3}}(?:(?P=sign)\d{{3}})*"
    indian = r"[1-9]\d?(?:,\d{2})+,\d{3}|" if decimal == "." else ""
    return re.compile(
        rf"(?P<minus>[-+−]?)\s?(?:(?P<currency>{_CURRENCY})\s?)?"
        rf"(?P<whole>{indian}{groups}|\d+|(?={d}\d))(?P<fraction>{fraction})?(?P<exponent>[eE][-+−]?\d{{1,3}})?"
        rf"(?:[{_SPACES}]?(?P<unit>{_UNIT}))?"
    )


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
        r"\d{4}([-/.])\d{1,2}(?:\1\d{1,2})?",  # 2024-01-31, 2024-01
        r"\d{1,2}([-/.])\d{1,2}\2(?:\d{4}|\d{2})\.?",  # 31.01.2024, 1/31/24
        rf"\d{{1,2}}(?:st|nd|rd|th|\.)?[- ]{_MONTH}[-, ]+(?:\d{{4}}|\d{{2}})",  # 31 Jan 2024
        rf"{_MONTH} \d{{1,2}},? \d{{4}}",  # Jan 31, 2024
        rf"{_MONTH}[- ]\d{{4}}|\d{{4}}[- ]{_MONTH}",  # Jan 2024
        r"\d{4}-?[QW]\d{1,2}|Q[1-4][- ]\d{4}|\d{4}-W\d{2}-\d",
    )
)
_MOMENT = re.compile(rf"(?:[^\W\d_]{{2,9}},? )?(?:{_DATE})(?:[T ,]+{_TIME})?|{_TIME}")
_COMPACT = re.compile(r"(1[5-9]|2[0-2])\d\d(0[1-9]|1[0-2])(0[1-9]|[12]\d|3[01])?(\d{4}|\d{6})?")  # 20240131, 202401
_CLOCKS = frozenset(
    (
        *("month", "day", "hour", "minute", "second", "week", "weekday", "quarter"),
        *("monat", "tag", "stunde", "woche", "mois", "jour", "heure", "mes", "día", "hora"),
    )
)
_AXES = _CLOCKS.union(
    ("year", "date", "time", "timestamp", "datetime", "unixtime", "epoch", "t", "nr", "no", "id", "index", "row"),
    ("number", "step", "n", "n°", "nummer", "jahr", "datum", "zeit", "année", "annee", "año", "fecha"),
)


def parse_number(cell: str, decimal: str) -> tuple[float, str] | None:
    """The number in `cell` and its unit (empty: none), or None if it is no finite number.

    decimal: the decimal sign, "." or ",". Thousands may be separated by the other sign, by spaces or apostrophes.
    """
    if _PLAIN[decimal].fullmatch(cell):
        value = float(cell.replace(",", "."))
        return (value, "") if math.isfinite(value) else None
    negative = len(cell) > 2 and cell[0] == "(" and cell[-1] == ")"  # as accountants write it
    match = _NUMBER[decimal].fullmatch(cell[1:-1] if negative else cell)
    if match is None or (negative and match["minus"]):
        return None
    unit = match["unit"] or ""
    if (unit and _DAYTIME.fullmatch(unit)) or (unit and match["currency"]):
        return None
    digits = re.sub(r"\D", "", match["whole"]) or "0"
    exponent = (match["exponent"] or "").replace("−", "-")
    value = float(digits + (match["fraction"] or "").replace(",", ".") + exponent)
    if negative or match["minus"] in ("-", "−"):
        value = -value
    return (value, match["currency"] or unit) if math.isfinite(value) else None


def is_missing(cell: str) -> bool:
    """Whether `cell` (without spaces around it) says that there is no value."""
    return cell.lower() in MISSING


def is_date(cell: str) -> bool:
    """Whether `cell` is a date, a time or both, in one of the usual notations."""
    return _MOMENT.fullmatch(cell) is not None


@dataclass(frozen=True, eq=False)
class Column:
    """One column of a table under one reading, without its heading."""

    name: str
    kind: Literal["number", "date", "text", "empty"]
    values: Array  # (rows,) float64; NaN where a cell is missing or no number; of a number column alone
    missing: tuple[int, ...] = ()  # rows, from 0
    wrong: tuple[int, ...] = ()  # rows whose cell is neither a number nor missing
    unit: str = ""
    is_axis: bool = False  # counts rows or time, or is the same throughout: less likely to be what is to be learned


def judge_column(name: str, cells: Sequence[str], decimal: str) -> Column:
    """What the column with these cells (without spaces around them) is, all of them taken into account.

    A column of numbers has a number in at least half of the cells that are not missing, all with the same unit.
    """
    if _ALL_PLAIN[decimal].fullmatch("\n".join(cells)):
        values = np.array([cell.replace(",", ".") for cell in cells] if decimal == "," else cells, np.float64)
        return _number_column(name, cells, values, (), (), "")
    kinds = {cell: parse_number(cell, decimal) for cell in set(cells)}
    values = np.full(len(cells), np.nan)
    units: dict[str, list[int]] = {}
    missing, wrong = [], []
    for row, cell in enumerate(cells):
        parsed = kinds[cell]
        if parsed is not None and abs(parsed[0]) <= MAX_VALUE:
            values[row] = parsed[0]
            units.setdefault(parsed[1], []).append(row)
        elif is_missing(cell):
            missing.append(row)
        else:
            wrong.append(row)
    date_cells = {cell for cell, parsed in kinds.items() if parsed is None and is_date(cell)}
    dates = sum(cells[row] in date_cells for row in wrong)
    present = len(cells) - len(missing)
    nothing = np.zeros(0)
    if not present:
        return Column(name, "empty", nothing)
    if 2 * dates > present:
        return Column(name, "date", nothing)
    unit = max(units, key=lambda unit: len(units[unit]), default="")
    for other in set(units) - {unit}:
        wrong += units[other]
        values[units[other]] = np.nan
    if 2 * (present - len(wrong)) < present:
        return Column(name, "text", nothing, wrong=tuple(sorted(wrong)))
    return _number_column(name, cells, values, tuple(missing), tuple(sorted(wrong)), unit)


def _number_column(
    name: str, cells: Sequence[str], values: Array, missing: tuple[int, ...], wrong: tuple[int, ...], unit: str
) -> Column:
    numbers = values[~np.isnan(values)]
    if not wrong and _are_compact_dates(cells, numbers):
        return Column(name, "date", np.zeros(0))
    is_axis = not wrong and _is_axis(name, values, numbers)
    return Column(name, "number", values, missing, wrong, unit, is_axis)


def _are_compact_dates(cells: Sequence[str], numbers: Array) -> bool:
    """Whether numbers such as 20240131 or 202401, in order, are dates, or seconds since 1970."""
    if len(numbers) < 3 or (np.diff(numbers) < 0).any() or numbers[0] == numbers[-1]:
        return False
    written = [cell for cell in cells if not is_missing(cell)]
    if all(_COMPACT.fullmatch(cell) for cell in written):
        return True
    is_epoch = any(5e8 * k < numbers[0] <= numbers[-1] < 4e9 * k for k in (1, 1000))  # seconds, milliseconds
    return is_epoch and all(cell.isdecimal() for cell in written)


def _is_axis(name: str, values: Array, numbers: Array) -> bool:
    """Whether a column counts in equal steps, names itself an axis and never falls, or does not change at all."""
    if len(numbers) < 2 or (numbers == numbers[0]).all():
        return True
    rows = np.flatnonzero(~np.isnan(values))
    pace = (numbers[-1] - numbers[0]) / (rows[-1] - rows[0])
    line = numbers[0] + pace * (rows - rows[0])
    if len(numbers) > 2 and pace and np.abs(numbers - line).max() <= 1e-6 * max(abs(pace), 1e-300):
        return True
    words = [word for word in re.split(r"[\W_]+", name.lower()) if word]
    if words and (words[0] not in _AXES or max(map(len, words[1:]), default=0) > 3):  # "time (ms)" is one
        return False
    if (np.diff(numbers) >= 0).all():
        return True
    return bool(words and words[0] in _CLOCKS and numbers.min() >= 0 and numbers.max() < 60)  # it comes round again
