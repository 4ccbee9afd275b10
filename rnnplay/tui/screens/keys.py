"""Every key of the program, once: bound, listed in help and in the command palette, hinted at in the last line."""

from __future__ import annotations

from typing import TYPE_CHECKING

from textual.binding import Binding

from rnnplay.tui.views import KeyHint

if TYPE_CHECKING:
    from rnnplay.tui.screens.play_view import PlayView


def _key(id: str, key: str, action: str, label: str, tooltip: str) -> Binding:  # noqa: A002
    return Binding(key, action, label, show=False, tooltip=tooltip, id=id)


# In the order in which help lists them.
PLAY: tuple[Binding, ...] = (
    _key("start", "enter", "start", "start", "Start the chosen task; after an edit, start a new run with it"),
    _key("pause", "space", "toggle_pause", "pause", "Pause, and go on"),
    _key("step", "full_stop,o", "step", "step", "Do one training step, then pause"),
    _key("new", "n", "new", "new", "Start a new run of the chosen task; the present one is saved"),
    _key("stop", "x", "stop", "stop", "Stop the run and save it"),
    _key("resume", "r", "resume", "go on", "Go on with a run that stopped, finished or broke off"),
    _key("edit", "e", "edit", "edit", "Edit the network; on the sample, edit how it is drawn"),
    _key("sample", "s", "sample", "sample", "Draw a new sample"),
    _key("stop_sample", "S", "stop_sample", "end sample", "End the sample under way"),
    _key(
        "cooler",
        "minus",
        "temperature(-1)",
        "lower temperature",
        "Sample at a lower or a higher temperature: likelier, or bolder",
    ),
    _key(
        "warmer",
        "plus,equals_sign",
        "temperature(1)",
        "higher temperature",
        "Sample at a lower or a higher temperature: likelier, or bolder",
    ),
    _key("unit_before", "left", "unit(-1)", "previous unit", "The unit before, and the next, through all layers"),
    _key("unit_after", "right", "unit(1)", "next unit", "The unit before, and the next, through all layers"),
    _key("units_before", "shift+left,less_than_sign", "unit(-10)", "ten units back", "Ten units back, and on"),
    _key("units_after", "shift+right,greater_than_sign", "unit(10)", "ten units on", "Ten units back, and on"),
    _key("up", "up", "move('up')", "up", "Up and down in a list or a text"),
    _key("down", "down", "move('down')", "down", "Up and down in a list or a text"),
    _key("page_up", "pageup", "move('page_up')", "page up", "A page up, and down"),
    _key("page_down", "pagedown", "move('page_down')", "page down", "A page up, and down"),
    _key("home", "home", "move('home')", "beginning", "To the beginning, and to the end"),
    _key("end", "end", "move('end')", "end", "To the beginning, and to the end"),
    _key("find", "slash", "find", "find a cell", "Find the units that follow a feature, or a regular expression"),
    _key("gallery", "G", "gallery", "gallery", "Look at a trained network that came with the program; again: the next"),
    _key("colours", "c", "colours", "colours", "On the text: colour by surprise. On the sample: by probability"),
    _key("switch", "v", "switch", "example or sample", "An example, or a free sample, where a task has both"),
    _key("log", "l", "log", "log axis", "The loss on a logarithmic axis, and back"),
    _key("full", "f", "full", "full", "The focused panel on the whole screen, with more in it; and back"),
    _key("tasks", "1", "panel(1)", "tasks", "To the tasks, the curves, the cells, the sample"),
    _key("loss", "2", "panel(2)", "loss", "To the tasks, the curves, the cells, the sample"),
    _key("cells", "3", "panel(3)", "cells", "To the tasks, the curves, the cells, the sample"),
    _key("sampler", "4", "panel(4)", "sample", "To the tasks, the curves, the cells, the sample"),
    _key("back", "escape", "back", "back", "Back: out of a form, of a full screen, to the tasks"),
)

APP: tuple[Binding, ...] = (
    Binding("5", "place('unroll')", "unroll", show=False, tooltip="Unroll: walk through time steps", id="unroll"),
    Binding("6", "place('time')", "time", show=False, tooltip="Time: how far back it learns", id="time"),
    Binding("question_mark", "help", "help", show=False, tooltip="This list of keys", id="help"),
    Binding("t", "theme", "theme", show=False, tooltip="Light or dark", id="theme"),
    Binding("q,ctrl+q", "quit", "quit", show=False, tooltip="Leave; a running run is saved", id="quit"),
    Binding("ctrl+c", "quit", "quit", show=False, priority=True, id="interrupt", system=True),
)

SHOWN = {
    "space": "space", "full_stop": ".", "question_mark": "?", "minus": "-", "plus": "+", "left": "←", "right": "→",
    "up": "↑", "down": "↓", "pageup": "PgUp", "pagedown": "PgDn", "escape": "esc", "shift+left": "shift ←",
    "shift+right": "shift →", "home": "Home", "end": "End", "slash": "/", "left_square_bracket": "[",
    "right_square_bracket": "]",
}  # fmt: skip


def shown(binding: Binding) -> str:
    """The first key of a binding as a person reads it."""
    first = binding.key.split(",")[0]
    return SHOWN.get(first, first)


def _hint(id: str, key: str, label: str) -> KeyHint:  # noqa: A002
    action = next(b.action for b in PLAY if b.id == id)
    return KeyHint(key, label, f"screen.{action}")


UNROLL = KeyHint("5", "unroll", "app.place('unroll')")
TIME = KeyHint("6", "time", "app.place('time')")
COMMANDS = KeyHint("^p", "commands", "app.command_palette")
HELP = KeyHint("?", "help", "app.help")
QUIT = KeyHint("q", "quit", "app.quit")


def hints(screen: PlayView) -> tuple[KeyHint, ...]:
    """The keys that make sense now, the most needed first; commands and help stand last, always."""
    session = screen.session
    if screen.form is not None:
        form = screen.form
        enter = "draw" if form is screen.sample_editor else "start" if session.config is None else "apply"
        change = [] if form.field.kind == "text" else [_hint("unit_after", "←→", "change")]
        return (
            _hint("start", "enter", enter),
            _hint("down", "↑↓", "choose"),
            *change,
            KeyHint("type", "a value", "screen.move('down')"),
            _hint("back", "esc", "back"),
            COMMANDS,
            HELP,
        )
    found = [*_steering(screen), *_focused(screen)]
    if session.config is not None and session.state != "starting":
        found.append(_hint("new", "n", "new"))
    found.append(_hint("edit", "e", "edit"))
    if session.run is not None and session.writes:
        found.append(_sampling(screen))
    if session.trace is not None:
        found += [_hint("find", "/", "find a cell"), _hint("unit_after", "←→", "unit")]
    if screen.focused is not None:
        found.append(_hint("full", "f", "back" if screen.full else "full"))
    if session.alive and session.state in ("training", "pausing", "paused", "diverged"):
        found.append(_hint("stop", "x", "stop"))
    if session.run is not None:
        found += [UNROLL, TIME]
    found.append(_hint("tasks", "1-4", "panels"))
    first = {hint.key: hint for hint in reversed(found)}  # what the focused panel makes of a key
    return (*(hint for hint in dict.fromkeys(found) if first[hint.key] is hint), QUIT, COMMANDS, HELP)


def _sampling(screen: PlayView) -> KeyHint:
    """What `s` does: it asks what the task can be asked, draws a sample, or shows the next item."""
    showing = screen.session.showing
    if not showing.here:
        return _hint("sample", "s", "sample")
    return _hint("sample", "s", "ask" if showing.question else "sample" if showing.samples else "next one")


def _steering(screen: PlayView) -> list[KeyHint]:
    """The keys that start, pause and go on."""
    state = screen.session.state
    found: list[KeyHint] = []
    if screen.focused is screen.task_panel and state != "starting":
        found.append(_hint("start", "enter", "start"))
    if state in ("training", "pausing"):
        found.append(_hint("pause", "space", "pause"))
    elif state == "paused":
        found += [_hint("pause", "space", "go on"), _hint("step", ".", "one step")]
    elif state == "diverged":
        found.append(_hint("pause", "space", "go on"))
    elif screen.session.gallery is not None:
        found.append(_hint("gallery", "G", "next one"))
    elif state in ("stopped", "dead", "inspecting", "finished"):
        found.append(_hint("resume", "r", "train on" if state == "finished" else "go on"))
    return found


def _focused(screen: PlayView) -> list[KeyHint]:
    """The keys of the focused panel."""
    session = screen.session
    if screen.focused is screen.cells_panel and session.trace is not None:
        unit, find = _hint("unit_after", "←→", "unit"), _hint("find", "/", "find a cell")
        return [unit, _hint("down", "↑↓", "scroll"), find, _hint("colours", "c", "colours")]
    if screen.focused is screen.sample_panel and session.showing.here:
        found = [_sampling(screen), _hint("unit_after", "←→", "example"), _hint("down", "↑↓", "scroll")]
        return [*found, _hint("switch", "v", "sample")] if session.showing.samples else found
    if screen.focused is screen.sample_panel and session.run is not None and session.writes:
        change = [_hint("edit", "e", "edit"), _hint("warmer", "-+", "temperature")]
        return [_hint("sample", "s", "sample"), *change, _hint("colours", "c", "colours")]
    if screen.focused is screen.loss_panel:
        return [_hint("log", "l", "log axis")]
    return []
