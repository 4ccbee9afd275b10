"""One sequence, one symbol after the other, as quickly as NumPy can: what writing a text needs.

The weights are packed once, with biases and both inputs of a layer in one matrix each, so that a time step is a handful
of calls on short contiguous arrays. The packed copy stands still while training goes on: `pack` follows it.
"""

from collections.abc import Callable

from rnnplay.engine.architecture import GRUState, LSTMState, RNNState, State
from rnnplay.engine.arrays import Array, xp
from rnnplay.engine.network import Network
from rnnplay.engine.parameters import part
from rnnplay.engine.rnn import activate

LEAD = 16  # numbers in front of every h, a 1 and zeros: biases ride along in the products, and h stays aligned
CELLS = ("rnn", "lstm", "gru")


class Writer:
    """Steps through an rnn, lstm or gru that reads and writes ids. Its state is its own, at first zero."""

    def __init__(self, network: Network) -> None:
        """Raises ValueError where the network reads values, or is of another cell."""
        a = network.architecture
        if not a.by_id or a.cell not in CELLS:
            raise ValueError(f"a Writer cannot step through the cell {a.cell}")
        self.network, self.architecture = network, a
        L, H, G = a.layers, a.hidden, {"rnn": 1, "lstm": 4, "gru": 3}[a.cell]
        self._activate = activate(a.activation, a.dtype)
        self._memory = memory = xp.zeros((L, LEAD + H), a.dtype)
        memory[:, 0] = 1.0
        self._h = list(memory[:, LEAD:])
        self._c = list(xp.zeros((L, H), a.dtype))
        self._read = [self._h[0], *(memory[layer - 1 : layer + 1].reshape(-1) for layer in range(1, L))]
        self._last = self._memory[-1]
        self._z = xp.zeros(G * H, a.dtype)
        self._spare = [xp.zeros(H, a.dtype) for _ in range(2)]
        self._scale = xp.ones((G * H, 1), a.dtype)
        sigmoids = {"rnn": int(a.activation == "sigmoid"), "lstm": 3, "gru": 2}[a.cell]
        self._scale[: sigmoids * H] = 0.5  # sigmoid(z) = tanh(z/2)/2 + 1/2
        self._rows = xp.zeros((a.inputs, G * H), a.dtype)
        self._W = [xp.zeros((G * H, len(read)), a.dtype) for read in self._read]
        self._W_n = [xp.zeros((H, LEAD + H), a.dtype) for _ in range(L)]  # of a GRU's n, from its own h
        self._W_hy = xp.zeros((a.outputs, LEAD + H), a.dtype)
        step = {"rnn": self._rnn, "lstm": self._lstm, "gru": self._gru}[a.cell]
        self._steps: list[Callable[[Array | None], None]] = [step(layer) for layer in range(L)]
        self.pack()

    def pack(self) -> None:
        """Read the network's parameters again; the state stays."""
        p, a, scale = self.network.parameters, self.architecture, self._scale
        H = a.hidden
        for layer in range(a.layers):
            own, W = part(p, f"l{layer}."), self._W[layer]
            if layer == 0:
                xp.multiply(own["W_xh"], scale, self._rows.T)
                if "b_h" in own:
                    self._rows += own["b_h"][:, 0] * scale[:, 0]
                xp.multiply(own["W_hh"], scale, W)
            else:
                xp.multiply(own["W_xh"], scale, W[:, LEAD : LEAD + H])
                if "b_h" in own:
                    xp.multiply(own["b_h"][:, 0], scale[:, 0], W[:, 0])
                xp.multiply(own["W_hh"], scale, W[:, -H:])
            if a.cell == "gru":
                self._W_n[layer][:, LEAD:] = own["W_hh"][2 * H :]
                if "b_hn" in own:
                    self._W_n[layer][:, 0] = own["b_hn"][:, 0]
        self._W_hy[:, LEAD:] = p["W_hy"]
        if "b_y" in p:
            self._W_hy[:, 0] = p["b_y"][:, 0]

    def advance(self, symbol: int, logits: Array) -> None:
        """Read the id `symbol`; what is expected next goes to `logits` (V,)."""
        x: Array | None = self._rows[symbol]
        for step in self._steps:
            step(x)
            x = None
        self._W_hy.dot(self._last, logits)

    def _rnn(self, layer: int) -> Callable[[Array | None], None]:
        dot, read, z, h, add = self._W[layer].dot, self._read[layer], self._z, self._h[layer], xp.add
        function = self._activate

        def step(x: Array | None) -> None:
            dot(read, z)
            if x is not None:
                add(z, x, z)
            function(z, h)

        return step

    def _lstm(self, layer: int) -> Callable[[Array | None], None]:
        H = self.architecture.hidden
        dot, read, z, h, c = self._W[layer].dot, self._read[layer], self._z, self._h[layer], self._c[layer]
        add, multiply, tanh, half = xp.add, xp.multiply, xp.tanh, xp.array(0.5, z.dtype)
        sigmoids, o, i, f, g = z[: 3 * H], z[:H], z[H : 2 * H], z[2 * H : 3 * H], z[3 * H :]
        spare = self._spare[0]

        def step(x: Array | None) -> None:
            dot(read, z)
            if x is not None:
                add(z, x, z)
            tanh(z, z)
            multiply(sigmoids, half, sigmoids)
            add(sigmoids, half, sigmoids)
            multiply(i, g, g)
            multiply(f, c, c)
            add(c, g, c)
            tanh(c, spare)
            multiply(o, spare, h)

        return step

    def _gru(self, layer: int) -> Callable[[Array | None], None]:
        H = self.architecture.hidden
        W, own, from_own = self._W[layer], self._memory[layer], self._W_n[layer].dot
        read, z, h, n = self._read[layer], self._z, self._h[layer], self._spare[0]
        add, multiply, subtract, tanh, half = xp.add, xp.multiply, xp.subtract, xp.tanh, xp.array(0.5, z.dtype)
        gates, r, u, from_x = z[: 2 * H], z[:H], z[H : 2 * H], z[2 * H :]
        dot, below, from_below = W[: 2 * H].dot, read[: LEAD + H], W[2 * H :, : LEAD + H].dot

        def step(x: Array | None) -> None:
            dot(read, gates)
            if x is None:
                from_below(below, from_x)
            else:
                add(gates, x[: 2 * H], gates)
            tanh(gates, gates)
            multiply(gates, half, gates)
            add(gates, half, gates)
            from_own(own, n)
            multiply(r, n, n)
            add(n, from_x if x is None else x[2 * H :], n)
            tanh(n, n)
            subtract(h, n, h)
            multiply(u, h, h)
            add(h, n, h)

        return step

    @property
    def state(self) -> State:
        """A copy of the state, as `Network.step` has it, for one sequence."""
        h = [h.reshape(-1, 1).copy() for h in self._h]
        if self.architecture.cell == "lstm":
            return [LSTMState(h, c.reshape(-1, 1).copy()) for h, c in zip(h, self._c, strict=True)]
        return [(GRUState if self.architecture.cell == "gru" else RNNState)(h) for h in h]

    @state.setter
    def state(self, state: State) -> None:
        for layer, parts in enumerate(state):
            xp.copyto(self._h[layer], parts[0][:, 0])
            if len(parts) > 1:
                xp.copyto(self._c[layer], parts[1][:, 0])
