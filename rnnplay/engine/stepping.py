"""One time step at a time: what sampling needs, as few calls as can be.

It reads the parameters where they are, so that a change by hand shows in the next step.
"""

from collections.abc import Mapping

from rnnplay.engine.architecture import Architecture, GRUState, InputState, LayerState, LSTMState, RNNState, State
from rnnplay.engine.arrays import Array, xp
from rnnplay.engine.parameters import part
from rnnplay.engine.readout import sigmoid
from rnnplay.engine.rnn import activate


class Stepper:
    """Steps through a network's layers with columns (H, B)."""

    def __init__(self, a: Architecture, values: Mapping[str, Array]) -> None:
        self.architecture = a
        self.layers = [part(values, f"l{layer}.") for layer in range(a.layers)]
        self.W_hy, self.b_y = values["W_hy"], values.get("b_y")
        self.halves = a.activation == "sigmoid"
        self.activate = activate(a.activation, a.dtype)
        self.remember = {"rnn": self._rnn, "lstm": self._lstm, "gru": self._gru}.get(a.cell)

    def step(self, x: Array, state: State) -> tuple[Array, State]:
        """ids (B) or values (D, B) -> logits (V, B) and the next state."""
        by_id = self.architecture.by_id
        after: State = []
        for layer, (p, s) in enumerate(zip(self.layers, state, strict=True)):
            W = p["W_xh"]
            entered = W[:, x] if by_id and layer == 0 else W.dot(x)  # (G*H, B)
            if "b_h" in p:
                entered += p["b_h"]
            if self.remember is None:
                previous, x = self._input(p, entered, s, x, by_id and layer == 0)
                after.append(previous)
            else:
                following = self.remember(p, entered, s)
                after.append(following)
                x = following[0]
        y = self.W_hy.dot(x)
        if self.b_y is not None:
            y += self.b_y
        return y, after

    def _rnn(self, p: dict[str, Array], z: Array, s: tuple[Array, ...]) -> LayerState:
        z += p["W_hh"].dot(s[0])
        if self.halves:
            z *= 0.5
        self.activate(z, z)
        return RNNState(z)

    def _lstm(self, p: dict[str, Array], z: Array, s: tuple[Array, ...]) -> LayerState:
        z += p["W_hh"].dot(s[0])
        H = s[0].shape[0]
        sigmoid(z[: 3 * H], z[: 3 * H])
        g = z[3 * H :]
        xp.tanh(g, g)
        g *= z[H : 2 * H]
        f = z[2 * H : 3 * H]
        c = f * s[1]
        c += g
        h = xp.tanh(c)
        h *= z[:H]
        return LSTMState(h, c)

    def _gru(self, p: dict[str, Array], z: Array, s: tuple[Array, ...]) -> LayerState:
        a = p["W_hh"].dot(s[0])
        H = s[0].shape[0]
        rz, n = z[: 2 * H], z[2 * H :]
        rz += a[: 2 * H]
        sigmoid(rz, rz)
        last = a[2 * H :]
        if "b_hn" in p:
            last += p["b_hn"]
        last *= rz[:H]
        n += last
        xp.tanh(n, n)
        h = s[0] - n
        h *= rz[H:]
        h += n
        return GRUState(h)

    def _input(
        self, p: dict[str, Array], z: Array, s: tuple[Array, ...], x: Array, by_id: bool
    ) -> tuple[InputState, Array]:
        if by_id:
            hot = xp.zeros_like(s[0])
            hot[x, xp.arange(x.size)] = 1.0
            x = hot
        z += p["W_ph"].dot(s[0])
        if self.halves:
            z *= 0.5
        self.activate(z, z)
        return InputState(x.astype(z.dtype)), z
