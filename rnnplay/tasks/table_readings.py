"""Readings of a table: every separator is tried with both decimal signs, and all rows judge which of them fit.

A reading fits if all rows have as many cells as the first and a column holds numbers. Of several, those with the fewest
cells left unexplained remain; the caller refuses a table whose remaining readings differ in what is to be learned.
"""

import csv
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from rnnplay.config import UserError
from rnnplay.tasks.table_cells import Column, is_date, is_missing, judge_column, parse_number

SEPARATORS = {"comma": ",", "semicolon": ";", "tab": "\t", "bar": "|", "space": " ", "none": ""}
DECIMALS = {"point": ".", "comma": ","}
MAX_HEADINGS = 3  # rows
HEAD_LINES = 500  # if a separator splits these unequally, the rest is not split
LEAST_COUNTED = 5  # rows that a column must count through before it says that commas separate

_SPACES = re.compile(r"[ \t]+")  # narrow and non-breaking spaces stand inside numbers
_THOUSANDS = re.compile(r"[-+−]?[1-9]\d{0,2}(\.\d{3})+\D*")
Row = tuple[int, list[str]]  # the line of the file where it begins, from 1, and its cells


@dataclass(frozen=True, eq=False)
class Reading:
    """A table under one separator and one decimal sign, its headings apart."""

    separator: str  # a key of SEPARATORS
    decimal: str  # a key of DECIMALS
    headings: list[Row]
    rows: list[Row]
    columns: list[Column]

    @property
    def cost(self) -> tuple[int, int]:
        """(columns that another separator would split further, columns of text or with wrong cells): less is better."""
        others = [sign for sign in ",;\t|" if sign != SEPARATORS[self.separator]]
        unsplit = text = 0
        for place, column in enumerate(self.columns):
            if column.kind == "text" or column.wrong:
                text += 1
                unsplit += any(_same_count([row[place] for _, row in self.rows], sign) for sign in others)
        return unsplit, text

    def describe(self) -> str:
        """For people: "2 columns separated by commas, with decimal points"."""
        count = len(self.columns)
        columns = "one column" if count == 1 else f"{count} columns"
        how = {"space": "spaces", "none": ""}.get(self.separator, f"{self.separator}s")
        split = f" separated by {how}" if count > 1 else ""
        return f"{columns}{split}, with decimal {self.decimal}s"


@dataclass(frozen=True, eq=False)
class Broken:
    """A separator that splits most rows alike, but not all: the reason for a refusal if nothing else fits."""

    separator: str
    line: int
    problem: str  # "has 3 columns and the first one 2", "begins no row of a table (...)"
    width: int  # of the first row; 1 if not even most rows have it
    width_differs: bool  # between rows


def readings_of(
    text: str, separator: str | None = None, decimal: str | None = None, heading: str | None = None
) -> tuple[list[Reading], list[Broken]]:
    """The readings of a table that fit best, and what keeps other separators from fitting. Line ends are \\n.

    separator, decimal: the only ones to be tried; None: all. heading: a column's name, so that a first row of numbers
    is a row of headings if it holds this one.
    """
    lines, begin = _without_comments(text)
    readings: list[Reading] = []
    broken: list[Broken] = []
    for name in SEPARATORS if separator is None else (separator,):
        split = split_rows(lines[:HEAD_LINES], begin, name)
        if len(lines) > HEAD_LINES and _is_worth_splitting(split, name, decimal, heading):
            split = split_rows(lines, begin, name)
        if isinstance(split, Broken):
            broken.append(split)
        elif split and (name == "none" or len(split[0][1]) > 1 or separator is not None):
            readings += _judged(split, name, decimal, heading)
    readings = [reading for reading in readings if any(column.kind == "number" for column in reading.columns)]
    readings = _without_counted(readings)
    readings = [reading for reading in readings if not _is_cut_short(reading, broken)]
    least = min((reading.cost for reading in readings), default=None)
    return [reading for reading in readings if reading.cost == least], broken


def _is_worth_splitting(head: list[Row] | Broken, separator: str, decimal: str | None, heading: str | None) -> bool:
    """Whether a long table's first lines leave it open that this separator splits them all, with numbers somewhere."""
    if isinstance(head, Broken):
        return not head.width_differs
    readings = _judged(head, separator, decimal, heading)
    return any(column.kind in ("number", "empty") for reading in readings for column in reading.columns)


def split_rows(lines: list[str], begin: int, separator: str) -> list[Row] | Broken:
    """The rows that are not blank, all as wide as the first, or why there are none such. Cells have no outer spaces.

    begin: number of the first line. Cells in quotation marks may hold the separator and line ends; empty cells beyond
    the first row's width are dropped.
    """
    rows: list[Row] = []
    try:
        for line, cells in _cells(lines, begin, separator):
            if any(cells):
                rows.append((line, list(map(str.strip, cells))))
    except csv.Error as error:
        line = rows[-1][0] + 1 if rows else begin
        width = len(rows[0][1]) if rows else 1
        return Broken(separator, line, f"begins no row of a table ({error})", width, False)
    rows = [row for row in rows if any(row[1])]
    if not rows:
        return []
    width = len(rows[0][1])
    wrong: tuple[int, int] | None = None
    for line, cells in rows:
        while len(cells) > width and not cells[-1]:
            cells.pop()
        if len(cells) != width and wrong is None:
            wrong = line, len(cells)
    if wrong is None:
        return rows
    line, count = wrong
    problem = f"has {count} column{'s' * (count != 1)} and the first one {width}"
    if 2 * sum(len(cells) == width for _, cells in rows) <= len(rows):
        width = 1  # it splits nothing alike
    return Broken(separator, line, problem, width, True)


def _cells(lines: list[str], begin: int, separator: str) -> Iterator[Row]:
    sign = SEPARATORS[separator]
    if separator in ("space", "none"):
        for number, line in enumerate(lines, begin):
            yield number, _SPACES.split(line.strip(" \t")) if sign else [_unquoted(line.strip())]
        return
    reader = csv.reader((line + "\n" for line in lines), delimiter=sign, strict=True)
    done = 0  # lines read: a row may take several, since a cell in quotation marks may hold line ends
    for cells in reader:
        yield begin + done, cells
        done = reader.line_num


def _unquoted(cell: str) -> str:
    return cell[1:-1] if len(cell) > 1 and cell[0] == cell[-1] == '"' and '"' not in cell[1:-1] else cell


def _without_comments(text: str) -> tuple[list[str], int]:
    """The lines from the first one on that does not begin with # or %, and that one's number, from 1."""
    lines = text.split("\n")
    begin = next((place for place, line in enumerate(lines) if line.strip() and line.lstrip()[0] not in "#%"), 0)
    return lines[begin:], begin + 1


def _judged(rows: list[Row], separator: str, decimal: str | None, heading: str | None) -> Iterator[Reading]:
    for name in DECIMALS if decimal is None else (decimal,):
        sign = DECIMALS[name]
        if separator == "comma" and sign == "," and not _may_have_decimal_commas(rows, decimal is not None):
            continue
        count = _count_headings(rows, sign)
        first = rows[0][1]
        if not count and heading in first and not (heading.isdecimal() and 1 <= int(heading) <= len(first)):
            count = 1
        headings, body = rows[:count], rows[count:]
        if not body:
            continue
        width = len(rows[0][1])
        names = headings[0][1] if headings else [str(place + 1) for place in range(width)]
        columns = [judge_column(names[place], [row[place] for _, row in body], sign) for place in range(width)]
        yield Reading(separator, name, headings, body, columns)


def _may_have_decimal_commas(rows: list[Row], chosen: bool) -> bool:
    """Whether the numbers of a table that commas separate may have decimal commas all the same, in quotation marks.

    Without being chosen, only if a comma cannot separate thousands, or if the points of a column may: three digits
    stand behind every one of them, and other numbers have none. If all had three, the series would be the same in
    thousandths, and points are the decimal signs.
    """
    for column in zip(*(row for _, row in rows), strict=True):
        commas = [cell for cell in column if "," in cell and parse_number(cell, ",") is not None]
        if commas and (chosen or any(parse_number(cell, ".") is None for cell in commas)):
            return True
        points = [cell for cell in column if "." in cell]
        if points and all(map(_THOUSANDS.fullmatch, points)):
            return any("." not in cell and parse_number(cell, ".") is not None for cell in column)
    return False


def _count_headings(rows: list[Row], sign: str) -> int:
    """How many rows at the top are headings: none of their cells is what its column is further down."""

    def is_value(cell: str) -> bool:
        return parse_number(cell, sign) is not None or is_date(cell)

    below = rows[1:MAX_HEADINGS] if len(rows) <= 2 * MAX_HEADINGS else rows[MAX_HEADINGS:]
    below = below[:: len(below) // 500 + 1]
    width = len(rows[0][1])
    values = [
        place
        for place in range(width)
        if 2 * sum(is_value(row[place]) for _, row in below) > sum(not is_missing(row[place]) for _, row in below)
    ]
    count = 0
    for _, row in rows[:MAX_HEADINGS]:
        cells = [row[place] for place in values]
        if not cells or any(map(is_value, cells)) or all(map(is_missing, cells)):
            break
        count += 1
    return count


def _same_count(cells: Sequence[str], sign: str) -> bool:
    """Whether `sign` stands in all cells, equally often."""
    counts = {cell.count(sign) for cell in cells}
    return len(counts) == 1 and counts != {0}


def _without_counted(readings: list[Reading]) -> list[Reading]:
    """`readings` without decimal commas whose digits before the comma count the rows: there the comma separates."""
    if not any(reading.separator == "comma" and _counts_rows(reading.columns[0]) for reading in readings):
        return readings
    return [reading for reading in readings if reading.separator not in ("none", "space") or reading.decimal == "point"]


def _counts_rows(column: Column) -> bool:
    """Whether the values go up by one from row to row."""
    return len(column.values) >= LEAST_COUNTED and bool((np.diff(column.values) == 1).all())


def _is_cut_short(reading: Reading, broken: list[Broken]) -> bool:
    """Whether a separator splits the heading and most rows, while `reading` takes them for one cell or for words."""
    return reading.separator in ("none", "space") and any(
        other.width > 1 and other.separator not in ("none", "space") for other in broken
    )


def refuse_without_readings(name: str, text: str, broken: list[Broken]) -> UserError:
    """Why a table `name` that no reading fits is refused."""
    likely = max(
        (one for one in broken if one.separator not in ("none", "space")),
        key=lambda one: (one.width > 1, text.lstrip().split("\n", 1)[0].count(SEPARATORS[one.separator])),
        default=None,
    )
    if likely is not None and likely.width > 1:
        if likely.problem.startswith("begins"):
            remedy = "Look for a quotation mark that is not closed."
        else:
            remedy = "Give every row as many; a text with commas goes into quotation marks."
        return UserError(f"Line {likely.line:,} of {name} {likely.problem}.", remedy)
    return UserError(f"{name} has no column of numbers.", "Give a table with a column of numbers.")
