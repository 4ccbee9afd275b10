"""A trace shows what a network does when it reads the text from its beginning, one symbol after the other."""

from typing import Any

import numpy as np
import pytest

from rnnplay.catalogue import make_config
from rnnplay.config import UserError
from rnnplay.engine import GATES, Architecture, Network
from rnnplay.lab.cells import trace
from rnnplay.lab.cells.trace import quantize, states_of, trace_items, trace_text
from rnnplay.tasks import make
from rnnplay.tasks.base import Array

V, H = 13, 7


def network(cell: str, layers: int = 2, **choices: Any) -> Network:
    made = Network(Architecture(cell=cell, inputs=V, outputs=V, hidden=H, layers=layers, **choices), 3)
    made.flat *= 0.7  # so that it forgets within a warm-up
    return made


def one_by_one(net: Network, ids: Array, state: str) -> tuple[Array, Array]:
    """(L, H, N) and bits (N,), by stepping."""
    a = net.architecture
    current, values, bits = net.zero_state(1), [], [np.log2(V)]
    for i in ids:
        y, current = net.step(np.array([i]), current)
        p = np.exp(y[:, 0] - y.max())
        bits.append(p / p.sum())
        if state in ("h", "c"):
            values.append([getattr(parts, state)[:, 0] for parts in current])
    if state not in ("h", "c"):
        from rnnplay.tasks.base import Batch

        gates = net.forward(Batch(ids[:, None], ids[:, None]), gates=True).gates
        block = GATES[a.cell].index(state) * a.hidden
        assert gates is not None
        return np.stack([g[:, block : block + a.hidden, 0].T for g in gates]), np.zeros(0)
    surprise = [bits[0]] + [-np.log2(p[i]) for p, i in zip(bits[1:], ids[1:], strict=False)]
    return np.array(values).transpose(1, 2, 0), np.array(surprise)


@pytest.fixture
def ids() -> Array:
    return np.random.default_rng(6).integers(0, V, 900).astype(np.uint8)


@pytest.mark.parametrize("cell", ["rnn", "lstm", "gru"])
@pytest.mark.parametrize(("start", "length"), [(0, 900), (0, 20), (40, 500), (301, 333), (880, 999), (0, 1), (899, 1)])
def test_a_trace_is_what_reading_from_the_beginning_gives(ids: Array, cell: str, start: int, length: int) -> None:
    net = network(cell)
    for state in states_of(net):
        expected, surprise = one_by_one(net, ids, state)
        reading = trace_text(net, ids, start, length, state)
        stop = min(start + length, len(ids))
        assert (reading.start, reading.total) == (start, len(ids))
        np.testing.assert_array_equal(reading.ids, ids[start:stop])
        np.testing.assert_allclose(reading.values, expected[:, :, start:stop], atol=2e-3)
        if state in ("h", "c"):
            np.testing.assert_allclose(reading.surprise, surprise[start:stop], atol=2e-3)


def test_a_trace_in_small_pieces_is_the_same(ids: Array, monkeypatch: pytest.MonkeyPatch) -> None:
    net = network("lstm")
    whole = trace_text(net, ids, 150, 700, "c")
    monkeypatch.setattr(trace, "_NUMBERS", 1)
    pieces = trace_text(net, ids, 150, 700, "c")
    np.testing.assert_allclose(pieces.values, whole.values, atol=1e-3)
    np.testing.assert_allclose(pieces.surprise, whole.surprise, atol=1e-3)


def test_reading_leaves_the_gradients_of_training_alone(ids: Array) -> None:
    net = network("lstm")
    net.flat_gradient[:] = np.arange(net.flat.size)
    before = net.flat.copy()
    trace_text(net, ids, 0, 900, "h")
    np.testing.assert_array_equal(net.flat_gradient, np.arange(net.flat.size))
    np.testing.assert_array_equal(net.flat, before)


def test_a_state_that_the_cell_does_not_have_is_refused(ids: Array) -> None:
    assert states_of(network("lstm")) == ("h", "c", "o", "i", "f", "g")
    assert states_of(network("rnn")) == ("h",)
    with pytest.raises(UserError, match="gru"):
        trace_text(network("gru"), ids, 0, 9, "c")


def test_items_of_a_generated_task_are_read_each_from_a_zero_state() -> None:
    task = make(make_config("addition"))
    net = Network(
        Architecture(
            cell="rnn", inputs=task.inputs, outputs=task.outputs, hidden=H, inputs_are_ids=task.inputs_are_ids
        ),
        3,
    )
    batch = next(iter(task.evaluation()))
    T = batch.inputs.shape[0]
    whole = net.forward(batch).h[0, 1:]  # (T, H, B)
    reading = trace_items(net, task, T + 2, 2 * T, "h")
    expected = np.concatenate([whole[2:, :, 1], whole[:, :, 2], whole[:2, :, 3]]).T
    np.testing.assert_allclose(reading.values[0], expected, atol=1e-3)
    assert len(reading.symbols(task.vocabulary)) == 2 * T


def test_bytes_stand_for_values(monkeypatch: pytest.MonkeyPatch) -> None:
    values = np.array([[[-1.0, 0.0, 0.5, 1.0]]], np.float16)
    found, scale = quantize(values)
    assert scale == 1.0
    assert found.tolist() == [[[0, 127, 190, 254]]]
    rng = np.random.default_rng(1)
    wide = rng.standard_normal((2, 3, 500)).astype(np.float16) * 4
    found, scale = quantize(wide)
    assert 8 < scale < 14
    inside = np.abs(wide) < scale
    np.testing.assert_allclose((found[inside] / 127.0 - 1) * scale, wide[inside], atol=scale / 200)
    monkeypatch.setattr("rnnplay.lab.cells.trace._LARGE", 1)
    again, same = quantize(wide.copy())
    assert same == scale and (again == found).all()  # where a large array's own memory has the bytes
    for place in (0, 37):
        wide[1, place % 3, place] = np.nan
        with pytest.raises(UserError):
            quantize(wide)
