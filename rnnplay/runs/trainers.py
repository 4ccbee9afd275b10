"""Process that trains a run: `trainer.json` in the run's directory, and the socket at which that process answers.

A trainer is alive if its socket answers. The process number alone says nothing: it may be another process's by now, or
one of another machine that has the same folder.
"""

import errno
import os
import socket
import stat
import struct
import subprocess
import sys
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import Annotated

import msgspec

from rnnplay.config import UserError
from rnnplay.runs.directory import run_dirs, run_id, write_atomically
from rnnplay.runs.lock import is_locked

TRAINER = "trainer.json"
SOCKETS = "RNNPLAY_SOCKETS"
_MAX_PATH = 103  # bytes of a socket's path; macOS has room for 104 with the zero at the end
_MAX_NAME = 24  # bytes of its name
_BUFFER_BYTES = 128 * 1024  # of a socket, less than Linux gives
_MAX_BYTES = 64 * 1024  # of a record
_PROC = Path("/proc")  # Linux; elsewhere `ps` is asked
_ENDED = ("Z", "X")  # states of a process that has ended, of which its parent has not taken note yet
_NOT_THERE = (errno.ECONNREFUSED, errno.ENOENT, errno.ENOTSOCK, errno.ENOTDIR)


FilePath = Annotated[str, msgspec.Meta(pattern=r"^[^\x00]*$")]


class TrainerRecord(msgspec.Struct, frozen=True, kw_only=True):
    """trainer.json: the process that trains a run, or has finished it and still shows it."""

    run: FilePath  # directory, as that process has it
    host: Annotated[str, msgspec.Meta(pattern=r"^[^\x00-\x1f\x7f-\x9f]{0,255}$")]  # it is shown on terminals
    boot_id: str  # one for each start of the machine; empty: not known
    pid: int
    started: str  # when the process began, in the system's own count; empty: not known
    socket: FilePath
    version: int  # of the protocol

    @property
    def is_elsewhere(self) -> bool:
        """Return whether it is a process of another machine."""
        return self.host != host() and (self.boot_id != boot_id() or not self.boot_id)


def host() -> str:
    return os.uname().nodename


@cache
def boot_id() -> str:
    """Return an id of this start of this machine, different from all others; empty where it is not known."""
    try:
        if sys.platform == "darwin":
            command = ["/usr/sbin/sysctl", "-n", "kern.bootsessionuuid"]  # cron's PATH does not lead there
            return subprocess.run(command, capture_output=True, text=True, timeout=2, check=True).stdout.strip()
        return Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    except (OSError, subprocess.SubprocessError):
        return ""


def process_start(pid: int) -> str:
    """Return when a process of this machine began, in the words of its system; empty: unknown, or it has ended."""
    state, start = _state_and_start(pid)
    return "" if state in _ENDED else start


def has_ended(pid: int) -> bool:
    """Return whether a process of this machine has ended, even if its parent has not taken note of it yet."""
    try:
        os.kill(pid, 0)
    except OSError:
        return True
    return _state_and_start(pid)[0] in _ENDED


def _state_and_start(pid: int) -> tuple[str, str]:
    """The letter of a process's state, and when it began; both empty: not known, or there is no such process."""
    try:
        fields = (_PROC / str(pid) / "stat").read_text().rpartition(")")[2].split()
        return fields[0], fields[19]  # clock ticks since the start of the machine
    except (OSError, IndexError):
        if (_PROC / "self").exists():
            return "", ""
    command = ["ps", "-p", str(pid), "-o", "state=", "-o", "lstart="]
    environment = os.environ | {"LC_ALL": "C", "TZ": "UTC0"}  # so that a date is written in one way only
    try:
        line = subprocess.run(command, capture_output=True, text=True, timeout=2, env=environment).stdout
    except (OSError, subprocess.SubprocessError):
        return "", ""
    state, _, start = line.strip().partition(" ")
    return state[:1], " ".join(start.split())


# ------------------------------------------------------------------------------------------------------- the sockets


def socket_folder() -> Path:
    """Return the folder of this user's sockets, which need not exist: RNNPLAY_SOCKETS, or one in /tmp."""
    if given := os.environ.get(SOCKETS):
        return Path(given).absolute()
    return Path(f"/tmp/rnnplay-{os.geteuid()}")


def make_socket_folder() -> Path:
    """Return the folder of this user's sockets, which no other user can read.

    Raises UserError if it cannot be made or written, is not this user's own, or has too long a path for sockets.
    """
    folder = socket_folder()
    remedy = f"Set {SOCKETS} to a folder of your own."
    if len(os.fsencode(folder)) + 1 + _MAX_NAME > _MAX_PATH:
        problem = f'The path of the folder for sockets "{folder}" is too long.'
        raise UserError(problem, f"Set {SOCKETS} to a folder with a short name.")
    try:
        folder.mkdir(mode=0o700, exist_ok=True)
        status = folder.lstat()
    except OSError as error:
        raise UserError(f'The folder for sockets "{folder}" cannot be made ({error.strerror}).', remedy) from None
    if not stat.S_ISDIR(status.st_mode) or status.st_uid != os.geteuid():
        raise UserError(f'The folder for sockets "{folder}" is not your own.', remedy)
    if status.st_mode & 0o077:
        raise UserError(f'The folder for sockets "{folder}" is open to other users.', f'chmod 700 "{folder}"')
    if not os.access(folder, os.W_OK | os.X_OK):
        raise UserError(f'The folder for sockets "{folder}" cannot be written.', f'chmod 700 "{folder}"')
    return folder


def socket_path(run: Path) -> str:
    """The path of the socket at which this process can be reached about `run`."""
    name = "".join(letter for letter in run_id(run) if letter.isascii() and letter.isalnum())  # it may be renamed
    return str(socket_folder() / f"{name[:12]}-{os.getpid()}")


def listen(run: Path) -> socket.socket:
    """Return a socket at which this process can be reached about `run`, for this user alone.

    Raises UserError if there can be none.
    """
    make_socket_folder()
    path = Path(socket_path(run))
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        path.unlink(missing_ok=True)  # of a process that had the same number
        listener.bind(str(path))
        path.chmod(0o600)
        listener.listen(16)
        listener.setblocking(False)
    except OSError as error:
        listener.close()
        problem = f'No socket can be made in "{path.parent}" ({error.strerror}).'
        raise UserError(problem, f"Set {SOCKETS} to a folder on another disk.") from None
    return listener


def enlarge_buffers(connection: socket.socket) -> None:
    """Let a socket hold _BUFFER_BYTES: macOS gives it 8 KiB, so that a trace would leave in a hundred pieces."""
    with suppress(OSError):  # macOS refuses it once the other end is closed, as by one who only looked
        for option in (socket.SO_SNDBUF, socket.SO_RCVBUF):
            if connection.getsockopt(socket.SOL_SOCKET, option) < _BUFFER_BYTES:
                connection.setsockopt(socket.SOL_SOCKET, option, _BUFFER_BYTES)


def peer_user(connection: socket.socket) -> int | None:
    """The user of the process at the other end; None: the system does not say."""
    if not hasattr(socket, "SO_PEERCRED"):
        return None
    return _peer(connection)[1]


def peer_process(connection: socket.socket) -> int | None:
    """The process at the other end; None: the system does not say."""
    return _peer(connection)[0] if hasattr(socket, "SO_PEERCRED") else None


def _peer(connection: socket.socket) -> tuple[int, int]:
    layout = "iII"
    credentials = connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, struct.calcsize(layout))
    pid, uid, _ = struct.unpack(layout, credentials)
    return pid, uid


def connect(record: TrainerRecord) -> socket.socket | None:
    """Return a socket that is connected to the trainer; None if nobody answers there.

    Raises UserError if the socket is another user's, BlockingIOError if the trainer has not answered others for long.
    """
    connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    connection.setblocking(False)  # a trainer that is stopped takes no more than some connections
    try:
        owner = os.stat(record.socket, follow_symlinks=False).st_uid
        connection.connect(record.socket)
        user = peer_user(connection)
        connection.setblocking(True)
        enlarge_buffers(connection)
    except BlockingIOError:
        connection.close()
        raise
    except OSError as error:
        connection.close()
        if error.errno in _NOT_THERE:
            return None
        if error.errno in (errno.EACCES, errno.EPERM):
            raise _foreign_socket_error(record) from None
        problem = f'The trainer\'s socket "{record.socket}" cannot be used ({error.strerror or error}).'
        raise UserError(problem, f"Set {SOCKETS} as it was when the run was started.") from None
    if owner != os.geteuid() or user not in (None, os.geteuid()):
        connection.close()
        raise _foreign_socket_error(record)
    return connection


def _foreign_socket_error(record: TrainerRecord) -> UserError:
    return UserError(f"The trainer's socket \"{record.socket}\" is another user's.", "Look at runs of your own.")


# ------------------------------------------------------------------------------------------------------- the records


def write_record(run: Path, path: str, version: int) -> TrainerRecord:
    """Say in the run's directory that this process trains it. Raises WriteError."""
    pid = os.getpid()
    record = TrainerRecord(
        run=str(run),
        host=host(),
        boot_id=boot_id(),
        pid=pid,
        started=process_start(pid),
        socket=path,
        version=version,
    )
    write_atomically(run / TRAINER, msgspec.json.encode(record) + b"\n", durable=False)
    return record


def read_record(run: Path) -> TrainerRecord | None:
    """Return what the run's trainer.json says, true or not any more; None: there is none, or it is damaged."""
    try:
        with open(run / TRAINER, "rb", opener=_open_at_once) as file:
            return msgspec.json.decode(file.read(_MAX_BYTES), type=TrainerRecord)
    except (OSError, ValueError, RecursionError):  # msgspec's errors are ValueErrors
        return None


def _open_at_once(path: str, flags: int) -> int:
    """Open a file; a named pipe in its place is not waited for."""
    return os.open(path, flags | os.O_NONBLOCK)


def remove_record(run: Path, record: TrainerRecord) -> None:
    """Remove the run's trainer.json, if it is still this one, and its socket."""
    with suppress(OSError):
        if read_record(run) == record:
            (run / TRAINER).unlink()
    remove_socket(Path(record.socket))


def remove_socket(path: Path) -> None:
    """Remove a socket of this user's that nobody listens at any more."""
    with suppress(OSError):
        status = path.lstat()
        if stat.S_ISSOCK(status.st_mode) and status.st_uid == os.geteuid():
            path.unlink()


def is_running(record: TrainerRecord) -> bool:
    """Return whether the very process of the record runs on this machine, as far as the system says."""
    return bool(record.host == host() and record.started and process_start(record.pid) == record.started)


def find_trainer(run: Path) -> TrainerRecord | None:
    """Return the process that trains or shows `run`, here or on another machine (`is_elsewhere`); None: there is none.

    Removes the record of one that is dead. Raises UserError if the socket is another user's.
    """
    record = read_record(run)
    if record is None or record.is_elsewhere:
        return record
    if not is_same_run(run, record.run):
        return None  # the directory is a copy
    try:
        connection = connect(record)
    except BlockingIOError:
        return record
    if connection is not None:
        connection.close()
        return record
    if record.boot_id == boot_id() and (is_running(record) or is_locked(run)):
        return record  # its socket was removed
    remove_record(run, record)
    return None


def is_same_run(run: Path, served: str) -> bool:
    """Return whether a trainer that serves the directory `served` serves `run`, as far as that can be seen."""
    try:
        return run.samefile(served)
    except OSError:  # it is mounted, or was moved, elsewhere
        return True


def no_trainer_error(run: Path, remedy: str) -> UserError:
    """Return what to say of a run without a trainer that answers; remedy: what to do if none is there at all."""
    name = run_id(run)
    if is_locked(run):
        problem = f"The run {name} is being trained by a process that cannot be reached."
        return UserError(problem, "Try again in ten seconds, or end it where it was started.")
    return UserError(f"The run {name} is not being trained.", remedy)


def refuse_elsewhere(run: Path) -> None:
    """Raises UserError if a process of another machine trains `run`, as far as can be known."""
    record = read_record(run)
    if record is not None and record.is_elsewhere:
        raise UserError(
            f"The run {run.name} is being trained on {record.host} (process {record.pid}).",
            f'Stop it there; if that machine is off, delete "{run / TRAINER}".',
        )


def living_runs(root: Path) -> list[tuple[Path, TrainerRecord]]:
    """The runs in `root` that have a trainer, the newest first, each with its trainer."""
    living = []
    for run in run_dirs(root):
        with suppress(UserError):
            record = find_trainer(run)
            if record is not None:
                living.append((run, record))
    return living
