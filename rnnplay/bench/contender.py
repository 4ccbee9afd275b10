"""The child: one library, its threads and memory, told over lines of JSON what to prepare and for how long to measure.

`python -m rnnplay.bench.contender NAME THREADS`. A question a line on standard input, an answer a line on standard
output; end of file ends it.
"""

import gc
import json
import os
import resource
import statistics
import sys
import time
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from rnnplay.bench.work import POOL, SAMPLED, V, Work

Step = Callable[[int], object]
"""Does the work once, with batch `i` modulo POOL where it trains, and returns when it is done."""

_WARM_UP = 3  # steps


class Library(Protocol):
    """What a module `with_NAME` offers as `library(threads)`."""

    def about(self) -> str: ...
    def prepare(self, work: Work) -> tuple[Step, str]:
        """The work, and in words which of several ways was taken."""


def batches(work: Work) -> tuple["np.ndarray[Any, Any]", "np.ndarray[Any, Any]"]:
    """Inputs and targets (POOL, T, B) int32: what every contender reads."""
    ids = np.random.default_rng(1).integers(0, V, (POOL, work.seq_len + 1, work.batch), np.int32)
    return ids[:, :-1].copy(), ids[:, 1:].copy()


def measure(step: Step, begin: int, seconds: float) -> list[float]:
    """Seconds of each step for about so long. The first, on cold caches, counts only where it takes so long itself."""
    times: list[float] = []
    end = None
    while end is None or time.perf_counter() < end or not times:
        before = time.perf_counter()
        step(begin)
        now = time.perf_counter()
        begin += 1
        if end is not None or now - before > seconds / 2:
            times.append(now - before)
        if end is None:
            end = before + seconds if times else now + seconds
    return times


def best_of(way: Callable[[], object], repeats: int = 5) -> float:
    """The least of the seconds that `way` takes in a few tries."""
    best = float("inf")
    for _ in range(repeats):
        before = time.perf_counter()
        way()
        best = min(best, time.perf_counter() - before)
    return best


def quickest(ways: dict[str, Callable[[], object]], repeats: int = 5) -> str:
    """The name of the quickest of several ways to do one thing."""
    best = {name: best_of(way, repeats) for name, way in ways.items()}
    return min(best, key=best.__getitem__)


def one_by_one(way: tuple[Step, str]) -> tuple[Step, str]:
    """A way to write one character, SAMPLED times: the step that a sampling row times."""
    character, how = way

    def step(i: int) -> list[object]:
        return [character(i) for _ in range(SAMPLED)]

    return step, how


def forget_peak() -> None:
    """Let the peak of memory begin anew, where the system can (Linux)."""
    try:
        Path("/proc/self/clear_refs").write_text("5")
    except OSError:
        return  # then the peak is that of the whole process, all rows so far


def peak() -> int:
    """The most memory that this process and those that it started held, in bytes."""
    try:
        children = Path(f"/proc/self/task/{os.getpid()}/children").read_text().split()
        return sum(_high_water(process) for process in ("self", *children))
    except OSError:
        pass  # no Linux
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit


def _high_water(process: str) -> int:
    lines = Path(f"/proc/{process}/status").read_text().splitlines()
    return sum(int(line.split()[1]) * 1024 for line in lines if line.startswith("VmHWM:"))


def serve(library: Library, say: Callable[[dict[str, Any]], None]) -> None:
    """Answer questions until there are no more."""
    say({"about": library.about(), "pid": os.getpid()})
    step: Step | None = None
    done = 0
    for line in sys.stdin:
        question = json.loads(line)
        if "prepare" in question:
            forget_peak()
            step, way = library.prepare(Work(**question["prepare"]))
            for done in range(_WARM_UP):
                step(done)
            say({"way": way})
        elif "measure" in question:
            assert step is not None
            times = measure(step, done, question["measure"])
            done += len(times)
            say({"median": statistics.median(times), "steps": len(times)})
        else:
            most = peak()
            step = None
            gc.collect()
            say({"peak": most})


def main() -> None:
    name, threads = sys.argv[1], int(sys.argv[2])
    # Whatever a library prints must not be taken for an answer.
    answers = os.fdopen(os.dup(1), "w", buffering=1)
    os.dup2(2, 1)
    library: Library = import_module(f"rnnplay.bench.with_{name}").library(threads)
    serve(library, lambda answer: print(json.dumps(answer), file=answers))


if __name__ == "__main__":
    main()
