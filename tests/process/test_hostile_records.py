"""A record or a socket that is damaged, another user's, or none at all: one sentence, and nobody waits for it."""

import asyncio
import os
import signal
import socket
from pathlib import Path
from threading import Thread

import pytest
from made_up_runs import new_run, write_record_of

from rnnplay import runs
from rnnplay.catalogue import make_config
from rnnplay.cli.attach import stop_trainer
from rnnplay.client import TrainerClient
from rnnplay.config import UserError
from rnnplay.protocol import PROTOCOL_VERSION, AnyCommand, AnyEvent, Attach, Detach, Train
from rnnplay.runs import trainers
from rnnplay.trainer.clients import Clients
from rnnplay.trainer.opening import lock_run


@pytest.mark.parametrize("content", [b"", b"{", b"[" * 100_000, b'{"pid": "x"}', b"\xff"], ids=range(5))
def test_a_damaged_record_is_none(tmp_path: Path, content: bytes) -> None:
    run = new_run(tmp_path)
    (run / trainers.TRAINER).write_bytes(content)
    assert trainers.find_trainer(run) is None


@pytest.mark.parametrize(
    "changes",
    [{"run": "a\0b"}, {"socket": "a\0b"}, {"host": "\x1b]2;mine\x07"}, {"host": "x" * 300}, {"host": "x" * 100_000}],
    ids=["run", "socket", "escape", "long", "huge"],
)
def test_a_record_of_what_no_system_writes_is_none(tmp_path: Path, changes: dict[str, str]) -> None:
    run = new_run(tmp_path)
    write_record_of(run, **changes)
    assert trainers.find_trainer(run) is None
    assert runs.run_info(run).state == "stopped"


def test_a_named_pipe_in_the_record_s_place_is_not_waited_for(tmp_path: Path) -> None:
    run = new_run(tmp_path)
    os.mkfifo(run / trainers.TRAINER)
    assert trainers.find_trainer(run) is None


def occupy(path: Path, kind: str) -> None:
    """Put something that is no socket that anybody listens at, at `path`."""
    match kind:
        case "file":
            path.write_text("")
        case "fifo":
            os.mkfifo(path)
        case "symlink":
            path.symlink_to(path.parent)
        case "folder":
            path.mkdir()
        case "stale":
            with socket.socket(socket.AF_UNIX) as end:
                end.bind(str(path))


@pytest.mark.parametrize("kind", ["file", "fifo", "symlink", "folder", "stale"])
def test_what_is_no_living_socket_is_no_trainer_and_is_left_where_it_is(tmp_path: Path, kind: str) -> None:
    run = new_run(tmp_path)
    path = trainers.make_socket_folder() / f"no-trainer-{kind}"
    occupy(path, kind)
    write_record_of(run, socket=str(path), started="1")
    assert trainers.find_trainer(run) is None
    assert not (run / trainers.TRAINER).exists()
    assert os.path.lexists(path) is (kind != "stale")
    lock_run(run, []).release()
    if kind != "stale":
        path.rmdir() if kind == "folder" else path.unlink()


def test_a_socket_s_path_that_the_system_does_not_take_is_said_so(tmp_path: Path) -> None:
    run = new_run(tmp_path)
    long = tmp_path / ("y" * 120)
    long.touch()
    write_record_of(run, socket=str(long), started="1")
    with pytest.raises(UserError, match=r"cannot be used \(AF_UNIX path too long\)"):
        trainers.find_trainer(run)
    assert runs.run_info(run).alive is False


def test_a_trainer_that_takes_no_more_connections_is_alive_and_nobody_waits_for_it(tmp_path: Path) -> None:
    run = new_run(tmp_path)
    listener = trainers.listen(run)
    record = trainers.write_record(run, listener.getsockname(), PROTOCOL_VERSION)
    ends: list[socket.socket | None] = []
    with pytest.raises(BlockingIOError):
        for _ in range(100):  # as of screens that look every few seconds whether it is alive
            ends.append(trainers.connect(record))
    assert trainers.find_trainer(run) == record
    with pytest.raises(UserError, match=r"does not answer.*rnnplay stop"):
        asyncio.run(TrainerClient.attach(run))
    for end in ends:
        assert end is not None
        end.close()
    listener.close()


def test_a_run_that_is_trained_by_a_process_without_a_socket_is_not_said_to_be_untrained(tmp_path: Path) -> None:
    run = new_run(tmp_path)
    lock = lock_run(run, [])
    try:
        (run / trainers.TRAINER).write_bytes(b"{")
        for act in (lambda: asyncio.run(TrainerClient.attach(run)), lambda: stop_trainer(run)):
            with pytest.raises(UserError, match="being trained by a process that cannot be reached"):
                act()
    finally:
        lock.release()
    for act in (lambda: asyncio.run(TrainerClient.attach(run)), lambda: stop_trainer(run)):
        with pytest.raises(UserError, match="is not being trained"):
            act()


def test_a_trainer_that_serves_another_run_is_not_attached_to_nor_stopped(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run, other = new_run(tmp_path), new_run(tmp_path, 1)
    clients = Clients()
    clients.name_run(str(other), "abc1")
    clients.listen(listener := trainers.listen(other))
    trainers.write_record(run, listener.getsockname(), PROTOCOL_VERSION)
    server = Thread(target=lambda: [clients.receive(0.1) for _ in range(9)])
    server.start()
    with pytest.raises(UserError, match="The run abc0 is not being trained"):
        asyncio.run(TrainerClient.attach(run))
    monkeypatch.setattr(os, "kill", lambda *_: pytest.fail("it was ended"))
    with pytest.raises(UserError, match="The run abc0 is not being trained"):
        stop_trainer(run)
    server.join()
    clients.stop_listening()


def test_a_trainer_that_has_stopped_answering_can_be_left(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("RNNPLAY_LINGER", "SSH_CONNECTION"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr("rnnplay.client.trainer_client._LEAVE_TIMEOUT_SECONDS", 0.1)
    run = new_run(tmp_path)
    clients = Clients()
    clients.name_run(str(run), "abc0")
    clients.listen(listener := trainers.listen(run))
    trainers.write_record(run, listener.getsockname(), PROTOCOL_VERSION)

    received: list[AnyCommand] = []

    def serve_until_left() -> None:
        while not any(isinstance(command, Detach) for command in received):
            received.extend(command for _, command in clients.receive(0.1))

    server = Thread(target=serve_until_left)
    server.start()

    async def look() -> list[AnyEvent]:
        client = await TrainerClient.attach(run)
        await client.detach()
        await client.detach()
        return [event async for event in client.events()]

    assert asyncio.run(asyncio.wait_for(look(), 30.0)) == []
    server.join()
    attach, detach = received
    assert isinstance(attach, Attach) and isinstance(detach, Detach)
    assert (attach.linger, detach.linger) == (600.0, 12 * 3600.0)  # of a window that is closed; of a run that was left
    clients.stop_listening()


def test_a_trainer_of_one_s_own_that_has_stopped_answering_is_left_and_not_ended(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("rnnplay.client.trainer_client._LEAVE_TIMEOUT_SECONDS", 0.1)
    monkeypatch.setattr("rnnplay.client.process.COMMAND", ("sleep", "600"))

    async def leave() -> int:
        client = await TrainerClient.start(Train(config=make_config("hello"), root=str(tmp_path), linger=60.0))
        await client.detach()
        assert [event async for event in client.events()] == []
        return client.pid

    pid = asyncio.run(asyncio.wait_for(leave(), 30.0))
    assert not trainers.has_ended(pid)
    os.kill(pid, signal.SIGKILL)
    os.waitpid(pid, 0)


def test_a_process_in_another_container_is_not_ended_by_its_number(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = new_run(tmp_path)
    listener = trainers.listen(run)
    record = trainers.write_record(run, listener.getsockname(), PROTOCOL_VERSION)
    write_record_of(run, socket=record.socket, started="1")  # here that number is another process's
    monkeypatch.setattr(trainers, "peer_process", lambda connection: 0)
    monkeypatch.setattr(os, "kill", lambda *_: pytest.fail("it was ended"))
    with pytest.raises(UserError, match="cannot be reached"):
        stop_trainer(run)
    listener.close()
