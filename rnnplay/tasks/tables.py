"""Tables of one's own: a column of numbers out of a CSV, labelled lines out of a TSV, refused clearly when wrong."""

import csv
import hashlib
import math
from collections import Counter
from pathlib import Path

import numpy as np

from rnnplay.config import UserError, suggestion
from rnnplay.tasks.base import Array

MAX_BYTES = 64 * 2**20
MAX_LABELS = 100
HEADINGS = {"label", "class", "sentiment", "category", "target"}


def _lines(path: Path) -> tuple[str, str]:
    """The text of the file and its SHA-256. Raises UserError where it cannot be read as UTF-8."""
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
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise UserError(f"{path.name} is not UTF-8 (byte {error.start:,}).", "Save it as UTF-8.") from None
    if "\0" in text:
        raise UserError(f"{path.name} is not text (it holds a zero byte).", "Give a table in UTF-8.")
    if not text.strip():
        raise UserError(f"{path.name} is empty.", "Give a table with some hundreds of rows.")
    return text, hashlib.sha256(data).hexdigest()


def labelled_lines(path: Path) -> tuple[list[tuple[str, str]], str, tuple[str, ...]]:
    """(text, label) of each line of a file of two columns with a tab between them, its SHA-256, and what to know of it.

    A first line whose second column is a heading such as "label" is left out. Raises UserError.
    """
    text, sha256 = _lines(path)
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
    if len(labels) < 2:
        only = f"only the label {next(iter(labels))!r}" if labels else "no labelled line"
        raise UserError(f"{path.name} has {only}.", "Give lines with at least two different labels.")
    if len(labels) > MAX_LABELS:
        raise UserError(
            f"{path.name} has {len(labels):,} different labels.", f"Give at most {MAX_LABELS}, in the second column."
        )
    if len(rows) < 50:
        raise UserError(f"{path.name} has {len(rows)} lines.", "Give at least 50, better some hundreds.")
    notes = (f"{doubled:,} lines that stood there twice are left out.",) if doubled else ()
    return rows, sha256, notes


def column_of(path: Path, column: str | None) -> tuple[Array, str, str]:
    """The numbers (N,) of a CSV's column, the column's name, and the file's SHA-256.

    `column` is a heading, or a number counted from 1; None takes the last column that holds numbers. Separators are
    commas, semicolons or tabs; a first row without numbers is the heading. Raises UserError.
    """
    text, sha256 = _lines(path)
    separator = max(",;\t", key=text.split("\n", 1)[0].count)
    rows = [row for row in csv.reader(text.splitlines(), delimiter=separator) if any(cell.strip() for cell in row)]
    width = len(rows[0])
    has_heading = not any(_number(cell) is not None for cell in rows[0])
    names = [cell.strip() for cell in rows[0]] if has_heading else [str(i + 1) for i in range(width)]
    body = rows[1:] if has_heading else rows
    first_line = 2 if has_heading else 1
    if not body:
        raise UserError(f"{path.name} has no rows of numbers.", "Give a CSV with a column of numbers.")
    if column is None:
        numeric = [i for i, cell in enumerate(body[0]) if _number(cell) is not None]
        if not numeric:
            raise UserError(f"{path.name} has no column of numbers.", "Give a CSV with a column of numbers.")
        index = numeric[-1]
    elif column in names:
        index = names.index(column)
    elif column.isdigit() and 1 <= int(column) <= width:
        index = int(column) - 1
    else:
        raise UserError(f"{path.name} has no column {column!r}.", suggestion(column, names))
    values = np.empty(len(body))
    for n, row in enumerate(body):
        cell = row[index].strip() if index < len(row) else ""
        value = _number(cell)
        if value is None or not math.isfinite(value):
            said = f"holds {cell!r}, which is no number" if cell else "is empty"
            raise UserError(
                f"Row {n + first_line} of {path.name}, column {names[index]!r}, {said}.",
                "Give a finite number in every row.",
            )
        values[n] = value
    return values, names[index], sha256


def _number(cell: str) -> float | None:
    try:
        return float(cell.strip())
    except ValueError:
        return None
