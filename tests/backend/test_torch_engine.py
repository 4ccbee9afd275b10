"""The PyTorch backend on PyTorch's CPU device beside the NumPy engine: the same numbers, to rounding."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from driving import small, write_text

from rnnplay import tasks
from rnnplay.backend.base import Rates
from rnnplay.backend.numpy_engine import NumpyEngine
from rnnplay.catalogue import CATALOGUE, make_config
from rnnplay.config import OPTIMIZERS, RunConfig
from rnnplay.engine import Architecture
from rnnplay.tasks.base import Batch
from rnnplay.trainer.learner import Learner, architecture

pytest.importorskip("torch")
from rnnplay.backend import torch_engine
from rnnplay.backend.torch_engine import TorchEngine

Array = np.ndarray[Any, Any]
D, V, T, B, S = 6, 5, 7, 3, 4
CELLS = (
    ("rnn", "tanh"),
    ("rnn", "relu"),
    ("rnn", "sigmoid"),
    ("rnn", "identity"),
    ("lstm", "tanh"),
    ("gru", "tanh"),
    ("input-rnn", "tanh"),
)
KINDS: dict[str, dict[str, Any]] = {
    "ids": {},
    "padding": {},
    "no bias": {"bias": False},
    "values, linear": {"inputs_are_ids": False, "readout": "linear"},
    "values, sigmoid": {"inputs_are_ids": False, "readout": "sigmoid"},
    "ids, sigmoid-squared": {"readout": "sigmoid-squared"},
    "source": {"source_vocabulary_size": 8},
    "context": {"context_size": 4},
    "picture": {"context_size": 4, "picture_shape": (2, 6, 5)},
}


def engines(kind: str = "ids", **settings: Any) -> tuple[NumpyEngine, TorchEngine]:
    """Both backends of one small run."""
    config = RunConfig(task="text", cores=1, device="torch-cpu", **{"hidden": 4, "layers": 2, **settings})
    names = ("cell", "hidden", "layers", "activation", "dropout", "weight_dropout", "dtype")
    shape = Architecture(inputs=D, outputs=V, **{name: getattr(config, name) for name in names}, **KINDS[kind])
    return NumpyEngine(config, shape), TorchEngine(config, shape)


def made_up_batch(a: Architecture, rng: np.random.Generator, *, padded: bool = False, resets: bool = True) -> Batch:
    """A batch of whatever the network reads, with weights."""
    ids = a.readout == "softmax"
    batch = Batch(
        inputs=rng.integers(0, D, (T, B)).astype(np.int32) if a.inputs_are_ids else rng.normal(size=(T, D, B)),
        targets=rng.integers(0, V, (T, B)).astype(np.int32) if ids else rng.uniform(size=(T, V, B)),
        weights=rng.uniform(0.2, 1.0, (T, B)),
        mask=rng.random((T, B)) > 0.3 if padded else None,
        resets_state=resets,
    )
    more: dict[str, Any] = {}
    if a.source_vocabulary_size:
        more = {"source": rng.integers(0, 8, (S, B)).astype(np.int32), "source_mask": np.ones((S, B), bool)}
        more["source_mask"][:2, 1] = False  # padding is in front
    elif a.picture_shape is not None:
        more = {"context": rng.normal(size=(*a.picture_shape, B))}
    elif a.context_size:
        more = {"context": rng.normal(size=(a.context_size, B))}
    return Batch(batch.inputs, batch.targets, batch.weights, batch.mask, resets_state=resets, **more)


def far(one: Array, other: Array) -> float:
    """The largest difference, relative to the largest number."""
    return float(np.abs(one - other).max() / max(1e-30, np.abs(other).max()))


def assert_same_gradients(ours: NumpyEngine, theirs: TorchEngine, tolerance: float) -> None:
    own, flat, start = ours.network.gradients, theirs._network.flat_gradient.numpy(), 0
    for name, gradient in own.items():
        stop = start + gradient.size
        other = flat[start:stop]
        other = other.reshape(gradient.shape[::-1]).T if gradient.flags.f_contiguous else other.reshape(gradient.shape)
        assert far(other, gradient) <= tolerance, name
        start = stop
    assert start == flat.size


def assert_same_arrays(ours: NumpyEngine, theirs: TorchEngine, tolerance: float) -> None:
    one, other = ours.arrays(), theirs.arrays()
    assert one.keys() == other.keys()
    for name, value in one.items():
        assert value.shape == other[name].shape and value.dtype == other[name].dtype
        assert far(other[name], value) <= tolerance, name


@pytest.mark.parametrize(("dtype", "tolerance"), [("float64", 1e-10), ("float32", 1e-5)])
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(("cell", "activation"), CELLS)
def test_losses_and_gradients_are_the_engine_s(
    cell: str, activation: str, kind: str, dtype: str, tolerance: float
) -> None:
    if cell == "input-rnn" and kind in ("source", "context", "picture"):
        pytest.skip("such a network cannot be built")
    ours, theirs = engines(kind, cell=cell, activation=activation, dtype=dtype, optimizer="sgd")
    rng = np.random.default_rng(3)
    for step in range(2):  # the second goes on from a carried state, where there is one
        batch = made_up_batch(ours.network.architecture, rng, padded=kind == "padding", resets=step == 0)
        rates = [Rates(0.1, 0.0, 0.0)]
        (one,), (other,) = ours.train_steps([batch], rates), theirs.train_steps([batch], rates)
        assert other.loss == pytest.approx(one.loss, rel=tolerance)
        assert other.grad_norm == pytest.approx(one.grad_norm, rel=tolerance)
        assert_same_gradients(ours, theirs, tolerance)
    assert_same_arrays(ours, theirs, tolerance)


@pytest.mark.parametrize("settings", [{}, {"weight_decay": 0.2, "ema_decay": 0.6}], ids=["plain", "decay and mean"])
@pytest.mark.parametrize("clip", [(0.0, 0.0), (0.2, 0.0), (0.0, 0.01), (0.05, 0.01)])
@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_optimizers_clipping_decay_and_averaging_are_the_engine_s(
    optimizer: str, clip: tuple[float, float], settings: dict[str, float]
) -> None:
    ours, theirs = engines(cell="gru", optimizer=optimizer, momentum=0.7, dtype="float64", **settings)
    rng = np.random.default_rng(5)
    a = ours.network.architecture
    batches = [made_up_batch(a, rng, resets=step == 0) for step in range(6)]
    rates = [Rates(0.02 + 0.01 * step, *clip) for step in range(6)]
    one, other = ours.train_steps(batches, rates), theirs.train_steps(batches, rates)
    assert [row.clipped for row in other] == [row.clipped for row in one]
    assert any(row.clipped for row in one) == (clip != (0.0, 0.0))
    np.testing.assert_allclose([row[:2] for row in other], [row[:2] for row in one], rtol=1e-10)
    assert_same_arrays(ours, theirs, 1e-10)
    np.testing.assert_allclose(theirs.shown_network(6).flat, ours.shown_network(6).flat, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("tbptt_steps", [0, 3])
@pytest.mark.parametrize("kind", ["ids", "source", "padding"])
@pytest.mark.parametrize("cell", ["rnn", "lstm", "gru"])
def test_dropout_masks_and_parts_of_a_sequence_are_the_engine_s(cell: str, kind: str, tbptt_steps: int) -> None:
    dropped = {"dropout": 0.3, "weight_dropout": 0.2}
    ours, theirs = engines(kind, cell=cell, dtype="float64", tbptt_steps=tbptt_steps, **dropped)
    rng, a = np.random.default_rng(6), ours.network.architecture
    batches = [made_up_batch(a, rng, padded=kind == "padding", resets=step != 2) for step in range(4)]
    rates = [Rates(0.01, 5.0, 0.0)] * 4
    one, other = ours.train_steps(batches, rates), theirs.train_steps(batches, rates)
    np.testing.assert_allclose([row[:2] for row in other], [row[:2] for row in one], rtol=1e-10)
    assert_same_arrays(ours, theirs, 1e-10)
    assert theirs.random_state() == ours.random_state()


def learners(config: RunConfig) -> tuple[Learner, Learner]:
    """The run on the CPU, and on PyTorch's CPU device."""
    settings = {name: getattr(config, name) for name in config.__struct_fields__} | {"cores": 1}
    return tuple(  # type: ignore[return-value]
        Learner(other, tasks.make(other))
        for other in (RunConfig(**(settings | {"device": device})) for device in ("cpu", "torch-cpu"))
    )


@pytest.mark.parametrize(
    "choices",
    [
        {"schedule": "step", "steps": 12},
        {"schedule": "cosine", "steps": 12, "warmup": 3},
        {"length_warmup_steps": 8},
        {"carry": False},
    ],
    ids=lambda choices: "-".join(choices),
)
def test_schedules_and_lengths_are_the_trainer_s_on_both(tmp_path: Path, choices: dict[str, Any]) -> None:
    ours, theirs = learners(small(write_text(tmp_path / "words.txt"), dtype="float64", **choices))
    one = [ours.train_step() for _ in range(10)]
    theirs.start_steps(10)
    other = theirs.finish_steps()
    assert [step.lr for step in other] == [step.lr for step in one]
    np.testing.assert_allclose([step.loss for step in other], [step.loss for step in one], rtol=1e-9)
    np.testing.assert_allclose(theirs.network.flat, ours.network.flat, rtol=1e-8, atol=1e-11)


@pytest.mark.parametrize("task", ["hello", "copy", "prose"])
def test_two_hundred_steps_end_with_losses_that_agree(task: str) -> None:
    config = make_config(task, hidden=12, batch=4, seq_len=8, steps=200)
    ours, theirs = learners(config)
    one = [ours.train_step().loss for _ in range(200)]
    theirs.start_steps(200)
    other = [step.loss for step in theirs.finish_steps()]
    np.testing.assert_allclose(other, one, rtol=5e-3, atol=1e-4)
    assert np.mean(one[-20:]) < 0.95 * np.mean(one[:3])  # it has learned something, so that this says something
    assert np.mean(other[-20:]) == pytest.approx(np.mean(one[-20:]), rel=1e-3)


LOOPS = {  # presets of which cuDNN has not all, and what a loop over time computes; all others are cuDNN's
    "addition-original": "its units are sigmoids",
    "translate": "its encoder reads sentences with padding",
}


@pytest.mark.parametrize("task", [entry.name for entry in CATALOGUE if entry.name != "text"])
def test_every_preset_runs_with_the_engine_s_loss(task: str) -> None:
    config = make_config(task, hidden=8, device="torch-cpu", cores=1)
    work = tasks.make(config)
    a, batch = architecture(config, work), work.batch(0)
    ours, theirs = NumpyEngine(config, a), TorchEngine(config, a)
    rates = [Rates(1e-3, config.clip, config.clip_value)]
    (one,), (other,) = ours.train_steps([batch], rates), theirs.train_steps([batch], rates)
    assert other.loss == pytest.approx(one.loss, rel=1e-4)
    assert other.grad_norm == pytest.approx(one.grad_norm, rel=1e-3)
    is_padded = any(mask is not None and not mask.all() for mask in (batch.mask, batch.source_mask))
    assert (not theirs._network.has_one_call or is_padded) == (task in LOOPS), (a.cell, a.activation, is_padded)


class Replayed:
    """In the place of a CUDA graph: computes with the tensors of its capture, to which inputs are copied."""

    def __init__(self, torch: Any, compute: Any, inputs: Any, rates: Any, stream: Any, pool: Any) -> None:
        self.compute = compute
        self.inputs, self.rates = {name: tensor.clone() for name, tensor in inputs.items()}, rates.clone()

    def __call__(self, inputs: Any, rates: Any) -> Any:
        assert inputs.keys() == self.inputs.keys()
        for name, tensor in inputs.items():
            assert tensor.shape == self.inputs[name].shape
            self.inputs[name].copy_(tensor)
        self.rates.copy_(rates)
        return self.compute(self.inputs, self.rates)


@pytest.mark.parametrize("kind", ["padding", "source"])
def test_a_step_is_replayed_only_for_one_that_computes_the_same(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch_engine, "CapturedStep", Replayed)
    monkeypatch.setattr(torch_engine, "_MAX_GRAPHS", 4)
    dropped = {"dropout": 0.2, "weight_dropout": 0.2, "ema_decay": 0.9, "tbptt_steps": 4}
    ours, theirs = engines(kind, dtype="float64", cell="gru", **dropped)
    theirs._may_capture, theirs._pool = True, object()
    rng, a = np.random.default_rng(8), ours.network.architecture
    batches, rates = [], []
    for step in range(48):  # with and without padding and state, several clippings
        batches.append(made_up_batch(a, rng, padded=kind == "padding" and step % 2 == 0, resets=step % 5 == 0))
        rates.append(Rates(0.01 + step / 1e3, 0.3 * (step % 3 > 0), 0.05 * (step % 4 == 1)))
    one, other = ours.train_steps(batches, rates), theirs.train_steps(batches, rates)
    assert len(theirs._graphs) == 4 and theirs.problem is not None and "sizes" in theirs.problem
    np.testing.assert_allclose([row[:2] for row in other], [row[:2] for row in one], rtol=1e-9)
    assert [row.clipped for row in other] == [row.clipped for row in one]
    assert_same_arrays(ours, theirs, 1e-8)


def test_where_a_step_cannot_be_captured_it_is_said_and_computed(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*given: Any) -> None:
        raise RuntimeError("operation not permitted when stream is capturing\nmore")

    monkeypatch.setattr(torch_engine, "CapturedStep", fail)
    ours, theirs = engines(dtype="float64")
    theirs._may_capture, theirs._pool = True, object()
    batches = [made_up_batch(ours.network.architecture, np.random.default_rng(9))] * 6
    rates = [Rates(0.01, 1.0, 0.0)] * 6
    one, other = ours.train_steps(batches, rates), theirs.train_steps(batches, rates)
    assert theirs.problem is not None and "cannot be captured (operation not permitted" in theirs.problem
    assert not theirs._may_capture  # it is said once
    np.testing.assert_allclose([row[:2] for row in other], [row[:2] for row in one], rtol=1e-9)
