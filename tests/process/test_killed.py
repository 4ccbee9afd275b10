"""A trainer that is killed or gets a signal: its run goes on as if nothing had happened."""

import asyncio
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from driving import (
    alive,
    assert_same_run,
    gone,
    last_saved,
    metrics,
    of,
    resumed,
    run_of,
    small,
    trained,
)

from rnnplay.client import TrainerClient
from rnnplay.protocol import (
    AnyEvent,
    ChangeSettings,
    DoOneStep,
    Failed,
    Resume,
    RowsCompleted,
    Save,
    Saved,
    Started,
    Status,
    Stopped,
    Train,
)


async def test_a_run_killed_in_between_catches_up_bit_for_bit(text: Path, tmp_path: Path) -> None:
    unbroken = await trained(small(text, steps=3000), tmp_path / "unbroken")
    client = await TrainerClient.start(Train(config=small(text, steps=3000), root=str(tmp_path / "killed")))
    run, asked = None, False
    async for event in client.events():
        if isinstance(event, Started):
            run = Path(event.run)
        if isinstance(event, RowsCompleted) and event.rows[-1].step > 50 and not asked:
            asked = True
            await client.send(Save())
        if isinstance(event, Saved) and event.step > 50:
            os.kill(client.pid, signal.SIGKILL)
    assert run is not None
    assert 50 < last_saved(run) < 3000
    await resumed(run)
    assert_same_run(unbroken, run, 3000)


async def test_killed_again_and_again_at_random_moments_it_resumes_each_time(text: Path, tmp_path: Path) -> None:
    draw = random.Random(11)
    unbroken = await trained(small(text, steps=4000, evaluate_every=100), tmp_path / "unbroken")
    opening: Train | Resume = Train(config=small(text, steps=4000, evaluate_every=100), root=str(tmp_path / "killed"))
    run, steps = Path(), []
    for number in range(8):
        client = await TrainerClient.start(opening)
        events: list[AnyEvent] = []
        killer: asyncio.Task[None] | None = None
        saved = asyncio.Event()

        async def kill(client: TrainerClient, saved: asyncio.Event, wait: bool) -> None:
            await asyncio.sleep(draw.uniform(0.0, 0.25))
            await client.send(Save())
            if wait:  # without this no checkpoint might ever be whole on a slow machine
                await saved.wait()
            await asyncio.sleep(draw.uniform(0.0, 0.02))
            os.kill(client.pid, signal.SIGKILL)

        async for event in client.events():
            events.append(event)
            if isinstance(event, Saved) and event.step:
                saved.set()
            if isinstance(event, Started):
                run = Path(event.run)
                killer = asyncio.create_task(kill(client, saved, bool(number % 2)))
        assert killer is not None
        await killer
        assert not alive(client.pid)
        failed = of(Failed, events)[-1]
        assert failed.fatal
        assert "SIGKILL" in failed.problem
        assert str(run) in failed.remedy
        steps.append(of(Started, events)[0].step)
        opening = Resume(run=str(run))
    assert steps == sorted(steps)
    assert steps[-1] > 0, "not one of the checkpoints survived"
    await resumed(run)
    assert_same_run(unbroken, run, 4000)


async def test_a_run_that_was_killed_before_its_first_checkpoint_begins_anew(text: Path, tmp_path: Path) -> None:
    unbroken = await trained(small(text, steps=30), tmp_path)
    broken = Path(shutil.copytree(unbroken, tmp_path / "copy-broken"))
    for kind in ("ckpt", "best", "weights"):
        for file in broken.glob(f"{kind}-*"):
            file.unlink()
    events = await resumed(broken)
    assert of(Started, events)[0].step == 0
    assert_same_run(unbroken, broken, 30)


PARENT = """
import asyncio, sys
from rnnplay.catalogue import make_config
from rnnplay.client import TrainerClient
from rnnplay.protocol import RowsCompleted, Train
async def main():
    config = make_config("text", text=sys.argv[1], hidden=9, batch=2)
    client = await TrainerClient.start(Train(config=config, root=sys.argv[2]))
    async for event in client.events():
        if isinstance(event, RowsCompleted):
            print(client.pid, flush=True)
asyncio.run(main())
"""


def test_when_whoever_started_it_is_killed_it_saves_and_ends(text: Path, tmp_path: Path) -> None:
    with subprocess.Popen([sys.executable, "-c", PARENT, text, tmp_path], stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout is not None
        pid = int(parent.stdout.readline())
        parent.kill()
    assert gone(pid)
    (run,) = (path.parent for path in tmp_path.glob("*/config.json"))
    assert last_saved(run) > 0
    assert max(line["step"] for line in metrics(run)) == last_saved(run)


async def test_when_both_are_killed_at_once_no_process_stays_and_it_resumes(text: Path, tmp_path: Path) -> None:
    draw = random.Random(3)
    for _ in range(3):
        command = [sys.executable, "-c", PARENT, text, tmp_path]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as parent:
            assert parent.stdout is not None
            pid = int(parent.stdout.readline())
            time.sleep(draw.uniform(0, 0.1))
            os.kill(pid, signal.SIGKILL)
            parent.kill()
        assert gone(pid)
    for config in tmp_path.glob("*/config.json"):
        assert of(Stopped, await resumed(config.parent, more_steps=3))[0].reason == "finished"


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
async def test_a_signal_saves_and_ends_it(text: Path, tmp_path: Path, number: signal.Signals) -> None:
    client = await TrainerClient.start(Train(config=small(text), root=str(tmp_path)))
    events, sent = [], False
    async for event in client.events():
        events.append(event)
        if isinstance(event, RowsCompleted) and not sent:
            sent = True
            os.kill(client.pid, number)
    stopped = of(Stopped, events)[-1]
    assert stopped.reason == "stopped"
    assert last_saved(run_of(events)) == stopped.step > 0
    assert not alive(client.pid)


async def test_a_change_that_no_checkpoint_knows_is_forgotten_when_the_run_is_resumed(
    text: Path, tmp_path: Path
) -> None:
    client = await TrainerClient.start(Train(config=small(text, steps=5), root=str(tmp_path), paused=True))
    run, rates = Path(), [0.25, 0.125]
    async for event in client.events():
        match event:
            case Started():
                run = Path(event.run)
                await client.send(ChangeSettings(lr=0.25))
                await client.send(DoOneStep())
                await client.send(Save())
            case Saved(step=1):
                await client.send(ChangeSettings(lr=0.125))
            case Status(lr=0.125):
                os.kill(client.pid, signal.SIGKILL)
            case _:
                pass
    assert [line["lr"] for line in metrics(run) if line.get("kind") == "changed"] == rates
    started = of(Started, await resumed(run))[0]
    assert (started.step, started.config.lr) == (1, 0.25)
    assert [line["lr"] for line in metrics(run) if line.get("kind") == "changed"] == [0.25]
    assert [line["lr"] for line in metrics(run) if "kind" not in line] == [0.25] * 5
