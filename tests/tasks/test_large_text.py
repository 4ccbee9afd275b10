"""A long text: its ids are mapped from a file, with the same bits, and the trainer answers while it reads."""

import gzip
import mmap
import os
import select
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from rnnplay import corpora, tasks
from rnnplay.catalogue import make_config
from rnnplay.config import UserError
from rnnplay.corpora import large_text
from rnnplay.protocol import (
    AnyEvent,
    Pause,
    ReadingText,
    Stop,
    Train,
    decode_event,
    encode_frame,
    frame_length,
)
from rnnplay.tasks.text import TextTask
from rnnplay.trainer import text_reading
from rnnplay.trainer.clients import Clients
from rnnplay.trainer.connection import Connection


@pytest.fixture
def text(tmp_path: Path) -> Path:
    path = tmp_path / "text.txt"
    path.write_text("".join(f"{n * n} apples, {n} pears; " for n in range(3000)), encoding="utf-8")
    return path


def is_mapped(array: Any) -> bool:
    while isinstance(array, np.ndarray) and array.base is not None:
        array = array.base
    return isinstance(getattr(array, "obj", array), mmap.mmap)


def task_of(text: Path, **choices: Any) -> TextTask:
    task = tasks.make(make_config("text", text=str(text), batch=4, seq_len=16, **choices))
    assert isinstance(task, TextTask)
    return task


@pytest.mark.parametrize("holdout", ["end", "streams"])
def test_a_mapped_text_gives_the_same_batches(
    text: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, holdout: str
) -> None:
    in_memory = task_of(text, holdout=holdout)
    monkeypatch.setattr(large_text, "MAPPED_BYTES", 10_000)
    folder = tmp_path / "runs"
    with corpora.reading(folder):
        mapped = task_of(text, holdout=holdout)
    assert is_mapped(mapped.training_ids)
    assert not is_mapped(in_memory.training_ids)
    assert list(folder.iterdir()) == []  # the file has no name: it goes with the process
    assert mapped.vocabulary == in_memory.vocabulary
    assert np.array_equal(mapped.held_out_ids, in_memory.held_out_ids)
    for step in range(in_memory.epoch_steps + 2):
        ours, theirs = mapped.batch(step), in_memory.batch(step)
        assert np.array_equal(ours.inputs, theirs.inputs)
        assert np.array_equal(ours.targets, theirs.targets)
    assert mapped.baselines() == in_memory.baselines()


def test_a_mapped_text_is_read_in_another_vocabulary(text: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    encoded = corpora.read("text", str(text))
    vocabulary = tuple(symbol for symbol in encoded.vocabulary if symbol not in "a;")
    ids, unknown = corpora.reencode(encoded, vocabulary, None)
    monkeypatch.setattr(large_text, "MAPPED_BYTES", 10_000)
    mapped, unknown_of_mapped = corpora.reencode(corpora.read("text", str(text)), vocabulary, None)
    assert is_mapped(mapped)
    assert np.array_equal(mapped, ids)
    assert unknown_of_mapped == unknown == {"a": 6000, ";": 3000}


def test_another_text_in_the_vocabulary_of_a_run_is_mapped_too(text: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    vocabulary = tuple(sorted(set(text.read_text())))
    ids, unknown = corpora.encode_file(str(text), vocabulary[:-1])
    assert not is_mapped(ids) and unknown == vocabulary[-1:]
    monkeypatch.setattr(large_text, "MAPPED_BYTES", 10_000)
    mapped, _ = corpora.encode_file(str(text), vocabulary[:-1])
    assert is_mapped(mapped)
    assert np.array_equal(mapped, ids)


def test_numbers_of_unknown_count_move_from_memory_to_a_file() -> None:
    writer = large_text.IdWriter(None, np.uint16, max_bytes=20)
    for first in range(0, 40, 4):
        writer.add(np.arange(first, first + 4))
        assert len(writer) == first + 4
    numbers = writer.array()
    assert is_mapped(numbers) and numbers.tolist() == list(range(40))


def test_a_folder_that_cannot_be_written_is_passed_over(
    text: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(large_text, "MAPPED_BYTES", 10_000)
    expected = corpora.read("text", str(text)).ids
    with corpora.reading(text / "no folder"):
        assert np.array_equal(corpora.read("text", str(text)).ids, expected)


def test_a_full_disk_is_a_sentence(text: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*args: Any, **kwargs: Any) -> Any:
        return open("/dev/full", "r+b")

    if not Path("/dev/full").exists():
        pytest.skip("needs /dev/full")
    monkeypatch.setattr(large_text, "MAPPED_BYTES", 10_000)
    monkeypatch.setattr(tempfile, "TemporaryFile", full)
    with pytest.raises(UserError, match=r"ids of a long text cannot be written .*No space left"):
        corpora.read("text", str(text))


def test_reading_reports_its_progress(text: Path, tmp_path: Path) -> None:
    reports: list[tuple[int, int | None]] = []
    with corpora.reading(None, lambda done, total: reports.append((done, total))):
        corpora.read("text", str(text))
        size = text.stat().st_size
        assert reports[-1:] == [(2 * size, 2 * size)]  # it is read twice
        compressed = tmp_path / "text.txt.gz"
        compressed.write_bytes(gzip.compress(text.read_bytes()))
        corpora.read("text", str(compressed))
        assert reports[-1:] == [(2 * size, None)]


class Starter:
    """The process that starts a trainer: the other ends of its pipes."""

    def __init__(self) -> None:
        commands, self.commands = os.pipe()
        self.events, events = os.pipe()
        self.clients = Clients(Connection(commands, events))

    def event(self) -> AnyEvent:
        return decode_event(os.read(self.events, frame_length(os.read(self.events, 4))))


@pytest.fixture
def starter(monkeypatch: pytest.MonkeyPatch) -> Iterator[Starter]:
    monkeypatch.setattr(text_reading, "_SECONDS_BETWEEN", 0.0)
    monkeypatch.setattr(text_reading, "_SECONDS_UNREPORTED", 0.0)
    started = Starter()
    yield started
    for connection in started.clients.attached:
        connection.release()
    os.close(started.events)


@pytest.mark.parametrize("ending", ["stop", "gone"])
def test_a_trainer_that_reads_can_be_stopped(text: Path, tmp_path: Path, starter: Starter, ending: str) -> None:
    opening = Train(config=make_config("text", text=str(text)), root=str(tmp_path))
    later: list[Any] = []
    if ending == "stop":
        os.write(starter.commands, encode_frame(Pause()) + encode_frame(Stop()))
    else:
        os.close(starter.commands)
    with (
        pytest.raises(text_reading.ReadingStopped),
        text_reading.answering(starter.clients, opening, later),
    ):
        task_of(text)
    event = starter.event()
    assert isinstance(event, ReadingText)
    assert event.bytes_read > 0
    assert event.progress == pytest.approx(event.bytes_read / (2 * text.stat().st_size))
    assert text_reading.stopped_event(opening).run == ""


def test_a_reading_that_ends_soon_is_not_reported(
    text: Path, tmp_path: Path, starter: Starter, monkeypatch: pytest.MonkeyPatch
) -> None:
    opening = Train(config=make_config("text", text=str(text)), root=str(tmp_path))
    for unreported, is_reported in ((1_000.0, False), (0.0, True)):
        monkeypatch.setattr(text_reading, "_SECONDS_UNREPORTED", unreported)
        with text_reading.answering(starter.clients, opening, []):
            task_of(text)
        starter.clients.receive()  # what is queued leaves
        assert bool(select.select([starter.events], [], [], 0.0)[0]) is is_reported


def test_a_command_that_comes_while_a_text_is_read_waits(text: Path, tmp_path: Path, starter: Starter) -> None:
    opening = Train(config=make_config("text", text=str(text)), root=str(tmp_path), linger=60.0)
    later: list[Any] = []
    os.write(starter.commands, encode_frame(Pause()))
    os.close(starter.commands)  # the run goes on without it for a while
    with text_reading.answering(starter.clients, opening, later):
        task_of(text)
    assert [type(command) for command in later] == [Pause]
