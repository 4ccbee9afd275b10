"""Screens come and go while a run is trained: each gets its beginning and then what is new, and none ends the run."""

import asyncio
import os
import shutil
import signal
from pathlib import Path
from threading import Thread

import pytest
from driving import alive, follow, gone, last_saved, metrics, of
from screens import LONG, attached, started, stop
from storm import storm

from rnnplay.client import TrainerClient
from rnnplay.config import UserError
from rnnplay.protocol import (
    PROTOCOL_VERSION,
    ChangeSettings,
    Continue,
    Detach,
    Evaluated,
    Failed,
    Pause,
    Resume,
    Sample,
    Sampled,
    Serving,
    SetSpeed,
    SettingsChanged,
    Started,
    Status,
    Stop,
    Stopped,
    Trace,
    WatchTrace,
    encode_frame,
)
from rnnplay.runs import trainers
from rnnplay.trainer.metrics import block_length


def assert_no_row_is_missing(steps: list[int]) -> None:
    assert steps == [step for step in range(1, steps[-1] + 1) if step % block_length(step) == 0]


async def test_a_run_is_left_and_found_again_with_all_its_rows(text: Path, tmp_path: Path) -> None:
    first, run = await started(text, tmp_path / "runs")
    await first.until_step(30)
    pid = first.client.pid
    await first.client.send(SetSpeed(steps_per_second=0.1))
    await first.client.detach()  # as fast as it goes, then
    assert alive(pid)
    before = max(first.row_steps)
    second = await attached(run)
    await second.until_step(before + 50)
    assert alive(pid)
    await second.client.send(Stop())
    events = await second.rest()
    assert isinstance(events[-1], Stopped)
    assert second.row_steps == [line["step"] for line in metrics(run) if "kind" not in line]
    assert_no_row_is_missing(second.row_steps)
    assert [line["step"] for line in metrics(run) if line.get("kind") == "evaluated"] == [
        event.step for event in of(Evaluated, events)
    ]
    assert gone(pid)
    assert not (run / trainers.TRAINER).exists()


async def test_several_screens_see_the_same_and_each_its_own_answers(text: Path, tmp_path: Path) -> None:
    first, run = await started(text, tmp_path / "runs")
    await first.until_step(3)
    second, third = await attached(run), await attached(run)
    await first.until(lambda event: isinstance(event, Status) and event.screens == 3)
    request = await second.client.send(Sample(length=5))
    answer = await second.until(lambda event: isinstance(event, Sampled) and event.done)
    assert answer.request == request
    await third.client.send(WatchTrace(every=0.01))
    await third.until(lambda event: isinstance(event, Trace))
    await second.client.send(ChangeSettings(lr=1e-4))
    for screen in (first, second, third):
        changed = await screen.until(lambda event: isinstance(event, SettingsChanged))
        assert changed.lr == 1e-4
    await third.client.send(Pause())
    for screen in (first, second, third):
        await screen.until(lambda event: isinstance(event, Status) and event.state == "paused")
    assert of(Sampled, first.events) == of(Sampled, third.events) == of(Trace, second.events) == []
    await first.client.close()  # others are there: it only leaves
    await second.client.send(Continue())
    await third.until(lambda event: isinstance(event, Status) and event.screens == 2)
    await second.client.close()
    await third.client.close()
    assert await asyncio.to_thread(gone, first.client.pid)
    assert_no_row_is_missing(third.row_steps)


async def test_a_pipe_whose_run_is_not_to_linger_ends_it_although_a_screen_is_attached(
    text: Path, tmp_path: Path
) -> None:
    first, run = await started(text, tmp_path / "runs", linger=0.0)
    second = await attached(run)
    await second.until_step(10)
    first.client._streams[1].close()
    assert isinstance((await second.rest())[-1], Stopped)
    assert await asyncio.to_thread(gone, first.client.pid)


async def test_a_run_that_was_left_ends_saved_when_its_time_is_over(text: Path, tmp_path: Path) -> None:
    screen, run = await started(text, tmp_path / "runs")
    await screen.until_step(5)
    await screen.client.detach(linger=0.2)
    assert await asyncio.to_thread(gone, screen.client.pid)
    assert last_saved(run) >= 5 and not (run / trainers.TRAINER).exists()
    with pytest.raises(UserError, match="not being trained"):
        await TrainerClient.attach(run)


async def test_a_lost_screen_leaves_the_run_to_go_on(text: Path, tmp_path: Path) -> None:
    screen, run = await started(text, tmp_path / "runs")
    await screen.until_step(5)
    screen.client._streams[1].transport.abort()  # as if it was killed: no Stop, no Detach
    screen.client._reader.cancel()
    again = await attached(run)
    await again.until_step(max(screen.row_steps) + 20)
    again.client._streams[1].transport.abort()  # as if it was cut off because it was too slow: it attaches once more
    await again.until(lambda event: len(of(Started, again.events)) == 2)
    await stop(run)
    assert isinstance((await again.rest())[-1], Stopped)
    await asyncio.to_thread(screen.client._process.wait)  # type: ignore[union-attr]


async def test_a_killed_trainer_is_found_dead_and_its_traces_are_removed(text: Path, tmp_path: Path) -> None:
    screen, run = await started(text, tmp_path / "runs")
    record = trainers.read_record(run)
    assert record is not None and record.pid == screen.client.pid and trainers.find_trainer(run) == record
    shutil.copytree(run, tmp_path / "copy", ignore=shutil.ignore_patterns(".*.tmp"))  # it is written to meanwhile
    assert trainers.find_trainer(tmp_path / "copy") is None  # nobody trains a copy
    second = await attached(run)
    os.kill(screen.client.pid, signal.SIGKILL)
    for events in (await screen.rest(), await second.rest()):
        assert isinstance(events[-1], Failed) and events[-1].fatal and "resume" in events[-1].remedy
    with pytest.raises(UserError, match="not being trained"):
        await TrainerClient.attach(run)
    assert not (run / trainers.TRAINER).exists() and not Path(record.socket).exists()
    events = await follow(Resume(run=str(run), more_steps=1))
    assert isinstance(events[-1], Stopped)


async def test_where_no_socket_can_be_made_a_run_is_trained_but_cannot_be_left(
    text: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RNNPLAY_SOCKETS", str(tmp_path / ("long" * 30)))
    screen, run = await started(text, tmp_path / "runs")
    (begun,) = of(Started, screen.events)
    assert "too long" in begun.unreachable and "RNNPLAY_SOCKETS" in begun.unreachable
    await screen.client.send(Detach(linger=LONG))
    failed = await screen.until(lambda event: isinstance(event, Failed))
    assert not failed.fatal and "too long" in failed.problem
    await screen.until_step(3)
    screen.client._streams[1].close()  # a lost line: it saves and ends
    assert await asyncio.to_thread(gone, screen.client.pid)
    assert last_saved(run) >= 0


async def test_another_version_of_the_program_is_refused_in_a_sentence(tmp_path: Path) -> None:
    run = tmp_path / "20260101-000000-hello-rnn-abc"
    run.mkdir()
    listener = trainers.listen(run)
    trainers.write_record(run, listener.getsockname(), version=PROTOCOL_VERSION)
    listener.setblocking(True)

    def serve() -> None:
        connection, _ = listener.accept()  # of `find_trainer`
        connection.close()
        connection, _ = listener.accept()
        with connection:
            connection.sendall(encode_frame(Serving(version=PROTOCOL_VERSION + 1, run=str(run))))
            connection.recv(100)

    server = Thread(target=serve)
    server.start()
    with pytest.raises(UserError, match=r"another version.*rnnplay stop abc"):
        await TrainerClient.attach(run)
    await asyncio.to_thread(server.join)
    listener.close()


def test_hang_ups_and_kills_at_random_moments_do_no_harm(tmp_path: Path) -> None:
    folder = trainers.socket_folder()
    before = set(folder.glob("*"))
    struck = storm(2, tmp_path, seed=3)
    assert "trainer killed" in struck and len(set(struck)) > 1
    assert set(folder.glob("*")) <= before
