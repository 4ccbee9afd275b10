"""A sample follows the network's probabilities, as temperature, top-k and top-p shape them, from its own generator.

An interactive sample is compared with samples that were written from the beginning.
"""

import math
from collections import Counter
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from given_text import text_task as task_of_text

from rnnplay.catalogue import make_config
from rnnplay.config import UserError
from rnnplay.corpora import EncodedText
from rnnplay.engine import Architecture, Network
from rnnplay.lab.sample import InteractiveSampler, Sampler, SamplingOptions, draw_distribution, tokenize_prompt
from rnnplay.tasks import make
from rnnplay.tasks.base import Task
from rnnplay.tasks.text import TextTask

LOGITS = np.log(np.array([0.4, 0.05, 0.3, 0.15, 0.1]))


def task_of(vocabulary: tuple[str, ...], **other: Any) -> Task:
    plain: dict[str, Any] = {
        "inputs_are_ids": True,
        "readout": "softmax",
        "source_vocabulary_size": 0,
        "context_size": 0,
        "name": "made up",
    }
    plain |= {"in_known_form": str, "end_symbol": None}
    found: Any = SimpleNamespace(**{**plain, "vocabulary": vocabulary, "output_vocabulary": vocabulary, **other})
    task: Task = found
    return task


def network(V: int, bias: list[float] | None = None) -> Network:
    net = Network(Architecture(cell="gru", inputs=V, outputs=V, hidden=6), 2)
    if bias is not None:
        net.parameters["W_hy"][...] = 0
        net.parameters["b_y"][:, 0] = bias
    return net


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        (SamplingOptions(), [0.4, 0.05, 0.3, 0.15, 0.1]),
        (SamplingOptions(temperature=0.0), [1, 0, 0, 0, 0]),
        (SamplingOptions(top_k=2), [4 / 7, 0, 3 / 7, 0, 0]),
        (SamplingOptions(top_p=0.75), [0.4 / 0.85, 0, 0.3 / 0.85, 0.15 / 0.85, 0]),
        (SamplingOptions(top_p=0.01), [1, 0, 0, 0, 0]),
        (SamplingOptions(top_k=3, top_p=0.5), [4 / 7, 0, 3 / 7, 0, 0]),
        (SamplingOptions(temperature=0.5), [0.16 / 0.285, 0.0025 / 0.285, 0.09 / 0.285, 0.0225 / 0.285, 0.01 / 0.285]),
    ],
)
def test_temperature_top_k_and_top_p_shape_the_draw(options: SamplingOptions, expected: list[float]) -> None:
    np.testing.assert_allclose(draw_distribution(LOGITS, options), expected, atol=1e-12)


def test_symbols_are_drawn_as_often_as_they_are_probable() -> None:
    sampler = Sampler(network(5, LOGITS.tolist()), task_of(("a", "b", "c", "d", "\n")), "a", SamplingOptions(seed=9))
    drawn = [sampler.draw() for _ in range(6000)]
    counts = Counter(symbol for symbol, _ in drawn)
    for symbol, p in zip("abcd\n", np.exp(LOGITS), strict=True):
        assert abs(counts[symbol] - 6000 * p) < 5 * math.sqrt(6000 * p)
        assert {round(q, 5) for s, q in drawn if s == symbol} == {round(float(p), 5)}


def test_the_candidates_are_the_five_likeliest_with_the_network_s_own_probabilities() -> None:
    bias = np.log(np.array([3.0, 7, 1, 6, 2, 5, 4])).tolist()
    sampler = Sampler(network(7, bias), task_of(tuple("abcdefg")), "a", SamplingOptions(temperature=0.1, top_k=1))
    assert [(symbol, round(p * 28)) for symbol, p in sampler.candidates()] == [
        ("b", 7), ("d", 6), ("f", 5), ("g", 4), ("a", 3)
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("options", "expected", "drawable"),
    [
        (SamplingOptions(), [7, 6, 5, 4, 3], 7),
        (SamplingOptions(temperature=0.5), [49, 36, 25, 16, 9], 7),
        (SamplingOptions(top_k=2), [7, 6, 0, 0, 0], 2),
        (SamplingOptions(top_p=0.6), [7, 6, 5, 0, 0], 3),
        (SamplingOptions(temperature=0.5, top_k=3), [49, 36, 25, 0, 0], 3),
        (SamplingOptions(temperature=0), [1, 0, 0, 0, 0], 1),
    ],
)
def test_a_candidate_is_drawn_after_temperature_and_cuts(
    options: SamplingOptions, expected: list[float], drawable: int
) -> None:
    bias = np.log(np.array([3.0, 7, 1, 6, 2, 5, 4])).tolist()
    sampler = Sampler(network(7, bias), task_of(tuple("abcdefg")), "a", options)
    rest = {1.0: 3, 0.5: 5}.get(options.temperature, 0) if drawable == 7 else 0  # of the two that are no candidates
    drawn, count = sampler.draw_chances()
    assert count == drawable
    np.testing.assert_allclose(drawn, np.array(expected) / (sum(expected) + rest), atol=1e-6)


def test_the_same_seed_writes_the_same_and_sampling_changes_no_parameter() -> None:
    net, task = network(5), task_of(("a", "b", "c", "d", "\n"))
    before = net.flat.copy()

    def written(seed: int) -> str:
        sampler = Sampler(net, task, "ab", SamplingOptions(seed=seed))
        return "".join(sampler.draw()[0] for _ in range(50))

    assert written(7) == written(7) != written(8)
    np.testing.assert_array_equal(net.flat, before)


def test_two_samples_side_by_side_write_what_each_writes_alone() -> None:
    net, task = network(5), task_of(("a", "b", "c", "d", "\n"))

    def sampler(seed: int) -> Sampler:
        return Sampler(net, task, "c", SamplingOptions(seed=seed))

    alone = [[sampler.draw() for _ in range(20)] for sampler in (sampler(1), sampler(2))]
    one, two = sampler(1), sampler(2)
    both = [(one.draw(), two.draw()) for _ in range(20)]
    assert [list(pair) for pair in zip(*both, strict=True)] == alone


def test_a_prompt_is_split_into_the_longest_symbols_it_begins_with() -> None:
    vocabulary = ("a", "b", "ab", "abc", " ")
    assert tokenize_prompt("abcab aab", vocabulary) == ([3, 2, 4, 0, 2], ())
    assert tokenize_prompt("aXbXY", vocabulary) == ([0, 1], ("X", "Y"))
    assert tokenize_prompt("", vocabulary) == ([], ())


def test_a_prompt_is_read_with_the_probabilities_it_had() -> None:
    net, task = network(4), task_of(("a", "b", "c", "\n"))
    sampler = Sampler(net, task, "abXc", SamplingOptions())
    assert sampler.unseen == ("X",)
    assert [symbol for symbol, _ in sampler.prompt_symbols] == ["a", "b", "c"]
    y, state = net.step(np.array([0]), net.zero_state(1))
    p = np.exp(y[:, 0]) / np.exp(y[:, 0]).sum()
    assert sampler.prompt_symbols[1][1] == pytest.approx(float(p[1]), rel=1e-5)
    y, _ = net.step(np.array([1]), state)
    assert sampler.prompt_symbols[2][1] == pytest.approx(float((np.exp(y[:, 0]) / np.exp(y[:, 0]).sum())[2]), rel=1e-5)


def test_without_a_prompt_a_text_begins_as_a_line_and_other_symbols_anywhere() -> None:
    assert Sampler(network(4), task_of(("a", "b", "c", "\n")), "", SamplingOptions()).prompt_symbols == []
    firsts = {
        Sampler(network(3), task_of(("a", "b", "c")), "", SamplingOptions(seed=seed)).prompt_symbols[0][0]
        for seed in range(20)
    }
    assert firsts == {"a", "b", "c"}


@pytest.mark.parametrize("name", ["adding", "addition"])
def test_a_task_that_writes_nothing_says_so(name: str) -> None:
    task = make(make_config(name))
    V = max(task.outputs, 1)
    net = Network(
        Architecture(inputs=task.inputs, outputs=V, hidden=4, inputs_are_ids=task.inputs_are_ids, readout=task.readout),
        1,
    )
    with pytest.raises(UserError, match=name):
        Sampler(net, task, "", SamplingOptions())


def test_a_network_whose_numbers_are_gone_says_so() -> None:
    net = network(4)
    net.flat[:] = np.nan
    with pytest.raises(UserError, match="not a number"):
        Sampler(net, task_of(("a", "b", "c", "\n")), "ab", SamplingOptions()).draw()


@pytest.mark.parametrize(
    "options", [SamplingOptions(seed=3), SamplingOptions(seed=3, temperature=0.6), SamplingOptions(seed=3, top_k=4)]
)
def test_symbols_drawn_at_once_are_those_drawn_one_by_one(options: SamplingOptions) -> None:
    task, net = task_of(tuple("abcde")), network(5)
    one, many = Sampler(net, task, "ab", options), Sampler(net, task, "ab", options)
    singly = [one.draw() for _ in range(150)]
    together = [drawn for count in (1, 70, 79) for drawn in many.draw_many(count)]
    assert [symbol for symbol, _ in singly] == [symbol for symbol, _ in together]
    np.testing.assert_allclose([p for _, p in singly], [p for _, p in together], rtol=1e-6)


# ------------------------------------------------------------------------------------------- interactive samples

LETTERS = "abcde\n"


@pytest.fixture(scope="module")
def text_task() -> TextTask:
    ids = np.random.default_rng(3).integers(0, 6, 900).astype(np.uint8)
    config = make_config("prose", batch=2, seq_len=9, hidden=7)
    return task_of_text(config, EncodedText("letters", ids, tuple(sorted(LETTERS)), ""))


@pytest.fixture(scope="module")
def lstm() -> Network:
    network = Network(Architecture(cell="lstm", inputs=6, hidden=7, outputs=6, layers=2), seed=2)
    network.flat += np.random.default_rng(8).standard_normal(network.flat.shape).astype(np.float32)
    return network


def test_unsteered_it_writes_what_a_plain_sampler_writes(lstm: Network, text_task: TextTask) -> None:
    plain = Sampler(lstm, text_task, "abc", SamplingOptions(seed=5))
    steered = InteractiveSampler(lstm, text_task, "abc", SamplingOptions(seed=5))
    assert [plain.draw() for _ in range(150)] == [steered.draw() for _ in range(150)]


@pytest.mark.parametrize("keep", [0, 2, 3, 63, 64, 65, 130, 199])
@pytest.mark.parametrize("prompt", ["", "abc"])
def test_what_was_taken_back_leaves_no_trace(lstm: Network, text_task: TextTask, keep: int, prompt: str) -> None:
    steered = InteractiveSampler(lstm, text_task, prompt, SamplingOptions(seed=6))
    written = prompt + "".join(steered.draw()[0] for _ in range(200 - len(prompt)))
    steered.rewind(keep)
    kept = max(keep, 1) if prompt else keep
    assert steered.length == kept
    afresh = InteractiveSampler(lstm, text_task, written[:kept], SamplingOptions())
    if prompt:
        assert steered.candidates() == pytest.approx(afresh.candidates())
    else:  # a text begins after a line's end, which the prompt then has to say
        said = InteractiveSampler(lstm, text_task, "\n" + written[:kept], SamplingOptions()).candidates()
        assert [p for _, p in steered.candidates()] == pytest.approx([p for _, p in said], abs=1e-6)


def test_a_symbol_by_hand_is_read_like_one_that_was_drawn(lstm: Network, text_task: TextTask) -> None:
    steered = InteractiveSampler(lstm, text_task, "ab", SamplingOptions())
    chances = dict(steered.candidates())
    symbol = steered.candidates()[1][0]
    assert steered.force_symbol(symbol) == (symbol, pytest.approx(chances[symbol]))
    assert steered.candidates() == pytest.approx(
        InteractiveSampler(lstm, text_task, "ab" + symbol, SamplingOptions()).candidates()
    )
    with pytest.raises(UserError, match="does not know 'x'"):
        steered.force_symbol("x")


def test_a_held_unit_changes_what_is_written_and_follows_the_network(lstm: Network, text_task: TextTask) -> None:
    clamps = ((1, 3, 0.9),)
    held = InteractiveSampler(lstm, text_task, "ab", SamplingOptions(seed=1), clamps)
    free = InteractiveSampler(lstm, text_task, "ab", SamplingOptions(seed=1))
    assert [p for _, p in held.candidates()] != [p for _, p in free.candidates()]
    before = lstm.flat.copy()
    try:
        lstm.flat[...] = 0
        held.refresh()
        held.force_symbol("a")
        assert [p for _, p in held.candidates()] == pytest.approx([1 / 6] * 5)
    finally:
        lstm.flat[...] = before


def test_a_copied_span_is_told_as_it_is_written(lstm: Network, text_task: TextTask) -> None:
    steered = InteractiveSampler(lstm, text_task, "ab", SamplingOptions(), training=text_task.training_ids)
    for i in text_task.training_ids[100:130]:
        steered.force_symbol(text_task.vocabulary[i])
    assert steered.copied is not None
    assert steered.copied[1] >= 30
    steered.rewind(12)
    assert steered.copied[1] < 13
