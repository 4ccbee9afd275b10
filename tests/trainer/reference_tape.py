"""Automatic differentiation on a tape, for the tests: plain NumPy in float64, no derivative of a network by hand."""

from collections.abc import Callable
from typing import Any

import numpy as np

Array = np.ndarray[Any, np.dtype[Any]]


class Var:
    """An array on the tape, its gradient, and how that reaches the arrays it was computed from."""

    count = 0

    def __init__(self, value: Any, *parents: tuple["Var", Callable[[Array], Array]]) -> None:
        self.value = np.asarray(value, float)
        self.grad = np.zeros_like(self.value)
        self.parents = parents
        Var.count += 1
        self.order = Var.count

    def __add__(self, other: "Var") -> "Var":
        return Var(self.value + other.value, (self, lambda d: d), (other, lambda d: d))

    def __mul__(self, other: "Var") -> "Var":
        return Var(
            self.value * other.value, (self, lambda d: d * other.value), (other, lambda d: d * self.value)
        )  # fmt: skip

    def __matmul__(self, other: "Var") -> "Var":
        return Var(
            self.value @ other.value, (self, lambda d: d @ other.value.T), (other, lambda d: self.value.T @ d)
        )  # fmt: skip

    def map(self, value: Array, slope: Array) -> "Var":
        return Var(value, (self, lambda d: d * slope))

    def rows(self, start: int, stop: int) -> "Var":
        def back(d: Array) -> Array:
            whole = np.zeros_like(self.value)
            whole[start:stop] = d
            return whole

        return Var(self.value[start:stop], (self, back))


def backward(loss: Var) -> None:
    """Set `grad` = dloss/dvar for every var that `loss` was computed from."""
    found: dict[int, Var] = {}
    waiting = [loss]
    while waiting:
        var = waiting.pop()
        if var.order not in found:
            found[var.order] = var
            waiting += [parent for parent, _ in var.parents]
    loss.grad = np.ones_like(loss.value)
    for order in sorted(found, reverse=True):
        for parent, back in found[order].parents:
            d = back(found[order].grad)
            if d.shape != parent.value.shape:  # a bias (H, 1) was added to columns (H, B)
                d = d.sum(axis=1, keepdims=True)
            parent.grad = parent.grad + d


def tanh(v: Var) -> Var:
    y = np.tanh(v.value)
    return v.map(y, 1 - y**2)


def sigmoid(v: Var) -> Var:
    y = 1 / (1 + np.exp(-v.value))
    return v.map(y, y * (1 - y))


def relu(v: Var) -> Var:
    return v.map(np.maximum(v.value, 0), (v.value > 0).astype(float))


def cross_entropy(y: Var, targets: Array, weights: Array) -> Var:
    """Weighted sum of -log softmax(y)[target]; y (V, B), targets and weights (B,)."""
    p = np.exp(y.value - y.value.max(axis=0))
    p /= p.sum(axis=0)
    columns = np.arange(len(targets))
    hit = np.zeros_like(p)
    hit[targets, columns] = 1
    loss = -(weights * np.log(p[targets, columns])).sum()
    return Var(loss, (y, lambda d: d * weights * (p - hit)))
