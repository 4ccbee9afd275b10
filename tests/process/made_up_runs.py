"""Runs without a trainer, and records of trainers that there may not be."""

from pathlib import Path
from typing import Any

import msgspec

from rnnplay import runs
from rnnplay.config import RunConfig
from rnnplay.protocol import PROTOCOL_VERSION
from rnnplay.runs import RunRecord, trainers


def new_run(root: Path, second: int = 0, created: str = "") -> Path:
    run = root / f"20260101-0000{second:02}-hello-rnn-abc{second}"
    run.mkdir(parents=True)
    runs.save_record(run, RunRecord(config=RunConfig(task="hello"), created=created))
    return run


def write_record_of(run: Path, /, **changes: Any) -> trainers.TrainerRecord:
    """A record of this process, with changes."""
    record = msgspec.structs.replace(trainers.write_record(run, "/nowhere/socket", PROTOCOL_VERSION), **changes)
    (run / trainers.TRAINER).write_bytes(msgspec.json.encode(record))
    return record
