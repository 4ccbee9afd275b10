"""Screens that come and go while a run is trained: attach to its trainer over a socket, and leave it.

The first frame on a socket is Serving, the first command Attach; the events of the run follow, from its beginning.
"""

from rnnplay.protocol.base import Command, Event

PROTOCOL_VERSION = 1  # one more whenever a message of another version could be misunderstood


class Serving(Event, frozen=True, kw_only=True):
    """The first event on a socket: which protocol is spoken here, and about which run.

    Its two fields keep their names and meanings in all versions.
    """

    version: int
    run: str  # directory


class Attach(Command, frozen=True, kw_only=True):
    """Send the run from its beginning: Started, all rows and evaluations, its status, and then what is new.

    linger: seconds that the run goes on by itself if this screen is lost and no other is there.
    """

    version: int = PROTOCOL_VERSION
    linger: float = 0.0


class Detach(Command, frozen=True, kw_only=True):
    """Leave, and let the run go on: to its limit, or without one for `linger` seconds if no other screen is there."""

    linger: float


class Detached(Event, frozen=True, kw_only=True):
    """The last event of a screen that leaves a run that goes on, with so many screens still attached."""

    screens: int


AttachCommand = Attach | Detach
AttachEvent = Serving | Detached
