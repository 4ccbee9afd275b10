"""Content of another program's file: tensors by name, and what it says of its vocabulary and settings."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from rnnplay.config import UserError

Array = np.ndarray[Any, np.dtype[Any]]
Arrays = dict[str, Array]

MAX_TENSOR_BYTES = 2 * 2**30  # of all tensors of a file
MAX_ENTRIES = 10_000  # tensors of a file
IMPORT_FORMATS = "Give a .safetensors, .npz, .pt or .pth file with the weights of one network."

_METADATA = ("vocabulary", "output_vocabulary", "config")
# Under these names programs save what their ids mean: a list or a string in the order of ids, or a mapping.
VOCABULARY_NAMES = (
    *("vocabulary", "vocab", "chars", "itos", "int2char", "idx2char", "ix_to_char", "idx_to_char"),
    *("stoi", "char2int", "char2idx", "char_to_ix", "char_to_idx"),
)


@dataclass(frozen=True, eq=False)
class TensorFile:
    """The content of a file with a network."""

    tensors: Arrays  # float32 or float64
    metadata: dict[str, str]  # JSON texts: `vocabulary`, `output_vocabulary`, `config`, as far as the file has them
    left_out: tuple[str, ...] = ()  # names of tensors that can be no weights: whole numbers, single numbers


def tensor_file(arrays: Mapping[str, Array], metadata: Mapping[str, str]) -> TensorFile:
    """Return the tensors of a file that can be weights, float16 as float32. Raises UserError for complex numbers."""
    tensors: Arrays = {}
    left_out = []
    for name, array in arrays.items():
        if array.dtype.kind == "c":
            raise UserError(f'The tensor "{name}" holds complex numbers.', IMPORT_FORMATS)
        if array.dtype.kind in "iu" and array.ndim == 2 and min(array.shape) > 1:
            raise UserError(
                f'The tensor "{name}" ({" x ".join(map(str, array.shape))}) holds whole numbers: it seems quantized.',
                "Save its weights as float32.",
            )
        if array.dtype.kind != "f" or array.ndim == 0:
            left_out.append(name)
        else:
            tensors[name] = array.astype(np.float64 if array.dtype.itemsize > 4 else np.float32, copy=False)
    return TensorFile(tensors, {name: metadata[name] for name in _METADATA if name in metadata}, tuple(left_out))


def check_size(path: object, sizes: Iterable[int]) -> None:
    """Raise UserError if there are more tensors, or more bytes in them, than a file of weights may have."""
    count = total = 0
    for size in sizes:
        count, total = count + 1, total + size
        if count > MAX_ENTRIES:
            raise UserError(f'"{path}" has more than {MAX_ENTRIES:,} tensors.', IMPORT_FORMATS)
        if total > MAX_TENSOR_BYTES:
            raise UserError(f'The tensors of "{path}" have more than {MAX_TENSOR_BYTES >> 20:,} MB.', IMPORT_FORMATS)


def vocabulary_list(value: object) -> list[str] | None:
    """The symbol of each id, from a list, a string, or a mapping of ids and symbols; None if it is nothing of these."""
    match value:
        case str():
            return list(value)
        case list() | tuple() if all(isinstance(symbol, str) for symbol in value):
            return list(value)
        case dict() if value and all(isinstance(symbol, str) for symbol in value.values()):
            by_id = {int(key): symbol for key, symbol in value.items() if str(key).isdecimal()}
        case dict() if value and all(isinstance(number, int) for number in value.values()):
            by_id = {number: symbol for symbol, number in value.items() if isinstance(symbol, str)}
        case _:
            return None
    if len(by_id) != len(value) or sorted(by_id) != list(range(len(value))):
        return None
    return [by_id[number] for number in range(len(by_id))]


def metadata_of(values: Mapping[str, object]) -> dict[str, str]:
    """The metadata in values that stand beside the tensors: a vocabulary under one of many names, texts of JSON."""
    metadata = {name: value for name, value in values.items() if name in _METADATA and isinstance(value, str)}
    for name in VOCABULARY_NAMES:
        symbols = None if name in metadata else vocabulary_list(values.get(name))
        if symbols is not None and "vocabulary" not in metadata:
            metadata["vocabulary"] = json.dumps(symbols)
    return metadata
