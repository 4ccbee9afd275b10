"""Prove: what the loss says when a unit is held still, inside a feature and outside, beside other units of its layer.

A unit that carries a feature is missed inside it, and by more than almost any other unit would be.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from rnnplay.config import UserError
from rnnplay.engine import Network
from rnnplay.lab.cells.find import where
from rnnplay.lab.cells.labelled_batch import Columns, read
from rnnplay.lab.clamp import check, clamped, hold
from rnnplay.tasks.base import Array

WAYS = ("zero", "mean")


@dataclass(frozen=True)
class Ablation:
    """Changes of the loss, in nats a character (or squared error), when one unit is held still."""

    layer: int
    unit: int
    pattern: str
    to: str
    inside: float
    outside: float
    others: tuple[tuple[float, float], ...]  # the same (inside, outside) for each of the other units
    characters: int

    @property
    def beaten(self) -> float:
        """The share of the other units that cost less inside the feature."""
        return float(np.mean([inside < self.inside for inside, _ in self.others])) if self.others else 0.0

    def sentence(self) -> str:
        held = (
            f"With unit {self.unit + 1} of layer {self.layer + 1} held at {'zero' if self.to == 'zero' else 'its mean'}"
        )
        feature = where(self.pattern)
        said = f"{held} the loss changes by {self.inside:+.4f} {feature} and by {self.outside:+.4f} elsewhere"
        if not self.others:
            return f"{said}."
        beaten = round(self.beaten * len(self.others))
        return f"{said}; {beaten} of {len(self.others)} other units cost less {feature}."


def ablate(
    network: Network, columns: Columns, layer: int, unit: int, pattern: str, to: str = "zero", others: int = 100
) -> Iterator[float | Ablation]:
    """The share that is done, again and again, and at last the Ablation. `network` may go on learning meanwhile.

    `others`: how many other units of the layer at most, drawn with a fixed seed. Raises UserError where there is no
    such unit, and where the feature has degrees, which have no inside.
    """
    check(network, [(layer, unit, 0.0)])
    if to not in WAYS:
        raise UserError(f"A unit cannot be held at {to!r}.", f"Choose of {', '.join(WAYS)}.")
    if columns.feature.dtype != np.bool_:
        raise UserError(
            f"{pattern} has degrees: nothing is inside or outside it.", "Choose a feature that is true or false."
        )
    H = network.architecture.hidden
    held = clamped(network, ())
    base = held.flat.copy()
    whole, means = _losses(held, columns, layer)
    drawn = np.random.default_rng(H).permutation(np.delete(np.arange(H), unit))[:others].tolist()
    changes: list[tuple[float, float]] = []
    for n, u in enumerate([unit, *drawn]):
        yield n / (1 + len(drawn))
        held.flat[...] = base
        value = float(means[u]) if to == "mean" else 0.0
        hold(held.parameters, network.architecture.layers, layer, u, value)
        change = _losses(held, columns)[0] - whole
        inside, outside = change[columns.feature].mean(), change[~columns.feature].mean()
        changes.append((float(inside), float(outside)))
    (inside, outside), *rest = changes
    yield Ablation(layer, unit, pattern, to, inside, outside, tuple(rest), columns.size)


def _losses(network: Network, columns: Columns, layer: int | None = None) -> tuple[Array, Array]:
    """The loss (N,) at each counted time step, of the prediction made there, and the means (H,) of a layer's h."""
    batch, a = columns.batch, network.architecture
    T, B = batch.inputs.shape[0], batch.inputs.shape[-1]
    losses = np.empty((T, B), np.float32)
    total = np.zeros(a.hidden)
    counted = np.zeros(T * B, bool)
    counted[columns.order] = True
    counted = counted.reshape(T, B)
    for begin, found in read(network, batch):
        here = slice(begin, begin + len(found.logits))
        losses[here] = loss_of(found.logits, batch.targets[here], a.readout)
        if layer is not None:
            total += np.einsum("thb,tb->h", found.h[layer, 1:], counted[here])
    return columns.pick(losses), total / columns.size


def loss_of(y: Array, targets: Array, readout: str) -> Array:
    """The loss (T, B) of logits y (T, V, B): nats, or the mean over V of squared errors. Targets as in Batch."""
    if readout == "softmax":
        y = y - y.max(axis=1, keepdims=True)
        picked = np.take_along_axis(y, targets[:, None], axis=1)[:, 0]
        return np.asarray(np.log(np.exp(y).sum(axis=1)) - picked)
    if readout == "sigmoid":
        return np.asarray((np.logaddexp(0, y) - targets * y).mean(axis=1))
    said = np.tanh(y / 2) / 2 + 0.5 if readout == "sigmoid-squared" else y
    return np.asarray(((said - targets) ** 2).mean(axis=1))
