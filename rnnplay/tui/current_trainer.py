"""The trainer of the run on the screen: at most one is open; those before it are left, or save and end, meanwhile."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from rnnplay import protocol
from rnnplay.config import UserError

if TYPE_CHECKING:
    from rnnplay.client import TrainerClient

LOG_NAME = "playground.log"  # beside the runs; see error_log.py
SEE_LOG = f"The traceback is in {LOG_NAME}, beside the runs; please report it."
Opening = protocol.Train | protocol.Resume | protocol.Inspect | Path  # a path: attach to that run's trainer


class CurrentTrainer:
    """`generation` is one more with each run that is opened; `client` is None while none takes commands.

    `on_event` takes each event in; `on_failure(problem, remedy)` is called if no trainer could be started, `on_end`
    once the events have ended, and `report(what, error)` where the program itself is at fault.
    """

    def __init__(
        self,
        on_event: Callable[[protocol.AnyEvent], None],
        on_failure: Callable[[str, str], None],
        on_end: Callable[[], None],
        report: Callable[[str, BaseException], None],
    ) -> None:
        self._on_event, self._on_failure, self._on_end, self._report = on_event, on_failure, on_end, report
        self.client: TrainerClient | None = None
        self.generation = 0
        self._wanted: Opening | None = None  # to be opened next
        self._opener: asyncio.Task[None] | None = None
        self._closing: set[asyncio.Task[None]] = set()  # trainers that save and end, or are left
        self._tasks: set[asyncio.Task[None]] = set()

    def open(self, opening: Opening, detach: bool = False) -> None:
        """Have the present trainer save and end, and open `opening` as soon as there may be another.

        detach: leave the present one, which goes on.
        """
        self.release(detach)
        self.generation += 1
        self._wanted = opening
        if self._opener is None or self._opener.done():
            self._opener = self.start_task(self._open_wanted())

    async def _open_wanted(self) -> None:
        """Start a trainer for what is wanted last, and never a second one beside that which is closing."""
        while (opening := self._wanted) is not None:
            self._wanted, generation = None, self.generation
            await self._wait_closed(0 if isinstance(opening, protocol.Resume) else 1)  # 0: its lock must be free
            if generation != self.generation:
                continue
            try:
                from rnnplay.client import TrainerClient, hang_up_seconds  # not before the first paint

                if isinstance(opening, Path):
                    client = await TrainerClient.attach(opening)
                else:
                    if not isinstance(opening, protocol.Inspect):
                        opening = msgspec.structs.replace(opening, linger=hang_up_seconds())
                    client = await TrainerClient.start(opening)
            except Exception as error:  # of whatever kind: the screen must not say for ever that it starts
                if generation == self.generation:
                    self._fail_to_open(error)
                continue
            if generation != self.generation:  # another run is wanted since
                self._close(client, detach=isinstance(opening, Path))
                continue
            self.client = client
            self.start_task(self._follow(client, generation))

    async def _wait_closed(self, most: int) -> None:
        """Wait until at most so many trainers are still closing."""
        while len(self._closing) > most:
            await asyncio.wait(self._closing, return_when=asyncio.FIRST_COMPLETED)

    async def _follow(self, client: TrainerClient, generation: int) -> None:
        try:
            async for event in client.events():
                if client is not self.client or generation != self.generation:
                    return
                try:
                    self._on_event(event)
                except Exception as error:
                    if isinstance(event, protocol.Started):  # without what it says nothing can be shown
                        self.release()
                        self._fail_to_open(error)
                        return
                    self._report(f"The event {type(event).__name__} could not be taken in", error)
        except Exception as error:
            self._report("The trainer's events could not be read", error)
        if client is self.client:
            self.release()
            self._on_end()

    def _fail_to_open(self, error: Exception) -> None:
        """Say why a run could not be opened; a mistake of the program goes to the log too."""
        if not isinstance(error, UserError | OSError):
            self._report("The run could not be opened", error)
        self._on_failure(*_reason(error))

    def send(self, command: protocol.Command) -> int:
        """Send a command, if there is a trainer; return the number that its answers carry."""
        command = protocol.numbered(command)
        if self.client is not None:
            self.start_task(self.client.send(command))
        return command.request

    def release(self, detach: bool = False) -> None:
        """Have the present trainer save and end, or leave it to go on, without waiting for it."""
        client, self.client = self.client, None
        if client is not None:
            self._close(client, detach)

    def forget(self) -> None:
        """Take in no further event of the present trainer: its run is gone."""
        self.release()
        self.generation += 1

    def _close(self, client: TrainerClient, detach: bool = False) -> None:
        task = self.start_task(client.detach() if detach else client.close())
        self._closing.add(task)
        task.add_done_callback(self._closing.discard)

    async def close(self) -> None:
        """Save what runs, and wait until every trainer has ended, or been left."""
        self._wanted = None
        self.generation += 1  # what is being started is closed as soon as it stands
        self.release()
        if self._opener is not None:
            await asyncio.gather(self._opener, return_exceptions=True)
        await self._wait_closed(0)

    async def detach(self, linger: float | None = None) -> None:
        """Leave the present trainer, which goes on (linger: as of the client), and wait until all others have ended."""
        client, self.client = self.client, None
        if client is not None:
            await client.detach(linger)
        await self.close()

    async def abandon(self) -> None:
        """Leave the present trainer without a word, once what is wanted has been started; wait until others have ended.

        It takes the end of this process for a lost line, and goes on as long as its opening says.
        """
        if self._opener is not None:
            await asyncio.gather(self._opener, return_exceptions=True)
        self.client = None
        await self.close()

    def start_task(self, work: Coroutine[Any, Any, Any]) -> asyncio.Task[Any]:
        """Do `work` in the background; a failure is reported."""
        task = asyncio.ensure_future(work)
        self._tasks.add(task)
        task.add_done_callback(self._end_task)
        return task

    def _end_task(self, task: asyncio.Task[Any]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            self._report("Something in the background went wrong", error)


def _reason(error: Exception) -> tuple[str, str]:
    """Return what is wrong, and what to do, where a trainer could not be started."""
    if isinstance(error, UserError):
        return error.problem, error.remedy
    if isinstance(error, OSError):
        return f"The trainer could not be started: {error.strerror or error}.", "Try again with n."
    return f"The run could not be opened: {error or type(error).__name__}.", SEE_LOG
