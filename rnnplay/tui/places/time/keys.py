"""Key bindings of Time, the text of its help, and the keys that its last line names."""

from __future__ import annotations

from textual.binding import Binding

from rnnplay.tui.places.keys import RUN, hint_of, key
from rnnplay.tui.widgets.views import KeyHint

TURN = "Turn the one unit's weight up, and down; on which past mattered, choose a swap"
KEYS: tuple[Binding, ...] = (
    key("w_up", "up", "turn(1)", "w up", TURN),
    key("w_down", "down", "turn(-1)", "w down", TURN),
    key("past_back", "left", "move_past(-1)", "back", "The prediction before, and the next, in the text below"),
    key("past_on", "right", "move_past(1)", "on", "The prediction before, and the next, in the text below"),
    key("past_far_back", "shift+left,less_than_sign", "move_past(-10)", "back 10", "Ten predictions back, and on"),
    key("past_far_on", "shift+right,greater_than_sign", "move_past(10)", "on 10", "Ten predictions back, and on"),
    key("past_swap", "enter", "swap", "swap", "Swap the chosen symbol of the past for another, and take it back"),
    key("past_view", "v", "past_view", "swaps, gradient", "Which past mattered: by swaps, or by the gradient"),
    key("fewer_lags", "minus", "lags(-1)", "fewer lags", "Fewer lags, and more"),
    key("more_lags", "plus,equals_sign", "lags(1)", "more lags", "Fewer lags, and more"),
    key("compare", "c", "compare", "compare", "Beside it: untrained networks, trained ones of this task, or none"),
    key("next_panel", "tab", "next_panel", "panel", "To the next panel"),
    *RUN,
)


READING = (
    ("Time", "How much the loss of the last time step changes with the state k time steps before, on a log axis and "
     "relative to k = 0. Where the line falls below 1 % lies the horizon. The mean factor a step up to the task's "
     "longest dependency (the upright line) decides: less than 1 % left there vanishes, more than ten times explodes. "
     "The broken line is the spectral radius to the power k, of W_hh or, for gated cells, of the state's Jacobian (J): "
     "tanh's slope, gates and products of matrices make what is measured differ from it."),
    ("Which past mattered", "Each earlier symbol is swapped for eight others that are likely there, and the prediction "
     "after the last symbol is made again: the stronger its colour, the more log p falls, in nats on average. Enter "
     "carries out one swap. v shows the gradient instead: how much a very small change of each input would do."),
)  # fmt: skip


def key_hints(*, loaded: bool, swaps: bool) -> tuple[KeyHint, ...]:
    """Return the keys that make sense now, the most needed first."""
    back = hint_of(KEYS, "back", "esc", "back")
    if not loaded:
        return (back,)
    first = [hint_of(KEYS, "w_up", "↑↓", "choose" if swaps else "turn w")]
    if swaps:
        first.append(hint_of(KEYS, "past_swap", "enter", "swap"))
    return (
        *first,
        hint_of(KEYS, "past_on", "←→", "prediction"),
        hint_of(KEYS, "past_view", "v", "swaps, gradient"),
        back,
        hint_of(KEYS, "compare", "c", "compare"),
        hint_of(KEYS, "more_lags", "-+", "lags"),
        hint_of(KEYS, "next_panel", "tab", "panel"),
        hint_of(KEYS, "full", "f", "full"),
    )
