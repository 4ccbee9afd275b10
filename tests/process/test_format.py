"""A run that an older version saved, with the names of format 1, is listed, sampled and resumed bit for bit."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from driving import metrics, resumed, saved_arrays, saved_values
from json_lines import started_line

from rnnplay.config import FORMAT, UserError, upgrade_settings
from rnnplay.runs import checkpoint, list_runs, load_record

OLD_RUN = Path(__file__).parent / "run_of_format_1"  # 12 steps of a GRU with 4 units on prose
NAMES = [  # format 1, format 2
    ("bytes", "read_as_bytes"),
    ("vocabulary", "max_vocabulary"),
    ("chrono", "chrono_max_lag"),
    ("truncate", "tbptt_steps"),
    ("grow", "length_warmup_steps"),
    ("decay", "weight_decay"),
    ("average", "ema_decay"),
]
OLD_LOSSES = {13: 2.96014437, 14: 2.97252911, 20: 2.93324521, 31: 3.02646502, 32: 2.87677697}  # of the older version


@pytest.fixture
def run(tmp_path: Path) -> Path:
    return shutil.copytree(OLD_RUN, tmp_path / "runs" / "20261127-132743-prose-gru-86df37c")


def test_a_run_of_format_1_is_listed_with_its_settings(run: Path) -> None:
    (info,) = list_runs(run.parent)
    assert (info.task, info.cell, info.hidden, info.step, info.state) == ("prose", "gru", 4, 12, "finished")
    config = load_record(run).config
    saved = json.loads((run / "config.json").read_text())["config"]
    for old, new in NAMES:
        assert getattr(config, new) == saved[old]
    assert (config.tbptt_steps, config.length_warmup_steps, config.chrono_max_lag, config.max_vocabulary) == (
        5,
        8,
        6,
        20,
    )
    assert (config.weight_decay, config.ema_decay, config.clip, config.carry) == (0.01, 0.9, 1.0, False)


async def test_it_is_resumed_bit_for_bit_and_as_the_older_version_went_on(run: Path, tmp_path: Path) -> None:
    renamed = shutil.copytree(run, tmp_path / "renamed" / run.name)
    text = (renamed / "config.json").read_text()
    for old, new in NAMES:
        text = text.replace(f'"{old}"', f'"{new}"')
    (renamed / "config.json").write_text(json.dumps(json.loads(text) | {"format": 2}))
    for directory in (run, renamed):
        await resumed(directory, more_steps=20)
    assert saved_arrays(run, 32) == saved_arrays(renamed, 32)
    assert saved_values(run, 32) == saved_values(renamed, 32)
    assert metrics(run) == metrics(renamed)
    losses = {line["step"]: line["loss"] for line in metrics(run) if "kind" not in line}
    assert {step: losses[step] for step in OLD_LOSSES} == pytest.approx(OLD_LOSSES, abs=1e-4)


def test_it_is_sampled(run: Path) -> None:
    command = [sys.executable, "-m", "rnnplay", "sample", str(run), "--length", "30", "--seed", "2"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, env=os.environ)
    assert done.returncode == 0, done.stderr
    assert len(done.stdout.strip("\n")) >= 20


def test_a_later_format_is_refused_with_a_remedy(run: Path) -> None:
    path = run / "config.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"format": FORMAT + 1}))
    with pytest.raises(UserError, match="Update rnnplay") as caught:
        load_record(run)
    assert str(FORMAT + 1) in caught.value.problem
    (info,) = list_runs(run.parent)
    assert info.state == "damaged"


def test_a_checkpoint_has_the_format_and_a_later_one_is_refused(
    run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    old = checkpoint.load(run / "ckpt-12.safetensors")
    checkpoint.save(tmp_path / "new.safetensors", old.step, old.arrays, old.state)
    assert checkpoint.load(tmp_path / "new.safetensors").state == old.state
    monkeypatch.setattr(checkpoint, "FORMAT", FORMAT + 1)
    checkpoint.save(tmp_path / "later.safetensors", old.step, old.arrays, old.state)
    monkeypatch.undo()
    with pytest.raises(UserError, match="Update rnnplay"):
        checkpoint.load(tmp_path / "later.safetensors")


def test_the_names_of_format_1_are_unknown_in_format_2() -> None:
    old, new = dict(NAMES), {new for _, new in NAMES}
    assert set(upgrade_settings(dict.fromkeys(old), None)) == new
    assert set(upgrade_settings(dict.fromkeys(old), FORMAT)) == set(old)


@pytest.mark.parametrize(("old", "new", "value"), [("average", "ema_decay", 0.5), ("decay", "weight_decay", 0.1)])
def test_an_option_may_have_the_name_that_its_setting_had(tmp_path: Path, old: str, new: str, value: float) -> None:
    begun = [sys.executable, "-m", "rnnplay", "train", "hello", f"--{old}", str(value), "--steps", "1", "--json"]
    done = subprocess.run([*begun, "--runs", str(tmp_path)], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert started_line(done.stdout)["config"][new] == value
    shown = subprocess.run([*begun[:4], "--help"], capture_output=True, text=True).stdout
    assert f"--{new.replace('_', '-')}" in shown and f"--{old}" not in shown
