"""Cells to play with, a time step at a time: `rnn = RNN(4, 3, V=4); y = rnn.step(x)`.

Without V a cell returns its hidden state, so that cells stack: `rnn2.step(rnn1.step(x))`. Weights are arrays under
the literature's names, `W_xh`, `W_hh`, `b_h`, `W_hy`, `b_y`: read them, print them, write into them.
"""

from typing import Any

from rnnplay.engine.architecture import GATES, Architecture
from rnnplay.engine.arrays import Array, xp
from rnnplay.engine.network import Network


class Cell:
    """One layer with a state of its own; D numbers come in, H are remembered, V (or H) come out."""

    cell = "rnn"

    def __init__(self, D: int, H: int, V: int | None = None, seed: int = 0, **choices: Any) -> None:
        """choices: what else an Architecture takes, such as activation="relu" or dtype="float32"."""
        chosen: dict[str, Any] = {"inputs_are_ids": False, "dtype": "float64", **choices}
        self.architecture = Architecture(cell=self.cell, inputs=D, hidden=H, outputs=V or H, **chosen)
        self.gates = GATES[self.cell]
        self.V = V
        self.network = Network(self.architecture, seed)
        self.parameters = {name.removeprefix("l0."): value for name, value in self.network.parameters.items()}
        if V is None:
            del self.parameters["W_hy"]
            self.parameters.pop("b_y", None)
        self.reset()

    def reset(self) -> None:
        """Forget: the state is zero again."""
        self.state = self.network.zero_state(1)

    @property
    def h(self) -> Array:
        """The hidden state (H, B)."""
        return self.state[0][0]

    def step(self, x: Array) -> Array:
        """A column (D), (D, 1) or (D, B) -> W_hy h + b_y, or h without V, of the same form."""
        column = xp.asarray(x, self.architecture.dtype)
        D = self.architecture.inputs
        flat = column.ndim == 1
        if flat:
            column = column[:, None]
        if column.ndim != 2 or column.shape[0] != D:
            raise ValueError(f"x: {xp.shape(x)} does not fit. Give a column of {D} numbers, or {D} rows.")
        B = column.shape[1]
        if self.h.shape[1] != B:
            if any(bool(part.any()) for part in self.state[0]):
                raise ValueError(f"x: {B} columns, but the state has {self.h.shape[1]}. Call reset() first.")
            self.state = self.network.zero_state(B)
        logits, self.state = self.network.step(column, self.state)
        y = self.h.copy() if self.V is None else logits
        return y[:, 0] if flat else y

    def __getattr__(self, name: str) -> Array:
        parameters: dict[str, Array] = self.__dict__.get("parameters", {})
        if name not in parameters:
            raise AttributeError(f"{type(self).__name__} has no {name}. It has {', '.join(parameters)}.")
        return parameters[name]

    def __setattr__(self, name: str, value: Any) -> None:
        """A parameter is written into, and keeps its shape; anything else is set."""
        parameters: dict[str, Array] = self.__dict__.get("parameters", {})
        if name in parameters:
            parameters[name][...] = value
        else:
            super().__setattr__(name, value)

    def __repr__(self) -> str:
        a = self.architecture
        return f"{type(self).__name__}(D={a.inputs}, H={a.hidden}, V={self.V})"


class RNN(Cell):
    """h_t = tanh(W_xh x_t + W_hh h_{t-1} + b_h)."""


class LSTM(Cell):
    """o, i, f = sigmoid(...), g = tanh(...); c_t = f*c_{t-1} + i*g; h_t = o*tanh(c_t). Row blocks: o, i, f, g."""

    cell = "lstm"


class GRU(Cell):
    """h_t = (1-z)*n + z*h_{t-1}, n = tanh(W_xn x + b_n + r*(W_hn h + b_hn)). Row blocks: r, z, n."""

    cell = "gru"
