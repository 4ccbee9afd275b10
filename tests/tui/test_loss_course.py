"""What is said of a run's losses, against a computation apart: the best evaluation, and when baselines were passed."""

import math

import numpy as np
import pytest
from made_up_play import row

from rnnplay.tui.state.loss_course import HeldOutCourse, Passed, held_out_course, passed, running_mean
from rnnplay.tui.state.metrics import MetricsTable
from rnnplay.verdicts import HeldOut, held_out_verdict


def table(losses: list[float | None], every: int = 1) -> MetricsTable:
    metrics = MetricsTable()
    metrics.add(row(every * (n + 1), loss=loss) for n, loss in enumerate(losses))
    return metrics


@pytest.mark.parametrize(
    ("losses", "trained", "baseline", "verdict"),
    [
        ([2.0], (2.0, 2.0), None, HeldOut.BEST),
        ([3.0, 2.5, 2.0], (2.0, 2.0), None, HeldOut.BEST),
        ([2.0, 2.0], (2.0, 2.0), None, HeldOut.BEST),
        ([3.0, 1.8, 2.5, 3.775], (1.5, 0.3), 2.4, HeldOut.OVERFITS),
        ([3.0, 1.8, 2.5, 3.775], (1.5, 1.9), 2.4, HeldOut.WORSE),
        ([3.0, 1.8, 2.5, 3.775], (math.nan, 0.3), 2.4, HeldOut.WORSE),
        ([1.8, 3.775], (1.5, 0.3), 2.4, HeldOut.LEVEL),  # worse once
        ([3.0, 1.8, 3.775], (1.5, 0.3), 2.4, HeldOut.LEVEL),
        ([3.0, 1.8, 1.85, 1.81], (1.5, 0.3), 2.4, HeldOut.LEVEL),
        ([3.0, 1e-5, 2e-5, 3e-5], (1.5, 0.3), 2.4, HeldOut.LEVEL),  # a task that is solved
        ([3.0, 1e-5, 2e-5, 3e-5], (1.5, 0.3), None, HeldOut.OVERFITS),
    ],
)
def test_the_verdict_on_held_out_losses(
    losses: list[float], trained: tuple[float, float], baseline: float | None, verdict: HeldOut
) -> None:
    assert held_out_verdict(losses, *trained, baseline) == verdict


def test_it_overfits_where_training_went_on_falling() -> None:
    evaluations = [(50, 2.5), (100, 1.801), (150, 2.9), (200, 3.775)]
    falling = table([3.0 - 0.01 * n for n in range(220)])
    course = held_out_course(evaluations, falling, 2.455)
    assert course == HeldOutCourse(100, 1.801, 200, 3.775, HeldOut.OVERFITS)
    rising = table([1.0 + 0.01 * n for n in range(220)])
    assert held_out_course(evaluations, rising, 2.455) == HeldOutCourse(100, 1.801, 200, 3.775, HeldOut.WORSE)
    assert held_out_course([], falling) is None


def test_the_running_mean_weighs_rows_by_their_steps_and_leaves_out_what_is_no_number() -> None:
    rng = np.random.default_rng(3)
    steps = np.cumsum(rng.integers(1, 9, 60)).astype(float)
    losses = rng.normal(size=60)
    losses[[4, 5, 30]] = np.nan
    lengths = np.diff(steps, prepend=0)
    expected = []
    for n in range(60):
        window = [k for k in range(max(0, n - 15), n + 1) if np.isfinite(losses[k])]
        expected.append(sum(losses[k] * lengths[k] for k in window) / sum(lengths[k] for k in window))
    np.testing.assert_allclose(running_mean(steps, losses), expected)
    assert np.isnan(running_mean(np.array([1.0, 2.0]), np.array([np.nan, np.nan]))).all()


def test_a_baseline_is_passed_where_the_running_mean_falls_below_it_and_the_next_evaluation_agrees() -> None:
    losses = [4.0 - 0.02 * n for n in range(150)]
    first = next(n for n in range(150) if np.mean(losses[max(0, n - 15) : n + 1]) < 2.455)
    metrics = table(list(losses))
    assert passed(2.455, metrics, [(50, 3.3), (100, 2.2)]) == Passed(first + 1, (first + 1) / 100)
    assert passed(2.455, metrics, [(50, 3.3)]) is None  # no evaluation since
    assert passed(2.455, metrics, []) is None
    assert passed(0.5, metrics, [(50, 3.3), (100, 0.2)]) is None  # training is not there
    contradicted = passed(2.455, metrics, [(100, 2.6), (120, 2.2)])
    assert contradicted == Passed(101, 1.01)  # what the evaluation of step 100 denied is not said
    assert passed(2.455, metrics, [(0, 3.4), (100, 2.2)]) == Passed(first + 1, (first + 1) / 100)
