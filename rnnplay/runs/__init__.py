"""The run directory: config.json, metrics.jsonl, checkpoints, one writer at a time. Checkpoints alone need NumPy."""

from rnnplay.runs.directory import (
    CONFIG,
    LOG,
    METRICS,
    RunLock,
    RunRecord,
    WriteError,
    create,
    has_runs,
    is_locked,
    load_record,
    resolve,
    run_id,
    runs_root,
    save_record,
    writing,
)
from rnnplay.runs.listing import RunInfo, list_runs
from rnnplay.runs.metrics import MetricsFile, read_lines, read_metrics

__all__ = [
    "CONFIG",
    "LOG",
    "METRICS",
    "MetricsFile",
    "RunInfo",
    "RunLock",
    "RunRecord",
    "WriteError",
    "create",
    "has_runs",
    "is_locked",
    "list_runs",
    "load_record",
    "read_lines",
    "read_metrics",
    "resolve",
    "run_id",
    "runs_root",
    "save_record",
    "writing",
]
