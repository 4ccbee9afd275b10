"""Play's fourth panel where a task has items: its examples, questions put to the network, and a free sample beside."""

from __future__ import annotations

from collections.abc import Coroutine
from typing import TYPE_CHECKING, Any

from rnnplay.tui.forms.prompt import Line
from rnnplay.tui.places.play.example.panel import SamplePanel
from rnnplay.tui.session import RunSession


class AsksTasks:
    """For a screen with a sample panel: left and right go through examples there, `s` asks the task's question."""

    session: RunSession
    sample_panel: SamplePanel
    ask_line: Line

    if TYPE_CHECKING:  # what the screen brings
        focused: Any

        def soon(self, work: Coroutine[Any, Any, None]) -> None: ...

        def paint_sample(self) -> None: ...

        def paint_words(self) -> None: ...

        def _draw(self, seed: int) -> None: ...

    def new_ask_line(self) -> Line:
        return Line("ask", self._ask)

    def _ask(self, prompt: str) -> None:
        if not self.session.has_trainer:
            self.soon(self.session.inspect())
        elif prompt.strip():
            self.soon(self.session.example.ask(prompt.strip()))
            self.paint_sample()

    def sampled_or_asked(self) -> bool:
        """Do what `s` means where a task has items; False: it has none, or a free sample is drawn."""
        showing = self.session.example
        if not showing.here or (showing.samples and not showing.question):
            return False
        if not self.session.has_trainer:
            self.soon(self.session.inspect())
        elif showing.question:
            self.ask_line.label = f"{showing.question}?"
            self.ask_line.open(showing.answer.prompt if showing.answer is not None else "")
            self.paint_words()
        else:
            self.action_example(1)
        return True

    def action_example(self, by: int) -> None:
        """The example before, or the next."""
        if self.session.example.items and self.session.has_trainer:
            self.soon(self.session.example.show(self.session.example.index + by))
            self.paint_sample()

    def action_switch(self) -> None:
        """From the example to a free sample, and back."""
        showing = self.session.example
        if not showing.items or not showing.samples:
            return
        if not showing.as_sample and not self.session.sampled:
            self._draw(self.session.sampling.seed)
            return
        showing.as_sample = not showing.as_sample
        self.paint_sample()
        self.paint_words()

    def turned_example(self, by: int) -> bool:
        """Whether left and right went through examples: on the fourth panel they do."""
        if not self.session.example.here or self.focused is not self.sample_panel:
            return False
        self.action_example(1 if by > 0 else -1)
        return True

    def left_answer(self) -> bool:
        """Back from an answer to the example; False: there is none."""
        showing = self.session.example
        if not showing.here or self.focused is not self.sample_panel or showing.answer is None:
            return False
        showing.answer, showing.top = None, 0
        self.paint_sample()
        return True
