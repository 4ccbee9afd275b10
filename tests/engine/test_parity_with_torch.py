"""The engine beside PyTorch: the same weights give the same outputs, losses, gradients and fifty optimizer steps."""

from typing import Any

import numpy as np
import pytest

from rnnplay.engine import Architecture, Network, Optimizer
from tests.engine.examples import Array, Example, some_state

torch = pytest.importorskip("torch")
torch.set_num_threads(1)  # products this small only lose by sharing

CELLS = [("rnn", "tanh"), ("rnn", "relu"), ("lstm", "tanh"), ("gru", "tanh")]
V, D, H = 7, 6, 5


class Reference(torch.nn.Module):  # type: ignore[misc]
    """torch.nn's layers and a readout with a network's weights; what its second bias would double is held at zero."""

    def __init__(self, n: Network) -> None:
        super().__init__()
        a = self.architecture = n.architecture
        kinds = {"rnn": torch.nn.RNN, "lstm": torch.nn.LSTM, "gru": torch.nn.GRU}
        more = {"nonlinearity": a.activation} if a.cell == "rnn" else {}
        dtype = getattr(torch, a.dtype)
        self.rnn = kinds[a.cell](a.inputs, a.hidden, a.layers, dtype=dtype, **more)
        self.readout = torch.nn.Linear(a.hidden, a.outputs, dtype=dtype)
        with torch.no_grad():
            for name, value in self.named(n.parameters).items():
                self.get_parameter(name).copy_(torch.tensor(value))

    def named(self, arrays: dict[str, Array]) -> dict[str, Array]:
        """Our arrays under torch's names."""
        a, found = self.architecture, {}
        for layer in range(a.layers):
            own = {name: arrays[f"l{layer}.{name}"] for name in ("W_xh", "W_hh", "b_h")}
            if a.cell == "lstm":  # o i f g -> i f g o
                own = {name: np.roll(value, -a.hidden, axis=0) for name, value in own.items()}
            second = np.zeros_like(own["b_h"][:, 0])
            if a.cell == "gru":
                second[2 * a.hidden :] = arrays[f"l{layer}.b_hn"][:, 0]
            found[f"rnn.weight_ih_l{layer}"] = own["W_xh"].copy()
            found[f"rnn.weight_hh_l{layer}"] = own["W_hh"].copy()
            found[f"rnn.bias_ih_l{layer}"] = own["b_h"][:, 0].copy()
            found[f"rnn.bias_hh_l{layer}"] = second
        found["readout.weight"] = arrays["W_hy"].copy()
        found["readout.bias"] = arrays["b_y"][:, 0].copy()
        return found

    def hold(self) -> None:
        """Take the second bias's gradient away, in a GRU all but that of n."""
        for layer in range(self.architecture.layers):
            gradient = self.get_parameter(f"rnn.bias_hh_l{layer}").grad
            gradient[: 2 * self.architecture.hidden if self.architecture.cell == "gru" else None] = 0.0

    def loss(self, batch: Example, state: list[tuple[Array, ...]]) -> tuple[Any, Any]:
        """The weighted mean cross-entropy, and the logits (T, B, V)."""
        a = self.architecture
        dtype = getattr(torch, a.dtype)
        if a.inputs_are_ids:
            x = torch.nn.functional.one_hot(torch.tensor(batch.inputs), a.inputs).to(dtype)
        else:
            x = torch.tensor(batch.inputs.transpose(0, 2, 1).copy(), dtype=dtype)
        parts = [torch.tensor(np.stack([layer[k].T for layer in state]), dtype=dtype) for k in range(len(state[0]))]
        y = self.readout(self.rnn(x, tuple(parts) if len(parts) > 1 else parts[0])[0])
        losses = torch.nn.functional.cross_entropy(
            y.reshape(-1, a.outputs), torch.tensor(batch.targets.reshape(-1)), reduction="none"
        )
        weights = torch.tensor(batch.weights.reshape(-1), dtype=dtype)  # type: ignore[union-attr]
        return (losses * weights).sum() / weights.sum(), y


def made(
    cell: str, activation: str, layers: int, dtype: str, by_id: bool = True, B: int = 3
) -> tuple[Network, Reference, Example, Any]:
    a = Architecture(
        cell=cell,
        activation=activation,
        layers=layers,
        dtype=dtype,
        inputs=D,
        hidden=H,
        outputs=V,
        inputs_are_ids=by_id,
    )
    n, rng = Network(a), np.random.default_rng(layers)
    n.flat[...] = rng.normal(size=n.flat.size) * 0.4
    inputs = rng.integers(0, D, (9, B)) if by_id else rng.normal(size=(9, D, B)).astype(dtype)
    batch = Example(inputs, rng.integers(0, V, (9, B)), rng.uniform(0.2, 1.0, (9, B)))
    return n, Reference(n), batch, [type(s)(*(p.astype(dtype) for p in s)) for s in some_state(n, B, 3)]


def far(one: Array, other: Array) -> float:
    """The largest difference, relative to the largest number."""
    return float(np.abs(one - other).max() / max(1e-30, np.abs(other).max()))


@pytest.mark.parametrize("B", [1, 3])
@pytest.mark.parametrize("by_id", [True, False])
@pytest.mark.parametrize(("dtype", "tolerance"), [("float64", 1e-10), ("float32", 1e-5)])
@pytest.mark.parametrize("layers", [1, 2, 3])
@pytest.mark.parametrize(("cell", "activation"), CELLS)
def test_outputs_losses_and_gradients_are_torch_s(
    cell: str, activation: str, layers: int, dtype: str, tolerance: float, by_id: bool, B: int
) -> None:
    n, reference, batch, state = made(cell, activation, layers, dtype, by_id, B)
    loss, y = reference.loss(batch, state)
    loss.backward()
    assert far(n.forward(batch, state).logits, y.detach().numpy().transpose(0, 2, 1)) <= tolerance
    assert n.forward_backward(batch, state)[0] == pytest.approx(loss.item(), rel=tolerance)
    reference.hold()
    for name, gradient in reference.named(n.gradients).items():
        assert far(gradient, reference.get_parameter(name).grad.numpy()) <= tolerance, name


OPTIMIZERS: dict[str, Any] = {
    "sgd": (lambda p: torch.optim.SGD(p, 0.1), {}, 0.1),
    "momentum": (lambda p: torch.optim.SGD(p, 0.05, momentum=0.8), {"momentum": 0.8}, 0.05),
    "adagrad": (lambda p: torch.optim.Adagrad(p, 0.05), {}, 0.05),
    "rmsprop": (lambda p: torch.optim.RMSprop(p, 0.01, alpha=0.97), {"rho": 0.97}, 0.01),
    "adam": (lambda p: torch.optim.Adam(p, 0.02, betas=(0.8, 0.99)), {"betas": (0.8, 0.99)}, 0.02),
    "adamw": (lambda p: torch.optim.AdamW(p, 0.02, weight_decay=0.1), {"decay": 0.1}, 0.02),
}


@pytest.mark.parametrize("clip", [0.0, 0.3])
@pytest.mark.parametrize("name", OPTIMIZERS)
@pytest.mark.parametrize("cell", ["lstm", "gru"])
def test_fifty_optimizer_steps_stay_with_torch_s(cell: str, name: str, clip: float) -> None:
    n, reference, batch, state = made(cell, "tanh", 2, "float64")
    make, choices, lr = OPTIMIZERS[name]
    theirs, ours = make(reference.parameters()), Optimizer(n, name, lr, **choices)
    for _ in range(50):
        theirs.zero_grad()
        reference.loss(batch, state)[0].backward()
        reference.hold()
        norm = 0.0
        if clip:
            norm = float(torch.nn.utils.clip_grad_norm_(reference.parameters(), clip))
        theirs.step()
        n.forward_backward(batch, state)
        report = ours.step(clip_norm=clip)
        if clip:
            assert report.grad_norm == pytest.approx(norm, rel=1e-6)
            assert report.clipped == (norm > clip)
    for parameter, value in reference.named(n.parameters).items():
        assert far(value, reference.get_parameter(parameter).detach().numpy()) <= 1e-6, parameter


def test_clipping_by_value_is_torch_s() -> None:
    n, reference, batch, state = made("lstm", "tanh", 1, "float64")
    reference.loss(batch, state)[0].backward()
    torch.nn.utils.clip_grad_value_(reference.parameters(), 0.01)
    reference.hold()
    n.forward_backward(batch, state)
    assert Optimizer(n, "sgd", 0.0).step(clip_value=0.01).clipped
    for name, gradient in reference.named(n.gradients).items():
        assert far(gradient, reference.get_parameter(name).grad.numpy()) <= 1e-10, name


@pytest.mark.parametrize(
    ("readout", "loss"),
    [("sigmoid", "binary_cross_entropy_with_logits"), ("linear", "mse_loss"), ("sigmoid-squared", "mse_loss")],
)
def test_the_other_losses_are_torch_s(readout: str, loss: str) -> None:
    rng = np.random.default_rng(4)
    n = Network(Architecture(cell="gru", inputs=D, hidden=H, outputs=V, readout=readout, dtype="float64"), 5)
    batch = Example(rng.integers(0, D, (6, 3)), rng.uniform(size=(6, V, 3)))
    y = torch.tensor(n.forward(batch).logits * 30.0)
    n.parameters["W_hy"] *= 30.0
    n.parameters["b_y"] *= 30.0
    if readout == "sigmoid-squared":
        y = torch.sigmoid(y)
    expected = getattr(torch.nn.functional, loss)(y, torch.tensor(batch.targets))
    assert n.forward_backward(batch)[0] == pytest.approx(expected.item(), rel=1e-10)
