"""What cannot be is refused in one sentence, before anything is made."""

import time
import tracemalloc
from typing import Any

import numpy as np
import pytest

from rnnplay.engine import Architecture, Averaging, Network, Optimizer, TooLargeError, learning_rate
from rnnplay.engine.memory_limits import batch_bytes, free_bytes, parameter_bytes
from tests.engine.examples import Example, network

SIZES: dict[str, Any] = {"inputs": 5, "hidden": 4, "outputs": 5}


@pytest.mark.parametrize(
    ("choices", "said"),
    [
        ({"cell": "transformer"}, 'cell: "transformer" is unknown. Choose one of: rnn, lstm, gru, input-rnn.'),
        ({"activation": "step", "cell": "rnn"}, 'activation: "step" is unknown'),
        ({"activation": "relu"}, "activation: a cell lstm has its own"),
        ({"readout": "argmax"}, 'readout: "argmax" is unknown'),
        ({"init": "ones"}, 'init: "ones" is unknown'),
        ({"dtype": "int8"}, 'dtype: "int8" is unknown'),
        ({"hidden": 0}, "hidden: 0 is not possible. Give a whole number of at least 1."),
        ({"layers": -1}, "layers: -1 is not possible"),
        ({"inputs": 2.5}, "inputs: 2.5 is not possible"),
        ({"outputs": True}, "outputs: True is not possible"),
        ({"dropout": 1.0}, "dropout: 1.0 is not possible. Give a share from 0 to below 1."),
        ({"weight_dropout": float("nan")}, "weight_dropout: nan is not possible"),
        ({"init_scale": float("inf")}, "init_scale: inf is not a number"),
        (
            {"source_vocabulary_size": 5, "context_size": 3},
            "source_vocabulary_size and context_size: both set",
        ),
        ({"cell": "input-rnn", "source_vocabulary_size": 5}, "cell: input-rnn has no hidden state"),
        ({"picture_shape": (1, 8, 8)}, "picture_shape: the size of its vector is missing"),
        ({"picture_shape": (1, 8), "context_size": 3}, "picture_shape: give three numbers"),
        ({"picture_shape": (1, 3, 8), "context_size": 3}, "picture_shape height: 3 is not possible"),
    ],
)
def test_an_impossible_architecture_is_refused(choices: dict[str, Any], said: str) -> None:
    with pytest.raises(ValueError, match="^" + said.replace("(", r"\(").replace(".", r"\.")):
        Architecture(**{**SIZES, **choices})


def test_a_million_hidden_units_are_refused_at_once_with_what_they_need() -> None:
    begun = time.perf_counter()
    with pytest.raises(
        TooLargeError, match=r"1,000,000 hidden units .* need \d+ TB of memory.*Choose fewer hidden units\.$"
    ):
        Network(Architecture(**{**SIZES, "hidden": 10**6}))
    assert time.perf_counter() - begun < 1.0


@pytest.mark.parametrize("call", ["forward_backward", "forward"])
def test_ten_million_time_steps_are_refused_at_once(call: str) -> None:
    n = network(1, **{**SIZES, "hidden": 512, "dtype": "float32"})
    ids = np.broadcast_to(np.int32(1), (10**7, 64))
    begun = time.perf_counter()
    with pytest.raises(
        TooLargeError, match=r"64 sequences of 10,000,000 time steps.*Choose shorter or fewer sequences\.$"
    ):
        getattr(n, call)(Example(ids, ids))
    assert time.perf_counter() - begun < 1.0


def test_what_a_batch_needs_grows_in_step_with_its_time_steps_and_sequences() -> None:
    a = Architecture(**{**SIZES, "hidden": 64, "layers": 2})
    assert batch_bytes(a, 100, 8) == 2 * batch_bytes(a, 50, 8) == 4 * batch_bytes(a, 50, 4)
    assert free_bytes() > 1 << 20


@pytest.mark.parametrize("dropout", [0.0, 0.2])
@pytest.mark.parametrize("cell", ["rnn", "lstm", "gru", "input-rnn"])
def test_what_a_batch_needs_is_at_least_what_is_made_for_it(cell: str, dropout: float) -> None:
    n = network(2, cell=cell, inputs=30, hidden=64, outputs=30, layers=2, dropout=dropout)
    ids = np.random.default_rng(3).integers(0, 30, (300, 16))
    tracemalloc.start()
    n.forward_backward(Example(ids, ids), None, np.random.default_rng(4))
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    need = batch_bytes(n.architecture, 300, 16) + parameter_bytes(n.architecture)
    assert 0.5 * need < most < 1.1 * need


@pytest.mark.parametrize(
    ("batch", "said"),
    [
        (Example(np.array([[0, 5]]), np.array([[0, 1]])), "ids: 5 is outside 0 to 4"),
        (Example(np.array([[-1, 2]]), np.array([[0, 1]])), "ids: -1 is outside 0 to 4"),
        (Example(np.array([[1, 2]]), np.array([[0, 7]])), "targets: an id is outside 0 to 4"),
        (Example(np.zeros((0, 2), int), np.zeros((0, 2), int)), "batch: 0 time steps of 2 sequences"),
    ],
)
def test_a_batch_that_does_not_fit_is_refused(batch: Example, said: str) -> None:
    n = network(4, **SIZES)
    for call in (n.forward_backward, n.evaluate):
        with pytest.raises(ValueError, match="^" + said):
            call(batch)


def test_values_and_targets_of_another_size_are_refused() -> None:
    n = network(5, **{**SIZES, "inputs_are_ids": False, "readout": "linear"})
    x, y = np.zeros((3, 5, 2)), np.zeros((3, 5, 2))
    with pytest.raises(ValueError, match=r"^inputs: \(3, 4, 2\) does not fit"):
        n.forward_backward(Example(x[:, :4], y))
    with pytest.raises(ValueError, match=r"^targets: \(3, 4, 2\) does not fit"):
        n.forward_backward(Example(x, y[:, :4]))


def test_pictures_of_another_size_are_refused() -> None:
    n = network(6, **SIZES, context_size=3, picture_shape=(1, 8, 6))
    ids = np.zeros((2, 2), int)
    with pytest.raises(ValueError, match=r"^context: \(1, 6, 8\) does not fit"):
        n.forward_backward(Example(ids, ids, context=np.zeros((1, 6, 8, 2))))


@pytest.mark.parametrize(
    ("name", "choices", "said"),
    [
        ("sgdd", {}, 'optimizer: "sgdd" is unknown'),
        ("sgd", {"lr": -0.1}, "learning rate: -0.1 is not possible. Give a finite number of 0 or more."),
        ("sgd", {"lr": float("nan")}, "learning rate: nan is not possible"),
        ("momentum", {"momentum": 1.0}, "momentum: 1.0 is not possible"),
        ("adam", {"betas": (0.9, 1.5)}, "second beta: 1.5 is not possible"),
        ("rmsprop", {"rho": -1.0}, "rho: -1.0 is not possible"),
        ("adamw", {"decay": float("inf")}, "weight decay: inf is not possible"),
    ],
)
def test_an_impossible_optimizer_is_refused(name: str, choices: dict[str, Any], said: str) -> None:
    with pytest.raises(ValueError, match="^" + said):
        Optimizer(network(7, **SIZES), name, **{"lr": 0.1, **choices})


def test_an_unknown_schedule_and_an_impossible_average_are_refused() -> None:
    with pytest.raises(ValueError, match=r'^schedule: "linear" is unknown'):
        learning_rate("linear", 0.1, 0)
    with pytest.raises(ValueError, match=r"^averaging: a decay of 1\.0 is not possible"):
        Averaging(network(8, **SIZES), 1.0)


def test_parameters_that_do_not_fit_are_refused_and_change_nothing() -> None:
    n = network(9, **SIZES)
    before = n.flat.copy()
    good = {name: value + 1.0 for name, value in n.parameters.items()}
    bad = {name: value for name, value in good.items() if name != "b_y"}
    with pytest.raises(ValueError, match=r"^b_y: it is missing"):
        n.load_parameters(bad)
    with pytest.raises(ValueError, match=r"^l9\.W_xh: it is not part of this network"):
        n.load_parameters({**good, "l9.W_xh": good["W_hy"]})
    with pytest.raises(ValueError, match=r"^W_hy: \(4, 5\) does not fit \(5, 4\)"):
        n.load_parameters({**good, "W_hy": good["W_hy"].T})
    with pytest.raises(ValueError, match=r"^b_y: it holds a number that is not finite"):
        n.load_parameters({**good, "b_y": good["b_y"] * np.nan})
    assert np.array_equal(n.flat, before)
    n.load_parameters(good)
    assert np.array_equal(n.flat, before + 1.0)


def test_nothing_to_encode_is_refused() -> None:
    with pytest.raises(ValueError, match=r"^encode: this network has nothing to encode"):
        network(10, **SIZES).encode(np.zeros((3, 1), int))
