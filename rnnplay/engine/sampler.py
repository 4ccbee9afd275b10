"""One sequence, one symbol after the other, for sampling a text: `make_stepper(network)`.

`PackedStepper` computes the equations of cells.py as fast as NumPy can: the weights are packed once, with biases and
both inputs of a layer in one matrix each, so that a time step is a handful of calls on short contiguous arrays.
"""

from collections.abc import Callable

from rnnplay.engine.architecture import STATES, State
from rnnplay.engine.arrays import Array, xp
from rnnplay.engine.network import Network
from rnnplay.engine.parameters import layer_parameters
from rnnplay.engine.rnn import activation_function

PACKED_CELLS = ("rnn", "lstm", "gru")
CellStep = Callable[[tuple[Array, ...]], None]
_PAD = 16  # numbers behind the last h, a 1 and zeros: the readout's bias is a column of its matrix


class NetworkStepper:
    """Steps through any network that reads and writes ids, by `Network.step`, from a zero state."""

    def __init__(self, network: Network) -> None:
        self.network, self._id = network, xp.zeros(1, "int32")
        self.state: State = network.zero_state(1)

    def pack(self) -> None:
        """Do nothing: `Network.step` reads the parameters at every call."""

    def step(self, symbol: int, logits: Array) -> None:
        """Read the id `symbol`, and write the logits of the next one to `logits` (V,)."""
        self._id[0] = symbol
        y, self.state = self.network.step(self._id, self.state)
        xp.copyto(logits, y[:, 0])


class PackedStepper:
    """Steps through an rnn, lstm or gru that reads and writes ids, from a zero state.

    It computes with a copy of the weights: call `pack` after they have changed. The h of all layers lie one behind the
    other, so that a layer reads the one below and its own as one vector; its matrix lies transposed, (what is read,
    gates), the order in which OpenBLAS multiplies a vector fastest.
    """

    def __init__(self, network: Network) -> None:
        """Raises ValueError if the network reads values, or is of another cell."""
        a = network.architecture
        if not a.inputs_are_ids or a.cell not in PACKED_CELLS:
            raise ValueError(f"a PackedStepper cannot step through the cell {a.cell}")
        self.network, self.architecture = network, a
        L, H, G = a.layers, a.hidden, {"rnn": 1, "lstm": 4, "gru": 3}[a.cell]
        self._activate = activation_function(a.activation, a.dtype)
        memory = xp.zeros(L * H + _PAD, a.dtype)
        memory[L * H] = 1.0
        self._h = [memory[n * H : (n + 1) * H] for n in range(L)]
        self._read = [memory[max(0, n - 1) * H : (n + 1) * H] for n in range(L)]
        self._last = memory[(L - 1) * H :]
        self._z = [xp.zeros((G + 1) * H, a.dtype) for _ in range(L)]  # the gates, and of an LSTM c behind them
        self._scratch = xp.zeros(G * H, a.dtype)
        self._scale = xp.ones(G * H, a.dtype)
        sigmoids = {"rnn": int(a.activation == "sigmoid"), "lstm": 3, "gru": 2}[a.cell]
        self._scale[: sigmoids * H] = 0.5  # sigmoid(z) = tanh(z/2)/2 + 1/2
        self._projected_rows = xp.zeros((a.inputs, G * H), a.dtype)  # W_xh x + b_h for each id
        self._b = xp.zeros((L, G * H), a.dtype)
        self._b_hn = xp.zeros((L, H), a.dtype)
        self._W = [xp.zeros((len(read), G * H), a.dtype) for read in self._read]
        self._W_hy = xp.zeros((a.outputs, H + _PAD), a.dtype)
        # What each layer adds to its products, as views made once: W_xh x + b_h of each id, above the biases.
        self._projections = [self._views(row) for row in self._projected_rows]
        make = {"rnn": self._rnn, "lstm": self._lstm, "gru": self._gru}[a.cell]
        self._first_step, *steps = (make(n) for n in range(L))
        self._steps_above = list(zip(steps, map(self._views, self._b[1:]), strict=True))
        self.pack()

    def pack(self) -> None:
        """Read the network's parameters again; the state stays."""
        p, a, scale = self.network.parameters, self.architecture, self._scale
        H = a.hidden
        for n, W in enumerate(self._W):
            w = layer_parameters(p, f"l{n}.")
            if "b_h" in w:
                xp.multiply(w["b_h"][:, 0], scale, self._b[n])
            if "b_hn" in w:
                self._b_hn[n] = w["b_hn"][:, 0]
            xp.multiply(w["W_hh"].T, scale, W[-H:])
            xp.multiply(w["W_xh"].T, scale, W[:H] if n else self._projected_rows)
        self._projected_rows += self._b[0]
        self._W_hy[:, :H] = p["W_hy"]
        if "b_y" in p:
            self._W_hy[:, H] = p["b_y"][:, 0]

    def _views(self, row: Array) -> tuple[Array, ...]:
        """(G*H,) as a cell takes it: all, and a GRU's r and z apart from its n."""
        edge = 2 * self.architecture.hidden if self.architecture.cell == "gru" else len(row)
        return row, row[:edge], row[edge:]

    def step(self, symbol: int, logits: Array) -> None:
        """Read the id `symbol`, and write the logits of the next one to `logits` (V,)."""
        self._first_step(self._projections[symbol])
        for step, b in self._steps_above:
            step(b)
        self._W_hy.dot(self._last, logits)

    def _rnn(self, n: int) -> CellStep:
        W, dot, h, add = self._W[n], self._read[n].dot, self._h[n], xp.add
        z, activate = self._z[n][: len(h)], self._activate

        def step(x: tuple[Array, ...]) -> None:
            dot(W, z)
            add(z, x[0], z)
            activate(z, h)

        return step

    def _lstm(self, n: int) -> CellStep:
        H = self.architecture.hidden
        W, dot, h, memory = self._W[n], self._read[n].dot, self._h[n], self._z[n]
        add, multiply, tanh, half = xp.add, xp.multiply, xp.tanh, xp.array(0.5, memory.dtype)
        z, oif, o, i_f, g_c, c = (memory[a * H : b * H] for a, b in ((0, 4), (0, 3), (0, 1), (1, 3), (3, 5), (4, 5)))
        ig_fc = self._scratch[: 2 * H]
        ig, fc = ig_fc[:H], ig_fc[H:]
        tanh_c = ig

        def step(x: tuple[Array, ...]) -> None:
            dot(W, z)
            add(z, x[0], z)
            tanh(z, z)
            multiply(oif, half, oif)
            add(oif, half, oif)
            multiply(i_f, g_c, ig_fc)
            add(ig, fc, c)
            tanh(c, tanh_c)
            multiply(o, tanh_c, h)

        return step

    def _gru(self, n: int) -> CellStep:
        """The products with the h below and with its own are apart: r stands between the two parts of n."""
        H = self.architecture.hidden
        W, h, memory, b_hn = self._W[n], self._h[n], self._z[n], self._b_hn[n]
        add, multiply, subtract, tanh, half = xp.add, xp.multiply, xp.subtract, xp.tanh, xp.array(0.5, memory.dtype)
        rzn, rz, r, z, a = (memory[a * H : b * H] for a, b in ((0, 3), (0, 2), (0, 1), (1, 2), (2, 3)))
        W_hh, dot, scratch = W[-H:], h.dot, self._scratch
        W_xh, below_dot = W[:H], self._read[n][:H].dot
        below = scratch, scratch[: 2 * H], scratch[2 * H :]

        def step(x: tuple[Array, ...]) -> None:
            dot(W_hh, rzn)
            if n:
                below_dot(W_xh, scratch)
                add(scratch, x[0], scratch)
                x = below
            _, x_rz, x_n = x
            add(rz, x_rz, rz)
            tanh(rz, rz)
            multiply(rz, half, rz)
            add(rz, half, rz)
            add(a, b_hn, a)
            multiply(r, a, a)
            add(a, x_n, a)
            tanh(a, a)  # n
            subtract(h, a, h)
            multiply(z, h, h)
            add(h, a, h)

        return step

    def _state_arrays(self) -> list[tuple[Array, ...]]:
        """Each layer's state, views (H,): h, and of an LSTM c."""
        H = self.architecture.hidden
        if self.architecture.cell == "lstm":
            return [(h, z[4 * H :]) for h, z in zip(self._h, self._z, strict=True)]
        return [(h,) for h in self._h]

    @property
    def state(self) -> State:
        """A copy of the state, as `Network.step` has it, for one sequence."""
        kind = STATES[self.architecture.cell]
        return [kind(*(array[:, None].copy() for array in layer)) for layer in self._state_arrays()]

    @state.setter
    def state(self, state: State) -> None:
        for layer, new in zip(self._state_arrays(), state, strict=True):
            for array, value in zip(layer, new, strict=True):
                xp.copyto(array, value[:, 0])


def make_stepper(network: Network) -> PackedStepper | NetworkStepper:
    """The fastest way to step through `network`, which reads ids."""
    return (PackedStepper if network.architecture.cell in PACKED_CELLS else NetworkStepper)(network)
