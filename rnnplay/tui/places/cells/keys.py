"""Key bindings of Cells and the text of its help."""

from __future__ import annotations

from textual.binding import Binding

from rnnplay.tui.places.keys import RUN, key

KEYS: tuple[Binding, ...] = (
    key("cells_find", "slash", "find", "find", "Find the units that follow a feature, or a regular expression"),
    key("cells_before", "left", "unit(-1)", "previous unit", "The unit before, and the next: best first, once found"),
    key("cells_after", "right", "unit(1)", "next unit", "The unit before, and the next: best first, once found"),
    key("cells_tens_back", "shift+left,less_than_sign", "unit(-10)", "ten units back", "Ten units back, and on"),
    key("cells_tens_on", "shift+right,greater_than_sign", "unit(10)", "ten units on", "Ten units back, and on"),
    key("cells_up", "up", "move('up')", "up", "Through the text by rows"),
    key("cells_down", "down", "move('down')", "down", "Through the text by rows"),
    key("cells_char_back", "h", "point(-1)", "character back", "Through the text by characters"),
    key("cells_char_on", "l", "point(1)", "character on", "Through the text by characters"),
    key("cells_page_up", "pageup", "move('page_up')", "page up", "A page up, and down"),
    key("cells_page_down", "pagedown", "move('page_down')", "page down", "A page up, and down"),
    key("cells_home", "home", "move('home')", "beginning", "To the beginning of the text, and to its end"),
    key("cells_end", "end", "move('end')", "end", "To the beginning of the text, and to its end"),
    key("cells_state", "g", "state", "h, c, gates", "Colour by h, by c, by each of the gates (LSTM, GRU)"),
    key("cells_view", "v", "view", "units", "Many units below the text, and back; on features: their layer"),
    key("cells_surprise", "c", "surprise", "surprise", "Colour by how surprising each character was, and back"),
    key("cells_ablate", "a", "ablate", "prove", "Hold the unit at zero, then at its mean: what does the loss say?"),
    key("cells_ablate_group", "A", "ablate_group", "prove a group", "Hold all units over which the feature is spread"),
    key("cells_clamp", "k", "clamp", "clamp", "Sample with the unit held at a value, beside the network as it is"),
    key("cells_lower", "p", "lower", "gates, history", "How saturated the gates are, or the unit at each checkpoint"),
    key("cells_earlier", "left_square_bracket", "scrub(-1)", "earlier", "To earlier checkpoints, and later ones"),
    key("cells_later", "right_square_bracket", "scrub(1)", "later", "To earlier checkpoints, and later ones"),
    key("cells_page", "tab", "page(1)", "next panel", "To the next panel"),
    *RUN,
)

READING = (
    ("Cells", "The text is held out: the network never trains on it. Each character stands on the colour of one unit "
     "after reading it: red negative, blue positive. g goes through h, an LSTM's cell state c, and the gates."),
    ("Find", "The AUC is the probability that the unit is higher where the feature is true than where it is not. "
     "“Rolled” is the best unit for the feature pushed along the text: what chance finds. “Untrained” is the best unit "
     "before the first step."),
    ("What units follow", "Before you look for something, a census lists the features that the task knows, each with "
     "the unit that follows it best, the most surprising first: the score above the better control. Beside it stands "
     "how it grew. v on the list colours the text by all units of the layer together: a weighted sum, fitted on half "
     "of the text and scored on the other half."),
    ("Prove", "The loss inside and outside the feature when the unit is held still, beside what other units cost."),
    ("Gates", "Each dot is a unit: right is the share of the time its gate is shut (below 0.1), up the share it is "
     "open (above 0.9). A forget gate high up remembers."),
)  # fmt: skip
