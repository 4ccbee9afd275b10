"""Texts of separate items: each is learned by itself with its end, held out by its hash, and written whole."""

import itertools
import random
import re
from pathlib import Path
from typing import Any
from unittest.mock import patch

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from rnnplay.catalogue import make_config
from rnnplay.config import UserError
from rnnplay.corpora import large_text
from rnnplay.lab.sample import Sampler, SamplingOptions
from rnnplay.tasks import documents, item_index, make, restore
from rnnplay.tasks.documents import DocumentTask
from rnnplay.tasks.item_index import END_OF_ITEM, HashCollector, contains, find_items, find_parts, hash_items, item_hash
from rnnplay.trainer.learner import Learner
from tests.tasks.test_large_text import is_mapped


def names(count: int, seed: int = 3) -> list[str]:
    draw = random.Random(seed)
    first, middle, last = ("an be ca da el fi ga ha".split(), "ri lo na mi te".split(), "a us o en el in".split())
    made: dict[str, None] = {}
    while len(made) < count:
        syllables = [draw.choice(first), *(draw.choice(middle) for _ in range(draw.randint(0, 3))), draw.choice(last)]
        made["".join(syllables).capitalize()] = None
    return list(made)


def items_task(folder: Path, text: str | dict[str, str], document: str, **choices: Any) -> DocumentTask:
    path = folder / "items"
    if isinstance(text, str):
        path.write_text(text, encoding="utf-8")
    else:
        path.mkdir()
        for name, content in text.items():
            (path / name).write_text(content, encoding="utf-8")
    settings = {
        "hidden": 16,
        "batch": 4,
        "seq_len": 6,
        "validation": 0.2,
        "document": document,
        "dropout": 0.0,
    } | choices
    task = make(make_config("text", text=str(path), **settings))
    assert isinstance(task, DocumentTask)
    return task


TUNES = {f"{n:02}.abc": f"X:{n}\nK:G\n|: {'GABc '[n % 4 :]}d2 |{'ec' * (n % 3)} :|\n" for n in range(20)}


@pytest.mark.parametrize(
    ("text", "document", "items"),
    [
        ("Ann\nBo\n\n  \nCy\n", "line", ["Ann", "Bo", "  ", "Cy"]),
        ("one\ntwo\n\n\nthree\n \t\nfour\n", "blank", ["one\ntwo", "three", "four"]),
        ("no end", "line", ["no end"]),
        ("", "blank", []),
    ],
)
def test_a_text_is_split_into_items_without_their_ends(text: str, document: str, items: list[str]) -> None:
    vocabulary = tuple(sorted(set(text)))
    ids = np.array([vocabulary.index(symbol) for symbol in text], np.uint8)
    bounds = find_items(ids, vocabulary, document)
    assert [text[begin:end] for pair in bounds for begin, end in zip(*pair, strict=True)] == items


@settings(max_examples=60, deadline=None)
@given(st.text("ab \t\n␃", max_size=60), st.integers(1, 9), st.sampled_from(["line", "blank", "file"]))
@example("aaaaa\nb\n", 4, "line")  # the end of a long item and that of the next in one chunk
def test_items_are_the_same_however_small_the_chunks_are(text: str, size: int, document: str) -> None:
    vocabulary = tuple(sorted(set(text)))
    ids = np.array([vocabulary.index(symbol) for symbol in text], np.uint8)
    match document:
        case "blank":
            expected = [item.strip("\n") for item in re.split(r"(?:^|(?<=\n))[ \t]*(?:\n|$)", text)]
        case _:
            expected = text.split("\n" if document == "line" else END_OF_ITEM)
    with patch.object(item_index, "CHUNK_SIZE", size):
        bounds = list(find_items(ids, vocabulary, document))
        code_points = np.array([ord(symbol) for symbol in vocabulary], np.uint32)
        hashes = [tuple(row) for pair in bounds for row in hash_items(ids, pair, code_points).tolist()]
    items = [text[begin:end] for pair in bounds for begin, end in zip(*pair, strict=True)]
    assert items == [item for item in expected if item]
    assert all(len(begins) == 1 or (ends - begins).max() <= size for begins, ends in bounds)
    assert hashes == [item_hash(item) for item in items]


@pytest.mark.parametrize(("document", "end"), [("line", ""), ("line", "\n"), ("blank", ""), ("blank", "\n")])
def test_no_item_spans_two_files(tmp_path: Path, document: str, end: str) -> None:
    between = "\n" if document == "line" else "\n\n"
    files = {f"{n}.txt": between.join(names(10, n)) + end for n in range(5)}
    task = items_task(tmp_path, files, document)
    items = ["".join(task.vocabulary[i] for i in ids[1:]) for ids in task.item_texts(task.training_ids)]
    assert task.training_items == len(items) and set(items) <= {name for n in range(5) for name in names(10, n)}


def test_a_part_without_an_end_is_no_whole_one(monkeypatch: pytest.MonkeyPatch) -> None:
    ids = np.array([1, 1, 0, 2, 0, 1, 3], np.uint8)
    for size in (1, 100):
        monkeypatch.setattr(item_index, "CHUNK_SIZE", size)
        for whole, ends in ((True, [2, 4]), (False, [2, 4, 7])):
            assert [end for _, found in find_parts(ids, 0, whole=whole) for end in found] == ends
        assert contains(ids, 3) and not contains(ids, 4)


def test_of_many_hashes_the_smallest_are_stored(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(item_index, "MAX_STORED_HASHES", 50)
    hashes = np.random.default_rng(1).integers(0, 2**64, 300, np.uint64)
    collector = HashCollector()
    for part in np.split(np.repeat(hashes[:40], 3), 5):
        collector.add(part)
    assert collector.array().tolist() == sorted(hashes[:40].tolist()) and collector.is_complete
    for part in np.split(hashes, 20):
        collector.add(part)
    assert collector.array().tolist() == sorted(hashes.tolist())[:50] and not collector.is_complete


@pytest.mark.parametrize("document", ["line", "blank"])
def test_items_of_a_long_text_are_mapped_and_give_the_same_batches(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, document: str
) -> None:
    text = ("\n" if document == "line" else "\n\n").join([*names(300), "long " * 50, *names(40, 5)])
    in_memory = items_task(tmp_path, text, document)
    monkeypatch.setattr(large_text, "MAPPED_BYTES", 500)
    monkeypatch.setattr(item_index, "CHUNK_SIZE", 100)
    mapped = make(in_memory.config)
    assert isinstance(mapped, DocumentTask)
    assert all(map(is_mapped, (mapped.training_ids, mapped.held_out_ids, mapped._starts)))
    for name in ("training_ids", "held_out_ids", "item_hashes"):
        np.testing.assert_array_equal(getattr(mapped, name), getattr(in_memory, name))
    assert mapped.notes == in_memory.notes and mapped.epoch_steps == in_memory.epoch_steps
    for step in range(mapped.epoch_steps + 3):
        np.testing.assert_array_equal(mapped.batch(step).inputs, in_memory.batch(step).inputs)


def test_more_items_than_are_put_in_order_together_are_read_once_an_epoch(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(documents, "MAX_SHUFFLED", 16)
    task = items_task(tmp_path, "\n".join(names(60)), "line", seq_len=32)
    epochs = [[task.batch(step) for step in range(task.epoch_steps)] for _ in range(2)]
    read = [
        sorted(task.decode(b.targets[b.weights[:, column] > 0, column]) for b in batches for column in range(4))
        for batches in epochs
        if all(b.weights is not None for b in batches)
    ]
    items = task.decode(task.training_ids).split()
    assert len(items) > 40
    assert [[item.strip() for item in epoch if item] for epoch in read] == [sorted(items)] * 2
    assert any(
        not np.array_equal(a.inputs, b.inputs) for a, b in zip(*epochs, strict=True) if a.inputs.shape == b.inputs.shape
    )
    whole = items_task(tmp_path, "\n".join(names(60)), "line", seq_len=32)
    batches = list(whole.batches_of(whole.training_ids, 4))
    assert sum(float(b.weights.sum()) for b in batches if b.weights is not None) == len(whole.training_ids) - 1
    again = make(task.config)
    again.restore({**task.state(), "epoch": 0, "place": 9})
    np.testing.assert_array_equal(again.batch(9).inputs, epochs[0][9].inputs)


@pytest.mark.parametrize("document", ["line", "blank", "file"])
def test_an_epoch_reads_each_item_once_from_its_beginning_to_its_end(tmp_path: Path, document: str) -> None:
    words = names(60)
    text = {"line": "\n".join(words), "blank": "\n\n".join(words), "file": {f"{n}.txt": w for n, w in enumerate(words)}}
    task = items_task(tmp_path, text[document], document)
    end = "\n" if document == "line" else END_OF_ITEM
    assert task.end_symbol == end and end in task.vocabulary
    read: list[str] = []
    columns: list[list[str]] = []
    for step in range(2 * task.epoch_steps):
        batch = task.batch(step)
        assert batch.weights is not None
        if batch.resets_state:
            read += ["".join(column) for column in columns if column]
            columns = [[] for _ in range(batch.inputs.shape[1])]
            assert task.decode(batch.inputs[0]) == end * batch.inputs.shape[1]
        for b, column in enumerate(columns):
            counted = batch.weights[:, b] > 0
            column += task.decode(batch.targets[counted, b])
            shifted = batch.inputs[1:, b][counted[1:]]
            assert (shifted == batch.targets[:-1, b][counted[1:]]).all()
    read += ["".join(column) for column in columns if column]
    held_out = task.decode(task.held_out_ids).strip(end).split(end)
    assert sorted(read) == sorted(2 * [word + end for word in set(words) - set(held_out)])
    assert 4 < len(held_out) < 25 and set(held_out) < set(words)
    measured = [batch for batch in task.evaluation()]
    assert sum(float(b.weights.sum()) for b in measured if b.weights is not None) == len("".join(held_out)) + len(
        held_out
    )


def test_items_are_held_out_by_what_they_are_wherever_they_stand(tmp_path: Path) -> None:
    words = names(50)
    parts = []
    for folder, order in (("a", words), ("b", words[::-1] + words)):
        (tmp_path / folder).mkdir()
        task = items_task(tmp_path / folder, "\n".join(order), "line")
        parts.append(set(task.decode(task.held_out_ids).split()))
    assert parts[0] == parts[1]
    assert task.part_words() == "20 % of the items, by their hash"  # not "the last 20 %"


def test_what_an_item_costs_does_not_depend_on_the_one_before(tmp_path: Path) -> None:
    task = items_task(tmp_path, "\n".join(names(60)), "line", dtype="float64")
    learner = Learner(task.config, task)
    for _ in range(12):
        learner.train_step()
    ends = np.flatnonzero(task.held_out_ids == task.held_out_ids[0])
    assert len(ends) > 4

    def loss(ids: Any, streams: int) -> float:
        measured = learner.evaluate(task.batches_of(ids, streams), lambda: False)
        assert measured is not None and measured[0] is not None
        return measured[0] * sum(float(b.weights.sum()) for b in task.batches_of(ids, streams) if b.weights is not None)

    alone = [loss(task.held_out_ids[begin : end + 1], 1) for begin, end in itertools.pairwise(ends.tolist())]
    for streams in (1, 3, 50):
        assert loss(task.held_out_ids, streams) == pytest.approx(sum(alone), rel=1e-9)


def test_the_place_is_restored_within_an_epoch(tmp_path: Path) -> None:
    one = items_task(tmp_path, "\n".join(names(60)), "line")
    for step in range(7):
        one.batch(step)
    other = make(one.config)
    other.restore(one.state())
    for step in range(7, 7 + 2 * one.epoch_steps):
        a, b = one.batch(step), other.batch(step)
        assert a.resets_state == b.resets_state
        np.testing.assert_array_equal(a.inputs, b.inputs)
        np.testing.assert_array_equal(a.weights, b.weights)


def test_a_network_of_items_is_usable_without_its_text(tmp_path: Path) -> None:
    task = items_task(tmp_path, TUNES, "file")
    again = restore(task.config, task.data())
    assert again.end_symbol == task.end_symbol and again.vocabulary == task.vocabulary
    for a, b in zip(task.evaluation(), again.evaluation(), strict=True):
        np.testing.assert_array_equal(a.inputs, b.inputs)
    assert task.baselines() == again.baselines()


def test_a_sample_begins_each_item_from_a_zero_state(tmp_path: Path) -> None:
    task = items_task(tmp_path, "\n".join(names(60)), "line")
    network = Learner(task.config, task).eval_network()
    sampler = Sampler(network, task, "", SamplingOptions(seed=2))
    begin = sampler.candidates()
    symbols = [symbol for symbol, _ in sampler.draw_many(400)]
    while symbols[-1] != "\n":
        symbols += [symbol for symbol, _ in sampler.draw_many(1)]
    assert sampler.candidates() == begin


@pytest.mark.parametrize(
    ("choices", "said"), [({"read_as_bytes": True}, "by characters"), ({"task": "words"}, "by characters")]
)
def test_items_of_bytes_or_words_are_refused(tmp_path: Path, choices: dict[str, Any], said: str) -> None:
    (tmp_path / "a.txt").write_text("\n".join(names(60)))
    task = choices.pop("task", "text")
    with pytest.raises(UserError, match=said):
        make(make_config(task, text=str(tmp_path / "a.txt"), document="line", **choices))


def test_too_few_items_are_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="has 2 items, too few"):
        items_task(tmp_path, "Ann\nBo\n", "line")
    for text, document in (("\n" * 90, "line"), (" \n" * 90, "blank")):
        with pytest.raises(UserError, match="has 0 items, too few"):
            items_task(tmp_path, text, document)
    with pytest.raises(UserError, match="has 90 items, too few different ones"):
        items_task(tmp_path, "Ann\n" * 90, "line")


def test_each_epoch_has_an_order_of_its_own(tmp_path: Path) -> None:
    task = items_task(tmp_path, "\n".join(names(60)), "line", seq_len=32)
    first, second = ([task.decode(task.batch(step).inputs[:, 0]) for step in range(task.epoch_steps)] for _ in range(2))
    assert first != second


@pytest.mark.parametrize("count", [3, 20])
def test_of_a_few_items_one_is_held_out_at_least(tmp_path: Path, count: int) -> None:
    """Where the hashes would leave none, it is the item with the least of them, wherever it stands."""
    for seed in range(12):
        items = [f"item {seed} {n} x{n * n % 7}" for n in range(count)]
        held_out = []
        for order in (items, items[::-1]):
            (tmp_path / "items.txt").write_text("\n".join(order) + "\n")
            task = make(make_config("text", text=str(tmp_path / "items.txt"), document="line", batch=2))
            assert isinstance(task, DocumentTask)
            held_out.append(set(task.decode(task.held_out_ids).split("\n")) - {""})
        assert held_out[0] == held_out[1] and 1 <= len(held_out[0]) < count


def test_items_are_read_whole_by_default_and_in_groups_of_equal_size(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of 18 items 16 at a time, two groups have nine each, not sixteen and two."""
    path = tmp_path / "items.txt"
    path.write_text("".join(f"{n:02} " + "ab" * 90 + "\n" for n in range(18)))
    config = make_config("text", text=str(path), document="line", validation=0.0, batch=16)
    assert config.seq_len == make_config("text", text=str(tmp_path)).seq_len == 256
    monkeypatch.setenv("HOME", str(tmp_path))
    assert make_config("text", text="~").seq_len == 256
    assert make_config("text", text=str(tmp_path), document="none").seq_len == 100
    assert make_config("text", text=str(path)).seq_len == make_config("text").seq_len == 100
    assert make_config("text", text=str(path), document="line", seq_len=40).seq_len == 40
    task = make(config)
    assert task.epoch_steps == 2
    batches = [task.batch(step) for step in range(2)]
    assert [batch.inputs.shape for batch in batches] == [(184, 16), (184, 16)]
    for batch in batches:
        assert batch.weights is not None
        assert (batch.weights.sum(axis=0) > 0).sum() == 9
