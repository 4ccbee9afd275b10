"""Small networks that learn a task from its preset, and what is then to be seen inside them."""

from collections.abc import Iterator
from functools import cache

import numpy as np
import pytest
from threadpoolctl import threadpool_limits

from rnnplay.catalogue import make_config
from rnnplay.engine import Network
from rnnplay.tasks import make
from rnnplay.tasks.base import Array, Batch, Task
from rnnplay.tasks.patterns import Song
from rnnplay.trainer.learner import Learner


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    """As the trainer does: the products are too small to share."""
    with threadpool_limits(1):
        yield


@cache
def learned(name: str, seed: int, cell: str | None = None) -> tuple[Task, Network]:
    """The network of a task's preset after all its steps."""
    config = make_config(name, seed=seed, cell=cell)
    task = make(config)
    learner = Learner(config, task)
    assert config.steps is not None
    for _ in range(config.steps):
        learner.train_step()
    return task, learner.eval_network()


def outputs(network: Network, batch: Batch) -> Array:
    return np.asarray(network.forward(batch).outputs)


def hidden(network: Network, batch: Batch) -> Array:
    """The only layer's h (T+1, H) of the first sequence, the state before the first time step in front."""
    h = np.asarray(network.forward(batch).h[0])
    return np.asarray(h[..., 0])


@pytest.mark.parametrize("seed", [4, 5, 6])
@pytest.mark.parametrize(
    "name", ["alternate", "one-one-zero", "hello-end", "alphabet", "song", "addition", "reber", "counting"]
)
def test_the_quick_presets_solve_their_task_with_any_seed(name: str, seed: int) -> None:
    task, network = learned(name, seed)
    measured = task.score(lambda batch: outputs(network, batch))
    assert measured is not None and measured.solved, measured


def test_untrained_alternate_is_undecided_and_trained_it_is_almost_sure() -> None:
    config = make_config("alternate", seed=4)
    task = make(config)
    first = outputs(Learner(config, task).network, next(task.evaluation()))
    assert np.abs(first - 0.5).max() < 0.01
    task, network = learned("alternate", 4)
    assert outputs(network, next(task.evaluation())).max(axis=1).min() > 0.99


def test_the_hidden_state_of_alternate_swings_between_two_opposite_vectors() -> None:
    task, network = learned("alternate", 5)
    h = hidden(network, next(task.evaluation()))
    one, other = h[8], h[9]
    assert one @ other / (np.linalg.norm(one) * np.linalg.norm(other)) < -0.98
    assert np.allclose(h[10], one, atol=0.05)


def test_the_two_1s_of_one_one_zero_have_different_hidden_states() -> None:
    task, network = learned("one-one-zero", 4)
    batch = next(task.evaluation())
    h = hidden(network, batch)
    second = task.feature("second 1", batch.inputs[:, 0])
    at = int(np.flatnonzero(second)[3])  # a second 1, read at time step `at`: its state is the next row
    assert np.linalg.norm(h[at + 1] - h[at]) >= 1


def test_a_hidden_state_tells_you_from_carrots_and_the_input_before_does_not() -> None:
    found = {}
    for cell in ("rnn", "input-rnn"):
        task, network = learned("song", 4, cell)
        assert isinstance(task, Song)
        batch = next(task.evaluation())
        right = np.take_along_axis(outputs(network, batch), batch.targets[:, None], axis=1)[:, 0, 0]
        words = np.array(task.pattern)
        found[cell] = right[np.flatnonzero((words == "love") & (np.roll(words, 1) == "i"))]
    assert found["rnn"].min() > 0.9
    assert found["input-rnn"].min() < 0.5
    assert found["input-rnn"].max() < 0.75
