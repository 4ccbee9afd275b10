"""A network is inspected, sampled from and measured, in training and afterwards; none of it changes a number."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from driving import follow, metrics, of, run_of, saved_arrays, small, trained

from rnnplay.engine import Network
from rnnplay.lab.sample import Sampler, SamplingOptions
from rnnplay.protocol import (
    AnyEvent,
    Command,
    Continue,
    Evaluate,
    Evaluated,
    Failed,
    Inspect,
    Sample,
    Sampled,
    Save,
    Started,
    Status,
    Stop,
    Stopped,
    Trace,
    Train,
    WatchTrace,
)
from rnnplay.runs import checkpoint
from rnnplay.tasks import make
from rnnplay.trainer.learner import architecture


async def test_being_looked_at_sampled_from_and_measured_changes_no_number(text: Path, tmp_path: Path) -> None:
    choices: dict[str, Any] = {"steps": 400, "dropout": 0.2, "ema_decay": 0.99, "layers": 2}
    alone = await trained(small(text, **choices), tmp_path / "alone")
    seen: list[AnyEvent] = []

    def ask(event: AnyEvent) -> Command | None:
        seen.append(event)
        match event:
            case Started():
                return Sample(prompt="de", rate=2000.0)
            case Sampled(is_first=True, channel=0):
                return WatchTrace(length=300, every=0.01)
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


async def test_who_looks_at_nothing_else_is_shown_more(text: Path, tmp_path: Path) -> None:
    counted: dict[bool, int] = {}
    for closely in (False, True):

        def ask(event: AnyEvent, closely: bool = closely) -> Command | None:
            return WatchTrace(length=2_000, every=0.001, candidates=closely) if isinstance(event, Started) else None

        counted[closely] = len(of(Trace, await follow(Train(config=small(text, steps=3_000), root=str(tmp_path)), ask)))
    assert counted[True] > 2 * counted[False] > 0


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
                return WatchTrace(start=10, length=90)
            case Trace():
                return Sample(prompt="no~", length=30)
            case Sampled(done=True):
                return Continue()
            case Failed():
                return Evaluate(streams=1)
            case Evaluated(is_history=False):
                return Stop()
        return None

    await follow(Inspect(run=str(run)), ask)
    (trace,) = of(Trace, asked)
    held_out = text.read_text()[-trace.total :]
    assert "".join(trace.symbols) == held_out[10:100]
    assert trace.values.array().shape == (1, 11, 90) and trace.surprise.array().shape == (90,)
    sampled = of(Sampled, asked)
    assert sampled[0].is_first and sampled[0].unknown_symbols == ("~",)
    written = [symbol for event in sampled for symbol in event.text]
    assert written[:2] == ["n", "o"] and len(written) == 32
    assert sum(len(event.probabilities) for event in sampled) == 32
    assert len(sampled[-1].candidates) == 5
    assert "only being looked at" in of(Failed, asked)[0].problem
    assert contents() == before


async def test_an_earlier_step_of_a_run_can_be_looked_at(text: Path, tmp_path: Path) -> None:
    run = await trained(small(text, steps=40, validation=0.1), tmp_path)
    events: list[AnyEvent] = []

    def ask(event: AnyEvent) -> Command | None:
        events.append(event)
        match event:
            case Status(state="inspecting"):
                return WatchTrace(length=50, step=16)
            case Trace(step=16):
                return WatchTrace(length=50)
            case Trace():
                return WatchTrace(step=17)
            case Failed():
                return Stop()
        return None

    await follow(Inspect(run=str(run)), ask)
    early, late = of(Trace, events)
    assert (early.step, late.step) == (16, 40)
    assert early.values.data != late.values.data
    assert "16" in of(Failed, events)[0].remedy
    (started,) = of(Started, await follow(Inspect(run=str(run), at=32), lambda event: Stop()))
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
                return WatchTrace(length=50)
            case Trace():
                return Evaluate(text=str(other), streams=2)
            case Evaluated(is_history=False):
                return Stop()
        return None

    await follow(Inspect(run=str(run), text=str(other)), ask)
    trace, measured = of(Trace, events)[0], of(Evaluated, events)[-1]
    known = other.read_text().replace("—", "")
    assert "".join(trace.symbols) == known[:50] and trace.total == len(known)
    assert any("—" in note for note in (*of(Started, events)[0].notes, *measured.notes))
    assert measured.characters == len(known) - 2 and measured.baseline is None


@pytest.mark.parametrize(
    ("command", "word"),
    [
        (Sample(temperature=-1.0), "temperature"),
        (Sample(top_p=0.0), "top-p"),
        (Sample(top_k=-3), "top-k"),
        (Sample(seed=-1), "seed"),
        (Sample(rate=-1.0), "rate"),
        (WatchTrace(state="q"), "'q'"),
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
    assert word in failed.problem and failed.remedy and not failed.fatal
    assert of(Stopped, events)[0].step == 50


async def test_averaged_weights_are_what_is_measured_sampled_from_and_kept(text: Path, tmp_path: Path) -> None:
    config = small(text, steps=64, ema_decay=0.9)
    events: list[AnyEvent] = []

    def ask(event: AnyEvent) -> Command | None:
        events.append(event)
        match event:
            case Status(state="finished") if not of(Sampled, events):
                return Sample(prompt="deal", length=0)
            case Sampled():
                return Stop()
        return None

    run = run_of(await follow(Train(config=config, root=str(tmp_path)), ask))
    arrays = checkpoint.load(checkpoint.checkpoint_path(run, 64)).arrays
    task = make(config)
    averaged = Network(architecture(config, task))
    averaged.flat[:] = arrays["averaging/mean"]
    (batch,) = task.evaluation()
    total, weight, _ = averaged.evaluate(batch)
    assert of(Evaluated, events)[-1].loss == pytest.approx(total / weight, rel=1e-6)
    sampler = Sampler(averaged, task, "deal", SamplingOptions())
    assert of(Sampled, events)[0].probabilities == pytest.approx([p for _, p in sampler.prompt_symbols], rel=1e-5)
    weights = checkpoint.load(checkpoint.checkpoint_path(run, 64, checkpoint.WEIGHTS)).arrays
    for name, value in averaged.parameters.items():
        np.testing.assert_array_equal(weights[name], value)
        assert not np.array_equal(arrays[f"parameters/{name}"], value)
