"""What a person looks for: names, regular expressions, and every way in which they can be wrong."""

import time

import numpy as np
import pytest
from given_text import text_task

from rnnplay.catalogue import make_config
from rnnplay.config import UserError
from rnnplay.corpora import EncodedText
from rnnplay.lab.cells.feature_truth import batch_truth, truth
from rnnplay.tasks import make
from rnnplay.tasks.text import TextTask

WRITTEN = (
    'He said "come in" and left.\nThen "why?" she cried; a long aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa! silence.\n' * 9
)


@pytest.fixture(scope="module")
def task() -> TextTask:
    vocabulary = tuple(sorted(set(WRITTEN)))
    ids = np.array([vocabulary.index(symbol) for symbol in WRITTEN], np.uint8)
    config = make_config("prose", hidden=5, batch=2, seq_len=11)
    return text_task(config, EncodedText(name="written", ids=ids, vocabulary=vocabulary, sha256=""))


def ids_of(task: TextTask, text: str) -> np.ndarray:
    ids, unseen = task.encode(text)
    assert not unseen
    return ids


def refusal(task: TextTask, pattern: str, text: str = WRITTEN) -> UserError:
    with pytest.raises(UserError) as caught:
        truth(task, pattern, ids_of(task, text))
    return caught.value


def test_the_matches_of_a_regular_expression_are_the_feature(task: TextTask) -> None:
    found = truth(task, '"[^"]*"', ids_of(task, 'a "why" and "come"'))
    assert "".join("x" if inside else "." for inside in found) == "..xxxxx.....xxxxxx"


def test_a_name_that_the_task_knows_is_no_regular_expression(task: TextTask) -> None:
    text = 'said "in" he'
    ids = ids_of(task, text)
    assert (truth(task, "inside quotes", ids) == task.feature("inside quotes", ids)).all()
    assert truth(task, "column", ids).dtype != np.bool_


def test_a_line_begins_where_a_newline_stands(task: TextTask) -> None:
    assert np.flatnonzero(truth(task, "^T", ids_of(task, "He\nThen\nT"))).tolist() == [3, 8]


def test_symbols_of_several_characters_count_as_one_time_step() -> None:
    task = make(make_config("hello-end", batch=3))
    batch = next(iter(task.evaluation()))
    assert "<START>" in task.vocabulary
    found = batch_truth(task, "TAR|o", batch)
    wanted = [i for i, symbol in enumerate(task.vocabulary) if symbol in ("<START>", "o")]
    assert found.shape == batch.inputs.shape
    assert (found == np.isin(batch.inputs, wanted)).all()


@pytest.mark.parametrize(
    ("pattern", "wrong", "remedy"),
    [
        ('"[^"]*', "", ""),
        ("(unclosed", "no regular expression", "inside quotes"),
        ("[z-a]", "no regular expression", "inside quotes"),
        ("xyzzy", "nowhere", "occurs"),
        ("inside quote", "nowhere", 'Did you mean "inside quotes"?'),
        (r"(?s:.)", "everywhere", "not always"),
        ("q*", "nowhere", "occurs"),
        ("", "empty", "inside quotes"),
    ],
)
def test_what_cannot_be_looked_for_is_one_sentence_and_a_remedy(
    task: TextTask, pattern: str, wrong: str, remedy: str
) -> None:
    if not wrong:
        assert truth(task, pattern, ids_of(task, WRITTEN)).any()
        return
    error = refusal(task, pattern)
    assert wrong in error.problem
    assert remedy in error.remedy
    assert "\n" not in str(error)


def test_a_regular_expression_that_would_run_for_hours_is_ended(task: TextTask) -> None:
    began = time.monotonic()
    error = refusal(task, r"(a|aa)+$")
    assert "longer than" in error.problem
    assert time.monotonic() - began < 20
    assert truth(task, "a+", ids_of(task, WRITTEN)).any()  # and the next one is not


def test_numbers_have_names_only() -> None:
    addition = make(make_config("addition"))
    batch = next(iter(addition.evaluation()))
    assert batch_truth(addition, "carry", batch).shape == batch.inputs[:, 0].shape
    with pytest.raises(UserError, match="Did you mean carry"):
        batch_truth(addition, "cary", batch)
