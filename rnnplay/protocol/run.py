"""A run from its opening to its end: the commands that train, pause, change and stop it, and how it stands."""

import msgspec

from rnnplay.config import CheckpointName, RunConfig, Schedule
from rnnplay.protocol.base import Command, Event


class Train(Command, frozen=True, kw_only=True):
    """Begin a new run in `root`, or in the user's data folder.

    linger: seconds that the run goes on by itself if the process that started it is gone and no other screen is there;
    0: the trainer saves and ends with that process.
    """

    config: RunConfig
    root: str | None = None
    paused: bool = False  # wait for Continue before the first step
    linger: float = 0.0
    watched: bool = False  # a person watches: a run that would be over within a second begins slowed


class Resume(Command, frozen=True, kw_only=True):
    """Go on with the run in directory `run` where it stopped. A limit that is given replaces the run's own.

    at: begin a new run, a copy of `run` up to this checkpoint, and go on with that; None: go on with `run` itself.
    lr, clip, schedule: what they are from here on; None: as they were. The schedule begins here.
    text: a file to train on from here on, the run's own where it is now or another one; None: the run's own, unchanged.
    linger: as of Train.
    """

    run: str
    at: CheckpointName | None = None
    lr: float | None = None
    clip: float | None = None
    schedule: Schedule | None = None
    text: str | None = None
    encoding: str | None = None  # of `text`; None: as the run's text
    more_steps: int | None = None  # beyond the step that it stopped at
    device: str | None = None  # to go on with; None: the run's own
    paused: bool = False
    linger: float = 0.0


class Inspect(Command, frozen=True, kw_only=True):
    """Load a run to look at, never to train: no lock, nothing written."""

    run: str
    at: CheckpointName = "last"
    text: str | None = None  # another text to look at it on
    encoding: str | None = None  # of `text`; None: its byte-order mark's, else UTF-8


class Pause(Command, frozen=True, kw_only=True):
    """Stop before the next step and wait."""


class Continue(Command, frozen=True, kw_only=True):
    """Train on."""


class DoOneStep(Command, frozen=True, kw_only=True):
    """Do one step, then pause."""


class Stop(Command, frozen=True, kw_only=True):
    """Save a checkpoint and exit. if_alone: but where other screens are attached only leave, answered by Detached."""

    if_alone: bool = False


class Save(Command, frozen=True, kw_only=True):
    """Save a checkpoint and go on."""


class ChangeSettings(Command, frozen=True, kw_only=True):
    """Change what can be changed while it runs; it becomes a row of its own kind in the metrics."""

    lr: float | None = None
    clip: float | None = None


class SetSpeed(Command, frozen=True, kw_only=True):
    """Wait between two steps, so that they can be watched. No number of the run depends on it, its clock stands."""

    steps_per_second: float | None = None  # None: as fast as it goes


class Facts(msgspec.Struct, frozen=True, kw_only=True):
    """Facts of a task and its network that a screen gets once."""

    io_pattern: str
    parameters: int
    inputs: int
    outputs: int
    vocabulary: tuple[str, ...]  # of the outputs; characters of a text
    baselines: tuple[tuple[str, float], ...]  # (name, loss), the one to beat first
    unit_of_loss: str  # "nats" | "squared error"
    characters: int = 0  # of the training text; 0: items are generated
    held_out: int = 0  # characters of the held-out text
    held_out_part: str = ""  # which part of the text that is, such as "the last 10 %"
    step_unit: str = "characters"  # what a time step reads, for people: "characters", "words", of items "time steps"
    epoch_steps: int = 0
    features: tuple[str, ...] = ()
    longest_lag: int = 0
    blas: str = ""  # kernel and threads, for people
    has_examples: bool = False  # there are items to show: ShowExample is answered
    question_help: str = ""  # what AskTask is asked, for people; empty: it takes none
    chance_loss: float | None = None  # of a network that knows nothing, and gives all outputs the same probability
    text_unavailable: str = ""  # why what needs the training text is off; empty: the text is at hand, or there is none
    can_sample: bool = True  # Sample makes sense: what it writes it can read again, and nothing else sets its state


class ReadingText(Event, frozen=True, kw_only=True):
    """A long text is being read, before Started, or for Evaluate: some times a second."""

    bytes_read: int  # a text is read twice
    progress: float | None = None  # share of the reading that is done; None: not known, of compressed files


class Started(Event, frozen=True, kw_only=True):
    """The trainer is ready. `step` > 0: it goes on from there. `notes`: what a person should know.

    It comes again, with past rows, where a diverged run goes back to its checkpoint: later rows are void.
    """

    run: str  # directory
    config: RunConfig
    facts: Facts
    step: int = 0
    notes: tuple[str, ...] = ()
    unreachable: str = ""  # why no other screen can attach; empty: one can


class Saved(Event, frozen=True, kw_only=True):
    """A checkpoint was written."""

    path: str
    step: int


class DeviceUse(msgspec.Struct, frozen=True, kw_only=True):
    """A device other than the CPU that trains: its name, its memory in bytes, and its load; None: not known."""

    name: str
    memory_used: int | None = None
    memory_free: int | None = None
    load: float | None = None  # share of the time since the last Status


class Status(Event, frozen=True, kw_only=True):
    """State of the run, five times a second, and at once when it changes."""

    state: str  # training | paused | finished | diverged | inspecting
    step: int
    epoch: float | None = None
    loss: float | None = None  # of the last step
    grad_norm: float | None = None
    chars_per_s: float | None = None  # while it computes, without the waits of a slowed run
    seconds: float = 0.0  # of training, without those waits
    progress: float | None = None  # share of the run's limit that is done
    seconds_left: float | None = None
    lr: float | None = None
    clipped: int = 0  # of the last `recent_steps` steps: those whose gradient was clipped
    recent_steps: int = 0  # at most 64
    ended_by: str = ""  # what ended a finished run, if it was not a limit: "patience"
    steps_per_second: float | None = None  # that training is slowed to; None: as fast as it goes
    problem: str = ""  # where it diverged: what is wrong
    remedy: str = ""  # and what to do
    screens: int = 1  # that are attached
    device: DeviceUse | None = None  # None: the CPU


class SettingsChanged(Event, frozen=True, kw_only=True):
    """Settings from this step on, after a ChangeSettings of any screen."""

    step: int
    lr: float
    clip: float


class Failed(Event, frozen=True, kw_only=True):
    """A command or the run failed. `fatal`: the trainer exits."""

    problem: str
    remedy: str
    fatal: bool = False
    command: str = ""  # the kind of the command that it answers, as AskTask; empty: it is not known, or there was none


class Stopped(Event, frozen=True, kw_only=True):
    """The last event: everything is saved."""

    run: str  # directory; empty: a new run that did no step is not kept
    step: int
    reason: str  # finished | stopped | diverged


RunCommand = Train | Resume | Inspect | Pause | Continue | DoOneStep | Stop | Save | ChangeSettings | SetSpeed
RunEvent = ReadingText | Started | Saved | Status | SettingsChanged | Failed | Stopped
