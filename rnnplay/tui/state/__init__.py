"""State of the run, and choices of a person: plain objects without a widget."""

from collections.abc import Callable

from rnnplay.protocol import Command, Event

Send = Callable[[Command], int]
"""Sends a command to the trainer and returns the number that its answers carry."""


def answers(event: Event, request: int) -> bool:
    """Return whether `event` answers the command that was sent with the number `request`."""
    return event.request == request
