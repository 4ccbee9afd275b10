"""The keys of Cells and Sample, once: bound, listed in help and in the command palette, hinted at in the last line."""

from __future__ import annotations

from textual.binding import Binding

from rnnplay.tui.views import KeyHint

LAST = "To the panels of Play"


def _key(id: str, key: str, action: str, label: str, tooltip: str) -> Binding:  # noqa: A002
    return Binding(key, action, label, show=False, tooltip=tooltip, id=id)


def _panels(prefix: str) -> tuple[Binding, ...]:
    return tuple(_key(f"{prefix}_play_{n}", str(n), f"app.panel({n})", "Play", LAST) for n in range(1, 5))


CELLS: tuple[Binding, ...] = (
    _key("cells_find", "slash", "find", "find", "Find the units that follow a feature, or a regular expression"),
    _key("cells_before", "left", "unit(-1)", "previous unit", "The unit before, and the next: best first, once found"),
    _key("cells_after", "right", "unit(1)", "next unit", "The unit before, and the next: best first, once found"),
    _key("cells_tens_back", "shift+left,less_than_sign", "unit(-10)", "ten units back", "Ten units back, and on"),
    _key("cells_tens_on", "shift+right,greater_than_sign", "unit(10)", "ten units on", "Ten units back, and on"),
    _key("cells_up", "up", "move('up')", "up", "Through the text by rows"),
    _key("cells_down", "down", "move('down')", "down", "Through the text by rows"),
    _key("cells_char_back", "h", "point(-1)", "character back", "Through the text by characters"),
    _key("cells_char_on", "l", "point(1)", "character on", "Through the text by characters"),
    _key("cells_page_up", "pageup", "move('page_up')", "page up", "A page up, and down"),
    _key("cells_page_down", "pagedown", "move('page_down')", "page down", "A page up, and down"),
    _key("cells_home", "home", "move('home')", "beginning", "To the beginning of the text, and to its end"),
    _key("cells_end", "end", "move('end')", "end", "To the beginning of the text, and to its end"),
    _key("cells_state", "g", "state", "h, c, gates", "Colour by h, by c, by each of the gates"),
    _key("cells_view", "v", "view", "units", "Many units below a line of text, and back"),
    _key("cells_surprise", "c", "surprise", "surprise", "Colour by how surprising each character was, and back"),
    _key("cells_ablate", "a", "ablate", "prove", "Hold the unit at zero, then at its mean: what does the loss say?"),
    _key("cells_clamp", "k", "clamp", "clamp", "Sample with the unit held at a value, beside the network as it is"),
    _key("cells_lower", "p", "lower", "gates, history", "How saturated the gates are, or how the unit came to be"),
    _key("cells_earlier", "left_square_bracket", "scrub(-1)", "earlier", "To earlier checkpoints, and later ones"),
    _key("cells_later", "right_square_bracket", "scrub(1)", "later", "To earlier checkpoints, and later ones"),
    _key("cells_pause", "space", "toggle_pause", "pause", "Pause training, and go on"),
    _key("cells_step", "full_stop,o", "one_step", "step", "Do one training step, then pause"),
    _key("cells_page", "tab", "page(1)", "next panel", "Where one panel fits at a time: the next one"),
    *_panels("cells"),
    _key("cells_leave", "escape,f", "back", "back", "Back to where one came from"),
)

SAMPLE: tuple[Binding, ...] = (
    _key("write_pause", "space", "toggle_writing", "stop", "Stop the sample, and go on from there"),
    _key("write_back", "left", "step(-1)", "step back", "Take a symbol back, and write it again"),
    _key("write_on", "right", "step(1)", "step on", "Take a symbol back, and write it again"),
    _key("write_far_back", "shift+left,less_than_sign", "step(-10)", "ten back", "Ten symbols back, and on"),
    _key("write_far_on", "shift+right,greater_than_sign", "step(10)", "ten on", "Ten symbols back, and on"),
    _key("write_up", "up", "candidate(-1)", "candidate above", "Choose another candidate; running: scroll"),
    _key("write_down", "down", "candidate(1)", "candidate below", "Choose another candidate; running: scroll"),
    _key("write_take", "enter", "take", "take it", "Write the chosen candidate and go on from there"),
    _key("write_new", "s", "begin", "new sample", "A new sample, with the next seed"),
    _key("write_again", "r", "again", "again", "The same sample once more, from its beginning"),
    _key("write_prompt", "p", "prompt", "prompt", "Type a prompt; the candidates follow as you type"),
    _key("write_edit", "e", "edit", "edit", "Edit how it is drawn, while it runs"),
    _key("write_cooler", "minus", "temperature(-1)", "lower temperature", "Lower or higher temperature, at once"),
    _key("write_warmer", "plus,equals_sign", "temperature(1)", "higher temperature", "Lower or higher temperature, at once"),  # noqa: E501
    _key("write_greedy", "g", "greedy", "greedy", "Always the likeliest, and back"),
    _key("write_clamp", "k", "clamp", "clamp", "Hold a unit at a value, beside the network as it is; and let it go"),
    _key("write_lower", "left_square_bracket", "held(-1)", "hold lower", "The held unit's value down, and up"),
    _key("write_higher", "right_square_bracket", "held(1)", "hold higher", "The held unit's value down, and up"),
    _key("write_copied", "c", "copied", "copied", "Mark the longest span copied from the training text, and stop that"),
    *_panels("write"),
    _key("write_leave", "escape,f", "back", "back", "Back to where one came from"),
)  # fmt: skip


def hint(key: str, label: str, action: str) -> KeyHint:
    return KeyHint(key, label, f"screen.{action}")


TYPING = (hint("enter", "take it", "noop"), hint("tab", "suggest", "noop"), hint("esc", "leave it", "noop"))
