"""Small trained networks that come with the program: what each knows, and the command and seed that made it.

Each lies in `_gallery/<name>` as a run directory with weights only, at half precision, which is enough to look at: so
all of them are small, and each is looked at like any other run.
"""

import shutil
import tempfile
from pathlib import Path
from typing import Any

import msgspec

from rnnplay.config import UserError, did_you_mean


class Piece(msgspec.Struct, frozen=True, kw_only=True):
    """A network of the gallery. Its last step is a power of two: of those a run keeps the weights."""

    name: str
    task: str
    patterns: tuple[str, ...]  # the features that its units follow, the finest first
    line: str  # what it shows, in a sentence
    steps: int
    seed: int
    kept: tuple[int, ...]  # steps whose weights are shipped: its history
    choices: dict[str, Any] = {}  # all that the task's preset decides, too, where that may change

    @property
    def command(self) -> str:
        """What made it."""
        given = {**self.choices, "steps": self.steps, "seed": self.seed}
        options = " ".join(f"--{name.replace('_', '-')} {value}" for name, value in given.items())
        return f"rnnplay train {self.task} {options}"

    @property
    def path(self) -> Path:
        return Path(__file__).parent / "_gallery" / self.name


# What presets were when these were trained: a preset may change, a command that made something may not.
_SHORT_TEXT: dict[str, Any] = {
    "batch": 16,
    "seq_len": 100,
    "lr": 6e-3,
    "dropout": 0.2,
    "weight_dropout": 0.2,
    "weight_decay": 0.02,
    "ema_decay": 0.998,
}

GALLERY: tuple[Piece, ...] = (
    Piece(
        name="quotes",
        task="prose",
        patterns=("inside quotes",),
        line="This network has read short stories, and one of its units knows when somebody is talking.",
        steps=8_192,
        seed=1,
        kept=(1_024, 4_096, 8_192),
        choices=_SHORT_TEXT,
    ),
    Piece(
        name="code",
        task="code",
        patterns=("brace depth", "inside a comment", "inside a string", "indentation"),
        line="This network has read C, and its units know comments, strings and how deep the braces are.",
        steps=4_096,
        seed=1,
        kept=(256, 1_024, 2_048, 4_096),
        choices=_SHORT_TEXT | {"chrono_max_lag": 200},
    ),
    Piece(
        name="carry",
        task="addition",
        patterns=("carry",),
        line="This network adds binary numbers, and one of its units is the carry.",
        steps=2_048,
        seed=1,
        kept=(1, 8, 32, 128, 512, 2_048),
    ),
)
_BY_NAME = {piece.name: piece for piece in GALLERY}


def piece(name: str) -> Piece:
    """The network called `name`. Raises UserError with the nearest name where there is none."""
    if name not in _BY_NAME:
        raise UserError(f"The gallery has no {name!r}.", did_you_mean(name, _BY_NAME))
    return _BY_NAME[name]


def of_run(run: str) -> Piece | None:
    """The piece that lies in the directory `run`, if one does."""
    return next((piece for piece in GALLERY if str(piece.path) == run), None)


def rebuild(name: str, folder: Path) -> Path:
    """Train a piece by its command and put what is shipped of it into `folder`/`name`. Raises UserError."""
    from rnnplay.client import train
    from rnnplay.runs import CONFIG, checkpoint
    from rnnplay.runs.task_data import TASK_DATA

    wanted = piece(name)
    target = folder / name
    with tempfile.TemporaryDirectory() as runs:
        summary = train(wanted.task, runs=runs, steps=wanted.steps, seed=wanted.seed, **wanted.choices)
        assert summary.run is not None
        shutil.rmtree(target, ignore_errors=True)
        target.mkdir(parents=True)
        shutil.copy(summary.run / CONFIG, target)
        if (summary.run / TASK_DATA).exists():
            shutil.copy(summary.run / TASK_DATA, target)
        for step in wanted.kept:
            found = checkpoint.load(checkpoint.checkpoint_path(summary.run, step, checkpoint.WEIGHTS))
            halved = {name: array.astype("float16") for name, array in found.arrays.items()}
            checkpoint.save(target / found.path.name, step, halved, found.state)
    return target
