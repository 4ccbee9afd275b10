"""Course of a run's losses: which evaluation is the best, and when each baseline was passed."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from rnnplay.tui.state.metrics import MetricsTable
from rnnplay.verdicts import HeldOut, held_out_verdict

if TYPE_CHECKING:
    import numpy as np

    Array = np.ndarray[Any, np.dtype[Any]]

Evaluations = Sequence[tuple[int, float]]  # (step, loss) in order, all on one text

WINDOW = 16  # rows that the running mean is over


@dataclass(frozen=True)
class HeldOutCourse:
    """The best evaluation and the last one."""

    best_step: int
    best: float
    last_step: int
    last: float
    verdict: HeldOut


@dataclass(frozen=True)
class Passed:
    """The step from which the loss of training was below a baseline, and the seconds of training until then."""

    step: int
    seconds: float


def held_out_course(
    evaluations: Evaluations, metrics: MetricsTable, baseline: float | None = None
) -> HeldOutCourse | None:
    """Return how the loss on held-out data went; None: nothing was measured. baseline: the simplest predictor's."""
    if not evaluations:
        return None
    best_step, best = min(evaluations, key=lambda pair: pair[1])
    last_step, last = evaluations[-1]
    trained = (mean_before(metrics, best_step), mean_before(metrics, last_step))
    return HeldOutCourse(
        best_step, best, last_step, last, held_out_verdict([loss for _, loss in evaluations], *trained, baseline)
    )


def mean_before(metrics: MetricsTable, step: int) -> float:
    """Return the mean loss of the last rows of the metrics up to `step`; NaN if there is none."""
    import numpy as np

    steps = metrics["step"]
    end = int(np.searchsorted(steps, step, side="right"))
    losses = metrics["loss"][max(0, end - WINDOW) : end]
    weights = np.diff(steps[:end], prepend=0)[-WINDOW:]
    finite = np.isfinite(losses)
    return float(np.average(losses[finite], weights=weights[finite])) if finite.any() else math.nan


def running_mean(steps: Array, losses: Array) -> Array:
    """Return the mean over each row and those before it, at most WINDOW, weighted by the steps that a row stands for.

    steps, losses (N,); rows that are not finite are left out of the means; NaN where all are.
    """
    import numpy as np

    finite = np.isfinite(losses)
    weights = np.where(finite, np.diff(steps, prepend=0), 0.0)
    total = np.concatenate(([0.0], np.cumsum(np.where(finite, losses, 0.0) * weights)))
    weight = np.concatenate(([0.0], np.cumsum(weights)))
    end = np.arange(1, len(steps) + 1)
    start = np.maximum(0, end - WINDOW)
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.asarray((total[end] - total[start]) / (weight[end] - weight[start]))


def passed(baseline: float, metrics: MetricsTable, evaluations: Evaluations) -> Passed | None:
    """Return when the loss went below `baseline`: by the running mean of training, and by the next evaluation too.

    None: not yet, or no evaluation has confirmed it.
    """
    import numpy as np

    steps, seconds = metrics["step"], metrics["seconds"]
    below = running_mean(steps, metrics["loss"]) < baseline
    after = 0  # rows up to here are contradicted by an evaluation
    for step, loss in evaluations:
        end = int(np.searchsorted(steps, step, side="right"))
        first = np.flatnonzero(below[after:end])
        if first.size and loss < baseline:
            row = after + int(first[0])
            return Passed(int(steps[row]), float(seconds[row]))
        after = max(after, end)
    return None
