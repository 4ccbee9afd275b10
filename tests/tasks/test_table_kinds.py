"""Tables as offices, loggers and spreadsheets write them: each kind is read right, or refused in words."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from rnnplay.config import UserError
from rnnplay.tasks.tables import NumberColumn, read_column, read_labelled_lines

ROWS = 70
LEVELS = [round(1234.5 + 900 * float(np.sin(n / 5)), 2) for n in range(ROWS)]
SIGNED = [-level if n % 3 == 0 else level for n, level in enumerate(LEVELS)]
DAYS = [f"2024-{1 + n // 28:02}-{1 + n % 28:02}" for n in range(ROWS)]


def table(cell: Callable[[int], str], separator: str = ";", heading: str = "date;level", end: str = "") -> str:
    lines = [heading.replace(";", separator), *(f"{DAYS[n]}{separator}{cell(n)}" for n in range(ROWS))]
    return "".join(f"{line}{end}\n" for line in lines)


def number(value: float, thousands: str = "", decimal: str = ".") -> str:
    return f"{value:,.2f}".replace(".", "\0").replace(",", thousands).replace("\0", decimal)


def signed(n: int, form: str) -> str:
    return form.format(number(LEVELS[n], ".", ",")) if n % 3 == 0 else number(LEVELS[n], ".", ",")


def saved(folder: Path, text: str | bytes) -> Path:
    path = folder / "table.csv"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


def read(folder: Path, text: str | bytes) -> NumberColumn:
    return read_column(saved(folder, text))


def refusal(folder: Path, text: str | bytes) -> str:
    with pytest.raises(UserError) as caught:
        read(folder, text)
    assert caught.value.problem.endswith(".") and caught.value.remedy.endswith((".", "?"))
    return str(caught.value)


NUMBERS: dict[str, tuple[Callable[[int], str], list[float]]] = {
    "Swiss": (lambda n: number(LEVELS[n], "'"), LEVELS),
    "French": (lambda n: number(LEVELS[n], "\u202f", ","), LEVELS),
    "no-break spaces": (lambda n: number(LEVELS[n], "\u00a0", ","), LEVELS),
    "plain spaces": (lambda n: number(LEVELS[n], " ", ","), LEVELS),
    "Indian": (lambda n: f"1,{n + 10},000.00", [100_000.0 + (n + 10) * 1000 for n in range(ROWS)]),
    "per cent": (lambda n: f"{number(LEVELS[n], '', ',')} %", LEVELS),
    "euro behind": (lambda n: f"{number(LEVELS[n], '.', ',')} €", LEVELS),
    "euro before, minus inside": (lambda n: "€ " + signed(n, "-{}"), SIGNED),
    "reais": (lambda n: "R$ " + number(LEVELS[n], ".", ","), LEVELS),
    "rupees": (lambda n: f"Rs. {LEVELS[n]}", LEVELS),
    "won": (lambda n: f"₩{round(LEVELS[n])}", [round(level) for level in LEVELS]),
    "crowns": (lambda n: f"kr {number(LEVELS[n], '.', ',')}", LEVELS),
    "złoty": (lambda n: f"{number(LEVELS[n], ' ', ',')} zł", LEVELS),
    "minus behind": (lambda n: signed(n, "{}-"), SIGNED),
    "parentheses": (lambda n: signed(n, "({})"), SIGNED),
    "minus sign": (lambda n: signed(n, "−{}"), SIGNED),
    "en dash": (lambda n: signed(n, "–{}"), SIGNED),
}


@pytest.mark.parametrize("kind", NUMBERS)
def test_numbers_are_read_as_people_write_them(tmp_path: Path, kind: str) -> None:
    cell, expected = NUMBERS[kind]
    for separator in ";\t":
        column = read(tmp_path, table(cell, separator))
        assert column.name == "level"
        assert column.values.tolist() == expected


def plain(n: int) -> str:
    return str(LEVELS[n])


AROUND: dict[str, str | bytes] = {
    "the separator in a line": "sep=;\n" + table(plain),
    "titles": "Water levels, Kiel\nmeasured by: the harbour\n\n" + table(plain),
    "a title of fewer cells": "Station;7\n" + table(lambda n: f"{LEVELS[n]};calm", heading="date;level;sky"),
    "titles padded by a spreadsheet": "Water levels;\n;\n" + table(plain),
    "comments inside": table(lambda n: plain(n) + ("\n# a gap, see the log" if n % 20 == 5 else "")),
    "comments at the end": table(plain) + "# end of file\n",
    "slashes": "// station 7\n" + table(plain),
    "separators at the ends": table(plain, end=";"),
    "headings in two lines": table(plain, heading="Date;level\nUTC;gauge"),
    "a line of units": table(plain, heading="date;level\n[d];[cm]"),
    "a heading of two lines": table(plain, heading='"date\n(UTC)";level'),
    "notes of two lines": table(lambda n: f'"calm;\nthen ""wind""";{LEVELS[n]}', heading="date;note;level"),
    "spaces behind the commas": "".join(f'"{DAYS[n]}", "{LEVELS[n]}"\n' for n in range(ROWS)).replace(
        "", '"date", "level"\n', 1
    ),
    "Markdown": "| date | level |\n|---|---:|\n" + "".join(f"| {DAYS[n]} | {LEVELS[n]} |\n" for n in range(ROWS)),
    "a total": table(plain) + f"Total;{sum(LEVELS):.2f}\n",
    "a mean": table(plain) + f"\nMittelwert:;{np.mean(LEVELS):.2f}\n",
    "UTF-16 of a spreadsheet": table(lambda n: number(LEVELS[n], ".", ","), "\t")
    .replace("\n", "\r\n")
    .encode("utf-16"),
    "a mark and old line ends": b"\xef\xbb\xbf" + table(plain).replace("\n", "\r").encode(),
}


@pytest.mark.parametrize("kind", AROUND)
def test_what_stands_around_a_table_is_no_part_of_it(tmp_path: Path, kind: str) -> None:
    column = read(tmp_path, AROUND[kind])
    assert column.values.tolist() == LEVELS
    assert column.name == "level"


def test_what_is_left_out_below_the_headings_is_said(tmp_path: Path) -> None:
    notes = read(tmp_path, table(plain) + "# see above\nTotal;7\n").notes
    assert "1 line begins with #: left out." in notes
    assert f'Line {ROWS + 3}, "Total;7", is no row and left out.' in notes


def test_a_sum_over_years_is_no_row_and_a_last_line_without_a_date_is_refused(tmp_path: Path) -> None:
    years = "year,visits\n" + "".join(f"{1900 + n},{LEVELS[n]}\n" for n in range(ROWS))
    assert read(tmp_path, years + "Grand total,99\n").values.tolist() == LEVELS
    assert f"Line {ROWS + 2} of table.csv, the last one, has no date" in refusal(tmp_path, table(plain) + ";86415\n")
    assert "has 1 column and the first one 2" in refusal(tmp_path, table(plain) + "Source: the harbour\n")


def test_a_last_row_called_total_is_a_row_among_names(tmp_path: Path) -> None:
    rows = "stop,level\n" + "".join(f"harbour {'abc'[n % 3]},{LEVELS[n]}\n" for n in range(ROWS))
    assert read(tmp_path, rows + "total,7\n").values.tolist() == [*LEVELS, 7]


def test_points_with_three_digits_behind_each_are_decimal_points(tmp_path: Path) -> None:
    values = [round(1.111 + n * n % 89 / 10 + n / 1000, 3) for n in range(ROWS)]
    assert read(tmp_path, table(lambda n: f"{values[n]:.3f}", ",")).values.tolist() == values


@pytest.mark.parametrize(
    "token", ["NA", "-", "n.a.", "#N/A", "NULL", "NaN", "—", "…", "*", "n.d.", "#DIV/0!", "k. A.", "<NA>", "---"]
)
def test_missing_values_have_many_names(tmp_path: Path, token: str) -> None:
    said = refusal(tmp_path, table(lambda n: token if n % 9 == 4 else plain(n)))
    assert "lacks 8 of 70 values (the first in line 6)" in said


def test_a_number_that_says_missing_is_no_value(tmp_path: Path) -> None:
    text = table(lambda n: "-9999" if n % 9 == 4 else plain(n))
    assert "holds -9999 in 8 of 70 rows, far outside all other values" in refusal(tmp_path, text)
    present = [level for n, level in enumerate(LEVELS) if n % 9 != 4]
    assert read_column(saved(tmp_path, text), missing="skip").values.tolist() == present
    common = read(tmp_path, table(lambda n: plain(n) if n % 9 == 4 else "-9999"))
    assert common.values.tolist().count(-9999) == ROWS - len(LEVELS[4::9])  # most rows: it is a value
    deep = table(lambda n: str(-9999 + 200 * n))
    assert read(tmp_path, deep).values[0] == -9999


def test_labels_are_read_as_spreadsheets_and_data_sets_write_them(tmp_path: Path) -> None:
    texts = [f'the "{n}th" ferry' for n in range(60)]
    quoted = "".join('"{}"\t{}\r\n'.format(text.replace('"', '""'), n % 2) for n, text in enumerate(texts))
    rows, _, notes = read_labelled_lines(saved(tmp_path, ("Review\tScore\r\n" + quoted).encode("utf-16")))
    assert rows == [(text, str(n % 2)) for n, text in enumerate(texts)] and notes == ()
    as_they_are = "".join(f'"{n} fine"\t{n % 2}\n' for n in range(60))
    assert read_labelled_lines(saved(tmp_path, as_they_are))[0][0] == ('"0 fine"', "0")


def test_labels_in_quotation_marks_and_behind_commas_are_read(tmp_path: Path) -> None:
    texts = [f"the {n}th ferry was late, slow" for n in range(60)]
    all_quoted = "".join(f'"{text}"\t"{"yn"[n % 2]}"\n' for n, text in enumerate(texts))
    assert read_labelled_lines(saved(tmp_path, all_quoted))[0] == [(text, "yn"[n % 2]) for n, text in enumerate(texts)]
    for separator, word in ((",", "comma"), (";", "semicolon")):
        lines = [f'"{text}\nand ""more"""{separator}{n % 2}\r\n' for n, text in enumerate(texts)]
        rows, _, notes = read_labelled_lines(saved(tmp_path, f"review{separator}sentiment\r\n" + "".join(lines)))
        assert rows == [(f'{text}\nand "more"', str(n % 2)) for n, text in enumerate(texts)]
        assert notes == (f"Text and label are what {word}s separate.",)
    prose = "".join(f"line {n}, and {n * n} more\n" for n in range(200))
    with pytest.raises(UserError, match=r"Line 1 of .* has 1 column"):
        read_labelled_lines(saved(tmp_path, prose))
