"""What every generated task promises: shapes, splits that share nothing, draws that repeat, states that restore."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from rnnplay.catalogue import make_config, task_info
from rnnplay.tasks import make
from rnnplay.tasks.base import Array, Batch, Task
from rnnplay.tasks.generated import SPLITS, GeneratedTask
from rnnplay.tasks.registry import TASK_CLASSES
from rnnplay.tasks.sentence_pool import PooledTask
from rnnplay.tasks.series import Series

NAMES = sorted({*TASK_CLASSES, "series", "sentiment"} - {"hello"})  # hello draws nothing
# Patterns and numbers of which there are too few to hold any out: their measure says what it tests instead.
WITHOUT_SPLIT = {
    "alternate",
    "one-one-zero",
    "hello-end",
    "alphabet",
    "song",
    "addition",
    "addition-original",
    "counting",
}
WITHOUT_SPLIT |= {"series"}  # windows of one series, whose parts do not overlap


def made(name: str, **choices: Any) -> Task:
    return make(make_config(name, **choices))


def equal(a: Batch, b: Batch) -> bool:
    for field in ("inputs", "targets", "weights", "mask", "source", "source_mask", "context"):
        left, right = getattr(a, field), getattr(b, field)
        if (left is None) != (right is None) or (left is not None and not np.array_equal(left, right)):
            return False
    return a.resets_state == b.resets_state


def columns(batch: Batch) -> Iterator[bytes]:
    """The content of each sequence of a batch: source, inputs where they count, picture."""
    for b in range(batch.inputs.shape[-1]):
        counted = batch.inputs[..., b]
        if batch.weights is not None and batch.source is not None:
            counted = counted[batch.weights[:, b] > 0]
        elif batch.weights is not None and batch.inputs.ndim == 2:  # up to the last time step that counts
            counted = counted[: np.flatnonzero(batch.weights[:, b])[-1] + 1]
        parts = [np.ascontiguousarray(counted).tobytes()]
        if batch.source is not None and batch.source_mask is not None:
            parts.append(batch.source[batch.source_mask[:, b], b].tobytes())
        if batch.context is not None:
            parts = [(batch.context[..., b] > 0.35).tobytes()]  # whatever its light and noise
        yield b"|".join(parts)


def some_batches(task: Task) -> list[Batch]:
    return [task.batch(step) for step in (0, 1, 7, 100_000)] + list(task.evaluation())


@pytest.mark.parametrize("name", NAMES)
def test_batches_have_the_shapes_that_the_task_announces(name: str) -> None:
    task = made(name, batch=3)
    for batch in some_batches(task):
        T, B = batch.inputs.shape[0], batch.inputs.shape[-1]
        if task.inputs_are_ids:
            assert batch.inputs.shape == (T, B) and batch.inputs.dtype == np.int32
            assert batch.inputs.min() >= 0 and batch.inputs.max() < task.inputs
        else:
            assert batch.inputs.shape == (T, task.inputs, B) and batch.inputs.dtype == np.float32
        if task.readout == "softmax":
            assert batch.targets.shape == (T, B) and batch.targets.dtype == np.int32
            assert batch.targets.min() >= 0 and batch.targets.max() < task.outputs
        else:
            assert batch.targets.shape == (T, task.outputs, B) and batch.targets.dtype == np.float32
        if batch.weights is not None:
            assert batch.weights.shape == (T, B) and (batch.weights >= 0).all()
            assert (batch.weights.sum(axis=0) > 0).all()
        assert (batch.source is not None) == (task.source_vocabulary_size > 0)
        if batch.source is not None and batch.source_mask is not None:
            assert batch.source.shape == batch.source_mask.shape and batch.source.shape[1] == B
            assert batch.source.max() < task.source_vocabulary_size
        if task.picture_shape:
            assert batch.context is not None and batch.context.shape == (*task.picture_shape, B)
    assert task.batch(3).inputs.shape[-1] == 3


@pytest.mark.parametrize("name", NAMES)
def test_the_same_seed_draws_the_same_batches_and_another_seed_others(name: str) -> None:
    first, second, other = made(name, seed=11), made(name, seed=11), made(name, seed=12)
    pairs = [(first.batch(step), second.batch(step), other.batch(step)) for step in range(3)]
    assert all(equal(a, b) for a, b, _ in pairs)
    if name not in {"hello-end", "one-one-zero", "song"}:  # there is but one sequence
        assert not all(equal(a, c) for a, _, c in pairs)


@pytest.mark.parametrize("name", NAMES)
def test_a_restored_state_goes_on_with_the_very_next_batch(name: str) -> None:
    task = made(name, seed=5)
    for step in range(3):
        task.batch(step)
    state = json.loads(json.dumps(task.state()))
    wanted = [task.batch(step) for step in (3, 4)]
    again = made(name, seed=99)
    again.restore(state)
    assert all(equal(again.batch(step), batch) for step, batch in zip((3, 4), wanted, strict=True))


@pytest.mark.parametrize("name", NAMES)
def test_the_evaluation_repeats_and_does_not_move_training(name: str) -> None:
    task, undisturbed = made(name, seed=2), made(name, seed=2)
    first, second = list(task.evaluation()), list(task.evaluation())
    assert len(first) == len(second) and all(equal(a, b) for a, b in zip(first, second, strict=True))
    task.example(3)
    task.baselines()
    assert equal(task.batch(0), undisturbed.batch(0))


@pytest.mark.parametrize("name", sorted(set(NAMES) - WITHOUT_SPLIT))
def test_no_item_is_in_two_of_training_validation_and_test(name: str) -> None:
    task = made(name, batch=200)
    assert isinstance(task, GeneratedTask)
    train = {key for step in (0, 10, 100_000, 100_001) for key in columns(task.batch(step))}
    validation = {key for batch in task.evaluation() for key in columns(batch)}
    test = set(columns(task.test()))
    assert len(train) > 100 and len(validation) > 20 and len(test) > 20
    assert not train & validation and not train & test and not validation & test


@pytest.mark.parametrize("name", ["sentiment", "tagging", "translate", "typing"])
def test_no_sentence_of_all_that_there_are_is_in_two_splits_or_twice_in_one(name: str) -> None:
    task = made(name)
    assert isinstance(task, PooledTask)
    drawn = {split: list(columns(task.pool[split])) for split in SPLITS}
    everything = [key for keys in drawn.values() for key in keys]
    assert len(everything) > 1_000 and all(len(keys) > 100 for keys in drawn.values())
    assert len(set(everything)) == len(everything)


def test_what_a_series_is_tested_on_lies_behind_all_that_it_is_trained_on(tmp_path: Path) -> None:
    (tmp_path / "rising.csv").write_text("\n".join(map(str, range(1_000))))  # a value tells its place
    task = made("series", text=str(tmp_path / "rising.csv"), batch=200, seq_len=37)
    assert isinstance(task, Series)

    def places(*arrays: Array) -> set[int]:
        return {round(float(place)) for array in arrays for place in task.unscaled(array).ravel()}

    train = places(*(array for step in range(9) for array in (task.batch(step).inputs, task.batch(step).targets)))
    validation = places(*(array for batch in task.evaluation() for array in (batch.inputs, batch.targets)))
    test = places(task.test().inputs, task.test().targets)
    assert train == set(range(900)) and validation == set(range(900, 950)) and test == set(range(950, 1_000))


@pytest.mark.parametrize("name", NAMES)
def test_an_example_is_rows_of_the_same_length_and_a_batch_of_one(name: str) -> None:
    task = made(name)
    for index in (0, 5):
        example = task.example(index)
        assert example is not None and example.title
        assert example.batch.inputs.shape[-1] == 1
        assert len(example.inputs) == len(example.targets) == example.batch.inputs.shape[0]
        assert any(target is not None for target in example.targets)


@pytest.mark.parametrize("name", NAMES)
def test_features_are_given_for_every_time_step(name: str) -> None:
    task = made(name)
    assert task.feature_names()
    example = task.example(1)
    assert example is not None
    for feature in task.feature_names():
        values = task.batch_feature(feature, example.batch)
        assert values.shape == (example.batch.inputs.shape[0], 1), feature
        assert values.dtype == bool or np.isfinite(values).all()
    with pytest.raises(KeyError):
        task.batch_feature("no such feature", example.batch)


@pytest.mark.parametrize("name", NAMES)
def test_a_network_that_knows_the_targets_is_solved_and_one_that_guesses_is_not(name: str) -> None:
    task = made(name)
    # Where the network writes on its own it is given the beginnings of the test's sequences, in their order.
    whole = task.test() if isinstance(task, GeneratedTask) and name in WRITING else None

    def knowing(batch: Batch) -> Array:
        p = perfect(task, batch if whole is None else whole)
        return p[: len(batch.inputs), :, : batch.inputs.shape[-1]]

    measure = task.score(knowing)
    assert measure is not None
    if name != "reber":  # whoever gives the target all the probability misses the other legal letters
        assert measure.solved, measure
    flat = task.score(lambda batch: np.full(output_shape(task, batch), 1 / task.outputs))
    assert flat is not None and not flat.solved, flat
    assert flat.name == measure.name and flat.criterion == measure.criterion


WRITING = {"hello-end", "caption", "translate"}


def output_shape(task: Task, batch: Batch) -> tuple[int, int, int]:
    return batch.inputs.shape[0], task.outputs, batch.inputs.shape[-1]


def perfect(task: Task, batch: Batch) -> Array:
    if task.readout != "softmax":
        return batch.targets
    return np.eye(task.outputs)[batch.targets].transpose(0, 2, 1)


@pytest.mark.parametrize("name", NAMES)
def test_baselines_are_named_losses(name: str) -> None:
    baselines = made(name).baselines()
    assert all(np.isfinite(loss) and loss >= 0 and title for title, loss in baselines)
    assert baselines or name == "hello-end"


@pytest.mark.parametrize("name", NAMES)
def test_its_catalogue_entry_says_what_it_teaches_in_two_sentences_and_which_shape_it_has(name: str) -> None:
    said = task_info(name)
    assert said.description.count(". ") == 1 and said.description.endswith(".")
    assert said.description.split(". ")[1].lower().startswith(said.io_pattern)
    assert len(said.summary) <= 80 and "steps" in said.preset
    assert said.preset["steps"] / said.preset["evaluate_every"] >= 20  # so many marks make a curve
