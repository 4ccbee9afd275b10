"""What Play's fourth panel shows where a task has items: an example as the network answers it, or its answer."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rnnplay import protocol as say
from rnnplay.tui.places.play.example.views import AnswerView, ExampleView

if TYPE_CHECKING:
    from rnnplay.tui.session import RunSession

EVERY = 1.0  # seconds between two looks at the example while the network learns
EMPTY = "An example appears here: what goes in, what should come out, and what the network says."


class ExampleState:
    """`index` is the example; `as_sample`: the panel shows a free sample instead; `top`: rows scrolled down."""

    def __init__(self, session: RunSession) -> None:
        self._session = session
        self.forget()

    def forget(self) -> None:
        """Another run: nothing is shown of it yet."""
        self.index = 0
        self.example: say.ExampleShown | None = None
        self.answer: say.TaskAnswered | None = None
        self.asked: str | None = None  # waits for its answer
        self.as_sample = False
        self.top = 0
        self._revealed: int | None = None

    @property
    def items(self) -> bool:
        """Whether the task has items to show."""
        facts = self._session.facts
        return facts is not None and facts.examples

    @property
    def here(self) -> bool:
        """Whether the panel shows an example, or an answer."""
        return self.items and not self.as_sample

    @property
    def question(self) -> str:
        return self._session.facts.question_help if self._session.facts is not None else ""

    @property
    def samples(self) -> bool:
        """Whether a free sample may be drawn beside."""
        facts = self._session.facts
        return facts is not None and facts.samples

    def turn_to_sample(self) -> bool:
        """Show a free sample; False: it would make no sense for this task."""
        self.as_sample = self.items and self.samples
        return self.as_sample or not self.items

    # ------------------------------------------------------------------------------------------------------- asking

    def first(self) -> say.Command | None:
        """What to ask of a run that begins; None: it is a text, which is sampled."""
        return say.ShowExample(index=self.index, every=EVERY) if self.items else None

    async def show(self, index: int) -> None:
        """Another example, and its heatmap."""
        self.index, self.answer, self.asked, self.as_sample, self.top = max(0, index), None, None, False, 0
        self._revealed = 0
        await self._session.send(say.ShowExample(index=self.index, every=EVERY))
        await self._session.watch(0)

    async def ask(self, prompt: str) -> None:
        self.asked, self.as_sample, self.top = prompt, False, 0
        await self._session.send(say.AskTask(prompt=prompt))

    # ------------------------------------------------------------------------------------------------------ answers

    def hear(self, event: say.AnyEvent) -> bool:
        """Take in an answer; False: the event is none."""
        match event:
            case say.ExampleShown():
                if event.index == self.index:
                    self.example = event
            case say.TaskAnswered():
                self.answer, self.asked = event, None
            case _:
                return False
        return True

    def refused(self) -> None:
        """What was asked cannot be answered: why, the status line says."""
        self.asked = None

    def reveal(self) -> bool:
        """One word more of what the network writes; False: all of it is there."""
        if self._revealed is None or self.example is None or self.example.index != self.index:
            return False
        self._revealed += 1
        if self._revealed >= len(self.example.written):
            self._revealed = None
        return True

    # --------------------------------------------------------------------------------------------------------- view

    def view(self) -> ExampleView:
        event = self.example
        if event is None:
            return ExampleView(empty=self._session.unavailable.get("sample", EMPTY))

        def opened(packed: say.PackedArray | None) -> object:
            return None if packed is None else packed.array()

        arrays = {
            name: opened(getattr(event, name))
            for name in ("probabilities", "frames", "predicted_frames", "series", "predicted", "forecast")
        }
        return ExampleView(
            index=event.index,
            title=event.title,
            step=event.step,
            inputs=event.inputs,
            targets=event.targets,
            predictions=event.predictions,
            chances=event.chances,
            right=event.right,
            rows=event.rows,
            source=event.source,
            outputs=event.outputs,
            written=tuple((said.symbol, said.probability) for said in event.written),
            wanted=event.wanted,
            revealed=self._revealed,
            answer=self._answer(),
            top=self.top,
            question=self.question,
            samples=self.samples,
            **arrays,  # type: ignore[arg-type]
        )

    def _answer(self) -> AnswerView | None:
        if self.asked is not None:
            return AnswerView(self.asked, waiting=True)
        if self.answer is None:
            return None
        said = tuple((said.symbol, said.probability) for said in self.answer.said)
        series = None if self.answer.series is None else self.answer.series.array()
        before = None if self.answer.before is None else self.answer.before.array()
        return AnswerView(self.answer.prompt, said, series, before=before)
