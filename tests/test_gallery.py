"""The gallery: what its networks know, and that a command and a seed are enough to make one again."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from rnnplay.catalogue import make_config
from rnnplay.gallery import GALLERY, GalleryNetwork
from rnnplay.runs import METRICS, checkpoint, load_record, read_lines, read_metrics, task_data
from rnnplay.tasks import make

KNOWN = [
    ("quotes", "inside quotes", 0.95),
    ("carry", "carry", 0.99),
    ("code", "inside a comment", 0.9),
    ("code", "inside a string", 0.9),
    ("code", "brace depth", 0.9),
]


def call(*arguments: str) -> subprocess.CompletedProcess[str]:
    told = subprocess.run(
        [sys.executable, "-m", "rnnplay", *arguments],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert told.returncode == 0, told.stderr
    return told


def found(run: str, pattern: str) -> dict[str, Any]:
    return dict(json.loads(call("cells", run, "--pattern", pattern, "--json").stdout))


@pytest.mark.parametrize(("name", "pattern", "least"), KNOWN)
def test_a_network_of_the_gallery_knows_on_held_out_data_what_it_is_shown_for(
    name: str, pattern: str, least: float
) -> None:
    told = found(f"gallery/{name}", pattern)
    best = told["units"][0]
    assert abs(best.get("auc", best.get("correlation"))) >= least
    assert told["convincing"]


def test_rebuilt_from_its_command_the_carry_is_found_again(tmp_path: Path) -> None:
    call("gallery", "--rebuild", "carry", "--into", str(tmp_path))
    told = found(str(tmp_path / "carry"), "carry")
    best = max(told["units"][0]["auc"], told["pair"]["auc"] if told["pair"] else 0.0)
    assert best >= 0.99
    piece = next(piece for piece in GALLERY if piece.name == "carry")
    assert tuple(checkpoint.checkpoint_steps(tmp_path / "carry", checkpoint.WEIGHTS)) == piece.shipped_steps
    clock = {"chars_per_s", "seconds"}
    shipped, again = (
        [{key: value for key, value in line.items() if key not in clock} for line in read_lines(folder / METRICS)]
        for folder in (piece.path, tmp_path / "carry")
    )
    assert [line["step"] for line in shipped] == [line["step"] for line in again]
    losses, losses_again = ([line["loss"] for line in lines] for lines in (shipped, again))
    assert losses == pytest.approx(losses_again, rel=0.05)  # another kernel rounds otherwise


@pytest.mark.parametrize("piece", GALLERY, ids=lambda piece: piece.name)
def test_the_command_that_is_named_asks_for_what_was_trained(piece: GalleryNetwork) -> None:
    trained = json.loads((piece.path / "config.json").read_text())["config"]
    asked = make_config(piece.task, **{**piece.choices, "steps": piece.steps, "seed": piece.seed})
    ignored = {"evaluate_every", "steps", "cores"}  # which change nothing of what is learned
    assert {k: v for k, v in trained.items() if k not in ignored} == {
        k: getattr(asked, k) for k in trained if k not in ignored
    }
    assert piece.steps == trained["steps"] == piece.shipped_steps[-1]
    assert tuple(checkpoint.checkpoint_steps(piece.path, checkpoint.WEIGHTS)) == piece.shipped_steps
    listed = call("gallery").stdout
    assert f"gallery/{piece.name}\n" in listed and piece.command in listed


@pytest.mark.parametrize("piece", GALLERY, ids=lambda piece: piece.name)
def test_the_curves_of_its_own_training_are_shipped_up_to_its_last_step(piece: GalleryNetwork) -> None:
    rows, evaluations, _ = read_metrics(piece.path / METRICS)
    steps = [row["step"] for row in rows]
    assert steps == sorted(set(steps)) and steps[:32] == list(range(1, 33)) and steps[-1] == piece.steps
    assert all(row["loss_min"] <= row["loss"] <= row["loss_max"] for row in rows)
    assert rows[-1]["loss"] < rows[0]["loss"] / 2 and evaluations[-1]["step"] == piece.steps


def test_all_of_it_together_is_at_most_two_megabytes() -> None:
    files = [file for piece in GALLERY for file in piece.path.rglob("*") if file.is_file()]
    assert sum(file.stat().st_size for file in files) <= 2_000_000


@pytest.mark.parametrize("piece", GALLERY, ids=lambda piece: piece.name)
def test_what_its_network_needs_of_its_text_is_shipped(piece: GalleryNetwork) -> None:
    record = load_record(piece.path)
    data, stored = make(record.config).data(), task_data.load(piece.path)
    assert (data is None) == (stored is None)
    if data is not None and stored is not None:
        assert stored[1] == data.values
        assert {name: array.tolist() for name, array in stored[0].items()} == {
            name: array.tolist() for name, array in data.arrays.items()
        }
