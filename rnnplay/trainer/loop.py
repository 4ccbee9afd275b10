"""The only training loop there is: commands between two steps, a step, then what is due after it.

What depends on steps (rows, evaluations, the history) is exact; what depends on the clock (events, checkpoints,
looking) never changes a number.
"""

import signal
import time
import traceback
from collections import deque
from collections.abc import Callable, Sequence
from functools import partial

import msgspec

from rnnplay.config import UserError, validate
from rnnplay.protocol import (
    AnyCommand,
    ChangeSettings,
    Command,
    Continue,
    DoOneStep,
    Event,
    Failed,
    Pause,
    Save,
    Saved,
    Status,
    Stop,
    Stopped,
    TaskRemarked,
)
from rnnplay.runs import WriteError, run_id
from rnnplay.runs.checkpoint import checkpoint_path, checkpoint_steps
from rnnplay.trainer.connection import Connection
from rnnplay.trainer.failures import describe, explain
from rnnplay.trainer.handlers.base import Handler
from rnnplay.trainer.handlers.cells import CellsHandler, TraceHandler
from rnnplay.trainer.handlers.census import CensusHandler
from rnnplay.trainer.handlers.example import ExampleHandler
from rnnplay.trainer.handlers.health import HealthHandler
from rnnplay.trainer.handlers.loss import LossHandler
from rnnplay.trainer.handlers.sample import SampleHandler
from rnnplay.trainer.handlers.time import TimeHandler
from rnnplay.trainer.handlers.unroll import UnrollHandler
from rnnplay.trainer.metrics import SpeedMeter, StepResult, evaluation_due, last_step
from rnnplay.trainer.run_events import MetricsBuffer, evaluated, history_events, started, status
from rnnplay.trainer.session import TrainingSession, restore_last_good

STATUS_SECONDS = 0.1  # seconds between two reports
CHECKPOINT_SECONDS = 30.0  # seconds between two checkpoints
_IDLE_SECONDS = 0.25  # seconds: signals are noticed this late at most
_FLUSH_SECONDS = 5.0  # seconds for the last events to leave
_REASONS = {"finished": "finished", "diverged": "diverged"}


class TrainingLoop:
    """One session from its first event to its last."""

    def __init__(
        self, session: TrainingSession, connection: Connection, opening: Command, commands: Sequence[AnyCommand] = ()
    ) -> None:
        """`opening` opened the session; `commands` came with it."""
        self._session, self._learner, self._connection = session, session.learner, connection
        self._opening = opening
        self._unsent = MetricsBuffer(session, connection)
        self._health = HealthHandler(session, connection, self._unsent.flush)  # it is called around each step too
        simple = (LossHandler, TraceHandler, CellsHandler, SampleHandler, ExampleHandler, UnrollHandler, TimeHandler)
        self._handlers: list[Handler] = [kind(session, connection) for kind in (*simple, CensusHandler)]
        self._handlers.append(self._health)
        self._handler_of = {kind: handler for handler in self._handlers for kind in handler.commands}
        self._state = "inspecting" if session.metrics is None else "paused" if session.paused else "training"
        self._problem = self._remedy = ""  # why it was paused or has diverged
        self._ending = False
        self._changed = False  # lr or clip was changed since the run went back to a checkpoint
        self._last: StepResult | None = None
        self._failure: Failed | None = None  # of a training step: the run ends
        self._commands: deque[AnyCommand] = deque(commands)
        self._sent_state = ""  # the state in the last Status
        self._reported = 0.0
        self._saved = (-1, 0)  # (step, changes) of the last checkpoint
        self._saved_at = time.perf_counter()
        self._block_started: float | None = None  # the open block has its seconds up to here
        self._pace = SpeedMeter()

    def run(self) -> None:
        """Run until Stop arrives or the other side is gone."""
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            signal.signal(number, self._signalled)
        try:
            self._begin()
        except WriteError as error:
            self._pause_on_write_error(error)
        while not self._ending:
            idle = self._state != "training" and not self._commands
            until_due = (
                min(_IDLE_SECONDS, *(handler.seconds_until_due() for handler in self._handlers)) if idle else 0.0
            )
            self._commands.extend(self._connection.receive(until_due))
            while self._commands and not self._ending:
                command = self._commands.popleft()
                self._run_guarded(partial(self._dispatch, command), command)
            self._ending = self._ending or self._connection.closed
            if not self._ending:
                self._run_guarded(self._iterate)
        self._end()

    def _run_guarded(
        self, act: Callable[[], object], command: Command | None = None, handler: Handler | None = None
    ) -> None:
        """Do `act`. A failure becomes an answer to `command`, or to what `handler` works on, and never ends the run."""
        try:
            act()
        except WriteError as error:
            self._pause_on_write_error(error)
        except Exception as error:
            if handler is not None and (command := handler.current) is not None:
                handler.cancel(command)
            if handler is not None and not isinstance(error, UserError):
                handler.current = None  # it would fail again
            name = type(command).__name__ if command is not None else ""
            problem, remedy = explain(error, str(self._session.run), self._session.metrics is not None)
            self._connection.send(Failed(problem=problem, remedy=remedy, command=name), command)

    def _iterate(self) -> None:
        if self._state == "training":
            self._train()
        for handler in self._handlers:
            self._run_guarded(partial(handler.run_pending, self._state == "training"), handler=handler)
        if self._state != self._sent_state or (
            self._state == "training" and time.perf_counter() - self._reported >= STATUS_SECONDS
        ):
            self._send_status()

    def _signalled(self, number: int, frame: object) -> None:
        self._ending = True

    def _interrupted(self) -> bool:
        """Whether to leave off something long, because the end has come."""
        self._commands.extend(self._connection.receive())
        return self._ending or self._connection.closed or any(isinstance(command, Stop) for command in self._commands)

    # ----------------------------------------------------------------------------------------------------- beginning

    def _begin(self) -> None:
        self._connection.send(started(self._session), self._opening)
        for event in history_events(self._session):
            self._connection.send(event)
        if self._session.metrics is not None and self._learner.step not in checkpoint_steps(self._session.run):
            self._save()

    # ------------------------------------------------------------------------------------------------------- training

    def _train(self) -> None:
        """One step, or whatever is due before it. Raises WriteError; anything else that fails ends the run."""
        try:
            self._step_or_due()
        except WriteError:
            raise
        except Exception as error:
            self._stop_at_checkpoint(error)

    def _stop_at_checkpoint(self, error: Exception) -> None:
        """A training step failed, perhaps halfway: nothing of it is saved, and the run ends as it was saved last."""
        traceback.print_exception(error)
        run, step = self._session.run, self._learner.step + 1
        steps_there = checkpoint_steps(run)
        where = (
            f"It stands at its checkpoint of step {steps_there[-1]:,}" if steps_there else "It has no checkpoint yet"
        )
        remedy = f'{where}: `rnnplay resume {run_id(run)}` goes on from there. The log in "{run}" says more.'
        problem = f"The training step {step:,} failed ({describe(error)})."
        self._failure, self._ending = Failed(problem=problem, remedy=remedy, fatal=True), True

    def _step_or_due(self) -> None:
        session = self._session
        session.clock.run()
        if self._run_due_work():
            self._block_started = None
            return
        self._check_health(self._health.before_step)
        before = self._block_started if self._block_started is not None else time.perf_counter()
        self._last = step = self._learner.train_step()
        if self._learner.remark is not None:
            self._connection.send(TaskRemarked(step=self._learner.step - 1, text=self._learner.remark))
        complete = session.recorder.add(self._learner.step, step)
        self._block_started = now = time.perf_counter()
        session.recorder.block.seconds += now - before
        self._pace.add(step.characters, now - before)
        if complete or not step.finite:
            row = session.recorder.row(self._learner.step, step.lr, session.clock.read())
            self._unsent.add_row(row)
            self._check_health(partial(self._health.row, row))
        self._check_health(partial(self._health.after_step, step.finite))
        if not step.finite:
            self._handle_divergence()
        elif not self._learner.step & (self._learner.step - 1):  # 1, 2, 4, ...: the run's history
            session.save_weights()

    def _check_health(self, check: Callable[[], bool | None]) -> None:
        """Do a part of the check-up; if it fails the check-up ends, and training goes on."""

        def timed() -> None:
            if check():
                self._block_started = None

        if self._health.current is not None:
            self._run_guarded(timed, handler=self._health)

    def _run_due_work(self) -> bool:
        """Do one thing that is due at this step; whether there was one."""
        session, step = self._session, self._learner.step
        config, every = self._learner.config, session.evaluate_every
        last = last_step(config, self._learner.task.epoch_steps)
        minutes = config.minutes
        if (last is not None and step >= last) or (minutes is not None and session.clock.read() >= minutes * 60):
            self._finish()
        elif evaluation_due(step, every) and session.evaluated < step:
            self._evaluate(final=False)
        elif time.perf_counter() - self._saved_at > CHECKPOINT_SECONDS and self._saved[0] != step:
            self._save()
        else:
            return False
        return True

    def _evaluate(self, final: bool) -> bool:
        """Measure the loss on held-out data and write it down; False: it was interrupted and is still owed."""
        session, step = self._session, self._learner.step
        result = self._learner.evaluate(self._learner.task.evaluation(), self._interrupted)
        if result is None:
            return False
        loss, characters = result
        if characters:
            line = {"kind": "evaluated", "step": step, "loss": loss, "characters": characters, **session.text_mark()}
            if not evaluation_due(step, session.evaluate_every):
                self._unsent.add_line({**line, "final": True})
            elif session.evaluated < step:
                self._unsent.add_line(line)
            self._unsent.add_evaluation(evaluated(session, loss, characters, final))
        if evaluation_due(step, session.evaluate_every):
            session.evaluated = step
        return True

    def _finish(self) -> None:
        """The run has reached its limit: a last evaluation, a last checkpoint, and the right to write given up."""
        if not self._evaluate(final=True):
            return
        self._unsent.add_line({"kind": "ended", "step": self._learner.step})
        self._unsent.flush()
        self._save()
        if self._state == "diverged":
            return
        self._session.clock.stop()
        self._state = "finished"
        self._check_health(self._health.finish)
        self._send_status()
        self._session.close()

    def _handle_divergence(self) -> None:
        """Back to the last good checkpoint, and wait for a person to change something."""
        session, at, config = self._session, self._learner.step, self._learner.config
        self._pause("diverged")
        self._unsent.flush()
        restore_last_good(session, checkpoint_steps(session.run))
        clip = (
            f", or clip the gradient's norm at less than {config.clip:g}" if config.clip else ", or clip the gradient"
        )
        self._problem = f"The loss stopped being a number at step {at:,}."
        self._remedy = (
            f"Make the learning rate smaller than {config.lr:g}{clip}; "
            f"it then goes on from the checkpoint of step {self._learner.step:,}."
        )
        self._send_status()

    def _pause(self, state: str) -> None:
        self._session.clock.stop()
        self._block_started = None
        self._state = state

    def _pause_on_write_error(self, error: WriteError) -> None:
        """Nothing can be written: wait, with what there is, until a person has made room."""
        problem = f'"{self._session.run}" cannot be written ({error.strerror or error}).'
        remedy = "Make room, then go on."
        if self._session.metrics is not None and self._state != "diverged":
            self._pause("paused")
            if steps_there := checkpoint_steps(self._session.run):
                remedy += f" The checkpoint of step {steps_there[-1]:,} is whole."
            self._problem, self._remedy, self._sent_state = problem, remedy, self._state
            self._connection.send(self._status())
        self._connection.send(Failed(problem=problem, remedy=remedy))

    # ------------------------------------------------------------------------------------------------------- commands

    def _dispatch(self, command: AnyCommand) -> None:
        """Answer one command. Raises UserError if it makes no sense."""
        if (handler := self._handler_of.get(type(command))) is not None:
            if handler.handle_command(command, self._interrupted):
                self._block_started = None
        elif isinstance(command, Stop):
            self._ending = True
        elif isinstance(command, Pause | Continue | DoOneStep | Save | ChangeSettings):
            self._control(command)
        else:
            raise UserError(f"{type(command).__name__} is not understood here.", "Ask something else.")

    def _control(self, command: Pause | Continue | DoOneStep | Save | ChangeSettings) -> None:
        """Do what only a run in training can do. Raises UserError if it is only inspected, or finished."""
        if self._session.metrics is None:
            name = run_id(self._session.run)
            if self._state == "finished":
                raise UserError("The run has reached its limit.", f"Give it more: rnnplay resume {name} --steps 1000.")
            raise UserError("This run is only being looked at.", f"Train it on: rnnplay resume {name}.")
        match command:
            case Pause() if self._state == "training":
                self._pause("paused")
            case Continue() | DoOneStep():
                self._go_on()
                self._state = "training"
                if isinstance(command, DoOneStep):
                    self._one_step()
            case Save():
                self._save(command)
            case ChangeSettings():
                self._change(command)
            case _:
                pass

    def _go_on(self) -> None:
        """A diverged run goes back: what came after its checkpoint is forgotten, here and on the screen."""
        self._problem = self._remedy = ""
        if self._state == "diverged":
            self._session.truncate_metrics()
            self._health.reset()
            if self._changed:
                self._note_change()
            self._begin()

    def _one_step(self) -> None:
        step = self._learner.step
        while self._state == "training" and self._learner.step == step and not self._interrupted():
            self._train()
        while self._state == "training" and not self._interrupted() and self._run_due_work():
            pass
        if self._state == "training":
            self._pause("paused")
        self._send_status()

    def _change(self, command: ChangeSettings) -> None:
        given = {name: value for name in ("lr", "clip") if (value := getattr(command, name)) is not None}
        self._learner.config = validate(msgspec.structs.replace(self._learner.config, **given))
        if self._state == "diverged":
            self._changed = True  # the metrics still hold what came after the checkpoint: noted when that is cut
        else:
            self._note_change()
        self._send_status()

    def _note_change(self) -> None:
        """Add a row to the metrics that says what lr and clip are from this step on."""
        config, self._changed = self._learner.config, False
        self._session.change_count += 1
        self._unsent.add_line({"kind": "changed", "step": self._learner.step, "lr": config.lr, "clip": config.clip})

    # ------------------------------------------------------------------------------------------------ writing, telling

    def _save(self, answers: Save | None = None) -> None:
        """Write a checkpoint of this step, unless there is one. Raises WriteError.

        An event says so, and if `answers` is given it does even if there was one.
        """
        self._saved_at = time.perf_counter()
        if not self._learner.finite:
            self._handle_divergence()  # its last step went too far: what was good is in the checkpoint before
            return
        session, now = self._session, (self._learner.step, self._session.change_count)
        if self._saved != now:
            self._unsent.flush()
            session.save()
        if self._saved != now or answers:
            self._connection.send(Saved(path=str(checkpoint_path(session.run, now[0])), step=now[0]), answers)
        self._saved = now

    def _send_status(self) -> None:
        self._reported, self._sent_state = time.perf_counter(), self._state
        self._unsent.flush()
        self._connection.send(self._status())

    def _status(self) -> Status:
        status_event = status(self._session, self._state, self._last, self._pace)
        return msgspec.structs.replace(status_event, problem=self._problem, remedy=self._remedy)

    # ----------------------------------------------------------------------------------------------------------- end

    def _end(self) -> None:
        """Save what is not saved, say so, and let the last words leave."""
        session, run = self._session, str(self._session.run)
        last: Event = Stopped(run=run, step=self._learner.step, reason=_REASONS.get(self._state, "stopped"))
        try:
            if self._failure is not None:
                last = self._failure
            elif session.metrics is not None and self._state != "diverged":
                session.clock.stop()
                self._unsent.flush()
                self._save()
        except WriteError as error:
            problem = f'"{run}" cannot be written ({error.strerror or error}).'
            remedy = f"Make room; `rnnplay resume {run_id(session.run)}` then goes on from the last checkpoint."
            last = Failed(problem=problem, remedy=remedy, fatal=True)
        session.close()
        self._connection.send(last)
        self._connection.flush(_FLUSH_SECONDS)
