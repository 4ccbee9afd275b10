"""The bench: what it counts, what it prints, who takes part, and that nothing stays behind when it is interrupted."""

import io
import itertools
import json
import os
import signal
import subprocess
import sys
import time
import uuid
from pathlib import Path

import pytest
from rich.console import Console

from rnnplay import blas
from rnnplay.bench import benchmark, child, report, runner, workloads
from rnnplay.bench.runner import ChildFailed, LibraryProcess, Measurement, Result
from rnnplay.config import UserError
from rnnplay.engine import Architecture, Network

LIMIT = 120  # seconds, generous
BRIEF = ("bench", "--rounds", "1", "--seconds", "0.01")


def command(*arguments: str) -> list[str]:
    return [sys.executable, "-m", "rnnplay", *arguments]


def call(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command(*arguments), stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=LIMIT)


def result(name: str, seconds: dict[str, float], product: float = 2e-3) -> Result:
    """A made-up row; the product is of size 512."""
    row = next(row for row in workloads.ROWS if row.name == name)
    measured = {who: Measurement(took, 10, 40_000_000, "", row.operations) for who, took in seconds.items()}
    return Result(row, {**measured, workloads.PEAK_MATMUL: Measurement(product, 10, 0, "512x512", 2 * 512**3)})


@pytest.mark.parametrize("row", [row for row in workloads.ROWS if row.hidden < 512], ids=lambda row: row.name)
def test_the_operations_of_a_row_follow_from_the_matrices_of_its_network(row: workloads.Workload) -> None:
    a = Architecture(cell=row.cell, inputs=workloads.V, hidden=row.hidden, outputs=workloads.V, layers=row.layers)
    network = Network(a)
    assert network.flat.size == row.parameters
    matrices = [
        p.size for name, p in network.parameters.items() if ".b_" not in name and name not in ("b_y", "l0.W_xh")
    ]
    assert row.operations == 2 * sum(matrices) * row.characters * (1 if row.sampling else 3)


def test_the_rows_are_the_eighteen_training_steps_and_three_ways_of_sampling() -> None:
    assert [row.name for row in workloads.ROWS[:4]] == [
        "RNN 1x16 B1 T8", "LSTM 1x16 B1 T8", "GRU 1x16 B1 T8", "RNN 1x100 B1 T25"
    ]  # fmt: skip
    assert len({row.name for row in workloads.ROWS}) == len(workloads.ROWS) == 21
    assert [row.name for row in workloads.ROWS if row.sampling] == [
        f"{c} 2x128 sampling" for c in ("RNN", "LSTM", "GRU")
    ]


def test_rows_are_chosen_by_their_words() -> None:
    def names(asked: str) -> list[str]:
        return [row.name for row in benchmark.select_workloads(asked, quick=False)]

    assert names("gru 2x512") == ["GRU 2x512 B64 T64"]
    assert names("lstm sampling, rnn b32") == ["RNN 1x128 B32 T50", "LSTM 2x128 sampling"]
    assert len(names("training")) == 18
    assert max(row.hidden for row in benchmark.select_workloads(None, quick=True)) < 512
    with pytest.raises(UserError, match="No row is called"):
        names("transformer")


def test_a_doubling_changes_one_size_alone() -> None:
    for axis, field in (("T", "seq_len"), ("B", "batch"), ("H", "hidden")):
        works = workloads.scaling_workloads("gru", axis)
        for before, after in itertools.pairwise(works):
            changed = {name for name, value in after.fields().items() if value != before.fields()[name]}
            assert changed == {field}
            assert getattr(after, field) == 2 * getattr(before, field)


def test_a_ratio_is_against_the_better_number_of_threads() -> None:
    row = result("LSTM 1x128 B32 T50", {"rnnplay": 4e-3, "torch 1": 9e-3, "torch 2": 7e-3, "jax": 5e-3})
    assert row.ratio("torch") == pytest.approx(7 / 4)
    assert row.best("torch")[0] == "torch 2"  # type: ignore[index]
    assert row.ratio("jax") == pytest.approx(5 / 4)
    assert row.fraction_of_peak == pytest.approx((row.workload.operations / 4e-3) / (2 * 512**3 / 2e-3))


def test_a_summary_takes_training_and_sampling_apart() -> None:
    rows = [
        result("RNN 1x16 B1 T8", {"rnnplay": 1e-4, "torch 1": 8e-4}),
        result("GRU 1x16 B1 T8", {"rnnplay": 1e-4, "torch 1": 2e-4}),
        result("GRU 2x128 sampling", {"rnnplay": 1e-5, "torch 1": 5e-5}),
    ]
    told = report.summary(rows)["torch"]
    assert told["training"] == {"rows": 2, "geometric_mean": pytest.approx(4.0), "least": pytest.approx(2.0)}
    assert told["sampling"]["geometric_mean"] == pytest.approx(5.0)
    assert report.summary([result("GRU 2x128 sampling", {"rnnplay": 1e-5})]) == {}


def test_the_table_fits_in_eighty_columns_against_everyone() -> None:
    seconds = {"rnnplay": 0.1234, "torch 1": 0.4321, "torch 16": 0.3333, "jax": 1.2345}
    rows = [result(row.name, seconds) for row in workloads.ROWS]
    console = Console(file=io.StringIO(), width=80)
    console.print(report.table(rows))
    shown = console.file.getvalue()  # type: ignore[attr-defined]
    assert "…" not in shown
    assert shown.count("333 (16)") == 21


def test_the_first_step_of_a_slice_counts_only_where_it_is_long() -> None:
    assert len(child.measure_steps(lambda i: time.sleep(0.02), 0, 0.01)) == 1
    seen: list[int] = []
    assert len(child.measure_steps(seen.append, 5, 0.2)) == len(seen) - 1
    assert seen == list(range(5, 5 + len(seen)))


def test_a_child_that_cannot_begin_says_why() -> None:
    process = LibraryProcess("nobody", {}, 1)
    try:
        with pytest.raises(ChildFailed, match="adapter_nobody"):
            process.wait_until_ready()
    finally:
        process.close()


def test_why_says_who_chose_the_kernel_and_the_threads(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in (*blas.THREADS, blas.KERNEL):
        monkeypatch.delenv(name, raising=False)
    assert "own choice; one thread" in runner.explain_blas(dict.fromkeys(blas.THREADS, "1"))
    assert "measured" in runner.explain_blas({blas.KERNEL: "SKYLAKEX"})
    monkeypatch.setenv(blas.KERNEL, "HASWELL")
    monkeypatch.setenv("OMP_NUM_THREADS", "3")
    assert (
        runner.explain_blas({})
        == "The kernel is yours (OPENBLAS_CORETYPE=HASWELL); the threads are yours (OMP_NUM_THREADS=3)."
    )


def test_without_other_libraries_it_measures_the_engine_alone() -> None:
    child = call(*BRIEF, "--rows", "rnn 1x16, gru sampling", "--against", "none")
    assert child.returncode == 0, child.stderr
    lines = child.stdout.splitlines()
    assert lines[1].startswith("RNN 1x16 B1 T8 ")
    assert lines[2].startswith("GRU 2x128 sampling ")
    assert "PyTorch" not in child.stdout
    assert any(line.startswith("rnnplay: NumPy") and "kernel" in line for line in lines)


def test_as_json_it_prints_a_line_a_row_and_a_summary() -> None:
    child = call(*BRIEF, "--rows", "lstm 1x100", "--against", "none", "--json")
    assert child.returncode == 0, child.stderr
    machine, row, summary = map(json.loads, child.stdout.splitlines())
    assert [line["kind"] for line in (machine, row, summary)] == ["machine", "row", "summary"]
    assert row["chars_per_s"] == pytest.approx(25 / row["ms"]["rnnplay"] * 1e3)
    assert row["peak_memory"]["rnnplay"] > 10_000_000
    assert 0 < row["fraction_of_peak"] < 2
    assert machine["libraries"]["rnnplay"].startswith("NumPy")


def test_doublings_are_measured_cell_by_cell() -> None:
    child = call("bench", "--scaling", "--rows", "rnn", "--rounds", "1", "--seconds", "0.001", "--json")
    assert child.returncode == 0, child.stderr
    rows = [json.loads(line) for line in child.stdout.splitlines()]
    assert [row["axis"] for row in rows] == list("TTTTTBBBBBHHHHH")
    assert [row["factor"] is None for row in rows[:5]] == [True, False, False, False, False]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--rows", "transformer"), "No row is called"),
        (("--rounds", "0"), "--rounds is 0"),
        (("--seconds", "nan"), "--seconds is nan"),
        (("--scaling", "--rows", "tree"), "no cell 'tree'"),
        (("--scaling", "--against", "torch"), "the engine alone"),
    ],
)
def test_what_cannot_be_measured_is_refused_in_two_sentences(arguments: tuple[str, ...], said: str) -> None:
    child = call("bench", *arguments)
    assert child.returncode == 2
    assert said in child.stderr
    assert child.stderr.count("\n") == 1


@pytest.mark.skipif(not Path("/proc/self/environ").exists(), reason="looks for processes in /proc")
def test_interrupted_it_reports_what_is_done_and_leaves_no_process_behind() -> None:
    mark = f"RNNPLAY_BENCH_TEST={uuid.uuid4()}"
    name, _, value = mark.partition("=")

    def alive() -> list[str]:
        found = []
        for process in Path("/proc").iterdir():
            try:
                if process.name.isdigit() and mark.encode() in (process / "environ").read_bytes():
                    found.append(process.name)
            except OSError:
                continue
        return found

    child = subprocess.Popen(
        command("bench", "--against", "none", "--json", "--seconds", "0.01"),
        env=os.environ | {name: value},
        # A test run in the background ignores SIGINT, and hands that down.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert child.stdout is not None
    kinds = [json.loads(child.stdout.readline())["kind"] for _ in range(2)]
    assert len(alive()) == 3  # itself, the engine, the matrix product
    child.send_signal(signal.SIGINT)
    rest, errors = child.communicate(timeout=LIMIT)
    assert child.returncode == 130
    assert kinds == ["machine", "row"]
    assert json.loads(rest.splitlines()[-1])["kind"] == "summary"
    assert "Interrupted after" in errors
    assert "Traceback" not in errors
    assert alive() == []
