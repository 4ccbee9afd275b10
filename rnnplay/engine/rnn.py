"""The plain cell over time, fast: `rnn_forward` and `rnn_backward` of cells.py for T time steps.

Out of the loop over time: W_xh x + b_h of a chunk of time steps, f'(z), and the products for dW and dx.
"""

from collections.abc import Callable, Sequence

from rnnplay.engine.arrays import Array, xp
from rnnplay.engine.layer import LayerInput, PaddingMask, RecurrentLayer, StateRows

add, multiply, subtract = xp.add, xp.multiply, xp.subtract


def activation_function(name: str, dtype: str) -> Callable[[Array, Array], object]:
    """(z, out) -> None, which writes f(z). A sigmoid is given z/2: sigmoid(z) = tanh(z/2)/2 + 1/2."""
    half, zero = xp.array(0.5, dtype), xp.array(0.0, dtype)

    def sigmoid(z: Array, out: Array) -> None:
        xp.tanh(z, out)
        multiply(out, half, out)
        add(out, half, out)

    def relu(z: Array, out: Array) -> None:
        xp.maximum(z, zero, out=out)

    def identity(z: Array, out: Array) -> None:
        if z is not out:
            xp.copyto(out, z)

    functions: dict[str, Callable[[Array, Array], object]] = {
        "tanh": xp.tanh,
        "sigmoid": sigmoid,
        "relu": relu,
        "identity": identity,
    }
    return functions[name]


def activation_derivative(name: str, h: Array, out: Array) -> None:
    """Write f'(z) to `out`, given h = f(z); h, out of one shape and dtype, two arrays. Raises KeyError."""
    match name:
        case "tanh":  # 1 - h^2
            multiply(h, h, out)
            subtract(1.0, out, out)
        case "sigmoid":  # h - h^2
            multiply(h, h, out)
            subtract(h, out, out)
        case "relu":  # 1 if h > 0, else 0
            xp.sign(h, out)
        case "identity":
            out.fill(1.0)
        case _:
            raise KeyError(name)


class RNNLayer(RecurrentLayer):
    """h = f(W_xh x + W_hh h_prev + b_h); state: h."""

    def _forward_buffers(self) -> None:
        self.activate = activation_function(self.activation, self.dtype)
        self.h_lhs = [self.recurrent.lhs_view(h) for h in self.h_at]
        self.h_out = [self.recurrent.out_view(h) for h in self.h_at]

    def _backward_buffers(self, steps: int) -> None:
        self.slope = xp.zeros((steps, self.B, self.H), self.dtype)
        self.slope_at = self.by_time_step(self.slope)
        self.dz = xp.zeros((self.T, self.B, self.H), self.dtype)
        self.dz_at = self.by_time_step(self.dz)
        self.dz_lhs = [self.recurrent_back.lhs_view(dz) for dz in self.dz_at]

    def _forward(self, x: LayerInput, mask: PaddingMask | None) -> None:
        recurrent, f = self.recurrent.step_function(), self.activate
        for chunk in self.chunks:
            a, b = chunk.start, chunk.stop
            self.input.forward(x, a, b, chunk.projection)
            h_prev, h_out, h_at = self.h_lhs[a:b], self.h_out[a + 1 : b + 1], self.h_at[a + 1 : b + 1]
            for t, (lhs, out, h, x_t) in enumerate(zip(h_prev, h_out, h_at, chunk.by_step, strict=True), a):
                recurrent(lhs, out)  # h = f(W_hh h_prev + (W_xh x + b_h))
                add(h, x_t, h)
                f(h, h)
                if mask is not None and (padding := mask.by_step[t]) is not None:
                    xp.copyto(h, self.h_at[t], where=padding)

    def backward(self, dy: Array | None, dlast: Sequence[Array] | None, dx: Array | None) -> StateRows:
        x, mask = self.x, self.mask
        self._begin_backward(None if dlast is None else dlast[0])
        dh, dh_padding = self.dh_at, self.dh_padding
        recurrent_back, dh_out, dz_all = self.recurrent_back.step_function(), self.dh_out, self.dz[None]
        dy_at = None if dy is None else self.by_time_step(dy)
        for a, b in reversed(self.backward_chunks):
            activation_derivative(self.activation, self.h[a + 1 : b + 1], self.slope[: b - a])
            if mask is not None:
                self.slope[: b - a] *= mask.active[a:b]
            for t in range(b - 1, a - 1, -1):
                padding = None if mask is None else mask.by_step[t]
                if dy_at is not None:
                    add(dh, dy_at[t], dh)
                if padding is not None:
                    multiply(dh, padding, dh_padding)
                multiply(dh, self.slope_at[t - a], self.dz_at[t])  # dz = dh f'(z)
                recurrent_back(self.dz_lhs[t], dh_out)  # dh_prev = W_hh^T dz
                if padding is not None:
                    add(dh, dh_padding, dh)
            self._input_gradient_chunk(a, b, dz_all, dx)
        self._input_gradient_all(dz_all, dx)
        dz_flat = self.dz.reshape(1, self.T * self.B, self.H)
        self._weight_gradient(dz_flat, 0, 1)
        self.input.backward(x, dz_flat)
        return (self.dh,)

    def gate_values(self) -> Array:
        return self.h[1:]
