"""Systems that say no: file systems without locks, limits on files, no home folder; and signals that are ignored."""

import json
import os
import signal
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import pytest

from rnnplay import runs
from rnnplay.client.process import temporary_file
from rnnplay.config import RunConfig, UserError
from rnnplay.folders import cache_folder, data_folder
from rnnplay.runs import trainers

LIMIT = 120
PROGRAM = [sys.executable, "-m", "rnnplay"]

NO_LOCKS = """
import errno, fcntl, os
real = os.fsync
def no_locks(*arguments):
    raise OSError(errno.ENOLCK, os.strerror(errno.ENOLCK))
def no_folders(file):
    if os.path.isdir(f"/proc/self/fd/{file}"):
        raise OSError(errno.EINVAL, os.strerror(errno.EINVAL))
    real(file)
fcntl.flock, fcntl.lockf, os.fsync = no_locks, no_locks, no_folders
"""


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("RNNPLAY_HOME", str(tmp_path / "home"))
    return tmp_path / "home"


def rnnplay(*arguments: str, **options: Any) -> "subprocess.CompletedProcess[str]":
    return subprocess.run([*PROGRAM, *arguments], capture_output=True, text=True, timeout=LIMIT, **options)


def test_where_files_cannot_be_locked_and_folders_not_synced_runs_are_trained_listed_and_resumed(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "site").mkdir()
    (tmp_path / "site" / "sitecustomize.py").write_text(NO_LOCKS)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path / "site"))
    trained = rnnplay("train", "hello", "--steps", "20")
    assert trained.returncode == 0 and "no file locks" in trained.stderr, trained.stderr
    listed = rnnplay("runs", "--json")
    (run,) = [json.loads(line) for line in listed.stdout.splitlines()]
    assert (run["state"], run["step"]) == ("finished", 20)
    resumed = rnnplay("resume", "last", "--steps", "5")
    assert resumed.returncode == 0 and "Traceback" not in resumed.stderr
    assert json.loads(rnnplay("runs", "--json").stdout)["step"] == 25


@pytest.mark.parametrize("kilobytes", [8, 120])  # too little for the network in memory, and for a checkpoint
def test_a_limit_on_the_size_of_files_is_no_lack_of_room(home: Path, kilobytes: int) -> None:
    command = f"ulimit -f {kilobytes}; exec {sys.executable} -m rnnplay train hello --hidden 100 --steps 50"
    done = subprocess.run(["bash", "-c", command], capture_output=True, text=True, timeout=LIMIT)
    assert done.returncode == 2
    assert "ulimit -f" in done.stderr and "Make room" not in done.stderr and "Traceback" not in done.stderr


def test_without_a_home_folder_the_variable_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("RNNPLAY_HOME")
    for name in ("XDG_DATA_HOME", "XDG_CACHE_HOME", "HOME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(os.path, "expanduser", lambda path: path)  # as without an entry in passwd
    for folder in (lambda: data_folder("runs"), runs.runs_root, cache_folder):
        with pytest.raises(UserError, match="no home folder.*RNNPLAY_HOME"):  # noqa: RUF043
            folder()


def test_a_folder_that_cannot_be_written_is_named_with_its_variable() -> None:
    with pytest.raises(UserError, match="RNNPLAY_HOME"):
        runs.create(Path("/proc/nothing/runs"), RunConfig(task="hello"))


def test_without_a_temporary_folder_the_variable_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "tempdir", "/proc/nothing")
    with pytest.raises(UserError, match="TMPDIR"):
        temporary_file()


def test_signals_that_were_ignored_at_the_start_stay_ignored_by_the_trainer_too(home: Path) -> None:
    """As under nohup, and in the background of a script."""

    def ignore() -> None:
        signal.signal(signal.SIGHUP, signal.SIG_IGN)
        signal.signal(signal.SIGINT, signal.SIG_IGN)

    command = [*PROGRAM, "train", "hello", "--steps", "4000", "--json"]
    child = subprocess.Popen(command, stdout=subprocess.PIPE, start_new_session=True, preexec_fn=ignore)
    assert child.stdout is not None
    run = Path(json.loads(child.stdout.readline())["run"])
    trainer = trainers.read_record(run)
    assert trainer is not None
    for number in (signal.SIGHUP, signal.SIGINT):
        os.killpg(child.pid, number)
        os.kill(trainer.pid, number)
    last = json.loads(child.stdout.read().splitlines()[-1])
    assert child.wait(LIMIT) == 0
    assert (last["kind"], last["reason"], last["step"]) == ("stopped", "finished", 4000)
