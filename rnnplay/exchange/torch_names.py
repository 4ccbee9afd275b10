"""The parameters of a network by the names, orders and shapes of torch.nn.

`rnn.weight_ih_l0`, `rnn.weight_hh_l0`, `rnn.bias_ih_l0`, `rnn.bias_hh_l0`, ..., `readout.weight`, `readout.bias`. If
PyTorch uses two biases only as their sum, ours is bias_ih and bias_hh is zero. The GRU's gate n has two (b_hn is inside
r * (W_hn h + b_hn)); PyTorch's b_hr and b_hz are zero.
"""

import re
from collections.abc import Mapping
from typing import Any

import numpy as np

from rnnplay.config import UserError
from rnnplay.engine import GATES, Architecture
from rnnplay.exchange.tensor_file import MAX_TENSOR_BYTES, Array, Arrays

TORCH_GATES = {"rnn": ("h",), "lstm": ("i", "f", "g", "o"), "gru": ("r", "z", "n")}
"""The row blocks of torch.nn's weights, in order."""

EMBEDDING = "embedding.weight"  # (V, E): a vector for each id, which the first layer reads
READOUT, READOUT_BIAS = "readout.weight", "readout.bias"

_EXPORT_REMEDY = "Export a run with the cell rnn (tanh or relu), lstm or gru that reads one sequence."
IMPORT_REMEDY = "Save an nn.RNN, nn.LSTM or nn.GRU with an nn.Linear behind it, as state_dict does."


def layer_name(part: str, layer: int) -> str:
    """rnn.weight_ih_l0: the name of `part` ("weight_ih", "bias_hh", ...) of a layer, counted from 0."""
    return f"rnn.{part}_l{layer}"


def _reorder_gates(array: Array, before: tuple[str, ...], after: tuple[str, ...]) -> Array:
    """The rows (G*H, ...) of `array` with its gate blocks in the order `after` instead of `before`."""
    blocks = dict(zip(before, np.split(array, len(before)), strict=True))
    return np.concatenate([blocks[gate] for gate in after])


def to_torch(a: Architecture, parameters: Mapping[str, Array]) -> Arrays:
    """The parameters of a network by torch.nn's names. Raises UserError if torch.nn has no such network."""
    check_exportable(a)
    H, ours, theirs = a.hidden, GATES[a.cell], TORCH_GATES[a.cell]
    tensors: Arrays = {}
    for layer in range(a.layers):
        for part, own in (("weight_ih", "W_xh"), ("weight_hh", "W_hh")):
            tensors[layer_name(part, layer)] = _reorder_gates(parameters[f"l{layer}.{own}"], ours, theirs)
        if a.bias:
            bias = _reorder_gates(parameters[f"l{layer}.b_h"][:, 0], ours, theirs)
            second = np.zeros_like(bias)
            if a.cell == "gru":
                second[2 * H :] = parameters[f"l{layer}.b_hn"][:, 0]
            tensors[layer_name("bias_ih", layer)], tensors[layer_name("bias_hh", layer)] = bias, second
    tensors[READOUT] = parameters["W_hy"]
    if a.bias:
        tensors[READOUT_BIAS] = parameters["b_y"][:, 0]
    # safetensors writes the bytes in memory order.
    return {name: np.ascontiguousarray(array) for name, array in tensors.items()}


def check_exportable(a: Architecture) -> None:
    """Raise UserError if torch.nn has no network like this."""
    if a.cell not in TORCH_GATES:
        raise UserError(f"PyTorch has no cell like {a.cell}.", _EXPORT_REMEDY)
    if a.cell == "rnn" and a.activation not in ("tanh", "relu"):
        raise UserError(f"PyTorch's RNN has no {a.activation}.", _EXPORT_REMEDY)
    if a.source_vocabulary_size:
        raise UserError("An encoder-decoder is two networks, for which PyTorch has no common names.", _EXPORT_REMEDY)
    if a.context_size:
        raise UserError("A vector that sets the first hidden state has no place in PyTorch's RNNs.", _EXPORT_REMEDY)


def from_torch(weights: Mapping[str, Array]) -> tuple[dict[str, Any], Arrays]:
    """(cell, hidden, layers, inputs, outputs, bias, dtype) and our parameters, from tensors with torch.nn's names.

    An embedding becomes a part of the first layer's matrix. Raises UserError if names or shapes are not those of an
    nn.RNN, nn.LSTM or nn.GRU and an nn.Linear.
    """
    layers = len([name for name in weights if re.fullmatch(r"rnn\.weight_hh_l\d+", name)])
    bias = layer_name("bias_ih", 0) in weights
    names = {layer_name(part, n) for n in range(layers) for part in ("weight_ih", "weight_hh")} | {READOUT}
    if bias:
        names |= {layer_name(part, n) for n in range(layers) for part in ("bias_ih", "bias_hh")} | {READOUT_BIAS}
    names |= {EMBEDDING} & set(weights)
    if not layers or names != set(weights):
        names = names if layers else {*names, layer_name("weight_hh", 0)}
        name = min(names ^ set(weights))
        fault = "is missing" if name in names else "has no place here"
        raise UserError(f'The tensor "{name}" {fault}.', IMPORT_REMEDY)
    rows, H = _matrix(weights, layer_name("weight_hh", 0)).shape
    cell = {1: "rnn", 4: "lstm", 3: "gru"}.get(rows // H if rows % H == 0 else 0)
    if cell is None:
        raise UserError(f"rnn.weight_hh_l0 is ({rows}, {H}): no cell has so many gates.", IMPORT_REMEDY)
    V, D = _matrix(weights, READOUT).shape[0], _matrix(weights, layer_name("weight_ih", 0)).shape[1]
    symbols = _matrix(weights, EMBEDDING).shape[0] if EMBEDDING in weights else D
    for name in sorted(names):
        part = name.split(".")[1].partition("_l")[0]
        columns = {"weight_ih": H if not name.endswith("_l0") else D, "weight_hh": H, "weight": H}
        length = V if name.startswith("readout") else rows
        shape = (length, columns[part]) if part in columns else (length,)
        if name == EMBEDDING:
            shape = (symbols, D)
        if weights[name].shape != shape:
            raise UserError(f"{name} is {weights[name].shape}, not {shape}.", IMPORT_REMEDY)
        if weights[name].dtype.kind != "f" or not np.isfinite(weights[name]).all():
            raise UserError(f"{name} holds something else than finite numbers.", IMPORT_REMEDY)
    double = any(array.dtype == np.float64 for array in weights.values())
    sizes = {"cell": cell, "hidden": H, "layers": layers, "inputs": symbols, "outputs": V, "bias": bias}
    if EMBEDDING in weights:
        weights = _fold_embedding(weights)
    return {**sizes, "dtype": "float64" if double else "float32"}, _parameters(cell, H, layers, bias, weights)


def _fold_embedding(weights: Mapping[str, Array]) -> Arrays:
    """`weights` without the embedding: the first layer's matrix has a column for each symbol, W_ih e of its vector e.

    What the layer reads is W_ih e either way. The product is computed in float64 and rounded once.
    """
    name = layer_name("weight_ih", 0)
    W, vectors = weights[name], weights[EMBEDDING]
    if 8 * W.shape[0] * vectors.shape[0] > MAX_TENSOR_BYTES:
        raise UserError(
            f"The embedding of {vectors.shape[0]:,} symbols makes a matrix of more than {MAX_TENSOR_BYTES >> 20:,} MB.",
            "Give a network with fewer symbols.",
        )
    folded = W.astype(np.float64) @ vectors.T.astype(np.float64)
    return {**{other: weights[other] for other in weights if other != EMBEDDING}, name: folded.astype(W.dtype)}


def _matrix(weights: Mapping[str, Array], name: str) -> Array:
    if weights[name].ndim != 2 or not weights[name].size:
        raise UserError(f"{name} is {weights[name].shape}, no matrix.", IMPORT_REMEDY)
    return weights[name]


def _parameters(cell: str, H: int, layers: int, bias: bool, weights: Mapping[str, Array]) -> Arrays:
    ours, theirs = GATES[cell], TORCH_GATES[cell]
    parameters: Arrays = {}
    for layer in range(layers):
        for part, own in (("weight_ih", "W_xh"), ("weight_hh", "W_hh")):
            parameters[f"l{layer}.{own}"] = _reorder_gates(weights[layer_name(part, layer)], theirs, ours)
        if bias:
            second = weights[layer_name("bias_hh", layer)].copy()
            if cell == "gru":
                parameters[f"l{layer}.b_hn"] = second[2 * H :, None].copy()
                second[2 * H :] = 0.0
            both = weights[layer_name("bias_ih", layer)] + second
            parameters[f"l{layer}.b_h"] = _reorder_gates(both, theirs, ours)[:, None]
    parameters["W_hy"] = weights[READOUT]
    if bias:
        parameters["b_y"] = weights[READOUT_BIAS][:, None]
    return parameters
