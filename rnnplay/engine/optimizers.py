"""SGD, momentum, Adagrad, RMSProp, Adam and AdamW by PyTorch's formulas, and clipping.

Parameters, gradients and moments are flat arrays, taken in chunks that stay in the second cache. A moment is kept
without the factor (1 - beta) of its mean, which then costs nothing: it goes into the learning rate.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple

from rnnplay.engine.arrays import Array, aligned_zeros, xp
from rnnplay.engine.network import Network

MOMENTS: dict[str, int] = {"sgd": 0, "momentum": 1, "adagrad": 1, "rmsprop": 1, "adam": 2, "adamw": 2}
"""The optimizers, and how many numbers each keeps for a parameter."""
OPTIMIZERS = tuple(MOMENTS)
CHUNK_SIZE = 1 << 16

add, divide, multiply, sqrt, subtract = xp.add, xp.divide, xp.multiply, xp.sqrt, xp.subtract
Chunk = tuple[Array, Array, Array, list[Array]]
"""Parameters, gradients, scratch, moments."""


class StepReport(NamedTuple):
    """Report of one update: the gradients' norm before clipping, and whether they were clipped."""

    grad_norm: float
    clipped: bool


@dataclass(frozen=True)
class UpdateRule:
    """An optimizer's settings, as of Optimizer, and the numbers that follow from them."""

    name: str
    momentum: float = 0.9
    betas: tuple[float, float] = (0.9, 0.999)
    rho: float = 0.95
    eps: float | None = None
    decay: float = 0.0

    @property
    def moment_decays(self) -> tuple[float, float]:
        """Return what the first and the second moment are multiplied by at each step."""
        decays = {"momentum": (self.momentum, 0.0), "adagrad": (0.0, 1.0), "rmsprop": (0.0, self.rho)}
        return decays.get(self.name, self.betas)

    def step_size_and_eps(self, lr: float, steps: int) -> tuple[float, float]:
        """Return the factor of the update at step 1, 2, ..., and eps: sqrt(k^2 v) + eps = k (sqrt(v) + eps/k)."""
        eps = (1e-10 if self.name == "adagrad" else 1e-8) if self.eps is None else self.eps
        if self.name == "rmsprop":
            k = math.sqrt(1.0 - self.rho)
            return lr / k, eps / k
        if self.name in ("adam", "adamw"):
            beta1, beta2 = self.betas
            k = math.sqrt((1.0 - beta2) / (1.0 - beta2**steps))
            return lr * (1.0 - beta1) / (1.0 - beta1**steps) / k, eps / k
        return lr, eps


class Optimizer:
    """Updates a network's parameters from its gradients.

    lr          learning rate
    momentum    of "momentum" alone; 0 makes it "sgd". "sgd" has none
    betas       of adam and adamw
    rho         decay of rmsprop's mean of squares
    eps         1e-8, of adagrad 1e-10, unless given
    decay       weight decay: decoupled for every optimizer, p -= lr*decay*p before the update
    """

    def __init__(
        self,
        network: Network,
        name: str,
        lr: float,
        *,
        momentum: float = 0.9,
        betas: tuple[float, float] = (0.9, 0.999),
        rho: float = 0.95,
        eps: float | None = None,
        decay: float = 0.0,
    ) -> None:
        if name not in MOMENTS:
            raise ValueError(f'optimizer: "{name}" is unknown. Choose one of: {", ".join(MOMENTS)}.')
        for what, value, below in (
            ("learning rate", lr, math.inf),
            ("momentum", momentum, 1.0),
            ("first beta", betas[0], 1.0),
            ("second beta", betas[1], 1.0),
            ("rho", rho, 1.0),
            ("eps", eps or 0.0, math.inf),
            ("weight decay", decay, math.inf),
        ):
            if not 0.0 <= value < below:
                room = "a finite number of 0 or more" if below == math.inf else "a number from 0 to below 1"
                raise ValueError(f"{what}: {value} is not possible. Give {room}.")
        self.network, self.name, self.lr = network, name, lr
        self.rule = UpdateRule(name, momentum, betas, rho, eps, decay)
        self.steps = 0
        size, dtype = network.flat.size, network.flat.dtype.name
        self.moments = [aligned_zeros(size, dtype) for _ in range(MOMENTS[name])]
        scratch = aligned_zeros(min(size, CHUNK_SIZE), dtype)
        self._chunks: list[Chunk] = [
            (network.flat[a:b], network.flat_gradient[a:b], scratch[: b - a], [m[a:b] for m in self.moments])
            for a, b in ((a, min(a + CHUNK_SIZE, size)) for a in range(0, size, CHUNK_SIZE))
        ]
        advances = {"momentum": self._update_momentum, "adagrad": self._update_squares, "rmsprop": self._update_squares}
        self._advance = advances.get(name, self._update_both)
        # Arrays without dimensions: a Python number would be converted at every call.
        self._beta1, self._beta2, self._step_size, self._eps = (
            xp.array(x, scratch.dtype) for x in (*self.rule.moment_decays, 0.0, 0.0)
        )
        self._all_squares = name == "adagrad"

    def step(self, lr: float | None = None, clip_norm: float = 0.0, clip_value: float = 0.0) -> StepReport:
        """One update. clip_value bounds each gradient, then clip_norm the norm of all; 0 is without."""
        lr = self.lr if lr is None else lr
        g = self.network.flat_gradient
        norm = math.sqrt(float(g.dot(g)))
        clipped = False
        if clip_value > 0.0 and max(float(g.max()), -float(g.min())) > clip_value:
            clipped = True
            xp.clip(g, -clip_value, clip_value, out=g)
        if clip_norm > 0.0:
            scale = clip_norm / ((math.sqrt(float(g.dot(g))) if clipped else norm) + 1e-6)
            if scale < 1.0:
                clipped = True
                multiply(g, scale, g)
        self.steps += 1
        self._step_size[...], self._eps[...] = self.rule.step_size_and_eps(lr, self.steps)
        shrink = 1.0 - lr * self.rule.decay
        for chunk in self._chunks:
            p, g, u, moments = chunk
            if self.rule.decay:
                multiply(p, shrink, p)
            if moments:
                self._advance(g, u, moments)
            self._update(chunk)
            subtract(p, u, p)
        return StepReport(norm, clipped)

    def _update_momentum(self, g: Array, u: Array, moments: list[Array]) -> None:
        (m,) = moments
        multiply(m, self._beta1, m)
        add(m, g, m)

    def _update_squares(self, g: Array, u: Array, moments: list[Array]) -> None:
        v = moments[-1]
        if not self._all_squares:
            multiply(v, self._beta2, v)
        multiply(g, g, u)
        add(v, u, v)

    def _update_both(self, g: Array, u: Array, moments: list[Array]) -> None:
        self._update_momentum(g, u, moments[:1])
        self._update_squares(g, u, moments)

    def _update(self, chunk: Chunk) -> None:
        """The update, into the scratch array."""
        _, g, u, moments = chunk
        if self.name in ("sgd", "momentum"):
            multiply(moments[0] if moments else g, self._step_size, u)
            return
        sqrt(moments[-1], u)
        add(u, self._eps, u)
        divide(moments[0] if len(moments) == 2 else g, u, u)
        multiply(u, self._step_size, u)

    def state(self) -> dict[str, Array]:
        """The moments, `moment0` and so on, and `steps`, an array of one number: views, to be saved."""
        return {
            **{f"moment{k}": m for k, m in enumerate(self.moments)},
            "steps": xp.array([self.steps], "int64"),
        }

    def load(self, state: Mapping[str, Array]) -> None:
        """Load what `state` returned, of an optimizer of the same name and network."""
        for k, m in enumerate(self.moments):
            if f"moment{k}" not in state or state[f"moment{k}"].shape != m.shape:
                raise ValueError(f"optimizer: moment{k} does not fit {self.name}. Load the same optimizer's state.")
        for k, m in enumerate(self.moments):
            m[...] = state[f"moment{k}"]
        self.steps = int(state["steps"][0])
