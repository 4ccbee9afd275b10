"""Tables of one's own: a CSV's column for `series`, a TSV of labelled lines for `sentiment`; wrong ones are refused."""

from pathlib import Path

import numpy as np
import pytest

from rnnplay.catalogue import make_config
from rnnplay.config import UserError
from rnnplay.tasks import make, series
from rnnplay.tasks.generated import SPLITS
from rnnplay.tasks.sentiment import Sentiment
from rnnplay.tasks.series import Series
from rnnplay.tasks.tables import read_column, read_labelled_lines


def saved(folder: Path, text: str | bytes, name: str = "table.csv") -> Path:
    path = folder / name
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return path


def waves(rows: int) -> str:
    return "day,note,level\n" + "".join(f"2024-{i},fair,{np.sin(i / 3) * 4 + 10}\n" for i in range(rows))


def test_the_column_that_is_named_is_taken(tmp_path: Path) -> None:
    path = saved(tmp_path, "day;a;b\n1;2.5;-3\n2;3.5;-4\n")
    column = read_column(path, "b")
    assert (column.values.tolist(), column.name) == ([-3, -4], "b") and len(column.sha256) == 64
    assert read_column(path, "a").values.tolist() == [2.5, 3.5]
    assert read_column(path, "1").name == "day"


def test_a_csv_without_a_heading_is_read_from_its_first_row(tmp_path: Path) -> None:
    assert read_column(saved(tmp_path, "1,10\n2,30\n3,20\n"), "2", decimal="point").values.tolist() == [10, 30, 20]


def test_windows_line_ends_and_a_byte_order_mark_are_understood(tmp_path: Path) -> None:
    path = saved(tmp_path, b"\xef\xbb\xbfvalue\r\n1.5\r\n2.5\r\n")
    assert read_column(path).values.tolist() == [1.5, 2.5]
    assert read_column(path, "value").name == "value"


@pytest.mark.parametrize(
    ("text", "column", "said"),
    [
        ("a,b\n1,2\n3,4\n", "c", "no column 'c'"),
        ("a,b\n1,2\n3,x\n", "b", "Line 3 .* holds 'x'"),
        ("a,b\n\n1,2\n\n3,x\n", "b", "Line 5 .* holds 'x'"),
        ('a,b\n"two\nlines",2\n3,x\n', "b", "Line 4 .* holds 'x'"),
        ("a,b\n1,2\n3,nan\n", "b", "lacks 1 of 2 values"),
        ("a,b\n1,2\n3,inf\n", "b", "'inf'"),
        ("a,b\n1,2\n3,\n", "b", "lacks 1 of 2 values"),
        ("a,b\n1,\n3,\n", "b", "'b' of table.csv is empty"),
        ("day,b\n2024-01-01,1\n2024-01-02,2\n", "day", "holds dates"),
        ("a,a\n1,2\n3,4\n", "a", "several columns 'a'"),
        ("a,b\n1,2\n3\n", "b", "Line 3 .* has 1 column and the first one 2"),
        ("a,b\n1,2\n3,4,5,6\n", "b", "Line 3 .* has 4 columns and the first one 2"),
        ('a,b\n1,2\n3,"4\n5,6\n', "b", "Line 3 .* begins no row"),
        ("a,b\n1,2\n3,1e300\n", "b", "'1e300', which is too large"),
        (",,\n,,\n", None, "no column of numbers"),
        ("a,b\nx,y\nz,w\n", None, "no column of numbers"),
        ("a,b\n", None, "no column of numbers"),
        ("  \n", None, "is empty"),
        (b"a\n\xff\xfe1\n", None, "is not UTF-8 .byte 0xFF at offset 2"),
        (b"a\n1\x002\n", None, "zero byte"),
    ],
)
def test_a_wrong_csv_is_refused_by_name(tmp_path: Path, text: str | bytes, column: str | None, said: str) -> None:
    with pytest.raises(UserError, match=said):
        read_column(saved(tmp_path, text), column)


def test_numbers_with_a_decimal_comma_are_read_where_semicolons_separate(tmp_path: Path) -> None:
    path = saved(tmp_path, "tag;wert;\n1;2,5;\n2;-0,25\n".replace("-0,25", "-0,25;;"))
    assert read_column(path, "wert").values.tolist() == [2.5, -0.25]


def test_a_heading_of_numbers_is_one_where_its_column_is_named(tmp_path: Path) -> None:
    path = saved(tmp_path, "2020,2021\n1,10\n2,20\n")
    assert read_column(path, "2021").values.tolist() == [10, 20]
    assert read_column(path, "2").values.tolist() == [2021, 10, 20]


@pytest.mark.parametrize("task", ["series", "prose", "sentiment", "hello", "addition"])
def test_a_column_without_a_table_is_refused(task: str) -> None:
    with pytest.raises(UserError, match="'level'"):
        make(make_config(task, column="level"))


def test_a_missing_file_and_a_directory_are_refused(tmp_path: Path) -> None:
    for path in (tmp_path / "absent.csv", tmp_path):
        with pytest.raises(UserError):
            read_column(path, None)


def test_a_csv_of_one_s_own_trains_as_a_series_in_its_own_units(tmp_path: Path) -> None:
    path = saved(tmp_path, waves(400))
    task = Series(make_config("series", text=str(path), seq_len=20, batch=3))
    assert task.batch(0).inputs.shape == (20, 1, 3)
    assert sum(len(task.parts[split]) for split in SPLITS) == 400
    example = task.example(1)
    assert example.series is not None and 5 < example.series.min() < example.series.max() < 15
    forecast = task.answer_question("3", lambda batch: batch.inputs)  # the same value again
    assert [text for text, _ in forecast] == [f"{np.sin(399 / 3) * 4 + 10:.4g} "] * 3
    with pytest.raises(UserError):
        task.answer_question("many", lambda batch: batch.inputs)


@pytest.mark.parametrize(("rows", "text"), [(20, None), (400, "level\n" + "7\n" * 400)])
def test_a_series_that_is_short_or_constant_is_refused(tmp_path: Path, rows: int, text: str | None) -> None:
    path = saved(tmp_path, text or waves(rows))
    with pytest.raises(UserError):
        Series(make_config("series", text=str(path)))


def test_a_long_series_is_fitted_in_parts_as_a_short_one_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    values = np.random.default_rng(3).standard_normal(400).cumsum()
    path = tmp_path / "walk.csv"
    path.write_text("level\n" + "".join(f"{value}\n" for value in values))
    task = Series(make_config("series", text=str(path), seq_len=20, batch=3))
    whole = task._linear()
    monkeypatch.setattr(series, "_FITTED", 50)
    np.testing.assert_allclose(task._linear(), whole, atol=1e-9)


def test_a_linear_predictor_follows_a_sine_but_not_the_tide(tmp_path: Path) -> None:
    sine = Series(make_config("series", text=str(saved(tmp_path, waves(400)))))
    assert sine.baselines()[0][1] < 1e-6
    tide = Series(make_config("series"))
    assert tide.baselines()[0][1] > 0.01


def reviews(count: int) -> str:
    return "review\tlabel\n" + "".join(f"number {i} was {'fine' if i % 2 else 'foul'}\t{i % 2}\n" for i in range(count))


def test_labelled_lines_of_one_s_own_train_as_sentiment(tmp_path: Path) -> None:
    path = saved(tmp_path, reviews(300), "mine.tsv")
    task = Sentiment(make_config("sentiment", text=str(path), batch=5))
    assert task.output_vocabulary == ("0", "1") and task.batch(0).inputs.shape[1] == 5
    assert sum(task.pool[split].inputs.shape[1] for split in SPLITS) == 300
    assert (task.bag_of_words(task.test()).argmax(axis=1) == task.test().targets[-1]).all()


def test_a_line_that_stands_twice_is_kept_once_and_said(tmp_path: Path) -> None:
    rows, _, notes = read_labelled_lines(saved(tmp_path, reviews(80) + "number 3 was fine\t0\n"))
    assert len(rows) == 80 and "twice" in notes[0]


def test_a_label_that_hardly_ever_stands_is_told(tmp_path: Path) -> None:
    _, _, notes = read_labelled_lines(saved(tmp_path, reviews(80) + "number 99 was fair\tnan\n"))
    assert notes == ("The label 'nan' stands in 1 line only.",)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("good\n" * 90, "1 column"),
        ("good\tyes\tmaybe\n" * 90, "3 columns"),
        ("".join(f"line {i}\tyes\n" for i in range(90)), "only the label 'yes', in 90 lines"),
        ("".join(f"{'yn'[i % 2]}\tline {i}\n" for i in range(90)), "2 different texts in 90 lines"),
        (b"\xff\tyes\n", "is not UTF-8"),
        (" \n", "is empty"),
        ("text\tlabel\n", "no labelled line"),
        ("".join(f"line {i}\tlabel {i}\n" for i in range(190)), "190 different labels"),
        ("a\tyes\nb\tno\n", "2 different texts"),
        ("\tyes\n", "an empty column"),
    ],
)
def test_wrong_labelled_lines_are_refused_by_line(tmp_path: Path, text: str | bytes, said: str) -> None:
    with pytest.raises(UserError, match=said):
        read_labelled_lines(saved(tmp_path, text))


@pytest.mark.parametrize("sign", ["\u2028", "\u2029", "\x85", "\x0c", "\x0b", "\x1c"])
def test_a_labelled_line_ends_at_its_line_end_alone(tmp_path: Path, sign: str) -> None:
    lines = reviews(60).replace("number 7 was", f"number 7{sign}was").replace("\n", "\r\n")
    rows, _, _ = read_labelled_lines(saved(tmp_path, lines))
    assert len(rows) == 60 and rows[7] == (f"number 7{sign}was fine", "1")
    with pytest.raises(UserError, match="Line 62 of"):
        read_labelled_lines(saved(tmp_path, lines + "no label\r\n"))


def test_tables_are_read_in_the_encoding_that_is_chosen(tmp_path: Path) -> None:
    path = saved(tmp_path, waves(60).replace("fair", "schön").encode("cp1252"))
    with pytest.raises(UserError, match="It may be cp1252"):
        read_column(path)
    assert read_column(path, encoding="cp1252").name == "level"
    path = saved(tmp_path, reviews(60).replace("fine", "schön").encode("utf-16"))
    assert read_labelled_lines(path)[0][1] == ("number 1 was schön", "1")
