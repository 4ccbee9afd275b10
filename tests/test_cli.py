"""The command line as a person or a script uses it: real processes, their output, their exit status."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import msgspec
import pytest

from rnnplay.catalogue import CATALOGUE
from rnnplay.cli.options import GROUPS
from rnnplay.config import RunConfig
from rnnplay.formatting import loss_text

LIMIT = 120  # seconds, generous


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder of one's own for runs."""
    monkeypatch.setenv("RNNPLAY_HOME", str(tmp_path / "home"))
    return tmp_path / "home"


def call(*arguments: str, **choices: Any) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "rnnplay", *arguments],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=LIMIT,
        **choices,
    )


def done(*arguments: str) -> str:
    """The output of a command that must succeed."""
    child = call(*arguments)
    assert child.returncode == 0, child.stderr
    return child.stdout


def lines_of(output: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in output.splitlines()]


def test_every_setting_of_a_run_is_an_option_that_says_what_it_is() -> None:
    fields = {field.name for field in msgspec.structs.fields(RunConfig)} - {"task", "more_texts"}  # the text again
    described = [name for names in GROUPS.values() for name in names]
    assert sorted(described) == sorted(fields)
    shown = done("train", "--help")
    for name in fields:
        assert f"--{name.replace('_', '-')}" in shown


def test_json_is_the_whole_story_of_a_run_and_hello_is_learned(home: Path) -> None:
    told = lines_of(done("train", "hello", "--steps", "500", "--seed", "1", "--json"))
    assert {line["kind"] for line in told} == {"started", "progress", "evaluated", "saved", "stopped"}
    assert told[0]["kind"] == "started"
    assert told[0]["config"]["steps"] == 500
    rows = [line for line in told if line["kind"] == "progress"]
    assert [row["step"] for row in rows] == list(range(1, 501))
    fields = {"kind", "step", "loss", "loss_min", "loss_max", "grad_norm", "clipped", "lr", "chars_per_s", "seconds"}
    assert set(rows[0]) == fields
    assert rows[-1]["loss"] < 0.05
    last = [line for line in told if line["kind"] == "evaluated"][-1]
    assert last["final"] and last["step"] == 500
    assert last["loss"] < 0.05 < last["baseline"]
    assert Path([line for line in told if line["kind"] == "saved"][-1]["path"]).is_file()
    assert told[-1]["kind"] == "stopped"
    assert told[-1]["reason"] == "finished"
    assert Path(told[-1]["run"]).parent == home / "runs"


def test_the_same_seed_gives_the_same_losses_to_the_last_bit_and_another_seed_others(home: Path) -> None:
    def losses(seed: str) -> list[Any]:
        told = lines_of(done("train", "prose", "--steps", "12", "--hidden", "17", "--seed", seed, "--json"))
        return [(row["loss"], row["grad_norm"]) for row in told if row["kind"] == "progress"]

    first = losses("3")
    assert first == losses("3")
    assert first != losses("4")


def test_people_get_the_measure_a_sample_and_the_directory_last(home: Path) -> None:
    child = call("train", "hello", "--seed", "2")
    assert child.returncode == 0, child.stderr
    (run,) = child.stdout.splitlines()
    assert Path(run).parent == home / "runs"
    assert (Path(run) / "config.json").is_file()
    lines = child.stderr.splitlines()
    assert lines[0].startswith("hello: RNN 1x8, ")
    assert [line for line in lines if line.startswith("step ")]
    assert [line for line in lines if line.startswith("validation ")]
    assert "hello" in lines


def test_the_end_alone_is_said_quietly_and_without_colours_where_there_is_no_terminal(home: Path) -> None:
    child = call("train", "hello", "--steps", "40", "--quiet", env=os.environ | {"FORCE_COLOR": "1"})
    (run,) = child.stdout.splitlines()
    assert Path(run).is_dir()
    lines = child.stderr.splitlines()
    assert lines[0].startswith("validation ") and not [line for line in lines if line.startswith("step ")]
    coloured = call("resume", run, "--steps", "9", env=os.environ | {"FORCE_COLOR": "1"})
    assert "step 49  100 %  loss " in coloured.stderr and "\x1b" not in coloured.stderr
    rows = [json.loads(line) for line in (Path(run) / "metrics.jsonl").read_text().splitlines()]
    loss = next(row["loss"] for row in rows if row["step"] == 49 and "kind" not in row)
    assert f"step 49  100 %  loss {loss_text(loss)}  " in coloured.stderr


def test_a_run_goes_on_is_measured_sampled_and_listed(home: Path, tmp_path: Path) -> None:
    run = done("train", "prose", "--steps", "10", "--hidden", "11", "--batch", "5").splitlines()[-1]
    told = lines_of(done("resume", "last", "--steps", "7", "--json"))
    assert [row["step"] for row in told if row["kind"] == "progress"] == list(range(11, 18))

    [whole] = lines_of(done("evaluate", run, "--json"))
    [single] = lines_of(done("evaluate", "last", "--streams", "1", "--json"))
    assert whole["kind"] == "evaluated" and whole["step"] == 17
    assert whole["loss"] == [line for line in told if line["kind"] == "evaluated"][-1]["loss"]
    assert single["loss"] != whole["loss"]
    assert abs(single["loss"] - whole["loss"]) < 0.1
    (tmp_path / "other.txt").write_text("The lamp was out, and nobody said a word. " * 9)
    assert "nats" in done("evaluate", "last", "--text", str(tmp_path / "other.txt"))

    first, again, other = (
        done("sample", "last", "--prompt", "The ", "--length", "40", "--seed", seed) for seed in ("5", "5", "6")
    )
    assert first == again != other
    assert first.startswith("The ") and len(first) == 4 + 40 + 1

    identity = Path(run).name.rpartition("-")[2]
    assert identity in done("runs")
    [line] = lines_of(done("runs", "--json"))
    assert (line["id"], line["task"], line["step"], line["state"]) == (identity, "prose", 17, "finished")


def test_a_run_of_words_is_measured_on_another_text(home: Path, tmp_path: Path) -> None:
    run = done("train", "words", "--steps", "3", "--hidden", "7", "--batch", "4").splitlines()[-1]
    (tmp_path / "other.txt").write_text("The lamp is out, and the zzyzx is lost; " * 9)  # 11 words each, and a space
    [measured] = lines_of(done("evaluate", run, "--text", str(tmp_path / "other.txt"), "--streams", "1", "--json"))
    assert measured["characters"] == 9 * 11
    assert 0 < measured["loss"] < 20


def test_symbols_of_several_letters_are_written_with_spaces_between_them(home: Path) -> None:
    trained = call("train", "song", "--steps", "2")
    assert trained.returncode == 0, trained.stderr
    known = {"i", "love", "you", "carrots"}
    written = trained.stderr.split("\n\n")[-2].split()
    assert len(written) >= 300 and len(known & set(written)) > 1
    words = done("sample", "last", "--length", "12").split()
    assert len(words) >= 12 and set(words) <= set(written)


def test_unseen_characters_of_a_prompt_are_named_and_left_out(home: Path) -> None:
    done("train", "hello", "--steps", "30")
    child = call("sample", "last", "--prompt", "hxéx", "--length", "3")
    assert child.returncode == 0
    assert child.stdout.startswith("h") and len(child.stdout) == 5
    assert "'x' 'é'" in child.stderr


def test_a_text_without_a_task_and_a_folder_for_runs(home: Path, tmp_path: Path) -> None:
    text = tmp_path / "own.txt"
    text.write_text("so it goes, and so it went; " * 60, encoding="utf-8")
    told = lines_of(
        done("train", "--text", str(text), "--runs", str(tmp_path / "mine"), "--steps", "3", "--hidden", "5", "--json")
    )
    assert told[0]["config"]["task"] == "text"
    assert told[0]["config"]["text"] == str(text)
    assert Path(told[-1]["run"]).parent == tmp_path / "mine"
    assert not home.exists()


def test_tasks_are_listed_with_a_line_each() -> None:
    shown = done("tasks")
    for entry in CATALOGUE:
        assert f"{entry.name} " in shown and entry.summary in shown


def test_the_version_is_told() -> None:
    assert done("--version").startswith("rnnplay ")


def test_the_shell_can_complete_tasks_and_runs(home: Path) -> None:
    done("train", "hello", "--steps", "2")
    for words, expected in (("rnnplay train hel", "hello"), ("rnnplay sample la", "last")):
        said = subprocess.run(
            [sys.executable, "-c", "from rnnplay.cli import main; main()"],
            env=os.environ | {"_RNNPLAY_COMPLETE": "bash_complete", "COMP_WORDS": words, "COMP_CWORD": "2"},
            capture_output=True,
            text=True,
            timeout=LIMIT,
        ).stdout
        assert f"plain,{expected}" in said.splitlines()


def test_a_diverging_run_says_what_to_change_and_can_be_looked_at(home: Path) -> None:
    child = call(
        "train", "prose", "--cell", "rnn", "--activation", "relu", "--lr", "1000", "--clip", "0", "--steps", "400"
    )
    assert child.returncode == 1
    assert "Traceback" not in child.stderr
    assert child.stderr.strip().splitlines()[-1].count(".") >= 2
    assert Path(child.stdout.splitlines()[-1]).is_dir()
