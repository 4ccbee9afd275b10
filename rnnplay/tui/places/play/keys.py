"""Key bindings of Play, the text of its help, and the keys that its last line names."""

from __future__ import annotations

from textual.binding import Binding

from rnnplay.tui.places.keys import RUN, TO_PLACES, hint_of, key, run_hints
from rnnplay.tui.session import RunSession
from rnnplay.tui.widgets.views import KeyHint

# In the order in which help lists them.
KEYS: tuple[Binding, ...] = (
    key("start", "enter", "start", "start", "Start the chosen task; in a form, apply its values"),
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
    key(
        "switch",
        "v",
        "switch",
        "whole layer; sample",
        "On the text its whole layer; else an example or a free sample",
    ),
    key("log", "l", "log", "log axis", "The loss on a logarithmic axis, and back"),
    *RUN,
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


def form_hints(enter: str, kind: str) -> tuple[KeyHint, ...]:
    """Return the keys of a form whose chosen field is of this kind; `enter`: what the enter key does."""
    change = [] if kind == "text" else [_hint("unit_after", "←→", "change")]
    return (
        _hint("start", "enter", enter),
        _hint("down", "↑↓", "choose"),
        *change,
        KeyHint("type", "a value", "screen.move('down')"),
        _hint("back", "esc", "back"),
    )


def key_hints(session: RunSession, focused: str, full: bool, attaches: bool = False) -> tuple[KeyHint, ...]:
    """Return the keys that make sense now, the most needed first.

    focused: the id of a panel; attaches: enter attaches to a run that is alive.
    """
    state = session.state
    enter = _hint("start", "enter", "attach" if attaches else "start")
    hints = [enter] if focused == "tasks" and state != "starting" else []
    hints += [_hint("gallery", "G", "next one")] if session.gallery is not None else run_hints(state)
    hints += _panel_hints(session, focused)
    if session.config is not None and state != "starting":
        hints.append(_hint("new", "n", "new"))
    hints.append(_hint("edit", "e", "edit"))
    if session.run is not None and session.can_sample:
        hints.append(_sample_hint(session))
    if state == "training":
        slowed = session.status is not None and session.status.steps_per_second is not None
        hints.insert(2 if slowed else len(hints), _hint("slower", ",;", "speed"))
    if session.cells.trace is not None:
        hints += [_hint("find", "/", "find a cell"), _hint("unit_after", "←→", "unit")]
    if focused:
        hints.append(_hint("full", "f", "back" if full else "full"))
    if session.has_trainer and state in ("training", "pausing", "paused", "diverged"):
        hints.append(_hint("stop", "x", "stop"))
    if session.run is not None:
        hints += TO_PLACES
    hints.append(KeyHint("1-4", "panels", "app.panel(1)"))
    first = {hint.key: hint for hint in reversed(hints)}  # what the focused panel makes of a key
    return tuple(hint for hint in dict.fromkeys(hints) if first[hint.key] is hint)


def _hint(id: str, press: str, label: str) -> KeyHint:  # noqa: A002
    return hint_of(KEYS, id, press, label)


def _sample_hint(session: RunSession) -> KeyHint:
    """Return what `s` does: it asks what the task can be asked, draws a sample, or shows the next item."""
    example = session.example
    if not example.is_shown:
        return _hint("sample", "s", "sample")
    return _hint("sample", "s", "ask" if example.question else "sample" if example.can_sample else "next one")


def _panel_hints(session: RunSession, focused: str) -> list[KeyHint]:
    """Return the keys of the focused panel."""
    if focused == "cells" and session.cells.trace is not None:
        unit, find = _hint("unit_after", "←→", "unit"), _hint("find", "/", "find a cell")
        together = [_hint("switch", "v", "layer")] if session.cells.census is not None else []
        return [unit, _hint("down", "↑↓", "scroll"), find, *together, _hint("colours", "c", "colours")]
    if focused == "sample" and session.example.is_shown:
        hints = [_sample_hint(session), _hint("unit_after", "←→", "example"), _hint("down", "↑↓", "scroll")]
        return [*hints, _hint("switch", "v", "sample")] if session.example.can_sample else hints
    if focused == "sample" and session.run is not None and session.can_sample:
        change = [_hint("edit", "e", "edit"), _hint("warmer", "-+", "temperature")]
        return [_hint("sample", "s", "sample"), *change, _hint("colours", "c", "colours")]
    if focused == "loss":
        return [_hint("log", "l", "log axis")]
    return []
