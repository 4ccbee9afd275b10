"""Changes that a person makes in an example by hand. The protocol carries these, the lab applies them.

Layers, units and time steps count from 0. `part` is "encoder" or "decoder" if the network has two parts, else empty.
"""

import msgspec


class SetHidden(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """Give a unit another value after time step `time` was computed: the layers above and all later steps see it."""

    layer: int
    time: int
    unit: int
    value: float
    state: str = "h"  # h | c
    part: str = ""  # "encoder" | "decoder" where there are two


class SetInput(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """Give the network another input at time step `time`: a symbol, or a number for input `row`."""

    time: int
    symbol: str | None = None
    row: int = 0
    value: float = 0.0
    part: str = ""


class SetWeight(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """Give one parameter another value at all time steps."""

    name: str  # "l0.W_hh"
    row: int
    column: int
    value: float


class GradientStep(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """One update by gradient descent on the example: every parameter moves by -rate times its gradient."""

    rate: float = 0.1


Edit = SetHidden | SetInput | SetWeight | GradientStep
