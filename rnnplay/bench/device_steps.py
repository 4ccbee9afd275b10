"""Training steps on a device of PyTorch's as the trainer does them, and how they and others are measured in turn."""

import statistics
import time
from collections.abc import Sequence
from typing import Protocol

from rnnplay.backend.base import Rates
from rnnplay.backend.synthetic_batch import SyntheticBatch
from rnnplay.backend.torch_engine import TorchEngine
from rnnplay.bench.child import batches
from rnnplay.bench.workloads import BATCH_COUNT, CLIP, LR, V, Workload
from rnnplay.catalogue import make_config
from rnnplay.engine import Architecture

_WARM_UP_STEPS = 6  # the third of a shape is captured


class Steps(Protocol):
    """Something that does steps and waits for them."""

    def run(self, steps: int) -> float:
        """Returns a number that depends on the last one."""


class EngineSteps:
    """Training steps of a workload by the engine on the device."""

    def __init__(self, device: str, precision: str, workload: Workload) -> None:
        config = make_config(
            "text", device=device, precision=precision, dropout=0.0, ema_decay=0.0, **workload.fields()
        )
        network = Architecture(cell=workload.cell, inputs=V, hidden=workload.hidden, outputs=V, layers=workload.layers)
        self.engine = TorchEngine(config, network)
        self._pool = [SyntheticBatch(inputs, targets) for inputs, targets in zip(*batches(workload), strict=True)]
        self._done = 0

    def run(self, steps: int) -> float:
        """Do so many steps, and wait for them. Returns the last one's loss."""
        chosen = [self._pool[(self._done + k) % BATCH_COUNT] for k in range(steps)]
        self._done += steps
        return self.engine.train_steps(chosen, [Rates(LR, CLIP, 0.0)] * steps)[-1].loss


def milliseconds(contestants: Sequence[Steps], rounds: int, seconds: float) -> list[float]:
    """Milliseconds of a step of each, the median of `rounds` turns of about so many seconds; odd rounds in reverse."""
    counts = []
    for steps in contestants:
        steps.run(_WARM_UP_STEPS)
        begun = time.perf_counter()
        steps.run(_WARM_UP_STEPS)
        counts.append(max(1, round(seconds * _WARM_UP_STEPS / (time.perf_counter() - begun))))
    times: list[list[float]] = [[] for _ in contestants]
    for number in range(rounds):
        order = range(len(contestants))
        for k in reversed(order) if number % 2 else order:
            begun = time.perf_counter()
            contestants[k].run(counts[k])
            times[k].append((time.perf_counter() - begun) / counts[k] * 1e3)
    return [statistics.median(each) for each in times]
