"""What all tests of the playground share: a plain environment, an exact pilot, and a person at a playground."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
import textual.app
import textual.pilot
from made_up_play import Recorder
from person import WIDE, Person, opened
from waiting import screen_is_idle

from rnnplay import client
from rnnplay import protocol as say


@pytest.fixture(autouse=True)
def _plain_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("NO_COLOR", "TEXTUAL_THEME", "COLORFGBG"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.setenv("COLORTERM", "truecolor")


@pytest.fixture(autouse=True)
def _no_linger(monkeypatch: pytest.MonkeyPatch) -> None:
    """No trainer outlives its test."""
    monkeypatch.setenv("RNNPLAY_LINGER", "0")


@pytest.fixture(autouse=True)
def _exact_pilot(monkeypatch: pytest.MonkeyPatch) -> None:
    """Textual's pilot looks every 20 ms whether the processor is busy; the loop and the screen know at once."""
    monkeypatch.setattr(textual.app, "wait_for_idle", screen_is_idle)
    monkeypatch.setattr(textual.pilot, "wait_for_idle", screen_is_idle)


@pytest.fixture
def trainers(monkeypatch: pytest.MonkeyPatch) -> list[Recorder]:
    """The recorders that stand for the trainers that were started, in order."""
    started: list[Recorder] = []

    async def start(opening: say.Command) -> Recorder:
        started.append(Recorder(opening))
        return started[-1]

    monkeypatch.setattr(client.TrainerClient, "start", start)
    return started


@pytest.fixture
def size() -> tuple[int, int]:
    """The terminal's columns and rows."""
    return WIDE


@pytest.fixture
async def person(trainers: list[Recorder], size: tuple[int, int]) -> AsyncIterator[Person]:
    """A person at a playground that was opened on its tasks."""
    async with opened(trainers, size) as person:
        yield person
