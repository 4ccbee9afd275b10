"""The same numbers by every way there is to them: in pieces, step by step, one by one, padded, repeated."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from rnnplay.engine import Network, Optimizer, State
from tests.engine.examples import Array, Example, ends, example, network, some_state

CELLS = ["rnn", "lstm", "gru", "input-rnn"]


def same(one: Array, other: Array) -> None:
    np.testing.assert_allclose(one, other, rtol=1e-10, atol=1e-12)


def same_state(one: State, other: State) -> None:
    for a, b in zip(one, other, strict=True):
        for p, q in zip(a, b, strict=True):
            same(p, q)


@pytest.mark.parametrize("by_id", [True, False])
@pytest.mark.parametrize("cell", CELLS)
def test_a_sequence_in_pieces_with_carried_state_is_the_sequence_whole(cell: str, by_id: bool) -> None:
    n = network(1, cell=cell, inputs=6, inputs_are_ids=by_id, hidden=5, outputs=4, layers=2)
    batch = example(n.architecture, 11, 3, 2, masked=True)
    total, weight, last = n.evaluate(batch)
    state, pieces = None, []
    for start, stop in ((0, 4), (4, 5), (5, 11)):
        loss, w, state = n.evaluate(batch.slice_time(start, stop), state)
        pieces.append((loss, w))
    assert sum(loss for loss, _ in pieces) == pytest.approx(total, rel=1e-12)
    assert sum(w for _, w in pieces) == pytest.approx(weight, rel=1e-12)
    assert state is not None
    same_state(state, last)


@pytest.mark.parametrize("B", [1, 3])
@pytest.mark.parametrize("by_id", [True, False])
@pytest.mark.parametrize("cell", CELLS)
def test_stepping_is_the_whole_sequence(cell: str, by_id: bool, B: int) -> None:
    n = network(3, cell=cell, inputs=6, inputs_are_ids=by_id, hidden=5, outputs=4, layers=3)
    batch = example(n.architecture, 7, B, 4)
    state = some_state(n, B, 5)
    whole = n.forward(batch, state)
    for t, x in enumerate(batch.inputs):
        y, state = n.step(x, state)
        same(y, whole.logits[t])
    same_state(state, whole.state)


def test_whole_numbers_as_values_are_no_ids() -> None:
    n = network(4, cell="gru", inputs=6, inputs_are_ids=False, hidden=5, outputs=4)
    batch = example(n.architecture, 3, 2, 5)
    batch = replace(batch, inputs=np.random.default_rng(6).integers(0, 6, batch.inputs.shape))
    state = n.zero_state(2)
    for x, logits in zip(batch.inputs, n.forward(batch).logits, strict=True):
        y, state = n.step(x, state)
        same(y, logits)


@pytest.mark.parametrize("activation", ["tanh", "sigmoid", "relu", "identity"])
def test_stepping_is_the_whole_sequence_for_every_activation(activation: str) -> None:
    for cell in ("rnn", "input-rnn"):
        n = network(6, cell=cell, activation=activation, inputs=6, hidden=5, outputs=4, bias=False)
        batch = example(n.architecture, 5, 2, 7)
        state = n.zero_state(2)
        for x, logits in zip(batch.inputs, n.forward(batch).logits, strict=True):
            y, state = n.step(x, state)
            same(y, logits)


@pytest.mark.parametrize("kind", ["plain", "encoder", "features", "picture"])
@pytest.mark.parametrize("cell", ["rnn", "lstm", "gru"])
def test_a_batch_is_its_sequences_one_by_one(cell: str, kind: str) -> None:
    more: dict[str, Any] = {
        "plain": {},
        "encoder": {"source_vocabulary_size": 5},
        "features": {"context_size": 3},
        "picture": {"context_size": 3, "picture_shape": (2, 6, 7)},
    }[kind]
    n = network(8, 0.3, cell=cell, inputs=6, hidden=5, outputs=4, layers=2, **more)
    batch = example(n.architecture, 6, 4, 9, masked=True)
    assert batch.weights is not None
    loss, _ = n.forward_backward(batch)
    gradient = n.flat_gradient.copy()
    total, mean = np.zeros_like(gradient), 0.0
    for b in range(4):
        one = batch.select_sequences(slice(b, b + 1))
        share = batch.weights[:, b].sum() / batch.weights.sum()
        mean += share * n.forward_backward(one)[0]
        total += share * n.flat_gradient
    assert mean == pytest.approx(loss, rel=1e-12)
    same(total, gradient)


@pytest.mark.parametrize("B", [1, 3])
@pytest.mark.parametrize("cell", CELLS)
def test_padding_behind_and_in_front_changes_nothing(cell: str, B: int) -> None:
    n = network(10, cell=cell, inputs=6, hidden=5, outputs=4, layers=2)
    batch = example(n.architecture, 5, B, 11)
    assert batch.weights is not None
    loss, last = n.forward_backward(batch, some_state(n, B, 12))
    gradient = n.flat_gradient.copy()
    rng = np.random.default_rng(13)

    def padded(array: Array, value: Any) -> Array:
        junk = [value(k) for k in (2, 3)]
        return np.concatenate([junk[0], array, junk[1]])

    longer = Example(
        padded(batch.inputs, lambda k: rng.integers(0, 6, (k, B))),
        padded(batch.targets, lambda k: rng.integers(0, 4, (k, B))),
        padded(batch.weights, lambda k: np.zeros((k, B))),
        padded(np.ones((5, B), bool), lambda k: np.zeros((k, B), bool)),
    )
    padded_loss, padded_last = n.forward_backward(longer, some_state(n, B, 12))
    assert padded_loss == pytest.approx(loss, rel=1e-12)
    same_state(padded_last, last)
    same(n.flat_gradient, gradient)


def test_padding_of_a_source_changes_nothing() -> None:
    n = network(14, cell="lstm", inputs=6, hidden=5, outputs=4, layers=2, source_vocabulary_size=5)
    batch = example(n.architecture, 4, 2, 15)
    assert batch.source is not None
    loss, _ = n.forward_backward(batch)
    gradient = n.flat_gradient.copy()
    S = len(batch.source)
    source = np.concatenate([batch.source, np.full((3, 2), 4)])
    padded_loss, _ = n.forward_backward(replace(batch, source=source, source_mask=ends(np.array([S, S]), S + 3)))
    assert padded_loss == pytest.approx(loss, rel=1e-12)
    same(n.flat_gradient, gradient)


@pytest.mark.parametrize("kind", [{"source_vocabulary_size": 5}, {"context_size": 3}])
def test_encoding_first_and_then_stepping_is_the_whole_way(kind: dict[str, Any]) -> None:
    n = network(16, cell="gru", inputs=6, hidden=5, outputs=4, layers=2, **kind)
    batch = example(n.architecture, 4, 3, 17, masked=True)
    batch = replace(batch, mask=None)
    whole = n.forward(batch)
    state = n.encode(batch.source, batch.source_mask, batch.context)
    assert n.evaluate(batch, state)[0] == pytest.approx(n.evaluate(batch)[0], rel=1e-12)
    for x, logits in zip(batch.inputs, whole.logits, strict=True):
        y, state = n.step(x, state)
        same(y, logits)


def test_a_long_evaluation_is_read_in_pieces_of_bounded_size(monkeypatch: pytest.MonkeyPatch) -> None:
    n = network(18, cell="lstm", inputs=6, hidden=5, outputs=4, source_vocabulary_size=5)
    batch = example(n.architecture, 23, 3, 19, masked=True)
    whole = n.evaluate(batch)
    monkeypatch.setattr("rnnplay.engine.network.EVAL_CHUNK_SIZE", 5 * 3 * 20)
    pieces = n.evaluate(batch)
    assert pieces[0] == pytest.approx(whole[0], rel=1e-12)
    assert pieces[1] == pytest.approx(whole[1], rel=1e-12)
    same_state(pieces[2], whole[2])


@pytest.mark.parametrize("cell", CELLS)
def test_learning_gives_the_same_bits_whatever_else_is_done_between(cell: str) -> None:
    def trained(disturb: bool) -> Network:
        n = Network(network(20, cell=cell, inputs=6, hidden=8, outputs=4, layers=2, dropout=0.2).architecture, 21)
        optimizer, rng, state = Optimizer(n, "adam", 0.01), np.random.default_rng(22), None
        for k in range(6):
            batch = example(n.architecture, 5 + k % 2, 3, k, masked=k % 2 == 0)
            _, state = n.forward_backward(batch, state, rng)
            if disturb:
                n.evaluate(example(n.architecture, 5 + k % 2, 3, 99), state)
                n.forward(batch, state, gates=True)
                n.step(np.array([1, 2, 3]), state)
            optimizer.step(clip_norm=0.5)
        return n

    assert np.array_equal(trained(False).flat, trained(True).flat)


def test_a_copy_learns_on_its_own() -> None:
    n = network(23, cell="lstm", inputs=6, hidden=5, outputs=4)
    other, before = n.copy(), n.flat.copy()
    assert np.array_equal(other.flat, before)
    other.forward_backward(example(n.architecture, 4, 2, 24))
    Optimizer(other, "sgd", 0.1).step()
    assert np.array_equal(n.flat, before)
    assert not np.array_equal(other.flat, before)


def test_weights_changed_by_hand_are_read_at_once() -> None:
    n = network(25, cell="lstm", inputs=6, hidden=5, outputs=4)
    batch = example(n.architecture, 4, 2, 26)
    first, before = n.forward_backward(batch)[0], n.step(batch.inputs[0], n.zero_state(2))[0]
    n.parameters["l0.W_hh"][0, 0] += 1.0
    n.parameters["l0.W_xh"][:, batch.inputs[0, 0]] += 1.0
    assert n.forward_backward(batch)[0] != first
    assert not np.array_equal(n.step(batch.inputs[0], n.zero_state(2))[0], before)
