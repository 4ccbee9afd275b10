"""The training step that is shared between this process and a worker.

How a batch is split depends on sizes alone, so the numbers are the same whichever process computed them: until the
worker is ready, and after it has ended, this process computes both halves itself.
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

from rnnplay.engine import Architecture, BatchLike, Network, SliceableBatch, State, subnormals_flushed
from rnnplay.engine.arrays import CACHE_LINE_BYTES, Array, aligned_zeros
from rnnplay.engine.memory_limits import check_parameters
from rnnplay.engine.parameters import parameter_count
from rnnplay.parallel.eventfd import EventFd
from rnnplay.parallel.messages import StepRequest, StepResult, WorkerInit, pack_request, receive, send, unpack_state
from rnnplay.parallel.split import join_states, should_split, split_batch, total_weight

_COMMAND = (sys.executable, "-P", "-m", "rnnplay.parallel")
_SEEDS = 2**63


def shared_arrays(a: Architecture, descriptor: int) -> tuple[Array, Array]:
    """The parameters and the second half's gradient, flat, in memory that two processes read."""
    size, each = parameter_count(a), _bytes_of_each(a)
    memory = mmap.mmap(descriptor, 2 * each)
    return np.frombuffer(memory, a.dtype, size), np.frombuffer(memory, a.dtype, size, each)


def _bytes_of_each(a: Architecture) -> int:
    """Bytes of one flat array, rounded up to a cache line, at which the next one begins."""
    return -(-parameter_count(a) * np.dtype(a.dtype).itemsize // CACHE_LINE_BYTES) * CACHE_LINE_BYTES


def _anonymous_memory(size: int) -> int:
    """A descriptor of `size` bytes of memory without a name: the system frees it with the last process that has it."""
    if hasattr(os, "memfd_create"):
        descriptor = os.memfd_create("rnnplay")
    else:
        with tempfile.TemporaryFile() as file:
            descriptor = os.dup(file.fileno())
    os.ftruncate(descriptor, size)
    return descriptor


def _close_worker(worker: "Worker") -> None:
    worker.close()


class Worker:
    """The process that computes the second half."""

    def __init__(self, a: Architecture, descriptor: int) -> None:
        """Start the worker. Raises OSError if it cannot be started."""
        self._requests, self._results = signals = EventFd.new(), EventFd.new()
        for event in signals:
            weakref.finalize(self, event.close)
        needed = (descriptor, *(event.descriptor for event in signals if event.descriptor is not None))
        self._process = subprocess.Popen(_COMMAND, stdin=subprocess.PIPE, stdout=subprocess.PIPE, pass_fds=needed)
        assert self._process.stdin is not None and self._process.stdout is not None
        self._in: IO[bytes] = self._process.stdin
        self._out: IO[bytes] = self._process.stdout
        self._ready = False
        send(self._in, WorkerInit(a, descriptor, subnormals_flushed(), self._requests, self._results))

    @property
    def is_ready(self) -> bool:
        """Return whether it has loaded and waits for requests. Raises OSError if it has ended."""
        if not self._ready and select.select([self._out], [], [], 0)[0]:
            if receive(self._out, StepResult) is None:
                raise BrokenPipeError("the worker has ended")
            self._ready = True
        return self._ready

    def submit(self, request: StepRequest) -> None:
        self._requests.signal()
        send(self._in, request)

    def result(self) -> StepResult:
        """Wait for the result of the last request. Raises OSError if the worker has ended."""
        self._results.wait(self._out)
        result = receive(self._out, StepResult)
        if result is None:
            raise BrokenPipeError("the worker has ended")
        return result

    def exit_status(self) -> int | None:
        """Return its exit status, or minus the signal that ended it; None if it still runs after a second."""
        with suppress(subprocess.TimeoutExpired):
            return self._process.wait(1.0)
        return None

    def close(self) -> None:
        """End it: it has nothing worth saving."""
        self._process.kill()
        self._process.wait()
        for pipe in (self._in, self._out):
            with suppress(OSError):
                pipe.close()


class DataParallel:
    """A network whose `forward_backward` splits large batches; its parameters are shared with a worker.

    problem: a sentence once the worker has ended although it was needed; training goes on without it, to the same
    numbers. The caller sets it to None when it has been reported.
    """

    def __init__(self, architecture: Architecture, seed: int, in_process: bool = False) -> None:
        """in_process: without a worker, to the same numbers. Raises TooLargeError if it does not fit into memory."""
        check_parameters(architecture)
        self._descriptor = _anonymous_memory(2 * _bytes_of_each(architecture))
        weakref.finalize(self, os.close, self._descriptor)
        flat, self._gradient = shared_arrays(architecture, self._descriptor)
        self.network = Network(architecture, seed, (flat, aligned_zeros(flat.size, architecture.dtype)))
        self._fallback_network: Network | None = None
        self._worker: Worker | None = None
        self._in_process = in_process
        self.problem: str | None = None

    def forward_backward(
        self, batch: SliceableBatch, state: State | None = None, rng: np.random.Generator | None = None
    ) -> tuple[float, State]:
        """Do what `Network.forward_backward` does; the dropout masks are drawn for each half."""
        a, source = self.network.architecture, batch.source
        T, B = batch.inputs.shape[0], batch.inputs.shape[-1]
        if not should_split(a, T + (0 if source is None else source.shape[0]), B):
            return self.network.forward_backward(batch, state, rng)
        seeds = [None, None] if rng is None or not (a.dropout or a.weight_dropout) else rng.integers(_SEEDS, size=2)
        total = total_weight(batch)
        (first, first_state), (second, second_state) = split_batch(batch, state)
        worker = self._submit(second, second_state, total, seeds[1])
        try:
            loss, last = self.network.forward_backward(first, first_state, _generator(seeds[0]), total)
        except BaseException:
            self.close()  # its result would be taken for the next one
            raise
        result = self._result(worker)
        if result is None:
            if self._fallback_network is None:
                self._fallback_network = Network(a, None, (self.network.flat, self._gradient))
            rng = _generator(seeds[1])
            part, second_last = self._fallback_network.forward_backward(second, second_state, rng, total)
        else:
            part, second_last = result.loss, unpack_state(result.state, a.cell)
        np.add(self.network.flat_gradient, self._gradient, self.network.flat_gradient)
        return loss + part, join_states(last, second_last)

    def _submit(self, half: BatchLike, state: State | None, total: float, seed: int | None) -> "Worker | None":
        """The worker, if it computes this half; the first call starts it for the steps to come."""
        if self._in_process:
            return None
        try:
            if self._worker is None:
                self._worker = Worker(self.network.architecture, self._descriptor)
                weakref.finalize(self, _close_worker, self._worker)
            if not self._worker.is_ready:
                return None
            self._worker.submit(pack_request(half, state, total, None if seed is None else int(seed)))
        except OSError as error:
            self._lose_worker(error)
            return None
        return self._worker

    def _result(self, worker: "Worker | None") -> StepResult | None:
        """The worker's result; None if this process has to compute the half."""
        if worker is None:
            return None
        try:
            return worker.result()
        except OSError as error:
            self._lose_worker(error)
            return None

    def _lose_worker(self, error: OSError) -> None:
        status = None if self._worker is None else self._worker.exit_status()
        self.close()
        reason = error if status is None else f"exit status {status}"
        self.problem = (
            f"The second core's process has ended ({reason}): training goes on with one core, more slowly and to the "
            "same numbers. Stop and resume the run to start it again."
        )

    def close(self) -> None:
        """Go on without a worker."""
        self._in_process = True
        if self._worker is not None:
            self._worker.close()
            self._worker = None


def _generator(seed: int | None) -> np.random.Generator | None:
    return None if seed is None else np.random.default_rng(int(seed))
