"""`rnnplay tasks`: the list with its times, and the check of the presets by real trainers."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest


@pytest.fixture
def command(tmp_path: Path) -> "Command":
    return Command(tmp_path)


class Command:
    """`rnnplay tasks`, with a cache and runs of its own."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def __call__(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        own = {"RNNPLAY_HOME": str(self.folder / "runs"), "XDG_CACHE_HOME": str(self.folder / "cache")}
        return subprocess.run(
            [sys.executable, "-m", "rnnplay", "tasks", *arguments],
            env=os.environ | own,
            capture_output=True,
            text=True,
            timeout=300,
        )


def test_checking_prints_a_row_for_each_seed_and_remembers_the_times(command: Command) -> None:
    checked = command("--check", "hello", "alternate", "--seeds", "2")
    assert checked.returncode == 0, checked.stderr
    rows = [line.split() for line in checked.stdout.splitlines()]
    assert [row[:3] for row in rows[1:5]] == [
        ["hello", "1", "yes"],
        ["hello", "2", "yes"],
        ["alternate", "1", "yes"],
        ["alternate", "2", "yes"],
    ]
    assert "all solved" in checked.stdout
    assert not list((command.folder / "runs").rglob("config.json"))  # nothing is left behind
    listed = command("hello", "song").stdout.splitlines()
    hello = next(line for line in listed if "hello" in line)
    assert " s  four letters" in hello
    assert not any(" s  " in line for line in listed if "song" in line)


def test_an_unsolved_task_makes_the_check_fail_and_is_named(command: Command) -> None:
    checked = command("--check", "prose", "hello", "--minutes", "0.001", "--json")
    rows = [json.loads(line) for line in checked.stdout.splitlines()]
    assert [row["kind"] for row in rows] == ["checked", "checked"]
    assert rows[1]["task"] == "hello"
    assert rows[1]["solved"]
    checked = command("--check", "prose", "--minutes", "0.001")
    assert checked.returncode == 1
    assert "not solved: prose" in checked.stdout
    assert "unsolved" in command("prose").stdout


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--check", "helo"], "Did you mean hello?"),
        (["--check", "hello", "--seeds", "0"], "--seeds is 0."),
        (["--check", "hello", "--minutes", "nan"], "--minutes is nan."),
        (["--check", "text"], "a file of one's own"),
    ],
)
def test_a_check_that_makes_no_sense_is_refused(command: Command, arguments: list[str], said: str) -> None:
    refused = command(*arguments)
    assert refused.returncode == 2
    assert said in refused.stderr
    assert "Traceback" not in refused.stderr
