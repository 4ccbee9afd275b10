"""The run in training: its steps, and what is due between them: evaluations, checkpoints, its end or its divergence.

What depends on steps (rows, evaluations, the history) is exact; what depends on the clock (events, checkpoints) never
changes a number.
"""

import time
import traceback
from collections import deque
from collections.abc import Callable
from functools import partial

import msgspec

from rnnplay.backend.base import DeviceMemoryError
from rnnplay.folders import write_remedy
from rnnplay.protocol import Command, Failed, QuestionProgressed, Saved, Status, TaskRemarked
from rnnplay.runs import WriteError, run_id
from rnnplay.runs.checkpoint import checkpoint_path, checkpoint_steps
from rnnplay.trainer.clients import Clients
from rnnplay.trainer.connection import Connection
from rnnplay.trainer.evaluation_progress import with_progress
from rnnplay.trainer.failures import describe, explain
from rnnplay.trainer.handlers.health import HealthCheck
from rnnplay.trainer.metrics import SpeedMeter, StepResult, evaluation_due, last_step
from rnnplay.trainer.pace import Pacer
from rnnplay.trainer.run_events import MetricsBuffer, evaluated, history_events, started, status
from rnnplay.trainer.session import TrainingSession, restore_last_good

CHECKPOINT_SECONDS = 30.0  # seconds between two checkpoints
STARTED_SECONDS = 0.025  # of the steps that are started at once where they go on beside this process
MAX_STARTED = 256  # steps
RECENT_STEPS = 64  # of which it is counted how many were clipped


class Training:
    """A session's run and the state it is in. All clients are sent what happens."""

    def __init__(self, session: TrainingSession, clients: Clients, interrupted: Callable[[], bool]) -> None:
        """`interrupted()`: whether to leave off something long, because the end has come."""
        self.session, self.learner, self.clients = session, session.learner, clients
        self.interrupted = interrupted
        self.buffer = MetricsBuffer(session, clients)
        self.health = HealthCheck(session, self.buffer.flush)
        self._state = "inspecting" if session.metrics is None else "paused" if session.paused else "training"
        self.state_since = time.monotonic()  # when the state became what it is
        self.problem = self.remedy = ""  # why it was paused or has diverged
        self.failure: Failed | None = None  # of a training step: the run ends
        self.sent_state = ""  # the state in the last Status
        self.reported = 0.0  # when that was sent
        self._last: StepResult | None = None
        self._saved = (-1, 0)  # (step, changes) of the last checkpoint
        self._saved_at = time.perf_counter()
        self._block_started: float | None = None  # the open block has its seconds up to here
        self._started = 0.0  # when the steps in flight were started, or those before them finished
        self._clipped: deque[bool] = deque(maxlen=RECENT_STEPS)
        self._speed = SpeedMeter()
        self.pacer = Pacer(last_step(self.learner.config, self.learner.task.epoch_steps) if session.watched else None)
        self.wait = 0.0  # seconds until the next step of a run that is slowed

    @property
    def state(self) -> str:
        return self._state

    @state.setter
    def state(self, state: str) -> None:
        if state != self._state:
            self._state, self.state_since = state, time.monotonic()

    @property
    def is_stepping(self) -> bool:
        """Return whether the next step is to be done at once."""
        return self._state == "training" and not self.wait

    @property
    def has_limit(self) -> bool:
        """Return whether training ends by itself."""
        config = self.learner.config
        return bool(config.steps or config.epochs or config.minutes or config.patience)

    def begin(self) -> None:
        """Send the run's beginning to everyone, and save a checkpoint if this step has none. Raises WriteError."""
        for connection in self.clients.attached:
            self.send_beginning(connection)
        session = self.session
        has_checkpoint = self.learner.step in checkpoint_steps(session.run)
        if session.metrics is not None and (session.needs_save or not has_checkpoint):
            self.save()

    def send_beginning(self, connection: Connection) -> None:
        """Send the facts of the run, all rows and all evaluations."""
        connection.send(started(self.session), connection.opening)
        for event in history_events(self.session):
            connection.send(event)

    # ---------------------------------------------------------------------------------------------------------- steps

    def train(self, most: int | None = None) -> None:
        """Do some steps, or whatever is due before them. Raises WriteError; anything else that fails ends the run.

        Where steps go on beside the caller, they are started by one call and finished by the next. most: steps of this
        call, which are then finished too; None: as many as take a moment.
        """
        self._guard(partial(self._step_or_due, most))

    def settle(self) -> None:
        """Finish the steps that were started, if there are any. Raises WriteError."""
        if self.learner.in_flight:
            self._guard(self._finish_steps)

    def _guard(self, act: Callable[[], None]) -> None:
        try:
            act()
        except WriteError:
            raise
        except DeviceMemoryError as error:
            self._pause_out_of_memory(error)
        except Exception as error:
            self._stop_at_checkpoint(error)

    def _stop_at_checkpoint(self, error: Exception) -> None:
        """End the run as it was saved last: a training step failed, perhaps halfway."""
        traceback.print_exception(error)
        run, step = self.session.run, self.learner.step + 1
        steps_there = checkpoint_steps(run)
        where = (
            f"It stands at its checkpoint of step {steps_there[-1]:,}" if steps_there else "It has no checkpoint yet"
        )
        remedy = f'{where}: `rnnplay resume {run_id(run)}` goes on from there. The log in "{run}" says more.'
        problem = f"The training step {step:,} failed ({describe(error)})."
        self.failure = Failed(problem=problem, remedy=remedy, fatal=True)

    def _step_or_due(self, most: int | None) -> None:
        self.wait = 0.0
        self.session.clock.run()
        if self.learner.in_flight:
            self._finish_steps()
            if self.state != "training":
                return
        if self.run_due_work():
            self._block_started = None
            return
        if (wait := self.pacer.seconds_until_due()) > 0:  # neither the run's clock nor its speed counts it
            self.session.clock.stop()
            self.wait, self._block_started = wait, None
            return
        self._check_health(self.health.before_step)
        self._started = time.perf_counter() if self._block_started is None else self._block_started
        self.learner.start_steps(most or self._steps_at_once())
        if most is not None or not self.learner.overlaps or self.health.awaits_step or self.pacer.interval:
            self._finish_steps()

    def _steps_at_once(self) -> int:
        """Return how many steps to start: as many as take a moment, to the next at which something is due."""
        if not self.learner.overlaps or self.health.awaits_step or self.pacer.interval:
            return 1
        step, every = self.learner.step, self.session.evaluate_every
        last = last_step(self.learner.config, self.learner.task.epoch_steps)
        most = min(self._speed.steps_in(STARTED_SECONDS), MAX_STARTED, (1 << step.bit_length()) - step)
        if last is not None:
            most = min(most, last - step)
        return next((n for n in range(1, most) if evaluation_due(step + n, every)), most)

    def _finish_steps(self) -> None:
        """Write down what the steps gave that were started."""
        session, first = self.session, self.learner.step + 1
        results = self.learner.finish_steps()
        self._block_started = now = time.perf_counter()
        seconds = (now - self._started) / len(results)
        for number, step in enumerate(results, first):
            self._last = step
            if step.remark is not None:
                self.clients.broadcast(TaskRemarked(step=number - 1, text=step.remark))
            complete = session.recorder.add(number, step)
            session.recorder.block.seconds += seconds
            self._clipped.append(step.clipped)
            self._speed.add(step.characters, seconds)
            self.pacer.step_done(now, seconds)
            if complete or not step.finite:
                row = session.recorder.row(number, step.lr, session.clock.read())
                self.buffer.add_row(row)
                self._check_health(partial(self.health.row, row))
            if not step.finite:
                break
        self._check_health(partial(self.health.after_step, step.finite))
        if not step.finite:
            self._handle_divergence(number)
        elif not self.learner.step & (self.learner.step - 1):  # 1, 2, 4, ...: the run's history
            session.save_weights()

    def restart_clock(self) -> None:
        """Leave out the time until now: it was taken from training, and is not the next step's."""
        self._block_started = None

    def _check_health(self, check: Callable[[], bool | None]) -> None:
        """Do a part of the check-up; if it fails the check-up ends, and training goes on."""
        if not self.health.is_watched:
            return
        try:
            if check():
                self._block_started = None
        except WriteError:
            raise
        except Exception as error:
            problem, remedy = explain(error, str(self.session.run), self.session.metrics is not None)
            for watcher in self.health.watchers:
                watcher.fail(problem, remedy)

    def run_due_work(self) -> bool:
        """Do one thing that is due at this step; return whether there was one."""
        session, step = self.session, self.learner.step
        if session.is_at_limit:
            self._finish()
        elif evaluation_due(step, session.evaluate_every) and session.evaluated < step:
            self._evaluate(final=False)
        elif time.perf_counter() - self._saved_at > CHECKPOINT_SECONDS and self._saved[0] != step:
            self.save()
        else:
            return False
        return True

    def _evaluate(self, final: bool) -> bool:
        """Measure the loss on held-out data and write it down; False: it was interrupted and is still owed."""
        session, step = self.session, self.learner.step
        batches = with_progress(self.learner.task.evaluation(), session.evaluation_size, self._send_progress)
        result = self.learner.evaluate(batches, self.interrupted)
        if result is None:
            return False
        loss, characters = result
        on_schedule = evaluation_due(step, session.evaluate_every)
        is_new = on_schedule and session.evaluated < step
        if on_schedule:
            session.evaluated = step
        if characters:
            line = {"kind": "evaluated", "step": step, "loss": loss, "characters": characters, **session.text_mark()}
            if not on_schedule:
                self.buffer.add_line({**line, "final": True})
            elif is_new:
                self.buffer.add_line(line)
            self.buffer.add_evaluation(evaluated(session, loss, characters, final))
            session.add_evaluation(loss, is_new)
        return True

    def _send_progress(self, fraction: float) -> None:
        self.clients.broadcast(QuestionProgressed(question="Evaluate", fraction=fraction))

    def _finish(self) -> None:
        """Finish the run at its limit: evaluate, save a last checkpoint, and give up the right to write."""
        if not self._evaluate(final=True):
            return
        self.buffer.add_line({"kind": "ended", "step": self.learner.step})
        self.buffer.flush()
        self.save()
        if self.state == "diverged":
            return
        self.session.clock.stop()
        self.state = "finished"
        self._check_health(self.health.finish)
        self.send_status()
        self.session.close()

    # --------------------------------------------------------------------------------------------------------- states

    def _handle_divergence(self, at: int) -> None:
        """Go back from step `at` to the last good checkpoint, and wait for a person to change something."""
        session, config = self.session, self.learner.config
        self.pause("diverged")
        self.buffer.flush()
        restore_last_good(session, checkpoint_steps(session.run))
        clip = (
            f", or clip the gradient's norm at less than {config.clip:g}" if config.clip else ", or clip the gradient"
        )
        self.problem = f"The loss stopped being a number at step {at:,}."
        self.remedy = (
            f"Make the learning rate smaller than {config.lr:g}{clip}; "
            f"it then goes on from the checkpoint of step {self.learner.step:,}."
        )
        self.send_status()

    def _pause_out_of_memory(self, error: DeviceMemoryError) -> None:
        """Go back to the last good checkpoint, and wait: a step may be half done."""
        session = self.session
        self.pause()
        self.buffer.flush()
        restore_last_good(session, checkpoint_steps(session.run))
        session.truncate_metrics()
        self.health.reset()
        self.problem, self.remedy = error.problem, error.remedy
        self.begin()
        self.send_status()
        self.clients.broadcast(Failed(problem=error.problem, remedy=error.remedy))

    def pause(self, state: str = "paused") -> None:
        """Do no more steps."""
        self.session.clock.stop()
        self._block_started, self.wait = None, 0.0
        self.state = state

    def pause_on_write_error(self, error: WriteError) -> None:
        """Wait, since nothing can be written, until a person has put it right."""
        problem = f'"{self.session.run}" cannot be written ({error.strerror or error}).'
        remedy = f"{write_remedy(error)}, then go on."
        if self.session.metrics is not None and self.state != "diverged":
            self.pause()
            if steps_there := checkpoint_steps(self.session.run):
                remedy += f" The checkpoint of step {steps_there[-1]:,} is whole."
            self.problem, self.remedy, self.sent_state = problem, remedy, self.state
            self.clients.broadcast(self.status())
        self.clients.broadcast(Failed(problem=problem, remedy=remedy))

    def save(self, answers: tuple[Connection, Command] | None = None) -> None:
        """Write a checkpoint of this step, unless there is one. Raises WriteError.

        An event says so, and if `answers` is given it does even if there was one.
        """
        self._saved_at = time.perf_counter()
        if not self.learner.finite:
            self._handle_divergence(self.learner.step)  # what was good is in the checkpoint before
            return
        session, now = self.session, (self.learner.step, self.session.change_count)
        event = Saved(path=str(checkpoint_path(session.run, now[0])), step=now[0])
        if self._saved != now or session.best.is_unsaved:
            self.buffer.flush()
            session.save()
            self.clients.broadcast(event, answers)
        elif answers is not None:
            answers[0].send(event, answers[1])
        self._saved = now

    def send_status(self) -> None:
        """Write and send what is new, then how things stand. Raises WriteError."""
        self.reported, self.sent_state = time.perf_counter(), self.state
        self.buffer.flush()
        self.clients.broadcast(self.status())

    def status(self) -> Status:
        """Return the state of the run."""
        event = status(self.session, self.state, self._last, self._speed, self.pacer)
        screens = len(self.clients.attached)
        return msgspec.structs.replace(
            event,
            problem=self.problem,
            remedy=self.remedy,
            screens=screens,
            clipped=sum(self._clipped),
            recent_steps=len(self._clipped),
        )
