"""A network whose units are held against a walk in which each is set by hand at every time step."""

import numpy as np
import pytest

from rnnplay.config import UserError
from rnnplay.engine import Architecture, Network
from rnnplay.lab.clamp import clamp_network
from rnnplay.lab.reference_network import ReferenceNetwork
from rnnplay.tasks.base import Batch

CLAMPS = ((0, 2, 0.7), (1, 4, -0.35), (1, 0, 0.0))
T, B, V, H = 6, 3, 7, 5


def random_network(cell: str, bias: bool = True) -> Network:
    network = Network(
        Architecture(cell=cell, inputs=V, hidden=H, outputs=V, layers=2, bias=bias, dtype="float64"), seed=4
    )
    network.flat += np.random.default_rng(5).standard_normal(network.flat.shape) * 0.4
    return network


def logits(network: Network, ids: np.ndarray) -> np.ndarray:
    """(T, V, B) one time step at a time."""
    state, all_logits = network.zero_state(ids.shape[1]), []
    for x in ids:
        y, state = network.step(x, state)
        all_logits.append(y)
    return np.array(all_logits)


@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("cell", ["rnn", "lstm", "gru"])
def test_a_held_unit_is_heard_as_if_it_were_set_by_hand_at_every_time_step(cell: str, bias: bool) -> None:
    network = random_network(cell, bias)
    ids = np.random.default_rng(6).integers(0, V, (T, B)).astype(np.int32)
    reference = ReferenceNetwork(network.architecture, network.parameters)
    state = reference.zero(B)
    poked: dict[tuple[int, int, int, str], dict[int, float]] = {}
    for layer, unit, value in CLAMPS:
        state[layer][0][unit] = value
        for t in range(T):
            poked.setdefault((0, t, layer, "h"), {})[unit] = value
    by_hand = reference.forward(Batch(ids, ids), state, poked).y
    before = network.flat.copy()
    clamped_network = clamp_network(network, CLAMPS)
    np.testing.assert_allclose(logits(clamped_network, ids), by_hand, rtol=0, atol=1e-12)
    assert np.abs(by_hand - logits(network, ids)).max() > 0.01
    assert (network.flat == before).all()


@pytest.mark.parametrize(
    ("clamp", "wrong"),
    [((2, 0, 0.0), "no unit 1 of layer 3"), ((0, 5, 0.0), "no unit 6"), ((0, -1, 0.0), "no unit 0"),
     ((0, 0, float("nan")), "nan")],
)  # fmt: skip
def test_a_unit_that_does_not_exist_cannot_be_held(clamp: tuple[int, int, float], wrong: str) -> None:
    with pytest.raises(UserError, match=wrong):
        clamp_network(random_network("lstm"), [clamp])
