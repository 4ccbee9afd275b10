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


_SINGLE_ROWS, _SHIPPED_ROWS = 32, 256  # of the metrics: the first steps one by one, then blocks of equal length


def ship_metrics(run: Path, target: Path) -> None:
    """Write the metrics of `run` to `target` in fewer rows: enough for its curves. Evaluations stay as they are."""
    from rnnplay.runs import METRICS, MetricsFile, read_metrics

    rows, evaluations, _ = read_metrics(run / METRICS)
    length = -(-rows[-1]["step"] // _SHIPPED_ROWS)
    ends = {row["step"] for row in rows[:_SINGLE_ROWS]} | {row["step"] for row in rows if row["step"] % length == 0}
    lines: list[dict[str, Any]] = []
    block: list[tuple[int, dict[str, Any]]] = []
    before = 0
    for row in rows:
        block.append((row["step"] - before, row))
        before = row["step"]
        if before in ends or row is rows[-1]:
            lines.append(_merged(block))
            block = []
    (target / METRICS).unlink(missing_ok=True)
    file = MetricsFile(target)
    file.append(sorted([*lines, *evaluations], key=lambda line: line["step"]))
    file.close()


def _merged(block: list[tuple[int, dict[str, Any]]]) -> dict[str, Any]:
    """One row for several, each with the number of its steps: means, least and greatest."""
    steps = sum(count for count, _ in block)
    means = {name: sum(n * row[name] for n, row in block) / steps for name in ("loss", "grad_norm", "clipped")}
    row = block[-1][1] | means
    row |= {"loss_min": min(row["loss_min"] for _, row in block), "loss_max": max(row["loss_max"] for _, row in block)}
    return {name: float(f"{value:.5g}") if isinstance(value, float) else value for name, value in row.items()}


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
        ship_metrics(result.run, target)
        for step in network.shipped_steps:
            trained = checkpoint.load(checkpoint.checkpoint_path(result.run, step, checkpoint.WEIGHTS))
            halved = {name: array.astype("float16") for name, array in trained.arrays.items()}
            checkpoint.save(target / trained.path.name, step, halved, trained.state)
    return target
