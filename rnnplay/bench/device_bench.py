"""`rnnplay bench --device cuda`: training steps on a device of PyTorch's beside a plain loop in PyTorch.

Both are in one process, do some steps in turn and wait only at the end of a turn, as in training.
"""

from collections.abc import Sequence
from typing import Any

from rich.table import Table

from rnnplay.backend.devices import TorchDevice, open_torch
from rnnplay.bench import report
from rnnplay.bench.adapter_torch_loop import LayerAlone, PlainLoop
from rnnplay.bench.device_steps import EngineSteps, milliseconds
from rnnplay.bench.workloads import TRAINING, Workload
from rnnplay.config import UserError
from rnnplay.formatting import short, three_digits

DEFAULT_ROWS = ("LSTM 1x128 B32 T50", "LSTM 2x512 B64 T64")
ANCHOR = (1_024, 16, 768)  # (T, B, H) of a published time
ANCHOR_MS, ANCHOR_SOURCE = 5.19, "cuDNN's LSTM on an H100 in half precision"


def default_rows() -> list[Workload]:
    """The two rows that are measured if none is named: arithmetic decides the one, the cost of calls the other."""
    return [row for row in TRAINING if row.name in DEFAULT_ROWS]


def compare(device: str, precision: str, rows: Sequence[Workload], rounds: int, seconds: float, as_json: bool) -> int:
    """Measure and report. Returns the exit status. Raises UserError if the device cannot be had."""
    if any(row.sampling for row in rows):
        raise UserError("Sampling is done on the CPU.", "Name training rows: rnnplay bench --device cuda --rows lstm.")
    opened = open_torch(device, precision, "float32")
    results: list[dict[str, Any]] = []
    problems: list[str] = []
    for workload in rows:
        ours = EngineSteps(device, precision, workload)
        own_ms, plain_ms = milliseconds([ours, PlainLoop(opened, workload)], rounds, seconds)
        problems += [ours.engine.problem] if ours.engine.problem else []
        speed = workload.characters / own_ms * 1e3
        results.append(
            {"row": workload.name, "ms": own_ms, "plain_ms": plain_ms, "ratio": plain_ms / own_ms, "chars_per_s": speed}
        )
        if as_json:
            report.json_line("row", results[-1])
    anchor = _anchor(opened, rounds, seconds)
    about = {
        "device": opened.describe(precision),
        "torch": opened.torch.__version__,
        "cudnn": opened.torch.backends.cudnn.version() if opened.is_gpu else None,
        "precision": precision,
        "anchor_ms": anchor,
        "problems": problems,
    }
    if as_json:
        report.json_line("device", about)
    else:
        _print(results, about)
    return 0


def _anchor(opened: TorchDevice, rounds: int, seconds: float) -> float | None:
    """Milliseconds of the layer alone; None where it is not measured: not a GPU, or cuDNN without bfloat16."""
    if not opened.is_gpu:
        return None
    try:
        return milliseconds([LayerAlone(opened, *ANCHOR)], rounds, seconds)[0]
    except RuntimeError:
        return None


def _print(results: Sequence[dict[str, Any]], about: dict[str, Any]) -> None:
    console = report.console()
    table = Table(box=None, pad_edge=False, padding=(0, 1, 0, 0), header_style="bold")
    table.add_column("one training step", no_wrap=True)
    for heading in ("ms", "char/s", "plain PyTorch ms", "×"):
        table.add_column(heading, justify="right", no_wrap=True)
    for row in results:
        table.add_row(
            row["row"],
            three_digits(row["ms"]),
            short(row["chars_per_s"]),
            three_digits(row["plain_ms"]),
            f"{row['ratio']:.2f}",
        )
    console.print(table)
    console.print(f"\n{about['device']}; PyTorch {about['torch']}, cuDNN {about['cudnn'] or 'none'}.")
    console.print("Plain PyTorch: torch.nn's layers, ids on the device, fused Adam, no wait within the loop.")
    if about["anchor_ms"] is not None:
        T, B, H = ANCHOR
        console.print(
            f"One LSTM forward and backward alone, bf16, B {B}, T {T:,}, H {H}: {about['anchor_ms']:.3g} ms "
            f"({ANCHOR_SOURCE}: {ANCHOR_MS} ms)."
        )
    for problem in about["problems"]:
        console.print(problem)
