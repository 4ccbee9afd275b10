"""Files on the command line: what is read has a bound, what a network writes comes back as it was read."""

import gzip
import json
import lzma
import os
import pty
import subprocess
import sys
from pathlib import Path

import pytest
from json_lines import started_line

NETWORK = ("--hidden", "12", "--batch", "3", "--seq-len", "16", "--steps", "20", "--validation", "0.2")


def call(*arguments: str, **options: object) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(  # type: ignore[call-overload, no-any-return]
        **{
            "args": [sys.executable, "-m", "rnnplay", *arguments],
            "stdin": subprocess.DEVNULL,
            "capture_output": True,
            "text": True,
            "timeout": 120,
        }
        | options,
    )


def trained(folder: Path, content: bytes, *options: str) -> str:
    (folder / "own.txt").write_bytes(content)
    done = call("train", "--text", str(folder / "own.txt"), *NETWORK, "--runs", str(folder / "runs"), *options)
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()[-1]


@pytest.mark.parametrize(
    "arguments",
    [
        ("train", "series", "--text", "/dev/urandom"),
        ("train", "sentiment", "--text", "/dev/full"),
        ("train", "--text", "/dev/zero", "--read-as-bytes"),
        ("import", "/dev/zero"),
    ],
)
def test_a_device_is_refused_at_once(tmp_path: Path, arguments: tuple[str, ...]) -> None:
    refused = call(*arguments, "--runs", str(tmp_path))
    assert refused.returncode == 2
    assert "is a device, not a regular file" in refused.stderr and "Traceback" not in refused.stderr


def test_a_vocabulary_is_read_up_to_a_bound(tmp_path: Path) -> None:
    run = trained(tmp_path, b"the ferry waits for the lamp keeper\n" * 30)
    file = str(tmp_path / "network.safetensors")
    assert call("export", run, file).returncode == 0
    named = ["--text", str(tmp_path / "own.txt"), "--runs", str(tmp_path)]
    refused = call("import", file, "--vocabulary", "/dev/zero", *named)
    assert refused.returncode == 2 and "is a device, not a regular file" in refused.stderr
    with (tmp_path / "symbols.json").open("wb") as large:
        large.write(b" " * (17 * 2**20))
    refused = call("import", file, "--vocabulary", str(tmp_path / "symbols.json"), *named)
    assert refused.returncode == 2 and "has more than 16 MB" in refused.stderr


def test_bytes_come_back_as_bytes_and_characters_as_utf_8(tmp_path: Path) -> None:
    content = b"\x00\xff\x1b[31m\x80" * 90
    run, out = trained(tmp_path, content, "--read-as-bytes"), tmp_path / "sample"
    done = call("sample", run, "--length", "200", "--seed", "3", "--output", str(out))
    assert (done.returncode, done.stdout) == (0, "")
    written = out.read_bytes()
    assert len(written) in (200, 201) and set(written) <= set(content) and len(set(written)) > 4
    run = trained(tmp_path, "größe “né” \x1b \r\n".encode() * 60)
    shown = call("sample", run, "--prompt", "größe", "--length", "50", "--output", str(out))
    assert shown.returncode == 0
    text = out.read_bytes().decode()
    assert text.startswith("größe") and len(text) == 55 and "\n" in text


def test_a_file_that_cannot_be_written_is_refused(tmp_path: Path) -> None:
    run = trained(tmp_path, b"the ferry waits for the lamp keeper\n" * 30)
    refused = call("sample", run, "--length", "9", "--output", str(tmp_path))
    assert refused.returncode == 2 and "cannot be written (Is a directory)" in refused.stderr
    refused = call("sample", run, "--length", "9", "--output", "/dev/full")
    assert refused.returncode == 2 and "cannot be written (No space left" in refused.stderr


def test_a_terminal_gets_pictures_of_controls(tmp_path: Path) -> None:
    run = trained(tmp_path, b"\x1b]0;hacked\x07ok \x1b[31m\x08\n" * 60)
    ours, theirs = pty.openpty()
    child = subprocess.Popen(
        [sys.executable, "-m", "rnnplay", "sample", run, "--length", "200"], stdin=theirs, stdout=theirs
    )
    os.close(theirs)
    shown = b""
    while True:
        try:
            piece = os.read(ours, 4096)
        except OSError:  # the terminal is closed
            break
        if not piece:
            break
        shown += piece
    os.close(ours)
    assert child.wait() == 0
    assert "␛".encode() in shown and not set(shown) & {0x1B, 7, 8}
    piped = call("sample", run, "--length", "200").stdout
    assert "\x1b" in piped


WORDS = "“the ferry” waits for the lamp keeper, who walks\r\n".encode() * 40
TRAIN = ("--hidden", "9", "--batch", "3", "--seq-len", "16", "--steps", "6", "--validation", "0.2", "--cores", "1")


def losses(done: "subprocess.CompletedProcess[str]") -> list[float]:
    assert done.returncode == 0, done.stderr
    rows = [json.loads(line) for line in done.stdout.splitlines()]
    return [line["loss"] for line in rows if line["kind"] in ("progress", "evaluated")]


def train(folder: Path, *arguments: str, **options: object) -> "subprocess.CompletedProcess[str]":
    return call("train", *arguments, *TRAIN, "--json", "--runs", str(folder / "runs"), **options)


def test_a_file_a_pipe_a_compressed_file_and_a_folder_of_pieces_give_the_same_run(tmp_path: Path) -> None:
    (tmp_path / "own.txt").write_bytes(WORDS)
    expected = losses(train(tmp_path, "--text", str(tmp_path / "own.txt")))
    assert len(expected) > 2
    (tmp_path / "own.txt.gz").write_bytes(gzip.compress(WORDS))
    (tmp_path / "own.xz").write_bytes(lzma.compress(WORDS))
    (tmp_path / "pieces").mkdir()
    for number, begin in enumerate(range(0, len(WORDS), 700)):  # cut within characters too
        (tmp_path / "pieces" / f"{number:02}.txt").write_bytes(WORDS[begin : begin + 700])
    (tmp_path / "pieces" / "a.bin").write_bytes(b"\0\1\2")
    (tmp_path / "pieces" / ".hidden").write_bytes(b"hidden")
    for name in ("own.txt.gz", "own.xz", "pieces"):
        assert losses(train(tmp_path, "--text", str(tmp_path / name), "--document", "none")) == expected, name
    named = [argument for path in sorted((tmp_path / "pieces").glob("*.txt")) for argument in ("--text", str(path))]
    assert losses(train(tmp_path, *named)) == expected
    with (tmp_path / "own.txt").open("rb") as source:
        piped = train(tmp_path, "--text", "-", stdin=source)
    assert losses(piped) == expected
    started = started_line(piped.stdout)
    assert Path(started["config"]["text"]).parent == tmp_path / "runs" / "texts"
    shell = f"exec {sys.executable} -m rnnplay train --text <(cat {tmp_path / 'own.txt'}) {' '.join(TRAIN)} --json"
    assert losses(call("--version", args=["bash", "-c", f"{shell} --runs {tmp_path / 'runs'}"])) == expected


def test_files_in_the_place_of_a_task_are_refused_in_words(tmp_path: Path) -> None:
    for name in "ab":
        (tmp_path / f"{name}.txt").write_bytes(WORDS)
    one, other = str(tmp_path / "a.txt"), str(tmp_path / "b.txt")
    for arguments in (("--text", one, other), ("--text", one, other, other)):
        refused = train(tmp_path, *arguments)
        assert refused.returncode == 2
        assert f'"{other}" is a file, but stands in the place of a task.' in refused.stderr
    assert "Several tasks are named: prose, play" in train(tmp_path, "prose", "play").stderr


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--text", "-"), "The text from standard input is empty."),
        (("--text", "-", "--text", "-"), "Standard input is named twice."),
        (("--text", "EMPTY"), "is a directory without a text file."),
        (("--text", "DAMAGED"), "cannot be decompressed"),
        (("--text", "SHORTENED"), "cannot be decompressed"),
        (("series", "--text", "FULL", "--text", "FULL"), "The task series reads one file."),
    ],
)
def test_what_cannot_be_read_is_refused(tmp_path: Path, arguments: tuple[str, ...], said: str) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "full.txt").write_bytes(WORDS)
    (tmp_path / "damaged.gz").write_bytes(WORDS)
    (tmp_path / "short.xz").write_bytes(lzma.compress(WORDS)[:-30])
    files = {"EMPTY": "empty", "FULL": "full.txt", "DAMAGED": "damaged.gz", "SHORTENED": "short.xz"}
    refused = train(tmp_path, *(str(tmp_path / files[a]) if a in files else a for a in arguments))
    assert refused.returncode == 2 and said in refused.stderr and "Traceback" not in refused.stderr


def test_a_pipe_is_read_wherever_a_text_is_and_refused_in_the_playground(tmp_path: Path) -> None:
    run, text = trained(tmp_path, WORDS), str(tmp_path / "own.txt")
    temporary = tmp_path / "temporary"
    temporary.mkdir()

    def piped(*command: str) -> str:
        with open(text, "rb") as source:
            done = call(*command, "--text", "-", stdin=source, env=os.environ | {"TMPDIR": str(temporary)})
        assert done.returncode == 0, done.stderr
        return str(done.stdout)

    assert piped("evaluate", run) == call("evaluate", run, "--text", text).stdout
    assert list(temporary.iterdir()) == []  # what was read only once is gone
    started = started_line(piped("resume", run, "--steps", "1", "--json", "--runs", str(tmp_path / "runs")))
    assert Path(started["config"]["text"]).read_bytes() == WORDS  # a run keeps it
    refused = call("play", "--text", "-")
    assert refused.returncode == 2 and "Standard input is a pipe, which cannot be read here." in refused.stderr


ITEMS = Path(__file__).parent / "items"


def names() -> list[str]:
    return (ITEMS / "names.txt").read_text(encoding="utf-8").split()


def tunes() -> list[str]:
    return [f"{tune.strip()}\n" for tune in (ITEMS / "tunes.txt").read_text(encoding="utf-8").split("\n\n")]


def learned_items(folder: Path, text: Path, *options: str) -> str:
    """The directory of a run on the items of `text`, whose held-out loss is well below the bigram's."""
    settings = ("--hidden", "64", "--validation", "0.15", "--cores", "1", "--runs", str(folder / "runs"))
    done = call("train", "--text", str(text), *settings, *options, "--json")
    assert done.returncode == 0, done.stderr
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    evaluated = [line for line in lines if line["kind"] == "evaluated"][-1]
    assert evaluated["loss"] < evaluated["baseline"] - 0.03
    return str(next(line["run"] for line in lines if line["kind"] == "started"))


def test_names_are_learned_as_items_and_new_ones_are_written(tmp_path: Path) -> None:
    """Of twenty names none is in the file, held-out ones neither, and fifteen or more are as long as one of it."""
    known = names()
    assert len(set(known)) == 200
    settings = ("--steps", "500", "--batch", "20", "--seq-len", "16", "--lr", "0.004", "--dropout", "0.3")
    run = learned_items(tmp_path, ITEMS / "names.txt", "--document", "line", *settings)
    sampled = call("sample", run, "--count", "20", "--unique", "--seed", "5")
    assert sampled.returncode == 0, sampled.stderr
    new = sampled.stdout.split("\n")
    assert len(new) == 21 and new.pop() == ""
    assert len(set(new)) == 20 and not set(new) & set(known)
    assert sum(len(name) in set(map(len, known)) for name in new) >= 15
    plain = call("sample", run, "--until", "a", "--prompt", "Be", "--seed", "2")
    assert plain.stdout.startswith("Be") and plain.stdout.endswith("a") and plain.stdout.count("a") == 1
    refused = call("sample", run, "--count", "0")
    assert refused.returncode == 2 and "--count is 0" in refused.stderr


def test_a_folder_of_tunes_is_learned_file_by_file(tmp_path: Path) -> None:
    """Of forty tunes none is in the folder, and half or more lie between its shortest and its longest in length."""
    known = tunes()
    (tmp_path / "tunes").mkdir()
    for n, tune in enumerate(known):
        (tmp_path / "tunes" / f"{n:02}.abc").write_text(tune, encoding="utf-8")
    settings = ("--steps", "700", "--batch", "16", "--seq-len", "80", "--lr", "0.01", "--dropout", "0.2")
    run = learned_items(tmp_path, tmp_path / "tunes", *settings, "--weight-dropout", "0.2", "--schedule", "cosine")
    sampled = call("sample", run, "--count", "40", "--unique", "--seed", "1", "--temperature", "0.7")
    new = [f"{tune.strip()}\n" for tune in sampled.stdout.split("\n\n\n") if tune.strip()]
    assert len(known) == 20 and len(new) == len(set(new)) and not set(new) & set(known), sampled.stdout
    assert sum(tune.startswith("X:") and "\nK:" in tune and tune.endswith("|\n") for tune in new) >= 30
    lengths = sorted(map(len, known))
    assert sum(lengths[0] <= len(tune) <= lengths[-1] for tune in new) >= 20


def test_items_that_are_not_there_are_refused(tmp_path: Path) -> None:
    run = trained(tmp_path, WORDS)
    for options, said in (
        (("--count", "3"), "The run learned a text without items."),
        (("--until", "x", "--unique"), "The run stores no items of its text"),
    ):
        refused = call("sample", run, *options)
        assert refused.returncode == 2 and said in refused.stderr
