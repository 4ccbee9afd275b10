"""Checkpoints: arrays and JSON values in one safetensors file, written all or nothing, verified when loaded.

`ckpt-<step>` holds all that resuming needs, and so does `best-<step>`, of the best evaluation; `weights-<step>` holds
only the parameters, for the history. One metadata key holds sorted JSON and a digest over the arrays and that JSON, so
that any altered byte is noticed.
"""

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import safetensors

from rnnplay.config import FORMAT, UserError
from rnnplay.runs.directory import write_atomically, writing

Array = np.ndarray[Any, np.dtype[Any]]

FULL, BEST, WEIGHTS = "ckpt", "best", "weights"
KINDS = (FULL, BEST, WEIGHTS)
MAX_FULL, MAX_WEIGHTS = 2, 40
_KEY = "rnnplay"
_DTYPES = {  # safetensors' names
    **{"|b1": "BOOL", "|u1": "U8", "|i1": "I8", "<u2": "U16", "<i2": "I16", "<u4": "U32", "<i4": "I32"},
    **{"<u8": "U64", "<i8": "I64", "<f2": "F16", "<f4": "F32", "<f8": "F64"},
}
_REMEDY = "Use another checkpoint, or begin a new run."


@dataclass(frozen=True, eq=False)
class Checkpoint:
    """A verified file: arrays by name, and JSON values. `check_matches` compares it to a network."""

    path: Path
    step: int
    arrays: dict[str, Array]
    state: dict[str, Any]


def checkpoint_path(run: Path, step: int, kind: str = FULL) -> Path:
    return run / f"{kind}-{step}.safetensors"


def checkpoint_steps(run: Path, kind: str = FULL) -> list[int]:
    """The steps of all checkpoints of that kind, in ascending order."""
    names = (
        path.name.removeprefix(f"{kind}-").removesuffix(".safetensors") for path in run.glob(f"{kind}-*.safetensors")
    )
    return sorted(int(name) for name in names if name.isascii() and name.isdigit() and len(name) <= 18)


def save(path: Path, step: int, arrays: Mapping[str, Array], state: Mapping[str, Any], *, durable: bool = True) -> None:
    """Write a checkpoint. Raises WriteError if it cannot; then an existing file is unchanged."""
    # safetensors writes the bytes in memory order: a transposed or sliced array would be silently corrupted.
    contiguous = {name: np.ascontiguousarray(array) for name, array in arrays.items()}
    body = {"format": FORMAT, "step": step, "state": state}
    text = json.dumps({**body, "digest": _digest(contiguous, body)}, sort_keys=True, allow_nan=False)
    write_atomically(path, *_serialized(contiguous, {_KEY: text}), durable=durable)


def _serialized(arrays: Mapping[str, Array], metadata: Mapping[str, str]) -> Iterator[bytes | memoryview]:
    """Yield the parts of a safetensors file. Unlike safetensors.numpy.save it copies no array: they may be mapped."""
    names = sorted(arrays, key=lambda name: (-arrays[name].dtype.itemsize, name))  # each begins at a multiple of it
    entries: dict[str, Any] = {"__metadata__": dict(metadata)}
    end = 0
    for name in names:
        begin, end = end, end + arrays[name].nbytes
        entries[name] = {
            "dtype": _DTYPES[arrays[name].dtype.str],
            "shape": arrays[name].shape,
            "data_offsets": [begin, end],
        }
    header = json.dumps(entries, separators=(",", ":")).encode()
    header += b" " * (-len(header) % 8)
    yield len(header).to_bytes(8, "little")
    yield header
    for name in names:
        yield arrays[name].reshape(-1).view(np.uint8).data


def load(path: Path) -> Checkpoint:
    """Read a checkpoint. Raises UserError, which names the file, if it is truncated, altered or no checkpoint."""
    try:
        with safetensors.safe_open(path, framework="numpy") as file:
            metadata = file.metadata() or {}
            arrays = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
        body = json.loads(metadata[_KEY])
        digest = body.pop("digest")
        step, state = body["step"], body["state"]
    except FileNotFoundError:
        raise UserError(f'There is no checkpoint "{path}".', _REMEDY) from None
    except OSError as error:
        raise UserError(f'"{path}" cannot be read ({error.strerror or error}).', _REMEDY) from None
    except (safetensors.SafetensorError, ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise UserError(f'"{path}" is not a whole checkpoint ({error}).', _REMEDY) from None
    if not isinstance(step, int) or not isinstance(state, dict) or digest != _digest(arrays, body):
        raise UserError(f'"{path}" was altered: its content does not match its digest.', _REMEDY)
    if body.get("format", 1) not in (1, FORMAT):
        raise UserError(
            f'"{path}" has format {body["format"]!r}, this rnnplay reads up to {FORMAT}.', "Update rnnplay."
        )
    return Checkpoint(path=path, step=step, arrays=arrays, state=state)


def load_at(run: Path, step: int) -> Checkpoint:
    """The checkpoint after `step`, whole or weights only. Raises UserError, which names those that there are."""
    for kind in KINDS:
        if (path := checkpoint_path(run, step, kind)).exists():
            return load(path)
    steps = sorted({step for kind in KINDS for step in checkpoint_steps(run, kind)})
    remedy = f"There are checkpoints of steps {', '.join(map(str, steps))}." if steps else "Train it first."
    raise UserError(f"The run {run.name} has no checkpoint of step {step}.", remedy)


def read_state(path: Path) -> dict[str, Any]:
    """The JSON values of a checkpoint, read without its arrays and not verified; empty if it is gone or damaged."""
    try:
        with safetensors.safe_open(path, framework="numpy") as file:
            state = json.loads((file.metadata() or {})[_KEY])["state"]
    except (OSError, safetensors.SafetensorError, ValueError, KeyError, TypeError, RecursionError):
        return {}
    return state if isinstance(state, dict) else {}


def check_matches(checkpoint: Checkpoint, expected: Mapping[str, Array]) -> None:
    """Raises UserError unless the checkpoint holds exactly the `expected` names, shapes and dtypes, all finite."""
    if different := set(checkpoint.arrays) ^ set(expected):
        raise UserError(f'"{checkpoint.path}" is of another network ("{min(different)}" does not match).', _REMEDY)
    for name, array in expected.items():
        saved = checkpoint.arrays[name]
        if saved.shape != array.shape or saved.dtype != array.dtype:
            raise UserError(
                f'"{checkpoint.path}" is of another network: "{name}" is {saved.dtype} {saved.shape}, '
                f"not {array.dtype} {array.shape}.",
                _REMEDY,
            )
        if saved.dtype.kind == "f" and not np.isfinite(saved).all():
            raise UserError(f'"{checkpoint.path}" holds numbers that are not finite, in "{name}".', _REMEDY)


def prune(run: Path) -> None:
    """Delete all but the last MAX_FULL checkpoints and the last MAX_WEIGHTS files of weights. Raises WriteError."""
    for kind, count in ((FULL, MAX_FULL), (WEIGHTS, MAX_WEIGHTS)):
        for step in checkpoint_steps(run, kind)[:-count]:
            with writing(run):
                checkpoint_path(run, step, kind).unlink(missing_ok=True)


def _digest(arrays: Mapping[str, Array], body: Mapping[str, Any]) -> str:
    digest = hashlib.sha256(json.dumps(body, sort_keys=True).encode())
    for name in sorted(arrays):
        array = arrays[name]
        digest.update(f"{name} {array.dtype.str} {array.shape}".encode())
        digest.update(np.ascontiguousarray(array).data)
    return digest.hexdigest()
