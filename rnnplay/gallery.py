"""Small trained networks that come with the program, and the command and seed that made each.

Each is a run directory `_gallery/<name>` with weights only, in float16, which is enough for inspection: so all are
small, and each is inspected like any other run.
"""

import shutil
import tempfile
from pathlib import Path
from typing import Any

import msgspec

from rnnplay.config import UserError, did_you_mean


class GalleryNetwork(msgspec.Struct, frozen=True, kw_only=True):
    """A network of the gallery. Its last step is a power of two: a run saves the weights after those."""

    name: str
    task: str
    patterns: tuple[str, ...]  # the features that its units follow, the finest first
    summary: str  # what it shows, in a sentence
    steps: int
    seed: int
    shipped_steps: tuple[int, ...]  # steps whose weights are shipped: its history
    choices: dict[str, Any] = {}  # the settings, also those of the task's preset, which may change

    @property
    def command(self) -> str:
        """The command that trains this network."""
        given = {**self.choices, "steps": self.steps, "seed": self.seed}
        options = " ".join(f"--{name.replace('_', '-')} {value}" for name, value in given.items())
        return f"rnnplay train {self.task} {options}"

    @property
    def path(self) -> Path:
        return Path(__file__).parent / "_gallery" / self.name


# The preset when these were trained: a preset may change, the command of a shipped network may not.
_SHORT_TEXT: dict[str, Any] = {
    "batch": 16,
    "seq_len": 100,
    "lr": 6e-3,
    "dropout": 0.2,
    "weight_dropout": 0.2,
    "weight_decay": 0.02,
    "ema_decay": 0.998,
}

GALLERY: tuple[GalleryNetwork, ...] = (
    GalleryNetwork(
        name="quotes",
        task="prose",
        patterns=("inside quotes",),
        summary="This network has read short stories, and one of its units knows when somebody is talking.",
        steps=8_192,
        seed=1,
        shipped_steps=(1_024, 4_096, 8_192),
        choices=_SHORT_TEXT,
    ),
    GalleryNetwork(
        name="code",
        task="code",
        patterns=("brace depth", "inside a comment", "inside a string", "indentation"),
        summary="This network has read C, and its units know comments, strings and how deep the braces are.",
        steps=4_096,
        seed=1,
        shipped_steps=(256, 1_024, 2_048, 4_096),
        choices=_SHORT_TEXT | {"chrono_max_lag": 200},
    ),
    GalleryNetwork(
        name="carry",
        task="addition",
        patterns=("carry",),
        summary="This network adds binary numbers, and one of its units is the carry.",
        steps=2_048,
        seed=1,
        shipped_steps=(1, 8, 32, 128, 512, 2_048),
    ),
)
_BY_NAME = {network.name: network for network in GALLERY}


def gallery_network(name: str) -> GalleryNetwork:
    """The network called `name`. Raises UserError, which gives the nearest name."""
    if name not in _BY_NAME:
        raise UserError(f"The gallery has no {name!r}.", did_you_mean(name, _BY_NAME))
    return _BY_NAME[name]


def network_of_run(run: str) -> GalleryNetwork | None:
    """The gallery's network in the directory `run`, or None."""
    return next((network for network in GALLERY if str(network.path) == run), None)


def rebuild(name: str, folder: Path) -> Path:
    """Train a network by its command and save its shipped part to `folder`/`name`, which is returned."""
    from rnnplay.client import train
    from rnnplay.runs import CONFIG, checkpoint
    from rnnplay.runs.task_data import TASK_DATA

    network = gallery_network(name)
    target = folder / name
    with tempfile.TemporaryDirectory() as runs:
        result = train(network.task, runs=runs, steps=network.steps, seed=network.seed, **network.choices)
        assert result.run is not None
        shutil.rmtree(target, ignore_errors=True)
        target.mkdir(parents=True)
        shutil.copy(result.run / CONFIG, target)
        if (result.run / TASK_DATA).exists():
            shutil.copy(result.run / TASK_DATA, target)
        for step in network.shipped_steps:
            trained = checkpoint.load(checkpoint.checkpoint_path(result.run, step, checkpoint.WEIGHTS))
            halved = {name: array.astype("float16") for name, array in trained.arrays.items()}
            checkpoint.save(target / trained.path.name, step, halved, trained.state)
    return target
