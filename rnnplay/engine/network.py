"""The network: stacked cells, readout and loss; encoder-decoder; the training step without its update."""

from collections.abc import Mapping
from typing import Self

from rnnplay.engine.architecture import STATES, Architecture, Batch, State
from rnnplay.engine.arrays import Array, xp
from rnnplay.engine.parameters import Parameters, initialise
from rnnplay.engine.readout import Readout
from rnnplay.engine.run import Parts
from rnnplay.engine.stack import Stack, inward, outward
from rnnplay.engine.stepping import Stepper

KEPT_FRAMES = 6


class Frame:
    """All buffers for T time steps of B sequences, S of a source."""

    def __init__(self, a: Architecture, p: Parameters, T: int, B: int, S: int, train: bool) -> None:
        self.T, self.B = T, B
        self.encoder = Stack(a, p.values, p.gradients, "encoder.", S, B, train) if S else None
        self.body = Stack(a, p.values, p.gradients, "", T, B, train)
        W, b, dW, db = p.values["W_hy"], p.values.get("b_y"), p.gradients["W_hy"], p.gradients.get("b_y")
        self.readout = Readout(a.readout, W, b, dW, db, T, B, train)


class Network:
    """A recurrent network and its gradients.

    `parameters` and `gradients` are views of `flat` and `flat_gradient`, under the names of `parameters.py`. Whoever
    writes into them is heard: nothing derived from them outlives a call.
    """

    def __init__(self, architecture: Architecture, seed: "int | xp.random.Generator" = 0) -> None:
        self.architecture = architecture
        self._parameters = p = Parameters(architecture)
        self.flat, self.flat_gradient = p.flat, p.flat_gradient
        self.parameters, self.gradients = p.values, p.gradients
        self.parameter_count = self.flat.size
        initialise(architecture, self.parameters, xp.random.default_rng(seed))
        self._frames: dict[tuple[int, int, int, bool], Frame] = {}
        self._last: Frame | None = None
        self._stepper = Stepper(architecture, self.parameters)

    def zero_state(self, B: int) -> State:
        """The state before anything was seen, for B sequences."""
        a, state = self.architecture, STATES[self.architecture.cell]
        sizes = [a.inputs if a.cell == "input-rnn" and layer == 0 else a.hidden for layer in range(a.layers)]
        return [state(*(xp.zeros((size, B), a.dtype) for _ in state._fields)) for size in sizes]

    def _frame(self, T: int, B: int, S: int, train: bool) -> Frame:
        """Buffers, made once for each size; the sizes least recently used give way."""
        key = T, B, S, train
        frame = self._frames.pop(key, None)
        if frame is None:
            while len(self._frames) >= KEPT_FRAMES:
                del self._frames[next(iter(self._frames))]
            frame = Frame(self.architecture, self._parameters, T, B, S, train)
        self._frames[key] = frame
        return frame

    def _first(
        self, frame: Frame, batch: Batch, state: State | None, rng: "xp.random.Generator | None"
    ) -> list[Parts] | None:
        """The state that the body starts with; None is zero."""
        if frame.encoder is not None and state is None:
            assert batch.source is not None
            frame.encoder.forward(batch.source, None, batch.source_mask, rng)
            return frame.encoder.end()
        return None if state is None else inward(state)

    def learn(
        self, batch: Batch, state: State | None = None, rng: "xp.random.Generator | None" = None
    ) -> tuple[float, State]:
        """Forward, loss, backward: the mean loss in nats, and the last state. `gradients` are overwritten.

        rng draws the dropout masks; without it nothing is dropped.
        """
        T, B = batch.inputs.shape[0], batch.inputs.shape[-1]
        S = 0 if batch.source is None or state is not None else batch.source.shape[0]
        frame = self._last = self._frame(T, B, S, True)
        first = self._first(frame, batch, state, rng)
        h = frame.body.forward(batch.inputs, first, batch.mask, rng)
        frame.readout.forward(h)
        loss, total = frame.readout.loss(batch.targets, batch.weights, True)
        dfirst = frame.body.backward(frame.readout.backward(h), None)
        if frame.encoder is not None:
            frame.encoder.backward(None, dfirst)
        return loss / total if total > 0.0 else 0.0, outward(self.architecture.cell, frame.body.end())

    def evaluate(self, batch: Batch, state: State | None = None) -> tuple[float, float, State]:
        """Sum of the weighted losses, sum of the weights, and the last state. Nothing is dropped."""
        T, B = batch.inputs.shape[0], batch.inputs.shape[-1]
        S = 0 if batch.source is None or state is not None else batch.source.shape[0]
        frame = self._frame(T, B, S, False)
        first = self._first(frame, batch, state, None)
        frame.readout.forward(frame.body.forward(batch.inputs, first, batch.mask, None))
        loss, total = frame.readout.loss(batch.targets, batch.weights, False)
        return loss, total, outward(self.architecture.cell, frame.body.end())

    def step(self, x: Array, state: State) -> tuple[Array, State]:
        """One time step: ids (B) or values (D, B), and the state -> logits (V, B) and the next state."""
        return self._stepper.step(x, state)

    def load(self, arrays: Mapping[str, Array]) -> None:
        """Replace every parameter; nothing is changed where a name, a shape or a number is wrong."""
        for name in [*self.parameters, *arrays]:
            if name not in arrays or name not in self.parameters:
                where = "missing" if name not in arrays else "not part of this network"
                raise ValueError(f"{name}: it is {where}. Load the parameters of a network of the same architecture.")
        for name, value in self.parameters.items():
            array = arrays[name]
            if array.shape != value.shape:
                raise ValueError(f"{name}: {array.shape} does not fit {value.shape}. Choose the same sizes.")
            if not bool(xp.isfinite(array).all()):
                raise ValueError(f"{name}: it holds a number that is not finite. Load an earlier checkpoint.")
        for name, value in self.parameters.items():
            value[...] = arrays[name]

    def copy(self) -> Self:
        """A network of its own with the same parameters."""
        other = type(self)(self.architecture)
        other.flat[...] = self.flat
        return other

