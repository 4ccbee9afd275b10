"""The gradient by lag against an explicit product of Jacobians, and what is said about it."""

import numpy as np
import pytest

from rnnplay import tasks
from rnnplay.catalogue import make_config
from rnnplay.engine import Architecture, Network
from rnnplay.lab import time as lab
from rnnplay.lab.cell_step import Array
from rnnplay.lab.reference_network import ReferenceNetwork
from rnnplay.tasks.base import Batch
from rnnplay.verdicts import Dependency, dependency_verdict

T = 9


def made(
    cell: str, layers: int = 1, source: int = 0, activation: str = "tanh", **more: object
) -> tuple[ReferenceNetwork, Batch]:
    a = Architecture(
        cell=cell,
        activation=activation,
        inputs=5,
        hidden=4,
        outputs=3,
        layers=layers,
        source_vocabulary_size=source,
        dtype="float64",
    )
    rng = np.random.default_rng(len(cell) + layers)
    parameters = {name: rng.normal(size=value.shape) * 0.7 for name, value in Network(a).parameters.items()}
    read = rng.integers(0, source, (6, 1)) if source else None
    return ReferenceNetwork(a, parameters), Batch(rng.integers(0, 5, (T, 1)), rng.integers(0, 3, (T, 1)), source=read)


def sigmoid(z: Array) -> Array:
    return np.asarray(1 / (1 + np.exp(-z)))


def transition(reference: ReferenceNetwork, prefix: str, state: Array, x: int) -> Array:
    """The whole state after one more time step, written once more from the books: h of each layer, then c of each."""
    a, p = reference.architecture, reference.parameters
    H, L = a.hidden, a.layers
    hs, cs, new_h, new_c = state[: L * H].reshape(L, H), state[L * H :].reshape(-1, H), [], []
    v = np.eye(a.inputs if not prefix else a.source_vocabulary_size)[x]
    for n in range(L):
        W, U, b = (p[f"{prefix}l{n}.{name}"] for name in ("W_xh", "W_hh", "b_h"))
        zx, zh = W @ v + b[:, 0], U @ hs[n]
        if a.cell == "rnn":
            h = np.tanh(zx + zh)
        elif a.cell == "lstm":
            o, i, f, g = (zx + zh).reshape(4, H)
            c = sigmoid(f) * cs[n] + sigmoid(i) * np.tanh(g)
            h = sigmoid(o) * np.tanh(c)
            new_c.append(c)
        else:
            (rx, ux, nx), (rh, uh, nh) = zx.reshape(3, H), zh.reshape(3, H)
            u = sigmoid(ux + uh)
            made = np.tanh(nx + sigmoid(rx + rh) * (nh + p[f"{prefix}l{n}.b_hn"][:, 0]))
            h = (1 - u) * made + u * hs[n]
        new_h.append(h)
        v = h
    return np.concatenate(new_h + new_c)


def jacobian(reference: ReferenceNetwork, prefix: str, state: Array, x: int) -> Array:
    """d(transition)/d(state) by the complex numbers' imaginary part: exact to rounding, no difference is taken."""
    columns = []
    for k in range(len(state)):
        leaning = state.astype(complex)
        leaning[k] += 1e-30j
        columns.append(transition(reference, prefix, leaning, x).imag / 1e-30)
    return np.stack(columns, axis=1)


@pytest.mark.parametrize("source", [0, 6])
@pytest.mark.parametrize("layers", [1, 3])
@pytest.mark.parametrize("cell", ["rnn", "lstm", "gru"])
def test_the_gradient_by_lag_is_the_product_of_the_jacobians(cell: str, layers: int, source: int) -> None:
    reference, batch = made(cell, layers, source)
    fwd = reference.forward(batch)
    H = reference.architecture.hidden
    state = np.zeros(layers * H * (2 if cell == "lstm" else 1))
    jacobians = []
    ids = [("encoder.", int(x)) for x in (batch.source if batch.source is not None else np.zeros((0, 1)))[:, 0]]
    for prefix, x in [*ids, *(("", int(x)) for x in batch.inputs[:, 0])]:
        jacobians.append(jacobian(reference, prefix, state, x))
        state = transition(reference, prefix, state, x)
    top = state[(layers - 1) * H : layers * H]
    y = reference.parameters["W_hy"] @ top + reference.parameters["b_y"][:, 0]
    dy = np.exp(y) / np.exp(y).sum()
    dy[int(batch.targets[-1, 0])] -= 1
    g = np.zeros(len(state))
    g[(layers - 1) * H : layers * H] = reference.parameters["W_hy"].T @ dy
    expected = [np.linalg.norm(g)]
    for J in reversed(jacobians):
        g = J.T @ g
        expected.append(np.linalg.norm(g))
    np.testing.assert_allclose(lab.norms_by_lag(reference, fwd), expected, rtol=1e-10)
    assert len(expected) == T + 1 + len(ids)


def test_the_gradient_by_lag_is_that_of_the_last_time_step_that_counts() -> None:
    reference, batch = made("lstm")
    weights = np.ones((T, 1))
    weights[6:] = 0
    counted = lab.norms_by_lag(reference, reference.forward(Batch(batch.inputs, batch.targets, weights)))
    cut = lab.norms_by_lag(reference, reference.forward(Batch(batch.inputs[:6], batch.targets[:6])))
    np.testing.assert_allclose(counted, cut, rtol=1e-12)


def test_the_gradient_by_lag_of_several_sequences_is_the_mean_of_theirs() -> None:
    reference, one = made("gru", 2)
    rng = np.random.default_rng(3)
    both = Batch(
        np.concatenate([one.inputs, rng.integers(0, 5, (T, 1))], axis=1),
        np.concatenate([one.targets, rng.integers(0, 3, (T, 1))], axis=1),
    )
    single = [
        lab.norms_by_lag(reference, reference.forward(Batch(both.inputs[:, [b]], both.targets[:, [b]]))) for b in (0, 1)
    ]
    np.testing.assert_allclose(
        lab.norms_by_lag(reference, reference.forward(both)), np.mean(single, axis=0), rtol=1e-12
    )


@pytest.mark.parametrize("cell", ["lstm", "gru"])
def test_the_states_jacobian_is_that_of_the_transition(cell: str) -> None:
    reference, batch = made(cell)
    fwd = reference.forward(batch)
    m = fwd.moments[0][4][0]
    before = np.concatenate([m.h_prev[:, 0], *([m.c_prev[:, 0]] if m.c_prev is not None else [])])
    expected = jacobian(reference, "", before, int(batch.inputs[4, 0]))
    np.testing.assert_allclose(lab.jacobian(reference.chains[0], fwd, 4, 0), expected, rtol=1e-10, atol=1e-14)


def test_the_spectral_radius_of_a_gated_cell_is_the_median_of_three_time_steps() -> None:
    reference, batch = made("gru")
    fwd = reference.forward(batch)
    T = len(batch.inputs)
    places = sorted({0, T // 3, 2 * T // 3, T - 1})[-3:]
    radii = [np.abs(np.linalg.eigvals(lab.jacobian(reference.chains[-1], fwd, t, 0))).max() for t in places]
    assert len(set(radii)) == 3
    assert lab.spectral_radius(reference, fwd) == pytest.approx(sorted(radii)[1], rel=1e-9)


def test_the_spectral_radius_of_an_rnn_is_that_of_its_largest_matrix() -> None:
    reference, batch = made("rnn", 2)
    expected = max(np.abs(np.linalg.eigvals(reference.parameters[f"l{n}.W_hh"])).max() for n in range(2))
    assert lab.spectral_radius(reference, reference.forward(batch)) == pytest.approx(expected, rel=1e-12)


def test_a_large_matrix_gets_its_largest_eigenvalue_within_one_percent() -> None:
    matrix = np.random.default_rng(0).standard_normal((600, 600)) / np.sqrt(600)
    found = lab.largest_eigenvalue(matrix)
    assert found == pytest.approx(np.abs(np.linalg.eigvals(matrix)).max(), rel=0.01)
    assert lab.largest_eigenvalue(np.full((3, 3), np.nan)) is None


def test_one_linear_units_gradient_is_its_weight_to_the_power_of_the_lag() -> None:
    weights = (3.0, 1.0, 0.5)
    expected = np.array([[w**k for k in range(13)] for w in weights])
    np.testing.assert_allclose(lab.one_unit(12, weights), expected, rtol=1e-12)


def test_the_horizon_is_the_first_lag_below_one_percent() -> None:
    assert lab.horizon_of(np.array([2.0, 1.0, 0.021, 0.019, 0.5])) == 3
    assert lab.horizon_of(np.array([1.0, 0.5, 0.02])) is None
    assert lab.horizon_of(np.array([np.nan, 1.0])) is None


def scaled(rho: float, lag: int = 40) -> tuple[ReferenceNetwork, Batch]:
    """An RNN tanh whose W_hh has the spectral radius `rho`, on sequences like those of `copy`."""
    a = Architecture(cell="rnn", inputs=10, hidden=32, outputs=10, init="orthogonal", dtype="float64")
    n = Network(a, 4)
    n.parameters["l0.W_hh"][...] *= rho
    n.parameters["l0.W_xh"][...] *= 0.1
    rng = np.random.default_rng(1)
    return ReferenceNetwork(a, n.parameters), Batch(rng.integers(0, 10, (lag, 4)), rng.integers(0, 10, (lag, 4)))


def measured(reference: ReferenceNetwork, batch: Batch, lag: int) -> float:
    """The norm at `lag` over that at lag 0, a mean over the sequences, by explicit products of Jacobians."""
    H = reference.architecture.hidden
    norms = np.zeros((2, batch.inputs.shape[1]))
    for b in range(batch.inputs.shape[1]):
        state = np.zeros(H)
        states = [state]
        for x in batch.inputs[:, b]:
            states.append(transition(reference, "", states[-1], int(x)))
        y = reference.parameters["W_hy"] @ states[-1] + reference.parameters["b_y"][:, 0]
        dy = np.exp(y) / np.exp(y).sum()
        dy[int(batch.targets[-1, b])] -= 1
        g = reference.parameters["W_hy"].T @ dy
        norms[0, b] = np.linalg.norm(g)
        for t in range(len(batch.inputs) - 1, len(batch.inputs) - 1 - lag, -1):
            g = jacobian(reference, "", states[t], int(batch.inputs[t, b])).T @ g
        norms[1, b] = np.linalg.norm(g)
    return float(norms[1].mean() / norms[0].mean())


@pytest.mark.parametrize(("rho", "verdict"), [(1.5, "explodes"), (1.02, "steady"), (0.5, "vanishes")])
def test_the_measured_factor_decides_and_stands_beside_the_radius(rho: float, verdict: str) -> None:
    reference, batch = scaled(rho)
    found = lab.gradient_by_lag(reference, batch, 40, 39)
    assert found.radius == pytest.approx(rho, rel=1e-9)
    left = measured(reference, batch, 39)
    assert found.left == pytest.approx(left, rel=1e-6)
    assert found.verdict == verdict == ("vanishes" if left < 0.01 else "explodes" if left > 10 else "steady")
    words = lab.sentence("RNN tanh", found, dependency_verdict(found.verdict, found.dependency, False))
    assert f"ρ of W_hh {rho:.2f}, " in words and f"{left ** (1 / 39):.2f} a step (measured)." in words
    assert "lag 39, the task's longest dependency" in words
    assert ("hardly learned" in words) == (verdict == "vanishes")
    assert ("but tanh shrinks it to" in words) == (left ** (1 / 39) < 0.95 * rho)


def test_a_radius_above_one_does_not_keep_tanh_from_vanishing() -> None:
    """The screen once said that it vanishes beside a radius of 1.06, and not why."""
    reference, batch = scaled(1.06)
    reference.parameters["l0.W_xh"][...] *= 60
    found = lab.gradient_by_lag(ReferenceNetwork(reference.architecture, reference.parameters), batch, 40)
    assert found.verdict == "vanishes" and found.factor is not None and found.factor < 0.9
    words = lab.sentence("RNN tanh", found, dependency_verdict(found.verdict, found.dependency, None))
    assert f"ρ of W_hh 1.06, but tanh shrinks it to {found.factor:.2f} a step (measured)." in words


def test_a_dependency_is_never_longer_than_the_sequence() -> None:
    reference, batch = scaled(0.9)
    found = lab.gradient_by_lag(reference, batch, 20, 500)
    assert (found.length, found.dependency, found.lag) == (40, 39, 39)
    assert len(found.norms) == 21  # fewer lags are shown, the verdict is at the dependency
    assert found.left == pytest.approx(measured(reference, batch, 39), rel=1e-6)
    one = Batch(batch.inputs[:1], batch.targets[:1])
    assert lab.gradient_by_lag(reference, one, 20, 500).dependency == 0


def test_a_solved_task_is_not_said_to_be_hardly_learned() -> None:
    reference, batch = scaled(0.5)
    found = lab.gradient_by_lag(reference, batch, 40, 30)
    words = lab.sentence("RNN tanh", found, dependency_verdict(found.verdict, found.dependency, True))
    assert "the gradient vanishes" in words and "solved all the same" in words and "hardly" not in words


@pytest.mark.parametrize(("cell", "layers"), [("lstm", 1), ("gru", 2), ("rnn", 3), ("input-rnn", 1)])
def test_the_radius_says_of_which_matrix_it_is(cell: str, layers: int) -> None:
    a = Architecture(cell=cell, inputs=5, hidden=6, outputs=3, layers=layers, dtype="float64")
    rng = np.random.default_rng(1)
    batch = Batch(rng.integers(0, 5, (T, 2)), rng.integers(0, 3, (T, 2)))
    found = lab.gradient_by_lag(ReferenceNetwork(a, Network(a, 1).parameters), batch, T)
    words = lab.sentence(cell, found, dependency_verdict(found.verdict, 0, None))
    expected = {"lstm": "ρ of the state's Jacobian", "gru": "ρ of the state's Jacobian", "rnn": "ρ of W_hh"}
    assert expected.get(cell, "This cell hands on nothing beyond the next time step.") in words


def test_what_is_not_a_number_and_what_is_zero_are_neither_steady_nor_vanishing() -> None:
    a = Architecture(cell="rnn", inputs=2, hidden=2, outputs=2)
    for start, words in ((np.nan, "is not a number"), (0.0, "is zero")):
        found = lab.judge_gradient(np.full(5, start), 1.0, 0.5, a, 4)
        assert found.verdict == "no gradient" and words in lab.sentence("RNN", found, Dependency.UNKNOWN)
    infinite = lab.judge_gradient(np.array([1.0, 1e200, np.inf]), 1.0, 0.5, a, 2)
    assert infinite.verdict == "explodes" and "no longer a number" in lab.sentence("RNN", infinite, Dependency.UNKNOWN)


def test_influence_is_the_gradient_of_the_log_probability() -> None:
    """Inputs by value, so that each can be leant on."""
    a = Architecture(cell="lstm", inputs=3, hidden=4, outputs=5, inputs_are_ids=False, layers=2, dtype="float64")
    rng = np.random.default_rng(9)
    reference = ReferenceNetwork(a, {name: rng.normal(size=v.shape) * 0.7 for name, v in Network(a).parameters.items()})
    x = rng.normal(size=(6, 3, 1))
    batch = Batch(x, rng.integers(0, 5, (6, 1)))
    found = lab.influence(reference, batch, 4)

    def told(inputs: Array) -> float:
        return float(np.log(reference.forward(Batch(inputs, batch.targets)).values[4, found.output, 0]))

    assert found.value == pytest.approx(float(np.exp(told(x))))
    assert found.value == reference.forward(batch).values[4, :, 0].max()
    for t in range(5):
        slopes = []
        for j in range(3):
            up, down = x.copy(), x.copy()
            up[t, j, 0] += 1e-5
            down[t, j, 0] -= 1e-5
            slopes.append((told(up) - told(down)) / 2e-5)
        assert found.norms[t] == pytest.approx(np.linalg.norm(slopes), rel=1e-6)
    assert len(found.norms) == 5


def test_on_copy_an_untrained_lstm_reaches_further_than_an_rnn_of_the_same_size() -> None:
    config = make_config("copy", seq_len=40, hidden=32)
    task = tasks.make(config)
    a = Architecture(cell="lstm", inputs=task.inputs, hidden=32, outputs=task.outputs, chrono=config.chrono_max_lag)
    batch = lab.sequences(task, 60, 4)
    found = dict(lab.untrained_networks(a, batch, 60, lambda other: Network(other, 1).parameters))
    assert list(found) == ["RNN tanh", "RNN ReLU", "RNN sigmoid", "LSTM", "GRU"]
    assert found["RNN tanh"].horizon is not None
    assert found["LSTM"].horizon is None or found["LSTM"].horizon > found["RNN tanh"].horizon
    assert found["RNN tanh"].verdict == "vanishes"


def test_a_texts_sequences_are_read_on_as_far_as_the_lags_ask() -> None:
    task = tasks.make(make_config("prose", hidden=4))
    batch = lab.sequences(task, 300, 3)
    assert batch.inputs.shape[0] > 300 and batch.inputs.shape[1] == 3
    np.testing.assert_array_equal(batch.inputs[1:], batch.targets[:-1])


def test_input_recurrence_looks_back_exactly_one_time_step() -> None:
    a = Architecture(cell="input-rnn", inputs=5, hidden=4, outputs=3, dtype="float64")
    n = Network(a, 1)
    rng = np.random.default_rng(1)
    reference, batch = ReferenceNetwork(a, n.parameters), Batch(rng.integers(0, 5, (T, 1)), rng.integers(0, 3, (T, 1)))
    norms = lab.norms_by_lag(reference, reference.forward(batch))
    assert norms[0] > 0 and norms[1] > 0
    assert (norms[2:] == 0).all()
