"""What the trainer and whoever started it say to each other: typed commands one way, typed events the other.

A frame is four bytes of length (big-endian) and a msgpack message. The first command opens the trainer (Train, Resume
or Inspect); end of file on its input means: save and exit. Rows and sampled characters are increments and are never
dropped; Status, Trace and answers are whole states, a later one may replace an earlier one.
"""

import msgspec

from rnnplay.protocol.base import Command, Event, Packed
from rnnplay.protocol.commands import (
    Change,
    Evaluate,
    Go,
    Inspect,
    OneStep,
    Pause,
    Resume,
    Sample,
    Save,
    Steer,
    Stop,
    StopSampling,
    Train,
    Watch,
)
from rnnplay.protocol.events import (
    Candidate,
    Evaluated,
    Facts,
    Failed,
    Progress,
    Remark,
    Row,
    Sampled,
    Saved,
    Started,
    Status,
    Stopped,
    Trace,
)
from rnnplay.protocol.examples import (
    AskTask,
    ExampleAnswer,
    ExampleQuestion,
    ExampleShown,
    Measured,
    MeasureTask,
    Said,
    ShowExample,
    TaskAnswered,
)
from rnnplay.protocol.looking import (
    Advice,
    CheckUp,
    Descend,
    Edit,
    Gradients,
    GradientsShown,
    Health,
    Influence,
    InfluenceShown,
    LookingAnswer,
    LookingQuestion,
    OneUnit,
    OneUnitShown,
    SetHidden,
    SetInput,
    SetWeight,
    Unroll,
    Unrolled,
)
from rnnplay.protocol.questions import (
    Ablate,
    Ablated,
    Answer,
    Find,
    Forget,
    Found,
    FoundPair,
    FoundUnit,
    Gates,
    GateShares,
    GatesShown,
    History,
    HistoryShown,
    Question,
    Working,
)

__all__ = [
    "MAX_FRAME",
    "Ablate",
    "Ablated",
    "Advice",
    "Answer",
    "AnyCommand",
    "AnyEvent",
    "AskTask",
    "Candidate",
    "Change",
    "CheckUp",
    "Command",
    "Descend",
    "Edit",
    "Evaluate",
    "Evaluated",
    "Event",
    "ExampleAnswer",
    "ExampleQuestion",
    "ExampleShown",
    "Facts",
    "Failed",
    "Find",
    "Forget",
    "Found",
    "FoundPair",
    "FoundUnit",
    "GateShares",
    "Gates",
    "GatesShown",
    "Go",
    "Gradients",
    "GradientsShown",
    "Health",
    "History",
    "HistoryShown",
    "Influence",
    "InfluenceShown",
    "Inspect",
    "LookingAnswer",
    "LookingQuestion",
    "MeasureTask",
    "Measured",
    "OneStep",
    "OneUnit",
    "OneUnitShown",
    "Packed",
    "Pause",
    "Progress",
    "Question",
    "Remark",
    "Resume",
    "Row",
    "Said",
    "Sample",
    "Sampled",
    "Save",
    "Saved",
    "SetHidden",
    "SetInput",
    "SetWeight",
    "ShowExample",
    "Started",
    "Status",
    "Steer",
    "Stop",
    "StopSampling",
    "Stopped",
    "TaskAnswered",
    "Trace",
    "Train",
    "Unroll",
    "Unrolled",
    "Watch",
    "Working",
    "body_length",
    "decode_command",
    "decode_event",
    "frame",
]

MAX_FRAME = 64 * 2**20  # bytes

AnyCommand = (
    Train
    | Resume
    | Inspect
    | Pause
    | Go
    | OneStep
    | Stop
    | Save
    | Change
    | Watch
    | Sample
    | Steer
    | StopSampling
    | Evaluate
    | Question
    | LookingQuestion
    | ExampleQuestion
)
AnyEvent = (
    Started
    | Progress
    | Evaluated
    | Remark
    | Saved
    | Status
    | Trace
    | Sampled
    | Failed
    | Stopped
    | Answer
    | LookingAnswer
    | ExampleAnswer
)

_encoder = msgspec.msgpack.Encoder()
_commands: msgspec.msgpack.Decoder[AnyCommand] = msgspec.msgpack.Decoder(AnyCommand)
_events: msgspec.msgpack.Decoder[AnyEvent] = msgspec.msgpack.Decoder(AnyEvent)


def frame(message: Command | Event) -> bytearray:
    """`message` as the bytes that go through a pipe. Raises ValueError above MAX_FRAME."""
    whole = bytearray(4)
    _encoder.encode_into(message, whole, 4)  # behind its length: a trace is large, and is not copied once more
    size = len(whole) - 4
    if size > MAX_FRAME:
        raise ValueError(f"a message of {size:,} bytes is larger than a frame may be")
    whole[:4] = size.to_bytes(4, "big")
    return whole


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
