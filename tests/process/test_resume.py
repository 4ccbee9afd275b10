"""A run that was stopped or damaged goes on bit for bit, and says what is different from before."""

import asyncio
from pathlib import Path
from typing import Any

import msgspec
import pytest
from driving import (
    assert_same_run,
    follow,
    metrics,
    of,
    resumed,
    run_of,
    small,
    trained,
)

from rnnplay.client import TrainerClient
from rnnplay.config import RunConfig
from rnnplay.protocol import (
    AnyEvent,
    Command,
    Continue,
    DoOneStep,
    Failed,
    Pause,
    Resume,
    RowsCompleted,
    Save,
    Saved,
    Started,
    Status,
    Stop,
    Stopped,
    Train,
)
from rnnplay.runs import checkpoint, load_record, save_record

VARIANTS: list[dict[str, Any]] = [
    {"cell": "lstm", "layers": 2, "optimizer": "adam", "clip": 0.2},
    {"cell": "gru", "optimizer": "rmsprop", "dropout": 0.3, "weight_dropout": 0.2, "ema_decay": 0.9},
    {"cell": "rnn", "optimizer": "momentum", "dtype": "float64", "warmup": 9, "length_warmup_steps": 30, "lr": 1e-3},
]


async def stopped_at(step: int, run: RunConfig | Resume, root: Path = Path()) -> Path:
    """The directory of a run that trains to `step` and is stopped there."""
    opening = run if isinstance(run, Resume) else Train(config=run, root=str(root), paused=True)

    def react(event: AnyEvent) -> Command | None:
        if isinstance(event, Status) and event.state == "paused":
            return DoOneStep() if event.step < step else Stop()
        return None

    events = await follow(opening, react)
    assert of(Stopped, events)[0].step == step
    return run_of(events)


@pytest.mark.parametrize("choices", VARIANTS, ids=lambda choices: choices["cell"])
async def test_resuming_continues_bit_for_bit(text: Path, tmp_path: Path, choices: dict[str, Any]) -> None:
    unbroken = await trained(small(text, steps=40, **choices), tmp_path / "unbroken")
    broken = await trained(small(text, steps=20, **choices), tmp_path / "broken")
    await resumed(broken, more_steps=20)
    assert_same_run(unbroken, broken, 40)


async def test_an_open_block_of_steps_is_continued(text: Path, tmp_path: Path) -> None:
    unbroken = await trained(small(text, steps=1100, evaluate_every=400), tmp_path / "unbroken")
    broken = await trained(small(text, steps=1051, evaluate_every=400), tmp_path / "broken")  # odd: within a block of 2
    await resumed(broken, more_steps=49)
    assert_same_run(unbroken, broken, 1100)
    assert [line["step"] for line in metrics(broken) if "kind" not in line][-2:] == [1098, 1100]


async def test_a_second_resume_is_refused_while_it_runs(text: Path, tmp_path: Path) -> None:
    refused: list[AnyEvent] = []
    client = await TrainerClient.start(Train(config=small(text), root=str(tmp_path)))
    async for event in client.events():
        if isinstance(event, Started):
            refused = await follow(Resume(run=event.run))
            await client.send(Stop())
    (failed,) = refused
    assert isinstance(failed, Failed)
    assert failed.fatal
    assert "another process" in failed.problem


async def test_a_text_that_changed_is_refused(text: Path, tmp_path: Path) -> None:
    run = await trained(small(text, steps=5), tmp_path)
    before = metrics(run)
    text.write_text(text.read_text() + "once more")
    (failed,) = await resumed(run, more_steps=5)
    assert isinstance(failed, Failed)
    assert "changed" in failed.problem
    assert metrics(run) == before


async def test_a_damaged_checkpoint_is_told_and_the_one_before_it_used(text: Path, tmp_path: Path) -> None:
    whole = await trained(small(text, steps=30), tmp_path / "whole")
    run = await trained(small(text, steps=20), tmp_path / "damaged")
    await resumed(run, more_steps=10)
    assert checkpoint.checkpoint_steps(run) == [20, 30]
    damaged = checkpoint.checkpoint_path(run, 30)
    damaged.write_bytes(damaged.read_bytes()[:-9])
    events = await resumed(run)
    started = of(Started, events)[0]
    assert started.step == 20
    assert any("ckpt-30" in note and "before" in note for note in started.notes)
    assert_same_run(whole, run, 30)


@pytest.mark.parametrize("array", ["optimizer/moment0", "averaging/mean", "state/l0.h", "parameters/W_hy"])
async def test_a_checkpoint_that_holds_no_number_somewhere_is_not_used(text: Path, tmp_path: Path, array: str) -> None:
    config = small(text, steps=20, ema_decay=0.9)
    whole = await trained(small(text, steps=30, ema_decay=0.9), tmp_path / "whole")
    run = await trained(config, tmp_path / "damaged")
    await resumed(run, more_steps=10)
    found = checkpoint.load(checkpoint.checkpoint_path(run, 30))
    found.arrays[array].flat[0] = float("nan")
    checkpoint.save(found.path, 30, found.arrays, found.state)  # its digest is right
    events = await resumed(run)
    started = of(Started, events)[0]
    assert started.step == 20
    assert any("ckpt-30" in note and "not finite" in note for note in started.notes)
    assert_same_run(whole, run, 30)


def rates(run: Path) -> list[float]:
    return [line["lr"] for line in metrics(run) if "kind" not in line]


@pytest.mark.parametrize("schedule", ["step", "cosine"])
async def test_an_interrupted_schedule_goes_on_where_it_was(text: Path, tmp_path: Path, schedule: str) -> None:
    config = small(text, steps=20, schedule=schedule, warmup=3)
    unbroken = await trained(config, tmp_path / "unbroken")
    broken = await stopped_at(10, config, tmp_path / "broken")
    (started, *_) = of(Started, await resumed(broken))
    assert started.step == 10 and not any("schedule" in note for note in started.notes)
    assert_same_run(unbroken, broken, 20)


@pytest.mark.parametrize("schedule", ["step", "cosine"])
async def test_more_steps_after_the_end_are_a_new_schedule_over_them_and_it_says_so(
    text: Path, tmp_path: Path, schedule: str
) -> None:
    run = await trained(small(text, steps=20, schedule=schedule, warmup=3), tmp_path)
    (started, *_) = of(Started, await resumed(run, more_steps=20))
    assert any("new schedule over 20 steps" in note for note in started.notes)
    assert rates(run)[20:] == rates(run)[:20]


async def test_a_new_schedule_that_is_interrupted_goes_on_bit_for_bit(text: Path, tmp_path: Path) -> None:
    config = small(text, steps=20, schedule="cosine")
    unbroken, broken = await trained(config, tmp_path / "unbroken"), await trained(config, tmp_path / "broken")
    await resumed(unbroken, more_steps=20)
    await stopped_at(30, Resume(run=str(broken), more_steps=20, paused=True))
    (started, *_) = of(Started, await resumed(broken))
    assert started.step == 30 and not any("schedule" in note for note in started.notes)
    assert_same_run(unbroken, broken, 40)


async def test_more_steps_at_a_constant_rate_are_no_new_schedule(text: Path, tmp_path: Path) -> None:
    run = await trained(small(text, steps=10, warmup=20), tmp_path)
    (started, *_) = of(Started, await resumed(run, more_steps=10))
    assert not any("schedule" in note for note in started.notes)
    assert rates(run)[10] > rates(run)[9]


async def test_with_every_checkpoint_damaged_it_says_which(text: Path, tmp_path: Path) -> None:
    run = await trained(small(text, steps=5), tmp_path)
    for step in checkpoint.checkpoint_steps(run):
        checkpoint.checkpoint_path(run, step).write_bytes(b"nothing of the kind")
    (failed,) = await resumed(run, more_steps=5)
    assert isinstance(failed, Failed)
    assert "ckpt-5.safetensors" in failed.problem


async def test_another_numpy_is_noted(text: Path, tmp_path: Path) -> None:
    run = await trained(small(text, steps=5), tmp_path)
    save_record(run, msgspec.structs.replace(load_record(run), numpy="1.0.0"))
    started = of(Started, await resumed(run, more_steps=1))[0]
    assert any("NumPy was 1.0.0" in note for note in started.notes)


async def test_a_resumed_run_tells_its_past_first(text: Path, tmp_path: Path) -> None:
    run = await trained(small(text, steps=20), tmp_path)
    events = await resumed(run, more_steps=4)
    past = [event for event in of(RowsCompleted, events) if event.is_history]
    assert [row.step for event in past for row in event.rows] == list(range(1, 21))
    new = [row.step for event in of(RowsCompleted, events) if not event.is_history for row in event.rows]
    assert new == [21, 22, 23, 24]
    assert events.index(past[0]) < events.index(next(e for e in of(RowsCompleted, events) if not e.is_history))


async def test_a_paused_run_steps_one_by_one_and_gives_the_same_numbers(text: Path, tmp_path: Path) -> None:
    unbroken = await trained(small(text, steps=12), tmp_path / "unbroken")
    client = await TrainerClient.start(Train(config=small(text, steps=12), root=str(tmp_path / "stepped"), paused=True))
    run, step = Path(), 0
    async for event in client.events():
        match event:
            case Started():
                run = Path(event.run)
            case Status(state="paused"):
                assert event.step in (step, step + 1)
                step = event.step
                await client.send(DoOneStep() if step < 10 else Continue())
            case Status(state="finished"):
                await client.send(Stop())
            case _:
                pass
    assert_same_run(unbroken, run, 12)


async def test_pausing_keeps_it_where_it_is(text: Path, tmp_path: Path) -> None:
    client = await TrainerClient.start(Train(config=small(text), root=str(tmp_path)))
    paused: list[int] = []
    async for event in client.events():
        if isinstance(event, Started):
            await client.send(Pause())
        if isinstance(event, Status) and event.state == "paused":
            paused.append(event.step)
            await asyncio.sleep(0.3)
            await client.send(Save() if len(paused) == 1 else Stop())
            paused.append(event.step)
        if isinstance(event, Saved) and paused:
            assert event.step == paused[0]
            await client.send(Stop())
        if isinstance(event, Stopped):
            assert event.step == paused[0]
    assert paused
