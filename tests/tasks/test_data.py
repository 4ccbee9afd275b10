"""What a run stores of its text is enough for its network to be used without the text."""

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from rnnplay.catalogue import CATALOGUE, make_config
from rnnplay.config import RunConfig, UserError
from rnnplay.tasks import make, restore
from rnnplay.tasks.base import Batch, Task
from rnnplay.tasks.data import MAX_HELD_OUT, TaskData
from rnnplay.tasks.sentiment import Sentiment
from rnnplay.tasks.series import Series
from rnnplay.tasks.text import TextTask

WORDS = ["the", "lamp", "keeper", "walks", "to", "a", "ferry", "early,", "late", "and\n"]


def text_config(folder: Path, task: str = "text", words: int = 3_000, **choices: object) -> RunConfig:
    path = folder / "own.txt"
    path.write_text(" ".join(np.random.default_rng(1).choice(WORDS, words)), encoding="utf-8")
    return make_config(task, text=str(path), **{"seq_len": 20, "batch": 4, **choices})


def series_config(folder: Path, rows: int = 400) -> RunConfig:
    path = folder / "tide.csv"
    noise = np.random.default_rng(2).normal(0, 0.1, rows)
    path.write_text("level\n" + "".join(f"{7 + np.sin(n / 5) + noise[n]:.4f}\n" for n in range(rows)))
    return make_config("series", text=str(path), seq_len=20, batch=4)


def sentiment_config(folder: Path, rows: int = 400) -> RunConfig:
    path = folder / "reviews.tsv"
    draw = np.random.default_rng(3)
    lines = [f"{' '.join(draw.choice(WORDS[:9], 6))} {n}\t{('good', 'bad', 'odd')[n % 3]}\n" for n in range(rows)]
    path.write_text("".join(lines))
    return make_config("sentiment", text=str(path), seq_len=20, batch=4)


CONFIGS: dict[str, Callable[[Path], RunConfig]] = {
    "text": text_config,
    "bytes": lambda folder: text_config(folder, read_as_bytes=True),
    "few symbols": lambda folder: text_config(folder, max_vocabulary=9),
    "streams": lambda folder: text_config(folder, holdout="streams", test=0.1),
    "words": lambda folder: text_config(folder, "words"),
    "series": series_config,
    "sentiment": sentiment_config,
}


def through_json(data: TaskData) -> TaskData:
    """The data as a file gives them back."""
    return TaskData({name: array.copy() for name, array in data.arrays.items()}, json.loads(json.dumps(data.values)))


def same(one: Batch, other: Batch) -> bool:
    pairs = [(one.inputs, other.inputs), (one.targets, other.targets), (one.weights, other.weights)]
    return all(a is b is None or (a is not None and b is not None and np.array_equal(a, b)) for a, b in pairs)


@pytest.mark.parametrize("kind", CONFIGS)
def test_without_its_text_a_task_evaluates_encodes_and_shows_the_same(tmp_path: Path, kind: str) -> None:
    config = CONFIGS[kind](tmp_path)
    whole = make(config)
    data = whole.data()
    assert data is not None
    Path(str(config.text)).unlink()
    found = restore(config, through_json(data))
    assert not found.has_training_data and whole.has_training_data
    for name in ("name", "inputs", "outputs", "vocabulary", "output_vocabulary", "readout", "step_unit", "sha256"):
        assert getattr(found, name) == getattr(whole, name), name
    for name in ("epoch_steps", "training_size", "held_out_size", "longest_lag", "question_help"):
        assert getattr(found, name) == getattr(whole, name), name
    assert found.baselines() == whole.baselines() != []
    assert found.feature_names() == whole.feature_names()
    one, other = list(whole.evaluation()), list(found.evaluation())
    assert len(one) == len(other) > 0 and all(map(same, one, other))
    if whole.vocabulary:
        spoken = "the late lamp ~ keeper"
        assert found.encode(spoken)[0].tolist() == whole.encode(spoken)[0].tolist()
    shown, known = found.example(3), whole.example(3)
    assert (shown is None) == (known is None)
    if shown is not None and known is not None:
        assert (shown.inputs, shown.targets) == (known.inputs, known.targets) and same(shown.batch, known.batch)
    if isinstance(whole, Series | Sentiment) and isinstance(found, Series | Sentiment):
        assert same(whole.test(), found.test())
    if isinstance(whole, Series) and isinstance(found, Series):
        assert found.latest().tolist() == whole.latest().tolist()
        assert found.unscaled(np.array([1.0])).tolist() == whole.unscaled(np.array([1.0])).tolist()


def test_of_a_long_text_only_what_is_evaluated_is_stored(tmp_path: Path) -> None:
    config = text_config(tmp_path, words=400_000, validation=0.5)
    whole = make(config)
    data = whole.data()
    assert data is not None
    assert len(whole.held_out_ids) > 2 * MAX_HELD_OUT
    assert data.arrays["held_out"].nbytes == MAX_HELD_OUT + 1
    found = restore(config, data)
    assert found.held_out_size == len(whole.held_out_ids) > len(found.held_out_ids)
    assert all(map(same, whole.evaluation(), found.evaluation()))


def test_tasks_that_read_nothing_store_nothing() -> None:
    texts = {"prose", "play", "latex", "code", "docs", "python", "text", "words"}
    for entry in CATALOGUE:
        if entry.name not in texts:
            assert make(make_config(entry.name)).sha256 is None, entry.name
    assert make(make_config("prose")).data() is not None


def test_an_n_gram_model_that_was_not_computed_needs_the_text(tmp_path: Path) -> None:
    whole = make(text_config(tmp_path))
    assert isinstance(whole, TextTask)
    data = whole.data()
    found = restore(whole.config, data)
    assert isinstance(found, TextTask)
    assert found.ngram(2) == whole.ngram(2)
    with pytest.raises(UserError, match="needs the training text"):
        found.ngram(3)


@pytest.mark.parametrize("kind", CONFIGS)
def test_data_that_make_no_sense_are_refused(tmp_path: Path, kind: str) -> None:
    config = CONFIGS[kind](tmp_path)
    data = make(config).data()
    assert data is not None
    for name in data.values:
        if name not in ("sha256", "unknown_id", "ngrams", "column"):
            broken = {key: value for key, value in data.values.items() if key != name}
            with pytest.raises(UserError, match="is not understood"):
                restore(config, TaskData(data.arrays, broken))
    for name in data.arrays:
        with pytest.raises(UserError, match="is not understood"):
            restore(config, TaskData({key: array for key, array in data.arrays.items() if key != name}, data.values))
    if "held_out" in data.arrays:
        with pytest.raises(UserError, match="is not understood"):
            restore(config, TaskData({"held_out": data.arrays["held_out"].astype(int) + 500_000}, data.values))
    with pytest.raises(UserError, match="reads no text"):
        restore(make_config("addition"), data)


# ------------------------------------------------------------------------------------------ another text, known symbols


def other(config: RunConfig, change: Callable[[str], str]) -> tuple[Task, Task]:
    """The task of `config`, and the same task after its file was changed, in the vocabulary of the first."""
    first, path = make(config), Path(str(config.text))
    path.write_text(change(path.read_text(encoding="utf-8")), encoding="utf-8")
    return first, make(config, first.data())


def test_a_changed_text_is_read_in_the_vocabulary_of_the_first_and_what_is_new_is_counted(tmp_path: Path) -> None:
    first, second = other(text_config(tmp_path), lambda text: "ßaß é" + text.replace("y", ""))
    assert second.vocabulary == first.vocabulary and second.sha256 != first.sha256
    assert second.decode(second.training_ids[:4]) == "a " + first.decode(first.training_ids[:2])
    (note,) = second.notes
    assert "2 characters" in note and "3 times" in note and "'ß' (2)" in note and "'é' (1)" in note
    assert "left out" in note


def test_where_the_network_has_a_rest_symbol_new_symbols_are_read_as_it(tmp_path: Path) -> None:
    first, second = other(text_config(tmp_path, max_vocabulary=9), lambda text: "ßa" + "ß" * 700 + text)
    assert second.vocabulary == first.vocabulary
    assert second.decode(second.training_ids[:2]) == "\N{REPLACEMENT CHARACTER}a"
    assert "'ß' (701)" in second.notes[-1] and "read as '\N{REPLACEMENT CHARACTER}'" in second.notes[-1]


def test_new_words_are_read_as_the_rare_word(tmp_path: Path) -> None:
    first, second = other(text_config(tmp_path, "words"), lambda text: "zebra the" + text[text.index(" ") :])
    assert second.vocabulary == first.vocabulary
    assert second.decode(second.training_ids[:2]) == " <rare> the"
    assert "'zebra' (1)" in second.notes[-1] and "rare word" in second.notes[-1]


def test_another_table_keeps_the_scaling_of_the_first(tmp_path: Path) -> None:
    first, second = other(series_config(tmp_path), lambda text: text + "107.5\n" * 20)
    assert isinstance(first, Series) and isinstance(second, Series)
    assert (second.mean, second.deviation) == (first.mean, first.deviation)
    assert second.unscaled(second.latest()[-1:]) == pytest.approx(107.5, rel=1e-4)


def test_another_table_of_labelled_lines_keeps_words_and_labels(tmp_path: Path) -> None:
    first, second = other(sentiment_config(tmp_path), lambda text: text + "the zebra walks\tgood\nthe lamp\tblue\n")
    assert second.vocabulary == first.vocabulary and second.output_vocabulary == first.output_vocabulary
    words, labels = second.notes[-2:]
    assert "'zebra' (1)" in words and "'blue' (1)" in labels


def test_a_text_of_which_nothing_is_known_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="no symbol that the network knows"):
        other(text_config(tmp_path), lambda text: "☃" * 5_000)


def test_a_place_in_another_text_is_not_continued_at(tmp_path: Path) -> None:
    first, second = other(text_config(tmp_path), lambda text: text + " and" * 500)
    for step in range(5):
        first.batch(step)
    second.restore(first.state())
    assert second.batch(5).resets_state
    again = make(text_config(tmp_path))
    again.restore(first.state())
    assert not again.batch(5).resets_state
