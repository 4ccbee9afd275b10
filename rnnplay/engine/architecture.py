"""Architecture of a network: its shape and readout, its states, and what it reads.

One frozen record says everything that decides which parameters exist; it refuses what cannot be built.
"""

import math
from dataclasses import dataclass
from typing import NamedTuple, Protocol, Self

from rnnplay.engine.arrays import Array

CELLS = ("rnn", "lstm", "gru", "input-rnn")
ACTIVATIONS = ("tanh", "sigmoid", "relu", "identity")
READOUTS = ("softmax", "sigmoid", "sigmoid-squared", "linear")
INITS = ("uniform", "normal", "orthogonal", "identity")

GATES: dict[str, tuple[str, ...]] = {
    "rnn": ("h",),
    "input-rnn": ("h",),
    "lstm": ("o", "i", "f", "g"),
    "gru": ("r", "z", "n"),
}
"""The row blocks of W_xh, W_hh and b_h, in order. The LSTM's order puts neighbours where one call can serve them."""


class TooLargeError(ValueError):
    """A network or a batch that this machine's memory cannot hold."""


class RNNState(NamedTuple):
    """h (H, B)."""

    h: Array


class LSTMState(NamedTuple):
    """h (H, B) and c (H, B)."""

    h: Array
    c: Array


class GRUState(NamedTuple):
    """h (H, B)."""

    h: Array


class InputState(NamedTuple):
    """p, the previous input: (D, B) in the first layer, (H, B) above it."""

    p: Array


LayerState = RNNState | LSTMState | GRUState | InputState
State = list[LayerState]
"""One named tuple a layer."""

STATES: dict[str, type[RNNState] | type[LSTMState] | type[GRUState] | type[InputState]] = {
    "rnn": RNNState,
    "lstm": LSTMState,
    "gru": GRUState,
    "input-rnn": InputState,
}


class BatchLike(Protocol):
    """Batch that `forward_backward` reads, T time steps of B sequences; None: it does not apply."""

    @property
    def inputs(self) -> Array: ...  # ids (T, B) or values (T, D, B)
    @property
    def targets(self) -> Array: ...  # ids (T, B) for softmax, else (T, V, B)
    @property
    def weights(self) -> Array | None: ...  # (T, B): how much each time step counts
    @property
    def mask(self) -> Array | None: ...  # (T, B) bool: False holds the state
    @property
    def source(self) -> Array | None: ...  # (S, B) ids for the encoder
    @property
    def source_mask(self) -> Array | None: ...  # (S, B) bool
    @property
    def context(self) -> Array | None: ...  # (F, B), or a picture (C, height, width, B)


class SliceableBatch(BatchLike, Protocol):
    """A batch that can be cut, as `evaluate` and the two halves of a step need it."""

    def slice_time(self, start: int, stop: int) -> Self:
        """Time steps start to stop; what sets the first state goes with time step 0 alone."""

    def select_sequences(self, which: slice) -> Self:
        """Return some of the sequences."""


def _one_of(what: str, value: str, known: tuple[str, ...]) -> None:
    if value not in known:
        raise ValueError(f'{what}: "{value}" is unknown. Choose one of: {", ".join(known)}.')


def _whole(what: str, value: int, least: int) -> None:
    if not isinstance(value, int) or isinstance(value, bool) or value < least:
        raise ValueError(f"{what}: {value} is not possible. Give a whole number of at least {least}.")


@dataclass(frozen=True, kw_only=True)
class Architecture:
    """Everything that decides a network's parameters. Sizes: D inputs, H hidden, V outputs.

    inputs           vocabulary size if `inputs_are_ids`, else numbers per time step
    inputs_are_ids   inputs are ids (T, B); else values (T, D, B)
    activation       of rnn and input-rnn
    readout          softmax: cross-entropy, target ids (T, B); sigmoid: binary cross-entropy; sigmoid-squared and
                     linear: squared errors; targets of the last three are (T, V, B), their loss the mean over V
    init             uniform (within 1/sqrt(H)), normal, orthogonal or identity (the last two: W_hh, the rest uniform)
    init_scale       of normal
    chrono           > 1: chrono initialisation with this longest lag, instead of forget_bias
    max_time_constant  > 1: forget gates that begin with time constants of up to so many time steps, evenly on a
                     logarithmic scale, instead of forget_bias
    dropout          between layers and before the readout
    weight_dropout   on W_hh, one mask a training step
    source_vocabulary_size
                     > 0: an encoder of the same cell, size and depth reads ids below this; its last state is the
                     decoder's first
    context_size     > 0: that many numbers set the first hidden state of every layer through a dense layer
    picture_shape    (channels, height, width): convolution, ReLU, max-pooling and a dense layer make those numbers
    """

    cell: str = "lstm"
    inputs: int
    hidden: int
    outputs: int
    layers: int = 1
    inputs_are_ids: bool = True
    activation: str = "tanh"
    readout: str = "softmax"
    bias: bool = True
    init: str = "uniform"
    init_scale: float = 0.01
    forget_bias: float = 1.0
    chrono: int = 0
    max_time_constant: int = 0
    dropout: float = 0.0
    weight_dropout: float = 0.0
    source_vocabulary_size: int = 0
    context_size: int = 0
    picture_shape: tuple[int, int, int] | None = None
    dtype: str = "float32"

    def __post_init__(self) -> None:
        _one_of("cell", self.cell, CELLS)
        _one_of("activation", self.activation, ACTIVATIONS)
        _one_of("readout", self.readout, READOUTS)
        _one_of("init", self.init, INITS)
        _one_of("dtype", self.dtype, ("float32", "float64"))
        for what in ("inputs", "hidden", "outputs", "layers"):
            _whole(what, getattr(self, what), 1)
        for what in ("chrono", "max_time_constant", "source_vocabulary_size", "context_size"):
            _whole(what, getattr(self, what), 0)
        for what in ("init_scale", "forget_bias"):
            if not math.isfinite(getattr(self, what)):
                raise ValueError(f"{what}: {getattr(self, what)} is not a number. Give a finite one.")
        for what in ("dropout", "weight_dropout"):
            if not 0.0 <= getattr(self, what) < 1.0:
                raise ValueError(f"{what}: {getattr(self, what)} is not possible. Give a share from 0 to below 1.")
        if self.chrono > 1 and self.max_time_constant > 1:
            raise ValueError("chrono and max_time_constant: both set the gates' biases. Choose one of them.")
        if self.activation != "tanh" and self.cell not in ("rnn", "input-rnn"):
            raise ValueError(f"activation: a cell {self.cell} has its own. Leave tanh, or choose the cell rnn.")
        if self.cell == "input-rnn" and (self.source_vocabulary_size or self.context_size):
            raise ValueError("cell: input-rnn has no hidden state that an encoder or context could set. Choose rnn.")
        if self.source_vocabulary_size and self.context_size:
            raise ValueError(
                "source_vocabulary_size and context_size: both set the first hidden state. Choose one of them."
            )
        if self.picture_shape is not None:
            if not self.context_size:
                raise ValueError("picture_shape: the size of its vector is missing. Set context_size too.")
            if len(self.picture_shape) != 3:
                raise ValueError("picture_shape: give three numbers: channels, height, width.")
            for what, size, least in zip(("channels", "height", "width"), self.picture_shape, (1, 4, 4), strict=True):
                _whole(f"picture_shape {what}", size, least)
