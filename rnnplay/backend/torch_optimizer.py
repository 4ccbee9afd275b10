"""The engine's optimizers and averaging on flat tensors: the same formulas, and the same moments in a checkpoint.

What changes from step to step lies in one small tensor on the device, so that a captured step reads it afresh.
"""

from typing import Any

from rnnplay.engine.optimizers import MOMENTS, UpdateRule

Tensor = Any

STEP_SIZE, EPS, SHRINK, CLIP_VALUE, CLIP_NORM, AVERAGING = range(6)
"""Places of the small tensor: factor and eps of the update, what decay leaves of a parameter, the bounds
of clipping, and the weight of the parameters in their mean."""


class TorchOptimizer:
    """Updates `flat` from `gradient`, by a rule of the engine's; `mean` is the parameters' mean, if there is one.

    steps, averaged_steps: updates so far, and those that the mean has seen.
    """

    def __init__(self, torch: Any, flat: Tensor, gradient: Tensor, rule: UpdateRule, ema_decay: float) -> None:
        self._torch, self._flat, self._gradient, self._rule = torch, flat, gradient, rule
        self.moments = [torch.zeros_like(flat) for _ in range(MOMENTS[rule.name])]
        self.mean = flat.clone() if ema_decay else None
        self._scratch = torch.zeros_like(flat)
        self._ema_decay = ema_decay
        self.steps = self.averaged_steps = 0

    def next_rates(self, lr: float, clip_norm: float, clip_value: float) -> list[float]:
        """Count a step, and return what its small tensor holds."""
        self.steps += 1
        self.averaged_steps += self.mean is not None
        weight = max(1.0 / self.averaged_steps, 1.0 - self._ema_decay) if self.averaged_steps else 0.0
        return [
            *self._rule.step_size_and_eps(lr, self.steps),
            1.0 - lr * self._rule.decay,
            clip_value,
            clip_norm,
            weight,
        ]

    def step(self, rates: Tensor, clips_value: bool, clips_norm: bool) -> tuple[Tensor, Tensor]:
        """One update. Returns the gradient's norm before clipping, and 1 if it was clipped, else 0."""
        torch, p, g, u = self._torch, self._flat, self._gradient, self._scratch
        norm = remaining = torch.linalg.vector_norm(g)
        clipped = torch.zeros_like(norm)
        if clips_value:
            bound = rates[CLIP_VALUE]
            clipped = (g.abs().max() > bound).to(norm.dtype)
            torch.clamp(g, -bound, bound, out=g)
            remaining = torch.linalg.vector_norm(g)
        if clips_norm:
            scale = rates[CLIP_NORM] / (remaining + 1e-6)
            clipped = torch.maximum(clipped, (scale < 1.0).to(norm.dtype))
            g.mul_(scale.clamp(max=1.0))
        if self._rule.decay:
            p.mul_(rates[SHRINK])
        u = self._direction(g, u, rates[EPS])
        p.addcmul_(u, rates[STEP_SIZE].expand_as(u), value=-1.0)
        if self.mean is not None:
            self.mean.lerp_(p, rates[AVERAGING])
        return norm, clipped

    def _direction(self, g: Tensor, u: Tensor, eps: Tensor) -> Tensor:
        """Advance the moments; what is subtracted, but for its factor."""
        torch, rule = self._torch, self._rule
        if rule.name == "sgd":
            return g
        beta1, beta2 = rule.moment_decays
        if rule.name in ("momentum", "adam", "adamw"):
            self.moments[0].mul_(beta1).add_(g)
        if rule.name == "momentum":
            return self.moments[0]
        squares = self.moments[-1]
        if rule.name != "adagrad":
            squares.mul_(beta2)
        squares.addcmul_(g, g)
        torch.sqrt(squares, out=u)
        u.add_(eps)
        return torch.div(self.moments[0] if len(self.moments) == 2 else g, u, out=u)
