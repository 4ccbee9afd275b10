"""The activations of a run's network over a text, written to a file for other programs."""

import errno
import os
import shutil
from collections.abc import Callable, Sequence
from pathlib import Path

from rnnplay import corpora
from rnnplay.config import CheckpointName, UserError
from rnnplay.engine import Network
from rnnplay.exchange import trace_files
from rnnplay.exchange.trace_files import ReportRows
from rnnplay.gallery import gallery_network
from rnnplay.lab.cells.trace import check_state, states_of
from rnnplay.lab.cells.trace_rows import TraceReader
from rnnplay.protocol import Inspect
from rnnplay.runs import resolve, runs_root
from rnnplay.trainer.opening import open_session

FORMATS = (".npz", ".csv", ".parquet")
ALL_STATES = "all"
GALLERY = "gallery/"
Announce = Callable[[str, int], None]  # called with a sentence on the size, and the number of rows to come


def trace(
    run: str,
    output: str | Path,
    *,
    text: str | None = None,
    encoding: str | None = None,
    states: Sequence[str] = ("h",),
    characters: int | None = None,
    at: CheckpointName = "last",
    runs: str | None = None,
    announce: Announce = lambda sentence, rows: None,
    report: ReportRows = lambda rows: None,
    on_reading: corpora.Progress | None = None,
) -> Path:
    """Write the activations of all units of `run` to `output` (.npz, .csv or .parquet), float16; returns its path.

    run: a directory, an id, "last" or gallery/NAME. text: a file to read; None: what the run holds out. states: of "h",
    "c" and the gates, or "all". characters: at most so many time steps. at: the checkpoint, as --at names it. announce:
    called before anything is written; report: as rows are written; on_reading: as texts are read, with bytes. Raises
    UserError if there is no such run, state or text, or no room for the file.
    """
    path = Path(os.path.expanduser(output))
    if path.suffix.lower() not in FORMATS:
        raise UserError(f'"{path}" does not say its format.', "Name a file that ends in .npz, .csv or .parquet.")
    if path.suffix.lower() == ".parquet":
        trace_files.import_parquet()
    if run.startswith(GALLERY):
        folder = gallery_network(run.removeprefix(GALLERY)).path
    else:
        folder = resolve(run, runs_root(runs))
    with corpora.reading(folder.parent, on_reading):
        session = open_session(Inspect(run=str(folder), at=at, text=text, encoding=encoding))
    try:
        network = session.learner.eval_network()
        chosen = _chosen_states(network, states)
        reader = TraceReader(network, session.learner.task, session.inspected_ids, characters)
        for note in session.notes:
            announce(note, 0)
        _write(path, reader, chosen, announce, report)
        return path
    finally:
        session.close()


def _chosen_states(network: Network, states: Sequence[str]) -> tuple[str, ...]:
    """Return `states` without repetitions, or all if "all" is one of them. Raises UserError."""
    chosen = states_of(network) if ALL_STATES in states else tuple(dict.fromkeys(states))
    if not chosen:
        raise UserError("No state is named.", "Name h, c or a gate.")
    for state in chosen:
        check_state(network, state)
    return chosen


def _write(path: Path, reader: TraceReader, states: Sequence[str], announce: Announce, report: ReportRows) -> None:
    """Announce the size of the file and write it under another name first. Raises UserError if it cannot be written."""
    kind = path.suffix.lower()
    size, write = {
        ".npz": (trace_files.npz_bytes, trace_files.write_npz),
        ".csv": (trace_files.csv_bytes, trace_files.write_csv),
        ".parquet": (trace_files.parquet_bytes, trace_files.write_parquet),
    }[kind]
    needed, temporary_bytes = size(reader, states)
    _check_room(path, needed + temporary_bytes)
    units = len(trace_files.unit_names(reader, states))
    passes = len(states) if kind == ".npz" else 1
    about = "at most " if kind == ".parquet" else "about "
    announce(f"{reader.size:,} time steps of {units:,} numbers take {about}{_size_text(needed)}.", reader.size * passes)
    temporary = path.with_name(f".{path.name}.tmp")
    try:
        write(temporary, reader, states, report)
        os.replace(temporary, path)
    except OSError as error:
        remedy = "Make room, or give another file." if error.errno == errno.ENOSPC else "Give another file."
        raise UserError(f'"{path}" cannot be written ({error.strerror or error}).', remedy) from None
    finally:
        trace_files.remove_if_there(temporary)


def _check_room(path: Path, needed: int) -> None:
    """Raise UserError if the file's folder has no room for so many bytes, or is not there."""
    try:
        free = shutil.disk_usage(path.parent).free
    except OSError as error:
        raise UserError(f'"{path.parent}" cannot be written ({error.strerror}).', "Name another folder.") from None
    if needed > free:
        raise UserError(
            f'The trace takes about {_size_text(needed)}, "{path.parent.absolute()}" has {_size_text(free)} left.',
            "Write a part of it with --characters, fewer states, or to another disk.",
        )


def _size_text(size: int) -> str:
    for unit, value in (("GB", 1e9), ("MB", 1e6), ("kB", 1e3)):
        if size >= value:
            return f"{size / value:.3g} {unit}"
    return f"{size} bytes"
