"""Sends the activations of all units over a piece of text, again and again while the network learns."""

import time
from collections.abc import Callable
from dataclasses import replace

import msgspec
import numpy as np

from rnnplay.engine import Network
from rnnplay.lab.cells.trace import ActivationTrace, likeliest_next, quantize, trace_examples, trace_items, trace_text
from rnnplay.lab.sample import CANDIDATES
from rnnplay.protocol import Command, PackedArray, Trace, WatchTrace
from rnnplay.runs import checkpoint
from rnnplay.trainer.connection import Connection
from rnnplay.trainer.handlers.base import Handler, TimeBudget, TimeShares
from rnnplay.trainer.session import TrainingSession

MAX_TRACE = 50 * 2**20  # numbers in a trace


class TraceHandler(Handler):
    """Answers WatchTrace, and again every `every` seconds while the network learns."""

    commands = (WatchTrace,)
    current: WatchTrace | None = None  # to be answered again

    def __init__(self, session: TrainingSession, connection: Connection, shares: TimeShares) -> None:
        self._session, self._learner, self._connection, self._shares = session, session.learner, connection, shares
        self._traced = 0.0  # when
        self._traced_step = -1
        self._earlier: tuple[int, Network] | None = None  # a network of the run's history

    def handle_command(self, command: WatchTrace, interrupted: Callable[[], bool]) -> bool:
        """Raises UserError if the network has no such state, or the run no such step."""
        self.current = None
        self._trace(command)
        if command.every > 0 and command.step is None:
            self.current = command
        return False

    def run_pending(self, training: bool) -> None:
        """Send the trace again if it is due. Raises UserError if the network's values are not finite."""
        watch, now = self.current, time.perf_counter()
        if watch is None or now - self._traced < watch.every or self._traced_step == self._learner.step:
            return
        if not self._connection.has_pending(Trace) and (self._budget(watch).has_time(now) or not training):
            self._trace(watch)

    def cancel(self, command: Command) -> None:
        """Send no trace again before the network has learned on: a run that diverges goes back to finite values."""
        self._traced, self._traced_step = time.perf_counter(), self._learner.step

    def _trace(self, command: WatchTrace) -> None:
        begun_busy = time.thread_time()
        learner = self._learner
        step = learner.step
        if command.step is not None and command.step != step:
            step = command.step
            network = self._network_of(step)
        else:
            network = learner.eval_network()
        architecture = network.architecture
        most = MAX_TRACE // (architecture.layers * architecture.hidden)
        start, length = max(command.start, 0), min(max(command.length, 1), most)
        request = msgspec.structs.replace(command, start=start, length=length)
        self._connection.send(self._event(step, request, network), command)
        self._traced, self._traced_step = time.perf_counter(), step
        self._budget(command).spend(time.thread_time() - begun_busy)  # not what other programs took meanwhile

    def _budget(self, command: WatchTrace) -> TimeBudget:
        return self._shares.trace_with_candidates if command.candidates else self._shares.trace

    def _read(self, network: Network, command: WatchTrace) -> ActivationTrace:
        """A piece of the held-out text, or of another one; where there is no text, of held-out items."""
        task, inspected_ids = self._learner.task, self._session.inspected_ids
        ids = task.held_out_ids if inspected_ids is None else inspected_ids
        if len(ids):
            return trace_text(network, ids, command.start, command.length, command.state, task)
        if command.example is not None:
            return trace_examples(network, task, command.example, command.length, command.state)
        return trace_items(network, task, command.start, command.length, command.state)

    def _event(self, step: int, command: WatchTrace, network: Network) -> Trace:
        # A long text's values are large: never two readings of it in memory, nor one beside its bytes.
        candidates: tuple[PackedArray | None, PackedArray | None] = None, None
        sends_candidates = command.candidates and network.architecture.readout == "softmax"
        if sends_candidates and command.state != "h":
            candidates = _candidates(network, self._read(network, msgspec.structs.replace(command, state="h")))
        reading = self._read(network, command)
        if sends_candidates and command.state == "h":
            candidates = _candidates(network, reading)
        values, scale = quantize(reading.values)
        reading = replace(reading, values=values[:, :, :0])
        return Trace(
            step=step,
            start=reading.start,
            total=reading.total,
            symbols=reading.symbols(self._learner.task.vocabulary),
            state=command.state,
            values=PackedArray.from_array(values),
            scale=scale,
            surprise=PackedArray.from_array(np.clip(np.rint(reading.surprise * 10), 0, 255).astype(np.uint8)),
            candidates=candidates[0],
            probabilities=candidates[1],
        )

    def _network_of(self, step: int) -> Network:
        """The network as it was after `step`, kept until another one is asked for."""
        if self._earlier is None or self._earlier[0] != step:
            self._earlier = step, self._learner.network_of(checkpoint.load_at(self._session.run, step))
        return self._earlier[1]


def _candidates(network: Network, reading: ActivationTrace) -> tuple[PackedArray, PackedArray]:
    """Return what the network expects after each symbol of a reading of h, and how much."""
    best, chances = likeliest_next(network, reading.values[-1], CANDIDATES)
    return PackedArray.from_array(best), PackedArray.from_array(chances)
