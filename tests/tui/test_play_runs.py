"""A run is started, paused, slowed, stopped and resumed on Play; a recorder stands for the trainer's client."""

from __future__ import annotations

import pytest
from made_up_play import Recorder, started, status, trace
from person import WIDE, Person, opened
from waiting import settled, until

from rnnplay import protocol as say
from rnnplay.catalogue import make_config


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
    await settled(person.app, person.trainers)
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
    await settled(person.app, person.trainers)
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
    await settled(person.app, person.trainers)
    assert "unexpectedly" not in person.sees()
    assert "Finished after 500 steps" in person.sees()


async def test_quitting_saves_what_runs(trainers: list[Recorder]) -> None:
    async with opened(trainers, WIDE) as person:
        await person.running()
        await person.press("q")
        await until(lambda: trainers[0].closed)
        assert person.app.return_code == 0
