"""A whole bench: which rows, against whom, progress while it runs, and the report at its end or when interrupted."""

import json
import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from rich.console import Console
from rich.markup import escape

from rnnplay import blas
from rnnplay.bench import report
from rnnplay.bench.arena import LIBRARIES, OWN, Arena, Result, arena, installed, why
from rnnplay.bench.work import CELLS, ROWS, SCALING, Work, scaled
from rnnplay.config import UserError

INTERRUPTED = 130  # exit status
BUSY = 0.7  # processes that want the processor beside this one, in the last minute
QUICK_ROUNDS, QUICK_SECONDS, QUICK_HIDDEN = 2, 0.05, 256


def chosen_rows(asked: str | None, quick: bool) -> list[Work]:
    """The rows that have every word of one of the comma-separated parts of `asked`: "lstm", "gru 2x512, sampling"."""
    rows = [work for work in ROWS if not quick or work.hidden <= QUICK_HIDDEN]
    if asked is None:
        return rows
    parts = [set(part.lower().split()) for part in asked.split(",") if part.strip()]
    found = [
        work for work in ROWS if any(part <= {"training" if not work.sampling else "", *_lower(work)} for part in parts)
    ]
    if not found:
        names = ", ".join(dict.fromkeys(word for work in ROWS for word in _lower(work)))
        raise UserError(f"No row is called {asked!r}.", f"Choose from: training, {names}; or two of them: lstm 2x512.")
    return found


def _lower(work: Work) -> list[str]:
    return [word.lower() for word in work.words]


def chosen_libraries(asked: Sequence[str]) -> list[str]:
    """Whom to measure against: those asked for, which must be there, else those that are installed."""
    if "none" in asked:
        return []
    for library in asked:
        if not installed(library):
            extra = "pip install 'rnnplay[parity]'" if library == "torch" else f"pip install {library}"
            raise UserError(f"{LIBRARIES[library]} is not installed.", f"Install it ({extra}), or use --against none.")
    return [library for library in LIBRARIES if library in asked or (not asked and installed(library))]


class Progress:
    """Says on standard error what is measured: a line that is written over, or where nobody sees it, none."""

    def __init__(self, total: int) -> None:
        self._console = Console(stderr=True, highlight=False)
        self._status = self._console.status("")
        self._total, self._done = total, 0
        self.row = ""

    def say(self, what: str) -> None:
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


def _line(kind: str, fields: dict[str, Any]) -> None:
    print(json.dumps({"kind": kind, **fields}), flush=True)


@contextmanager
def _contest(works: int, libraries: Sequence[str], reasons: list[str]) -> Iterator[tuple[Arena, Progress]]:
    with Progress(works) as progress:
        progress.row = ", ".join([OWN, *(LIBRARIES[library] for library in libraries)])
        progress.say("start")
        reasons.append(why(blas.trainer_environment()))
        load = os.getloadavg()[0]
        with arena(libraries) as contest:
            if load > BUSY:
                contest.notes.append(f"Other programs were computing too (load average {load:.1f}): figures are rough.")
            yield contest, progress


def bench(works: Sequence[Work], libraries: Sequence[str], rounds: int, seconds: float, as_json: bool) -> int:
    """Measure and report. Returns the exit status; interrupted, it reports the rows that were done."""
    results: list[Result] = []
    reasons: list[str] = []
    told: dict[str, Any] = {}
    notes: list[str] = []
    status = 0
    try:
        with _contest(len(works), libraries, reasons) as (contest, progress):
            told, notes = report.machine(contest, reasons[0]), contest.notes
            if as_json:
                _line("machine", told)
            for work in works:
                progress.row = work.name
                results.append(contest.measure(work, rounds, seconds, progress.say))
                progress.next()
                if as_json:
                    _line("row", report.values(results[-1]))
    except KeyboardInterrupt:
        status = INTERRUPTED
    if as_json:
        _line("summary", {**report.summary(results), "notes": notes})
    elif results:
        report.show(report.console(), told, results, notes)
    if status:
        print(f"Interrupted after {len(results)} of {len(works)} rows.", file=sys.stderr)
    return status


def scaling(cells: Sequence[str], rounds: int, seconds: float, as_json: bool) -> int:
    """Measure how the cost of a step grows with T, B and H. Returns the exit status."""
    axes = [(cell, axis, scaled(cell, axis)) for cell in cells for axis in SCALING]
    measured: dict[str, dict[str, list[Result]]] = {cell: {} for cell in cells}
    status = 0
    try:
        with _contest(rounds * sum(len(works) for _, _, works in axes), (), []) as (contest, progress):
            for cell, axis, works in axes:
                turns: list[list[Result]] = [[] for _ in works]
                for _ in range(rounds):  # round after round, so that all sizes meet the same machine
                    for work, results in zip(works, turns, strict=True):
                        progress.row = work.name
                        results.append(contest.measure(work, 1, seconds, progress.say))
                        progress.next()
                measured[cell][axis] = doubled = [report.combined(results) for results in turns]
                for before, result in zip([None, *doubled], doubled, strict=False):
                    factor = None if before is None else result.own.seconds / before.own.seconds
                    if as_json:
                        _line("doubling", {"axis": axis, "factor": factor, **report.values(result)})
    except KeyboardInterrupt:
        status = INTERRUPTED
    if not as_json:
        console = report.console()
        for cell in cells:
            console.print(report.doublings(cell, measured[cell]))
    if status:
        print("Interrupted.", file=sys.stderr)
    return status


def cells_of(asked: str | None) -> list[str]:
    """The cells whose doublings are measured: those that --rows names, else the LSTM."""
    if asked is None:
        return ["lstm"]
    named = [word for word in asked.lower().replace(",", " ").split()]
    if unknown := [word for word in named if word not in CELLS]:
        raise UserError(f"There is no cell {unknown[0]!r} to double.", f"Choose from: {', '.join(CELLS)}.")
    return list(dict.fromkeys(named))
