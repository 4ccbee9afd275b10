"""Sequences whose gradient flows back only a few time steps."""

import numpy as np

from rnnplay import tasks
from rnnplay.catalogue import make_config
from rnnplay.tasks.base import Batch
from rnnplay.trainer.learner import Learner


def gradients(truncate: int) -> tuple[Learner, dict[str, np.ndarray]]:
    sizes = {"cell": "gru", "hidden": 6, "seq_len": 4, "batch": 3, "length_warmup_steps": 0, "chrono_max_lag": 0}
    config = make_config("copy", **sizes, dtype="float64", lr=1e-12, clip=0.0, tbptt_steps=truncate)
    learner = Learner(config, tasks.make(config))
    learner.train_step()
    return learner, {name: value.copy() for name, value in learner.network.gradients.items()}


def test_a_gradient_over_pieces_is_the_weighted_sum_of_those_of_the_pieces_with_the_state_carried_on() -> None:
    learner, found = gradients(5)
    batch = tasks.make(learner.config).batch(0)
    assert batch.weights is not None
    fresh = Learner(learner.config, tasks.make(learner.config)).network
    expected = {name: np.zeros_like(value) for name, value in fresh.parameters.items()}
    state = None
    for begin in range(0, batch.inputs.shape[0], 5):
        here = slice(begin, begin + 5)
        share = batch.weights[here].sum() / batch.weights.sum()
        _, state = fresh.forward_backward(Batch(batch.inputs[here], batch.targets[here], batch.weights[here]), state)
        for name, value in fresh.gradients.items():
            expected[name] += share * value
    for name, value in expected.items():
        np.testing.assert_allclose(found[name], value, rtol=1e-5, atol=1e-12)


def test_without_truncation_or_with_a_longer_one_the_gradient_is_the_whole_one() -> None:
    (_, whole), (_, longer), (_, cut) = gradients(0), gradients(99), gradients(5)
    for name, value in whole.items():
        np.testing.assert_array_equal(longer[name], value)
    assert any(np.abs(cut[name] - value).max() > 1e-6 for name, value in whole.items())
