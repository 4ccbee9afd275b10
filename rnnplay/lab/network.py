"""Figures of a network's parameters: names of rows and columns, spectra, and what its gates mostly do.

"Mostly open" is above .9 in more than half of the time steps, after Karpathy, Johnson and Fei-Fei (2015), "Visualizing
and Understanding Recurrent Networks".
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from rnnplay.engine import GATES, Network
from rnnplay.engine.architecture import Architecture
from rnnplay.lab.cells.gates import gate_saturation
from rnnplay.lab.cells.labelled_batch import LabelledBatch
from rnnplay.tasks.base import Array

MAX_SPECTRUM = 1024  # rows or columns up to which singular values and eigenvalues are computed: some seconds at most
_MOSTLY = 0.5  # of the time steps
_MANY = 0.25  # of the units: what so many do is put into words
_OPEN_MEANS = {
    ("lstm", "f"): "they remember",
    ("lstm", "i"): "they take in all that is new",
    ("lstm", "o"): "they show what they hold",
    ("gru", "z"): "they remember",
    ("gru", "r"): "their candidate reads the past",
}
_SHUT_MEANS = {
    ("lstm", "f"): "they forget at once",
    ("lstm", "i"): "they take in little",
    ("lstm", "o"): "they hide what they hold",
    ("gru", "z"): "they take each new value",
    ("gru", "r"): "their candidate ignores the past",
}


@dataclass(frozen=True)
class GateOpenness:
    """Fractions (0..1) of a layer's units whose gate is mostly open, and mostly shut, and what that means in words."""

    layer: int
    gate: str
    mostly_open: float
    mostly_shut: float
    meaning: str


def gate_openness(network: Network, labelled: LabelledBatch) -> list[GateOpenness]:
    """Return how open each gate of each layer is; nothing for a cell without gates."""
    cell = network.architecture.cell
    result = []
    for s in gate_saturation(network, labelled):
        is_open, is_shut = s.right_saturated > _MOSTLY, s.left_saturated > _MOSTLY
        most = _OPEN_MEANS if is_open.sum() >= is_shut.sum() else _SHUT_MEANS
        meaning = most[cell, s.gate] if max(is_open.mean(), is_shut.mean()) >= _MANY else "few are either for long"
        result.append(GateOpenness(s.layer, s.gate, float(is_open.mean()), float(is_shut.mean()), meaning))
    return result


def norm(values: Array) -> float:
    """Return the Frobenius norm, computed in float64."""
    return float(np.linalg.norm(values.astype(np.float64)))


def singular_values(values: Array) -> Array:
    """Return the singular values of (rows, columns), descending; empty if it is too large or not finite."""
    if max(values.shape) > 4 * MAX_SPECTRUM or min(values.shape) > MAX_SPECTRUM or not np.isfinite(values).all():
        return np.zeros(0)
    if min(values.shape) > 1:
        return np.asarray(np.linalg.svd(values.astype(np.float64), compute_uv=False))
    return np.array([norm(values)])


def eigenvalues(values: Array, block: int) -> Array:
    """Return the eigenvalues of the block H x H of W_hh (G*H, H): complex (H,); empty if too large or not finite."""
    H = values.shape[1]
    square = values[block * H : (block + 1) * H]
    if H > MAX_SPECTRUM or not np.isfinite(square).all():
        return np.zeros(0, complex)
    return np.asarray(np.linalg.eigvals(square.astype(np.float64))).astype(complex)


def gates_of(a: Architecture, name: str) -> tuple[str, ...]:
    """Return the gates that stack up in the rows of a parameter, in their order; of an RNN's one without a name."""
    kind = name.rpartition(".")[2]
    if kind in ("W_xh", "W_hh", "b_h") and name.rpartition(".")[0]:
        return GATES[a.cell]
    return ()


def axis_names(
    a: Architecture, name: str, inputs: Sequence[str], outputs: Sequence[str]
) -> tuple[list[str], list[str]]:
    """Return what the rows of a parameter lead to and its columns come from: "unit 40", "'q'", "gate f of unit 3".

    inputs, outputs: the symbols of the vocabulary, an encoder's own for its parameters; fewer than columns or rows:
    inputs and outputs are counted.
    """
    path, _, kind = name.rpartition(".")
    H, gates = a.hidden, gates_of(a, name)
    layer = int(path.rpartition("l")[2]) if path.rpartition("l")[2].isdigit() else None
    symbols = [repr(symbol) for symbol in inputs]
    if kind in ("W_hy", "b_y"):
        rows = _named([repr(symbol) for symbol in outputs], "output", a.outputs)
        return rows, ["bias"] if kind == "b_y" else [f"layer {a.layers} unit {n + 1}" for n in range(H)]
    if kind in ("W_fh", "b_fh"):
        rows = [f"layer {n // H + 1} unit {n % H + 1}" for n in range(a.layers * H)]
        return rows, ["bias"] if kind == "b_fh" else _named([], "context", a.context_size)
    if layer is None:
        return [], []
    rows = [f"gate {gate} of unit {n + 1}" for gate in gates for n in range(H)] if len(gates) > 1 else []
    rows = rows or [f"unit {n + 1}" for n in range(H)]
    if kind.startswith("b_"):
        return rows, ["bias"]
    if kind == "W_hh":
        return rows, [f"unit {n + 1}" for n in range(H)]
    if layer:
        return rows, [f"layer {layer} unit {n + 1}" for n in range(H)]
    size = a.source_vocabulary_size if path.startswith("encoder") else a.inputs
    return rows, _named(symbols, "input", size)


def _named(symbols: list[str], word: str, size: int) -> list[str]:
    return symbols if len(symbols) == size else [f"{word} {n + 1}" for n in range(size)]
