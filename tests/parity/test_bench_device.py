"""`rnnplay bench --device`: the engine on a device beside a plain loop, run on PyTorch's CPU device."""

import json

import pytest
from click.testing import CliRunner

from rnnplay.cli import cli
from rnnplay.config import UserError

pytest.importorskip("torch")

BRIEF = ["bench", "--device", "torch-cpu", "--rounds", "1", "--seconds", "0.02"]


@pytest.mark.parametrize("cell", ["rnn", "lstm", "gru"])
def test_the_plain_loop_and_the_engine_learn_the_same_work(cell: str) -> None:
    from rnnplay.backend.devices import open_torch
    from rnnplay.bench.adapter_torch_loop import PlainLoop
    from rnnplay.bench.device_steps import EngineSteps
    from rnnplay.bench.workloads import Workload

    workload = Workload(cell, 2, 24, 3, 7)
    device = open_torch("torch-cpu", "float32", "float32")
    for steps in (EngineSteps("torch-cpu", "float32", workload), PlainLoop(device, workload)):
        first = steps.run(8)  # all eight batches
        assert steps.run(160) < first - 0.1


def test_both_figures_and_their_ratio_are_printed() -> None:
    lines = CliRunner().invoke(cli, [*BRIEF, "--rows", "gru 1x16", "--json"]).output.splitlines()
    row, about = map(json.loads, lines)
    assert row["row"] == "GRU 1x16 B1 T8"
    assert row["ratio"] == pytest.approx(row["plain_ms"] / row["ms"])
    assert about["precision"] == "tf32" and about["device"].startswith("PyTorch") and about["problems"] == []
    shown = CliRunner().invoke(cli, [*BRIEF, "--rows", "gru 1x16"]).output
    assert "GRU 1x16 B1 T8" in shown and "plain PyTorch ms" in shown


@pytest.mark.parametrize(
    ("more", "problem"),
    [(["--scaling"], "a table of its own"), (["--rows", "lstm sampling"], "on the CPU"), (["--device", "gpu"], "gpu")],
)
def test_what_makes_no_sense_is_refused(more: list[str], problem: str) -> None:
    refused = CliRunner().invoke(cli, [*BRIEF, *more]).exception
    assert isinstance(refused, UserError) and problem in str(refused)
