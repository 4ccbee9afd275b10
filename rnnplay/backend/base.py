"""The small interface that the trainer needs of whatever computes its training steps.

A backend owns all that a step changes: the parameters, the optimizer's moments, the averaged parameters, the state
carried from batch to batch, and the random state of dropout. Data, schedules, checkpoints and rows are the trainer's.
Another backend adds a file with a class; names and shapes of all arrays are those of the NumPy engine.
"""

from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple, Protocol

import numpy as np

from rnnplay.config import UserError
from rnnplay.engine import Network, SliceableBatch

Array = np.ndarray[Any, np.dtype[Any]]


class TrainingBatch(SliceableBatch, Protocol):
    """A batch that says whether it begins from a zero state, or from the last state of the previous batch."""

    @property
    def resets_state(self) -> bool: ...


class Rates(NamedTuple):
    """Settings that may change from step to step: learning rate; bounds of the gradient's norm and values, or 0."""

    lr: float
    clip_norm: float
    clip_value: float


class StepRow(NamedTuple):
    """Report of one step: mean loss in nats, the gradient's norm before clipping, and whether it was clipped."""

    loss: float
    grad_norm: float
    clipped: bool


class DeviceUse(NamedTuple):
    """A device for people, its memory in bytes, and the share of time that it computed since the last question."""

    name: str
    memory_used: int | None
    memory_free: int | None
    load: float | None


class DeviceMemoryError(UserError):
    """The device's memory is too small for a step. Parameters may be half updated: go back to a checkpoint."""


class Backend(ABC):
    """Trains one network.

    While steps that were started are not finished, `network` and `shown_network` are as before them; everything else
    may be called only when they are.
    """

    problem: str | None = None
    """A sentence on what has gone wrong without stopping the training; the trainer reports it and sets it to None."""
    overlaps: bool = False
    """Return whether steps go on beside the caller, between `start_steps` and `finish_steps`."""

    @abstractmethod
    def start_steps(self, batches: Iterable[TrainingBatch], rates: Sequence[Rates]) -> None:
        """Begin one training step for each batch, in order: forward, backward, clipping, update, averaging.

        A batch is taken when the step before it was begun.
        """

    @abstractmethod
    def finish_steps(self) -> list[StepRow]:
        """Wait for the steps that were started, and return a row for each. Raises DeviceMemoryError.

        A loss or norm that is not finite is reported like any other; the parameters are then worth nothing.
        """

    def train_steps(self, batches: Iterable[TrainingBatch], rates: Sequence[Rates]) -> list[StepRow]:
        """Start steps and finish them."""
        self.start_steps(batches, rates)
        return self.finish_steps()

    def use(self) -> DeviceUse | None:
        """The device in use; None: the CPU."""
        return None

    @property
    @abstractmethod
    def network(self) -> Network:
        """A NumPy network with the parameters in training. Read it between two steps; do not keep its arrays."""

    @abstractmethod
    def parameters(self) -> Mapping[str, Array]:
        """The parameters in training by name."""

    @abstractmethod
    def load_parameters(self, arrays: Mapping[str, Array]) -> None:
        """Replace the parameters. Raises ValueError, and changes nothing, if a name, shape or number is wrong."""

    @abstractmethod
    def shown_network(self, step: int) -> Network:
        """A NumPy network to evaluate, inspect and sample from, as of `step`: with averaged parameters if there are."""

    @abstractmethod
    def outputs_before(self, batch: TrainingBatch) -> Array:
        """Return what the network says at each time step of `batch` (T, V, B), which it has not learned from yet."""

    @abstractmethod
    def arrays(self) -> dict[str, Array]:
        """Return a checkpoint's arrays: parameters/*, optimizer/*, averaging/*, and state/* if a state is carried."""

    @abstractmethod
    def random_state(self) -> dict[str, Any]:
        """The random state of dropout as JSON values."""

    @property
    @abstractmethod
    def carries_state(self) -> bool:
        """Return whether the next batch may go on from the last one's state."""

    @abstractmethod
    def expected_arrays(self, saved: Mapping[str, Array], carries_state: bool) -> dict[str, Array]:
        """Arrays of the names, shapes and dtypes that `load` needs; the carried state's batch size is that in `saved`.

        Raises KeyError, IndexError or ValueError if the carried state is missing or of another network.
        """

    @abstractmethod
    def load(self, saved: Mapping[str, Array], carries_state: bool, random_state: Mapping[str, Any]) -> None:
        """Be as when `arrays` gave `saved`, which has been checked against `expected_arrays`."""
