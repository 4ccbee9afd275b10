"""A text as a task: streams that go on where they stopped, a held-out end, the same evaluation at every call."""

import math
from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from rnnplay.catalogue import task_info
from rnnplay.config import RunConfig, UserError
from rnnplay.tasks import make, restore, text_features
from rnnplay.tasks.text import TextTask, stream_batches


def random_text(tmp_path: Path, length: int, letters: str = "abcdefg \n") -> str:
    rng = np.random.default_rng(length)
    words = "".join(rng.choice(list(letters), length))
    (tmp_path / "own.txt").write_text(words, encoding="utf-8", newline="")
    return words


def text_task(tmp_path: Path, **choices: object) -> TextTask:
    task = make(RunConfig(task="text", text=str(tmp_path / "own.txt"), **choices))  # type: ignore[arg-type]
    assert isinstance(task, TextTask)
    return task


def test_batches_are_contiguous_streams_whose_targets_are_one_further(tmp_path: Path) -> None:
    words = random_text(tmp_path, 1_003)
    task = text_task(tmp_path, batch=3, seq_len=11)
    trained = int(1_003 * 0.9)
    assert task.decode(task.training_ids) == words[:trained]
    assert task.decode(task.held_out_ids) == words[trained:]

    read = [""] * 3
    batches = [task.batch(step) for step in range(task.epoch_steps)]
    assert [batch.resets_state for batch in batches] == [True] + [False] * (task.epoch_steps - 1)
    for batch in batches:
        assert batch.inputs.shape == batch.targets.shape == (11, 3)
        assert batch.inputs.dtype == batch.targets.dtype == np.int32
        assert batch.inputs.flags.c_contiguous and batch.targets.flags.c_contiguous
        assert (batch.inputs[1:] == batch.targets[:-1]).all()
        read = [stream + task.decode(batch.inputs[:, b]) for b, stream in enumerate(read)]
    length = (trained - 1) // 3
    for b, stream in enumerate(read):
        place = words.index(stream)
        assert b * length <= place <= b * length + length % 11
    assert task.epoch_steps == length // 11


def test_each_epoch_begins_from_a_zero_state_and_reads_all_of_the_text_in_the_end(tmp_path: Path) -> None:
    random_text(tmp_path, 400)
    task = text_task(tmp_path, batch=2, seq_len=50, seed=5)
    fresh = [task.batch(step).resets_state for step in range(4 * task.epoch_steps)]
    assert [step for step, begins in enumerate(fresh) if begins] == [0, 3, 6, 9]
    firsts = set()
    for _ in range(40):
        first = task.batch(0)
        firsts.add(first.inputs[:, 0].tobytes())
        for _ in range(task.epoch_steps - 1):
            task.batch(0)
    assert len(firsts) > 10  # the part of a stream that no sequence covers is another one each time


def test_without_carry_every_sequence_begins_from_a_zero_state(tmp_path: Path) -> None:
    random_text(tmp_path, 400)
    task = text_task(tmp_path, batch=2, seq_len=20, carry=False)
    assert all(task.batch(step).resets_state for step in range(7))


def test_a_restored_task_goes_on_with_the_same_batches(tmp_path: Path) -> None:
    random_text(tmp_path, 777)
    first, second = (text_task(tmp_path, batch=4, seq_len=13, seed=9) for _ in range(2))
    for step in range(31):
        first.batch(step)
    second.restore(first.state())
    for step in range(31, 70):
        a, b = first.batch(step), second.batch(step)
        assert a.resets_state == b.resets_state
        assert (a.inputs == b.inputs).all() and (a.targets == b.targets).all()


def test_sequences_grow_in_doublings_to_their_full_length(tmp_path: Path) -> None:
    random_text(tmp_path, 5_000)
    task = text_task(tmp_path, batch=2, seq_len=40, length_warmup_steps=8)
    lengths = [task.batch(step).inputs.shape[0] for step in range(10)]
    assert lengths == [5, 5, 10, 10, 20, 20, 40, 40, 40, 40]


def test_evaluation_reads_the_held_out_part_once_the_same_at_every_call(tmp_path: Path) -> None:
    random_text(tmp_path, 31_000)
    task = text_task(tmp_path)
    first, second = list(task.evaluation()), list(task.evaluation())
    assert [batch.resets_state for batch in first] == [True] + [False] * (len(first) - 1)
    assert all(
        (a.inputs == b.inputs).all() and (a.targets == b.targets).all() for a, b in zip(first, second, strict=True)
    )
    inputs = np.concatenate([batch.inputs for batch in first])
    targets = np.concatenate([batch.targets for batch in first])
    assert inputs.shape == (3_099 // 16, 16)
    assert inputs.T.ravel().tolist() == task.held_out_ids[: inputs.size].tolist()
    assert targets.T.ravel().tolist() == task.held_out_ids[1 : inputs.size + 1].tolist()


def test_evaluation_reads_at_most_100_000_characters(tmp_path: Path) -> None:
    random_text(tmp_path, 400_000)
    task = text_task(tmp_path, validation=0.5)
    assert sum(batch.token_count for batch in task.evaluation()) == 100_000
    assert sum(batch.token_count for batch in task.evaluation(streams=1, limit=10**9)) == 199_999


def test_evaluation_of_a_small_text_takes_fewer_streams_and_of_none_is_nothing(tmp_path: Path) -> None:
    random_text(tmp_path, 2_000)
    assert [batch.inputs.shape for batch in text_task(tmp_path).evaluation()] == [(66, 3)]
    assert list(text_task(tmp_path, validation=0).evaluation()) == []
    assert text_task(tmp_path, validation=0).baselines() == []


def test_one_stream_reads_everything() -> None:
    ids = np.random.default_rng(2).integers(0, 200, 1_234).astype(np.uint8)
    batches = list(stream_batches(ids, 1))
    assert np.concatenate([batch.targets for batch in batches])[:, 0].tolist() == ids[1:].tolist()


def test_a_text_shorter_than_one_sequence_is_refused(tmp_path: Path) -> None:
    random_text(tmp_path, 60)
    with pytest.raises(UserError) as caught:
        text_task(tmp_path, seq_len=54, batch=1)
    assert "54 characters to train on" in caught.value.problem
    assert "--seq-len" in caught.value.remedy
    text_task(tmp_path, seq_len=53, batch=1).batch(0)


def test_a_short_text_is_read_in_fewer_streams_and_says_so(tmp_path: Path) -> None:
    random_text(tmp_path, 600)
    task = text_task(tmp_path, seq_len=50, batch=32)
    assert task.batch(0).inputs.shape == (50, 10)
    assert "10 sequences" in task.notes[0]


def test_characters_that_the_text_does_not_have_are_left_out_and_named(tmp_path: Path) -> None:
    random_text(tmp_path, 600, "abc")
    ids, unseen = text_task(tmp_path).encode("caxbyx")
    assert ids.tolist() == [2, 0, 1]
    assert unseen == ("x", "y")


def test_the_bigram_baseline_is_near_the_entropy_of_its_source(tmp_path: Path) -> None:
    rng = np.random.default_rng(11)
    table = rng.dirichlet(np.full(5, 0.5), 5)
    state, letters = 0, []
    for u in rng.random(60_000):
        state = min(int(np.searchsorted(np.cumsum(table[state]), u)), 4)
        letters.append("abcde"[state])
    (tmp_path / "own.txt").write_text("".join(letters))
    share = Counter(letters)
    entropy = sum(-share["abcde"[i]] / 60_000 * (table[i] * np.log(table[i])).sum() for i in range(5))
    [(name, loss)] = text_task(tmp_path).baselines()
    assert name == "bigram"
    assert abs(loss - entropy) < 0.03


def test_hello_predicts_four_letters_from_a_zero_state() -> None:
    task = make(RunConfig(task="hello", batch=3))
    assert "never learned what follows o" in task.notes[0]
    assert task_info("hello").description.split(". ")[0].endswith("what follows o it never learned")
    batch = task.batch(7)
    assert batch.resets_state
    assert [task.decode(batch.inputs[:, b]) for b in range(3)] == ["hell"] * 3
    assert [task.decode(batch.targets[:, b]) for b in range(3)] == ["ello"] * 3
    [evaluation] = task.evaluation()
    assert task.decode(evaluation.targets[:, 0]) == "ello"
    assert task.baselines() == [("bigram", math.log(2) / 2)]
    assert task.feature("second l", task.held_out_ids).tolist() == [False, False, False, True, False]


def test_hello_reads_no_text() -> None:
    with pytest.raises(UserError, match="rnnplay train --text FILE"):
        make(RunConfig(task="hello", text="/tmp/x"))


@pytest.mark.parametrize("name", ["prose", "docs", "python"])
def test_every_feature_of_a_text_has_a_value_at_each_character_and_is_not_constant(name: str) -> None:
    task = make(RunConfig(task=name))
    piece = task.held_out_ids[:5_000]
    values = {feature: task.feature(feature, piece) for feature in task.feature_names()}
    assert all(value.shape == (5_000,) for value in values.values())
    own = text_features.FEATURES[name]  # of the general ones some need not occur
    constant = {feature for feature in own if values[feature].min() == values[feature].max()}
    assert constant <= {"inside parentheses"}  # stories may have none


@pytest.mark.parametrize(
    ("text", "letter"),
    [
        ("\u05e9\u05dc\u05d5\u05dd 12 ", "\u05d5"),
        ("\u0645\u0631\u062d\u0628\u0627 a ", "\u0627"),
        ("caf\u00e9 12 ", None),
    ],
)
def test_text_from_right_to_left_is_said_to_be_shown_in_logical_order(
    tmp_path: Path, text: str, letter: str | None
) -> None:
    path = tmp_path / "text.txt"
    path.write_text(text * 50, encoding="utf-8")
    config = RunConfig(task="text", text=str(path), batch=2, seq_len=5)
    task = make(config)
    restored = restore(config, task.data())
    for notes in (task.notes, restored.notes):
        said = [note for note in notes if "logical order" in note]
        assert len(said) == (letter is not None)
        assert all(f"such as {letter}," in note for note in said)
