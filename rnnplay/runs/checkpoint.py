"""Checkpoints: arrays and JSON values in one safetensors file, written all or nothing, believed only after a check.

`ckpt-<step>` holds all that a run needs to go on; `weights-<step>` only the parameters, for the history. One metadata
key holds sorted JSON and a digest over everything, so that an altered byte is noticed whatever it means.
"""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import safetensors
import safetensors.numpy

from rnnplay.config import FORMAT, UserError
from rnnplay.runs.directory import write_atomically

Array = np.ndarray[Any, np.dtype[Any]]

WHOLE, WEIGHTS = "ckpt", "weights"
KEPT_WHOLE, KEPT_WEIGHTS = 2, 40
_KEY = "rnnplay"
_REMEDY = "Use another checkpoint, or begin a new run."


@dataclass(frozen=True, eq=False)
class Checkpoint:
    """What a file held: arrays by name, and JSON values. Its digest was right; whether it fits is for `fit` to say."""

    path: Path
    step: int
    arrays: dict[str, Array]
    state: dict[str, Any]


def path_of(run: Path, step: int, kind: str = WHOLE) -> Path:
    return run / f"{kind}-{step}.safetensors"


def steps_of(run: Path, kind: str = WHOLE) -> list[int]:
    """The steps of all checkpoints of that kind, rising."""
    names = (
        path.name.removeprefix(f"{kind}-").removesuffix(".safetensors") for path in run.glob(f"{kind}-*.safetensors")
    )
    return sorted(int(name) for name in names if name.isascii() and name.isdigit() and len(name) <= 18)


def save(path: Path, step: int, arrays: Mapping[str, Array], state: Mapping[str, Any], *, durable: bool = True) -> None:
    """Write a checkpoint. Raises OSError, and leaves what was there as it was, where it cannot."""
    # safetensors writes the bytes as they lie: a transposed or sliced array would be silently corrupted.
    whole = {name: np.ascontiguousarray(array) for name, array in arrays.items()}
    body = {"format": FORMAT, "step": step, "state": state}
    text = json.dumps({**body, "digest": _digest(whole, body)}, sort_keys=True, allow_nan=False)
    write_atomically(path, safetensors.numpy.save(whole, {_KEY: text}), durable=durable)


def load(path: Path) -> Checkpoint:
    """Read a checkpoint. Raises UserError, which names the file, where it is truncated, altered or no checkpoint."""
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


def fit(checkpoint: Checkpoint, expected: Mapping[str, Array]) -> None:
    """Raises UserError unless the checkpoint holds exactly the `expected` names, shapes and dtypes, all finite."""
    if different := set(checkpoint.arrays) ^ set(expected):
        raise UserError(f'"{checkpoint.path}" is of another network ("{min(different)}" does not match).', _REMEDY)
    for name, array in expected.items():
        found = checkpoint.arrays[name]
        if found.shape != array.shape or found.dtype != array.dtype:
            raise UserError(
                f'"{checkpoint.path}" is of another network: "{name}" is {found.dtype} {found.shape}, '
                f"not {array.dtype} {array.shape}.",
                _REMEDY,
            )
        if found.dtype.kind == "f" and not np.isfinite(found).all():
            raise UserError(f'"{checkpoint.path}" holds numbers that are not finite, in "{name}".', _REMEDY)


def prune(run: Path) -> None:
    """Delete all but the last whole checkpoints, and weights beyond those kept."""
    for kind, kept in ((WHOLE, KEPT_WHOLE), (WEIGHTS, KEPT_WEIGHTS)):
        for step in steps_of(run, kind)[:-kept]:
            path_of(run, step, kind).unlink(missing_ok=True)


def _digest(arrays: Mapping[str, Array], body: Mapping[str, Any]) -> str:
    digest = hashlib.sha256(json.dumps(body, sort_keys=True).encode())
    for name in sorted(arrays):
        array = arrays[name]
        digest.update(f"{name} {array.dtype.str} {array.shape}".encode())
        digest.update(np.ascontiguousarray(array).data)
    return digest.hexdigest()
