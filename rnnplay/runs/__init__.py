"""The run directory: config.json, metrics.jsonl, checkpoints, one writer at a time. Checkpoints alone need NumPy."""

from rnnplay.runs.directory import (
    CONFIG,
    LOG,
    METRICS,
    Lock,
    Record,
    any_run,
    create,
    is_running,
    load_record,
    resolve,
    run_id,
    runs_root,
    save_record,
)
from rnnplay.runs.listing import RunInfo, list_runs
from rnnplay.runs.metrics import MetricsFile, read_lines, read_metrics

__all__ = [
    "CONFIG",
    "LOG",
    "METRICS",
    "Lock",
    "MetricsFile",
    "Record",
    "RunInfo",
    "any_run",
    "create",
    "is_running",
    "list_runs",
    "load_record",
    "read_lines",
    "read_metrics",
    "resolve",
    "run_id",
    "runs_root",
    "save_record",
]
