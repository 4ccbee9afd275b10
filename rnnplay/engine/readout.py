"""Readout from the top layer to the loss, and back: logits y = W_hy h + b_y for all time steps at once.

softmax          cross-entropy in nats
sigmoid          binary cross-entropy in nats, the mean over V
sigmoid-squared  (sigmoid(y) - target)^2, the mean over V
linear           (y - target)^2, the mean over V
Logits lie as (V, T*B): what is reduced over V is then a few long additions.
"""

from rnnplay.engine import cells
from rnnplay.engine.arrays import Array, xp


def sigmoid(y: Array, out: Array) -> None:
    """sigmoid(y) = tanh(y/2)/2 + 1/2, which overflows nowhere."""
    xp.multiply(y, 0.5, out)
    xp.tanh(out, out)
    xp.multiply(out, 0.5, out)
    xp.add(out, 0.5, out)


def softmax(y: Array, axis: int = -1) -> Array:
    """exp(y) / sum(exp(y)) along `axis`, which overflows nowhere."""
    p: Array = xp.exp(y - y.max(axis=axis, keepdims=True))
    p /= p.sum(axis=axis, keepdims=True)
    return p


def outputs_of(y: Array, readout: str) -> Array:
    """Logits y (T, V, B) -> the probabilities, or for "linear" the numbers, that they stand for."""
    if readout == "softmax":
        return softmax(y, 1)
    return y if readout == "linear" else cells.sigmoid(y)


def loss_per_step(y: Array, targets: Array, readout: str) -> Array:
    """The loss (T, B) of logits y (T, V, B): nats, or the mean over V of squared errors. Targets as in a batch."""
    if readout == "softmax":
        y = y - y.max(axis=1, keepdims=True)
        picked = xp.take_along_axis(y, targets[:, None].astype(xp.intp), axis=1)[:, 0]
        nats: Array = xp.log(xp.exp(y).sum(axis=1)) - picked
        return nats
    losses = xp.logaddexp(0, y) - targets * y if readout == "sigmoid" else (outputs_of(y, readout) - targets) ** 2
    mean: Array = losses.mean(axis=1)
    return mean


def loss_gradient(outputs: Array, targets: Array, readout: str) -> Array:
    """d(loss of each time step)/d(its logits) (T, V, B), from `outputs_of` the logits."""
    if readout == "softmax":
        gradient = outputs.copy()
        index = targets[:, None].astype(xp.intp)
        xp.put_along_axis(gradient, index, xp.take_along_axis(gradient, index, axis=1) - 1, axis=1)
        return gradient
    error: Array = (outputs - targets) / outputs.shape[1]
    if readout == "sigmoid":
        return error
    error = 2 * error
    return error * outputs * (1 - outputs) if readout == "sigmoid-squared" else error


class Readout:
    """The readout of T time steps of B sequences; W_hy (V, H), b_y (V, 1) or None."""

    def __init__(
        self, kind: str, W: Array, b: Array | None, dW: Array, db: Array | None, T: int, B: int, train: bool
    ) -> None:
        self.kind, self.W, self.b, self.dW, self.db = kind, W, b, dW, db
        self.T, self.B, self.V = T, B, W.shape[0]
        TB = T * B
        self.logits = xp.zeros((self.V, TB), W.dtype)
        self.flat = self.logits.reshape(-1)
        self.columns = xp.arange(TB)
        self.even = xp.full(TB, 1.0 / TB, W.dtype)
        self.scratch = None if kind == "softmax" else xp.zeros((self.V, TB), W.dtype)
        self.dy = xp.zeros((T, B, W.shape[1]), W.dtype) if train else None

    def forward(self, h: Array) -> None:
        """h (T, B, H) -> logits (V, T*B)."""
        xp.matmul(self.W, h.reshape(-1, h.shape[2]).T, self.logits)
        if self.b is not None:
            xp.add(self.logits, self.b, self.logits)

    def probabilities(self) -> Array:
        """Return what the network says (V, T*B): probabilities, or for linear the logits; the logits are used up."""
        y = self.logits
        if self.kind == "softmax":
            xp.subtract(y, xp.maximum.reduce(y, 0), y)
            xp.exp(y, y)
            xp.divide(y, xp.add.reduce(y, 0), y)
        elif self.kind != "linear":
            sigmoid(y, y)
        return y

    def loss(
        self, targets: Array, weights: Array | None, gradient: bool, total: float | None = None
    ) -> tuple[float, float]:
        """Sum of the weighted losses and sum of the weights; with `gradient`, d(mean)/dlogits replaces the logits.

        targets ids (T, B) for softmax, else (T, V, B); weights (T, B) or None. total: the sum of all weights, where
        these are only some; the mean is then theirs.
        """
        shape = (self.T, self.B) if self.kind == "softmax" else (self.T, self.V, self.B)
        if targets.shape != shape:
            raise ValueError(f"targets: {targets.shape} does not fit. Give {shape} as the inputs and outputs need.")
        if weights is not None and weights.shape != (self.T, self.B):
            raise ValueError(f"weights: {weights.shape} does not fit. Give (T, B) = {(self.T, self.B)}.")
        share = self.even
        if weights is not None:
            w = weights.reshape(-1).astype(share.dtype)
            total = float(w.sum()) if total is None else total
            share = w / total if total > 0.0 else xp.zeros_like(w)
        elif total is not None:
            share = xp.full_like(share, 1.0 / total)
        else:
            total = float(share.size)
        if self.kind == "softmax":
            losses = self._softmax(targets, share, gradient)
        else:
            losses = self._elementwise(targets, share, gradient)
        return float(losses.dot(share)) * total, total

    def _softmax(self, targets: Array, share: Array, gradient: bool) -> Array:
        y, flat = self.logits, self.flat
        index = targets.reshape(-1).astype(xp.intp)
        if int(xp.maximum.reduce(index.view(xp.uintp))) >= self.V:
            raise ValueError(f"targets: an id is outside 0 to {self.V - 1}. Encode them with the network's vocabulary.")
        index *= index.size
        index += self.columns
        xp.subtract(y, xp.maximum.reduce(y, 0), y)
        picked = flat.take(index)
        xp.exp(y, y)
        total = xp.add.reduce(y, 0)
        if gradient:
            xp.multiply(y, share / total, y)
            flat[index] -= share
        losses: Array = xp.log(total, total)
        return xp.subtract(losses, picked, losses)

    def _elementwise(self, targets: Array, share: Array, gradient: bool) -> Array:
        assert self.scratch is not None
        y, e, V = self.logits, self.scratch, self.V
        target = targets.astype(y.dtype).transpose(1, 0, 2).reshape(V, -1)
        if self.kind == "sigmoid":  # max(y, 0) - y*target + log(1 + exp(-|y|))
            xp.abs(y, e)
            xp.exp(xp.negative(e, e), e)
            xp.log1p(e, e)
            e += xp.maximum(y, 0.0)
            e -= y * target
            losses: Array = xp.add.reduce(e, 0)
            if gradient:
                sigmoid(y, y)
                y -= target
                y *= share / V
        else:
            if self.kind == "sigmoid-squared":
                sigmoid(y, y)
            xp.subtract(y, target, e)
            losses = xp.add.reduce(e * e, 0)
            if gradient:
                if self.kind == "sigmoid-squared":
                    e *= y
                    e *= xp.subtract(1.0, y, y)
                xp.multiply(e, share * (2.0 / V), y)
        losses /= V
        return losses

    def backward(self, h: Array) -> Array:
        """h (T, B, H) as in `forward`, after `loss` -> dL/dh (T, B, H), dW and db."""
        assert self.dy is not None
        H = h.shape[2]
        xp.matmul(self.logits, h.reshape(-1, H), self.dW)
        if self.db is not None:
            xp.add.reduce(self.logits, 1, out=self.db[:, 0])
        xp.matmul(self.logits.T, self.W, self.dy.reshape(-1, H))
        return self.dy
