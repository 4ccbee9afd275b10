"""A screen with a line for typing: how it is opened, takes keys before any binding does, and is left."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable
from typing import Any

from textual import events
from textual.screen import Screen
from textual.widget import Widget
from textual.widgets import Input

from rnnplay.config import UserError
from rnnplay.tui.forms.editor import FormEditor
from rnnplay.tui.forms.prompt import Matcher, Prompt, no_matches

TYPING_ACTIONS = frozenset({"submit_prompt", "close_prompt", "next_match", "leave_prompt"})


class PromptScreen(Screen[None]):
    """A screen in which a person types into one Input, whatever is asked for."""

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        self.prompt = Prompt(id="prompt")
        self._submit: Callable[[str], None] = lambda _: None
        self._typing_changed: Callable[[str], None] = lambda _: None
        self._before_typing: Widget | None = None
        self._typed_form: FormEditor | None = None  # for whose field the line is open

    @abstractmethod
    def update_bars(self) -> None:
        """Paint the lines around the panels."""

    @abstractmethod
    def show_problem(self, problem: str, remedy: str) -> None:
        """Say in the status line what is wrong and what to do, until the next key."""

    def key_pressed(self) -> None:
        """A key was pressed: a problem was read."""

    @property
    def is_typing(self) -> bool:
        """Return whether the line for typing is open."""
        return self.focused is self.prompt.input

    def ask_text(
        self,
        label: str,
        on_submit: Callable[[str], None],
        value: str = "",
        matches: Matcher = no_matches,
        on_change: Callable[[str], None] = lambda _: None,
    ) -> None:
        """Open the line for typing. `on_submit` may raise UserError: then the line stays open."""
        self._submit, self._typing_changed, self._typed_form = on_submit, on_change, None
        self._before_typing = self.focused
        self.prompt.open(label, value, matches)
        self.set_focus(self.prompt.input)  # at once: the next key of the same read is typed
        on_change(value)
        self.update_bars()

    def on_input_changed(self, event: Input.Changed) -> None:
        event.stop()
        if self.is_typing:
            self._typing_changed(event.value)
            self.update_bars()

    def action_submit_prompt(self) -> None:
        """Take what was typed, or say why it cannot be taken."""
        text = self.prompt.taken()
        self.close_prompt()
        try:
            self._submit(text)
        except UserError as error:
            self._reopen(text)
            self.show_problem(error.problem, error.remedy)
        self.update_bars()

    def _reopen(self, text: str) -> None:
        self.prompt.display = True
        self.prompt.input.value = text
        self.prompt.input.cursor_position = len(text)
        self.set_focus(self.prompt.input)

    def action_close_prompt(self) -> None:
        """Leave the line; nothing is taken."""
        self.close_prompt()
        self.typing_closed()
        self.update_bars()

    def typing_closed(self) -> None:
        """A person left the line with escape."""

    def close_prompt(self) -> None:
        """Hide the line and give the focus back."""
        self.prompt.display = False
        self.set_focus(self._before_typing)

    def action_next_match(self, by: int) -> None:
        """Put the next match into the line."""
        self.prompt.next_match(by)

    def action_leave_prompt(self, by: int) -> None:
        """Up and down do nothing while a line is typed, except in a form."""

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """While a line is typed it has all keys."""
        return not self.is_typing or action in TYPING_ACTIONS

    async def take_key(self, event: events.Key) -> bool:
        """Take a key before any binding does: the app calls it for one key after the other, so that bursts keep order.

        Return whether the key was taken.
        """
        self.key_pressed()
        return self.is_typing and await self.prompt.take_key(event)

    async def take_paste(self, text: str) -> bool:
        """Type the first line of what was pasted, if a line is typed; return whether it was taken."""
        if self.is_typing:
            self.prompt.paste(next(iter(text.splitlines()), ""))
        return self.is_typing
