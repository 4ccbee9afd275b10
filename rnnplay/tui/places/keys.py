"""Key bindings of the app and of all places, and how a key is named in the last line and in help."""

from __future__ import annotations

from collections.abc import Sequence

from textual.binding import Binding

from rnnplay.tui.widgets.views import KeyHint


def key(id: str, press: str, action: str, label: str, tooltip: str) -> Binding:  # noqa: A002
    """Return a binding that the footer leaves to `hint`; Help and the command palette list it."""
    return Binding(press, action, label, show=False, tooltip=tooltip, id=id)


def hint(press: str, label: str, action: str) -> KeyHint:
    """Return what the last line says of a key that does `action` of the screen."""
    return KeyHint(press, label, f"screen.{action}")


def hint_of(bindings: Sequence[Binding], id: str, press: str, label: str) -> KeyHint:  # noqa: A002
    """Return what the last line says of the binding `id`."""
    return hint(press, label, next(binding.action for binding in bindings if binding.id == id))


APP: tuple[Binding, ...] = (
    Binding("5", "place('unroll')", "unroll", show=False, tooltip="Unroll: walk through time steps", id="unroll"),
    Binding("6", "place('time')", "time", show=False, tooltip="Time: how far back it learns", id="time"),
    Binding("question_mark", "help", "help", show=False, tooltip="This list of keys", id="help"),
    Binding("t", "theme", "theme", show=False, tooltip="Light or dark", id="theme"),
    Binding("q,ctrl+q", "quit", "quit", show=False, tooltip="Leave; a running run is saved", id="quit"),
    Binding("ctrl+c", "quit", "quit", show=False, priority=True, id="interrupt", system=True),
)


SHOWN = {
    "space": "space", "full_stop": ".", "question_mark": "?", "minus": "-", "plus": "+", "left": "←", "right": "→",
    "up": "↑", "down": "↓", "pageup": "PgUp", "pagedown": "PgDn", "escape": "esc", "shift+left": "shift ←",
    "shift+right": "shift →", "home": "Home", "end": "End", "slash": "/", "left_square_bracket": "[",
    "right_square_bracket": "]",
}  # fmt: skip


def shown(binding: Binding) -> str:
    """The first key of a binding as a person reads it."""
    first = binding.key.split(",")[0]
    return SHOWN.get(first, first)


TO_UNROLL = KeyHint("5", "unroll", "app.place('unroll')")
TO_TIME = KeyHint("6", "time", "app.place('time')")
COMMANDS = KeyHint("^p", "commands", "app.command_palette")
HELP = KeyHint("?", "help", "app.help")
QUIT = KeyHint("q", "quit", "app.quit")


BOTH: tuple[Binding, ...] = (
    key("look_pause", "space", "toggle_pause", "pause", "Pause training, and go on"),
    key("look_step", "full_stop,o", "one_step", "step", "Do one training step, then pause"),
    key("look_full", "f", "full", "full", "The focused panel on the whole screen, with more in it; and back"),
    key("look_tasks", "1", "app.panel(1)", "Play", "To the panels of Play"),
    key("look_loss", "2", "app.panel(2)", "Play", "To the panels of Play"),
    key("look_cells", "3", "app.panel(3)", "Play", "To the panels of Play"),
    key("look_sample", "4", "app.panel(4)", "Play", "To the panels of Play"),
    key("look_back", "escape", "back", "back", "Back: out of typing, of an opened step, of a full screen, to Play"),
)


def play_panels(prefix: str) -> tuple[Binding, ...]:
    """Return the bindings 1 to 4, which lead to the panels of Play."""
    return tuple(
        key(f"{prefix}_play_{n}", str(n), f"app.panel({n})", "Play", "To the panels of Play") for n in range(1, 5)
    )


# While a line is typed, it takes these keys.
TYPING = (hint("enter", "take it", "noop"), hint("tab", "suggest", "noop"), hint("esc", "leave it", "noop"))
