"""Reach of learning into the past: the gradient of the last time step's loss by lag, and what moved a prediction.

The gradient is always taken with respect to the whole state that one time step hands to the next: h of every layer,
and c where there is one, since an LSTM's memory is in c (Hochreiter 1991; Bengio, Simard and Frasconi 1994; Pascanu,
Mikolov and Bengio 2013).
"""

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from rnnplay.engine.architecture import Architecture
from rnnplay.engine.readout import loss_gradient
from rnnplay.lab import cell_step
from rnnplay.lab.cell_step import Array
from rnnplay.lab.example import trim_to_common_end
from rnnplay.lab.reference_network import ForwardPass, LayerChain, ReferenceNetwork
from rnnplay.tasks.base import Batch, Task
from rnnplay.verdicts import (
    VANISHED,
    Dependency,
    GradientVerdict,
    RadiusReason,
    gradient_verdict,
    mean_factor,
    radius_reason,
)

_EXACT = 384  # size of a matrix up to which all eigenvalues are computed
_KRYLOV = 120  # vectors in which the largest ones of a greater matrix are sought
_MOMENTS = 3  # time steps at which the state's Jacobian is looked at


@dataclass(frozen=True, eq=False)
class GradientByLag:
    """The gradient by lag of one network: norms (lags + 1), means over the sequences.

    The verdict is decided at `lag`: at the task's longest dependency, else at the last lag that is shown.
    """

    norms: Array
    radius: float | None  # spectral radius of W_hh, for gated cells of the state's Jacobian
    horizon: int | None  # the first lag at which the norm is below 1 % of that at lag 0, in the whole sequence
    verdict: GradientVerdict
    lag: int
    left: float  # the norm at `lag` over that at lag 0; NaN: there is none at lag 0; inf: it is not finite at `lag`
    factor: float | None  # a step: left^(1/lag)
    reason: RadiusReason  # why the factor is not the radius
    dependency: int  # the task's longest in these sequences; 0: unknown
    length: int  # time steps of the sequences
    architecture: Architecture


def gradient_by_lag(reference: ReferenceNetwork, batch: Batch, lags: int, longest_lag: int = 0) -> GradientByLag:
    """Return how far back the loss of the last counted time step of `batch` (no padding) is felt, up to `lags`.

    longest_lag: the task's longest dependency, 0: unknown. It decides the verdict, though `lags` may be fewer.
    """
    with np.errstate(all="ignore"):
        fwd = reference.forward(batch)
        norms = norms_by_lag(reference, fwd)
        radius = spectral_radius(reference, fwd)
        slope = mean_slope(reference, fwd)
    return judge_gradient(norms, radius, slope, reference.architecture, lags, longest_lag)


def judge_gradient(
    norms: Array, radius: float | None, slope: float | None, architecture: Architecture, lags: int, longest_lag: int = 0
) -> GradientByLag:
    """Return the verdict on `norms` (T + 1) of sequences of T time steps, of which `lags` are shown.

    slope: as mean_slope() returns it.
    """
    length = len(norms) - 1
    dependency = within(longest_lag, length)
    lag = dependency or min(lags, length)
    left = fraction_left(norms, lag)
    factor = mean_factor(left, lag)
    return GradientByLag(
        norms=norms[: lags + 1],
        radius=radius,
        horizon=horizon_of(norms),
        verdict=gradient_verdict(left),
        lag=lag,
        left=left,
        factor=factor,
        reason=radius_reason(factor, radius, architecture.cell, architecture.layers, slope),
        dependency=dependency,
        length=length,
        architecture=architecture,
    )


def within(longest_lag: int, length: int) -> int:
    """Return the longest dependency that sequences of `length` time steps can have: the first input is length - 1 back.

    0: it is not known, or one time step has no past.
    """
    return max(0, min(longest_lag, length - 1))


def longest_dependency(task: Task, batch: Batch) -> int:
    """Return the longest dependency of `task` in the sequences of `batch`; 0: it is not known."""
    source = 0 if batch.source is None else len(batch.source)
    return within(task.longest_lag, source + batch.inputs.shape[0])


def fraction_left(norms: Array, lag: int) -> float:
    """Return the gradient at `lag` over that at lag 0; NaN: there is none at lag 0; inf: not finite at `lag`."""
    start, end = float(norms[0]), float(norms[lag])
    if not math.isfinite(start) or start <= 0:
        return math.nan
    return end / start if math.isfinite(end) else math.inf


def mean_slope(reference: ReferenceNetwork, fwd: ForwardPass) -> float | None:
    """Return the mean slope of a plain RNN's activation over time steps, layers and units; None for other cells."""
    if reference.architecture.cell != "rnn":
        return None
    h = np.stack([step.gate("h") for row in fwd.moments[-1] for step in row])
    match reference.architecture.activation:
        case "tanh":
            slope = 1 - h**2
        case "sigmoid":
            slope = h * (1 - h)
        case "relu":
            slope = h > 0
        case _:
            slope = np.ones(1)
    return float(np.mean(slope))


def norms_by_lag(reference: ReferenceNetwork, fwd: ForwardPass) -> Array:
    """The norm of d(loss of the last counted time step)/d(state at lag k), from k = 0 to the state it began with.

    A sequence's own loss and its own state; the mean over the sequences. The state at lag 0 is the one that the last
    time step hands on, of which only the top layer's h is read. An encoder's time steps follow the decoder's.
    """
    counted = np.flatnonzero((fwd.loss_weights > 0).any(axis=1))
    end = int(counted[-1]) if counted.size else len(fwd.y) - 1
    slope = loss_gradient(fwd.values, fwd.batch.targets, reference.architecture.readout)
    dy = np.zeros_like(fwd.y)
    dy[end] = slope[end]
    backs = reference.backward(fwd, dy)
    squares: list[Array] = []  # (B) each
    for part, (chain, back) in enumerate(reversed(list(zip(reference.chains, backs, strict=True)))):
        for t in reversed(range(end + 1 if part == 0 else len(back.slopes))):
            row = back.slopes[t]
            total = np.zeros(fwd.y.shape[-1])
            for n, s in enumerate(row):
                # Towards the next time step; the reading of the last one itself belongs to lag 0.
                h = s.above if not squares and n == len(row) - 1 else s.future
                if chain.layers[n].cell == "input-rnn" and squares:
                    h = s.dp_future if s.dp_future is not None else np.zeros_like(h)
                total += (h**2).sum(axis=0)
                if s.dc_future is not None and squares:
                    total += (s.dc_future**2).sum(axis=0)
            squares.append(total)
    first = np.zeros(fwd.y.shape[-1])
    for h, c in backs[0].start:
        first = first + (h**2).sum(axis=0) + (0 if c is None else (c**2).sum(axis=0))
    return np.asarray(np.sqrt(np.stack([*squares, first])).mean(axis=1))


def horizon_of(norms: Array) -> int | None:
    """The first lag at which the gradient is below 1 % of that at lag 0; None: it stays above, or is not finite."""
    if not norms.size or not np.isfinite(norms[0]) or norms[0] <= 0:
        return None
    below = np.flatnonzero(norms < VANISHED * norms[0])
    return int(below[0]) if below.size else None


def spectral_radius(reference: ReferenceNetwork, fwd: ForwardPass) -> float | None:
    """The largest |eigenvalue| of W_hh over the layers; for LSTM and GRU of the state's Jacobian, a median over time.

    None where it is not finite. A layer's state depends on its own past and on the layers below, never on those above:
    the Jacobian of the whole state is block-triangular, and its eigenvalues are those of its diagonal blocks.
    """
    chain, moments = reference.chains[-1], fwd.moments[-1]
    if reference.architecture.cell == "input-rnn":
        return 0.0  # the past goes no further than one time step
    if reference.architecture.cell == "rnn":
        return _largest([largest_eigenvalue(W.w["W_hh"]) for W in chain.layers])
    places = sorted({len(moments) * k // _MOMENTS for k in range(_MOMENTS)} | {len(moments) - 1})[-_MOMENTS:]
    result = [
        _largest([largest_eigenvalue(jacobian(chain, fwd, t, n)) for n in range(len(chain.layers))]) for t in places
    ]
    finite_radii = [radius for radius in result if radius is not None]
    return float(np.median(finite_radii)) if finite_radii else None


def _largest(radii: Sequence[float | None]) -> float | None:
    return None if any(radius is None for radius in radii) else max(radius for radius in radii if radius is not None)


def jacobian(chain: LayerChain, fwd: ForwardPass, t: int, layer: int) -> Array:
    """d(state after t)/d(state before t) of one layer for the first sequence: (H, H), for an LSTM (2H, 2H)."""
    W, m = chain.layers[layer], fwd.moments[-1][t][layer]
    one = m.first_sequence()
    H = W.hidden
    unit = np.eye(H)
    if m.c is None:
        return cell_step.backward(W, one, unit).dh_prev.T
    zero = np.zeros((H, H))
    columns = [cell_step.backward(W, one, dh, dc) for dh, dc in ((unit, zero), (zero, unit))]
    return np.block([[d.dh_prev.T, d.dc_prev.T] for d in columns if d.dc_prev is not None])


def largest_eigenvalue(matrix: Array) -> float | None:
    """The largest |eigenvalue| of a square matrix: exact where small, else within about 1 % by Arnoldi's method."""
    if not np.isfinite(matrix).all():
        return None
    size = len(matrix)
    if size <= _EXACT:
        return float(np.abs(np.linalg.eigvals(matrix)).max())
    Q, T = np.zeros((size, _KRYLOV + 1)), np.zeros((_KRYLOV + 1, _KRYLOV))
    start = np.random.default_rng(0).standard_normal(size)
    Q[:, 0] = start / np.linalg.norm(start)
    for j in range(_KRYLOV):
        w = matrix @ Q[:, j]
        for _ in range(2):  # twice, or rounding spoils the right angles
            part = Q[:, : j + 1].T @ w
            w -= Q[:, : j + 1] @ part
            T[: j + 1, j] += part
        T[j + 1, j] = np.linalg.norm(w)
        if T[j + 1, j] < 1e-12:
            return float(np.abs(np.linalg.eigvals(T[: j + 1, : j + 1])).max())
        Q[:, j + 1] = w / T[j + 1, j]
    return float(np.abs(np.linalg.eigvals(T[:_KRYLOV])).max())


def sequences(task: Task, lags: int, count: int) -> Batch:
    """Up to `count` held-out sequences without padding that end at the same counted time step, as long as `lags` asks.

    A text is read on as far as it takes; items have the length that they have.
    """
    batches = iter(task.evaluation())
    batch = next(batches)
    while batch.inputs.shape[0] <= lags and (more := next(batches, None)) is not None and not more.resets_state:
        batch = Batch(np.concatenate([batch.inputs, more.inputs]), np.concatenate([batch.targets, more.targets]))
    return trim_to_common_end(batch, count)


KINDS: tuple[tuple[str, str, str], ...] = (
    ("RNN tanh", "rnn", "tanh"),
    ("RNN ReLU", "rnn", "relu"),
    ("RNN sigmoid", "rnn", "sigmoid"),
    ("LSTM", "lstm", "tanh"),
    ("GRU", "gru", "tanh"),
)
"""Name, cell and activation of the networks that stand side by side."""


def kind_of(architecture: Architecture) -> str:
    """Return what a network is called: LSTM, RNN ReLU."""
    names = {(cell, activation): name for name, cell, activation in KINDS}
    key = (architecture.cell, architecture.activation if architecture.cell in ("rnn", "input-rnn") else "tanh")
    return names.get(key, f"{architecture.cell} {key[1]}")


def untrained_networks(
    architecture: Architecture,
    batch: Batch,
    lags: int,
    make_parameters: Callable[[Architecture], dict[str, Array]],
    longest_lag: int = 0,
) -> Iterable[tuple[str, GradientByLag]]:
    """Untrained networks of the same size on the same sequences; `make_parameters` draws their parameters."""
    for name, cell, activation in KINDS:
        other = replace(architecture, cell=cell, activation=activation, dropout=0.0, weight_dropout=0.0)
        yield name, gradient_by_lag(ReferenceNetwork(other, make_parameters(other)), batch, lags, longest_lag)


def radius_matrix(cell: str) -> str:
    """Return the matrix whose spectral radius is given."""
    return "W_hh" if cell in ("rnn", "input-rnn") else "the state's Jacobian"


def sentence(name: str, result: GradientByLag, learned: Dependency) -> str:
    """Return in words what the gradient does, what that means for the task, and how the spectral radius compares."""
    where = f"lag {result.lag}" + (", the task's longest dependency" if result.dependency else "")
    match result.verdict:
        case GradientVerdict.NONE:
            why = "is not a number" if not np.isfinite(result.norms[0]) else "is zero: there is nothing left to learn"
            return f"{name}: the gradient {why}."
        case GradientVerdict.EXPLODES:
            size = f"{result.left:.2g} times as large" if math.isfinite(result.left) else "no longer a number"
            text = f"{name}: the gradient explodes: {size} at {where}; clip it or start with smaller weights"
        case GradientVerdict.VANISHES:
            text = f"{name}: the gradient vanishes: {_share(result.left)} of it is left at {where}"
        case GradientVerdict.STEADY:
            text = f"{name}: the gradient reaches {where}: {_share(result.left)} of it is left"
    if learned == Dependency.HARDLY_LEARNED:
        text += "; what lies so far back is hardly learned"
    elif learned == Dependency.SOLVED and result.verdict != GradientVerdict.STEADY:
        text += "; the task is solved all the same"
    return f"{text}. {_radius_words(result)}".rstrip()


def _share(left: float) -> str:
    """0.34 %, 12 %, 110 %; far below: 3e-12."""
    return f"{left:.0e}" if 0 < left < 1e-5 else f"{left * 100:.2g} %" if left < 0.1 else f"{left * 100:.0f} %"


def _radius_words(result: GradientByLag) -> str:
    a, factor = result.architecture, result.factor
    if result.reason == RadiusReason.ONE_STEP:
        return "This cell hands on nothing beyond the next time step."
    if factor is None:
        return "" if result.radius is None else f"ρ of {radius_matrix(a.cell)} {result.radius:.2f}."
    measured = f"{factor:.2f} a step (measured)"
    if result.radius is None:
        return f"{measured}."
    why = {
        RadiusReason.AGREES: "and",
        RadiusReason.ACTIVATION: f"but {a.activation} shrinks it to",
        RadiusReason.DIRECTION: "but the gradient lies where W_hh shrinks more:",
        RadiusReason.NOT_NORMAL: "but W_hh is not normal, its products outgrow it:",
        RadiusReason.LAYERS: f"but the paths through {a.layers} layers add up:",
        RadiusReason.VARIES: "but it changes from one time step to the next:",
    }[result.reason]
    return f"ρ of {radius_matrix(a.cell)} {result.radius:.2f}, {why} {measured}."


def one_unit(lags: int, weights: Sequence[float]) -> Array:
    """|dh_T/dh_(T-k)| of one linear unit h_t = w h_(t-1), for each w: (weights, lags + 1). It is |w|^k."""
    a = Architecture(
        cell="rnn", inputs=1, hidden=1, outputs=1, inputs_are_ids=False, activation="identity", readout="linear"
    )
    zero = np.zeros((lags, 1, 1))
    batch = Batch(zero, zero - 0.5)
    rows = []
    for w in weights:
        one = {"l0.W_xh": np.ones((1, 1)), "l0.W_hh": np.full((1, 1), w), "W_hy": np.ones((1, 1))}
        reference = ReferenceNetwork(a, one)
        rows.append(norms_by_lag(reference, reference.forward(batch)))
    return np.stack(rows)


@dataclass(frozen=True, eq=False)
class Influence:
    """|d(log p of the output at `position`)/dx| of each input up to it: of the encoder's inputs first."""

    norms: Array
    output: int
    value: float  # probability of that output, or the number; of a single yes or no that of "yes"


def influence(reference: ReferenceNetwork, batch: Batch, position: int) -> Influence:
    """The gradient of log p of the likeliest output at time step `position` with respect to each input (B = 1).

    For numbers: of the first number itself.
    """
    with np.errstate(all="ignore"):
        fwd = reference.forward(batch)
        values, readout = fwd.values[position, :, 0], reference.architecture.readout
        likeliest = int(values.argmax()) if readout == "softmax" else 0
        dy = np.zeros_like(fwd.y)
        if readout == "softmax":
            dy[position, :, 0] = -values
            dy[position, likeliest, 0] += 1
        elif readout == "linear":
            dy[position, likeliest, 0] = 1
        else:
            dy[position, likeliest, 0] = 1 - values[likeliest] if values[likeliest] > 0.5 else -values[likeliest]
        backs = reference.backward(fwd, dy, inputs=True)
        result = [
            np.linalg.norm(back.inputs[t][:, 0])
            for part, back in enumerate(backs)
            for t in range(position + 1 if part == len(backs) - 1 else len(back.slopes))
        ]
    return Influence(np.array(result), likeliest, float(values[likeliest]))
