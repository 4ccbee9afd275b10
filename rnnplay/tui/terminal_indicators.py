"""Indicators of the terminal itself: its title, a progress bar, and a notification when a run has ended unseen.

Each is sent only to a terminal that is known to understand it: an older iTerm2, for one, shows the progress bar's
sequence as a notification. RNNPLAY_NOTIFY names what is wanted (bell, notification, title, progress), or `none`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from time import monotonic

from rnnplay.config import UserError

NOTIFY = "RNNPLAY_NOTIFY"
KINDS = ("bell", "notification", "title", "progress")
IDENTIFY = "\x1b[>0q\x1b[c"  # XTVERSION, then what every terminal answers: after that nothing is to be waited for
_SECONDS_BETWEEN_TITLES = 1.0
_NO_TITLE = re.compile(r"linux|vt\d|ansi|cons\d|dumb|eterm|sun")  # TERM of terminals that would print a title
_OSC_9 = frozenset({"iterm2", "wezterm", "kitty", "ghostty"})
_OSC_777 = frozenset({"foot", "rxvt-unicode", "vte"})
# From these versions on a terminal shows a progress bar; what is not listed is not asked to.
_PROGRESS_SINCE: dict[str, tuple[int, ...]] = {
    "windows terminal": (),
    "conemu": (),
    "mintty": (),
    "vscode": (),
    "ghostty": (1, 2),
    "vte": (79,),
    "iterm2": (3, 6, 6),
}
_NAMES = {"iterm.app": "iterm2", "xterm-kitty": "kitty", "rxvt": "rxvt-unicode"}


def wanted_kinds(environ: Mapping[str, str]) -> frozenset[str]:
    """Return which of KINDS a person wants; without RNNPLAY_NOTIFY all. Raises UserError for a word that is none."""
    words = [word for word in re.split(r"[,\s]+", environ.get(NOTIFY, ",".join(KINDS)).lower()) if word]
    if unknown := [word for word in words if word not in (*KINDS, "none")]:
        raise UserError(f"{NOTIFY} names {unknown[0]!r}.", f"Name some of {', '.join(KINDS)}, or none.")
    return frozenset(words) - {"none"}


def program_of(environ: Mapping[str, str]) -> tuple[str, tuple[int, ...]]:
    """Return the terminal's name and version, as far as the environment has them; the name is empty if it has not."""
    term = environ.get("TERM", "")
    if environ.get("TMUX") or term.startswith(("tmux", "screen")):
        return "tmux", ()
    if name := environ.get("TERM_PROGRAM"):
        return _known(name), _numbers(environ.get("TERM_PROGRAM_VERSION", ""))
    if version := environ.get("VTE_VERSION"):
        return "vte", (int(version[:-2] or 0),) if version.isdigit() else ()
    variables = {"KITTY_WINDOW_ID": "kitty", "WT_SESSION": "windows terminal", "ConEmuANSI": "conemu"}
    by_variable = (name for variable, name in variables.items() if environ.get(variable))
    by_term = (_known(start) for start in ("xterm-kitty", "foot", "rxvt") if term.startswith(start))
    return next(by_variable, "") or next(by_term, ""), ()


def program_of_reply(reply: str) -> tuple[str, tuple[int, ...]]:
    """Return the name and version in a terminal's answer to XTVERSION: kitty(0.31.0), tmux 3.4, VTE(7600)."""
    name, version = re.match(r"([^\s(]*)[\s(]*(.*)", reply.strip(), re.DOTALL).groups()  # type: ignore[union-attr]
    numbers = _numbers(version)
    return _known(name), (numbers[0] // 100,) if name == "VTE" and numbers else numbers


def _known(name: str) -> str:
    return _NAMES.get(name.lower(), name.lower())


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in re.findall(r"\d{1,9}", version)[:4])


def _printable(text: str) -> str:
    return "".join(character if character.isprintable() else " " for character in text)


class TerminalIndicators:
    """The sequences that show a run outside of the screen: each method returns what is to be written, or nothing."""

    def __init__(self, environ: Mapping[str, str]) -> None:
        """Raises UserError if RNNPLAY_NOTIFY makes no sense."""
        self.kinds = wanted_kinds(environ)
        if _NO_TITLE.match(environ.get("TERM", "")):
            self.kinds &= {"bell"}
        self._name, self._version = program_of(environ)
        self._title = ""
        self._titled_at = float("-inf")
        self._percent: int | None = None

    @property
    def is_unknown(self) -> bool:
        """Return whether it is worth asking the terminal who it is."""
        return not self._name and bool(self.kinds & {"notification", "progress"})

    def identify(self, reply: str) -> None:
        """Take in the terminal's answer to XTVERSION."""
        self._name, self._version = program_of_reply(reply)

    def begin(self) -> str:
        """Return what keeps the title that the terminal has."""
        self._title, self._percent = "", None
        return "\x1b[22;2t" if "title" in self.kinds else ""

    def end(self) -> str:
        """Return what gives the terminal its title back and takes the progress bar away."""
        bar = "" if self._percent is None else "\x1b]9;4;0\x07"
        return bar + ("\x1b[23;2t" if "title" in self.kinds else "")

    def show(self, title: str, state: str, progress: float | None, urgent: bool = False) -> str:
        """Return what shows `title`, and `progress` (a share of 1, None: not known) of a run in this state.

        The title changes once a second, unless `urgent`: the state is another one.
        """
        return self._show_title(title, urgent) + self._show_progress(state, progress)

    def _show_title(self, title: str, urgent: bool) -> str:
        now = monotonic()
        too_early = now - self._titled_at < _SECONDS_BETWEEN_TITLES and not urgent
        if "title" not in self.kinds or title == self._title or too_early:
            return ""
        self._title, self._titled_at = title, now
        return f"\x1b]2;{_printable(title)}\x07"

    def _show_progress(self, state: str, progress: float | None) -> str:
        since = _PROGRESS_SINCE.get(self._name)
        if "progress" not in self.kinds or since is None or self._version[: len(since)] < since:
            return ""
        runs = state in ("training", "pausing", "paused") and progress is not None
        percent = int(100 * progress) if runs and progress is not None else None
        if percent == self._percent:
            return ""
        self._percent = percent
        return "\x1b]9;4;0\x07" if percent is None else f"\x1b]9;4;1;{percent}\x07"

    def announce(self, text: str) -> str:
        """Return what calls a person who looks elsewhere."""
        bell = "\x07" if "bell" in self.kinds else ""
        if "notification" not in self.kinds:
            return bell
        text = _printable(text)
        if self._name in _OSC_9:
            return f"\x1b]9;{text}\x07{bell}"
        if self._name in _OSC_777:
            return f"\x1b]777;notify;rnnplay;{text.replace(';', ',')}\x07{bell}"
        return bell
