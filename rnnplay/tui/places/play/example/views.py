"""Data of the Example panel: a held-out item as the network answers it, or its answer to a question."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from rnnplay import protocol
from rnnplay.tui.session import RunSession
from rnnplay.tui.widgets.views import RunView

if TYPE_CHECKING:
    import numpy as np

    Array = np.ndarray[Any, np.dtype[Any]]

Words = tuple[tuple[str, float], ...]  # each with its probability


@dataclass(frozen=True, eq=False)
class AnswerView:
    """The network's answer to `prompt`; `series` if it is numbers, and the numbers `before` them."""

    prompt: str
    said: Words = ()
    series: Array | None = None
    waiting: bool = False
    before: Array | None = None


@dataclass(frozen=True, eq=False)
class ExampleView(RunView):
    """T time steps; None stands where a time step has no input, no target or no probability."""

    index: int = 0
    title: str = ""
    step: int = 0
    inputs: tuple[str | None, ...] = ()
    targets: tuple[str | None, ...] = ()
    predictions: tuple[str | None, ...] = ()
    prediction_probabilities: tuple[float | None, ...] = ()  # of the prediction
    target_probabilities: tuple[float | None, ...] = ()  # of the target
    row_labels: tuple[str, str, str] = ("target", "prediction", "p(target)")
    source: tuple[str, ...] = ()
    outputs: tuple[str, ...] = ()
    probabilities: Array | None = None  # (T, V)
    frames: Array | None = None  # uint8 (F, height, width)
    predicted_frames: Array | None = None  # uint8 (T, height, width)
    series: Array | None = None  # (T + 1,)
    predicted: Array | None = None  # (T,)
    forecast: Array | None = None  # (F,)
    decoded: Words = ()
    expected: tuple[str, ...] = ()
    revealed: int | None = None  # words of `written` that are shown so far; None: all
    answer: AnswerView | None = None
    first_row: int = 0  # rows scrolled down; in a film the first frame
    question: str = ""  # what may be asked
    samples: bool = False  # a free sample may be drawn too
    empty: str = ""

    @property
    def film(self) -> bool:
        """Frames are predicted: it wants more rows than others."""
        return self.predicted_frames is not None and self.answer is None


EMPTY = "An example appears here: what goes in, what should come out, and what the network says."
_COPIED = ("index", "title", "step", "inputs", "targets", "predictions", "prediction_probabilities", "source",
           "target_probabilities", "row_labels", "outputs", "expected")  # fmt: skip
_ARRAYS = ("probabilities", "frames", "predicted_frames", "series", "predicted", "forecast")


def example_view(session: RunSession, first_row: int) -> ExampleView:
    """Return the example, or the answer to a question, scrolled down by `first_row` rows."""
    state, event = session.example, session.example.example
    if event is None:
        return ExampleView(empty=session.sample.unavailable or EMPTY, generation=session.generation)
    fields: dict[str, Any] = {name: getattr(event, name) for name in _COPIED}
    fields |= {name: _open(getattr(event, name)) for name in _ARRAYS}
    return ExampleView(
        **fields,
        decoded=_words(event.decoded),
        revealed=state.words_shown,
        answer=_answer(session),
        first_row=first_row,
        question=state.question,
        samples=state.can_sample,
        generation=session.generation,
    )


def _open(packed: protocol.PackedArray | None) -> Array | None:
    return None if packed is None else packed.array()


def _words(said: tuple[protocol.Candidate, ...]) -> Words:
    return tuple((word.symbol, word.probability) for word in said)


def _answer(session: RunSession) -> AnswerView | None:
    asked, answer = session.example.pending_question, session.example.answer
    if asked is not None:
        return AnswerView(asked, waiting=True)
    if answer is None:
        return None
    return AnswerView(answer.prompt, _words(answer.answer), _open(answer.series), before=_open(answer.before))
