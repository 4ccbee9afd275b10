"""Runs that train without a screen: they are listed, attached to and left; a screen that is killed or cut off."""

from __future__ import annotations

import dataclasses
import signal
from pathlib import Path

import msgspec
import pytest
from left_runs import LEFT, loaded, make_run
from made_up_play import Recorder, config, seen, status
from made_up_play import started as made_up_started
from waiting import settled, until

from rnnplay import client, runs
from rnnplay import protocol as say
from rnnplay.runs import load_screen_state, save_screen_state
from rnnplay.runs.trainers import TRAINER, write_record
from rnnplay.tui import entry_and_exit
from rnnplay.tui.app import Playground
from rnnplay.tui.farewell import wrapped
from rnnplay.tui.left_run import LeftRun, living_runs
from rnnplay.tui.state.drafts import LivingRun, RunDrafts


@pytest.fixture
def alive(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[LivingRun]:
    """The runs that are alive, whatever is on the disk."""
    living: list[LivingRun] = []
    monkeypatch.setattr(entry_and_exit, "living_runs", lambda root: tuple(living))
    load = entry_and_exit.load_left_run

    def load_alive(path: Path) -> LeftRun:
        is_alive = path in [run.path for run in living]
        return dataclasses.replace(load(path), is_alive=is_alive)

    monkeypatch.setattr(entry_and_exit, "load_left_run", load_alive)
    return living


@pytest.fixture
def attached(trainers: list[Recorder], monkeypatch: pytest.MonkeyPatch) -> list[Path]:
    """The runs that were attached to, in order; each gets a trainer like one that was started."""
    found: list[Path] = []

    async def attach(run: Path) -> Recorder:
        found.append(run)
        trainers.append(Recorder(say.Attach()))
        return trainers[-1]

    monkeypatch.setattr(client.TrainerClient, "attach", attach)
    return found


def test_a_run_that_another_machine_trains_is_not_among_those_to_come_back_to(tmp_path: Path) -> None:
    run = make_run(tmp_path)
    record = write_record(run, "/nowhere", 1)
    assert [living.path for living in living_runs(tmp_path)] == [run]  # this process trains it, as far as can be seen
    elsewhere = msgspec.structs.replace(record, host="elsewhere", boot_id="other")
    (run / TRAINER).write_bytes(msgspec.json.encode(elsewhere))
    assert living_runs(tmp_path) == ()


def living(run: Path, since: str = "") -> LivingRun:
    return LivingRun(run, config(), 3_240, since)


async def test_runs_that_are_alive_stand_first_and_enter_attaches(
    tmp_path: Path, trainers: list[Recorder], alive: list[LivingRun], attached: list[Path]
) -> None:
    new, old = make_run(tmp_path), make_run(tmp_path)
    alive += [living(new, "+3,200 steps since you left, validation 1.470 → 1.310"), living(old)]
    app = Playground(RunDrafts(), str(tmp_path), come_back=True)
    async with app.run_test(size=(120, 40)) as pilot:
        await until(lambda: "prose: +3,200 steps since you left, validation 1.470 → 1.310." in seen(app))
        assert trainers == [] and app.drafts.living_run == alive[0]
        lines = seen(app).splitlines()
        assert "ALIVE" in lines[1] or "ALIVE" in lines[2], lines[:6]
        await pilot.press("down")
        assert "it goes on by itself, at step 3,240" in seen(app)
        alive[1] = dataclasses.replace(alive[1], state="finished")
        app.list_living()
        await until(lambda: "it has finished, at step 3,240" in seen(app))
        await pilot.press("up", "enter")
        await until(lambda: attached)
        assert attached == [new]
        await loaded(app, trainers, new)
        trainers[-1].tell(status("training", 3_241))
        await settled(app, trainers)
        assert app.session.state == "training" and app.drafts.task == "prose"
        await until(lambda: [run.path for run in app.drafts.living] == [old])  # the one on the screen is not listed


async def test_going_to_another_run_that_is_alive_leaves_the_present_one_training(
    tmp_path: Path, trainers: list[Recorder], alive: list[LivingRun], attached: list[Path]
) -> None:
    one, two = make_run(tmp_path), make_run(tmp_path)
    alive += [living(one), living(two)]
    app = Playground(RunDrafts(), str(tmp_path), run=one)
    async with app.run_test(size=(120, 40)) as pilot:
        await loaded(app, trainers, one)
        trainers[-1].tell(status("training", 3_241))
        await settled(app, trainers)
        await until(lambda: [run.path for run in app.drafts.living] == [two])
        await pilot.press("1", "home", "enter")
        await until(lambda: attached == [one, two])
        assert trainers[0].detached and not trainers[0].closed_by_stop


@pytest.mark.parametrize("patience", [0, 5])
async def test_d_leaves_a_run_that_trains_and_says_how_to_come_back(
    tmp_path: Path, trainers: list[Recorder], monkeypatch: pytest.MonkeyPatch, patience: int
) -> None:
    monkeypatch.setenv("RNNPLAY_LINGER", "12h")
    monkeypatch.setattr(entry_and_exit, "logout_ends_processes", lambda: True)
    run = make_run(tmp_path)
    app = Playground(RunDrafts("prose"), str(tmp_path), start=True)
    async with app.run_test(size=(120, 40)) as pilot:
        await until(lambda: trainers)
        await pilot.press("d")
        assert "The run is only starting." in seen(app)
        trainers[0].tell(
            msgspec.structs.replace(made_up_started(steps=None, patience=patience), run=str(run)),
            status("training", 120),
        )
        await settled(app, trainers)
        assert "d leave" in seen(app)
        await pilot.press("d")
        await until(lambda: not app._running)
    assert trainers[0].detached and not trainers[0].closed_by_stop
    name = runs.run_id(run)
    end = "trains on to its end" if patience else "trains on, and ends after 12 hours without a screen"
    assert f"step 120: the run {name} {end}." in app.farewell
    assert f"rnnplay attach {name} --runs {tmp_path}" in app.farewell
    assert "loginctl enable-linger" in app.farewell
    assert load_screen_state(run) is not None


@pytest.mark.parametrize("linger", ["12h", "0"])
async def test_q_saves_and_ends_and_so_does_d_where_nothing_is_to_linger(
    tmp_path: Path, trainers: list[Recorder], monkeypatch: pytest.MonkeyPatch, linger: str
) -> None:
    monkeypatch.setenv("RNNPLAY_LINGER", linger)
    app = Playground(RunDrafts("prose"), str(tmp_path), start=True)
    async with app.run_test(size=(120, 40)) as pilot:
        await until(lambda: trainers)
        trainers[0].tell(made_up_started(), status("training", 120, screens=2))
        await settled(app, trainers)
        await pilot.press("d" if linger == "0" else "q")
        await until(lambda: not app._running)
    assert trainers[0].closed_by_stop and not trainers[0].detached
    assert "goes on: another screen is attached to it." in app.farewell


async def test_a_run_that_nobody_could_come_back_to_is_not_left(tmp_path: Path, trainers: list[Recorder]) -> None:
    app = Playground(RunDrafts("prose"), str(tmp_path), start=True)
    async with app.run_test(size=(120, 40)) as pilot:
        await until(lambda: trainers)
        trainers[0].tell(msgspec.structs.replace(made_up_started(), unreachable="No socket."), status("training", 120))
        await settled(app, trainers)
        assert "d leave" not in seen(app)
        await pilot.press("d")
        assert "Nobody could come back to this run. No socket." in seen(app)
        assert not trainers[0].closed


async def test_what_another_screen_changes_is_shown(tmp_path: Path, trainers: list[Recorder]) -> None:
    drafts = RunDrafts("prose")
    drafts.adopt(config())
    app = Playground(drafts, str(tmp_path), start=True)
    async with app.run_test(size=(120, 40)) as pilot:
        await until(lambda: trainers)
        trainers[0].tell(made_up_started(), status("training", 120))
        await settled(app, trainers)
        trainers[0].tell(say.SettingsChanged(step=120, lr=7e-4, clip=2.0))
        await settled(app, trainers)
        assert "Adam 7e-4" in seen(app) and "needs a new network" not in seen(app)
        app.session.change(lr=1e-3)
        app.session.change(lr=2e-3)
        trainers[0].tell(say.SettingsChanged(step=121, lr=1e-3, clip=2.0))
        await settled(app, trainers)
        await pilot.pause()
        assert "Adam 2e-3" in seen(app)


@pytest.fixture
def _no_forced_exit(monkeypatch: pytest.MonkeyPatch) -> None:
    """Some seconds after a lost line the process ends whatever happens: here that is the tests' own."""
    monkeypatch.setattr(entry_and_exit, "_EXIT_TIMEOUT_SECONDS", 1e6)


async def test_a_screen_that_is_killed_has_written_what_it_showed_last(
    tmp_path: Path, trainers: list[Recorder]
) -> None:
    run = make_run(tmp_path)
    save_screen_state(run, LEFT)  # it was left before
    app = Playground(RunDrafts("prose"), str(tmp_path), start=True)
    async with app.run_test(size=(120, 40)):
        await until(lambda: trainers)
        begun = msgspec.structs.replace(made_up_started(step=120), run=str(run))
        trainers[0].tell(begun, say.Evaluated(step=120, loss=1.31, is_history=True), status("training", 121))
        await settled(app, trainers)
        attached = load_screen_state(run)
        assert attached is not None and (attached.step, attached.validation) == (121, 1.31)
        trainers[0].tell(say.Evaluated(step=900, loss=1.2), status("training", 901))
        await settled(app, trainers)
        app.record_screen_state()  # as it does every few seconds
        later = load_screen_state(run)
        assert later is not None and (later.step, later.validation) == (901, 1.2)


@pytest.mark.usefixtures("_no_forced_exit")
@pytest.mark.parametrize("linger", ["10m", "0"])
@pytest.mark.parametrize("state", ["starting", "training"])
async def test_a_line_that_is_lost_leaves_a_run_that_trains_or_starts_to_go_on(
    tmp_path: Path, trainers: list[Recorder], monkeypatch: pytest.MonkeyPatch, state: str, linger: str
) -> None:
    monkeypatch.setenv("RNNPLAY_LINGER", linger)
    app = Playground(RunDrafts("prose"), str(tmp_path), start=True)
    async with app.run_test(size=(120, 40)):
        await until(lambda: trainers)
        if state == "training":
            trainers[0].tell(made_up_started(), status("training", 120))
        else:
            trainers[0].tell(say.ReadingText(bytes_read=10, progress=0.1))
        await settled(app, trainers)
        app.lose_line()
        await until(lambda: not app._running)
    assert app.return_code == 128 + signal.SIGHUP
    assert trainers[0].closed_by_stop is (linger == "0")


@pytest.mark.usefixtures("_no_forced_exit")
async def test_a_run_that_is_wanted_when_the_line_is_lost_is_begun_all_the_same(
    tmp_path: Path, trainers: list[Recorder], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RNNPLAY_LINGER", "10m")
    app = Playground(RunDrafts("prose"), str(tmp_path), start=True)
    async with app.run_test(size=(120, 40)):
        await until(lambda: app.session.state == "starting")
        app.lose_line()
        await until(lambda: not app._running)
    (trainer,) = trainers
    assert isinstance(trainer.sent[0], say.Train) and trainer.sent[0].linger == 600.0
    assert not trainer.closed_by_stop


def test_a_farewell_is_broken_between_words_and_its_command_is_not() -> None:
    lines = wrapped(f"{'word ' * 20}end.\nCome back: rnnplay attach abc --runs {'/folder' * 20}", 80).splitlines()
    assert all(len(line) <= 80 and not line.startswith(" ") for line in lines[:-1]) and len(lines) == 3
    assert lines[-1].startswith("Come back: rnnplay attach abc --runs /folder")
