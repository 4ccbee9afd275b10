"""Decimal commas, in quotation marks, in a table that commas separate."""

import re
from collections.abc import Iterable, Sequence

from rnnplay.tasks.table_cells import parse_number
from rnnplay.tasks.table_rows import Row

_THOUSANDS = re.compile(r"[-+−]?[1-9]\d{0,2}(\.\d{3})+\D*")


class DecimalCommas:
    """Takes in all rows of a table, headings too, some at a time."""

    def __init__(self) -> None:
        self._columns: list[_Signs] = []

    def add(self, rows: Sequence[Sequence[str]]) -> None:
        """Take in the cells of some rows, all of them equally wide."""
        if not self._columns:
            self._columns = [_Signs() for _ in rows[0]]
        for signs, cells in zip(self._columns, zip(*rows, strict=True), strict=True):
            signs.add(cells)

    def are_possible(self, chosen: bool, rows: Iterable[Row]) -> bool:
        """Return whether a column holds numbers with decimal commas. chosen: by a person; rows: all rows once more.

        Without being chosen, only if a comma cannot separate thousands, or if the points of a column may: three digits
        stand behind every one of them, and other numbers have none. If all had three, the series would be the same in
        thousandths, and points are the decimal signs.
        """
        for place, signs in enumerate(self._columns):
            if signs.has_comma and (chosen or signs.has_decimal_comma):
                return True
            if signs.has_point and signs.all_thousands:
                return any("." not in row[place] and parse_number(row[place], ".") is not None for _, row in rows)
        return False


class _Signs:
    """The signs inside the numbers of a column."""

    def __init__(self) -> None:
        self.has_comma = False  # in a number, if commas are decimal signs
        self.has_decimal_comma = False  # in a number that is none if points are decimal signs
        self.has_point = False
        self.all_thousands = True  # three digits stand behind every point

    def add(self, cells: Sequence[str]) -> None:
        text = "\n".join(cells)
        if "," in text and not self.has_decimal_comma:
            commas = [cell for cell in cells if "," in cell and parse_number(cell, ",") is not None]
            self.has_comma = self.has_comma or bool(commas)
            self.has_decimal_comma = any(parse_number(cell, ".") is None for cell in commas)
        if "." in text and self.all_thousands:
            self.has_point = True
            self.all_thousands = all(_THOUSANDS.fullmatch(cell) for cell in cells if "." in cell)
