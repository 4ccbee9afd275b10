"""The forms of Play: settings and sampling are edited, applied and refused; a recorder answers for the trainer."""

from __future__ import annotations

import pytest
from made_up_play import facts, status
from person import Person

from rnnplay import protocol as say
from rnnplay.gallery import GALLERY
from rnnplay.runs import load_record


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


async def test_tab_goes_through_the_panels_and_typing_in_a_form_is_not_a_command(person: Person) -> None:
    await person.running()
    seen = []
    for _ in range(6):
        assert person.play.focused is not None
        seen.append(person.play.focused.id)
        await person.press("tab")
    assert sorted(seen) == sorted(["tasks", "settings", "loss", "gradient", "cells", "sample"])
