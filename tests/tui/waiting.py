"""Waiting for what is to come, never for a time."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from time import monotonic
from typing import Any

from made_up_play import Recorder
from textual._context import active_app

PATIENCE = 30.0  # seconds: generous, since others may be using the machine
TICKS = 20  # of a place: after so many every topic has had its turn, and those that it brought up


async def loop_is_idle() -> None:
    """Wait until the loop has nothing left to run: everything that was sent has been handled."""
    loop: Any = asyncio.get_running_loop()
    turns = 0
    while turns < 2:
        await asyncio.sleep(0)
        turns = 0 if loop._ready else turns + 1


async def screen_is_idle(_min_sleep: float = 0.0, _max_sleep: float = 0.0) -> None:
    """Wait until everything that was sent has been handled and the screen in front has its new layout."""
    await loop_is_idle()
    app: Any = active_app.get(None)
    for _ in range(5):  # a layout may ask for another one
        screen = app.screen_stack[-1] if app is not None and app._running and app.screen_stack else None
        if screen is None or not (screen._layout_required or screen._scroll_required or screen._callbacks):
            break
        screen._on_timer_update()  # what Textual's timer does up to 17 ms later
        await loop_is_idle()


async def until(condition: Callable[[], object], words: Callable[[], object] = str) -> None:
    """Wait until `condition` is true; an error shows `words`."""
    end = monotonic() + PATIENCE
    while not condition():
        assert monotonic() < end, f"it never came:\n{words()}"
        await asyncio.sleep(0.01)


async def settled(app: Any, trainers: list[Recorder]) -> None:
    """Wait until all that the trainers said is taken in; let the place in front paint it now, not when it is due."""
    await until(lambda: all(trainer.closed or trainer.queue.empty() for trainer in trainers))
    await loop_is_idle()
    for _ in range(TICKS):
        app.screen.tick()
        await screen_is_idle()
