"""A list of all runs for a screen or a terminal; reads only config.json and the end of metrics.jsonl."""

from contextlib import suppress
from pathlib import Path
from typing import Any

import msgspec

from rnnplay.config import UserError
from rnnplay.runs.directory import METRICS, load_record, run_dirs, run_id
from rnnplay.runs.lock import is_locked
from rnnplay.runs.metrics import read_tail
from rnnplay.runs.trainers import find_trainer


class RunInfo(msgspec.Struct, frozen=True, kw_only=True):
    """One run of the list."""

    id: str
    path: str
    state: str  # training | diverged | finished | stopped | damaged (its config.json cannot be read)
    task: str = ""
    cell: str = ""
    hidden: int = 0
    layers: int = 0
    batch: int = 0
    seq_len: int = 0
    created: str = ""  # ISO 8601, UTC
    step: int = 0
    loss: float | None = None  # of the last block of steps
    validation: float | None = None  # the last loss on held-out data
    size: int = 0  # bytes on the disk
    device: str = ""  # that trains it, with its precision, for people; empty: the CPU
    alive: bool = False  # a trainer answers: a screen can attach
    host: str = ""  # the other machine that trains it; empty: none does


def list_runs(root: Path) -> list[RunInfo]:
    """Every run in `root`, the newest first, without those that ended before their first step."""
    infos = []
    for run in run_dirs(root):
        with suppress(FileNotFoundError):  # it was deleted meanwhile
            info = run_info(run)
            if not _is_empty(run, info):
                infos.append(info)
    return infos


def _is_empty(run: Path, info: RunInfo) -> bool:
    """Return whether the run ended before its first step and its network was not imported: there is nothing to see."""
    if info.state != "stopped" or info.step:
        return False
    has_later = any(not path.stem.endswith("-0") for kind in ("ckpt", "weights") for path in run.glob(f"{kind}-*"))
    return not has_later and not load_record(run).imported


def run_info(run: Path) -> RunInfo:
    """Return what a list says of one run. Raises FileNotFoundError if it is deleted meanwhile."""
    size = _size(run)
    try:
        record = load_record(run)
    except UserError:
        return RunInfo(id=run_id(run), path=str(run), state="damaged", size=size)
    config = record.config
    tail = read_tail(run / METRICS)
    finished = bool(tail) and tail[-1].get("kind") == "ended"
    try:
        trainer = find_trainer(run)
    except UserError:  # its socket is another user's
        trainer = None
    is_training = is_locked(run) or (trainer is not None and not finished)
    rows = [line for line in tail if "kind" not in line]
    diverged = bool(rows) and rows[-1].get("loss") is None
    evaluations = [line for line in tail if line.get("kind") == "evaluated"]
    return RunInfo(
        id=run_id(run),
        path=str(run),
        state="diverged" if diverged else "training" if is_training else "finished" if finished else "stopped",
        task=config.task,
        cell=config.cell,
        hidden=config.hidden or 0,
        layers=config.layers,
        batch=config.batch,
        seq_len=config.seq_len,
        created=record.created,
        device=record.trained_on,
        step=max(rows[-1]["step"] if rows else 0, saved_step(run)),
        loss=_last_loss(rows),
        validation=_last_loss(evaluations),
        size=size,
        alive=trainer is not None and not trainer.is_elsewhere,
        host=trainer.host if trainer is not None and trainer.is_elsewhere else "",
    )


def saved_step(run: Path) -> int:
    """The step of the last checkpoint; later than the last row where that ended within a block of steps; 0: none."""
    steps = [path.stem.removeprefix("ckpt-") for path in run.glob("ckpt-*.safetensors")]
    return max((int(step) for step in steps if step.isdecimal()), default=0)


def _size(run: Path) -> int:
    """The bytes of the run's files. Those that its trainer deletes meanwhile are left out."""
    total = 0
    for path in run.iterdir():
        with suppress(FileNotFoundError):
            total += path.stat().st_size if path.is_file() and not path.name.startswith(".") else 0
    return total


def _last_loss(lines: list[dict[str, Any]]) -> float | None:
    loss = lines[-1].get("loss") if lines else None
    return loss if isinstance(loss, float) else None
