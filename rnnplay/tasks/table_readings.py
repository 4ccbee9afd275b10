"""Readings of a table: every separator is tried with both decimal signs, and all rows judge which of them fit.

A reading fits if all rows have as many cells as the first and a column holds numbers. Of several, those with the fewest
cells left unexplained remain; the caller refuses a table whose remaining readings differ in what is to be learned.
"""

import csv
import re
from collections import Counter
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import islice

import numpy as np

from rnnplay.config import UserError
from rnnplay.tasks.table_cells import is_date, is_missing, parse_number
from rnnplay.tasks.table_columns import Column, ColumnJudge
from rnnplay.tasks.table_commas import DecimalCommas
from rnnplay.tasks.table_rows import SEPARATORS, Row, TableText, in_chunks, without_comments

DECIMALS = {"point": ".", "comma": ","}
MAX_HEADINGS = 3  # rows
HEAD_LINES = 500  # if a separator splits these unequally, the rest is not split
ROW_NAMES = "row"  # the heading of a column of R's row names, which has none
DATE_HEADINGS = {"date", "time", "datum", "zeit", "fecha", "data", "day", "year", "month", "timestamp", "datetime"}
LEAST_COUNTED = 5  # rows that a column must count through before it says that commas separate
CHUNK_ROWS = 2**13  # that are judged at a time
_SPACED = ("none", "space", "spaces")  # separators that words have too
_FORMAT = re.compile(r"\d+[dns]")  # 20d: under the headings of the US Geological Survey
_SAMPLED = 500  # rows that headings are compared with


@dataclass(frozen=True, eq=False)
class Reading:
    """A table under one separator and one decimal sign, its headings apart."""

    table: TableText
    separator: str  # a key of SEPARATORS
    decimal: str  # a key of DECIMALS
    heading_count: int
    row_count: int  # without headings
    columns: list[Column]

    @cached_property
    def cost(self) -> tuple[int, int]:
        """(columns that another separator would split further, columns of text or with wrong cells): less is better."""
        text = [place for place, column in enumerate(self.columns) if column.kind == "text" or column.wrong]
        return len(self._splittable(text)), len(text)

    def _splittable(self, places: Sequence[int]) -> set[int]:
        """Return those of the columns at `places` in all of whose cells another separator stands, equally often."""
        signs = [sign for sign in ",;\t|" if sign != SEPARATORS[self.separator]]
        counts: dict[tuple[int, str], int] = {}
        for number, (_, cells) in enumerate(self.table.rows(self.separator), -self.heading_count):
            if number == 0:
                counts = {(place, sign): n for place in places for sign in signs if (n := cells[place].count(sign))}
            elif number > 0:
                counts = {key: count for key, count in counts.items() if cells[key[0]].count(key[1]) == count}
            if number >= 0 and not counts:
                break
        return {place for place, _ in counts}

    def describe(self) -> str:
        """Return the reading in words: "2 columns separated by commas, with decimal points"."""
        count = len(self.columns)
        columns = "one column" if count == 1 else f"{count} columns"
        how = {"spaces": "two or more spaces", "none": ""}.get(self.separator, f"{self.separator}s")
        split = f" separated by {how}" if count > 1 else ""
        return f"{columns}{split}, with decimal {self.decimal}s"


@dataclass(frozen=True, eq=False)
class Broken:
    """A separator that splits most rows alike, but not all: the reason for a refusal if nothing else fits."""

    separator: str
    line: int
    problem: str  # "has 3 columns and the first one 2", "begins no row of a table (...)"
    width: int  # of the first row; 1 if not even most rows have it
    usual_width: int  # of most of the rows
    width_differs: bool  # between rows


def readings_of(
    text: str, separator: str | None = None, decimal: str | None = None, heading: str | None = None
) -> tuple[list[Reading], list[Broken]]:
    """The readings of a table that fit best, and what keeps other separators from fitting. Line ends are \\n.

    separator, decimal: the only ones to be tried; None: all. heading: a column's name, so that a first row of numbers
    is a row of headings if it holds this one.
    """
    table = without_comments(text)
    head = table.head(HEAD_LINES)
    readings: list[Reading] = []
    broken: list[Broken] = []
    for name in SEPARATORS if separator is None else (separator,):
        least = 1 if name == "none" or separator is not None else 2  # columns
        result = _read(head, name, decimal, heading)
        if head.end < table.end and _is_worth_reading(result, least):
            result = _read(table, name, decimal, heading)
        if isinstance(result, Broken):
            broken.append(result)
        else:
            readings += [reading for reading in result if len(reading.columns) >= least]
    readings = [reading for reading in readings if any(column.kind == "number" for column in reading.columns)]
    readings = _without_counted(readings)
    readings = [reading for reading in readings if not _is_cut_short(reading, broken)]
    least_cost = min((reading.cost for reading in readings), default=None)
    return [reading for reading in readings if reading.cost == least_cost], broken


def _is_worth_reading(head: list[Reading] | Broken, least: int) -> bool:
    """Return whether a long table's first lines allow that this separator splits them all, with numbers somewhere.

    least: columns that it must split them into.
    """
    if isinstance(head, Broken):
        return not head.width_differs
    columns = [column for reading in head if len(reading.columns) >= least for column in reading.columns]
    return any(column.kind in ("number", "empty") for column in columns)


def _read(table: TableText, separator: str, decimal: str | None, heading: str | None) -> list[Reading] | Broken:
    """The readings of a table under one separator, or why there are none: not all rows are as wide as the first.

    Empty cells beyond the first row's width are dropped.
    """
    names = list(DECIMALS) if decimal is None else [decimal]
    if (named := _with_row_names(table, separator)) is not None:
        readings = _read(named, separator, decimal, heading)
        if not isinstance(readings, Broken) and (readings := [one for one in readings if _has_row_names(one)]):
            return readings
    commas: DecimalCommas | None = None
    if separator == "comma" and "comma" in names:  # whether numbers can have them is not known before all are seen
        commas = DecimalCommas()
        names.remove("comma")
    scan = _Scan(table, separator, names, commas)
    problem = scan.run()
    if problem is not None or not scan.width:
        return problem or []
    readings = scan.readings(heading)
    if commas is not None and commas.are_possible(decimal is not None, table.rows(separator)):
        scan = _Scan(table, separator, ["comma"], None)
        scan.run()
        readings += scan.readings(heading)
    return readings


def _with_row_names(table: TableText, separator: str) -> TableText | None:
    """Return `table` with a heading for its first column, if the headings are one fewer than the next rows' cells.

    So R's write.table writes the names of rows, without a heading.
    """
    try:
        rows = [cells for _, cells in islice(table.rows(separator), 3)]
    except csv.Error:
        return None
    if table.first_heading is not None or len(rows) < 3 or any(map(_is_value, rows[0])):
        return None
    if separator in _SPACED and any(sign in cell for cell in rows[0] for sign in ",;|"):
        return None
    widths = {len(cells) for cells in rows[1:] if cells[-1]}
    return replace(table, first_heading=ROW_NAMES) if widths == {len(rows[0]) + 1} else None


def _has_row_names(reading: Reading) -> bool:
    """Return whether the first column can be names of rows, so that no other column is the one without a heading."""
    names, others = reading.columns[0], reading.columns[1:]
    if reading.heading_count != 1 or not others or (names.kind == "number" and not names.is_axis):
        return False
    if names.kind == "date":
        return all(column.kind != "text" for column in others) and others[0].name.lower() not in DATE_HEADINGS
    return others[0].kind == "date" or others[0].name.lower() not in DATE_HEADINGS


def _is_value(cell: str) -> bool:
    return is_date(cell) or any(parse_number(cell, sign) is not None for sign in DECIMALS.values())


class _Scan:
    """All rows of a table, split by one separator and judged, one after the other."""

    def __init__(self, table: TableText, separator: str, decimals: Sequence[str], commas: DecimalCommas | None) -> None:
        """decimals: keys of DECIMALS. commas: takes in all rows too."""
        self._table, self._separator, self._decimals, self._commas = table, separator, decimals, commas
        self.width = 0  # of the first row; 0: there is none
        self._row_count = 0
        self._widths = Counter[int]()  # rows by how wide they are
        self._wrong: tuple[int, int] | None = None  # line and width of the first row that is not
        self._head: list[Row] = []  # the first rows, which may be headings
        self._sample: list[Row] = []  # of the others, every `_stride`-th
        self._stride = 1
        self._judges: dict[str, list[ColumnJudge]] = {}

    def run(self) -> Broken | None:
        """Take in all rows; returns what is wrong with them."""
        try:
            for rows in in_chunks(self._table.rows(self._separator), CHUNK_ROWS):
                self._take(rows)
        except csv.Error as error:
            return self._no_row(error)
        if self._wrong is None:
            return None
        line, count = self._wrong
        problem = f"has {count} column{'s' * (count != 1)} and the first one {self.width}"
        width = 1 if 2 * self._widths[self.width] <= self._row_count else self.width  # it splits nothing alike
        return Broken(self._separator, line, problem, width, self._widths.most_common(1)[0][0], True)

    def _no_row(self, error: csv.Error) -> Broken:
        line, width = self._table.line, 1
        with suppress(csv.Error):
            for number, (last, cells) in enumerate(self._table.rows(self._separator)):
                line, width = last + 1, width if number else len(cells)
        return Broken(self._separator, line, f"begins no row of a table ({error})", width, width, False)

    def _take(self, rows: list[Row]) -> None:
        if not self.width:
            self.width = len(rows[0][1])
            self._judges = {name: [ColumnJudge(DECIMALS[name]) for _ in range(self.width)] for name in self._decimals}
        for line, cells in rows:
            while len(cells) > self.width and not cells[-1]:
                cells.pop()
            self._widths[len(cells)] += 1
            if self._wrong is None and len(cells) != self.width:
                self._wrong = line, len(cells)
        first, self._row_count = self._row_count, self._row_count + len(rows)
        if self._wrong is not None:
            return
        if self._commas is not None:
            self._commas.add([cells for _, cells in rows])
        if first < MAX_HEADINGS:  # the first chunk has them all, or all that there are
            self._head, rows = rows[:MAX_HEADINGS], rows[MAX_HEADINGS:]
            first = MAX_HEADINGS
        self._sample += rows[-(first - MAX_HEADINGS) % self._stride :: self._stride]
        while len(self._sample) > 2 * _SAMPLED:
            self._sample, self._stride = self._sample[::2], 2 * self._stride
        self._judge(rows, self._judges)

    def _judge(self, rows: list[Row], decimals: Iterable[str], *, in_front: bool = False) -> None:
        lines = [line for line, _ in rows]
        for place, cells in enumerate(zip(*(cells for _, cells in rows), strict=True)):
            for name in decimals:
                self._judges[name][place].add(lines, cells, in_front=in_front)

    def readings(self, heading: str | None) -> list[Reading]:
        """The readings with each decimal sign. heading: a name that makes a first row of numbers one of headings."""
        readings = []
        first = self._head[0][1]
        for name, judges in self._judges.items():
            count = _count_headings(self._head, self._sample, DECIMALS[name])
            if not count and heading in first and not (heading.isdecimal() and 1 <= int(heading) <= len(first)):
                count = 1
            row_count = self._row_count - count
            if row_count:
                self._judge(self._head[count:], [name], in_front=True)
                names = first if count else [str(place + 1) for place in range(self.width)]
                columns = [judge.column(column) for judge, column in zip(judges, names, strict=True)]
                readings.append(Reading(self._table, self._separator, name, count, row_count, columns))
        return readings


def _count_headings(head: list[Row], others: list[Row], sign: str) -> int:
    """Return how many rows at the top are headings: none of their cells is what its column is further down.

    head: the first MAX_HEADINGS rows. others: some of those below.
    """

    def is_value(cell: str) -> bool:
        return parse_number(cell, sign) is not None or is_date(cell)

    if _numbers_columns(head):
        return 1
    below = head[1:] if len(others) <= MAX_HEADINGS else others
    below = below[:: len(below) // _SAMPLED + 1]
    width = len(head[0][1])
    values = [
        place
        for place in range(width)
        if 2 * sum(is_value(row[place]) for _, row in below) > sum(not is_missing(row[place]) for _, row in below)
    ]
    count = 0
    for _, row in head:
        cells = [row[place] for place in values]
        is_format = all(map(_FORMAT.fullmatch, row))
        if not cells or (any(map(is_value, cells)) and not (count and is_format)) or all(map(is_missing, cells)):
            break
        count += 1
    return count


def _numbers_columns(head: list[Row]) -> bool:
    """Return whether the first row counts the columns from 0, as pandas heads those without a name.

    An empty cell stands above the column that counts the rows; without one, the rows must not count on from the first.
    """
    first = head[0][1]
    if first[0] == "":
        return len(first) > 1 and first[1:] == [str(place) for place in range(len(first) - 1)]
    is_counted = first == [str(place) for place in range(len(first))]
    return is_counted and len(first) > 1 and len(head) > 1 and head[1][1][0] not in ("0", "1")


def _without_counted(readings: list[Reading]) -> list[Reading]:
    """`readings` without decimal commas whose digits before the comma count the rows: there the comma separates."""
    if not any(reading.separator == "comma" and _counts_rows(reading.columns[0]) for reading in readings):
        return readings
    return [reading for reading in readings if reading.separator not in _SPACED or reading.decimal == "point"]


def _counts_rows(column: Column) -> bool:
    """Return whether the values go up by one from row to row."""
    return len(column.values) >= LEAST_COUNTED and bool((np.diff(column.values) == 1).all())


def _is_cut_short(reading: Reading, broken: list[Broken]) -> bool:
    """Return whether a separator splits the heading and most rows, which are one cell or words to `reading`.

    If all that it takes for one cell is numbers, what splits some of them stands inside them.
    """
    is_numbers = not reading.cost[1] and not any(sign in reading.columns[0].name for sign in ",;|\t")
    if reading.separator not in _SPACED or (reading.separator == "none" and is_numbers):
        return False
    return any(other.width > 1 and other.separator not in _SPACED for other in broken)


def refuse_without_readings(name: str, text: str, broken: list[Broken]) -> UserError:
    """Why a table `name` that no reading fits is refused."""
    likely = max(
        (one for one in broken if one.separator not in _SPACED),
        key=lambda one: (
            one.width > 1,
            one.usual_width > 1,
            text.lstrip().split("\n", 1)[0].count(SEPARATORS[one.separator]),
        ),
        default=None,
    )
    if likely is not None and max(likely.width, likely.usual_width) > 1:
        if likely.problem.startswith("begins"):
            remedy = "Look for a quotation mark that is not closed."
        else:
            remedy = "Give every row as many; a text with commas goes into quotation marks."
        return UserError(f"Line {likely.line:,} of {name} {likely.problem}.", remedy)
    return UserError(f"{name} has no column of numbers.", "Give a table with a column of numbers.")
