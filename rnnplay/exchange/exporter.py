"""A run's network as a file for other programs, and as a table of shapes and symbols."""

import json
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any

import msgspec

from rnnplay.config import FORMAT, CheckpointName, UserError
from rnnplay.engine import Architecture
from rnnplay.exchange.tensor_file import Arrays
from rnnplay.exchange.torch_names import check_exportable, to_torch
from rnnplay.protocol import Inspect
from rnnplay.runs.directory import write_atomically
from rnnplay.trainer.opening import open_session

FORMATS = ("safetensors", "npz", "onnx")


@dataclass(frozen=True, eq=False)
class ExportedNetwork:
    """A network as it is exported.

    metadata: `vocabulary`, a JSON list with the symbol of each input id (empty if inputs are numbers),
    `output_vocabulary` if it differs, and `config`, the run's settings with `inputs`, `outputs`, `readout`.
    """

    architecture: Architecture
    parameters: Arrays
    metadata: dict[str, str]
    notes: tuple[str, ...]


def open_network(run: str, at: CheckpointName = "last") -> ExportedNetwork:
    """The network of `run` at a checkpoint. Raises UserError if it has no common form."""
    session = open_session(Inspect(run=run, at=at))
    try:
        network, task, config = session.learner.eval_network(), session.learner.task, session.learner.config
        check_exportable(network.architecture)
        settings = msgspec.to_builtins(config)
        del settings["text"], settings["more_texts"]  # paths on this machine
        settings |= {
            "format": FORMAT,
            "inputs": task.inputs,
            "outputs": task.outputs,
            "readout": task.readout,
            "step": session.learner.step,
        }
        metadata = {"vocabulary": _json(task.vocabulary), "config": _json(settings)}
        if task.output_vocabulary != task.vocabulary:
            metadata["output_vocabulary"] = _json(task.output_vocabulary)
        parameters = {name: array.copy() for name, array in network.parameters.items()}
        return ExportedNetwork(network.architecture, parameters, metadata, tuple(session.notes))
    finally:
        session.close()


def export_run(run: str, file: Path, at: CheckpointName = "last", kind: str = "safetensors") -> list[str]:
    """Write the network of `run` to `file`, in one of FORMATS; returns notes for the user.

    Raises UserError if the network has no such format or the file cannot be written.
    """
    network = open_network(run, at)
    try:
        if kind == "onnx":
            from rnnplay.exchange import onnx_file

            onnx_file.write(file, network.architecture, network.parameters, network.metadata)
        else:
            writer: Any = import_module(f"rnnplay.exchange.{kind}_file")
            writer.write(file, to_torch(network.architecture, network.parameters), network.metadata)
    except OSError as error:
        raise UserError(f'"{file}" cannot be written ({error.strerror}).', "Give another file.") from None
    return list(network.notes)


def shape_table(network: ExportedNetwork) -> str:
    """Names and shapes of the tensors, then id, symbol (as JSON has it) and code points of the vocabulary.

    Columns are separated by tabs.
    """
    lines = ["tensor\tshape\tnumbers"]
    for name, array in to_torch(network.architecture, network.parameters).items():
        lines.append(f"{name}\t{' x '.join(map(str, array.shape))}\t{array.size}")
    for name in ("vocabulary", "output_vocabulary"):
        if symbols := json.loads(network.metadata.get(name, "[]")):
            lines += ["", f"{name.removesuffix('vocabulary').replace('_', ' ')}id\tsymbol\tcode points"]
            for number, symbol in enumerate(symbols):
                points = " ".join(f"U+{ord(character):04X}" for character in symbol)
                lines.append(f"{number}\t{json.dumps(symbol, ensure_ascii=False)}\t{points}")
    return "\n".join(lines) + "\n"


def write_text(file: Path, text: str) -> None:
    """Write `text` in UTF-8, all or nothing. Raises UserError."""
    try:
        write_atomically(file, text.encode())
    except OSError as error:
        raise UserError(f'"{file}" cannot be written ({error.strerror}).', "Give another file.") from None


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, allow_nan=False)
