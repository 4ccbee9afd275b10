"""The results as a human-readable table with a line on each library, and as values for JSON."""

import json
import math
import platform
import statistics
from collections.abc import Mapping, Sequence
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from rnnplay.bench.runner import LIBRARIES, RNNPLAY, BenchRun, Measurement, Result
from rnnplay.bench.workloads import PEAK_MATMUL
from rnnplay.formatting import short, three_digits
from rnnplay.machine import available_cores, cpu_info


def processor() -> str:
    """The processor's name, if the system gives one, else its architecture."""
    return cpu_info().get("model name") or platform.processor() or platform.machine()


def geometric_mean(numbers: Sequence[float]) -> float:
    return math.exp(sum(map(math.log, numbers)) / len(numbers))


def _libraries(results: Sequence[Result]) -> list[str]:
    return [library for library in LIBRARIES if any(result.best(library) for result in results)]


def describe_machine(run: BenchRun, blas_reason: str) -> dict[str, Any]:
    """The processor, its cores, Python, each library's version and threads, and why this BLAS kernel was chosen."""
    return {
        "processor": processor(),
        "cores": available_cores(),
        "python": platform.python_version(),
        "libraries": {name: about for name, about in run.descriptions.items() if name != PEAK_MATMUL},
        "blas_reason": blas_reason,
    }


def values(result: Result) -> dict[str, Any]:
    """One row for JSON: milliseconds a step, peak memory in bytes, ratios (above 1: rnnplay is faster)."""
    workload = result.workload
    libraries = _libraries([result])
    return {
        "row": workload.name,
        **workload.fields(),
        "ms": {name: measured.seconds * 1e3 for name, measured in result.measurements.items() if name != PEAK_MATMUL},
        "steps": {name: measured.steps for name, measured in result.measurements.items() if name != PEAK_MATMUL},
        "peak_memory": {
            name: measured.peak_memory for name, measured in result.measurements.items() if name != PEAK_MATMUL
        },
        "variant": {name: measured.variant for name, measured in result.measurements.items() if name != PEAK_MATMUL},
        "chars_per_s": workload.characters / result.rnnplay.seconds,
        "peak_gflops": None if result.peak_flops is None else result.peak_flops / 1e9,
        "fraction_of_peak": result.fraction_of_peak,
        "fastest": {library: best[0] for library in libraries if (best := result.best(library))},
        "ratio": {library: result.ratio(library) for library in libraries},
    }


def summary(results: Sequence[Result]) -> dict[str, Any]:
    """The geometric mean and the least ratio to each library, over the training rows and over the sampling rows."""
    libraries: dict[str, Any] = {}
    for library in _libraries(results):
        kinds: Mapping[str, list[float]] = {
            kind: [
                ratio for result in results if result.workload.sampling == sampling and (ratio := result.ratio(library))
            ]
            for kind, sampling in (("training", False), ("sampling", True))
        }
        libraries[library] = {
            kind: {"rows": len(ratios), "geometric_mean": geometric_mean(ratios), "least": min(ratios)}
            for kind, ratios in kinds.items()
            if ratios
        }
    return libraries


def table(results: Sequence[Result]) -> Table:
    """A row for each workload; a step is forward, backward, clip and Adam, or sixteen sampled characters."""
    libraries = _libraries(results)
    rows_table = Table(box=None, pad_edge=False, padding=(0, 1, 0, 0), header_style="bold")
    rows_table.add_column("one step, or 16 sampled", no_wrap=True)
    for heading in ("ms", "char/s", "of best", "MB"):
        rows_table.add_column(heading, justify="right", no_wrap=True)
    for library in libraries:
        rows_table.add_column(f"{LIBRARIES[library]} ms", justify="right", no_wrap=True)
        rows_table.add_column("×", justify="right", no_wrap=True)
    for result in results:
        own, fraction = result.rnnplay, result.fraction_of_peak
        cells: list[str | Text] = [
            result.workload.name,
            three_digits(own.seconds * 1e3),
            short(result.workload.characters / own.seconds),
            "" if fraction is None else f"{fraction:.0%}",
            f"{own.peak_memory / 1e6:.0f}",
        ]
        for library in libraries:
            best, ratio = result.best(library), result.ratio(library)
            if best is None or ratio is None:
                cells += ["", ""]
                continue
            threads = "".join(best[0].split()[1:])
            took = three_digits(best[1].seconds * 1e3) + (f" ({threads})" if threads else "")
            cells += [took, Text(f"{ratio:.2f}", style="green" if ratio >= 1 else "red")]
        rows_table.add_row(*cells)
    return rows_table


def conclusions(results: Sequence[Result]) -> list[str]:
    """A sentence on the ratios to each library, one for training and one for sampling."""
    lines = []
    for library, kinds in summary(results).items():
        for kind, ratios in kinds.items():
            rows = f"{ratios['rows']} row{'s' if ratios['rows'] > 1 else ''}"
            lines.append(
                f"{kind.capitalize()} against {LIBRARIES[library]}: {ratios['geometric_mean']:.2f} times as fast "
                f"(geometric mean of {rows}, the least {ratios['least']:.2f})."
            )
    return lines


def _memory_of_others(results: Sequence[Result]) -> str:
    """The other libraries' peak memory, the least and the most of all rows."""
    text = ""
    for library in _libraries(results):
        peaks = [best[1].peak_memory / 1e6 for result in results if (best := result.best(library))]
        text += f"; {LIBRARIES[library]}'s {min(peaks):.0f} to {max(peaks):.0f}"
    return text


def json_line(kind: str, fields: Mapping[str, Any]) -> None:
    """Print one object of --json."""
    print(json.dumps({"kind": kind, **fields}), flush=True)


def console() -> Console:
    """Standard output; if it is no terminal, 160 columns wide."""
    wide = Console(highlight=False)
    return wide if wide.is_terminal else Console(highlight=False, width=160)


def show(console: Console, machine: Mapping[str, Any], results: Sequence[Result], notes: Sequence[str]) -> None:
    """Print the report of a bench."""
    console.print(table(results))
    console.print()
    for line in conclusions(results):
        console.print(line)
    console.print(f"{machine['processor']}, {machine['cores']} cores, Python {machine['python']}")
    own, *others = machine["libraries"].values()
    console.print(f"{RNNPLAY}: {own}. {machine['blas_reason']}")
    for other in others:
        console.print(other)
    products = [result.peak_flops for result in results if result.peak_flops]
    if products:
        low, high = min(products) / 1e9, max(products) / 1e9
        console.print(f"of best: fraction of the best matrix product of one core, {low:.0f} to {high:.0f} GFLOP/s.")
    console.print(f"MB: peak memory of the whole process{_memory_of_others(results)}.")
    if any(" " in (best[0] if (best := result.best("torch")) else "") for result in results):
        console.print("In brackets: the threads with which PyTorch was faster.")
    for note in notes:
        console.print(note)


def combined(results: Sequence[Result]) -> Result:
    """Several measurements of one workload combined: medians, and the most memory."""
    figures = {
        name: Measurement(
            statistics.median(result.measurements[name].seconds for result in results),
            sum(result.measurements[name].steps for result in results),
            max(result.measurements[name].peak_memory for result in results),
            first.variant,
            first.operations,
        )
        for name, first in results[0].measurements.items()
    }
    return Result(results[0].workload, figures)


def doublings(cell: str, measured: Mapping[str, Sequence[Result]]) -> Table:
    """The cost of a step as T, B or H doubles: milliseconds, and the factor to the size before."""
    shown = Table(box=None, pad_edge=False, padding=(0, 1, 0, 0), header_style="bold")
    shown.add_column("one step", no_wrap=True)
    for heading in ("ms", "times the last", "MB"):
        shown.add_column(heading, justify="right", no_wrap=True)
    for axis, results in measured.items():
        shown.add_row(f"{cell.upper()}, {axis} doubled", style="bold")
        before: Result | None = None
        for result in results:
            factor = "" if before is None else f"{result.rnnplay.seconds / before.rnnplay.seconds:.2f}"
            shown.add_row(
                result.workload.name,
                three_digits(result.rnnplay.seconds * 1e3),
                factor,
                f"{result.rnnplay.peak_memory / 1e6:.0f}",
            )
            before = result
    return shown
