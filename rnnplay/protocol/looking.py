"""Walking through a network time step by time step, and how far back it learns: questions, answers, health in words.

Every number that the screens Unroll and Time show is in these answers, recomputed in float64. Layers, units and time
steps count from 0 here, from 1 on a screen. Arrays are float64, time first: T time steps shown, U units shown.
"""

import msgspec

from rnnplay.protocol.base import Command, Event, Packed


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


class Descend(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """One update by gradient descent on the example: every parameter moves by -rate times its gradient."""

    rate: float = 0.1


Edit = SetHidden | SetInput | SetWeight | Descend


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
    value: Packed  # (T, U)
    parameter: str = ""  # the key that SetWeight takes: "l0.W_xh"; empty: none of its own
    rows: tuple[int, ...] = ()  # the row of that parameter for each unit shown
    added: Packed | None = None  # (T, U): norm of what the step adds to the unit's row of the gradient
    entry: Packed | None = None  # (T, U): the largest entry of it, with its sign
    column: Packed | None = None  # (T, U) int32: where that entry is


class Gate(msgspec.Struct, frozen=True, kw_only=True):
    """`name = function(sum of summands)`, and the gradient of the loss with respect to that sum."""

    name: str  # f
    function: str  # "σ"
    summands: tuple[Summand, ...]
    value: Packed  # (T, U)
    gradient: Packed  # (T, U) dL/d(sum)


class Layer(msgspec.Struct, frozen=True, kw_only=True):
    """One layer over the time steps shown. Row 0 of the states is the one that the first time step begins with."""

    index: int
    cell: str  # rnn | lstm | gru | input-rnn
    units: tuple[int, ...]  # those sent, the most active ones where there are more
    total: int
    gates: tuple[Gate, ...]
    h: Packed  # (T + 1, U)
    c: Packed | None = None  # (T + 1, U)
    dh_above: Packed  # (T, U): dL/dh that comes from the readout or the layer above
    dh_future: Packed  # (T, U): dL/dh that comes from the next time step
    computed: Packed  # (T, U): h as the cell gave it, before it was set by hand
    dc_future: Packed | None = None  # (T, U): dL/dc that comes from the next time step
    dc: Packed | None = None  # (T, U): dL/dc in all


class Parameter(msgspec.Struct, frozen=True, kw_only=True):
    """A parameter's gradient, step by step."""

    name: str
    shape: tuple[int, int]
    norm: float  # of its whole gradient
    added: Packed  # (T,): norm of what each time step adds to it


class Outputs(msgspec.Struct, frozen=True, kw_only=True):
    """The readout over the time steps shown, for K of the V outputs: those that are ever likely, and the targets."""

    ids: tuple[int, ...]  # (K,)
    names: tuple[str, ...]
    total: int  # V
    product: Packed  # (T, K): W_hy h
    bias: Packed  # (K,)
    values: Packed  # (T, K): probabilities, or the numbers predicted
    gradient: Packed  # (T, K): dL/dy, of y = W_hy h + b_y
    function: str  # "softmax" | "σ" | ""


class Truth(msgspec.Struct, frozen=True, kw_only=True):
    """What the task knows to be true, or how much of it, at each time step shown: the carry bit."""

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
    words: str = ""  # what the last update did


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
    right: tuple[float | None, ...] = ()  # probability of the target (or the number predicted)
    before: tuple[float | None, ...] = ()  # the same before the last edit; empty: nothing was edited


class Gradients(Command, frozen=True, kw_only=True):
    """How far back does the gradient of the last time step's loss reach?"""

    lags: int = 100
    beside: str = "fresh"  # fresh: untrained networks of the same size too | "": this network alone
    runs: tuple[str, ...] = ()  # directories of trained networks to set beside it


class Reach(msgspec.Struct, frozen=True, kw_only=True):
    """The gradient by lag of one network."""

    name: str  # "LSTM", "RNN tanh"
    trained: bool
    norms: tuple[float | None, ...]  # with respect to the whole state at lag 0, 1, …; None: not finite
    radius: float | None  # spectral radius of W_hh, or of the state's Jacobian
    horizon: int | None  # the first lag at which it is below 1 % of lag 0; None: it stays above
    verdict: str  # vanishes | explodes | steady


class GradientsShown(Event, frozen=True, kw_only=True):
    """The answer to Gradients: this network first, then those beside it."""

    step: int
    networks: tuple[Reach, ...]
    longest_lag: int  # of the task; 0: unknown
    sentence: str  # what it means for this task
    note: str = ""  # what was left out, and why


class OneUnit(Command, frozen=True, kw_only=True):
    """The demonstration: one unit whose only weight is w, for many w at once."""

    lags: int = 40


class OneUnitShown(Event, frozen=True, kw_only=True):
    weights: tuple[float, ...]
    norms: Packed  # (weights, lags + 1): |dh_T/dh_(T-k)| = |w|^k


class Influence(Command, frozen=True, kw_only=True):
    """Which past mattered for the prediction at one time step?"""

    example: int | None = None  # of the held-out items; None: the held-out text
    position: int | None = None  # time step of the example, character of the text; None: the last
    past: int = 200  # the most time steps to look back


class InfluenceShown(Event, frozen=True, kw_only=True):
    """The gradient of log p of the likeliest output with respect to each input up to `position`."""

    step: int
    first: int  # position of the first symbol shown
    position: int
    total: int
    symbols: tuple[str, ...]
    norms: tuple[float, ...]  # as many as symbols, largest 1
    largest: float  # what 1 stands for
    predicted: str
    probability: float
    sentence: str


class CheckUp(Command, frozen=True, kw_only=True):
    """Send a Health now, and whenever it changes while steps are done; `every` seconds lie between two looks."""

    every: float = 5.0


class Advice(msgspec.Struct, frozen=True, kw_only=True):
    """Something that is wrong with a run, what causes it and what to try."""

    name: str  # "learning rate too high"
    cause: str
    remedy: str
    severity: float  # 0..1


class Health(Event, frozen=True, kw_only=True):
    """What ails the run, the worst first, at most three; empty: nothing that shows."""

    step: int
    advice: tuple[Advice, ...] = ()


LookingQuestion = Unroll | Gradients | OneUnit | Influence | CheckUp
LookingAnswer = Unrolled | GradientsShown | OneUnitShown | InfluenceShown | Health
