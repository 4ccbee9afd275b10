"""Run events as Textual messages: the session posts one to each place after it has taken an event in.

`generation` counts the runs that were opened: a place drops the messages of another one.
"""

from __future__ import annotations

from typing import ClassVar

from textual.message import Message

from rnnplay import protocol


class RunMessage(Message, bubble=False):
    """The run with this generation has changed. `topic`: what a place has to paint again."""

    topic: ClassVar[str] = ""

    def __init__(self, generation: int) -> None:
        super().__init__()
        self.generation = generation


class RunChanged(RunMessage):
    """Another run was opened, or its state has changed."""

    topic = "run"


class StatusChanged(RunMessage):
    """Step, speed or health have changed."""

    topic = "status"


class RowsAdded(RunMessage):
    """There are new rows of metrics, or a new evaluation."""

    topic = "metrics"


class TraceReceived(RunMessage):
    """There is a new trace of the units, or a reason why there is none."""

    topic = "cells"


class SampleReceived(RunMessage):
    """Symbols were written."""

    topic = "sample"


class AnswerReceived(RunMessage):
    """A question was answered, or (`event` is Failed) cannot be."""

    topic = "answers"

    def __init__(self, generation: int, event: protocol.AnyEvent) -> None:
        super().__init__(generation)
        self.event = event
