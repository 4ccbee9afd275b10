"""Updates, their report and their state; schedules; averaged weights."""

import math

import numpy as np
import pytest

from rnnplay.engine import OPTIMIZERS, Averaging, Network, Optimizer, learning_rate
from rnnplay.engine.arrays import CACHE_LINE_BYTES, aligned_zeros
from tests.engine.examples import Example, example, network


def made(seed: int = 1) -> Network:
    return network(seed, cell="gru", inputs=6, hidden=5, outputs=4)


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_training_goes_on_bit_for_bit_from_a_saved_state(name: str) -> None:
    def steps(n: Network, optimizer: Optimizer, which: range) -> None:
        for k in which:
            n.forward_backward(example(n.architecture, 5, 3, k))
            optimizer.step(clip_norm=0.5)

    whole = made()
    steps(whole, Optimizer(whole, name, 0.02, decay=0.01), range(8))
    first = made()
    before = Optimizer(first, name, 0.02, decay=0.01)
    steps(first, before, range(5))
    saved = {key: value.copy() for key, value in before.state().items()}
    second = first.copy()
    after = Optimizer(second, name, 0.02, decay=0.01)
    after.load(saved)
    steps(second, after, range(5, 8))
    assert np.array_equal(second.flat, whole.flat)


def test_the_state_of_another_optimizer_is_refused() -> None:
    n = made()
    with pytest.raises(ValueError, match="moment1 does not fit adam"):
        Optimizer(n, "adam", 0.1).load(Optimizer(n, "momentum", 0.1).state())


def test_momentum_is_of_momentum_alone_and_0_makes_it_sgd() -> None:
    def trained(name: str, momentum: float) -> bytes:
        n = made()
        optimizer = Optimizer(n, name, 0.03, momentum=momentum)
        for k in range(3):
            n.forward_backward(example(n.architecture, 5, 3, k))
            optimizer.step()
        return n.flat.tobytes()

    assert trained("sgd", 0.0) == trained("sgd", 0.9) == trained("momentum", 0.0) != trained("momentum", 0.9)


def test_the_norm_is_reported_as_it_was_before_clipping() -> None:
    n = made()
    n.forward_backward(example(n.architecture, 5, 3, 2))
    norm = float(np.linalg.norm(n.flat_gradient))
    report = Optimizer(n, "sgd", 0.0).step(clip_norm=norm / 4)
    assert report.clipped and report.grad_norm == pytest.approx(norm, rel=1e-12)
    assert np.linalg.norm(n.flat_gradient) == pytest.approx(norm / 4, rel=1e-5)
    assert not Optimizer(n, "sgd", 0.0).step(clip_norm=norm).clipped


def test_a_learning_rate_of_the_moment_stands_in_for_the_optimizer_s_own() -> None:
    n = made()
    n.forward_backward(example(n.architecture, 5, 3, 3))
    before = n.flat.copy()
    Optimizer(n, "sgd", 0.5).step(0.25)
    np.testing.assert_allclose(before - n.flat, 0.25 * n.flat_gradient, rtol=1e-9)


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_decay_is_decoupled_for_every_optimizer(name: str) -> None:
    n, plain = made(), made()
    for network_, decay in ((n, 0.1), (plain, 0.0)):
        network_.forward_backward(example(n.architecture, 5, 3, 4))
        Optimizer(network_, name, 0.02, decay=decay).step()
    np.testing.assert_allclose(n.flat - plain.flat, -0.02 * 0.1 * made().flat, rtol=1e-9, atol=1e-15)


def test_large_networks_are_updated_piece_by_piece_and_no_number_is_left_out() -> None:
    n = network(5, 0.1, cell="lstm", inputs=65, hidden=96, outputs=65)
    n.flat_gradient[...] = 1.0
    before = n.flat.copy()
    Optimizer(n, "adam", 0.01).step()
    np.testing.assert_allclose(before - n.flat, 0.01, rtol=1e-6)


@pytest.mark.parametrize("size", [1, 15, 1000])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_flat_memory_begins_with_a_line_of_the_cache(size: int, dtype: str) -> None:
    array = aligned_zeros(size, dtype)
    assert array.shape == (size,) and array.dtype == dtype and array.flags.c_contiguous and not array.any()
    assert array.ctypes.data % CACHE_LINE_BYTES == 0


@pytest.mark.parametrize(
    ("schedule", "step", "expected"),
    [
        ("constant", 0, 0.2),
        ("constant", 99, 0.2),
        ("step", 19, 0.2),
        ("step", 20, 0.1),
        ("step", 99, 0.0125),
        ("cosine", 0, 0.2),
        ("cosine", 50, 0.1),
        ("cosine", 100, 0.0),
        ("cosine", 150, 0.0),
    ],
)
def test_the_learning_rate_follows_its_schedule(schedule: str, step: int, expected: float) -> None:
    assert learning_rate(schedule, 0.2, step, 100) == pytest.approx(expected, abs=1e-15)


def test_a_warm_up_rises_in_a_straight_line() -> None:
    rates = [learning_rate("cosine", 0.4, step, 20, 4) for step in range(6)]
    assert rates[:4] == pytest.approx([0.1, 0.2, 0.3, 0.4])
    assert rates[4] == pytest.approx(0.4) and rates[5] < 0.4


def test_averaged_weights_are_the_mean_of_all_steps_or_lean_on_the_latest() -> None:
    n, values = made(), np.random.default_rng(6).normal(size=(40, made().flat.size))
    mean, leaning = Averaging(n), Averaging(n, 0.9)
    for value in values:
        n.flat[...] = value
        mean.update()
        leaning.update()
    np.testing.assert_allclose(mean.mean, values.mean(axis=0), atol=1e-12)
    expected = values[:10].mean(axis=0)
    for value in values[10:]:
        expected = 0.9 * expected + 0.1 * value
    np.testing.assert_allclose(leaning.mean, expected, atol=1e-12)


def test_averaged_weights_are_saved_and_loaded() -> None:
    n = made()
    averaging = Averaging(n, 0.9)
    averaging.update()
    n.flat += 1.0
    averaging.update()
    np.testing.assert_allclose(averaging.mean, n.flat - 0.5)
    other = Averaging(made(), 0.9)
    other.load({key: value.copy() for key, value in averaging.state().items()})
    assert other.steps == 2 and np.array_equal(other.mean, averaging.mean)


def test_a_small_network_learns_one_zero_one_zero() -> None:
    n = network(7, 0.1, cell="rnn", inputs=2, hidden=3, outputs=2)
    ids = np.tile([[1], [0]], (10, 1))
    batch, optimizer = Example(ids[:-1], ids[1:]), Optimizer(n, "adam", 0.05)
    first = n.forward_backward(batch)[0]
    for _ in range(150):
        loss, _ = n.forward_backward(batch)
        optimizer.step(clip_norm=5.0)
    assert first == pytest.approx(math.log(2), abs=0.1) and loss < 0.01
