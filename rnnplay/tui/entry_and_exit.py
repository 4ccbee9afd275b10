"""How the playground opens a run as it was left, and how a person leaves: by a key, a signal or a lost line."""

from __future__ import annotations

import asyncio
import os
import signal
import threading
from collections.abc import Awaitable
from pathlib import Path
from typing import Any

from textual.app import App

from rnnplay.gallery import network_of_run
from rnnplay.runs import runs_root, save_screen_state
from rnnplay.tui.left_run import last_run, load_left_run, sample_settings, screen_state
from rnnplay.tui.places import PLACES
from rnnplay.tui.places.base import Place
from rnnplay.tui.places.play.screen import PlayPlace
from rnnplay.tui.session import RunSession
from rnnplay.tui.state.drafts import RunDrafts

_EXIT_TIMEOUT_SECONDS = 20.0  # after a hang-up until the process ends whatever happens; the trainer saves by itself


class EntryAndExit(App[None]):
    """An app with one run on its screen."""

    session: RunSession
    drafts: RunDrafts
    play: PlayPlace

    def __init__(self, runs: str | None, run: Path | None, come_back: bool) -> None:
        super().__init__()
        self._runs, self._run, self._come_back = runs, run, come_back
        self._leaving = False

    async def action_place(self, name: str) -> None:
        """Go to a place."""

    async def guarded(self, work: Awaitable[bool]) -> bool:
        """Await `work`; an error is shown."""
        return await work

    # --------------------------------------------------------------------------------------------------------- opening

    def open_first(self) -> None:
        """Show the run that was named, else the last one, else the gallery; nothing if a person has begun something."""
        if self._run is not None or self._come_back:
            self.run_worker(self.guarded(self._open_first()), exit_on_error=False)

    async def _open_first(self) -> bool:
        cursor = self.drafts.cursor
        run = self._run or await asyncio.to_thread(last_run, runs_root(self._runs))
        if self.session.state != "idle" or self.drafts.cursor != cursor:
            return False
        if run is None:
            self.play.action_gallery()
        else:
            await self._open_run(run)
        return True

    async def _open_run(self, path: Path) -> None:
        """Show a run in the place and the panel, and with the unit, the feature and the sampling it was left with.

        Raises UserError if its settings cannot be read.
        """
        if (network := network_of_run(str(path))) is not None:
            self.drafts.pick(network.task)
            self.session.open_gallery_network(network)
            return
        left = await asyncio.to_thread(load_left_run, path)
        self.drafts.pick(left.config.task)
        self.drafts.adopt(left.config)
        screen = left.screen
        self.session.show(str(path), left.config, screen.feature if screen is not None else "", left.since_left)
        if screen is None:
            return
        self.session.selection.select(screen.layer, screen.unit, screen.unit_is_chosen)
        self.session.sample.settings = sample_settings(screen)
        if screen.place in PLACES:
            await self.action_place(screen.place)
        if isinstance(self.screen, Place):
            self.screen.restore_panel(screen.panel, screen.full_screen)

    def save_screen_state(self) -> None:
        """Write how the run is shown, so that it opens again as it is left. The gallery is not written to."""
        session = self.session
        place = next((screen for screen in reversed(self.screen_stack) if isinstance(screen, Place)), None)
        if place is None or session.run is None or session.facts is None or session.gallery is not None:
            return
        installed = (name for name in PLACES if self.is_screen_installed(name))
        name = next((name for name in installed if self.get_screen(name) is place), "play")
        save_screen_state(Path(session.run), screen_state(session, name, place))

    # --------------------------------------------------------------------------------------------------------- leaving

    async def action_quit(self) -> None:
        """Save what runs, then leave; a second time leaves at once: the trainer saves by itself."""
        if not self._leaving:
            self.save_screen_state()
        if self._leaving or not self.session.has_trainer:
            self.exit()
            return
        self._leaving = True
        self.session.problem = None
        if isinstance(self.screen, Place):
            self.screen.saving()
        self.run_worker(self._leave(0), exclusive=False)

    async def action_quit_now(self) -> None:
        """Leave from anywhere, a line that is typed and a help text too."""
        await self.action_quit()

    async def _leave(self, code: int) -> None:
        await self.session.close()
        self.exit(return_code=code)

    def handle_signals(self) -> None:
        """Have SIGTERM, SIGHUP and a stop handled by the loop."""
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGHUP):
            loop.add_signal_handler(number, self._signalled, number)
        self._survive_a_stop(loop)

    def _signalled(self, number: int) -> None:
        """The terminal hung up, or someone asked us to end: save, then go, whatever becomes of the terminal."""
        end = threading.Timer(_EXIT_TIMEOUT_SECONDS, lambda: os._exit(128 + number))
        end.daemon = True
        end.start()
        if not self._leaving:
            self._leaving = True
            self.save_screen_state()
            self._exit_task = asyncio.ensure_future(self._leave_silently(128 + number))

    async def _leave_silently(self, code: int) -> None:
        with self.batch_update():  # nothing more is painted: a dead terminal takes nothing
            await self.session.close()
        self.exit(return_code=code)

    def _survive_a_stop(self, loop: asyncio.AbstractEventLoop) -> None:
        """Come back from a stop that nobody announced (SIGSTOP) as from one that was (SIGTSTP).

        Textual opens the terminal again at every SIGCONT, but closes it at SIGTSTP only: after the other it would
        read keys twice, take the raw terminal for the one to leave behind, and wait for ever on leaving. And it does
        so within the signal, where it would wait for ever for a lock that the interrupted code holds: here the loop
        does it.
        """
        stop: Any = signal.getsignal(signal.SIGTSTP)
        go_on: Any = signal.getsignal(signal.SIGCONT)
        announced = False

        def stopped() -> None:
            nonlocal announced
            announced = True
            stop()

        def continued() -> None:
            nonlocal announced
            if not announced and self._driver is not None:
                self._driver.suspend_application_mode()
            announced = False
            go_on()
            self.refresh(layout=True)

        loop.add_signal_handler(signal.SIGTSTP, stopped)
        loop.add_signal_handler(signal.SIGCONT, continued)
