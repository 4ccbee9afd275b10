"""The packed stepper gives what Network.step gives."""

import numpy as np
import pytest

from rnnplay.engine import Architecture, Network
from rnnplay.engine.sampler import PackedStepper


@pytest.mark.parametrize("layers", [1, 2, 3])
@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize(
    ("cell", "activation"), [("rnn", "tanh"), ("rnn", "sigmoid"), ("rnn", "relu"), ("lstm", "tanh"), ("gru", "tanh")]
)
def test_a_packed_stepper_steps_as_the_network_does(cell: str, activation: str, bias: bool, layers: int) -> None:
    a = Architecture(
        cell=cell, activation=activation, bias=bias, layers=layers, inputs=11, hidden=13, outputs=7, dtype="float64"
    )
    rng = np.random.default_rng(layers)
    network = Network(a, 5)
    network.parameters["W_hy"][...] = rng.standard_normal((7, 13))
    stepper, state, logits = PackedStepper(network), network.zero_state(1), np.zeros(7)
    for time, symbol in enumerate(rng.integers(0, 11, 12).tolist()):
        if time == 6:  # it follows what was learned, and takes a state that is handed to it
            for value in network.parameters.values():
                value += 0.1 * rng.standard_normal(value.shape)
            stepper.pack()
            stepper.state = state
        expected, state = network.step(np.array([symbol]), state)
        stepper.step(symbol, logits)
        np.testing.assert_allclose(logits, expected[:, 0], rtol=1e-12, atol=1e-12)
    for ours, theirs in zip(stepper.state, state, strict=True):
        for a_part, b_part in zip(ours, theirs, strict=True):
            np.testing.assert_allclose(a_part, b_part, rtol=1e-12, atol=1e-12)


def test_a_packed_stepper_refuses_what_it_cannot_step_through() -> None:
    with pytest.raises(ValueError, match="input-rnn"):
        PackedStepper(Network(Architecture(cell="input-rnn", inputs=3, hidden=4, outputs=3)))
