"""Whatever the encoding of standard output and of file names: no traceback, and exit status 0 where all went well."""

import io
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from rnnplay.catalogue import make_config
from rnnplay.cli.items import ItemCutter
from rnnplay.cli.streams import json_text
from rnnplay.config import UserError
from rnnplay.protocol import Evaluate, Inspect, Train, encode_frame

SIZES = ("--hidden", "6", "--batch", "2", "--seq-len", "10", "--steps", "3", "--validation", "0.2")
LATIN_1 = {"PYTHONIOENCODING": "iso8859-1"}
ASCII = {"PYTHONIOENCODING": "ascii:strict"}
C_LOCALE = {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}


def call(*arguments: str | bytes, environment: dict[str, str] | None = None) -> "subprocess.CompletedProcess[bytes]":
    child = subprocess.run(
        [sys.executable, "-m", "rnnplay", *arguments],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        env=os.environ | (environment or {}),
        timeout=120,
    )
    assert b"Traceback" not in child.stderr, child.stderr
    return child


def refusal(*arguments: str | bytes) -> str:
    """What is said in two sentences, with exit status 2."""
    child = call(*arguments)
    assert child.returncode == 2 and child.stderr.count(b"\n") == 1, child.stderr
    return child.stderr.decode("ascii", "strict")


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A run on a text of symbols that Latin-1 lacks, trained in the C locale."""
    folder = tmp_path_factory.mktemp("streams")
    (folder / "own.txt").write_text("“— ж €é 🙂” " * 40, encoding="utf-8")
    files = ("--text", str(folder / "own.txt"), "--runs", str(folder / "runs"))
    child = call("train", *files, *SIZES, environment=C_LOCALE)
    assert child.returncode == 0, child.stderr
    assert rb"\u" in child.stderr and child.stderr.isascii() and child.stdout.isascii()
    return child.stdout.decode().splitlines()[-1]


def test_a_sample_is_escaped_where_its_symbols_have_no_bytes(run: str) -> None:
    whole = call("sample", run, "--length", "60", environment={"PYTHONIOENCODING": "utf-8"})
    for environment, encoding in ((LATIN_1, "iso8859-1"), (ASCII, "ascii")):
        child = call("sample", run, "--length", "60", environment=environment)
        assert (child.returncode, whole.returncode) == (0, 0)
        assert child.stdout == whole.stdout.decode().encode(encoding, "backslashreplace")


def test_json_stays_json() -> None:
    fields = {"text": "é — 🙂", "path": "caf\udce9", "loss": float("nan")}
    for encoding in ("ascii", "iso8859-1", "utf-8"):
        text = json_text({**fields, "path": ""}, io.TextIOWrapper(io.BytesIO(), encoding))
        assert json.loads(text.encode(encoding)) == {**fields, "path": "", "loss": None}
    assert json.loads(json_text({"path": fields["path"]}, sys.stdout)) == {"path": fields["path"]}


def test_a_file_whose_name_is_not_utf_8_is_written_and_named(run: str, tmp_path: Path) -> None:
    name = os.fsencode(tmp_path) + b"/caf\xe9.safetensors"
    child = call("export", run, name)
    assert child.returncode == 0, child.stderr
    assert child.stdout == name + b"\n" and os.path.getsize(name) > 1_000


def test_what_goes_to_the_trainer_is_refused_if_it_is_not_utf_8(run: str, tmp_path: Path) -> None:
    name = os.fsencode(tmp_path) + b"/caf\xe9.txt"
    with open(name, "wb") as file:
        file.write(b"abc def " * 100)
    assert "is not UTF-8. Give it in UTF-8" in refusal("train", "--text", name, *SIZES)
    assert "is not UTF-8. Give it in UTF-8" in refusal("sample", run, "--prompt", b"caf\xe9")
    for command in (
        Inspect(run=os.fsdecode(name)),
        Evaluate(text=os.fsdecode(name)),
        Train(config=make_config("hello"), root=os.fsdecode(name)),
    ):
        with pytest.raises(UserError, match="is not UTF-8"):
            encode_frame(command)
    with pytest.raises(UserError, match="is not UTF-8"):
        make_config("text", text=os.fsdecode(name))


def test_names_of_all_kinds_work_or_get_a_sentence(run: str, tmp_path: Path) -> None:
    folder = os.fsencode(tmp_path) + b"/texts"
    os.mkdir(folder)
    for name in (b"caf\xe9.txt", "né.txt".encode()):
        with open(folder + b"/" + name, "wb") as file:
            file.write(b"abc def " * 100)
    child = call("train", "--text", folder, "--document", "none", *SIZES, "--runs", str(tmp_path / "runs"))
    assert child.returncode == 0, child.stderr
    copy = os.fsencode(tmp_path) + b"/caf\xe9"
    shutil.copytree(os.fsencode(run), copy + b"/run")
    assert "is not UTF-8. Give it in UTF-8" in refusal("sample", copy + b"/run")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("RNNPLAY_HOME", os.fsdecode(copy))
        assert "is not UTF-8. Give it in UTF-8" in refusal("train", "hello")
    child = call("sample", run, "--prompt", "né".encode(), environment=C_LOCALE)
    assert child.returncode == 2 and b"is not ASCII, which is all that this locale has. Set LC_ALL" in child.stderr


def test_a_sample_of_items_that_never_end_stops() -> None:
    cutter = ItemCutter(end="zz", shown_end="zz", count=2)
    assert cutter.take("one zz two") == "one zz" and not cutter.done
    while not cutter.done:
        assert cutter.take("more and more " * 99) == ""
    assert cutter.remark == "No 'zz' comes in 20,000 characters: it ends after 1 whole item."
