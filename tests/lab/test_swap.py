"""Swaps of earlier symbols, against one forward pass for each of them."""

import numpy as np
import pytest

from rnnplay.catalogue import make_config
from rnnplay.engine import Architecture, Network
from rnnplay.lab.swap import OTHERS, Swaps, commonest, compute_swaps
from rnnplay.tasks import make
from rnnplay.tasks.base import Array, Batch
from rnnplay.tasks.typing_messages import LEFT, SENT, WEATHER, Typing

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


def test_the_typing_task_knows_which_words_decide() -> None:
    task = make(make_config("typing"))
    assert isinstance(task, Typing)
    words = "hi tom , the wounded man that we talked about near the old bridge must be taken to the hospital .".split()
    assert {words[place] for place in task.deciding_places(words)} == {"wounded", "man"}
    for key in task.keys["test"][:50]:
        places = task.deciding_places(key.split())
        decided = key.split()[task.decided[key]]
        phrase = " ".join(key.split()[place] for place in sorted(places))
        cues = [cue.replace("_", " ") for cue in {**SENT, **LEFT, **WEATHER}[decided]]
        assert sorted(places) == list(range(min(places), max(places) + 1))
        assert any(phrase == cue or phrase.endswith(f" {cue}") for cue in cues)


def test_the_commonest_symbols_are_those_of_the_held_out_data() -> None:
    inputs, _ = commonest(make(make_config("hello")))
    assert inputs.tolist() == [1, 1, 2, 0]  # h e l l, and o is only a target
