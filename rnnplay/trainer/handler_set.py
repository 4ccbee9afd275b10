"""The handlers of one connection: what it watches, samples and asks is its own."""

from collections.abc import Callable

from rnnplay.config import UserError
from rnnplay.protocol import AnyCommand, Failed
from rnnplay.runs import WriteError
from rnnplay.trainer.connection import Connection
from rnnplay.trainer.failures import explain
from rnnplay.trainer.handlers.base import Handler, TimeShares
from rnnplay.trainer.handlers.cells import CellsHandler
from rnnplay.trainer.handlers.census import CensusHandler
from rnnplay.trainer.handlers.example import ExampleHandler
from rnnplay.trainer.handlers.health import HealthCheck, HealthHandler
from rnnplay.trainer.handlers.loss import LossHandler
from rnnplay.trainer.handlers.network import NetworkHandler
from rnnplay.trainer.handlers.sample import SampleHandler
from rnnplay.trainer.handlers.swap import SwapHandler
from rnnplay.trainer.handlers.time import TimeHandler
from rnnplay.trainer.handlers.trace import TraceHandler
from rnnplay.trainer.handlers.unroll import UnrollHandler
from rnnplay.trainer.session import TrainingSession

KINDS = (
    LossHandler,
    TraceHandler,
    CellsHandler,
    CensusHandler,
    SampleHandler,
    ExampleHandler,
    UnrollHandler,
    TimeHandler,
    SwapHandler,
    NetworkHandler,
)


class HandlerSet:
    """Answers the commands of one connection. What fails is answered with Failed and never ends the run."""

    def __init__(
        self, session: TrainingSession, connection: Connection, shares: TimeShares, check: HealthCheck
    ) -> None:
        self._session, self._connection, self._check = session, connection, check
        self._health = HealthHandler(session, connection, check)
        self._handlers: list[Handler] = [*(kind(session, connection, shares) for kind in KINDS), self._health]
        self._repeating = [h for h in self._handlers if type(h).run_pending is not Handler.run_pending]
        self._handler_of = {kind: handler for handler in self._handlers for kind in handler.commands}

    def knows(self, command: AnyCommand) -> bool:
        """Return whether a handler answers such a command."""
        return type(command) in self._handler_of

    def handle_command(self, command: AnyCommand, interrupted: Callable[[], bool]) -> bool:
        """Answer one command that is known; True if that took time from training. Raises what the handler does."""
        return self._handler_of[type(command)].handle_command(command, interrupted)

    def run_pending(self, training: bool) -> None:
        """Go on with what is not answered yet. Raises WriteError."""
        for handler in self._repeating:
            try:
                handler.run_pending(training)
            except WriteError:
                raise
            except Exception as error:
                self._fail(handler, error)

    def _fail(self, handler: Handler, error: Exception) -> None:
        """Answer the command that a handler works on with what went wrong."""
        if (command := handler.current) is not None:
            handler.cancel(command)
        if not isinstance(error, UserError):
            handler.current = None  # it would fail again
        name = type(command).__name__ if command is not None else ""
        problem, remedy = explain(error, str(self._session.run), self._session.metrics is not None)
        self._connection.send(Failed(problem=problem, remedy=remedy, command=name), command)

    def seconds_until_due(self) -> float:
        """Return the seconds until `run_pending` has something to do; infinity if nothing is pending."""
        return min(handler.seconds_until_due() for handler in self._handlers)

    def close(self) -> None:
        """Drop all that is pending: the connection is gone."""
        self._check.remove(self._health)
