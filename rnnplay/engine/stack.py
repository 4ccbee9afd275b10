"""Layers on top of each other, for T time steps of B sequences: a network's body, or its encoder."""

from collections.abc import Mapping, Sequence

from rnnplay.engine.architecture import STATES, Architecture, State
from rnnplay.engine.arrays import Array, columns, rows, xp
from rnnplay.engine.gru import GRURun
from rnnplay.engine.input_rnn import InputRun
from rnnplay.engine.inputs import Ids, Steps
from rnnplay.engine.lstm import LSTMRun
from rnnplay.engine.parameters import part
from rnnplay.engine.rnn import IdentityRun, ReLURun, RNNRun, SigmoidRun
from rnnplay.engine.run import Held, Layer, Parts, Run

RNNS: dict[str, type[Run]] = {"tanh": RNNRun, "sigmoid": SigmoidRun, "relu": ReLURun, "identity": IdentityRun}
RUNS: dict[str, type[Run]] = {"lstm": LSTMRun, "gru": GRURun}


class Stack:
    """The runs of all layers. prefix: "" for the body, "encoder." for the encoder."""

    def __init__(
        self,
        a: Architecture,
        values: Mapping[str, Array],
        gradients: Mapping[str, Array],
        prefix: str,
        T: int,
        B: int,
        train: bool,
    ) -> None:
        self.architecture, self.T, self.B, self.train = a, T, B, train
        self.by_id = a.by_id or bool(prefix)
        self.D = a.source if prefix else a.inputs
        self.runs: list[Layer] = []
        for layer in range(a.layers):
            own, slopes = part(values, f"{prefix}l{layer}."), part(gradients, f"{prefix}l{layer}.")
            if a.cell == "input-rnn":
                self.runs.append(InputRun(own, slopes, T, B, train, a.activation))
            else:
                kind = RNNS[a.activation] if a.cell == "rnn" else RUNS[a.cell]
                self.runs.append(kind(own, slopes, self.by_id and layer == 0, T, B, train))
        self.outputs: list[Array] = []  # each layer's h (T, B, H), after dropout
        self.dropped: list[Array | None] = []
        self.dy: list[Array | None] = []  # what came to each layer from above, after `backward`
        self.held: Held | None = None
        self.x: Steps | None = None
        self.between = [xp.zeros((T, B, a.hidden), a.dtype) for _ in range(a.layers - 1 if train else 0)]

    def read(self, inputs: Array) -> Steps:
        """ids (T, B), or values (T, D, B) turned to lie as (T, B, D)."""
        if self.by_id:
            return Ids(inputs, self.D, self.architecture.dtype)
        if inputs.ndim != 3 or inputs.shape[1] != self.D:
            raise ValueError(f"inputs: {inputs.shape} does not fit. Give values (T, {self.D}, B).")
        return xp.ascontiguousarray(rows(inputs), self.architecture.dtype)

    def forward(
        self,
        inputs: Array,
        state: Sequence[Parts] | None,
        mask: Array | None,
        rng: "xp.random.Generator | None",
    ) -> Array:
        """inputs as in Batch, mask (T, B) -> the top layer's h (T, B, H). Without rng nothing is dropped."""
        a = self.architecture
        self.x = x = self.read(inputs)
        self.held = None if mask is None or bool(mask.all()) else Held(mask, a.dtype)
        self.outputs, self.dropped = [], []
        for layer, run in enumerate(self.runs):
            W_hh = run.parameters.get("W_hh")
            run.pack(None if W_hh is None else self._keep(W_hh.shape, a.weight_dropout, rng))
            run.begin(None if state is None else state[layer])
            run.forward(x, self.held)
            h = run.h[1:]
            dropped = self._keep(h.shape, a.dropout, rng)
            if dropped is not None:
                h = h * dropped
            self.dropped.append(dropped)
            self.outputs.append(h)
            x = h
        return self.outputs[-1]

    def _keep(self, shape: tuple[int, ...], share: float, rng: "xp.random.Generator | None") -> Array | None:
        """A mask that drops `share` of the numbers and scales up the rest, so that the mean stays."""
        if rng is None or share == 0.0:
            return None
        mask: Array = (rng.random(shape, xp.float32) >= share).astype(self.architecture.dtype)
        mask *= 1.0 / (1.0 - share)
        return mask

    def backward(self, dy: Array | None, dlast: Sequence[Parts] | None) -> list[Parts]:
        """dL/d(top h) (T, B, H) and dL/d(last states) -> the gradients, and dL/d(first states)."""
        assert self.x is not None
        dfirst: list[Parts] = []
        self.dy = []
        for layer in range(len(self.runs) - 1, -1, -1):
            run, dropped = self.runs[layer], self.dropped[layer]
            if dy is not None and dropped is not None:
                xp.multiply(dy, dropped, dy)
            self.dy.append(dy)
            below = self.outputs[layer - 1] if layer else self.x
            dx = self.between[layer - 1] if layer else None
            dfirst.append(run.backward(below, dy, None if dlast is None else dlast[layer], self.held, dx))
            dy = dx
        self.dy.reverse()
        return dfirst[::-1]

    def end(self) -> list[Parts]:
        """The last state of every layer: views into the buffers."""
        return [run.end(self.T) for run in self.runs]


def outward(cell: str, parts: Sequence[Parts]) -> State:
    """Parts (B, H) as they lie in memory -> states of columns (H, B), copied."""
    return [STATES[cell](*(columns(array.copy()) for array in layer)) for layer in parts]


def inward(state: State) -> list[Parts]:
    """States of columns (H, B) -> parts (B, H), views."""
    return [tuple(rows(array) for array in layer) for layer in state]
