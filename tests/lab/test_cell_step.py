"""A time step as a screen shows it: its summands add up, and no gradient flows through a value that was set by hand."""

from typing import Any

import numpy as np
import pytest

from rnnplay.engine.architecture import GATES
from rnnplay.lab.cell_step import Array, CellStep, LayerWeights, backward, forward, summands

H, D, B = 4, 3, 2
CELLS = [("rnn", "tanh"), ("rnn", "relu"), ("input-rnn", "tanh"), ("lstm", "tanh"), ("gru", "tanh")]


def made(cell: str, activation: str, bias: bool = True) -> tuple[LayerWeights, list[Array]]:
    """Random weights, and x with the state."""
    rng, G = np.random.default_rng(3), len(GATES[cell])
    recurrent, size = ("W_ph", D) if cell == "input-rnn" else ("W_hh", H)
    w = {"W_xh": rng.normal(size=(G * H, D)), recurrent: rng.normal(size=(G * H, size))}
    if bias:
        w["b_h"] = rng.normal(size=(G * H, 1))
    if bias and cell == "gru":
        w["b_hn"] = rng.normal(size=(H, 1))
    numbers = [rng.normal(size=(D, B)), rng.normal(size=(size, B))]
    return LayerWeights(cell, activation, w), [*numbers, *([rng.normal(size=(H, B))] if cell == "lstm" else [])]


@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize(("cell", "activation"), CELLS)
def test_the_summands_of_a_gate_add_up_to_its_pre_activation(cell: str, activation: str, bias: bool) -> None:
    layer, numbers = made(cell, activation, bias)
    step = forward(layer, *numbers)
    pre = layer.by_gate(step.computed.pre)
    functions: dict[str, Any] = {
        "tanh": np.tanh,
        "sigmoid": lambda z: 1 / (1 + np.exp(-z)),
        "relu": lambda z: z * (z > 0),
    }
    for gate, terms in summands(layer, step).items():
        assert len(terms) == 2 + bias
        np.testing.assert_allclose(sum(terms), pre[gate], rtol=1e-12, atol=1e-14)
        np.testing.assert_allclose(step.gate(gate), functions[layer.activation_of(gate)](pre[gate]), rtol=1e-12)


@pytest.mark.parametrize("set_c", [{}, {1: 0.7, 2: -0.3}])
@pytest.mark.parametrize("set_h", [{}, {0: 0.4, 1: -0.9}])
@pytest.mark.parametrize(("cell", "activation"), CELLS)
def test_gradients_of_a_poked_step_are_those_of_what_was_not_poked(
    cell: str, activation: str, set_h: dict[int, float], set_c: dict[int, float]
) -> None:
    if set_c and cell != "lstm":
        return
    layer, numbers = made(cell, activation)
    rng = np.random.default_rng(4)
    dh, dc = rng.normal(size=(H, B)), rng.normal(size=(H, B))

    def step() -> CellStep:
        return forward(layer, *numbers, set_h=set_h, set_c=set_c)

    def loss() -> float:
        s = step()
        return float((dh * s.h).sum() + (0.0 if s.c is None else (dc * s.c).sum()))

    assert [step().h[unit, 0] for unit in set_h] == list(set_h.values())
    assert [s[unit, 0] for unit in set_c if (s := step().c) is not None] == list(set_c.values())
    d = backward(layer, step(), dh, dc if cell == "lstm" else None)
    pairs = [(layer.w["W_xh"], d.dz @ numbers[0].T), (numbers[1], d.dh_prev)]
    if cell == "lstm":
        assert d.dc_prev is not None
        pairs.append((numbers[2], d.dc_prev))
    for array, gradient in pairs:
        for index in np.ndindex(array.shape):
            before, values = array[index], []
            for change in (1e-6, -1e-6):
                array[index] = before + change
                values.append(loss())
            array[index] = before
            assert gradient[index] == pytest.approx((values[0] - values[1]) / 2e-6, rel=1e-5, abs=1e-8)
