"""A run that begins as a copy of another one, up to a checkpoint."""

import shutil
from datetime import UTC, datetime
from pathlib import Path

import msgspec

from rnnplay.config import CheckpointName, UserError
from rnnplay.folders import write_remedy
from rnnplay.runs.best import whole_checkpoint
from rnnplay.runs.checkpoint import BEST, FULL, WEIGHTS, checkpoint_path, checkpoint_steps
from rnnplay.runs.directory import METRICS, RunRecord, config_digest, create, save_record, write_atomically
from rnnplay.runs.metrics import read_lines
from rnnplay.runs.task_data import TASK_DATA


def copy_run(source: Path, record: RunRecord, at: CheckpointName) -> Path:
    """Copy the run `source` up to its checkpoint `at` into a new directory beside it, which is returned.

    Copied are the metrics, the checkpoints of the history, the best one and the data of the task, each up to that step.
    Raises UserError if that checkpoint is not whole or if the copy cannot be written; then nothing is left of it.
    """
    step, path = whole_checkpoint(source, record, at)
    run = create(source.parent, record.config)
    try:
        write_atomically(checkpoint_path(run, step, FULL), path.read_bytes())
        for kind in (WEIGHTS, BEST):
            for other in (earlier for earlier in checkpoint_steps(source, kind) if earlier <= step):
                name = checkpoint_path(source, other, kind)
                write_atomically(run / name.name, name.read_bytes(), durable=kind == BEST)
        if (source / TASK_DATA).exists():
            write_atomically(run / TASK_DATA, (source / TASK_DATA).read_bytes())
        lines = [line for line in read_lines(source / METRICS) if line["step"] <= step]
        write_atomically(run / METRICS, b"".join(msgspec.json.encode(line) + b"\n" for line in lines))
        changes = {
            "created": datetime.now(UTC).isoformat(timespec="milliseconds"),
            "copied_from": source.name,
            "earlier_digests": (*record.earlier_digests, config_digest(source)),
        }
        save_record(run, msgspec.structs.replace(record, **changes))  # last: without it, this is no run
    except OSError as error:
        shutil.rmtree(run, ignore_errors=True)
        raise UserError(
            f'"{source}" cannot be copied to "{run}" ({error.strerror}).',
            f"{write_remedy(error)}, or train it on where it is.",
        ) from None
    return run
