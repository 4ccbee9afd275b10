"""Every derived gradient against numerical ones, in float64: for every cell, depth, loss and shape."""

from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from rnnplay.engine.architecture import ACTIVATIONS, READOUTS
from tests.engine.examples import (
    SHAPES,
    differences,
    each_element,
    example,
    network,
    random_directions,
    some_state,
)

TOLERANCE = 1e-6
CELLS: list[dict[str, Any]] = [
    *({"cell": "rnn", "activation": activation} for activation in ACTIVATIONS),
    {"cell": "lstm"},
    {"cell": "gru"},
    {"cell": "input-rnn"},
]
NAMES = ["rnn tanh", "rnn sigmoid", "rnn relu", "rnn identity", "lstm", "gru", "input-rnn"]


def sizes(cell: dict[str, Any], shape: str) -> dict[str, Any]:
    by_id = shape == "synced"
    return {
        **cell,
        "inputs": 5 if by_id else 3,
        "inputs_are_ids": by_id,
        "hidden": 4,
        "source_vocabulary_size": 6 if shape == "encoder-decoder" else 0,
    }


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("readout", READOUTS)
@pytest.mark.parametrize("layers", [1, 3])
@pytest.mark.parametrize("cell", CELLS, ids=NAMES)
def test_gradients_are_the_loss_s_slopes_for_every_cell_depth_loss_and_shape(
    cell: dict[str, Any], layers: int, readout: str, shape: str
) -> None:
    if cell["cell"] == "input-rnn" and shape == "encoder-decoder":
        pytest.skip("refused: it has no state to hand over")
    n = network(7, **sizes(cell, shape), outputs=2, layers=layers, readout=readout)
    batch = example(n.architecture, 4, 3, 8, shape, masked=shape != "one to one")
    state = None if shape == "encoder-decoder" else some_state(n, 3, 9)
    worst = max(differences(n, batch, state, random_directions(1, 10)), key=lambda found: found[1])
    assert worst[1] <= TOLERANCE, worst


@pytest.mark.parametrize("B", [1, 2])
@pytest.mark.parametrize("cell", CELLS, ids=NAMES)
def test_every_single_gradient_is_the_loss_s_slope(cell: dict[str, Any], B: int) -> None:
    n = network(11, **cell, inputs=3, hidden=2, outputs=4, layers=2)
    batch = example(n.architecture, 3, B, 12, masked=True)
    worst = max(differences(n, batch, some_state(n, B, 13), each_element), key=lambda found: found[1])
    assert worst[1] <= TOLERANCE, worst


@pytest.mark.parametrize("cell", ["rnn", "lstm", "gru"])
def test_features_that_set_the_first_state_get_their_gradients(cell: str) -> None:
    n = network(14, cell=cell, inputs=5, hidden=4, outputs=5, layers=2, context_size=3)
    batch = example(n.architecture, 4, 2, 15)
    found = dict(differences(n, batch, None, each_element))
    assert {"W_fh", "b_fh", "context"} <= set(found)
    assert max(found.values()) <= TOLERANCE


@pytest.mark.parametrize("height", [6, 7])
def test_the_convolutional_front_gets_its_gradients(height: int) -> None:
    n = network(16, 0.3, cell="lstm", inputs=5, hidden=4, outputs=5, context_size=3, picture_shape=(2, height, 5))
    batch = example(n.architecture, 3, 2, 17)
    found = list(differences(n, batch, None, random_directions(4, 18)))
    assert {"picture.W_conv", "picture.b_conv", "picture.W_dense", "picture.b_dense"} <= {name for name, _ in found}
    assert max(error for _, error in found) <= TOLERANCE


@pytest.mark.parametrize("cell", ["rnn", "lstm", "gru"])
def test_dropout_and_weight_dropout_get_the_gradients_of_what_was_kept(cell: str) -> None:
    n = network(19, cell=cell, inputs=5, hidden=6, outputs=4, layers=2, dropout=0.4, weight_dropout=0.3)
    batch = example(n.architecture, 4, 3, 20)

    def loss() -> float:
        return n.forward_backward(batch, None, np.random.default_rng(21))[0]

    loss()
    gradient = n.flat_gradient.copy()
    before = n.flat.copy()
    rng = np.random.default_rng(22)
    for _ in range(4):
        direction = rng.normal(size=before.size)
        values = []
        for x in (1e-3, -1e-3, 2e-3, -2e-3):
            n.flat[...] = before + x * direction
            values.append(loss())
        numerical = (8 * (values[0] - values[1]) - (values[2] - values[3])) / 12e-3
        n.flat[...] = before
        assert numerical == pytest.approx(float(gradient @ direction), rel=1e-6)


@pytest.mark.parametrize("cell", ["rnn", "lstm", "gru"])
@pytest.mark.parametrize("B", [1, 16])
@pytest.mark.parametrize("tiles", [True, False])
def test_large_networks_whose_products_are_cut_into_tiles_get_the_same_gradients(
    cell: str, B: int, tiles: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("rnnplay.engine.matmul.USE_TILES", tiles)
    n = network(23, 0.08, cell=cell, inputs=70, hidden=64, outputs=33, layers=2)
    batch = example(n.architecture, 30, B, 24, masked=True)
    worst = max(differences(n, batch, some_state(n, B, 25), random_directions(1, 26)), key=lambda found: found[1])
    assert worst[1] <= TOLERANCE, worst


@settings(max_examples=200, deadline=None, derandomize=True)
@given(
    cell=st.sampled_from(CELLS),
    layers=st.integers(1, 3),
    readout=st.sampled_from(READOUTS),
    shape=st.sampled_from(SHAPES),
    by_id=st.booleans(),
    bias=st.booleans(),
    D=st.integers(1, 6),
    H=st.integers(1, 9),
    V=st.integers(1, 5),
    T=st.integers(1, 9),
    B=st.integers(1, 5),
    features=st.integers(0, 3),
    masked=st.booleans(),
    carried=st.booleans(),
    seed=st.integers(0, 10_000),
)
def test_any_network_s_gradients_are_its_loss_s_slopes(
    cell: dict[str, Any],
    layers: int,
    readout: str,
    shape: str,
    by_id: bool,
    bias: bool,
    D: int,
    H: int,
    V: int,
    T: int,
    B: int,
    features: int,
    masked: bool,
    carried: bool,
    seed: int,
) -> None:
    # Without biases a unit that was fed only zeros would stand on the very kink.
    assume(bias or cell.get("activation") != "relu")
    handed_over = shape == "encoder-decoder" and cell["cell"] != "input-rnn"
    n = network(
        seed,
        **cell,
        inputs=D,
        inputs_are_ids=by_id,
        hidden=H,
        outputs=V,
        layers=layers,
        readout=readout,
        bias=bias,
        source_vocabulary_size=4 if handed_over else 0,
        context_size=0 if handed_over or cell["cell"] == "input-rnn" else features,
    )
    batch = example(n.architecture, T, B, seed + 1, shape, masked)
    state = some_state(n, B, seed + 2) if carried else None
    worst = max(differences(n, batch, state, random_directions(1, seed)), key=lambda found: found[1], default=("", 0.0))
    assert worst[1] <= TOLERANCE, worst
