"""The commands beside training: the bench, and networks to and from other programs."""

import os
import sys
from pathlib import Path

import click
from click.shell_completion import CompletionItem

from rnnplay.config import UserError


def _complete_run(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
    from rnnplay.cli import _complete_run as complete

    return complete(ctx, param, incomplete)


@click.command()
@click.option("--rows", metavar="WORDS", help='Only these rows: "lstm", "gru 2x512, sampling"; commas mean or.')
@click.option("--quick", is_flag=True, help="Some seconds instead of minutes: fewer rounds, no 2x512.")
@click.option("--rounds", type=int, help="Turns that each contender gets for a row.  [5]")
@click.option("--seconds", type=float, help="Length of a turn.  [0.2]")
@click.option(
    "--against",
    multiple=True,
    type=click.Choice(["none", "torch", "jax"]),
    help="Measure PyTorch or JAX too; may be given twice.  [those that are installed]",
)
@click.option("--scaling", is_flag=True, help="How a step's cost grows as T, B and H double; --rows names the cells.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object a line instead.")
def bench(
    rows: str | None,
    quick: bool,
    rounds: int | None,
    seconds: float | None,
    against: tuple[str, ...],
    scaling: bool,
    as_json: bool,
) -> None:
    """Measure this machine: training steps and sampling, beside PyTorch and JAX.

    Each contender computes in a process of its own, and they take turns; figures are medians. A training step is
    forward, backward, clipping and Adam on 65 characters. Leave the machine alone while it runs.
    """
    if rounds is not None and not 1 <= rounds <= 1_000:
        raise UserError(f"--rounds is {rounds}.", "Give a number from 1 to 1000.")
    if seconds is not None and not 0 < seconds <= 60:
        raise UserError(f"--seconds is {seconds:g}.", "Give a number above 0 and at most 60.")
    from rnnplay.bench import benchmark

    rounds = rounds or (benchmark.QUICK_ROUNDS if quick else 5)
    seconds = seconds or (benchmark.QUICK_SECONDS if quick else 0.2)
    if scaling:
        if set(against) - {"none"}:
            raise UserError("--scaling measures the engine alone.", "Leave out --against.")
        sys.exit(benchmark.scaling(benchmark.select_cells(rows), rounds, seconds, as_json))
    works, libraries = benchmark.select_workloads(rows, quick), benchmark.select_libraries(against)
    sys.exit(benchmark.bench(works, libraries, rounds, seconds, as_json))


@click.command(name="export")
@click.argument("run", shell_complete=_complete_run)
@click.argument("file", type=click.Path())
@click.option("--step", type=int, help="Take the checkpoint after this step instead of the last.")
@click.option("--runs", metavar="DIR", help="Folder of the runs, instead of the user's data folder.")
def export(run: str, file: str, step: int | None, runs: str | None) -> None:
    """Write RUN's network to FILE for PyTorch (safetensors).

    The tensors have the names, orders and shapes of torch.nn (rnn.weight_ih_l0 and so on, readout.weight), the metadata
    the vocabulary as a JSON list.
    """
    from rnnplay.runs import resolve, runs_root

    folder = resolve(run, runs_root(runs))
    _as_the_trainer()
    from rnnplay.torch_format import export_run

    _say(export_run(str(folder), Path(file), step))
    print(file)


@click.command(name="import")
@click.argument("file", type=click.Path())
@click.option("--task", metavar="NAME", help="What the network reads, where the file does not tell.")
@click.option("--text", metavar="FILE", help="A text of your own that it reads.")
@click.option("--encoding", metavar="NAME", help="Of --text; without it UTF-8, or what its mark says.")
@click.option("--vocabulary", metavar="FILE", help="The symbol of each of its ids, a JSON list, instead of the file's.")
@click.option("--runs", metavar="DIR", help="Folder of the runs, instead of the user's data folder.")
def import_network(
    file: str, task: str | None, text: str | None, encoding: str | None, vocabulary: str | None, runs: str | None
) -> None:
    """Begin a run with the network in FILE (safetensors).

    The tensors are those of an nn.RNN, nn.LSTM or nn.GRU called rnn and an nn.Linear called readout. The last line is
    the run's directory: it can be looked at, sampled from, evaluated and trained on like any other.
    """
    from rnnplay.runs import runs_root

    _as_the_trainer()
    from rnnplay.torch_format import import_file

    own = None if text is None else str(Path(text).expanduser().absolute())
    symbols = None if vocabulary is None else Path(vocabulary)
    run, notes = import_file(Path(file), runs_root(runs), task, own, symbols, encoding)
    _say(notes)
    print(run)


def _as_the_trainer() -> None:
    """Compute with the BLAS kernel and threads that the trainer would get. Before NumPy is imported."""
    from rnnplay import blas

    os.environ.update(blas.trainer_environment())


def _say(notes: list[str]) -> None:
    for note in notes:
        print(note, file=sys.stderr)
