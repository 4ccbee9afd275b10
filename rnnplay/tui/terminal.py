"""The terminal that is painted on: its size, and what it sends as Textual's messages, whatever the bytes are.

Textual's own driver takes the size from stdout or from COLUMNS, ends the program at a byte that is not UTF-8, reads the
rest of an escape sequence that comes late as keys, and takes in keys faster than the program answers them.
"""

from __future__ import annotations

import asyncio
import os
import re
import selectors
import sys
import threading
from codecs import getincrementaldecoder
from collections.abc import Callable
from contextlib import suppress
from time import monotonic
from typing import IO, Any

from textual import constants, events
from textual._parser import ParseError
from textual._xterm_parser import XTermParser
from textual.app import ScreenStackError
from textual.drivers.linux_driver import LinuxDriver
from textual.message import Message

from rnnplay.tui.terminal_indicators import IDENTIFY, TerminalIndicators

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
    | (?P<words>\x1b[\]PX^_][^\x07\x1b]*(?:\x07|\x1b\\))                         # a reply in words
    | \x1b[^\x1b\[O\]PX^_]                                                      # alt and a key
    """,
    re.VERBOSE | re.DOTALL,
)
# The rest of a sequence whose escape came earlier.
_REST = re.compile(r"\[\[?[<?]?[\d;:]*[A-Za-z~]|O[\d;]*[A-Za-z]|P>\||P[01][$+]r|\]\d{1,3};")
_INTRODUCERS = "[O]PX^_"  # after an escape they begin a sequence
_NAMED = re.compile(r"\x1bP>\|([^\x07\x1b]*)")  # the answer to XTVERSION
_ATTRIBUTES = re.compile(r"\x1b\[\?[\d;]*c")  # the answer to DA1
_REST_OF_WORDS = re.compile(r"[^\x07\x1b]*(?:\x07|\x1b\\)")
_WORDS_PATIENCE = 5.0  # seconds: the rest of a reply in words that was torn is no typing


class TerminalIdentified(Message):
    """The terminal has said who it is."""

    def __init__(self, reply: str) -> None:
        super().__init__()
        self.reply = reply


class _Parser(XTermParser):
    """Textual's parser, given one whole sequence at a time: it never waits for more."""

    def messages(self, unit: str) -> list[Message]:
        """Return the messages of `unit`: keys, or one sequence; a sequence that is not known has none."""
        messages: list[Message] = []
        if unit[0] == _ESCAPE and len(unit) > _LONGEST:
            return messages
        try:
            messages += self.feed(unit)
            if self._timeout_time is not None and len(unit) <= 2:  # escape, or alt and a key
                self._timeout_time = 0.0
                messages += self.tick()
        except (ArithmeticError, LookupError, ParseError, RuntimeError, ValueError):
            self._timeout_time = 0.0  # a number that no character has, and the like: as if it was not known
        if self._timeout_time is not None:
            self._timeout_time = None
            self._tokens.clear()
            self._gen = self.parse(self._tokens.append)
            self._awaiting = next(self._gen)
        return [message for message in messages if not (isinstance(message, events.Resize) and not message.size)]

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
        self._torn_until = float("-inf")  # until then the rest of a reply in words may come
        self._torn_end = ""  # its last character, if that is an escape
        self._reply_due = float("-inf")  # until then an escape may begin a reply

    def await_reply(self, now: float) -> None:
        """Take an escape that comes alone for the beginning of a reply, until that has come or is late."""
        self._reply_due = now + TERMINAL_PATIENCE

    def feed(self, data: bytes, now: float) -> list[Message]:
        """Return the messages that `data` completes."""
        text = self._decode(data)
        messages: list[Message] = []
        if now < self._torn_until and not self._held and (rest := _REST_OF_WORDS.match(self._torn_end + text)):
            text = text[rest.end() - len(self._torn_end) :]
        self._torn_until = float("-inf")
        if self._held == _ESCAPE and self._is_key(now) and text[:1] not in (*_INTRODUCERS, ""):
            self._held = ""
            messages += self._parser.messages(_ESCAPE)
        if now - self._escaped_at < TERMINAL_PATIENCE and _REST.match(text):
            text = _ESCAPE + text
        self._escaped_at = float("-inf")
        searched = max(len(_PASTE), len(self._held) - len(_PASTE_END))
        if not self._held:
            self._held_since = now
        self._held += text
        at = 0
        while at < len(self._held):
            if self._held.startswith(_PASTE, at):
                end = self._held.find(_PASTE_END, at + searched)
                if end < 0:
                    break
                pasted = self._held[at + len(_PASTE) : end]
                messages.append(events.Paste(pasted.replace("\0", "")))
                at, searched = end + len(_PASTE_END), len(_PASTE)
            elif unit := _UNIT.match(self._held, at):
                messages += self._messages(unit)
                at, searched = unit.end(), len(_PASTE)
            else:
                break
        if at:
            self._held, self._held_since = self._held[at:], now
        return messages

    def expire(self, now: float) -> list[Message]:
        """Return the keys that what is held turns out to be, now that nothing has followed; drop torn sequences."""
        held = self._held
        key = held == _ESCAPE or (
            len(held) == 2 and held[1] not in ("[O" if self._held_since >= self._reply_due else _INTRODUCERS)
        )
        late = self._is_key(now) if key else now - self._held_since >= TERMINAL_PATIENCE
        if not held or held.startswith(_PASTE) or not late or (held == _ESCAPE and now < self._reply_due):
            return []
        self._held = ""
        self._escaped_at = now if held == _ESCAPE else float("-inf")
        if not key and held[1:2] in "]PX^_":
            self._torn_until, self._torn_end = now + _WORDS_PATIENCE, _ESCAPE * held.endswith(_ESCAPE)
        return self._parser.messages(held) if key else []

    def _is_key(self, now: float) -> bool:
        """Return whether what is held, an escape, came so long ago that nothing belongs to it."""
        return now - self._held_since >= constants.ESCAPE_DELAY

    def _messages(self, unit: re.Match[str]) -> list[Message]:
        """Return the messages of one whole sequence; a reply in words has none, but for the terminal's name."""
        if unit["words"] is None:
            if _ATTRIBUTES.fullmatch(unit.group()):
                self._reply_due = float("-inf")
            return self._parser.messages(unit.group())
        named = _NAMED.match(unit["words"])
        return [TerminalIdentified(named[1])] if named is not None else []

    @property
    def wait(self) -> float:
        """Seconds after which `expire` is to be called."""
        return min(_TICK, constants.ESCAPE_DELAY) if self._held else _TICK


class _Output:
    """The file of a terminal that is painted on. Once it takes nothing more, what is written is dropped."""

    def __init__(self, file: IO[str], on_lost: Callable[[], None]) -> None:
        """on_lost: is called when a write has failed, by the thread that writes."""
        self._file, self._on_lost = file, on_lost
        self.fileno = file.fileno
        self._is_lost = False

    def write(self, text: str) -> None:
        self._do(lambda: self._file.write(text))

    def flush(self) -> None:
        self._do(self._file.flush)

    def _do(self, act: Callable[[], object]) -> None:
        if not self._is_lost:
            try:
                act()
            except OSError:
                self._is_lost = True
                self._on_lost()


class TerminalDriver(LinuxDriver):
    """Paints on stderr, asks that terminal for its size, and reads keys no faster than they are answered."""

    def __init__(
        self, app: Any, *, debug: bool = False, mouse: bool = True, size: tuple[int, int] | None = None
    ) -> None:
        super().__init__(app, debug=debug, mouse=mouse, size=size)
        self._size = size or self._get_terminal_size()
        self._file: Any = _Output(self._file, self._lose_line)
        self._unanswered = 0
        self._source = TerminalInput(debug)
        self._indicators: TerminalIndicators | None = getattr(app, "indicators", None)

    def start_application_mode(self) -> None:
        """Take the terminal over, and ask who it is where that is not known and wanted."""
        self._source = TerminalInput(self._debug)
        asks = self._indicators is not None and self._indicators.is_unknown and self.input_tty
        if asks:
            self._source.await_reply(monotonic())
        super().start_application_mode()  # type: ignore[no-untyped-call]
        if self._indicators is not None:
            self.write(self._indicators.begin() + (IDENTIFY if asks else ""))
            self.flush()

    def stop_application_mode(self) -> None:
        """Give the terminal back as it was, its title too."""
        if self._indicators is not None:
            self.write(self._indicators.end())
        super().stop_application_mode()

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
        """Read what the terminal sends until the program closes it. The end of what it sends is a lost line."""
        source = self._source
        with selectors.SelectSelector() as selector:
            selector.register(self.fileno, selectors.EVENT_READ)
            while not self.exit_event.is_set():
                if not selector.select(source.wait):
                    messages = source.expire(monotonic())
                elif (data := self._read()) is None:
                    continue
                elif data:
                    messages = source.feed(data, monotonic())
                else:
                    self._lose_line()
                    return
                for message in messages:
                    if self.exit_event.is_set():
                        return
                    self.process_message(message)
                    self._unanswered += 1
                    if self._unanswered >= _BATCH:
                        self._wait_for_answers()

    def _read(self) -> bytes | None:
        """Return what is there to be read; nothing: the terminal is gone; None: another process has read it."""
        try:
            return os.read(self.fileno, _READ)
        except BlockingIOError:
            return None
        except OSError:
            return b""

    def _lose_line(self) -> None:
        """Have the program leave as after a hang-up, of which no signal may come: it is ignored under nohup."""
        app: Any = self._app
        with suppress(RuntimeError):  # the program has ended meanwhile
            self._loop.call_soon_threadsafe(app.lose_line)

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
