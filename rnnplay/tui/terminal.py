"""The terminal that is painted on: its size, and what it sends as Textual's messages, whatever the bytes are.

Textual's own driver takes the size from stdout or from COLUMNS, ends the program at a byte that is not UTF-8, reads the
rest of an escape sequence that comes late as keys, and takes in keys faster than the program answers them.
"""

from __future__ import annotations

import asyncio
import os
import re
import selectors
import signal
import sys
import threading
from codecs import getincrementaldecoder
from time import monotonic
from typing import Any

from textual import constants, events
from textual._parser import ParseError
from textual._xterm_parser import XTermParser
from textual.app import ScreenStackError
from textual.drivers.linux_driver import LinuxDriver
from textual.message import Message

TERMINAL_PATIENCE = 1.0  # seconds: the rest of an escape sequence comes within that time, or not at all
_TICK = 0.1  # seconds between two looks at whether reading should end
_READ = 4096  # bytes
_LONGEST = 32  # characters of a sequence that Textual knows
_BATCH = 32  # messages after which the program answers all of them before more is read
_STUCK = 1.0  # seconds that a widget may take to answer them
_ESCAPE, _PASTE, _PASTE_END = "\x1b", "\x1b[200~", "\x1b[201~"
_UNIT = re.compile(
    r"""
      [^\x1b]+                                                                  # keys
    | \x1b(?=\x1b)                                                              # escape before another sequence
    | \x1b\[M.{3}                                                               # an old mouse report
    | \x1b\[\[.                                                                 # a function key of a Linux console
    | \x1b\[(?![M\[]|200~)[\x20-\x3f]{0,60}(?:[\x40-\x7e]|(?=[^\x20-\x7e]))     # a control sequence, or a torn one
    | \x1bO(?:[\d;]*[\x40-\x7e]|(?=[^\d;\x40-\x7e]))                            # a function key
    | (?P<words>\x1b[\]PX^_][^\x07\x1b]*(?:\x07|\x1b\\))                         # a reply in words: nobody asked
    | \x1b[^\x1b\[O\]PX^_]                                                      # alt and a key
    """,
    re.VERBOSE | re.DOTALL,
)
_REST = re.compile(r"\[\[?[<?]?[\d;:]*[A-Za-z~]|O[\d;]*[A-Za-z]")  # of a sequence whose escape came earlier


class _Parser(XTermParser):
    """Textual's parser, given one whole sequence at a time: it never waits for more."""

    def messages(self, unit: str) -> list[Message]:
        """Return the messages of `unit`: keys, or one sequence; a sequence that is not known has none."""
        chunk_events: list[Message] = []
        if unit[0] == _ESCAPE and len(unit) > _LONGEST:
            return chunk_events
        try:
            chunk_events += self.feed(unit)
            if self._timeout_time is not None and len(unit) <= 2:  # escape, or alt and a key
                self._timeout_time = 0.0
                chunk_events += self.tick()
        except (ArithmeticError, LookupError, ParseError, RuntimeError, ValueError):
            self._timeout_time = 0.0  # a number that no character has, and the like: as if it was not known
        if self._timeout_time is not None:
            self._timeout_time = None
            self._tokens.clear()
            self._gen = self.parse(self._tokens.append)
            self._awaiting = next(self._gen)
        return [message for message in chunk_events if not (isinstance(message, events.Resize) and not message.size)]

    def parse_mouse_code(self, code: str) -> Message | None:
        """Return the mouse event; where the terminal gave no size in pixels, its places are cells."""
        if not (self.terminal_pixel_size and self.terminal_size):  # none was reported, or one of zeros
            self.mouse_pixels = False
        return super().parse_mouse_code(code)


class TerminalInput:
    """Turns bytes, as they come, into messages; times are seconds on any clock."""

    def __init__(self, debug: bool = False) -> None:
        self._parser = _Parser(debug)
        self._decode = getincrementaldecoder("utf-8")("replace").decode
        self._held = ""  # the beginning of a sequence, until the rest has come
        self._held_since = 0.0
        self._escaped_at = float("-inf")  # when an escape was taken for the key, if nothing has come since

    def feed(self, data: bytes, now: float) -> list[Message]:
        """Return the messages that `data` completes."""
        text = self._decode(data)
        if now - self._escaped_at < TERMINAL_PATIENCE and _REST.match(text):
            text = _ESCAPE + text
        self._escaped_at = float("-inf")
        searched = max(len(_PASTE), len(self._held) - len(_PASTE_END))
        if not self._held:
            self._held_since = now
        self._held += text
        chunk_events: list[Message] = []
        at = 0
        while at < len(self._held):
            if self._held.startswith(_PASTE, at):
                end = self._held.find(_PASTE_END, at + searched)
                if end < 0:
                    break
                pasted = self._held[at + len(_PASTE) : end]
                chunk_events.append(events.Paste(pasted.replace("\0", "")))
                at, searched = end + len(_PASTE_END), len(_PASTE)
            elif unit := _UNIT.match(self._held, at):
                chunk_events += self._parser.messages(unit.group()) if unit["words"] is None else []
                at, searched = unit.end(), len(_PASTE)
            else:
                break
        if at:
            self._held, self._held_since = self._held[at:], now
        return chunk_events

    def expire(self, now: float) -> list[Message]:
        """Return the keys that what is held turns out to be, now that nothing has followed; drop torn sequences."""
        held, age = self._held, now - self._held_since
        key = held == _ESCAPE or (len(held) == 2 and held[1] not in "[O")
        if not held or held.startswith(_PASTE) or age < (constants.ESCAPE_DELAY if key else TERMINAL_PATIENCE):
            return []
        self._held = ""
        self._escaped_at = now if held == _ESCAPE else float("-inf")
        return self._parser.messages(held) if key else []

    @property
    def wait(self) -> float:
        """Seconds after which `expire` is to be called."""
        return min(_TICK, constants.ESCAPE_DELAY) if self._held else _TICK


class TerminalDriver(LinuxDriver):
    """Paints on stderr, asks that terminal for its size, and reads keys no faster than they are answered."""

    def __init__(
        self, app: Any, *, debug: bool = False, mouse: bool = True, size: tuple[int, int] | None = None
    ) -> None:
        super().__init__(app, debug=debug, mouse=mouse, size=size)
        self._size = size or self._get_terminal_size()
        self._unanswered = 0

    def _get_terminal_size(self) -> tuple[int, int]:
        """Return (width, height) of the terminal that is painted on."""
        for file in (sys.__stderr__, sys.__stdin__):
            try:
                width, height = os.get_terminal_size(file.fileno() if file is not None else -1)
            except (OSError, ValueError):  # no terminal; closed
                continue
            if width and height:
                return width, height
        return super()._get_terminal_size()

    def run_input_thread(self) -> None:
        """Read what the terminal sends until the program closes it. A terminal that is gone has hung up."""
        source = TerminalInput(self._debug)
        with selectors.SelectSelector() as selector:
            selector.register(self.fileno, selectors.EVENT_READ)
            while not self.exit_event.is_set():
                if not selector.select(source.wait):
                    chunk_events = source.expire(monotonic())
                elif data := self._read():
                    chunk_events = source.feed(data, monotonic())
                else:
                    os.kill(os.getpid(), signal.SIGHUP)
                    return
                for message in chunk_events:
                    if self.exit_event.is_set():
                        return
                    self.process_message(message)
                    self._unanswered += 1
                    if self._unanswered >= _BATCH:
                        self._wait_for_answers()

    def _read(self) -> bytes:
        """Return what is there to be read; nothing: the terminal is gone."""
        try:
            return os.read(self.fileno, _READ)
        except OSError:
            return b""

    def _wait_for_answers(self) -> None:
        """Wait until the program has handled the messages it was sent, or closes the terminal."""
        self._unanswered = 0
        answered = threading.Event()
        future = asyncio.run_coroutine_threadsafe(self._answer(), self._loop)
        future.add_done_callback(lambda _: answered.set())
        while not answered.wait(_TICK) and not self.exit_event.is_set():
            pass

    async def _answer(self) -> None:
        """Return once the app, the widget with the focus and all that it is in have handled what they were sent."""
        try:
            inside = self._app.focused or self._app.screen
        except ScreenStackError:
            return
        for node in (self._app, *inside.ancestors_with_self):
            handled = asyncio.Event()
            if node.call_later(handled.set):
                try:
                    await asyncio.wait_for(handled.wait(), _STUCK)
                except TimeoutError:
                    return
