"""Writes texts with the network, while it trains or without training; a text can be steered while it is written.

Training comes first: while it goes on, sampling gets a small share of the time and waits if that is not enough. Each
sample has its own state and generator.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass, field

from rnnplay.config import UserError
from rnnplay.lab.sample import InteractiveSampler, SamplingOptions
from rnnplay.protocol import Candidate, ChangeSample, Command, Sample, Sampled, StopSampling
from rnnplay.trainer.connection import Connection
from rnnplay.trainer.handlers.base import MAX_BACKLOG, Handler, TimeBudget, TimeShares
from rnnplay.trainer.session import TrainingSession

EVENT_SECONDS = 0.2  # between two events of a sample
_AT_ONCE = 16  # symbols between two looks at the clock
_SLICE_SECONDS = 0.02  # of sampling at a time while nothing trains
_TRAINING_SLICE_SECONDS = 0.002


@dataclass(eq=False)
class SampleStream:
    """A sample under way, and the part of it that was not sent yet."""

    sampler: InteractiveSampler
    command: Sample
    budget: TimeBudget
    remaining: int | None  # symbols to draw; None: until it is stopped
    seconds_per_symbol: float
    due: float  # when the next symbol is
    step: int  # the training step whose parameters it uses
    text: list[tuple[str, float]] = field(default_factory=list)
    is_first: bool = True  # no event was sent yet
    sent: float = 0.0  # when
    paused: bool = False
    remaining_before_pause: int | None = None  # symbols to draw before it pauses; None: no pause
    keep: int | None = None  # symbols that stand of those that were sent; None: all
    flush_requested: bool = False  # a person waits for the next event

    @property
    def done(self) -> bool:
        return self.remaining == 0

    def draw(self, now: float) -> None:
        """Draw one symbol, or several if they come as fast as they can."""
        limits = (1 if self.seconds_per_symbol else _AT_ONCE, self.remaining, self.remaining_before_pause)
        count = min(limit for limit in limits if limit is not None)
        self.text += self.sampler.draw_many(count)
        self.due = max(self.due + self.seconds_per_symbol, now - EVENT_SECONDS)
        if self.remaining is not None:
            self.remaining -= count
        if self.remaining_before_pause is not None:
            self.remaining_before_pause -= count
            self.paused = self.flush_requested = self.remaining_before_pause <= 0

    def event(self) -> Sampled:
        """The symbols drawn since the last event."""
        text, self.text = self.text, []
        is_first, self.is_first = self.is_first, False
        keep, self.keep = self.keep, None
        self.flush_requested = False
        drawn, drawable = self.sampler.draw_chances()
        return Sampled(
            text=tuple(symbol for symbol, _ in text),
            probabilities=tuple(probability for _, probability in text),
            candidates=tuple(Candidate(symbol, p) for symbol, p in self.sampler.candidates()),
            drawn=tuple(drawn),
            drawable=drawable,
            is_first=is_first,
            keep_symbols=keep,
            copied=self.sampler.copied,
            unknown_symbols=self.sampler.unseen if is_first else (),
            done=self.done,
            channel=self.command.channel,
        )


class SampleHandler(Handler):
    """Answers Sample with events until the sample is done or stopped, and ChangeSample while it is under way."""

    commands = (Sample, ChangeSample, StopSampling)

    def __init__(self, session: TrainingSession, connection: Connection, shares: TimeShares) -> None:
        self._learner, self._connection, self._shares = session.learner, connection, shares
        self._streams: dict[int, SampleStream] = {}  # by channel

    def handle_command(self, command: Sample | ChangeSample | StopSampling, interrupted: Callable[[], bool]) -> bool:
        match command:
            case Sample():
                self._begin(command)
            case ChangeSample():
                self._steer(command)
            case StopSampling():
                if (stream := self._streams.pop(command.channel, None)) is not None:
                    stream.remaining = 0
                    self._connection.send(stream.event(), stream.command)
        return False

    def run_pending(self, training: bool) -> None:
        """Draw what is due. Raises UserError if the network gives no numbers."""
        if self._connection.backlog < MAX_BACKLOG:
            for channel, stream in list(self._streams.items()):
                self.current = stream.command
                self._draw(stream, training)
                if stream.done:
                    del self._streams[channel]

    def seconds_until_due(self) -> float:
        if not self._streams or self._connection.backlog >= MAX_BACKLOG:
            return float("inf")
        due = [stream.due for stream in self._streams.values() if stream.flush_requested or not stream.paused]
        return max(min(due, default=float("inf")) - time.perf_counter(), 0.0)

    def cancel(self, command: Command) -> None:
        self._streams = {channel: stream for channel, stream in self._streams.items() if stream.command is not command}

    def _begin(self, command: Sample) -> None:
        """Raises UserError if the task has nothing to write, or an option makes no sense."""
        options = SamplingOptions(command.temperature, command.seed, command.top_k, command.top_p)
        if command.length is not None and command.length < 0:
            raise UserError(f"The length is {command.length}.", "Give a number of characters from 0 upwards.")
        _check_rate(command.rate)
        task = self._learner.task
        training_ids = task.training_ids if command.copied else None
        stream = SampleStream(
            sampler=InteractiveSampler(
                self._learner.eval_network(), task, command.prompt, options, command.clamps, training_ids
            ),
            command=command,
            budget=self._shares.sample(command.channel),
            remaining=command.length,
            seconds_per_symbol=1 / command.rate if command.rate else 0.0,
            due=time.perf_counter(),
            step=self._learner.step,
        )
        stream.text += stream.sampler.prompt_symbols
        self._streams[command.channel] = stream

    def _steer(self, command: ChangeSample) -> None:
        """Raises UserError if there is no sample to steer, or an option makes no sense."""
        stream = self._streams.get(command.channel)
        if stream is None:
            raise UserError("No sample is under way.", "Begin one first.")
        sampler, old = stream.sampler, stream.sampler.options
        if command.rate is not None:
            _check_rate(command.rate)
        sampler.set_options(
            SamplingOptions(
                temperature=old.temperature if command.temperature is None else command.temperature,
                seed=old.seed,
                top_k=old.top_k if command.top_k is None else command.top_k,
                top_p=old.top_p if command.top_p is None else command.top_p,
            )
        )
        if command.keep_symbols is not None and command.keep_symbols < sampler.length:
            self._take_back(stream, max(command.keep_symbols, 0))
        if command.symbol is not None:
            stream.text.append(sampler.force_symbol(command.symbol))
        if command.rate is not None:
            stream.seconds_per_symbol = 1 / command.rate if command.rate else 0.0
        if command.go is not None:
            stream.paused, stream.remaining_before_pause = not command.go, command.length if command.go else None
            stream.due = time.perf_counter()
        stream.flush_requested = True

    def _take_back(self, stream: SampleStream, keep: int) -> None:
        """Keep the first `keep` symbols. Those that were not sent yet are taken back first."""
        sent = stream.sampler.length - len(stream.text)
        stream.sampler.rewind(keep)
        keep = stream.sampler.length  # a prompt's first symbol stays
        del stream.text[max(0, keep - sent) :]
        if keep < sent:
            stream.keep = keep

    def _draw(self, stream: SampleStream, training: bool) -> None:
        """Draw what is due, as far as there is time for it, and send it if an event is due."""
        begun = now = time.perf_counter()
        end = now + (_TRAINING_SLICE_SECONDS if training else _SLICE_SECONDS)
        budget = stream.budget
        while not (stream.done or stream.paused) and stream.due <= now < end:
            if training and not budget.has_time(now):
                break
            stream.draw(now)
            budget.spend(-now + (now := time.perf_counter()))
        late = stream.text and begun - stream.sent >= EVENT_SECONDS
        if stream.is_first or stream.done or stream.flush_requested or late:
            self._connection.send(stream.event(), stream.command)
            stream.sent = begun
            if stream.step != self._learner.step:
                self._learner.eval_network()  # averaged weights follow those in training
                stream.sampler.refresh()
                stream.step = self._learner.step
            budget.spend(time.perf_counter() - now)


def _check_rate(rate: float) -> None:
    if not 0 <= rate < float("inf"):
        raise UserError(f"The rate is {rate:g}.", "Give characters a second, or 0 for as many as can be.")
