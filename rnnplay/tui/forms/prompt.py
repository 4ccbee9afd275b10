"""A line that is typed below a screen: what is looked for, a prompt. Tab goes through suggestions."""

from __future__ import annotations

from collections.abc import Callable

from rnnplay.tui.widgets.views import StatusView


class Line:
    """Open while `typing`. Enter gives the text to `taken`, escape to nobody; each change is told to `changed`."""

    def __init__(
        self,
        label: str,
        taken: Callable[[str], None],
        suggestions: Callable[[str], tuple[str, ...]] = lambda _: (),
        changed: Callable[[str], None] = lambda _: None,
    ) -> None:
        self.label, self._taken, self._suggestions, self._changed = label, taken, suggestions, changed
        self.typing = False
        self.text = ""
        self._began = ""  # what was typed before tab went through suggestions
        self._turn = -1

    def open(self, text: str = "") -> None:
        self.typing, self.text, self._began, self._turn = True, text, text, -1
        self._changed(text)

    def key(self, key: str, character: str | None) -> bool:
        """Take a key; False: it is none of this line's."""
        if not self.typing:
            return False
        if key == "enter":
            self.typing = False
            self._taken(self.text)
        elif key == "escape":
            self.typing = False
        elif key == "backspace":
            self._type(self.text[:-1])
        elif key in ("ctrl+u", "ctrl+w"):
            self._type("" if key == "ctrl+u" else self.text.rstrip().rpartition(" ")[0])
        elif key in ("tab", "shift+tab"):
            self._suggest(1 if key == "tab" else -1)
        elif character is not None and character.isprintable():
            self._type(self.text + character)
        return True

    def paste(self, text: str) -> None:
        self._type(self.text + text)

    def _type(self, text: str) -> None:
        self.text, self._began, self._turn = text, text, -1
        self._changed(text)

    def _suggest(self, by: int) -> None:
        """The next suggestion for what was typed, round and round; what was typed is one of them."""
        choices = (*self._suggestions(self._began), self._began)
        self._turn = (self._turn + by) % len(choices) if self._turn >= 0 or by > 0 else len(choices) - 1
        self.text = choices[self._turn]
        self._changed(self.text)

    def view(self, cursor: str = "▏") -> StatusView:
        """The line as it stands, with what tab would offer."""
        offered = "  ".join(self._suggestions(self._began)[:6])
        return StatusView(f"{self.label} {self.text}{cursor}", f"tab: {offered}" if offered else "enter takes it")
