"""The file `task.safetensors` of a run: what its network needs of the text or table that it was trained on.

It has the form of a checkpoint: arrays, and one metadata key with sorted JSON and a digest over everything.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from rnnplay.config import UserError
from rnnplay.runs import checkpoint
from rnnplay.runs.checkpoint import Array

TASK_DATA = "task.safetensors"


def save(run: Path, arrays: Mapping[str, Array], values: Mapping[str, Any]) -> None:
    """Write the data of a run's task: arrays by name, and JSON values. Raises OSError."""
    checkpoint.save(run / TASK_DATA, 0, arrays, values)


def load(run: Path) -> tuple[dict[str, Array], dict[str, Any]] | None:
    """Return (arrays, JSON values) of the run's task; None if the run has no such file.

    Raises UserError if the file is damaged.
    """
    path = run / TASK_DATA
    if not path.exists():
        return None
    try:
        stored = checkpoint.load(path)
    except UserError as error:
        raise UserError(error.problem, "Open the run where its text is: the file is then written again.") from None
    return stored.arrays, stored.state
