"""A steered sample against samples that were never steered."""

import numpy as np
import pytest

from rnnplay.config import UserError, configure
from rnnplay.corpora import EncodedText
from rnnplay.engine import Architecture, Network
from rnnplay.lab.sample import Options, Sampler
from rnnplay.lab.steering import Steered
from rnnplay.tasks.text import TextTask

LETTERS = "abcde\n"


@pytest.fixture(scope="module")
def task() -> TextTask:
    ids = np.random.default_rng(3).integers(0, 6, 900).astype(np.uint8)
    config = configure("prose", batch=2, seq_len=9, hidden=7)
    return TextTask(config, EncodedText("letters", ids, tuple(sorted(LETTERS)), ""))


@pytest.fixture(scope="module")
def network() -> Network:
    network = Network(Architecture(cell="lstm", inputs=6, hidden=7, outputs=6, layers=2), seed=2)
    network.flat += np.random.default_rng(8).standard_normal(network.flat.shape).astype(np.float32)
    return network


def test_unsteered_it_writes_what_a_plain_sampler_writes(network: Network, task: TextTask) -> None:
    plain = Sampler(network, task, "abc", Options(seed=5))
    steered = Steered(network, task, "abc", Options(seed=5))
    assert [plain.draw() for _ in range(150)] == [steered.draw() for _ in range(150)]


@pytest.mark.parametrize("keep", [0, 2, 3, 63, 64, 65, 130, 199])
@pytest.mark.parametrize("prompt", ["", "abc"])
def test_what_was_taken_back_leaves_no_trace(network: Network, task: TextTask, keep: int, prompt: str) -> None:
    steered = Steered(network, task, prompt, Options(seed=6))
    written = prompt + "".join(steered.draw()[0] for _ in range(200 - len(prompt)))
    steered.take_back(keep)
    kept = max(keep, 1) if prompt else keep
    assert steered.length == kept
    afresh = Steered(network, task, written[:kept], Options())
    if prompt:
        assert steered.candidates() == pytest.approx(afresh.candidates())
    else:  # a text begins after a line's end, which the prompt then has to say
        said = Steered(network, task, "\n" + written[:kept], Options()).candidates()
        assert [p for _, p in steered.candidates()] == pytest.approx([p for _, p in said], abs=1e-6)


def test_a_symbol_by_hand_is_read_like_one_that_was_drawn(network: Network, task: TextTask) -> None:
    steered = Steered(network, task, "ab", Options())
    chances = dict(steered.candidates())
    symbol = steered.candidates()[1][0]
    assert steered.write(symbol) == (symbol, pytest.approx(chances[symbol]))
    assert steered.candidates() == pytest.approx(Steered(network, task, "ab" + symbol, Options()).candidates())
    with pytest.raises(UserError, match="does not know 'x'"):
        steered.write("x")


def test_a_held_unit_changes_what_is_written_and_follows_the_network(network: Network, task: TextTask) -> None:
    clamps = ((1, 3, 0.9),)
    held = Steered(network, task, "ab", Options(seed=1), clamps)
    free = Steered(network, task, "ab", Options(seed=1))
    assert [p for _, p in held.candidates()] != [p for _, p in free.candidates()]
    before = network.flat.copy()
    try:
        network.flat[...] = 0
        held.refresh()
        held.write("a")
        assert [p for _, p in held.candidates()] == pytest.approx([1 / 6] * 5)
    finally:
        network.flat[...] = before


def test_a_copied_span_is_told_as_it_is_written(network: Network, task: TextTask) -> None:
    steered = Steered(network, task, "ab", Options(), training=task.training_ids)
    for i in task.training_ids[100:130]:
        steered.write(task.vocabulary[i])
    assert steered.copied is not None
    assert steered.copied[1] >= 30
    steered.take_back(12)
    assert steered.copied[1] < 13
