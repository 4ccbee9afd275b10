"""The user's own tables: a column of numbers of a CSV, labelled lines of a TSV; a faulty line is named."""

import codecs
import csv
import hashlib
import io
import math
from collections import Counter
from pathlib import Path

import numpy as np

from rnnplay.config import UserError, did_you_mean
from rnnplay.tasks.base import Array

MAX_BYTES = 64 * 2**20
MAX_LABELS = 100
MAX_VALUE = 1e100  # so that squares can be summed
FEW_LINES = 5  # a label with fewer lines gets a note
MIN_LINES = 50
HEADINGS = {"label", "class", "sentiment", "category", "target"}


def _read_text(path: Path) -> tuple[str, str]:
    """The text of the file and its SHA-256. Raises UserError if it cannot be read as UTF-8."""
    try:
        if path.stat().st_size > MAX_BYTES:
            raise UserError(f"{path.name} is larger than {MAX_BYTES >> 20} MB.", "Give a smaller table.")
        data = path.read_bytes()
    except FileNotFoundError:
        raise UserError(f"There is no file {path}.", "Check the path.") from None
    except IsADirectoryError:
        raise UserError(f"{path} is a directory.", "Give a file.") from None
    except OSError as error:
        raise UserError(f"{path} cannot be read: {error.strerror}.", "Check its permissions.") from None
    if data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        raise UserError(f"{path.name} is UTF-16.", "Save it as UTF-8.")
    if b"\0" in data:
        raise UserError(f"{path.name} is not text (it holds a zero byte).", "Give a table in UTF-8.")
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise UserError(f"Line {line:,} of {path.name} is not UTF-8.", "Save it as UTF-8.") from None
    if not text.strip():
        raise UserError(f"{path.name} is empty.", "Give a table with some hundreds of rows.")
    return text, hashlib.sha256(data).hexdigest()


def read_labelled_lines(path: Path) -> tuple[list[tuple[str, str]], str, tuple[str, ...]]:
    """(text, label) of each line of a file of two columns with a tab between them, its SHA-256, and notes on it.

    A first line whose second column is a heading such as "label" is left out. Raises UserError.
    """
    text, sha256 = _read_text(path)
    rows: list[tuple[str, str]] = []
    seen: set[str] = set()
    doubled = 0
    for number, line in enumerate(text.splitlines(), 1):
        if not line.strip():
            continue
        fields = line.split("\t")
        if len(fields) != 2 or not fields[0].strip() or not fields[1].strip():
            count = f"{len(fields)} column{'s' * (len(fields) != 1)}" if len(fields) != 2 else "an empty column"
            raise UserError(
                f"Line {number} of {path.name} has {count}.", "Give two columns with a tab between: text, label."
            )
        if not rows and not seen and fields[1].strip().lower() in HEADINGS:
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
        wrong = f"{path.name} has only the label {rows[0][1]!r}, in {len(rows):,} line{'s' * (len(rows) > 1)}."
        raise UserError(wrong, "Give lines with at least two different labels.")
    if len(labels) > MAX_LABELS:
        raise UserError(
            f"{path.name} has {len(labels):,} different labels.", f"Give at most {MAX_LABELS}, in the second column."
        )
    if len(rows) < MIN_LINES:
        wrong = f"{path.name} has {len(rows)} different texts in {len(rows) + doubled:,} lines."
        raise UserError(wrong, f"Give at least {MIN_LINES}, the text first in each line, the label second.")
    notes = [f"{doubled:,} lines that stood there twice are left out."] if doubled else []
    notes += [
        f"The label {label!r} stands in {count} line{'s' * (count > 1)} only."
        for label, count in labels.items()
        if count < FEW_LINES
    ]
    return rows, sha256, tuple(notes)


def read_column(path: Path, column: str | None) -> tuple[Array, str, str]:
    """The numbers (N,) of a CSV's column, the column's name, and the file's SHA-256.

    `column` is a heading, or a number counted from 1; None takes the last column that holds numbers. Separators are
    commas, semicolons (then 2,5 is a number too) or tabs; a first row without numbers is the heading. Raises UserError.
    """
    text, sha256 = _read_text(path)
    numbered, separator = _rows(path, text)
    first = [cell.strip() for cell in numbered[0][1]]
    width = len(first)
    by_number = column is not None and column.isdigit() and 1 <= int(column) <= width
    comma = separator == ";"
    has_heading = all(_number(cell, comma) is None for cell in first) or (column in first and not by_number)
    names = first if has_heading else [str(i + 1) for i in range(width)]
    body = numbered[1:] if has_heading else numbered
    if not body:
        raise UserError(f"{path.name} has no rows of numbers.", "Give a CSV with a column of numbers.")
    if column is None:
        numeric = [i for i, cell in enumerate(body[0][1]) if _number(cell, comma) is not None]
        if not numeric:
            wrong = f"{path.name} has no column of numbers (line {body[0][0]:,} holds {body[0][1][-1].strip()!r})."
            raise UserError(wrong, "Give a CSV with a column of numbers.")
        index = numeric[-1]
    elif column in names:
        index = names.index(column)
    elif by_number:
        index = int(column) - 1
    else:
        raise UserError(f"{path.name} has no column {column!r}.", did_you_mean(column, names))
    return _values(path, body, index, names[index], comma), names[index], sha256


def _values(path: Path, rows: list[tuple[int, list[str]]], index: int, name: str, comma: bool) -> Array:
    """The numbers (N,) in column `index` of `rows`. Raises UserError, which names the line, for a cell that is none."""
    values = np.empty(len(rows))
    for n, (line, row) in enumerate(rows):
        cell = row[index].strip()
        value = _number(cell, comma)
        if value is not None and math.isfinite(value) and abs(value) <= MAX_VALUE:
            values[n] = value
            continue
        large = value is not None and math.isfinite(value)
        fault = "is empty" if not cell else f"holds {cell!r}, which is {'too large' if large else 'no number'}"
        raise UserError(
            f"Line {line:,} of {path.name}, column {name!r}, {fault}.",
            "Give a finite number in every row, or choose another column.",
        )
    return values


def _rows(path: Path, text: str) -> tuple[list[tuple[int, list[str]]], str]:
    """(line, cells) of each row that is not blank, all as wide as the first, and the separator. Raises UserError."""
    separator = max(",;\t", key=text.lstrip().split("\n", 1)[0].count)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=separator, strict=True)
    rows: list[tuple[int, list[str]]] = []
    line = 1  # where a row begins: a cell in quotation marks may hold line ends
    try:
        for row in reader:
            if any(cell.strip() for cell in row):
                rows.append((line, row))
            line = reader.line_num + 1
    except csv.Error as error:
        wrong = f"Line {line:,} of {path.name} begins no row of a table ({error})."
        raise UserError(wrong, "Look for a quotation mark that is not closed.") from None
    if not rows:
        raise UserError(f"{path.name} has no rows of numbers.", "Give a CSV with a column of numbers.")
    width = len(rows[0][1])
    for line, row in rows:
        while len(row) > width and not row[-1].strip():
            row.pop()
        if len(row) != width:
            raise UserError(
                f"Line {line:,} of {path.name} has {len(row)} column{'s' * (len(row) != 1)} and the first one {width}.",
                "Give every row as many; a text with commas goes into quotation marks.",
            )
    return rows, separator


def _number(cell: str, comma: bool = False) -> float | None:
    """The number in `cell`; `comma`: 2,5 is one too."""
    try:
        return float(cell.strip().replace(",", ".", 1) if comma else cell.strip())
    except ValueError:
        return None
