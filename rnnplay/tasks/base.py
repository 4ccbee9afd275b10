"""The interface of a task: it makes Batches, scores a network, and names the features of each time step."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from dataclasses import dataclass, fields, replace
from typing import Any

import numpy as np

from rnnplay import corpora
from rnnplay.config import UserError
from rnnplay.tasks.data import TaskData

Array = np.ndarray[Any, np.dtype[Any]]


@dataclass(frozen=True, eq=False)
class Batch:
    """The data of one training step. Time is the first axis, sequences the last (T time steps, B sequences)."""

    inputs: Array  # ids (T, B) int32, or values (T, D, B)
    targets: Array  # ids (T, B) int32 for softmax, else values (T, V, B)
    weights: Array | None = None  # (T, B): weight of each time step in the loss; None: equal weights
    mask: Array | None = None  # (T, B) bool: False is padding, over which the state stays; None: no padding
    source: Array | None = None  # ids (S, B): what an encoder reads
    source_mask: Array | None = None  # (S, B) bool
    context: Array | None = None  # (F, B) vector or (C, height, width, B) picture that sets the first state
    resets_state: bool = True  # begins from a zero state; False: from the last state of the previous batch

    @property
    def token_count(self) -> int:
        """Time steps times sequences: the number that characters per second counts."""
        return int(self.inputs.shape[0] * self.inputs.shape[-1])

    def slice_time(self, start: int, stop: int) -> "Batch":
        """Time steps start to stop, views; the source and context, which set the first state, stay with step 0."""
        inputs, targets, weights, mask = (
            None if array is None else array[start:stop]
            for array in (self.inputs, self.targets, self.weights, self.mask)
        )
        assert inputs is not None and targets is not None
        cut = replace(self, inputs=inputs, targets=targets, weights=weights, mask=mask)
        return cut if start == 0 else replace(cut, source=None, source_mask=None, context=None)

    def select_sequences(self, which: "slice | Array") -> "Batch":
        """Return some of the sequences: a slice gives views, indices give copies."""
        arrays = {f.name: getattr(self, f.name) for f in fields(self) if f.name != "resets_state"}
        chosen = {name: array[..., which] for name, array in arrays.items() if array is not None}
        return replace(self, **chosen)


@dataclass(frozen=True, eq=False)
class Example:
    """One item as human-readable rows of aligned symbols. None: no input or no target at that time step."""

    title: str
    inputs: list[str | None]
    targets: list[str | None]
    batch: Batch  # the network's input for it, B = 1
    picture: Array | None = None  # (height, width) or (frames, height, width), 0..1
    source: list[str] | None = None  # symbols that an encoder reads
    series: Array | None = None  # (T,) the numbers of a series, in their own units


@dataclass(frozen=True)
class TaskScore:
    """The result of a network on test items: `value` against `criterion`, in the task's own terms."""

    name: str  # "whole sequences right"
    value: float
    criterion: float
    solved: bool


# A trained network as a task calls it: a Batch in, probabilities or values (T, V, B) out. The first state is zero, or
# set by `source` or `context`; dropout is off; the last state is dropped.
PredictFunction = Callable[[Batch], Array]


class Task(ABC):
    """Data to learn from, with its evaluation. `state()` returns all random states of the training data."""

    name: str
    inputs_are_ids: bool = True  # inputs are ids of `vocabulary`, else numbers
    inputs: int  # D: size of the input vocabulary, or numbers per time step
    outputs: int  # V
    readout: str = "softmax"  # softmax | sigmoid | sigmoid-squared | linear
    source_vocabulary_size: int = 0  # size of the source vocabulary of an encoder-decoder; 0: no encoder
    context_size: int = 0  # F, length of the vector that sets the first hidden state; 0: none
    picture_shape: tuple[int, int, int] | None = None  # (channels, height, width) in front of `features`
    vocabulary: tuple[str, ...] = ()  # a name for each input id
    output_vocabulary: tuple[str, ...] = ()  # a name for each output id; for most tasks the same
    longest_lag: int = 0  # most time steps between an input and an output that depends on it; 0: unknown
    epoch_steps: int = 0  # training batches in an epoch; 0: items are generated, there are no epochs
    sha256: str | None = None  # of the text or table it reads; None: generated
    frame_shape: tuple[int, int] | None = None  # (height, width) if the inputs of a time step are a picture
    question_help: str = ""  # the form of a question: "two numbers, 23 + 18"; empty: the task takes none
    notes: tuple[str, ...] = ()  # human-readable remarks on the data, shown when a run starts
    step_unit: str = "time steps"  # plural name of a time step: "characters", "words"
    training_ids: Array = np.zeros(0, np.int32)  # (N,) of a text: its training part
    held_out_size: int = 0  # symbols, values or items that are held out, though TaskData may hold fewer of them
    training_size: int = 0  # symbols of a text that it learns from, though they may not be at hand; 0: no text
    training_items: int = 0  # into which that text is divided, each learned by itself; 0: it is not
    has_training_data: bool = True  # False: made from TaskData alone, it can be used but not be trained
    end_symbol: str | None = None  # what ends an item: behind it nothing is remembered; None: there are no items
    held_out_ids: Array = np.zeros(0, np.int32)  # (N,) of a text, any integer dtype: for evaluation and traces
    test_ids: Array = np.zeros(0, np.int32)  # (N,) of a text: kept for a last test
    has_streams_held_out: bool = False  # `held_out_ids` are the tails of several streams, one after the other

    @abstractmethod
    def batch(self, step: int) -> Batch:
        """The next training batch; `step` counts from 0, so that a task can lengthen its sequences."""

    @abstractmethod
    def evaluation(self) -> Iterator[Batch]:
        """Yield the held-out batches, the same at every call (with `resets_state=False` the state is carried over)."""

    @abstractmethod
    def state(self) -> dict[str, Any]:
        """Data cursor and random states as JSON values, from which `restore` continues bit for bit."""

    @abstractmethod
    def restore(self, state: dict[str, Any]) -> None:
        """Set the data cursor and the random states to what `state()` returned."""

    def data(self) -> TaskData | None:
        """Return what the network needs of the task's text or table to be used without it; None: it reads none."""
        return None

    def batches_of(self, ids: Array, streams: int) -> Iterator[Batch]:
        """Yield batches over `ids` (N,) of a text. Raises NotImplementedError if the task reads none."""
        raise NotImplementedError(f"{self.name} reads no text")

    def test_batches(self, streams: int) -> Iterator[Batch]:
        """Yield the part kept for a last test. Raises UserError if there is none."""
        raise UserError(f"The task {self.name} keeps no part for a test.", "Leave out --test.")

    def part_words(self, *, test: bool = False) -> str:
        """Return which part of the text is held out, or kept for a test; empty: the data are no text."""
        return ""

    def baselines(self) -> list[tuple[str, float]]:
        """(name, loss in nats or squared error) of simple predictors on the evaluation data, the best first."""
        return []

    def in_known_form(self, text: str) -> str:
        """`text` with letters that are unknown as they are written in the normal form that is known, NFC or NFD."""
        return corpora.in_known_form(text, set(self.vocabulary))

    def encode(self, text: str) -> tuple[Array, tuple[str, ...]]:
        """The ids (N,) int32 of the characters of `text`, and its unknown characters, each once: they are left out."""
        number = {symbol: i for i, symbol in enumerate(self.vocabulary)}
        text = self.in_known_form(text)
        ids = np.array([number[symbol] for symbol in text if symbol in number], np.int32)
        return ids, tuple(dict.fromkeys(symbol for symbol in text if symbol not in number))

    def encode_file(self, path: str, encoding: str | None = None) -> tuple[Array, tuple[str, ...]]:
        """`encode` for the text at `path`. Raises UserError if there is none, or if no character of it is known."""
        if not self.vocabulary or max(map(len, self.vocabulary)) > 1:
            raise UserError(f"The task {self.name} reads no text.", "Leave out --text.")
        return corpora.encode_file(path, self.vocabulary, encoding=encoding)

    def file_batches(self, path: str, encoding: str | None = None) -> tuple[Iterator[Batch], tuple[str, ...]]:
        """Return batches of the whole table at `path`, to be evaluated on, and notes about it.

        Raises UserError if the task reads no table, or if the table cannot be read.
        """
        raise UserError(f"The task {self.name} reads no file.", "Leave out --text.")

    def decode(self, ids: Array) -> str:
        """The symbols of `ids` (N,), one after the other."""
        return "".join([self.vocabulary[i] for i in ids])

    def feature_names(self) -> list[str]:
        """The names of the features that this task computes at each time step: "inside quotes", "carry"."""
        return []

    def feature(self, name: str, ids: Array) -> Array:
        """The feature `name` at each time step of `ids` (T,), or of values (T, D): bool or float (T,).

        Raises KeyError for an unknown name.
        """
        raise KeyError(name)

    def feature_marks(self, name: str, ids: Array) -> tuple[Array, Array] | None:
        """Return where the feature `name` begins and ends in `ids` (N,), bool (N,) each; None: no marks bound it."""
        return None

    def batch_feature(self, name: str, batch: Batch) -> Array:
        """The feature `name` at each time step of `batch`, (T, B)."""
        return np.stack([self.feature(name, batch.inputs[..., b]) for b in range(batch.inputs.shape[-1])], axis=1)

    def score(self, predict: PredictFunction) -> TaskScore | None:
        """The network's score on test items. None: the task has no score but its held-out loss."""
        return None

    def example(self, index: int) -> Example | None:
        """Held-out item `index` in human-readable form. None: the task is a text and has no items."""
        return None

    def allowed_outputs(self, ids: Array) -> Array | None:
        """The outputs that are right at each time step of `ids` (T,): bool (T, V). None: only the target is."""
        return None

    def answer_question(self, prompt: str, predict: PredictFunction) -> list[tuple[str, float]]:
        """The network's answer to `prompt`: symbols, each with its probability.

        `question_help` says what a prompt is. Raises UserError for a bad prompt.
        """
        raise NotImplementedError(f"{self.name} takes no question")

    def initial_parameters(self) -> dict[str, Array] | None:
        """Initial parameters by name that replace the network's own draws; None: the network's own."""
        return None

    def log_line(self, step: int, batch: Batch, outputs: Callable[[], Array]) -> str | None:
        """A line to print about training step `step` (from 0), or None. outputs: returns (T, V, B) before the step."""
        return None
