"""A terminal for tests: a real pseudo-terminal with the program in it, and pyte reading its screen."""

from __future__ import annotations

import contextlib
import fcntl
import os
import pty
import re
import select
import struct
import subprocess
import sys
import termios
import time
from pathlib import Path
from typing import Any

import pyte

PATIENCE = 60.0  # seconds: generous, since others may be using the machine
_AT_FIRST = {"TERM": "xterm-256color", "COLORTERM": "truecolor", "RNNPLAY_LINGER": "0"}  # no trainer stays
ON_AT_REST = {7, 25}  # a terminal wraps its lines and shows its cursor
MODES = re.compile(rb"\x1b\[\?([0-9;]+)([hl])")
KEYS = {
    "enter": "\r",
    "escape": "\x1b",
    "tab": "\t",
    "up": "\x1b[A",
    "down": "\x1b[B",
    "right": "\x1b[C",
    "left": "\x1b[D",
    "home": "\x1b[H",
}


class Terminal:
    """`rnnplay ARGUMENTS` in a terminal of `width` x `height`, its runs in `home`; `stdout` may go elsewhere.

    `program` is what Python is given to run.
    """

    def __init__(
        self,
        home: Path,
        *arguments: str,
        width: int = 120,
        height: int = 40,
        stdout: int | None = None,
        program: tuple[str, ...] = ("-m", "rnnplay"),
        **environment: str,
    ) -> None:
        self.home = home
        self.screen = pyte.Screen(width, height)
        self._stream = pyte.ByteStream(self.screen)
        self.written = b""
        self.master, self.slave = pty.openpty()
        fcntl.ioctl(self.slave, termios.TIOCSWINSZ, struct.pack("HHHH", height, width, 0, 0))
        self.before = termios.tcgetattr(self.slave)
        kept = {name: value for name, value in os.environ.items() if name not in ("NO_COLOR", "TEXTUAL_THEME")}
        self.process = subprocess.Popen(
            [sys.executable, *program, *arguments],
            stdin=self.slave,
            stdout=self.slave if stdout is None else stdout,
            stderr=self.slave,
            env=kept | _AT_FIRST | {"RNNPLAY_HOME": str(home)} | environment,
            start_new_session=True,
            preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0),
        )

    def __enter__(self) -> Terminal:
        return self

    def __exit__(self, *_: object) -> None:
        for pid in [self.process.pid, *self.trainers()]:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, 9)
        self.process.wait()
        for descriptor in (self.master, self.slave):
            with contextlib.suppress(OSError):
                os.close(descriptor)

    # ------------------------------------------------------------------------------------------------ eyes and hands

    def read(self, seconds: float = 0.05) -> None:
        if select.select([self.master], [], [], seconds)[0]:
            with contextlib.suppress(OSError):
                data = os.read(self.master, 1 << 20)
                self.written += data
                self._stream.feed(data)

    @property
    def text(self) -> str:
        return "\n".join(self.screen.display)

    def until(self, wanted: str, patience: float = PATIENCE) -> str:
        """Read on until `wanted` (a regular expression) is on the screen; what was found."""
        end = time.monotonic() + patience
        while time.monotonic() < end:
            if found := re.search(wanted, self.text):
                return found.group()
            self.read()
        raise AssertionError(f"never seen: {wanted!r}\n{self.text}")

    def until_written(self, wanted: bytes, already: int, patience: float = PATIENCE) -> None:
        """Read on until `wanted` comes, after the first `already` bytes."""
        end = time.monotonic() + patience
        while wanted not in self.written[already:]:
            assert time.monotonic() < end, f"never written: {wanted!r}"
            self.read()

    def press(self, *keys: str) -> None:
        for key in keys:
            os.write(self.master, KEYS.get(key, key).encode())
            self.read(0.02)

    def resize(self, width: int, height: int) -> None:
        self.screen.resize(height, width)
        fcntl.ioctl(self.slave, termios.TIOCSWINSZ, struct.pack("HHHH", height, width, 0, 0))
        os.kill(self.process.pid, 28)  # SIGWINCH

    def hang_up(self) -> None:
        """The connection drops."""
        os.close(self.slave)
        os.close(self.master)

    def until_stopped(self, patience: float = PATIENCE) -> None:
        """Read on until the system has stopped the process."""
        end = time.monotonic() + patience
        while Path(f"/proc/{self.process.pid}/stat").read_text().rsplit(") ", 1)[1][0] != "T":
            assert time.monotonic() < end, "it was never stopped"
            self.read()

    # ------------------------------------------------------------------------------------------------------- the end

    def ended(self, patience: float = PATIENCE, reading: bool = True) -> int:
        """The exit status, once it has ended."""
        end = time.monotonic() + patience
        while self.process.poll() is None and time.monotonic() < end:
            if reading:
                self.read()
            else:
                time.sleep(0.05)
        if self.process.poll() is None:
            raise AssertionError(f"it did not end:\n{self.text}")
        if reading:
            self.read(0.3)
        return self.process.returncode

    def modes_left_on(self) -> set[int]:
        """The private modes that were set and never reset."""
        state: dict[int, bool] = {}
        for numbers, what in MODES.findall(self.written):
            for number in numbers.split(b";"):
                state[int(number)] = what == b"h"
        return {mode for mode, on in state.items() if on}

    def assert_left_as_found(self) -> None:
        """What the program changed of the terminal it has put back."""
        assert self.modes_left_on() <= ON_AT_REST
        assert self.attributes() == self.before

    def attributes(self) -> list[Any]:
        return termios.tcgetattr(self.slave)

    def trainers(self) -> list[int]:
        """The trainers that work in this home."""
        mark = f"RNNPLAY_HOME={self.home}".encode()
        found = []
        for entry in Path("/proc").iterdir():
            if entry.name.isdigit():
                with contextlib.suppress(OSError):
                    if b"rnnplay.trainer" in (entry / "cmdline").read_bytes():
                        environment = (entry / "environ").read_bytes().split(b"\0")
                        if mark in environment:
                            found.append(int(entry.name))
        return found

    def no_trainer_within(self, patience: float = PATIENCE) -> bool:
        end = time.monotonic() + patience
        while self.trainers() and time.monotonic() < end:
            time.sleep(0.05)
        return not self.trainers()

    def checkpoints(self) -> list[Path]:
        return sorted(self.home.rglob("ckpt-*.safetensors"))
