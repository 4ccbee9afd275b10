"""The commands. Each imports its side only when called: `rnnplay --help` loads neither NumPy nor Textual."""

import errno
import os
import sys
from collections.abc import Coroutine
from pathlib import Path
from typing import Any

import click
from click.shell_completion import CompletionItem

from rnnplay.catalogue import make_config
from rnnplay.cli.cells import ablate, cells, gallery, parse_clamp
from rnnplay.cli.check import tasks
from rnnplay.cli.corpora import corpora
from rnnplay.cli.extra import bench, export, import_network
from rnnplay.cli.looking import gradients, unroll
from rnnplay.cli.options import Grouped, choices_of, settings
from rnnplay.config import RunConfig, UserError


def _complete_task(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
    from rnnplay.catalogue import CATALOGUE

    return [CompletionItem(task.name, help=task.summary) for task in CATALOGUE if task.name.startswith(incomplete)]


def _complete_run(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
    from rnnplay import runs

    known = [("last", "the newest")]
    known += [(run.id, f"{run.task} {run.cell}") for run in runs.list_runs(runs.runs_root(ctx.params.get("runs")))]
    return [CompletionItem(name, help=line) for name, line in known if name.startswith(incomplete)]


_runs = click.option("--runs", metavar="DIR", help="Folder of the runs, instead of the user's data folder.")
_json = click.option("--json", "as_json", is_flag=True, help="One JSON object a line instead.")
_run = click.argument("run", shell_complete=_complete_run)
_task = click.argument("task", required=False, shell_complete=_complete_task)
_encoding = click.option("--encoding", metavar="NAME", help="Of --text; without it UTF-8, or what its mark says.")
_step = click.option("--step", type=int, help="Take the checkpoint after this step instead of the last.")


@click.group(
    invoke_without_command=True, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100}
)
@click.version_option(package_name="rnnplay", message="%(prog)s %(version)s")
@click.pass_context
def cli(ctx: click.Context) -> None:
    """A playground for recurrent networks in a terminal.

    Without a command it opens the playground: choose a task, watch it being learned, look inside, sample from it.
    RUN is a run's directory, its id, `last`, or `gallery/NAME`.
    """
    if ctx.invoked_subcommand is None:
        _open_playground(None, {}, None)


@cli.command(cls=Grouped, short_help="Open the playground on TASK and start.")
@_task
@_runs
@settings
def play(task: str | None, runs: str | None, **chosen: Any) -> None:
    """Open the playground on TASK and start; `rnnplay tasks` lists them.

    What is not given is as in the task's preset, else as in brackets.
    """
    _open_playground(task, choices_of(chosen), runs)


@cli.command(cls=Grouped, short_help="Train on TASK without a screen.")
@_task
@_runs
@_json
@settings
def train(task: str | None, runs: str | None, as_json: bool, **chosen: Any) -> None:
    """Train on TASK without a screen; `rnnplay tasks` lists them.

    What is not given is as in the task's preset, else as in brackets. Without a limit it trains until Ctrl-C, which
    saves the run and ends it. The last line is the run's directory.
    """
    config = _configured(task, choices_of(chosen))
    from rnnplay.cli.drive import follow
    from rnnplay.protocol import Train
    from rnnplay.runs import runs_root

    _end_with(follow(Train(config=config, root=str(runs_root(runs))), as_json))


@cli.command()
@_run
@click.option("--steps", type=int, help="Go on for this many more steps.")
@click.option("--text", metavar="FILE", help="The run's text where it is now, or another text to go on with.")
@click.option("--encoding", metavar="NAME", help="Of --text, instead of the run's.")
@_runs
@_json
def resume(
    run: str, steps: int | None, text: str | None, encoding: str | None, runs: str | None, as_json: bool
) -> None:
    """Go on with RUN where it stopped.

    A text that has changed is refused unless it is named with --text. With the same text, wherever it is, the run goes
    on bit for bit; with another one in the vocabulary that the network knows.
    """
    if steps is not None and steps < 1:
        raise UserError(f"--steps is {steps}.", "Give the number of further steps, at least 1.")
    from rnnplay.cli.drive import follow
    from rnnplay.protocol import Resume

    if encoding is not None and text is None:
        raise UserError("An encoding is named, but no text.", "Give --text FILE too.")
    file = None if text is None else str(Path(text).expanduser().absolute())
    command = Resume(run=found_run(run, runs), more_steps=steps, text=file, encoding=encoding)
    _end_with(follow(command, as_json))


@cli.command()
@_run
@click.option("--text", metavar="FILE", help="Measure on this text instead of the run's held-out part.")
@_encoding
@click.option("--streams", default=16, show_default=True, help="Read it in so many streams, each from a zero state.")
@_step
@_runs
@_json
def evaluate(
    run: str,
    text: str | None,
    encoding: str | None,
    streams: int,
    step: int | None,
    runs: str | None,
    as_json: bool,
) -> None:
    """Measure a checkpoint of RUN on held-out data."""
    if streams < 1:
        raise UserError(f"--streams is {streams}.", "Give a number of streams, at least 1.")
    from rnnplay.cli import drive
    from rnnplay.protocol import Evaluate, Inspect

    file = None if text is None else str(Path(text).expanduser().absolute())
    command = Evaluate(streams=streams, text=file, encoding=encoding)
    _end_with(drive.evaluate(Inspect(run=found_run(run, runs), step=step), command, as_json))


@cli.command()
@_run
@click.option("--prompt", default="", help="Text that is read first.")
@click.option("--length", default=500, show_default=True, help="Characters to draw.")
@click.option("--temperature", default=1.0, show_default=True, help="0: always the likeliest character.")
@click.option("--top-k", default=0, show_default=True, help="Draw from the K likeliest; 0: from all.")
@click.option("--top-p", default=1.0, show_default=True, help="Draw from the likeliest that make up this probability.")
@click.option("--seed", default=1, show_default=True, help="The same seed, the same text.")
@click.option("--clamp", multiple=True, metavar="L.U=X", help="Hold a unit at a value: 1.37=0.9; may be given again.")
@click.option("--output", metavar="FILE", help="Write it to FILE as it was read: bytes of a run on bytes, else UTF-8.")
@_step
@_runs
def sample(
    run: str,
    prompt: str,
    length: int,
    temperature: float,
    top_k: int,
    top_p: float,
    seed: int,
    clamp: tuple[str, ...],
    output: str | None,
    step: int | None,
    runs: str | None,
) -> None:
    """Let RUN write a text."""
    if length < 0:
        raise UserError(f"--length is {length}.", "Give a number of characters, at least 0.")
    from rnnplay.cli import drive
    from rnnplay.protocol import Inspect, Sample

    command = Sample(
        prompt=prompt,
        length=length,
        temperature=temperature,
        seed=seed,
        top_k=top_k,
        top_p=top_p,
        clamps=tuple(map(parse_clamp, clamp)),
    )
    file = None if output is None else Path(output).expanduser()
    _end_with(drive.sample(Inspect(run=found_run(run, runs), step=step), command, file))


@cli.command()
@_runs
@_json
def runs(runs: str | None, as_json: bool) -> None:
    """List the runs, the newest first."""
    from rnnplay.cli.listing import list_runs

    list_runs(runs, as_json)


for _command in (tasks, corpora, cells, ablate, gallery, gradients, unroll, bench, export, import_network):
    cli.add_command(_command)


def _configured(task: str | None, chosen: dict[str, Any]) -> RunConfig:
    """A run's settings; a text without a task is the task `text`."""
    if task is None and "text" not in chosen:
        raise UserError("No task is named.", "Name one that `rnnplay tasks` lists, or give a text with --text FILE.")
    return make_config(task or "text", **chosen)


def found_run(run: str, root: str | None) -> str:
    """The directory that a person means by `run`; gallery/NAME is a network that came with the program."""
    from rnnplay.runs import resolve, runs_root

    if run.startswith("gallery/"):
        from rnnplay.gallery import gallery_network

        return str(gallery_network(run.removeprefix("gallery/")).path)
    return str(resolve(run, runs_root(root)))


def _end_with(work: Coroutine[Any, Any, int]) -> None:
    import asyncio

    sys.exit(asyncio.run(work))


def _open_playground(task: str | None, chosen: dict[str, Any], root: str | None) -> None:
    """Open the screen. Raises UserError where there is no terminal to open it on, or where a setting makes no sense."""
    name = task or ("text" if "text" in chosen else None)
    if name is not None:
        make_config(name, **chosen)
    elif chosen:
        raise UserError("Settings are given, but no task.", "Name one that `rnnplay tasks` lists.")
    remedy = f"Train without a screen: rnnplay train {name or 'hello'}."
    if not (sys.stdin.isatty() and sys.stderr.isatty()):  # Textual reads from the one and paints on the other
        raise UserError("The playground needs a terminal on standard input and standard error.", remedy)
    if os.environ.get("TERM", "dumb") == "dumb":
        raise UserError("The playground needs a terminal that can move its cursor (TERM is dumb).", remedy)
    from rnnplay.tui.app import run

    sys.exit(run(name, chosen, root, start=name is not None))


def main() -> None:
    """The command `rnnplay`: errors for people are two sentences on standard error and exit status 2."""
    try:
        cli.main(prog_name="rnnplay")
    except UserError as error:
        print(f"rnnplay: {error}", file=sys.stderr)
        sys.exit(2)
    finally:
        _forget_what_a_lost_terminal_did_not_take()


def _forget_what_a_lost_terminal_did_not_take() -> None:
    """Else Python's own last flush would fail, and its status, 120, take the place of ours."""
    for stream in (sys.__stdout__, sys.__stderr__):
        if stream is None or stream.closed:
            continue
        try:
            stream.flush()
        except OSError as error:
            if error.errno == errno.EIO:
                nowhere = os.open(os.devnull, os.O_WRONLY)
                os.dup2(nowhere, stream.fileno())
                os.close(nowhere)
