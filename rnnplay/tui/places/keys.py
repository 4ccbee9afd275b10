"""Key bindings of the app and of all places, and how a key is named in the last line and in help."""

from __future__ import annotations

from collections.abc import Sequence

from textual.binding import Binding

from rnnplay.tui.places import PLACES
from rnnplay.tui.widgets.views import KeyHint


def key(id: str, press: str, action: str, label: str, tooltip: str) -> Binding:  # noqa: A002
    """Return a binding: help and the command palette list it, and it acts before the next key is read."""
    return Binding(press, action, label, show=False, priority=True, tooltip=tooltip, id=id)


def hint(press: str, label: str, action: str) -> KeyHint:
    """Return what the last line says of a key that does `action` of the screen."""
    return KeyHint(press, label, f"screen.{action}")


def hint_of(bindings: Sequence[Binding], id: str, press: str, label: str) -> KeyHint:  # noqa: A002
    """Return what the last line says of the binding `id`."""
    return hint(press, label, next(binding.action for binding in bindings if binding.id == id))


SPEEDS_HELP = "as fast as it goes, 100, 10 or 1 step a second"

# Bindings have priority, or keys that come in one read would reach what was focused before the first of them acted.
RUN: tuple[Binding, ...] = (
    key("pause", "space", "toggle_training", "pause", "Pause training, and go on"),
    key("step", "full_stop,o", "one_step", "step", "Do one training step, then pause"),
    key("slower", "comma", "speed(-1)", "slower", f"Train slower, and faster: {SPEEDS_HELP}"),
    key("faster", "semicolon", "speed(1)", "faster", f"Train slower, and faster: {SPEEDS_HELP}"),
    key("new", "n", "new", "new", "Start a new run of the chosen task; the present one is saved"),
    key("stop", "x", "stop", "stop", "Stop the run and save it"),
    key("resume", "r", "resume", "go on", "Go on with a run that stopped, finished or broke off"),
    key("full", "f", "full", "full", "The focused panel on the whole screen, with more in it; and back"),
    key("back", "escape", "back", "back", "Back: out of a form, of a full screen, to where one came from"),
)

APP: tuple[Binding, ...] = (
    key("tasks", "1", "panel(1)", "tasks", "To the tasks, the curves, the cells, the sample of Play"),
    key("loss", "2", "panel(2)", "loss", "To the tasks, the curves, the cells, the sample of Play"),
    key("cells", "3", "panel(3)", "cells", "To the tasks, the curves, the cells, the sample of Play"),
    key("sampler", "4", "panel(4)", "sample", "To the tasks, the curves, the cells, the sample of Play"),
    *(key(name, place.key, f"place('{name}')", name, place.tooltip) for name, place in PLACES.items() if place.key),
    key("help", "question_mark", "help", "help", "This list of keys"),
    key("theme", "t", "theme", "theme", "Light or dark"),
    key("detach", "d", "detach", "leave", "Leave, and let the run train on: rnnplay attach comes back to it"),
    key("quit", "q,ctrl+q", "quit", "quit", "Save the run and leave; where other screens are attached, only leave"),
    Binding("ctrl+c", "quit_now", "quit", show=False, priority=True, id="interrupt", system=True),
)


SHOWN = {
    "space": "space", "full_stop": ".", "question_mark": "?", "minus": "-", "plus": "+", "left": "←", "right": "→",
    "up": "↑", "down": "↓", "pageup": "PgUp", "pagedown": "PgDn", "escape": "esc", "shift+left": "shift ←",
    "shift+right": "shift →", "home": "Home", "end": "End", "slash": "/", "left_square_bracket": "[",
    "right_square_bracket": "]", "comma": ",", "semicolon": ";",
}  # fmt: skip


def shown(binding: Binding) -> str:
    """The first key of a binding as a person reads it."""
    first = binding.key.split(",")[0]
    return SHOWN.get(first, first)


TO_PLACES = tuple(KeyHint(place.key, name, f"app.place('{name}')") for name, place in PLACES.items() if place.key)
COMMANDS = KeyHint("^p", "commands", "app.command_palette")
HELP = KeyHint("?", "help", "app.help")
DETACH = KeyHint("d", "leave", "app.detach")
QUIT = KeyHint("q", "quit", "app.quit")


def run_hints(state: str) -> list[KeyHint]:
    """Return the keys that train, pause, stop and go on, as they are needed in this state of the run."""
    hints = []
    if state in ("training", "pausing"):
        hints.append(hint_of(RUN, "pause", "space", "pause"))
    elif state == "paused":
        hints += [hint_of(RUN, "pause", "space", "go on"), hint_of(RUN, "step", ".", "one step")]
    elif state == "diverged":
        hints.append(hint_of(RUN, "pause", "space", "go on"))
    elif state in ("stopped", "dead", "inspecting", "finished"):
        hints.append(hint_of(RUN, "resume", "r", "train on" if state == "finished" else "go on"))
    return hints


def typing_hints(matches: Sequence[str]) -> tuple[KeyHint, ...]:
    """Return what the last line says while a line is typed: the matches that tab goes through stand in it."""
    suggested = [hint("tab", "   ".join(matches), "next_match(1)")] if matches else []
    return (hint("enter", "take it", "submit_prompt"), *suggested, hint("esc", "leave it", "close_prompt"))
