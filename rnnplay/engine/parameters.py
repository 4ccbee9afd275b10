"""A network's parameters: their names, shapes and first values, as views of one flat array.

Names: `l0.W_xh`, `l0.W_hh`, `l0.b_h` (GRU: also `l0.b_hn`; input-rnn: `l0.W_ph` for `l0.W_hh`), `W_hy`, `b_y`; an
encoder's begin with `encoder.`; `W_fh`, `b_fh` and `picture.*` are those of `front.py`. Gate blocks are in the order
of GATES. W_xh of inputs by id is a transposed view: in memory each id has a row.
"""

import math
from collections.abc import Mapping

from rnnplay.engine.architecture import GATES, Architecture
from rnnplay.engine.arrays import Array, aligned_zeros, xp
from rnnplay.engine.front import front_shapes


def parameter_shapes(a: Architecture) -> dict[str, tuple[int, ...]]:
    """The shape of every parameter, in the order of the flat array."""
    G, H = len(GATES[a.cell]), a.hidden
    found: dict[str, tuple[int, ...]] = {}
    for prefix, inputs in (("encoder.", a.source_vocabulary_size), ("", a.inputs)):
        if not inputs:
            continue
        for layer in range(a.layers):
            D = inputs if layer == 0 else H
            found[f"{prefix}l{layer}.W_xh"] = (G * H, D)
            if a.cell == "input-rnn":
                found[f"{prefix}l{layer}.W_ph"] = (H, D)
            else:
                found[f"{prefix}l{layer}.W_hh"] = (G * H, H)
            if a.bias:
                found[f"{prefix}l{layer}.b_h"] = (G * H, 1)
                if a.cell == "gru":
                    found[f"{prefix}l{layer}.b_hn"] = (H, 1)
    found |= front_shapes(a)
    found["W_hy"] = (a.outputs, H)
    if a.bias:
        found["b_y"] = (a.outputs, 1)
    return found


def is_stored_transposed(a: Architecture, name: str) -> bool:
    """Return whether the parameter lies transposed in memory: one row for each id."""
    return name == "encoder.l0.W_xh" or (a.inputs_are_ids and name == "l0.W_xh")


def parameter_count(a: Architecture) -> int:
    """Number of parameters."""
    return sum(math.prod(shape) for shape in parameter_shapes(a).values())


class Parameters:
    """Two flat arrays, and the named views of both."""

    def __init__(self, a: Architecture, memory: tuple[Array, Array] | None = None) -> None:
        """memory: both arrays, where they lie somewhere already; they keep what they hold."""
        size = parameter_count(a)
        self.flat, self.flat_gradient = memory or (aligned_zeros(size, a.dtype), aligned_zeros(size, a.dtype))
        self.values: dict[str, Array] = {}
        self.gradients: dict[str, Array] = {}
        start = 0
        for name, shape in parameter_shapes(a).items():
            stop = start + math.prod(shape)
            for flat, views in ((self.flat, self.values), (self.flat_gradient, self.gradients)):
                part = flat[start:stop]
                views[name] = part.reshape(shape[::-1]).T if is_stored_transposed(a, name) else part.reshape(shape)
            start = stop


def layer_parameters(arrays: Mapping[str, Array], prefix: str) -> dict[str, Array]:
    """The arrays of one layer, without its prefix."""
    return {name[len(prefix) :]: array for name, array in arrays.items() if name.startswith(prefix)}


def initialise(a: Architecture, values: Mapping[str, Array], rng: "xp.random.Generator") -> None:
    """First values, drawn in the order of the names. Biases are zero but for the gates that remember."""
    H = a.hidden
    bound = 1.0 / math.sqrt(H)
    for name, value in values.items():
        if name.rpartition(".")[2].startswith("b_"):
            value.fill(0.0)
        elif a.init == "normal":
            value[...] = rng.standard_normal(value.shape) * a.init_scale
        elif name.endswith("W_hh") and a.init in ("orthogonal", "identity"):
            for gate in range(len(GATES[a.cell])):
                block = value[gate * H : (gate + 1) * H]
                block[...] = xp.eye(H) if a.init == "identity" else _orthogonal(H, rng)
        else:
            reach = 1.0 / math.sqrt(value.shape[1]) if name.startswith("picture.") else bound
            value[...] = rng.uniform(-reach, reach, value.shape)
    if a.bias and a.cell in ("lstm", "gru"):
        for name, value in values.items():
            if name.endswith(".b_h"):
                _init_gate_bias(a, value, rng)


def _orthogonal(H: int, rng: "xp.random.Generator") -> Array:
    """A random rotation, uniformly distributed: QR of a normal matrix, with the signs of R's diagonal."""
    q, r = xp.linalg.qr(rng.standard_normal((H, H)))
    rotation: Array = q * xp.sign(xp.diagonal(r))
    return rotation


def _init_gate_bias(a: Architecture, b_h: Array, rng: "xp.random.Generator") -> None:
    """Forget-gate bias, or chrono initialisation (Tallec and Ollivier, 2018): b_f = log(uniform(1, T_max - 1)) = -b_i.

    With max_time_constant b_f = uniform(0, log(max_time_constant)): a gate of bias b forgets within 1 + exp(b) time
    steps, so that as many units begin with 3 to 30 as with 30 to 300. Their input gates begin as all others do.
    A GRU's z keeps the state, so its bias takes the forget gate's part.
    """
    H, gates = a.hidden, GATES[a.cell]
    keep = gates.index("f" if a.cell == "lstm" else "z") * H
    if a.chrono > 1:
        lags = xp.log(rng.uniform(1.0, max(1.0, a.chrono - 1.0), (H, 1)))
        b_h[keep : keep + H] = lags
        if a.cell == "lstm":
            let_in = gates.index("i") * H
            b_h[let_in : let_in + H] = -lags
    elif a.max_time_constant > 1:
        b_h[keep : keep + H] = rng.uniform(0.0, math.log(a.max_time_constant), (H, 1))
    elif a.cell == "lstm":
        b_h[keep : keep + H] = a.forget_bias
