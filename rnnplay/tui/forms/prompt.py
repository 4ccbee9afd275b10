"""The line in which a person types: Textual's Input, and up to six matches of what was typed."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import ClassVar

from textual import events
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal
from textual.widgets import Input, Label

MATCHES = 6  # that are shown
Matcher = Callable[[str], Sequence[str]]


def no_matches(_text: str) -> Sequence[str]:
    """Return nothing: what is typed here has no suggestions."""
    return ()


class Prompt(Horizontal):
    """A label and an Input. The screen opens it, gives it the keys, and receives Input.Changed."""

    DEFAULT_CSS = """
    Prompt { height: 1; width: 100%; display: none; }
    Prompt Label { width: auto; text-style: bold; padding: 0 1; }
    Prompt Input { width: 1fr; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter", "screen.submit_prompt", show=False),
        Binding("escape", "screen.close_prompt", show=False),
        Binding("tab", "screen.next_match(1)", show=False),
        Binding("shift+tab", "screen.next_match(-1)", show=False),
        Binding("up", "screen.leave_prompt(-1)", show=False),
        Binding("down", "screen.leave_prompt(1)", show=False),
    ]

    def __init__(self, *, id: str) -> None:  # noqa: A002
        super().__init__(id=id)
        self.label = Label(markup=False)
        self.input = Input(compact=True, select_on_focus=False)
        self._matcher: Matcher = no_matches
        self._typed = ""  # what the matches are matches of
        self._match = ""  # that was put into the line in its place

    def compose(self) -> ComposeResult:
        yield self.label
        yield self.input

    def open(self, label: str, value: str, matcher: Matcher) -> None:
        """Show the line with `value` in it."""
        self._matcher, self._match = matcher, ""
        self.label.update(label)
        self.display = True
        self.put(value)
        self._typed = value

    def put(self, text: str) -> None:
        """Replace what stands in the line."""
        self.input.value = text
        self.input.cursor_position = len(text)

    async def take_key(self, event: events.Key) -> bool:
        """Type a key, or do what it does in the line; return whether it means something here."""
        if event.is_printable:
            await self.input._on_key(event)
            return True
        for node in (self, self.input):
            for binding in node._bindings.key_to_bindings.get(event.key, ()):
                if await self.app.run_action(binding.action, node):
                    return True
        return False

    def paste(self, text: str) -> None:
        """Put a text at the cursor, in place of what is selected."""
        self.input.replace(text, *self.input.selection)

    @property
    def matches(self) -> tuple[str, ...]:
        """The matches of what was typed that are shown."""
        if self.input.value != self._match:  # it was typed since
            self._typed = self.input.value
        return tuple(self._matcher(self._typed))[:MATCHES]

    def next_match(self, by: int) -> None:
        """Put the next match into the line, round and round; what was typed is one of them."""
        choices = (*self.matches, self._typed)
        at = choices.index(self.input.value)
        self._match = choices[(at + by) % len(choices)]
        self.put(self._match)

    def taken(self) -> str:
        """Return what enter takes: the text, or the first match shown if nothing was typed."""
        return self.input.value or next(iter(self.matches), "")
