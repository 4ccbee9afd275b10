"""The parent process: starts a child for each library and lets them take turns, round after round."""

import contextlib
import json
import os
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from importlib.util import find_spec
from typing import IO, Any

from rnnplay import blas
from rnnplay.bench.workloads import PEAK_MATMUL, Workload
from rnnplay.config import UserError
from rnnplay.machine import available_cores

RNNPLAY = "rnnplay"
LIBRARIES = {"torch": "PyTorch", "jax": "JAX"}

# A child that waits for its turn must not use the processor.
_PASSIVE = {"OMP_WAIT_POLICY": "PASSIVE", "KMP_BLOCKTIME": "0", "TF_CPP_MIN_LOG_LEVEL": "2", "JAX_PLATFORMS": "cpu"}


class ChildFailed(Exception):
    """A child process ended. The message is its last line on standard error, or its exit status."""


@dataclass(frozen=True)
class Measurement:
    """One library's measurement of one workload."""

    seconds: float  # a step, median
    steps: int
    peak_memory: int  # bytes, of the process
    variant: str  # the way to compute it, in words
    operations: int  # multiplications and additions of a step


@dataclass(frozen=True)
class Result:
    """The measurements of one workload, by the name of the process: "rnnplay", "torch 2"."""

    workload: Workload
    measurements: Mapping[str, Measurement]

    @property
    def rnnplay(self) -> Measurement:
        return self.measurements[RNNPLAY]

    @property
    def peak_flops(self) -> float | None:
        """Operations a second of the best matrix product, measured in the same rounds."""
        peak = self.measurements.get(PEAK_MATMUL)
        return None if peak is None else peak.operations / peak.seconds

    @property
    def fraction_of_peak(self) -> float | None:
        """rnnplay's operations a second as a fraction of `peak_flops`; only the workload's products count."""
        return None if self.peak_flops is None else self.rnnplay.operations / self.rnnplay.seconds / self.peak_flops

    def best(self, library: str) -> tuple[str, Measurement] | None:
        """The fastest of a library's processes (one for each number of threads) with its name; None: not measured."""
        measured = [(name, figures) for name, figures in self.measurements.items() if name.split()[0] == library]
        return min(measured, key=lambda pair: pair[1].seconds, default=None)

    def ratio(self, library: str) -> float | None:
        """rnnplay's speed divided by the library's best; None: not measured."""
        best = self.best(library)
        return None if best is None else best[1].seconds / self.rnnplay.seconds


class LibraryProcess:
    """The child process of a library. name: the library, for PyTorch with its threads: "torch 2"."""

    def __init__(self, name: str, environment: Mapping[str, str], threads: int) -> None:
        self.name = name
        library, *own_threads = name.split()
        self.title = " ".join([LIBRARIES.get(library, library), *own_threads])
        self._stderr_file: IO[bytes] = tempfile.TemporaryFile()  # noqa: SIM115
        self._process = subprocess.Popen(
            [sys.executable, "-P", "-m", "rnnplay.bench.child", library, str(threads)],
            env={**os.environ, **_PASSIVE, **environment},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._stderr_file,
            text=True,
            bufsize=1,
            start_new_session=True,  # the parent handles Ctrl-C
        )
        self.about = ""

    def wait_until_ready(self) -> None:
        """Wait until the library is loaded. Raises ChildFailed."""
        self.about = str(self._read_answer()["about"])

    def request(self, **request: Any) -> dict[str, Any]:
        """The answer to a request of child.py. Raises ChildFailed if the child has ended."""
        assert self._process.stdin is not None
        with contextlib.suppress(BrokenPipeError):  # it has ended: `_answer` says how
            self._process.stdin.write(json.dumps(request) + "\n")
        return self._read_answer()

    def _read_answer(self) -> dict[str, Any]:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            code = self._process.wait()
            self._stderr_file.seek(0)
            last = self._stderr_file.read().decode(errors="replace").strip().splitlines()[-1:]
            raise ChildFailed(last[0] if last else f"exit status {code}")
        answer: dict[str, Any] = json.loads(line)
        return answer

    def close(self) -> None:
        """Kill the child."""
        self._process.kill()
        self._process.communicate()
        self._stderr_file.close()


def installed(library: str) -> bool:
    return find_spec(library) is not None


def _child_settings(
    against: Sequence[str], environment: Mapping[str, str]
) -> Iterator[tuple[str, Mapping[str, str], int]]:
    yield RNNPLAY, environment, 1
    yield PEAK_MATMUL, environment, 1
    for library in against:
        if library == "torch":
            for threads in sorted({1, available_cores()}):
                yield f"torch {threads}", dict.fromkeys(blas.THREADS, str(threads)), threads
        else:
            yield library, {}, available_cores()


@dataclass
class BenchRun:
    """The children of a benchmark. notes: human-readable, such as a child that failed and why."""

    children: list[LibraryProcess]
    notes: list[str] = field(default_factory=list)

    @property
    def descriptions(self) -> dict[str, str]:
        return {child.name: child.about for child in self.children}

    def _drop(self, child: LibraryProcess, why: ChildFailed) -> None:
        if child.name in (RNNPLAY, PEAK_MATMUL):
            raise UserError(f"The engine could not be measured: {why}.", "Report it with this message.")
        self.notes.append(f"{child.title} failed: {why}")
        child.close()
        self.children.remove(child)

    def _for_each(self, do: Callable[[LibraryProcess], None], order: int = 1) -> None:
        for child in list(self.children)[::order]:
            try:
                do(child)
            except ChildFailed as why:
                self._drop(child, why)

    def wait_until_ready(self) -> None:
        self._for_each(LibraryProcess.wait_until_ready)

    def measure(self, workload: Workload, rounds: int, seconds: float, on_progress: Callable[[str], None]) -> Result:
        """Measure `workload` in all children by turns, `rounds` times `seconds`; odd rounds in reverse order."""
        prepared: dict[str, dict[str, Any]] = {}
        medians: dict[str, list[float]] = {}
        steps: dict[str, int] = {}
        peaks: dict[str, int] = {}

        def prepare(child: LibraryProcess) -> None:
            on_progress(f"{child.title} prepares")
            prepared[child.name] = child.request(prepare=workload.fields())

        def take_turn(child: LibraryProcess) -> None:
            answer = child.request(measure=seconds / 4 if child.name == PEAK_MATMUL else seconds)
            medians.setdefault(child.name, []).append(answer["median"])
            steps[child.name] = steps.get(child.name, 0) + answer["steps"]

        def release(child: LibraryProcess) -> None:
            peaks[child.name] = child.request(release=True)["peak"]

        self._for_each(prepare)
        for number in range(rounds):
            on_progress(f"round {number + 1} of {rounds}")
            self._for_each(take_turn, -1 if number % 2 else 1)
        self._for_each(release)
        figures = {
            name: Measurement(
                statistics.median(medians[name]),
                steps[name],
                peaks[name],
                prepared[name]["variant"],
                prepared[name]["operations"] or workload.operations,
            )
            for name in peaks
        }
        return Result(workload, figures)


@contextmanager
def start_children(against: Sequence[str]) -> Iterator[BenchRun]:
    """Start the engine's child and those of `against`; all are ended when the block is left."""
    environment = blas.trainer_environment()
    run = BenchRun([])
    try:
        for name, variables, threads in _child_settings(against, environment):
            run.children.append(LibraryProcess(name, variables, threads))
        run.wait_until_ready()
        yield run
    finally:
        for child in run.children:
            child.close()


def explain_blas(environment: Mapping[str, str]) -> str:
    """A sentence on the choice of BLAS kernel and threads. environment: the variables that were added."""
    if blas.KERNEL in environment:
        kernel = "The kernel was measured to be faster here than OpenBLAS's own choice"
    elif chosen := os.environ.get(blas.KERNEL):
        kernel = f"The kernel is yours ({blas.KERNEL}={chosen})"
    else:
        kernel = "The kernel is the BLAS's own choice"
    if environment.get(blas.SMALL_GEMM) == "1":
        kernel += ", and its products of small matrices were measured to be faster"
    threads = [name for name in blas.THREADS if name in os.environ and name not in environment]
    if threads:
        return f"{kernel}; the threads are yours ({threads[0]}={os.environ[threads[0]]})."
    return (
        f"{kernel}; one thread, because the products of a time step are too small to split: large batches are split "
        "instead, one half for each of two cores."
    )
