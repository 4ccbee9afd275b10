"""From the screen or the command line to the trainer: open it, train, look, sample."""

from rnnplay.config import RunConfig
from rnnplay.protocol.base import Command


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
    step: int | None = None  # of that checkpoint; None: as the network stands
    candidates: bool = False  # tell what the network expects after each character too
    example: int | None = None  # where there is no text: held-out items from this one on, a line each


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
    channel: int = 0  # samples on different channels run side by side
    copied: bool = False  # tell the longest span that stands in the training text too


class Steer(Command, frozen=True, kw_only=True):
    """Change a sample under way: take some of it back, write a symbol of one's own choice, pause, draw otherwise."""

    channel: int = 0
    keep: int | None = None  # symbols of it, prompt included, that stand; the rest is taken back. None: all
    symbol: str | None = None  # written next
    go: bool | None = None  # False: pause; True: go on; None: as it is
    length: int | None = None  # how many symbols more to draw before it pauses by itself; None: as it is
    temperature: float | None = None
    top_k: int | None = None
    top_p: float | None = None
    rate: float | None = None


class StopSampling(Command, frozen=True, kw_only=True):
    """End the sample under way."""

    channel: int = 0


class Evaluate(Command, frozen=True, kw_only=True):
    """Measure the loss on held-out text (or on the file `text`), read in `streams` streams from a zero state."""

    streams: int = 16
    text: str | None = None
    validation: float | None = (
        None  # share at the end of `text` to measure on; None: as the run says, a foreign text whole
    )
