"""Key bindings of Sample and the text of its help."""

from __future__ import annotations

from textual.binding import Binding

from rnnplay.tui.places.keys import RUN, key

KEYS: tuple[Binding, ...] = (
    key("write_hold", "w", "toggle_writing", "hold", "Hold the writing, and go on from there"),
    key("write_back", "left", "step(-1)", "step back", "Take a character back, and write it again"),
    key("write_on", "right", "step(1)", "step on", "Take a character back, and write it again"),
    key("write_far_back", "shift+left,less_than_sign", "step(-10)", "ten back", "Ten characters back, and on"),
    key("write_far_on", "shift+right,greater_than_sign", "step(10)", "ten on", "Ten characters back, and on"),
    key("write_up", "up", "candidate(-1)", "candidate above", "Choose another candidate; running: scroll"),
    key("write_down", "down", "candidate(1)", "candidate below", "Choose another candidate; running: scroll"),
    key("write_take", "enter", "take", "take it", "Write the chosen candidate and go on from there"),
    key("write_new", "s", "begin", "new sample", "A new sample, with the next seed"),
    key("write_again", "a", "again", "again", "The same sample once more, from its beginning"),
    key("write_prompt", "p", "prompt", "prompt", "Type a prompt; the candidates follow as you type"),
    key("write_edit", "e", "edit", "edit", "Edit how it is drawn, while it runs"),
    key("write_cooler", "minus", "temperature(-1)", "lower temperature", "Lower or higher temperature, at once"),
    key("write_warmer", "plus,equals_sign", "temperature(1)", "higher temperature", "Lower or higher temperature, at once"),  # noqa: E501
    key("write_greedy", "g", "greedy", "greedy", "Always the likeliest, and back"),
    key("write_clamp", "k", "clamp", "clamp", "Hold a unit at a value, beside the network as it is; and let it go"),
    key("write_lower", "left_square_bracket", "clamp_value(-1)", "hold lower", "The held unit's value down, and up"),
    key("write_higher", "right_square_bracket", "clamp_value(1)", "hold higher", "The held unit's value down, and up"),
    key("write_copied", "c", "copied", "copied", "Mark the longest span copied from the training text, and stop that"),
    *RUN,
)  # fmt: skip

READING = (
    ("Sample", "Each character stands on the colour of its probability: pale where the network was surprised by its "
     "own draw. Temperature, top-k and top-p shape the draw alone: each candidate has two bars, the network's "
     "probability and below it the one with which it is drawn. Behind the line at the cut nothing is drawn."),
    ("Holding the writing", "w holds it. Left takes characters back; the list shows what could stand there; enter "
     "writes the chosen one and goes on from there."),
    ("Clamping a unit", "The same seed writes twice: as the network is, and with one unit held at a value."),
)  # fmt: skip
