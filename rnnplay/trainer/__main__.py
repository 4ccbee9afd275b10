"""The child process: keeps the pipes for the protocol, points stdout and stderr at the run's log, and runs the loop."""

import errno
import os
import sys
import traceback

from rnnplay.config import UserError
from rnnplay.engine import TooLargeError, flush_subnormals
from rnnplay.folders import write_remedy
from rnnplay.protocol import AnyCommand, Failed, Inspect, Resume, Train
from rnnplay.runs import LOG, run_id
from rnnplay.trainer.clients import Clients
from rnnplay.trainer.connection import Connection


def _keep_pipes() -> Connection:
    """Descriptors 0 and 1 as a Connection; from here on a stray print goes where errors go."""
    connection = Connection(os.dup(0), os.dup(1))
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.close(nothing)
    os.dup2(2, 1)
    return connection


def _log_to(path: str) -> None:
    """Point stdout and stderr at the file, where it can be written."""
    try:
        log = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
    except OSError as error:
        print(f"no log: {error}", file=sys.stderr)
        return
    os.dup2(log, 1)
    os.dup2(log, 2)
    os.close(log)


def main() -> int:
    """Train, or show, one run. Returns the exit status."""
    if sys.stdin.isatty() or sys.stdout.isatty():
        print("This is the trainer's own process. Start it with: rnnplay train", file=sys.stderr)
        return 2
    connection = _keep_pipes()
    clients = Clients(connection)
    flush_subnormals()
    run = ""
    opening: AnyCommand | None = None
    try:
        commands = [command for _, command in clients.receive(timeout=60.0)]
        if not commands:
            clients.flush(1.0, [connection])  # perhaps there was something, and it was no command
            return 0
        opening, *later = commands
        if not isinstance(opening, Train | Resume | Inspect):
            raise UserError(f"{type(opening).__name__} opens nothing.", "Begin with Train, Resume or Inspect.")
        from rnnplay.trainer.loop import TrainingLoop
        from rnnplay.trainer.opening import open_session
        from rnnplay.trainer.serving import serving
        from rnnplay.trainer.text_reading import ReadingStopped, answering, stopped_event

        try:
            with answering(clients, opening, later):
                session = open_session(opening)
        except ReadingStopped:
            connection.send(stopped_event(opening))
            clients.flush(5.0, [connection])
            return 0
        run = str(session.run)
        clients.name_run(run, run_id(session.run))
        if session.metrics is not None:
            _log_to(os.path.join(run, LOG))
        with serving(session, clients) as keep_reachable:
            TrainingLoop(session, clients, opening, later, keep_reachable).run()
        return 0
    except UserError as error:
        connection.send(Failed(problem=error.problem, remedy=error.remedy, fatal=True), opening)
    except TooLargeError as error:
        wrong, _, remedy = str(error).rpartition(". ")
        connection.send(Failed(problem=f"{wrong}.", remedy=remedy, fatal=True), opening)
    except Exception as error:
        connection.send(_failure(error, run), None if run else opening)
    clients.flush(5.0, [connection])
    return 1


def _failure(error: Exception, run: str) -> Failed:
    """One sentence for the screen and what to do; the traceback of a mistake of the program's own goes to the log."""
    if isinstance(error, OSError) and error.errno in (errno.EFBIG, errno.ENOSPC, errno.EDQUOT):
        problem = f"{error.filename or 'What the trainer needs'} cannot be written ({error.strerror})."
        return Failed(problem=problem, remedy=f"{write_remedy(error)}.", fatal=True)
    traceback.print_exception(error)
    message = f"{type(error).__name__}: {error}".removesuffix(": ")
    where = f'Its log is "{os.path.join(run, LOG)}"; resume it from its last checkpoint.' if run else "Report it."
    return Failed(problem=f"The trainer failed ({message}).", remedy=where, fatal=True)


if __name__ == "__main__":
    sys.exit(main())
