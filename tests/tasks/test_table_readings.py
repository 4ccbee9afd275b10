"""Tables in many dialects and locales: the right column is read with its values, or the table is refused."""

import csv
import io
import tracemalloc
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from rnnplay.config import UserError
from rnnplay.tasks import table_columns, table_readings
from rnnplay.tasks.table_cells import is_date, parse_number
from rnnplay.tasks.tables import NumberColumn, read_column

# Separator, quoting, end of line.
DIALECTS: tuple[tuple[str, int, str], ...] = (
    (",", csv.QUOTE_MINIMAL, "\n"),
    (",", csv.QUOTE_ALL, "\r\n"),
    (",", csv.QUOTE_NONNUMERIC, "\n"),
    (";", csv.QUOTE_MINIMAL, "\r\n"),
    (";", csv.QUOTE_ALL, "\n"),
    (";", csv.QUOTE_NONNUMERIC, "\r"),
    ("\t", csv.QUOTE_MINIMAL, "\n"),
    ("\t", csv.QUOTE_ALL, "\r\n"),
    ("|", csv.QUOTE_MINIMAL, "\n"),
    ("|", csv.QUOTE_ALL, "\n"),
    (" ", csv.QUOTE_MINIMAL, "\n"),
    (" ", csv.QUOTE_MINIMAL, "\r\n"),
)
# Decimal sign, sign between thousands.
LOCALES = {"C": (".", ""), "en": (".", ","), "de": (",", "."), "fr": (",", "\u202f"), "ch": (".", "’"), "es": (",", "")}


def written(value: float, digits: int, locale: str) -> str:
    """`value` as this locale writes it."""
    decimal, thousands = LOCALES[locale]
    return f"{value:,.{digits}f}".replace(",", "\0").replace(".", decimal).replace("\0", thousands)


def saved(folder: Path, text: str | bytes) -> Path:
    path = folder / "table.csv"
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return path


BESIDE: dict[str, Callable[[int, Any], str]] = {
    "day": lambda row, rng: str(row),
    "date": lambda row, rng: f"2024-{row // 28 % 12 + 1:02}-{row % 28 + 1:02}",
    "datum": lambda row, rng: f"{row % 28 + 1:02}.{row // 28 % 12 + 1:02}.2024",
    "time": lambda row, rng: f"{row % 24:02}:{row % 60:02}:07",
    "place": lambda row, rng: rng.choice(("north", "south", "far; away", "a, b", "up|down", "tab")),
    "year": lambda row, rng: str(1900 + row // 12),
}


@given(st.data())
@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_a_table_in_any_dialect_and_locale_is_read_equal_or_refused(tmp_path: Path, data: st.DataObject) -> None:
    separator, quoting, end = data.draw(st.sampled_from(DIALECTS))
    locale = data.draw(st.sampled_from(sorted(LOCALES)))
    rng = data.draw(st.randoms(use_true_random=False))
    rows = data.draw(st.integers(3, 40))
    beside = data.draw(st.lists(st.sampled_from(sorted(BESIDE)), max_size=2, unique=True))
    names = [*beside, *data.draw(st.sampled_from([["level"], ["level"], ["level", "flow"]]))]
    rng.shuffle(names)
    digits, scale = data.draw(st.integers(0, 4)), 10.0 ** data.draw(st.integers(0, 6))
    unit = data.draw(st.sampled_from(["", "", "", " °C", " m/s", "%"]))
    has_headings = data.draw(st.booleans())

    numbers = {name: [round(rng.uniform(-0.2, 1) * scale, digits) for _ in range(rows)] for name in ("level", "flow")}
    for values in numbers.values():
        changes = np.diff(values)
        assume(np.abs(changes - changes[0]).max() > 1e-3 * scale)  # neither constant nor a count
    cells = [
        [
            written(numbers[name][row], digits, locale) + unit if name in numbers else BESIDE[name](row, rng)
            for name in names
        ]
        for row in range(rows)
    ]
    if separator == " ":
        assume(not any(" " in cell for row in cells for cell in row))
    out = io.StringIO(newline="")
    writer = csv.writer(out, delimiter=separator, quoting=quoting, lineterminator=end)
    writer.writerows([names] * has_headings + cells)
    path = saved(tmp_path, out.getvalue())

    columns = {name: np.array(numbers[name]) for name in names if name in numbers}
    read = [(None, chosen(path))] + [(name, chosen(path, name)) for name in columns if has_headings]
    for name, column in read:
        if column is None:
            continue
        assert name is not None or len(columns) == 1  # two that are as good are refused
        expected = columns[name or "level"]
        assert column.values.shape == expected.shape
        values, largest = column.values, np.abs(expected).argmax()
        if separator == "," and values[largest] != expected[largest]:
            # Where commas separate, "2,011" in all rows is two thousand, and "2.011" two: the same series, scaled.
            values = values / 1000 if abs(values[largest]) > abs(expected[largest]) else values * 1000
        np.testing.assert_allclose(values, expected, rtol=1e-12, atol=0)


def chosen(path: Path, column: str | None = None) -> NumberColumn | None:
    try:
        return read_column(path, column)
    except UserError:
        return None


@pytest.mark.parametrize(
    ("cell", "decimal", "number", "unit"),
    [
        ("3.2 °C", ".", 3.2, "°C"),
        ("-3,2 °C", ",", -3.2, "°C"),
        ("1,234,567.5", ".", 1234567.5, ""),
        ("1.234.567,5", ",", 1234567.5, ""),
        ("12,34,567", ".", 1234567, ""),
        ("1 234,5 km", ",", 1234.5, "km"),
        ("1\u00a0234", ".", 1234, ""),
        ("1'234.5", ".", 1234.5, ""),
        ("$1,200", ".", 1200, "$"),
        ("-$5", ".", -5, "$"),
        ("(1,200)", ".", -1200, ""),
        ("−4.5e-3", ".", -0.0045, ""),
        ("45%", ".", 45, "%"),
        (".5", ".", 0.5, ""),
        ("12 W/m2", ".", 12, "W/m2"),
        ("5 kg/m³", ".", 5, "kg/m³"),
    ],
)
def test_a_number_is_read_with_its_sign_thousands_and_unit(cell: str, decimal: str, number: float, unit: str) -> None:
    assert parse_number(cell, decimal) == (number, unit)


@pytest.mark.parametrize(
    ("cell", "decimal"),
    [
        *[(cell, ".") for cell in ("", "x", "1_000", "inf", "nan", "0x", "1.2.3", "1,23", "0,806", "1,234,5", "12:30")],
        *[(cell, ".") for cell in ("5 pm", "2024-01-02", "1e999", "--5", "1 23", "(-5)", "3;4", "²")],
        *[(cell, ",") for cell in ("2.5", "0,", "1,2,3", "1.23")],
    ],
)
def test_what_is_no_number_is_none(cell: str, decimal: str) -> None:
    parsed = parse_number(cell, decimal)
    assert parsed is None or parsed[1] != "", parsed


DATES = (
    *("2024-01-31", "2024-01", "31.01.2024", "1/31/24", "31 Jan 2024", "Jan 31, 2024", "2024-01-31T12:30:00Z", "12:30"),
    *("2024-01-31 12:30", "1:05 PM", "Fri, 31 Jan 2024 10:00:00", "2024Q1", "2024-W05", "1. März 2024", "Jan 2024"),
    "31/01/2024 23:59:59,5",
)


@pytest.mark.parametrize("cell", DATES)
def test_dates_and_times_are_known(cell: str) -> None:
    assert is_date(cell)


@pytest.mark.parametrize("cell", ["12", "3.5", "1,5", "room 12", "", "1-2", "12:3", "2024"])
def test_numbers_and_words_are_no_dates(cell: str) -> None:
    assert not is_date(cell)


def rows(count: int, line: Callable[[int], str], heading: str = "") -> str:
    return heading + "".join(line(row) + "\n" for row in range(count))


LEVELS = [round(float(np.sin(i / 3)) * 4 + 10, 2) for i in range(30)]


@pytest.mark.parametrize(
    "text",
    [
        rows(30, lambda i: f"2024-01-{i + 1:02},{LEVELS[i]}", "day,level\n"),
        rows(30, lambda i: f"{i},{LEVELS[i]},{i * 2.5}", "nr,level,seconds\n"),
        rows(30, lambda i: f"{LEVELS[i]} °C", "level\n"),
        rows(30, lambda i: f"{20240101 + i},{LEVELS[i]}", "day,level\n"),
        rows(30, lambda i: f"{1704067200 + 60 * i + i % 7},{LEVELS[i]}", "when,level\n"),
        rows(30, lambda i: f"{1990 + i // 12},{i % 12 + 1},{LEVELS[i]}", "year,month,level\n"),
        rows(30, lambda i: f"{i},{LEVELS[i]},7", "nr,level,station\n"),
        rows(30, lambda i: f"{i}\t{LEVELS[i]}".replace(".", ","), "nr\tlevel\n\t°C\n"),
        "# made by a logger\n# day level\n" + rows(30, lambda i: f"{i} {LEVELS[i]:6}", "day level\n"),
        rows(30, lambda i: f'"{i}";"{LEVELS[i]}"'.replace(".", ","), '"nr";"level"\n'),
        rows(30, lambda i: f"{i},{LEVELS[i]},", ",level,\n"),
        "\n\n" + rows(30, lambda i: f"{i},{LEVELS[i]}\n", "nr,level\n"),
    ],
)
@pytest.mark.parametrize("encoding", ["utf-8", "utf-16"])
def test_the_one_column_that_can_be_learned_is_found_and_named(tmp_path: Path, text: str, encoding: str) -> None:
    column = read_column(saved(tmp_path, text.encode(encoding)))
    assert column.values.tolist() == LEVELS
    assert column.name == "level"
    assert column.notes[0].startswith('The column "level" is learned: 10, 11.31, 12.47, …')


def test_several_columns_that_are_as_good_are_named_and_one_asked_for(tmp_path: Path) -> None:
    path = saved(tmp_path, rows(30, lambda i: f"{i},{LEVELS[i]},{LEVELS[-i]}", "nr,sea,air\n"))
    with pytest.raises(UserError, match=r'2 columns that can be learned: "sea" \(10, .*"air" \(10, .*--column air'):
        read_column(path)
    assert read_column(path, "sea").values.tolist() == read_column(path, "2").values.tolist() == LEVELS


def test_a_damaged_column_is_refused_by_line_and_not_passed_over(tmp_path: Path) -> None:
    lines = [f"{i},{LEVELS[i]}" for i in range(30)]
    lines[20] = "20,error"
    with pytest.raises(UserError, match=r"Line 22 of table.csv, column 'level', holds 'error', which is no number"):
        read_column(saved(tmp_path, "\n".join(["nr,level", *lines])))
    lines[20] = "20,8 km"
    with pytest.raises(UserError, match="'8 km', whose unit is not that of the others"):
        read_column(saved(tmp_path, "\n".join(["nr,level", *lines])))


@pytest.mark.parametrize("token", ["", "NA", "NaN", "null", "-", "n/a", "?"])
def test_missing_values_are_counted_and_refused_skipped_or_filled(tmp_path: Path, token: str) -> None:
    lines = [f"{i},{LEVELS[i]}" for i in range(30)]
    lines[0], lines[4] = f"0,{token}", f"4,{token}"
    path = saved(tmp_path, "\n".join(["nr,level", *lines]))
    with pytest.raises(UserError, match=r"'level' of table.csv lacks 2 of 30 values \(the first in line 2\)"):
        read_column(path)
    skipped, filled = read_column(path, missing="skip"), read_column(path, missing="fill")
    assert skipped.values.tolist() == LEVELS[1:4] + LEVELS[5:]
    between = (LEVELS[3] + LEVELS[5]) / 2
    np.testing.assert_allclose(filled.values, [LEVELS[1], *LEVELS[1:4], between, *LEVELS[5:]])
    assert skipped.notes[1] == "2 of 30 values are missing and left out."
    assert filled.notes[1] == "2 of 30 values are missing and filled on a line between the others."


@pytest.mark.parametrize(
    ("text", "options", "values"),
    [
        (rows(30, lambda i: f"{LEVELS[i]:.2f}".replace(".", ",")), {"decimal": "comma"}, LEVELS),
        (rows(30, lambda i: f"{LEVELS[i]:.3f}"), {"decimal": "point"}, LEVELS),
        (rows(30, lambda i: f"{LEVELS[i]:.3f}"), {"decimal": "comma"}, [round(1000 * level) for level in LEVELS]),
        (rows(30, lambda i: f"{1 + i % 4} {200 + i % 7}"), {"separator": "none"}, None),
        (rows(30, lambda i: f"{i};{1000 * (2 + i % 5)}".replace("000", ".000")), {"decimal": "comma"}, None),
    ],
)
def test_a_table_that_can_be_read_in_two_ways_is_refused_until_one_is_chosen(
    tmp_path: Path, text: str, options: dict[str, str], values: list[float] | None
) -> None:
    path = saved(tmp_path, text)
    name, value = next(iter(options.items()))
    with pytest.raises(UserError, match=f"can be read as .* or as .*--{name} {value}"):
        read_column(path)
    column = read_column(path, **options)  # type: ignore[arg-type]
    assert values is None or column.values.tolist() == values


def test_numbers_elsewhere_in_the_table_decide_on_the_decimal_sign(tmp_path: Path) -> None:
    text = rows(30, lambda i: f"{i},5;{2000 + 7 * (i % 5)}".replace(";2", ";2."), "hour;visits\n")
    assert read_column(saved(tmp_path, text)).values[:3].tolist() == [2000, 2007, 2014]


REPORTS = Path(__file__).parent.parent.parent.parent / "shared" / "data" / "reports"


@pytest.mark.skipif(not REPORTS.is_dir(), reason="the reported files are not here")
def test_reported_tables_are_read_right_or_refused() -> None:
    visits, level = read_column(REPORTS / "thousands-separator.csv"), read_column(REPORTS / "tab-decimal-comma.txt")
    assert (visits.name, visits.values[:2].tolist()) == ("visits", [2011, 2126])
    assert (level.name, level.values[:2].tolist()) == ("Pegel", [2.02, 2.25])
    with pytest.raises(UserError, match=r"'temp' of first-value-missing.csv lacks 1 of 79 values"):
        read_column(REPORTS / "first-value-missing.csv")
    with pytest.raises(UserError, match=r"separated by commas.*one column, with decimal commas \(2.02, 2.25"):
        read_column(REPORTS / "one-column-decimal-comma.csv")


@pytest.mark.parametrize("column", [None, "level", "note"])
@pytest.mark.parametrize("end", ["", "701,3.5 km,full,1\n", "701,-,full,1\n", "701,x,full,1\n", "901\n", '701,"3\n'])
def test_all_rows_judge_a_long_table_however_few_are_taken_at_a_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, column: str | None, end: str
) -> None:
    rows = [f"{n},{n * 7 % 11 / 4} m,{'na' if n > 550 else 'full'},{n % 5 + 0.5}" for n in range(1, 700)]
    path = saved(tmp_path, "\n".join(["day,level,note,rest", "nr,mean,,", *rows, end]))

    def outcome() -> tuple[object, ...]:
        try:
            read = read_column(path, column)
        except UserError as error:
            return (str(error),)
        return read.name, read.values.tolist(), read.notes

    expected = outcome()
    for count in (3, 64):
        monkeypatch.setattr(table_readings, "CHUNK_ROWS", count)
        assert outcome() == expected


def test_a_column_is_on_a_line_only_if_all_of_it_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(table_columns, "_COMPARED", 8)
    path = saved(tmp_path, "level;row\n" + "".join(f"{n + (n == 50)};{n}\n" for n in range(60)))
    assert read_column(path).name == "level"


def test_a_long_table_is_not_held_in_memory_as_cells(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(table_readings, "CHUNK_ROWS", 500)
    path = saved(tmp_path, "day,level\n" + "".join(f"2024-01-{n % 30 + 1},{n % 977 / 8:.3f}\n" for n in range(20_000)))
    tracemalloc.start()
    try:
        column = read_column(path)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert column.name == "level" and len(column.values) == 20_000
    assert peak < 10 * path.stat().st_size  # 50 times, while each cell was a string of its own
