"""Opening a run as it was left, and leaving: by a key, a signal or a lost line."""

from __future__ import annotations

import asyncio
import os
import signal
import threading
from collections.abc import Awaitable
from pathlib import Path
from typing import Any

from textual.app import App

from rnnplay.config import UserError
from rnnplay.gallery import network_of_run
from rnnplay.machine import logout_ends_processes
from rnnplay.runs import ScreenState, runs_root, save_screen_state
from rnnplay.tui.farewell import LOGOUT_WARNING, detached_sentence, shared_sentence
from rnnplay.tui.left_run import last_run, living_runs, load_left_run, sample_settings, screen_state
from rnnplay.tui.places import PLACES
from rnnplay.tui.places.base import Place
from rnnplay.tui.places.play.screen import PlayPlace
from rnnplay.tui.session import GOING_ON, RunSession
from rnnplay.tui.state.drafts import LivingRun, RunDrafts
from rnnplay.tui.widgets.base import is_tabbed

_EXIT_TIMEOUT_SECONDS = 20.0  # after a hang-up until the process ends whatever happens; the trainer saves by itself
_LIVING_SECONDS = 5.0  # between two looks at which runs are alive
_RECORD_SECONDS = 5.0  # after which it is written how a run is shown: this process may be killed


class EntryAndExit(App[None]):
    """An app with one run on its screen."""

    session: RunSession
    drafts: RunDrafts
    play: PlayPlace

    def __init__(self, runs: str | None, start: bool, run: Path | None, come_back: bool) -> None:
        super().__init__()
        self._runs, self._start, self._run, self._come_back = runs, start, run, come_back
        self._opened: Path | None = None  # the run that was opened last as it was left
        self._leaving = False
        self._saved_state: tuple[str, ScreenState] | None = None  # the run, and how it was shown
        self.farewell = ""  # what is said on the terminal once the screen is gone

    async def action_place(self, name: str) -> None:
        """Go to a place."""

    async def guarded(self, work: Awaitable[bool]) -> bool:
        """Await `work`; an error is shown."""
        return await work

    # --------------------------------------------------------------------------------------------------------- opening

    def open_first(self) -> None:
        """Show the run that was named, else list what is alive, else show the last run, else the gallery.

        Nothing is shown if a person has begun something meanwhile.
        """
        self.set_interval(_RECORD_SECONDS, self.record_screen_state)
        if self._run is not None or self._come_back:
            self.run_worker(self.guarded(self._open_first()), exit_on_error=False)
            self.set_interval(_LIVING_SECONDS, self.list_living)

    def list_living(self) -> None:
        """Look again which runs are alive, while the list is seen."""
        if self.screen is self.play and not self._leaving:
            self.run_worker(self.guarded(self._list_living()), exit_on_error=False, group="living", exclusive=True)

    async def _list_living(self) -> bool:
        """List the runs that are alive, but for the one on the screen; return whether there are any."""
        living = await asyncio.to_thread(living_runs, runs_root(self._runs))
        self._set_living(living)
        return bool(self.drafts.living)

    def _set_living(self, living: tuple[LivingRun, ...]) -> None:
        shown_run = self.session.run if self.session.has_trainer else None
        if self.session.state == "starting" and self._opened is not None:
            shown_run = str(self._opened)
        living = tuple(run for run in living if str(run.path) != shown_run)
        if living != self.drafts.living:
            self.drafts.set_living(living)
            self.play.paint_tasks()
            self.play.update_bars()

    async def _open_first(self) -> bool:
        cursor = self.drafts.cursor
        is_alive = await self._list_living()
        run = self._run
        if run is None and not is_alive and not self._start:
            run = await asyncio.to_thread(last_run, runs_root(self._runs))
        if self._start or self.session.state != "idle" or self.drafts.cursor != cursor + len(self.drafts.living):
            return False
        if run is None and is_alive:
            self.drafts.move(-cursor - len(self.drafts.living))
            self.play.paint_tasks()
            self.play.update_bars()
        elif run is None:
            self.play.action_gallery()
        else:
            await self._open_run(run)
        return True

    async def action_attach(self) -> None:
        """Attach to the run under the cursor. Raises UserError."""
        run = self.drafts.living_run
        if run is not None:
            await self._open_run(run.path)

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
        self._opened = path
        feature = screen.feature if screen is not None else ""
        self.session.show(str(path), left.config, feature, left.since_left, left.is_alive)
        self._set_living(self.drafts.living)
        if screen is None:
            if is_tabbed(*self.size):
                self.play.show_panel(self.play.loss_panel)
            return
        self.session.selection.select(screen.layer, screen.unit, screen.unit_is_chosen)
        self.session.sample.settings = sample_settings(screen)
        if screen.place in PLACES:
            await self.action_place(screen.place)
        if isinstance(self.screen, Place):
            self.screen.restore_panel(screen.panel, screen.full_screen)

    def record_screen_state(self) -> None:
        """Write how the run in training is shown: what comes after a kill is what has happened since."""
        if self.session.has_trainer and self.session.state in GOING_ON and not self._leaving:
            self.save_screen_state()

    def save_screen_state(self) -> None:
        """Write how the run is shown, so that it opens again as it is left. The gallery is not written to."""
        session = self.session
        place = next((screen for screen in reversed(self.screen_stack) if isinstance(screen, Place)), None)
        if place is None or session.run is None or session.facts is None or session.gallery is not None:
            return
        installed = (name for name in PLACES if self.is_screen_installed(name))
        name = next((name for name in installed if self.get_screen(name) is place), "play")
        shown = session.run, screen_state(session, name, place)
        if shown != self._saved_state:
            self._saved_state = shown
            save_screen_state(Path(shown[0]), shown[1])

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
        if self.session.other_screens:
            self.farewell = shared_sentence(self.session)
        if isinstance(self.screen, Place):
            self.screen.saving()
        self.run_worker(self._leave(0), exclusive=False)

    async def action_detach(self) -> None:
        """Leave, and let the run go on; where there is nothing to go on, or RNNPLAY_LINGER is 0, it is as quitting.

        A second time leaves at once: the run goes on all the same. Raises UserError if nobody could come back.
        """
        from rnnplay.client import detach_seconds

        session = self.session
        if session.state == "starting" and not self._leaving:
            raise UserError("The run is only starting.", "Press d once it trains; q leaves without it.")
        if session.state in GOING_ON and session.unreachable:
            raise UserError(f"Nobody could come back to this run. {session.unreachable}", "q saves it and leaves.")
        if self._leaving or not session.can_go_on or not detach_seconds():
            await self.action_quit()
            return
        self.save_screen_state()
        self._leaving = True
        self.farewell = detached_sentence(session, self._runs)
        session.problem = None
        if isinstance(self.screen, Place):
            self.screen.detaching()
        self.run_worker(self._leave_going(), exclusive=False)

    async def _leave_going(self) -> None:
        is_ended_at_logout = asyncio.create_task(asyncio.to_thread(logout_ends_processes))
        await self.session.detach()
        if await is_ended_at_logout:
            self.farewell += LOGOUT_WARNING
        self.exit()

    async def action_quit_now(self) -> None:
        """Leave from anywhere, a line that is typed and a help text too."""
        await self.action_quit()

    async def _leave(self, code: int) -> None:
        await self.session.close()
        self.exit(return_code=code)

    def handle_signals(self) -> None:
        """Have SIGTERM, SIGHUP and a stop handled by the loop; SIGHUP even if it was ignored, as under nohup."""
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGHUP):
            loop.add_signal_handler(number, self._signalled, number)
        self._survive_a_stop(loop)

    def lose_line(self) -> None:
        """Leave as after a hang-up: the terminal's input has ended, or it takes no output."""
        self._signalled(signal.SIGHUP)

    def _signalled(self, number: int) -> None:
        """The terminal hung up: leave the run; or someone asked us to end: save it. Then go, whatever takes long."""
        end = threading.Timer(_EXIT_TIMEOUT_SECONDS, lambda: os._exit(128 + number))
        end.daemon = True
        end.start()
        if not self._leaving:
            self._leaving = True
            self.save_screen_state()
            self._exit_task = asyncio.ensure_future(self._leave_silently(128 + number, number == signal.SIGHUP))

    async def _leave_silently(self, code: int, lost: bool) -> None:
        """Leave without a word. lost: the terminal is gone, so the run goes on as long as is chosen for that."""
        from rnnplay.client import hang_up_seconds

        session = self.session
        with self.batch_update():  # nothing more is painted: a dead terminal takes nothing
            if lost and (session.can_go_on or session.state == "starting") and hang_up_seconds():
                await session.abandon()
            else:
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
