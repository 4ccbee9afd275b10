"""The messages between the trainer and the process that started it: typed commands one way, typed events the other.

A frame is four bytes of length (big-endian) and a msgpack message. The first command on the pipe opens the trainer
(Train, Resume or Inspect). Other screens attach over a socket. End of file means that a screen is gone: on the pipe the
trainer then saves and exits, unless it was told to linger. Rows and sampled characters are increments and are never
dropped; Status, Trace and answers are whole states, a later one may replace an earlier one.

Every command has a number and every event the id of its run and the number of the command that it answers, so that a
reader can drop what belongs to another run or to a question that was withdrawn. A WatchTrace, ShowExample, Sample or
WatchHealth may be answered by many events, all with its number.
"""

import msgspec

from rnnplay.config import not_utf8
from rnnplay.edits import Edit, GradientStep, SetHidden, SetInput, SetWeight
from rnnplay.protocol.attach import (
    PROTOCOL_VERSION,
    Attach,
    AttachCommand,
    AttachEvent,
    Detach,
    Detached,
    Serving,
)
from rnnplay.protocol.base import Candidate, Command, Event, PackedArray, numbered
from rnnplay.protocol.cells import (
    AblateUnit,
    CancelQuestions,
    CellsCommand,
    CellsEvent,
    Census,
    ClampedCounted,
    ComputeGates,
    ComputeHistory,
    CountClamped,
    FeatureExplained,
    FindUnits,
    GateSaturation,
    GatesComputed,
    HistoryComputed,
    QuestionProgressed,
    ScoredGroup,
    ScoredPair,
    ScoredUnit,
    Trace,
    UnitAblated,
    UnitsFound,
    WatchCensus,
    WatchTrace,
)
from rnnplay.protocol.example import (
    AskTask,
    ExampleCommand,
    ExampleEvent,
    ExampleShown,
    Measured,
    MeasureTask,
    ShowExample,
    TaskAnswered,
)
from rnnplay.protocol.health import Advice, Health, WatchHealth
from rnnplay.protocol.loss import Evaluate, Evaluated, LossEvent, Row, RowsCompleted, TaskRemarked
from rnnplay.protocol.network import (
    DescribeNetwork,
    GateOpenness,
    MatrixInfo,
    MatrixShown,
    MatrixValues,
    NetworkCommand,
    NetworkDescribed,
    NetworkEvent,
    ShowMatrix,
)
from rnnplay.protocol.run import (
    ChangeSettings,
    Continue,
    DeviceUse,
    DoOneStep,
    Facts,
    Failed,
    Inspect,
    Pause,
    ReadingText,
    Resume,
    RunCommand,
    RunEvent,
    Save,
    Saved,
    SetSpeed,
    SettingsChanged,
    Started,
    Status,
    Stop,
    Stopped,
    Train,
)
from rnnplay.protocol.sample import ChangeSample, Sample, SampleCommand, Sampled, StopSampling
from rnnplay.protocol.swap import ComputeSwaps, Swap, SwapsComputed
from rnnplay.protocol.time import (
    ComputeGradientByLag,
    ComputeInfluence,
    ComputeOneUnit,
    GradientByLag,
    GradientByLagComputed,
    InfluenceComputed,
    OneUnitComputed,
    TimeCommand,
    TimeEvent,
)
from rnnplay.protocol.unroll import Unroll, Unrolled

__all__ = [
    "MAX_FRAME",
    "PROTOCOL_VERSION",
    "AblateUnit",
    "Advice",
    "AnyCommand",
    "AnyEvent",
    "AskTask",
    "Attach",
    "AttachCommand",
    "AttachEvent",
    "CancelQuestions",
    "Candidate",
    "CellsCommand",
    "CellsEvent",
    "Census",
    "ChangeSample",
    "ChangeSettings",
    "ClampedCounted",
    "Command",
    "ComputeGates",
    "ComputeGradientByLag",
    "ComputeHistory",
    "ComputeInfluence",
    "ComputeOneUnit",
    "ComputeSwaps",
    "Continue",
    "CountClamped",
    "DescribeNetwork",
    "Detach",
    "Detached",
    "DeviceUse",
    "DoOneStep",
    "Edit",
    "Evaluate",
    "Evaluated",
    "Event",
    "ExampleCommand",
    "ExampleEvent",
    "ExampleShown",
    "Facts",
    "Failed",
    "FeatureExplained",
    "FindUnits",
    "GateOpenness",
    "GateSaturation",
    "GatesComputed",
    "GradientByLag",
    "GradientByLagComputed",
    "GradientStep",
    "Health",
    "HistoryComputed",
    "InfluenceComputed",
    "Inspect",
    "LossEvent",
    "MatrixInfo",
    "MatrixShown",
    "MatrixValues",
    "MeasureTask",
    "Measured",
    "NetworkCommand",
    "NetworkDescribed",
    "NetworkEvent",
    "OneUnitComputed",
    "PackedArray",
    "Pause",
    "QuestionProgressed",
    "ReadingText",
    "Resume",
    "Row",
    "RowsCompleted",
    "RunCommand",
    "RunEvent",
    "Sample",
    "SampleCommand",
    "Sampled",
    "Save",
    "Saved",
    "ScoredGroup",
    "ScoredPair",
    "ScoredUnit",
    "Serving",
    "SetHidden",
    "SetInput",
    "SetSpeed",
    "SetWeight",
    "SettingsChanged",
    "ShowExample",
    "ShowMatrix",
    "Started",
    "Status",
    "Stop",
    "StopSampling",
    "Stopped",
    "Swap",
    "SwapsComputed",
    "TaskAnswered",
    "TaskRemarked",
    "TimeCommand",
    "TimeEvent",
    "Trace",
    "Train",
    "UnitAblated",
    "UnitsFound",
    "Unroll",
    "Unrolled",
    "WatchCensus",
    "WatchHealth",
    "WatchTrace",
    "decode_command",
    "decode_event",
    "encode_frame",
    "frame_length",
    "numbered",
]

MAX_FRAME = 64 * 2**20  # bytes

AnyCommand = (
    RunCommand
    | AttachCommand
    | Evaluate
    | CellsCommand
    | SampleCommand
    | ExampleCommand
    | Unroll
    | TimeCommand
    | ComputeSwaps
    | NetworkCommand
    | WatchHealth
)
AnyEvent = (
    RunEvent
    | AttachEvent
    | LossEvent
    | CellsEvent
    | Sampled
    | ExampleEvent
    | Unrolled
    | TimeEvent
    | SwapsComputed
    | NetworkEvent
    | Health
)

_encoder = msgspec.msgpack.Encoder()
_commands: msgspec.msgpack.Decoder[AnyCommand] = msgspec.msgpack.Decoder(AnyCommand)
_events: msgspec.msgpack.Decoder[AnyEvent] = msgspec.msgpack.Decoder(AnyEvent)


def encode_frame(message: Command | Event) -> bytearray:
    """`message` as the bytes that go through a pipe.

    Raises ValueError above MAX_FRAME; UserError if a name or text in it is not UTF-8.
    """
    whole = bytearray(4)
    try:
        _encoder.encode_into(message, whole, 4)  # behind its length: a trace is large, and is not copied once more
    except UnicodeEncodeError as error:
        raise not_utf8(error) from None
    size = len(whole) - 4
    if size > MAX_FRAME:
        raise ValueError(f"a message of {size:,} bytes is larger than a frame may be")
    whole[:4] = size.to_bytes(4, "big")
    return whole


def frame_length(header: bytes) -> int:
    """The length that a frame's first four bytes announce. Raises ValueError above MAX_FRAME."""
    length = int.from_bytes(header, "big")
    if length > MAX_FRAME:
        raise ValueError(f"a frame of {length:,} bytes is announced; something else than the protocol is in the pipe")
    return length


def decode_command(body: bytes) -> AnyCommand:
    return _commands.decode(body)


def decode_event(body: bytes) -> AnyEvent:
    return _events.decode(body)
