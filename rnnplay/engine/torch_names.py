"""The same numbers under PyTorch's names, orders and shapes, and back: `rnn.weight_ih_l0`, ..., `readout.weight`.

PyTorch has two biases where one is enough: the second is zero, but for the part of n in a GRU, which is b_hn. Its LSTM
has the gates in the order i, f, g, o.
"""

from collections.abc import Mapping

from rnnplay.engine.architecture import GATES, Architecture
from rnnplay.engine.arrays import Array, xp
from rnnplay.engine.parameters import shapes

ORDERS = {"rnn": ("h",), "lstm": ("i", "f", "g", "o"), "gru": ("r", "z", "n")}


def _reorder(array: Array, start: tuple[str, ...], end: tuple[str, ...]) -> Array:
    """Row blocks in the order of `start` -> in the order of `end`."""
    blocks = dict(zip(start, xp.split(array, len(start)), strict=True))
    return xp.concatenate([blocks[gate] for gate in end])


def _check(a: Architecture) -> None:
    if a.cell not in ORDERS or (a.cell == "rnn" and a.activation not in ("tanh", "relu")):
        what = f"{a.cell} with {a.activation}" if a.cell in ORDERS else a.cell
        raise ValueError(f"PyTorch has no cell like {what}. Export rnn (tanh, relu), lstm or gru.")


def to_torch(a: Architecture, parameters: Mapping[str, Array]) -> dict[str, Array]:
    """Parameters by our names -> new arrays by PyTorch's. An encoder's begin with `encoder.`; others keep their name.

    Raises ValueError where PyTorch has no such cell.
    """
    _check(a)
    ours, theirs = GATES[a.cell], ORDERS[a.cell]
    found: dict[str, Array] = {}
    for name, value in parameters.items():
        prefix, _, last = name.rpartition(".")
        side, _, layer = prefix.rpartition(".")
        end = f"{side}.rnn." if side else "rnn."
        if last in ("W_xh", "W_hh"):
            kind = "weight_ih" if last == "W_xh" else "weight_hh"
            found[f"{end}{kind}_{layer}"] = xp.ascontiguousarray(_reorder(value, ours, theirs))
        elif last == "b_h":
            found[f"{end}bias_ih_{layer}"] = _reorder(value, ours, theirs)[:, 0].copy()
            found.setdefault(f"{end}bias_hh_{layer}", xp.zeros(len(value), value.dtype))
        elif last == "b_hn":
            second = xp.zeros(3 * len(value), value.dtype)
            second[2 * len(value) :] = value[:, 0]
            found[f"{end}bias_hh_{layer}"] = second
        elif name == "W_hy":
            found["readout.weight"] = xp.ascontiguousarray(value)
        elif name == "b_y":
            found["readout.bias"] = value[:, 0].copy()
        else:
            found[name] = xp.ascontiguousarray(value)
    return found


def from_torch(a: Architecture, arrays: Mapping[str, Array]) -> dict[str, Array]:
    """Arrays by PyTorch's names -> parameters by ours. A second bias that is not zero is added to the first.

    Raises ValueError where an array is missing, is not part of the network, or does not fit.
    """
    _check(a)
    ours, theirs = GATES[a.cell], ORDERS[a.cell]
    found: dict[str, Array] = {}
    used: set[str] = set()

    def take(name: str, shape: tuple[int, ...]) -> Array:
        if name not in arrays:
            raise ValueError(f"{name} is missing. Import the weights of a network of the same architecture.")
        if arrays[name].shape != shape:
            raise ValueError(f"{name}: {arrays[name].shape} does not fit {shape}. Choose the same sizes.")
        used.add(name)
        return arrays[name].astype(a.dtype)

    for name, shape in shapes(a).items():
        prefix, _, last = name.rpartition(".")
        side, _, layer = prefix.rpartition(".")
        start = f"{side}.rnn." if side else "rnn."
        if last in ("W_xh", "W_hh"):
            kind = "weight_ih" if last == "W_xh" else "weight_hh"
            found[name] = _reorder(take(f"{start}{kind}_{layer}", shape), theirs, ours)
        elif last == "b_h":
            second = take(f"{start}bias_hh_{layer}", shape[:1])
            if a.cell == "gru":
                second[2 * a.hidden :] = 0.0
            whole = take(f"{start}bias_ih_{layer}", shape[:1]) + second
            found[name] = _reorder(whole, theirs, ours)[:, None]
        elif last == "b_hn":
            found[name] = take(f"{start}bias_hh_{layer}", (3 * a.hidden,))[2 * a.hidden :, None]
        elif name == "W_hy":
            found[name] = take("readout.weight", shape)
        elif name == "b_y":
            found[name] = take("readout.bias", shape[:1])[:, None]
        else:
            found[name] = take(name, shape)
    for name in arrays:
        if name not in used:
            raise ValueError(f"{name} is not part of this network. Import the weights of the same architecture.")
    return found
