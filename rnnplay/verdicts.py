"""Verdicts on a run, as data: an enumeration and a number for each statement, before they are words.

`RULES` lists what may not stand together. A test holds it over made-up facts, `rnnplay tasks --check` over the trained
presets.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum

VANISHED = 0.01  # of the gradient at lag 0: less has vanished
EXPLODED = 10.0  # times the gradient at lag 0: more has exploded
AGREEMENT = 0.05  # by which the measured factor and the spectral radius may differ and still agree
NOTICEABLE = 0.01  # of the best held-out loss: less above it is level
NOTICEABLE_OF_BASELINE = 0.005  # of the simplest predictor's loss: less is level too, where the best is almost zero
CONFIRMED = 2  # evaluations in a row that have to be worse before it is said
FLAT_SLOPE = 0.98  # mean slope of the activation from which on it shrinks nothing


class GradientVerdict(StrEnum):
    """Course of the gradient on its way back to the lag that counts."""

    VANISHES = "vanishes"
    STEADY = "steady"
    EXPLODES = "explodes"
    NONE = "no gradient"  # it is zero at lag 0, or not a number


class RadiusReason(StrEnum):
    """Why the measured factor a step is not the spectral radius."""

    AGREES = "agrees"
    ACTIVATION = "activation"  # smaller: the activation's slope is below 1
    DIRECTION = "direction"  # smaller: the gradient lies where the matrix shrinks more
    NOT_NORMAL = "not normal"  # larger: a product of a matrix that is not normal outgrows its eigenvalues
    LAYERS = "layers"  # larger: the paths through several layers add up
    VARIES = "varies"  # the state's Jacobian changes from one time step to the next
    ONE_STEP = "one step"  # the cell hands on nothing beyond the next time step
    UNKNOWN = "unknown"  # one of the two numbers is not known


class Dependency(StrEnum):
    """Meaning of the gradient for the task's longest dependency."""

    UNKNOWN = "unknown"  # the task has none, or the gradient says nothing
    REACHED = "reached"
    HARDLY_LEARNED = "hardly learned"
    SOLVED = "solved"


class HeldOut(StrEnum):
    """Relation of the last loss on held-out data to the best one."""

    BEST = "best"  # it is the best
    LEVEL = "level"  # hardly worse, or worse only once
    OVERFITS = "overfits"  # worse, while the loss of training went on falling
    WORSE = "worse"  # worse, and so is the loss of training


class HealthProblem(StrEnum):
    """The name of a piece of advice."""

    LR_TOO_HIGH = "learning rate too high"
    LR_TOO_LOW = "learning rate too low"
    EXPLODING = "exploding gradient"
    EXPLODED_AT_FIRST = "exploding gradient at the start"  # before the first update; it does not explode now
    VANISHING = "vanishing gradient"
    DEAD_UNITS = "dead units"
    SATURATED = "saturated units"
    SHORT_SPAN = "sequence length too short"
    CLIPPED = "clipped too hard"


EXCLUSIVE: tuple[frozenset[HealthProblem], ...] = (
    frozenset({HealthProblem.LR_TOO_HIGH, HealthProblem.LR_TOO_LOW}),
    frozenset({HealthProblem.EXPLODING, HealthProblem.VANISHING}),
    frozenset({HealthProblem.EXPLODING, HealthProblem.EXPLODED_AT_FIRST}),
)
"""Pairs of problems of which a person is told the worse one only."""


def gradient_verdict(left: float) -> GradientVerdict:
    """Return the verdict on `left`, the gradient at the lag that counts over that at lag 0.

    NaN: there is no gradient at lag 0. Infinity: it is no longer finite at that lag.
    """
    if math.isnan(left):
        return GradientVerdict.NONE
    if left < VANISHED:
        return GradientVerdict.VANISHES
    return GradientVerdict.EXPLODES if left > EXPLODED else GradientVerdict.STEADY


def mean_factor(left: float, lag: int) -> float | None:
    """Return the mean factor a step, left^(1/lag); None if it is not finite."""
    return float(left ** (1 / lag)) if lag > 0 and math.isfinite(left) else None


def radius_reason(
    factor: float | None, radius: float | None, cell: str, layers: int = 1, slope: float | None = None
) -> RadiusReason:
    """Return why the measured `factor` a step is not the spectral `radius`.

    slope: mean slope of a plain RNN's activation over the time steps; None: not measured.
    """
    if cell == "input-rnn":
        return RadiusReason.ONE_STEP
    if factor is None or radius is None:
        return RadiusReason.UNKNOWN
    if abs(factor - radius) <= AGREEMENT * max(radius, factor):
        return RadiusReason.AGREES
    if cell != "rnn":
        return RadiusReason.VARIES
    if factor < radius:
        flat = slope is None or slope >= FLAT_SLOPE
        return RadiusReason.DIRECTION if flat else RadiusReason.ACTIVATION
    return RadiusReason.LAYERS if layers > 1 else RadiusReason.NOT_NORMAL


def dependency_verdict(gradient: GradientVerdict, dependency: int, solved: bool | None) -> Dependency:
    """Return what `gradient` means for a task whose longest dependency is `dependency` time steps (0: unknown)."""
    if not dependency:
        return Dependency.UNKNOWN
    if solved:
        return Dependency.SOLVED
    if gradient == GradientVerdict.VANISHES:
        return Dependency.HARDLY_LEARNED
    return Dependency.REACHED if gradient == GradientVerdict.STEADY else Dependency.UNKNOWN


def held_out_verdict(
    losses: Sequence[float], trained_at_best: float, trained_now: float, baseline: float | None = None
) -> HeldOut:
    """Return how the last of `losses`, the evaluations in order, at least one, stands to the lowest.

    trained_at_best, trained_now: the loss of training about the best evaluation and now; NaN: not known. baseline: the
    loss of the simplest predictor; None: there is none.
    """
    best = min(losses)
    limit = best + max(NOTICEABLE * abs(best), NOTICEABLE_OF_BASELINE * (baseline or 0.0))
    if losses[-1] <= best:
        return HeldOut.BEST
    recent = losses[-CONFIRMED:]
    if len(losses) <= CONFIRMED or not all(loss > limit for loss in recent):
        return HeldOut.LEVEL
    return HeldOut.OVERFITS if trained_now < trained_at_best else HeldOut.WORSE


def least_convincing(rolled: float | None, untrained: float, boolean: bool) -> float:
    """Return the strength from which on a unit stands clear of both controls: it closes a quarter of what they leave.

    It gains 0.03 at least, or three quarters of what is left where that is less. rolled None: that control says nothing
    about the feature. boolean: strengths are AUC, of which chance gives 0.5. Infinity: the controls leave nothing.
    """
    control = max(rolled or 0.0, untrained, 0.5 if boolean else 0.0)
    left = 1.0 - control
    return control + max(0.25 * left, min(0.03, 0.75 * left)) if left > 0 else math.inf


# ------------------------------------------------------------------------------------------------ what may not be said


@dataclass(frozen=True, kw_only=True)
class RunVerdicts:
    """Everything that is said of a run at one moment."""

    gradient: GradientVerdict
    left: float  # the gradient at `lag` over that at lag 0; NaN: there is none at lag 0
    factor: float | None  # a step, measured
    lag: int
    length: int  # time steps of the sequences that were measured
    dependency: int  # the task's longest in these sequences; 0: unknown
    horizon: int | None
    cell: str
    radius: float | None
    reason: RadiusReason
    learned: Dependency
    solved: bool | None
    span: int = 0  # time steps through which a gradient flows back in training; 0: all of a sequence
    health: frozenset[HealthProblem] = frozenset()


@dataclass(frozen=True)
class Rule:
    """A contradiction between verdicts: `words` for a developer, `broken` for the machine."""

    words: str
    broken: Callable[[RunVerdicts], bool]


V, H, R, D = GradientVerdict, HealthProblem, RadiusReason, Dependency

RULES: tuple[Rule, ...] = (
    Rule("vanishes, with 1 % or more left", lambda s: s.gradient == V.VANISHES and not s.left < VANISHED),
    Rule("explodes, with at most ten times as much", lambda s: s.gradient == V.EXPLODES and not s.left > EXPLODED),
    Rule("steady, outside 1 % to ten times", lambda s: s.gradient == V.STEADY and not VANISHED <= s.left <= EXPLODED),
    Rule("vanishes, with a factor of 1 or more", lambda s: s.gradient == V.VANISHES and (s.factor or 0) >= 1),
    Rule(
        "explodes, with a factor of 1 or less",
        lambda s: s.gradient == V.EXPLODES and s.factor is not None and s.factor <= 1,
    ),
    Rule(
        "vanishes, and the horizon lies beyond the lag",
        lambda s: s.gradient == V.VANISHES and (s.horizon is None or s.horizon > s.lag),
    ),
    Rule("a dependency that is longer than the sequence", lambda s: s.dependency > 0 and s.dependency >= s.length),
    Rule("a verdict at another lag than the dependency", lambda s: 0 < s.dependency != s.lag),
    Rule("solved, and hardly learned", lambda s: bool(s.solved) and s.learned == D.HARDLY_LEARNED),
    Rule(
        "hardly learned, and the gradient reaches it",
        lambda s: s.learned == D.HARDLY_LEARNED and not (s.gradient == V.VANISHES and s.dependency),
    ),
    Rule("reached, and the gradient vanishes", lambda s: s.learned == D.REACHED and s.gradient == V.VANISHES),
    Rule("solved, with a problem", lambda s: bool(s.solved) and bool(s.health)),
    Rule(
        "the gradient vanishes in one place and not in the other",
        lambda s: H.VANISHING in s.health and s.gradient != V.VANISHES,
    ),
    Rule(
        "the gradient explodes in one place and vanishes in the other",
        lambda s: H.EXPLODING in s.health and s.gradient == V.VANISHES,
    ),
    Rule("two problems of which one excludes the other", lambda s: any(pair <= s.health for pair in EXCLUSIVE)),
    Rule(
        "trained on too short a sequence that spans the dependency",
        lambda s: H.SHORT_SPAN in s.health and not 0 < s.span < s.dependency,
    ),
    Rule(
        "the activation shrinks what has grown",
        lambda s: s.reason in (R.ACTIVATION, R.DIRECTION) and (s.factor or 0) >= (s.radius or 0),
    ),
    Rule(
        "what is not normal, or several layers, shrink it",
        lambda s: s.reason in (R.NOT_NORMAL, R.LAYERS) and (s.factor or 0) <= (s.radius or 0),
    ),
    Rule(
        "a reason of a plain RNN for a cell with gates",
        lambda s: s.cell != "rnn" and s.reason in (R.ACTIVATION, R.DIRECTION, R.NOT_NORMAL, R.LAYERS),
    ),
    Rule("the two numbers agree, and differ", lambda s: s.reason == R.AGREES and not _agree(s.factor, s.radius)),
)
"""Contradictions that may not stand on the screens of one run."""


def contradictions(said: RunVerdicts) -> list[str]:
    """Return the words of the rules that `said` breaks."""
    return [rule.words for rule in RULES if rule.broken(said)]


def _agree(factor: float | None, radius: float | None) -> bool:
    if factor is None or radius is None:
        return False
    return abs(factor - radius) <= AGREEMENT * max(factor, radius)
