"""Activations as data: every row is what the network has in mind there, in each format, whatever the text's length."""

import csv
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import safetensors.numpy
from click.testing import CliRunner
from made_networks import imported, weights_of, write_letters

import rnnplay
from rnnplay.catalogue import make_config
from rnnplay.cli import cli
from rnnplay.config import UserError
from rnnplay.engine.readout import loss_per_step
from rnnplay.exchange import trace as trace_module
from rnnplay.exchange import trace_files
from rnnplay.lab.cells import trace_rows
from rnnplay.lab.cells.trace import state_or_gate
from rnnplay.protocol import Inspect, Train
from rnnplay.tasks.base import Batch
from rnnplay.trainer.opening import begin_run, open_session


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A network of two layers on a text of nine letters."""
    folder = tmp_path_factory.mktemp("traced")
    safetensors.numpy.save_file(weights_of("lstm", 2), folder / "network.safetensors")
    return imported(folder / "network.safetensors", folder)[0]


@pytest.fixture
def small_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    """So many blocks and pieces that a short text has several of each."""
    monkeypatch.setattr(trace_rows, "_NUMBERS", 64 * (8 * 2 * 7 + 2 * 9))
    monkeypatch.setattr(trace_rows, "_PIECE", 150)


def begun(root: Path, task: str, **choices: Any) -> Path:
    """A run of a task before its first step."""
    session = begin_run(Train(config=make_config(task, **{"hidden": 6, "layers": 2, **choices}), root=str(root)))
    try:
        session.save()
    finally:
        session.close()
    return session.run


def expected(run: Path, ids: Any) -> Any:
    session = open_session(Inspect(run=str(run)))
    try:
        network = session.learner.eval_network()
        read = ids.astype("i4")[:, None]
        return network, network.forward(Batch(read, read), gates=True)
    finally:
        session.close()


def loaded(file: Path) -> dict[str, Any]:
    with np.load(file, allow_pickle=False) as content:
        return dict(content)


def csv_rows(file: Path) -> Iterator[dict[str, str]]:
    with file.open(encoding="utf-8", newline="") as opened:
        yield from csv.DictReader(opened)


@pytest.mark.usefixtures("small_blocks")
def test_every_state_of_a_long_text_is_that_of_one_reading(run: Path, tmp_path: Path) -> None:
    text = write_letters(tmp_path / "other.txt", count=400)
    file = rnnplay.trace(str(run), tmp_path / "trace.npz", text=str(text), states=("h", "c", "f"))
    found = loaded(file)
    network, result = expected(run, found["id"])
    assert "".join(found["symbol"]) == text.read_text() and len(found["id"]) == 409
    for state in ("h", "c", "f"):
        values = state_or_gate(network, result, state)[..., 0].swapaxes(0, 1)
        assert found[state].dtype == np.float16 and found[state].shape == (409, 2, 7)
        np.testing.assert_allclose(found[state], values, atol=2e-3)
    bits = loss_per_step(result.logits[:-1], found["id"][1:, None].astype(int), "softmax")[:, 0] / np.log(2)
    assert np.isnan(found["surprise"][0])
    np.testing.assert_allclose(found["surprise"][1:], bits, rtol=1e-4)
    words = np.array([symbol.isalnum() for symbol in text.read_text()])
    starts = words & ~np.concatenate([[False], words[:-1]])
    np.testing.assert_array_equal(found["start of word"], starts)
    assert {"inside quotes", "column"} <= set(found)


@pytest.mark.usefixtures("small_blocks")
def test_no_block_of_rows_is_larger_for_a_longer_text(run: Path, tmp_path: Path) -> None:
    text = write_letters(tmp_path / "long.txt", count=2_000)
    session = open_session(Inspect(run=str(run), text=str(text)))
    try:
        reader = trace_rows.TraceReader(session.learner.eval_network(), session.learner.task, session.inspected_ids)
        sizes = [len(rows.item) for rows in reader.rows(["h"])]
    finally:
        session.close()
    assert sum(sizes) == reader.size == 2_009 and max(sizes) == 64


def test_a_network_of_the_gallery_is_traced_by_its_name(tmp_path: Path) -> None:
    found = loaded(rnnplay.trace("gallery/quotes", tmp_path / "quotes.npz", characters=50))
    assert found["h"].shape[0] == 50 and "inside quotes" in found


@pytest.mark.usefixtures("small_blocks")
def test_comma_separated_values_say_the_same_as_the_arrays(run: Path, tmp_path: Path) -> None:
    arrays = loaded(rnnplay.trace(str(run), tmp_path / "a.npz", states=("all",), characters=80))
    rows = list(csv_rows(rnnplay.trace(str(run), tmp_path / "a.csv", states=("all",), characters=80)))
    assert len(rows) == 80 and [row["symbol"] for row in rows] == arrays["symbol"].tolist()
    assert {"h1.1", "c2.7", "o1.3", "g2.1", "surprise"} <= set(rows[0])
    for name, layer, unit in (("h", 1, 3), ("c", 2, 7), ("o", 1, 1)):
        column = np.array([row[f"{name}{layer}.{unit}"] for row in rows]).astype(np.float16)
        np.testing.assert_array_equal(column, arrays[name][:, layer - 1, unit - 1])
    assert [row["start of word"] for row in rows] == [str(int(value)) for value in arrays["start of word"]]
    assert rows[0]["surprise"] == ""


def test_parquet_says_the_same_as_the_arrays(run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    parquet = pytest.importorskip("pyarrow.parquet")
    monkeypatch.setattr(trace_rows, "_NUMBERS", 64 * (8 * 2 * 7 + 2 * 9))
    monkeypatch.setattr(trace_files, "_GROUP_NUMBERS", 1)
    text = write_letters(tmp_path / "other.txt", count=1_500)
    arrays = loaded(rnnplay.trace(str(run), tmp_path / "a.npz", text=str(text)))
    file = parquet.ParquetFile(rnnplay.trace(str(run), tmp_path / "a.parquet", text=str(text)))
    assert file.num_row_groups == 2
    table = file.read()
    assert table["symbol"].to_pylist() == arrays["symbol"].tolist()
    np.testing.assert_array_equal(table["h2.5"].to_numpy(), arrays["h"][:, 1, 4])


def test_items_are_read_each_from_a_zero_state(tmp_path: Path) -> None:
    names = tmp_path / "names.txt"
    names.write_text("\n".join(f"{first}{last}" for first in ("anna", "ben", "clara", "dora") for last in "abcdefgh"))
    run = begun(tmp_path, "text", text=str(names), document="line", seq_len=8, batch=2, validation=0.5)
    found = loaded(rnnplay.trace(str(run), tmp_path / "names.npz"))
    assert found["item"][-1] > 3
    for item in range(found["item"][-1] + 1):
        of_item = found["item"] == item
        assert found["symbol"][of_item][0] == "\n" and found["step"][of_item].tolist() == list(range(of_item.sum()))
        _, result = expected(run, found["id"][of_item])
        np.testing.assert_allclose(found["h"][of_item, 0], result.h[0, 1:, :, 0], atol=2e-3)


@pytest.mark.parametrize(("task", "column"), [("brackets", "symbol"), ("adding", "x1"), ("series", "x1")])
def test_generated_items_are_rows_too(task: str, column: str, tmp_path: Path) -> None:
    run = begun(tmp_path, task)
    rows = list(csv_rows(rnnplay.trace(str(run), tmp_path / "items.csv", characters=200)))
    assert len(rows) == 200 and column in rows[0] and "surprise" not in rows[0]
    assert rows[0]["item"] == rows[0]["step"] == "0" and (rows[-1]["item"] != "0" or task == "series")
    session = open_session(Inspect(run=str(run)))
    try:
        batch = next(iter(session.learner.task.evaluation())).select_sequences(slice(1))
        values = session.learner.eval_network().forward(batch).h[0, 1:, 0, 0]
    finally:
        session.close()
    steps = [int(row["step"]) for row in rows if row["item"] == "0"]
    column_values = [float(row["h1.1"]) for row in rows if row["item"] == "0"]
    np.testing.assert_allclose(column_values, values[steps], atol=2e-3)


@pytest.mark.parametrize("suffix", ["npz", "csv", "parquet"])
def test_the_size_is_told_before_and_right(run: Path, tmp_path: Path, suffix: str) -> None:
    if suffix == "parquet":
        pytest.importorskip("pyarrow")
    text, told = write_letters(tmp_path / "other.txt", count=3_000), []
    estimate = {
        "npz": trace_files.npz_bytes,
        "csv": trace_files.csv_bytes,
        "parquet": trace_files.parquet_bytes,
    }[suffix]

    def announce(sentence: str, rows: int) -> None:
        told.append(sentence)
        assert not list(tmp_path.glob(".trace*")) and not list(tmp_path.glob("trace.*"))

    file = rnnplay.trace(str(run), tmp_path / f"trace.{suffix}", text=str(text), announce=announce)
    session = open_session(Inspect(run=str(run), text=str(text)))
    try:
        reader = trace_rows.TraceReader(session.learner.eval_network(), session.learner.task, session.inspected_ids)
        size, beside = estimate(reader, ("h",))
    finally:
        session.close()
    assert any(sentence.startswith("3,009 time steps of 14 numbers take ") for sentence in told)
    if suffix == "parquet":
        assert 0.3 * size < file.stat().st_size <= size
    else:
        assert file.stat().st_size == pytest.approx(size, rel=0.05)
    assert (beside > 0) == (suffix == "npz")


def test_without_room_nothing_is_written(run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(trace_module.shutil, "disk_usage", lambda path: type("Usage", (), {"free": 1_000}))
    with pytest.raises(UserError, match=r"takes about .* kB, .* has 1 kB left"):
        rnnplay.trace(str(run), tmp_path / "trace.npz")
    monkeypatch.undo()

    def broken(*arguments: Any) -> None:
        Path(arguments[0]).write_bytes(b"half")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(trace_files, "write_csv", broken)
    with pytest.raises(UserError, match="No space left on device"):
        rnnplay.trace(str(run), tmp_path / "trace.csv")
    assert list(tmp_path.iterdir()) == []


def test_what_cannot_be_traced_is_refused_in_two_sentences(
    run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for choices, reason in (
        ({"output": tmp_path / "trace.txt"}, "does not say its format"),
        ({"output": tmp_path / "none" / "trace.npz"}, "cannot be written"),
        ({"states": ("z",)}, "A lstm has no 'z'"),
        ({"states": ()}, "No state is named"),
        ({"characters": 0}, "0 time steps"),
        ({"text": str(tmp_path / "none.txt")}, "There is no file"),
    ):
        with pytest.raises(UserError, match=reason):
            rnnplay.trace(str(run), **{"output": tmp_path / "trace.npz", **choices})
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(UserError, match="pyarrow is not installed"):
        rnnplay.trace(str(run), tmp_path / "trace.parquet")


def test_the_command_writes_the_file_and_names_it(run: Path, tmp_path: Path) -> None:
    child = subprocess.run(
        [sys.executable, "-m", "rnnplay", "trace", str(run), "--output", "trace.npz", "--state", "c"],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        cwd=tmp_path,
    )
    assert child.returncode == 0, child.stderr
    assert child.stdout == "trace.npz\n" and "time steps of 14 numbers take about" in child.stderr
    assert loaded(tmp_path / "trace.npz")["c"].shape[1:] == (2, 7)


def test_after_ctrl_c_nothing_is_left(run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(path: Path, *arguments: Any) -> None:
        path.write_bytes(b"half")
        raise KeyboardInterrupt

    monkeypatch.setattr(trace_files, "write_npz", interrupted)
    monkeypatch.setattr(sys.modules["rnnplay.cli.trace"], "use_trainer_blas", lambda: None)  # this process has its own
    result = CliRunner().invoke(cli, ["trace", str(run), "--output", str(tmp_path / "trace.npz")])
    assert result.exit_code == 130, result.output
    assert list(tmp_path.iterdir()) == []


def test_the_lines_of_the_readme_draw_a_unit(run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("pandas")
    pytest.importorskip("matplotlib").use("agg")
    readme = (Path(__file__).parents[2] / "README.md").read_text(encoding="utf-8")
    (code,) = (block for block in re.findall(r"^```python\n(.*?)^```", readme, re.M | re.S) if "pandas" in block)
    assert len(code.splitlines()) == 6
    rnnplay.trace(str(run), tmp_path / "trace.csv")
    monkeypatch.chdir(tmp_path)
    exec(code, {})
    assert (tmp_path / "trace.png").read_bytes().startswith(b"\x89PNG")
