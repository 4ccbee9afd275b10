"""Starting, stopping, visiting the gallery and going from place to place, at random: nothing of another run is painted.

More of it, by hand: `SWITCHES=5000 SEED=7 python -m pytest tests/tui/test_switching.py`.
"""

from __future__ import annotations

import asyncio
import os
import random
import re
from typing import Any

import msgspec
import pytest
from made_up_play import seen
from scripted_trainer import ScriptedTrainer
from textual.pilot import Pilot

from rnnplay import client
from rnnplay import protocol as say
from rnnplay.tui.app import Playground
from rnnplay.tui.places.base import Place
from rnnplay.tui.state.drafts import RunDrafts
from rnnplay.tui.widgets.base import StripWidget

SWITCHES = int(os.environ.get("SWITCHES", "200"))
SEED = int(os.environ.get("SEED", "1"))
KEYS = "enter n x r space G G 1 3 4 5 6 f escape down up right s a k w".split()
MARK = re.compile(r"<(\d+)>")


class MarkedTrainer(ScriptedTrainer):
    """Its texts say which trainer sent them; what it sends takes a random while."""

    alive: list[MarkedTrainer] = []
    most_alive = 0
    dice = random.Random(SEED)

    def __init__(self, opening: say.Command, number: int) -> None:
        self.number = number
        super().__init__(opening)
        self.alive.append(self)
        MarkedTrainer.most_alive = max(MarkedTrainer.most_alive, len(self.alive))

    def started(self) -> say.Started:
        return msgspec.structs.replace(super().started(), run=f"/nowhere/run-{self.number}")

    def answers(self, command: Any) -> list[say.Event]:
        mark = f"<{self.number}>"
        if isinstance(command, say.Stop):
            return [say.Stopped(run=f"/nowhere/run-{self.number}", step=120, reason="stopped")]
        marked: list[say.Event] = []
        for event in super().answers(command):
            match event:
                case say.Trace():
                    n = len(event.symbols)
                    event = msgspec.structs.replace(event, symbols=tuple((mark * n)[:n]))
                case say.Sampled(is_first=True):
                    event = msgspec.structs.replace(event, text=tuple(mark), probabilities=(0.5,) * len(mark))
                case say.UnitsFound() | say.GradientByLagComputed() | say.InfluenceComputed() | say.SwapsComputed():
                    event = msgspec.structs.replace(event, sentence=f"It is {mark}.")
                case say.Unrolled():
                    event = msgspec.structs.replace(event, title=mark)
                case _:
                    pass
            marked.append(event)
        return marked

    def tell(self, *events: say.AnyEvent) -> None:
        asyncio.get_running_loop().call_later(self.dice.random() * 0.02, super().tell, *events)

    async def close(self) -> None:
        await asyncio.sleep(self.dice.random() * 0.03)
        self.alive.remove(self)
        await super().close()


def strangers(app: Playground) -> list[str]:
    """What is painted that belongs to another run than the session's."""
    session, place = app.session, app.screen
    assert isinstance(place, Place)
    own = trainer.number if isinstance(trainer := session._trainer.client, MarkedTrainer) else None
    last = int(session.run.rsplit("-", 1)[-1]) if session.run and "run-" in session.run else None
    found = [f"<{n}> under <{own}>" for n in MARK.findall(seen(app)) if int(n) not in (own, last)]
    for widget in place.query("*"):
        generation = getattr(widget.view, "generation", 0) if isinstance(widget, StripWidget) else 0
        if generation not in (0, session.generation):
            found.append(f"{widget.id} is of generation {generation}, not {session.generation}")
    return found


async def settle(pilot: Pilot[None]) -> None:
    await asyncio.sleep(MarkedTrainer.dice.random() * 0.04)
    await pilot.pause()


@pytest.mark.parametrize("seed", range(SEED, SEED + 2))
async def test_nothing_of_another_run_is_ever_painted(seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {"TERM": "xterm-256color", "COLORTERM": "truecolor"}.items():
        monkeypatch.setenv(name, value)
    dice = MarkedTrainer.dice = random.Random(seed)
    MarkedTrainer.alive, MarkedTrainer.most_alive = [], 0
    number = 0

    async def start(opening: say.Command) -> MarkedTrainer:
        nonlocal number
        await asyncio.sleep(dice.random() * 0.03)
        number += 1
        return MarkedTrainer(opening, number)

    monkeypatch.setattr(client.TrainerClient, "start", start)
    app = Playground(RunDrafts("hello"))
    generations = set()
    pressed: list[str] = []
    async with app.run_test(size=(120, 40)) as pilot:
        await pilot.pause()
        while len(generations) < SWITCHES // 2:
            keys = dice.choices(KEYS, k=dice.randint(1, 4))
            pressed += keys
            await pilot.press(*keys)
            await settle(pilot)
            generations.add(app.session.generation)
            assert strangers(app) == [], pressed[-12:]
            assert "could not be" not in seen(app), pressed[-12:]
        await app.session.close()
    assert MarkedTrainer.alive == []
    assert MarkedTrainer.most_alive <= 2  # one, and one that is closing


async def test_a_key_held_down_starts_one_trainer_and_no_more(monkeypatch: pytest.MonkeyPatch) -> None:
    MarkedTrainer.alive, MarkedTrainer.most_alive = [], 0
    begun = 0

    async def start(opening: say.Command) -> MarkedTrainer:
        nonlocal begun
        begun += 1
        await asyncio.sleep(0.3)
        return MarkedTrainer(opening, begun)

    monkeypatch.setattr(client.TrainerClient, "start", start)
    app = Playground(RunDrafts("prose"))
    async with app.run_test(size=(120, 40)) as pilot:
        await pilot.press(*["n"] * 31)
        await pilot.pause()
        assert begun == 1
        await app.session.close()
    assert MarkedTrainer.alive == []
