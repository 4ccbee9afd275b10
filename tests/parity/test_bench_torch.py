"""The bench beside PyTorch: the same work, in processes of their own."""

import json
import subprocess
import sys

import pytest

from rnnplay.bench.workloads import SAMPLING, Workload
from rnnplay.machine import available_cores

pytest.importorskip("torch")


@pytest.mark.parametrize("cell", ["rnn", "lstm", "gru"])
def test_pytorchs_steps_learn_and_its_samples_are_characters(cell: str) -> None:
    from rnnplay.bench import adapter_torch

    adapter = adapter_torch.adapter(1)
    step, variant, _ = adapter.prepare(Workload(cell, 2, 23, 3, 7))
    losses = [float(step(8 * i)) for i in range(60)]  # type: ignore[arg-type]  # the same batch every time
    assert losses[-1] < losses[0] - 0.5
    assert "Adam" in variant
    draw, *_ = adapter.prepare(next(row for row in SAMPLING if row.cell == cell))
    drawn = [i for _ in range(20) for i in draw(0)]  # type: ignore[attr-defined]  # sixteen at a time
    assert len(set(drawn)) > 20
    assert set(drawn) <= set(range(65))


def test_ratios_are_printed_for_one_and_for_all_threads() -> None:
    choices = ("--rows", "gru 1x16", "--against", "torch", "--json", "--rounds", "2", "--seconds", "0.05")
    child = subprocess.run(
        [sys.executable, "-m", "rnnplay", "bench", *choices],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=300,
        check=True,
    )
    _, row, _summary = map(json.loads, child.stdout.splitlines())
    processes = {f"torch {threads}" for threads in (1, available_cores())}
    assert set(row["ms"]) == {"rnnplay", *processes}
    assert row["ratio"]["torch"] == pytest.approx(min(row["ms"][who] for who in processes) / row["ms"]["rnnplay"])
