"""The mathematics: recurrent networks, forward over time and backward through time, in NumPy and nothing else."""

from rnnplay.engine.activations import Activations, ForwardResult
from rnnplay.engine.architecture import (
    GATES,
    Architecture,
    BatchLike,
    GRUState,
    InputState,
    LSTMState,
    RNNState,
    SliceableBatch,
    State,
    TooLargeError,
)
from rnnplay.engine.network import Network
from rnnplay.engine.optimizers import OPTIMIZERS, Optimizer, StepReport
from rnnplay.engine.public_cells import GRU, LSTM, RNN
from rnnplay.engine.schedules import SCHEDULES, Averaging, learning_rate
from rnnplay.engine.subnormals import flush_subnormals, subnormals_flushed

__all__ = [
    "GATES",
    "GRU",
    "LSTM",
    "OPTIMIZERS",
    "RNN",
    "SCHEDULES",
    "Activations",
    "Architecture",
    "Averaging",
    "BatchLike",
    "ForwardResult",
    "GRUState",
    "InputState",
    "LSTMState",
    "Network",
    "Optimizer",
    "RNNState",
    "SliceableBatch",
    "State",
    "StepReport",
    "TooLargeError",
    "flush_subnormals",
    "learning_rate",
    "subnormals_flushed",
]
