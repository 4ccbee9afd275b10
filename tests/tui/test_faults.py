"""Faults of the places: each of these ended the program, lost what was typed, or showed a wrong thing."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from made_up_play import Recorder, seen, status
from person import Person as PersonAtKeys
from scripted_trainer import ScriptedTrainer
from textual import events

from rnnplay import client
from rnnplay import protocol as say
from rnnplay.catalogue import make_config
from rnnplay.config import UserError
from rnnplay.tui.app import CommandMenu, Playground
from rnnplay.tui.current_trainer import LOG_NAME
from rnnplay.tui.error_log import log_errors_to
from rnnplay.tui.places.cells.screen import CellsPlace
from rnnplay.tui.places.play.screen import PlayPlace
from rnnplay.tui.places.sample.screen import SamplePlace
from rnnplay.tui.places.unroll.screen import UnrollPlace
from rnnplay.tui.state.drafts import RunDrafts
from rnnplay.tui.state.sample import FREE, PLAY
from rnnplay.tui.widgets.byte_budget import RATE, ByteBudget


class Person(PersonAtKeys):
    """A person at a playground whose trainer answers at once."""

    async def burst(self, *keys: str) -> None:
        """Keys that come in one read: all of them are posted before the first is handled."""
        for key in keys:
            character = key if len(key) == 1 else {"enter": "\r", "space": " ", "slash": "/"}.get(key)
            self.app.post_message(events.Key(key, character))
        await self.pilot.pause()

    async def until(self, *words: str) -> str:
        """Wait until all of `words` are on the screen."""
        for _ in range(400):
            text = seen(self.app)
            if all(word in text for word in words):
                return text
            await self.pilot.pause(0.02)
        raise AssertionError(f"{words} never came:\n{seen(self.app)}")

    async def stop(self) -> None:
        """The run stops, and its trainer ends."""
        trainer = self.trainer
        trainer.tell(say.Stopped(run="/nowhere/run-1", step=120, reason="stopped"))
        trainer.queue.put_nowait(None)
        await self.until("Stopped and saved")


@pytest.fixture
async def person(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Person]:
    for name, value in {"TERM": "xterm-256color", "COLORTERM": "truecolor"}.items():
        monkeypatch.setenv(name, value)
    trainers: list[Recorder] = []

    async def start(opening: say.Command) -> Recorder:
        trainers.append(ScriptedTrainer(opening))
        return trainers[-1]

    monkeypatch.setattr(client.TrainerClient, "start", start)
    app = Playground(RunDrafts("prose"))
    async with app.run_test(size=(120, 40)) as pilot:
        person = Person(pilot, trainers)
        app.drafts.adopt(make_config("prose", cell="lstm", hidden=6, layers=2, seq_len=64, batch=32))
        await person.press("enter")
        await person.until("layer 1 unit 1", "The lamp was")
        yield person
        await app.session.close()


# ------------------------------------------------------------------------------------------------------------- Sample


@pytest.mark.parametrize("typed", [("backspace",), (*"1e999",)])
async def test_a_value_that_makes_no_sense_ends_nothing(person: Person, typed: tuple[str, ...]) -> None:
    await person.press("4", "f", "e", *typed, "down")
    assert isinstance(person.screen, SamplePlace)
    assert person.app.session.sample.settings.temperature == 0.8
    await person.press("escape", "escape")
    assert person.app.session.sample.settings.temperature == 0.8


@pytest.mark.parametrize(
    ("name", "value"), [("temperature", float("inf")), ("temperature", -1.0), ("seed", 2.5), ("top_p", 5.0),
                        ("temperature", None), ("length", 0), ("clamp", float("nan"))]
)  # fmt: skip
async def test_a_sample_s_setting_is_refused_in_words_of_the_screen(person: Person, name: str, value: Any) -> None:
    await person.press("4", "f", "k")
    before = person.app.session.sample.settings
    commands = len(person.trainers[-1].sent)
    with pytest.raises(UserError) as caught:
        person.app.session.sample.change(name, value)
    assert caught.value.remedy.startswith("Give a")
    assert person.app.session.sample.settings == before
    assert len(person.trainers[-1].sent) == commands


async def test_left_while_a_value_is_typed_moves_the_cursor_and_keeps_the_text(person: Person) -> None:
    await person.press("4", "f", "e", *"15", "left", "full_stop", "enter")
    assert person.app.session.sample.settings.temperature == 1.5


async def test_digits_after_p_go_into_the_prompt(person: Person) -> None:
    await person.press("4", "f", "e", "down", "p", *"12")
    assert person.screen.prompt.input.value == "12"
    await person.press("enter")
    assert person.app.session.sample.settings.prompt == "12"
    assert person.app.session.sample.settings.top_k == 0


async def test_the_sample_of_a_stopped_run_writes_once_it_is_loaded(person: Person) -> None:
    await person.stop()
    await person.press("4", "f")
    assert person.trainers[-1].sent[0] == say.Inspect(run="/nowhere/run-1")
    await person.until("characters, 24 in a row copied")
    assert [command.channel for command in person.asked(say.Sample) if command.channel != PLAY] == [FREE]


async def test_help_is_no_leaving(person: Person) -> None:
    await person.press("4", "f")
    await person.until("characters, 24 in a row copied")
    begun = len(person.asked(say.Sample))
    await person.press("question_mark", "escape")
    assert len(person.asked(say.Sample)) == begun
    assert not person.app.session.sample.is_paused
    await person.press("escape", "3", "f", "slash", *"quotes", "tab", "enter")
    await person.until("rolled")
    await person.press("left_square_bracket")
    await person.until("History", "step 120 .97")
    await person.press("left_square_bracket")
    step = person.app.session.selection.checkpoint
    assert step is not None
    await person.press("question_mark", "escape")
    assert person.app.session.selection.checkpoint == step
    await person.press("escape")
    assert person.app.session.selection.checkpoint is None


async def test_a_click_on_the_form_of_sample_edits_it(person: Person) -> None:
    await person.press("4", "f")
    await person.pilot.click("#drawing", offset=(4, 2))
    await person.pilot.pause()
    assert person.screen.editing
    assert person.screen.editor.field.name == "top_k"


async def test_a_long_text_s_count_never_falls(person: Person) -> None:
    text = person.app.session.sample.texts[PLAY]
    for n in range(60):
        text.add(say.Sampled(text=("a",) * 500, probabilities=(0.5,) * 500, is_first=n == 0))
        assert text.length == 500 * (n + 1)


# -------------------------------------------------------------------------------------------------------- Cells, Play


async def test_a_feature_in_one_burst_is_typed_and_nothing_quits(person: Person) -> None:
    await person.burst("3", "f", "slash", *"inside", "space", *"quotes", "enter")
    await person.until("rolled")
    assert isinstance(person.screen, CellsPlace)
    assert [command.pattern for command in person.asked(say.FindUnits)] == ["inside quotes"]
    await person.burst("slash", *"quotes?/q", "enter", "v")
    assert person.asked(say.FindUnits)[-1].pattern == "quotes?/q"
    assert person.screen.as_strip


async def test_an_empty_find_line_takes_the_suggestion_that_it_shows(person: Person) -> None:
    await person.press("slash")
    assert "inside quotes" in seen(person.app)
    await person.press("enter")
    assert [command.pattern for command in person.asked(say.FindUnits)] == ["inside quotes"]


async def test_the_unit_is_the_same_in_play_cells_and_sample_both_ways(person: Person) -> None:
    await person.press("3", "right", "right", "f")
    await person.until("layer 1 unit 3")
    await person.press("right", "k")
    assert isinstance(person.screen, SamplePlace)
    await person.until("unit 1.4: h held at +0.9")
    assert person.asked(say.Sample)[-1].clamps == ((0, 3, 0.9),)
    await person.press("escape", "escape")
    assert isinstance(person.screen, PlayPlace)
    await person.until("layer 1 unit 4")


async def test_a_new_find_withdraws_an_ablation(person: Person, monkeypatch: pytest.MonkeyPatch) -> None:
    await person.press("3", "f", "slash", "enter")
    await person.until("rolled")
    monkeypatch.setattr(person.trainers[-1], "answers", lambda command: [])
    await person.press("a")
    await person.until("ablating layer")
    request = person.trainers[-1].requests["AblateUnit", 0]
    monkeypatch.undo()
    await person.press("slash", *"column", "enter")
    assert person.asked(say.CancelQuestions)
    assert not person.app.session.cells.is_waiting(say.UnitAblated)
    late = say.UnitAblated(
        step=3,
        request=request, layer=0, unit=0, pattern="inside quotes", clamp_to="zero", inside=0.5, outside=0.1,
        others_inside=(0.1,), fraction_beaten=1.0, characters=100, sentence="too late",
    )  # fmt: skip
    person.app.session.handle_event(late)
    assert person.app.session.cells.ablated is None


async def test_the_wheel_over_a_list_goes_through_the_list(person: Person) -> None:
    await person.press("3", "f", "slash", "enter")
    await person.until("rolled")
    place = person.screen
    cursor, unit = person.app.session.selection.cursor, place.find_panel.view.cursor
    place.find_panel.post_message(place.find_panel.ScrollRequested(place.find_panel, 3))
    await person.pilot.pause()
    assert person.app.session.selection.cursor == cursor
    assert place.find_panel.view.cursor != unit


async def test_advice_that_is_over_leaves_the_screen(person: Person) -> None:
    await person.press("5")
    await person.until("learning rate too high")
    person.app.session.handle_event(say.Health(step=130))
    await person.pilot.pause(0.6)
    assert "learning rate too high" not in seen(person.app)


async def test_a_panel_that_cannot_be_painted_is_told_and_the_program_goes_on(
    person: Person, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    log_errors_to(tmp_path / "runs")
    assert not (tmp_path / "runs").exists()

    def broken(*_: object) -> None:
        raise RuntimeError("no such colour")

    monkeypatch.setattr(person.screen.heatmap, "_paint", broken)
    await person.press("right")
    await person.until("“cells” could not be painted: no such colour.")
    assert "RuntimeError: no such colour" in (tmp_path / "runs" / LOG_NAME).read_text()
    monkeypatch.undo()
    await person.press("right")
    await person.until("layer 1 unit 3")
    person.trainers[-1].tell(status(step=121))
    await person.until("step 121")


# ------------------------------------------------------------------------------------------------------------- Unroll


async def test_a_wrong_weight_keeps_the_line_open(person: Person) -> None:
    await person.press("5")
    await person.until("target")
    await person.press("w", "x", "enter")
    assert person.screen.is_typing
    assert "Give" in seen(person.app)
    await person.press("escape")
    assert not person.screen.is_typing
    assert isinstance(person.screen, UnrollPlace)


async def test_a_value_in_one_burst_is_set(person: Person) -> None:
    await person.press("5")
    await person.until("target")
    await person.burst("v", *"0.5", "enter", "right")
    edit = person.asked(say.Unroll)[-1].edits[-1]
    assert isinstance(edit, say.SetHidden)
    assert edit.value == 0.5
    assert person.screen.view.time == 1


# ---------------------------------------------------------------------------------------------------------- the others


async def test_keys_mean_one_thing_everywhere(person: Person) -> None:
    for key in ("3", "4", "5", "6"):
        await person.press(key, *(("f",) if key in "34" else ()))
        count = len(person.asked(say.Pause)) + len(person.asked(say.Continue))
        await person.press("space")
        assert len(person.asked(say.Pause)) + len(person.asked(say.Continue)) == count + 1, type(person.screen)
        runs = len(person.trainers)
        await person.press("n")
        await person.until("training")
        assert len(person.trainers) == runs + 1, type(person.screen)
        stops = len(person.asked(say.Stop))
        await person.press("x")
        assert len(person.asked(say.Stop)) == stops + 1, type(person.screen)
        await person.press("r")  # nothing to go on with while it runs
        assert len(person.trainers) == runs + 1
        await person.press("escape")


def test_a_large_repaint_delays_the_next_one_by_two_seconds_at_most(monkeypatch: pytest.MonkeyPatch) -> None:
    now = 100.0
    monkeypatch.setattr("rnnplay.tui.widgets.byte_budget.monotonic", lambda: now)
    budget = ByteBudget()
    budget.spend(50 * RATE)
    assert not budget.has_room()
    now += 2.1
    assert budget.has_room()


async def test_the_command_palette_closes_once_however_much_comes_at_once(person: Person) -> None:
    await person.press("5")
    place = person.app.screen
    assert isinstance(place, UnrollPlace)
    await person.press("ctrl+p")
    menu = person.app.screen
    assert isinstance(menu, CommandMenu)
    menu.dismiss()  # escape, and a click on the background in the same read
    menu.dismiss()
    await person.pilot.pause()
    assert person.app.screen is place
