"""A trainer ends when nobody reads it any more, whatever it is doing, and even while its commands stay open."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from driving import last_saved, small, trained, write_text

from rnnplay import blas
from rnnplay.protocol import Inspect, Resume, Started, Status, Stopped, Train, decode_event, encode_frame, frame_length
from rnnplay.trainer.clients import Clients
from rnnplay.trainer.connection import Connection

Opening = Train | Resume | Inspect


def start(opening: Opening) -> "subprocess.Popen[bytes]":
    child = subprocess.Popen(
        [sys.executable, "-m", "rnnplay.trainer"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env=os.environ | blas.trainer_environment(),
    )
    assert child.stdin is not None
    child.stdin.write(encode_frame(opening))
    child.stdin.flush()
    return child


def read_until_status(child: "subprocess.Popen[bytes]") -> Path:
    """The run, once the trainer has said in which state it is."""
    assert child.stdout is not None
    run = Path()
    while True:
        event = decode_event(child.stdout.read(frame_length(child.stdout.read(4))))
        if isinstance(event, Started):
            run = Path(event.run)
        if isinstance(event, Status) and (event.state != "training" or event.step):
            return run


@pytest.mark.parametrize("state", ["training", "paused", "inspecting"])
async def test_it_saves_and_ends_when_its_reader_is_gone_and_its_commands_are_held_open(
    tmp_path: Path, state: str
) -> None:
    config = small(write_text(tmp_path / "words.txt"), steps=None if state != "inspecting" else 3)
    opening: Opening = Train(config=config, root=str(tmp_path), paused=state == "paused")
    if state == "inspecting":
        opening = Inspect(run=str(await trained(config, tmp_path)))
    child = start(opening)
    try:
        run = read_until_status(child)
        assert child.stdin is not None and child.stdout is not None
        child.stdout.close()
        assert child.wait(timeout=60) == 0
        if state == "paused":
            assert not run.exists()  # it did no step
        else:
            assert last_saved(run) >= 1
    finally:
        child.kill()
        child.wait()


@pytest.fixture
def wire() -> "tuple[Connection, int]":
    """A wire whose commands stay open, and the descriptor its events are read from."""
    commands, _ = os.pipe()
    reader, events = os.pipe()
    return Connection(commands, events), reader


def test_a_write_to_nobody_closes_the_wire(wire: "tuple[Connection, int]") -> None:
    end, reader = wire
    os.close(reader)
    assert not end.closed
    end.send(Stopped(run="", step=0, reason="stopped"))
    end.write_available()
    assert end.closed


def test_waiting_for_commands_ends_at_once_when_the_reader_goes(wire: "tuple[Connection, int]") -> None:
    end, reader = wire
    clients = Clients(end)
    os.close(reader)
    assert clients.receive(timeout=3600.0) == []
    assert end.closed and clients.take_gone() == [end]
