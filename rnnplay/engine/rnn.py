"""The plain cell: h_t = f(W_xh x_t + W_hh h_{t-1} + b_h), f one of tanh, sigmoid, ReLU and identity."""

from collections.abc import Callable, Sequence

from rnnplay.engine.arrays import Array, xp
from rnnplay.engine.inputs import Steps
from rnnplay.engine.run import Held, Parts, Run

add, multiply, subtract = xp.add, xp.multiply, xp.subtract


def activate(name: str, dtype: str) -> Callable[[Array, Array], object]:
    """(z, out) -> None: the activation. A sigmoid takes half of z: sigmoid(z) = tanh(z/2)/2 + 1/2."""
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


def slope(name: str, h: Array, out: Array) -> None:
    """The activation's derivative, from its value h."""
    if name == "identity":
        out.fill(1.0)
    elif name == "relu":
        xp.sign(h, out)
    elif name == "sigmoid":
        multiply(h, h, out)
        subtract(h, out, out)
    else:
        multiply(h, h, out)
        subtract(1.0, out, out)


class RNNRun(Run):
    """State: h."""

    activation = "tanh"

    def _forward_buffers(self) -> None:
        self.activate = activate(self.activation, self.dtype)
        self.h_left = [self.recurrent.left(h) for h in self.h_at]
        self.h_right = [self.recurrent.right(h) for h in self.h_at]

    def _backward_buffers(self, steps: int) -> None:
        self.slope = xp.zeros((steps, self.B, self.H), self.dtype)
        self.slope_at = self.each(self.slope)
        self.dz = xp.zeros((self.T, self.B, self.H), self.dtype)
        self.dz_at = self.each(self.dz)
        self.dz_left = [self.recurrent_back.left(dz) for dz in self.dz_at]

    def begin(self, parts: Sequence[Array] | None) -> None:
        if parts is None:
            self.h[0] = 0.0
        else:
            xp.copyto(self.h[0], parts[0])

    def end(self, t: int) -> Parts:
        return (self.h[t],)

    def forward(self, x: Steps, held: Held | None) -> None:
        product, act = self.recurrent.each(), self.activate
        for s in self.stretches:
            a, b = s.start, s.stop
            self.input.forward(x, a, b, s.whole)
            views = zip(self.h_left[a:b], self.h_right[a + 1 : b + 1], self.h_at[a + 1 : b + 1], s.at, strict=True)
            for t, (left, right, h, x_t) in enumerate(views, a):
                product(left, right)
                add(h, x_t, h)
                act(h, h)
                if held is not None and (hold := held.at[t]) is not None:
                    xp.copyto(h, self.h_at[t], where=hold)

    def backward(
        self, x: Steps, dy: Array | None, dlast: Sequence[Array] | None, held: Held | None, dx: Array | None
    ) -> Parts:
        self._begin_backward(None if dlast is None else dlast[0])
        dh, dh_held = self.dh_at, self.dh_held
        product, dh_right, dz_all = self.recurrent_back.each(), self.dh_right, self.dz[None]
        dy_at = None if dy is None else self.each(dy)
        for a, b in reversed(self.back_stretches):
            slope(self.activation, self.h[a + 1 : b + 1], self.slope[: b - a])
            if held is not None:
                self.slope[: b - a] *= held.going[a:b]
            for t in range(b - 1, a - 1, -1):
                if dy_at is not None:
                    add(dh, dy_at[t], dh)
                hold = None if held is None else held.at[t]
                if hold is not None:
                    multiply(dh, hold, dh_held)
                multiply(dh, self.slope_at[t - a], self.dz_at[t])
                product(self.dz_left[t], dh_right)
                if hold is not None:
                    add(dh, dh_held, dh)
            self._back_stretch(a, b, dz_all, dx)
        self._back_whole(dz_all, dx)
        dz_flat = self.dz.reshape(1, self.T * self.B, self.H)
        self._weight_gradient(dz_flat, 0, 1)
        self._finish_gradient()
        self.input.backward(x, dz_flat)
        return (self.dh,)

    def state_gradients(self, dy: Array | None, dlast: Sequence[Array] | None, held: Held | None) -> Parts:
        return (self._hidden_gradient(self.dz, None, dy, None if dlast is None else dlast[0], held),)

    def gate_values(self) -> Array:
        return self.h[1:]

    def gate_gradients(self) -> Array:
        return self.dz


class SigmoidRun(RNNRun):
    activation = "sigmoid"
    gates = (0.5,)


class ReLURun(RNNRun):
    activation = "relu"


class IdentityRun(RNNRun):
    activation = "identity"
