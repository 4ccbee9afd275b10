"""Influence of the past on a prediction, by swapping each earlier symbol for likely others."""

import msgspec

from rnnplay.protocol.base import Command, Event


class ComputeSwaps(Command, frozen=True, kw_only=True):
    """Replace each symbol up to `position` by likely others, and measure what that does to the prediction there."""

    example: int | None = None  # of the held-out items; None: the held-out text
    position: int | None = None  # time step of the example, character of the text; None: the last
    past: int = 100  # the most time steps to look back


class Swap(msgspec.Struct, frozen=True, kw_only=True):
    """One place, its mean effect, and the one replacement there that changed the prediction most."""

    place: int  # among the symbols of the event
    effect: float  # nats: mean fall of log p of the predicted output over all replacements
    others: int  # how many replacements
    other: str  # the one that changed it most
    probability: float  # of the predicted output with it
    predicted: str  # the likeliest output with it
    predicted_probability: float


class SwapsComputed(Event, frozen=True, kw_only=True):
    """The answer to ComputeSwaps. `unavailable`: why nothing can be swapped; empty: it was."""

    step: int
    first: int = 0  # position of the first symbol shown
    position: int = 0
    total: int = 0
    symbols: tuple[str, ...] = ()
    effects: tuple[float, ...] = ()  # as many as symbols, in nats
    strongest: tuple[Swap, ...] = ()  # of the past, the greatest effect first
    present: Swap | None = None  # the last symbol, which the network reads at that time step
    predicted: str = ""
    probability: float = 0.0
    sentence: str = ""
    unavailable: str = ""
