"""Held-out items, questions and measures, as a real trainer answers them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from driving import follow, of, run_of

from rnnplay.catalogue import make_config
from rnnplay.protocol import (
    AnyEvent,
    AskTask,
    Command,
    ExampleShown,
    Failed,
    Inspect,
    Measured,
    MeasureTask,
    ShowExample,
    Started,
    Status,
    Stop,
    TaskAnswered,
    Trace,
    Train,
    WatchTrace,
    numbered,
)


async def asked(opening: Train | Inspect, *commands: Command) -> list[AnyEvent]:
    """All events of a trainer that is asked `commands` once it has finished, or stands to be looked at."""
    waiting = [*commands, Stop()]
    answers = ExampleShown | TaskAnswered | Measured | Failed | Trace

    def react(event: AnyEvent) -> Command | None:
        begins = (
            isinstance(event, Status) and event.state in ("finished", "inspecting") and len(waiting) > len(commands)
        )
        return waiting.pop(0) if waiting and (begins or isinstance(event, answers)) else None

    return await follow(opening, react)


def training(task: str, root: Path, **choices: Any) -> Train:
    return Train(config=make_config(task, **choices), root=str(root))


async def test_a_learned_sum_is_shown_answered_and_measured_and_again_when_it_is_only_looked_at(tmp_path: Path) -> None:
    questions = ShowExample(index=2), AskTask(prompt="25 + 18"), AskTask(prompt="much"), MeasureTask()
    commands = [numbered(question) for question in questions]
    events = await asked(training("addition", tmp_path), *commands)
    facts = of(Started, events)[0].facts
    assert facts.has_examples and not facts.held_out and not facts.can_sample
    assert "23 + 18" in facts.question_help
    (shown,), (answered,), (measured,) = (of(kind, events) for kind in (ExampleShown, TaskAnswered, Measured))
    assert shown.index == 2
    assert shown.predictions == shown.targets
    assert min(shown.target_probabilities) > 0.5
    assert shown.outputs == ("0", "1")
    assert shown.probabilities is not None
    each = shown.probabilities.array()
    assert each.sum(axis=1) == pytest.approx(np.ones(8))
    assert each[range(8), [int(bit) for bit in shown.targets]] == pytest.approx(shown.target_probabilities)
    assert [len(row) for row in (shown.inputs, shown.targets, shown.prediction_probabilities)] == [8, 8, 8]
    assert "".join(said.symbol for said in answered.answer) == "25 + 18 = 43"
    assert [(event.problem, event.command) for event in of(Failed, events)] == [("'much' is no sum.", "AskTask")]
    assert measured.solved and measured.value == 1.0
    again = await asked(Inspect(run=str(run_of(events))), *commands)
    assert of(ExampleShown, again)[0] == shown
    assert of(Measured, again)[0] == measured


async def test_a_heatmap_over_items_begins_with_the_example_that_is_shown(tmp_path: Path) -> None:
    opening = training("tagging", tmp_path, steps=2, hidden=5)
    watch = WatchTrace(length=200, every=0, example=3)
    events = await asked(opening, ShowExample(index=3), watch, WatchTrace(length=200, every=0, state="c", example=3))
    shown, (h, c) = of(ExampleShown, events)[0], of(Trace, events)
    T = len(shown.inputs)
    assert [symbol.strip() for symbol in h.symbols[:T]] == list(shown.inputs)
    assert h.symbols[T] == "\n"
    assert h.values.shape == (1, 5, len(h.symbols))
    assert (h.values.array()[:, :, T] == 127).all()
    assert h.symbols == c.symbols
    assert (h.values.array() != c.values.array()).any()
    assert 60 < sum(map(len, h.symbols)) <= 200
    assert h.surprise.array()[:T].max() > 0


async def test_an_encoders_words_stand_on_a_line_before_the_decoders(tmp_path: Path) -> None:
    opening = training("translate", tmp_path, steps=2, hidden=6)
    events = await asked(opening, ShowExample(), WatchTrace(length=300, every=0, example=0))
    shown, trace = of(ExampleShown, events)[0], of(Trace, events)[0]
    S = len(shown.source)
    assert [symbol.strip() for symbol in trace.symbols[:S]] == list(reversed(shown.source))
    assert trace.symbols[S] == "\n"
    assert trace.symbols[S + 1].strip() == "<START>"
    assert shown.expected == tuple(target for target in shown.targets if target != "<END>")


async def test_pictures_and_films_come_with_what_the_network_makes_of_them(tmp_path: Path) -> None:
    scene = of(ExampleShown, await asked(training("caption", tmp_path, steps=1, hidden=7), ShowExample()))[0]
    assert scene.frames is not None
    assert scene.frames.shape == (1, 16, 16)
    assert scene.frames.array().max() > 150
    film = of(ExampleShown, await asked(training("ball", tmp_path, steps=1, hidden=7), ShowExample()))[0]
    assert film.predicted_frames is not None and film.frames is not None
    assert film.predicted_frames.shape == film.frames.shape == (24, 12, 12)
    digit = of(ExampleShown, await asked(training("plain", tmp_path, steps=1, hidden=7), ShowExample()))[0]
    assert digit.probabilities is not None
    assert digit.probabilities.array().sum() == pytest.approx(1, abs=1e-5)


async def test_a_series_is_forecast_from_where_it_is_told_nothing_more(tmp_path: Path) -> None:
    commands = ShowExample(index=1), AskTask(prompt="30")
    events = await asked(training("series", tmp_path, steps=60), *commands)
    shown, answered = of(ExampleShown, events)[0], of(TaskAnswered, events)[0]
    assert shown.series is not None and shown.predicted is not None and shown.forecast is not None
    series, predicted, forecast = (packed.array() for packed in (shown.series, shown.predicted, shown.forecast))
    assert len(series) == len(predicted) + 1
    known = len(series) - len(forecast)
    assert 0 < known < len(series)
    # The first forecast value is the prediction from all that is known; from then on each is fed its own.
    assert forecast[0] == pytest.approx(predicted[known - 1], abs=1e-4)
    assert not np.allclose(forecast[1:], predicted[known:], atol=1e-6)
    assert answered.series is not None and len(answered.series.array()) == 30


async def test_an_asked_forecast_comes_with_the_end_of_the_series(tmp_path: Path) -> None:
    events = await asked(training("series", tmp_path, steps=3, hidden=6), AskTask(prompt="7"), AskTask(prompt="many"))
    answered = of(TaskAnswered, events)[0]
    assert answered.series is not None and answered.before is not None
    assert (answered.series.shape, answered.before.shape) == ((7,), (60,))
    assert answered.before.array().std() > 0.5
    assert of(Failed, events)[0].problem == "'many' is not a number of values."


async def test_a_review_has_the_probability_of_each_label_after_every_word(tmp_path: Path) -> None:
    shown = of(ExampleShown, await asked(training("sentiment", tmp_path, steps=3, hidden=5), ShowExample(index=4)))[0]
    assert shown.outputs == ("bad", "good")
    assert shown.probabilities is not None
    p = shown.probabilities.array()
    assert p.shape == (len(shown.inputs), 2)
    np.testing.assert_allclose(p.sum(axis=1), 1, atol=1e-5)
    assert shown.target_probabilities[-1] == pytest.approx(
        float(p[-1, shown.outputs.index(str(shown.targets[-1]))]), abs=1e-6
    )
    assert shown.targets[:-1] == (None,) * (len(shown.inputs) - 1)


async def test_an_example_is_shown_again_as_the_network_learns(tmp_path: Path) -> None:
    steps: list[int] = []

    def react(event: AnyEvent) -> Command | None:
        if isinstance(event, Started):
            return ShowExample(every=0.01)
        if isinstance(event, ExampleShown):
            steps.append(event.step)
        finished = isinstance(event, Status) and event.state == "finished"
        return Stop() if len(steps) >= 3 or finished else None

    await follow(training("reber", tmp_path, steps=100_000), react)
    assert len(steps) >= 3
    assert steps == sorted(set(steps))


async def test_a_text_has_no_example_and_is_measured_by_an_n_gram(tmp_path: Path) -> None:
    commands = ShowExample(), AskTask(prompt="x"), MeasureTask()
    events = await asked(training("prose", tmp_path, steps=2, hidden=6), *commands)
    assert not of(Started, events)[0].facts.has_examples
    assert [event.problem for event in of(Failed, events)] == [
        "prose is a text: it has no examples.",
        "prose takes no question.",
    ]
    measured = of(Measured, events)[0]
    assert "3-gram" in measured.name
    assert not measured.solved
    assert measured.value > measured.criterion > 1


async def test_a_reber_string_says_what_may_follow_beside_what_is_held_likely(tmp_path: Path) -> None:
    events = await asked(training("reber", tmp_path, steps=500), ShowExample(index=1))
    shown = of(ExampleShown, events)[0]
    assert shown.row_labels == ("may follow", "likely", "p(allowed)")
    assert shown.targets[:2] == ("PT", "B")
    followed = [next_letter in may for next_letter, may in zip(shown.inputs[1:], shown.targets, strict=False)]
    assert all(followed) and {len(may or "") for may in shown.targets} == {1, 2}
    assert sum(map(str.__eq__, map(str, shown.predictions), map(str, shown.targets))) > len(followed) // 2
    assert min(shown.target_probabilities) > 0.8


async def test_what_nobody_can_know_has_no_target(tmp_path: Path) -> None:
    shown = of(ExampleShown, await asked(training("counting", tmp_path, steps=3), ShowExample(index=1)))[0]
    assert shown.inputs == (*"aaaaa", *"bbbbb")
    assert shown.targets == (*[None] * 5, *"bbbb", "<END>")
    assert shown.probabilities is not None and shown.probabilities.shape == (10, 3)


async def test_hello_is_shown_and_its_heatmap_is_the_word(tmp_path: Path) -> None:
    events = await asked(training("hello", tmp_path, steps=300), ShowExample(), WatchTrace(length=200, every=0))
    shown, trace = of(ExampleShown, events)[0], of(Trace, events)[0]
    assert (shown.inputs, shown.predictions) == (tuple("hell"), tuple("ello"))
    assert "".join(trace.symbols) == "hello"
