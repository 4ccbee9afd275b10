"""The best matrix product that NumPy reaches on one core, with which the engine's products are compared."""

from typing import Any

import numpy as np

from rnnplay.bench.child import Prepared, best_seconds
from rnnplay.bench.workloads import Workload

SIZES = (512, 1024)


class Adapter:
    """Products of square float32 matrices, of the size with the most operations a second."""

    def __init__(self) -> None:
        rng = np.random.default_rng(1)
        self._arrays = {n: [rng.random((n, n), np.float32) for _ in range(3)] for n in SIZES}
        seconds = {n: best_seconds(lambda n=n: self._multiply(n), 4) for n in SIZES}  # type: ignore[misc]
        self.size = max(SIZES, key=lambda n: n**3 / seconds[n])

    def about(self) -> str:
        return f"{self.size}x{self.size}"

    def prepare(self, workload: Workload) -> Prepared:
        return Prepared(lambda i: self._multiply(self.size), self.about(), 2 * self.size**3)

    def _multiply(self, n: int) -> Any:
        a, b, out = self._arrays[n]
        return np.matmul(a, b, out=out)


def adapter(threads: int) -> Adapter:
    return Adapter()
