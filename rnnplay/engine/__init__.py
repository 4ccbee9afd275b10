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
from rnnplay.engine.network import Network
from rnnplay.engine.optimizers import OPTIMIZERS, Optimizer, StepReport
from rnnplay.engine.schedules import SCHEDULES, Averaging, learning_rate, sequence_length

__all__ = [
    "GATES",
    "OPTIMIZERS",
    "SCHEDULES",
    "Architecture",
    "Averaging",
    "Batch",
    "GRUState",
    "InputState",
    "LSTMState",
    "Network",
    "Optimizer",
    "RNNState",
    "State",
    "StepReport",
    "TooLarge",
    "learning_rate",
    "sequence_length",
]
