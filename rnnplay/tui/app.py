"""The playground: one app with its session, its places, and the ways in and out."""

from __future__ import annotations

import importlib
import os
import shutil
import sys
import threading
from collections.abc import Awaitable, Iterable, Mapping
from pathlib import Path
from typing import Any, ClassVar, cast

from textual import events
from textual.actions import ActionParseResult
from textual.app import SystemCommand
from textual.await_complete import AwaitComplete
from textual.binding import BindingType
from textual.command import CommandPalette
from textual.dom import DOMNode
from textual.driver import Driver
from textual.drivers.linux_driver import LinuxDriver
from textual.screen import Screen
from textual.widgets import Input, OptionList

from rnnplay.config import UserError
from rnnplay.tui.entry_and_exit import EntryAndExit
from rnnplay.tui.error_log import log_errors_to
from rnnplay.tui.farewell import wrapped
from rnnplay.tui.messages import RunMessage
from rnnplay.tui.paint.palette import Palette, palettes
from rnnplay.tui.places import PLACES, keys
from rnnplay.tui.places.base import Place
from rnnplay.tui.places.play.screen import PlayPlace
from rnnplay.tui.places.views import end_sentence, run_title
from rnnplay.tui.session import RunSession
from rnnplay.tui.state.drafts import RunDrafts
from rnnplay.tui.terminal import TerminalDriver, TerminalIdentified
from rnnplay.tui.terminal_indicators import TerminalIndicators
from rnnplay.tui.theme import theme_of

BOUND_ACTIONS = frozenset({"panel", "place", "help", "theme", "detach", "quit"})  # whose keys are letters and digits


UNDER_WAY = frozenset({"starting", "training", "pausing", "paused"})
OVER = frozenset({"finished", "diverged", "dead", "failed"})


class CommandMenu(CommandPalette):
    """Textual's command palette; the keys of its list do nothing while that has no size, where Textual wants a row."""

    def _action_command_list(self, action: str) -> None:
        if self.query_one(OptionList).scrollable_content_region:
            super()._action_command_list(action)

    def dismiss(self, result: None = None) -> AwaitComplete:
        """Close once: a click that comes behind the key that has closed it would close the place below, too."""
        return super().dismiss(result) if self.is_active else AwaitComplete()


class Playground(EntryAndExit):
    """Opens Play; owns the session, the places and the palettes."""

    TITLE = "rnnplay"
    BINDINGS: ClassVar[list[BindingType]] = list(keys.APP)
    ALLOW_SELECT = False
    ENABLE_COMMAND_PALETTE = True
    CSS = "SearchIcon { display: none; }"

    def __init__(
        self,
        drafts: RunDrafts,
        runs: str | None = None,
        start: bool = False,
        run: Path | None = None,
        come_back: bool = False,
    ) -> None:
        """`start`: train the chosen task at once; `run`: show this one, as it was left.

        `come_back`: list the runs that are alive; without them, `start` and `run` show the run that was worked on
        last, or where there is none the gallery's first network.
        """
        super().__init__(runs, start, run, come_back)
        self.palettes = palettes()
        for palette in self.palettes:
            self.register_theme(theme_of(palette))
        self.theme = self.palettes[0].name
        self.stylesheet.set_variables(self.get_css_variables())  # the app's own were made before it had this theme
        self.indicators = TerminalIndicators(os.environ)
        self._indicated_state = ""
        self.session = RunSession(self.post_to_places, runs, self.save_screen_state)
        self.drafts = drafts

    @property
    def palette(self) -> Palette:
        return next(palette for palette in self.palettes if palette.name == self.theme)

    def get_driver_class(self) -> type[Driver]:
        """Return the driver that asks the terminal on stderr, unless the environment names another one."""
        driver = super().get_driver_class()
        return TerminalDriver if driver is LinuxDriver else driver

    def get_default_screen(self) -> Screen[None]:
        self.play = PlayPlace(self.session, self.drafts, self.palette, self._start)
        return self.play

    @property
    def places(self) -> list[Place]:
        """The places that were opened so far."""
        installed = [self.get_screen(name) for name in PLACES if self.is_screen_installed(name)]
        return [screen for screen in {*self.screen_stack, *installed} if isinstance(screen, Place)]

    def post_to_places(self, kind: type[RunMessage], **fields: Any) -> None:
        """Send a message to the place that is seen. The others make their views again when they are shown.

        Textual paints the whole screen again at each message to a screen that lies below another one.
        """
        if kind.topic in ("run", "status"):
            self._indicate_state()
        if self._running and isinstance(self.screen, Place):
            self.screen.post_message(kind(**fields))

    def _indicate_state(self) -> None:
        """Show the run in the terminal's title; where it has ended and the person looks elsewhere, call them."""
        state, before = self.session.state, self._indicated_state
        self._indicated_state = state
        if state != before:
            self.record_screen_state()
        if self.session.config is None or self._driver is None:
            return
        status = self.session.status
        progress = status.progress if status is not None else None
        title = run_title(self.session, f" {self.palette.glyphs.separator} ")
        written = self.indicators.show(title, state, progress, urgent=state != before)
        is_over = state in OVER or (state == "paused" and bool(status and status.problem))
        if before in UNDER_WAY and state != before and is_over and not self.app_focus:
            written += self.indicators.announce(end_sentence(self.session))
        if written:
            self._driver.write(written)

    def on_terminal_identified(self, event: TerminalIdentified) -> None:
        self.indicators.identify(event.reply)

    def on_mount(self) -> None:
        if threading.current_thread() is threading.main_thread() and not self.is_headless:
            self.handle_signals()
        self.call_after_refresh(self._warm_up)
        self.call_after_refresh(self.open_first)

    def _warm_up(self) -> None:
        """Load what the first run needs once the screen stands, so that starting it does not wait for that."""
        threading.Thread(target=_load, daemon=True).start()

    # ------------------------------------------------------------------------------------------------------- actions

    async def on_event(self, event: events.Event) -> None:
        if not isinstance(event, events.Key | events.Paste) or event.is_forwarded or not await self._take(event):
            await super().on_event(event)

    async def _take(self, event: events.Key | events.Paste) -> bool:
        """Let the place that is seen take what is typed before any binding does; return whether it did."""
        place = self.screen
        if not isinstance(place, Place):
            return False
        work = place.take_key(event) if isinstance(event, events.Key) else place.take_paste(event.text)
        return await self.guarded(work)

    async def run_action(
        self,
        action: str | ActionParseResult,
        default_namespace: DOMNode | None = None,
        namespaces: Mapping[str, DOMNode] | None = None,
    ) -> bool:
        """Do what a key, a click or the command palette asks for; what cannot be done is said in the status line."""
        return await self.guarded(super().run_action(action, default_namespace, namespaces))

    async def guarded(self, work: Awaitable[bool]) -> bool:
        """Await `work`, whether it took the key; an error is shown, and one of the program itself logged too."""
        try:
            return await work
        except UserError as error:
            self._show_problem(error.problem, error.remedy)
        except Exception as error:
            self.session.report_failure("That could not be done", error)
        return True

    def _show_problem(self, problem: str, remedy: str) -> None:
        place = next((screen for screen in reversed(self.screen_stack) if isinstance(screen, Place)), None)
        if place is not None:
            place.show_problem(problem, remedy)

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Return False for the app's actions while a line is typed or a help text is shown, which have the keys."""
        if action in BOUND_ACTIONS and isinstance(self.focused, Input):
            return False
        return action not in BOUND_ACTIONS or isinstance(self.screen, Place)

    def action_command_palette(self) -> None:
        """Show the list of commands."""
        if not isinstance(self.screen, CommandPalette):
            self.push_screen(CommandMenu(id="--command-palette"))

    async def action_help(self) -> None:
        from rnnplay.tui.places.help import Help

        if isinstance(self.screen, Place):
            await self.push_screen(Help(self.palette, self.screen.KEYS, self.screen.READING))

    async def action_place(self, name: str) -> None:
        """Go to a place; back leads to Play. It stays as it was left."""
        await self._go_to(name, from_play=True)

    async def action_push_place(self, name: str) -> None:
        """Go to a place from another one: back leads to that."""
        await self._go_to(name, from_play=False)

    async def _go_to(self, name: str, from_play: bool) -> None:
        if not self.is_screen_installed(name):
            self.install_screen(load_place(name)(self.session, self.drafts, self.palette), name)
        place, here = cast(Place, self.get_screen(name)), self.screen
        if place is here:
            return
        if isinstance(here, Place):
            here.left()
        place.prepare()
        while self.screen is not place and (len(self.screen_stack) > 1 if from_play else place in self.screen_stack):
            await self.pop_screen()
        if self.screen is not place:
            await self.push_screen(name)
        place.entered()

    async def action_leave_place(self) -> None:
        """Go back to where one came from."""
        if len(self.screen_stack) > 1:
            here, below = self.screen, cast(Place, self.screen_stack[-2])
            if isinstance(here, Place):
                here.left()
            below.prepare()
            await self.pop_screen()
            below.entered()

    async def action_panel(self, number: int) -> None:
        """Go back to PlayPlace, to one of its panels."""
        play = self.play
        if isinstance(self.screen, Place) and self.screen is not play:
            self.screen.left()
            play.prepare()
            while self.screen is not play:
                await self.pop_screen()
            play.entered()
        play.action_panel(number)

    def action_theme(self) -> None:
        """The other palette, where the terminal's colours leave a choice."""
        names = [palette.name for palette in self.palettes]
        self.theme = names[(names.index(self.theme) + 1) % len(names)]
        for place in self.places:
            place.set_palette(self.palette)

    def get_system_commands(self, screen: Screen[Any]) -> Iterable[SystemCommand]:
        for binding in (*getattr(screen, "KEYS", ()), *keys.APP[:-1]):
            if binding.id == "theme" and len(self.palettes) < 2:
                continue
            target = "app" if binding in keys.APP else "screen"
            action = binding.action if binding.action.startswith("app.") else f"{target}.{binding.action}"
            name = f"{binding.description.capitalize()} ({keys.shown(binding)})"
            yield SystemCommand(name, str(binding.tooltip), self._runner(action))

    def _runner(self, action: str) -> Any:
        async def run() -> None:
            await self.run_action(action)

        return run


def load_place(name: str) -> Any:
    """Import and return the class of a place."""
    module, _, kind = PLACES[name].target.partition(":")
    return getattr(importlib.import_module(module), kind)


def _load() -> None:
    """Import what the first run and the places need."""
    for name in ("client", "tui.places.play.paint_curve", "tui.widgets.paint_heatmap"):
        importlib.import_module(f"rnnplay.{name}")
    for name in PLACES:
        load_place(name)


def open_playground(
    task: str | None = None,
    choices: dict[str, object] | None = None,
    runs: str | None = None,
    run: Path | None = None,
) -> int:
    """Open the playground and return its exit status.

    `task` is trained at once, `choices` (fields of RunConfig) are put over its preset; `run` is shown as it was left.
    Without either, runs that are alive are listed first; if there are none, the run that was worked on last is shown,
    and where there is none in the folder `runs`, the gallery's first network.

    Raises UserError for an unknown task or a choice that makes no sense.
    """
    app = Playground(RunDrafts(task, dict(choices or {})), runs, task is not None, run, come_back=True)
    if app.palette.glyphs.box.isascii() and sys.__stderr__ is not None:
        sys.__stderr__.reconfigure(errors="replace")  # Textual paints on stderr: rather ? than an escape's letters
    from rnnplay.runs import runs_root

    log_errors_to(runs_root(runs))
    app.run()
    if app.farewell and sys.__stderr__ is not None:
        print(wrapped(app.farewell, shutil.get_terminal_size().columns), file=sys.__stderr__)
    return app.return_code or 0
