"""The walk by the book against the engine, and what may be changed on the way."""

import numpy as np
import pytest

from rnnplay.config import UserError
from rnnplay.edits import GradientStep, SetHidden, SetInput, SetWeight
from rnnplay.engine import Architecture, Network
from rnnplay.lab.reference_network import ReferenceNetwork
from rnnplay.lab.unroll import describe_change, target_probability, unroll
from rnnplay.tasks.base import Batch

CELLS = [("rnn", "tanh"), ("rnn", "sigmoid"), ("rnn", "relu"), ("rnn", "identity"), ("lstm", "tanh"), ("gru", "tanh"),
         ("input-rnn", "tanh")]  # fmt: skip
READOUTS = ["softmax", "sigmoid", "sigmoid-squared", "linear"]


def network(cell: str, activation: str = "tanh", layers: int = 2, seed: int = 1, **more: object) -> Network:
    chosen: dict[str, object] = {"inputs": 5, "hidden": 4, "outputs": 3} | more
    a = Architecture(cell=cell, activation=activation, layers=layers, dtype="float64", **chosen)  # type: ignore[arg-type]
    made = Network(a, seed)
    rng = np.random.default_rng(seed)
    for value in made.parameters.values():
        value[...] = rng.normal(size=value.shape) * 0.6
    return made


def batch_for(n: Network, T: int = 6, B: int = 2, seed: int = 2) -> Batch:
    rng, a = np.random.default_rng(seed), n.architecture
    inputs = rng.integers(0, a.inputs, (T, B)) if a.inputs_are_ids else rng.normal(size=(T, a.inputs, B))
    targets = rng.integers(0, a.outputs, (T, B))
    if a.readout != "softmax":
        targets = (rng.random((T, a.outputs, B)) < 0.5).astype(np.float64)
    source = rng.integers(0, a.source_vocabulary_size, (4, B)) if a.source_vocabulary_size else None
    return Batch(inputs, targets, rng.random((T, B)), source=source)


@pytest.mark.parametrize("readout", READOUTS)
@pytest.mark.parametrize(("cell", "activation"), CELLS)
def test_a_walk_has_the_engines_loss_and_gradients(cell: str, activation: str, readout: str) -> None:
    by_id = readout in ("softmax", "sigmoid")
    for layers, source in ((1, 0), (3, 0), (2, 0 if cell == "input-rnn" else 7)):
        n = network(cell, activation, layers, readout=readout, inputs_are_ids=by_id, source_vocabulary_size=source)
        batch = batch_for(n)
        loss, _ = n.forward_backward(batch)
        reference = ReferenceNetwork(n.architecture, n.parameters)
        fwd = reference.forward(batch)
        dy = reference.loss_gradient(fwd)
        assert fwd.loss == pytest.approx(loss, rel=1e-12)
        for name, slope in reference.gradients(fwd, reference.backward(fwd, dy), dy).items():
            np.testing.assert_allclose(slope, n.gradients[name], rtol=1e-9, atol=1e-13, err_msg=name)


@pytest.mark.parametrize("picture", [None, (2, 6, 4)])
@pytest.mark.parametrize("cell", ["rnn", "lstm", "gru"])
def test_a_walk_begins_with_the_state_that_features_set(cell: str, picture: tuple[int, int, int] | None) -> None:
    n = network(cell, layers=2, context_size=3, picture_shape=picture)
    batch = batch_for(n)
    shape = (3, 2) if picture is None else (*picture, 2)
    batch = Batch(batch.inputs, batch.targets, batch.weights, context=np.random.default_rng(4).normal(size=shape))
    loss, _ = n.forward_backward(batch)
    reference = ReferenceNetwork(n.architecture, n.parameters)
    fwd = reference.forward(batch)
    assert fwd.loss == pytest.approx(loss, rel=1e-12)
    dy = reference.loss_gradient(fwd)
    for name, slope in reference.gradients(fwd, reference.backward(fwd, dy), dy).items():
        np.testing.assert_allclose(slope, n.gradients[name], rtol=1e-9, atol=1e-13, err_msg=name)


def test_a_walk_by_steps_gives_the_engines_states() -> None:
    n = network("lstm", layers=2)
    batch = batch_for(n)
    fwd = ReferenceNetwork(n.architecture, n.parameters).forward(batch)
    state = n.zero_state(2)
    for t in range(6):
        y, state = n.step(batch.inputs[t], state)
        np.testing.assert_allclose(fwd.y[t], y, rtol=1e-12, atol=1e-14)
        for layer in range(2):
            np.testing.assert_allclose(fwd.moments[0][t][layer].h, state[layer].h, rtol=1e-12, atol=1e-14)
            np.testing.assert_allclose(fwd.moments[0][t][layer].c, state[layer].c, rtol=1e-12, atol=1e-14)


@pytest.mark.parametrize("cell", ["rnn", "lstm", "gru"])
def test_a_poked_hidden_value_changes_nothing_before_it_and_everything_after(cell: str) -> None:
    n = network(cell)
    batch = batch_for(n, B=1)
    plain = unroll(n.architecture, n.parameters, batch)
    poked = unroll(n.architecture, n.parameters, batch, [SetHidden(layer=0, time=2, unit=1, value=0.9)])
    moved = np.abs(poked.forward_pass.y - plain.forward_pass.y).max(axis=(1, 2))
    assert (moved[:2] == 0).all()
    assert (moved[2:] > 1e-6).all()
    assert poked.forward_pass.moments[0][2][0].h[1, 0] == 0.9
    assert poked.changed == ("h 1.2 at 3 = 0.9",)


def test_a_poked_value_lets_no_gradient_through_to_its_own_past() -> None:
    n = network("gru", layers=1)
    batch = batch_for(n, B=1)
    everything = [SetHidden(layer=0, time=3, unit=u, value=0.1 * u) for u in range(4)]
    back = unroll(n.architecture, n.parameters, batch, everything).backs[0]
    assert np.abs(back.slopes[3][0].above + back.slopes[3][0].future).max() > 1e-3
    assert all(np.abs(dz).max() == 0 for dz in [back.slopes[3][0].cell.dz])
    assert np.abs(back.slopes[2][0].future).max() == 0


def test_a_set_input_is_the_same_as_another_text() -> None:
    n = network("rnn")
    batch = batch_for(n, B=1)
    other = batch.inputs.copy()
    other[4] = 3
    symbols = {"": list("abcde")}
    poked = unroll(n.architecture, n.parameters, batch, [SetInput(time=4, symbol="d")], symbols=symbols)
    plain = unroll(n.architecture, n.parameters, Batch(other, batch.targets, batch.weights))
    np.testing.assert_array_equal(poked.forward_pass.y, plain.forward_pass.y)


def test_a_set_weight_is_used_at_every_time_step_and_leaves_the_network_alone() -> None:
    n = network("lstm")
    kept = n.parameters["l1.W_hh"].copy()
    batch = batch_for(n, B=1)
    poked = unroll(n.architecture, n.parameters, batch, [SetWeight(name="l1.W_hh", row=2, column=3, value=1.5)])
    np.testing.assert_array_equal(n.parameters["l1.W_hh"], kept)
    n.parameters["l1.W_hh"][2, 3] = 1.5
    np.testing.assert_array_equal(poked.forward_pass.y, unroll(n.architecture, n.parameters, batch).forward_pass.y)


def test_one_update_by_gradient_descent_is_minus_rate_times_the_engines_gradient() -> None:
    n = network("gru")
    batch = batch_for(n, B=1)
    n.forward_backward(batch)
    expected = {name: value - 0.25 * n.gradients[name] for name, value in n.parameters.items()}
    updated = unroll(n.architecture, n.parameters, batch, [GradientStep(rate=0.25)])
    for name, value in expected.items():
        np.testing.assert_allclose(updated.reference.parameters[name], value, rtol=1e-10, atol=1e-13)
    before = unroll(n.architecture, n.parameters, batch)
    np.testing.assert_array_equal(updated.before, target_probability(before.forward_pass, "softmax"))
    assert updated.forward_pass.loss < before.forward_pass.loss


def test_what_is_not_there_cannot_be_changed() -> None:
    n = network("rnn", layers=1)
    batch = batch_for(n, B=1)
    wrong = [
        SetHidden(layer=0, time=6, unit=0, value=0.0),
        SetHidden(layer=1, time=0, unit=0, value=0.0),
        SetHidden(layer=0, time=0, unit=4, value=0.0),
        SetHidden(layer=0, time=0, unit=0, value=float("nan")),
        SetHidden(layer=0, time=0, unit=0, value=0.0, state="c"),
        SetHidden(layer=0, time=0, unit=0, value=0.0, part="encoder"),
        SetInput(time=0, symbol="z"),
        SetInput(time=9, symbol="a"),
        SetWeight(name="l0.W_xx", row=0, column=0, value=1.0),
        SetWeight(name="l0.W_hh", row=4, column=0, value=1.0),
        SetWeight(name="l0.W_hh", row=0, column=4, value=1.0),
    ]
    for edit in wrong:
        with pytest.raises(UserError):
            unroll(n.architecture, n.parameters, batch, [edit], symbols={"": list("abcde")})


def test_what_a_change_did_is_counted_over_the_time_steps_that_count() -> None:
    before = np.array([[0.2], [0.5], [0.5], [0.9]])
    after = np.array([[0.4], [0.5], [0.1], [0.1]])
    weights = np.array([[0.3], [0.3], [0.4], [0.0]])
    words = describe_change("one update", before, after, weights, "softmax")
    assert words == "one update: the targets' mean probability goes from 40.00 % to 33.33 %; 1 of 3 rise"
    words = describe_change("one update", before, after, weights, "linear")
    assert words == "one update: 2 of 3 predictions move, by 0.4 at most"
