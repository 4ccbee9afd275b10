"""Interpolated Kneser-Ney n-gram models, plain and modified: the count-based predictors that a network has to beat.

Every n-gram of the text gets a number, built from its context's number and its last symbol. Each position of the text
costs one table look-up; all else is computed once for each different n-gram. Equations: Chen and Goodman
(1998), "An empirical study of smoothing techniques for language modeling".
"""

from dataclasses import dataclass
from typing import Any

import numpy as np

Array = np.ndarray[Any, np.dtype[Any]]

_TABLE = 2**25  # codes up to which a table is cheaper than sorting


def cross_entropy(training: Array, held_out: Array, symbols: int, order: int, *, modified: bool = False) -> float:
    """Mean loss in nats on `held_out[1:]` of the n-gram model of `order` counted on `training` (N,).

    Ids are below `symbols`. The context of the first is the end of `training`, which `held_out` follows. Raises
    ValueError if `held_out` is shorter than 2.
    """
    if len(held_out) < 2:
        raise ValueError("the held-out part needs two symbols at least")
    return float(-np.log(probabilities(training, held_out, symbols, order, modified=modified)[1:]).mean())


def probabilities(training: Array, held_out: Array, symbols: int, order: int, *, modified: bool = False) -> Array:
    """The probability (M,) of each symbol of `held_out` (M,), given the `order - 1` before it."""
    ids = np.concatenate([training, held_out])
    trained = len(training)
    orders = [_Grams.empty(len(ids))]
    for k in range(1, order + 1):
        orders.append(_extend(orders[-1], ids, trained, symbols, k))
    probability = np.full(len(held_out), 1 / symbols)
    for k in range(1, order + 1):
        grams = orders[k]
        counts = (
            np.bincount(grams.number[k - 1 : max(trained, k - 1)], minlength=grams.size)
            if k == order
            else np.bincount(
                orders[k + 1].suffix[orders[k + 1].trained], minlength=grams.size
            )  # different left contexts
        )
        discount = _discounts(counts, modified)[np.minimum(counts, 3)]
        total = np.bincount(grams.context, counts, orders[k - 1].size)
        freed = np.bincount(grams.context, discount, orders[k - 1].size)
        seen = np.maximum(total, 1)
        discounted = (counts - discount) / seen[grams.context]
        backoff = np.where(total > 0, freed / seen, 1.0)
        numbers = grams.number[trained:]
        probability = discounted[numbers] + backoff[grams.context[numbers]] * probability
    return probability


@dataclass(frozen=True, eq=False)
class _Grams:
    """The G different n-grams of one order."""

    number: Array  # (N,) of the n-gram that ends at each position; 0 if the text is too short for one
    codes: Array  # (G,) context * symbols + symbol, ascending
    context: Array  # (G,) the number of all but the last symbol among the shorter n-grams
    suffix: Array  # (G,) the number of all but the first symbol among the shorter n-grams
    trained: Array  # (G,) bool: it occurs in the training part

    @property
    def size(self) -> int:
        return len(self.codes)

    @classmethod
    def empty(cls, length: int) -> "_Grams":
        """Order 0: one n-gram, of no symbols."""
        one = np.zeros(1, np.int64)
        return cls(np.zeros(length, np.int32), one, one, one, np.ones(1, bool))


def _extend(shorter: _Grams, ids: Array, trained: int, symbols: int, k: int) -> _Grams:
    """The n-grams of order `k` from those of order `k - 1`."""
    bound = shorter.size * symbols
    known_ends = max(trained - k + 1, 0)
    code = ids[k - 1 :].astype(np.int32 if bound < 2**31 else np.int64)
    if k > 1:
        code = code + shorter.number[k - 2 : -1].astype(code.dtype) * symbols
    if bound <= _TABLE:
        table = np.zeros(bound, bool)
        table[code[:known_ends]] = True
        trained_codes = table.copy()
        table[code[known_ends:]] = True
        codes = np.flatnonzero(table)
        in_training = trained_codes[codes]
        rank = np.empty(bound, np.int32)
        rank[codes] = np.arange(len(codes))
        numbers = rank[code]
    else:
        codes, numbers = np.unique(code, return_inverse=True)
        in_training = np.zeros(len(codes), bool)
        in_training[numbers[:known_ends]] = True
    number = np.zeros(len(ids), np.int32)
    number[k - 1 :] = numbers
    context = codes // symbols
    suffix = context if k == 1 else np.searchsorted(shorter.codes, shorter.suffix[context] * symbols + codes % symbols)
    return _Grams(number, codes, context, suffix, in_training)


def _discounts(counts: Array, modified: bool) -> Array:
    """The discounts of counts 0, 1, 2, and 3 or more (4,), estimated from the counts of counts."""
    n = np.bincount(np.minimum(counts, 5), minlength=6).astype(float)
    if not n[1] or not n[2]:
        return np.array([0, 0.5, 0.5, 0.5])
    d = n[1] / (n[1] + 2 * n[2])
    if not modified or not n[3]:
        return np.array([0, d, d, d])
    estimates = [m - (m + 1) * d * n[m + 1] / n[m] for m in (1, 2, 3)]
    return np.array([0, *np.clip(estimates, 0.01, [1, 2, 3])])
