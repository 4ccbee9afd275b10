"""First values and random masks: what each choice of initialisation and dropout means."""

from typing import Any

import numpy as np
import pytest

from rnnplay.engine import GATES, Architecture, Network
from tests.engine.examples import example, network


def made(seed: int = 0, **choices: Any) -> Network:
    return Network(Architecture(**{"inputs": 30, "hidden": 64, "outputs": 20, "dtype": "float64", **choices}), seed)


def gate(n: Network, name: str, which: str) -> Any:
    a = n.architecture
    k = GATES[a.cell].index(which) * a.hidden
    return n.parameters[name][k : k + a.hidden]


@pytest.mark.parametrize("cell", ["rnn", "lstm", "gru", "input-rnn"])
def test_parameters_are_views_of_one_flat_array_that_they_fill(cell: str) -> None:
    n = made(cell=cell, layers=2)
    assert sum(value.size for value in n.parameters.values()) == n.flat.size == n.parameter_count
    n.flat[...] = np.arange(n.flat.size)
    numbers = np.concatenate([value.ravel() for value in n.parameters.values()])
    assert np.array_equal(np.sort(numbers), n.flat)
    assert {name: value.shape for name, value in n.gradients.items()} == {
        name: value.shape for name, value in n.parameters.items()
    }


def test_names_and_shapes_are_those_of_the_equations() -> None:
    n = Network(Architecture(cell="gru", inputs=7, hidden=3, outputs=5, layers=2, source_vocabulary_size=4))
    assert {name: value.shape for name, value in n.parameters.items()} == {
        "encoder.l0.W_xh": (9, 4),
        "encoder.l0.W_hh": (9, 3),
        "encoder.l0.b_h": (9, 1),
        "encoder.l0.b_hn": (3, 1),
        "encoder.l1.W_xh": (9, 3),
        "encoder.l1.W_hh": (9, 3),
        "encoder.l1.b_h": (9, 1),
        "encoder.l1.b_hn": (3, 1),
        "l0.W_xh": (9, 7),
        "l0.W_hh": (9, 3),
        "l0.b_h": (9, 1),
        "l0.b_hn": (3, 1),
        "l1.W_xh": (9, 3),
        "l1.W_hh": (9, 3),
        "l1.b_h": (9, 1),
        "l1.b_hn": (3, 1),
        "W_hy": (5, 3),
        "b_y": (5, 1),
    }
    assert set(Network(Architecture(cell="input-rnn", inputs=7, hidden=3, outputs=5, bias=False)).parameters) == {
        "l0.W_xh",
        "l0.W_ph",
        "W_hy",
    }


def test_the_same_seed_gives_the_same_network_and_another_seed_another() -> None:
    assert np.array_equal(made(3).flat, made(3).flat)
    assert not np.array_equal(made(3).flat, made(4).flat)


def test_uniform_weights_fill_plus_and_minus_one_over_the_root_of_h() -> None:
    W = made().parameters["l0.W_hh"]
    assert np.abs(W).max() <= 1 / 8 and np.abs(W).max() > 0.124
    assert abs(W.mean()) < 0.002


def test_normal_weights_have_the_given_scale() -> None:
    n = made(cell="rnn", init="normal", init_scale=0.03)
    assert n.parameters["l0.W_hh"].std() == pytest.approx(0.03, rel=0.05)
    assert not n.parameters["l0.b_h"].any()


@pytest.mark.parametrize("cell", ["rnn", "lstm", "gru"])
def test_orthogonal_weights_turn_and_never_stretch(cell: str) -> None:
    n = made(cell=cell, init="orthogonal")
    for which in GATES[cell]:
        W = gate(n, "l0.W_hh", which)
        np.testing.assert_allclose(W @ W.T, np.eye(64), atol=1e-12)


def test_identity_weights_keep_the_state() -> None:
    assert np.array_equal(made(cell="rnn", init="identity").parameters["l0.W_hh"], np.eye(64))


def test_the_forget_gate_begins_with_its_bias_and_the_others_without() -> None:
    n = made(forget_bias=3.0)
    assert (gate(n, "l0.b_h", "f") == 3.0).all()
    assert n.parameters["l0.b_h"].sum() == 3.0 * 64


def test_chrono_biases_are_logarithms_of_lags_up_to_the_longest() -> None:
    n = made(chrono=60)
    f = gate(n, "l0.b_h", "f")
    assert np.array_equal(gate(n, "l0.b_h", "i"), -f)
    lags = np.exp(f)
    assert lags.min() >= 1.0 and 40.0 < lags.max() <= 59.0
    assert np.exp(gate(made(cell="gru", chrono=60), "l0.b_h", "z")).max() > 40.0


def test_time_constants_lie_evenly_on_a_logarithmic_scale_up_to_the_longest() -> None:
    n = made(max_time_constant=1000)
    f = gate(n, "l0.b_h", "f")
    assert f.min() >= 0.0 and f.max() <= np.log(1000.0)
    for decade in range(3):  # of 64 units, a third in each
        within = (f >= decade * np.log(10.0)) & (f < (decade + 1) * np.log(10.0))
        assert 12 <= within.sum() <= 32
    assert n.parameters["l0.b_h"].sum() == pytest.approx(f.sum())  # the other gates begin without a bias
    assert gate(made(cell="gru", max_time_constant=1000), "l0.b_h", "z").max() > np.log(300.0)
    with pytest.raises(ValueError, match="both set the gates' biases"):
        made(chrono=60, max_time_constant=60)


def test_without_biases_there_are_none() -> None:
    for cell in ("rnn", "lstm", "gru", "input-rnn"):
        n = made(cell=cell, bias=False, context_size=0 if cell == "input-rnn" else 3)
        assert not [name for name in n.parameters if ".b_" in name or name.startswith("b_")]


def test_dropout_drops_its_share_and_keeps_the_mean() -> None:
    n = network(1, 0.1, cell="rnn", inputs=8, hidden=64, outputs=4, layers=2, dropout=0.25)
    batch = example(n.architecture, 40, 16, 2)
    plain, rng = n.forward(batch).h[0, 1:], np.random.default_rng(3)
    n.forward_backward(batch, None, rng)
    buffers = next(reversed(n._buffers.values()))
    kept = buffers.body.outputs[0].swapaxes(1, 2)
    dropped = kept == 0.0
    assert dropped.mean() == pytest.approx(0.25, abs=0.01)
    np.testing.assert_allclose(kept[~dropped], plain[~dropped] / 0.75, rtol=1e-9)


def test_nothing_is_dropped_in_evaluation_or_without_a_generator() -> None:
    n = network(4, cell="lstm", inputs=8, hidden=6, outputs=4, layers=2, dropout=0.5, weight_dropout=0.5)
    batch = example(n.architecture, 5, 3, 5)
    loss, _ = n.forward_backward(batch)
    total, weight, _ = n.evaluate(batch)
    assert total / weight == pytest.approx(loss, rel=1e-12)
    assert n.forward_backward(batch, None, np.random.default_rng(6))[0] != pytest.approx(loss, rel=1e-6)


def test_weight_dropout_uses_one_mask_for_a_whole_training_step() -> None:
    n = network(7, cell="rnn", inputs=8, hidden=16, outputs=4, weight_dropout=0.4)
    n.forward_backward(example(n.architecture, 6, 3, 8), None, np.random.default_rng(9))
    off = n.gradients["l0.W_hh"] == 0.0
    assert off.mean() == pytest.approx(0.4, abs=0.1)
    assert n.gradients["l0.W_xh"].all(axis=0).any()
