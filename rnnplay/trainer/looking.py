"""Looking at a network while it trains, or without training: traces, samples, the loss on a text.

Training comes first: while it goes on, looking gets a fortieth of the time and waits where that is not enough. Nothing
here touches a state or a generator that training uses.
"""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from typing import Any

import msgspec
import numpy as np

from rnnplay.config import UserError
from rnnplay.engine import Network
from rnnplay.lab.cells.trace import Reading, expected, quantised, read_examples, read_items, read_text
from rnnplay.lab.sample import CANDIDATES, Options, Steered
from rnnplay.protocol import Candidate, Evaluate, Evaluated, Packed, Sample, Sampled, Steer, StopSampling, Trace, Watch
from rnnplay.tasks.base import Batch
from rnnplay.tasks.text import stream_batches
from rnnplay.trainer.budget import Budget
from rnnplay.trainer.connection import Wire
from rnnplay.trainer.session import Session, history, left_out

SHARE = 0.006  # of training's time, for traces and again for samples
ATTENTIVE = 0.1  # the same where someone looks at nothing else: traces with candidates, samples on channels above 0
EVERY = 0.1  # seconds between two events of a sample
MAX_BACKLOG = 256 * 1024  # bytes that may wait for the reader before sampling waits too
MAX_TRACE = 50 * 2**20  # numbers in a trace
_AT_ONCE = 16  # symbols between two looks at the clock
_SLICE = 0.02  # seconds of sampling at a time where nothing trains
_TRAINING_SLICE = 0.002


@dataclass(eq=False)
class Writing:
    """A sample under way, and what of it was not sent yet."""

    sampler: Steered
    channel: int
    budget: Budget
    left: int | None  # symbols to draw; None: until it is stopped
    gap: float  # seconds between two symbols
    due: float  # when the next one is
    step: int  # after which it follows the network
    text: list[tuple[str, float]] = field(default_factory=list)
    begins: bool = True
    sent: float = 0.0
    paused: bool = False
    burst: int | None = None  # symbols to draw before it pauses; None: no end
    keep: int | None = None  # symbols that stand of what was sent; None: all
    waited_for: bool = False  # a person waits for its next event

    @property
    def done(self) -> bool:
        return self.left == 0

    def draw(self, now: float) -> None:
        """One symbol; where they come as fast as they can, several."""
        limits = (1 if self.gap else _AT_ONCE, self.left, self.burst)
        count = min(limit for limit in limits if limit is not None)
        self.text += self.sampler.draws(count)
        self.due = max(self.due + self.gap, now - EVERY)
        if self.left is not None:
            self.left -= count
        if self.burst is not None:
            self.burst -= count
            self.paused = self.waited_for = self.burst <= 0

    def event(self) -> Sampled:
        """What was drawn since the last event."""
        text, self.text = self.text, []
        begins, self.begins = self.begins, False
        keep, self.keep = self.keep, None
        self.waited_for = False
        return Sampled(
            text=tuple(symbol for symbol, _ in text),
            probabilities=tuple(probability for _, probability in text),
            candidates=tuple(Candidate(symbol, p) for symbol, p in self.sampler.candidates()),
            begins=begins,
            keep=keep,
            copied=self.sampler.copied,
            unseen=self.sampler.unseen if begins else (),
            done=self.done,
            channel=self.channel,
        )


def _candidates(network: Network, reading: Reading) -> tuple[Packed, Packed]:
    """What the network expects after each symbol of a reading of h, and how much."""
    best, chances = expected(network, reading.values[-1], CANDIDATES)
    return Packed.of(best), Packed.of(chances)


class Looker:
    """Answers Watch and Sample, and goes on answering them as training moves; Evaluate once."""

    def __init__(self, session: Session, wire: Wire) -> None:
        self._session, self._learner, self._wire = session, session.learner, wire
        self._watch: Watch | None = None
        self._traced = 0.0  # when
        self._traced_step = -1
        self._writings: dict[int, Writing] = {}
        self._earlier: tuple[int, Network] | None = None  # a network of the run's history
        self._tracing = {False: Budget(SHARE), True: Budget(ATTENTIVE)}  # by whether candidates are told
        self._sampling = Budget(SHARE)

    # ------------------------------------------------------------------------------------------------------- traces

    def watch(self, command: Watch) -> None:
        """Send the trace that is asked for, and remember to send it again. Raises UserError where there is none."""
        self._watch = None
        self._trace(command)
        if command.every > 0 and command.step is None:
            self._watch = command

    def _trace(self, command: Watch) -> None:
        begun = time.perf_counter()
        learner = self._learner
        step = learner.step
        if command.step is not None and command.step != step:
            step = command.step
            network = self._network_of(step)
        else:
            network = learner.shown()
        architecture = network.architecture
        most = MAX_TRACE // (architecture.layers * architecture.hidden)
        start, length = max(command.start, 0), min(max(command.length, 1), most)
        wanted = msgspec.structs.replace(command, start=start, length=length)
        self._wire.send(self._event(step, wanted, network))
        self._traced, self._traced_step = time.perf_counter(), step
        self._tracing[command.candidates].spend(self._traced - begun)

    def _read(self, network: Network, command: Watch) -> Reading:
        """A piece of the held-out text, or of another one; where there is no text, of held-out items."""
        task, pieces = self._learner.task, self._session.pieces
        ids = task.held_out_ids if pieces is None else pieces
        if len(ids):
            return read_text(network, ids, command.start, command.length, command.state)
        if command.example is not None:
            return read_examples(network, task, command.example, command.length, command.state)
        return read_items(network, task, command.start, command.length, command.state)

    def _event(self, step: int, command: Watch, network: Network) -> Trace:
        # A long text's values are large: never two readings of it in memory, nor one beside its bytes.
        candidates: tuple[Packed | None, Packed | None] = None, None
        told = command.candidates and network.architecture.readout == "softmax"
        if told and command.state != "h":
            candidates = _candidates(network, self._read(network, msgspec.structs.replace(command, state="h")))
        reading = self._read(network, command)
        if told and command.state == "h":
            candidates = _candidates(network, reading)
        values, scale = quantised(reading.values)
        reading = replace(reading, values=values[:, :, :0])
        return Trace(
            step=step,
            start=reading.start,
            total=reading.total,
            symbols=reading.symbols(self._learner.task.vocabulary),
            state=command.state,
            values=Packed.of(values),
            scale=scale,
            surprise=Packed.of(np.clip(np.rint(reading.surprise * 10), 0, 255).astype(np.uint8)),
            candidates=candidates[0],
            chances=candidates[1],
        )

    def _network_of(self, step: int) -> Network:
        """The network as it was after `step`, kept until another one is asked for."""
        if self._earlier is None or self._earlier[0] != step:
            network = Network(self._learner.network.architecture)
            self._learner.fill(network, history(self._session.run, step))
            self._earlier = step, network
        return self._earlier[1]

    # ------------------------------------------------------------------------------------------------------ samples

    def obey(self, command: Watch | Sample | StopSampling | Steer) -> None:
        """Raises UserError where something makes no sense."""
        match command:
            case Watch():
                self.watch(command)
            case Sample():
                self.sample(command)
            case StopSampling():
                self.stop_sampling(command.channel)
            case Steer():
                self.steer(command)

    def sample(self, command: Sample) -> None:
        """Begin to write. Raises UserError where the task has nothing to write, or an option makes no sense."""
        options = Options(command.temperature, command.seed, command.top_k, command.top_p)
        if command.length is not None and command.length < 0:
            raise UserError(f"The length is {command.length}.", "Give a number of characters from 0 upwards.")
        if not 0 <= command.rate < float("inf"):
            raise UserError(f"The rate is {command.rate:g}.", "Give characters a second, or 0 for as many as can be.")
        task = self._learner.task
        training = task.training_ids if command.copied else None
        writing = Writing(
            sampler=Steered(self._learner.shown(), task, command.prompt, options, command.clamps, training),
            channel=command.channel,
            budget=self._sampling if command.channel == 0 else Budget(ATTENTIVE),
            left=command.length,
            gap=1 / command.rate if command.rate else 0.0,
            due=time.perf_counter(),
            step=self._learner.step,
        )
        writing.text += writing.sampler.read
        self._writings[command.channel] = writing

    def steer(self, command: Steer) -> None:
        """Change a sample under way. Raises UserError where there is none, or where something makes no sense."""
        writing = self._writings.get(command.channel)
        if writing is None:
            raise UserError("No sample is under way.", "Begin one first.")
        sampler, old = writing.sampler, writing.sampler.options
        sampler.change(
            Options(
                temperature=old.temperature if command.temperature is None else command.temperature,
                seed=old.seed,
                top_k=old.top_k if command.top_k is None else command.top_k,
                top_p=old.top_p if command.top_p is None else command.top_p,
            )
        )
        if command.keep is not None and command.keep < sampler.length:
            self._take_back(writing, max(command.keep, 0))
        if command.symbol is not None:
            writing.text.append(sampler.write(command.symbol))
        if command.rate is not None:
            writing.gap = 1 / command.rate if command.rate > 0 else 0.0
        if command.go is not None:
            writing.paused, writing.burst = not command.go, command.length if command.go else None
            writing.due = time.perf_counter()
        writing.waited_for = True

    def _take_back(self, writing: Writing, keep: int) -> None:
        """What was not sent yet is taken back first."""
        sent = writing.sampler.length - len(writing.text)
        writing.sampler.take_back(keep)
        keep = writing.sampler.length  # a prompt's first symbol stays
        del writing.text[max(0, keep - sent) :]
        if keep < sent:
            writing.keep = keep

    def stop_sampling(self, channel: int) -> None:
        if (writing := self._writings.pop(channel, None)) is not None:
            writing.left = 0
            self._wire.send(writing.event())

    def _write(self, writing: Writing, training: bool) -> None:
        """Draw what is due, as far as there is time for it."""
        begun = now = time.perf_counter()
        end = now + (_TRAINING_SLICE if training else _SLICE)
        budget = writing.budget
        while not (writing.done or writing.paused) and writing.due <= now < end and (not training or budget.left(now)):
            writing.draw(now)
            budget.spend(-now + (now := time.perf_counter()))
        late = writing.text and begun - writing.sent >= EVERY
        if writing.begins or writing.done or writing.waited_for or late:
            self._wire.send(writing.event())
            writing.sent = begun
            if writing.step != self._learner.step:
                begun = time.perf_counter()
                self._learner.shown()  # averaged weights follow those in training
                writing.sampler.refresh()
                writing.step = self._learner.step
                budget.spend(time.perf_counter() - begun)

    # --------------------------------------------------------------------------------------------------- in the loop

    def serve(self, training: bool) -> None:
        """What is due: more of the samples, the trace again. Raises UserError where the network gives no numbers."""
        if self._wire.backlog < MAX_BACKLOG:
            for channel, writing in list(self._writings.items()):
                try:
                    self._write(writing, training)
                except UserError:
                    del self._writings[channel]
                    raise
                if writing.done:
                    del self._writings[channel]
        now = time.perf_counter()
        watch = self._watch
        if watch is None or now - self._traced < watch.every or self._traced_step == self._learner.step:
            return
        if not self._wire.waiting(Trace) and (self._tracing[watch.candidates].left(now) or not training):
            self._trace(watch)

    def patience(self) -> float:
        """Seconds until a sample goes on; infinity where none is under way."""
        if not self._writings or self._wire.backlog >= MAX_BACKLOG:
            return float("inf")
        due = [writing.due for writing in self._writings.values() if writing.waited_for or not writing.paused]
        return max(min(due, default=float("inf")) - time.perf_counter(), 0.0)

    def evaluate(self, command: Evaluate, interrupted: Callable[[], bool]) -> Evaluated | None:
        """The loss on held-out data or on another text; None where it was interrupted. Raises UserError."""
        if command.streams < 1:
            raise UserError(f"{command.streams} streams cannot be read.", "Give at least 1.")
        batches, baseline, notes = self._batches(command)
        result = self._learner.evaluate(batches, interrupted)
        if result is None:
            return None
        loss, characters = result
        return Evaluated(step=self._learner.step, loss=loss, baseline=baseline, characters=characters, notes=notes)

    def _batches(self, command: Evaluate) -> tuple[Iterator[Batch], float | None, tuple[str, ...]]:
        task, own = self._learner.task, command.text is None
        notes: tuple[str, ...] = ()
        share = command.validation
        if share is not None and not 0 < share <= 1:
            raise UserError(f"The share is {share:g}.", "Give a number above 0 and at most 1.")
        ids: Any
        if command.text is not None:
            ids, unseen = task.encode_file(command.text)
            notes = (left_out(unseen),) if unseen else ()
        elif not len(task.training_ids):
            return task.evaluation(), self._session.baseline, ()
        elif share is None:
            ids = task.held_out_ids
        else:
            ids = np.concatenate([task.training_ids, task.held_out_ids])
        if share is not None:
            ids = ids[int(len(ids) * (1 - share)) :]
        if len(ids) < 2:
            raise UserError("There is nothing to measure on.", "Give a text of at least two characters.")
        baseline = self._session.baseline if own and share is None else None
        return stream_batches(ids, command.streams), baseline, notes
