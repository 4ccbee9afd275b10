"""The run on the screen: the client's life, and where each of the trainer's events goes.

An event is taken in by exactly one object and announced by exactly one message; nothing here knows a widget.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec

from rnnplay import protocol
from rnnplay.config import RunConfig
from rnnplay.gallery import GalleryNetwork, network_of_run
from rnnplay.tui.current_trainer import SEE_LOG, CurrentTrainer, Opening
from rnnplay.tui.messages import (
    AnswerReceived,
    RowsAdded,
    RunChanged,
    RunMessage,
    SampleReceived,
    StatusChanged,
    TraceReceived,
)
from rnnplay.tui.state import answers
from rnnplay.tui.state.cells import CellsState
from rnnplay.tui.state.example import ExampleState
from rnnplay.tui.state.metrics import MetricsTable
from rnnplay.tui.state.sample import CLAMPED, PLAY, SampleState
from rnnplay.tui.state.selection import Selection

ALIVE = frozenset({"starting", "training", "pausing", "paused", "finished", "diverged", "inspecting"})
GOING_ON = frozenset({"training", "pausing", "paused", "diverged"})
ENDED = frozenset({"stopped", "dead"})  # of runs that may be loaded again
_log = logging.getLogger(__name__)


class RunSession:
    """`state`: idle, or as the trainer says, or stopped, dead (it ended unexpectedly) or failed (it never started).

    `generation` is one more with each run that is opened. `post(kind, **fields)` sends a message to every place.
    """

    def __init__(
        self, post: Callable[..., None], root: str | None = None, leave: Callable[[], None] = lambda: None
    ) -> None:
        """`root`: the folder of new runs; None: the user's own. `leave` is called before another run is opened."""
        self._post, self._root, self._leave = post, root, leave
        self._task = ""  # of the last run that was opened
        self._trainer = CurrentTrainer(self.handle_event, self._fail, self._trainer_ended, self.report_failure)
        self.send, self.close, self.detach = self._trainer.send, self._trainer.close, self._trainer.detach
        self.abandon = self._trainer.abandon
        self.starts = 0  # of trainers that took commands
        self.problem: tuple[str, str] | None = None  # what is wrong, what to do
        self.selection = Selection()
        self.cells = CellsState(self.send, self.selection)
        self.sample = SampleState(self.send)
        self.example = ExampleState(self.send)
        self._reset()

    def _reset(self, same_run: bool = False) -> None:
        self.state = "idle"
        self._stopped = False  # the trainer said its last word: it ends as it should
        self.config: RunConfig | None = None
        self.facts: protocol.Facts | None = None
        self.run: str | None = None
        self._run_id = ""
        self.gallery: GalleryNetwork | None = None  # the network of the gallery that is shown
        self.status: protocol.Status | None = None
        self.metrics = MetricsTable()
        self.evaluations: list[tuple[int, float]] = []
        self.other_text_evaluations = 0  # how many of them were made on an earlier text of the run
        self.problem = None
        self.note = self.since_left = ""  # what a person should know; what has happened since the run was left
        self.reading: protocol.ReadingText | None = None  # how far a long text is read
        self._feature = ""  # to be looked for once the trainer has begun
        self._own_changes = 0  # of settings, that the trainer has not confirmed yet
        self.unreachable = ""  # why nobody could come back to this trainer; empty: one can
        self.saved_step: int | None = None
        self.health: protocol.Health | None = None
        self._automatic: dict[str, int] = {}  # topic -> the request that nobody asked for and that waits for an answer
        if not same_run:
            self.selection.reset()
        self.cells.reset()
        self.sample.reset(same_run)
        self.example.reset()

    @property
    def generation(self) -> int:
        """Return how many runs were opened."""
        return self._trainer.generation

    @property
    def has_trainer(self) -> bool:
        """Return whether a trainer takes commands."""
        return self._trainer.client is not None

    @property
    def can_load(self) -> bool:
        """Return whether the run has stopped and may be loaded to be looked at."""
        return not self.has_trainer and self.run is not None and self.state in ENDED

    @property
    def step(self) -> int:
        return self.status.step if self.status else 0

    @property
    def can_go_on(self) -> bool:
        """Return whether the run is trained, or paused, and goes on if this screen leaves it."""
        return self.has_trainer and self.state in GOING_ON and not self.unreachable

    @property
    def other_screens(self) -> int:
        """Return how many other screens are attached to the run."""
        return self.status.screens - 1 if self.status is not None else 0

    @property
    def at_limit(self) -> bool:
        """Return whether the run has nothing left to do: to train on it needs more steps."""
        return self.state == "finished" or (self.status is not None and self.status.progress == 1.0)

    @property
    def comparable_evaluations(self) -> list[tuple[int, float]]:
        """The evaluations on the run's present text: (step, loss)."""
        return self.evaluations[self.other_text_evaluations :]

    @property
    def user_config(self) -> RunConfig | None:
        """The settings of a user's own run; None for a network of the gallery."""
        return None if self.gallery is not None else self.config

    @property
    def can_sample(self) -> bool:
        """Return whether there is a network that can write."""
        return self.facts is not None and not self.sample.unavailable

    # --------------------------------------------------------------------------------------------- opening and closing

    def train(self, config: RunConfig) -> None:
        """Begin a new run; the one before is saved meanwhile. Does nothing while such a run is starting."""
        if self.state == "starting" and config == self.config:
            return
        self._open(protocol.Train(config=config, root=self._root, watched=True), config)

    def resume(self, more_steps: int | None = None) -> None:
        """Go on with the run that stopped, died or finished."""
        if self.run is not None and self.state != "starting":
            self._open(protocol.Resume(run=self.run, more_steps=more_steps), self.config, self.run)

    def inspect(self) -> None:
        """Load the run that has stopped, to look at it and to sample."""
        if self.can_load:
            self._open(protocol.Inspect(run=str(self.run)), self.config, self.run)

    def show(
        self, run: str, config: RunConfig, feature: str = "", since_left: str = "", is_alive: bool = False
    ) -> None:
        """Show a run as it was saved last, or attach to its trainer, and show the units that follow `feature`.

        The run before is saved meanwhile; where another trainer is attached to, it goes on.
        """
        self._open(Path(run) if is_alive else protocol.Inspect(run=run), config)
        self._feature, self.since_left = feature, since_left

    def open_gallery_network(self, piece: GalleryNetwork) -> None:
        """Show a network of the gallery; the run under way is saved meanwhile."""
        self._open(protocol.Inspect(run=str(piece.path)), None, task=piece.task)
        self.gallery = piece

    def _open(self, opening: Opening, config: RunConfig | None, run: str | None = None, task: str = "") -> None:
        """Open another run: nothing of the one before is shown from now on. `task`: if there is no config."""
        self._leave()
        task = config.task if config is not None else task
        if self._task not in ("", task):  # a prompt of one task means nothing to another
            self.sample.settings = self.sample.settings.change("prompt", None)
        self._task = task
        if config is None or self.user_config is None or config.task != self.user_config.task:
            self.selection.select(0, 0, by_person=False)  # another network's unit means nothing here
        self._trainer.open(opening, detach=isinstance(opening, Path) and self.can_go_on)
        self._reset(same_run=run is not None and run == self.run)
        self.run, self.config, self.state = run, config, "starting"
        self._announce(RunChanged)

    def _trainer_ended(self) -> None:
        if self.state in ALIVE and not self._stopped:
            self._fail("The trainer ended unexpectedly.", "")

    def report_failure(self, what: str, error: BaseException) -> None:
        """Show that the program itself is at fault, and write the traceback to the log."""
        _log.error("%s.", what, exc_info=error)
        self.problem = (f"{what}: {error or type(error).__name__}.", SEE_LOG)
        self._announce(RunChanged)

    # -------------------------------------------------------------------------------------------------------- commands

    def pause(self) -> None:
        """Pause. The screen says so at once, the trainer after its step."""
        self.state = "pausing"
        self.send(protocol.Pause())
        self._announce(RunChanged)

    def go(self) -> None:
        """Train on. A run that diverged first goes back to its checkpoint: the trainer says when it has."""
        if self.state == "paused":
            self.state, self.problem = "training", None
            self._announce(RunChanged)
        self.send(protocol.Continue())

    def set_speed(self, steps_per_second: float | None) -> None:
        """Train at this speed; None: as fast as it goes."""
        if self.status is not None:
            self.status = msgspec.structs.replace(self.status, steps_per_second=steps_per_second)
        self.send(protocol.SetSpeed(steps_per_second=steps_per_second))
        self._announce(RunChanged)

    def change(self, **values: float) -> None:
        """Change lr or clip of the run under way."""
        if self.config is not None:
            self.config = msgspec.structs.replace(self.config, **values)
            self._own_changes += self.has_trainer
            self.send(protocol.ChangeSettings(lr=values.get("lr"), clip=values.get("clip")))
            self._announce(RunChanged)

    # ---------------------------------------------------------------------------------------------------- its events

    def handle_event(self, event: protocol.AnyEvent) -> None:
        """Take in one event and announce it; what is about another run, or answers a withdrawn question, is dropped."""
        if self._run_id and event.run_id not in ("", self._run_id):
            return
        match event:
            case protocol.ReadingText():
                self.reading = event
                self._announce(StatusChanged)
            case protocol.Started():
                self._handle_started(event)
            case protocol.RowsCompleted():
                self.metrics.add(event.rows)
                self._announce(RowsAdded)
            case protocol.Evaluated():
                if event.loss is not None and (not self.evaluations or event.step > self.evaluations[-1][0]):
                    self.evaluations.append((event.step, event.loss))
                    self.other_text_evaluations += event.other_text
                self._announce(RowsAdded)
            case protocol.Status():
                self._handle_status(event)
            case protocol.Trace():
                if self.cells.handle_event(event):
                    if self.cells.is_first_answer:
                        self._announce(AnswerReceived, event=event)
                    else:
                        self._announce(TraceReceived)
                    self._continue_automatic("cells")
            case protocol.Sampled():
                self._handle_sampled(event)
            case protocol.ExampleShown() | protocol.TaskAnswered():
                if self.example.handle_event(event):
                    self._announce(AnswerReceived, event=event)
                    self._continue_automatic("sample")
            case protocol.Health():
                self.health = event
                self._announce(StatusChanged)
            case protocol.SettingsChanged():
                self._handle_settings(event)
            case protocol.Saved():
                self.saved_step = event.step
                self._announce(StatusChanged)
            case protocol.Failed():
                self._handle_failed(event)
            case protocol.Stopped():
                self._handle_stopped(event)
            case protocol.TaskRemarked():
                pass
            case (
                protocol.Unrolled()
                | protocol.GradientByLagComputed()
                | protocol.OneUnitComputed()
                | protocol.InfluenceComputed()
                | protocol.SwapsComputed()
                | protocol.NetworkDescribed()
                | protocol.MatrixShown()
            ):
                self._announce(AnswerReceived, event=event)
            case _ if self.cells.handle_event(event):
                self._announce(AnswerReceived, event=event)
            case _:
                pass

    def _announce(self, kind: type[RunMessage], **fields: Any) -> None:
        self._post(kind, generation=self.generation, **fields)

    def _handle_started(self, event: protocol.Started) -> None:
        self.run, self.config, self.facts = event.run, event.config, event.facts
        self._run_id = event.run_id
        self.other_text_evaluations = 0
        self.metrics, self.evaluations = MetricsTable(), []  # a run that diverged starts again from its checkpoint
        self.note = " ".join(event.notes)
        self.unreachable = event.unreachable
        if event.step:
            self.status = protocol.Status(state="paused", step=event.step)
        self.cells.begin_run(event.facts, (event.config.hidden or 0) * event.config.layers)
        self.example.begin_run(event.facts)
        self._automatic = {"cells": self.cells.request_trace()}
        self.gallery = network_of_run(event.run)
        if self.gallery is not None:
            self.cells.find(self.gallery.patterns[0])
        elif self._feature:
            self.cells.find(self._feature, keep_unit=True)
        self.send(protocol.WatchHealth())
        self.cells.watch_census(growth=event.step > 0)
        self.starts += 1
        self._announce(RunChanged)

    def _handle_settings(self, event: protocol.SettingsChanged) -> None:
        """Take in settings that were changed, here or on another screen; a later change of our own is on its way."""
        self._own_changes = max(0, self._own_changes - 1)
        if self.config is not None and not self._own_changes:
            self.config = msgspec.structs.replace(self.config, lr=event.lr, clip=event.clip)
            self._announce(RunChanged)

    def _continue_automatic(self, topic: str) -> None:
        """Ask for an example or a sample after the first trace: first paint what is answered at once."""
        if self._automatic.pop(topic, None) is not None and topic == "cells":
            has_items = self.example.has_items
            self._automatic["sample"] = self.example.request_example() if has_items else self.sample.begin(PLAY)

    def _handle_status(self, event: protocol.Status) -> None:
        before = self.state
        self.status = event
        if before == "pausing" and event.state == "training":  # it was sent before the trainer read Pause
            return
        self.state = event.state
        if event.state != before and (event.problem or event.state == "diverged"):
            self.problem = (event.problem or "The run diverged.", event.remedy)
        elif event.state == "training" and before in ("diverged", "paused"):
            self.problem = None
        self._announce(RunChanged if event.state != before else StatusChanged)

    def _handle_stopped(self, event: protocol.Stopped) -> None:
        """Take in that the trainer has ended. A run that did no step is gone: nothing of it is shown."""
        if event.run:
            self.run = event.run
            if self.status is not None:  # it comes five times a second: the last one may be some steps old
                self.status = msgspec.structs.replace(self.status, step=event.step)
            self.state, self._stopped = "finished" if event.reason == "finished" else "stopped", True
        else:
            self._trainer.forget()
            self._reset()
        self._announce(RunChanged)

    def _handle_sampled(self, event: protocol.Sampled) -> None:
        if not self.sample.handle_event(event):
            return
        if event.is_first and event.unknown_symbols and event.channel != CLAMPED:
            symbols = " ".join(repr(symbol) for symbol in event.unknown_symbols)
            self.problem = (f"The network has never seen {symbols}.", "The prompt is read without.")
            self._announce(StatusChanged)
        self._announce(SampleReceived)
        if event.channel == PLAY:
            self._continue_automatic("sample")

    def _handle_failed(self, event: protocol.Failed) -> None:
        """Show what is wrong; what nobody asked for is explained in its panel, not as an error."""
        if event.fatal:
            self._fail(event.problem, event.remedy)
            return
        topic = next((topic for topic, request in self._automatic.items() if answers(event, request)), None)
        if topic is not None:
            (self.cells if topic == "cells" else self.sample).unavailable = event.problem
            self._continue_automatic(topic)
            self._announce(RunChanged)
            return
        if self.cells.is_about_census(event):  # which nobody asked for
            return
        self.problem = (event.problem, event.remedy)
        self.cells.on_command_failed(event)
        self.example.on_command_failed(event)
        self._announce(AnswerReceived, event=event)

    def _fail(self, problem: str, remedy: str) -> None:
        self.problem = (problem, remedy)
        self.state = "dead" if self.run is not None else "failed"
        self._announce(RunChanged)
