"""What the trainer and whoever started it say to each other: typed commands one way, typed events the other.

A frame is four bytes of length (big-endian) and a msgpack message. The first command opens the trainer (Train, Resume
or Inspect); end of file on its input means: save and exit. Rows and sampled characters are increments and are never
dropped; Status, Trace and answers are whole states, a later one may replace an earlier one.
"""

from typing import Any

import msgspec
import numpy as np

from rnnplay.config import RunConfig

MAX_FRAME = 64 * 2**20  # bytes


class Packed(msgspec.Struct, frozen=True):
    """An array on its way through a pipe."""

    dtype: str
    shape: tuple[int, ...]
    data: bytes

    @classmethod
    def of(cls, array: np.ndarray[Any, Any]) -> "Packed":
        return cls(array.dtype.str, array.shape, np.ascontiguousarray(array).tobytes())

    def array(self) -> np.ndarray[Any, Any]:
        """The array, read-only, without a copy."""
        return np.frombuffer(self.data, dtype=np.dtype(self.dtype)).reshape(self.shape)


# ---------------------------------------------------------------------------------------------------------- commands


class Command(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """From the screen or the command line to the trainer."""


class Train(Command, frozen=True, kw_only=True):
    """Begin a new run in `root`, or in the user's data folder."""

    config: RunConfig
    root: str | None = None
    paused: bool = False  # wait for Go before the first step


class Resume(Command, frozen=True, kw_only=True):
    """Go on with the run in directory `run` where it stopped. A limit that is given replaces the run's own."""

    run: str
    more_steps: int | None = None  # beyond the step that it stopped at
    paused: bool = False


class Inspect(Command, frozen=True, kw_only=True):
    """Load a run to look at, never to train: no lock, nothing written. `step`: that checkpoint, else the last."""

    run: str
    step: int | None = None
    text: str | None = None  # another text to look at it on


class Pause(Command, frozen=True, kw_only=True):
    """Stop before the next step and wait."""


class Go(Command, frozen=True, kw_only=True):
    """Train on."""


class OneStep(Command, frozen=True, kw_only=True):
    """Do one step, then pause."""


class Stop(Command, frozen=True, kw_only=True):
    """Save a checkpoint and exit."""


class Save(Command, frozen=True, kw_only=True):
    """Save a checkpoint and go on."""


class Change(Command, frozen=True, kw_only=True):
    """Change what can be changed while it runs; it becomes a row of its own kind in the metrics."""

    lr: float | None = None
    clip: float | None = None


class Watch(Command, frozen=True, kw_only=True):
    """Send a Trace of this part of the held-out text now, and again every `every` seconds while steps are done."""

    start: int = 0  # character
    length: int = 2_000
    state: str = "h"  # h, c or a gate's letter
    every: float = 1.0  # seconds; 0: once


class Sample(Command, frozen=True, kw_only=True):
    """Write a text: the prompt is read first, then `length` characters are drawn (None: until StopSampling)."""

    prompt: str = ""
    length: int | None = None
    temperature: float = 1.0  # 0: always the likeliest
    seed: int = 1
    top_k: int = 0  # 0: all
    top_p: float = 1.0
    rate: float = 0.0  # characters a second; 0: as fast as possible
    clamps: tuple[tuple[int, int, float], ...] = ()  # (layer, unit, value), counted from 0


class StopSampling(Command, frozen=True, kw_only=True):
    """End the sample under way."""


class Evaluate(Command, frozen=True, kw_only=True):
    """Measure the loss on held-out text (or on the file `text`), read in `streams` streams from a zero state."""

    streams: int = 16
    text: str | None = None
    validation: float | None = (
        None  # share at the end of `text` to measure on; None: as the run says, a foreign text whole
    )


# ------------------------------------------------------------------------------------------------------------ events


class Event(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """From the trainer to whoever started it."""


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
    epoch_steps: int = 0
    features: tuple[str, ...] = ()
    longest_lag: int = 0
    blas: str = ""  # kernel and threads, for people


class Started(Event, frozen=True, kw_only=True):
    """The trainer is ready. `step` > 0: it goes on from there. `notes`: what a person should know."""

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
    total: int  # characters of the held-out text
    symbols: tuple[str, ...]  # N
    state: str
    values: Packed  # uint8 (L, H, N): 0 is -scale, 127 is zero, 254 is +scale
    scale: float
    surprise: Packed  # uint8 (N,): tenths of a bit, of each symbol given those before it


class Candidate(msgspec.Struct, frozen=True):
    symbol: str
    probability: float


class Sampled(Event, frozen=True, kw_only=True):
    """Characters drawn since the last Sampled, with the probability each had, and the candidates for the next."""

    text: tuple[str, ...]
    probabilities: tuple[float, ...]
    candidates: tuple[Candidate, ...] = ()  # the five likeliest next ones
    begins: bool = False  # the first of a new sample; `text` starts with the prompt as it was read
    unseen: tuple[str, ...] = ()  # characters of the prompt that the network does not know; they were skipped
    done: bool = False


class Failed(Event, frozen=True, kw_only=True):
    """The last command could not be done. `fatal`: the trainer exits."""

    wrong: str
    remedy: str
    fatal: bool = False


class Stopped(Event, frozen=True, kw_only=True):
    """The last event: everything is saved."""

    run: str
    step: int
    reason: str  # finished | stopped | diverged


AnyCommand = (
    Train | Resume | Inspect | Pause | Go | OneStep | Stop | Save | Change | Watch | Sample | StopSampling | Evaluate
)
AnyEvent = Started | Progress | Evaluated | Saved | Status | Trace | Sampled | Failed | Stopped

_encoder = msgspec.msgpack.Encoder()
_commands: msgspec.msgpack.Decoder[AnyCommand] = msgspec.msgpack.Decoder(AnyCommand)
_events: msgspec.msgpack.Decoder[AnyEvent] = msgspec.msgpack.Decoder(AnyEvent)


def frame(message: Command | Event) -> bytes:
    """`message` as the bytes that go through a pipe. Raises ValueError above MAX_FRAME."""
    body = _encoder.encode(message)
    if len(body) > MAX_FRAME:
        raise ValueError(f"a message of {len(body):,} bytes is larger than a frame may be")
    return len(body).to_bytes(4, "big") + body


def body_length(header: bytes) -> int:
    """The length that a frame's first four bytes announce. Raises ValueError above MAX_FRAME."""
    length = int.from_bytes(header, "big")
    if length > MAX_FRAME:
        raise ValueError(f"a frame of {length:,} bytes is announced; something else than the protocol is in the pipe")
    return length


def decode_command(body: bytes) -> AnyCommand:
    return _commands.decode(body)


def decode_event(body: bytes) -> AnyEvent:
    return _events.decode(body)
