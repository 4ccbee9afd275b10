"""What is said of a run holds together: the table of rules over made-up facts, and each rule with a case of its own."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rnnplay.engine.architecture import Architecture
from rnnplay.lab.health import Monitor, NetworkProbe, RunFacts
from rnnplay.lab.time import judge_gradient, sentence
from rnnplay.verdicts import (
    RULES,
    Dependency,
    GradientVerdict,
    HealthProblem,
    RadiusReason,
    RunVerdicts,
    contradictions,
    dependency_verdict,
)

SOUND = RunVerdicts(
    gradient=GradientVerdict.VANISHES,
    left=0.5**20,
    factor=0.5,
    lag=20,
    length=30,
    dependency=20,
    horizon=7,
    cell="rnn",
    radius=1.01,
    reason=RadiusReason.ACTIVATION,
    learned=Dependency.HARDLY_LEARNED,
    solved=False,
    health=frozenset({HealthProblem.VANISHING}),
)
STEADY = replace(
    SOUND,
    gradient=GradientVerdict.STEADY,
    left=1.0,
    factor=1.0,
    radius=1.0,
    horizon=None,
    reason=RadiusReason.AGREES,
    learned=Dependency.REACHED,
    health=frozenset(),
)
BROKEN: dict[str, RunVerdicts] = {
    "vanishes, with 1 % or more left": replace(SOUND, left=0.02),
    "explodes, with at most ten times as much": replace(STEADY, gradient=GradientVerdict.EXPLODES, factor=1.04),
    "steady, outside 1 % to ten times": replace(STEADY, left=11.0),
    "vanishes, with a factor of 1 or more": replace(SOUND, factor=1.2, reason=RadiusReason.NOT_NORMAL),
    "explodes, with a factor of 1 or less": replace(
        STEADY, gradient=GradientVerdict.EXPLODES, left=20.0, learned=Dependency.UNKNOWN
    ),
    "vanishes, and the horizon lies beyond the lag": replace(SOUND, horizon=21),
    "a dependency that is longer than the sequence": replace(SOUND, dependency=30, lag=30),
    "a verdict at another lag than the dependency": replace(SOUND, lag=22),
    "solved, and hardly learned": replace(SOUND, solved=True, health=frozenset()),
    "hardly learned, and the gradient reaches it": replace(STEADY, learned=Dependency.HARDLY_LEARNED),
    "reached, and the gradient vanishes": replace(SOUND, learned=Dependency.REACHED),
    "solved, with a problem": replace(
        STEADY, solved=True, learned=Dependency.SOLVED, health=frozenset({HealthProblem.CLIPPED})
    ),
    "the gradient vanishes in one place and not in the other": replace(
        STEADY, health=frozenset({HealthProblem.VANISHING})
    ),
    "the gradient explodes in one place and vanishes in the other": replace(
        SOUND, health=frozenset({HealthProblem.EXPLODING})
    ),
    "two problems of which one excludes the other": replace(
        SOUND, health=frozenset({HealthProblem.LR_TOO_HIGH, HealthProblem.LR_TOO_LOW})
    ),
    "trained on too short a sequence that spans the dependency": replace(
        SOUND, span=20, health=frozenset({HealthProblem.SHORT_SPAN})
    ),
    "the activation shrinks what has grown": replace(SOUND, radius=0.4),
    "what is not normal, or several layers, shrink it": replace(SOUND, reason=RadiusReason.LAYERS),
    "a reason of a plain RNN for a cell with gates": replace(SOUND, cell="gru"),
    "the two numbers agree, and differ": replace(SOUND, reason=RadiusReason.AGREES),
}


def test_what_is_sound_breaks_no_rule() -> None:
    assert contradictions(SOUND) == [] and contradictions(STEADY) == []
    assert set(BROKEN) == {rule.words for rule in RULES}


@pytest.mark.parametrize("words", BROKEN)
def test_each_rule_is_broken_by_a_case_of_its_own(words: str) -> None:
    assert contradictions(BROKEN[words]) == [words]


# ------------------------------------------------------------------------------------------------------- made-up facts

small = st.floats(1e-12, 1e6)
sometimes = st.one_of(small, small, small, st.sampled_from([0.0, math.inf, math.nan]))


@st.composite
def courses(draw: Any) -> tuple[np.ndarray, np.ndarray]:
    """(norms at first, norms now), (T + 1,) each: falling or growing at a rate, with a dip, a peak or a wild value."""
    length = draw(st.sampled_from([1, 2, 9, 40, 40, 40]))
    rows = []
    for _ in range(2):
        factor, start = draw(st.sampled_from([0.5, 0.85, 0.98, 1.0, 1.02, 1.3])), draw(sometimes)
        norms = start * factor ** np.arange(length + 1)
        place = draw(st.sampled_from([0, 1, 2, length // 2, length]))
        with np.errstate(all="ignore"):
            norms[min(place, length)] = draw(st.one_of(sometimes, st.just(start * 1e-4), st.just(start * 1e3)))
        rows.append(norms)
    return rows[0], rows[1]


@st.composite
def monitors(draw: Any, facts: RunFacts) -> Monitor:
    """A run whose loss falls, rises, stays or jumps first and then stays."""
    monitor = Monitor(facts)
    count = draw(st.sampled_from([1, 60, 200, 200, 200]))
    first, last = draw(small), draw(sometimes)
    losses = np.full(count, first)
    match draw(st.sampled_from(["stays", "stays", "jumps", "goes"])):
        case "goes":
            losses = np.linspace(first, last, count) if np.isfinite(last) else np.append(losses[1:], last)
        case "jumps":
            losses[1:6] = 2 * first
    norm, clipped = draw(sometimes), draw(st.sampled_from([0.0, 0.3, 1.0]))
    for n, loss in enumerate(losses.tolist()):
        monitor.row(n + 1, loss if math.isfinite(loss) else None, norm if math.isfinite(norm) else None, clipped)
    return monitor


@settings(max_examples=100, deadline=None)
@given(data=st.data())
def test_no_rule_is_broken_whatever_the_facts_are(data: Any) -> None:
    before, now = data.draw(courses())
    cell, layers = data.draw(st.sampled_from(["rnn", "lstm", "gru", "input-rnn"])), data.draw(st.integers(1, 3))
    longest_lag, lags = data.draw(st.sampled_from([0, 1, 20, 39, 60])), data.draw(st.sampled_from([1, 20, 50]))
    radius = data.draw(st.one_of(st.none(), st.floats(0.0, 4.0)))
    slope = data.draw(st.floats(0.0, 1.0)) if cell == "rnn" else None
    solved = data.draw(st.sampled_from([None, False, True]))
    architecture = Architecture(cell=cell, inputs=2, hidden=2, outputs=2, layers=layers)
    made = judge_gradient(now, radius, slope, architecture, lags, longest_lag)
    learned = dependency_verdict(made.verdict, made.dependency, solved)
    span = data.draw(st.sampled_from([0, 0, 5, 40]))
    facts = RunFacts(
        cell=cell, activation="tanh", optimizer="adam", lr=0.01, clip=data.draw(st.sampled_from([0.0, 1.0])),
        span=span, longest_lag=made.dependency, baseline=data.draw(st.one_of(st.none(), small)),
    )  # fmt: skip
    monitor = data.draw(monitors(facts))
    monitor.solved = solved
    for step, norms in ((0, before), (50, now)):
        seen = judge_gradient(norms, radius, slope, architecture, len(norms) - 1, longest_lag)
        ratio, share = data.draw(st.sampled_from([1e-5, 1e-3, 0.1])), data.draw(st.sampled_from([0.0, 0.1, 0.9]))
        monitor.add_probe(NetworkProbe(step, share, share, seen.verdict, seen.horizon, radius, ratio))
    health = frozenset(advice.name for advice in monitor.advice())
    if solved and health:  # the loss has risen since: it is solved no more
        solved, learned = False, dependency_verdict(made.verdict, made.dependency, False)
    said = RunVerdicts(
        gradient=made.verdict, left=made.left, factor=made.factor, lag=made.lag, length=made.length,
        dependency=made.dependency, horizon=made.horizon, cell=cell, radius=radius, reason=made.reason,
        learned=learned, solved=solved, span=span, health=health,
    )  # fmt: skip
    if made.dependency or lags >= made.length:  # else Time judges at another lag than the health line
        assert contradictions(said) == []
    words = sentence("RNN tanh", made, learned)
    assert ("vanishes" in words) == (made.verdict == GradientVerdict.VANISHES)
    assert ("explodes" in words) == (made.verdict == GradientVerdict.EXPLODES)
    assert not ("hardly learned" in words and solved)


def watched(losses: list[float], probe: NetworkProbe, **changes: Any) -> set[HealthProblem]:
    """The names of the advice on an RNN with these losses, and with `probe` after the first step and the last."""
    fields: dict[str, Any] = {"cell": "rnn", "activation": "tanh", "optimizer": "adam", "lr": 0.01, "clip": 0.0}
    monitor = Monitor(RunFacts(**fields | changes))
    for n, loss in enumerate(losses):
        monitor.row(n + 1, loss, 0.5, 0.0)
    for step in (1, len(losses)):
        monitor.add_probe(replace(probe, step=step))
    return {advice.name for advice in monitor.advice()}


def test_a_rate_is_not_called_too_high_and_too_low_at_once() -> None:
    overshot = [1.0, *[2.0] * 5, *[1.0] * 200]
    still = NetworkProbe(0, 0.0, 0.0, GradientVerdict.STEADY, None, 1.0, 1e-5)
    assert watched(overshot, still) == {HealthProblem.LR_TOO_HIGH}
    assert watched([1.0] * 206, still) == {HealthProblem.LR_TOO_LOW}


def test_the_health_line_says_that_it_vanishes_only_where_it_is_gone_at_the_dependency() -> None:
    """A dip below 1 % at lag 4 is no horizon to despair of while more is left at lag 30."""
    gone = NetworkProbe(0, 0.0, 0.0, GradientVerdict.VANISHES, 4, 1.0, 1e-2)
    assert watched([1.0] * 200, gone, longest_lag=30) == {HealthProblem.VANISHING}
    assert watched([1.0] * 200, replace(gone, verdict=GradientVerdict.STEADY), longest_lag=30) == set()


def test_a_solved_task_has_nothing_that_ails_it_until_the_loss_rises() -> None:
    shut = NetworkProbe(0, 0.9, 0.9, GradientVerdict.VANISHES, 4, 1.0, 1e-2)
    for losses, ails in (([1.0] * 200, False), ([*[1.0] * 150, *[9.0] * 50], True)):
        monitor = Monitor(RunFacts(cell="rnn", activation="tanh", optimizer="adam", lr=0.01, clip=0.0), solved=True)
        for n, loss in enumerate(losses):
            monitor.row(n + 1, loss, 0.5, 0.0)
        monitor.add_probe(shut)
        assert bool(monitor.advice()) == ails
