"""A float64 copy of a network that runs one time step after another, forward and backward.

All intermediate values are stored, and hidden values, inputs and weights may be set by hand. An encoder-decoder is two
chains of layers of which the second begins with the state that the first one ends with.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from rnnplay.engine.architecture import Architecture
from rnnplay.engine.cells import CellGradients, columns_of, input_gradient, parameter_gradients
from rnnplay.engine.front import InitialStateNetwork
from rnnplay.engine.parameters import layer_parameters
from rnnplay.engine.readout import loss_gradient, loss_per_step, outputs_of
from rnnplay.lab import cell_step
from rnnplay.lab.cell_step import Array, CellStep, LayerWeights
from rnnplay.tasks.base import Batch

State = list[tuple[Array, Array | None]]
"""h (H, B) and c (H, B) or None, for each layer; for input-rnn the previous input instead of h."""

PokedValues = Mapping[tuple[int, int, int, str], Mapping[int, float]]
"""(part, time, layer, "h" or "c") -> unit -> the value that it is set to."""


@dataclass(frozen=True, eq=False)
class LayerChain:
    """Layers over time. `prefix` is what its parameters' names begin with."""

    name: str
    prefix: str
    layers: list[LayerWeights]

    def forward(self, inputs: Array, state: State, poked: PokedValues, part: int) -> list[list[CellStep]]:
        """Cell steps [time][layer] for inputs (T, D, B) or ids (T, B)."""
        moments: list[list[CellStep]] = []
        for t, x in enumerate(inputs):
            row = []
            for n, W in enumerate(self.layers):
                h, c = state[n]
                m = cell_step.forward(W, x, h, c, poked.get((part, t, n, "h")), poked.get((part, t, n, "c")))
                row.append(m)
                # The state of an input-rnn is the input that it has just read, of the others the hidden state.
                memory = columns_of(x, h.shape[0]) if W.cell == "input-rnn" else m.h
                state = [*state[:n], (memory, m.c), *state[n + 1 :]]
                x = m.h
            moments.append(row)
        return moments

    def backward(
        self,
        moments: list[list[CellStep]],
        above: Sequence[Array | None],
        end: State | None = None,
        inputs: bool = False,
    ) -> "BackwardPass":
        """The way back: `above[t]` is dL/dh of the top layer from the readout, `end` dL/d(the last state).

        `inputs`: dL/dx too.
        """
        T, L = len(moments), len(self.layers)
        back = BackwardPass([])
        future: State = list(end) if end is not None else [(np.zeros(()), None)] * L
        for t in reversed(range(T)):
            down: Array | None = above[t]
            row: list[StepGradients] = []
            for n in reversed(range(L)):
                W, m = self.layers[n], moments[t][n]
                dh_next, dc_next = future[n]
                zero = np.zeros_like(m.h)
                dh_above = zero if down is None else down
                # input-rnn: what comes from the next time step belongs to the input, not to h.
                dh_future, dp_future = (zero, dh_next) if W.cell == "input-rnn" else (zero + dh_next, None)
                dc_future = None if m.c is None else (np.zeros_like(m.c) if dc_next is None else dc_next)
                d = cell_step.backward(W, m, dh_above + dh_future, dc_future)
                row.append(StepGradients(dh_above, dh_future, dc_future, dp_future, d))
                future[n] = (d.dh_prev, d.dc_prev)
                down = input_gradient(W.w, d) if n or inputs else None
                if W.cell == "input-rnn" and down is not None:
                    down = down + dh_next
            back.slopes.insert(0, row[::-1])
            if inputs and down is not None:
                back.inputs[t] = down
        back.start = future
        return back


@dataclass(frozen=True, eq=False)
class StepGradients:
    """dL/dh from above and from the next time step, dL/dc from the next time step, and what the cell makes of them.

    dp_future: of input-rnn, dL/d(the input) from the next time step, which remembers it.
    """

    above: Array
    future: Array
    dc_future: Array | None
    dp_future: Array | None
    cell: CellGradients


@dataclass(eq=False)
class BackwardPass:
    """The way back through one chain: slopes [time][layer], dL/d(first state), and dL/dx where it was wanted."""

    slopes: list[list[StepGradients]]
    inputs: dict[int, Array] = field(default_factory=dict)
    start: State = field(default_factory=list)


@dataclass(eq=False)
class ForwardPass:
    """A walk forward: y, values (probabilities, or the numbers predicted) and targets (T, V, B), losses (T, B).

    `share` (T, B) is how much each time step's loss counts in `loss`; it sums to 1.
    """

    batch: Batch
    moments: list[list[list[CellStep]]]  # [part][time][layer]
    product: Array  # W_hy h
    y: Array
    values: Array
    losses: Array
    loss_weights: Array
    loss: float


class ReferenceNetwork:
    """A network's parameters in float64, by the engine's names, and the way through them for one batch."""

    def __init__(self, architecture: Architecture, parameters: Mapping[str, Array]) -> None:
        self.architecture = architecture
        self.parameters = {name: np.array(value, np.float64) for name, value in parameters.items()}
        names = (("encoder", "encoder."), ("decoder", "")) if architecture.source_vocabulary_size else (("", ""),)
        self.chains = [LayerChain(name, prefix, self._layers(prefix)) for name, prefix in names]

    def _layers(self, prefix: str) -> list[LayerWeights]:
        a = self.architecture
        names = [f"{prefix}l{n}." for n in range(a.layers)]
        return [LayerWeights(a.cell, a.activation, layer_parameters(self.parameters, name)) for name in names]

    def zero(self, B: int) -> State:
        a = self.architecture
        sizes = [a.hidden] * a.layers
        if a.cell == "input-rnn":
            sizes[0] = a.inputs
        return [(np.zeros((size, B)), np.zeros((size, B)) if a.cell == "lstm" else None) for size in sizes]

    def _from_features(self, features: Array) -> State:
        """The first state that a vector or a picture sets."""
        result = self._front({}).forward(features)
        return [(h.T.copy(), np.zeros(h.T.shape) if self.architecture.cell == "lstm" else None) for h in result]

    def _front(self, gradients: dict[str, Array]) -> InitialStateNetwork:
        return InitialStateNetwork(replace(self.architecture, dtype="float64"), self.parameters, gradients)

    def forward(self, batch: Batch, state: State | None = None, poked: PokedValues | None = None) -> ForwardPass:
        """Walk through `batch` from `state` (zero), which an encoder's last one replaces."""
        poked, T, B = poked or {}, batch.inputs.shape[0], batch.inputs.shape[-1]
        moments: list[list[list[CellStep]]] = []
        if state is None:
            state = self.zero(B) if batch.context is None else self._from_features(batch.context)
        for part, chain in enumerate(self.chains):
            encodes = len(self.chains) > 1 and part == 0
            inputs = batch.source if encodes else batch.inputs
            assert inputs is not None
            if inputs.dtype.kind not in "iu":
                inputs = inputs.astype(np.float64)
            moments.append(chain.forward(inputs, state, poked, part))
            if encodes and moments[-1]:
                state = [(m.h, m.c) for m in moments[-1][-1]]
        top = np.stack([row[-1].h for row in moments[-1]])  # (T, H, B)
        product = self.parameters["W_hy"] @ top
        y = product + self.parameters["b_y"] if "b_y" in self.parameters else product
        with np.errstate(invalid="ignore"):
            values = outputs_of(y, self.architecture.readout)
            losses = loss_per_step(y, batch.targets, self.architecture.readout)
        loss_weights = np.ones((T, B)) if batch.weights is None else batch.weights.astype(np.float64)
        loss_weights = loss_weights / max(loss_weights.sum(), 1e-300)
        with np.errstate(invalid="ignore"):
            loss = float((losses * loss_weights)[loss_weights > 0].sum())
        return ForwardPass(batch, moments, product, y, values, losses, loss_weights, loss)

    def loss_gradient(self, fwd: ForwardPass) -> Array:
        """dL/dy (T, V, B) of the way's loss."""
        return loss_gradient(fwd.values, fwd.batch.targets, self.architecture.readout) * fwd.loss_weights[:, None]

    def backward(self, fwd: ForwardPass, dy: Array, inputs: bool = False) -> list[BackwardPass]:
        """Go from dL/dy (T, V, B) back through every chain, the last one first; the answer is in the chains' order."""
        W_hy = self.parameters["W_hy"]
        above: Sequence[Array | None] = [W_hy.T @ dy[t] if dy[t].any() else None for t in range(len(dy))]
        end: State | None = None
        result: list[BackwardPass] = []
        for chain, moments in zip(reversed(self.chains), reversed(fwd.moments), strict=True):
            back = chain.backward(moments, above, end, inputs)
            result.insert(0, back)
            end, above = back.start, [None] * len(fwd.moments[0])
        return result

    def gradients(self, fwd: ForwardPass, backs: Sequence[BackwardPass], dy: Array) -> dict[str, Array]:
        """dL/dW of every parameter on the way, by name."""
        result = {name: np.zeros_like(value) for name, value in self.parameters.items()}
        result["W_hy"] += np.einsum("tvb,thb->vh", dy, np.stack([row[-1].h for row in fwd.moments[-1]]))
        if "b_y" in result:
            result["b_y"] += dy.sum(axis=(0, 2))[:, None]
        for chain, moments, back in zip(self.chains, fwd.moments, backs, strict=True):
            for row, slopes in zip(moments, back.slopes, strict=True):
                for n, (m, s) in enumerate(zip(row, slopes, strict=True)):
                    added = parameter_gradients(chain.layers[n].w, m.x, m.h_prev, s.cell)
                    for name, gradient in added.items():
                        result[f"{chain.prefix}l{n}.{name}"] += gradient
        if fwd.batch.context is not None and self.architecture.context_size:
            front = self._front(result)
            front.forward(fwd.batch.context)
            front.backward([h.T for h, _ in backs[0].start])
        return result
