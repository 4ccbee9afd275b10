"""Data that Time shows, and the functions that make it from the trainer's answers."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from rnnplay import protocol as say
from rnnplay.tui.places.unroll.views import Array


@dataclass(frozen=True, eq=False)
class ReachView:
    name: str
    trained: bool
    norms: Array  # (lags + 1,); NaN where not finite
    radius: float | None
    horizon: int | None
    verdict: str


@dataclass(frozen=True, eq=False)
class LagsView:
    """The gradient by lag, this network first."""

    networks: tuple[ReachView, ...] = ()
    longest_lag: int = 0
    step: int = 0
    sentence: str = ""
    note: str = ""
    empty: str = ""


@dataclass(frozen=True, eq=False)
class OneUnitView:
    weight: float = 1.0
    norms: Array | None = None  # (lags + 1,)


@dataclass(frozen=True)
class PastView:
    """A text on the colour of how much each symbol moved the prediction at `position`."""

    symbols: tuple[str, ...] = ()
    norms: tuple[float, ...] = ()
    first: int = 0
    position: int = 0
    total: int = 0
    predicted: str = ""
    probability: float = 0.0
    sentence: str = ""
    empty: str = ""


def lags(event: say.GradientByLagComputed) -> LagsView:
    networks = tuple(
        ReachView(
            reach.name,
            reach.trained,
            np.array([np.nan if norm is None else norm for norm in reach.norms]),
            reach.radius,
            reach.horizon,
            reach.verdict,
        )
        for reach in event.networks
    )
    return LagsView(networks, event.longest_lag, event.step, event.sentence, event.note)


def one_unit(event: say.OneUnitComputed, place: int) -> OneUnitView:
    return OneUnitView(event.weights[place], event.norms.array()[place])


def past(event: say.InfluenceComputed) -> PastView:
    return PastView(
        event.symbols,
        event.norms,
        event.first,
        event.position,
        event.total,
        event.predicted,
        event.probability,
        event.sentence,
    )
