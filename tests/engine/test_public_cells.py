"""The cells that a person plays with in Python."""

import subprocess
import sys

import numpy as np
import pytest

import rnnplay
from rnnplay import GRU, LSTM, RNN


def test_an_rnn_s_step_is_the_literature_s() -> None:
    rnn = RNN(4, 3, V=5, seed=1)
    rnn.b_h = np.array([[0.1], [0.2], [0.3]])
    rnn.b_y = 0.5
    h = np.zeros((3, 1))
    for k in (0, 2, 2, 3):
        x = np.eye(4)[:, k : k + 1]
        h = np.tanh(rnn.W_xh @ x + rnn.W_hh @ h + rnn.b_h)
        np.testing.assert_allclose(rnn.step(x), rnn.W_hy @ h + rnn.b_y, rtol=1e-12)
    np.testing.assert_allclose(rnn.h, h, rtol=1e-12)


def test_cells_without_a_readout_stack() -> None:
    one, two, three = RNN(4, 3), LSTM(3, 6, seed=1), GRU(6, 2, V=5, seed=2)
    y = three.step(two.step(one.step([0, 1, 0, 0])))
    assert y.shape == (5,)
    assert not hasattr(one, "W_hy")
    np.testing.assert_array_equal(one.h[:, 0], np.tanh(one.W_xh[:, 1]))


@pytest.mark.parametrize("cell", [RNN, LSTM, GRU])
def test_a_column_several_columns_and_a_flat_list_say_the_same(cell: type[RNN]) -> None:
    x = np.random.default_rng(0).normal(size=(4, 3))
    together, first, flat = cell(4, 3, V=2), cell(4, 3, V=2), cell(4, 3, V=2)
    for _ in range(3):
        y = together.step(x)
        np.testing.assert_allclose(first.step(x[:, :1]), y[:, :1], rtol=1e-12)
        np.testing.assert_allclose(flat.step(x[:, 0].tolist()), y[:, 0], rtol=1e-12)


def test_reset_forgets() -> None:
    rnn = GRU(4, 3, V=2)
    x = np.ones(4)
    first = rnn.step(x)
    assert not np.array_equal(rnn.step(x), first)
    rnn.reset()
    assert np.array_equal(rnn.step(x), first)


def test_a_column_of_another_size_or_count_is_refused() -> None:
    rnn = RNN(4, 3)
    with pytest.raises(ValueError, match=r"^x: \(3,\) does not fit\. Give a column of 4 numbers"):
        rnn.step([1, 2, 3])
    rnn.step(np.ones((4, 2)))
    with pytest.raises(ValueError, match=r"^x: 1 columns, but the state has 2\. Call reset\(\) first\."):
        rnn.step([1, 2, 3, 4])
    with pytest.raises(AttributeError, match=r"RNN has no W_hhh\. It has W_xh, W_hh, b_h"):
        _ = rnn.W_hhh


def test_the_package_offers_its_names_and_loads_nothing_before_they_are_used() -> None:
    for name in ("RNN", "LSTM", "GRU", "Network", "__version__"):
        assert getattr(rnnplay, name)
    with pytest.raises(AttributeError, match="has no attribute 'Transformer'"):
        _ = rnnplay.Transformer
    code = "import rnnplay, sys; dir(rnnplay); print('numpy' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout == "False\n"
