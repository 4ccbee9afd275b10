"""Ablation: how the loss changes inside and outside a feature when units are clamped, and for other units.

Without a unit that carries the feature, the loss inside it rises by more than without almost any other unit.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from rnnplay.config import UserError
from rnnplay.engine import Network
from rnnplay.engine.readout import loss_per_step
from rnnplay.lab.cells.feature_truth import describe_feature
from rnnplay.lab.cells.labelled_batch import LabelledBatch, forward_chunks
from rnnplay.lab.clamp import check_clamps, clamp_network, clamp_unit
from rnnplay.tasks.base import Array

CLAMP_TO = ("zero", "mean")


@dataclass(frozen=True)
class Ablation:
    """Changes of the loss, in nats a character (or squared error), when units of a layer are held still together."""

    layer: int
    units: tuple[int, ...]
    pattern: str
    clamp_to: str
    inside: float
    outside: float
    other_units: tuple[
        tuple[float, float], ...
    ]  # the same (inside, outside) for each of other units, or groups of them
    characters: int

    @property
    def fraction_beaten(self) -> float:
        """The share of the other units, or groups, that cost less inside the feature."""
        return float(np.mean([inside < self.inside for inside, _ in self.other_units])) if self.other_units else 0.0

    def sentence(self) -> str:
        value = "zero" if self.clamp_to == "zero" else "its mean" if len(self.units) == 1 else "their means"
        names = " and ".join(filter(None, [", ".join(str(u + 1) for u in self.units[:-1]), str(self.units[-1] + 1)]))
        which, others = ("unit", "units") if len(self.units) == 1 else ("units", f"groups of {len(self.units)} units")
        ablation = f"With {which} {names} of layer {self.layer + 1} held at {value}"
        feature = describe_feature(self.pattern)
        effect = f"{ablation} the loss changes by {self.inside:+.4f} {feature} and by {self.outside:+.4f} elsewhere"
        if not self.other_units:
            return f"{effect}."
        beaten = round(self.fraction_beaten * len(self.other_units))
        return f"{effect}; {beaten} of {len(self.other_units)} other {others} cost less {feature}."


def ablate(
    network: Network,
    labelled: LabelledBatch,
    layer: int,
    units: Sequence[int],
    pattern: str,
    clamp_to: str = "zero",
    other_units: int = 100,
) -> Iterator[float | Ablation]:
    """Yield the fraction that is done, again and again, and at last the Ablation. `network` may learn on meanwhile.

    `units` are held together. `other_units`: how many other units of the layer, or groups of as many, at most, drawn
    with a fixed seed. Raises UserError if there is no such unit, or the feature has degrees, which have no inside.
    """
    check_clamps(network, [(layer, unit, 0.0) for unit in units])
    if clamp_to not in CLAMP_TO:
        raise UserError(f"A unit cannot be held at {clamp_to!r}.", f"Choose one of: {', '.join(CLAMP_TO)}.")
    if labelled.feature.dtype != np.bool_:
        raise UserError(
            f"{pattern} has degrees: nothing is inside or outside it.", "Choose a feature that is true or false."
        )
    H = network.architecture.hidden
    clamped = clamp_network(network, ())
    base = clamped.flat.copy()
    whole, means = _losses(clamped, labelled, layer)
    groups = [tuple(units), *_other_groups(H, units, other_units)]
    changes: list[tuple[float, float]] = []
    for n, group in enumerate(groups):
        yield n / len(groups)
        clamped.flat[...] = base
        for u in group:
            value = float(means[u]) if clamp_to == "mean" else 0.0
            clamp_unit(clamped.parameters, network.architecture.layers, layer, u, value)
        change = _losses(clamped, labelled)[0] - whole
        inside, outside = change[labelled.feature].mean(), change[~labelled.feature].mean()
        changes.append((float(inside), float(outside)))
    (inside, outside), *rest = changes
    yield Ablation(layer, groups[0], pattern, clamp_to, inside, outside, tuple(rest), labelled.size)


def _other_groups(H: int, units: Sequence[int], most: int) -> list[tuple[int, ...]]:
    """Up to `most` groups of other units of a layer of H, each as large as `units`; of single units each only once."""
    rng = np.random.default_rng(H)
    rest = np.delete(np.arange(H), list(units))
    if len(units) == 1:
        return [(u,) for u in rng.permutation(rest)[:most].tolist()]
    if len(rest) < len(units):
        return []
    return [tuple(rng.choice(rest, len(units), replace=False).tolist()) for _ in range(most)]


def _losses(network: Network, labelled: LabelledBatch, layer: int | None = None) -> tuple[Array, Array]:
    """The loss (N,) at each counted time step, of the prediction made there, and the means (H,) of a layer's h."""
    batch, a = labelled.batch, network.architecture
    T, B = batch.inputs.shape[0], batch.inputs.shape[-1]
    losses = np.empty((T, B), np.float32)
    total = np.zeros(a.hidden)
    counted = np.zeros(T * B, bool)
    counted[labelled.counted_index] = True
    counted = counted.reshape(T, B)
    for begin, result in forward_chunks(network, batch):
        chunk = slice(begin, begin + len(result.logits))
        losses[chunk] = loss_per_step(result.logits, batch.targets[chunk], a.readout)
        if layer is not None:
            total += np.einsum("thb,tb->h", result.h[layer, 1:], counted[chunk])
    return labelled.select(losses), total / labelled.size
