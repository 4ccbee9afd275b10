"""Results for people, as a table with a line on each contender, and for programs, as values for JSON."""

import math
import platform
import statistics
from collections.abc import Mapping, Sequence
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from rnnplay.bench.arena import LIBRARIES, OWN, PRODUCT, Arena, Figures, Result
from rnnplay.machine import available_cores, cpu_info


def processor() -> str:
    """The processor's name, if the system gives one, else its architecture."""
    return cpu_info().get("model name") or platform.processor() or platform.machine()


def figure(number: float) -> str:
    """Three digits: 0.0712, 4.31, 105."""
    return f"{number:#.3g}".rstrip(".") if number < 999.5 else f"{number:.0f}"


def rate(number: float) -> str:
    for size, letter in ((1e6, "M"), (1e3, "k")):
        if number >= size:
            return f"{figure(number / size)}{letter}"
    return figure(number)


def geometric_mean(numbers: Sequence[float]) -> float:
    return math.exp(sum(map(math.log, numbers)) / len(numbers))


def _libraries(results: Sequence[Result]) -> list[str]:
    return [library for library in LIBRARIES if any(result.best(library) for result in results)]


def machine(arena: Arena, reason: str) -> dict[str, Any]:
    """What it was measured on, with whom, and why with this BLAS kernel and these threads."""
    return {
        "processor": processor(),
        "cores": available_cores(),
        "python": platform.python_version(),
        "contenders": {name: about for name, about in arena.about.items() if name != PRODUCT},
        "why": reason,
    }


def values(result: Result) -> dict[str, Any]:
    """One row for programs: milliseconds a step, ratios (above 1: rnnplay is quicker)."""
    work = result.work
    libraries = _libraries([result])
    return {
        "row": work.name,
        **work.fields(),
        "ms": {name: found.seconds * 1e3 for name, found in result.figures.items() if name != PRODUCT},
        "steps": {name: found.steps for name, found in result.figures.items() if name != PRODUCT},
        "peak_memory": {name: found.peak for name, found in result.figures.items() if name != PRODUCT},
        "way": {name: found.way for name, found in result.figures.items() if name != PRODUCT},
        "chars_per_s": work.characters / result.own.seconds,
        "product_gflops": None if result.product is None else result.product / 1e9,
        "share_of_product": result.share,
        "ratio": {library: result.ratio(library) for library in libraries},
    }


def summary(results: Sequence[Result]) -> dict[str, Any]:
    """Geometric mean and least of the ratios to each library, over the rows that train and over those that sample."""
    said: dict[str, Any] = {}
    for library in _libraries(results):
        kinds: Mapping[str, list[float]] = {
            kind: [ratio for result in results if result.work.sampling == sampling and (ratio := result.ratio(library))]
            for kind, sampling in (("training", False), ("sampling", True))
        }
        said[library] = {
            kind: {"rows": len(ratios), "geometric_mean": geometric_mean(ratios), "least": min(ratios)}
            for kind, ratios in kinds.items()
            if ratios
        }
    return said


def table(results: Sequence[Result]) -> Table:
    """A row for each work; a step is forward, backward, clip and Adam, or sixteen sampled characters."""
    libraries = _libraries(results)
    shown = Table(box=None, pad_edge=False, padding=(0, 1, 0, 0), header_style="bold")
    shown.add_column("one step, or 16 sampled", no_wrap=True)
    for heading in ("ms", "char/s", "of best", "MB"):
        shown.add_column(heading, justify="right", no_wrap=True)
    for library in libraries:
        shown.add_column(f"{LIBRARIES[library]} ms", justify="right", no_wrap=True)
        shown.add_column("×", justify="right", no_wrap=True)
    for result in results:
        own, share = result.own, result.share
        cells: list[str | Text] = [
            result.work.name,
            figure(own.seconds * 1e3),
            rate(result.work.characters / own.seconds),
            "" if share is None else f"{share:.0%}",
            f"{own.peak / 1e6:.0f}",
        ]
        for library in libraries:
            best, ratio = result.best(library), result.ratio(library)
            if best is None or ratio is None:
                cells += ["", ""]
                continue
            threads = "".join(best[0].split()[1:])
            took = figure(best[1].seconds * 1e3) + (f" ({threads})" if threads else "")
            cells += [took, Text(f"{ratio:.2f}", style="green" if ratio >= 1 else "red")]
        shown.add_row(*cells)
    return shown


def conclusions(results: Sequence[Result]) -> list[str]:
    """What the ratios come to, a sentence for each library."""
    lines = []
    for library, kinds in summary(results).items():
        for kind, told in kinds.items():
            rows = f"{told['rows']} row{'s' if told['rows'] > 1 else ''}"
            lines.append(
                f"{kind.capitalize()} against {LIBRARIES[library]}: {told['geometric_mean']:.2f} times as quick "
                f"(geometric mean of {rows}, the least {told['least']:.2f})."
            )
    return lines


def _memory(results: Sequence[Result]) -> str:
    """Beside it the peaks of the others, the least and the most of all rows."""
    said = ""
    for library in _libraries(results):
        peaks = [best[1].peak / 1e6 for result in results if (best := result.best(library))]
        said += f"; {LIBRARIES[library]}'s {min(peaks):.0f} to {max(peaks):.0f}"
    return said


def console() -> Console:
    """Standard output; where it is no terminal, wide enough for every line."""
    wide = Console(highlight=False)
    return wide if wide.is_terminal else Console(highlight=False, width=160)


def show(console: Console, told: Mapping[str, Any], results: Sequence[Result], notes: Sequence[str]) -> None:
    """The whole report of a bench."""
    console.print(table(results))
    console.print()
    for line in conclusions(results):
        console.print(line)
    console.print(f"{told['processor']}, {told['cores']} cores, Python {told['python']}")
    own, *others = told["contenders"].values()
    console.print(f"{OWN}: {own}. {told['why']}")
    for other in others:
        console.print(other)
    products = [result.product for result in results if result.product]
    if products:
        low, high = min(products) / 1e9, max(products) / 1e9
        console.print(f"of best: share of the best matrix product of one core, {low:.0f} to {high:.0f} GFLOP/s.")
    console.print(f"MB: peak memory of the whole process{_memory(results)}.")
    if any(" " in (best[0] if (best := result.best("torch")) else "") for result in results):
        console.print("In brackets: the threads with which PyTorch was quicker.")
    for note in notes:
        console.print(note)


def combined(results: Sequence[Result]) -> Result:
    """The same work measured several times: medians, and the most memory."""
    figures = {
        name: Figures(
            statistics.median(result.figures[name].seconds for result in results),
            sum(result.figures[name].steps for result in results),
            max(result.figures[name].peak for result in results),
            first.way,
        )
        for name, first in results[0].figures.items()
    }
    return Result(results[0].work, figures)


def doublings(cell: str, measured: Mapping[str, Sequence[Result]]) -> Table:
    """How the cost of a step grows when T, B or H doubles, all else alike: milliseconds, and times the one before."""
    shown = Table(box=None, pad_edge=False, padding=(0, 1, 0, 0), header_style="bold")
    shown.add_column("one step", no_wrap=True)
    for heading in ("ms", "times the last", "MB"):
        shown.add_column(heading, justify="right", no_wrap=True)
    for axis, results in measured.items():
        shown.add_row(f"{cell.upper()}, {axis} doubled", style="bold")
        before: Result | None = None
        for result in results:
            factor = "" if before is None else f"{result.own.seconds / before.own.seconds:.2f}"
            shown.add_row(result.work.name, figure(result.own.seconds * 1e3), factor, f"{result.own.peak / 1e6:.0f}")
            before = result
    return shown
