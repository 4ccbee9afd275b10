"""The work in this program's engine, through what everyone uses: Network, Optimizer, and the sampler of the lab."""

from collections.abc import Iterator
from typing import Any

import numpy as np

from rnnplay import blas
from rnnplay.bench.contender import Step, batches
from rnnplay.bench.work import CLIP, LR, POOL, SAMPLED, V, Work
from rnnplay.engine import Architecture, Network, Optimizer, flush_subnormals
from rnnplay.lab.sample import Sampler, SamplingOptions
from rnnplay.machine import available_cores
from rnnplay.parallel import DataParallel, should_split
from rnnplay.tasks.base import Batch, Task


class Characters(Task):
    """A task that says only which characters there are: all that the sampler asks of it."""

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


class Library:
    """NumPy with the kernel and the threads that the trainer gets too."""

    def about(self) -> str:
        return f"NumPy {np.__version__}, {blas.describe()}"

    def prepare(self, work: Work) -> tuple[Step, str]:
        flush_subnormals()
        shape = Architecture(cell=work.cell, inputs=V, hidden=work.hidden, outputs=V, layers=work.layers)
        if work.sampling:
            sampler = Sampler(Network(shape, 1), Characters(), "", SamplingOptions())
            return lambda i: sampler.draw_many(SAMPLED), "the sampler of `rnnplay sample`"
        parallel = DataParallel(shape, 1) if available_cores() > 1 else None
        network = Network(shape, 1) if parallel is None else parallel.network
        learn = network.forward_backward if parallel is None else parallel.forward_backward
        optimizer = Optimizer(network, "adam", LR)
        pool = [Batch(inputs, targets) for inputs, targets in zip(*batches(work), strict=True)]

        def step(i: int) -> float:
            loss, _ = learn(pool[i % POOL])
            optimizer.step(clip_norm=CLIP)
            return loss

        halved = parallel is not None and should_split(shape, work.seq_len, work.batch)
        return step, "Adam, two cores" if halved else "Adam, one core"


def library(threads: int) -> Library:
    return Library()
