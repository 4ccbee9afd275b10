"""The only training loop there is: commands between two steps, a step, then what is due after it.

It serves the process that started it and screens that attach and leave. What a screen does never changes a number.
"""

import signal
import time
from collections import deque
from collections.abc import Callable, Sequence
from functools import partial

from rnnplay.config import UserError
from rnnplay.folders import write_remedy
from rnnplay.protocol import (
    PROTOCOL_VERSION,
    AnyCommand,
    Attach,
    ChangeSettings,
    Command,
    Continue,
    Detach,
    Detached,
    DoOneStep,
    Event,
    Failed,
    Inspect,
    Pause,
    Resume,
    Save,
    SetSpeed,
    Stop,
    Stopped,
    Train,
)
from rnnplay.runs import WriteError, run_id
from rnnplay.trainer.clients import Clients, Received
from rnnplay.trainer.connection import Connection
from rnnplay.trainer.controls import Controls
from rnnplay.trainer.failures import explain
from rnnplay.trainer.handler_set import HandlerSet
from rnnplay.trainer.handlers.base import TimeShares
from rnnplay.trainer.linger import Linger
from rnnplay.trainer.preload import import_everything
from rnnplay.trainer.session import TrainingSession
from rnnplay.trainer.training import Training

STATUS_SECONDS = 0.2  # seconds between two reports
_IDLE_SECONDS = 0.25  # seconds: signals are noticed this late at most
_FLUSH_SECONDS = 5.0  # seconds for the last events to leave
_DISMISS_SECONDS = 1.0  # the same for those of a screen that leaves
_REASONS = {"finished": "finished", "diverged": "diverged"}


class TrainingLoop:
    """One session from its first event to its last."""

    def __init__(
        self,
        session: TrainingSession,
        clients: Clients,
        opening: Train | Resume | Inspect,
        commands: Sequence[AnyCommand] = (),
        keep_reachable: Callable[[], None] = lambda: None,
    ) -> None:
        """`opening` opened the session; `commands` came with it. Both came from the process that started the trainer.

        `keep_reachable` is called often while the loop runs.
        """
        self._session, self._clients, self._keep_reachable = session, clients, keep_reachable
        self._training = Training(session, clients, self._interrupted)
        self._controls = Controls(self._training)
        self._shares = TimeShares()
        self._handlers: dict[Connection, HandlerSet] = {}
        self._linger = Linger()
        self._ending = False
        self._lost: list[Connection] = []  # that ended the trainer by going; what it says last may still be read
        starter = clients.starter  # it may be gone by now
        assert starter is not None
        self._received: deque[Received] = deque((starter, command) for command in commands)
        self._attach(starter, opening, 0.0 if isinstance(opening, Inspect) or session.unreachable else opening.linger)

    def run(self) -> None:
        """Run until Stop arrives, or until nobody is attached and the run was not told to go on."""
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            if number == signal.SIGTERM or signal.getsignal(number) is not signal.SIG_IGN:
                signal.signal(number, self._signalled)  # ignored when we were started, as under nohup: stays so
        self._guard(self._training.begin)
        while not self._is_over():
            self._receive(0.0 if self._training.is_stepping or self._received else self._seconds_until_due())
            while self._received and not self._is_over():
                self._handle(*self._received.popleft())
            if not self._is_over():
                self._guard(self._iterate)
        self._end()

    def _is_over(self) -> bool:
        return self._ending or self._training.failure is not None

    def _guard(self, act: Callable[[], object]) -> None:
        """Do `act`; if something of the run cannot be written, pause. Anything else that fails is said to all."""
        try:
            act()
        except WriteError as error:
            self._training.pause_on_write_error(error)
        except Exception as error:
            problem, remedy = self._explain(error)
            self._clients.broadcast(Failed(problem=problem, remedy=remedy))

    def _explain(self, error: Exception) -> tuple[str, str]:
        return explain(error, str(self._session.run), self._session.metrics is not None)

    def _iterate(self) -> None:
        """A step, answers that are due, and a report if it is time. Raises WriteError."""
        training = self._training
        if training.state == "training":
            training.train()
        for handlers in list(self._handlers.values()):
            handlers.run_pending(training.is_stepping)
        if len(self._handlers) > 1:  # each is the first once: the time beside training is given out in turn
            first = next(iter(self._handlers))
            self._handlers[first] = self._handlers.pop(first)
        if training.state != training.sent_state or (
            training.state == "training" and time.perf_counter() - training.reported >= STATUS_SECONDS
        ):
            training.send_status()

    def _signalled(self, number: int, frame: object) -> None:
        self._ending = True

    def _seconds_until_due(self) -> float:
        wait = self._training.wait or _IDLE_SECONDS
        return min((_IDLE_SECONDS, wait, *(handlers.seconds_until_due() for handlers in self._handlers.values())))

    def _receive(self, timeout: float) -> None:
        """Take in commands; end what has gone, and the run, if nobody is left for whom it goes on."""
        self._keep_reachable()
        self._received.extend(self._clients.receive(timeout))
        for connection in self._clients.take_gone():
            self._leave(connection, connection.linger)
            if connection.is_pipe and not connection.linger:
                self._lost.append(connection)
                self._ending = True
        if not self._clients.attached and not self._ending:
            training, now = self._training, time.monotonic()
            is_training = training.state == "training"
            self._ending = self._linger.is_over(now, is_training, training.has_limit, training.state_since)

    def _interrupted(self) -> bool:
        """Return whether to leave off something long, because the end has come."""
        self._receive(0.0)
        return self._is_over() or any(self._ends(*received) for received in self._received)

    def _ends(self, connection: Connection, command: AnyCommand) -> bool:
        """Return whether a command ends the trainer."""
        return isinstance(command, Stop) and not (command.if_alone and self._others(connection))

    def _others(self, connection: Connection) -> int:
        """Return how many screens are attached beside this one."""
        return sum(other is not connection for other in self._clients.attached)

    # ------------------------------------------------------------------------------------------------------- commands

    def _handle(self, connection: Connection, command: AnyCommand) -> None:
        """Do what one command asks for. What fails becomes an answer to it, and never ends the run."""
        try:
            self._dispatch(connection, command)
        except WriteError as error:
            self._training.pause_on_write_error(error)
        except Exception as error:
            problem, remedy = self._explain(error)
            connection.send(Failed(problem=problem, remedy=remedy, command=type(command).__name__), command)

    def _dispatch(self, connection: Connection, command: AnyCommand) -> None:
        """Raises UserError if the command makes no sense. A connection that has gone meanwhile may still steer."""
        handlers = self._handlers.get(connection)
        if isinstance(command, Attach):
            self._welcome(connection, command)
        elif connection.opening is None:
            raise UserError(f"{type(command).__name__} came before Attach.", "Attach first.")
        elif isinstance(command, SetSpeed) and handlers is None:
            pass  # nobody is there to watch it
        elif isinstance(command, Pause | Continue | DoOneStep | Save | ChangeSettings | SetSpeed):
            self._controls.handle(command, connection)
        elif self._ends(connection, command):
            self._ending = True
        elif handlers is None:
            pass
        elif handlers.knows(command):
            if handlers.handle_command(command, partial(self._gives_up, connection)):
                self._training.restart_clock()
        elif isinstance(command, Stop):
            self._dismiss(connection, command, 0.0)
        elif isinstance(command, Detach):
            if self._session.unreachable and not self._others(connection):
                raise UserError(f"Nobody could come back to this run. {self._session.unreachable}", "Stay with it.")
            self._dismiss(connection, command, command.linger)
        else:
            raise UserError(f"{type(command).__name__} is not understood here.", "Ask something else.")

    def _gives_up(self, connection: Connection) -> bool:
        """Return whether to leave off a long answer to this connection."""
        return self._interrupted() or connection.closed

    # -------------------------------------------------------------------------------------------- coming and leaving

    def _attach(self, connection: Connection, opening: Command, linger: float) -> None:
        self._clients.attach(connection, opening, linger)
        self._handlers[connection] = HandlerSet(self._session, connection, self._shares, self._training.health)

    def _welcome(self, connection: Connection, command: Attach) -> None:
        """Attach a screen, and send it the run from its beginning."""
        if connection.opening is not None:
            raise UserError("This screen is attached already.", "Ask something else.")
        if connection.closed:
            return
        if command.version != PROTOCOL_VERSION:
            problem = f"This trainer speaks version {PROTOCOL_VERSION} of the protocol, not {command.version}."
            connection.send(Failed(problem=problem, remedy=f"rnnplay stop {run_id(self._session.run)}", fatal=True))
            return
        self._guard(self._training.buffer.flush)  # what is not sent yet would come twice
        self._attach(connection, command, command.linger)
        self._training.send_beginning(connection)
        self._clients.broadcast(self._training.status())

    def _dismiss(self, connection: Connection, command: Command, linger: float) -> None:
        """Confirm to a screen that it leaves, and let it go."""
        others = self._others(connection)
        connection.send(Detached(screens=others), command)
        self._clients.flush(_DISMISS_SECONDS, [connection])
        self._clients.detach(connection)
        self._leave(connection, linger)
        connection.release()

    def _leave(self, connection: Connection, linger: float) -> None:
        """Let the run go on for `linger` seconds after a screen has gone."""
        if (handlers := self._handlers.pop(connection, None)) is not None:
            handlers.close()
        self._linger.leave(linger, time.monotonic())
        if not self._clients.attached:
            self._training.pacer.set_speed(None)  # it was slowed to be watched
            self._training.wait = 0.0
            if linger:
                import_everything()
        else:
            self._clients.broadcast(self._training.status())

    # ----------------------------------------------------------------------------------------------------------- end

    def _end(self) -> None:
        """Save what is not saved, say so, and let the last words leave."""
        training, session, run = self._training, self._session, str(self._session.run)
        self._guard(training.settle)
        is_empty = session.is_new and not session.learner.step and training.state in ("training", "paused")
        reason = _REASONS.get(training.state, "stopped")
        last: Event = Stopped(run="" if is_empty else run, step=session.learner.step, reason=reason)
        try:
            if training.failure is not None:
                last = training.failure
            elif is_empty:
                session.discard()
            elif session.metrics is not None and training.state != "diverged":
                session.clock.stop()
                training.buffer.flush()
                training.save()
        except WriteError as error:
            problem = f'"{run}" cannot be written ({error.strerror or error}).'
            remedy = (
                f"{write_remedy(error)}; `rnnplay resume {run_id(session.run)}` then goes on from the last checkpoint."
            )
            last = Failed(problem=problem, remedy=remedy, fatal=True)
        session.close()
        self._clients.broadcast(last)
        for connection in self._lost:
            connection.send(last)
        self._clients.flush(_FLUSH_SECONDS, [*self._clients.attached, *self._lost])
