"""Reach of a network's learning into the past: the gradient by lag, one unit, and which past moved a prediction.

Time steps count from 0 here, from 1 on a screen.
"""

import msgspec

from rnnplay.protocol.base import Command, Event, PackedArray
from rnnplay.verdicts import Dependency, GradientVerdict, RadiusReason


class ComputeGradientByLag(Command, frozen=True, kw_only=True):
    """Measure how far back the gradient of the last time step's loss reaches."""

    lags: int = 100
    untrained: bool = True  # compare with untrained networks of the same size
    runs: tuple[str, ...] = ()  # directories of trained networks to compare with


class GradientByLag(msgspec.Struct, frozen=True, kw_only=True):
    """The gradient by lag of one network."""

    name: str  # "LSTM", "RNN tanh"
    trained: bool
    norms: tuple[float | None, ...]  # with respect to the whole state at lag 0, 1, …; None: not finite
    radius: float | None  # spectral radius of `matrix`
    matrix: str  # "W_hh" | "the state's Jacobian"
    horizon: int | None  # the first lag at which it is below 1 % of lag 0; None: it stays above
    verdict: GradientVerdict  # decided at `lag`
    lag: int  # the task's longest dependency, else the last lag shown
    left: float | None  # the norm at `lag` over that at lag 0; None: one of them is not finite, or there is none
    factor: float | None  # the mean factor a step up to `lag`; None: it is not finite
    reason: RadiusReason  # why the factor is not the radius


class GradientByLagComputed(Event, frozen=True, kw_only=True):
    """The answer to ComputeGradientByLag: this network first, then those it is compared with."""

    step: int
    networks: tuple[GradientByLag, ...]
    longest_lag: int  # the task's longest dependency, never longer than the sequences shown; 0: unknown
    length: int  # time steps of the sequences shown
    solved: bool | None  # by the task's own measure; None: it has none, or it was not taken
    learned: Dependency
    sentence: str  # what it means for this task
    note: str = ""  # what was left out, and why


class ComputeOneUnit(Command, frozen=True, kw_only=True):
    """The demonstration: one unit whose only weight is w, for many w at once."""

    lags: int = 40


class OneUnitComputed(Event, frozen=True, kw_only=True):
    weights: tuple[float, ...]
    norms: PackedArray  # (weights, lags + 1): |dh_T/dh_(T-k)| = |w|^k


class ComputeInfluence(Command, frozen=True, kw_only=True):
    """Measure which past mattered for the prediction at one time step."""

    example: int | None = None  # of the held-out items; None: the held-out text
    position: int | None = None  # time step of the example, character of the text; None: the last
    past: int = 200  # the most time steps to look back


class InfluenceComputed(Event, frozen=True, kw_only=True):
    """The gradient of log p of the likeliest output with respect to each input up to `position`."""

    step: int
    first: int  # position of the first symbol shown
    position: int
    total: int
    symbols: tuple[str, ...]
    norms: tuple[float, ...]  # as many as symbols, largest 1
    largest: float  # what 1 stands for
    predicted: str
    probability: float | None  # None: what is predicted is a number
    other: str  # the other class where there are two; empty: there are more, or the output is a number
    other_probability: float
    sentence: str


TimeCommand = ComputeGradientByLag | ComputeOneUnit | ComputeInfluence
TimeEvent = GradientByLagComputed | OneUnitComputed | InfluenceComputed
