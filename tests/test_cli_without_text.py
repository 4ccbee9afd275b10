"""The commands on a run whose text is gone, and `resume --text`: real processes, their output, their refusals."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from json_lines import started_line

WORDS = "the lamp keeper walks to the ferry and the ferry waits for him\n"
NETWORK = ("--hidden", "12", "--batch", "3", "--seq-len", "16", "--steps", "60", "--validation", "0.2")


def call(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "rnnplay", *arguments],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=120,
    )


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with `own.txt`, `other.txt` and a run on the first, copied to `copy`; then `own.txt` is deleted."""
    folder = tmp_path_factory.mktemp("without_text")
    text = folder / "own.txt"
    text.write_text(WORDS * 40)
    (folder / "other.txt").write_text(" ".join(reversed(WORDS.split())) * 12 + "zéro\n")
    trained = call("train", "--text", str(text), *NETWORK, "--runs", str(folder / "runs"))
    assert trained.returncode == 0, trained.stderr
    run = Path(trained.stdout.splitlines()[-1])
    shutil.copytree(run, folder / "copy")
    text.rename(folder / "moved.txt")
    return folder


COMMANDS = [
    ("sample", "RUN", "--prompt", "the ", "--length", "60"),
    ("export", "RUN", "FILE"),
    ("evaluate", "RUN", "--json"),
    ("evaluate", "RUN", "--text", "OTHER"),
    ("unroll", "RUN", "--length", "5"),
    ("gradients", "RUN", "--lags", "6"),
    ("cells", "RUN", "--pattern", "start of word", "--characters", "300"),
    ("cells", "RUN", "--pattern", "ferry", "--text", "OTHER", "--characters", "300"),
    ("ablate", "RUN", "--unit", "1.2", "--pattern", "start of word", "--others", "3", "--characters", "300"),
]


@pytest.mark.parametrize("command", COMMANDS, ids=lambda command: " ".join(command[:1] + command[3:4]))
def test_a_run_without_its_text_does_what_it_did_with_it(folder: Path, command: tuple[str, ...]) -> None:
    places = {"RUN": str(folder / "copy"), "OTHER": str(folder / "other.txt"), "FILE": str(folder / "file.safetensors")}
    arguments = [places.get(argument, argument) for argument in command]
    without = call(*arguments)
    assert without.returncode == 0, without.stderr
    note = without.stderr.splitlines()[0]
    assert str(folder / "own.txt") in note and "what needs the training text is off" in note
    (folder / "moved.txt").rename(folder / "own.txt")
    try:
        with_text = call(*arguments)
    finally:
        (folder / "own.txt").rename(folder / "moved.txt")
    assert without.stdout == with_text.stdout != ""
    assert without.stderr.splitlines()[1:] == with_text.stderr.splitlines()


def test_resume_names_the_text_that_is_missing_and_takes_it_elsewhere(folder: Path, tmp_path: Path) -> None:
    run = str(shutil.copytree(folder / "copy", tmp_path / "run"))
    refused = call("resume", run, "--steps", "5")
    assert refused.returncode == 2
    assert refused.stderr.count("\n") == 1 and "--text FILE" in refused.stderr and "own.txt" in refused.stderr
    told = call("resume", run, "--steps", "5", "--text", str(folder / "moved.txt"), "--json")
    assert told.returncode == 0, told.stderr
    started = started_line(told.stdout)
    assert started["step"] == 60 and not any("another text" in note for note in started["notes"])
    assert started["text_unavailable"] == ""


def test_resume_goes_on_with_another_text_and_says_so(folder: Path, tmp_path: Path) -> None:
    run = str(shutil.copytree(folder / "copy", tmp_path / "run"))
    told = call("resume", run, "--steps", "5", "--text", str(folder / "other.txt"))
    assert told.returncode == 0, told.stderr
    assert 'another text: "other.txt"' in told.stderr and "'é' (1)" in told.stderr and "left out" in told.stderr
    assert call("resume", run, "--steps", "2").returncode == 0


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--text", "nowhere.txt"), "There is no file"),
        (("--encoding", "cp1252"), "An encoding is named, but no text"),
        (("--text", "MOVED", "--encoding", "klingon"), "klingon"),
    ],
)
def test_a_text_that_cannot_be_read_is_refused_in_two_sentences(
    folder: Path, tmp_path: Path, arguments: tuple[str, ...], words: str
) -> None:
    run = shutil.copytree(folder / "copy", tmp_path / "run")
    before = (run / "config.json").read_bytes()
    given = [str(folder / "moved.txt") if argument == "MOVED" else argument for argument in arguments]
    told = call("resume", str(run), "--steps", "5", *given)
    assert told.returncode == 2
    assert words in told.stderr and told.stderr.count("\n") == 1 and told.stdout == ""
    assert (run / "config.json").read_bytes() == before


def test_another_text_is_read_in_the_encoding_that_is_named(folder: Path, tmp_path: Path) -> None:
    text = tmp_path / "other.txt"
    text.write_bytes((WORDS + "“the ferry” – ").encode("cp1252") * 12)
    run, of = str(folder / "copy"), ["--text", str(text)]
    for command in (["evaluate", run, *of, "--json"], ["cells", run, "--pattern", "ferry", *of, "--json"]):
        refused = call(*command)
        assert refused.returncode == 2 and "It may be cp1252" in refused.stderr
        done = call(*command, "--encoding", "cp1252")
        assert done.returncode == 0, done.stderr
        assert "'“'" in done.stderr and "Ô" not in done.stderr


def test_a_prompt_is_read_in_the_form_that_the_network_knows(tmp_path: Path) -> None:
    text = tmp_path / "own.txt"
    text.write_text("Le cafe\u0301 e\u0301tait ferme\u0301. " * 30, encoding="utf-8")
    trained = call("train", "--text", str(text), *NETWORK, "--runs", str(tmp_path))
    run = trained.stdout.splitlines()[-1]
    sampled = call("sample", run, "--prompt", "Le café était", "--length", "5")
    assert sampled.returncode == 0 and sampled.stderr == ""
    assert sampled.stdout.startswith("Le cafe\u0301 e\u0301tait")
    assert "never saw 'ß'" in call("sample", run, "--prompt", "Le caß", "--length", "5").stderr
