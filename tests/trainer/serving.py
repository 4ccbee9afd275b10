"""Runs the trainer's loop in the test's own process, so that a test can break a part of it on purpose."""

import os
import signal
from collections.abc import Callable, Iterable
from threading import Thread

from rnnplay.protocol import AnyEvent, Command, Inspect, Resume, Train, decode_event, encode_frame, frame_length
from rnnplay.trainer.clients import Clients
from rnnplay.trainer.connection import Connection
from rnnplay.trainer.loop import TrainingLoop
from rnnplay.trainer.opening import open_session
from rnnplay.trainer.session import TrainingSession

SIGNALS = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)


def serve(
    opening: Train | Resume | Inspect,
    react: Callable[[AnyEvent], Iterable[Command]],
    prepare: Callable[[TrainingSession], None] = lambda session: None,
) -> list[AnyEvent]:
    """All events of a session. `react` gives the commands that each is answered with; Stop is to be among them.

    `prepare` may change the session before the loop begins.
    """
    session = open_session(opening)
    prepare(session)
    (commands, to_loop), (from_loop, events) = os.pipe(), os.pipe()
    received: list[AnyEvent] = []

    def read() -> None:
        with os.fdopen(from_loop, "rb") as pipe:
            while len(head := pipe.read(4)) == 4:
                event = decode_event(pipe.read(frame_length(head)))
                received.append(event)
                for command in react(event):
                    os.write(to_loop, encode_frame(command))

    reader = Thread(target=read)
    reader.start()
    handlers = {number: signal.getsignal(number) for number in SIGNALS}
    try:
        TrainingLoop(session, Clients(Connection(commands, events)), opening).run()
    finally:
        for number, handler in handlers.items():
            signal.signal(number, handler)
        os.close(events)
        reader.join()
        os.close(to_loop)
        os.close(commands)
    return received
