"""The mathematics: recurrent networks, forward over time and backward through time, in NumPy and nothing else."""

from rnnplay.engine.architecture import (
    GATES,
    Architecture,
    Batch,
    GRUState,
    InputState,
    LSTMState,
    RNNState,
    State,
    TooLarge,
)
from rnnplay.engine.looking import Activations, Forward, StateGradients, Statistics
from rnnplay.engine.network import Network
from rnnplay.engine.optimizers import OPTIMIZERS, Optimizer, StepReport
from rnnplay.engine.public import GRU, LSTM, RNN
from rnnplay.engine.schedules import SCHEDULES, Averaging, learning_rate, sequence_length
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
    "Batch",
    "Forward",
    "GRUState",
    "InputState",
    "LSTMState",
    "Network",
    "Optimizer",
    "RNNState",
    "State",
    "StateGradients",
    "Statistics",
    "StepReport",
    "TooLarge",
    "flush_subnormals",
    "learning_rate",
    "sequence_length",
    "subnormals_flushed",
]
