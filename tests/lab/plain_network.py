"""The equations of the literature once more, unit by unit in plain Python, with a place to lean on every number.

Written for the tests and from the books, not from the program: gates by name, parameters by name, no arrays.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

BLOCKS = {"lstm": "oifg", "gru": "rzn", "rnn": "h", "input-rnn": "h"}  # the order of the rows in the parameters


def sigmoid(z: float) -> float:
    return 1 / (1 + math.exp(-z))


SQUASH = {"tanh": math.tanh, "sigmoid": sigmoid, "relu": lambda z: max(z, 0.0), "identity": lambda z: z}


@dataclass
class Plain:
    """One sequence through the network. `lean` adds to a number where it is used: {("sum", t, n, "f", u): 1e-3}."""

    cell: str
    activation: str
    layers: int
    hidden: int
    readout: str
    parameters: Mapping[str, Any]  # name -> rows of numbers
    lean: Mapping[tuple[Any, ...], float] = field(default_factory=dict)
    poked: Mapping[tuple[Any, ...], float] = field(default_factory=dict)  # (t, n, u) -> h set by hand
    seen: dict[tuple[Any, ...], float] = field(default_factory=dict)

    def note(self, key: tuple[Any, ...], value: float) -> float:
        value += self.lean.get(key, 0.0)
        self.seen[key] = value
        return value

    def weight(self, name: str, row: int, column: int, t: int) -> float:
        return float(self.parameters[name][row][column]) + self.lean.get(("W", name, row, column, t), 0.0)

    def dot(self, name: str, row: int, x: Sequence[float], t: int) -> float:
        return sum(self.weight(name, row, j, t) * x[j] for j in range(len(x)))

    def bias(self, name: str, row: int, t: int) -> float:
        return self.weight(name, row, 0, t) if name in self.parameters else 0.0

    def layer(self, t: int, n: int, x: list[float], h: list[float], c: list[float]) -> tuple[list[float], list[float]]:
        H, blocks, p = self.hidden, BLOCKS[self.cell], f"l{n}."
        recurrent = p + ("W_ph" if self.cell == "input-rnn" else "W_hh")
        new_h, new_c = [], []
        for u in range(H):
            gate = {}
            for k, name in enumerate(blocks):
                row = k * H + u
                from_x = self.note(("from x", t, n, name, u), self.dot(p + "W_xh", row, x, t))
                from_h = self.dot(recurrent, row, h, t)
                if name == "n":
                    from_h = gate["r"] * (from_h + self.bias(p + "b_hn", u, t))
                from_h = self.note(("from h", t, n, name, u), from_h)
                total = self.note(("sum", t, n, name, u), from_x + from_h + self.bias(p + "b_h", row, t))
                squash = math.tanh if name in "gn" else sigmoid
                gate[name] = self.note(
                    ("gate", t, n, name, u), SQUASH[self.activation](total) if name == "h" else squash(total)
                )
            if self.cell == "lstm":
                kept = self.note(("c", t, n, u), gate["f"] * c[u] + gate["i"] * gate["g"])
                new_c.append(kept)
                made = gate["o"] * math.tanh(kept)
            elif self.cell == "gru":
                made = (1 - gate["z"]) * gate["n"] + gate["z"] * h[u]
            else:
                made = gate["h"]
            new_h.append(self.note(("h", t, n, u), self.poked.get((t, n, u), made)))
        return new_h, new_c

    def loss(self, inputs: Sequence[Sequence[float]], targets: Sequence[Any], weights: Sequence[float]) -> float:
        """The weighted mean of the losses; `inputs` are columns, one-hot for ids."""
        sizes = [self.hidden] * self.layers
        if self.cell == "input-rnn":
            sizes[0] = len(inputs[0])
        states = [([0.0] * size, [0.0] * size) for size in sizes]
        total = 0.0
        for t, column in enumerate(inputs):
            x = [self.note(("x", t, j), value) for j, value in enumerate(column)]
            for n in range(self.layers):
                h, c = self.layer(t, n, x, *states[n])
                on = x if self.cell == "input-rnn" else [
                    value + self.lean.get(("h on", t, n, u), 0.0) for u, value in enumerate(h)
                ]  # fmt: skip
                states[n] = (on, [value + self.lean.get(("c on", t, n, u), 0.0) for u, value in enumerate(c)])
                x = [value + self.lean.get(("h up", t, n, u), 0.0) for u, value in enumerate(h)]
            y = [
                self.note(("y", t, k), self.dot("W_hy", k, x, t) + self.bias("b_y", k, t))
                for k in range(len(self.parameters["W_hy"]))
            ]
            step = self.note(("loss", t), self.step_loss(t, y, targets[t]))
            total += weights[t] * step
        return total / sum(weights)

    def step_loss(self, t: int, y: list[float], target: Any) -> float:
        if self.readout == "softmax":
            values = [math.exp(v) / sum(math.exp(w) for w in y) for v in y]
        else:
            values = y if self.readout == "linear" else [sigmoid(v) for v in y]
        for k, value in enumerate(values):
            self.note(("value", t, k), value)
        if self.readout == "softmax":
            return -math.log(values[int(target)])
        if self.readout == "sigmoid":
            pairs = zip(values, target, strict=True)
            return -sum(math.log(v) if g > 0.5 else math.log(1 - v) for v, g in pairs) / len(values)
        return sum((v - g) ** 2 for v, g in zip(values, target, strict=True)) / len(values)
