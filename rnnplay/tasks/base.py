"""What a task is to the rest of the program: it makes Batches, scores them, and names what is true at each step."""

from abc import ABC, abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

Array = np.ndarray[Any, np.dtype[Any]]


@dataclass(frozen=True, eq=False)
class Batch:
    """What one training step reads. Time leads, sequences are the last axis (T time steps, B sequences)."""

    inputs: Array  # ids (T, B) int32, or values (T, D, B)
    targets: Array  # ids (T, B) int32 for softmax, else values (T, V, B)
    weights: Array | None = None  # (T, B): how much each time step counts in the loss; None: all alike
    mask: Array | None = None  # (T, B) bool: False holds the state (padding); None: no padding
    source: Array | None = None  # ids (S, B): what an encoder reads
    source_mask: Array | None = None  # (S, B) bool
    features: Array | None = None  # (F, B) vector or (C, height, width, B) picture that sets the first state
    fresh: bool = True  # begins from a zero state; False: goes on from the state that the last batch left

    @property
    def counted(self) -> int:
        """The characters (time steps x sequences) in it, as characters a second count them."""
        return int(self.inputs.shape[0] * self.inputs.shape[-1])


@dataclass(frozen=True, eq=False)
class Example:
    """One item as rows of aligned symbols, for people. A missing input or target at a time step is None."""

    title: str
    inputs: list[str | None]
    targets: list[str | None]
    batch: Batch  # B = 1, what the network reads for it
    picture: Array | None = None  # (height, width) or (frames, height, width), 0..1
    source: list[str] | None = None  # what an encoder reads


@dataclass(frozen=True)
class Measure:
    """How well a network does on fresh items: `value` against `criterion`, in the task's own terms."""

    name: str  # "whole sequences right"
    value: float
    criterion: float
    solved: bool


class Task(ABC):
    """One thing to learn. All of its randomness is in `rng`, whose state `state()` holds; evaluation has its own."""

    name: str
    by_id: bool = True  # inputs are ids of `vocabulary`, else numbers
    inputs: int  # D: size of the input vocabulary, or numbers per time step
    outputs: int  # V
    readout: str = "softmax"  # softmax | sigmoid | sigmoid-squared | linear
    source: int = 0  # size of the source vocabulary of an encoder-decoder; 0: no encoder
    features: int = 0  # length of the vector that sets the first hidden state; 0: none
    picture: tuple[int, int, int] | None = None  # (channels, height, width) in front of `features`
    vocabulary: tuple[str, ...] = ()  # a name for each input id
    output_vocabulary: tuple[str, ...] = ()  # a name for each output id; for most tasks the same
    longest_lag: int = 0  # time steps between a cause and the last effect that depends on it; 0: unknown
    epoch_steps: int = 0  # training batches in an epoch; 0: items are generated, there are no epochs
    sha256: str | None = None  # of the text or table it reads; None: generated

    @abstractmethod
    def batch(self, step: int) -> Batch:
        """The next training batch; `step` counts from 0 and lets a task grow its sequences."""

    @abstractmethod
    def evaluation(self) -> Iterator[Batch]:
        """Held-out batches, the same ones at every call, in order (a batch with `fresh=False` carries the state on)."""

    @abstractmethod
    def state(self) -> dict[str, Any]:
        """Data cursor and random states as JSON values: what `restore` needs to go on bit for bit."""

    @abstractmethod
    def restore(self, state: dict[str, Any]) -> None: ...

    def baselines(self) -> list[tuple[str, float]]:
        """(name, loss in nats or squared error) of simple predictors on the evaluation data, the one to beat first."""
        return []

    def feature_names(self) -> list[str]:
        """What this task knows to be true or false (or how much) at each time step: "inside quotes", "carry"."""
        return []

    def feature(self, name: str, ids: Array) -> Array:
        """The feature `name` at each time step of `ids` (T,): bool or float (T,)."""
        raise KeyError(name)
