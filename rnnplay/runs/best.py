"""The best evaluation of a run, and its checkpoints by name: best, last or a step."""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rnnplay.config import CheckpointName, UserError
from rnnplay.runs import checkpoint
from rnnplay.runs.checkpoint import BEST, FULL, WEIGHTS, Checkpoint, checkpoint_path, checkpoint_steps
from rnnplay.runs.directory import METRICS, RunRecord, run_id
from rnnplay.runs.metrics import read_metrics

_MARK_LENGTH = 16  # characters of a SHA-256 that mark a text


@dataclass(frozen=True)
class BestEvaluation:
    """The evaluation with the lowest loss on the run's present text."""

    step: int
    loss: float


def text_marks(record: RunRecord) -> tuple[str, str]:
    """Return what marks the run's first text and its present one: the beginnings of their SHA-256; empty: none."""
    texts = [(sha256 or "")[:_MARK_LENGTH] for sha256 in (*record.earlier_texts, record.sha256)]
    return texts[0], texts[-1]


def evaluations_on(text: str, first_text: str, lines: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return the lines of evaluations in the metrics that were made on `text`."""
    return [line for line in lines if line.get("text", first_text) == text]


def best_evaluation(run: Path, record: RunRecord, last_step: int | None = None) -> BestEvaluation | None:
    """The best evaluation on the run's present text, at most at `last_step`: by the metrics and by the checkpoint kept.

    The checkpoint may be of a run's last evaluation, whose line the metrics lose when the run goes on.
    """
    first_text, text = text_marks(record)
    lines = evaluations_on(text, first_text, read_metrics(run / METRICS)[1])
    measured = [(line["loss"], line["step"]) for line in lines if isinstance(line.get("loss"), float)]
    usable = [(loss, step) for loss, step in (*measured, *_saved(run, text)) if last_step is None or step <= last_step]
    return BestEvaluation(min(usable)[1], min(usable)[0]) if usable else None


def _saved(run: Path, text: str) -> list[tuple[float, int]]:
    """(loss, step) of each checkpoint of a best evaluation on `text` that the run keeps: one, or two for a moment."""
    saved = []
    for step in checkpoint_steps(run, BEST):
        best = checkpoint.read_state(checkpoint_path(run, step, BEST)).get("best")
        if isinstance(best, dict) and best.get("text") == text and isinstance(loss := best.get("loss"), float):
            saved.append((loss, step))
    return saved


def load_named(run: Path, record: RunRecord, at: CheckpointName) -> Checkpoint:
    """The checkpoint `at`: a step, "best" or "last". Raises UserError if the run has none."""
    return checkpoint.load_at(run, _step_of(run, record, at))


def whole_checkpoint(run: Path, record: RunRecord, at: CheckpointName) -> tuple[int, Path]:
    """(step, file) of the checkpoint `at`, if training can go on from there. Raises UserError if it cannot."""
    step = _step_of(run, record, at)
    for kind in (FULL, BEST):
        if (path := checkpoint_path(run, step, kind)).exists():
            return step, path
    checkpoint.load_at(run, step)
    whole = sorted({step for kind in (FULL, BEST) for step in checkpoint_steps(run, kind)})
    raise UserError(
        f"Step {step} of the run {run_id(run)} is kept with its weights alone: training cannot go on from there.",
        f"Whole are the steps {', '.join(map(str, whole))}." if whole else "Begin a new run.",
    )


def _step_of(run: Path, record: RunRecord, at: CheckpointName) -> int:
    if isinstance(at, int):
        return at
    if at == "best":
        if saved := _saved(run, text_marks(record)[1]):  # a better one may not be saved yet
            return min(saved)[1]
        best = best_evaluation(run, record)
        if best is None:
            raise UserError(f"The run {run_id(run)} has no evaluation, and so no best one.", "Name a step, or last.")
        return best.step
    steps = checkpoint_steps(run) or checkpoint_steps(run, WEIGHTS)
    if not steps:
        raise UserError(f"The run {run_id(run)} has no checkpoint yet.", "Train it first.")
    return steps[-1]
