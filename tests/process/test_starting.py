"""A trainer is started by a program or a script, and talks to nobody else."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from driving import alive, last_saved, small, trained

from rnnplay.client import TrainerClient
from rnnplay.client import train as train_at_once
from rnnplay.config import UserError
from rnnplay.protocol import (
    RowsCompleted,
    Stop,
    Train,
    encode_frame,
)


async def test_closing_early_leaves_no_process_and_a_checkpoint(text: Path, tmp_path: Path) -> None:
    client = await TrainerClient.start(Train(config=small(text), root=str(tmp_path)))
    async for event in client.events():
        if isinstance(event, RowsCompleted):
            break
    await client.close()
    await client.close()
    assert not alive(client.pid)
    (run,) = (path.parent for path in tmp_path.glob("*/config.json"))
    assert last_saved(run) > 0


def test_a_script_trains_with_one_call(tmp_path: Path) -> None:
    summary = train_at_once("hello", steps=300, runs=str(tmp_path))
    assert summary.step == 300 and len(summary.losses) == 300
    assert summary.run is not None and last_saved(summary.run) == 300
    assert summary.losses[-1] is not None and summary.losses[-1] < 0.05
    assert summary.evaluations[-1][0] == 300
    with pytest.raises(UserError, match="steps"):
        train_at_once("hello", steps=-1, runs=str(tmp_path))


def test_it_refuses_to_talk_to_a_terminal() -> None:
    own, other = os.openpty()
    done = subprocess.run([sys.executable, "-m", "rnnplay.trainer"], stdin=other, capture_output=True, text=True)
    os.close(own)
    os.close(other)
    assert done.returncode == 2 and "rnnplay train" in done.stderr


def test_words_that_are_no_commands_are_refused(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "rnnplay.trainer"]
    for given in (b"hello trainer", b"\x00\x00\x00\x02{}", encode_frame(Stop()), b""):
        done = subprocess.run(command, input=given, capture_output=True, timeout=60)
        assert b"Traceback" not in done.stderr
        assert bool(done.stdout) == bool(given), given


async def test_a_module_in_the_user_s_folder_is_not_imported(
    text: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "random.py").write_text("raise SystemExit('the wrong random')")
    monkeypatch.chdir(tmp_path)
    run = await trained(small(text, steps=3), tmp_path / "runs")
    assert json.loads((run / "config.json").read_text())["config"]["task"] == "text"
