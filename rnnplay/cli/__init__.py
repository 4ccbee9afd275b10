"""The commands. Each imports what it needs when it is called: `rnnplay --help` loads neither NumPy nor Textual."""

import errno
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, get_args

import click

from rnnplay.catalogue import make_config
from rnnplay.cli.attach import attach, stop
from rnnplay.cli.bench import bench
from rnnplay.cli.cells import ablate, cells, gallery, parse_clamp
from rnnplay.cli.census import census
from rnnplay.cli.common import (
    at_option,
    detach_option,
    encoding_option,
    json_lines_option,
    linger_option,
    parse_checkpoint,
    quiet_option,
    refuse_linger,
    resolve_run_argument,
    run_and_exit,
    run_argument,
    runs_option,
    task_argument,
    task_or_run_argument,
    text_path,
)
from rnnplay.cli.corpora import corpora
from rnnplay.cli.exchange import export, import_network
from rnnplay.cli.options import GroupedHelpCommand, config_options, given_settings
from rnnplay.cli.streams import escape_what_cannot_be_encoded
from rnnplay.cli.tasks import tasks
from rnnplay.cli.texts import refuse_pipes, save_pipes
from rnnplay.cli.time import gradients
from rnnplay.cli.trace import trace
from rnnplay.cli.unroll import unroll
from rnnplay.config import CheckpointName, RunConfig, Schedule, UserError


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
        from rnnplay.cli.play import play_task

        play_task(None, {}, None)


@cli.command(cls=GroupedHelpCommand, short_help="Open the playground on TASK and start, or on RUN.")
@task_or_run_argument
@runs_option
@linger_option
@config_options
def play(task: tuple[str, ...], runs: str | None, linger: str | None, **settings: Any) -> None:
    """Open the playground on TASK and start, or on RUN as it was left; `rnnplay tasks` lists the tasks.

    What is not given is as in the task's preset, else as in brackets. A run has its own settings.
    """
    from rnnplay.cli.play import find_run, play_run, play_task

    def refuse(texts: Sequence[str]) -> Sequence[str]:
        refuse_pipes(texts, "Save it to a file, or train without a screen: rnnplay train --text -.")
        return texts

    chosen = given_settings(settings, refuse)
    run = find_run(task, runs)
    if run is None:
        play_task(_one_task(task), chosen, runs)
    else:
        play_run(task[0], run, chosen, runs)


@cli.command(cls=GroupedHelpCommand, short_help="Train on TASK without a screen.")
@task_argument
@runs_option
@quiet_option
@json_lines_option
@detach_option
@linger_option
@config_options
def train(
    task: tuple[str, ...],
    runs: str | None,
    quiet: bool,
    as_json: bool,
    detach: bool,
    linger: str | None,
    **settings: Any,
) -> None:
    """Train on TASK without a screen; `rnnplay tasks` lists them.

    What is not given is as in the task's preset, else as in brackets. Without a limit it trains until Ctrl-C, which
    saves the run and ends it. Standard output gets the run's directory at the end, standard error all else: a bar, or,
    if it is no terminal, a line at each evaluation and at least every ten seconds. With --detach the run goes on
    without this terminal: `rnnplay attach` shows it, `rnnplay stop` ends it.
    """
    from rnnplay.cli.attach import train_detached
    from rnnplay.cli.report import make_report
    from rnnplay.cli.trainer_process import train_to_end
    from rnnplay.protocol import Train
    from rnnplay.runs import runs_root, texts_folder

    report = make_report(as_json, quiet)
    refuse_linger(linger, detach)

    root = runs_root(runs)
    name = _one_task(task)
    config = _make_config(name, given_settings(settings, lambda texts: save_pipes(texts, texts_folder(root))))
    command = Train(config=config, root=str(root))
    run_and_exit(train_detached(command, as_json) if detach else train_to_end(command, report))


@cli.command()
@run_argument
@click.option("--steps", type=int, help="Go on for this many more steps, and by no other limit.")
@click.option(
    "--at",
    metavar="best|last|STEP",
    callback=parse_checkpoint,
    help="Begin a new run, a copy of RUN up to this checkpoint, and go on with that.",
)
@click.option("--lr", type=float, help="The learning rate from here on.")
@click.option("--clip", type=float, help="The largest norm of the gradient from here on; 0: no limit.")
@click.option("--schedule", type=click.Choice(get_args(Schedule)), help="How the learning rate goes down from here on.")
@click.option("--text", metavar="FILE", help="The run's text where it is now, or another text to go on with.")
@click.option("--encoding", metavar="NAME", help="Of --text, instead of the run's.")
@click.option("--device", metavar="NAME", help="Go on with cpu, cuda, cuda:1 or auto instead of the run's own.")
@runs_option
@quiet_option
@json_lines_option
@detach_option
@linger_option
def resume(
    run: str,
    steps: int | None,
    at: CheckpointName | None,
    lr: float | None,
    clip: float | None,
    schedule: Schedule | None,
    text: str | None,
    encoding: str | None,
    device: str | None,
    runs: str | None,
    quiet: bool,
    as_json: bool,
    detach: bool,
    linger: str | None,
) -> None:
    """Go on with RUN where it stopped.

    A text that has changed is refused unless it is named with --text. With the same text, wherever it is, the run goes
    on bit for bit; with another one in the vocabulary that the network knows. What --lr, --clip and --schedule change
    is a row of the metrics.
    """
    if steps is not None and steps < 1:
        raise UserError(f"--steps is {steps}.", "Give the number of further steps, at least 1.")
    from rnnplay.cli.attach import train_detached
    from rnnplay.cli.report import make_report
    from rnnplay.cli.trainer_process import train_to_end
    from rnnplay.protocol import Resume
    from rnnplay.runs import runs_root, texts_folder

    report = make_report(as_json, quiet)
    refuse_linger(linger, detach)

    if encoding is not None and text is None:
        raise UserError("An encoding is named, but no text.", "Give --text FILE too.")
    folder = resolve_run_argument(run, runs)
    file = text_path(text, texts_folder(runs_root(runs)))
    command = Resume(
        run=folder,
        at=at,
        lr=lr,
        clip=clip,
        schedule=schedule,
        more_steps=steps,
        text=file,
        encoding=encoding,
        device=device,
    )
    run_and_exit(train_detached(command, as_json) if detach else train_to_end(command, report))


@cli.command()
@run_argument
@click.option("--text", metavar="FILE", help="Measure on this text instead of the run's held-out part.")
@encoding_option
@click.option("--streams", default=16, show_default=True, help="Read it in so many streams, each from a zero state.")
@click.option("--test", is_flag=True, help="Measure on the part that was kept for a last test (--test of train).")
@at_option
@runs_option
@json_lines_option
def evaluate(
    run: str,
    text: str | None,
    encoding: str | None,
    streams: int,
    test: bool,
    at: CheckpointName,
    runs: str | None,
    as_json: bool,
) -> None:
    """Measure a checkpoint of RUN on held-out data."""
    if streams < 1:
        raise UserError(f"--streams is {streams}.", "Give a number of streams, at least 1.")
    from rnnplay.cli import trainer_process
    from rnnplay.protocol import Evaluate, Inspect

    folder = resolve_run_argument(run, runs)
    command = Evaluate(streams=streams, text=text_path(text), encoding=encoding, test=test)
    run_and_exit(trainer_process.evaluate(Inspect(run=folder, at=at), command, as_json))


@cli.command()
@run_argument
@click.option("--prompt", default="", help="Text that is read first.")
@click.option("--length", type=int, help="Characters to draw; 500 without --count and --until.")
@click.option("--count", type=int, help="Whole items to write, one after another.")
@click.option("--until", metavar="TEXT", help="What ends an item; without it, what the run learned as an end.")
@click.option("--unique", is_flag=True, help="Leave out items that stand in the run's text.")
@click.option("--temperature", default=1.0, show_default=True, help="0: always the likeliest character.")
@click.option("--top-k", default=0, show_default=True, help="Draw from the K likeliest; 0: from all.")
@click.option("--top-p", default=1.0, show_default=True, help="Draw from the likeliest that make up this probability.")
@click.option("--seed", default=1, show_default=True, help="The same seed, the same text.")
@click.option("--clamp", multiple=True, metavar="L.U=X", help="Hold a unit at a value: 1.37=0.9; may be given again.")
@click.option("--output", metavar="FILE", help="Write it to FILE as it was read: bytes of a run on bytes, else UTF-8.")
@at_option
@runs_option
def sample(
    run: str,
    prompt: str,
    length: int | None,
    count: int | None,
    until: str | None,
    unique: bool,
    temperature: float,
    top_k: int,
    top_p: float,
    seed: int,
    clamp: tuple[str, ...],
    output: str | None,
    at: CheckpointName,
    runs: str | None,
) -> None:
    """Let RUN write a text."""
    by_item = count is not None or until is not None or unique
    if count is not None and count < 1:
        raise UserError(f"--count is {count}.", "Give a number of items, at least 1.")
    if until == "":
        raise UserError("--until is empty.", "Give the text that ends an item.")
    if length is None and not by_item:
        length = 500
    if length is not None and length < 0:
        raise UserError(f"--length is {length}.", "Give a number of characters, at least 0.")
    from rnnplay.cli import trainer_process
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
    file = None if output is None else Path(os.path.expanduser(output))
    run_and_exit(
        trainer_process.sample(
            Inspect(run=resolve_run_argument(run, runs), at=at),
            command,
            file,
            count=count,
            until=until,
            unique=unique,
        )
    )


@cli.command()
@runs_option
@json_lines_option
def runs(runs: str | None, as_json: bool) -> None:
    """List the runs, the newest first."""
    from rnnplay.cli.runs import list_runs

    list_runs(runs, as_json)


for _command in (
    attach,
    stop,
    tasks,
    corpora,
    census,
    cells,
    ablate,
    gallery,
    gradients,
    unroll,
    trace,
    bench,
    export,
    import_network,
):
    cli.add_command(_command)


def _one_task(names: tuple[str, ...]) -> str | None:
    """The one task that is named, if any. Raises UserError: a file is in its place, or there are several."""
    from rnnplay.catalogue import CATALOGUE

    task_names = {task.name for task in CATALOGUE}
    file = next((name for name in names if name not in task_names and Path(os.path.expanduser(name)).exists()), None)
    if file is not None:
        remedy = "Repeat the option for each file, --text A --text B, or name their folder."
        raise UserError(f'"{file}" is a file, but stands in the place of a task.', remedy)
    if len(names) > 1:
        raise UserError(f"Several tasks are named: {', '.join(names)}.", "Name one.")
    return names[0] if names else None


def _make_config(task: str | None, chosen: dict[str, Any]) -> RunConfig:
    """The settings of a run; a text without a task is the task `text`. Raises UserError."""
    if task is None and "text" not in chosen:
        raise UserError("No task is named.", "Name one that `rnnplay tasks` lists, or give a text with --text FILE.")
    return make_config(task or "text", **chosen)


def main() -> None:
    """The command `rnnplay`. A UserError is printed as two sentences on standard error, with exit status 2."""
    escape_what_cannot_be_encoded()
    try:
        cli.main(prog_name="rnnplay")
    except UserError as error:
        print(f"rnnplay: {error}", file=sys.stderr)
        sys.exit(2)
    finally:
        _discard_unwritten_output()


def _discard_unwritten_output() -> None:
    """Drop output that a lost terminal cannot take: otherwise Python's flush at exit fails and sets exit status 120."""
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
