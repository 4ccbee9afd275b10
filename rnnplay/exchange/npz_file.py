"""Networks in .npz files of NumPy, read without pickle."""

import io
import json
import math
import struct
import zipfile
import zlib
from pathlib import Path
from typing import IO

import numpy as np

from rnnplay.config import UserError
from rnnplay.exchange.tensor_file import (
    IMPORT_FORMATS,
    Array,
    Arrays,
    TensorFile,
    check_size,
    metadata_of,
    tensor_file,
)
from rnnplay.runs.directory import write_atomically


def read(path: Path) -> TensorFile:
    """Return the file's arrays; arrays of text are its metadata. Raises UserError."""
    arrays: Arrays = {}
    texts: dict[str, object] = {}
    try:
        with zipfile.ZipFile(path) as archive:
            entries = [entry for entry in archive.infolist() if entry.filename.endswith(".npy")]
            check_size(path, (entry.file_size for entry in entries))
            for entry in entries:
                name = entry.filename.removesuffix(".npy")
                with archive.open(entry) as member:
                    array = _read_array(path, name, member, entry.file_size)
                if array.dtype.kind == "U":
                    texts[name] = array.tolist()  # a string, or a list of strings
                else:
                    arrays[name] = array
    except (OSError, EOFError, MemoryError, NotImplementedError, OverflowError, RuntimeError, SyntaxError) as error:
        raise _broken(path, error) from None
    except (struct.error, zipfile.BadZipFile, zlib.error, TypeError, ValueError, KeyError) as error:
        if isinstance(error, UserError):
            raise
        raise _broken(path, error) from None
    if not arrays:
        raise UserError(f'"{path}" holds no arrays.', IMPORT_FORMATS)
    return tensor_file(arrays, metadata_of(texts))


def _broken(path: Path, error: BaseException) -> UserError:
    reason = getattr(error, "strerror", None) or str(error) or type(error).__name__
    return UserError(f'"{path}" is no whole .npz file ({reason}).', IMPORT_FORMATS)


def _read_array(path: Path, name: str, member: IO[bytes], size: int) -> Array:
    """One array; its header must announce as many bytes as follow. Raises UserError, ValueError."""
    if np.lib.format.read_magic(member) == (1, 0):
        shape, in_fortran_order, dtype = np.lib.format.read_array_header_1_0(member)
    else:
        shape, in_fortran_order, dtype = np.lib.format.read_array_header_2_0(member)
    if dtype.hasobject:
        raise UserError(f'The array "{name}" of "{path}" holds Python objects.', "Save it as an array of numbers.")
    if min(shape, default=0) < 0 or math.prod(shape) * dtype.itemsize != size - member.tell():
        raise UserError(
            f'The array "{name}" of "{path}" says that it is {shape} of {dtype}, which is not its size.', IMPORT_FORMATS
        )
    content = member.read(size)
    if dtype.kind == "V" and dtype.itemsize == 2 and dtype.names is None:  # so NumPy saves bfloat16, which it lacks
        dtype, content = np.dtype(np.float32), (np.frombuffer(content, "<u2").astype(np.uint32) << 16).tobytes()
    if dtype.kind not in "biufcU":
        raise UserError(f'The array "{name}" of "{path}" is stored as {dtype}.', "Save it as float32.")
    return np.frombuffer(content, dtype).reshape(shape, order="F" if in_fortran_order else "C")


def write(path: Path, tensors: Arrays, metadata: dict[str, str]) -> None:
    """Write tensors, and the metadata as arrays of one text each. Raises OSError."""
    # JSON in ASCII: NumPy cuts zeros off the ends of texts.
    texts = {name: np.array(json.dumps(json.loads(value))) for name, value in metadata.items()}
    content = io.BytesIO()
    np.savez(content, **tensors, **texts)  # type: ignore[arg-type]
    write_atomically(path, content.getvalue())
