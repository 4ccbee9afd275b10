"""Screens come and go while a run is trained: each gets its beginning and then what is new, and none ends the run."""

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from driving import alive, gone, metrics, of, small, write_text

from rnnplay.client import TrainerClient
from rnnplay.protocol import (
    AnyEvent,
    ChangeSettings,
    Continue,
    Evaluated,
    Pause,
    RowsCompleted,
    Sample,
    Sampled,
    SettingsChanged,
    Started,
    Status,
    Stop,
    Stopped,
    Trace,
    Train,
    WatchTrace,
)
from rnnplay.runs import trainers

LONG = 600.0


@pytest.fixture
def text(tmp_path: Path) -> Path:
    return write_text(tmp_path / "words.txt")


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


async def test_a_run_is_left_and_found_again_with_all_its_rows(text: Path, tmp_path: Path) -> None:
    first, run = await started(text, tmp_path / "runs")
    await first.until_step(30)
    pid = first.client.pid
    await first.client.detach()
    assert alive(pid)
    before = max(first.row_steps)
    second = await attached(run)
    await second.until_step(before + 50)
    assert alive(pid)
    await second.client.send(Stop())
    events = await second.rest()
    assert isinstance(events[-1], Stopped)
    assert second.row_steps == list(range(1, events[-1].step + 1))
    assert [line["step"] for line in metrics(run) if line.get("kind") == "evaluated"] == [
        event.step for event in of(Evaluated, events)
    ]
    assert gone(pid)
    assert not (run / trainers.TRAINER).exists()


async def test_several_screens_see_the_same_and_each_its_own_answers(text: Path, tmp_path: Path) -> None:
    first, run = await started(text, tmp_path / "runs")
    second, third = await attached(run), await attached(run)
    await first.until(lambda event: isinstance(event, Status) and event.screens == 3)
    request = await second.client.send(Sample(length=5))
    answer = await second.until(lambda event: isinstance(event, Sampled) and event.done)
    assert answer.request == request
    await third.client.send(WatchTrace(every=0.01))
    await third.until(lambda event: isinstance(event, Trace))
    await second.client.send(ChangeSettings(lr=1e-4))
    for screen in (first, second, third):
        changed = await screen.until(lambda event: isinstance(event, SettingsChanged))
        assert changed.lr == 1e-4
    await third.client.send(Pause())
    for screen in (first, second, third):
        await screen.until(lambda event: isinstance(event, Status) and event.state == "paused")
    assert of(Sampled, first.events) == of(Sampled, third.events) == of(Trace, second.events) == []
    await first.client.close()  # others are there: it only leaves
    await second.client.send(Continue())
    await second.until(lambda event: isinstance(event, Status) and event.screens == 2)
    await second.client.close()
    await third.client.close()
    assert gone(first.client.pid)
    steps = third.row_steps
    assert steps == list(range(1, len(steps) + 1))


async def test_a_pipe_whose_run_is_not_to_linger_ends_it_although_a_screen_is_attached(
    text: Path, tmp_path: Path
) -> None:
    first, run = await started(text, tmp_path / "runs", linger=0.0)
    second = await attached(run)
    await second.until_step(10)
    first.client._streams[1].close()
    assert isinstance((await second.rest())[-1], Stopped)
    assert gone(first.client.pid)
