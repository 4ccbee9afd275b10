"""The trainer at work: looked at, sampled from, diverging, out of room, unheard; none of it changes a number."""

import asyncio
import json
import os
import resource
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from driving import alive, follow, last_saved, losses, metrics, of, run_of, saved_arrays, small, trained, write_text

from rnnplay.client import Client
from rnnplay.client import train as train_at_once
from rnnplay.config import UserError
from rnnplay.protocol import (
    AnyEvent,
    Change,
    Command,
    Evaluate,
    Evaluated,
    Failed,
    Go,
    Inspect,
    Pause,
    Progress,
    Sample,
    Sampled,
    Save,
    Saved,
    Started,
    Status,
    Stop,
    Stopped,
    StopSampling,
    Trace,
    Train,
    Watch,
    frame,
)


@pytest.fixture
def text(tmp_path: Path) -> Path:
    return write_text(tmp_path / "words.txt")


async def test_the_same_seed_gives_the_same_rows_and_another_seed_others(text: Path, tmp_path: Path) -> None:
    one = await trained(small(text, steps=60), tmp_path / "one")
    two = await trained(small(text, steps=60), tmp_path / "two")
    three = await trained(small(text, steps=60, seed=5), tmp_path / "three")
    assert metrics(one) == metrics(two)
    assert saved_arrays(one, 60) == saved_arrays(two, 60)
    assert metrics(one) != metrics(three)


async def test_being_looked_at_sampled_from_and_measured_changes_no_number(text: Path, tmp_path: Path) -> None:
    choices: dict[str, Any] = {"steps": 400, "dropout": 0.2, "average": 0.99, "layers": 2}
    alone = await trained(small(text, **choices), tmp_path / "alone")
    seen: list[AnyEvent] = []

    def ask(event: AnyEvent) -> Command | None:
        seen.append(event)
        match event:
            case Started():
                return Sample(prompt="de", rate=2000.0)
            case Sampled(begins=True, channel=0):
                return Watch(length=300, every=0.01)
            case Trace() if len(of(Trace, seen)) == 2:
                return Sample(rate=0.0, channel=1, temperature=0.5)
            case Trace() if len(of(Trace, seen)) == 4:
                return Evaluate(streams=3)
            case Trace() if len(of(Trace, seen)) == 5:
                return Save()
        return None

    watched = run_of(await follow(Train(config=small(text, **choices), root=str(tmp_path / "watched")), ask))
    assert len(of(Trace, seen)) >= 2
    assert sum(len(event.text) for event in of(Sampled, seen)) > 50
    assert metrics(alone) == metrics(watched)
    assert saved_arrays(alone, 400) == saved_arrays(watched, 400)


async def test_a_run_ends_with_an_evaluation_of_its_last_parameters(text: Path, tmp_path: Path) -> None:
    events = await follow(Train(config=small(text, steps=31), root=str(tmp_path)))
    evaluations = of(Evaluated, events)
    assert [(event.step, event.final) for event in evaluations] == [
        (15, False), (30, False), (31, True)
    ]  # fmt: skip
    assert [(type(event).__name__) for event in events[-4:]] == ["Evaluated", "Saved", "Status", "Stopped"]
    assert of(Stopped, events)[0].reason == "finished"
    answers: list[AnyEvent] = await follow(
        Inspect(run=str(run_of(events))), lambda event: Evaluate() if isinstance(event, Started) else
        Stop() if isinstance(event, Evaluated) and not event.past else None,
    )  # fmt: skip
    assert of(Evaluated, answers)[-1].loss == evaluations[-1].loss


async def test_rows_and_evaluations_arrive_complete_and_in_order(text: Path, tmp_path: Path) -> None:
    events = await follow(Train(config=small(text, steps=300), root=str(tmp_path)))
    assert [row.step for event in of(Progress, events) for row in event.rows] == list(range(1, 301))
    on_disk = [line["loss"] for line in metrics(run_of(events)) if "kind" not in line]
    assert losses(events) == on_disk


async def test_a_diverging_run_pauses_keeps_its_checkpoint_and_goes_on_when_changed(text: Path, tmp_path: Path) -> None:
    config = small(text, steps=80, lr=1e-2, optimizer="sgd", clip=0.0, cell="rnn", activation="relu")
    told: list[Status] = []

    def react(event: AnyEvent) -> Command | None:
        match event:
            case Saved(step=0):
                return Pause()
            case Status(state="paused", lr=1e-2):
                return Change(lr=1e3)
            case Status(state="paused"):
                return Go()
            case Status(state="diverged") if not told:
                told.append(event)
                return Change(lr=1e-3)
            case Status(state="diverged"):
                return Go()
        return None

    events = await follow(Train(config=config, root=str(tmp_path)), react)
    run = run_of(events)
    (first, *_) = told
    assert "stopped being a number" in first.wrong
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
    client = await Client.start(Train(config=small(text), root=str(tmp_path), paused=True))
    run = Path()
    async for event in client.events():
        match event:
            case Started():
                run = Path(event.run)
                await client.send(Change(lr=0.25, clip=2.0))
                await client.send(Change(lr=-1.0))
            case Failed():
                assert "lr" in event.wrong and not event.fatal
                await client.send(Stop())
            case _:
                pass
    assert metrics(run) == [{"kind": "changed", "step": 0, "lr": 0.25, "clip": 2.0}]
    (started,) = of(Started, await follow(Inspect(run=str(run)), lambda event: Stop()))
    assert (started.config.lr, started.config.clip) == (0.25, 2.0)


async def test_a_full_disk_pauses_the_run_and_it_goes_on_when_there_is_room(text: Path, tmp_path: Path) -> None:
    config = small(text, steps=3000, evaluate_every=3000)
    whole = await trained(config, tmp_path / "whole")
    client = await Client.start(Train(config=config, root=str(tmp_path / "full")))
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
                await client.send(Go())
            case Status(state="finished"):
                await client.send(Stop())
            case _:
                pass
    assert len(wrong) == 1
    assert str(run) in wrong[0].wrong
    assert "checkpoint of step" in wrong[0].remedy
    assert metrics(run) == metrics(whole)
    assert saved_arrays(run, 3000) == saved_arrays(whole, 3000)


async def test_a_disk_that_stays_full_ends_the_run_with_its_last_good_checkpoint(text: Path, tmp_path: Path) -> None:
    client = await Client.start(Train(config=small(text), root=str(tmp_path)))
    events: list[AnyEvent] = []
    async for event in client.events():
        events.append(event)
        if isinstance(event, Progress) and len(of(Progress, events)) == 2:
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
    opening = Train(config=small(text, steps=2000, hidden=40, seq_len=3), root=str(tmp_path))
    commands = [Watch(length=400, every=0.001), Sample()]
    with subprocess.Popen(
        [sys.executable, "-m", "rnnplay.trainer"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    ) as child:
        assert child.stdin is not None
        child.stdin.write(b"".join(map(frame, (opening, *commands))))
        child.stdin.flush()
        deadline = time.monotonic() + 120
        while not list(tmp_path.glob("*/ckpt-2000.safetensors")) and time.monotonic() < deadline:
            time.sleep(0.05)
        (run,) = (path.parent for path in tmp_path.glob("*/config.json"))
        assert last_saved(run) == 2000
        child.kill()


async def test_looking_at_a_run_neither_locks_nor_writes(text: Path, tmp_path: Path) -> None:
    run = await trained(small(text, steps=40, validation=0.1), tmp_path)

    def contents() -> dict[str, tuple[int, int]]:
        return {path.name: (path.stat().st_size, path.stat().st_mtime_ns) for path in run.iterdir()}

    before = contents()
    asked: list[AnyEvent] = []

    def ask(event: AnyEvent) -> Command | None:
        asked.append(event)
        match event:
            case Started():
                return Watch(start=10, length=90)
            case Trace():
                return Sample(prompt="no~", length=30)
            case Sampled(done=True):
                return Go()
            case Failed():
                return Evaluate(streams=1)
            case Evaluated(past=False):
                return Stop()
        return None

    await follow(Inspect(run=str(run)), ask)
    (trace,) = of(Trace, asked)
    held_out = text.read_text()[-trace.total :]
    assert "".join(trace.symbols) == held_out[10:100]
    assert trace.values.array().shape == (1, 11, 90) and trace.surprise.array().shape == (90,)
    sampled = of(Sampled, asked)
    assert sampled[0].begins and sampled[0].unseen == ("~",)
    written = [symbol for event in sampled for symbol in event.text]
    assert written[:2] == ["n", "o"] and len(written) == 32
    assert sum(len(event.probabilities) for event in sampled) == 32
    assert len(sampled[-1].candidates) == 5
    assert "only being looked at" in of(Failed, asked)[0].wrong
    assert contents() == before


async def test_an_earlier_step_of_a_run_can_be_looked_at(text: Path, tmp_path: Path) -> None:
    run = await trained(small(text, steps=40, validation=0.1), tmp_path)
    events: list[AnyEvent] = []

    def ask(event: AnyEvent) -> Command | None:
        events.append(event)
        match event:
            case Status(state="inspecting"):
                return Watch(length=50, step=16)
            case Trace(step=16):
                return Watch(length=50)
            case Trace():
                return Watch(step=17)
            case Failed():
                return Stop()
        return None

    await follow(Inspect(run=str(run)), ask)
    early, late = of(Trace, events)
    assert (early.step, late.step) == (16, 40)
    assert early.values.data != late.values.data
    assert "16" in of(Failed, events)[0].remedy
    (started,) = of(Started, await follow(Inspect(run=str(run), step=32), lambda event: Stop()))
    assert started.step == 32


async def test_another_text_can_be_looked_at_and_measured(text: Path, tmp_path: Path) -> None:
    run = await trained(small(text, steps=40, validation=0.1), tmp_path)
    other = tmp_path / "other.txt"
    other.write_text("late lions — and none\n" * 20)
    events: list[AnyEvent] = []

    def ask(event: AnyEvent) -> Command | None:
        events.append(event)
        match event:
            case Status(state="inspecting"):
                return Watch(length=50)
            case Trace():
                return Evaluate(text=str(other), streams=2)
            case Evaluated(past=False):
                return Stop()
        return None

    await follow(Inspect(run=str(run), text=str(other)), ask)
    trace, measured = of(Trace, events)[0], of(Evaluated, events)[-1]
    known = other.read_text().replace("—", "")
    assert "".join(trace.symbols) == known[:50] and trace.total == len(known)
    assert any("—" in note for note in (*of(Started, events)[0].notes, *measured.notes))
    assert measured.characters == len(known) - 2 and measured.baseline is None


async def test_a_sample_repeats_with_its_seed_and_stops_when_told(text: Path, tmp_path: Path) -> None:
    run = await trained(small(text, steps=200), tmp_path)

    async def sample(command: Sample) -> str:
        events = await follow(Inspect(run=str(run)), lambda event: command if isinstance(event, Started) else
            Stop() if isinstance(event, Sampled) and event.done else None)  # fmt: skip
        return "".join(symbol for event in of(Sampled, events) for symbol in event.text)

    one, two, three = [await sample(Sample(length=60, seed=seed)) for seed in (3, 3, 4)]
    assert one == two != three
    greedy = {await sample(Sample(length=40, seed=seed, temperature=0.0, prompt="d")) for seed in (1, 2)}
    assert len(greedy) == 1

    client = await Client.start(Inspect(run=str(run)))
    parts: list[Sampled] = []
    async for event in client.events():
        if isinstance(event, Started):
            await client.send(Sample(rate=200.0))
        if isinstance(event, Sampled):
            parts.append(event)
            if len(parts) == 4:
                await client.send(StopSampling())
            if event.done:
                await client.send(Stop())
    assert [part.done for part in parts].count(True) == 1 and parts[-1].done


@pytest.mark.parametrize(
    ("command", "word"),
    [
        (Sample(temperature=-1.0), "temperature"),
        (Sample(top_p=0.0), "top-p"),
        (Sample(top_k=-3), "top-k"),
        (Sample(seed=-1), "seed"),
        (Sample(rate=-1.0), "rate"),
        (Watch(state="q"), "'q'"),
        (Evaluate(streams=0), "streams"),
        (Evaluate(text="/no/such/file"), "no file"),
        (Evaluate(validation=2.0), "share"),
    ],
)
async def test_a_question_that_makes_no_sense_is_refused_and_training_goes_on(
    text: Path, tmp_path: Path, command: Command, word: str
) -> None:
    events = await follow(
        Train(config=small(text, steps=50), root=str(tmp_path)),
        lambda event: command if isinstance(event, Started) else None,
    )
    (failed,) = of(Failed, events)
    assert word in failed.wrong and failed.remedy and not failed.fatal
    assert of(Stopped, events)[0].step == 50


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
    assert word in failed.wrong + failed.remedy
    assert "Traceback" not in failed.wrong
    assert not root.exists() or not list(root.iterdir())


async def test_a_directory_that_cannot_be_written_is_named(text: Path, tmp_path: Path) -> None:
    (failed,) = await follow(Train(config=small(text), root=str(text)))
    assert isinstance(failed, Failed) and failed.fatal and str(text) in failed.wrong


async def test_closing_early_leaves_no_process_and_a_checkpoint(text: Path, tmp_path: Path) -> None:
    client = await Client.start(Train(config=small(text), root=str(tmp_path)))
    async for event in client.events():
        if isinstance(event, Progress):
            break
    await client.close()
    await client.close()
    assert not alive(client.pid)
    (run,) = (path.parent for path in tmp_path.glob("*/config.json"))
    assert last_saved(run) > 0


async def test_a_text_without_anything_held_out_trains_without_evaluations(text: Path, tmp_path: Path) -> None:
    events = await follow(Train(config=small(text, steps=20, validation=0.0), root=str(tmp_path)))
    assert of(Evaluated, events) == []
    assert of(Stopped, events)[0].step == 20


async def test_minutes_end_a_run(text: Path, tmp_path: Path) -> None:
    events = await follow(Train(config=small(text, minutes=0.01), root=str(tmp_path)))
    assert of(Stopped, events)[0].reason == "finished"
    assert of(Stopped, events)[0].step > 0


async def test_epochs_end_a_run(text: Path, tmp_path: Path) -> None:
    events = await follow(Train(config=small(text, epochs=1.5), root=str(tmp_path)))
    per_epoch = of(Started, events)[0].facts.epoch_steps
    assert per_epoch > 3
    assert of(Stopped, events)[0].step == -(-3 * per_epoch // 2)


def test_a_script_trains_with_one_call(tmp_path: Path) -> None:
    summary = train_at_once("hello", steps=300, runs=str(tmp_path))
    assert summary.step == 300 and len(summary.losses) == 300
    assert summary.run is not None and last_saved(summary.run) == 300
    assert summary.losses[-1] is not None and summary.losses[-1] < 0.05
    assert summary.evaluations[-1][0] == 300
    with pytest.raises(UserError, match="steps"):
        train_at_once("hello", steps=-1, runs=str(tmp_path))


def test_it_refuses_to_talk_to_a_terminal() -> None:
    own, other = os.openpty()
    done = subprocess.run([sys.executable, "-m", "rnnplay.trainer"], stdin=other, capture_output=True, text=True)
    os.close(own)
    os.close(other)
    assert done.returncode == 2 and "rnnplay train" in done.stderr


def test_words_that_are_no_commands_are_refused(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "rnnplay.trainer"]
    for given in (b"hello trainer", b"\x00\x00\x00\x02{}", frame(Stop()), b""):
        done = subprocess.run(command, input=given, capture_output=True, timeout=60)
        assert b"Traceback" not in done.stderr
        assert bool(done.stdout) == bool(given), given


async def test_an_interpreter_of_the_user_s_folder_is_not_imported(
    text: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "random.py").write_text("raise SystemExit('the wrong random')")
    monkeypatch.chdir(tmp_path)
    run = await trained(small(text, steps=3), tmp_path / "runs")
    assert json.loads((run / "config.json").read_text())["config"]["task"] == "text"
    await asyncio.sleep(0)
