"""What one sees inside a network is what it computes with."""

from dataclasses import replace

import numpy as np
import pytest

from rnnplay.engine import GATES, Architecture, Network
from tests.engine.examples import Array, example, network, slope, some_state

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
    n = network(9, cell="lstm", inputs=6, hidden=5, outputs=4, layers=2, source=3)
    seen = n.forward(example(n.architecture, 4, 2, 10, masked=True), gates=True)
    assert seen.encoder is not None and seen.c is not None and seen.encoder.c is not None
    np.testing.assert_array_equal(seen.encoder.h[:, -1], seen.h[:, 0])
    np.testing.assert_array_equal(seen.encoder.c[:, -1], seen.c[:, 0])


@pytest.mark.parametrize("masked", [False, True])
@pytest.mark.parametrize("cell", CELLS)
def test_gradients_of_a_state_in_the_middle_are_the_slopes_of_what_follows(cell: str, masked: bool) -> None:
    n = network(11, cell=cell, inputs=6, hidden=4, outputs=5, layers=2)
    batch = example(n.architecture, 8, 2, 12, masked=masked)
    t = 3
    later = np.array(batch.weights)
    later[:t] = 0.0
    assert batch.weights is not None
    found = n.backward_states(batch, None, later)
    begun = replace(batch, inputs=batch.inputs[:t], mask=None if batch.mask is None else batch.mask[:t])
    before = n.forward(begun, gates=True)
    state = before.state
    rest = replace(
        batch,
        inputs=batch.inputs[t:],
        targets=batch.targets[t:],
        weights=later[t:],
        mask=None if batch.mask is None else batch.mask[t:],
    )
    if cell == "input-rnn":
        assert not found.dh[:, 0].any()
        return
    # Only the top layer's state has no other way into the loss than through what follows.
    top = [part.copy() for part in state[-1]]
    moved = np.ones(2, bool) if batch.mask is None else batch.mask[t - 1]
    assert before.gates is not None
    for part, derived in enumerate([found.dh] if found.dc is None else [found.dh, found.dc]):
        for k in np.ndindex(top[part].shape):

            def f(x: float, part: int = part, k: tuple[int, ...] = k) -> float:
                for array, value in zip(state[-1], top, strict=True):
                    array[...] = value
                state[-1][part][k] += x
                if part == 1 and moved[k[1]]:  # h = o tanh(c) moves with c
                    state[-1][0][k] = before.gates[-1][-1][k] * np.tanh(state[-1][1][k])
                loss, weight, _ = n.evaluate(rest, state)
                return loss / weight

            assert derived[-1, t][k] == pytest.approx(slope(f, 1e-3), rel=1e-6, abs=1e-9)


@pytest.mark.parametrize("cell", CELLS)
def test_gradients_of_the_gates_add_up_to_those_of_the_parameters(cell: str) -> None:
    n = network(13, cell=cell, inputs=6, hidden=4, outputs=5, layers=2)
    batch = example(n.architecture, 7, 3, 14, masked=True)
    found = n.backward_states(batch)
    loss, _ = n.learn(batch)
    assert found.loss == pytest.approx(loss, rel=1e-12)
    seen = n.forward(batch)
    for layer, dz in enumerate(found.dz):
        np.testing.assert_allclose(dz.sum(axis=(0, 2))[:, None], n.gradients[f"l{layer}.b_h"], rtol=1e-9, atol=1e-15)
        if layer:
            dW = np.einsum("tgb,thb->gh", dz, seen.h[layer - 1, 1:])
            np.testing.assert_allclose(dW, n.gradients[f"l{layer}.W_xh"], rtol=1e-9, atol=1e-15)


@pytest.mark.parametrize("cell", CELLS)
def test_ids_are_one_hot_columns(cell: str) -> None:
    by_id = network(15, cell=cell, inputs=6, hidden=4, outputs=5, layers=2)
    by_value = Network(replace(by_id.architecture, by_id=False))
    by_value.load(by_id.parameters)
    batch = example(by_id.architecture, 7, 3, 16, masked=True)
    columns = replace(batch, inputs=np.eye(6)[batch.inputs].swapaxes(1, 2))
    one, other = by_id.backward_states(batch), by_value.backward_states(columns)
    np.testing.assert_allclose(one.dx, other.dx, rtol=1e-9, atol=1e-15)
    assert one.loss == pytest.approx(other.loss, rel=1e-12)


def test_looking_leaves_the_gradients_of_learning_alone() -> None:
    n = network(17, cell="lstm", inputs=6, hidden=4, outputs=5)
    batch = example(n.architecture, 5, 2, 18)
    n.learn(batch)
    gradient = n.flat_gradient.copy()
    n.backward_states(batch, some_state(n, 2, 19))
    n.forward(batch, gates=True)
    n.statistics()
    assert np.array_equal(n.flat_gradient, gradient)


def test_statistics_count_saturated_gates_and_dead_units() -> None:
    n = network(20, 0.05, cell="lstm", inputs=6, hidden=4, outputs=5)
    n.parameters["l0.b_h"][...] = 0.0
    f = GATES["lstm"].index("f") * 4
    n.parameters["l0.b_h"][f : f + 4] = [[9.0], [9.0], [-9.0], [0.0]]
    batch = example(n.architecture, 5, 2, 21)
    n.learn(batch)
    told = n.statistics()
    assert told.saturated["l0.f"] == (0.25, 0.5)
    assert told.saturated["l0.i"] == (0.0, 0.0)
    assert told.dead == {"l0": 0}
    assert told.gradient_norms["W_hy"] == pytest.approx(np.linalg.norm(n.gradients["W_hy"]))
    assert told.weight_norms["b_y"] == pytest.approx(np.linalg.norm(n.parameters["b_y"]))


def test_a_unit_that_never_moves_is_dead() -> None:
    n = Network(Architecture(cell="rnn", activation="relu", inputs=6, hidden=4, outputs=5))
    n.parameters["l0.b_h"][1] = -50.0
    n.learn(example(n.architecture, 9, 3, 22))
    assert n.statistics().dead["l0"] >= 1
