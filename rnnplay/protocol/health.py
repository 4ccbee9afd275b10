"""Advice on a run in training: what is wrong with it, why, and what to try."""

import msgspec

from rnnplay.protocol.base import Command, Event
from rnnplay.verdicts import HealthProblem


class WatchHealth(Command, frozen=True, kw_only=True):
    """Send a Health now, and whenever it changes while steps are done; `every` seconds lie between two probes."""

    every: float = 5.0


class Advice(msgspec.Struct, frozen=True, kw_only=True):
    """A problem of a run, what causes it and what to try."""

    name: HealthProblem
    cause: str
    remedy: str
    severity: float  # 0..1


class Health(Event, frozen=True, kw_only=True):
    """The answer to WatchHealth: advice, the worst first, at most three; empty: nothing is wrong."""

    step: int
    advice: tuple[Advice, ...] = ()
