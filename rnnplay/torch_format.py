"""Networks to and from PyTorch: safetensors with the names, orders and shapes of torch.nn, and the vocabulary.

`rnn.weight_ih_l0`, `rnn.weight_hh_l0`, `rnn.bias_ih_l0`, `rnn.bias_hh_l0`, ..., `readout.weight`, `readout.bias`. If
PyTorch uses two biases only as their sum, ours is bias_ih and bias_hh is zero. The GRU's gate n has two (b_hn is inside
r * (W_hn h + b_hn)); PyTorch's b_hr and b_hz are zero.
"""

import hashlib
import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import safetensors
import safetensors.numpy

from rnnplay import corpora, tasks
from rnnplay.catalogue import make_config
from rnnplay.config import FORMAT, RunConfig, UserError, upgrade_settings
from rnnplay.engine import GATES, Architecture
from rnnplay.protocol import Inspect, Train
from rnnplay.runs.directory import write_atomically
from rnnplay.tasks.base import Task
from rnnplay.tasks.text import TextTask
from rnnplay.trainer.session import open_session

Array = np.ndarray[Any, np.dtype[Any]]
Arrays = dict[str, Array]

TORCH_GATES = {"rnn": ("h",), "lstm": ("i", "f", "g", "o"), "gru": ("r", "z", "n")}
"""The row blocks of torch.nn's weights, in order."""

_EXPORT_REMEDY = "Export a run with the cell rnn (tanh or relu), lstm or gru that reads one sequence."
_FACTS = {"inputs", "outputs", "readout", "step"}  # in an exported file's config, apart from the settings
_IMPORT_REMEDY = "Save an nn.RNN, nn.LSTM or nn.GRU with an nn.Linear behind it, as state_dict does."


_MAX_VOCABULARY_BYTES = 16 * 2**20  # of a file that names the symbols


# ------------------------------------------------------------------------------------------------------------- weights


def _reorder_gates(array: Array, before: tuple[str, ...], after: tuple[str, ...]) -> Array:
    """The rows (G*H, ...) of `array` with its gate blocks in the order `after` instead of `before`."""
    blocks = dict(zip(before, np.split(array, len(before)), strict=True))
    return np.concatenate([blocks[gate] for gate in after])


def to_torch(a: Architecture, parameters: Mapping[str, Array]) -> Arrays:
    """The parameters of a network by torch.nn's names. Raises UserError if torch.nn has no such network."""
    _check_exportable(a)
    H, ours, theirs = a.hidden, GATES[a.cell], TORCH_GATES[a.cell]
    tensors: Arrays = {}
    for layer in range(a.layers):
        for name, own in (("weight_ih", "W_xh"), ("weight_hh", "W_hh")):
            tensors[f"rnn.{name}_l{layer}"] = _reorder_gates(parameters[f"l{layer}.{own}"], ours, theirs)
        if a.bias:
            bias = _reorder_gates(parameters[f"l{layer}.b_h"][:, 0], ours, theirs)
            tensors[f"rnn.bias_ih_l{layer}"], tensors[f"rnn.bias_hh_l{layer}"] = bias, np.zeros_like(bias)
            if a.cell == "gru":
                tensors[f"rnn.bias_hh_l{layer}"][2 * H :] = parameters[f"l{layer}.b_hn"][:, 0]
    tensors["readout.weight"] = parameters["W_hy"]
    if a.bias:
        tensors["readout.bias"] = parameters["b_y"][:, 0]
    # safetensors writes the bytes in memory order.
    return {name: np.ascontiguousarray(array) for name, array in tensors.items()}


def _check_exportable(a: Architecture) -> None:
    if a.cell not in TORCH_GATES:
        raise UserError(f"PyTorch has no cell like {a.cell}.", _EXPORT_REMEDY)
    if a.cell == "rnn" and a.activation not in ("tanh", "relu"):
        raise UserError(f"PyTorch's RNN has no {a.activation}.", _EXPORT_REMEDY)
    if a.source_vocabulary_size:
        raise UserError("An encoder-decoder is two networks, for which PyTorch has no common names.", _EXPORT_REMEDY)
    if a.context_size:
        raise UserError("A vector that sets the first hidden state has no place in PyTorch's RNNs.", _EXPORT_REMEDY)


def from_torch(weights: Mapping[str, Array]) -> tuple[dict[str, Any], Arrays]:
    """(cell, hidden, layers, inputs, outputs, bias, dtype) and our parameters, from tensors with torch.nn's names.

    Raises UserError if names or shapes are not those of an nn.RNN, nn.LSTM or nn.GRU and an nn.Linear.
    """
    layers = len([name for name in weights if re.fullmatch(r"rnn\.weight_hh_l\d+", name)])
    bias = "rnn.bias_ih_l0" in weights
    names = {f"rnn.{name}_l{n}" for n in range(layers) for name in ("weight_ih", "weight_hh")} | {"readout.weight"}
    if bias:
        names |= {f"rnn.{name}_l{n}" for n in range(layers) for name in ("bias_ih", "bias_hh")} | {"readout.bias"}
    if not layers or names != set(weights):
        names = names if layers else {*names, "rnn.weight_hh_l0"}
        name = min(names ^ set(weights))
        fault = "is missing" if name in names else "has no place here"
        raise UserError(f'The tensor "{name}" {fault}.', _IMPORT_REMEDY)
    rows, H = _matrix(weights, "rnn.weight_hh_l0").shape
    cell = {1: "rnn", 4: "lstm", 3: "gru"}.get(rows // H if rows % H == 0 else 0)
    if cell is None:
        raise UserError(f"rnn.weight_hh_l0 is ({rows}, {H}): no cell has so many gates.", _IMPORT_REMEDY)
    V, inputs = _matrix(weights, "readout.weight").shape[0], _matrix(weights, "rnn.weight_ih_l0").shape[1]
    for name in sorted(names):
        columns = {"weight_ih": H if not name.endswith("_l0") else inputs, "weight_hh": H, "weight": H}
        kind = name.split(".")[1].partition("_l")[0]
        length = V if name.startswith("readout") else rows
        shape = (length, columns[kind]) if kind in columns else (length,)
        if weights[name].shape != shape:
            raise UserError(f"{name} is {weights[name].shape}, not {shape}.", _IMPORT_REMEDY)
        if weights[name].dtype.kind != "f" or not np.isfinite(weights[name]).all():
            raise UserError(f"{name} holds something else than finite numbers.", _IMPORT_REMEDY)
    double = any(array.dtype == np.float64 for array in weights.values())
    sizes = {"cell": cell, "hidden": H, "layers": layers, "inputs": inputs, "outputs": V, "bias": bias}
    return {**sizes, "dtype": "float64" if double else "float32"}, _parameters(cell, H, layers, bias, weights)


def _matrix(weights: Mapping[str, Array], name: str) -> Array:
    if weights[name].ndim != 2 or not weights[name].size:
        raise UserError(f"{name} is {weights[name].shape}, no matrix.", _IMPORT_REMEDY)
    return weights[name]


def _parameters(cell: str, H: int, layers: int, bias: bool, weights: Mapping[str, Array]) -> Arrays:
    ours, theirs = GATES[cell], TORCH_GATES[cell]
    parameters: Arrays = {}
    for layer in range(layers):
        for name, own in (("weight_ih", "W_xh"), ("weight_hh", "W_hh")):
            parameters[f"l{layer}.{own}"] = _reorder_gates(weights[f"rnn.{name}_l{layer}"], theirs, ours)
        if bias:
            other = weights[f"rnn.bias_hh_l{layer}"].copy()
            if cell == "gru":
                parameters[f"l{layer}.b_hn"] = other[2 * H :, None].copy()
                other[2 * H :] = 0.0
            parameters[f"l{layer}.b_h"] = _reorder_gates(weights[f"rnn.bias_ih_l{layer}"] + other, theirs, ours)[
                :, None
            ]
    parameters["W_hy"] = weights["readout.weight"]
    if bias:
        parameters["b_y"] = weights["readout.bias"][:, None]
    return parameters


# -------------------------------------------------------------------------------------------------------------- export


def export_run(run: str, file: Path, step: int | None = None) -> list[str]:
    """Write the network of `run` (that after `step`, else the last) to `file`; returns notes for the user.

    Metadata: `vocabulary`, a JSON list with the symbol of each input id (empty if inputs are numbers),
    `output_vocabulary` if it differs, and `config`, the run's settings with `inputs`, `outputs`, `readout`. Raises
    UserError if the network has no such format or the file cannot be written.
    """
    session = open_session(Inspect(run=run, step=step))
    try:
        network, task, config = session.learner.eval_network(), session.learner.task, session.learner.config
        weights = to_torch(network.architecture, network.parameters)
    finally:
        session.close()
    settings = msgspec.to_builtins(config)
    del settings["text"], settings["more_texts"]  # paths on this machine
    settings |= {
        "format": FORMAT,
        "inputs": task.inputs,
        "outputs": task.outputs,
        "readout": task.readout,
        "step": session.learner.step,
    }
    metadata = {"format": "pt", "vocabulary": _json(task.vocabulary), "config": _json(settings)}
    if task.output_vocabulary != task.vocabulary:
        metadata["output_vocabulary"] = _json(task.output_vocabulary)
    try:
        write_atomically(file, safetensors.numpy.save(weights, metadata))
    except OSError as error:
        raise UserError(f'"{file}" cannot be written ({error.strerror}).', "Give another file.") from None
    return list(session.notes)


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, allow_nan=False)


# -------------------------------------------------------------------------------------------------------------- import


def import_file(
    file: Path,
    root: Path,
    task: str | None = None,
    text: str | None = None,
    vocabulary: Path | None = None,
    encoding: str | None = None,
) -> tuple[Path, list[str]]:
    """Begin a run in `root` with the network in `file`; returns its directory and notes for the user.

    task, text: the data that the network reads; None: as the file's `config` says. vocabulary: a file with a JSON list,
    the symbol of each id; None: the file's own. Raises UserError if they do not match.
    """
    weights, metadata = _read(file)
    sizes, parameters = from_torch(weights)
    config, notes = _config(metadata, sizes, task, text, encoding)
    symbols = (
        _symbols(metadata.get("vocabulary"), file) if vocabulary is None else _symbols(_text_of(vocabulary), vocabulary)
    )
    output_symbols = _symbols(metadata["output_vocabulary"], file) if "output_vocabulary" in metadata else symbols
    config, new_task = _matching_task(config, sizes, symbols, root)
    if symbols:
        _permute(parameters, "l0.W_xh", 1, symbols, new_task.vocabulary)
        for name in ("W_hy", "b_y"):
            if name in parameters:
                _permute(parameters, name, 0, output_symbols, new_task.output_vocabulary)
    elif new_task.vocabulary:
        notes.append("The file names no vocabulary: its ids are taken to be in the order of the task's own.")
    session = open_session(Train(config=config, root=str(root), paused=True))
    try:
        session.learner.network.load_parameters(parameters)
        session.save()
    except OSError as error:
        raise UserError(f'"{session.run}" cannot be written ({error.strerror}).', "Make room, or use --runs.") from None
    finally:
        session.close()
    return session.run, [*session.notes, *notes]


def _read(file: Path) -> tuple[Arrays, dict[str, str]]:
    corpora.check_regular_file(file, "safetensors file")
    try:
        with safetensors.safe_open(file, framework="numpy") as opened:
            return {name: opened.get_tensor(name) for name in opened.keys()}, opened.metadata() or {}  # noqa: SIM118
    except OSError as error:
        raise UserError(f'"{file}" cannot be read ({error.strerror or error}).', "Give a safetensors file.") from None
    except (safetensors.SafetensorError, TypeError, ValueError) as error:
        raise UserError(
            f'"{file}" is no safetensors file ({error}).', "Give one that `rnnplay export` wrote."
        ) from None


def _text_of(file: Path) -> str:
    chunks = corpora.file_chunks(file, what="JSON list of symbols")
    return corpora.read_string(chunks, file.name, None, _MAX_VOCABULARY_BYTES)[0]


def _symbols(text: str | None, file: Path) -> tuple[str, ...]:
    """The symbols of the JSON list `text`; empty for None. Raises UserError if it is no list of different strings."""
    if text is None:
        return ()
    try:
        symbols = msgspec.json.decode(text, type=list[str])
    except (msgspec.DecodeError, RecursionError) as error:
        raise UserError(
            f'The vocabulary in "{file}" is not understood ({error}).', "Give a JSON list of symbols."
        ) from None
    if len(set(symbols)) < len(symbols):
        raise UserError(f'The vocabulary in "{file}" names a symbol twice.', "Give a JSON list of different symbols.")
    return tuple(symbols)


def _config(
    metadata: Mapping[str, str], sizes: Mapping[str, Any], task: str | None, text: str | None, encoding: str | None
) -> tuple[RunConfig, list[str]]:
    """The file's settings, with sizes from its tensors and `task` and `text` if given; notes on ignored settings."""
    try:
        saved = msgspec.json.decode(metadata.get("config", "{}"), type=dict[str, Any])
    except (msgspec.DecodeError, RecursionError) as error:
        raise UserError(f"The file's config is not understood ({error}).", "Export the network again.") from None
    saved = upgrade_settings(saved, saved.pop("format", None))
    fields = {field.name for field in msgspec.structs.fields(RunConfig)}
    of_the_file = fields - {"task", "text", "more_texts", "encoding"}
    settings = {name: value for name, value in saved.items() if name in of_the_file}
    ignored = sorted(saved.keys() - fields - _FACTS)
    name = task or ("text" if text is not None else saved.get("task"))
    if not isinstance(name, str) or (name == "text" and text is None):
        raise UserError("The file does not tell what its network reads.", "Give --task NAME or --text FILE.")
    for size in ("cell", "hidden", "layers", "bias", "dtype"):
        settings[size] = sizes[size]
    notes = [f"The file's setting {setting!r} is unknown and ignored." for setting in ignored]
    return make_config(name, **settings, text=text, encoding=encoding), notes


def _matching_task(
    config: RunConfig, sizes: Mapping[str, Any], symbols: tuple[str, ...], root: Path
) -> tuple[RunConfig, Task]:
    """The task for the network; if needed its text is filtered to the network's vocabulary. Raises UserError."""
    task = tasks.make(config)
    if isinstance(task, TextTask) and symbols and set(symbols) != set(task.vocabulary):
        path = _filter_text(config, symbols, root)
        config = msgspec.structs.replace(config, task="text", text=str(path), more_texts=(), encoding=None)
        task = TextTask(config)
    if task.source_vocabulary_size or task.context_size:
        raise UserError(f"{config.task} needs more than one network.", "Choose a task with one, --task NAME.")
    if symbols and set(symbols) != set(task.vocabulary):
        odd = sorted(set(symbols) ^ set(task.vocabulary))[0]
        raise UserError(
            f"The vocabularies differ: {odd!r} is in one alone.", f"{config.task} must know the same symbols."
        )
    for what, size in (("inputs", task.inputs), ("outputs", task.outputs)):
        if sizes[what] != size:
            raise UserError(
                f"The network has {sizes[what]} {what}, {config.task} {size}.", "Give the task or text that it read."
            )
    return config, task


def _filter_text(config: RunConfig, network_symbols: tuple[str, ...], root: Path) -> Path:
    """Write a file with every symbol of the network, then the text without its unknown characters; returns its path."""
    if odd := [symbol for symbol in network_symbols if len(symbol) != 1]:
        raise UserError(
            f"The network's symbol {odd[0]!r} is no single character.", "Give the task that it read, --task."
        )
    text = corpora.read(
        config.task,
        config.text,
        more=config.more_texts,
        max_vocabulary=config.max_vocabulary,
        as_bytes=config.read_as_bytes,
        encoding=config.encoding,
        normal_form=config.normalize,
    )
    is_known = np.isin(
        np.array([ord(symbol) for symbol in text.vocabulary]), [ord(symbol) for symbol in network_symbols]
    )
    points = np.array([ord(symbol) for symbol in text.vocabulary], np.uint32)[text.ids[is_known[text.ids]]]
    symbols = "".join(sorted(network_symbols)) + points.astype("<u4").tobytes().decode("utf-32-le")
    content = corpora.symbols_to_bytes(symbols) if config.read_as_bytes else symbols.encode()
    path = root / "texts" / f"{hashlib.sha256(content).hexdigest()[:16]}.txt"
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        write_atomically(path, content)
    except OSError as error:
        raise UserError(f'"{path}" cannot be written ({error.strerror}).', "Make room, or use --runs.") from None
    return path


def _permute(parameters: Arrays, name: str, axis: int, before: tuple[str, ...], after: tuple[str, ...]) -> None:
    """The rows or columns of one parameter in the order of the task's vocabulary. Raises UserError."""
    size, place = parameters[name].shape[axis], {symbol: i for i, symbol in enumerate(before)}
    if set(before) != set(after) or len(before) != size:
        raise UserError(
            f"The network tells {size} symbols apart, its vocabulary {len(before)}, the task {len(after)}.",
            "Give the vocabulary and the task or text that it read.",
        )
    parameters[name] = parameters[name].take([place[symbol] for symbol in after], axis)
