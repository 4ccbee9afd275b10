"""The run directory: config.json, metrics.jsonl, checkpoints, one writer at a time. Checkpoints alone need NumPy."""

from rnnplay.runs.directory import (
    CONFIG,
    LOG,
    METRICS,
    RunRecord,
    WriteError,
    config_digest,
    create,
    has_runs,
    load_record,
    run_id,
    runs_root,
    save_record,
    writing,
)
from rnnplay.runs.listing import RunInfo, list_runs, run_info, saved_step
from rnnplay.runs.lock import RunLock, is_locked, opened_at
from rnnplay.runs.metrics import MetricsFile, read_lines, read_metrics
from rnnplay.runs.piped_texts import remove_unused_texts, texts_folder
from rnnplay.runs.resolve import resolve
from rnnplay.runs.screen_state import SCREEN_STATE, ScreenState, load_screen_state, save_screen_state

__all__ = [
    "CONFIG",
    "LOG",
    "METRICS",
    "SCREEN_STATE",
    "MetricsFile",
    "RunInfo",
    "RunLock",
    "RunRecord",
    "ScreenState",
    "WriteError",
    "config_digest",
    "create",
    "has_runs",
    "is_locked",
    "list_runs",
    "load_record",
    "load_screen_state",
    "opened_at",
    "read_lines",
    "read_metrics",
    "remove_unused_texts",
    "resolve",
    "run_id",
    "run_info",
    "runs_root",
    "save_record",
    "save_screen_state",
    "saved_step",
    "texts_folder",
    "writing",
]
