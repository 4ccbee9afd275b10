"""The keys of Unroll and Time, once: bound, listed in help and in the command palette, hinted at in the last line."""

from __future__ import annotations

from textual.binding import Binding

from rnnplay.tui.screens.keys import COMMANDS, HELP, QUIT
from rnnplay.tui.views import KeyHint


def _key(id: str, key: str, action: str, label: str, tooltip: str) -> Binding:  # noqa: A002
    return Binding(key, action, label, show=False, tooltip=tooltip, id=id)


BOTH: tuple[Binding, ...] = (
    _key("look_pause", "space", "toggle_pause", "pause", "Pause training, and go on"),
    _key("look_step", "full_stop,o", "one_step", "step", "Do one training step, then pause"),
    _key("look_full", "f", "full", "full", "The focused panel on the whole screen, with more in it; and back"),
    _key("look_tasks", "1", "app.panel(1)", "Play", "To the panels of Play"),
    _key("look_loss", "2", "app.panel(2)", "Play", "To the panels of Play"),
    _key("look_cells", "3", "app.panel(3)", "Play", "To the panels of Play"),
    _key("look_sample", "4", "app.panel(4)", "Play", "To the panels of Play"),
    _key("look_back", "escape", "back", "back", "Back: out of typing, of an opened step, of a full screen, to Play"),
)

UNROLL: tuple[Binding, ...] = (
    _key("walk_back", "left", "walk(-1)", "step back", "A time step back, and on"),
    _key("walk_on", "right", "walk(1)", "step on", "A time step back, and on"),
    _key("walk_first", "home", "walk(-100000)", "first", "To the first time step, and to the last"),
    _key("walk_last", "end", "walk(100000)", "last", "To the first time step, and to the last"),
    _key("row_up", "up", "row(-1)", "up", "To the unit above, and below; the input stands on top"),
    _key("row_down", "down", "row(1)", "down", "To the unit above, and below; the input stands on top"),
    _key("rows_up", "pageup", "row(-8)", "page up", "Eight units up, and down"),
    _key("rows_down", "pagedown", "row(8)", "page down", "Eight units up, and down"),
    _key("open", "enter", "open", "open", "Open the time step: its equations with the numbers put in; and close it"),
    _key("play", "p", "play", "play", "Play the time steps one by one, and stop"),
    _key("set", "v", "set", "set", "Poke: set the hidden value or the input under the cursor"),
    _key("more", "plus,equals_sign", "nudge(0.1)", "more", "The hidden value under the cursor up by 0.1, and down"),
    _key("less", "minus", "nudge(-0.1)", "less", "The hidden value under the cursor up by 0.1, and down"),
    _key("weight", "w", "weight", "weight", "Poke: set a weight"),
    _key("undo", "u", "undo", "undo", "Undo the last change"),
    _key("update", "a", "update", "update", "Apply one update by gradient descent on this example, to a copy"),
    _key("state", "g", "state", "h, c, gates", "Show h, c or a gate"),
    _key("roll", "r", "roll", "rolled", "Roll the network up, and unroll it"),
    _key("before", "left_square_bracket,comma", "example(-1)", "example before", "The example before, and the next"),
    _key("after", "right_square_bracket", "example(1)", "next example", "The example before, and the next"),
    *BOTH,
)

TIME: tuple[Binding, ...] = (
    _key("w_up", "up", "turn(1)", "w up", "Turn the one unit's weight up, and down"),
    _key("w_down", "down", "turn(-1)", "w down", "Turn the one unit's weight up, and down"),
    _key("past_back", "left", "move_past(-1)", "back", "The prediction before, and the next, in the text below"),
    _key("past_on", "right", "move_past(1)", "on", "The prediction before, and the next, in the text below"),
    _key("past_far_back", "shift+left,less_than_sign", "move_past(-10)", "back 10", "Ten predictions back, and on"),
    _key("past_far_on", "shift+right,greater_than_sign", "move_past(10)", "on 10", "Ten predictions back, and on"),
    _key("fewer_lags", "minus", "lags(-1)", "fewer lags", "Fewer lags, and more"),
    _key("more_lags", "plus,equals_sign", "lags(1)", "more lags", "Fewer lags, and more"),
    _key("compare", "c", "compare", "compare", "Beside it: untrained networks, trained ones of this task, or none"),
    _key("next_panel", "tab", "next_panel", "panel", "To the next panel"),
    *BOTH,
)

UNROLL_READING = (
    ("Unroll", "A column is a time step, down is forward: input, hidden units, outputs, target, loss. Red is negative, "
     "blue is positive. Everything is computed anew in 64 bits for this one example, on a copy: no poke touches the "
     "network in training."),
    ("A time step opened", "The left of each equation is the gate, then the equation, then its numbers. L is the mean "
     "loss of the example. dL/dh comes from above (the output, or the next layer) and from the future (the next time "
     "step). What a step adds to dW is an outer product: a gate's gradient times what it read."),
)  # fmt: skip
TIME_READING = (
    ("Time", "How much the loss of the last time step changes with the state k time steps before, on a log axis and "
     "relative to k = 0. Where the line falls below 1 % lies the horizon: what happened before it is hardly learned. "
     "The broken line is the spectral radius to the power k, of W_hh or, for gated cells, of the state's Jacobian. "
     "The upright line is the longest dependency of the task."),
    ("Which past mattered", "The stronger a symbol's colour, the more would the prediction after the last symbol have "
     "changed with it."),
)  # fmt: skip


def _hint(bindings: tuple[Binding, ...], id: str, key: str, label: str) -> KeyHint:  # noqa: A002
    return KeyHint(key, label, f"screen.{next(b.action for b in bindings if b.id == id)}")


def unroll_hints(*, loaded: bool, typing: bool, opened: bool, edited: bool, playing: bool) -> tuple[KeyHint, ...]:
    """The keys that make sense now, the most needed first."""
    if typing:
        return (KeyHint("enter", "set it", "screen.open"), _hint(BOTH, "look_back", "esc", "leave it"), COMMANDS, HELP)
    back = _hint(BOTH, "look_back", "esc", "back")
    if not loaded:
        return (back, QUIT, COMMANDS, HELP)
    found = [
        _hint(UNROLL, "walk_on", "←→", "walk"),
        _hint(UNROLL, "row_down", "↑↓", "unit"),
        _hint(UNROLL, "open", "enter", "close" if opened else "open"),
        _hint(UNROLL, "play", "p", "stop" if playing else "play"),
        back,
        _hint(UNROLL, "set", "v", "poke"),
        _hint(UNROLL, "update", "a", "update"),
    ]
    if edited:
        found.append(_hint(UNROLL, "undo", "u", "undo"))
    found += [
        _hint(UNROLL, "weight", "w", "weight"),
        _hint(UNROLL, "roll", "r", "rolled"),
        _hint(UNROLL, "state", "g", "h, c, gates"),
        _hint(UNROLL, "after", "[]", "example"),
        _hint(UNROLL, "more", "-+", "nudge"),
        _hint(BOTH, "look_full", "f", "full"),
    ]
    return (*found, QUIT, COMMANDS, HELP)


def time_hints(*, loaded: bool) -> tuple[KeyHint, ...]:
    back = _hint(BOTH, "look_back", "esc", "back")
    if not loaded:
        return (back, QUIT, COMMANDS, HELP)
    found = (
        _hint(TIME, "w_up", "↑↓", "turn w"),
        _hint(TIME, "past_on", "←→", "prediction"),
        back,
        _hint(TIME, "compare", "c", "compare"),
        _hint(TIME, "more_lags", "-+", "lags"),
        _hint(TIME, "next_panel", "tab", "panel"),
        _hint(BOTH, "look_full", "f", "full"),
    )
    return (*found, QUIT, COMMANDS, HELP)
