"""However a run is ended, it is saved, no process stays behind, and it goes on from there."""

import json
import os
import pty
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import IO, Any

import pytest

LIMIT = 120
TRAIN = [sys.executable, "-m", "rnnplay", "train", "prose", "--hidden", "16", "--batch", "4", "--json"]


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("RNNPLAY_HOME", str(tmp_path / "home"))
    return tmp_path / "home"


def until_step(lines: IO[bytes], step: int) -> None:
    """Read until the run has reported this step."""
    for line in lines:
        told = json.loads(line)
        if told["kind"] == "progress" and told["step"] >= step:
            return
    raise AssertionError("the run ended too soon")


def the_rest(child: "subprocess.Popen[bytes]") -> list[dict[str, Any]]:
    assert child.stdout is not None
    rest = [json.loads(line) for line in child.stdout.read().splitlines()]
    child.wait(LIMIT)
    return rest


def processes_of(home: Path) -> list[str]:
    """The processes that were started with this home."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            if f"RNNPLAY_HOME={home}\0".encode() in (folder / "environ").read_bytes():
                found.append((folder / "cmdline").read_bytes().replace(b"\0", b" ").decode())
        except OSError:
            continue  # it ended, or is another user's
    return found


def goes_on(step: int) -> None:
    said = subprocess.run(
        [sys.executable, "-m", "rnnplay", "resume", "last", "--steps", "2", "--json"],
        capture_output=True,
        timeout=LIMIT,
        check=True,
    ).stdout
    lines = map(json.loads, said.splitlines())
    steps = [line["step"] for line in lines if line["kind"] == "progress"]
    assert steps[-1] == step + 2


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
@pytest.mark.parametrize("times", [1, 2])
def test_a_signal_saves_the_run_and_ends_it(home: Path, number: signal.Signals, times: int) -> None:
    child = subprocess.Popen(TRAIN, stdout=subprocess.PIPE, stderr=subprocess.PIPE, start_new_session=True)
    assert child.stdout is not None and child.stderr is not None
    until_step(child.stdout, 20)
    for _ in range(times):
        os.killpg(child.pid, number)  # as a terminal does: to every process of the group
    rest = the_rest(child)
    assert child.returncode == 128 + number
    assert b"Traceback" not in child.stderr.read()
    assert rest[-1]["kind"] == "stopped" and rest[-1]["reason"] == "stopped"
    assert any(told["kind"] == "saved" and told["step"] == rest[-1]["step"] for told in rest)
    assert processes_of(home) == []
    goes_on(rest[-1]["step"])


def test_a_pipe_that_is_closed_ends_the_run_quietly_and_saved(home: Path) -> None:
    child = subprocess.Popen(TRAIN, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    assert child.stdout is not None and child.stderr is not None
    until_step(child.stdout, 5)
    child.stdout.close()
    child.wait(LIMIT)
    assert child.stderr.read() == b""
    assert processes_of(home) == []
    [run] = (home / "runs").iterdir()
    assert list(run.glob("ckpt-*.safetensors"))


def test_listing_into_head_is_quiet() -> None:
    command = f"{sys.executable} -m rnnplay train --help | head -n 1"
    said = subprocess.run(["bash", "-c", command], capture_output=True, timeout=LIMIT, check=True)
    assert said.stderr == b""


def test_killing_the_command_line_saves_the_run(home: Path) -> None:
    child = subprocess.Popen(TRAIN, stdout=subprocess.PIPE)
    assert child.stdout is not None
    until_step(child.stdout, 20)
    child.kill()
    child.wait()
    end = time.monotonic() + LIMIT
    while processes_of(home) and time.monotonic() < end:
        time.sleep(0.05)
    assert processes_of(home) == []
    [run] = (home / "runs").iterdir()
    saved = [int(checkpoint.stem.removeprefix("ckpt-")) for checkpoint in run.glob("ckpt-*.safetensors")]
    assert max(saved) >= 20
    goes_on(max(saved))


def in_terminal(*arguments: str, **variables: str) -> tuple[int, str]:
    """The exit status of a command in a pseudo-terminal, and what it wrote there."""
    process, terminal = pty.fork()
    if not process:
        os.execve(sys.executable, [sys.executable, "-m", "rnnplay", *arguments], os.environ | variables)
    written = b""
    while True:
        try:
            chunk = os.read(terminal, 65_536)
        except OSError:
            break
        if not chunk:
            break
        written += chunk
    _, status = os.waitpid(process, 0)
    os.close(terminal)
    return os.waitstatus_to_exitcode(status), written.decode()


def test_a_dumb_terminal_is_refused() -> None:
    status, written = in_terminal(TERM="dumb")
    assert status == 2
    assert "TERM is dumb" in written and "rnnplay train" in written


def test_a_terminal_shows_a_bar_and_leaves_the_cursor_visible(home: Path) -> None:
    status, written = in_terminal("train", "hello", "--steps", "3000", TERM="xterm-256color", COLUMNS="100")
    assert status == 0
    assert "char/s" in written and "left" in written
    assert written.rfind("\x1b[?25h") > written.rfind("\x1b[?25l")
    assert written.strip().splitlines()[-1].startswith(str(home))


def test_what_a_lost_terminal_did_not_take_does_not_change_the_exit_status() -> None:
    code = """
import os, sys
from rnnplay import cli

def main(prog_name):
    os.read(int(sys.argv[1]), 1)  # until the terminal is gone
    sys.__stdout__.write("x")
    sys.exit(129)

cli.cli.main = main
cli.main()
"""
    outer, inner = os.openpty()
    reads, writes = os.pipe()
    child = subprocess.Popen(
        [sys.executable, "-c", code, str(reads)],
        stdout=inner,
        stderr=inner,
        pass_fds=(reads,),
        start_new_session=True,
        env={name: value for name, value in os.environ.items() if name != "PYTHONUNBUFFERED"},
    )
    for descriptor in (inner, outer):
        os.close(descriptor)
    os.write(writes, b"x")
    assert child.wait(timeout=60) == 129
    for descriptor in (reads, writes):
        os.close(descriptor)
