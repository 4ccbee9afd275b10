"""Plain data of the Example panel: a held-out item as the network answers it, or its answer to a person's question."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np

    Array = np.ndarray[Any, np.dtype[Any]]

Words = tuple[tuple[str, float], ...]  # each with its probability


@dataclass(frozen=True, eq=False)
class AnswerView:
    """What the network said to `prompt`; `series` where it said numbers, and the numbers `before` them."""

    prompt: str
    said: Words = ()
    series: Array | None = None
    waiting: bool = False
    before: Array | None = None


@dataclass(frozen=True, eq=False)
class ExampleView:
    """T time steps; None stands where a time step has no input, no target or no probability."""

    index: int = 0
    title: str = ""
    step: int = 0
    inputs: tuple[str | None, ...] = ()
    targets: tuple[str | None, ...] = ()
    predictions: tuple[str | None, ...] = ()
    chances: tuple[float | None, ...] = ()  # of the prediction
    right: tuple[float | None, ...] = ()  # of the target
    rows: tuple[str, str, str] = ("target", "prediction", "p(target)")
    source: tuple[str, ...] = ()
    outputs: tuple[str, ...] = ()
    probabilities: Array | None = None  # (T, V)
    frames: Array | None = None  # uint8 (F, height, width)
    predicted_frames: Array | None = None  # uint8 (T, height, width)
    series: Array | None = None  # (T + 1,)
    predicted: Array | None = None  # (T,)
    forecast: Array | None = None  # (F,)
    written: Words = ()
    wanted: tuple[str, ...] = ()
    revealed: int | None = None  # words of `written` that are there so far; None: all
    answer: AnswerView | None = None
    top: int = 0  # rows scrolled down; in a film the first frame
    question: str = ""  # what may be asked
    samples: bool = False  # a free sample may be drawn too
    empty: str = ""

    @property
    def film(self) -> bool:
        """Frames are predicted: it wants more rows than others."""
        return self.predicted_frames is not None and self.answer is None
