"""The run on the screen: one object owns the client and turns the trainer's events into plain accumulated data.

Nothing here knows a widget. `changed(topic)` says what is new: run, status, curves, cells, sample.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import msgspec

from rnnplay import protocol as say
from rnnplay.config import RunConfig, UserError
from rnnplay.gallery import Piece, of_run
from rnnplay.tui.paint.text import spaced
from rnnplay.tui.state.cells import CellsState
from rnnplay.tui.state.example import ExampleState
from rnnplay.tui.state.metrics import MetricsTable
from rnnplay.tui.state.selection import Selection

if TYPE_CHECKING:
    from rnnplay.client import TrainerClient

_KEPT = 20_000  # sampled characters
_TRACED = 4_000_000  # bytes that a trace may have
_CALM, _CLOSE = 1.0, 0.3  # seconds between two traces: beside all else, and where someone looks at nothing else
_OWN = {"cells": ("WatchTrace",), "sample": ("ShowExample", "Sample")}  # commands that are sent without anyone asking
ALIVE = frozenset({"starting", "training", "pausing", "paused", "finished", "diverged", "inspecting"})


@dataclass(frozen=True)
class Sampling:
    """How texts are drawn."""

    temperature: float = 0.8
    prompt: str | None = None
    seed: int = 1
    length: int | None = None
    rate: float = 25.0  # characters a second: as fast as one reads


class RunSession:
    """`state`: idle, or as the trainer says, or stopped, or dead."""

    def __init__(self, changed: Callable[[str], None], root: str | None = None) -> None:
        self._changed = changed
        self._root = root
        self._client: TrainerClient | None = None
        self._follower: asyncio.Task[None] | None = None
        self._closing: set[asyncio.Task[None]] = set()
        self.sampling = Sampling()
        self.trace_start = 0
        self.trace_length = 2_000
        self.needs_fast_trace = (
            False  # someone looks at the cells and at nothing else: more often, and what is expected too
        )
        self.selection = Selection()  # where a person reads: Play and Cells share it
        self.gallery: Piece | None = None  # the network of the gallery that is looked at
        self.clamp: tuple[int, int, float] | None = None  # (layer, unit, value) that Sample holds
        self.heard: list[Callable[[say.AnyEvent], None]] = []  # told of every event once it is taken in
        self.cells = CellsState(self)
        self.example = ExampleState(self)
        self._clear()

    def _clear(self) -> None:
        self.state = "idle"
        self.config: RunConfig | None = None
        self.facts: say.Facts | None = None
        self.run: str | None = None
        self.status: say.Status | None = None
        self.metrics = MetricsTable()
        self.evaluations: list[tuple[int, float]] = []
        self.other_text_evaluations = 0  # how many of them were made on an earlier text of the run
        self.trace: say.Trace | None = None
        self.traces: dict[str, say.Trace] = {}  # the last one of each state
        self.trace_state = "h"  # h, c or a gate
        self.trace_step: int | None = None  # of a checkpoint; None: as the network stands
        self.cells.forget()
        self.example.forget()
        self.text: list[str] = []
        self.probabilities: list[float] = []
        self.prompt_length = 0
        self.candidates: tuple[say.Candidate, ...] = ()
        self.sample_done = False
        self.sampled = False
        self.problem: tuple[str, str] | None = None  # what is wrong, what to do
        self.note: str = ""
        self.unavailable: dict[str, str] = {}  # topic -> why there is nothing to show
        self._asked = ""  # the topic that was asked for of our own accord, until it is answered
        self.saved_step: int | None = None
        self.health: say.Health | None = None  # what ails the run

    @property
    def has_trainer(self) -> bool:
        return self._client is not None

    @property
    def step(self) -> int:
        return self.status.step if self.status else 0

    @property
    def user_config(self) -> RunConfig | None:
        """The settings of a run of one's own; what the gallery was trained with is nothing to differ from."""
        return None if self.gallery is not None else self.config

    @property
    def can_sample(self) -> bool:
        """Whether there is a network that can write."""
        return self.facts is not None and "sample" not in self.unavailable

    # ------------------------------------------------------------------------------------------- what a person does

    async def train(self, config: RunConfig) -> None:
        """Begin a new run; the one before is saved meanwhile."""
        self._let_go()
        await self._open(say.Train(config=config, root=self._root), config)

    async def resume(self, more_steps: int | None = None) -> None:
        """Go on with the run that stopped, died or finished."""
        if self.run is None:
            return
        run, config = self.run, self.config
        await self.close()  # its lock must be free
        await self._open(say.Resume(run=run, more_steps=more_steps), config)

    async def inspect(self) -> None:
        """Load the run that stopped, to look at it and to sample."""
        if self.run is None:
            return
        await self._open(say.Inspect(run=self.run), self.config)

    async def open_gallery_network(self, piece: Piece) -> None:
        """Look at a network of the gallery; the run under way is saved meanwhile."""
        self._let_go()
        self.selection.restart()
        await self._open(say.Inspect(run=str(piece.path)), None)
        self.gallery = piece

    async def send(self, command: say.Command) -> None:
        if self._client is not None:
            await self._client.send(command)

    async def watch(self, start: int) -> None:
        """Ask for the activations over a piece of the held-out text, now and as training goes on."""
        self.trace_start = start
        await self.send(self._watch())

    async def sample(self, sampling: Sampling) -> None:
        """Begin a new sample; a run that has stopped is loaded for it first."""
        self.sampling = sampling
        if self._client is None and self.run is not None:
            await self.inspect()
        else:
            await self.send(self._sample())

    async def pause(self) -> None:
        """Pause; the screen says so at once, the trainer after its step."""
        self.state = "pausing"
        self._changed("run")
        await self.send(say.Pause())

    async def go(self) -> None:
        """Train on; the screen says so at once. A run that diverged first goes back: the trainer tells when it has."""
        if self.state == "paused":
            self.state, self.problem = "training", None
            self._changed("run")
        await self.send(say.Continue())

    async def change(self, **values: Any) -> None:
        """Change lr or clip of the run under way."""
        if self.config is not None:
            self.config = msgspec.structs.replace(self.config, **values)
            await self.send(say.ChangeSettings(**values))
            self._changed("run")

    async def close(self) -> None:
        """Save whatever runs, and wait until every trainer has ended."""
        self._let_go()
        while self._closing:
            await asyncio.gather(*self._closing, return_exceptions=True)

    # ------------------------------------------------------------------------------------------- the trainer's life

    async def _open(self, command: say.Train | say.Resume | say.Inspect, config: RunConfig | None) -> None:
        from rnnplay.client import TrainerClient  # loads NumPy: not before the first paint

        kept_run = self.run if not isinstance(command, say.Train) else None
        if config is None or self.user_config is None or config.task != self.user_config.task:
            self.selection.layer = self.selection.unit = 0  # another network's unit says nothing here
        self._clear()
        self.run, self.config, self.state, self.gallery = kept_run, config, "starting", None
        self._changed("run")
        try:
            client = await TrainerClient.start(command)
        except (UserError, OSError) as error:
            wrong, remedy = (
                (error.problem, error.remedy)
                if isinstance(error, UserError)
                else (f"The trainer could not be started: {error.strerror or error}.", "Try again with n.")
            )
            self._fail(wrong, remedy)
            return
        if self._client is not None:  # another was started meanwhile
            self._let_go()
        self._client = client
        self._follower = asyncio.create_task(self._follow(client))

    async def _follow(self, client: TrainerClient) -> None:
        async for event in client.events():
            if client is not self._client:
                return
            self.handle_event(event)
        if client is self._client:
            self._client = None
            if self.state in ALIVE:
                self._fail("The trainer ended unexpectedly.", "")
            self._release(client)

    def _let_go(self) -> None:
        """Have the present trainer save and end, without waiting for it."""
        client, self._client = self._client, None
        if client is not None:
            self._release(client)

    def _release(self, client: TrainerClient) -> None:
        task = asyncio.create_task(client.close())
        self._closing.add(task)
        task.add_done_callback(self._closing.discard)

    # ---------------------------------------------------------------------------------------------------- its events

    def handle_event(self, event: say.AnyEvent) -> None:
        """Take in one event."""
        match event:
            case say.Started():
                self._started(event)
            case say.RowsCompleted():
                self.metrics.add(event.rows)
                self._changed("curves")
            case say.Evaluated():
                if event.loss is not None and (not self.evaluations or event.step > self.evaluations[-1][0]):
                    self.evaluations.append((event.step, event.loss))
                    self.other_text_evaluations += event.other_text
                self._changed("curves")
            case say.Status():
                self._stands(event)
            case say.Trace():
                self.traces[event.state] = event
                if event.state == self.trace_state:
                    self.trace = msgspec.structs.replace(event, symbols=tuple(spaced(event.symbols)))
                self._answered("cells")
                self._changed("cells")
            case say.Sampled() if event.channel == 0:
                self._wrote(event)
            case say.ExampleShown() | say.TaskAnswered():
                self.example.hear(event)
                self._answered("sample")
                self._changed("sample")
            case say.Health():
                self.health = event
                self._changed("status")
            case say.Saved():
                self.saved_step = event.step
                self._changed("status")
            case say.Failed():
                if event.fatal:
                    self._fail(event.wrong, event.remedy)
                else:
                    self._refused(event)
            case say.Stopped():
                self.run = event.run
                self.state = "finished" if event.reason == "finished" else "stopped"
                self._changed("run")
            case _:
                if self.cells.hear(event):
                    self._changed("answers")
        for listener in self.heard:
            listener(event)

    def _started(self, event: say.Started) -> None:
        self.run, self.config, self.facts = event.run, event.config, event.facts
        self.other_text_evaluations = 0
        self.metrics, self.evaluations = MetricsTable(), []  # a run that diverged starts again from its checkpoint
        self.note = " ".join(event.notes)
        if event.step:
            self.status = say.Status(state="paused", step=event.step)
        units = event.config.hidden * event.config.layers
        self.trace_length = max(200, min(self.trace_length, _TRACED // units))
        self.trace_start = 0
        self._ask("cells")
        self.gallery = of_run(event.run)
        if self.gallery is not None:
            self._soon(self.cells.find(self.gallery.patterns[0]))
        self._later(say.WatchHealth())
        self._changed("run")

    def _ask(self, topic: str) -> None:
        """Ask for what is shown without anyone asking: first the cells, then a sample."""
        self._asked = topic
        if topic:
            self._later(self._watch() if topic == "cells" else self.example.first() or self._sample())

    def _answered(self, topic: str) -> None:
        if topic == self._asked:
            self._ask("sample" if topic == "cells" else "")

    def _refused(self, event: say.Failed) -> None:
        """A command that could not be done; what nobody had asked for is told in its panel, not as an error."""
        if self._asked and event.command in ("", *_OWN[self._asked]):
            self.unavailable[self._asked] = event.wrong
            self._changed(self._asked)
            self._answered(self._asked)
        else:
            self.problem = (event.wrong, event.remedy)
            if event.command != say.AskTask.__name__:
                self.cells.refused()
            if event.command in ("", say.AskTask.__name__):
                self.example.refused()
            self._changed("sample")
        self._changed("run")

    def _stands(self, event: say.Status) -> None:
        before = self.state
        self.status = event
        if before == "pausing" and event.state == "training":  # it was sent before the trainer had heard
            return
        self.state = event.state
        if event.state == "diverged" and before != "diverged":
            self.problem = (event.wrong or "The run diverged.", event.remedy)
        elif event.state == "training" and before in ("diverged", "paused"):
            self.problem = None
        self._changed("run" if event.state != before else "status")

    def _wrote(self, event: say.Sampled) -> None:
        if event.begins:
            self.text.clear()
            self.probabilities.clear()
            self.prompt_length = _length(self.sampling.prompt or "", event)
            if event.unseen:
                shown = " ".join(repr(symbol) for symbol in event.unseen)
                self.problem = (f"The network has never seen {shown}.", "They were left out of the prompt.")
                self._changed("run")
        self.text += event.text
        self.probabilities += event.probabilities
        if len(self.text) > _KEPT:
            self.prompt_length = 0
            del self.text[: -_KEPT // 2], self.probabilities[: -_KEPT // 2]
        if event.candidates:
            self.candidates = event.candidates
        self.sample_done, self.sampled = event.done, True
        self._answered("sample")
        self._changed("sample")

    def _fail(self, wrong: str, remedy: str) -> None:
        began = self.facts is not None or (self.run is not None and self.metrics.count > 0)
        self.problem = (wrong, remedy)
        self.state = "dead" if began or self.run is not None else "failed"
        self._changed("run")

    # ------------------------------------------------------------------------------------------------------ commands

    def _watch(self) -> say.WatchTrace:
        return say.WatchTrace(
            start=self.trace_start,
            length=self.trace_length,
            every=_CLOSE if self.needs_fast_trace else _CALM,
            state=self.trace_state,
            step=self.trace_step,
            candidates=self.needs_fast_trace,
            example=self.example.index if self.example.items and not (self.facts and self.facts.held_out) else None,
        )

    def _sample(self) -> say.Sample:
        how = self.sampling
        return say.Sample(
            prompt=how.prompt or "", length=how.length, temperature=how.temperature, seed=how.seed, rate=how.rate
        )

    def _later(self, command: say.Command) -> None:
        self._soon(self.send(command))

    def _soon(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.ensure_future(work)
        self._closing.add(task)
        task.add_done_callback(self._closing.discard)


def _length(prompt: str, event: say.Sampled) -> int:
    """How many symbols at the start of a sample are its prompt: those that the network knew of it."""
    left = sum(symbol not in event.unseen for symbol in prompt)
    for n, symbol in enumerate(event.text):
        if left <= 0:
            return n
        left -= len(symbol)
    return len(event.text) if prompt else 0
