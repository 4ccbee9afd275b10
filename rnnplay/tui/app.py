"""The playground: one app with its session, its places, and the ways in and out."""

from __future__ import annotations

import asyncio
import importlib
import signal
import sys
import threading
from collections.abc import Awaitable, Iterable, Mapping
from typing import Any, ClassVar, cast

from textual import events
from textual.actions import ActionParseResult
from textual.app import App, SystemCommand
from textual.binding import BindingType
from textual.command import CommandPalette
from textual.dom import DOMNode
from textual.driver import Driver
from textual.drivers.linux_driver import LinuxDriver
from textual.screen import Screen
from textual.theme import BUILTIN_THEMES, Theme
from textual.widgets import Input, OptionList

from rnnplay.config import UserError
from rnnplay.gallery import GALLERY
from rnnplay.tui.messages import RunMessage
from rnnplay.tui.paint.palette import Palette, palettes
from rnnplay.tui.places import PLACES, keys
from rnnplay.tui.places.base import Place
from rnnplay.tui.places.play.screen import PlayPlace
from rnnplay.tui.session import RunSession
from rnnplay.tui.state.drafts import RunDrafts
from rnnplay.tui.terminal import TerminalDriver

_EXIT_TIMEOUT_SECONDS = 20.0  # after a hang-up until the process ends whatever happens; the trainer saves by itself


def theme_of(palette: Palette) -> Theme:
    """The theme that gives Textual's own widgets the colours of `palette`."""
    if palette.system in ("16", "none"):
        ansi = BUILTIN_THEMES["ansi-dark"]
        return Theme(
            **{
                field: getattr(ansi, field)
                for field in ("primary", "secondary", "warning", "error", "success", "accent")
            },
            name=palette.name,
            foreground="ansi_default",
            background="ansi_default",
            surface="ansi_default",
            panel="ansi_default",
            boost="ansi_default",
            variables=dict(ansi.variables),
            ansi=True,
        )

    def colour(style: Any) -> str:
        return str(style.color.name)

    return Theme(
        name=palette.name,
        primary=colour(palette.key),
        accent=colour(palette.key),
        secondary=colour(palette.loss),
        success=colour(palette.good),
        warning=colour(palette.key),
        error=colour(palette.bad),
        foreground=colour(palette.text),
        background=str(palette.text.bgcolor.name if palette.text.bgcolor else ""),
        surface=str(palette.text.bgcolor.name if palette.text.bgcolor else ""),
        panel=str(palette.chosen.bgcolor.name if palette.chosen.bgcolor else ""),
        dark=palette.dark,
    )


BOUND_ACTIONS = frozenset({"panel", "place", "help", "theme", "quit"})  # whose keys are letters and digits


class CommandMenu(CommandPalette):
    """Textual's command palette; the keys of its list do nothing while that has no size, where Textual wants a row."""

    def _action_command_list(self, action: str) -> None:
        if self.query_one(OptionList).scrollable_content_region:
            super()._action_command_list(action)


class Playground(App[None]):
    """Opens Play; owns the session, the palettes, and leaving."""

    TITLE = "rnnplay"
    BINDINGS: ClassVar[list[BindingType]] = list(keys.APP)
    ALLOW_SELECT = False
    ENABLE_COMMAND_PALETTE = True
    CSS = "SearchIcon { display: none; }"

    def __init__(self, drafts: RunDrafts, runs: str | None = None, start: bool = False, welcome: bool = False) -> None:
        """`start`: train the chosen task at once; `welcome`: show the gallery's first network."""
        super().__init__()
        self.palettes = palettes()
        for palette in self.palettes:
            self.register_theme(theme_of(palette))
        self.theme = self.palettes[0].name
        self.stylesheet.set_variables(self.get_css_variables())  # the app's own were made before it had this theme
        self.session = RunSession(self.post_to_places, runs)
        self.drafts = drafts
        self._start, self._welcome = start, welcome
        self._play: PlayPlace | None = None
        self._leaving = False

    @property
    def palette(self) -> Palette:
        return next(palette for palette in self.palettes if palette.name == self.theme)

    def get_driver_class(self) -> type[Driver]:
        """Return the driver that asks the terminal on stderr, unless the environment names another one."""
        driver = super().get_driver_class()
        return TerminalDriver if driver is LinuxDriver else driver

    def get_default_screen(self) -> Screen[None]:
        self._play = PlayPlace(self.session, self.drafts, self.palette, self._start)
        return self._play

    @property
    def places(self) -> list[Place]:
        """The places that were opened so far."""
        installed = [self.get_screen(name) for name in PLACES if self.is_screen_installed(name)]
        return [screen for screen in {*self.screen_stack, *installed} if isinstance(screen, Place)]

    def post_to_places(self, kind: type[RunMessage], **fields: Any) -> None:
        """Send a message to the place that is seen. The others make their views again when they are shown.

        Textual paints the whole screen again at each message to a screen that lies below another one.
        """
        if self._running and isinstance(self.screen, Place):
            self.screen.post_message(kind(**fields))

    def on_mount(self) -> None:
        loop = asyncio.get_running_loop()
        if threading.current_thread() is threading.main_thread() and not self.is_headless:
            for number in (signal.SIGTERM, signal.SIGHUP):
                loop.add_signal_handler(number, self._signalled, number)
            self._survive_a_stop(loop)
        self.call_after_refresh(self._warm_up)
        if self._welcome and self._play is not None:
            self.call_after_refresh(self._play.action_gallery)

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

    def _warm_up(self) -> None:
        """Load what the first run needs once the screen stands, so that starting it does not wait for that."""
        threading.Thread(target=_load, daemon=True).start()

    # ------------------------------------------------------------------------------------------------------- leaving

    async def action_quit(self) -> None:
        """Save what runs, then leave; a second time leaves at once: the trainer saves by itself."""
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

    def _signalled(self, number: int) -> None:
        """The terminal hung up, or someone asked us to end: save, then go, whatever becomes of the terminal."""
        end = threading.Timer(_EXIT_TIMEOUT_SECONDS, lambda: _end_now(128 + number))
        end.daemon = True
        end.start()
        if not self._leaving:
            self._leaving = True
            self._task = asyncio.ensure_future(self._leave_silently(128 + number))

    async def _leave_silently(self, code: int) -> None:
        with self.batch_update():  # nothing more is painted: a dead terminal takes nothing
            await self.session.close()
        self.exit(return_code=code)

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
        return await self._guarded(work)

    async def run_action(
        self,
        action: str | ActionParseResult,
        default_namespace: DOMNode | None = None,
        namespaces: Mapping[str, DOMNode] | None = None,
    ) -> bool:
        """Do what a key, a click or the command palette asks for; what cannot be done is said in the status line."""
        return await self._guarded(super().run_action(action, default_namespace, namespaces))

    async def _guarded(self, work: Awaitable[bool]) -> bool:
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
        """While a line is typed, or a help text is shown, the app's keys belong to that."""
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
        """Back to where one came from."""
        if len(self.screen_stack) > 1:
            here, below = self.screen, cast(Place, self.screen_stack[-2])
            if isinstance(here, Place):
                here.left()
            below.prepare()
            await self.pop_screen()
            below.entered()

    async def action_panel(self, number: int) -> None:
        """Back to PlayPlace, to one of its panels."""
        play = self._play
        if play is None:
            return
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


def _end_now(code: int) -> None:
    import os

    os._exit(code)


def run(
    task: str | None = None, choices: dict[str, object] | None = None, runs: str | None = None, start: bool = False
) -> int:
    """Open the playground and return its exit status.

    `task` is chosen to begin with, `choices` (fields of RunConfig) are put over its preset, and with `start` it is
    trained at once. Runs go to the folder `runs`; where there is none yet, the gallery's first network is shown.
    Raises UserError for an unknown task or a choice that makes no sense.
    """
    from rnnplay.runs import has_runs, runs_root

    welcome = task is None and not start and not has_runs(runs_root(runs))
    app = Playground(RunDrafts(GALLERY[0].task if welcome else task, dict(choices or {})), runs, start, welcome)
    if app.palette.glyphs.box.isascii() and sys.__stderr__ is not None:
        sys.__stderr__.reconfigure(errors="replace")  # Textual paints on stderr: rather ? than an escape's letters
    app.run()
    return app.return_code or 0
