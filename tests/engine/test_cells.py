"""The fused loops over time compute the equations of cells.py: every gate, state and gradient, in float64."""

from typing import Any

import numpy as np
import pytest

from rnnplay.engine import Architecture, cells
from rnnplay.engine.layer_stack import LayerStack
from rnnplay.engine.parameters import Parameters
from tests.engine.examples import Array, ends, gate_gradients, network

H, T = 5, 9
CELLS = [
    ("rnn", "tanh"),
    ("rnn", "sigmoid"),
    ("rnn", "relu"),
    ("rnn", "identity"),
    ("input-rnn", "tanh"),
    ("input-rnn", "sigmoid"),
    ("input-rnn", "relu"),
    ("input-rnn", "identity"),
    ("lstm", "tanh"),
    ("gru", "tanh"),
]
FORWARD: dict[str, Any] = {
    "rnn": cells.rnn_forward,
    "input-rnn": cells.input_rnn_forward,
    "lstm": cells.lstm_forward,
    "gru": cells.gru_forward,
}
BACKWARD: dict[str, Any] = {
    "rnn": cells.rnn_backward,
    "input-rnn": cells.input_rnn_backward,
    "lstm": cells.lstm_backward,
    "gru": cells.gru_backward,
}


def same(one: Array, other: Array, name: str = "") -> None:
    np.testing.assert_allclose(one, other, rtol=1e-10, atol=1e-13, err_msg=name)


def over_time(
    cell: str, activation: str, w: dict[str, Array], x: Array, state: list[Array], active: Array, dy: Array
) -> dict[str, Any]:
    """T time steps forward and back by cells.py, time step by time step: what a layer must compute.

    active (T, B): 0 over padding, where the state stays and every gradient goes past the cell. The loss is
    sum(dy * h) plus the sum of the last state.
    """
    extra = (activation,) if "rnn" in cell else ()
    D = w["W_xh"].shape[1]
    found: dict[str, Any] = {"h": [], "gates": [], "steps": [], "x": []}
    for t in range(T):
        s = FORWARD[cell](w, x[t], *state, *extra)
        new = [cells.columns_of(x[t], D)] if cell == "input-rnn" else [s.h, s.c] if cell == "lstm" else [s.h]
        state = [active[t] * n + (1 - active[t]) * old for n, old in zip(new, state, strict=True)]
        found["steps"].append(s)
        found["h"].append(s.h if cell == "input-rnn" else state[0])
        gates = {"lstm": "oifg", "gru": "rzn"}.get(cell)
        found["gates"].append(np.concatenate([getattr(s, gate) for gate in gates]) if gates else found["h"][-1])
    found["last"] = state
    dstate = [np.ones_like(array) for array in state]
    gradients = {name: np.zeros_like(value) for name, value in w.items()}
    found["dz"], found["dx"] = [None] * T, [None] * T
    for t in reversed(range(T)):
        s = found["steps"][t]
        if cell == "input-rnn":  # its h is an output alone, and its state is the input
            d = BACKWARD[cell](w, s, dy[t], *extra)
            dx = cells.input_gradient(w, d) + active[t] * dstate[0]
            dstate = [d.dh_prev + (1 - active[t]) * dstate[0]]
        else:
            dh, *dc = [dstate[0] + dy[t], *dstate[1:]]
            d = BACKWARD[cell](w, s, active[t] * dh, *(active[t] * c for c in dc), *extra)
            dx = cells.input_gradient(w, d)
            dstate = [d.dh_prev + (1 - active[t]) * dh]
            if cell == "lstm":
                dstate.append(d.dc_prev + (1 - active[t]) * dc[0])
        found["dz"][t], found["dx"][t] = d.dz, dx
        for name, value in cells.parameter_gradients(w, x[t], s[1], d).items():
            gradients[name] += value
    return found | {"dfirst": dstate, "gradients": gradients}


@pytest.mark.parametrize("B", [1, 4])
@pytest.mark.parametrize("masked", [False, True])
@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("is_ids", [True, False])
@pytest.mark.parametrize(("cell", "activation"), CELLS)
def test_a_layer_computes_the_equations(
    cell: str, activation: str, is_ids: bool, bias: bool, masked: bool, B: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("rnnplay.engine.layer.CHUNK_BYTES", 3 * 6 * B * H * 8)  # three time steps in a chunk
    a = Architecture(
        cell=cell,
        activation=activation,
        inputs=6,
        inputs_are_ids=is_ids,
        hidden=H,
        outputs=3,
        bias=bias,
        dtype="float64",
    )
    rng = np.random.default_rng(3)
    p = Parameters(a)
    p.flat[...] = rng.normal(size=p.flat.size) * 0.5
    stack = LayerStack(a, p.values, p.gradients, "", T, B, True)
    x = rng.integers(0, 6, (T, B)) if is_ids else rng.normal(size=(T, 6, B))
    D = 6 if cell == "input-rnn" else H
    state = [rng.normal(size=(D, B)) for _ in range(2 if cell == "lstm" else 1)]
    mask = ends(rng.integers(1, T, B), T) if masked else np.ones((T, B), bool)
    dy = rng.normal(size=(T, H, B))
    layer = stack.layers[0]
    h = stack.forward(x, [tuple(array.T for array in state)], mask, None)
    gates = layer.gate_values().copy()
    last = [array.copy() for array in layer.state_at(T)]
    dx = np.zeros((T, B, 6))
    dfirst = layer.backward(dy.swapaxes(1, 2).copy(), [np.ones_like(array) for array in last], dx)
    w = {name.removeprefix("l0."): value for name, value in p.values.items() if name.startswith("l0.")}
    expected = over_time(cell, activation, w, x, state, mask.astype(float), dy)
    for t in range(T):
        same(h[t].T, expected["h"][t], f"h at {t}")
        if cell in ("lstm", "gru"):
            same(gates[t].T, expected["gates"][t], f"gates at {t}")
        same(gate_gradients(layer)[t].T, expected["dz"][t], f"dz at {t}")
        if not is_ids:
            same(dx[t].T, expected["dx"][t], f"dx at {t}")
    for array, other in zip(last, expected["last"], strict=True):
        same(array.T, other, "last state")
    for array, other in zip(dfirst, expected["dfirst"], strict=True):
        same(array.T, other, "gradient of the first state")
    for name, value in expected["gradients"].items():
        same(p.gradients[f"l0.{name}"], value, name)


@pytest.mark.parametrize(("cell", "activation"), CELLS)
def test_the_equations_have_the_gradients_of_their_numbers(cell: str, activation: str) -> None:
    """cells.py itself against finite differences: every element of the parameters, the input and the state."""
    rng, B, D = np.random.default_rng(5), 2, 4
    n = network(1, cell=cell, activation=activation, inputs=D, inputs_are_ids=False, hidden=H, outputs=3)
    w = {name.removeprefix("l0."): value for name, value in n.parameters.items() if name.startswith("l0.")}
    x = rng.normal(size=(D, B))
    state = [rng.normal(size=(D if cell == "input-rnn" else H, B)) for _ in range(2 if cell == "lstm" else 1)]
    extra = (activation,) if "rnn" in cell else ()
    dh, dc = rng.normal(size=(H, B)), rng.normal(size=(H, B))

    def loss() -> float:
        s = FORWARD[cell](w, x, *state, *extra)
        return float((dh * s.h).sum() + ((dc * s.c).sum() if cell == "lstm" else 0.0))

    s = FORWARD[cell](w, x, *state, *extra)
    d = BACKWARD[cell](w, s, dh, *([dc] if cell == "lstm" else []), *extra)
    pairs = [(w[name], g) for name, g in cells.parameter_gradients(w, x, state[0], d).items()]
    pairs += [(x, cells.input_gradient(w, d)), (state[0], d.dh_prev)]
    if cell == "lstm":
        pairs.append((state[1], d.dc_prev))
    for array, gradient in pairs:
        for index in np.ndindex(array.shape):
            before, values = array[index], []
            for step in (1e-6, -1e-6):
                array[index] = before + step
                values.append(loss())
            array[index] = before
            assert gradient[index] == pytest.approx((values[0] - values[1]) / 2e-6, rel=1e-5, abs=1e-8)


@pytest.mark.parametrize(("cell", "activation"), CELLS)
def test_pre_activations_are_what_the_gates_functions_are_applied_to(cell: str, activation: str) -> None:
    rng = np.random.default_rng(6)
    G = {"lstm": 4, "gru": 3}.get(cell, 1)
    w = {"W_xh": rng.normal(size=(G * H, 4)), "W_hh": rng.normal(size=(G * H, H)), "b_h": rng.normal(size=(G * H, 1))}
    if cell == "input-rnn":
        w["W_ph"] = rng.normal(size=(H, 4))
        del w["W_hh"]
    x, h = np.array([1, 3]), rng.normal(size=(4 if cell == "input-rnn" else H, 2))
    s = FORWARD[cell](
        w, x, *([h, rng.normal(size=(H, 2))] if cell == "lstm" else [h]), *([activation] if G == 1 else [])
    )
    W_xx = w["W_xh"] @ np.eye(4)[:, x] + w["b_h"]
    recurrent = w["W_ph" if cell == "input-rnn" else "W_hh"] @ h
    if cell == "gru":
        recurrent[2 * H :] *= s.r
    same(s.pre, W_xx + recurrent)
    functions = {"tanh": np.tanh, "sigmoid": lambda z: 1 / (1 + np.exp(-z)), "relu": lambda z: z * (z > 0)}
    names = {"lstm": "oifg", "gru": "rzn"}.get(cell, "h")
    for gate, pre in zip(names, np.split(s.pre, G), strict=True):
        kind = activation if gate == "h" else "tanh" if gate in "gn" else "sigmoid"
        same(getattr(s, gate), pre if kind == "identity" else functions[kind](pre), gate)
