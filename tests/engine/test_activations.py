"""The activations of a forward pass are what the network computes with."""

from dataclasses import replace

import numpy as np
import pytest

from rnnplay.engine import GATES, Network
from tests.engine.examples import Array, example, network, other_gradients, some_state

CELLS = ["rnn", "lstm", "gru", "input-rnn"]


def parts(gates: Array, cell: str) -> dict[str, Array]:
    return dict(zip(GATES[cell], np.split(gates, len(GATES[cell]), axis=1), strict=True))


@pytest.mark.parametrize("B", [1, 3])
def test_an_lstm_s_gates_and_states_obey_its_equations(B: int) -> None:
    n = network(1, cell="lstm", inputs=6, hidden=5, outputs=4, layers=2)
    batch, state = example(n.architecture, 7, B, 2), some_state(n, B, 3)
    seen = n.forward(batch, state, gates=True)
    assert seen.gates is not None and seen.c is not None
    assert seen.h.shape == seen.c.shape == (2, 8, 5, B)
    for layer, gates in enumerate(seen.gates):
        g, h, c = parts(gates, "lstm"), seen.h[layer], seen.c[layer]
        np.testing.assert_allclose(h[0], state[layer][0])
        np.testing.assert_allclose(c[0], state[layer][1])
        np.testing.assert_allclose(c[1:], g["f"] * c[:-1] + g["i"] * g["g"], rtol=1e-12)
        np.testing.assert_allclose(h[1:], g["o"] * np.tanh(c[1:]), rtol=1e-12)
        np.testing.assert_array_equal(h[-1], seen.state[layer][0])


def test_a_gru_s_gates_and_states_obey_its_equations() -> None:
    n = network(4, cell="gru", inputs=6, hidden=5, outputs=4)
    seen = n.forward(example(n.architecture, 7, 3, 5), some_state(n, 3, 6), gates=True)
    assert seen.gates is not None and seen.c is None
    g, h = parts(seen.gates[0], "gru"), seen.h[0]
    np.testing.assert_allclose(h[1:], (1 - g["z"]) * g["n"] + g["z"] * h[:-1], rtol=1e-12)


@pytest.mark.parametrize("readout", ["softmax", "sigmoid", "sigmoid-squared", "linear"])
def test_outputs_are_what_the_logits_stand_for(readout: str) -> None:
    n = network(7, cell="rnn", inputs=6, hidden=5, outputs=4, readout=readout)
    seen = n.forward(example(n.architecture, 3, 2, 8))
    y = seen.logits
    expected = {
        "softmax": np.exp(y) / np.exp(y).sum(axis=1, keepdims=True),
        "linear": y,
    }.get(readout, 1 / (1 + np.exp(-y)))
    np.testing.assert_allclose(seen.outputs, expected, rtol=1e-12)
    top = n.parameters["W_hy"] @ seen.h[-1, 1:] + n.parameters["b_y"]
    np.testing.assert_allclose(y, top, rtol=1e-12)


def test_an_encoder_is_seen_too_and_its_last_state_is_the_decoder_s_first() -> None:
    n = network(9, cell="lstm", inputs=6, hidden=5, outputs=4, layers=2, source_vocabulary_size=3)
    seen = n.forward(example(n.architecture, 4, 2, 10, masked=True), gates=True)
    assert seen.encoder is not None and seen.c is not None and seen.encoder.c is not None
    np.testing.assert_array_equal(seen.encoder.h[:, -1], seen.h[:, 0])
    np.testing.assert_array_equal(seen.encoder.c[:, -1], seen.c[:, 0])


@pytest.mark.parametrize("cell", CELLS)
def test_ids_are_one_hot_columns(cell: str) -> None:
    by_id = network(15, cell=cell, inputs=6, hidden=4, outputs=5, layers=2)
    by_value = Network(replace(by_id.architecture, inputs_are_ids=False))
    by_value.load_parameters(by_id.parameters)
    batch = example(by_id.architecture, 7, 3, 16, masked=True)
    columns = replace(batch, inputs=np.eye(6)[batch.inputs].swapaxes(1, 2))
    dx, _, dstate = other_gradients(by_id, batch, None)
    other_dx, _, other_dstate = other_gradients(by_value, columns, None)
    np.testing.assert_allclose(dx, other_dx, rtol=1e-9, atol=1e-15)
    for layer, other in zip(dstate, other_dstate, strict=True):
        np.testing.assert_allclose(layer, other, rtol=1e-9, atol=1e-15)
    assert by_id.forward_backward(batch)[0] == pytest.approx(by_value.forward_backward(columns)[0], rel=1e-12)


def test_a_forward_pass_leaves_the_gradients_of_training_alone() -> None:
    n = network(17, cell="lstm", inputs=6, hidden=4, outputs=5)
    batch = example(n.architecture, 5, 2, 18)
    n.forward_backward(batch)
    gradient = n.flat_gradient.copy()
    n.forward(batch, gates=True)
    assert np.array_equal(n.flat_gradient, gradient)
