"""`rnnplay attach` and `rnnplay stop`, and `train --detach`: runs that go on by themselves."""

import asyncio
import contextlib
import os
import select
import signal
import socket
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import click

from rnnplay.cli.common import complete_run, json_lines_option, linger_option, quiet_option, run_and_exit, runs_option
from rnnplay.config import UserError

if TYPE_CHECKING:
    from rnnplay.client import TrainerClient
    from rnnplay.protocol import Resume, Started, Train

_STOP_SECONDS = 120.0  # for a trainer to finish its step, save and end
_ANSWER_SECONDS = 2.0  # for a trainer to say which run it serves


@click.command()
@click.argument("run", required=False, shell_complete=complete_run)
@click.option("--plain", is_flag=True, help="Print lines as `train` does, on a terminal too.")
@linger_option
@runs_option
@quiet_option
@json_lines_option
def attach(run: str | None, plain: bool, linger: str | None, runs: str | None, quiet: bool, as_json: bool) -> None:
    """Look at RUN while it is trained; without RUN at the newest that is alive.

    On a terminal it opens the playground, else it prints what comes as `train` does. Ctrl-C leaves; the run goes on.
    """
    directory = _living_run(run, runs)
    if not (plain or as_json or quiet) and sys.stdin.isatty() and sys.stderr.isatty():
        from rnnplay.cli.play import play_run

        play_run(run or directory.name, directory, {}, runs)
    run_and_exit(print_run(directory, as_json, quiet))


@click.command()
@click.argument("run", required=False, shell_complete=complete_run)
@click.option("--all", "all_runs", is_flag=True, help="All runs that are alive on this machine.")
@runs_option
def stop(run: str | None, all_runs: bool, runs: str | None) -> None:
    """Save RUN and end its trainer, whatever version of the program it is."""
    from rnnplay.runs import resolve, runs_root, trainers

    if (run is None) != all_runs:
        raise UserError("It is not clear what is to be stopped.", "Name a run, or give --all.")
    root = runs_root(runs)
    if run is not None:
        stop_trainer(resolve(run, root))
        return
    living = [(path, record) for path, record in trainers.living_runs(root) if not record.is_elsewhere]
    if not living:
        print("No run is alive.", file=sys.stderr)
    failed = False
    for path, _ in living:
        try:
            stop_trainer(path)
        except UserError as error:
            print(f"rnnplay: {error}", file=sys.stderr)
            failed = True
    sys.exit(2 if failed else 0)


def _living_run(run: str | None, root: str | None) -> Path:
    """Return the directory of the run that is named, or of the newest that is alive here. Raises UserError."""
    from rnnplay.runs import resolve, runs_root, trainers

    if run is not None:
        return resolve(run, runs_root(root))
    living = [path for path, record in trainers.living_runs(runs_root(root)) if not record.is_elsewhere]
    if not living:
        raise UserError("No run is alive.", "Begin one that goes on by itself: rnnplay train prose --detach.")
    return living[0]


# --------------------------------------------------------------------------------------------------------------- look


async def print_run(run: Path, as_json: bool, quiet: bool) -> int:
    """Print what happens to a run until it has finished or a signal comes, on which it is left. Returns the status."""
    from rnnplay.cli.report import make_report, verdict
    from rnnplay.cli.trainer_process import DIVERGED, noting_signals
    from rnnplay.client import TrainerClient
    from rnnplay.protocol import Detached, Evaluated, Failed, Started, Status, Stopped

    client = await TrainerClient.attach(run)
    report = make_report(as_json, quiet, "Ctrl-C leaves the run, which goes on.")
    started: Started | None = None
    evaluated: Evaluated | None = None
    state = ""
    with noting_signals() as interrupted, contextlib.closing(report):
        leaving = asyncio.create_task(_leave_when(interrupted, client))
        try:
            async for event in client.events():
                report.event(event)
                match event:
                    case Started():
                        started = event
                    case Evaluated():
                        evaluated = event
                    case Failed(fatal=True):
                        raise UserError(event.problem, event.remedy)
                    case Status():
                        state = event.state
                    case _:
                        pass
                if state in ("finished", "diverged") or isinstance(event, Stopped | Detached):
                    break
        finally:
            leaving.cancel()
            await client.detach()
    if started is not None and not as_json:
        if evaluated is not None and state == "finished":
            print(verdict(evaluated, started.facts), file=sys.stderr)
        print(run, flush=True)
    if interrupted.done() and not as_json:
        print(f"It goes on by itself: rnnplay attach {started.run_id if started else run.name}", file=sys.stderr)
    return DIVERGED if state == "diverged" else 0


async def _leave_when(interrupted: "asyncio.Future[signal.Signals]", client: "TrainerClient") -> None:
    await asyncio.shield(interrupted)
    await client.detach()


async def train_detached(command: "Train | Resume", as_json: bool) -> int:
    """Begin a run that goes on by itself, and print its directory. Raises UserError if it cannot begin, or go on."""
    import msgspec

    from rnnplay.cli.report import JsonReport, print_notes
    from rnnplay.client import LINGER, TrainerClient, detach_seconds
    from rnnplay.machine import logout_ends_processes
    from rnnplay.runs import trainers

    if not (linger := detach_seconds()):
        raise UserError(f"A run cannot be left: {LINGER} or --linger is 0.", "Give a time such as 12h.")
    trainers.make_socket_folder()
    client = await TrainerClient.start(msgspec.structs.replace(command, linger=linger))
    try:
        started = await _until_started(client)
    except BaseException:  # Ctrl-C too: what has not begun is not left
        await client.close()
        raise
    await client.detach()
    if as_json:
        JsonReport().event(started)
    else:
        print_notes(started.notes)
        print(started.run, flush=True)
    if logout_ends_processes():
        print_notes(["This system ends a user's processes at logout: `loginctl enable-linger` keeps them."])
    return 0


async def _until_started(client: "TrainerClient") -> "Started":
    """Return the first event of a run that can be left. Raises UserError if it cannot begin, or not be left."""
    from rnnplay.protocol import Failed, Started

    async for event in client.events():
        match event:
            case Started():
                if event.unreachable:
                    raise UserError(event.unreachable, "Train without --detach.")
                return event
            case Failed():
                raise UserError(event.problem, event.remedy)
            case _:
                pass
    raise UserError("The trainer ended before the run began.", "Train without --detach to see more.")


# --------------------------------------------------------------------------------------------------------------- stop


def stop_trainer(run: Path) -> None:
    """Have the trainer of a run save and end, wait for it and say so. Raises UserError if that cannot be."""
    from rnnplay.runs import run_id, trainers

    name = run_id(run)
    record = trainers.find_trainer(run)
    if record is None:
        raise trainers.no_trainer_error(run, "`rnnplay runs` lists the runs that are.")
    if record.is_elsewhere:
        raise UserError(f"The run {name} is being trained on {record.host} (process {record.pid}).", "Stop it there.")
    connection = None
    with contextlib.suppress(BlockingIOError):
        connection = trainers.connect(record)
    pid = trainers.peer_process(connection) if connection is not None else None
    if (connection is None or pid == 0) and not trainers.is_running(record):  # 0: it is in another container
        raise UserError(f"The trainer of {name} cannot be reached.", "Stop it where it was started.")
    pid = pid or record.pid
    try:
        if connection is not None and not _serves(connection, run):
            raise trainers.no_trainer_error(run, "`rnnplay runs` lists the runs that are.")
        # By a signal, not by a command: a trainer of another version understands it too.
        os.kill(pid, signal.SIGTERM)
        has_ended = _wait_for_end(pid, connection)
    except ProcessLookupError:
        has_ended = True
    finally:
        if connection is not None:
            connection.close()
    if not has_ended:
        raise UserError(f"The trainer of {name} has not ended yet (process {pid}).", "Wait, or `kill -9` it.")
    print(f"{name}: {_how_it_stands(run)}")


def _how_it_stands(run: Path) -> str:
    """Return in words what is left of a run whose trainer ended, perhaps diverged or with no room for a checkpoint."""
    from rnnplay.runs import run_info, saved_step

    try:
        info = run_info(run)
    except FileNotFoundError:
        return "it had done no step, and is not kept"
    saved = saved_step(run)
    if saved < info.step:
        return f"{info.task}, ended at step {info.step:,}; its last checkpoint is of step {saved:,}"
    return f"{info.task}, saved at step {info.step:,}"


def _serves(connection: socket.socket, run: Path) -> bool:
    """Return whether the trainer at the other end serves `run`; one that does not say so in time is believed to."""
    import msgspec

    from rnnplay.protocol import frame_length
    from rnnplay.runs import trainers

    connection.settimeout(_ANSWER_SECONDS)
    try:
        with connection.makefile("rb") as file:
            return trainers.is_same_run(run, msgspec.msgpack.decode(file.read(frame_length(file.read(4))))["run"])
    except (OSError, ValueError, KeyError, TypeError):
        return True
    finally:
        connection.settimeout(None)


def _wait_for_end(pid: int, connection: socket.socket | None) -> bool:
    """Wait until a process has closed its end of the connection, and has ended; whether it has in time."""
    from rnnplay.runs import trainers

    deadline = time.monotonic() + _STOP_SECONDS
    while connection is not None and (left := deadline - time.monotonic()) > 0:
        select.select([connection], [], [], left)
        try:
            if not connection.recv(65_536):
                break
        except OSError:
            break
    while not trainers.has_ended(pid):
        if time.monotonic() > deadline:
            return False
        time.sleep(0.02)
    return True
