"""Key bindings of Network, the text of its help, and the keys that its last line names."""

from __future__ import annotations

from textual.binding import Binding

from rnnplay.tui.places.keys import RUN, hint_of, key
from rnnplay.tui.widgets.views import KeyHint

WALK = "To the weight beside, above, below; with shift ten further"
KEYS: tuple[Binding, ...] = (
    key("weight_left", "left", "walk(0, -1)", "left", WALK),
    key("weight_right", "right", "walk(0, 1)", "right", WALK),
    key("weight_up", "up", "walk(-1, 0)", "up", WALK),
    key("weight_down", "down", "walk(1, 0)", "down", WALK),
    key("weight_far_left", "shift+left,less_than_sign", "walk(0, -10)", "ten left", WALK),
    key("weight_far_right", "shift+right,greater_than_sign", "walk(0, 10)", "ten right", WALK),
    key("weight_far_up", "pageup,shift+up", "walk(-10, 0)", "ten up", WALK),
    key("weight_far_down", "pagedown,shift+down", "walk(10, 0)", "ten down", WALK),
    key("matrix_next", "j", "matrix(1)", "next", "The next matrix, and the one before"),
    key("matrix_before", "k", "matrix(-1)", "before", "The next matrix, and the one before"),
    key("gate", "g", "gate", "gate", "Another gate of a recurrent matrix: its eigenvalues, its rows"),
    key("earlier", "left_square_bracket", "earlier(-1)", "earlier", "An earlier checkpoint beside it, and later ones"),
    key("later", "right_square_bracket", "earlier(1)", "later", "An earlier checkpoint beside it, and later ones"),
    key("next_panel", "tab", "next_panel", "panel", "To the next panel"),
    *RUN,
)

READING = (
    ("Network", "Every parameter by its name and shape; their counts add up to the total. The chosen one is a cell for "
     "each weight, in colours of its own scale: a row is what a weight leads to, a column what it comes from."),
    ("Spectrum", "Singular values say how much a matrix stretches its inputs at most and at least. The eigenvalues of "
     "W_hh, for gated cells of one gate's square block, lie on the plane with the unit circle: a linear network's "
     "state grows along those outside and fades along those inside."),
    ("Gates", "A gate is mostly open where it is above .9 in more than half of the time steps, and mostly shut where "
     "it is below .1."),
)  # fmt: skip


def key_hints(*, loaded: bool, recurrent: bool, has_earlier: bool) -> tuple[KeyHint, ...]:
    """Return the keys that make sense now, the most needed first."""
    back = hint_of(KEYS, "back", "esc", "back")
    if not loaded:
        return (back,)
    hints = [hint_of(KEYS, "weight_right", "←→↑↓", "weight"), hint_of(KEYS, "matrix_next", "jk", "matrix"), back]
    if recurrent:
        hints.append(hint_of(KEYS, "gate", "g", "gate"))
    if has_earlier:
        hints.append(hint_of(KEYS, "earlier", "[]", "checkpoint"))
    return (*hints, hint_of(KEYS, "next_panel", "tab", "panel"), hint_of(KEYS, "full", "f", "full"))
