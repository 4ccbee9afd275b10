"""Advice on a run: what is wrong, why and what to try, the worst first, at most three at a time.

It is made from the rows of the metrics and from probes of the network. A run that learns gets none: saturated units or
a clipped gradient are named only if the loss does not fall as it should.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from rnnplay.lab.cell_step import DISPLAYED_GATES, Array
from rnnplay.lab.reference_network import ReferenceNetwork
from rnnplay.lab.time import fraction_left, horizon_of, norms_by_lag, radius_matrix, spectral_radius, within
from rnnplay.tasks.base import Batch
from rnnplay.verdicts import EXCLUSIVE, GradientVerdict, HealthProblem, gradient_verdict

MOST = 3  # pieces of advice at a time
EARLY = 40  # steps before which nothing but a loss that is not finite is remarked
FLAT_STEPS = 150  # steps after which a loss that has not moved is remarked
FIRST_ROWS = 60  # in which the first updates show whether they overshoot
HUGE_GRAD_NORM = 100.0  # a gradient norm that no healthy network begins with
DEAD = 0.4  # share of units
SATURATED_LEVEL = 0.99  # |tanh| or |2 sigmoid - 1| beyond which a unit or gate is saturated


@dataclass(frozen=True)
class Advice:
    """A problem of a run, what causes it and what to try. `severity` (0..1) puts the worst first."""

    name: HealthProblem
    cause: str
    remedy: str
    severity: float


@dataclass(frozen=True, kw_only=True)
class RunFacts:
    """Facts of a run before it begins: its settings and its task."""

    cell: str
    activation: str
    optimizer: str
    lr: float
    clip: float  # 0: off
    span: int = 0  # time steps through which a gradient flows back; 0: all of a sequence
    longest_lag: int = 0  # the task's longest dependency in its sequences; 0: unknown
    baseline: float | None = None  # the loss of a simple predictor


@dataclass(frozen=True)
class NetworkProbe:
    """Figures of a network from one forward and backward pass over a batch."""

    step: int
    saturated: float  # share of hidden values (of an LSTM or GRU: of gates) at the edge of their range
    dead: float  # share of units that are zero at every time step
    verdict: GradientVerdict  # at the task's longest dependency, else at the last lag
    horizon: int | None
    radius: float | None
    ratio: float | None = None  # |update| / |weights| of the last step


def probe_network(
    reference: ReferenceNetwork,
    batch: Batch,
    step: int,
    ratio: float | None = None,
    radius: bool = True,
    longest_lag: int = 0,
) -> NetworkProbe:
    """Return the figures that the checks read, from one forward and backward pass in float64.

    `batch` has no padding. `step`: updates so far. `ratio`: |update| / |weights| of the last update, None if it was not
    measured. `radius`: also the spectral radius, O(H^3). `longest_lag`: the task's longest dependency, 0: unknown.
    Overflow gives inf or NaN, no exception. Source: Pascanu, Mikolov and Bengio (2013).
    """
    with np.errstate(all="ignore"):
        fwd = reference.forward(batch)
        moments = fwd.moments[-1]
        shares, dead = [], []
        for n, W in enumerate(reference.chains[-1].layers):
            h = np.stack([row[n].h for row in moments])  # (T, H, B)
            dead.append((h == 0).all(axis=(0, 2)))
            for gate in DISPLAYED_GATES[W.cell]:
                values = np.stack([row[n].gate(gate) for row in moments])
                function = W.activation_of(gate)
                if function in ("tanh", "sigmoid"):
                    centred = np.abs(values if function == "tanh" else 2 * values - 1)
                    shares.append(float((centred > SATURATED_LEVEL).mean()))
        norms = norms_by_lag(reference, fwd)
        lag = within(longest_lag, len(norms) - 1) or len(norms) - 1
        return NetworkProbe(
            step,
            max(shares, default=0.0) if reference.architecture.cell in ("rnn", "input-rnn") else float(np.mean(shares)),
            float(np.mean(dead)),
            gradient_verdict(fraction_left(norms, lag)),
            horizon_of(norms),
            spectral_radius(reference, fwd) if radius else None,
            ratio,
        )


def update_ratio(before: Mapping[str, Array], after: Mapping[str, Array]) -> float | None:
    """|update| / |weights| over all matrices; None where it is not finite."""
    names = [name for name in after if min(after[name].shape) > 1] or list(after)
    moved = math.sqrt(sum(float(np.sum((after[n].astype(np.float64) - before[n]) ** 2)) for n in names))
    size = math.sqrt(sum(float(np.sum(before[n].astype(np.float64) ** 2)) for n in names))
    ratio = moved / size if size > 0 else math.inf
    return ratio if math.isfinite(ratio) else None


@dataclass
class Monitor:
    """Collects a run's rows and probes, and gives advice on it."""

    facts: RunFacts
    steps: list[int] = field(default_factory=list)
    losses: list[float] = field(default_factory=list)  # NaN where not finite
    norms: list[float] = field(default_factory=list)
    clipped: list[float] = field(default_factory=list)
    probes: list[NetworkProbe] = field(default_factory=list)
    lr: float | None = None
    solved: bool | None = None  # by the task's own measure; None: not known

    def row(
        self, step: int, loss: float | None, grad_norm: float | None, clipped: float, lr: float | None = None
    ) -> None:
        """A block of steps, as metrics.jsonl has them."""
        self.steps.append(step)
        self.losses.append(math.nan if loss is None else loss)
        self.norms.append(math.nan if grad_norm is None else grad_norm)
        self.clipped.append(clipped)
        self.lr = lr if lr is not None else self.lr

    def add_probe(self, probe: NetworkProbe) -> None:
        self.probes.append(probe)
        del self.probes[1:-200]  # the first one stays: how it began

    def advice(self) -> list[Advice]:
        """Return what is wrong with the run, the worst first, at most three."""
        if not self.losses:
            return []
        course = LossTrend.of(self)
        if self.solved and course.finite and not course.worse:
            return []
        problems = [a for check in CHECKS if (a := check(self, course)) is not None]
        chosen: list[Advice] = []
        for a in sorted(problems, key=lambda a: -a.severity):
            if not any(a.name == other.name or {a.name, other.name} in EXCLUSIVE for other in chosen):
                chosen.append(a)
        return chosen[:MOST]


@dataclass(frozen=True)
class LossTrend:
    """Course of the loss: `first` untrained, `now` lately, `peak` early on."""

    step: int
    first: float
    now: float
    peak: float
    finite: bool
    good: bool  # better than the simple predictor, or far better than untrained
    moving: bool  # it has fallen lately
    worse: bool  # above where it began, or well above its best

    @classmethod
    def of(cls, m: Monitor) -> "LossTrend":
        losses = np.array(m.losses)
        finite = bool(np.isfinite(losses[-1]))
        finite_losses = losses[np.isfinite(losses)]
        if not finite_losses.size:
            return cls(m.steps[-1], math.nan, math.nan, math.nan, False, False, False, True)
        size = max(1, min(len(finite_losses) // 8, 40))
        means = finite_losses[len(finite_losses) % size :].reshape(-1, size).mean(axis=1)
        first, now, best = float(finite_losses[0]), float(means[-1]), float(means.min())
        earlier = float(means[: max(1, len(means) * 3 // 4)].min())
        base = m.facts.baseline
        fallen = now < 0.1 * first and not _exploded_at_start(m)
        good = finite and (fallen or (base is not None and base < 0.98 * first and now < 0.93 * base))
        good = good or (finite and (base is None or base >= 0.98 * first) and now < 0.5 * first)
        moving = finite and now < 0.99 * min(first, earlier)
        worse = not finite or now > 1.1 * first or (now > 1.3 * best and now > 0.5 * first)
        first_losses = finite_losses[:FIRST_ROWS]
        peak = float(np.convolve(first_losses, np.ones(3) / 3, "valid").max()) if len(first_losses) > 2 else first
        return cls(m.steps[-1], first, now, peak, finite, good, moving, worse)

    @property
    def overshot(self) -> bool:
        """The first updates made the loss much worse than that of the untrained network."""
        return self.peak > 1.6 * self.first


def _clipped_steps(m: Monitor) -> str:
    """Return how many of the steps that the last rows stand for were clipped, as "18 of the last 20 steps"."""
    lengths = np.diff(m.steps, prepend=0)[-20:]
    return f"{float(np.dot(m.clipped[-20:], lengths)):.0f} of the last {int(lengths.sum()):,} steps"


def _percent(share: float) -> str:
    return f"{share * 100:.0f} %"


def _recent_norm(m: Monitor) -> float:
    """The median gradient norm of the last rows; NaN if none of them is finite."""
    finite_norms = [norm for norm in m.norms[-20:] if math.isfinite(norm)]
    return float(np.median(finite_norms)) if finite_norms else math.nan


def _exploded_at_start(m: Monitor) -> bool:
    """Return whether the gradient was enormous before the first update."""
    return bool(m.norms) and not m.norms[0] < HUGE_GRAD_NORM


def _began_saturated(m: Monitor) -> bool:
    """Return whether most activations were saturated before the first update."""
    return bool(m.probes) and m.probes[0].saturated > 0.5 and m.probes[0].step == 0


def check_lr_too_high(m: Monitor, c: LossTrend) -> Advice | None:
    lr = m.lr if m.lr is not None else m.facts.lr
    remedy = f"Try a learning rate of {lr / 10:.1g}."
    name = HealthProblem.LR_TOO_HIGH
    if not c.finite:
        if _exploded_at_start(m):
            return None  # not by the learning rate: before the first update
        return Advice(name, f"The loss stopped being a number at rate {lr:g}.", remedy, 1.0)
    if _exploded_at_start(m) or _began_saturated(m):
        return None
    ratios = [k.ratio for k in m.probes if k.ratio is not None]
    peak, recent = max(ratios, default=0.0), (ratios[-1] if ratios else 0.0)
    now = m.probes[-1] if m.probes else None
    if c.overshot and not (c.good and recent < 0.01 and (now is None or now.saturated < 0.25)):
        cause = f"The first updates overshot: the loss went from {c.first:.3g} up to {c.peak:.3g}."
        return Advice(name, cause, remedy, 0.9)
    short = 0 < m.facts.span < m.facts.longest_lag  # that is cause enough for a loss that stays
    stuck = c.step >= FLAT_STEPS and not c.moving and recent > 0.03 and not short
    if c.step >= EARLY and not c.good and ((c.worse and peak > 0.01) or stuck):
        cause = f"Updates change the weights by {_percent(max(recent, peak))} a step, and the loss does not fall."
        return Advice(name, cause, remedy, 0.85)
    return None


def check_lr_too_low(m: Monitor, c: LossTrend) -> Advice | None:
    ratios = [k.ratio for k in m.probes if k.ratio is not None]
    if not c.finite or c.step < FLAT_STEPS or c.good or not ratios or _exploded_at_start(m) or _began_saturated(m):
        return None
    lr = m.lr if m.lr is not None else m.facts.lr
    typical = float(np.median(ratios))
    if typical < 3e-4 and c.now > 0.9 * c.first and not (m.probes[-1].dead > DEAD or np.mean(m.clipped[-20:]) > 0.9):
        cause = f"Updates change the weights by only {typical:.0e} of their size, and the loss hardly moves."
        return Advice(HealthProblem.LR_TOO_LOW, cause, f"Try a learning rate of {lr * 100:.1g}.", 0.6)
    return None


def check_exploding(m: Monitor, c: LossTrend) -> Advice | None:
    if c.good:
        return None
    exploded = _exploded_at_start(m)
    grows = any(k.verdict == GradientVerdict.EXPLODES for k in m.probes[:1] + m.probes[-2:])
    vanishes = bool(m.probes) and m.probes[-1].verdict == GradientVerdict.VANISHES
    radius = next((k.radius for k in reversed(m.probes) if k.radius is not None), None)
    clip, clipped = m.facts.clip, float(np.mean(m.clipped[-20:]))
    beyond = clip > 0 and clipped > 0.5 and _recent_norm(m) > 10 * clip
    strong = beyond or not c.finite or (radius is not None and radius > 1.1)
    plain = grows and strong and not c.moving and not c.overshot and (c.step >= EARLY or not c.finite)
    if not exploded and (not plain or vanishes):
        return None
    if vanishes:
        cause = "The gradient was enormous before the first update"
    else:
        cause = "The gradient grows on its way back through time"
    if radius is not None and radius > 1:
        cause += f" (ρ of {radius_matrix(m.facts.cell)} {radius:.2f})"
    if clipped:
        cause += f"; {_clipped_steps(m)} are clipped"
    remedy = "Start with smaller recurrent weights (init orthogonal)" + ("." if clip else ", and clip at 1.")
    name = HealthProblem.EXPLODED_AT_FIRST if vanishes else HealthProblem.EXPLODING
    return Advice(name, cause + ".", remedy, 0.95 if exploded else 0.7)


def check_vanishing(m: Monitor, c: LossTrend) -> Advice | None:
    if not m.probes or c.good or not c.finite or c.step < FLAT_STEPS or c.moving or c.overshot or _began_saturated(m):
        return None
    last, lag = m.probes[-1], m.facts.longest_lag
    # Five horizons back less than 1e-10 of the gradient is left: no patience will help.
    if last.verdict != GradientVerdict.VANISHES or last.horizon is None or lag < 5 * last.horizon:
        return None
    if 0 < m.facts.span < lag or last.dead > DEAD:
        return None
    cause = f"The gradient reaches {last.horizon} steps back, the task needs {lag}."
    remedy = "Try the cell lstm or gru" if m.facts.cell == "rnn" else "Try a higher forget bias or chrono"
    return Advice(HealthProblem.VANISHING, cause, remedy + ", or init orthogonal.", 0.4)


def check_dead_units(m: Monitor, c: LossTrend) -> Advice | None:
    share = m.probes[-1].dead if m.probes else 0.0
    if share < DEAD or (c.good and share < 0.9):
        return None
    cause = f"{_percent(share)} of the units are zero at every time step: no gradient reaches them."
    remedy = "Try a smaller learning rate, tanh, or smaller weights."
    return Advice(HealthProblem.DEAD_UNITS, cause, remedy, 0.5 + 0.5 * share)


def check_saturation(m: Monitor, c: LossTrend) -> Advice | None:
    share = m.probes[-1].saturated if m.probes else 0.0
    began = _began_saturated(m)
    quiet = c.now < 0.1 * c.first if began else c.good or c.moving or c.step < EARLY
    if share < 0.5 or quiet:
        return None
    what = "units" if m.facts.cell in ("rnn", "input-rnn") else "gates"
    cause = f"{_percent(share)} of the {what} stand at the edge of their range, where no gradient passes."
    remedy = "Start with smaller weights (init uniform)." if began else "Try a smaller learning rate."
    return Advice(HealthProblem.SATURATED, cause, remedy, 0.8 if began else 0.5)


def check_span(m: Monitor, c: LossTrend) -> Advice | None:
    lag, span = m.facts.longest_lag, m.facts.span
    if not lag or not span or span >= lag or (c.good and c.finite) or c.step < EARLY:
        return None
    cause = f"The gradient flows back {span} time steps, the task's longest dependency is {lag}."
    return Advice(HealthProblem.SHORT_SPAN, cause, f"Let it flow back {lag} or more.", 0.85)


def check_clipping(m: Monitor, c: LossTrend) -> Advice | None:
    if c.good or not c.finite or c.step < EARLY or m.facts.clip <= 0 or c.moving or _exploded_at_start(m):
        return None
    share = float(np.mean(m.clipped[-20:]))
    norm = _recent_norm(m)
    if share < 0.9 or not norm >= 20 * m.facts.clip:
        return None
    cause = f"{_clipped_steps(m)} are clipped: the norm is {norm:.2g}, the clip {m.facts.clip:g}."
    return Advice(HealthProblem.CLIPPED, cause, f"Clip at {norm:.1g} or more.", 0.75)


CHECKS = (
    check_lr_too_high,
    check_lr_too_low,
    check_exploding,
    check_vanishing,
    check_dead_units,
    check_saturation,
    check_span,
    check_clipping,
)
