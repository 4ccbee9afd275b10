"""`train --detach`, `runs`, `attach` and `stop`: a run goes on by itself, is looked at, and is ended."""

import importlib
import json
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from rnnplay import machine
from rnnplay.catalogue import make_config
from rnnplay.cli import cli
from rnnplay.cli.runs import fit_columns
from rnnplay.client import detach_seconds, hang_up_seconds
from rnnplay.config import UserError
from rnnplay.protocol import Resume
from rnnplay.runs import RunRecord, save_record, trainers
from tests.test_cli_signals import processes_of

LIMIT = 120
PROGRAM = [sys.executable, "-m", "rnnplay"]


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("RNNPLAY_HOME", str(tmp_path / "home"))
    monkeypatch.delenv("RNNPLAY_LINGER", raising=False)
    return tmp_path / "home"


def rnnplay(*arguments: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run([*PROGRAM, *arguments], capture_output=True, text=True, timeout=LIMIT)


def test_a_run_goes_on_by_itself_is_looked_at_and_stopped(home: Path) -> None:
    begun = rnnplay("train", "prose", "--hidden", "16", "--batch", "4", "--detach")
    assert begun.returncode == 0, begun.stderr
    run = Path(begun.stdout.strip())
    assert trainers.find_trainer(run) is not None
    (listed,) = [json.loads(line) for line in rnnplay("runs", "--json").stdout.splitlines()]
    assert (listed["state"], listed["alive"], listed["host"]) == ("training", True, "")
    screen = subprocess.Popen([*PROGRAM, "attach", "--json"], stdout=subprocess.PIPE, text=True)
    assert screen.stdout is not None
    kinds = [json.loads(screen.stdout.readline())["kind"] for _ in range(3)]
    assert kinds[0] == "started" and "progress" in kinds
    screen.send_signal(signal.SIGINT)
    screen.stdout.read()
    assert screen.wait(LIMIT) == 0
    assert trainers.find_trainer(run) is not None  # it was only left
    stopped = rnnplay("stop", "last")
    assert stopped.returncode == 0 and "prose, saved at step" in stopped.stdout
    assert processes_of(home) == []
    for again in (rnnplay("stop", "last"), rnnplay("attach")):
        assert again.returncode == 2 and len(again.stderr.splitlines()) == 1


def test_a_run_that_may_not_linger_cannot_be_begun_detached(home: Path) -> None:
    refused = rnnplay("train", "hello", "--detach", "--linger", "0")
    assert refused.returncode == 2 and "cannot be left" in refused.stderr
    assert not (home / "runs").exists()


def test_without_a_name_the_newest_run_of_this_machine_is_meant(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def record(host: str) -> trainers.TrainerRecord:
        return trainers.TrainerRecord(run="", host=host, boot_id="x", pid=1, started="", socket="", version=1)

    of_others, newest, older = (Path(name) for name in "abc")
    living = [(of_others, record("elsewhere")), (newest, record(trainers.host())), (older, record(trainers.host()))]
    monkeypatch.setattr(trainers, "living_runs", lambda root: living)
    stopped: list[Path] = []
    attach = importlib.import_module("rnnplay.cli.attach")
    monkeypatch.setattr(attach, "stop_trainer", stopped.append)
    assert attach._living_run(None, None) == newest
    assert CliRunner().invoke(cli, ["stop", "--all"]).exit_code == 0
    assert stopped == [newest, older]
    del living[1:]
    assert "No run is alive." in CliRunner().invoke(cli, ["stop", "--all"]).output
    with pytest.raises(UserError, match="No run is alive"):
        attach._living_run(None, None)


def test_how_long_a_run_lingers_is_not_ignored_where_it_ends_with_its_command(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RNNPLAY_LINGER", "1m")  # put back after the test
    for command in (["train", "hello", "--steps", "1"], ["resume", "last"]):
        with pytest.raises(UserError, match="Give --detach too"):
            CliRunner().invoke(cli, [*command, "--linger", "2h"], catch_exceptions=False)
    assert not (home / "runs").exists()


def test_how_long_a_run_goes_on_is_said_by_its_variable_or_by_how_it_was_left(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SSH_CONNECTION", raising=False)
    assert (detach_seconds(), hang_up_seconds()) == (12 * 3600, 600)
    monkeypatch.setenv("SSH_CONNECTION", "10.0.0.1 1 10.0.0.2 22")
    assert hang_up_seconds() == 12 * 3600
    for given, seconds in (("0", 0), ("90", 90), ("90s", 90), ("10m", 600), (" 2d ", 172_800)):
        monkeypatch.setenv("RNNPLAY_LINGER", given)
        assert detach_seconds() == hang_up_seconds() == seconds
    for given in ("-1", "m", "1.5h", "ten", "9999999999", "1w"):
        monkeypatch.setenv("RNNPLAY_LINGER", given)
        with pytest.raises(UserError, match="RNNPLAY_LINGER"):
            detach_seconds()


@pytest.mark.parametrize(
    ("group", "kills", "lingers", "ends"),
    [
        ("0::/user.slice/session-3.scope", "yes", "no", True),
        ("0::/user.slice/session-3.scope", "yes", "yes", False),
        ("0::/user.slice/session-3.scope", "no", "no", False),
        ("0::/user.slice/user@0.service/run-1.scope", "yes", "no", False),
    ],
)
def test_whether_a_logout_ends_processes_is_asked_of_systemd(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, group: str, kills: str, lingers: str, ends: bool
) -> None:
    (tmp_path / "cgroup").write_text(group + "\n")
    (tmp_path / "loginctl").write_text(
        f"#!/bin/sh\ncase $* in *Kill*) echo KillUserProcesses={kills};; *) echo Linger={lingers};; esac\n"
    )
    (tmp_path / "loginctl").chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/bin:/usr/bin")
    assert machine.logout_ends_processes(tmp_path / "cgroup") is ends
    monkeypatch.setenv("PATH", "/nowhere")
    assert machine.logout_ends_processes(tmp_path / "cgroup") is False


def test_a_run_is_resumed_detached(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    begun: list[Resume] = []

    async def train_detached(command: Resume, as_json: bool) -> int:
        begun.append(command)
        return 0

    monkeypatch.setattr(importlib.import_module("rnnplay.cli.attach"), "train_detached", train_detached)
    run = tmp_path / "20260101-000000-hello-rnn-abc"
    run.mkdir()
    save_record(run, RunRecord(config=make_config("hello"), created=""))
    result = CliRunner().invoke(cli, ["resume", str(run), "--steps", "5", "--detach"])
    assert result.exit_code == 0, result.output
    assert [(command.run, command.more_steps) for command in begun] == [(str(run), 5)]


def test_the_list_of_runs_leaves_out_what_matters_least_on_a_narrow_terminal() -> None:
    names = ("ID", "BEGUN", "TASK", "NETWORK", "STATE", "STEP", "LOSS", "VALIDATION", "SIZE")
    run = ("68e7375", "2026-11-27 20:36", "prose", "lstm 1x32", "training *", "29,152", "1.811", "1.662", "2.2MB")
    assert fit_columns([names, run], 200) == [names, run]
    assert fit_columns([names, run], 85) == [names[:-1], run[:-1]]
    narrow = fit_columns([names, run], 80)
    assert narrow[1][:3] == ("68e7375", "11-27 20:36", "prose") and narrow[0][3] == "NETWORK"
    assert fit_columns([names, run], 40)[0] == ("ID", "BEGUN", "TASK", "STATE", "STEP", "LOSS", "VALID.")
