"""The Play screen by its keys and by mouse: a person presses, a stand-in for the trainer's client hears and answers."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from made_up_play import TEXT, Recorder, config, facts, row, sampled, seen, started, status, trace
from textual.command import CommandPalette
from textual.pilot import Pilot
from textual.widgets import OptionList
from waiting import settled, until

from rnnplay import client
from rnnplay import protocol as say
from rnnplay.catalogue import CATALOGUE, make_config
from rnnplay.gallery import GALLERY
from rnnplay.runs import load_record
from rnnplay.tui.app import Playground
from rnnplay.tui.places.help import Help
from rnnplay.tui.places.play.screen import PlayPlace
from rnnplay.tui.state.drafts import RunDrafts
from rnnplay.tui.widgets.base import StripWidget

WIDE, NARROW = (120, 40), (80, 24)


@pytest.fixture(autouse=True)
def _plain_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("NO_COLOR", "TEXTUAL_THEME", "COLORFGBG"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.setenv("COLORTERM", "truecolor")


@pytest.fixture
def trainers(monkeypatch: pytest.MonkeyPatch) -> list[Recorder]:
    """The trainers that were started, in order."""
    found: list[Recorder] = []

    async def start(opening: say.Command) -> Recorder:
        found.append(Recorder(opening))
        return found[-1]

    monkeypatch.setattr(client.TrainerClient, "start", start)
    return found


class Person:
    """A pilot with words for what a person does and sees."""

    def __init__(self, pilot: Pilot[None], trainers: list[Recorder]) -> None:
        self.pilot, self.trainers = pilot, trainers

    @property
    def play(self) -> PlayPlace:
        screen = self.pilot.app.screen_stack[0]
        assert isinstance(screen, PlayPlace)
        return screen

    async def press(self, *keys: str) -> None:
        await self.pilot.press(*keys)
        await self.pilot.pause()

    async def tell(self, *events: say.AnyEvent) -> None:
        """The trainer says something, and the screen has had its ticks."""
        self.trainers[-1].tell(*events)
        await settled(self.pilot.app, self.trainers)

    async def running(self) -> None:
        self.play.drafts.adopt(config())
        await self.press("enter")
        self.trainers[-1].tell(started(), status(), say.RowsCompleted(rows=tuple(row(n) for n in range(1, 80))))
        await self.tell(trace(), sampled("The lamp was ", is_first=True))

    def sees(self) -> str:
        return seen(self.pilot.app)


@pytest.fixture
async def person(trainers: list[Recorder], request: pytest.FixtureRequest) -> AsyncIterator[Person]:
    async with opened(trainers, getattr(request, "param", WIDE)) as person:
        yield person


@asynccontextmanager
async def opened(trainers: list[Recorder], size: tuple[int, int], **options: Any) -> AsyncIterator[Person]:
    app = Playground(RunDrafts("prose"), **options)
    async with app.run_test(size=size) as pilot:
        await pilot.pause()
        yield Person(pilot, trainers)


async def test_opening_shows_the_tasks_and_what_to_do_and_starts_nothing(person: Person) -> None:
    text = person.sees()
    assert "TEXT" in text
    assert "hidden      128" in text
    assert "Choose a task." in text
    assert person.trainers == []


async def test_enter_starts_the_chosen_task_with_its_preset(person: Person) -> None:
    await person.press("home", "enter")
    assert person.trainers[0].sent[0] == say.Train(config=make_config("alternate"), watched=True)
    assert "starting" in person.sees()


async def test_opening_with_start_trains_at_once(trainers: list[Recorder]) -> None:
    async with opened(trainers, WIDE, start=True, runs="/some/where"):
        assert trainers[0].sent[0] == say.Train(config=make_config("prose"), root="/some/where", watched=True)


async def test_comma_and_semicolon_slow_training_and_the_screen_says_so(person: Person) -> None:
    await person.running()
    assert "198k char/s" in person.sees() and "Slowed" not in person.sees()
    await person.press("comma", "comma")
    await person.tell(status(steps_per_second=10.0))
    assert "10 steps/s" in person.sees() and "char/s" not in person.sees()
    assert "Slowed to 10 steps/s, to be watched: the keys , and ; change it." in person.sees()
    await person.press("comma", "comma", "semicolon", "semicolon", "semicolon", "semicolon")
    speeds = [command.steps_per_second for command in person.trainers[0].commands(say.SetSpeed)]
    assert speeds == [100.0, 10.0, 1.0, 1.0, 10.0, 100.0, None, None]


@pytest.mark.parametrize("press", ["space", "comma", "r"])
async def test_no_key_but_enter_and_n_starts_a_run(person: Person, press: str) -> None:
    await person.press(press)
    assert person.trainers == []


async def test_a_run_that_did_no_step_leaves_nothing_on_the_screen(person: Person) -> None:
    await person.running()
    await person.tell(say.Stopped(run="", step=0, reason="stopped"))
    assert person.play.session.run is None and person.play.session.state == "idle"
    assert "Choose a task." in person.sees() and "The lamp was" not in person.sees()
    await person.press("n")
    assert len(person.trainers) == 2


async def test_a_network_of_the_gallery_shows_its_own_settings_until_ones_own_are_edited(person: Person) -> None:
    await person.press("G")
    piece = GALLERY[0]
    trained = load_record(piece.path).config
    await person.tell(say.Started(run=str(piece.path), config=trained, facts=facts(), step=piece.steps))
    assert "Gallery · prose" in person.sees() and f"batch       {trained.batch}" in person.sees()
    await person.press("e")
    assert "Your own · prose" in person.sees() and person.play.drafts.draft != trained
    await person.tell(status("inspecting", step=piece.steps))
    await person.press("escape", "space")
    assert "A network of the gallery is not trained on." in person.sees() and len(person.trainers) == 1


async def test_a_prompt_of_one_task_is_not_kept_for_another(person: Person) -> None:
    await person.running()
    sample = person.play.session.sample
    sample.settings = sample.settings.change("prompt", "Oh q")
    await person.press("n")
    assert sample.settings.prompt == "Oh q"  # of the same task
    person.play.drafts.pick("alternate")
    await person.press("n")
    assert sample.settings.prompt is None


async def test_what_the_trainer_tells_appears_in_every_panel(person: Person) -> None:
    await person.running()
    text = person.sees()
    for expected in (
        "training · step 120",
        "bigram 2.45",
        "clip 5",
        "layer 1 unit 1",
        "The lamp was",
        "41 %",
        "epoch 3.0",
    ):
        assert expected in text, expected
    assert len(person.trainers[0].commands(say.WatchTrace)) == len(person.trainers[0].commands(say.Sample)) == 1


async def test_space_pauses_and_goes_on_and_a_full_stop_does_one_step(person: Person) -> None:
    await person.running()
    await person.press("space")
    assert person.trainers[0].commands(say.Pause)
    await person.tell(status("paused"))
    assert "Paused at step 120." in person.sees()
    await person.press("full_stop", "o", "space")
    assert len(person.trainers[0].commands(say.DoOneStep)) == 2
    assert len(person.trainers[0].commands(say.Continue)) == 1


async def test_pausing_and_going_on_show_at_once_before_the_trainer_has_answered(person: Person) -> None:
    await person.running()
    await person.press("space")
    assert "pausing" in person.sees()
    await person.tell(status())  # it was on its way when the key was pressed
    assert "pausing" in person.sees()
    await person.tell(status("paused"))
    assert "Paused at step 120." in person.sees()
    await person.press("space")
    assert "training · step 120" in person.sees()


async def test_the_arrows_go_through_the_units_of_all_layers_without_asking_the_trainer(person: Person) -> None:
    await person.running()
    sent = len(person.trainers[0].sent)
    for layer, unit in [(1, 2), (1, 3), (1, 4), (1, 5), (1, 6), (2, 1)]:
        before = person.play.heatmap._strips
        await person.press("right")
        assert f"layer {layer} unit {unit}" in person.sees()
        assert person.play.heatmap._strips != before
    await person.press(*["left"] * 6, "left")
    assert "layer 2 unit 6" in person.sees()
    assert len(person.trainers[0].sent) == sent


async def test_the_text_scrolls_and_its_end_asks_for_the_next_piece(person: Person) -> None:
    await person.running()
    await person.press("3", "down")
    assert person.play.heatmap.view.first_row == 1
    await person.press("end")
    watched = person.trainers[0].commands(say.WatchTrace)
    assert len(watched) == 2
    assert watched[1].start >= 3_000
    await person.tell(trace(start=watched[1].start))
    await until(lambda: f"characters {watched[1].start + 1:,} to" in person.sees())  # the line has to be free for it
    assert person.play.heatmap.view.first_row > 0


async def test_a_click_on_a_character_tells_its_value(person: Person) -> None:
    await person.running()
    await person.pilot.click("#cells", offset=(3, 1))
    await person.pilot.pause()
    assert "“C” -0.76" in person.sees()
    await person.press("3", "escape")
    assert "“C”" not in person.sees()


async def test_lr_and_clip_change_while_it_trains(person: Person) -> None:
    await person.running()
    await person.press("e", *["down"] * 4, "right", "down", "left")
    changes = person.trainers[0].commands(say.ChangeSettings)
    assert [(change.lr, change.clip) for change in changes] == [(pytest.approx(5e-3), None), (None, 2.0)]
    assert "needs a new network" not in person.sees()
    assert "Adam 5e-3" in person.sees()


async def test_another_size_needs_a_new_network_and_enter_applies_it_but_does_not_start_it(person: Person) -> None:
    await person.running()
    await person.press("e", "down", *"48", "down")
    assert "hidden 6 → 48: needs a new network. n starts a run with it" in person.sees()
    await person.press("enter")
    assert len(person.trainers) == 1 and person.play.focused is person.play.task_panel
    assert "hidden 6 → 48: needs a new network. n starts a run with it" in person.sees()
    await person.press("n")
    assert len(person.trainers) == 2
    assert person.trainers[0].closed
    opening = person.trainers[1].sent[0]
    assert isinstance(opening, say.Train)
    assert opening.config.hidden == 48


async def test_escape_keeps_the_old_values(person: Person) -> None:
    await person.running()
    await person.press("e", "down", "right", "escape")
    assert "needs a new network" not in person.sees()
    assert person.play.drafts.draft.hidden == 6
    assert len(person.trainers) == 1


@pytest.mark.parametrize("typed", ["0", "99999"])
async def test_a_value_that_makes_no_sense_is_refused_in_the_status_line(person: Person, typed: str) -> None:
    await person.press("e", "down", *typed, "enter")
    assert "hidden is" in person.sees()
    assert "Give a number" in person.sees()
    assert person.trainers == []
    assert person.play.drafts.draft.hidden == 128


async def test_a_text_of_ones_own_is_asked_for_before_anything_starts(person: Person) -> None:
    await person.press("end", "enter")
    assert "Which text?" in person.sees()
    await person.press(*"/tmp/x", "enter")
    assert person.trainers == []
    await person.press("enter")
    opening = person.trainers[0].sent[0]
    assert isinstance(opening, say.Train)
    assert opening.config.text == "/tmp/x"


async def test_a_sample_is_drawn_anew_with_the_next_seed_and_with_what_was_edited(person: Person) -> None:
    await person.running()
    await person.press("s")
    await person.press("e", *["down"] * 5, *"Oh q", *["up"] * 5, *"0.5", "enter")
    samples = person.trainers[0].commands(say.Sample)
    assert [(s.seed, s.temperature, s.prompt) for s in samples] == [(1, 0.8, ""), (2, 0.8, ""), (2, 0.5, "Oh q")]
    await person.press("S")
    assert person.trainers[0].commands(say.StopSampling)


async def test_a_negative_temperature_is_refused(person: Person) -> None:
    await person.running()
    await person.press("4", "e", "0", "minus", "1", "enter")
    assert "is not a number" in person.sees() or "makes no sense" in person.sees()
    assert len(person.trainers[0].commands(say.Sample)) == 1


async def test_a_new_run_saves_the_old_one(person: Person) -> None:
    await person.running()
    await person.press("n")
    assert person.trainers[0].closed
    assert len(person.trainers) == 2


async def test_a_stopped_run_can_go_on_and_can_still_be_sampled(person: Person) -> None:
    await person.running()
    await person.press("x")
    assert person.trainers[0].commands(say.Stop)
    person.trainers[0].tell(say.Stopped(run="/nowhere/run-1", step=120, reason="stopped"))
    person.trainers[0].queue.put_nowait(None)
    await settled(person.pilot.app, person.trainers)
    assert "Stopped and saved at step 120." in person.sees()
    await person.press("s")
    assert person.trainers[1].sent[0] == say.Inspect(run="/nowhere/run-1")
    await person.tell(started(step=120), status("inspecting"), trace())
    assert person.trainers[1].commands(say.Sample)
    await person.press("r")
    assert person.trainers[1].closed
    assert person.trainers[2].sent[0] == say.Resume(run="/nowhere/run-1")


async def test_a_trainer_that_dies_is_told_and_r_goes_on(person: Person) -> None:
    await person.running()
    gone = say.Failed(problem="The trainer ended unexpectedly (signal SIGKILL).", remedy="Look at its log.", fatal=True)
    person.trainers[0].tell(gone)
    person.trainers[0].queue.put_nowait(None)
    await settled(person.pilot.app, person.trainers)
    assert "SIGKILL" in person.sees()
    assert "r goes on" in person.sees()
    await person.press("r")
    assert person.trainers[1].sent[0] == say.Resume(run="/nowhere/run-1")


async def test_a_finished_run_trains_on_for_as_long_again(person: Person) -> None:
    await person.running()
    await person.tell(status("finished", step=500))
    await person.press("r")
    assert person.trainers[1].sent[0] == say.Resume(run="/nowhere/run-1", more_steps=500)


async def test_a_run_that_is_stopped_shows_the_step_that_it_was_saved_at(person: Person) -> None:
    await person.running()
    await person.tell(status(step=8))
    await person.tell(say.Stopped(run="/nowhere/run-1", step=14, reason="stopped"))
    assert "stopped · step 14" in person.sees()


async def test_a_finished_run_that_is_stopped_is_still_finished(person: Person) -> None:
    await person.running()
    await person.tell(status("finished", step=500))
    await person.press("x")
    assert person.trainers[0].commands(say.Stop)
    person.trainers[0].tell(say.Stopped(run="/nowhere/run-1", step=500, reason="finished"))
    person.trainers[0].queue.put_nowait(None)
    await settled(person.pilot.app, person.trainers)
    assert "unexpectedly" not in person.sees()
    assert "Finished after 500 steps" in person.sees()


async def test_full_screen_shows_one_panel_and_more_of_it(person: Person) -> None:
    await person.running()
    await person.press("2", "f")
    text = person.sees()
    assert "parameters     4,321" in text
    assert "layer 1 unit 1" not in text
    await person.press("escape")
    assert "layer 1 unit 1" in person.sees()
    await person.press("e", "f")
    assert "forget b." in person.sees()
    await person.press("f", "escape", "1", "f")
    assert "short stories with much talk: which unit" in person.sees()


async def test_the_loss_has_a_logarithmic_axis_and_the_text_surprise(person: Person) -> None:
    await person.running()
    await person.press("2", "l")
    assert "log scale" in person.play.loss_panel.view.title
    await person.press("3", "c")
    assert "6 bits" in person.sees()


@pytest.mark.parametrize("person", [NARROW], indirect=True)
async def test_a_small_terminal_has_tabs_one_to_four(person: Person) -> None:
    await person.running()
    for key, expected, absent in [
        ("2", "Gradient norm", "hidden      128"),
        ("3", "layer 1 unit 1", "Gradient norm"),
        ("4", "The lamp was", "layer 1 unit 1"),
        ("1", "hidden      6", "The lamp was"),
    ]:
        await person.press(key)
        text = person.sees()
        assert expected in text
        assert absent not in text
        assert all(len(line) <= 80 for line in text.splitlines())


async def test_resizing_goes_from_panels_to_tabs_to_one_line_and_back(person: Person) -> None:
    await person.running()
    for size, expected in [
        ((80, 24), "1 Task"),
        ((59, 24), "needs 60x16"),
        ((80, 15), "needs 60x16"),
        ((60, 16), "1 Task"),
        ((200, 60), "Gradient norm"),
    ]:
        await person.pilot.resize_terminal(*size)
        await until(lambda expected=expected: expected in person.sees(), person.sees)
        for widget in person.pilot.app.screen.query("*"):
            if isinstance(widget, StripWidget) and widget.display and widget.size.height:
                assert [strip.cell_length for strip in widget._strips] == [widget.size.width] * widget.size.height


async def test_every_key_in_the_last_line_can_be_clicked(person: Person) -> None:
    await person.running()
    line = person.play.keys_bar._strips[0].text
    await person.pilot.click("#keys", offset=(line.index("pause"), 0))
    await person.pilot.pause()
    assert person.trainers[0].commands(say.Pause)
    line = person.play.keys_bar._strips[0].text
    await person.pilot.click("#keys", offset=(line.index("help"), 0))
    await person.pilot.pause()
    assert isinstance(person.pilot.app.screen, Help)


async def test_a_click_chooses_a_task_and_a_field(person: Person) -> None:
    lines = [strip.text for strip in person.play.task_panel._strips]
    await person.pilot.click("#tasks", offset=(6, next(n for n, line in enumerate(lines) if "docs" in line.split())))
    await person.pilot.pause()
    assert person.play.drafts.task == "docs"
    await person.pilot.click("#settings", offset=(4, 3))
    await person.pilot.pause()
    assert person.play.editor.field.name == "layers"


async def test_help_names_every_key_and_any_of_its_keys_leaves_it(person: Person) -> None:
    await person.press("question_mark")
    help_screen = person.pilot.app.screen
    assert isinstance(help_screen, Help)
    told = "\n".join(strip.text for strip in help_screen.panel.text(90))
    for word in ("space", "Pause", "^p", "Gradient norm", "shift"):
        assert word in told
    for width in (30, 60, 78):  # a long line goes on in the next
        rows = [strip.text for strip in help_screen.panel.text(width)]
        assert {len(row) for row in rows} == {width}
        assert not any(row.rstrip().endswith("…") for row in rows)
        in_words = " ".join(" ".join(rows).split())
        assert all(binding.tooltip in in_words for binding in help_screen.panel._keys if width > 30)
    await person.press("escape")
    assert isinstance(person.pilot.app.screen, PlayPlace)


async def test_every_action_is_in_the_command_palette(person: Person) -> None:
    names = [command.title for command in person.pilot.app.get_system_commands(person.pilot.app.screen)]
    assert len(names) == len(set(names))
    assert "Pause (space)" in names
    assert "Quit (q)" in names
    await person.press("ctrl+p")
    assert isinstance(person.pilot.app.screen, CommandPalette)


async def test_light_and_dark_are_both_there(person: Person) -> None:
    await person.running()
    dark = person.play.heatmap._strips
    await person.press("t")
    assert not person.play.heatmap.palette.dark
    assert person.play.heatmap._strips != dark


async def test_tab_goes_through_the_panels_and_typing_in_a_form_is_not_a_command(person: Person) -> None:
    await person.running()
    seen = []
    for _ in range(6):
        assert person.play.focused is not None
        seen.append(person.play.focused.id)
        await person.press("tab")
    assert sorted(seen) == sorted(["tasks", "settings", "loss", "gradient", "cells", "sample"])


async def test_quitting_saves_what_runs(trainers: list[Recorder]) -> None:
    async with opened(trainers, WIDE) as person:
        await person.running()
        await person.press("q")
        await until(lambda: trainers[0].closed)
        assert person.pilot.app.return_code == 0


async def test_only_rows_that_changed_are_sent(person: Person) -> None:
    await person.running()
    sent: list[str] = []
    for widget in person.play.painted:
        widget.changed_bytes = 0
    await person.tell(say.RowsCompleted(rows=(row(80),)), status(step=121), sampled("lit"))
    sent = [f"{widget.id} {widget.changed_bytes}" for widget in person.play.painted if widget.changed_bytes]
    assert sum(widget.changed_bytes for widget in person.play.painted) < 8_000, sent
    assert person.play.heatmap.changed_bytes == person.play.task_panel.changed_bytes == 0


async def test_the_text_is_the_one_that_was_told(person: Person) -> None:
    await person.running()
    shown = "".join(strip.text[2:-2].rstrip() for strip in person.play.heatmap._strips[1:3])
    assert shown.startswith(TEXT.split("\n", maxsplit=1)[0])


async def test_a_page_key_in_the_command_palette_before_its_list_is_laid_out_does_nothing(person: Person) -> None:
    await person.running()
    app = person.pilot.app
    await app.run_action("app.command_palette")
    await until(lambda: isinstance(app.screen, CommandPalette) and app.screen.query(OptionList))
    commands = app.screen.query_one(OptionList)
    commands.add_option("one")
    commands.highlighted = 0
    assert not commands.scrollable_content_region
    for action in ("page_up", "page_down", "first", "last"):
        await app.run_action(f"screen.command_list({action!r})")
    await person.press("escape")
    assert app.session.problem is None


async def test_the_list_and_the_header_call_a_task_as_the_command_line_does(person: Person) -> None:
    words = [word for strip in person.play.task_panel._strips for word in strip.text.split()]
    assert len({info.name for info in CATALOGUE} & set(words)) >= 8
    await person.running()
    assert person.sees().splitlines()[0].split()[:2] == ["rnnplay", "prose"]
