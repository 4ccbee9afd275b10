"""No contender: the best matrix product that NumPy reaches on one core, the measure of what the machine can do."""

from typing import Any

import numpy as np

from rnnplay.bench.contender import Step, best_of
from rnnplay.bench.work import Work

SIZES = (512, 1024)


class Library:
    """Squares of float32, of the size at which most is computed in a second."""

    def __init__(self) -> None:
        rng = np.random.default_rng(1)
        self._arrays = {n: [rng.random((n, n), np.float32) for _ in range(3)] for n in SIZES}
        seconds = {n: best_of(lambda n=n: self._multiply(n), 4) for n in SIZES}  # type: ignore[misc]
        self.size = max(SIZES, key=lambda n: n**3 / seconds[n])

    def about(self) -> str:
        return f"{self.size}x{self.size}"

    def prepare(self, work: Work) -> tuple[Step, str]:
        return lambda i: self._multiply(self.size), str(self.size)

    def _multiply(self, n: int) -> Any:
        a, b, out = self._arrays[n]
        return np.matmul(a, b, out=out)


def library(threads: int) -> Library:
    return Library()
