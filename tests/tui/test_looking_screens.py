"""Unroll and Time by their keys, with a real trainer behind them."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import numpy as np
import pytest
from made_up_play import seen
from textual.pilot import Pilot

from rnnplay import protocol as say
from rnnplay.tui.app import Playground
from rnnplay.tui.places.help import Help
from rnnplay.tui.places.play.screen import PlayPlace
from rnnplay.tui.places.sample.screen import SamplePlace
from rnnplay.tui.places.time.screen import TimePlace
from rnnplay.tui.places.unroll.screen import UnrollPlace
from rnnplay.tui.state.drafts import RunDrafts

PATIENCE = 60.0  # seconds


@pytest.fixture(autouse=True)
def _environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in ("NO_COLOR", "TEXTUAL_THEME", "COLORFGBG"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.setenv("COLORTERM", "truecolor")
    monkeypatch.setenv("RNNPLAY_HOME", str(tmp_path))


class Person:
    """A pilot with words for what a person does and sees."""

    def __init__(self, pilot: Pilot[None]) -> None:
        self.pilot = pilot
        assert isinstance(pilot.app, Playground)
        self.app: Playground = pilot.app

    async def press(self, *keys: str) -> None:
        await self.pilot.press(*keys)
        await self.pilot.pause()

    def sees(self) -> str:
        return seen(self.pilot.app)

    async def until(self, *words: str) -> str:
        """Wait until all of `words` are on the screen."""
        for _ in range(int(PATIENCE / 0.01)):
            if all(word in self.sees() for word in words):
                return self.sees()
            await asyncio.sleep(0.01)
        raise AssertionError(f"{words} never came:\n{self.sees()}")

    async def until_true(self, condition: Callable[[], bool]) -> None:
        for _ in range(int(PATIENCE / 0.02)):
            if condition():
                return
            await asyncio.sleep(0.02)
        raise AssertionError(f"it never came:\n{self.sees()}")

    @property
    def unroll(self) -> UnrollPlace:
        assert isinstance(self.app.screen, UnrollPlace)
        return self.app.screen

    @property
    def time(self) -> TimePlace:
        assert isinstance(self.app.screen, TimePlace)
        return self.app.screen


@asynccontextmanager
async def playing(task: str = "hello", size: tuple[int, int] = (120, 40), **choices: object) -> AsyncIterator[Person]:
    """The playground on a task that has finished."""
    app = Playground(RunDrafts(task, dict(choices)), os.environ["RNNPLAY_HOME"], True)
    async with app.run_test(size=size) as pilot:
        person = Person(pilot)
        await person.until("finished")
        yield person
        await app.session.close()


async def test_unroll_shows_the_example_and_the_arrows_walk_through_it() -> None:
    async with playing() as person:
        await person.press("5")
        seen = await person.until("5 Unroll", "target", "loss (nats)")
        inputs = next(line.split() for line in seen.splitlines() if " input " in line)
        assert inputs[1:-1] == ["input", "h", "e", "l", "l"]
        assert "p target %" in seen and "second l" in seen
        view = person.unroll.view
        assert (view.time, view.row, view.columns, view.rows) == (0, 1, 4, 9)
        await person.press("right", "right", "down")
        assert (person.unroll.view.time, person.unroll.view.row) == (2, 2)
        await person.press("end", "right", "up", "up", "up")
        assert (person.unroll.view.time, person.unroll.view.row) == (3, 0)


async def test_enter_opens_a_time_step_with_its_equations_both_ways() -> None:
    async with playing(cell="lstm") as person:
        await person.press("5")
        await person.until("target")
        await person.press("right", "enter")
        seen = person.sees()
        assert "time step 2 of 4 · layer 1 · unit 1 · input 'e'" in seen
        assert "f = σ(W_xf x + W_hf h + b_f)" in seen
        for words in ("c = f·c' + i·g =", "h = o·tanh(c) =", "dL/dy =", "from the future", "dW_xf[1,2]", "backward"):
            assert words in seen
        await person.press("escape")
        assert "backward" not in person.sees() and isinstance(person.app.screen, UnrollPlace)
        await person.press("escape")
        assert isinstance(person.app.screen, PlayPlace)


async def test_a_poked_value_changes_what_follows_and_undo_brings_it_back() -> None:
    async with playing() as person:
        await person.press("5")
        await person.until("target")
        before = person.unroll.view.parts[0].layers[0].h
        await person.press("right", "v")
        assert "h 1.1 at time step 2 (now" in person.sees()
        await person.press("x", "backspace", "minus", "0", "full_stop", "5", "enter")
        await person.until("h 1.1 at 2 = -0.5", "before")
        after = person.unroll.view.parts[0].layers[0].h
        assert after[2, 0] == -0.5
        assert (after[:2] == before[:2]).all() and (after[3:] != before[3:]).any()
        await person.press("minus")
        await person.until("h 1.1 at 2 = -0.6")
        await person.press("u")
        await person.until_true(lambda: not person.unroll.view.changed)
        assert (person.unroll.view.parts[0].layers[0].h == before).all()


async def test_an_input_and_a_weight_can_be_set_and_nonsense_is_refused_in_words() -> None:
    async with playing() as person:
        await person.press("5")
        await person.until("target")
        await person.press("up", "v", "o", "enter")
        await person.until("input 1 = 'o'")
        await person.press("v", "z", "enter")
        await person.until("The network does not know 'z'.")
        assert len(person.unroll.edits) == 1
        await person.press("down", "w")
        assert "weight: layer 1 W_hh[1,1] = ▏" in person.sees()
        await person.press("2", "enter")
        await person.until("layer 1 W_hh[1,1] = 2")
        await person.press("w", "ctrl+u", *"l0", "full_stop", "W", "underscore", *"hh", "left_square_bracket", "1")
        await person.press("comma", "2", "right_square_bracket", "equals_sign", "3", "enter")
        await person.until("layer 1 W_hh[1,2] = 3")
        assert [edit.name for edit in person.unroll.edits[-2:]] == ["l0.W_hh", "l0.W_hh"]
        await person.press("w", "ctrl+u", *"xh", "left_square_bracket", "1", "comma", "1", "right_square_bracket")
        await person.press("equals_sign", "1", "enter")
        await person.until("There is no parameter xh.", "layer 1 W_xh")
        await person.press("w", "x", "enter")
        await person.until("is not a number")
        await person.press("v", "escape")
        assert not person.unroll.is_typing and isinstance(person.app.screen, UnrollPlace)


async def test_a_plain_rnn_is_offered_no_gates_and_says_so_when_asked() -> None:
    async with playing() as person:
        await person.press("5")
        await person.until("target")
        assert all("gates" not in hint.label for hint in person.unroll.key_hints())
        await person.press("g")
        await person.until("This cell has no gates: its hidden state h is all that it has.")
    async with playing(cell="gru") as person:
        await person.press("5")
        await person.until("target")
        assert "h, gates" in [hint.label for hint in person.unroll.key_hints()]
        await person.press("g")
        await person.until_true(lambda: person.unroll.view.state == "r")


async def test_one_update_shows_every_targets_probability_before_and_after() -> None:
    async with playing(steps=3) as person:
        await person.press("5")
        await person.until("target")
        await person.press("a")
        seen = await person.until("one update, rate 0.1: the targets' mean probability goes from", "before")
        part = person.unroll.view.parts[0]
        assert sum(p or 0 for p in part.target_probabilities) > sum(p or 0 for p in part.previous_probabilities)
        assert "↑" in seen
        assert person.app.session.step == 3


async def test_play_reveals_one_time_step_after_the_other(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("rnnplay.tui.places.unroll.screen.FRAME_SECONDS", 0.15)
    async with playing() as person:
        await person.press("5")
        await person.until("target")
        await person.press("end", "p")
        assert person.unroll.view.playing and person.unroll.view.time <= 1
        hidden = next(line for line in person.sees().splitlines() if "h 1 " in line)
        assert hidden.count(".") < 4
        for _ in range(200):
            if not person.unroll.view.playing:
                break
            await asyncio.sleep(0.05)
        assert person.unroll.view.time == 3 and not person.unroll.view.playing


async def test_unroll_fits_80x24_rolls_up_and_explains_itself() -> None:
    async with playing(size=(80, 24)) as person:
        await person.press("5")
        await person.until("target", "loss (nats)")
        await person.press("z")
        assert "W_hh" in person.sees() and "layer 1 h, 8 of 8 units" in person.sees()
        await person.press("z", "enter")
        assert "dL/dh =" in person.sees()
        await person.press("question_mark")
        assert isinstance(person.app.screen, Help)
        assert "Poke: set a weight" in person.sees()


async def test_time_shows_the_gradient_by_lag_beside_fresh_networks() -> None:
    async with playing("alternate") as person:
        await person.press("6")
        seen = await person.until("horizon", "6 GRU, fresh", "w^2 1", "No single input matters to")
        for name in ("1 RNN tanh, this", "2 RNN tanh, fresh", "3 RNN ReLU", "4 RNN sigmoid", "5 LSTM"):
            assert name in seen
        this = person.time.gradient_panel.view.networks[0]
        left = float(this.norms[1] / this.norms[0])  # the task's dependency is one time step
        words = " ".join(seen.replace("│", " ").split())
        if left < 0.01:
            assert f"RNN tanh: the gradient vanishes: {left * 100:.2g} % of it is left at lag 1" in words
        else:
            assert f"RNN tanh: the gradient reaches lag 1, the task's longest dependency: {left * 100:.2g} %" in words
        assert f"ρ of W_hh {this.radius:.2f}, but tanh shrinks it to {left:.2f} a step (measured)." in words
        assert "hardly learned" not in words  # the task is solved
        await person.press(*["up"] * 20)
        assert "w 3 " in person.sees() and "it explodes" in person.sees() and "w^2 9" in person.sees()
        await person.press(*["down"] * 25)
        assert "w 0.5 " in person.sees() and "it vanishes" in person.sees()
        await person.press("c", "c")
        await person.until("beside it nothing")
        for _ in range(100):
            if len(person.time.gradient_panel.view.networks) == 1:
                break
            await asyncio.sleep(0.05)
        assert len(person.time.gradient_panel.view.networks) == 1


async def test_time_sets_a_trained_run_of_another_cell_beside_this_one() -> None:
    async with playing("alternate", cell="lstm", steps=30) as person:
        await person.app.session.close()
    async with playing("alternate", steps=30) as person:
        await person.press("6")
        await person.until("6 GRU, fresh")
        await person.press("c")
        await person.until("2 LSTM  ")
        assert [n.trained for n in person.time.gradient_panel.view.networks] == [True, True]


async def test_which_past_mattered_follows_the_arrows_in_80x24() -> None:
    async with playing(size=(80, 24)) as person:
        await person.press("6")
        await person.until("horizon")
        await person.press("tab", "tab")
        await person.until("Next 'o' ")
        await person.press("left")
        await person.until("Next 'l'")
        view = person.time.influence_panel.view
        assert view.symbols == ("h", "e", "l") and len(view.swaps) == 2 and view.present is not None
        assert view.present.symbol == "l" and max(swap.effect for swap in view.swaps) == view.swaps[0].effect
        await person.until(f"{view.swaps[0].effect:.2f} nats")
        await person.press("down", "enter")
        swap = view.swaps[1]
        await person.until(f"{swap.symbol!r} swapped for {swap.other!r}: 'l' ")
        await person.press("v")
        await person.until("was moved most by the input")
        assert not person.time.influence_panel.view.swaps
        await person.press("v")
        await person.until("hangs most on")
        await person.press("1")
        assert isinstance(person.app.screen, PlayPlace)


async def test_of_two_classes_both_stand_there_with_their_probabilities() -> None:
    async with playing("addition", steps=40) as person:
        await person.press("6")
        seen = await person.until("was moved most by")
        event = person.time.influence_panel.view
        assert {event.predicted, event.other} == {"0", "1"}
        assert event.probability >= 0.5 and event.probability + event.other_probability == pytest.approx(1)
        first, second = (f"{100 * p:.0f} %" for p in (event.probability, event.other_probability))
        assert f"Next {event.predicted!r} {first}, {event.other!r} {second}:" in " ".join(seen.split())


async def test_the_bars_of_what_is_drawn_move_with_the_temperature_and_at_zero_all_goes_to_one() -> None:
    async with playing("hello", steps=5) as person:
        await person.press("v", "4", "f")
        await person.until("Sample", "temperature 0.8")
        await person.press("w", "left")
        await person.until("as drawn")
        screen = person.app.screen
        assert isinstance(screen, SamplePlace)

        def agrees(temperature: float) -> bool:
            """Whether each candidate's second row has the per cent that temperature makes of the network's p."""
            view, text = screen.free_panel.view, person.sees()
            p = np.array([chance for _, chance in view.choices])
            if len(p) != 4 or (f"temperature {temperature:g}" not in text and temperature):
                return False
            expected = p ** (1 / temperature) / (p ** (1 / temperature)).sum() if temperature else p == p.max()
            rows = [line for line in text.splitlines() if "as drawn" in line or " %" in line]
            shown = [int(row.split(" %")[0].split()[-1]) for row in rows if " %" in row]
            return shown[1:8:2] == [round(100 * float(q)) for q in expected]

        await person.until_true(lambda: agrees(0.8))
        await person.press("minus")
        await person.until_true(lambda: agrees(0.7))
        await person.press("plus", "plus")
        await person.until_true(lambda: agrees(0.9))
        await person.press("g")
        await person.until_true(lambda: agrees(0.0))
        assert "cut: temperature 0" in person.sees()


async def test_health_stands_in_words_on_play_and_on_unroll() -> None:
    async with playing(lr=2.0) as person:
        await person.until("Learning rate too high: The first updates overshot")
        await person.press("5")
        await person.until("learning rate too high: The first updates overshot", "target")


async def test_without_a_network_unroll_says_what_to_do() -> None:
    app = Playground(RunDrafts("hello", {}), os.environ["RNNPLAY_HOME"], False)
    async with app.run_test(size=(80, 24)) as pilot:
        person = Person(pilot)
        await person.press("5")
        assert "There is no network to look at yet." in person.sees()
        await person.press("a", "enter", "p", "v", "right")
        assert isinstance(person.app.screen, UnrollPlace)
        await person.press("6")
        assert isinstance(person.app.screen, TimePlace)


async def test_a_key_on_unroll_asks_the_trainer_nothing_to_walk(monkeypatch: pytest.MonkeyPatch) -> None:
    async with playing() as person:
        await person.press("5")
        await person.until("target")
        asked: list[say.Command] = []
        monkeypatch.setattr(person.app.session, "send", asked.append)
        await person.press("right", "down", "enter", "g", "z", "left", "escape")
        assert asked == []


async def test_another_run_starts_unroll_afresh() -> None:
    async with playing() as person:
        await person.press("5")
        await person.until("target")
        await person.press("a")
        await person.until("one update")
        before = person.app.session.run
        await person.press("escape", "n")
        for _ in range(int(PATIENCE / 0.05)):
            if person.app.session.run not in (before, None) and person.app.session.state == "finished":
                break
            await asyncio.sleep(0.05)
        await person.press("5")
        await person.until("target")
        assert person.unroll.edits == [] and person.unroll.view.changed == ()
