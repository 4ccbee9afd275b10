"""Every key of the program, once: bound, listed in help and in the command palette, hinted at in the last line."""

from __future__ import annotations

from typing import TYPE_CHECKING

from textual.binding import Binding

from rnnplay.tui.places.keys import COMMANDS, HELP, QUIT, TO_TIME, TO_UNROLL, hint_of, key
from rnnplay.tui.widgets.views import KeyHint

if TYPE_CHECKING:
    from rnnplay.tui.places.play.play_view import PlayView


# In the order in which help lists them.
KEYS: tuple[Binding, ...] = (
    key("start", "enter", "start", "start", "Start the chosen task; after an edit, start a new run with it"),
    key("pause", "space", "toggle_pause", "pause", "Pause, and go on"),
    key("step", "full_stop,o", "step", "step", "Do one training step, then pause"),
    key("new", "n", "new", "new", "Start a new run of the chosen task; the present one is saved"),
    key("stop", "x", "stop", "stop", "Stop the run and save it"),
    key("resume", "r", "resume", "go on", "Go on with a run that stopped, finished or broke off"),
    key("edit", "e", "edit", "edit", "Edit the network; on the sample, edit how it is drawn"),
    key("sample", "s", "sample", "sample", "Draw a new sample"),
    key("stop_sample", "S", "stop_sample", "end sample", "End the sample under way"),
    key(
        "cooler",
        "minus",
        "temperature(-1)",
        "lower temperature",
        "Sample at a lower or a higher temperature: likelier, or bolder",
    ),
    key(
        "warmer",
        "plus,equals_sign",
        "temperature(1)",
        "higher temperature",
        "Sample at a lower or a higher temperature: likelier, or bolder",
    ),
    key("unit_before", "left", "unit(-1)", "previous unit", "The unit before, and the next, through all layers"),
    key("unit_after", "right", "unit(1)", "next unit", "The unit before, and the next, through all layers"),
    key("units_before", "shift+left,less_than_sign", "unit(-10)", "ten units back", "Ten units back, and on"),
    key("units_after", "shift+right,greater_than_sign", "unit(10)", "ten units on", "Ten units back, and on"),
    key("up", "up", "move('up')", "up", "Up and down in a list or a text"),
    key("down", "down", "move('down')", "down", "Up and down in a list or a text"),
    key("page_up", "pageup", "move('page_up')", "page up", "A page up, and down"),
    key("page_down", "pagedown", "move('page_down')", "page down", "A page up, and down"),
    key("home", "home", "move('home')", "beginning", "To the beginning, and to the end"),
    key("end", "end", "move('end')", "end", "To the beginning, and to the end"),
    key("find", "slash", "find", "find a cell", "Find the units that follow a feature, or a regular expression"),
    key("gallery", "G", "gallery", "gallery", "Look at a trained network that came with the program; again: the next"),
    key("colours", "c", "colours", "colours", "On the text: colour by surprise. On the sample: by probability"),
    key("switch", "v", "switch", "example or sample", "An example, or a free sample, where a task has both"),
    key("log", "l", "log", "log axis", "The loss on a logarithmic axis, and back"),
    key("full", "f", "full", "full", "The focused panel on the whole screen, with more in it; and back"),
    key("tasks", "1", "panel(1)", "tasks", "To the tasks, the curves, the cells, the sample"),
    key("loss", "2", "panel(2)", "loss", "To the tasks, the curves, the cells, the sample"),
    key("cells", "3", "panel(3)", "cells", "To the tasks, the curves, the cells, the sample"),
    key("sampler", "4", "panel(4)", "sample", "To the tasks, the curves, the cells, the sample"),
    key("back", "escape", "back", "back", "Back: out of a form, of a full screen, to the tasks"),
)

READING = (
    ("Loss", "The line is a moving average over the training steps, the band its least and greatest values. A diamond "
     "is the loss on text that is never trained on. The dashed line is a simple predictor: a network below it has "
     "learned more than which letter follows which."),
    ("Gradient norm", "How long the gradient is before it is clipped. Above the dashed line it is shortened to it."),
    ("Cells", "A text that is never trained on, each character on the colour of one hidden unit as it reads it: red is "
     "negative, blue is positive, plain is near zero. Look for a unit that follows something you can name."),
    ("Sample", "The network draws a character, reads it, and draws the next. A low temperature takes what is "
     "likeliest, a high one dares more. The bars are the likeliest next characters."),
)  # fmt: skip


def _hint(id: str, press: str, label: str) -> KeyHint:  # noqa: A002
    return hint_of(KEYS, id, press, label)


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
    if session.run is not None and session.can_sample:
        found.append(_sampling(screen))
    if session.trace is not None:
        found += [_hint("find", "/", "find a cell"), _hint("unit_after", "←→", "unit")]
    if screen.focused is not None:
        found.append(_hint("full", "f", "back" if screen.full else "full"))
    if session.has_trainer and session.state in ("training", "pausing", "paused", "diverged"):
        found.append(_hint("stop", "x", "stop"))
    if session.run is not None:
        found += [TO_UNROLL, TO_TIME]
    found.append(_hint("tasks", "1-4", "panels"))
    first = {hint.key: hint for hint in reversed(found)}  # what the focused panel makes of a key
    return (*(hint for hint in dict.fromkeys(found) if first[hint.key] is hint), QUIT, COMMANDS, HELP)


def _sampling(screen: PlayView) -> KeyHint:
    """What `s` does: it asks what the task can be asked, draws a sample, or shows the next item."""
    showing = screen.session.example
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
    if screen.focused is screen.sample_panel and session.example.here:
        found = [_sampling(screen), _hint("unit_after", "←→", "example"), _hint("down", "↑↓", "scroll")]
        return [*found, _hint("switch", "v", "sample")] if session.example.samples else found
    if screen.focused is screen.sample_panel and session.run is not None and session.can_sample:
        change = [_hint("edit", "e", "edit"), _hint("warmer", "-+", "temperature")]
        return [_hint("sample", "s", "sample"), *change, _hint("colours", "c", "colours")]
    if screen.focused is screen.loss_panel:
        return [_hint("log", "l", "log axis")]
    return []
