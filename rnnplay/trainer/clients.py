"""Everyone who follows a run: the process that started the trainer, over pipes, and screens that attach over a socket.

A screen that is slow, stopped or dead never holds up training or another screen.
"""

import os
import select
import socket
import time
from collections.abc import Sequence

from rnnplay.protocol import PROTOCOL_VERSION, AnyCommand, Command, Event, Serving
from rnnplay.runs.trainers import enlarge_buffers, peer_user
from rnnplay.trainer.connection import Connection

Received = tuple[Connection, AnyCommand]

_MAX_WAITING = 32  # connections that have not attached
_READABLE = select.POLLIN | select.POLLHUP
_BROKEN = select.POLLERR | select.POLLHUP | select.POLLNVAL


class Clients:
    """The connections of one trainer. `attached` are those that events are sent to."""

    def __init__(self, starter: Connection | None = None) -> None:
        """starter: the pipes to the process that started the trainer."""
        self.attached: list[Connection] = []
        self._waiting: list[Connection] = []  # they have not attached yet
        self._gone: list[Connection] = []
        self._listener: socket.socket | None = None
        self._run = ""  # directory
        self._run_id = ""
        self._poll = select.poll()
        self._watched: dict[int, int] = {}  # descriptor -> what is waited for
        self.starter = starter
        if starter is not None:
            self.attached.append(starter)
            self._watch(starter)

    def name_run(self, run: str, run_id: str) -> None:
        """Mark all events from here on as being about this run."""
        self._run, self._run_id = run, run_id
        for connection in self.attached:
            connection.run_id = run_id

    def listen(self, listener: socket.socket) -> None:
        """Let screens attach at this socket."""
        self._listener = listener
        self._set_watched(listener.fileno(), select.POLLIN)

    def stop_listening(self) -> None:
        """Refuse further screens."""
        if self._listener is not None:
            self._unwatch(self._listener.fileno())
            self._listener.close()
            self._listener = None

    # ------------------------------------------------------------------------------------------------------ commands

    def receive(self, timeout: float = 0.0) -> list[Received]:
        """The commands that have arrived, or that do within `timeout` seconds. Events leave meanwhile.

        Returns early, perhaps with nothing, when a connection has gone.
        """
        deadline = time.monotonic() + timeout if timeout else 0.0
        left = timeout
        while True:
            for connection in self.attached:
                connection.write_available()
                if connection.wants_to_write is not connection.is_watched_for_room:
                    self._watch(connection)
            ready = self._poll.poll(left * 1000)
            received = self._handle(dict(ready)) if ready else []
            if received or self._remove_closed() or (left := deadline - time.monotonic() if timeout else 0.0) <= 0:
                return received

    def _handle(self, ready: dict[int, int]) -> list[Received]:
        received: list[Received] = []
        for connection in (*self.attached, *self._waiting):
            events = ready.get(connection.events, 0)
            if connection.is_pipe and events & _BROKEN:
                connection.mark_broken()  # noticed here even if there is nothing to write
            elif events & select.POLLOUT:
                connection.write_available()
            if ready.get(connection.commands, 0) & (_READABLE if connection.is_pipe else _READABLE | _BROKEN):
                received += [(connection, command) for command in connection.read()]
        if self._listener is not None and self._listener.fileno() in ready:
            self._accept()
        return received

    def _watch(self, connection: Connection) -> None:
        """Wait for what the connection is to read, and for room if it has something to write."""
        connection.is_watched_for_room = connection.wants_to_write
        writing = select.POLLOUT if connection.is_watched_for_room else 0
        if connection.commands == connection.events:
            self._set_watched(connection.commands, select.POLLIN | writing)
        else:
            self._set_watched(connection.commands, select.POLLIN)
            self._set_watched(connection.events, writing)

    def _set_watched(self, descriptor: int, wanted: int) -> None:
        if self._watched.get(descriptor) != wanted:
            self._poll.register(descriptor, wanted)
            self._watched[descriptor] = wanted

    def _unwatch(self, descriptor: int) -> None:
        if self._watched.pop(descriptor, None) is not None:
            self._poll.unregister(descriptor)

    def _accept(self) -> None:
        """Take in a connection of this user's, and say what is spoken here; another user's is closed."""
        assert self._listener is not None
        try:
            accepted, _ = self._listener.accept()
        except OSError:  # it has gone again; or too many files are open
            return
        if peer_user(accepted) not in (None, os.geteuid()):
            accepted.close()
            return
        enlarge_buffers(accepted)
        descriptor = accepted.detach()
        connection = Connection(descriptor, descriptor, is_pipe=False)
        connection.run_id = self._run_id
        connection.send(Serving(version=PROTOCOL_VERSION, run=self._run))
        connection.write_available()
        self._waiting.append(connection)
        self._watch(connection)
        if len(self._waiting) > _MAX_WAITING:
            self._waiting[0].mark_broken()

    # --------------------------------------------------------------------------------------------------- connections

    def attach(self, connection: Connection, opening: Command, linger: float) -> None:
        """Send events to the connection from here on; `opening` is the command that asked for it."""
        connection.opening, connection.linger = opening, linger
        if connection in self._waiting:
            self._waiting.remove(connection)
            self.attached.append(connection)

    def detach(self, connection: Connection) -> None:
        """End a connection that is attached, with what is still to be sent, as far as that needs no waiting."""
        connection.write_available()
        self.attached.remove(connection)
        self._close(connection)

    def take_gone(self) -> list[Connection]:
        """The attached connections that have been lost since the last call."""
        gone, self._gone = self._gone, []
        return gone

    def _remove_closed(self) -> bool:
        """Remove the connections that are closed or stuck; return whether an attached one is among them.

        The descriptors of a pipe stay open: what can still be written may be read.
        """
        gone = [connection for connection in self.attached if connection.is_lost()]
        for connection in gone:
            self.attached.remove(connection)
            self._close(connection)
        self._gone += gone
        if self._waiting:
            for connection in [connection for connection in self._waiting if connection.closed]:
                self._waiting.remove(connection)
                self._close(connection)
        return bool(gone)

    def _close(self, connection: Connection) -> None:
        for descriptor in {connection.commands, connection.events}:
            self._unwatch(descriptor)
        if not connection.is_pipe:
            connection.release()

    # -------------------------------------------------------------------------------------------------------- events

    def broadcast(self, event: Event, answers: tuple[Connection, Command] | None = None) -> None:
        """Send an event to all that are attached; it answers the command of at most one of them."""
        for connection in self.attached:
            connection.send(event, answers[1] if answers is not None and answers[0] is connection else None)

    def flush(self, timeout: float, connections: Sequence[Connection]) -> None:
        """Wait until everything has left that is to be sent to these, `timeout` seconds at most."""
        deadline = time.monotonic() + timeout
        while True:
            for connection in connections:
                connection.write_available()
            waiting = [connection.events for connection in connections if connection.wants_to_write]
            left = deadline - time.monotonic()
            if not waiting or left <= 0:
                return
            select.select([], waiting, [], left)
