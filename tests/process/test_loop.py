"""The trainer at work: diverging, out of room, unheard, refused; it keeps what is good and says what to do."""

import os
import resource
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from driving import alive, follow, last_saved, losses, metrics, of, run_of, saved_arrays, small, trained

from rnnplay import blas
from rnnplay.client import TrainerClient
from rnnplay.protocol import (
    AnyEvent,
    ChangeSettings,
    Command,
    Continue,
    DoOneStep,
    Evaluate,
    Evaluated,
    Failed,
    Inspect,
    Pause,
    RowsCompleted,
    Sample,
    Save,
    Saved,
    Started,
    Status,
    Stop,
    Stopped,
    Train,
    WatchTrace,
    encode_frame,
)


async def test_the_same_seed_gives_the_same_rows_and_another_seed_others(text: Path, tmp_path: Path) -> None:
    one = await trained(small(text, steps=60), tmp_path / "one")
    two = await trained(small(text, steps=60), tmp_path / "two")
    three = await trained(small(text, steps=60, seed=5), tmp_path / "three")
    assert metrics(one) == metrics(two)
    assert saved_arrays(one, 60) == saved_arrays(two, 60)
    assert metrics(one) != metrics(three)


async def test_a_run_ends_with_an_evaluation_of_its_last_parameters(text: Path, tmp_path: Path) -> None:
    events = await follow(Train(config=small(text, steps=31), root=str(tmp_path)))
    evaluations = of(Evaluated, events)
    assert [(event.step, event.final) for event in evaluations] == [
        (0, False), (15, False), (30, False), (31, True)
    ]  # fmt: skip
    assert [(type(event).__name__) for event in events[-4:]] == ["Evaluated", "Saved", "Status", "Stopped"]
    assert of(Stopped, events)[0].reason == "finished"
    answers: list[AnyEvent] = await follow(
        Inspect(run=str(run_of(events))), lambda event: Evaluate() if isinstance(event, Started) else
        Stop() if isinstance(event, Evaluated) and not event.is_history else None,
    )  # fmt: skip
    assert of(Evaluated, answers)[-1].loss == evaluations[-1].loss


async def test_rows_and_evaluations_arrive_complete_and_in_order(text: Path, tmp_path: Path) -> None:
    events = await follow(Train(config=small(text, steps=300), root=str(tmp_path)))
    assert [row.step for event in of(RowsCompleted, events) for row in event.rows] == list(range(1, 301))
    on_disk = [line["loss"] for line in metrics(run_of(events)) if "kind" not in line]
    assert losses(events) == on_disk


async def test_a_diverging_run_pauses_keeps_its_checkpoint_and_goes_on_when_changed(text: Path, tmp_path: Path) -> None:
    config = small(text, steps=80, lr=1e-2, optimizer="sgd", clip=0.0, cell="rnn", activation="relu")
    told: list[Status] = []

    def react(event: AnyEvent) -> Command | None:
        match event:
            case Status(state="paused", lr=1e-2):
                return ChangeSettings(lr=1e3)
            case Status(state="paused"):
                return Continue()
            case Status(state="diverged") if not told:
                told.append(event)
                return ChangeSettings(lr=1e-3)
            case Status(state="diverged"):
                return Continue()
        return None

    events = await follow(Train(config=config, root=str(tmp_path), paused=True), react)
    run = run_of(events)
    (first, *_) = told
    assert "stopped being a number" in first.problem
    assert "learning rate" in first.remedy and "clip" in first.remedy
    assert of(Stopped, events)[0].reason == "finished"
    again = of(Started, events)[-1]
    assert again.config.lr == 1e-3 and again.step < 80
    rows = [line for line in metrics(run) if "kind" not in line]
    assert [row["step"] for row in rows] == list(range(1, 81))
    assert all(row["loss"] is not None for row in rows)
    assert rows[-1]["lr"] == 1e-3
    assert last_saved(run) == 80


async def test_a_run_that_has_diverged_is_left_at_its_last_good_checkpoint(text: Path, tmp_path: Path) -> None:
    config = small(text, lr=900.0, optimizer="sgd", clip=0.0, cell="rnn", activation="identity")
    events = await follow(Train(config=config, root=str(tmp_path)))
    assert of(Stopped, events)[0].reason == "diverged"
    assert last_saved(run_of(events)) == 0
    assert losses(events)[-1] is None


async def test_changing_the_learning_rate_becomes_a_row_of_its_own_and_is_kept(text: Path, tmp_path: Path) -> None:
    client = await TrainerClient.start(Train(config=small(text), root=str(tmp_path), paused=True))
    run = Path()
    async for event in client.events():
        match event:
            case Started():
                run = Path(event.run)
                await client.send(ChangeSettings(lr=0.25, clip=2.0))
                await client.send(ChangeSettings(lr=-1.0))
            case Failed():
                assert "lr" in event.problem and not event.fatal
                await client.send(DoOneStep())
            case Status(step=1):
                await client.send(Stop())
            case _:
                pass
    changes = [line for line in metrics(run) if line.get("kind") == "changed"]
    assert changes == [{"kind": "changed", "step": 0, "lr": 0.25, "clip": 2.0}]
    (started,) = of(Started, await follow(Inspect(run=str(run)), lambda event: Stop()))
    assert (started.config.lr, started.config.clip) == (0.25, 2.0)


async def test_the_clock_stands_still_while_a_run_is_paused(text: Path, tmp_path: Path) -> None:
    client = await TrainerClient.start(Train(config=small(text), root=str(tmp_path)))
    seconds: list[float] = []
    async for event in client.events():
        match event:
            case RowsCompleted() if not seconds:
                await client.send(Pause())
            case Status(state="paused"):
                seconds.append(event.seconds)
                await client.send(ChangeSettings(lr=0.1 / len(seconds)) if len(seconds) < 5 else Stop())
            case _:
                pass
    assert seconds == [seconds[0]] * 5
    assert seconds[0] > 0


async def test_after_a_change_and_a_divergence_the_advice_names_the_changed_rate_and_the_metrics_hold_what_is_real(
    text: Path, tmp_path: Path
) -> None:
    config = small(text, steps=20, lr=1e-2, optimizer="sgd", clip=0.0, cell="rnn", activation="relu")
    wrong: list[Status] = []

    def react(event: AnyEvent) -> Command | None:
        match event:
            case Status(state="paused", lr=1e-2):
                return ChangeSettings(lr=1e3, clip=1e6)
            case Status(state="paused"):
                return Continue()
            case Status(state="diverged") if not wrong:
                wrong.append(event)
                return ChangeSettings(lr=1e-3)
            case Status(state="diverged", lr=1e-3):
                return Continue()
        return None

    events = await follow(Train(config=config, root=str(tmp_path), paused=True), react)
    run = run_of(events)
    assert "smaller than 1000" in wrong[0].remedy and "less than 1e+06" in wrong[0].remedy
    assert of(Stopped, events)[0].reason == "finished"
    changed = [line for line in metrics(run) if line.get("kind") == "changed"]
    assert changed == [{"kind": "changed", "step": 0, "lr": 1e-3, "clip": 0.0}]
    assert [line["lr"] for line in metrics(run) if "kind" not in line] == [1e-3] * 20
    (again,) = of(Started, await follow(Inspect(run=str(run)), lambda event: Stop()))
    assert (again.config.lr, again.config.clip) == (1e-3, 0.0)


async def test_a_full_disk_pauses_the_run_and_it_goes_on_when_there_is_room(text: Path, tmp_path: Path) -> None:
    config = small(text, steps=3000, evaluate_every=3000)
    whole = await trained(config, tmp_path / "whole")
    client = await TrainerClient.start(Train(config=config, root=str(tmp_path / "full")))
    run, wrong = Path(), []
    async for event in client.events():
        match event:
            case Started():
                run = Path(event.run)
                size = (run / "metrics.jsonl").stat().st_size + 60_000
                resource.prlimit(client.pid, resource.RLIMIT_FSIZE, (size, resource.RLIM_INFINITY))
            case Failed():
                wrong.append(event)
                assert not event.fatal
                resource.prlimit(client.pid, resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
                await client.send(Continue())
            case Status(state="finished"):
                await client.send(Stop())
            case _:
                pass
    assert len(wrong) == 1
    assert str(run) in wrong[0].problem
    assert "checkpoint of step" in wrong[0].remedy
    assert metrics(run) == metrics(whole)
    assert saved_arrays(run, 3000) == saved_arrays(whole, 3000)


async def test_a_disk_that_stays_full_ends_the_run_with_its_last_good_checkpoint(text: Path, tmp_path: Path) -> None:
    client = await TrainerClient.start(Train(config=small(text), root=str(tmp_path)))
    events: list[AnyEvent] = []
    async for event in client.events():
        events.append(event)
        if isinstance(event, RowsCompleted) and len(of(RowsCompleted, events)) == 2:
            await client.send(Save())
        if isinstance(event, Saved) and event.step > 0:
            resource.prlimit(client.pid, resource.RLIMIT_FSIZE, (100, resource.RLIM_INFINITY))
        if isinstance(event, Failed) and not event.fatal:
            await client.send(Stop())
    saved = of(Saved, events)[-1].step
    last = events[-1]
    assert isinstance(last, Failed) and last.fatal and "resume" in last.remedy
    assert last_saved(run_of(events)) == saved
    assert not alive(client.pid)


STRAY = """
import os, sys, threading, time
def stray():
    while "rnnplay.trainer.loop" not in sys.modules:
        time.sleep(0.001)
    time.sleep(0.05)
    while True:
        print("a stray word", flush=True)
        os.write(1, b"and bytes"); os.write(2, b"\\x00\\x00\\x00\\x04oops")
        time.sleep(0.001)
threading.Thread(target=stray, daemon=True).start()
"""


async def test_stray_prints_go_to_the_log_and_not_into_the_protocol(
    text: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    quiet = await trained(small(text, steps=1500), tmp_path / "quiet")
    (tmp_path / "site").mkdir()
    (tmp_path / "site" / "sitecustomize.py").write_text(STRAY)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path / "site"))
    noisy = await trained(small(text, steps=1500), tmp_path / "noisy")
    assert metrics(noisy) == metrics(quiet)
    log = (noisy / "log.txt").read_bytes()
    assert b"a stray word" in log and b"and bytes" in log and b"oops" in log


def test_nobody_reading_does_not_hold_it_up(text: Path, tmp_path: Path) -> None:
    opening = Train(config=small(text, steps=500, hidden=300, seq_len=3, validation=0.5), root=str(tmp_path))
    with subprocess.Popen(
        [sys.executable, "-m", "rnnplay.trainer"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env=os.environ | blas.trainer_environment(),
    ) as child:
        assert child.stdin is not None
        for command in (opening, Sample(), *[WatchTrace(length=2000)] * 8):  # more than any pipe holds
            child.stdin.write(encode_frame(command))
            child.stdin.flush()
            time.sleep(0.2)
        deadline = time.monotonic() + 120
        while not list(tmp_path.glob("*/ckpt-500.safetensors")) and time.monotonic() < deadline:
            time.sleep(0.05)
        (run,) = (path.parent for path in tmp_path.glob("*/config.json"))
        assert last_saved(run) == 500
        child.kill()


@pytest.mark.parametrize(
    ("choices", "word"),
    [
        ({"hidden": 0}, "hidden"),
        ({"lr": float("nan")}, "lr"),
        ({"seq_len": 100_000}, "short"),
        ({"hidden": 8192, "layers": 16}, "GB"),
        ({"dropout": 0.5, "batch": 65_536, "seq_len": 70, "hidden": 8000}, "GB"),
        ({"task": "helo"}, "hello"),
        ({"text": "/no/such/file"}, "no file"),
        ({"task": "hello", "text": None, "epochs": 2.0}, "epochs"),
    ],
)
async def test_a_run_that_cannot_be_is_refused_in_one_sentence_and_leaves_nothing(
    text: Path, tmp_path: Path, choices: dict[str, Any], word: str
) -> None:
    import msgspec

    config = msgspec.structs.replace(small(text), **choices)
    root = tmp_path / "runs"
    (failed,) = await follow(Train(config=config, root=str(root)))
    assert isinstance(failed, Failed) and failed.fatal
    assert word in failed.problem + failed.remedy
    assert "Traceback" not in failed.problem
    assert not root.exists() or not list(root.iterdir())


async def test_a_directory_that_cannot_be_written_is_named(text: Path, tmp_path: Path) -> None:
    (failed,) = await follow(Train(config=small(text), root=str(text)))
    assert isinstance(failed, Failed) and failed.fatal and str(text) in failed.problem


async def test_a_text_without_anything_held_out_trains_without_evaluations(text: Path, tmp_path: Path) -> None:
    events = await follow(Train(config=small(text, steps=20, validation=0.0), root=str(tmp_path)))
    assert of(Evaluated, events) == []
    assert of(Stopped, events)[0].step == 20


async def test_minutes_end_a_run(text: Path, tmp_path: Path) -> None:
    events = await follow(Train(config=small(text, minutes=0.01), root=str(tmp_path)))
    assert of(Stopped, events)[0].reason == "finished"
    seconds = [row.seconds for event in of(RowsCompleted, events) for row in event.rows]
    assert all(passed <= 0.6 for passed in seconds[:-1])  # written in thousandths: 0.5997 is 0.6
    assert seconds[-1] > 0.59  # written down just before the clock is asked whether they have passed


async def test_epochs_end_a_run(text: Path, tmp_path: Path) -> None:
    events = await follow(Train(config=small(text, epochs=1.5), root=str(tmp_path)))
    per_epoch = of(Started, events)[0].facts.epoch_steps
    assert per_epoch > 3
    assert of(Stopped, events)[0].step == -(-3 * per_epoch // 2)
