"""Networks in .safetensors files."""

import json
import math
from pathlib import Path

import numpy as np
import safetensors
import safetensors.numpy

from rnnplay.config import UserError
from rnnplay.exchange.tensor_file import IMPORT_FORMATS, Array, Arrays, TensorFile, check_size, tensor_file
from rnnplay.runs.directory import write_atomically

_READ_BY_LIBRARY = {"F64", "F32", "F16", "I64", "I32", "I16", "I8", "U64", "U32", "U16", "U8", "BOOL"}


def read(path: Path) -> TensorFile:
    """Return the file's tensors and metadata, bfloat16 as float32. Raises UserError."""
    arrays: Arrays = {}
    try:
        with safetensors.safe_open(path, framework="numpy") as opened:  # checks sizes and offsets
            names = list(opened.keys())
            slices = {name: opened.get_slice(name) for name in names}
            check_size(path, (4 * math.prod(part.get_shape()) for part in slices.values()))
            for name, part in slices.items():
                kind = part.get_dtype()
                if kind == "BF16":
                    arrays[name] = _read_bfloat16(path, name)
                elif kind in _READ_BY_LIBRARY:
                    arrays[name] = opened.get_tensor(name)
                else:
                    raise UserError(f'The tensor "{name}" is stored as {kind}.', "Save it as float32.")
            metadata = opened.metadata() or {}
            for name, other in metadata.items():  # of two names for one tensor safetensors.torch.save_model leaves one
                if other in arrays and name not in arrays:
                    arrays[name] = arrays[other]
            return tensor_file(arrays, metadata)
    except OSError as error:
        raise UserError(f'"{path}" cannot be read ({error.strerror or error}).', IMPORT_FORMATS) from None
    except (safetensors.SafetensorError, TypeError, ValueError, KeyError, RecursionError) as error:
        if isinstance(error, UserError):
            raise
        raise UserError(f'"{path}" is no safetensors file ({error}).', IMPORT_FORMATS) from None


def _read_bfloat16(path: Path, name: str) -> Array:
    """A tensor whose numbers are the upper halves of float32. The file has been checked."""
    with path.open("rb") as file:
        length = int.from_bytes(file.read(8), "little")
        entry = json.loads(file.read(length))[name]
        begin, end = entry["data_offsets"]
        file.seek(8 + length + begin)
        halves = np.frombuffer(file.read(end - begin), "<u2")
    return (halves.astype(np.uint32) << 16).view(np.float32).reshape(entry["shape"])


def write(path: Path, tensors: Arrays, metadata: dict[str, str]) -> None:
    """Write tensors and metadata, in PyTorch's layout. Raises OSError."""
    write_atomically(path, safetensors.numpy.save(tensors, {"format": "pt", **metadata}))
