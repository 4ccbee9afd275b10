"""Schedules of training: the learning rate, a pure function of the step; averaged weights."""

import math
from collections.abc import Mapping

from rnnplay.engine.arrays import Array, xp
from rnnplay.engine.network import Network

SCHEDULES = ("constant", "step", "cosine")


def learning_rate(
    schedule: str, lr: float, step: int, total: int = 0, warmup: int = 0, *, every: int = 0, factor: float = 0.5
) -> float:
    """The learning rate of step 0, 1, ...

    constant  lr
    step      lr * factor^k after k times `every` steps (0: a fifth of `total`)
    cosine    down to 0 at `total`, along half a cosine
    The first `warmup` steps rise to it in a straight line.
    """
    if schedule not in SCHEDULES:
        raise ValueError(f'schedule: "{schedule}" is unknown. Choose one of: {", ".join(SCHEDULES)}.')
    if step < warmup:
        return lr * (step + 1) / warmup
    if schedule == "step":
        return float(lr * factor ** (step // (every or max(1, total // 5))))
    if schedule == "cosine" and total > warmup:
        done = min(1.0, (step - warmup) / (total - warmup))
        return lr * 0.5 * (1.0 + math.cos(math.pi * done))
    return lr


class Averaging:
    """The mean of a network's parameters over its steps, for evaluation and sampling.

    decay 0 is the plain mean of all steps; else the mean is plain until it has seen 1/(1-decay) steps and exponential
    from then on, so that the first values leave no trace.
    """

    def __init__(self, network: Network, decay: float = 0.0) -> None:
        if not 0.0 <= decay < 1.0:
            raise ValueError(f"averaging: a decay of {decay} is not possible. Give a number from 0 to below 1.")
        self.network, self.decay = network, decay
        self.mean = network.flat.copy()
        self.steps = 0
        self._scratch = xp.zeros_like(self.mean)

    def update(self) -> None:
        """Take in the parameters as they are; call it after each step that counts."""
        self.steps += 1
        weight = max(1.0 / self.steps, 1.0 - self.decay if self.decay else 0.0)
        xp.subtract(self.network.flat, self.mean, self._scratch)
        xp.multiply(self._scratch, weight, self._scratch)
        xp.add(self.mean, self._scratch, self.mean)

    def state(self) -> dict[str, Array]:
        """`mean` and `steps`, to be saved."""
        return {"mean": self.mean, "steps": xp.array([self.steps], "int64")}

    def load(self, state: Mapping[str, Array]) -> None:
        """Load what `state` returned, of the same network."""
        if state["mean"].shape != self.mean.shape:
            raise ValueError("averaging: the mean does not fit this network. Load that of the same architecture.")
        self.mean[...] = state["mean"]
        self.steps = int(state["steps"][0])
