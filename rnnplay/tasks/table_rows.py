"""Rows of a table under one separator, split one after the other, so that a long table is never in memory as cells."""

import csv
import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import islice

SEPARATORS = {"comma": ",", "semicolon": ";", "tab": "\t", "bar": "|", "space": " ", "spaces": "  ", "none": ""}
MAX_CELL = 2**26  # characters
Row = tuple[int, list[str]]  # the line of the file where it begins, from 1, and its cells

# By sign: "spaces" are two or more, as between columns of a fixed width. Narrow ones stand inside numbers.
_GAPS = {" ": re.compile(r"[ \t]+"), "  ": re.compile(r"[ \t]*(?:  |\t)[ \t]*")}
_WORDS = re.compile(r'"[^"]*"(?=[ \t]|$)|[^ \t]+')  # those in quotation marks may hold spaces
_CHUNK_SIZE = 2**18  # characters that are split into lines at a time


@dataclass(frozen=True, eq=False)
class TableText:
    """The lines of a text from `begin` to `end`, the first of which has the number `line`. Line ends are \\n.

    first_heading: that of the first column, where the row of headings does not hold it.
    """

    text: str
    begin: int
    end: int
    line: int
    first_heading: str | None = None

    def lines(self) -> Iterator[str]:
        """Yield the lines without their ends."""
        begin = self.begin
        while begin < self.end:
            end = self.text.find("\n", begin + _CHUNK_SIZE, self.end)
            end = self.end if end < 0 else end
            yield from self.text[begin:end].split("\n")
            begin = end + 1

    def rows(self, separator: str) -> Iterator[Row]:
        """Yield the rows that are not blank. Cells have no outer spaces, and may hold line ends in quotation marks.

        separator: a key of SEPARATORS. Raises csv.Error.
        """
        first_heading = self.first_heading
        for line, cells in self._cells(SEPARATORS[separator]):
            cells = list(map(str.strip, cells))
            if any(cells):
                yield line, cells if first_heading is None else [first_heading, *cells]
                first_heading = None

    def _cells(self, sign: str) -> Iterator[Row]:
        if sign in _GAPS or not sign:
            for number, line in enumerate(self.lines(), self.line):
                yield number, list(map(_unquoted, _split(line.strip(), sign)))
            return
        reader = csv.reader((line + "\n" for line in self.lines()), delimiter=sign, strict=True, skipinitialspace=True)
        done = 0  # lines read: a row may take several
        for cells in reader:
            yield self.line + done, cells
            done = reader.line_num

    def head(self, count: int) -> "TableText":
        """The first `count` lines."""
        end = self.begin - 1
        for _ in range(count):
            if (end := self.text.find("\n", end + 1, self.end)) < 0:
                return self
        return replace(self, end=end)


def _split(line: str, sign: str) -> list[str]:
    if sign == " " and '"' in line:
        return _WORDS.findall(line)
    return _GAPS[sign].split(line) if sign else [line]


def without_comments(text: str) -> TableText:
    """The table in `text`, from the first line on that is neither blank nor begins with # or %."""
    begin = 0
    for number, line in enumerate(TableText(text, 0, len(text), 1).lines(), 1):
        if line.strip() and line.lstrip()[0] not in "#%":
            return TableText(text, begin, len(text), number)
        begin += len(line) + 1
    return TableText(text, 0, len(text), 1)


csv.field_size_limit(MAX_CELL)


def in_chunks(rows: Iterator[Row], count: int) -> Iterator[list[Row]]:
    """Yield `rows`, `count` at a time."""
    while chunk := list(islice(rows, count)):
        yield chunk


def _unquoted(cell: str) -> str:
    return cell[1:-1] if len(cell) > 1 and cell[0] == cell[-1] == '"' and '"' not in cell[1:-1] else cell
