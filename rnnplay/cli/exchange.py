"""`rnnplay export` and `rnnplay import`: networks to and from other programs."""

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
from rnnplay.config import CheckpointName, UserError


@click.command(name="export")
@run_argument
@click.argument("file", type=click.Path(), required=False)
@click.option("--npz", is_flag=True, help="Write a file of NumPy, as to a FILE.npz.")
@click.option("--onnx", is_flag=True, help="Write one time step as a graph, as to a FILE.onnx; needs the package onnx.")
@click.option("--table", is_flag=True, help="Write shapes and vocabulary as a table; without FILE show them.")
@at_option
@runs_option
def export(
    run: str, file: str | None, npz: bool, onnx: bool, table: bool, at: CheckpointName, runs: str | None
) -> None:
    """Write RUN's network to FILE for PyTorch (safetensors) or another program.

    The tensors have the names, orders and shapes of torch.nn (rnn.weight_ih_l0 and so on, readout.weight), the metadata
    the vocabulary as a JSON list.
    """
    if npz + onnx + table > 1:
        raise UserError("Several formats are chosen.", "Give one of --npz, --onnx and --table.")
    if file is None and not table:
        raise UserError("No file is named.", "Give one: rnnplay export RUN FILE.")
    folder = resolve_run_argument(run, runs)
    use_trainer_blas()
    from rnnplay.cli.report import print_notes
    from rnnplay.exchange.exporter import export_run, open_network, shape_table, write_text

    if table:
        network = open_network(folder, at)
        print_notes(network.notes)
        if file is None:
            print(shape_table(network), end="")
            return
        write_text(Path(file), shape_table(network))
    else:
        path = Path(str(file))
        suffix = path.suffix.lower()
        by_suffix = suffix.removeprefix(".") if suffix in (".npz", ".onnx") else "safetensors"
        kind = "npz" if npz else "onnx" if onnx else by_suffix
        print_notes(export_run(folder, path, at, kind))
    print(file)


@click.command(name="import")
@click.argument("file", type=click.Path())
@click.option("--task", metavar="NAME", help="What the network reads, if the file does not say.")
@click.option("--text", metavar="FILE", help="A text of your own that it reads.")
@encoding_option
@click.option("--vocabulary", metavar="FILE", help="The symbol of each of its ids, a JSON list, instead of the file's.")
@click.option("--map", "names", multiple=True, metavar="THEIRS=OURS", help="Which tensor is which; may be given again.")
@click.option("--activation", type=click.Choice(["tanh", "relu"]), help="Of an RNN, if the file does not say.")
@runs_option
def import_network(
    file: str,
    task: str | None,
    text: str | None,
    encoding: str | None,
    vocabulary: str | None,
    names: tuple[str, ...],
    activation: str | None,
    runs: str | None,
) -> None:
    """Begin a run with the network in FILE (.safetensors, .npz, or .pt and .pth with PyTorch).

    The tensors are those of an nn.RNN, nn.LSTM or nn.GRU and an nn.Linear, with an nn.Embedding before them or without.
    Whose is whose is guessed by names and shapes, and shown. The last line is the run's directory: it can be looked at,
    sampled from, evaluated and trained on like any other.
    """
    from rnnplay.runs import runs_root, texts_folder

    use_trainer_blas()
    from rnnplay.cli.report import print_notes
    from rnnplay.exchange.importer import import_file

    symbols = None if vocabulary is None else Path(vocabulary)
    folder = runs_root(runs)
    path = text_path(text, texts_folder(folder))
    run, notes = import_file(Path(file), folder, task, path, symbols, encoding, names=names, activation=activation)
    print_notes(notes)
    print(run)
