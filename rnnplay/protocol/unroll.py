"""An example time step by time step, forward and backward, after changes made by hand.

Every number was recomputed in float64. Layers, units and time steps count from 0 here, from 1 on a screen. Arrays are
float64, time first: T time steps sent, U units sent.
"""

import msgspec

from rnnplay.edits import Edit
from rnnplay.protocol.base import Command, Event, PackedArray


class Unroll(Command, frozen=True, kw_only=True):
    """Recompute an example in float64, forward and backward, with `edits` applied in order to a copy."""

    example: int = 0  # of the held-out items; for a text: pieces of `length` characters
    edits: tuple[Edit, ...] = ()
    length: int = 24  # the most time steps to send
    first: int | None = None  # of the window of a longer example; None: the end where only the end has a target
    units: int = 64  # the most units to send of a layer


class Summand(msgspec.Struct, frozen=True, kw_only=True):
    """One term of a gate's sum and what each time step adds to the gradient of the parameter in it."""

    name: str  # "W_xf x"
    value: PackedArray  # (T, U)
    parameter: str = ""  # the key that SetWeight takes: "l0.W_xh"; empty: none of its own
    rows: tuple[int, ...] = ()  # the row of that parameter for each unit shown
    step_norm: PackedArray | None = None  # (T, U): norm of what the step adds to the unit's row of the gradient
    largest_entry: PackedArray | None = None  # (T, U): the largest entry of it, with its sign
    column: PackedArray | None = None  # (T, U) int32: where that entry is


class Gate(msgspec.Struct, frozen=True, kw_only=True):
    """`name = function(sum of summands)`, and the gradient of the loss with respect to that sum."""

    name: str  # f
    function: str  # "σ"
    summands: tuple[Summand, ...]
    value: PackedArray  # (T, U)
    gradient: PackedArray  # (T, U) dL/d(sum)


class Layer(msgspec.Struct, frozen=True, kw_only=True):
    """One layer over the time steps shown. Row 0 of the states is the one that the first time step begins with."""

    index: int
    cell: str  # rnn | lstm | gru | input-rnn
    units: tuple[int, ...]  # those sent, the most active ones where there are more
    total: int
    gates: tuple[Gate, ...]
    h: PackedArray  # (T + 1, U)
    c: PackedArray | None = None  # (T + 1, U)
    dh_above: PackedArray  # (T, U): dL/dh that comes from the readout or the layer above
    dh_future: PackedArray  # (T, U): dL/dh that comes from the next time step
    h_before_poke: PackedArray  # (T, U): h as the cell gave it, before it was set by hand
    dc_future: PackedArray | None = None  # (T, U): dL/dc that comes from the next time step
    dc: PackedArray | None = None  # (T, U): dL/dc in all


class Parameter(msgspec.Struct, frozen=True, kw_only=True):
    """A parameter's gradient, step by step."""

    name: str
    shape: tuple[int, int]
    norm: float  # of its whole gradient
    step_norms: PackedArray  # (T,): norm of what each time step adds to it


class Outputs(msgspec.Struct, frozen=True, kw_only=True):
    """The readout over the time steps shown, for K of the V outputs: those that are ever likely, and the targets."""

    ids: tuple[int, ...]  # (K,)
    names: tuple[str, ...]
    total: int  # V
    product: PackedArray  # (T, K): W_hy h
    bias: PackedArray  # (K,)
    values: PackedArray  # (T, K): probabilities, or the numbers predicted
    gradient: PackedArray  # (T, K): dL/dy, of y = W_hy h + b_y
    function: str  # "softmax" | "σ" | ""
    other_name: str = ""  # the other class of a single yes or no: "0"
    other: PackedArray | None = None  # (T,) its probability


class Truth(msgspec.Struct, frozen=True, kw_only=True):
    """A feature that the task knows to be true, or how much of it, at each time step shown: the carry bit."""

    name: str
    values: tuple[float, ...]


class Unrolled(Event, frozen=True, kw_only=True):
    """The answer to Unroll: the columns of `part`s side by side, each with its layers."""

    step: int
    example: int
    title: str
    parts: tuple["Part", ...]  # (encoder, decoder) or one
    loss: float | None  # mean over the counted time steps of the whole example
    unit_of_loss: str
    parameters: tuple[Parameter, ...]
    changed: tuple[str, ...] = ()  # the edits in words
    note: str = ""  # what was cut, which units are shown
    summary: str = ""  # what the last update did


class Part(msgspec.Struct, frozen=True, kw_only=True):
    """An encoder, a decoder or the whole network: a column for each of T time steps from `first` on."""

    name: str  # "" | "encoder" | "decoder"
    first: int
    total: int  # time steps of the whole example
    inputs: tuple[str | None, ...]  # None: no input at this time step
    symbols: tuple[str, ...]  # what an input may be set to; empty: numbers
    targets: tuple[str | None, ...]  # None: no target
    layers: tuple[Layer, ...]
    truths: tuple[Truth, ...] = ()
    outputs: Outputs | None = None  # None: an encoder has none
    losses: tuple[float | None, ...] = ()  # of each time step; None: it does not count
    target_probabilities: tuple[float | None, ...] = ()  # probability of the target (or the number predicted)
    previous_probabilities: tuple[float | None, ...] = ()  # the same before the last edit; empty: nothing was edited
