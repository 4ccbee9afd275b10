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

CELLS = ("rnn", "lstm", "gru")
Step = Callable[[tuple[Array, ...]], None]
_PAD = 16  # numbers behind the last h, a 1 and zeros: the readout's bias rides along in its product


class Writer:
    """Steps through an rnn, lstm or gru that reads and writes ids. Its state is its own, at first zero.

    The states of all layers lie one behind the other, so that a layer reads the one below and its own as one vector;
    its matrix lies transposed, (what is read, gates), the order in which OpenBLAS multiplies a vector quickest.
    """

    def __init__(self, network: Network) -> None:
        """Raises ValueError where the network reads values, or is of another cell."""
        a = network.architecture
        if not a.by_id or a.cell not in CELLS:
            raise ValueError(f"a Writer cannot step through the cell {a.cell}")
        self.network, self.architecture = network, a
        L, H, G = a.layers, a.hidden, {"rnn": 1, "lstm": 4, "gru": 3}[a.cell]
        self._activate = activate(a.activation, a.dtype)
        memory = xp.zeros(L * H + _PAD, a.dtype)
        memory[L * H] = 1.0
        self._h = [memory[layer * H : (layer + 1) * H] for layer in range(L)]
        self._read = [memory[max(0, layer - 1) * H : (layer + 1) * H] for layer in range(L)]
        self._last = memory[(L - 1) * H :]
        self._z = [xp.zeros((G + 1) * H, a.dtype) for _ in range(L)]  # the gates, and of an LSTM c behind them
        self._spare = xp.zeros((G, H), a.dtype)
        self._scale = xp.ones(G * H, a.dtype)
        sigmoids = {"rnn": int(a.activation == "sigmoid"), "lstm": 3, "gru": 2}[a.cell]
        self._scale[: sigmoids * H] = 0.5  # sigmoid(z) = tanh(z/2)/2 + 1/2
        self._rows = xp.zeros((a.inputs, G * H), a.dtype)  # W_xh x + b for each id
        self._b = xp.zeros((L, G * H), a.dtype)
        self._b_hn = xp.zeros((L, H), a.dtype)
        self._W = [xp.zeros((len(read), G * H), a.dtype) for read in self._read]
        self._W_hy = xp.zeros((a.outputs, H + _PAD), a.dtype)
        # What enters each layer from outside, as views made once: for each id the first layer's, the others' biases.
        self._entering = [self._views(row) for row in self._rows]
        step = {"rnn": self._rnn, "lstm": self._lstm, "gru": self._gru}[a.cell]
        self._first, *above = (step(layer) for layer in range(L))
        self._above = list(zip(above, map(self._views, self._b[1:]), strict=True))
        self.pack()

    def pack(self) -> None:
        """Read the network's parameters again; the state stays."""
        p, a, scale = self.network.parameters, self.architecture, self._scale
        H = a.hidden
        for layer in range(a.layers):
            own, W = part(p, f"l{layer}."), self._W[layer]
            if "b_h" in own:
                xp.multiply(own["b_h"][:, 0], scale, self._b[layer])
            if "b_hn" in own:
                self._b_hn[layer] = own["b_hn"][:, 0]
            xp.multiply(own["W_hh"].T, scale, W[-H:])
            if layer:
                xp.multiply(own["W_xh"].T, scale, W[:H])
            else:
                xp.multiply(own["W_xh"].T, scale, self._rows)
                self._rows += self._b[0]
        self._W_hy[:, :H] = p["W_hy"]
        if "b_y" in p:
            self._W_hy[:, H] = p["b_y"][:, 0]

    def _views(self, row: Array) -> tuple[Array, ...]:
        """(G*H,) as a cell takes it: a GRU its r and z apart from its n."""
        edge = 2 * self.architecture.hidden if self.architecture.cell == "gru" else len(row)
        return row, row[:edge], row[edge:]

    def advance(self, symbol: int, logits: Array) -> None:
        """Read the id `symbol`; what is expected next goes to `logits` (V,)."""
        self._first(self._entering[symbol])
        for step, b in self._above:
            step(b)
        self._W_hy.dot(self._last, logits)

    def _rnn(self, layer: int) -> Step:
        W, dot, h, add = self._W[layer], self._read[layer].dot, self._h[layer], xp.add
        z, function = self._z[layer][: len(h)], self._activate

        def step(x: tuple[Array, ...]) -> None:
            dot(W, z)
            add(z, x[0], z)
            function(z, h)

        return step

    def _lstm(self, layer: int) -> Step:
        H = self.architecture.hidden
        W, dot, h, memory = self._W[layer], self._read[layer].dot, self._h[layer], self._z[layer]
        add, multiply, tanh, half = xp.add, xp.multiply, xp.tanh, xp.array(0.5, memory.dtype)
        z, sigmoids, o, i_f, g_c, c = (
            memory[a * H : b * H] for a, b in ((0, 4), (0, 3), (0, 1), (1, 3), (3, 5), (4, 5))
        )
        products = self._spare.reshape(-1)[: 2 * H]
        ig, fc = products[:H], products[H:]

        def step(x: tuple[Array, ...]) -> None:
            dot(W, z)
            add(z, x[0], z)
            tanh(z, z)
            multiply(sigmoids, half, sigmoids)
            add(sigmoids, half, sigmoids)
            multiply(i_f, g_c, products)
            add(ig, fc, c)
            tanh(c, ig)
            multiply(o, ig, h)

        return step

    def _gru(self, layer: int) -> Step:
        """r, z, n of what is below and of the own h apart: r stands between the two parts of n."""
        H = self.architecture.hidden
        W, h, memory, b_hn = self._W[layer], self._h[layer], self._z[layer], self._b_hn[layer]
        add, multiply, subtract, tanh, half = xp.add, xp.multiply, xp.subtract, xp.tanh, xp.array(0.5, memory.dtype)
        own, gates, r, u, n = (memory[a * H : b * H] for a, b in ((0, 3), (0, 2), (0, 1), (1, 2), (2, 3)))
        W_own, own_dot = W[-H:], h.dot
        W_below, below_dot, from_below = W[:H], self._read[layer][:H].dot, self._spare.reshape(-1)
        gates_below, n_below = from_below[: 2 * H], from_below[2 * H :]

        def step(x: tuple[Array, ...]) -> None:
            own_dot(W_own, own)
            if layer:
                below_dot(W_below, from_below)
                add(from_below, x[0], from_below)
                x_gates, x_n = gates_below, n_below
            else:
                _, x_gates, x_n = x
            add(gates, x_gates, gates)
            tanh(gates, gates)
            multiply(gates, half, gates)
            add(gates, half, gates)
            add(n, b_hn, n)
            multiply(r, n, n)
            add(n, x_n, n)
            tanh(n, n)
            subtract(h, n, h)
            multiply(u, h, h)
            add(h, n, h)

        return step

    def _c(self, layer: int) -> Array:
        """An LSTM's c."""
        return self._z[layer][4 * self.architecture.hidden :]

    @property
    def state(self) -> State:
        """A copy of the state, as `Network.step` has it, for one sequence."""
        h = [h.reshape(-1, 1).copy() for h in self._h]
        if self.architecture.cell == "lstm":
            return [LSTMState(h, self._c(layer).reshape(-1, 1).copy()) for layer, h in enumerate(h)]
        return [(GRUState if self.architecture.cell == "gru" else RNNState)(h) for h in h]

    @state.setter
    def state(self, state: State) -> None:
        for layer, parts in enumerate(state):
            xp.copyto(self._h[layer], parts[0][:, 0])
            if len(parts) > 1:
                xp.copyto(self._c(layer), parts[1][:, 0])
