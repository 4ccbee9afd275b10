"""Play's fourth panel for a task with items: its examples, questions put to the network, and a free sample."""

from __future__ import annotations

from rnnplay.tui.places.find import FindActions
from rnnplay.tui.places.play.panels import SamplePanel


class ExampleActions(FindActions):
    """Left and right go through examples on the fourth panel; `s` asks the task's question."""

    sample_panel: SamplePanel
    first_example_row = 0

    def ask_question(self, prompt: str) -> None:
        """Put the task's question to the network."""
        if prompt.strip() and not self.load_if_stopped():
            self.session.example.ask(prompt.strip())
        self.first_example_row = 0
        self.repaint_topics({"sample"})

    def sample_or_ask(self) -> bool:
        """Do what `s` means for a task with items; False: it has none, or a free sample is drawn."""
        example = self.session.example
        if not example.is_shown or (example.can_sample and not example.question):
            return False
        if self.load_if_stopped():
            return True
        if example.question:
            last = example.answer.prompt if example.answer is not None else ""
            self.ask_text(f"{example.question}?", self.ask_question, last)
        else:
            self.action_example(1)
        return True

    def action_example(self, by: int) -> None:
        """Show the example before, or the next, and its heatmap."""
        example = self.session.example
        if example.has_items and not self.load_if_stopped():
            example.show(example.index + by)
            self.session.cells.request_trace(0, first_item=example.index)
            self.first_example_row = 0
            self.repaint_topics({"sample"})

    def step_example(self, by: int) -> bool:
        """Go through examples if the fourth panel is focused and shows one; return whether it was done."""
        if not self.session.example.is_shown or self.focused is not self.sample_panel:
            return False
        self.action_example(1 if by > 0 else -1)
        return True

    def close_answer(self) -> bool:
        """Go back from an answer to the example; False: there is none."""
        example = self.session.example
        if not example.is_shown or self.focused is not self.sample_panel or example.answer is None:
            return False
        example.answer, self.first_example_row = None, 0
        self.repaint_topics({"sample"})
        return True
