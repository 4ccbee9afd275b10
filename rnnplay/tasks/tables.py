"""The user's tables: a column of numbers, or lines of a text and a label; wrong or ambiguous ones are refused."""

import csv
import re
from collections import Counter
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from rnnplay import corpora
from rnnplay.config import UserError, did_you_mean
from rnnplay.tasks.base import Array
from rnnplay.tasks.table_cells import parse_number
from rnnplay.tasks.table_columns import Column
from rnnplay.tasks.table_edges import table_alone, undated_last_line
from rnnplay.tasks.table_readings import DECIMALS, Reading, readings_of, refuse_without_readings
from rnnplay.tasks.table_rows import Row, TableText

MAX_BYTES = 64 * 2**20
MAX_LABELS = 100
FEW_LINES = 5  # lines of a label that are hardly enough to learn it
MIN_LINES = 50
HEADINGS = {"label", "labels", "class", "sentiment", "category", "target", "rating", "stars", "polarity", "emotion"}
TEXT_HEADINGS = {"text", "review", "sentence", "comment", "tweet", "message", "content", "document", "phrase"}
_HUGE = 1e15  # nothing is measured that is so much larger than everything else
_REPEATED_SENTINELS = frozenset((-99, -99.9, -99.99, 32767, -32768, 65535))
_LEAST_SENTINELS = 3  # of these: a value that occurs by chance hardly ever repeats itself
_SENTINELS = frozenset(
    sign * number for sign in (-1, 1) for number in (999.9, 999.99, 9999, 9999.9, 9999.99, 99999, 99999.9, 999999)
) | {-999}  # what loggers write where they measured nothing
_SHOWN = 3  # values of a column, in messages


def _read_text(path: Path, encoding: str | None) -> tuple[str, str]:
    """The text of the file and its SHA-256. Raises UserError if it cannot be read."""
    text, sha256, _ = corpora.read_string(
        corpora.text_file_chunks(path), path.name, encoding, MAX_BYTES, "Or save it as UTF-8."
    )
    if not text.strip():
        raise UserError(f"{path.name} is empty.", "Give a table with some hundreds of rows.")
    return text, sha256


def read_labelled_lines(path: Path, encoding: str | None = None) -> tuple[list[tuple[str, str]], str, tuple[str, ...]]:
    """(text, label) of each line of a file of two columns with a tab between them, its SHA-256, and remarks.

    Only line ends end a line. A first line of headings such as "text" and "label" is left out. Quotation marks are
    taken off as spreadsheets write them. Where no line has a tab, commas or semicolons may separate. Raises UserError.
    """
    text, sha256 = _read_text(path, encoding)
    lines, separator = _labelled_lines(text)
    rows: list[tuple[str, str]] = []
    seen: set[str] = set()
    doubled = 0
    for number, fields in lines:
        if len(fields) != 2 or not fields[0].strip() or not fields[1].strip():
            count = f"{len(fields)} column{'s' * (len(fields) != 1)}" if len(fields) != 2 else "an empty column"
            raise UserError(
                f"Line {number} of {path.name} has {count}.", "Give two columns with a tab between: text, label."
            )
        is_heading = fields[1].strip().lower() in HEADINGS or fields[0].strip().lower() in TEXT_HEADINGS
        if not rows and not seen and is_heading:
            continue
        if fields[0] in seen:  # the same text twice could be in training and in the test
            doubled += 1
            continue
        seen.add(fields[0])
        rows.append((fields[0].strip(), fields[1].strip()))
    labels = Counter(label for _, label in rows)
    if not rows:
        raise UserError(f"{path.name} has no labelled line.", "Give lines of a text, a tab and a label.")
    if len(labels) < 2:
        problem = f"{path.name} has only the label {rows[0][1]!r}, in {len(rows):,} line{'s' * (len(rows) > 1)}."
        raise UserError(problem, "Give lines with at least two different labels.")
    if len(labels) > MAX_LABELS:
        raise UserError(
            f"{path.name} has {len(labels):,} different labels.", f"Give at most {MAX_LABELS}, in the second column."
        )
    if len(rows) < MIN_LINES:
        problem = f"{path.name} has {len(rows)} different texts in {len(rows) + doubled:,} lines."
        raise UserError(problem, f"Give at least {MIN_LINES}, the text first in each line, the label second.")
    notes = [f"Text and label are what {separator}s separate."] if separator != "tab" else []
    notes += [f"{doubled:,} lines that stood there twice are left out."] if doubled else []
    notes += [
        f"The label {label!r} stands in {count} line{'s' * (count > 1)} only."
        for label, count in labels.items()
        if count < FEW_LINES
    ]
    return rows, sha256, tuple(notes)


def _labelled_lines(text: str) -> tuple[list[Row], str]:
    """Return the cells of each line that is not blank, and the separator. Without tabs they are read as a table's."""
    table = TableText(text, 0, len(text), 1)
    if "\t" not in text:
        for separator in ("comma", "semicolon"):
            with suppress(csv.Error):
                rows = list(table.rows(separator))
                labels = {cells[-1] for _, cells in rows}
                if all(len(cells) == 2 for _, cells in rows) and len(labels) <= MAX_LABELS + 1:
                    return rows, separator
    rows = [(number, line.split("\t")) for number, line in enumerate(table.lines(), 1) if line.strip()]
    has_doubled = _DOUBLED_QUOTES.search(text) is not None
    whole = [fields for _, fields in rows if len(fields) == 2]
    if has_doubled or (whole and all(_is_quoted(cell) for fields in whole for cell in fields)):
        rows = [(number, list(map(_unquoted, fields))) for number, fields in rows]
    return rows, "tab"


# A cell in quotation marks with doubled ones inside.
_DOUBLED_QUOTES = re.compile(r'(?:^|\t)"(?:[^"\t\n]|"")*""(?:[^"\t\n]|"")*"(?=\t|$)', re.MULTILINE)


def _is_quoted(cell: str) -> bool:
    return len(cell) > 1 and cell[0] == cell[-1] == '"'


def _unquoted(cell: str) -> str:
    return cell[1:-1].replace('""', '"') if _is_quoted(cell) else cell


@dataclass(frozen=True, eq=False)
class NumberColumn:
    """A column of numbers that was chosen out of a table."""

    name: str
    values: Array  # (N,) float64
    sha256: str  # of the table
    notes: tuple[str, ...]  # which column it is, its first values, what was done about missing ones


def read_column(
    path: Path,
    column: str | None = None,
    *,
    encoding: str | None = None,
    missing: str = "refuse",
    separator: str | None = None,
    decimal: str | None = None,
) -> NumberColumn:
    """The numbers of a table's column.

    column: a heading, or a number counted from 1; None: the only column of numbers that counts neither rows nor time.
    missing: "refuse" missing values, "skip" their rows, or "fill" them on a line between their neighbours. separator,
    decimal: keys of SEPARATORS and DECIMALS; None: found out from all rows. Raises UserError if the table is wrong, or
    if there are two ways to read it.
    """
    text, sha256 = _read_text(path, encoding)
    text, remarks = table_alone(text)
    if (line := undated_last_line(text)) is not None:
        raise UserError(
            f"Line {line:,} of {path.name}, the last one, has no date, unlike all others: it may be a total.",
            "Leave it out, or give it a date.",
        )
    readings, broken = readings_of(text, separator, decimal, column)
    if not readings:
        raise refuse_without_readings(path.name, text, broken)
    places = [_places(path, reading, column) for reading in readings]
    fitting = [(reading, indices) for reading, indices in zip(readings, places, strict=True) if indices]
    if not fitting:
        raise _no_such_column(path, readings[0], column)
    if _differ(fitting):
        raise _two_readings(path, fitting)
    reading, indices = fitting[0]
    if len(indices) > 1:
        raise _several_columns(path, reading, indices)
    values, note = _values(path, reading, indices[0], missing)
    if reading.table.first_heading is not None:
        note += ("The headings are one fewer than the columns: the first column is taken for names of rows.",)
    notes = (_describe(reading, indices[0]), *note, *remarks)
    return NumberColumn(reading.columns[indices[0]].name, values, sha256, notes)


def _places(path: Path, reading: Reading, column: str | None) -> list[int]:
    """The place of the column that is named, or, if none is, of all that may be meant."""
    names = [one.name for one in reading.columns]
    if column is not None:
        if names.count(column) > 1:
            raise UserError(f"{path.name} has several columns {column!r}.", "Give the column's number, from 1.")
        if column in names:
            return [names.index(column)]
        return [int(column) - 1] if column.isdecimal() and 1 <= int(column) <= len(names) else []
    numbers = [place for place, one in enumerate(reading.columns) if one.kind == "number"]
    return [place for place in numbers if not reading.columns[place].is_axis] or numbers


def _differ(fitting: list[tuple[Reading, list[int]]]) -> bool:
    """Return whether the readings give other values for what is to be learned."""
    values = [[reading.columns[place].values for place in places] for reading, places in fitting]
    return any(
        len(other) != len(values[0])
        or not all(np.array_equal(a, b, equal_nan=True) for a, b in zip(other, values[0], strict=True))
        for other in values[1:]
    )


def _several_columns(path: Path, reading: Reading, places: list[int]) -> UserError:
    names = [reading.columns[place].name for place in places]
    shown = ", ".join(f'"{name}" ({_first_values(reading, place)})' for name, place in zip(names, places, strict=True))
    return UserError(
        f"{path.name} has {len(places)} columns that can be learned: {shown}.",
        f"Name one: --column {_quoted(names[-1])}.",
    )


def _two_readings(path: Path, fitting: list[tuple[Reading, list[int]]]) -> UserError:
    descriptions, ways = [], []
    for reading, places in fitting[:4]:
        columns = [
            (f'"{reading.columns[place].name}" ' if len(reading.columns) > 1 else "") + _first_values(reading, place)
            for place in places[-2:]
        ]
        descriptions.append(f"{reading.describe()} ({'; '.join(columns)})")
        decides = sum(other.decimal == reading.decimal for other, _ in fitting) == 1
        ways.append(f"--decimal {reading.decimal}" if decides else f"--separator {reading.separator}")
    remedy = f"Say which: {' or '.join(dict.fromkeys(ways))}."
    return UserError(f"{path.name} can be read as {', or as '.join(descriptions)}.", remedy)


def _no_such_column(path: Path, reading: Reading, column: str | None) -> UserError:
    names = [one.name for one in reading.columns]
    return UserError(f"{path.name} has no column {column!r}.", did_you_mean(column or "", names))


def _values(path: Path, reading: Reading, place: int, missing: str) -> tuple[Array, tuple[str, ...]]:
    """The numbers (N,) of the column at `place`, and a remark on missing ones. Raises UserError if one is wrong."""
    column = reading.columns[place]
    if column.kind == "date":
        raise UserError(f"The column {column.name!r} of {path.name} holds dates.", "Choose a column of numbers.")
    if column.kind == "empty":
        raise UserError(f"The column {column.name!r} of {path.name} is empty.", "Choose a column of numbers.")
    if column.wrong:
        line, cell = column.first_wrong
        raise UserError(
            f"Line {line:,} of {path.name}, column {column.name!r}, holds {_problem(cell, reading, column.unit)}.",
            "Give a finite number in every row, or choose another column.",
        )
    column = _without_sentinels(path, reading, column, missing)
    if not column.missing:
        return column.values, ()
    rows = f"{column.missing:,} of {reading.row_count:,} values"
    if missing == "refuse":
        raise UserError(
            f"The column {column.name!r} of {path.name} lacks {rows} (the first in line {column.first_missing:,}).",
            "Leave such rows out with --missing skip, or fill them on a line between the others with --missing fill.",
        )
    present = np.flatnonzero(~np.isnan(column.values))
    if missing == "skip":
        return column.values[present], (f"{rows} are missing and left out.",)
    filled = np.interp(np.arange(len(column.values)), present, column.values[present])
    return filled, (f"{rows} are missing and filled on a line between the others.",)


def _without_sentinels(path: Path, reading: Reading, column: Column, missing: str) -> Column:
    """`column` with missing values in place of a number such as -9999 that stands far outside all others.

    Raises UserError if there is one, and missing values are refused.
    """
    values = column.values[~np.isnan(column.values)]
    for number in (values.min(), values.max()):
        others = values[values != number]
        is_far = 2 * len(others) > len(values) and (np.sign(number) * others < abs(number) / 2).all()
        is_repeated = number in _REPEATED_SENTINELS and len(values) - len(others) >= _LEAST_SENTINELS
        is_huge = abs(number) > _HUGE * max(1.0, float(np.abs(others).max(initial=0.0)))
        if is_far and (number in _SENTINELS or is_repeated or is_huge):
            break
    else:
        return column
    count = len(values) - len(others)
    if missing == "refuse":
        raise UserError(
            f"The column {column.name!r} of {path.name} holds {number:g} in {count:,} of {reading.row_count:,} rows, "
            "far outside all other values: it seems to say that there is none.",
            "Leave such rows out with --missing skip, or fill them on a line between the others with --missing fill.",
        )
    filled = np.where(column.values == number, np.nan, column.values)
    return replace(column, values=filled, missing=column.missing + count)


def _problem(cell: str, reading: Reading, unit: str) -> str:
    parsed = parse_number(cell, DECIMALS[reading.decimal])
    if parsed is None:
        return f"{cell!r}, which is no number"
    if parsed[1] != unit:
        return f"{cell!r}, whose unit is not that of the others ({unit or 'none'})"
    return f"{cell!r}, which is too large"


def _first_values(reading: Reading, place: int) -> str:
    values = reading.columns[place].values
    shown = [f"{value:.6g}" for value in values[~np.isnan(values)][:_SHOWN]]
    return ", ".join(shown) + ", …" * (len(values) > _SHOWN)


def _describe(reading: Reading, place: int) -> str:
    column = reading.columns[place]
    unit = f" {column.unit}" if column.unit else ""
    which = reading.describe()
    if len(reading.columns) > 1:
        which = f"column {place + 1} of {which.replace(' columns', ',')}"
    return f'The column "{column.name}" is learned: {_first_values(reading, place)}{unit} ({which}).'


def _quoted(name: str) -> str:
    return name if name.isidentifier() or name.isdecimal() else f"'{name}'"
