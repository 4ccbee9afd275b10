"""A stream has read the beginning of whatever is open where its own part begins."""

import numpy as np
import pytest
from given_text import text_task
from hypothesis import given
from hypothesis import strategies as st
from quote_cell import LETTERS, PLANTED, with_a_quote_cell
from slices import run_slices

from rnnplay.config import RunConfig
from rnnplay.corpora import EncodedText
from rnnplay.lab.cells.find import unit_score
from rnnplay.lab.cells.labelled_batch import WARM, label_features, label_held_out
from rnnplay.lab.cells.streams import warm_streams
from rnnplay.lab.cells.trace import trace_text
from rnnplay.lab.cells.unit_scores import auc, ranks
from rnnplay.lab.cells.unit_states import Unit
from rnnplay.tasks.base import Array
from rnnplay.tasks.text import TextTask


def speeches(length: int, speech: int, between: str) -> str:
    """Made-up words: every other part, of about `speech` characters, in quotes; `between` stands after each."""
    rng = np.random.default_rng(7)
    parts: list[str] = []
    while sum(map(len, parts)) < length:
        words = ""
        while len(words) < rng.integers(speech // 2, 2 * speech):
            words += "".join(rng.choice(list("abcde"), rng.integers(1, 6))) + " "
        words = words.strip() + "."
        parts.append((f'"{words}"' if len(parts) % 2 else words) + between)
    return "".join(parts)


def task_of(text: str) -> TextTask:
    ids = np.array([LETTERS.index(symbol) for symbol in text], np.uint8)
    config = RunConfig(task="prose", batch=3, seq_len=7, validation=0.5)
    return text_task(config, EncodedText("written", ids, tuple(LETTERS), ""))


@pytest.fixture(scope="module")
def novel() -> TextTask:
    return task_of(speeches(24_000, 500, "\n\n"))


def one_by_one(task: TextTask, N: int, first: int = 0) -> Array:
    """The planted cell's c as it reads N held-out characters one after the other."""
    network, values = with_a_quote_cell(), []
    state = network.zero_state(1)
    for i in task.held_out_ids[first : first + N]:
        _, state = network.step(np.array([i]), state)
        values.append(state[0].c[PLANTED, 0])
    return np.array(values)


@pytest.mark.parametrize(("between", "quick"), [("\n\n", False), ("\n\n", True), ("\n", True), (" ", True)])
def test_a_quote_cell_is_found_in_speeches_much_longer_than_the_warm_up(between: str, quick: bool) -> None:
    task = task_of(speeches(24_000, 500, between))
    labelled = label_held_out(task, "inside quotes", 8_000, quick=quick)
    assert run_slices(unit_score(with_a_quote_cell(), labelled, Unit(0, PLANTED, "c"))) > 0.97


def test_the_score_is_that_of_one_long_reading(novel: TextTask) -> None:
    labelled = label_held_out(novel, "inside quotes", 8_000)
    text = labelled.select(labelled.batch.inputs)
    skipped = novel.decode(novel.held_out_ids).index(novel.decode(text))
    alone = one_by_one(novel, len(text), skipped)
    expected = auc(ranks(alone[None]), labelled.feature)[0]
    score = run_slices(unit_score(with_a_quote_cell(), labelled, Unit(0, PLANTED, "c")))
    assert score == pytest.approx(expected, abs=0.005)


def test_the_colours_of_a_trace_are_those_of_one_long_reading_where_paragraphs_are_near() -> None:
    task = task_of(speeches(24_000, 220, "\n\n"))
    alone, network = one_by_one(task, 6_000), with_a_quote_cell()
    wrong = {True: 0, False: 0}
    for start in range(600, 5_400, 600):
        for knows in wrong:
            values = trace_text(network, task.held_out_ids, start, 600, "c", task if knows else None).values
            wrong[knows] += np.count_nonzero(np.sign(values[0, PLANTED]) != np.sign(alone[start : start + 600]))
    assert wrong[True] < 10
    assert wrong[False] > 100


def test_what_a_stream_reads_first_is_no_longer_within_a_speech(novel: TextTask) -> None:
    labelled, _ = label_features(novel, ["inside quotes", "column"], 8_000, quick=True)
    mask, inputs = labelled.batch.mask, labelled.batch.inputs
    assert mask is not None
    text = novel.decode(labelled.select(inputs))
    inside = novel.feature("inside quotes", labelled.select(inputs))
    B = inputs.shape[1]
    assert B > 1
    first = mask.argmax(axis=0)
    for stream in range(1, B):
        begins = novel.decode(inputs[first[stream] : first[stream] + 60, stream])
        place = text.index(begins)
        assert place == 0 or (not inside[place] and text[place - 1 : place + 1] == "\n\n")


def test_a_feature_that_soon_passes_keeps_the_short_warm_up(novel: TextTask) -> None:
    labelled = label_held_out(novel, "start of word", 8_000)
    assert labelled.batch.inputs.shape == (WARM + 400, 20)


def test_where_nothing_is_ever_at_rest_one_stream_reads_all() -> None:
    task = task_of('"' + speeches(12_000, 60, " ").replace('"', "") * 2)
    labelled = label_held_out(task, "^.{3000}", 3_900, task.held_out_ids[:4_001], quick=True)
    assert labelled.batch.inputs.shape[1] == 1


@given(
    begin=st.integers(0, 400),
    size=st.integers(1, 900),
    most=st.integers(1, 20),
    warm=st.integers(1, 150),
    restarts=st.lists(st.integers(1, 1300), max_size=12).map(lambda places: np.array([0, *sorted(set(places))])),
    furthest=st.none() | st.integers(0, 200),
)
def test_own_parts_make_up_the_piece_and_each_is_warmed(
    begin: int, size: int, most: int, warm: int, restarts: Array, furthest: int | None
) -> None:
    stop = begin + size
    streams = warm_streams(begin, stop, stop + 3, most, 32, warm, restarts, furthest)
    own = streams.places[streams.warm :].T.reshape(-1)[:size]
    np.testing.assert_array_equal(own, np.arange(begin, stop))
    assert streams.reads[streams.warm :].all()
    first = streams.reads.argmax(axis=0)
    for stream, at in enumerate(first):
        start, place = streams.places[streams.warm, stream], streams.places[at, stream]
        assert place <= max(0, start - warm)
        assert np.array_equal(np.diff(streams.places[at : streams.warm + 1, stream]), np.ones(streams.warm - at))
        if furthest is None:
            assert place in restarts
