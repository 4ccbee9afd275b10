"""`rnnplay export` and `rnnplay import`: networks to and from other programs."""

import os
from pathlib import Path

import click

from rnnplay.cli.common import (
    absolute_path,
    encoding_option,
    resolve_run_argument,
    run_argument,
    runs_option,
    step_option,
)


@click.command(name="export")
@run_argument
@click.argument("file", type=click.Path())
@step_option
@runs_option
def export(run: str, file: str, step: int | None, runs: str | None) -> None:
    """Write RUN's network to FILE for PyTorch (safetensors).

    The tensors have the names, orders and shapes of torch.nn (rnn.weight_ih_l0 and so on, readout.weight), the metadata
    the vocabulary as a JSON list.
    """
    folder = resolve_run_argument(run, runs)
    _use_trainer_blas()
    from rnnplay.cli.report import print_notes
    from rnnplay.torch_format import export_run

    print_notes(export_run(folder, Path(file), step))
    print(file)


@click.command(name="import")
@click.argument("file", type=click.Path())
@click.option("--task", metavar="NAME", help="What the network reads, if the file does not say.")
@click.option("--text", metavar="FILE", help="A text of your own that it reads.")
@encoding_option
@click.option("--vocabulary", metavar="FILE", help="The symbol of each of its ids, a JSON list, instead of the file's.")
@runs_option
def import_network(
    file: str, task: str | None, text: str | None, encoding: str | None, vocabulary: str | None, runs: str | None
) -> None:
    """Begin a run with the network in FILE (safetensors).

    The tensors are those of an nn.RNN, nn.LSTM or nn.GRU called rnn and an nn.Linear called readout. The last line is
    the run's directory: it can be looked at, sampled from, evaluated and trained on like any other.
    """
    from rnnplay.runs import runs_root

    _use_trainer_blas()
    from rnnplay.cli.report import print_notes
    from rnnplay.torch_format import import_file

    symbols = None if vocabulary is None else Path(vocabulary)
    run, notes = import_file(Path(file), runs_root(runs), task, absolute_path(text), symbols, encoding)
    print_notes(notes)
    print(run)


def _use_trainer_blas() -> None:
    """Compute with the BLAS kernel and threads that the trainer would get. Before NumPy is imported."""
    from rnnplay import blas

    os.environ.update(blas.trainer_environment())
