"""Key bindings of Sample and the text of its help."""

from __future__ import annotations

from textual.binding import Binding

from rnnplay.tui.places.keys import key, play_panels

KEYS: tuple[Binding, ...] = (
    key("write_pause", "space", "toggle_writing", "stop", "Stop the sample, and go on from there"),
    key("write_back", "left", "step(-1)", "step back", "Take a symbol back, and write it again"),
    key("write_on", "right", "step(1)", "step on", "Take a symbol back, and write it again"),
    key("write_far_back", "shift+left,less_than_sign", "step(-10)", "ten back", "Ten symbols back, and on"),
    key("write_far_on", "shift+right,greater_than_sign", "step(10)", "ten on", "Ten symbols back, and on"),
    key("write_up", "up", "candidate(-1)", "candidate above", "Choose another candidate; running: scroll"),
    key("write_down", "down", "candidate(1)", "candidate below", "Choose another candidate; running: scroll"),
    key("write_take", "enter", "take", "take it", "Write the chosen candidate and go on from there"),
    key("write_new", "s", "begin", "new sample", "A new sample, with the next seed"),
    key("write_again", "r", "again", "again", "The same sample once more, from its beginning"),
    key("write_prompt", "p", "prompt", "prompt", "Type a prompt; the candidates follow as you type"),
    key("write_edit", "e", "edit", "edit", "Edit how it is drawn, while it runs"),
    key("write_cooler", "minus", "temperature(-1)", "lower temperature", "Lower or higher temperature, at once"),
    key("write_warmer", "plus,equals_sign", "temperature(1)", "higher temperature", "Lower or higher temperature, at once"),  # noqa: E501
    key("write_greedy", "g", "greedy", "greedy", "Always the likeliest, and back"),
    key("write_clamp", "k", "clamp", "clamp", "Hold a unit at a value, beside the network as it is; and let it go"),
    key("write_lower", "left_square_bracket", "held(-1)", "hold lower", "The held unit's value down, and up"),
    key("write_higher", "right_square_bracket", "held(1)", "hold higher", "The held unit's value down, and up"),
    key("write_copied", "c", "copied", "copied", "Mark the longest span copied from the training text, and stop that"),
    *play_panels("write"),
    key("write_leave", "escape,f", "back", "back", "Back to where one came from"),
)  # fmt: skip
