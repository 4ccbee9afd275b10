"""Bad input gives one sentence on what is wrong, one on what to do, and exit status 2; nothing is lost."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

LIMIT = 120


def call(*arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "rnnplay", *arguments],
        env=os.environ | variables,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=LIMIT,
    )


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("RNNPLAY_HOME", str(tmp_path / "home"))
    return tmp_path / "home"


def refused(child: subprocess.CompletedProcess[str], *words: str) -> None:
    """It was refused, in two sentences at least that hold `words`, and nothing else was said."""
    assert child.returncode == 2, child.stderr
    assert child.stdout == ""
    assert "Traceback" not in child.stderr
    # A slow machine says how far the reading is.
    [line] = [line for line in child.stderr.strip().splitlines() if not line.startswith("reading the text")]
    assert re.search(r"[.?] .+[.?]$", line)
    for word in words:
        assert word in line


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", ["is empty"]),
        (b"too short for a sequence", ["is too short", "--seq-len"]),
        (b"text\0and more" * 99, ["zero byte at offset 4"]),
        (
            "Übermut tut selten gut. ".encode("latin-1") * 99,
            ["byte 0xDC at offset 0", "It may be cp1252 (Übermut tut", "--encoding cp1252"],
        ),
        (None, ["There is no file"]),
    ],
)
@pytest.mark.parametrize("options", [[], ["--json"]])
def test_a_text_that_is_none_is_refused_and_no_run_begins(
    tmp_path: Path, home: Path, content: bytes | None, words: list[str], options: list[str]
) -> None:
    if content is not None:
        (tmp_path / "own.txt").write_bytes(content)
    refused(call("train", "--text", str(tmp_path / "own.txt"), "--steps", "2", *options), *words)
    assert not list(home.glob("runs/*"))


def test_a_directory_is_refused_as_a_text(tmp_path: Path) -> None:
    refused(call("train", "--text", str(tmp_path), "--steps", "2"), "is a directory without a text file")


WAVES = "day,note,level\n" + "".join(f"{i},fair,{i % 17}\n" for i in range(200))
LINES = "".join(f"it was {i}\t{'good' if i % 3 else 'bad'}\n" for i in range(90))


@pytest.mark.parametrize(
    ("task", "table", "column", "words"),
    [
        ("series", WAVES, "lev", ["no column 'lev'", "Did you mean level?"]),
        ("series", WAVES, "note", ["Line 2", "'fair', which is no number"]),
        ("series", WAVES + "200,fair,nan\n", None, ["lacks 1 of 201 values", "line 202", "--missing skip"]),
        ("series", WAVES + "9,fair\n", None, ["Line 202", "2 columns and the first one 3"]),
        ("series", WAVES[:24], "level", ["1 value", "at least 60"]),
        (
            "series",
            WAVES.replace("fair", "7.5") + "200,8,3\n",
            None,
            ["2 columns", '"note" (7.5', '"level" (0', "--column"],
        ),
        ("sentiment", LINES.replace("bad", "good"), None, ["only the label 'good'", "two different"]),
        ("sentiment", LINES + "and no label\n", None, ["Line 91", "1 column", "with a tab between"]),
        ("sentiment", LINES, "label", ["reads no table", "Leave out"]),
        *(
            (task, content, None, words)
            for task in ("series", "sentiment")
            for content, words in (
                ("", ["is empty"]),
                (bytes(range(256)) * 9, ["zero byte"]),
                ((WAVES + LINES + "höhe").encode("latin-1"), ["not UTF-8", "--encoding cp1252"]),
                (WAVES.encode("utf-16-le"), ["zero byte at offset 1", "It may be utf_16_le"]),
                (None, ["There is no file"]),
            )
        ),
    ],
)
def test_a_wrong_table_is_refused_and_no_run_begins(
    tmp_path: Path, home: Path, task: str, table: str | bytes | None, column: str | None, words: list[str]
) -> None:
    if table is not None:
        (tmp_path / "own.csv").write_bytes(table.encode() if isinstance(table, str) else table)
    options = ["--column", column] if column else []
    refused(call("train", task, "--text", str(tmp_path / "own.csv"), "--steps", "2", *options), *words)
    assert not list(home.glob("runs/*"))


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["train", "series", "--column", "level"], ["no table with a column 'level'"]),
        (["train", "proze"], ["no task 'proze'", "Did you mean prose?"]),
        (["train", "qqqq"], ["no task 'qqqq'", "hello"]),
        (["train"], ["No task is named", "--text FILE"]),
        (["train", "text"], ["--text FILE"]),
        (["train", "hello", "--hidden", "0"], ["hidden is 0", "at least 1"]),
        (["train", "hello", "--hidden", "-1"], ["hidden is -1"]),
        (["train", "hello", "--lr", "nan"], ["lr is nan"]),
        (["train", "hello", "--steps", "0"], ["steps is 0"]),
        (["play", "proze"], ["Did you mean prose?"]),
        (["resume", "last"], ["There is no run"]),
        (["resume", "last", "--steps", "0"], ["--steps is 0"]),
        (["evaluate", "nothing"], ["There is no run 'nothing'"]),
        (["sample", "/"], ["is not a run"]),
    ],
)
def test_a_choice_that_makes_no_sense_is_refused(arguments: list[str], words: list[str]) -> None:
    refused(call(*arguments), *words)


@pytest.mark.parametrize("arguments", [[], ["play"], ["play", "prose"]])
def test_the_playground_without_a_terminal_names_the_command_that_needs_none(arguments: list[str]) -> None:
    refused(call(*arguments), "needs a terminal", "rnnplay train")


@pytest.fixture
def run(tmp_path: Path, home: Path) -> Path:
    """A finished run on a text of one's own."""
    (tmp_path / "own.txt").write_text("one for all and all for one. " * 50)
    child = call("train", "--text", str(tmp_path / "own.txt"), "--hidden", "5", "--seq-len", "20", "--steps", "6")
    assert child.returncode == 0, child.stderr
    return Path(child.stdout.splitlines()[-1])


def test_a_text_that_changed_since_the_run_began_is_refused(run: Path, tmp_path: Path) -> None:
    (tmp_path / "own.txt").write_text("one for none and none for one. " * 50)
    refused(call("resume", str(run), "--steps", "3"), "changed since the run began")


def test_a_truncated_and_an_altered_checkpoint_are_refused(run: Path) -> None:
    checkpoint = run / "ckpt-6.safetensors"
    content = checkpoint.read_bytes()
    checkpoint.write_bytes(content[: len(content) // 2])
    child = call("resume", str(run), "--steps", "3")  # the one before it, of the run's beginning, is whole
    assert child.returncode == 0
    assert "ckpt-6.safetensors" in child.stderr and "checkpoint before it is used" in child.stderr

    for other in run.glob("ckpt-*.safetensors"):
        other.unlink()
    checkpoint.write_bytes(content[: len(content) // 2])
    refused(call("resume", str(run), "--steps", "3"), checkpoint.name)
    altered = bytearray(content)
    altered[-5] ^= 1
    checkpoint.write_bytes(altered)
    refused(call("sample", str(run)), checkpoint.name, "altered")


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_a_folder_that_is_not_writable_is_refused(tmp_path: Path) -> None:
    (tmp_path / "locked").mkdir(mode=0o500)
    refused(call("train", "hello", "--steps", "2", "--runs", str(tmp_path / "locked")), "--runs")


def test_a_file_where_the_folder_of_runs_should_be_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    refused(call("train", "hello", "--steps", "2", "--runs", str(tmp_path / "file")), "--runs")


@pytest.mark.parametrize(
    "options",
    [["--temperature", "-1"], ["--temperature", "nan"], ["--top-p", "0"], ["--top-k", "-1"], ["--length", "-1"]],
)
def test_a_sample_that_cannot_be_drawn_is_refused(run: Path, options: list[str]) -> None:
    refused(call("sample", str(run), *options))


def test_a_finished_run_has_nothing_lost_after_all_refusals(run: Path) -> None:
    child = call("resume", str(run), "--steps", "3", "--json")
    assert json.loads(child.stdout.splitlines()[-1])["step"] == 9


@pytest.mark.parametrize("schedule", ["step", "cosine"])
@pytest.mark.parametrize("limit", [[], ["--minutes", "5"]])
def test_a_schedule_that_does_not_know_where_the_run_ends_is_refused(
    home: Path, schedule: str, limit: list[str]
) -> None:
    refused(call("train", "prose", "--schedule", schedule, *limit), f"schedule {schedule}", "--steps", "--epochs")
    assert not list(home.glob("runs/*"))
