"""The runs as a table, or as lines of JSON."""

import shutil
import sys
from datetime import datetime

import msgspec

from rnnplay import runs
from rnnplay.cli.gpus import gpu_lines
from rnnplay.cli.report import json_line
from rnnplay.formatting import loss_text, short

_NUMBERS = frozenset({"STEP", "LOSS", "VALIDATION", "VALID.", "SIZE"})  # columns

Rows = list[tuple[str, ...]]  # the first are the headings


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
    rows: Rows = [("ID", "BEGUN", "TASK", "NETWORK", "STATE", "STEP", "LOSS", "VALIDATION", "SIZE")]
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
    if sys.stdout.isatty():
        rows = fit_columns(rows, shutil.get_terminal_size().columns)
    for row in rows:
        cells = zip(rows[0], row, _widths(rows), strict=True)
        padded = [cell.rjust(width) if name in _NUMBERS else cell.ljust(width) for name, cell, width in cells]
        print("  ".join(padded).rstrip())
    print(f"in {folder}")
    if any(info.device for info in infos if info.state == "training"):
        for line in gpu_lines():
            print(line)
    if alive := [info for info in infos if info.alive]:
        print(f"* alive: `rnnplay attach {alive[0].id}` shows it, `rnnplay stop {alive[0].id}` ends it.")


def _widths(rows: Rows) -> list[int]:
    return [max(map(len, column)) for column in zip(*rows, strict=True)]


def fit_columns(rows: Rows, width: int) -> Rows:
    """Leave out what matters least until a line has at most `width` characters: the size, the year, the network."""
    for name in ("SIZE", "BEGUN", "VALIDATION", "NETWORK"):
        if sum(_widths(rows)) + 2 * (len(rows[0]) - 1) <= width:
            break
        at = rows[0].index(name)
        column = [row[at] for row in rows]
        shown: list[list[str]]
        match name:
            case "BEGUN":
                shown = [[name], *([begun[5:]] for begun in column[1:])]
            case "VALIDATION":
                shown = [["VALID."], *([loss] for loss in column[1:])]
            case _:
                shown = [[] for _ in column]
        rows = [(*row[:at], *cells, *row[at + 1 :]) for row, cells in zip(rows, shown, strict=True)]
    return rows
