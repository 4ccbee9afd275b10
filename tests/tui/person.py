"""A person at a playground: presses keys, sees text; recorders stand where the trainers' clients would."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from made_up_play import Recorder, config, facts, row, sampled, seen, started, status, trace
from msgspec.structs import replace
from textual.pilot import Pilot
from waiting import settled

from rnnplay import protocol as say
from rnnplay.tui.app import Playground
from rnnplay.tui.places.play.screen import PlayPlace
from rnnplay.tui.state.drafts import RunDrafts

WIDE, NARROW = (120, 40), (80, 24)


class Person:
    """A pilot with words for what a person does and sees, and the trainers that hear it, in order."""

    def __init__(self, pilot: Pilot[None], trainers: list[Recorder]) -> None:
        assert isinstance(pilot.app, Playground)
        self.pilot, self.app, self.trainers = pilot, pilot.app, trainers

    @property
    def play(self) -> PlayPlace:
        screen = self.app.screen_stack[0]
        assert isinstance(screen, PlayPlace)
        return screen

    @property
    def screen(self) -> Any:
        return self.app.screen

    @property
    def trainer(self) -> Recorder:
        return self.trainers[-1]

    @property
    def chosen(self) -> tuple[int, int]:
        """The layer and the unit that are shown, from 0."""
        return self.app.session.selection.layer, self.app.session.selection.unit

    async def press(self, *keys: str) -> None:
        await self.pilot.press(*keys)
        await self.pilot.pause()

    async def type(self, text: str) -> None:
        names = {" ": "space", '"': "quotation_mark", "[": "left_square_bracket", "^": "circumflex_accent"}
        await self.press(*(names.get(symbol, symbol) for symbol in text))

    async def tell(self, *events: say.AnyEvent) -> None:
        """The trainer sends events, and the screen has had its ticks; what nobody asked for is asked for first."""
        cells = self.app.session.cells
        for event in events:
            if isinstance(event, say.UnitsFound) and not cells.is_waiting(say.UnitsFound):
                cells.find(event.pattern)
            if isinstance(event, say.GatesComputed) and not cells.is_waiting(say.GatesComputed):
                cells.ask_gates()
        await self.pilot.pause()
        self.trainer.tell(*events)
        await settled(self.app, self.trainers)

    async def running(self, *features: str) -> None:
        """Start a run that has done some steps; its text has `features`."""
        self.play.drafts.adopt(config())
        await self.press("enter")
        begun = replace(started(), facts=facts(features=features))
        self.trainer.tell(begun, status(), say.RowsCompleted(rows=tuple(row(n) for n in range(1, 80))))
        await self.tell(trace(), sampled("The lamp was ", is_first=True))

    def sees(self) -> str:
        return seen(self.app)

    def asked(self, kind: type[say.Command]) -> list[Any]:
        return self.trainer.commands(kind)


@asynccontextmanager
async def opened(trainers: list[Recorder], size: tuple[int, int], **options: Any) -> AsyncIterator[Person]:
    app = Playground(RunDrafts("prose"), **options)
    async with app.run_test(size=size) as pilot:
        await pilot.pause()
        yield Person(pilot, trainers)
