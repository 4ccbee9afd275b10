"""A monkey at the keyboard: random keys, bursts, pastes and clicks over all places, in a real pseudo-terminal.

`python tests/tui/monkey.py --keys 20000 --seed 7`. Keys that leave the program are left out. It ends with an error that
names the seed and the last keys where the program dies, hangs, raises, or shows another step or state than
`rnnplay runs --json`.
"""

from __future__ import annotations

import argparse
import inspect
import json
import os
import random
import re
import string
import subprocess
import sys
import tempfile
import time
from collections import Counter, deque
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from typing import Any

from terminal import Terminal
from textual.app import App
from textual.binding import Binding
from textual.dom import DOMNode
from textual.keys import KEY_NAME_REPLACEMENTS, _character_to_key
from textual.screen import Screen

from rnnplay.tui import app as app_module
from rnnplay.tui.places import PLACES
from rnnplay.tui.places.play.screen import PlayPlace

HERE = Path(__file__).parent
SIZES = ((40, 12), (60, 16), (80, 24), (100, 30), (120, 40), (160, 50), (200, 60))
LEAVING = ("quit", "help_quit", "suspend_process")  # actions
PALETTE = "CommandMenu"  # lists Quit: nothing is taken there
HOME_PLACE = "play"
WAYS = {name: place.key or {"cells": "3f", "sample": "4f"}[name] for name, place in PLACES.items()}  # from Play
STATES = {  # of a run as the header calls them, and as `rnnplay runs` does
    "finished": ("finished",), "stopped": ("stopped",), "ended": ("stopped",), "diverged": ("stopped",),
    "inspecting": ("stopped", "finished"),
}  # fmt: skip
PATIENCE = 20.0  # seconds that the program may take to answer a key
BETWEEN = 0.004  # seconds between two actions
KEPT = 200_000  # bytes of what the program wrote
PASTES = (
    "inside quotes", "0.5", "1e999", "-3", "nan", "two\nlines\r\nof text", "q", "\x1b[6~",
    "naïve Ωmega 漢字 👩‍🚀 e\u0301",
    "[", "(", "x" * 3_000, "\u202egnp.\u2066", "\0\x07", "",
)  # fmt: skip
TYPED = (*"abcefghijklmnoprstuvwxyz0123456789", "full_stop", "comma", "minus", "slash")  # without d and q, which leave
RAW = (b"\xe9", b"\xff\xfe", b"\x1b[", b"\x1b[<35;", b"\x1b]11;rgb:00/00/00\x07", b"\x1b[?62;c", b"\x1b[I", b"\x1b[O")
NAMES = {place.target.split(":")[1]: name for name, place in PLACES.items()}  # of screens
NAMES[PlayPlace.__name__] = HOME_PLACE
BYTES = {
    "enter": "\r", "escape": "\x1b", "tab": "\t", "shift+tab": "\x1b[Z", "backspace": "\x7f", "up": "\x1b[A",
    "down": "\x1b[B", "right": "\x1b[C", "left": "\x1b[D", "home": "\x1b[H", "end": "\x1b[F", "pageup": "\x1b[5~",
    "pagedown": "\x1b[6~", "delete": "\x1b[3~", "shift+left": "\x1b[1;2D", "shift+right": "\x1b[1;2C", "shift+up":
    "\x1b[1;2A", "shift+down": "\x1b[1;2B", "ctrl+left": "\x1b[1;5D", "ctrl+right": "\x1b[1;5C", "f1": "\x1bOP",
    "space": " ",
}  # fmt: skip
for _character in string.printable[:95]:
    _name = _character if _character.isalnum() else _character_to_key(_character)
    BYTES.setdefault(KEY_NAME_REPLACEMENTS.get(_name, _name), _character)
for _letter in string.ascii_lowercase:
    BYTES.setdefault(f"ctrl+{_letter}", chr(ord(_letter) - 96))


def bindings(kind: type[Any]) -> Iterator[tuple[str, str]]:
    """Yield (key, action) of every binding of a class and of those it inherits from, Textual's own left out."""
    for base in inspect.getmro(kind):
        if issubclass(base, DOMNode) and base.__module__.startswith("rnnplay"):
            for binding in Binding.make_bindings(vars(base).get("BINDINGS", ())):
                yield binding.key, binding.action


def keys_by_screen() -> dict[str, dict[str, str]]:
    """Return the keys of each screen of the program, with their actions; those of the app are in all of them.

    A screen that is a place is called after it, the others after their class.
    """
    for place in PLACES.values():
        import_module(place.target.split(":")[0])
    modules = [module for name, module in list(sys.modules.items()) if name.startswith("rnnplay.tui")]
    classes = {kind for module in modules for kind in vars(module).values() if inspect.isclass(kind)}
    apps = [kind for kind in classes if issubclass(kind, App) and kind.__module__ == app_module.__name__]
    common = {key: action for kind in apps for key, action in bindings(kind)}
    screens = {
        kind.__name__: dict(bindings(kind))
        for kind in classes
        if issubclass(kind, Screen) and kind.__module__.startswith("rnnplay")
    }
    return {NAMES.get(name, name): common | own for name, own in screens.items() if own}


class Trouble(Exception):
    """What the monkey found."""


class Monkey:
    def __init__(self, terminal: Terminal, report: Path, errors: Path, seed: int, keys: int) -> None:
        self.terminal, self.report, self.errors, self.seed, self.keys = terminal, report, errors, seed, keys
        self.random = random.Random(seed)
        screens = keys_by_screen()
        leaving = {key for own in screens.values() for key, action in own.items() if action.split(".")[-1] in LEAVING}
        leaving |= {"d", "q", "ctrl+q", "ctrl+c", "ctrl+z"}
        self.known = {name: sorted(set(own) - leaving) for name, own in screens.items()}
        unknown = {key for own in self.known.values() for key in own} - set(BYTES)
        assert not unknown, f"keys of unknown bytes: {unknown}"
        self.any = sorted(set(BYTES) - leaving - {"ctrl+p"})
        self.visits: Counter[str] = Counter()
        self.pressed: Counter[tuple[str, str]] = Counter()
        self.sent = 0
        self.most_trainers = 0
        self.last: deque[str] = deque(maxlen=60)
        self._seen: dict[str, Any] = {"stack": [], "stall": 0.0}
        self._read_to = 0

    # ------------------------------------------------------------------------------------------------ eyes and hands

    def seen(self) -> dict[str, Any]:
        """Return the newest line of the program's report."""
        if self.report.exists() and self.report.stat().st_size > self._read_to:
            with self.report.open() as file:
                file.seek(self._read_to)
                text = file.read()
            complete = text.rfind("\n") + 1
            if complete:
                self._read_to += complete
                self._seen = json.loads(text[:complete].splitlines()[-1])
        return self._seen

    @property
    def front(self) -> str:
        name = (self.seen()["stack"] or [""])[-1]
        return NAMES.get(name, name)

    def read(self, seconds: float = BETWEEN) -> None:
        end = time.monotonic() + seconds
        while True:
            self.terminal.read(max(0.0, min(seconds, end - time.monotonic())))
            if time.monotonic() >= end:
                break
        if len(self.terminal.written) > 2 * KEPT:
            self.terminal.written = self.terminal.written[-KEPT:]
        if self.terminal.process.poll() is not None:
            self.terminal.read(0.3)
            raise Trouble(f"the program ended with status {self.terminal.process.returncode}")
        if self.errors.exists() and self.errors.stat().st_size:
            raise Trouble("an exception:\n" + self.errors.read_text(encoding="utf-8"))

    def send(self, data: bytes, words: str) -> None:
        """Write `data` bit by bit, reading meanwhile: the program may be slower than the keys."""
        self.last.append(f"{self.front}: {words}")
        os.set_blocking(self.terminal.master, False)
        end = time.monotonic() + PATIENCE
        while data:
            try:
                data = data[os.write(self.terminal.master, data) :]
            except BlockingIOError:
                if time.monotonic() > end:
                    raise Trouble(f"no key was read for {PATIENCE:g} s") from None
            self.read(0.001)
        self.read()

    def press(self, *names: str) -> None:
        front = self.front
        for name in names:
            self.pressed[front, name] += 1
            self.sent += 1
        self.send("".join(BYTES[name] for name in names).encode(), " ".join(names))

    def until(self, wanted: str, patience: float = PATIENCE) -> bool:
        """Wait until the screen `wanted` is in front."""
        end = time.monotonic() + patience
        while self.front != wanted:
            if time.monotonic() > end:
                return False
            self.read(0.01)
        return True

    # ------------------------------------------------------------------------------------------------------ the ways

    def go_home(self) -> None:
        """Close what is open until Play is in front."""
        end = time.monotonic() + PATIENCE
        while True:
            self.press("escape")
            self.read(0.08)  # longer than the program waits for the rest of a sequence
            if self.front == HOME_PLACE and len(self.seen()["stack"]) == 1:
                break
            if time.monotonic() > end:
                raise Trouble(f"escape does not lead back to Play: {self.seen()}")
        for _ in range(3):  # out of a line, a form, a full screen
            self.press("escape")
            self.read(0.08)

    def enter(self, place: str) -> bool:
        """Go to `place` as a person would; False: there is no way to it now."""
        self.go_home()
        if place == HOME_PLACE:
            self.visits[place] += 1
            return True
        for way in (WAYS[place], "4v" + WAYS[place], "G" + WAYS[place]):
            for key in way:
                self.press(key)
                self.read(0.05)
            if self.until(place, 3.0 if way == WAYS[place] else PATIENCE / 2):
                self.visits[place] += 1
                return True
            self.go_home()
        return False

    # ---------------------------------------------------------------------------------------------------- what it does

    def act(self) -> None:
        """Do one thing at random."""
        roll = self.random.random()
        front = self.front
        if front == PALETTE:
            self.press(self.random.choice(["escape", "escape", "up", "down", "u", "e", "backspace"]))
            self.read(0.03)
        elif roll < 0.62:
            own = self.known.get(front) or self.any
            self.press(self.random.choice(own))
        elif roll < 0.72:
            self.press(self.random.choice(self.any))
        elif roll < 0.80:
            pool = self.known.get(front, []) * 2 + self.any
            self.press(*self.random.choices([key for key in pool if key != "ctrl+p"], k=self.random.randint(2, 40)))
        elif roll < 0.84:
            own = [key for key in self.known.get(front) or self.any if key != "ctrl+p"]
            self.press(*[self.random.choice(own)] * self.random.randint(10, 40))  # a key held down
        elif roll < 0.88:
            self.press(*self.random.choices(TYPED, k=self.random.randint(1, 12)))
        elif roll < 0.91:
            text = self.random.choice(PASTES)
            self.send(b"\x1b[200~" + text.encode() + b"\x1b[201~", f"paste {text[:20]!r}")
        elif roll < 0.93:
            data = self.random.choice(RAW)
            self.send(data, f"bytes {data!r}")
        elif roll < 0.98:
            self.click()
        elif roll < 0.99:
            self.press("ctrl+p")
            self.read(0.2)
        else:
            self.resize()

    def click(self) -> None:
        """Click or turn the wheel somewhere, but for rows that offer to quit."""
        screen = self.terminal.screen
        rows = [y for y, row in enumerate(screen.display) if "quit" not in row.lower()]
        if not rows:
            return
        x, y = self.random.randint(1, screen.columns), self.random.choice(rows) + 1
        button = self.random.choice([0, 0, 0, 64, 65, 2, 35])
        self.send(f"\x1b[<{button};{x};{y}M\x1b[<{button};{x};{y}m".encode(), f"mouse {button} at {x},{y}")
        self.read(0.03)

    def resize(self) -> None:
        width, height = self.random.choice(SIZES)
        self.last.append(f"resize {width}x{height}")
        self.terminal.resize(width, height)
        self.read(0.02)

    def run(self) -> None:
        """Press all keys: visits to each place, random acts in each."""
        places = [HOME_PLACE, *WAYS]
        rounds = max(1, min(60, self.keys // 300))
        each = self.keys / (rounds * len(places))
        for number in range(rounds):
            for place in self.random.sample(places, len(places)):
                if self.random.random() < 0.5:
                    self.resize()
                entered = self.enter(place)
                before = self.sent
                while self.sent - before < each * 0.8:
                    self.act()
                if entered and number % 5 == 0:
                    self.press_what_was_left(place)
                self.most_trainers = max(self.most_trainers, len(self.terminal.trainers()))

    def press_what_was_left(self, place: str) -> None:
        """Press, in `place`, those of its keys that were never pressed there."""
        for key in [key for key in self.known[place] if not self.pressed[place, key]]:
            if self.front != place and not self.enter(place):
                return
            self.press(key)
            self.read(0.03)

    # ------------------------------------------------------------------------------------------------------- the end

    def check_end(self) -> None:
        """Compare header and `rnnplay runs --json`; then leave, and see that everything ends."""
        for place in (HOME_PLACE, *WAYS):
            self.press_what_was_left(place)
        self.terminal.resize(120, 40)
        header, asked = None, 0
        while asked < 3 and (header is None or header[0] in ("training", "paused", "diverged")):
            self.go_home()
            self.press("x")
            header, asked = self.settled_header(), asked + 1
        run = self.seen().get("run")
        if header and run and Path(run).parent == self.terminal.home / "runs":
            known = self.runs_json()[run]
            state, step = header
            if known["step"] != step or known["state"] not in STATES.get(state, ()):
                raise Trouble(f"the header says {header}, the run {known}")
        for log in self.terminal.home.rglob("log.txt"):
            if "Traceback" in log.read_text(errors="replace"):
                raise Trouble(f"{log}:\n{log.read_text(errors='replace')[-3000:]}")
        self.terminal.read(0.1)
        os.write(self.terminal.master, b"q")
        if self.terminal.ended(60.0) != 0:
            raise Trouble(f"q ends with status {self.terminal.process.returncode}")
        if not self.terminal.no_trainer_within(30.0):
            raise Trouble("trainers are left")
        self.terminal.assert_left_as_found()

    def settled_header(self) -> tuple[str, int] | None:
        """Return (state, step) of the header once it stays as it is, or after a while; None: it names no step."""
        end, same, last = time.monotonic() + PATIENCE / 2, 0, ""
        while time.monotonic() < end and same < 15:
            self.read(0.1)
            header = self.terminal.screen.display[0].strip()
            same, last = (same + 1, last) if header == last else (0, header)
            if re.search(r"(starting|pausing)( ·|$)", header):
                same = 0
        found = re.search(r"(\w+) · step ([\d,]+)", last)
        return (found[1], int(found[2].replace(",", ""))) if found else None

    def runs_json(self) -> dict[str, Any]:
        home = {"RNNPLAY_HOME": str(self.terminal.home)}
        command = [sys.executable, "-m", "rnnplay", "runs", "--json"]
        printed = subprocess.run(command, capture_output=True, text=True, env=os.environ | home, check=True).stdout
        runs = [json.loads(line) for line in printed.splitlines()]
        return {run["path"]: run for run in runs if "path" in run}

    def unpressed(self) -> list[str]:
        """Return the keys of places that were never pressed there."""
        places = (HOME_PLACE, *WAYS)
        return [f"{place} {key}" for place in places for key in self.known[place] if not self.pressed[place, key]]

    def summary(self) -> str:
        return (
            f"seed {self.seed}: {self.sent} keys; visits {dict(self.visits)}; at most {self.most_trainers} trainers; "
            f"longest stall {self.seen()['stall']} s; not pressed: {self.unpressed() or 'none'}"
        )


def play(keys: int, seed: int, home: Path) -> Monkey:
    """Let a monkey with this seed press so many keys; raise AssertionError with what it found."""
    report, errors = home / "monkey-report.jsonl", home / "monkey-errors.txt"
    program = (str(HERE / "watched_program.py"), str(report), str(errors))
    arguments = ("play", "prose", "--hidden", "8", "--batch", "4", "--seq-len", "16")
    with Terminal(home, *arguments, program=program) as terminal:
        monkey = Monkey(terminal, report, errors, seed, keys)
        try:
            if not monkey.until(HOME_PLACE):
                raise Trouble("the program never opened")
            monkey.run()
            monkey.check_end()
        except (Trouble, AssertionError) as found:
            keys_pressed = "\n".join(monkey.last)
            words = f"{found}\n{terminal.text}\nlast keys:\n{keys_pressed}\n{monkey.summary()}"
            raise AssertionError(words) from None
    return monkey


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--keys", type=int, default=20_000)
    parser.add_argument("--seed", type=int, default=int(time.time()))
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        try:
            print(play(given.keys, given.seed, Path(folder)).summary())
        except AssertionError as found:
            sys.exit(f"{found}\nagain: python tests/tui/monkey.py --keys {given.keys} --seed {given.seed}")
