"""The workloads in this program's engine: Network, Optimizer and the lab's sampler, as the trainer uses them."""

from collections.abc import Iterator
from typing import Any

import numpy as np

from rnnplay import blas
from rnnplay.bench.child import Prepared, batches
from rnnplay.bench.workloads import BATCH_COUNT, CHARS_PER_SAMPLING_STEP, CLIP, LR, V, Workload
from rnnplay.engine import Architecture, Network, Optimizer, flush_subnormals
from rnnplay.lab.sample import Sampler, SamplingOptions
from rnnplay.machine import available_cores
from rnnplay.parallel import DataParallel, should_split
from rnnplay.tasks.base import Batch, Task


class Characters(Task):
    """A task with a vocabulary and no data, as the sampler needs it."""

    name = "characters"
    inputs = outputs = V
    vocabulary = output_vocabulary = tuple(map(chr, range(ord(" "), ord(" ") + V)))

    def batch(self, step: int) -> Batch:
        raise NotImplementedError

    def evaluation(self) -> Iterator[Batch]:
        return iter(())

    def state(self) -> dict[str, Any]:
        return {}

    def restore(self, state: dict[str, Any]) -> None: ...


class Adapter:
    """NumPy with the trainer's BLAS kernel and threads."""

    def about(self) -> str:
        return f"NumPy {np.__version__}, {blas.describe()}"

    def prepare(self, workload: Workload) -> Prepared:
        flush_subnormals()
        shape = Architecture(cell=workload.cell, inputs=V, hidden=workload.hidden, outputs=V, layers=workload.layers)
        if workload.sampling:
            sampler = Sampler(Network(shape, 1), Characters(), "", SamplingOptions())
            return Prepared(lambda i: sampler.draw_many(CHARS_PER_SAMPLING_STEP), "the sampler of `rnnplay sample`")
        parallel = DataParallel(shape, 1) if available_cores() > 1 else None
        network = Network(shape, 1) if parallel is None else parallel.network
        learn = network.forward_backward if parallel is None else parallel.forward_backward
        optimizer = Optimizer(network, "adam", LR)
        pool = [Batch(inputs, targets) for inputs, targets in zip(*batches(workload), strict=True)]

        def step(i: int) -> float:
            loss, _ = learn(pool[i % BATCH_COUNT])
            optimizer.step(clip_norm=CLIP)
            return loss

        is_split = parallel is not None and should_split(shape, workload.seq_len, workload.batch)
        return Prepared(step, "Adam, two cores" if is_split else "Adam, one core")


def adapter(threads: int) -> Adapter:
    return Adapter()
