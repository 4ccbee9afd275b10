"""One time step of every cell, forward and backward: the equations as the literature prints them, to be read.

The fused loops in rnn.py, lstm.py, gru.py and input_rnn.py compute the same numbers faster, for all time steps of a
batch, and are tested against these functions: every gate, state and gradient. `lab` shows the numbers of a time step
with them, and `Network.step` runs on them.

Sizes: D inputs, H hidden units, B sequences, G gates. Shapes:
x          (D, B), or ids (B), which stand for one-hot columns
h, c       (H, B), as every gate; `_prev` is the value after the time step before
w          the parameters of one layer: W_xh (G*H, D), W_hh (G*H, H), b_h (G*H, 1) and the GRU's b_hn (H, 1); a bias
           may be missing. Row blocks: LSTM o, i, f, g; GRU r, z, n
pre        (G*H, B), the pre-activations: what the gates' functions are applied to
dh, dc     dL/dh and dL/dc (H, B), the sum of what the layer above and the next time step send back
dz         dL/dpre (G*H, B)

Sources: Elman (1990); Hochreiter and Schmidhuber (1997) with the forget gate of Gers et al. (2000); Cho et al. (2014)
with the reset gate applied after the product, as in PyTorch and cuDNN.
"""

from collections.abc import Callable, Mapping
from typing import NamedTuple

from rnnplay.engine.architecture import GRUState, InputState, LayerState, LSTMState, RNNState
from rnnplay.engine.arrays import Array, xp

Weights = Mapping[str, Array]
tanh = xp.tanh


class RNNStep(NamedTuple):
    x: Array
    h_prev: Array
    pre: Array
    h: Array


class InputRNNStep(NamedTuple):
    x: Array
    p_prev: Array
    pre: Array
    h: Array


class LSTMStep(NamedTuple):
    x: Array
    h_prev: Array
    c_prev: Array
    pre: Array
    o: Array
    i: Array
    f: Array
    g: Array
    c: Array
    h: Array


class GRUStep(NamedTuple):
    """a (H, B): W_hn h_prev + b_hn, what the reset gate multiplies."""

    x: Array
    h_prev: Array
    pre: Array
    r: Array
    z: Array
    n: Array
    a: Array
    h: Array


class CellGradients(NamedTuple):
    """Gradients of one time step.

    dz_recurrent (G*H, B) is what W_hh receives: dz, but for the GRU's n block, which is r * dz_n. dh_prev: with
    respect to h_prev (input-rnn: to p_prev (D, B)); dc, dc_prev: of an LSTM, else None.
    """

    dz: Array
    dz_recurrent: Array
    dh_prev: Array
    dc: Array | None = None
    dc_prev: Array | None = None


def rnn_forward(w: Weights, x: Array, h_prev: Array, activation: str = "tanh") -> RNNStep:
    """h = f(W_xh x + W_hh h_prev + b_h)."""
    pre = product(w["W_xh"], x) + w["W_hh"] @ h_prev + w.get("b_h", 0.0)
    return RNNStep(x, h_prev, pre, h=activate(activation, pre))


def rnn_backward(w: Weights, s: RNNStep, dh: Array, activation: str = "tanh") -> CellGradients:
    dz = dh * derivative(activation, s.h)
    return CellGradients(dz, dz, dh_prev=w["W_hh"].T @ dz)


def input_rnn_forward(w: Weights, x: Array, p_prev: Array, activation: str = "tanh") -> InputRNNStep:
    """h = f(W_xh x + W_ph p_prev + b_h), where p_prev is the input of the time step before; W_ph (H, D)."""
    pre = product(w["W_xh"], x) + w["W_ph"] @ p_prev + w.get("b_h", 0.0)
    return InputRNNStep(x, p_prev, pre, h=activate(activation, pre))


def input_rnn_backward(w: Weights, s: InputRNNStep, dh: Array, activation: str = "tanh") -> CellGradients:
    dz = dh * derivative(activation, s.h)
    return CellGradients(dz, dz, dh_prev=w["W_ph"].T @ dz)


def lstm_forward(w: Weights, x: Array, h_prev: Array, c_prev: Array) -> LSTMStep:
    """c = f * c_prev + i * g; h = o * tanh(c)."""
    pre = product(w["W_xh"], x) + w["W_hh"] @ h_prev + w.get("b_h", 0.0)
    z_o, z_i, z_f, z_g = blocks(pre, 4)
    o = sigmoid(z_o)
    i = sigmoid(z_i)
    f = sigmoid(z_f)
    g = tanh(z_g)
    c = f * c_prev + i * g
    h = o * tanh(c)
    return LSTMStep(x, h_prev, c_prev, pre, o, i, f, g, c, h)


def lstm_backward(w: Weights, s: LSTMStep, dh: Array, dc: Array) -> CellGradients:
    tanh_c = tanh(s.c)
    dc = dc + dh * s.o * (1 - tanh_c**2)
    dz_o = dh * tanh_c * s.o * (1 - s.o)
    dz_i = dc * s.g * s.i * (1 - s.i)
    dz_f = dc * s.c_prev * s.f * (1 - s.f)
    dz_g = dc * s.i * (1 - s.g**2)
    dz = xp.concatenate([dz_o, dz_i, dz_f, dz_g])
    return CellGradients(dz, dz, dh_prev=w["W_hh"].T @ dz, dc=dc, dc_prev=dc * s.f)


def gru_forward(w: Weights, x: Array, h_prev: Array) -> GRUStep:
    """h = (1 - z) * n + z * h_prev, where n = tanh(W_xn x + b_n + r * (W_hn h_prev + b_hn))."""
    x_r, x_z, x_n = blocks(product(w["W_xh"], x) + w.get("b_h", 0.0), 3)
    h_r, h_z, h_n = blocks(w["W_hh"] @ h_prev, 3)
    r = sigmoid(z_r := x_r + h_r)
    z = sigmoid(z_z := x_z + h_z)
    a = h_n + w.get("b_hn", 0.0)
    n = tanh(z_n := x_n + r * a)
    h = (1 - z) * n + z * h_prev
    return GRUStep(x, h_prev, xp.concatenate([z_r, z_z, z_n]), r, z, n, a, h)


def gru_backward(w: Weights, s: GRUStep, dh: Array) -> CellGradients:
    dz_n = dh * (1 - s.z) * (1 - s.n**2)
    dz_z = dh * (s.h_prev - s.n) * s.z * (1 - s.z)
    dz_r = dz_n * s.a * s.r * (1 - s.r)
    da = dz_n * s.r
    dz = xp.concatenate([dz_r, dz_z, dz_n])
    dz_recurrent = xp.concatenate([dz_r, dz_z, da])
    return CellGradients(dz, dz_recurrent, dh_prev=w["W_hh"].T @ dz_recurrent + dh * s.z)


def step(w: Weights, x: Array, state: LayerState, activation: str) -> tuple[Array, LayerState]:
    """h (H, B) of a layer's next time step, and its next state."""
    match state:
        case LSTMState(h_prev, c_prev):
            s = lstm_forward(w, x, h_prev, c_prev)
            return s.h, LSTMState(s.h, s.c)
        case GRUState(h_prev):
            h = gru_forward(w, x, h_prev).h
            return h, GRUState(h)
        case InputState(p_prev):
            h = input_rnn_forward(w, x, p_prev, activation).h
            return h, InputState(columns_of(x, len(p_prev)).astype(h.dtype))
        case RNNState(h_prev):
            h = rnn_forward(w, x, h_prev, activation).h
            return h, RNNState(h)


def parameter_gradients(w: Weights, x: Array, h_prev: Array, d: CellGradients) -> dict[str, Array]:
    """dL/d(each array of w) of one time step, summed over B. h_prev: of input-rnn p_prev."""
    H = len(d.dz) if "W_ph" in w else len(h_prev)
    gradients = {
        "W_xh": d.dz @ columns_of(x, w["W_xh"].shape[1]).T,
        "W_ph" if "W_ph" in w else "W_hh": d.dz_recurrent @ h_prev.T,
        "b_h": d.dz.sum(axis=1, keepdims=True),
        "b_hn": d.dz_recurrent[-H:].sum(axis=1, keepdims=True),
    }
    return {name: gradients[name] for name in w}


def input_gradient(w: Weights, d: CellGradients) -> Array:
    """dL/dx (D, B) of one time step: what the layer below receives."""
    dx: Array = w["W_xh"].T @ d.dz
    return dx


def product(W: Array, x: Array) -> Array:
    """W x for columns x (D, B); for ids (B) the columns of W that one-hot inputs select."""
    result: Array = W[:, x] if x.dtype.kind in "iu" else W @ x
    return result


def columns_of(x: Array, D: int) -> Array:
    """x as columns (D, B): ids (B) become one-hot columns."""
    return (xp.arange(D)[:, None] == x).astype("float64") if x.dtype.kind in "iu" else x


def blocks(z: Array, gates: int) -> list[Array]:
    """(G*H, B) -> G views (H, B)."""
    return list(z.reshape(gates, -1, z.shape[1]))


def sigmoid(z: Array) -> Array:
    """1 / (1 + exp(-z)) as tanh(z/2)/2 + 1/2, which cannot overflow."""
    result: Array = tanh(z / 2) / 2 + 0.5
    return result


def activate(name: str, z: Array) -> Array:
    """f(z) for f one of tanh, sigmoid, relu and identity; KeyError for another name."""
    functions: dict[str, Callable[[Array], Array]] = {
        "tanh": tanh,
        "sigmoid": sigmoid,
        "relu": lambda z: xp.maximum(z, 0),
        "identity": lambda z: z,
    }
    return functions[name](z)


def derivative(name: str, h: Array) -> Array:
    """f'(z), given h = f(z)."""
    derivatives: dict[str, Callable[[Array], Array]] = {
        "tanh": lambda h: 1 - h**2,
        "sigmoid": lambda h: h * (1 - h),
        "relu": lambda h: (h > 0).astype(h.dtype),
        "identity": xp.ones_like,
    }
    return derivatives[name](h)
