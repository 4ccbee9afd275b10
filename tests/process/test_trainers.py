"""Where a run's trainer is found, by whom it may be reached, and how long it stays without a screen."""

import errno
import fcntl
import os
import re
import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from made_up_runs import new_run, write_record_of

from rnnplay import runs
from rnnplay.cli.attach import _how_it_stands
from rnnplay.config import UserError
from rnnplay.protocol import PROTOCOL_VERSION, Attach, UnitAblated, encode_frame
from rnnplay.runs import RunLock, is_locked, trainers
from rnnplay.runs.directory import write_atomically
from rnnplay.runs.lock import LOCK
from rnnplay.trainer.clients import Clients
from rnnplay.trainer.connection import MAX_BEHIND, Connection
from rnnplay.trainer.linger import IDLE_SECONDS, Linger
from rnnplay.trainer.opening import lock_run

HOUR = 3600.0


# ------------------------------------------------------------------------------------------------------------- linger


def over(linger: Linger, now: float, training: bool = True, has_limit: bool = False, since: float = 0.0) -> bool:
    return linger.is_over(now, training, has_limit, since)


def test_a_run_that_was_not_told_to_go_on_ends_with_its_last_screen() -> None:
    linger = Linger()
    assert over(linger, 0.0)
    linger.leave(0.0, 5.0)
    assert over(linger, 5.0) and over(linger, 5.0, has_limit=True)


def test_a_run_goes_on_to_its_limit_or_for_the_longest_time_that_a_screen_asked_for() -> None:
    linger = Linger()
    linger.leave(12 * HOUR, 0.0)
    linger.leave(600.0, HOUR)  # another one was closed later
    assert not over(linger, 12 * HOUR - 1) and over(linger, 12 * HOUR)
    assert not over(linger, 100 * HOUR, has_limit=True)


def test_a_paused_or_finished_run_waits_ten_minutes_for_a_screen() -> None:
    linger = Linger()
    linger.leave(12 * HOUR, 10.0)
    assert not over(linger, 10.0 + IDLE_SECONDS - 1, training=False, has_limit=True)
    assert over(linger, 10.0 + IDLE_SECONDS, training=False, has_limit=True)
    assert not over(linger, 9000.0, training=False, since=8900.0)  # it has just finished
    linger.leave(60.0, 20 * HOUR)
    assert over(linger, 20 * HOUR + 60, training=False)


def test_stopping_a_run_says_what_is_saved_of_it(tmp_path: Path) -> None:
    run = new_run(tmp_path)
    (run / "ckpt-40.safetensors").touch()
    (run / runs.METRICS).write_text('{"step": 40, "loss": 2.0}\n')
    assert _how_it_stands(run) == "hello, saved at step 40"
    with (run / runs.METRICS).open("a") as file:
        file.write('{"step": 50, "loss": null}\n')  # it diverged, or the disk was full
    assert _how_it_stands(run) == "hello, ended at step 50; its last checkpoint is of step 40"
    assert _how_it_stands(tmp_path / "gone") == "it had done no step, and is not kept"


# ------------------------------------------------------------------------------------------------------------ sockets


def test_a_folder_for_sockets_that_others_can_use_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "s"
    monkeypatch.setenv("RNNPLAY_SOCKETS", str(folder))
    assert trainers.make_socket_folder() == folder and folder.stat().st_mode & 0o777 == 0o700
    folder.chmod(0o755)
    with pytest.raises(UserError, match=r"open to other users.*chmod"):
        trainers.make_socket_folder()
    folder.rmdir()
    folder.symlink_to(tmp_path)
    with pytest.raises(UserError, match="not your own"):
        trainers.make_socket_folder()
    folder.unlink()
    folder.touch()
    with pytest.raises(UserError, match="cannot be made"):
        trainers.make_socket_folder()
    monkeypatch.setenv("RNNPLAY_SOCKETS", "/tmp/" + "x" * 80)
    with pytest.raises(UserError, match=r"too long.*short name"):
        trainers.make_socket_folder()
    assert not os.path.exists("/tmp/" + "x" * 80)
    monkeypatch.setenv("RNNPLAY_SOCKETS", "/proc/nothing")
    with pytest.raises(UserError, match=r"cannot be made.*RNNPLAY_SOCKETS"):
        trainers.make_socket_folder()
    monkeypatch.setattr(trainers, "_MAX_PATH", 1000)
    monkeypatch.setenv("RNNPLAY_SOCKETS", str(tmp_path))
    tmp_path.chmod(0o700)
    with monkeypatch.context() as patch:
        patch.setattr(os, "access", lambda *_: False)
        with pytest.raises(UserError, match=r"cannot be written.*chmod"):
            trainers.make_socket_folder()
    monkeypatch.setattr(os, "geteuid", lambda: os.stat(tmp_path).st_uid + 1)
    with pytest.raises(UserError, match="not your own"):
        trainers.make_socket_folder()


def test_a_socket_of_another_user_is_not_talked_to(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run = new_run(tmp_path)
    listener = trainers.listen(run)
    assert os.stat(listener.getsockname()).st_mode & 0o777 == 0o600
    trainers.write_record(run, listener.getsockname(), PROTOCOL_VERSION)
    assert trainers.find_trainer(run) is not None
    monkeypatch.setattr(trainers, "peer_user", lambda connection: os.geteuid() + 1)
    with pytest.raises(UserError, match="another user"):
        trainers.find_trainer(run)
    assert (run / trainers.TRAINER).exists()
    assert runs.run_info(run).alive is False
    with monkeypatch.context() as patch:
        patch.setattr(socket.socket, "connect", failing(errno.EACCES))  # as of one in another user's folder
        with pytest.raises(UserError, match="another user"):
            trainers.find_trainer(run)
    listener.close()


def test_a_socket_of_a_system_that_gives_it_little_room_gets_more() -> None:
    with socket.socket(socket.AF_UNIX) as connection:
        options = (socket.SO_SNDBUF, socket.SO_RCVBUF)
        before = [connection.getsockopt(socket.SOL_SOCKET, option) for option in options]
        trainers.enlarge_buffers(connection)
        assert [connection.getsockopt(socket.SOL_SOCKET, option) for option in options] == before  # Linux
        for option in options:
            connection.setsockopt(socket.SOL_SOCKET, option, 8192)  # as on macOS
        trainers.enlarge_buffers(connection)
        assert all(connection.getsockopt(socket.SOL_SOCKET, option) >= 128 * 1024 for option in options)
    trainers.enlarge_buffers(connection)  # which is closed: no error


def test_a_trainer_closes_the_connection_of_another_user(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run = new_run(tmp_path)
    clients = Clients()
    clients.listen(trainers.listen(run))
    monkeypatch.setattr("rnnplay.trainer.clients.peer_user", lambda connection: os.geteuid() + 1)
    record = trainers.write_record(run, trainers.socket_path(run), PROTOCOL_VERSION)
    connection = trainers.connect(record)
    assert connection is not None
    clients.receive(0.0)
    assert connection.recv(100) == b""
    clients.stop_listening()


def test_a_screen_that_does_not_read_is_cut_off_and_the_others_are_not(tmp_path: Path) -> None:
    run = new_run(tmp_path)
    clients = Clients()
    clients.name_run(str(run), "abc0")
    clients.listen(trainers.listen(run))
    record = trainers.write_record(run, trainers.socket_path(run), PROTOCOL_VERSION)
    ends = [trainers.connect(record) for _ in range(2)]
    for end in ends:
        assert end is not None
        end.sendall(encode_frame(Attach()))
    received = [pair for _ in range(4) for pair in clients.receive(0.2)]
    assert len(received) == 2
    for connection, command in received:
        clients.attach(connection, command, 0.0)
    slow, quick = ends
    assert slow is not None and quick is not None
    quick.setblocking(False)
    event = UnitAblated(
        step=3,
        layer=0,
        unit=0,
        pattern="",
        clamp_to=0.0,
        inside=0.0,
        outside=0.0,
        others_inside=(0.5,) * 100_000,
        fraction_beaten=0.0,
        characters=0,
        sentence="",
    )
    size = len(encode_frame(event))
    gone: list[Connection] = []
    sent = 0
    while not gone and sent < 3 * MAX_BEHIND:
        clients.broadcast(event)
        sent += size
        for _ in range(8):  # until the quick one has read it all
            clients.receive(0.0)
            drain(quick)
        gone += clients.take_gone()
    assert gone == [received[0][0]] and sent > MAX_BEHIND
    assert clients.attached == [received[1][0]]
    clients.stop_listening()


def drain(end: socket.socket) -> None:
    try:
        while end.recv(2**20):
            pass
    except BlockingIOError:
        pass


# --------------------------------------------------------------------------------------------------- another machine


def test_the_trainer_of_another_machine_is_named_and_never_judged(tmp_path: Path) -> None:
    run = new_run(tmp_path)
    record = write_record_of(run, host="elsewhere", boot_id="other")
    assert trainers.find_trainer(run) == record and record.is_elsewhere
    with pytest.raises(UserError, match=r"trained on elsewhere.*if that machine is off, delete"):
        lock_run(run, [])
    (info,) = runs.list_runs(tmp_path)
    assert (info.state, info.host, info.alive) == ("training", "elsewhere", False)
    assert trainers.read_record(run) == record
    assert not is_locked(run)


def test_a_machine_that_got_another_name_since_it_was_started_is_the_same(tmp_path: Path) -> None:
    run = new_run(tmp_path)
    assert not write_record_of(run, host="its-name-in-another-net").is_elsewhere
    assert write_record_of(run, host="elsewhere", boot_id="").is_elsewhere  # a system that has none


def test_a_process_whose_socket_was_removed_is_known_by_its_start_where_files_have_no_locks(tmp_path: Path) -> None:
    run = new_run(tmp_path)
    record = write_record_of(run)
    assert trainers.find_trainer(run) == record
    write_record_of(run, started="1")  # its number is another process's by now
    assert trainers.find_trainer(run) is None


def test_sockets_lie_where_they_stay_after_a_logout(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("RNNPLAY_SOCKETS", raising=False)
    monkeypatch.setenv("XDG_RUNTIME_DIR", "/run/user/1000")
    assert trainers.socket_folder() == Path(f"/tmp/rnnplay-{os.geteuid()}")


def test_a_machine_that_was_switched_off_has_left_nothing_alive(tmp_path: Path) -> None:
    run = new_run(tmp_path)
    write_record_of(run, boot_id="the start before")
    assert trainers.find_trainer(run) is None
    assert not (run / trainers.TRAINER).exists()
    lock_run(run, []).release()


def test_where_there_is_no_proc_a_process_is_told_from_others_by_its_start_all_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(trainers, "_PROC", tmp_path)  # as on macOS
    assert re.fullmatch(r"\w{3} \w{3} \d+ [\d:]{8} \d{4}", trainers.process_start(os.getpid()))
    assert not trainers.has_ended(os.getpid())
    with subprocess.Popen(["true"]) as process:
        os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)  # it has ended, and its parent takes no note
        assert trainers.has_ended(process.pid) and trainers.process_start(process.pid) == ""
    assert trainers.has_ended(process.pid)
    monkeypatch.setenv("PATH", "/nowhere")
    assert trainers.process_start(os.getpid()) == "" and not trainers.has_ended(os.getpid())


def test_where_no_process_says_who_it_is_the_socket_s_owner_decides(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delattr(socket, "SO_PEERCRED")  # as on macOS
    run = new_run(tmp_path)
    listener = trainers.listen(run)
    record = trainers.write_record(run, listener.getsockname(), PROTOCOL_VERSION)
    connection = trainers.connect(record)
    assert connection is not None and trainers.peer_user(connection) is trainers.peer_process(connection) is None
    connection.close()
    monkeypatch.setattr(os, "geteuid", lambda: os.stat(run).st_uid + 1)
    with pytest.raises(UserError, match="another user"):
        trainers.connect(record)
    listener.close()


# -------------------------------------------------------------------------------------------------------------- locks


def failing(number: int) -> Callable[..., None]:
    def fail(*arguments: object) -> None:
        raise OSError(number, os.strerror(number))

    return fail


@pytest.mark.parametrize("number", [errno.ENOLCK, errno.EOPNOTSUPP, errno.ENOSYS])
def test_where_flock_fails_record_locks_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int) -> None:
    run = new_run(tmp_path)
    monkeypatch.setattr(fcntl, "flock", failing(number))
    notes: list[str] = []
    with lock_run(run, notes) as lock:
        assert lock.is_held and notes == []
        locked = f"import fcntl; fcntl.lockf(open({str(run / LOCK)!r}, 'rb'), fcntl.LOCK_SH | fcntl.LOCK_NB)"
        other = subprocess.run([sys.executable, "-c", locked], capture_output=True, text=True)
        assert "BlockingIOError" in other.stderr
    monkeypatch.setattr(fcntl, "lockf", failing(number))
    assert not is_locked(run)
    with lock_run(run, notes) as lock:
        assert not lock.is_held
    assert "no file locks" in notes[0]
    listener = trainers.listen(run)
    trainers.write_record(run, listener.getsockname(), PROTOCOL_VERSION)
    with pytest.raises(UserError, match=r"trained by another process.*rnnplay stop"):
        lock_run(run, notes)
    listener.close()


def test_a_lock_that_fails_otherwise_is_not_taken_for_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run = new_run(tmp_path)
    monkeypatch.setattr(fcntl, "flock", failing(errno.EIO))
    with pytest.raises(OSError, match="Input/output"):
        RunLock(run)


def test_a_folder_that_cannot_be_synced_is_ignored_and_any_other_error_is_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = os.fsync

    def of_folders(number: int) -> Callable[[int], None]:
        def sync(file: int) -> None:
            if os.path.isdir(f"/proc/self/fd/{file}"):
                raise OSError(number, os.strerror(number))
            real(file)

        return sync

    run = new_run(tmp_path)
    monkeypatch.setattr(os, "fsync", of_folders(errno.EINVAL))
    write_atomically(run / "file", b"content")
    monkeypatch.setattr(os, "fsync", of_folders(errno.EIO))
    with pytest.raises(runs.WriteError, match="Input/output"):
        write_atomically(run / "file", b"content")


def test_last_is_the_run_that_was_last_worked_on(tmp_path: Path) -> None:
    first = new_run(tmp_path, 1, created="2026-01-01T00:00:01.000+00:00")
    second = new_run(tmp_path, 2, created="2026-01-01T00:00:02.000+00:00")
    assert runs.resolve("last", tmp_path) == second
    lock_run(first, []).release()
    assert runs.resolve("last", tmp_path) == first
    for run in (second, first):  # within one second
        lock_run(run, []).release()
    assert runs.resolve("last", tmp_path) == first
    (first / LOCK).write_text("2099-01-01T00:00:00.000000+00:00")  # then the clock was set back
    lock_run(second, []).release()
    assert runs.resolve("last", tmp_path) == second
    (first / LOCK).write_text("9999-12-31T23:59:59.999999+00:00")
    lock_run(second, []).release()


# -------------------------------------------------------------------------------------------------- before it lingers

PRELOADED = """
import ast, sys
from pathlib import Path
import rnnplay
from rnnplay.trainer.preload import import_everything
import_everything()
import_everything()  # a second time does nothing
rooms = ("backend", "catalogue", "corpora", "engine", "lab", "parallel", "protocol", "runs", "tasks", "trainer")
for path in sorted(Path(rnnplay.__file__).parent.rglob("*.py")):
    room = path.relative_to(Path(rnnplay.__file__).parent).parts[0]
    if room not in rooms or path.name == "__main__.py":
        continue
    for function in ast.walk(ast.parse(path.read_text())):
        if isinstance(function, ast.FunctionDef):
            for node in ast.walk(function):
                names = []
                if isinstance(node, ast.Import):
                    names = [alias.name for alias in node.names]
                elif isinstance(node, ast.ImportFrom):
                    names = [node.module]
                for name in names:
                    if name not in sys.modules and name.split(".")[0] != "torch":  # loaded already where it trains
                        print(path.name, name)
"""


def test_a_trainer_that_lingers_has_imported_all_that_it_may_need() -> None:
    done = subprocess.run([sys.executable, "-c", PRELOADED], capture_output=True, text=True, timeout=60)
    assert (done.stdout, done.stderr) == ("", "")
