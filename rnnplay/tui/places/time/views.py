"""Data that Time shows, and the functions that make it from the trainer's answers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from rnnplay import protocol
from rnnplay.tui.widgets.views import RunView

Array = np.ndarray[Any, np.dtype[Any]]


@dataclass(frozen=True, eq=False)
class ReachView:
    name: str
    trained: bool
    norms: Array  # (lags + 1,); NaN where not finite
    radius: float | None
    horizon: int | None
    verdict: str
    matrix: str = "W_hh"  # whose spectral radius it is
    factor: float | None = None  # the mean factor a step up to `lag`, measured
    lag: int = 0


@dataclass(frozen=True, eq=False)
class LagsView(RunView):
    """The gradient by lag, this network first."""

    networks: tuple[ReachView, ...] = ()
    longest_lag: int = 0
    step: int = 0
    sentence: str = ""
    note: str = ""
    empty: str = ""


@dataclass(frozen=True, eq=False)
class OneUnitView(RunView):
    weight: float = 1.0
    norms: Array | None = None  # (lags + 1,)


@dataclass(frozen=True, eq=False)
class PastView(RunView):
    """A text on the colour of how much each symbol moved the prediction at `position`."""

    symbols: tuple[str, ...] = ()
    norms: tuple[float, ...] = ()
    first: int = 0
    position: int = 0
    total: int = 0
    predicted: str = ""
    probability: float = 0.0
    other: str = ""  # the other class where there are two
    other_probability: float = 0.0
    sentence: str = ""
    empty: str = ""


def gradient_view(event: protocol.GradientByLagComputed, generation: int) -> LagsView:
    """Return the gradient by lag of this network and of those beside it."""
    networks = tuple(
        ReachView(
            reach.name,
            reach.trained,
            np.array([np.nan if norm is None else norm for norm in reach.norms]),
            reach.radius,
            reach.horizon,
            reach.verdict.value,
            reach.matrix,
            reach.factor,
            reach.lag,
        )
        for reach in event.networks
    )
    return LagsView(networks, event.longest_lag, event.step, event.sentence, event.note, generation=generation)


def one_unit_view(event: protocol.OneUnitComputed, place: int, generation: int) -> OneUnitView:
    """Return the demonstration for one of the weights."""
    return OneUnitView(event.weights[place], event.norms.array()[place], generation=generation)


_FIELDS = (
    "symbols", "norms", "first", "position", "total",
    "predicted", "probability", "other", "other_probability", "sentence",
)  # fmt: skip


def influence_view(event: protocol.InfluenceComputed, generation: int) -> PastView:
    """Return how much each symbol moved one prediction."""
    return PastView(**{name: getattr(event, name) for name in _FIELDS}, generation=generation)
