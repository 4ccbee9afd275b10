"""How a trainer stays reachable while the files that lead to it come and go, and how it begins without its starter."""

import os
import shutil
import signal
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from driving import last_saved, small, write_text

from rnnplay.protocol import Attach, SetSpeed, Train, encode_frame
from rnnplay.runs import trainers
from rnnplay.trainer import loop, serving
from rnnplay.trainer.clients import Clients
from rnnplay.trainer.connection import Connection
from rnnplay.trainer.opening import open_session
from tests.trainer.serving import SIGNALS


class Served:
    """A run whose trainer this process is."""

    def __init__(self, run: Path) -> None:
        run.mkdir()
        self.run, self.clients = run, Clients()
        self.session: Any = SimpleNamespace(run=run, unreachable="not yet", lock=object(), metrics=object())
        self.server = serving.Server(self.session, self.clients)
        self.server.open()

    @property
    def socket(self) -> Path:
        record = trainers.read_record(self.run)
        assert record is not None
        return Path(record.socket)

    def can_be_attached_to(self) -> bool:
        """Whether a screen that attaches now is heard."""
        record = trainers.find_trainer(self.run)
        end = trainers.connect(record) if record is not None else None
        if end is None:
            return False
        with end:
            end.sendall(encode_frame(Attach()))
            received = [pair for _ in range(4) for pair in self.clients.receive(0.0)]
        return [type(command) for _, command in received] == [Attach]


@pytest.fixture
def served(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Served]:
    with tempfile.TemporaryDirectory(prefix="rnnplay-") as folder:
        monkeypatch.setenv("RNNPLAY_SOCKETS", f"{folder}/s")
        it = Served(tmp_path / "20260101-000000-hello-rnn-abc")
        yield it
        it.server.close()
        assert not (it.run / trainers.TRAINER).exists()


def test_a_trainer_whose_socket_was_deleted_makes_another_one(served: Served) -> None:
    assert served.can_be_attached_to()
    served.socket.unlink()
    assert not served.can_be_attached_to()
    served.server.check()
    assert served.can_be_attached_to() and served.session.unreachable == ""


def test_it_makes_the_folder_of_sockets_too(served: Served) -> None:
    shutil.rmtree(served.socket.parent)
    served.server.check()
    assert served.can_be_attached_to()


@pytest.mark.parametrize("other", ["file", "fifo", "symlink"])
def test_what_stands_in_its_socket_s_place_is_replaced(served: Served, tmp_path: Path, other: str) -> None:
    path = served.socket
    path.unlink()
    if other == "file":
        path.write_text("")
    elif other == "fifo":
        os.mkfifo(path)
    else:
        path.symlink_to(tmp_path / "nowhere")
    assert not served.can_be_attached_to()
    served.server.check()
    assert served.can_be_attached_to()


@pytest.mark.parametrize("content", [None, b"", b"{", b'{"pid": 1}'])
def test_a_record_that_was_deleted_or_damaged_is_written_again(served: Served, content: bytes | None) -> None:
    before = trainers.read_record(served.run)
    (served.run / trainers.TRAINER).unlink()
    if content is not None:
        (served.run / trainers.TRAINER).write_bytes(content)
    assert trainers.find_trainer(served.run) is None
    served.server.check()
    assert trainers.read_record(served.run) == before and served.can_be_attached_to()


def test_the_record_of_the_process_that_trains_the_run_now_is_left_alone(served: Served) -> None:
    (served.run / trainers.TRAINER).unlink()
    served.session.lock = None  # it has finished here
    served.server.check()
    assert not (served.run / trainers.TRAINER).exists()


def test_while_no_socket_can_be_made_the_session_says_why(served: Served) -> None:
    folder = served.socket.parent
    served.socket.unlink()
    folder.chmod(0o755)
    served.server.check()
    assert "open to other users" in served.session.unreachable
    folder.chmod(0o700)
    served.server.check()
    assert served.session.unreachable == "" and served.can_be_attached_to()


def test_a_socket_does_not_grow_so_old_that_tmp_is_cleaned_of_it(served: Served) -> None:
    for when in (time.time() - 9 * 86_400, time.time() + 9 * 86_400):  # the clock may have been set
        os.utime(served.socket, (when, when))
        os.utime(served.socket.parent, (when, when))
        served.server.check()
        for path in (served.socket, served.socket.parent):
            assert abs(path.stat().st_mtime - time.time()) < 3600
            assert abs(path.stat().st_atime - time.time()) < 3600


def test_it_looks_at_the_files_every_few_seconds_alone(served: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(serving.time, "monotonic", lambda: now)
    served.socket.unlink()
    now = served.server._due - 0.1
    served.server.check_if_due()
    assert not served.can_be_attached_to()
    now += 0.2
    served.server.check_if_due()
    assert served.socket.exists() and served.server._due == now + 10.0


@pytest.mark.parametrize(
    ("is_slowed", "is_lost_later"),
    [(False, False), (True, False), (True, True)],
    ids=["lost", "slowed", "slowed, lost"],
)
def test_a_run_whose_starter_is_lost_even_before_it_is_opened_goes_on_at_full_speed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, is_slowed: bool, is_lost_later: bool
) -> None:
    imports = list[None]()
    monkeypatch.setattr(loop, "import_everything", lambda: imports.append(None))
    opening = Train(config=small(write_text(tmp_path / "words.txt")), root=str(tmp_path / "runs"), linger=0.3)
    (commands, to_trainer), (from_trainer, events) = os.pipe(), os.pipe()
    clients, calls = Clients(Connection(commands, events)), list[None]()
    os.write(to_trainer, encode_frame(opening))
    assert clients.receive(1.0) == [(clients.starter, opening)]  # then its text is read
    if not is_lost_later:
        os.close(to_trainer)
        os.close(from_trainer)
        clients.receive(0.0)
        assert clients.attached == []
    session = open_session(opening)
    session.unreachable = ""
    handlers = {number: signal.getsignal(number) for number in SIGNALS}

    def on_call() -> None:
        calls.append(None)
        if is_lost_later and len(calls) == 3:
            os.close(to_trainer)
            os.close(from_trainer)

    commands_before = [SetSpeed(steps_per_second=50.0)] if is_slowed else []
    training_loop = loop.TrainingLoop(session, clients, opening, commands_before, on_call)
    try:
        training_loop.run()
    finally:
        for number, handler in handlers.items():
            signal.signal(number, handler)
        os.close(commands)
        os.close(events)
    assert last_saved(session.run) > 0
    assert len(calls) > 3
    assert training_loop._training.pacer.steps_per_second is None
    assert len(imports) == 1
