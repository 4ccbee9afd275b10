"""What all tests of the playground share: a plain environment, and a pilot that waits no longer than it must."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
import textual.app
import textual.pilot


@pytest.fixture(autouse=True)
def _plain_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("NO_COLOR", "TEXTUAL_THEME", "COLORFGBG"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.setenv("COLORTERM", "truecolor")


async def loop_is_idle(_min_sleep: float = 0.0, _max_sleep: float = 0.0) -> None:
    """Wait until the loop has nothing left to run: everything that was sent has been handled."""
    loop: Any = asyncio.get_running_loop()
    turns = 0
    while turns < 2:
        await asyncio.sleep(0)
        turns = 0 if loop._ready else turns + 1


@pytest.fixture(autouse=True)
def _exact_pilot(monkeypatch: pytest.MonkeyPatch) -> None:
    """Textual's pilot looks every 20 ms whether the processor is busy; the loop itself knows at once."""
    monkeypatch.setattr(textual.app, "wait_for_idle", loop_is_idle)
    monkeypatch.setattr(textual.pilot, "wait_for_idle", loop_is_idle)
