"""A network is used without its text: what the run stores of it is enough; going on with another text is remarked."""

import os
import shutil
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import safetensors
from driving import follow, metrics, of, saved_arrays, saved_values, small, trained, write_text
from msgspec import structs

from rnnplay.catalogue import make_config
from rnnplay.client import TrainerClient
from rnnplay.exchange.exporter import export_run
from rnnplay.protocol import (
    AblateUnit,
    AnyEvent,
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
    QuestionProgressed,
    ReadingText,
    Resume,
    Sample,
    Sampled,
    ShowExample,
    Started,
    Status,
    Stop,
    Stopped,
    Trace,
    Train,
    UnitsFound,
    Unroll,
    WatchHealth,
    WatchTrace,
)
from rnnplay.runs import load_record
from rnnplay.runs.task_data import TASK_DATA


@pytest.fixture
def text(tmp_path: Path) -> Path:
    return write_text(tmp_path / "words.txt")


async def answers(opening: Inspect, commands: Sequence[Command]) -> list[AnyEvent]:
    """Started, then the last answer to each command: the next one is sent when one is answered."""
    queue: Iterator[Command] = iter([*commands, Stop()])
    client = await TrainerClient.start(opening)
    found: list[AnyEvent] = []
    async for event in client.events():
        if isinstance(event, Started):
            found.append(event)
            await client.send(next(queue))
        elif isinstance(event, ReadingText) or (isinstance(event, Sampled) and not event.done):
            continue  # a slow machine says how far the reading is
        elif not isinstance(event, Status | QuestionProgressed | Stopped) and not getattr(event, "is_history", False):
            found.append(event)
            await client.send(next(queue, Stop()))
    return found


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


def without_notes(events: list[AnyEvent]) -> list[Any]:
    """The answers, without the numbers of the commands that they answer."""
    return [structs.replace(event, run_id="", request=0) for event in events if not isinstance(event, Started)]


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


async def test_another_python_with_other_documentation_changes_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = make_config("docs", hidden=8, batch=2, seq_len=10, steps=3, evaluate_every=1000)
    run = await trained(config, tmp_path / "runs")
    asked: list[Command] = [Sample(length=30), Evaluate()]
    before = await answers(Inspect(run=str(run)), asked)
    folder = tmp_path / "python" / "pydoc_data"
    folder.mkdir(parents=True)
    (folder / "__init__.py").write_text("")
    (folder / "topics.py").write_text("topics = {'assert': 'The assert statement.\\n' * 400}\n")
    monkeypatch.setenv("PYTHONPATH", str(folder.parent))
    after = await answers(Inspect(run=str(run)), asked)
    assert without_notes(after) == without_notes(before) and not of(Failed, after)
    assert "changed" in of(Started, after)[0].facts.text_unavailable
    (failed,) = of(Failed, await follow(Resume(run=str(run), more_steps=2)))
    assert isinstance(failed, Failed) and "--text docs" in failed.remedy
    started = of(Started, await follow(Resume(run=str(run), more_steps=2, text="docs")))[0]
    assert "another text" in started.notes[0]


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


# ------------------------------------------------------------------------------------------------------ runs without it


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


# -------------------------------------------------------------------------------------------------------------- resume


async def test_without_its_text_a_run_is_not_resumed_and_says_what_to_do(text: Path, tmp_path: Path) -> None:
    run = await trained(small(text, steps=10), tmp_path / "runs")
    before = metrics(run)
    text.rename(tmp_path / "moved.txt")
    (failed,) = of(Failed, await follow(Resume(run=str(run), more_steps=5)))
    assert isinstance(failed, Failed)
    assert str(text) in failed.problem and "--text FILE" in failed.remedy
    assert metrics(run) == before


async def test_the_same_text_elsewhere_goes_on_bit_for_bit(text: Path, tmp_path: Path) -> None:
    unbroken = await trained(small(text, steps=40), tmp_path / "unbroken")
    broken = await trained(small(text, steps=20), tmp_path / "broken")
    moved = text.rename(tmp_path / "moved.txt")
    events = await follow(Resume(run=str(broken), more_steps=20, text=str(moved)))
    assert saved_arrays(unbroken, 40) == saved_arrays(broken, 40)
    assert saved_values(unbroken, 40) == saved_values(broken, 40)
    assert metrics(unbroken) == metrics(broken)
    assert not any("another text" in note for note in of(Started, events)[0].notes)
    assert load_record(broken).config.text == str(moved)
    assert not of(Failed, await follow(Resume(run=str(broken), more_steps=2)))


async def test_a_longer_text_goes_on_with_a_remark(text: Path, tmp_path: Path) -> None:
    run = await trained(small(text, steps=35, evaluate_every=5), tmp_path / "runs")
    old = [line for line in metrics(run) if line.get("kind") == "evaluated"]
    first = load_record(run)
    text.write_text(text.read_text() * 3 + "ßß and é\n", encoding="utf-8")
    (failed,) = of(Failed, await follow(Resume(run=str(run), more_steps=5)))
    assert isinstance(failed, Failed) and "changed" in failed.problem and "--text" in failed.remedy
    events = await follow(Resume(run=str(run), more_steps=20, text=str(text)))
    started = of(Started, events)[0]
    change, unknown = started.notes[:2]
    assert "another text" in change and "words.txt" in change and "best" in change
    assert "'ß' (2)" in unknown and "'é' (1)" in unknown and "left out" in unknown
    assert started.step == 35
    lines = [line for line in metrics(run) if line.get("kind") == "evaluated"]
    assert lines[: len(old)] == old and not any("text" in line for line in old)
    record = load_record(run)
    new = lines[len(old) :]
    assert new and {line["text"] for line in new} == {str(record.sha256)[:16]}
    assert record.earlier_texts == (first.sha256,) and record.sha256 != first.sha256
    past = [event for event in of(Evaluated, events) if event.is_history]
    assert past and all(event.other_text and event.baseline is None for event in past)
    assert not any(event.other_text for event in of(Evaluated, events) if not event.is_history)

    again = await follow(Resume(run=str(run), more_steps=3))
    assert [event.other_text for event in of(Evaluated, again) if event.is_history] == [True] * len(old) + [False] * (
        len(of(Evaluated, again)) - len(old) - sum(not event.is_history for event in of(Evaluated, again))
    )
    assert not any("another text" in note for note in of(Started, again)[0].notes)
    assert [line for line in metrics(run) if line.get("kind") == "evaluated"][: len(old)] == old
    text.unlink()
    found = await answers(Inspect(run=str(run)), [Sample(length=10), Evaluate()])
    assert not of(Failed, found)
    assert of(Started, found)[0].facts.vocabulary == started.facts.vocabulary


async def test_going_on_with_another_text_repeats_bit_for_bit_however_it_is_interrupted(
    text: Path, tmp_path: Path
) -> None:
    other = write_text(tmp_path / "other.txt", words=500, seed=9)
    one = await trained(small(text, steps=15), tmp_path / "one")
    two = Path(shutil.copytree(one, tmp_path / "two" / one.name))
    await follow(Resume(run=str(one), more_steps=20, text=str(other)))
    await follow(Resume(run=str(two), more_steps=20, text=str(other), paused=True), lambda event: Stop())
    await follow(Resume(run=str(two)))
    assert saved_arrays(one, 35) == saved_arrays(two, 35)
    assert metrics(one) == metrics(two)


async def test_a_task_that_reads_nothing_takes_no_text(text: Path, tmp_path: Path) -> None:
    config = make_config("addition", hidden=5, steps=3)
    events = await follow(Train(config=config, root=str(tmp_path / "runs")))
    (failed,) = of(Failed, await follow(Resume(run=of(Started, events)[0].run, more_steps=3, text=str(text))))
    assert isinstance(failed, Failed) and "reads no" in failed.problem
    assert not list((tmp_path / "runs").glob(f"*/{TASK_DATA}"))


# -------------------------------------------------------------------------------------------------------- other tables


def write_tables(folder: Path, rows: int, seed: int) -> dict[str, Path]:
    """A table for each of the tasks that read one, by the task's name."""
    draw = np.random.default_rng(seed)
    tables = {"series": folder / f"tide-{seed}.csv", "sentiment": folder / f"reviews-{seed}.tsv"}
    tables["series"].write_text("level\n" + "".join(f"{5 + np.sin(n / 4 + seed):.4f}\n" for n in range(rows)))
    words = ["soup", "bread", "was", "never", "good", "bad"]
    lines = [f"{' '.join(draw.choice(words, 5))} {seed}-{n}\t{('good', 'bad')[n % 2]}\n" for n in range(rows)]
    tables["sentiment"].write_text("".join(lines))
    return tables


@pytest.mark.parametrize("task", ["series", "sentiment"])
async def test_another_table_is_measured_without_the_own_one_and_gone_on_with(tmp_path: Path, task: str) -> None:
    own, other = write_tables(tmp_path, 200, 1)[task], write_tables(tmp_path, 150, 2)[task]
    config = make_config(task, text=str(own), hidden=7, batch=5, seq_len=9, steps=12, evaluate_every=5)
    run = await trained(config, tmp_path / "runs")
    asked: list[Command] = [Evaluate(text=str(other)), Evaluate(text=str(tmp_path / "none.csv"))]
    before = await answers(Inspect(run=str(run)), asked)
    own.unlink()
    after = await answers(Inspect(run=str(run)), asked)
    assert without_notes(after) == without_notes(before)
    (evaluated,) = of(Evaluated, after)
    assert evaluated.loss > 0 and evaluated.baseline is None and evaluated.characters >= 149
    assert "no file" in of(Failed, after)[0].problem
    started = of(Started, await follow(Resume(run=str(run), more_steps=5, text=str(other))))[0]
    assert "another text" in started.notes[0] and other.name in started.notes[0]
    assert not of(Failed, await follow(Resume(run=str(run), more_steps=2)))


@pytest.mark.parametrize("task", ["series", "sentiment"])
async def test_a_run_on_generated_items_goes_on_with_a_table(tmp_path: Path, task: str) -> None:
    run = await trained(make_config(task, hidden=5, batch=5, seq_len=9, steps=3), tmp_path / "runs")
    assert not (run / TASK_DATA).exists()
    table = write_tables(tmp_path, 150, 3)[task]
    started = of(Started, await follow(Resume(run=str(run), more_steps=5, text=str(table))))[0]
    assert "another text" in started.notes[0]
    table.unlink()
    assert not of(Failed, await answers(Inspect(run=str(run)), [Evaluate(), ShowExample()]))


async def test_another_table_is_read_in_the_encoding_that_is_named(tmp_path: Path) -> None:
    own, other = (write_tables(tmp_path, 150, seed)["sentiment"] for seed in (1, 2))
    other.write_bytes(other.read_text().replace("bad", "b\xe4d").encode("latin-1"))
    run = await trained(make_config("sentiment", text=str(own), hidden=5, batch=5, steps=3), tmp_path / "runs")
    asked: list[Command] = [Evaluate(text=str(other)), Evaluate(text=str(other), encoding="latin-1")]
    found = await answers(Inspect(run=str(run)), asked)
    assert "not UTF-8" in of(Failed, found)[0].problem
    assert "'b\xe4d'" in of(Evaluated, found)[0].notes[0]


async def test_a_task_that_reads_no_file_refuses_one_in_words(text: Path, tmp_path: Path) -> None:
    for task in ("addition", "tagging"):
        run = await trained(make_config(task, hidden=5, batch=5, steps=3), tmp_path / "runs")
        failed = of(Failed, await answers(Inspect(run=str(run)), [Evaluate(text=str(text))]))
        assert "reads no file" in failed[0].problem
    (refused,) = await follow(Inspect(run=str(run), text=str(text)))
    assert isinstance(refused, Failed) and "reads no text" in refused.problem
