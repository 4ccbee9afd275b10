"""Tables as programs lay them out: names of rows, fixed widths, numbered columns, formats below headings."""

from pathlib import Path

import pytest

from rnnplay.tasks.tables import read_column
from tests.tasks.test_table_kinds import DAYS, LEVELS, ROWS, number, plain, read, refusal, saved, table


@pytest.mark.parametrize("separator", [" ", "\t", ",", ";"])
def test_names_of_rows_need_no_heading_as_r_writes_them(tmp_path: Path, separator: str) -> None:
    heading = separator.join(['"day"', '"level"'])
    rows = (separator.join([f'"{n + 1}"', f'"{DAYS[n]}"', plain(n)]) for n in range(ROWS))
    column = read(tmp_path, "\n".join([heading, *rows]))
    assert column.name == "level" and column.values.tolist() == LEVELS
    assert "the first column is taken for names of rows" in column.notes[1]
    named = (separator.join([f'"Mazda RX{n}"', str(n % 7), plain(n)]) for n in range(ROWS))
    by_name = saved(tmp_path, "\n".join([separator.join(['"wind"', '"level"']), *named]))
    assert read_column(by_name, "level").values.tolist() == LEVELS


def test_a_heading_that_another_column_lacks_is_no_name_of_rows(tmp_path: Path) -> None:
    for first, last in ((DAYS, "good"), (LEVELS, "7")):
        rows = "".join(f"{first[n]};{plain(n)};{last}\n" for n in range(ROWS))
        assert "Line 2 of table.csv has 3 columns and the first one 2" in refusal(tmp_path, "date;level\n" + rows)
    marked = table(lambda n: f"< {plain(n)}")
    assert "has no column of numbers" in refusal(tmp_path, marked)


def test_columns_of_a_fixed_width_hold_numbers_and_headings_with_spaces(tmp_path: Path) -> None:
    lines = [f"{'day':12}{'water level':>14}"]
    lines += [f"{DAYS[n]:12}{number(LEVELS[n], ' ', ','):>14}" for n in range(ROWS)]
    column = read(tmp_path, "\n".join(lines))
    assert column.name == "water level" and column.values.tolist() == LEVELS
    assert read(tmp_path, "\n".join(lines[1:])).values.tolist() == LEVELS  # not the two digits behind the comma
    places = [f"{DAYS[n]}  {'New York' if n % 3 else 'Rome':10}  {plain(n):>9}" for n in range(ROWS)]
    assert read(tmp_path, "\n".join(places)).values.tolist() == LEVELS


def test_pandas_numbers_columns_without_names(tmp_path: Path) -> None:
    series = ",0\n" + "".join(f"{n},{plain(n)}\n" for n in range(ROWS))
    assert read(tmp_path, series).values.tolist() == LEVELS
    frame = "0,1\n" + "".join(f"{DAYS[n]},{plain(n)}\n" for n in range(ROWS))
    column = read(tmp_path, frame)
    assert column.name == "1" and column.values.tolist() == LEVELS
    counted = "".join(f"{n},{n * n + 1}\n" for n in range(ROWS))
    assert read(tmp_path, counted).values.tolist() == [n * n + 1 for n in range(ROWS)]


def test_formats_below_headings_are_no_values(tmp_path: Path) -> None:
    lines = ["# from a survey", "agency\tsite\tday\tlevel", "5s\t15s\t20d\t14n"]
    lines += [f"USGS\t01646500\t{DAYS[n]}\t{plain(n)}" for n in range(ROWS)]
    assert read(tmp_path, "\n".join(lines)).values.tolist() == LEVELS


def test_a_column_alone_may_have_commas_in_some_of_its_numbers(tmp_path: Path) -> None:
    halves = [n * n % 13 + (n % 3) / 2 for n in range(ROWS)]
    text = "".join(f"{half:g}\n".replace(".", ",") for half in halves)
    assert read(tmp_path, text).values.tolist() == halves
    thousands = [round(level * 10 ** (3 + n % 2)) for n, level in enumerate(LEVELS)]
    assert read(tmp_path, "".join(f"{value:,}\n" for value in thousands)).values.tolist() == thousands


@pytest.mark.parametrize("count", [3, 5])
def test_rows_are_no_titles_though_texts_below_have_separators(tmp_path: Path, count: int) -> None:
    text = "".join(f"{'far; away' if n >= count else 'north'},{plain(n)}\n" for n in range(12))
    assert read(tmp_path, text).values.tolist() == LEVELS[:12]


def test_what_excel_reads_above_a_table_may_be_quoted_and_cells_may_be_long(tmp_path: Path) -> None:
    assert read(tmp_path, '"sep=;"\n' + table(plain)).values.tolist() == LEVELS
    long = f"day;{'remark' * 30_000};level\n" + "".join(f"{DAYS[n]};-;{plain(n)}\n" for n in range(ROWS))
    assert read(tmp_path, long).values.tolist() == LEVELS


@pytest.mark.parametrize("mark", ["1e+20", "-1e30", "9.96921e+36", "65535", "-32768", "-99.9", "-99"])
def test_numbers_that_only_mark_missing_values_are_refused(tmp_path: Path, mark: str) -> None:
    small = [round(level / 100, 2) for level in LEVELS]
    text = table(lambda n: mark if n % 9 == 4 else str(small[n]))
    assert "far outside all other values" in refusal(tmp_path, text)
    once = table(lambda n: "-99" if n == 4 else str(small[n]))
    assert read(tmp_path, once).values[4] == -99


def test_fractions_and_footnotes_behind_a_number_are_no_units(tmp_path: Path) -> None:
    assert "has no column of numbers" in refusal(tmp_path, table(lambda n: f"{n * n % 17}½"))
    assert "which is no number" in refusal(tmp_path, table(lambda n: plain(n) + "¹" * (n % 9 == 4)))
