"""A run that was left opens again as it was: place, panel, unit, feature, sampling; and what is opened at first."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest
from left_runs import LEFT, loaded, make_run
from made_up_cells import found, unit
from made_up_play import Recorder, config, seen, status
from made_up_play import started as made_up_started
from waiting import settled, until

from rnnplay import gallery, runs
from rnnplay import protocol as say
from rnnplay.runs import RunInfo, ScreenState, load_screen_state, save_screen_state
from rnnplay.tui.app import Playground
from rnnplay.tui.left_run import load_left_run, since_left
from rnnplay.tui.places.cells.screen import CellsPlace
from rnnplay.tui.state.drafts import RunDrafts


async def test_a_run_opens_in_the_place_and_with_the_unit_the_feature_and_the_sampling_it_was_left_with(
    tmp_path: Path, trainers: list[Recorder]
) -> None:
    run = make_run(tmp_path)
    save_screen_state(run, LEFT)
    app = Playground(RunDrafts(), str(tmp_path), run=run)
    async with app.run_test(size=(120, 40)) as pilot:
        await loaded(app, trainers, run)
        assert trainers[0].sent[0] == say.Inspect(run=str(run))
        assert isinstance(app.screen, CellsPlace) and app.focused is app.screen.find_panel
        assert [question.pattern for question in trainers[0].commands(say.FindUnits)] == ["inside quotes"]
        trainers[0].tell(found(units=(unit(0, 2, 0.9), unit(1, 3, 0.9))))
        await settled(app, trainers)
        assert "layer 2 unit 4" in seen(app)
        assert app.drafts.task == "prose" and app.drafts.draft == config()
        sample = trainers[0].commands(say.Sample)[0]
        assert (sample.temperature, sample.prompt, sample.seed) == (0.3, "The ", 7)
        assert "Looking at the run as it was at step 120. +80 steps since you left, validation 1.470 → 1.310." in seen(
            app
        )
        await pilot.press("1", "right", "4", "minus", "q")
        await until(lambda: not app._running)
    after = load_screen_state(run)
    assert after is not None
    assert (after.place, after.panel, after.layer, after.unit) == (
        "play",
        "sample",
        0,
        0,
    )  # after those that were found
    assert (after.feature, after.temperature, after.prompt) == ("inside quotes", 0.2, "The ")
    assert (after.step, after.validation) == (120, 1.31)


async def test_a_run_that_nobody_left_opens_on_its_loss_where_one_panel_is_shown(
    tmp_path: Path, trainers: list[Recorder]
) -> None:
    run = make_run(tmp_path)
    for size, panel in (((80, 24), "loss"), ((120, 40), "tasks")):
        trainers.clear()
        app = Playground(RunDrafts(), str(tmp_path), run=run)
        async with app.run_test(size=size):
            await loaded(app, trainers, run)
            assert app.focused is not None and app.focused.id == panel


async def test_a_run_that_has_finished_meanwhile_says_what_has_happened(
    tmp_path: Path, trainers: list[Recorder]
) -> None:
    run = make_run(tmp_path)
    save_screen_state(run, LEFT)
    app = Playground(RunDrafts(), str(tmp_path), run=run)
    async with app.run_test(size=(120, 40)):
        await until(lambda: trainers)
        trainers[-1].tell(msgspec.structs.replace(made_up_started(step=120), run=str(run)), status("finished", 120))
        await settled(app, trainers)
        assert "+80 steps since you left, validation 1.470 → 1.310." in seen(app)


def test_what_a_killed_trainer_had_not_saved_has_not_happened(tmp_path: Path) -> None:
    run = make_run(tmp_path)
    save_screen_state(run, LEFT)
    assert load_left_run(run).since_left.startswith("+80 steps")
    (run / "ckpt-120.safetensors").rename(run / "ckpt-60.safetensors")
    assert load_left_run(run).since_left.startswith("+20 steps")


async def test_r_goes_on_past_its_limit_with_a_run_that_was_opened(tmp_path: Path, trainers: list[Recorder]) -> None:
    run = make_run(tmp_path)
    app = Playground(RunDrafts(), str(tmp_path), run=run)
    async with app.run_test(size=(120, 40)) as pilot:
        await loaded(app, trainers, run, progress=1.0)
        await pilot.press("r")
        await until(lambda: len(trainers) == 2)
        assert trainers[1].sent[0] == say.Resume(run=str(run), more_steps=120)


async def test_another_run_begun_leaves_the_first_as_it_was_seen(tmp_path: Path, trainers: list[Recorder]) -> None:
    run = make_run(tmp_path)
    app = Playground(RunDrafts(), str(tmp_path), run=run)
    async with app.run_test(size=(120, 40)) as pilot:
        await loaded(app, trainers, run)
        await pilot.press("3", "right", "right", "n")
        await until(lambda: len(trainers) == 2)
    left = load_screen_state(run)
    assert left is not None and (left.panel, left.unit, left.step) == ("cells", 2, 120)


def test_a_screen_state_that_is_damaged_or_missing_is_ignored(tmp_path: Path) -> None:
    assert load_screen_state(tmp_path) is None
    damaged = (
        b"",
        b"{",
        b"[]",
        b'{"unit": -1}',
        b'{"unit": "one"}',
        b"\xff\xfe\x00",
        b"[" * 9_999,
        b'{"seed": 1e999}',
    )
    for content in damaged:
        (tmp_path / runs.SCREEN_STATE).write_bytes(content)
        assert load_screen_state(tmp_path) is None, content[:20]


async def test_a_screen_state_that_makes_no_sense_opens_the_run_all_the_same(
    tmp_path: Path, trainers: list[Recorder]
) -> None:
    run = make_run(tmp_path)
    save_screen_state(run, ScreenState(place="cellar", panel="#x y", unit=10**9, temperature=-3.0, top_k=-1, seed=2))
    app = Playground(RunDrafts(), str(tmp_path), run=run)
    async with app.run_test(size=(80, 24)):
        await loaded(app, trainers, run)
        how = app.session.sample.settings
        assert (how.temperature, how.top_k, how.seed) == (0.8, 0, 2)
        assert app.screen is app.play and app.session.selection.unit == 5
        assert "Looking at the run as it was at step 120." in seen(app)


async def test_a_run_that_cannot_be_read_says_why(tmp_path: Path, trainers: list[Recorder]) -> None:
    run = make_run(tmp_path)
    (run / runs.CONFIG).write_text("{")
    app = Playground(RunDrafts(), str(tmp_path), come_back=True)
    async with app.run_test(size=(120, 40)):
        await until(lambda: app.session.problem is not None and "is damaged" in app.session.problem[0])
        assert trainers == []


async def test_coming_back_opens_the_last_run_and_without_one_the_gallery(
    tmp_path: Path, trainers: list[Recorder]
) -> None:
    app = Playground(RunDrafts(), str(tmp_path), come_back=True)
    async with app.run_test(size=(120, 40)):
        await until(lambda: trainers)
        assert trainers[0].sent[0] == say.Inspect(run=str(gallery.GALLERY[0].path))
    make_run(tmp_path)
    run = make_run(tmp_path)
    app = Playground(RunDrafts(), str(tmp_path), come_back=True)
    async with app.run_test(size=(120, 40)):
        await until(lambda: len(trainers) == 2)
        assert trainers[1].sent[0] == say.Inspect(run=str(run))


async def test_a_person_who_begins_at_once_is_not_taken_elsewhere(
    tmp_path: Path, trainers: list[Recorder], monkeypatch: pytest.MonkeyPatch
) -> None:
    make_run(tmp_path)
    app = Playground(RunDrafts("hello"), str(tmp_path), start=True, come_back=True)
    async with app.run_test(size=(120, 40)) as pilot:
        await until(lambda: trainers)
        await pilot.pause()
        await app.workers.wait_for_complete()
        assert [type(trainer.sent[0]) for trainer in trainers] == [say.Train]


async def test_the_gallery_is_never_written_to(tmp_path: Path, trainers: list[Recorder]) -> None:
    network = gallery.GALLERY[1]
    app = Playground(RunDrafts(), str(tmp_path), run=network.path)
    async with app.run_test(size=(120, 40)) as pilot:
        await loaded(app, trainers, network.path)
        assert app.drafts.task == network.task
        await pilot.press("q")
        await until(lambda: not app._running)
    assert not (network.path / runs.SCREEN_STATE).exists()


def test_what_has_happened_since_is_said_in_words() -> None:
    run = RunInfo(id="a", path="/a", state="running", step=3_240, validation=1.31)
    assert since_left(run, LEFT) == "+3,200 steps since you left, validation 1.470 → 1.310"
    for before in (None, 1.3102):
        assert since_left(run, msgspec.structs.replace(LEFT, validation=before)).endswith("left, validation 1.310")
    assert since_left(msgspec.structs.replace(run, validation=None), LEFT) == "+3,200 steps since you left"
    assert since_left(msgspec.structs.replace(run, step=40), LEFT) == ""
