"""A network that another program saved as the beginning of a run."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any
from zipfile import is_zipfile

import msgspec
import numpy as np

from rnnplay import corpora, tasks
from rnnplay.catalogue import make_config
from rnnplay.config import RunConfig, UserError, upgrade_settings
from rnnplay.exchange import npz_file, pt_file, safetensors_file
from rnnplay.exchange.name_guess import guess_names, parse_map
from rnnplay.exchange.tensor_file import IMPORT_FORMATS, Arrays, TensorFile, check_size, vocabulary_list
from rnnplay.exchange.torch_names import EMBEDDING, READOUT, READOUT_BIAS, from_torch, layer_name
from rnnplay.folders import write_remedy
from rnnplay.protocol import Train
from rnnplay.tasks.base import Task
from rnnplay.tasks.data import TaskData
from rnnplay.tasks.text import TextTask
from rnnplay.tasks.words import RARE, Words
from rnnplay.trainer.opening import begin_run, resolve_config

_FACTS = {"inputs", "outputs", "readout", "step"}  # in an exported file's config, apart from the settings
_GATE_ORDERS = {
    "lstm": "i, f, g, o (input, forget, candidate, output)",
    "gru": "r, z, n (reset, update, candidate), with h = (1 - z) * n + z * h",
}
_MAX_VOCABULARY_BYTES = 16 * 2**20  # of a file that names the symbols


def import_file(
    file: Path,
    root: Path,
    task: str | None = None,
    text: str | None = None,
    vocabulary: Path | None = None,
    encoding: str | None = None,
    *,
    names: Sequence[str] = (),
    activation: str | None = None,
) -> tuple[Path, list[str]]:
    """Begin a run in `root` with the network in `file`; returns its directory and notes for the user.

    task, text: the data that the network reads; None: as the file's `config` says. vocabulary: a file with a JSON list,
    the symbol of each id, or with an object of symbols and ids; None: the file's own. names: THEIRS=OURS of its
    tensors; those not named are guessed. activation: of an RNN, which its weights do not say. Raises UserError if they
    do not match.
    """
    content = read_tensor_file(file)
    weights, notes, has_torch_gates = _our_weights(content, parse_map(names))
    sizes, parameters = from_torch(weights)
    if not has_torch_gates and sizes["cell"] in _GATE_ORDERS:
        notes.append(
            f"Neither names nor shapes say in which order the gates of the {sizes['cell'].upper()} stand: PyTorch's is "
            f"taken, {_GATE_ORDERS[sizes['cell']]}. If `evaluate` finds a high loss, it was another."
        )
    config, more = _config(content.metadata, sizes, task, text, encoding)
    notes += more
    if activation is not None:
        config = msgspec.structs.replace(config, activation=activation)
    elif sizes["cell"] == "rnn" and "config" not in content.metadata:
        notes.append("The weights of an RNN do not say its activation: tanh is taken. --activation relu says another.")
    vocabulary_text = content.metadata.get("vocabulary")
    symbols = _symbols(vocabulary_text, file) if vocabulary is None else _symbols(_text_of(vocabulary), vocabulary)
    other = content.metadata.get("output_vocabulary")
    output_symbols = symbols if other is None else _symbols(other, file)
    config = resolve_config(config)
    new_task, known = _matching_task(config, sizes, symbols)
    if symbols:
        _permute(parameters, "l0.W_xh", 1, symbols, new_task.vocabulary)
        for name in ("W_hy", "b_y"):
            if name in parameters:
                _permute(parameters, name, 0, output_symbols, new_task.output_vocabulary)
    elif new_task.vocabulary:
        notes.append("The file names no vocabulary: its ids are taken to be in the order of the task's own.")
    session = begin_run(Train(config=config, root=str(root), paused=True), known, imported=True)
    try:
        session.learner.load_parameters(parameters)
        session.save()
    except OSError as error:
        raise UserError(
            f'"{session.run}" cannot be written ({error.strerror}).', f"{write_remedy(error)}, or use --runs."
        ) from None
    finally:
        session.close()
    return session.run, [*session.notes, *notes]


def read_tensor_file(file: Path) -> TensorFile:
    """Return the content of a file in one of the known formats, which its first bytes tell apart. Raises UserError."""
    corpora.check_regular_file(file, "file with a network")
    try:
        check_size(file, [file.stat().st_size // 4])  # beside the weights a checkpoint may hold an optimizer's state
        with file.open("rb") as opened:
            head = opened.read(9)
    except OSError as error:
        raise UserError(f'"{file}" cannot be read ({error.strerror}).', IMPORT_FORMATS) from None
    suffix = file.suffix.lower()
    if head[8:9] == b"{" or suffix == ".safetensors":
        return safetensors_file.read(file)
    if suffix in (".pt", ".pth") or head[:1] == b"\x80" or (suffix != ".npz" and is_zipfile(file)):
        return pt_file.read(file)
    if suffix == ".npz" or head[:2] == b"PK":
        return npz_file.read(file)
    raise UserError(f'"{file}" is no safetensors file, nor one of NumPy or PyTorch.', IMPORT_FORMATS)


def _our_weights(content: TensorFile, mapping: Mapping[str, str]) -> tuple[Arrays, list[str], bool]:
    """The tensors by our names, notes, and whether their names are those of torch.nn. Missing biases are zero.

    The notes say how they were named, and what is left out.
    """
    table = guess_names({name: array.shape for name, array in content.tensors.items()}, mapping)
    weights = {
        ours: content.tensors[theirs].reshape(table.shapes[theirs])
        for theirs, ours in table.ours.items()
        if ours is not None
    }
    if table.is_tied:
        weights[READOUT] = weights[EMBEDDING]
    notes = []
    if not table.is_plain:
        notes += ["The tensors are taken as follows; --map THEIRS=OURS says it otherwise.", *table.lines()]
    if content.left_out:
        notes.append(f"Left out, since they are no weights: {', '.join(content.left_out)}.")
    _add_zero_biases(weights, one_is_enough=not table.is_plain)
    return weights, notes, table.has_torch_gates


def _add_zero_biases(weights: Arrays, one_is_enough: bool) -> None:
    """Add biases of zero to layers or a readout without, if the other has some. one_is_enough: one bias a layer."""
    layers = sum(name.startswith("rnn.weight_hh_l") for name in weights)
    first, second = ([layer_name(part, n) for n in range(layers)] for part in ("bias_ih", "bias_hh"))
    missing: list[str] = []
    if not any(name in weights for name in (*first, *second)):
        missing = [*first, *second] if READOUT_BIAS in weights else []
    else:
        if one_is_enough and not any(name in weights for name in second):
            missing = second
        if READOUT_BIAS not in weights:
            missing = [*missing, READOUT_BIAS]
    for name in missing:
        matrix = weights.get(name.replace("bias", "weight"))
        if matrix is not None:  # else from_torch says that it is missing
            weights[name] = np.zeros(matrix.shape[0], matrix.dtype)


def _text_of(file: Path) -> str:
    chunks = corpora.file_chunks(file, what="JSON list of symbols")
    return corpora.read_string(chunks, file.name, None, _MAX_VOCABULARY_BYTES)[0]


def _symbols(text: str | None, file: Path) -> tuple[str, ...]:
    """The symbols of the JSON `text`; empty for None. Raises UserError if it is no list of different strings."""
    if text is None:
        return ()
    remedy = "Give a JSON list of symbols."
    try:
        symbols = vocabulary_list(msgspec.json.decode(text, type=list[str] | dict[str, str | int]))
    except (msgspec.DecodeError, RecursionError) as error:
        raise UserError(f'The vocabulary in "{file}" is not understood ({error}).', remedy) from None
    if symbols is None:
        raise UserError(f'The vocabulary in "{file}" is not understood (its ids do not run from 0 on).', remedy)
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
    config: RunConfig, sizes: Mapping[str, Any], symbols: tuple[str, ...]
) -> tuple[Task, TaskData | None]:
    """The task for the network, and the data by which its text is read in the network's vocabulary, if it has another.

    Raises UserError if they do not fit.
    """
    task, stored = tasks.make(config), None
    if isinstance(task, TextTask) and symbols and set(symbols) != set(task.vocabulary):
        stored = _known_vocabulary(task, symbols)
        task = tasks.make(config, stored)
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
    return task, stored


def _known_vocabulary(task: TextTask, symbols: tuple[str, ...]) -> TaskData:
    """The network's vocabulary as a task's data. Raises UserError if its symbols are of another kind."""
    if isinstance(task, Words):
        if symbols[-1] != RARE:
            raise UserError(f"The last of the network's words is {symbols[-1]!r}, not {RARE!r}.", _TASK_REMEDY)
        return TaskData({}, {"vocabulary": list(symbols), "unknown_id": len(symbols) - 1})
    if odd := [symbol for symbol in symbols if len(symbol) != 1]:
        raise UserError(f"The network's symbol {odd[0]!r} is no single character.", _TASK_REMEDY)
    unknown = symbols.index(corpora.UNKNOWN) if corpora.UNKNOWN in symbols else None
    return TaskData({}, {"vocabulary": list(symbols), "unknown_id": unknown})


_TASK_REMEDY = "Give the task that it read, --task."


def _permute(parameters: Arrays, name: str, axis: int, before: tuple[str, ...], after: tuple[str, ...]) -> None:
    """The rows or columns of one parameter in the order of the task's vocabulary. Raises UserError."""
    size, place = parameters[name].shape[axis], {symbol: i for i, symbol in enumerate(before)}
    if set(before) != set(after) or len(before) != size:
        raise UserError(
            f"The network tells {size} symbols apart, its vocabulary {len(before)}, the task {len(after)}.",
            "Give the vocabulary and the task or text that it read.",
        )
    parameters[name] = parameters[name].take([place[symbol] for symbol in after], axis)
