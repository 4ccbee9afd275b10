"""The loss of training and on held-out data: rows of the metrics, evaluations, and remarks of the task."""

import msgspec

from rnnplay.protocol.base import Command, Event


class Evaluate(Command, frozen=True, kw_only=True):
    """Measure the loss on held-out text (or on the file `text`), read in `streams` streams from a zero state."""

    streams: int = 16
    text: str | None = None
    encoding: str | None = None  # of `text`; None: its byte-order mark's, else UTF-8
    validation: float | None = (
        None  # share at the end of `text` to measure on; None: as the run says, a foreign text whole
    )
    test: bool = False  # measure on the part kept for a last test instead


class Row(msgspec.Struct, frozen=True, kw_only=True):
    """A block of training steps, a row of metrics.jsonl: loss is the block's mean; what is not finite is None."""

    step: int  # the block's last
    loss: float | None
    loss_min: float | None
    loss_max: float | None
    grad_norm: float | None  # the block's mean, before clipping
    clipped: float  # share of steps whose gradient was clipped
    lr: float
    chars_per_s: float | None
    seconds: float  # of training, since the run began


class RowsCompleted(Event, frozen=True, kw_only=True):
    """Rows that were completed since the last RowsCompleted; with `past`, the rows of a run before it was opened."""

    rows: tuple[Row, ...]
    is_history: bool = False


class Evaluated(Event, frozen=True, kw_only=True):
    """The loss on held-out data after `step` steps. `baseline`: the first of the facts' baselines."""

    step: int
    loss: float | None
    baseline: float | None = None
    characters: int = 0
    is_history: bool = False
    part: str = ""  # what it was measured on, such as "the last 10 %"; empty: not a part of the run's text
    other_text: bool = False  # measured on an earlier text of the run: not to be compared with those on the present one
    final: bool = False  # of the parameters that the run ends with
    notes: tuple[str, ...] = ()  # what a person should know of the text, such as what was left out


class TaskRemarked(Event, frozen=True, kw_only=True):
    """A line that the task has to say about training step `step` (from 0)."""

    step: int
    text: str


LossEvent = RowsCompleted | Evaluated | TaskRemarked
