"""Key bindings of Unroll, the text of its help, and the keys that its last line names."""

from __future__ import annotations

from collections.abc import Sequence

from textual.binding import Binding

from rnnplay.tui.places.keys import RUN, hint_of, key
from rnnplay.tui.widgets.views import KeyHint

KEYS: tuple[Binding, ...] = (
    key("walk_back", "left", "walk(-1)", "step back", "A time step back, and on"),
    key("walk_on", "right", "walk(1)", "step on", "A time step back, and on"),
    key("walk_first", "home", "walk(-100000)", "first", "To the first time step, and to the last"),
    key("walk_last", "end", "walk(100000)", "last", "To the first time step, and to the last"),
    key("row_up", "up", "row(-1)", "up", "To the unit above, and below; the input stands on top"),
    key("row_down", "down", "row(1)", "down", "To the unit above, and below; the input stands on top"),
    key("rows_up", "pageup", "row(-8)", "page up", "Eight units up, and down"),
    key("rows_down", "pagedown", "row(8)", "page down", "Eight units up, and down"),
    key("open", "enter", "open", "open", "Open the time step: its equations with the numbers put in; and close it"),
    key("play", "p", "play", "play", "Play the time steps one by one, and stop"),
    key("set", "v", "set", "set", "Poke: set the hidden value or the input under the cursor"),
    key("more", "plus,equals_sign", "nudge(0.1)", "more", "The hidden value under the cursor up by 0.1, and down"),
    key("less", "minus", "nudge(-0.1)", "less", "The hidden value under the cursor up by 0.1, and down"),
    key("weight", "w", "weight", "weight", "Poke: set a weight"),
    key("undo", "u", "undo", "undo", "Undo the last change"),
    key("update", "a", "update", "update", "Apply one update by gradient descent on this example, to a copy"),
    key("state", "g", "state", "h, c, gates", "Show h, c or a gate (LSTM, GRU)"),
    key("roll", "z", "roll", "rolled", "Roll the network up, and unroll it"),
    key("before", "left_square_bracket", "example(-1)", "example before", "The example before, and the next"),
    key("after", "right_square_bracket", "example(1)", "next example", "The example before, and the next"),
    *RUN,
)


READING = (
    ("Unroll", "A column is a time step, down is forward: input, hidden units, outputs, target, loss. Red is negative, "
     "blue is positive. Everything is computed in 64 bits for this one example, on a copy: no poke touches the "
     "network in training."),
    ("A time step opened", "The left of each equation is the gate, then the equation, then its numbers. L is the mean "
     "loss of the example. dL/dh comes from above (the output, or the next layer) and from the future (the next time "
     "step). What a step adds to dW is an outer product: a gate's gradient times what it read."),
)  # fmt: skip


def key_hints(
    *, loaded: bool, opened: bool, edited: bool, playing: bool, states: Sequence[str] = ("h",)
) -> tuple[KeyHint, ...]:
    """Return the keys that make sense now, the most needed first. states: what a unit's row can show."""
    back = hint_of(KEYS, "back", "esc", "back")
    if not loaded:
        return (back,)
    hints = [
        hint_of(KEYS, "walk_on", "←→", "walk"),
        hint_of(KEYS, "row_down", "↑↓", "unit"),
        hint_of(KEYS, "open", "enter", "close" if opened else "open"),
        hint_of(KEYS, "play", "p", "stop" if playing else "play"),
        back,
        hint_of(KEYS, "set", "v", "poke"),
        hint_of(KEYS, "update", "a", "update"),
    ]
    if edited:
        hints.append(hint_of(KEYS, "undo", "u", "undo"))
    gates = hint_of(KEYS, "state", "g", "h, c, gates" if "c" in states else "h, gates")
    return (
        *hints,
        hint_of(KEYS, "weight", "w", "weight"),
        hint_of(KEYS, "roll", "z", "rolled"),
        *([gates] if len(states) > 1 else []),
        hint_of(KEYS, "after", "[]", "example"),
        hint_of(KEYS, "more", "-+", "nudge"),
        hint_of(KEYS, "full", "f", "full"),
    )
