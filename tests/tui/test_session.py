"""The session: events in, plain data and views out. No widget, no trainer."""

import math
from typing import Any

import msgspec
import numpy as np
import pytest
from made_up_play import TEXT, config, facts, row, sampled, started, status, trace

from rnnplay import protocol as say
from rnnplay.tui.forms.fields import FIELDS
from rnnplay.tui.places.cells.views import unit_rows_view
from rnnplay.tui.places.play.views import gradient_view, loss_view, play_status_view
from rnnplay.tui.places.sampled_text import sampled_text_view
from rnnplay.tui.places.views import header_view, status_view
from rnnplay.tui.session import RunSession
from rnnplay.tui.state.cells import CellsState
from rnnplay.tui.state.sample import PLAY, SampleSettings
from rnnplay.tui.state.selection import Selection
from rnnplay.tui.widgets.views import CellsView, Direction, SampledTextView


def answer(session: RunSession, event: Any) -> None:
    """The trainer answers the last question of its kind."""
    if isinstance(event, say.Sampled):
        request = session.sample.texts[event.channel].request
    elif isinstance(event, say.Trace):
        request = session.cells._trace_request
    else:
        request = next(iter(session._automatic.values()), 0)
    session.handle_event(msgspec.structs.replace(event, request=request))


def sample_view(session: RunSession) -> SampledTextView:
    return sampled_text_view(session, PLAY)


@pytest.fixture
def topics() -> list[str]:
    return []


@pytest.fixture
async def session(topics: list[str]) -> RunSession:
    session = RunSession(lambda kind, **fields: topics.append(kind.topic))
    session.handle_event(started())
    return session


async def test_rows_are_added_never_replaced_and_a_missing_number_is_a_gap(session: RunSession) -> None:
    for first in range(1, 5_000, 100):
        session.handle_event(say.RowsCompleted(rows=tuple(row(n, loss=n / 7) for n in range(first, first + 100))))
    session.handle_event(say.RowsCompleted(rows=(row(5_002),)))
    assert session.metrics.count == 5_001
    assert session.metrics["step"].tolist()[:3] == [1, 2, 3]
    assert session.metrics["loss"][41] == pytest.approx(6)
    nothing = say.Row(
        step=6_000, loss=None, loss_min=None, loss_max=None, grad_norm=None, clipped=0.0, lr=0.1,
        chars_per_s=None, seconds=1.0,
    )  # fmt: skip
    session.handle_event(say.RowsCompleted(rows=(nothing,)))
    assert math.isnan(session.metrics["loss"][-1])


async def test_a_run_that_starts_again_from_its_checkpoint_forgets_what_came_after(session: RunSession) -> None:
    session.handle_event(say.RowsCompleted(rows=tuple(row(n) for n in range(1, 90))))
    session.handle_event(say.Evaluated(step=50, loss=2.0))
    session.handle_event(started(step=40))
    session.handle_event(say.RowsCompleted(rows=tuple(row(n) for n in range(1, 41)), is_history=True))
    assert session.metrics["step"][-1] == 40
    assert session.evaluations == []


async def test_evaluations_on_an_earlier_text_are_marked_and_not_the_best(
    session: RunSession,
) -> None:
    session.handle_event(say.Evaluated(step=10, loss=0.5, is_history=True, other_text=True))
    session.handle_event(say.RowsCompleted(rows=tuple(row(n) for n in range(1, 60))))
    view = loss_view(session, log=False, full=True)
    assert view is not None
    assert "best" not in dict(view.more)
    session.handle_event(say.Evaluated(step=40, loss=2.5))
    view = loss_view(session, log=False, full=True)
    assert view is not None
    assert dict(view.more)["best"] == "2.500 at 40"
    assert dict(view.more)["10"] == "0.500 other text"
    session.handle_event(started(step=45))
    assert session.other_text_evaluations == 0


async def test_a_run_that_is_inspected_without_its_text_says_why(session: RunSession) -> None:
    session.handle_event(msgspec.structs.replace(started(), facts=facts(text_unavailable="There is no file x.txt.")))
    session.handle_event(status("inspecting", 120))
    view = status_view(session)
    assert "without its training text" in view.text and view.remedy == "There is no file x.txt."


async def test_a_run_that_cannot_be_gone_on_with_says_what_to_do_and_not_r_again(session: RunSession) -> None:
    gone = say.Failed(problem="Its text is not at hand.", remedy="rnnplay resume 1 --text FILE", fatal=True)
    session.handle_event(msgspec.structs.replace(gone, problem="It ended."))
    assert "r goes on" in status_view(session).remedy  # a trainer that had begun
    session._reset(same_run=True)
    session.run = "/nowhere/run-1"
    session.handle_event(gone)
    assert (status_view(session).text, status_view(session).remedy) == (gone.problem, gone.remedy)


async def test_the_loss_has_its_baseline_its_validation_and_bits_per_character(session: RunSession) -> None:
    session.handle_event(say.RowsCompleted(rows=tuple(row(n, loss=1.5) for n in range(1, 60))))
    session.handle_event(say.Evaluated(step=50, loss=math.log(2) * 2, baseline=2.45))
    view = loss_view(session, log=False)
    assert dict(view.figure)["train"] == "1.50"
    assert dict(view.figure)["validation"] == "1.39"
    assert view.figure[-1] == ("", "2.00 bits")
    assert (view.best_mark, view.crossings, view.sentences) == (50, ((1, 2.45),), ())
    assert view.marks == ((50, math.log(2) * 2),)
    assert (view.levels[0].label, view.levels[0].value) == ("bigram 2.45", 2.45)


async def test_what_a_loss_means_is_said_on_the_full_screen_and_in_the_status_line(session: RunSession) -> None:
    known = facts(chance_loss=math.log(31), baselines=(("bigram", 2.45), ("unigram", 2.9), ("trigram", 0.4)))
    session.handle_event(msgspec.structs.replace(started(), facts=known))
    losses = [3.403 - 0.02 * n for n in range(100)]
    session.handle_event(say.RowsCompleted(rows=tuple(row(n + 1, loss=loss) for n, loss in enumerate(losses))))
    session.handle_event(say.Evaluated(step=60, loss=2.04))
    means = [sum(losses[max(0, n - 15) : n + 1]) / min(16, n + 1) for n in range(100)]
    below = {baseline: next(n + 1 for n in range(100) if means[n] < baseline) for baseline in (2.45, 2.9)}
    assert loss_view(session, log=False, full=True).sentences == (
        "2.04 nats = 2.94 bits: as unsure as choosing among 7.7 equal symbols. "
        "What knows nothing scores ln 31 = 3.43 nats.",
        f"Passed the bigram at step {below[2.45]} ({below[2.45] / 100:.1f} s), "
        f"the unigram at step {below[2.9]} ({below[2.9] / 100:.1f} s).",
    )
    session.handle_event(status("training", 100))
    shown = play_status_view(session, (), {})
    assert shown.more == "2.04 nats = 2.94 bits: as unsure as choosing among 7.7 equal symbols."
    squared = facts(unit_of_loss="squared error", baselines=(), chance_loss=None)
    session.handle_event(msgspec.structs.replace(started(), facts=squared))
    session.handle_event(say.RowsCompleted(rows=(row(1),)))
    assert loss_view(session, log=False, full=True).sentences == ()


async def test_the_best_evaluation_is_named_where_the_run_overfits(session: RunSession) -> None:
    falling = tuple(row(n, loss=3 - 0.01 * n) for n in range(1, 221))
    session.handle_event(say.RowsCompleted(rows=falling))
    for step, loss in ((50, 2.5), (100, 1.801), (150, 1.9)):
        session.handle_event(say.Evaluated(step=step, loss=loss))
    session.handle_event(status("training", 160))
    assert "overfits" not in status_view(session).text
    session.handle_event(say.Evaluated(step=200, loss=3.775))
    assert "Best 1.801 at step 100, now 3.775: it overfits." in status_view(session).text
    view = loss_view(session, log=False)
    assert view.figure[:2] == (("best", "1.80 at 100"), ("now", "3.77: it overfits"))
    assert view.best_mark == 100
    session.handle_event(status("finished", 220, ended_by="patience"))
    assert "no better evaluation in 0. Its best is 1.801 of step 100." in status_view(session).text


async def test_the_clipped_steps_are_counted_by_the_trainer(session: RunSession) -> None:
    session.handle_event(say.RowsCompleted(rows=(row(1, clipped=1.0), row(20, clipped=0.0))))
    session.handle_event(status("training", 20, clipped=0, recent_steps=0))
    assert "clipped" not in dict(gradient_view(session).figure)
    session.handle_event(status("training", 20, clipped=12, recent_steps=64))
    view = gradient_view(session)
    assert dict(view.figure)["clipped"] == "12 of the last 64 steps"
    assert dict(gradient_view(session, full=True).more)["clipped"] == "12 of the last 64"
    assert view.levels[0].label == "clip 5"


async def test_a_sample_grows_by_what_was_drawn_and_begins_anew(session: RunSession) -> None:
    answer(session, sampled("The ", is_first=True))
    answer(session, sampled("lamp"))
    view = sample_view(session)
    assert "".join(view.text) == "The lamp"
    assert view.candidates[0] == ("e", 0.41)
    answer(session, sampled("Another", is_first=True))
    assert "".join(sample_view(session).text) == "Another"


async def test_the_prompt_is_told_from_what_was_drawn_and_unseen_characters_are_named(session: RunSession) -> None:
    session.sample.settings = SampleSettings(prompt="Oé yes")
    session.sample.begin(PLAY)
    answer(session, sampled("O yes no", is_first=True, unknown_symbols=("é",)))
    assert sample_view(session).prompt == len("O yes")
    assert session.problem is not None
    assert "'é'" in session.problem[0]


async def test_a_text_without_end_stays_bounded_and_its_lines_stay_where_they_were(session: RunSession) -> None:
    answer(session, sampled("", is_first=True))
    seen = ""
    for _ in range(60):
        answer(session, sampled(TEXT))
        seen += TEXT
        shown = "".join(sample_view(session).text)
        assert seen.endswith(shown)
        assert len(shown) >= min(len(seen), 1_000)
        assert dict(sample_view(session).key_figures)["written"] == f"{len(seen):,} characters"
    text = session.sample.texts[PLAY]
    assert len(text.text) <= 20_000
    assert len(text.text) == len(text.probabilities)


async def test_what_a_task_cannot_do_is_told_in_its_panel_when_nobody_asked(session: RunSession) -> None:
    answer(session, say.Failed(problem="adding shows nothing.", remedy="Look at a text."))
    answer(session, say.Failed(problem="adding writes nothing.", remedy="Sample from a text."))
    assert session.problem is None
    assert (session.cells.unavailable, session.sample.unavailable) == (
        "adding shows nothing.",
        "adding writes nothing.",
    )
    session.handle_event(say.Failed(problem="That went wrong.", remedy="Do this."))
    assert session.problem == ("That went wrong.", "Do this.")


STATES = {
    "training": ("Training", ""),
    "paused": ("Paused at step 120.", "Space goes on"),
    "finished": ("Finished after 120 steps in 1 min 05 s.", "r trains on"),
    "inspecting": ("step 120", "r trains on"),
}


@pytest.mark.parametrize("state", STATES)
async def test_the_status_says_how_things_stand_and_what_to_do(session: RunSession, state: str) -> None:
    session.handle_event(status(state))
    view = status_view(session)
    assert STATES[state][0] in view.text
    assert STATES[state][1] in view.remedy


async def test_a_long_text_that_is_read_says_how_far_it_is(session: RunSession) -> None:
    session.state = "starting"
    session.handle_event(say.ReadingText(bytes_read=450_000_000, progress=0.45))
    assert status_view(session).text == "Starting: reading the text, 45 %."
    session.handle_event(say.ReadingText(bytes_read=1_450_000_000))
    assert status_view(session).text == "Starting: reading the text, 1,450 MB."


async def test_a_limited_run_tells_how_far_it_is(session: RunSession) -> None:
    session.handle_event(status(progress=0.38, seconds_left=75.0))
    assert status_view(session).text == "Training: 38 % done, 1 min 15 s left."


async def test_a_run_that_diverged_says_why_until_it_goes_on(session: RunSession) -> None:
    session.handle_event(status())
    session.handle_event(
        status("diverged", problem="The loss stopped being a number.", remedy="Lower the learning rate.")
    )
    view = status_view(session)
    assert (view.text, view.mood) == ("The loss stopped being a number.", "bad")
    assert view.remedy == "Lower the learning rate."
    session.handle_event(status("training"))
    assert status_view(session).mood == ""


async def test_a_screen_that_comes_back_to_a_run_that_had_to_pause_says_why(session: RunSession) -> None:
    session.handle_event(status("paused", problem="The disk is full.", remedy="Make room, then go on."))
    assert session.problem == ("The disk is full.", "Make room, then go on.")
    session.handle_event(status("training"))
    assert session.problem is None


async def test_a_change_that_needs_a_new_network_says_so(session: RunSession) -> None:
    view = play_status_view(session, FIELDS, {"hidden": 256, "cell": "gru"})
    assert view.text == "cell LSTM → GRU, hidden 6 → 256: needs a new network."
    assert "n starts a run with it" in view.remedy


async def test_a_trainer_that_dies_leaves_a_run_to_go_on_with(session: RunSession) -> None:
    session.handle_event(status())
    session.handle_event(say.Failed(problem="The trainer ended unexpectedly (signal SIGKILL).", remedy="x", fatal=True))
    assert session.state == "dead"
    view = status_view(session)
    assert "SIGKILL" in view.text
    assert view.remedy.startswith("r goes on")
    header = header_view(session, config())
    assert (header.state, header.mood) == ("ended", "bad")


async def test_the_header_has_task_network_and_speed(session: RunSession) -> None:
    session.handle_event(status(step=12_431))
    view = header_view(session, config(hidden=9))
    assert view.left == ("prose", "LSTM 2x6", "Adam 4e-3", "64x32")
    assert view.right == ("step 12,431", "epoch 3.0", "198k char/s")


async def test_every_event_marks_what_it_changes_and_nothing_else(topics: list[str]) -> None:
    session = RunSession(lambda kind, **fields: topics.append(kind.topic))
    session.handle_event(started())
    session.handle_event(status())
    topics.clear()
    session.handle_event(status(step=121))
    session.handle_event(say.RowsCompleted(rows=(row(1),)))
    answer(session, trace())
    answer(session, trace(step=41))
    answer(session, sampled("a"))
    assert topics == ["status", "metrics", "answers", "cells", "sample"]


async def test_squared_error_is_called_so() -> None:
    session = RunSession(lambda kind, **fields: None)
    session.handle_event(say.Started(run="r", config=config(), facts=facts(unit_of_loss="squared error", baselines=())))
    session.handle_event(say.RowsCompleted(rows=(row(1), row(2))))
    view = loss_view(session, log=True)
    assert view.title == "Loss · squared error, log scale"
    assert view.figure[-1][0] == "train"


async def test_words_stand_apart_where_spaces_are_no_symbols(session: RunSession) -> None:
    session.handle_event(say.Started(run="r", config=config(), facts=facts(vocabulary=("good", "bad", "!"))))
    answer(session, say.Sampled(text=("good", "!", "bad"), probabilities=(0.5, 0.5, 0.5), is_first=True))
    assert "".join(sample_view(session).text) == "good ! bad "
    session.handle_event(say.Started(run="r", config=config(), facts=facts(vocabulary=("good", " ", "bad"))))
    assert "".join(sample_view(session).text) == "good!bad"


async def test_a_trace_that_is_asked_for_again_is_of_the_same_piece_of_text() -> None:
    sent: list[say.Command] = []

    def send(command: say.Command) -> int:
        sent.append(command)
        return len(sent)

    cells = CellsState(send, Selection())
    cells.request_trace(start=700)
    cells.request_trace()
    cells.request_trace(first_item=3)
    assert [command.start for command in sent if isinstance(command, say.WatchTrace)] == [700, 700, 700]


async def test_no_unit_is_shown_with_the_values_of_a_layer_s_direction(session: RunSession) -> None:
    values = np.full((1, 1, len(TEXT)), 200, np.uint8)
    direction = Direction("inside quotes", 1, "AUC 0.99", (4, 2))
    along = CellsView(tuple(TEXT), values, 1.0, direction=direction, total=len(TEXT))
    assert unit_rows_view(session, along).rows == ()
    assert unit_rows_view(session, along).values is None
