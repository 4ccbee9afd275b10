"""Swaps of earlier symbols, against one forward pass for each of them."""

import numpy as np
import pytest
from deciding_words import deciding_places

from rnnplay.catalogue import make_config
from rnnplay.engine import Architecture, Network
from rnnplay.lab.swap import OTHERS, Swaps, commonest, compute_swaps, swaps_sentence
from rnnplay.tasks import make
from rnnplay.tasks.base import Array, Batch
from rnnplay.tasks.typing_messages import Typing

V, T = 12, 9


def swaps(predict: object, batch: Batch, position: int, counts: tuple[Array, Array]) -> Swaps:
    *fractions, result = compute_swaps(predict, batch, position, counts)  # type: ignore[arg-type]
    assert isinstance(result, Swaps) and fractions[-1] == 1.0
    return result


def test_each_effect_is_the_mean_fall_of_log_p_over_the_eight_likeliest_others() -> None:
    network = Network(Architecture(cell="gru", inputs=V, hidden=7, outputs=V, inputs_are_ids=True, dtype="float64"), 3)
    for parameter in network.parameters.values():
        parameter *= 4.0
    ids = np.random.default_rng(5).integers(0, V, T + 1).astype(np.int32)[:, None]
    counts = np.arange(1.0, V + 1), np.zeros(1)

    def probabilities(inputs: Array) -> Array:
        return np.asarray(network.forward(Batch(inputs, inputs)).outputs)[:, :, 0]

    result = swaps(lambda b: np.asarray(network.forward(b).outputs), Batch(ids[:-1], ids[1:]), T - 2, counts)
    inputs = ids[: T - 1]
    before = probabilities(inputs)
    y = int(before[-1].argmax())
    assert result.output == y and result.probability == pytest.approx(before[-1, y])
    assert [r.place for r in result.replacements] == list(range(T - 1))
    for t, replacement in enumerate(result.replacements):
        scores = before[t - 1] if t else counts[0]
        others = [int(i) for i in np.argsort(-scores) if i != inputs[t, 0]][:OTHERS]
        assert replacement.others.tolist() == others
        falls = []
        for other in others:
            changed = inputs.copy()
            changed[t] = other
            after = probabilities(changed)[-1]
            falls.append(np.log(before[-1, y]) - np.log(after[y]))
            if other == replacement.others[replacement.strongest]:
                assert replacement.outputs[replacement.strongest] == after.argmax()
                assert replacement.probabilities[replacement.strongest] == pytest.approx(after.max())
        assert replacement.falls == pytest.approx(np.array(falls), rel=1e-6, abs=1e-9)
        assert replacement.effect == pytest.approx(np.mean(falls), rel=1e-6, abs=1e-9)
    ranked = result.ranked(5)
    assert len(ranked) == 5 and all(r.place < T - 2 for r in ranked)  # the present input stands apart
    assert [r.effect for r in ranked] == sorted((r.effect for r in result.replacements[:-1]), reverse=True)[:5]


def test_a_past_without_effect_is_not_said_to_decide() -> None:
    """A network that predicts from the present input alone, and one that predicts from the first input alone."""
    ids = np.array([[0], [1], [2], [1]])
    batch, counts = Batch(ids[:-1], ids[1:]), (np.ones(4), np.zeros(1))

    def after(chosen: int | None, otherwise: float = 0.1) -> str:
        def predict(batch: Batch) -> Array:
            p = np.full((len(batch.inputs), 4, batch.inputs.shape[1]), 0.1)
            p[:, 3] = 0.7 if chosen is None else np.where(batch.inputs[chosen] == ids[chosen], 0.7, otherwise)
            return p / p.sum(axis=1, keepdims=True)

        return swaps_sentence(swaps(predict, batch, 2, counts), "abc", "d")

    nothing = "no swap lowers its log p by 0.01 nats on average"
    assert after(2) == f"Nothing before the present input matters to 'd': {nothing}."
    assert after(None) == f"No single input matters to 'd': {nothing}."
    rise = np.log(2.0 / 2.3) - np.log(0.7)
    assert after(0, 2.0) == f"No single input speaks for 'd': {nothing}; one of 'a', 2 back, raises it by {rise:.2f}."
    present = f"raises it by {rise:.2f}."
    assert after(2, 2.0) == f"No single input speaks for 'd': {nothing}; one of 'c', the present input, {present}"
    fall = np.log(0.7) - np.log(0.25)
    assert (
        after(0)
        == f"Of the past 'd' hangs most on 'a', 2 back: with another one there its log p falls by {fall:.2f} nats "
        "on average."
    )


def test_what_alone_decides_comes_first_of_an_encoder_too() -> None:
    """A network that only reads the encoder's second word: nothing else has an effect."""

    def predict(batch: Batch) -> Array:
        assert batch.source is not None
        p = np.full((len(batch.inputs), 4, batch.inputs.shape[1]), 0.1)
        p[:, 0] = np.where(batch.source[1] == 2, 0.7, 0.1)
        return p / p.sum(axis=1, keepdims=True)

    one = np.zeros((3, 1), np.int32)
    batch = Batch(one, one + 1, source=np.array([[1], [2], [3]], np.int32))
    result = swaps(predict, batch, 2, (np.ones(4), np.ones(5)))
    assert result.sources == 3 and [r.place for r in result.ranked(1)] == [1]
    assert result.ranked(1)[0].effect == pytest.approx(np.log(0.7) - np.log(0.25))
    assert [r.effect for r in result.replacements if r.place != 1] == pytest.approx([0] * 5)


@pytest.mark.parametrize(
    ("message", "deciding"),
    [
        ("hi tom , the wounded man that we talked about", ["wounded"]),  # after it the man tells nothing new
        ("hi tom , the thief that the captain saw", ["thief"]),
        ("tom , leo who plays the violin was here", ["plays", "the", "violin"]),
        ("tom , leo who plays football was here", ["plays", "football"]),
        ("tom , leo who likes oils was here", ["likes"]),
        ("tom , leo who is in the diving team was here", ["is"]),
        ("tom , it will be windy when we meet", ["be", "windy"]),
        ("tom , it will snow when we meet", ["snow"]),
        ("tom , thank you", []),
    ],
)
def test_a_word_decides_if_the_grammar_leaves_other_things_possible_after_it(message: str, deciding: list[str]) -> None:
    words = message.split()
    assert [words[place] for place in deciding_places(words)] == deciding


def test_after_the_last_word_that_decides_one_thing_is_possible_and_before_it_several() -> None:
    task = make(make_config("typing"))
    assert isinstance(task, Typing)
    settled: dict[tuple[str, ...], set[str]] = {}
    before: dict[tuple[str, ...], set[str]] = {}
    for keys in task.keys.values():
        for key in keys:
            words = key.split()
            first, *_, last = [words.index(","), *deciding_places(words)]
            kind = words[first + 2] == "will", words[first + 2] == "who"  # a name may stand before
            for begins, end in ((before, last), (settled, last + 1)):
                phrase = words[first + 2 if any(kind) else first + 1 : end]
                begins.setdefault((*map(str, kind), *phrase), set()).add(words[task.decided[key]])
    assert all(len(decided) == 1 for decided in settled.values())
    assert all(len(decided) > 1 for decided in before.values())


def test_the_commonest_symbols_are_those_of_the_held_out_data() -> None:
    inputs, _ = commonest(make(make_config("hello")))
    assert inputs.tolist() == [1, 1, 2, 0]  # h e l l, and o is only a target
