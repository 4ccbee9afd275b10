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
    probability: float | None = 0.0  # None: what is predicted is a number
    other: str = ""  # the other class where there are two
    other_probability: float = 0.0
    sentence: str = ""
    empty: str = ""
    swaps: tuple[SwapRow, ...] = ()  # the strongest places; empty: the colours are the gradient's
    present: SwapRow | None = None  # what the present input does, apart
    cursor: int = 0  # the chosen one of them
    is_swapped: bool = False  # its swap is carried out: before and after


@dataclass(frozen=True)
class SwapRow:
    """A place of the past: what swapping it does on average, and what one swap leads to."""

    symbol: str
    back: int  # time steps before the prediction's input
    effect: float  # nats
    others: int  # by which it was replaced
    other: str  # the one that changed most
    probability: float  # of what was predicted, with it
    predicted: str
    predicted_probability: float


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


_FAINT = 0.1  # nats: the strongest colour stands for this at least, so that what has no effect has none


def swaps_view(event: protocol.SwapsComputed, generation: int) -> PastView:
    """Return the text on the colour of each symbol's effect, with the strongest places."""
    largest = max([*event.effects[:-1], _FAINT])

    def swap_row(swap: protocol.Swap) -> SwapRow:
        return SwapRow(
            event.symbols[swap.place],
            len(event.symbols) - 1 - swap.place,
            swap.effect,
            swap.others,
            swap.other,
            swap.probability,
            swap.predicted,
            swap.predicted_probability,
        )

    return PastView(
        symbols=event.symbols,
        norms=tuple(max(0.0, min(effect / largest, 1.0)) for effect in event.effects),
        first=event.first,
        position=event.position,
        total=event.total,
        predicted=event.predicted,
        probability=event.probability,
        sentence=event.sentence,
        swaps=tuple(swap_row(swap) for swap in event.strongest),
        present=None if event.present is None else swap_row(event.present),
        generation=generation,
    )


def influence_view(event: protocol.InfluenceComputed, generation: int) -> PastView:
    """Return how much each symbol moved one prediction."""
    return PastView(**{name: getattr(event, name) for name in _FIELDS}, generation=generation)
