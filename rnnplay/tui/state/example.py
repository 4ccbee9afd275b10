"""An example of the task as the network answers it, and the network's answer to a question."""

from __future__ import annotations

from rnnplay import protocol
from rnnplay.tui.state import Send, answers

_REPEAT_SECONDS = 1.0  # between two evaluations of the example while the network learns


class ExampleState:
    """Examples and answers of one run. Call `reset` when another run begins."""

    def __init__(self, send: Send) -> None:
        self._send = send
        self.reset()

    def reset(self) -> None:
        """Forget everything about the run."""
        self.facts: protocol.Facts | None = None
        self.index = 0  # of the example that is shown
        self.example: protocol.ExampleShown | None = None
        self.answer: protocol.TaskAnswered | None = None
        self.pending_question: str | None = None  # the question that waits for its answer
        self.shows_sample = False  # the panel shows a free sample in place of the example
        self._words_shown: int | None = None
        self._example_request = self._question_request = 0

    def begin_run(self, facts: protocol.Facts) -> None:
        """Take in what the task is like."""
        self.facts = facts

    @property
    def has_items(self) -> bool:
        """Return whether the task has items to show."""
        return self.facts is not None and self.facts.has_examples

    @property
    def is_shown(self) -> bool:
        """Return whether the panel shows an example or an answer, not a sample."""
        return self.has_items and not self.shows_sample

    @property
    def question(self) -> str:
        """Return what the network may be asked, in words; empty: nothing."""
        return self.facts.question_help if self.facts is not None else ""

    @property
    def can_sample(self) -> bool:
        """Return whether a free sample may be drawn too."""
        return self.facts is not None and self.facts.can_sample

    @property
    def words_shown(self) -> int | None:
        """Return how many words of what the network wrote are shown so far; None: all."""
        return self._words_shown

    def switch_to_sample(self) -> bool:
        """Show a free sample in place of the example; False: this task has none."""
        self.shows_sample = self.has_items and self.can_sample
        return self.shows_sample or not self.has_items

    # ------------------------------------------------------------------------------------------------------ questions

    def request_example(self) -> int:
        """Ask for the example, and again as training goes on; return the request's number."""
        self._example_request = self._send(protocol.ShowExample(index=self.index, every=_REPEAT_SECONDS))
        return self._example_request

    def show(self, index: int) -> None:
        """Ask for another example; its words appear one by one."""
        self.index, self.answer, self.pending_question, self.shows_sample = max(0, index), None, None, False
        self._words_shown = 0
        self.request_example()

    def ask(self, prompt: str) -> None:
        """Put the task's question to the network."""
        self.pending_question, self.shows_sample = prompt, False
        self._question_request = self._send(protocol.AskTask(prompt=prompt))

    # -------------------------------------------------------------------------------------------------------- answers

    def handle_event(self, event: protocol.AnyEvent) -> bool:
        """Take in an example or an answer; False: it is neither, or another one was asked for since."""
        match event:
            case protocol.ExampleShown() if answers(event, self._example_request):
                self.example = event
            case protocol.TaskAnswered() if answers(event, self._question_request):
                self.answer, self.pending_question = event, None
            case _:
                return False
        return True

    def on_command_failed(self, event: protocol.Failed) -> bool:
        """Stop waiting for an answer that cannot be given; return whether it was asked here."""
        if self.pending_question is None or not answers(event, self._question_request):
            return False
        self.pending_question = None
        return True

    def reveal_word(self) -> bool:
        """Show one word more of what the network wrote; False: all of them are shown."""
        if self._words_shown is None or self.example is None or self.example.index != self.index:
            return False
        self._words_shown += 1
        if self._words_shown >= len(self.example.decoded):
            self._words_shown = None
        return True
