"""A network is used without its text: what the run stores of it is enough."""

import os
import shutil
from pathlib import Path

import numpy as np
import pytest
import safetensors
from driving import answers, follow, of, small, trained, without_notes, write_text

from rnnplay.catalogue import make_config
from rnnplay.exchange.exporter import export_run
from rnnplay.protocol import (
    AblateUnit,
    AskTask,
    Command,
    ComputeGradientByLag,
    ComputeInfluence,
    Evaluate,
    Evaluated,
    Failed,
    FindUnits,
    Inspect,
    MeasureTask,
    Sample,
    Sampled,
    ShowExample,
    Started,
    Trace,
    UnitsFound,
    Unroll,
    WatchHealth,
    WatchTrace,
)
from rnnplay.runs.task_data import TASK_DATA

QUESTIONS: list[Command] = [
    Sample(prompt="de", length=40, seed=3),
    WatchTrace(length=80, every=0, candidates=True),
    Evaluate(streams=2),
    Unroll(length=6, units=4),
    ComputeGradientByLag(lags=5),
    ComputeInfluence(past=4),
    FindUnits(pattern="start of word", characters=500),
    AblateUnit(layer=0, unit=1, pattern="start of word", characters=500, other_units=3),
]


def contents_of(file: Path) -> tuple[dict[str, str], dict[str, bytes]]:
    with safetensors.safe_open(file, framework="numpy") as opened:
        return opened.metadata(), {name: opened.get_tensor(name).tobytes() for name in opened.keys()}  # noqa: SIM118


@pytest.mark.parametrize("fate", ["deleted", "changed", "a folder now"])
async def test_a_network_answers_the_same_without_its_text(text: Path, tmp_path: Path, fate: str) -> None:
    run = await trained(small(text, steps=40, validation=0.2, ema_decay=0.9), tmp_path / "runs")
    before = await answers(Inspect(run=str(run)), QUESTIONS)
    assert not of(Failed, before)
    assert of(Started, before)[0].facts.text_unavailable == ""
    export_run(str(run), tmp_path / "before.safetensors")
    match fate:
        case "deleted":
            text.unlink()
        case "changed":
            text.write_text("quite another text, zzz\n" * 90)
        case _:
            text.unlink()
            text.mkdir()
    contents = {path.name: path.read_bytes() for path in run.iterdir()}
    after = await answers(Inspect(run=str(run)), QUESTIONS)
    assert without_notes(after) == without_notes(before)
    started, earlier = of(Started, after)[0], of(Started, before)[0]
    assert started.facts.text_unavailable
    assert any(started.facts.text_unavailable in note for note in started.notes)
    assert (fate == "changed") == ("changed" in started.facts.text_unavailable)
    for name in ("characters", "held_out", "vocabulary", "baselines", "epoch_steps", "features"):
        assert getattr(started.facts, name) == getattr(earlier.facts, name), name
    export_run(str(run), tmp_path / "after.safetensors")
    assert contents_of(tmp_path / "after.safetensors") == contents_of(tmp_path / "before.safetensors")
    assert {path.name: path.read_bytes() for path in run.iterdir()} == contents


async def test_what_needs_the_training_text_says_why_it_is_off(text: Path, tmp_path: Path) -> None:
    run = await trained(small(text, steps=40, validation=0.2), tmp_path / "runs")
    text.unlink()
    asked: list[Command] = [Sample(length=20, copied=True), Evaluate(validation=0.9), MeasureTask(), Sample(length=5)]
    found = await answers(Inspect(run=str(run)), asked)
    sampled = of(Sampled, found)
    assert [event.copied for event in sampled] == [None, None]
    failed = of(Failed, found)
    assert len(failed) == 2
    assert "training text" in failed[0].problem and str(text) in failed[0].problem
    assert "3-gram model needs the training text" in failed[1].problem


async def test_of_a_long_text_the_part_that_is_stored_is_measured_and_it_says_so(text: Path, tmp_path: Path) -> None:
    text.write_text(text.read_text() * 40)
    size = len(text.read_text())
    run = await trained(small(text, steps=3, validation=0.7, evaluate_every=1000), tmp_path / "runs")
    (whole,) = of(Evaluated, await answers(Inspect(run=str(run)), [Evaluate(streams=1)]))
    assert whole.characters > 100_000 and not whole.notes
    text.unlink()
    (part,) = of(Evaluated, await answers(Inspect(run=str(run)), [Evaluate(streams=1)]))
    assert part.characters == 100_000
    assert part.notes == (f"The run stores 100,001 of the {size - int(size * (1 - 0.7)):,} held-out characters.",)


async def test_another_text_is_measured_and_shown_without_the_own_one(text: Path, tmp_path: Path) -> None:
    run = await trained(small(text, steps=40, validation=0.2), tmp_path / "runs")
    other = write_text(tmp_path / "other.txt", words=300, seed=6)
    asked: list[Command] = [
        Evaluate(text=str(other)),
        WatchTrace(length=50, every=0),
        FindUnits(pattern="start of word", characters=300),
    ]
    before = await answers(Inspect(run=str(run), text=str(other)), asked)
    text.unlink()
    after = await answers(Inspect(run=str(run), text=str(other)), asked)
    assert (
        not of(Failed, after) and len(of(Evaluated, after)) == len(of(Trace, after)) == len(of(UnitsFound, after)) == 1
    )
    assert without_notes(after) == without_notes(before)


async def test_a_run_copied_elsewhere_works_there(text: Path, tmp_path: Path) -> None:
    run = await trained(small(text, steps=20, validation=0.2), tmp_path / "runs")
    before = await answers(Inspect(run=str(run)), QUESTIONS)
    copy = Path(shutil.copytree(run, tmp_path / "elsewhere" / run.name))
    shutil.rmtree(tmp_path / "runs")
    text.unlink()
    assert without_notes(await answers(Inspect(run=str(copy)), QUESTIONS)) == without_notes(before)


async def test_tables_too(tmp_path: Path) -> None:
    series, reviews = tmp_path / "tide.csv", tmp_path / "reviews.tsv"
    series.write_text("level\n" + "".join(f"{5 + np.sin(n / 4):.4f}\n" for n in range(300)))
    words = ["soup", "bread", "was", "never", "good", "bad"]
    draw = np.random.default_rng(1)
    reviews.write_text("".join(f"{' '.join(draw.choice(words, 5))} {n}\t{'yn'[n % 2]}\n" for n in range(200)))
    for task, path, question in (
        ("series", series, "5"),
        ("sentiment", reviews, "the soup was good".removeprefix("the ")),
    ):
        config = make_config(task, text=str(path), hidden=7, batch=5, seq_len=9, steps=12, evaluate_every=5)
        run = await trained(config, tmp_path / task)
        asked: list[Command] = [
            Evaluate(),
            ShowExample(index=2),
            AskTask(prompt=question),
            MeasureTask(),
            Unroll(),
            WatchHealth(),
        ]
        before = await answers(Inspect(run=str(run)), asked)
        assert not of(Failed, before), before
        path.unlink()
        after = await answers(Inspect(run=str(run)), asked)
        assert without_notes(after) == without_notes(before)


async def test_a_run_that_stores_nothing_yet_does_so_when_it_is_opened(text: Path, tmp_path: Path) -> None:
    run = await trained(small(text, steps=20, validation=0.2), tmp_path / "runs")
    whole = (run / TASK_DATA).read_bytes()
    (run / TASK_DATA).unlink()
    before = await answers(Inspect(run=str(run)), QUESTIONS)
    assert (run / TASK_DATA).read_bytes() == whole
    text.unlink()
    assert without_notes(await answers(Inspect(run=str(run)), QUESTIONS)) == without_notes(before)
    (run / TASK_DATA).unlink()
    (failed,) = of(Failed, await follow(Inspect(run=str(run))))
    assert isinstance(failed, Failed) and str(text) in failed.problem and failed.fatal


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
async def test_a_run_that_cannot_be_written_is_opened_all_the_same(text: Path, tmp_path: Path) -> None:
    run = await trained(small(text, steps=5), tmp_path / "runs")
    (run / TASK_DATA).unlink()
    run.chmod(0o500)
    try:
        assert not of(Failed, await answers(Inspect(run=str(run)), [Sample(length=5)]))
    finally:
        run.chmod(0o700)


async def test_damaged_data_are_written_again_where_the_text_is_at_hand(text: Path, tmp_path: Path) -> None:
    run = await trained(small(text, steps=20), tmp_path / "runs")
    whole = (run / TASK_DATA).read_bytes()
    (run / TASK_DATA).write_bytes(whole[:-7] + b"altered")
    moved = text.rename(tmp_path / "moved.txt")
    (failed,) = of(Failed, await follow(Inspect(run=str(run))))
    assert isinstance(failed, Failed) and TASK_DATA in failed.problem
    moved.rename(text)
    assert not of(Failed, await answers(Inspect(run=str(run)), [Sample(length=5)]))
    assert (run / TASK_DATA).read_bytes() == whole
