"""Judges the columns of a table that comes some rows at a time, so that no cell of a long table is retained."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from rnnplay.tasks.base import Array
from rnnplay.tasks.table_cells import COMPACT_DATE, MAX_VALUE, all_plain_numbers, is_date, is_missing, parse_number

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
_COMPARED = 2**16  # values that are compared with a line at a time


@dataclass(frozen=True, eq=False)
class Column:
    """One column of a table under one reading, without its heading."""

    name: str
    kind: Literal["number", "date", "text", "empty"]
    values: Array  # (rows,) float64; NaN where a cell is missing or no number; of a number column alone
    missing: int = 0  # cells without a value
    first_missing: int = 0  # the line of the first of them
    wrong: int = 0  # cells that are neither a number nor missing
    first_wrong: tuple[int, str] = (0, "")  # the line of the first of them, and what it holds
    unit: str = ""
    is_axis: bool = False  # counts rows or time, or is the same throughout: less likely to be what is to be learned


@dataclass(eq=False)
class _Tally:
    """Count of cells of a kind, and the line of the first of them with what it holds."""

    count: int = 0
    first: tuple[int, str] = (0, "")

    def add(self, count: int, first: tuple[int, str]) -> None:
        self.first = min(self.first, first) if self.count else first
        self.count += count


@dataclass(frozen=True, eq=False)
class _Part:
    """Some rows: their values, NaN where there is no number, and where units differ the places of each unit."""

    rows: int
    values: Array | None  # None: all are NaN
    places: dict[str, Array]


class ColumnJudge:
    """Takes in the cells of one column, without spaces around them, under one decimal sign; `column` judges them all.

    A column of numbers has a number in at least half of the cells that are not missing, all with the same unit.
    """

    def __init__(self, decimal: str) -> None:
        self._decimal = decimal
        self._parts: list[_Part] = []
        self._units: dict[str, _Tally] = {}
        self._missing, self._wrong, self._dates = _Tally(), _Tally(), 0
        self._all_compact_dates = self._all_digits = True  # of cells that are not missing

    def add(self, lines: Sequence[int], cells: Sequence[str], *, in_front: bool = False) -> None:
        """Take in further rows: their lines in the file and their cells. in_front: they stand before all others."""
        if not cells:
            return
        part = self._plain(lines, cells) if all_plain_numbers(cells, self._decimal) else self._mixed(lines, cells)
        self._parts.insert(0 if in_front else len(self._parts), part)
        if self._all_compact_dates or self._all_digits:
            written = [cell for cell in cells if not is_missing(cell)]
            self._all_compact_dates = self._all_compact_dates and all(map(COMPACT_DATE.fullmatch, written))
            self._all_digits = self._all_digits and all(map(str.isdecimal, written))

    def _plain(self, lines: Sequence[int], cells: Sequence[str]) -> _Part:
        self._units.setdefault("", _Tally()).add(len(cells), (lines[0], cells[0]))
        numbers = [cell.replace(",", ".") for cell in cells] if self._decimal == "," else cells
        return _Part(len(cells), np.array(numbers, np.float64), {})

    def _mixed(self, lines: Sequence[int], cells: Sequence[str]) -> _Part:
        parsed = {cell: parse_number(cell, self._decimal) for cell in set(cells)}
        values = np.full(len(cells), np.nan)
        places: dict[str, list[int]] = {}
        missing: list[int] = []
        wrong: list[int] = []
        for place, cell in enumerate(cells):
            number = parsed[cell]
            if number is not None and abs(number[0]) <= MAX_VALUE:
                values[place] = number[0]
                places.setdefault(number[1], []).append(place)
            elif is_missing(cell):
                missing.append(place)
            else:
                wrong.append(place)
        tallies = ((self._missing, missing), (self._wrong, wrong))
        for tally, which in (*tallies, *((self._units.setdefault(unit, _Tally()), places[unit]) for unit in places)):
            if which:
                tally.add(len(which), (lines[which[0]], cells[which[0]]))
        dates = {cell for cell, number in parsed.items() if number is None and is_date(cell)}
        self._dates += sum(cells[place] in dates for place in wrong)
        return _Part(
            len(cells), values if places else None, {unit: np.array(which, np.int32) for unit, which in places.items()}
        )

    def column(self, name: str) -> Column:
        """Return what the column called `name` is."""
        nothing = np.zeros(0)
        missing, wrong = self._missing, self._wrong
        present = wrong.count + sum(tally.count for tally in self._units.values())
        if not present:
            return Column(name, "empty", nothing)
        if 2 * self._dates > present:
            return Column(name, "date", nothing)
        unit = max(self._units, key=lambda unit: (self._units[unit].count, -self._units[unit].first[0]), default="")
        others = _Tally(wrong.count, wrong.first)
        for other, tally in self._units.items():
            if other != unit:
                others.add(tally.count, tally.first)
        if 2 * (present - others.count) < present:
            return Column(name, "text", nothing, wrong=others.count, first_wrong=others.first)
        values = np.full(sum(part.rows for part in self._parts), np.nan)
        end = 0
        for part in self._parts:
            begin, end = end, end + part.rows
            if part.values is None:
                continue
            values[begin:end] = part.values
            for other, places in part.places.items():
                if other != unit:
                    values[begin + places] = np.nan
            if not part.places and unit:
                values[begin:end] = np.nan
        self._parts = []
        gaps = missing.count + others.count
        numbers = values[~np.isnan(values)] if gaps else values
        if not others.count and self._are_compact_dates(numbers):
            return Column(name, "date", nothing)
        return Column(
            name,
            "number",
            values,
            missing.count,
            missing.first[0],
            others.count,
            others.first,
            unit,
            not others.count and _is_axis(name, values, numbers),
        )

    def _are_compact_dates(self, numbers: Array) -> bool:
        """Return whether numbers such as 20240131 or 202401, in order, are dates, or seconds since 1970."""
        if not (self._all_compact_dates or self._all_digits) or len(numbers) < 3:
            return False
        if not _never_falls(numbers) or numbers[0] == numbers[-1]:
            return False
        is_epoch = any(5e8 * k < numbers[0] <= numbers[-1] < 4e9 * k for k in (1, 1000))  # seconds, milliseconds
        return self._all_compact_dates or (is_epoch and self._all_digits)


def _never_falls(numbers: Array) -> bool:
    return bool((numbers[1:] >= numbers[:-1]).all())


def _is_axis(name: str, values: Array, numbers: Array) -> bool:
    """Return whether a column counts in equal steps, is called an axis and never falls, or does not change at all."""
    if len(numbers) < 2 or (numbers == numbers[0]).all():
        return True
    if len(numbers) > 2 and _are_on_a_line(values, numbers):
        return True
    words = [word for word in re.split(r"[\W_]+", name.lower()) if word]
    if words and (words[0] not in _AXES or max(map(len, words[1:]), default=0) > 3):  # "time (ms)" is one
        return False
    if _never_falls(numbers):
        return True
    return bool(words and words[0] in _CLOCKS and numbers.min() >= 0 and numbers.max() < 60)  # it comes round again


def _are_on_a_line(values: Array, numbers: Array) -> bool:
    """Return whether the numbers go up or down by the same from row to row. numbers: values that are not NaN."""
    rows = np.flatnonzero(~np.isnan(values)) if len(numbers) < len(values) else range(len(values))
    pace = (numbers[-1] - numbers[0]) / (rows[-1] - rows[0])
    if not pace:
        return False
    bound = 1e-6 * max(abs(pace), 1e-300)
    for begin in range(0, len(numbers), _COMPARED):
        chunk = np.asarray(rows[begin : begin + _COMPARED])
        line = numbers[0] + pace * (chunk - rows[0])
        if np.abs(numbers[begin : begin + _COMPARED] - line).max() > bound:
            return False
    return True
