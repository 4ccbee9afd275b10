"""From the trainer to whoever started it: how training goes, what the network does, what was written."""

import msgspec

from rnnplay.config import RunConfig
from rnnplay.protocol.base import Event, Packed


class Facts(msgspec.Struct, frozen=True, kw_only=True):
    """What a screen needs to know of a task and its network, once."""

    shape: str
    parameters: int
    inputs: int
    outputs: int
    vocabulary: tuple[str, ...]  # of the outputs; characters of a text
    baselines: tuple[tuple[str, float], ...]  # (name, loss), the one to beat first
    unit_of_loss: str  # "nats" | "squared error"
    characters: int = 0  # of the training text; 0: items are generated
    held_out: int = 0  # characters of the held-out text
    called: str = "characters"  # what a time step reads, for people: "characters", "words", of items "time steps"
    epoch_steps: int = 0
    features: tuple[str, ...] = ()
    longest_lag: int = 0
    blas: str = ""  # kernel and threads, for people
    examples: bool = False  # there are items to show: ShowExample is answered
    question: str = ""  # what AskTask is asked, for people; empty: it takes none
    samples: bool = True  # Sample makes sense: what it writes it can read again, and nothing else sets its state


class Started(Event, frozen=True, kw_only=True):
    """The trainer is ready. `step` > 0: it goes on from there. `notes`: what a person should know.

    It comes again, with past rows, where a diverged run goes back to its checkpoint: later rows are void.
    """

    run: str  # directory
    config: RunConfig
    facts: Facts
    step: int = 0
    notes: tuple[str, ...] = ()


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


class Progress(Event, frozen=True, kw_only=True):
    """Rows that were completed since the last Progress; with `past`, rows of a run's earlier life."""

    rows: tuple[Row, ...]
    past: bool = False


class Evaluated(Event, frozen=True, kw_only=True):
    """The loss on held-out data after `step` steps. `baseline`: the first of the facts' baselines."""

    step: int
    loss: float | None
    baseline: float | None = None
    characters: int = 0
    past: bool = False
    final: bool = False  # of the parameters that the run ends with
    notes: tuple[str, ...] = ()  # what a person should know of the text, such as what was left out


class Remark(Event, frozen=True, kw_only=True):
    """A line that the task has to say about training step `step` (from 0)."""

    step: int
    text: str


class Saved(Event, frozen=True, kw_only=True):
    """A checkpoint was written."""

    path: str
    step: int


class Status(Event, frozen=True, kw_only=True):
    """How things stand, at most ten times a second."""

    state: str  # training | paused | finished | diverged | inspecting
    step: int
    epoch: float | None = None
    loss: float | None = None  # of the last step
    grad_norm: float | None = None
    chars_per_s: float | None = None
    seconds: float = 0.0
    progress: float | None = None  # share of the run's limit that is done
    seconds_left: float | None = None
    lr: float | None = None
    wrong: str = ""  # where it diverged: what is wrong
    remedy: str = ""  # and what to do


class Trace(Event, frozen=True, kw_only=True):
    """Activations of all units over a piece of text, as the network stands after `step` steps."""

    step: int
    start: int  # of the piece in the held-out text
    total: int  # characters of the held-out text; 0: items, which go on for ever
    symbols: tuple[str, ...]  # N
    state: str
    values: Packed  # uint8 (L, H, N): 0 is -scale, 127 is zero, 254 is +scale
    scale: float
    surprise: Packed  # uint8 (N,): tenths of a bit, of each symbol given those before it
    candidates: Packed | None = None  # uint16 (5, N): ids of the likeliest next symbols after each, the likeliest first
    chances: Packed | None = None  # float16 (5, N): their probabilities


class Candidate(msgspec.Struct, frozen=True):
    symbol: str
    probability: float


class Sampled(Event, frozen=True, kw_only=True):
    """Characters drawn since the last Sampled, with the probability each had, and the candidates for the next."""

    text: tuple[str, ...]
    probabilities: tuple[float, ...]
    candidates: tuple[Candidate, ...] = ()  # the five likeliest next ones
    begins: bool = False  # the first of a new sample; `text` starts with the prompt as it was read
    keep: int | None = None  # symbols that stand of what was told before; the rest was taken back. None: all
    copied: tuple[int, int] | None = (
        None  # (start, length) of the longest span of the sample found in the training text
    )
    unseen: tuple[str, ...] = ()  # characters of the prompt that the network does not know; they were skipped
    done: bool = False
    channel: int = 0


class Failed(Event, frozen=True, kw_only=True):
    """Something could not be done. `fatal`: the trainer exits."""

    wrong: str
    remedy: str
    fatal: bool = False
    command: str = ""  # the kind of the command that it answers, as AskTask; empty: it is not known, or there was none


class Stopped(Event, frozen=True, kw_only=True):
    """The last event: everything is saved."""

    run: str
    step: int
    reason: str  # finished | stopped | diverged
