"""What a task is to the rest of the program: it makes Batches, scores them, and names what is true at each step."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from rnnplay import corpora
from rnnplay.tasks.data import TaskData

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
    series: Array | None = None  # (T,) numbers in their own units, where symbols would say little


@dataclass(frozen=True)
class Measure:
    """How well a network does on fresh items: `value` against `criterion`, in the task's own terms."""

    name: str  # "whole sequences right"
    value: float
    criterion: float
    solved: bool


# A trained network as a task sees it: a Batch in, probabilities or values (T, V, B) out. Its first state is zero (or
# what `source`, `features` set), dropout is off, and nothing of it is kept.
Answer = Callable[[Batch], Array]


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
    frame: tuple[int, int] | None = None  # (height, width) where the inputs of a time step are a picture
    question: str = ""  # what `respond` is asked, for people: "two numbers, 23 + 18"; empty: it takes none
    notes: tuple[str, ...] = ()  # what a person should know before it starts
    called: str = "time steps"  # what they are, for people: "characters", "words"
    training_ids: Array = np.zeros(0, np.int32)  # (N,) of a text: what it learns from
    held_out_size: int = 0  # symbols, values or items that are held out, though TaskData may hold fewer of them
    training_size: int = 0  # symbols of a text that it learns from, though they may not be at hand; 0: no text
    has_training_data: bool = True  # False: made from TaskData alone, it can be used but not be trained
    held_out_ids: Array = np.zeros(0, np.int32)  # (N,) of a text, any integers: what it is measured on and shown over

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

    def data(self) -> TaskData | None:
        """Return what the network needs of the task's text or table to be used without it; None: it reads none."""
        return None

    def baselines(self) -> list[tuple[str, float]]:
        """(name, loss in nats or squared error) of simple predictors on the evaluation data, the one to beat first."""
        return []

    def encode(self, text: str) -> tuple[Array, tuple[str, ...]]:
        """The ids (N,) int32 of the characters of `text`, and those that are unknown, each once: they are left out."""
        number = {symbol: i for i, symbol in enumerate(self.vocabulary)}
        ids = np.array([number[symbol] for symbol in text if symbol in number], np.int32)
        return ids, tuple(dict.fromkeys(symbol for symbol in text if symbol not in number))

    def encode_file(self, path: str, encoding: str | None = None) -> tuple[Array, tuple[str, ...]]:
        """The same of the text at `path`. Raises UserError where there is none, or where nothing in it is known."""
        return corpora.encode_file(path, self.vocabulary, encoding=encoding)

    def decode(self, ids: Array) -> str:
        """The symbols of `ids` (N,), one after the other."""
        return "".join([self.vocabulary[i] for i in ids])

    def feature_names(self) -> list[str]:
        """What this task knows to be true or false (or how much) at each time step: "inside quotes", "carry"."""
        return []

    def feature(self, name: str, ids: Array) -> Array:
        """The feature `name` at each time step of `ids` (T,), or of values (T, D): bool or float (T,)."""
        raise KeyError(name)

    def batch_feature(self, name: str, batch: Batch) -> Array:
        """The feature `name` at each time step of `batch`, (T, B)."""
        return np.stack([self.feature(name, batch.inputs[..., b]) for b in range(batch.inputs.shape[-1])], axis=1)

    def measure(self, answer: Answer) -> Measure | None:
        """How well the network does on items never trained on. None: the held-out loss against the baseline tells."""
        return None

    def example(self, index: int) -> Example | None:
        """Item `index` of the held-out ones, for people to look at. None: the task is a text, there are no items."""
        return None

    def possible(self, ids: Array) -> Array | None:
        """Where several outputs are right at a time step of `ids` (T,): bool (T, V). None: the target alone is."""
        return None

    def respond(self, prompt: str, answer: Answer) -> list[tuple[str, float]]:
        """The network's answer to `question`: symbols, each with its probability. Raises UserError on a bad prompt."""
        raise NotImplementedError(f"{self.name} takes no question")

    def initial_parameters(self) -> dict[str, Array] | None:
        """Start weights that the task insists on, by parameter name, instead of the network's own draws."""
        return None

    def remark(self, step: int, batch: Batch, outputs: Callable[[], Array]) -> str | None:
        """A line to print about training step `step` (from 0). `outputs` gives the network's (T, V, B) before it."""
        return None
