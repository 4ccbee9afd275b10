"""The runs as a table, or as lines of JSON."""

from datetime import datetime

import msgspec

from rnnplay import runs
from rnnplay.cli.gpus import gpu_lines
from rnnplay.cli.report import json_line
from rnnplay.formatting import loss_text, short


def list_runs(root: str | None, as_json: bool) -> None:
    """Print every run, the newest first."""
    folder = runs.runs_root(root)
    infos = runs.list_runs(folder)
    if as_json:
        for info in infos:
            json_line("run", msgspec.to_builtins(info))
        return
    if not infos:
        print(f"There is no run in {folder} yet. Train one: rnnplay train hello")
        return
    rows: list[tuple[str, ...]] = [("ID", "BEGUN", "TASK", "NETWORK", "STATE", "STEP", "LOSS", "VALIDATION", "SIZE")]
    for info in infos:
        rows.append(
            (
                info.id,
                f"{datetime.fromisoformat(info.created).astimezone():%Y-%m-%d %H:%M}" if info.created else "",
                info.task,
                f"{info.cell} {info.layers}x{info.hidden}" if info.cell else "",
                f"{info.state} on {info.host}" if info.host else f"{info.state}{' *' if info.alive else ''}",
                f"{info.step:,}",
                "" if info.loss is None else loss_text(info.loss),
                "" if info.validation is None else loss_text(info.validation),
                f"{short(info.size)}B",
            )
        )
    if any(info.device for info in infos):
        devices = ["DEVICE", *(info.device or "CPU" for info in infos)]
        rows = [(*row, device) for row, device in zip(rows, devices, strict=True)]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        padded = enumerate(zip(row, widths, strict=True))
        cells = [cell.rjust(width) if 4 < i < 9 else cell.ljust(width) for i, (cell, width) in padded]
        print("  ".join(cells).rstrip())
    print(f"in {folder}")
    if any(info.device for info in infos if info.state == "training"):
        for line in gpu_lines():
            print(line)
    if alive := [info for info in infos if info.alive]:
        print(f"* alive: `rnnplay attach {alive[0].id}` shows it, `rnnplay stop {alive[0].id}` ends it.")
