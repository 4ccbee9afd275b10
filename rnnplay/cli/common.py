"""Arguments, options and helpers that several commands share."""

import asyncio
import os
import sys
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

import click
from click.shell_completion import CompletionItem

from rnnplay.cli.streams import json_text
from rnnplay.cli.texts import reads_pipe, save_pipes
from rnnplay.config import CheckpointName, UserError


def complete_task(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """The tasks whose names begin with `incomplete`."""
    from rnnplay.catalogue import CATALOGUE

    return [CompletionItem(task.name, help=task.summary) for task in CATALOGUE if task.name.startswith(incomplete)]


def complete_run(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """The ids of runs that begin with `incomplete`, and `last`."""
    from rnnplay import runs

    names = [("last", "the run last worked on")]
    names += [(run.id, f"{run.task} {run.cell}") for run in runs.list_runs(runs.runs_root(ctx.params.get("runs")))]
    return [CompletionItem(name, help=line) for name, line in names if name.startswith(incomplete)]


def complete_task_or_run(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """The tasks, then the runs, whose names begin with `incomplete`."""
    return complete_task(ctx, param, incomplete) + complete_run(ctx, param, incomplete)


run_argument = click.argument("run", shell_complete=complete_run)
task_argument = click.argument("task", nargs=-1, metavar="[TASK]", shell_complete=complete_task)
task_or_run_argument = click.argument("task", nargs=-1, metavar="[TASK|RUN]", shell_complete=complete_task_or_run)


def parse_checkpoint(ctx: click.Context, param: click.Parameter, value: str | None) -> CheckpointName | None:
    """A step, "best" or "last"; None for None. Raises UserError."""
    if value is None:
        return None
    if value == "best":
        return "best"
    if value == "last":
        return "last"
    if not (value.isascii() and value.isdigit() and len(value) <= 18):
        raise UserError(f"{value!r} names no checkpoint.", "Give --at best, --at last or a step: --at 500.")
    return int(value)


def at_option(command: Callable[..., Any]) -> Callable[..., Any]:
    """Decorate `command` with the option --at, which names a checkpoint."""
    return click.option(
        "--at",
        metavar="best|last|STEP",
        default="last",
        show_default=True,
        callback=parse_checkpoint,
        help="The checkpoint: of the lowest loss on held-out data, the last, or the one after so many steps.",
    )(command)


runs_option = click.option("--runs", metavar="DIR", help="Folder of the runs, instead of the user's data folder.")
json_option = click.option("--json", "as_json", is_flag=True, help="One JSON object instead.")
encoding_option = click.option("--encoding", metavar="NAME", help="Of --text; without it UTF-8, or by its mark.")
quiet_option = click.option("--quiet", is_flag=True, help="Print the end alone.")
json_lines_option = click.option("--json", "as_json", is_flag=True, help="One JSON object a line instead.")


detach_option = click.option("--detach", is_flag=True, help="Let the run go on by itself, and print its directory.")


def _set_linger(ctx: click.Context, param: click.Parameter, given: str | None) -> str | None:
    """Let --linger stand where RNNPLAY_LINGER does. Raises UserError if it makes no sense."""
    if given is not None:
        from rnnplay.client.linger import LINGER, chosen_linger

        os.environ[LINGER] = given
        chosen_linger()
    return given


def refuse_linger(linger: str | None, detach: bool) -> None:
    """Raise UserError if --linger is given for a run that ends with its command."""
    if linger is not None and not detach:
        raise UserError("--linger says how long a run goes on that is left.", "Give --detach too, or leave it out.")


linger_option = click.option(
    "--linger",
    metavar="TIME",
    callback=_set_linger,
    help="How long a run without a limit goes on unseen, as 10m or 12h; 0: not at all.",
)


def resolve_run_argument(run: str, root: str | None) -> str:
    """The directory of `run`: a directory, an id, `last`, or gallery/NAME. Raises UserError."""
    from rnnplay.runs import resolve, runs_root

    if run.startswith("gallery/"):
        from rnnplay.gallery import gallery_network

        return str(gallery_network(run.removeprefix("gallery/")).path)
    return str(resolve(run, runs_root(root)))


def text_path(text: str | None, folder: Path | None = None) -> str | None:
    """The absolute path of the text that a command line names, ~ expanded; None for None.

    Of a pipe it is a file with what that gives: in the folder `folder`, else one that is removed when the command
    ends. Raises UserError if the pipe cannot be read.
    """
    if text is None:
        return None
    if not reads_pipe(text):
        return str(Path(os.path.expanduser(text)).absolute())
    if folder is None:
        from tempfile import TemporaryDirectory

        folder = Path(click.get_current_context().with_resource(TemporaryDirectory(prefix="rnnplay-")))
    return save_pipes([text], folder)[0]


def run_and_exit(work: Coroutine[Any, Any, int]) -> None:
    """Run `work` and exit with the status that it returns."""
    sys.exit(asyncio.run(work))


def ask_trainer(inspect: Any, command: Any, *answers: type) -> list[Any]:
    """The events of a trainer that inspects a run, up to the first of the types `answers`, which is the last.

    Raises UserError if the trainer fails or gives no answer. Exits if a signal ended it.
    """
    return asyncio.run(_ask_trainer(inspect, command, answers))


async def _ask_trainer(inspect: Any, command: Any, answers: tuple[type, ...]) -> list[Any]:
    from rnnplay.cli.progress import ProgressLine
    from rnnplay.cli.report import print_notes
    from rnnplay.cli.trainer_process import open_trainer
    from rnnplay.protocol import Failed, Started, Stopped

    events: list[Any] = []
    progress = ProgressLine()
    async with open_trainer(inspect) as trainer:
        async for event in trainer.client.events():
            events.append(event)
            progress.event(event)
            match event:
                case Started():
                    print_notes(event.notes)
                    await trainer.client.send(command)
                case Failed():
                    raise UserError(event.problem, event.remedy)
                case Stopped():
                    sys.exit(trainer.status)
                case _ if isinstance(event, answers):
                    return events
                case _:
                    pass
    raise UserError("The trainer gave no answer.", "Try again.")


def print_json(fields: dict[str, Any]) -> None:
    """Print one JSON object."""
    print(json_text(fields, sys.stdout), flush=True)


def use_trainer_blas() -> None:
    """Compute with the BLAS kernel and threads that the trainer would get. Before NumPy is imported."""
    from rnnplay import blas

    os.environ.update(blas.trainer_environment())
