"""Run directories: their folder, their names, the record of each.

A run is a directory `<utc>-<task>-<cell>-<id>`; the names sort by the time at which the runs began.
"""

import errno
import hashlib
import json
import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec

from rnnplay.config import FORMAT, RunConfig, UserError, upgrade_settings, validate
from rnnplay.folders import data_folder

CONFIG, METRICS, LOG = "config.json", "metrics.jsonl", "log.txt"


class RunRecord(msgspec.Struct, frozen=True, kw_only=True):
    """config.json: all settings of a run, and the software and hardware that its numbers depend on."""

    config: RunConfig
    created: str  # ISO 8601, UTC
    schedule_start: int = 0  # the step at which the learning rate's schedule began
    sha256: str | None = None  # of the text or table that it reads
    earlier_texts: tuple[str, ...] = ()  # SHA-256 of the texts that it read before this one, the first first
    blas: str = ""  # kernel and threads, human-readable
    environment: dict[str, str] = {}  # the variables that select them
    numpy: str = ""
    trained_on: str = ""  # the device that trains, human-readable; empty: the CPU
    rnnplay: str = ""
    copied_from: str = ""  # name of the run that it is a copy of, up to a checkpoint
    earlier_digests: tuple[str, ...] = ()  # `config_digest` of this file before each change that the program made
    imported: bool = False  # its network came from a file: it is a run though it has done no step
    format: int = FORMAT


def runs_root(override: str | None = None) -> Path:
    """The folder of all runs: `override`, else RNNPLAY_HOME/runs, else in the user's data folder. It need not exist.

    Raises UserError if the user has no home folder.
    """
    return Path(os.path.expanduser(override)).absolute() if override else data_folder("runs")


def create(root: Path, config: RunConfig) -> Path:
    """Create a new directory for a run of `config`. Raises UserError if it cannot be written."""
    now = datetime.now(UTC)
    # The id begins with the fraction of the second, so that names sort by time within a second too.
    name = f"{now:%Y%m%d-%H%M%S}-{config.task}-{config.cell}-{now.microsecond * 4096 // 1_000_000:03x}"
    run = root / (name + secrets.token_hex(2))
    try:
        run.mkdir(parents=True)
    except OSError as error:
        raise UserError(
            f'No run can be written to "{root}" ({error.strerror}).', "Give another folder with --runs or RNNPLAY_HOME."
        ) from None
    return run


def is_run(path: Path) -> bool:
    """Return whether `path` is the directory of a run."""
    return (path / CONFIG).is_file()


def run_id(run: Path) -> str:
    """The last part of a run's name, by which the command line refers to the run."""
    return run.name.rpartition("-")[2]


def run_dirs(root: Path) -> list[Path]:
    """Return all runs in `root`, the newest first."""
    if not root.is_dir():
        return []
    return sorted((path for path in root.iterdir() if is_run(path)), key=lambda path: path.name, reverse=True)


def has_runs(root: Path) -> bool:
    """Return whether `root` has a run."""
    return root.is_dir() and any(is_run(path) for path in root.iterdir())


class WriteError(OSError):
    """Error: something of a run cannot be written: the disk is full, or the folder not writable."""


@contextmanager
def writing(path: Path) -> Iterator[None]:
    """Raise any OSError of the block as a WriteError, so that it is not taken for one of reading."""
    try:
        yield
    except OSError as error:
        raise WriteError(error.errno, error.strerror or str(error), str(path)) from error


def write_atomically(path: Path, *parts: bytes | memoryview, durable: bool = True) -> None:
    """Replace the content of the file at `path` by `parts`, all or nothing. durable: synced to the disk.

    Raises WriteError.
    """
    with writing(path):
        temporary = path.with_name(f".{path.name}.tmp")
        try:
            with temporary.open("wb") as file:
                for part in parts:
                    file.write(part)
                if durable:
                    file.flush()
                    os.fsync(file.fileno())
            os.replace(temporary, path)
        except OSError:
            temporary.unlink(missing_ok=True)
            raise
        if durable:
            folder = os.open(path.parent, os.O_RDONLY)
            try:
                os.fsync(folder)
            except OSError as error:
                if error.errno != errno.EINVAL:  # CIFS, vboxsf and some FUSE file systems sync no folders
                    raise
            finally:
                os.close(folder)


def save_record(run: Path, record: RunRecord) -> None:
    """Write config.json, indented, unless it says the same already; it names the digest of the one before.

    Raises WriteError.
    """
    path, content = run / CONFIG, msgspec.json.encode(record)
    if path.exists():
        if (digest := config_digest(run)) == _digest(content):
            return
        earlier = (*record.earlier_digests, digest)
        content = msgspec.json.encode(msgspec.structs.replace(record, earlier_digests=earlier))
    write_atomically(path, msgspec.json.format(content, indent=1) + b"\n")


def config_digest(run: Path) -> str:
    """The digest of what config.json says, however it is laid out. Raises OSError, or ValueError if it is no JSON."""
    return _digest((run / CONFIG).read_bytes())


def _digest(content: bytes) -> str:
    """The beginning of the SHA-256 of JSON, with sorted keys."""
    return hashlib.sha256(json.dumps(json.loads(content), sort_keys=True).encode()).hexdigest()[:16]


def load_record(run: Path) -> RunRecord:
    """The record in config.json, of any format so far. Raises UserError if it cannot be read or is not valid."""
    path = run / CONFIG
    remedy = "Put the file right, or begin a new run."
    try:
        fields = msgspec.json.decode(path.read_bytes(), type=dict[str, Any])
    except OSError as error:
        raise UserError(f'"{path}" cannot be read ({error.strerror}).', "Give the directory of a run.") from None
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise UserError(f'"{path}" is damaged ({error}).', remedy) from None
    if isinstance(settings := fields.get("config"), dict):
        fields |= {"config": upgrade_settings(settings, fields.get("format")), "format": FORMAT}
    try:
        record = msgspec.convert(fields, RunRecord)
        validate(record.config)
    except msgspec.ValidationError as error:
        raise UserError(f'"{path}" is damaged ({error}).', remedy) from None
    except UserError as error:
        raise UserError(f'"{path}" is damaged ({error.problem})', remedy) from None
    return record
