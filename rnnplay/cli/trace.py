"""`rnnplay trace`: all activations over a text as a file for other programs."""

import signal
import sys
from pathlib import Path

import click

from rnnplay.cli.common import (
    at_option,
    encoding_option,
    resolve_run_argument,
    run_argument,
    runs_option,
    text_path,
    use_trainer_blas,
)
from rnnplay.config import CheckpointName


@click.command()
@run_argument
@click.option("--output", required=True, metavar="FILE", help="Ends in .npz, .csv or .parquet (needs pyarrow).")
@click.option("--text", metavar="FILE", help="Read this text instead of the run's held-out part.")
@encoding_option
@click.option(
    "--state",
    "states",
    multiple=True,
    type=click.Choice(["h", "c", "i", "f", "g", "o", "r", "z", "n", "all"]),
    help="What of each unit is written: h, c or a gate; may be given again. [h]",
)
@click.option("--characters", type=int, help="Read so many at most.")
@at_option
@runs_option
def trace(
    run: str,
    output: str,
    text: str | None,
    encoding: str | None,
    states: tuple[str, ...],
    characters: int | None,
    at: CheckpointName,
    runs: str | None,
) -> None:
    """Write the activations of all units of RUN over a text, a row for each symbol, in float16.

    The text is read from its beginning to its end in one stream. Beside the units stand the symbol, its surprise in
    bits, and the features that the task knows. The size is printed before anything is written.
    """
    folder, path = resolve_run_argument(run, runs), text_path(text)
    use_trainer_blas()
    from rich.console import Console
    from rich.progress import Progress

    from rnnplay.exchange.trace import trace as write_trace

    console = Console(stderr=True, highlight=False, soft_wrap=True)
    with Progress(console=console, transient=True, disable=not console.is_terminal) as bar:
        line = bar.add_task("", total=None)

        def announce(sentence: str, rows: int) -> None:
            print(sentence, file=sys.stderr)
            if rows:
                bar.reset(line, total=rows)

        def show_reading(done: int, total: int | None) -> None:
            bar.update(line, total=total, completed=done)

        try:
            file = write_trace(
                folder,
                Path(output),
                text=path,
                encoding=encoding,
                states=states or ("h",),
                characters=characters,
                at=at,
                announce=announce,
                report=lambda rows: bar.advance(line, rows),
                on_reading=show_reading,
            )
        except KeyboardInterrupt:
            sys.exit(128 + signal.SIGINT)  # the part that was written is removed
    print(file)
