"""One held-out item as the network answers it, a question put to the network, and how well it does in the task's terms.

Rows are aligned: element t of each belongs to time step t. None stands where a time step has no input or no target.
"""

from rnnplay.protocol.base import Candidate, Command, Event, PackedArray


class ShowExample(Command, frozen=True, kw_only=True):
    """Send an ExampleShown now, and again every `every` seconds while steps are done (0: once)."""

    index: int = 0  # of the held-out items
    every: float = 0.0


class ExampleShown(Event, frozen=True, kw_only=True):
    """The answer to ShowExample: T time steps of one item."""

    step: int
    index: int
    title: str
    source: tuple[str, ...] = ()  # what an encoder read, in the order of the sentence
    inputs: tuple[str | None, ...]  # T
    targets: tuple[str | None, ...]  # T; None: this time step has none
    predictions: tuple[str | None, ...]  # T: the likeliest output, or the number predicted
    prediction_probabilities: tuple[float | None, ...]  # T: the probability of that prediction; None: a number
    target_probabilities: tuple[float | None, ...]  # T: the probability of the target; None: no target, or a number
    row_labels: tuple[str, str, str] = ("target", "prediction", "p(target)")  # what the three are called, for people
    outputs: tuple[str, ...] = ()  # names of the outputs, where they are few
    probabilities: PackedArray | None = None  # float32 (T, V): their probabilities after each time step
    frames: PackedArray | None = None  # uint8 (F, height, width), 0 dark to 255: the picture, or a film's frames
    predicted_frames: PackedArray | None = None  # the same, (T, height, width): the frame expected after each time step
    series: PackedArray | None = None  # float64 (T + 1,) in its own units
    predicted: PackedArray | None = None  # float64 (T,): of the values from the second on, each from those before it
    forecast: PackedArray | None = None  # float64 (F,): of the last F values, each prediction fed back
    decoded: tuple[Candidate, ...] = ()  # by the network alone, from <START> on, its own words fed back
    expected: tuple[str, ...] = ()  # what it should have written


class AskTask(Command, frozen=True, kw_only=True):
    """Put the task's question to the network (`Facts.question_help` says what it is)."""

    prompt: str


class TaskAnswered(Event, frozen=True, kw_only=True):
    """The answer to AskTask. `series`: float64 (N,), where it is numbers; `before`: those that it goes on from."""

    step: int
    prompt: str
    answer: tuple[Candidate, ...]
    series: PackedArray | None = None
    before: PackedArray | None = None


class MeasureTask(Command, frozen=True, kw_only=True):
    """Measure how well the network does on items that it never trained on."""


class Measured(Event, frozen=True, kw_only=True):
    """The answer to MeasureTask: `value` against `criterion`, in the task's own terms."""

    step: int
    name: str
    value: float | None  # None: not a finite number
    criterion: float
    solved: bool


ExampleCommand = ShowExample | AskTask | MeasureTask
ExampleEvent = ExampleShown | TaskAnswered | Measured
