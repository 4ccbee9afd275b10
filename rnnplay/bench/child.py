"""The child process of a library: it prepares a workload and measures it for some seconds, as requests say.

`python -m rnnplay.bench.child NAME THREADS`. Each request is a line of JSON on standard input, each answer a line on
standard output; end of file ends the process.
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
from typing import Any, NamedTuple, Protocol

import numpy as np

from rnnplay.bench.workloads import BATCH_COUNT, CHARS_PER_SAMPLING_STEP, PEAK_MATMUL, V, Workload

Step = Callable[[int], object]
"""Does one step of the workload, with batch `i` modulo BATCH_COUNT if it trains, and returns when it is done."""

_WARM_UP = 3  # steps


class Prepared(NamedTuple):
    """A workload that is ready to be measured."""

    step: Step
    variant: str  # the chosen way to compute it, in words
    operations: int = 0  # multiplications and additions of a step; 0: the workload's


class Adapter(Protocol):
    """A library's workloads. Each adapter module has a function `adapter(threads)`, which returns one."""

    def about(self) -> str:
        """The library's name, version and threads."""
        ...

    def prepare(self, workload: Workload) -> Prepared:
        """Set up the workload; its fastest variant on this machine."""
        ...


def batches(workload: Workload) -> tuple["np.ndarray[Any, Any]", "np.ndarray[Any, Any]"]:
    """Inputs and targets (BATCH_COUNT, T, B) int32, the same for every library."""
    ids = np.random.default_rng(1).integers(0, V, (BATCH_COUNT, workload.seq_len + 1, workload.batch), np.int32)
    return ids[:, :-1].copy(), ids[:, 1:].copy()


def measure_steps(step: Step, begin: int, seconds: float) -> list[float]:
    """Seconds of each step, for about `seconds`; the first, on cold caches, counts only if it takes over half of it."""
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


def best_seconds(function: Callable[[], object], repeats: int = 5) -> float:
    """The shortest time in seconds of `repeats` calls of `function`."""
    best = float("inf")
    for _ in range(repeats):
        before = time.perf_counter()
        function()
        best = min(best, time.perf_counter() - before)
    return best


def fastest_variant(variants: dict[str, Callable[[], object]], repeats: int = 5) -> str:
    """The name of the fastest of several functions."""
    best = {name: best_seconds(function, repeats) for name, function in variants.items()}
    return min(best, key=best.__getitem__)


def draw_many(prepared: Prepared) -> Prepared:
    """Turn a step that draws one character into one that draws CHARS_PER_SAMPLING_STEP of them."""
    character = prepared.step

    def step(i: int) -> list[object]:
        return [character(i) for _ in range(CHARS_PER_SAMPLING_STEP)]

    return prepared._replace(step=step)


def reset_peak_memory() -> None:
    """Reset the peak of this process's memory (Linux only)."""
    try:
        Path("/proc/self/clear_refs").write_text("5")
    except OSError:
        return  # the peak is then that of all workloads so far


def peak_memory_bytes() -> int:
    """The peak memory of this process and its children, in bytes."""
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


def serve_requests(library: Adapter, send: Callable[[dict[str, Any]], None]) -> None:
    """Answer requests until the end of standard input."""
    send({"about": library.about(), "pid": os.getpid()})
    step: Step | None = None
    done = 0
    for line in sys.stdin:
        request = json.loads(line)
        if "prepare" in request:
            reset_peak_memory()
            step, variant, operations = library.prepare(Workload(**request["prepare"]))
            for done in range(_WARM_UP):
                step(done)
            send({"variant": variant, "operations": operations})
        elif "measure" in request:
            assert step is not None
            times = measure_steps(step, done, request["measure"])
            done += len(times)
            send({"median": statistics.median(times), "steps": len(times)})
        else:
            most = peak_memory_bytes()
            step = None
            gc.collect()
            send({"peak": most})


def main() -> None:
    name, threads = sys.argv[1], int(sys.argv[2])
    # A library may print to standard output; the answers go to a copy of it.
    answers = os.fdopen(os.dup(1), "w", buffering=1)
    os.dup2(2, 1)
    module = name if name == PEAK_MATMUL else f"adapter_{name}"
    library: Adapter = import_module(f"rnnplay.bench.{module}").adapter(threads)
    serve_requests(library, lambda answer: print(json.dumps(answer), file=answers))


if __name__ == "__main__":
    main()
