"""Whatever fails while a run opens: the screen says so, and never goes on saying that it starts."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from made_up_play import config, started

from rnnplay.client import TrainerClient
from rnnplay.protocol import AnyEvent
from rnnplay.tui.session import RunSession


class BrokenTrainer:
    """A trainer that starts, and whose events cannot be read, or of which the first is Started."""

    def __init__(self, *events: AnyEvent) -> None:
        self._events = events
        self.closed = False

    async def events(self) -> AsyncIterator[AnyEvent]:
        for event in self._events:
            yield event
        raise RuntimeError("a broken frame")

    async def send(self, command: Any) -> int:
        return command.request

    async def close(self) -> None:
        self.closed = True


async def opened(monkeypatch: pytest.MonkeyPatch, client: Any, tmp_path: Path, **replaced: Any) -> RunSession:
    """A session on which a run was opened and failed."""

    async def start(opening: Any) -> Any:
        if isinstance(client, Exception):
            raise client
        return client

    monkeypatch.setattr(TrainerClient, "start", start)
    session = RunSession(lambda kind, **fields: None, str(tmp_path))
    for name, value in replaced.items():
        monkeypatch.setattr(session, name, value)
    session.train(config())
    assert session.state == "starting"
    async with asyncio.timeout(20):
        while session.state == "starting":
            await asyncio.sleep(0.005)
    return session


@pytest.mark.parametrize("error", [RuntimeError("boom"), ValueError("wrong"), UnicodeError("odd"), MemoryError()])
async def test_an_exception_of_any_kind_before_the_trainer_stands(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, error: Exception
) -> None:
    session = await opened(monkeypatch, error, tmp_path)
    assert session.state == "failed" and not session.has_trainer
    assert session.problem is not None and str(error or "MemoryError") in session.problem[0]


async def test_events_that_cannot_be_read(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    client = BrokenTrainer()
    session = await opened(monkeypatch, client, tmp_path)
    assert session.state in ("failed", "dead") and session.problem is not None
    await session.close()
    assert client.closed


async def test_a_beginning_that_cannot_be_taken_in(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    def broken(event: Any) -> None:
        raise KeyError("facts")

    client = BrokenTrainer(started())
    session = await opened(monkeypatch, client, tmp_path, _handle_started=broken)
    assert session.state in ("failed", "dead")
    assert session.problem is not None and "'facts'" in session.problem[0]
    await session.close()
    assert client.closed
