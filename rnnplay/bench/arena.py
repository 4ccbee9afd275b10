"""The parent: starts a child for each contender and lets them take turns, round after round, work after work."""

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
from rnnplay.bench.work import Work
from rnnplay.config import UserError
from rnnplay.machine import available_cores

OWN, PRODUCT = "rnnplay", "product"
LIBRARIES = {"torch": "PyTorch", "jax": "JAX"}

# A child that waits for its turn must leave the processor alone.
_PASSIVE = {"OMP_WAIT_POLICY": "PASSIVE", "KMP_BLOCKTIME": "0", "TF_CPP_MIN_LOG_LEVEL": "2", "JAX_PLATFORMS": "cpu"}


class Failure(Exception):
    """A contender that cannot do what it was asked."""


@dataclass(frozen=True)
class Figures:
    """What one contender did with one work: seconds a step (median), the process's peak memory in bytes."""

    seconds: float
    steps: int
    peak: int
    way: str


@dataclass(frozen=True)
class Result:
    """One work, and each contender's figures by its name."""

    work: Work
    figures: Mapping[str, Figures]

    @property
    def own(self) -> Figures:
        return self.figures[OWN]

    @property
    def product(self) -> float | None:
        """Operations a second of the best matrix product, measured in the same rounds."""
        found = self.figures.get(PRODUCT)
        return None if found is None else 2 * int(found.way) ** 3 / found.seconds

    @property
    def share(self) -> float | None:
        """Of the best matrix product's speed, in the products that the mathematics asks for."""
        return None if self.product is None else self.work.operations / self.own.seconds / self.product

    def best(self, library: str) -> tuple[str, Figures] | None:
        """The quickest of a library's contenders (it may have one for each number of threads), and its name."""
        found = [(name, figures) for name, figures in self.figures.items() if name.split()[0] == library]
        return min(found, key=lambda pair: pair[1].seconds, default=None)

    def ratio(self, library: str) -> float | None:
        """How many times as quick as the library's best rnnplay is."""
        best = self.best(library)
        return None if best is None else best[1].seconds / self.own.seconds


class Contender:
    """One child process. `name` is the library, and where it matters the threads: "torch 2"."""

    def __init__(self, name: str, environment: Mapping[str, str], threads: int) -> None:
        self.name = name
        library, *own_threads = name.split()
        self.title = " ".join([LIBRARIES.get(library, library), *own_threads])
        self._words: IO[bytes] = tempfile.TemporaryFile()  # noqa: SIM115
        self._process = subprocess.Popen(
            [sys.executable, "-P", "-m", "rnnplay.bench.contender", library, str(threads)],
            env={**os.environ, **_PASSIVE, **environment},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._words,
            text=True,
            bufsize=1,
            start_new_session=True,  # Ctrl-C is the parent's to handle
        )
        self.about = ""

    def begin(self) -> None:
        """Wait until the library is loaded. Raises Failure."""
        self.about = str(self._answer()["about"])

    def ask(self, **question: Any) -> dict[str, Any]:
        """The answer to a question of contender.py. Raises Failure where the child has ended."""
        assert self._process.stdin is not None
        with contextlib.suppress(BrokenPipeError):  # it has ended: `_answer` says how
            self._process.stdin.write(json.dumps(question) + "\n")
        return self._answer()

    def _answer(self) -> dict[str, Any]:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            code = self._process.wait()
            self._words.seek(0)
            last = self._words.read().decode(errors="replace").strip().splitlines()[-1:]
            raise Failure(last[0] if last else f"exit status {code}")
        answer: dict[str, Any] = json.loads(line)
        return answer

    def close(self) -> None:
        """End the child: it holds nothing worth saving."""
        self._process.kill()
        self._process.communicate()
        self._words.close()


def installed(library: str) -> bool:
    return find_spec(library) is not None


def _entrants(against: Sequence[str], environment: Mapping[str, str]) -> Iterator[tuple[str, Mapping[str, str], int]]:
    yield OWN, environment, 1
    yield PRODUCT, environment, 1
    for library in against:
        if library == "torch":
            for threads in sorted({1, available_cores()}):
                yield f"torch {threads}", dict.fromkeys(blas.THREADS, str(threads)), threads
        else:
            yield library, {}, available_cores()


@dataclass
class Arena:
    """Who takes part. `notes`: what a person should know, such as who had to give up and why."""

    contenders: list[Contender]
    notes: list[str] = field(default_factory=list)

    @property
    def about(self) -> dict[str, str]:
        return {contender.name: contender.about for contender in self.contenders}

    def _give_up(self, contender: Contender, why: Failure) -> None:
        if contender.name in (OWN, PRODUCT):
            raise UserError(f"The engine could not be measured: {why}.", "Report it with this message.")
        self.notes.append(f"{contender.title} gave up: {why}")
        contender.close()
        self.contenders.remove(contender)

    def _each(self, do: Callable[[Contender], None], order: int = 1) -> None:
        for contender in list(self.contenders)[::order]:
            try:
                do(contender)
            except Failure as why:
                self._give_up(contender, why)

    def begin(self) -> None:
        self._each(Contender.begin)

    def measure(self, work: Work, rounds: int, seconds: float, say: Callable[[str], None]) -> Result:
        """All contenders by turns, `rounds` times for so many seconds each; every other round in reverse order."""
        ways: dict[str, str] = {}
        medians: dict[str, list[float]] = {}
        steps: dict[str, int] = {}
        peaks: dict[str, int] = {}

        def prepare(contender: Contender) -> None:
            say(f"{contender.title} gets ready")
            ways[contender.name] = contender.ask(prepare=work.fields())["way"]

        def take_turn(contender: Contender) -> None:
            answer = contender.ask(measure=seconds / 4 if contender.name == PRODUCT else seconds)
            medians.setdefault(contender.name, []).append(answer["median"])
            steps[contender.name] = steps.get(contender.name, 0) + answer["steps"]

        def release(contender: Contender) -> None:
            peaks[contender.name] = contender.ask(release=True)["peak"]

        self._each(prepare)
        for number in range(rounds):
            say(f"round {number + 1} of {rounds}")
            self._each(take_turn, -1 if number % 2 else 1)
        self._each(release)
        figures = {
            name: Figures(statistics.median(medians[name]), steps[name], peaks[name], ways[name]) for name in peaks
        }
        return Result(work, figures)


@contextmanager
def arena(against: Sequence[str]) -> Iterator[Arena]:
    """The engine and the libraries `against` it, started together; they are gone when the block is left."""
    environment = blas.trainer_environment()
    own = Arena([])
    try:
        for name, variables, threads in _entrants(against, environment):
            own.contenders.append(Contender(name, variables, threads))
        own.begin()
        yield own
    finally:
        for contender in own.contenders:
            contender.close()


def why(environment: Mapping[str, str]) -> str:
    """In a sentence why the engine computes with this kernel and these threads; `environment`: what was added."""
    if blas.KERNEL in environment:
        kernel = "The kernel was measured to be quicker here than the one that OpenBLAS takes by itself"
    elif own := os.environ.get(blas.KERNEL):
        kernel = f"The kernel is yours ({blas.KERNEL}={own})"
    else:
        kernel = "The kernel is the BLAS's own choice"
    threads = [name for name in blas.THREADS if name in os.environ and name not in environment]
    if threads:
        return f"{kernel}; the threads are yours ({threads[0]}={os.environ[threads[0]]})."
    return (
        f"{kernel}; one thread, because the products of a time step are too small to share: large batches are halved "
        "instead, one half for each of two cores."
    )
