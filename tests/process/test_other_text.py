"""A run is resumed with another text or table, or its own from another place: what is refused, what is remarked."""

import shutil
from pathlib import Path

import numpy as np
import pytest
from driving import answers, follow, metrics, of, saved_arrays, saved_values, small, trained, without_notes, write_text

from rnnplay.catalogue import make_config
from rnnplay.protocol import (
    Command,
    Evaluate,
    Evaluated,
    Failed,
    Inspect,
    Resume,
    Sample,
    ShowExample,
    Started,
    Stop,
    Train,
)
from rnnplay.runs import load_record
from rnnplay.runs.task_data import TASK_DATA


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
