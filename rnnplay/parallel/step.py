"""The training step that is shared between this process and a worker.

How a batch is halved depends on sizes alone, so the numbers do not tell who computed them: until the worker is up, and
after it is gone, this process does both halves itself.
"""

import mmap
import os
import select
import subprocess
import sys
import tempfile
import weakref
from contextlib import suppress
from typing import IO

import numpy as np

from rnnplay.engine import Architecture, Batch, Network, State, subnormals_flushed
from rnnplay.engine.arrays import LINE, flat_zeros
from rnnplay.engine.memory import check_parameters
from rnnplay.engine.parameters import count
from rnnplay.parallel.bell import Bell
from rnnplay.parallel.halves import (
    Array,
    Ask,
    Begin,
    Done,
    Half,
    ask,
    halves,
    joined,
    receive,
    send,
    state_of,
    weight_of,
    worth,
)

_COMMAND = (sys.executable, "-P", "-m", "rnnplay.parallel")
_SEEDS = 2**63


def shared_arrays(a: Architecture, descriptor: int) -> tuple[Array, Array]:
    """The parameters and the second half's gradient, flat, in memory that two processes read."""
    size, each = count(a), _bytes_of_each(a)
    memory = mmap.mmap(descriptor, 2 * each)
    return np.frombuffer(memory, a.dtype, size), np.frombuffer(memory, a.dtype, size, each)


def _bytes_of_each(a: Architecture) -> int:
    """How far one flat array reaches until the next may begin, at a line of the cache."""
    return -(-count(a) * np.dtype(a.dtype).itemsize // LINE) * LINE


def _anonymous(size: int) -> int:
    """A descriptor of `size` bytes of memory without a name: it is gone with the last process that has it."""
    if hasattr(os, "memfd_create"):
        descriptor = os.memfd_create("rnnplay")
    else:
        with tempfile.TemporaryFile() as file:
            descriptor = os.dup(file.fileno())
    os.ftruncate(descriptor, size)
    return descriptor


def _end(worker: "Worker") -> None:
    worker.close()


class Worker:
    """The process that learns from the second half."""

    def __init__(self, a: Architecture, descriptor: int) -> None:
        """Raises OSError where there can be none."""
        self._asks, self._answers = bells = Bell.new(), Bell.new()
        for bell in bells:
            weakref.finalize(self, bell.close)
        needed = (descriptor, *(bell.descriptor for bell in bells if bell.descriptor is not None))
        self._process = subprocess.Popen(_COMMAND, stdin=subprocess.PIPE, stdout=subprocess.PIPE, pass_fds=needed)
        assert self._process.stdin is not None and self._process.stdout is not None
        self._in: IO[bytes] = self._process.stdin
        self._out: IO[bytes] = self._process.stdout
        self._up = False
        send(self._in, Begin(a, descriptor, subnormals_flushed(), self._asks, self._answers))

    @property
    def up(self) -> bool:
        """Whether it listens by now. Raises OSError where it never will."""
        if not self._up and select.select([self._out], [], [], 0)[0]:
            if receive(self._out, Done) is None:
                raise BrokenPipeError("the worker has ended")
            self._up = True
        return self._up

    def ask(self, question: Ask) -> None:
        self._asks.ring()
        send(self._in, question)

    def answer(self) -> Done:
        """Raises OSError where it has ended."""
        self._answers.wait(self._out)
        found = receive(self._out, Done)
        if found is None:
            raise BrokenPipeError("the worker has ended")
        return found

    def close(self) -> None:
        """End it: it holds nothing worth saving."""
        self._process.kill()
        self._process.wait()
        for pipe in (self._in, self._out):
            with suppress(OSError):
                pipe.close()


class DataParallel:
    """A network whose `learn` halves large batches. `network` is used like any other; its parameters are shared."""

    def __init__(self, architecture: Architecture, seed: int, alone: bool = False) -> None:
        """alone: without a worker, to the same numbers. Raises TooLarge where it would not fit into memory."""
        check_parameters(architecture)
        self._descriptor = _anonymous(2 * _bytes_of_each(architecture))
        weakref.finalize(self, os.close, self._descriptor)
        flat, self._gradient = shared_arrays(architecture, self._descriptor)
        self.network = Network(architecture, seed, (flat, flat_zeros(flat.size, architecture.dtype)))
        self._second: Network | None = None
        self._worker: Worker | None = None
        self._alone = alone

    def learn(
        self, batch: Batch, state: State | None = None, rng: np.random.Generator | None = None
    ) -> tuple[float, State]:
        """As `Network.learn`; the masks of dropout are drawn for each half."""
        a, source = self.network.architecture, batch.source
        T, B = batch.inputs.shape[0], batch.inputs.shape[-1]
        if not worth(a, T + (0 if source is None else source.shape[0]), B):
            return self.network.learn(batch, state, rng)
        seeds = [None, None] if rng is None or not (a.dropout or a.weight_dropout) else rng.integers(_SEEDS, size=2)
        total = weight_of(batch)
        (first, first_state), (second, second_state) = halves(batch, state)
        worker = self._ask(second, second_state, total, seeds[1])
        try:
            loss, last = self.network.learn(first, first_state, _generator(seeds[0]), total)
        except BaseException:
            self.close()  # its answer would be taken for the next one
            raise
        answer = self._answer(worker)
        if answer is None:
            if self._second is None:
                self._second = Network(a, None, (self.network.flat, self._gradient))
            part, second_last = self._second.learn(second, second_state, _generator(seeds[1]), total)
        else:
            part, second_last = answer.loss, state_of(answer.state, a.cell)
        np.add(self.network.flat_gradient, self._gradient, self.network.flat_gradient)
        return loss + part, joined(last, second_last)

    def _ask(self, half: Half, state: State | None, total: float, seed: int | None) -> "Worker | None":
        """The worker, if it has begun on this half; the first time it is started for the steps to come."""
        if self._alone:
            return None
        try:
            if self._worker is None:
                self._worker = Worker(self.network.architecture, self._descriptor)
                weakref.finalize(self, _end, self._worker)
            if not self._worker.up:
                return None
            self._worker.ask(ask(half, state, total, None if seed is None else int(seed)))
        except OSError:
            self.close()
            return None
        return self._worker

    def _answer(self, worker: "Worker | None") -> Done | None:
        """What the worker has found; None where this half is still to be done."""
        if worker is None:
            return None
        try:
            return worker.answer()
        except OSError:
            self.close()
            return None

    def close(self) -> None:
        """Go on without a worker."""
        self._alone = True
        if self._worker is not None:
            self._worker.close()
            self._worker = None


def _generator(seed: int | None) -> np.random.Generator | None:
    return None if seed is None else np.random.default_rng(int(seed))
