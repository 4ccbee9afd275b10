"""A benchmark: its rows, the libraries to compare with, progress while it runs, and the report."""

import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from rich.console import Console
from rich.markup import escape

from rnnplay import blas
from rnnplay.bench import report
from rnnplay.bench.runner import LIBRARIES, RNNPLAY, BenchRun, Result, explain_blas, installed, start_children
from rnnplay.bench.workloads import CELLS, ROWS, SCALING, Workload, scaling_workloads
from rnnplay.config import UserError

INTERRUPTED = 130  # exit status
BUSY_LOAD = 0.7  # load average above which other programs disturb the measurement
QUICK_ROUNDS, QUICK_SECONDS, QUICK_HIDDEN = 2, 0.05, 256


def select_workloads(names: str | None, quick: bool) -> list[Workload]:
    """The rows that have every word of one of the comma-separated parts of `names`: "lstm", "gru 2x512, sampling"."""
    rows = [workload for workload in ROWS if not quick or workload.hidden <= QUICK_HIDDEN]
    if names is None:
        return rows
    parts = [set(part.lower().split()) for part in names.split(",") if part.strip()]
    selected = [
        workload
        for workload in ROWS
        if any(part <= {"training" if not workload.sampling else "", *_lower(workload)} for part in parts)
    ]
    if not selected:
        names = ", ".join(dict.fromkeys(word for workload in ROWS for word in _lower(workload)))
        raise UserError(f"No row is called {names!r}.", f"Choose from: training, {names}; or two of them: lstm 2x512.")
    return selected


def _lower(workload: Workload) -> list[str]:
    return [word.lower() for word in workload.title_parts]


def select_libraries(names: Sequence[str]) -> list[str]:
    """The libraries to compare with: `names`, which must be installed, or if it is empty all that are installed."""
    if "none" in names:
        return []
    for library in names:
        if not installed(library):
            extra = "pip install 'rnnplay[parity]'" if library == "torch" else f"pip install {library}"
            raise UserError(f"{LIBRARIES[library]} is not installed.", f"Install it ({extra}), or use --against none.")
    return [library for library in LIBRARIES if library in names or (not names and installed(library))]


class Progress:
    """A status line on standard error; if that is no terminal, nothing is shown."""

    def __init__(self, total: int) -> None:
        self._console = Console(stderr=True, highlight=False)
        self._status = self._console.status("")
        self._total, self._done = total, 0
        self.row = ""

    def show(self, what: str) -> None:
        if self._console.is_terminal:
            self._status.update(escape(f"{self._done + 1} of {self._total}  {self.row}  {what}  (Ctrl-C ends it)"))

    def next(self) -> None:
        self._done += 1

    def __enter__(self) -> "Progress":
        if self._console.is_terminal:
            self._status.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._status.stop()


@contextmanager
def _start_run(workloads: int, libraries: Sequence[str], reasons: list[str]) -> Iterator[tuple[BenchRun, Progress]]:
    with Progress(workloads) as progress:
        progress.row = ", ".join([RNNPLAY, *(LIBRARIES[library] for library in libraries)])
        progress.show("start")
        reasons.append(explain_blas(blas.trainer_environment()))
        load = os.getloadavg()[0]
        with start_children(libraries) as run:
            if load > BUSY_LOAD:
                run.notes.append(f"Other programs were computing too (load average {load:.1f}): the results are rough.")
            yield run, progress


def bench(workloads: Sequence[Workload], libraries: Sequence[str], rounds: int, seconds: float, as_json: bool) -> int:
    """Measure and report. Returns the exit status. After Ctrl-C it reports the rows measured so far."""
    results: list[Result] = []
    reasons: list[str] = []
    machine: dict[str, Any] = {}
    notes: list[str] = []
    status = 0
    try:
        with _start_run(len(workloads), libraries, reasons) as (run, progress):
            machine, notes = report.describe_machine(run, reasons[0]), run.notes
            if as_json:
                report.json_line("machine", machine)
            for workload in workloads:
                progress.row = workload.name
                results.append(run.measure(workload, rounds, seconds, progress.show))
                progress.next()
                if as_json:
                    report.json_line("row", report.values(results[-1]))
    except KeyboardInterrupt:
        status = INTERRUPTED
    if as_json:
        report.json_line("summary", {**report.summary(results), "notes": notes})
    elif results:
        report.show(report.console(), machine, results, notes)
    if status:
        print(f"Interrupted after {len(results)} of {len(workloads)} rows.", file=sys.stderr)
    return status


def scaling(cells: Sequence[str], rounds: int, seconds: float, as_json: bool) -> int:
    """Measure the cost of a step as T, B and H double. Returns the exit status."""
    axes = [(cell, axis, scaling_workloads(cell, axis)) for cell in cells for axis in SCALING]
    measured: dict[str, dict[str, list[Result]]] = {cell: {} for cell in cells}
    status = 0
    try:
        with _start_run(rounds * sum(len(workloads) for _, _, workloads in axes), (), []) as (run, progress):
            for cell, axis, workloads in axes:
                turns: list[list[Result]] = [[] for _ in workloads]
                for _ in range(rounds):  # in rounds, so that a slower machine affects all sizes equally
                    for workload, results in zip(workloads, turns, strict=True):
                        progress.row = workload.name
                        results.append(run.measure(workload, 1, seconds, progress.show))
                        progress.next()
                measured[cell][axis] = doubled = [report.combined(results) for results in turns]
                for before, result in zip([None, *doubled], doubled, strict=False):
                    factor = None if before is None else result.rnnplay.seconds / before.rnnplay.seconds
                    if as_json:
                        report.json_line("doubling", {"axis": axis, "factor": factor, **report.values(result)})
    except KeyboardInterrupt:
        status = INTERRUPTED
    if not as_json:
        console = report.console()
        for cell in cells:
            console.print(report.doublings(cell, measured[cell]))
    if status:
        print("Interrupted.", file=sys.stderr)
    return status


def select_cells(names: str | None) -> list[str]:
    """The cells whose doublings are measured: those in `names`, the value of --rows, else the LSTM."""
    if names is None:
        return ["lstm"]
    named = [word for word in names.lower().replace(",", " ").split()]
    if unknown := [word for word in named if word not in CELLS]:
        raise UserError(f"There is no cell {unknown[0]!r} to double.", f"Choose from: {', '.join(CELLS)}.")
    return list(dict.fromkeys(named))
