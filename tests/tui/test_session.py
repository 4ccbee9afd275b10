"""The session: events in, plain data and views out. No widget, no trainer."""

import math

import pytest
from made_up_play import TEXT, config, facts, row, sampled, started, status, trace

from rnnplay import protocol as say
from rnnplay.tui.forms.fields import FIELDS
from rnnplay.tui.places.play.views import gradient_view, loss_view, sample_view
from rnnplay.tui.places.views import header_view, status_view
from rnnplay.tui.session import Session


@pytest.fixture
def topics() -> list[str]:
    return []


@pytest.fixture
async def session(topics: list[str]) -> Session:
    session = Session(topics.append)
    session.handle(started())
    return session


async def test_rows_are_added_never_replaced_and_a_missing_number_is_a_gap(session: Session) -> None:
    for first in range(1, 5_000, 100):
        session.handle(say.Progress(rows=tuple(row(n, loss=n / 7) for n in range(first, first + 100))))
    session.handle(say.Progress(rows=(row(5_002),)))
    assert session.rows.count == 5_001
    assert session.rows["step"].tolist()[:3] == [1, 2, 3]
    assert session.rows["loss"][41] == pytest.approx(6)
    nothing = say.Row(
        step=6_000, loss=None, loss_min=None, loss_max=None, grad_norm=None, clipped=0.0, lr=0.1,
        chars_per_s=None, seconds=1.0,
    )  # fmt: skip
    session.handle(say.Progress(rows=(nothing,)))
    assert math.isnan(session.rows["loss"][-1])


async def test_a_run_that_starts_again_from_its_checkpoint_forgets_what_came_after(session: Session) -> None:
    session.handle(say.Progress(rows=tuple(row(n) for n in range(1, 90))))
    session.handle(say.Evaluated(step=50, loss=2.0))
    session.handle(started(step=40))
    session.handle(say.Progress(rows=tuple(row(n) for n in range(1, 41)), past=True))
    assert session.rows["step"][-1] == 40
    assert session.evaluations == []


async def test_the_loss_has_its_baseline_its_validation_and_bits_per_character(session: Session) -> None:
    session.handle(say.Progress(rows=tuple(row(n, loss=1.5) for n in range(1, 60))))
    session.handle(say.Evaluated(step=50, loss=math.log(2) * 2, baseline=2.45))
    view = loss_view(session, log=False)
    assert view is not None
    assert dict(view.figure)["train"] == "1.50"
    assert dict(view.figure)["validation"] == "1.39"
    assert view.figure[-1] == ("", "2.00 bpc")
    assert view.marks == ((50, math.log(2) * 2),)
    assert (view.levels[0].label, view.levels[0].value) == ("bigram 2.45", 2.45)


async def test_the_clipped_share_counts_blocks_by_their_length(session: Session) -> None:
    rows = (row(1, clipped=1.0), row(10, clipped=0.5), row(20, clipped=0.0))
    session.handle(say.Progress(rows=rows))
    view = gradient_view(session)
    assert view is not None
    assert dict(view.figure)["clipped"] == "28 %"  # (1 * 1 + 9 * 0.5 + 10 * 0) / 20
    assert view.levels[0].label == "clip 5"


async def test_a_sample_grows_by_what_was_drawn_and_begins_anew(session: Session) -> None:
    session.handle(sampled("The ", begins=True))
    session.handle(sampled("lamp"))
    view = sample_view(session, coloured=False, back=0)
    assert "".join(view.text) == "The lamp"
    assert view.candidates[0] == ("e", 0.41)
    session.handle(sampled("Another", begins=True))
    assert "".join(sample_view(session, coloured=False, back=0).text) == "Another"


async def test_the_prompt_is_told_from_what_was_drawn_and_unseen_characters_are_named(session: Session) -> None:
    session.sampling = type(session.sampling)(prompt="Oé yes")
    session.handle(sampled("O yes no", begins=True, unseen=("é",)))
    assert sample_view(session, coloured=False, back=0).prompt_length == len("O yes")
    assert session.problem is not None
    assert "'é'" in session.problem[0]


async def test_a_text_without_end_stays_bounded_and_its_lines_stay_where_they_were(session: Session) -> None:
    session.handle(sampled("", begins=True))
    seen = ""
    for _ in range(60):
        session.handle(sampled(TEXT))
        seen += TEXT
        shown = "".join(sample_view(session, coloured=False, back=0).text)
        assert seen.endswith(shown)
        assert len(shown) >= min(len(seen), 1_000)
    assert len(session.text) <= 20_000
    assert len(session.text) == len(session.probabilities)


async def test_what_a_task_cannot_do_is_told_in_its_panel_when_nobody_asked(session: Session) -> None:
    session.handle(say.Failed(wrong="adding shows nothing.", remedy="Look at a text."))
    session.handle(say.Failed(wrong="adding writes nothing.", remedy="Sample from a text."))
    assert session.problem is None
    assert session.silent == {"cells": "adding shows nothing.", "sample": "adding writes nothing."}
    session.handle(say.Failed(wrong="That went wrong.", remedy="Do this."))
    assert session.problem == ("That went wrong.", "Do this.")


STATES = {
    "training": ("Training", ""),
    "paused": ("Paused at step 120.", "Space goes on"),
    "finished": ("Finished after 120 steps in 1 min 05 s.", "r trains on"),
    "inspecting": ("step 120", "r trains on"),
}


@pytest.mark.parametrize("state", STATES)
async def test_the_status_says_how_things_stand_and_what_to_do(session: Session, state: str) -> None:
    session.handle(status(state))
    view = status_view(session, FIELDS, {})
    assert STATES[state][0] in view.text
    assert STATES[state][1] in view.remedy


async def test_a_limited_run_tells_how_far_it_is(session: Session) -> None:
    session.handle(status(progress=0.38, seconds_left=75.0))
    assert status_view(session, FIELDS, {}).text == "Training: 38 % done, 1 min 15 s left."


async def test_a_run_that_diverged_says_why_until_it_goes_on(session: Session) -> None:
    session.handle(status())
    session.handle(status("diverged", wrong="The loss stopped being a number.", remedy="Lower the learning rate."))
    view = status_view(session, FIELDS, {})
    assert (view.text, view.mood) == ("The loss stopped being a number.", "bad")
    assert view.remedy == "Lower the learning rate."
    session.handle(status("training"))
    assert status_view(session, FIELDS, {}).mood == ""


async def test_a_change_that_needs_a_new_network_says_so(session: Session) -> None:
    view = status_view(session, FIELDS, {"hidden": 256, "cell": "gru"})
    assert view.text == "cell LSTM → GRU, hidden 6 → 256: needs a new network."
    assert "new run" in view.remedy


async def test_a_trainer_that_dies_leaves_a_run_to_go_on_with(session: Session) -> None:
    session.handle(status())
    session.handle(say.Failed(wrong="The trainer ended unexpectedly (signal SIGKILL).", remedy="x", fatal=True))
    assert session.state == "dead"
    view = status_view(session, FIELDS, {})
    assert "SIGKILL" in view.text
    assert view.remedy.startswith("r goes on")
    header = header_view(session, config(), "prose")
    assert (header.state, header.mood) == ("ended", "bad")


async def test_the_header_has_task_network_and_speed(session: Session) -> None:
    session.handle(status(step=12_431))
    view = header_view(session, config(hidden=9), "prose")
    assert view.left == ("prose", "LSTM 2x6", "Adam 4e-3", "64x32")
    assert view.right == ("step 12,431", "epoch 3.0", "198k char/s")


async def test_every_event_marks_what_it_changes_and_nothing_else(topics: list[str]) -> None:
    session = Session(topics.append)
    session.handle(started())
    session.handle(status())
    topics.clear()
    session.handle(status(step=121))
    session.handle(say.Progress(rows=(row(1),)))
    session.handle(trace())
    session.handle(sampled("a"))
    assert topics == ["status", "curves", "cells", "sample"]


async def test_squared_error_is_called_so() -> None:
    session = Session(lambda topic: None)
    session.handle(say.Started(run="r", config=config(), facts=facts(unit_of_loss="squared error", baselines=())))
    session.handle(say.Progress(rows=(row(1), row(2))))
    view = loss_view(session, log=True)
    assert view is not None
    assert view.title == "Loss · squared error, log scale"
    assert view.figure[-1][0] == "train"


async def test_words_stand_apart_where_spaces_are_no_symbols(session: Session) -> None:
    session.handle(say.Started(run="r", config=config(), facts=facts(vocabulary=("good", "bad", "!"))))
    session.handle(say.Sampled(text=("good", "!", "bad"), probabilities=(0.5, 0.5, 0.5), begins=True))
    assert "".join(sample_view(session, coloured=False, back=0).text) == "good ! bad "
    session.handle(say.Started(run="r", config=config(), facts=facts(vocabulary=("good", " ", "bad"))))
    assert "".join(sample_view(session, coloured=False, back=0).text) == "good!bad"
