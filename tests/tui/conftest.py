"""What all tests of the playground share: a plain environment, and a pilot that waits no longer than it must."""

from __future__ import annotations

import pytest
import textual.app
import textual.pilot
from waiting import screen_is_idle


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
