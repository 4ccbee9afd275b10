"""Questions about units put to real trainers."""

import asyncio
import time
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from driving import follow, losses, of, small, trained, write_text

from rnnplay.client import TrainerClient
from rnnplay.protocol import (
    AblateUnit,
    AnyEvent,
    CancelQuestions,
    Census,
    ChangeSample,
    Command,
    ComputeGates,
    ComputeHistory,
    Event,
    Failed,
    FindUnits,
    GatesComputed,
    HistoryComputed,
    Inspect,
    Sample,
    Status,
    Stop,
    Trace,
    Train,
    UnitAblated,
    UnitsFound,
    WatchCensus,
    WatchTrace,
)
from rnnplay.trainer.handlers.base import TimeShares
from rnnplay.trainer.handlers.cells import CellsHandler
from rnnplay.trainer.handlers.census import CensusHandler
from rnnplay.trainer.opening import open_session

LIMIT = 120  # seconds, generous


@pytest.fixture(scope="module")
async def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small run of 40 steps: its history holds 1, 2, 4, …, 32."""
    folder = tmp_path_factory.mktemp("questions")
    return await trained(small(write_text(folder / "text.txt"), steps=40, layers=2, validation=0.4), folder)


async def answers(run: Path, *questions: Command, until: type | tuple[type, ...]) -> list[AnyEvent]:
    """What a trainer that looks at `run` says; each question is put when the one before has its answer."""
    client = await TrainerClient.start(Inspect(run=str(run)))
    told: list[AnyEvent] = []
    left = iter(questions)
    await client.send(next(left))
    async with asyncio.timeout(LIMIT):
        async for event in client.events():
            told.append(event)
            if isinstance(event, until):
                if (question := next(left, None)) is None:
                    break
                await client.send(question)
    await client.close()
    return told


async def test_find_ranks_all_units_beside_two_controls(run: Path) -> None:
    found = of(UnitsFound, await answers(run, FindUnits(pattern="start of word", characters=500), until=UnitsFound))[0]
    assert found.step == 40
    assert len(found.units) == 2 * 11 * 2
    assert [u.strength for u in found.units] == sorted((u.strength for u in found.units), reverse=True)
    assert found.units[0].strength == max(found.units[0].value, 1 - found.units[0].value)
    assert 0.5 <= found.rolled_control < 1
    assert 0.5 <= found.untrained < 1
    assert found.characters == 500
    assert "start of word" in found.sentence


async def test_a_feature_with_degrees_is_followed_by_rank(run: Path) -> None:
    found = of(UnitsFound, await answers(run, FindUnits(pattern="column", characters=400), until=UnitsFound))[0]
    assert found.measure == "rank correlation"
    assert "column" in found.sentence


@pytest.mark.parametrize(
    ("question", "wrong"),
    [
        (FindUnits(pattern="[a-"), "no regular expression"),
        (FindUnits(pattern="xyz!"), "nowhere"),
        (FindUnits(pattern="(?s:.)"), "everywhere"),
        (FindUnits(pattern="([a-z ]+)+!"), "longer than"),
        (FindUnits(pattern="a", characters=0), "cannot be read"),
        (AblateUnit(layer=0, unit=11, pattern="a"), "no unit 12 of layer 1"),
        (AblateUnit(layer=0, unit=1, pattern="a", clamp_to="five"), "held at 'five'"),
        (ComputeHistory(layer=0, unit=0, state="f", pattern="a"), "no 'f' to follow"),
        (WatchTrace(state="q", every=0), "no 'q' to look at"),
        (Sample(clamps=((5, 0, 1.0),)), "no unit 1 of layer 6"),
        (ChangeSample(channel=9), "No sample is under way"),
    ],
)
async def test_what_cannot_be_answered_is_one_sentence_and_nothing_is_lost(
    run: Path, question: Command, wrong: str
) -> None:
    told = await answers(run, question, FindUnits(pattern="a", characters=300), until=(Failed, UnitsFound))
    failed = of(Failed, told)
    assert len(failed) == 1
    assert wrong in failed[0].problem
    assert failed[0].remedy
    assert not failed[0].fatal
    assert of(UnitsFound, told)


async def test_ablation_measures_inside_and_outside_beside_other_units(run: Path) -> None:
    told = of(
        UnitAblated, await answers(run, AblateUnit(layer=1, unit=3, pattern="[ae]", characters=600), until=UnitAblated)
    )[0]
    assert len(told.others_inside) == 10
    assert told.fraction_beaten == np.mean([other < told.inside for other in told.others_inside])
    assert told.inside != told.outside
    assert told.characters == 600
    assert "unit 4 of layer 2" in told.sentence


async def test_what_takes_long_can_be_left_off(run: Path) -> None:
    client = await TrainerClient.start(Inspect(run=str(run)))
    for command in (AblateUnit(layer=0, unit=1, pattern="a"), CancelQuestions(), ComputeGates(characters=300)):
        await client.send(command)
    told: list[AnyEvent] = []
    async with asyncio.timeout(LIMIT):
        async for event in client.events():
            told.append(event)
            if isinstance(event, GatesComputed):
                await client.send(Stop())
    await client.close()
    assert of(GatesComputed, told)
    assert not of(UnitAblated, told)


@pytest.mark.parametrize(("pattern", "answered"), [("a", 1), ("e", 0)])
async def test_a_find_of_another_pattern_ends_an_ablation_that_is_under_way(
    run: Path, pattern: str, answered: int
) -> None:
    sent: list[Event] = []
    connection: Any = SimpleNamespace(send=lambda event, answers=None: sent.append(event))
    handler = CellsHandler(open_session(Inspect(run=str(run))), connection, TimeShares())
    handler.handle_command(AblateUnit(layer=0, unit=1, pattern="a", characters=300), lambda: False)
    handler.handle_command(FindUnits(pattern=pattern, characters=300), lambda: False)
    while handler.seconds_until_due() == 0:
        handler.run_pending(training=False)
    assert len([event for event in sent if isinstance(event, UnitAblated)]) == answered


async def test_a_census_explains_every_feature_and_says_how_it_grew(run: Path) -> None:
    census = of(Census, await answers(run, WatchCensus(once=True, growth=True), until=Census))[0]
    assert census.step == 40
    assert {"start of word", "column", "vowel", "space next"} <= {feature.feature for feature in census.features}
    surprises = [f.unit.strength - max(f.rolled_control or 0, f.untrained) for f in census.features]
    assert surprises == pytest.approx(sorted(surprises, reverse=True))
    word = next(feature for feature in census.features if feature.feature == "start of word")
    assert [step for step, _ in word.growth] == [0, 1, 2, 4, 8, 16, 32, 40]
    assert word.growth[-1][1] == word.unit.strength
    assert word.weights is not None
    assert word.weights.array().shape == (11,)


async def test_censuses_keep_to_their_share_of_training(run: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    clock = SimpleNamespace(now=100.0)
    for name in ("perf_counter", "thread_time"):
        monkeypatch.setattr(time, name, lambda: clock.now)
    connection: Any = SimpleNamespace(send=lambda event, answers=None: None, backlog=0)
    handler = CensusHandler(open_session(Inspect(run=str(run))), connection, TimeShares())

    def slices() -> Iterator[None]:
        while True:
            clock.now += 0.012
            yield

    monkeypatch.setattr(handler, "_take", slices)
    handler.handle_command(WatchCensus(), lambda: False)
    begun = clock.now
    for _ in range(20_000):
        clock.now += 0.005  # a training step
        handler.run_pending(training=True)
    assert handler.seconds < 0.01 * (clock.now - begun)
    assert handler.seconds > 0.005 * (clock.now - begun)


async def test_gates_are_told_for_each_layer_gate_and_unit(run: Path) -> None:
    shown = of(GatesComputed, await answers(run, ComputeGates(characters=500), until=GatesComputed))[0]
    assert [(g.layer, g.gate) for g in shown.gates] == [(layer, gate) for layer in range(2) for gate in "ifo"]
    for gate in shown.gates:
        left, right = gate.left_saturated.array(), gate.right_saturated.array()
        assert left.shape == right.shape == (11,)
        assert ((left + right) <= 1).all()


async def test_history_follows_a_unit_through_every_checkpoint(run: Path) -> None:
    question = ComputeHistory(layer=0, unit=2, state="c", pattern="start of word", characters=400)
    shown = of(HistoryComputed, await answers(run, question, until=HistoryComputed))[0]
    assert shown.steps == (0, 1, 2, 4, 8, 16, 32, 40)
    assert len(shown.values) == 8
    last = of(UnitsFound, await answers(run, FindUnits(pattern="start of word", characters=400), until=UnitsFound))[0]
    unit = next(u for u in last.units if (u.layer, u.unit, u.state) == (0, 2, "c"))
    assert shown.values[-1] == pytest.approx(unit.value, abs=1e-6)


async def test_the_text_is_shown_as_it_was_at_an_earlier_step_and_by_every_gate(run: Path) -> None:
    questions = [WatchTrace(length=50, every=0, state=state) for state in "hcifog"]
    traces = of(Trace, await answers(run, *questions, WatchTrace(length=50, every=0, step=4), until=Trace))
    assert [trace.state for trace in traces] == [*"hcifog", "h"]
    assert [trace.step for trace in traces] == [40] * 6 + [4]
    arrays = [trace.values.array() for trace in traces]
    assert all(array.shape == (2, 11, 50) for array in arrays)
    assert len({array.tobytes() for array in arrays}) == 7
    assert all((array >= 127).all() for array in arrays[2:5])  # what sigmoid gives is never negative


async def test_what_the_network_expects_after_each_character_is_told_when_asked_for(run: Path) -> None:
    plain, asked = of(
        Trace,
        await answers(
            run, WatchTrace(length=40, every=0), WatchTrace(length=40, every=0, state="c", candidates=True), until=Trace
        ),
    )
    assert plain.candidates is None
    assert asked.candidates is not None and asked.probabilities is not None
    chances = asked.probabilities.array().astype(float)
    assert chances.shape == asked.candidates.array().shape == (5, 40)
    assert (np.diff(chances, axis=0) <= 0).all()


async def test_questions_change_no_number_of_the_training(tmp_path: Path) -> None:
    text = write_text(tmp_path / "text.txt")
    quiet = await follow(Train(config=small(text, steps=400), root=str(tmp_path / "a")))

    some = [FindUnits(pattern="[ab]", characters=300), AblateUnit(layer=0, unit=1, pattern="a", characters=300)]
    questions = iter(some * 3)

    def asking(event: AnyEvent) -> Command | None:
        if isinstance(event, Status) and event.state == "training":
            return next(questions, None)
        if isinstance(event, Status) and event.state == "finished":
            return Stop()
        return None

    asked = await follow(Train(config=small(text, steps=400), root=str(tmp_path / "b")), asking)
    assert losses(asked) == losses(quiet)
    assert of(UnitsFound, asked)
