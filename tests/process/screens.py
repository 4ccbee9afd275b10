"""A screen without a screen: a client that remembers all events, and can wait for one."""

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

from driving import of, small

from rnnplay.client import TrainerClient
from rnnplay.protocol import AnyEvent, RowsCompleted, Started, Status, Stop, Train

LONG = 600.0


class Screen:
    """A client, and all events that it has received."""

    def __init__(self, client: TrainerClient) -> None:
        self.client, self.events = client, list[AnyEvent]()
        self._arrived = asyncio.Condition()
        self._reader = asyncio.create_task(self._read())

    async def _read(self) -> None:
        async for event in self.client.events():
            async with self._arrived:
                self.events.append(event)
                self._arrived.notify_all()
        async with self._arrived:
            self._arrived.notify_all()

    async def until(self, happened: Callable[[AnyEvent], object]) -> Any:
        """The first event that is as wanted, of those that have come or will."""
        seen = 0
        async with asyncio.timeout(60), self._arrived:
            while True:
                for event in self.events[seen:]:
                    if happened(event):
                        return event
                seen = len(self.events)
                assert not self._reader.done(), self.events[-1:]
                await self._arrived.wait()

    async def until_step(self, step: int) -> None:
        await self.until(lambda event: isinstance(event, Status) and event.step >= step)

    @property
    def row_steps(self) -> list[int]:
        return [row.step for event in of(RowsCompleted, self.events) for row in event.rows]

    async def rest(self) -> list[AnyEvent]:
        await self._reader
        return self.events


async def started(text: Path, root: Path, linger: float = LONG, **choices: Any) -> tuple[Screen, Path]:
    screen = Screen(await TrainerClient.start(Train(config=small(text, **choices), root=str(root), linger=linger)))
    return screen, Path((await screen.until(lambda event: isinstance(event, Started))).run)


async def attached(run: Path) -> Screen:
    return Screen(await TrainerClient.attach(run))


async def stop(run: Path) -> None:
    screen = await attached(run)
    await screen.client.send(Stop())
    await screen.rest()
