"""Every event says which run it is about, and an answer which command it answers."""

import asyncio
from pathlib import Path

import pytest
from driving import small, trained, write_text

from rnnplay import runs
from rnnplay.catalogue import make_config
from rnnplay.client import TrainerClient
from rnnplay.protocol import (
    AblateUnit,
    AnyEvent,
    AskTask,
    ChangeSample,
    Command,
    ComputeGates,
    ComputeGradientByLag,
    ComputeHistory,
    ComputeInfluence,
    ComputeOneUnit,
    DescribeNetwork,
    Evaluate,
    Evaluated,
    ExampleShown,
    Failed,
    FindUnits,
    GatesComputed,
    GradientByLagComputed,
    Health,
    HistoryComputed,
    InfluenceComputed,
    Inspect,
    MatrixShown,
    Measured,
    MeasureTask,
    NetworkDescribed,
    OneUnitComputed,
    Pause,
    QuestionProgressed,
    ReadingText,
    RowsCompleted,
    Sample,
    Sampled,
    Save,
    Saved,
    ShowExample,
    ShowMatrix,
    Started,
    Status,
    Stop,
    Stopped,
    TaskAnswered,
    Trace,
    Train,
    UnitAblated,
    UnitsFound,
    Unroll,
    Unrolled,
    WatchHealth,
    WatchTrace,
    numbered,
)

LIMIT = 120  # seconds, generous


@pytest.fixture(scope="module")
async def text_run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("requests")
    return await trained(small(write_text(folder / "text.txt"), steps=40, layers=2, validation=0.4), folder)


@pytest.fixture(scope="module")
async def item_run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("items")
    return await trained(make_config("addition", steps=10, hidden=5, seed=1), folder)


async def ask(opening: Train | Inspect, command: Command, kind: type, after: type = Started) -> list[AnyEvent]:
    """All events up to the answer, of `kind`; `command` is sent after the first event of `after`."""
    client = await TrainerClient.start(opening)
    events: list[AnyEvent] = []
    sent = False
    async with asyncio.timeout(LIMIT):
        async for event in client.events():
            events.append(event)
            if sent and isinstance(event, kind):
                break
            if not sent and isinstance(event, after):
                sent = True
                await client.send(command)
    await client.close()
    return events


@pytest.mark.parametrize(
    ("command", "kind"),
    [
        (WatchTrace(length=50), Trace),
        (WatchTrace(length=50, state="q"), Failed),
        (FindUnits(pattern="a"), UnitsFound),
        (FindUnits(pattern="("), Failed),
        (AblateUnit(layer=0, unit=1, pattern="a"), UnitAblated),
        (AblateUnit(layer=0, unit=1, pattern="column"), Failed),  # it fails when the job runs
        (ComputeGates(), GatesComputed),
        (ComputeHistory(layer=0, unit=1, state="h", pattern="a"), HistoryComputed),
        (Sample(length=5), Sampled),
        (ChangeSample(symbol="a"), Failed),
        (Unroll(), Unrolled),
        (ComputeGradientByLag(lags=5), GradientByLagComputed),
        (ComputeOneUnit(), OneUnitComputed),
        (ComputeInfluence(), InfluenceComputed),
        (DescribeNetwork(), NetworkDescribed),
        (ShowMatrix(name="l0.W_hh", step=1), MatrixShown),
        (ShowMatrix(name="l7.W_hh"), Failed),
        (WatchHealth(), Health),
        (Evaluate(), Evaluated),
        (MeasureTask(), Measured),
        (AskTask(prompt="a"), Failed),
        (Pause(), Failed),
    ],
    ids=lambda value: value.__name__ if isinstance(value, type) else type(value).__name__,
)
async def test_an_answer_carries_the_number_of_its_question(text_run: Path, command: Command, kind: type) -> None:
    command = numbered(command)
    events = await ask(Inspect(run=str(text_run)), command, kind, after=Status)
    # A slow machine says how far the reading is before there is a run.
    events = [event for event in events if not isinstance(event, ReadingText)]
    assert {event.run_id for event in events} == {runs.run_id(text_run)}
    assert events[-1].request == command.request > 0
    others = [event for event in events[:-1] if not isinstance(event, Started | QuestionProgressed)]
    assert {event.request for event in others} <= {0}


async def test_an_item_is_shown_and_answered_by_number(item_run: Path) -> None:
    for command, kind in ((ShowExample(), ExampleShown), (AskTask(prompt="3+4"), TaskAnswered)):
        numbered_command = numbered(command)
        events = await ask(Inspect(run=str(item_run)), numbered_command, kind)
        assert (events[-1].request, events[-1].run_id) == (numbered_command.request, runs.run_id(item_run))


async def test_events_that_come_again_carry_the_number_of_the_command_in_force(tmp_path: Path) -> None:
    opening = numbered(Train(config=small(write_text(tmp_path / "text.txt"), steps=None), root=str(tmp_path)))
    client = await TrainerClient.start(opening)
    first = await client.send(WatchTrace(length=30, every=0.01))
    sample = await client.send(Sample(channel=2, rate=500.0))
    second = 0
    numbers: list[int] = []
    unsolicited: set[type] = set()
    run_ids: set[str] = set()
    async with asyncio.timeout(LIMIT):
        async for event in client.events():
            run_ids.add(event.run_id)
            match event:
                case Started():
                    assert event.request == opening.request
                    assert event.run_id == runs.run_id(Path(event.run))
                case Trace():
                    numbers.append(event.request)
                    if len(numbers) == 3:
                        second = await client.send(WatchTrace(length=20, every=0.01))
                    if numbers.count(second) >= 3 and unsolicited >= {Status, RowsCompleted}:
                        await client.send(Save())
                case Sampled():
                    assert event.request == sample
                case Saved() if event.request:
                    await client.send(Stop())
                case Status() | RowsCompleted() | Evaluated() | Stopped():
                    assert event.request == 0
                    unsolicited.add(type(event))
    await client.close()
    assert numbers[:3] == [first] * 3
    assert numbers == sorted(numbers) and set(numbers) == {first, second}
    assert len(run_ids) == 1 and "" not in run_ids
    assert Stopped in unsolicited


async def test_no_two_commands_of_a_process_have_one_number(text_run: Path) -> None:
    one, two = numbered(ComputeGates()), numbered(ComputeGates())
    assert one.request != two.request
    assert numbered(one) is one
    client = await TrainerClient.start(Inspect(run=str(text_run)))
    assert await client.send(one) == one.request
    assert await client.send(ComputeGates()) > two.request
    await client.close()


async def test_a_run_that_cannot_be_opened_is_an_answer_to_the_opening(tmp_path: Path) -> None:
    opening = numbered(Inspect(run=str(tmp_path / "nothing")))
    client = await TrainerClient.start(opening)
    events = [event async for event in client.events()]
    await client.close()
    assert [type(event) for event in events] == [Failed]
    assert (events[0].request, events[0].run_id) == (opening.request, "")
