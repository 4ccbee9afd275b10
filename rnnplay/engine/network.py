"""The network: stacked cells, readout and loss; encoder-decoder; the training step without its update."""

from collections.abc import Mapping
from dataclasses import replace
from types import SimpleNamespace
from typing import Self, cast

from rnnplay.engine.architecture import STATES, Architecture, Batch, State
from rnnplay.engine.arrays import Array, xp
from rnnplay.engine.front import Front
from rnnplay.engine.looking import (
    Activations,
    Forward,
    StateGradients,
    Statistics,
    activations,
    dead,
    norms,
    saturation,
    state_gradients,
)
from rnnplay.engine.memory import batch_bytes, check_batch, check_parameters
from rnnplay.engine.parameters import Parameters, initialise
from rnnplay.engine.readout import Readout
from rnnplay.engine.run import Parts
from rnnplay.engine.stack import Stack, inward, outward
from rnnplay.engine.stepping import Stepper

__all__ = ["Activations", "Forward", "Network", "StateGradients", "Statistics"]

KEPT_FRAMES = 8
KEPT_BYTES = 1 << 29
AT_A_TIME = 1 << 22  # numbers of one layer's gates that an evaluation holds at a time


class Frame:
    """All buffers for T time steps of B sequences and S of a source; the way forward and back through them."""

    def __init__(self, a: Architecture, p: Parameters, T: int, B: int, S: int, train: bool) -> None:
        check_batch(a, T, B, S, train)
        self.architecture, self.size = a, batch_bytes(a, T, B, S, train)
        self.encoder = Stack(a, p.values, p.gradients, "encoder.", S, B, train) if S else None
        self.front = Front(a, p.values, p.gradients) if a.features else None
        self.body = Stack(a, p.values, p.gradients, "", T, B, train)
        W, b, dW, db = p.values["W_hy"], p.values.get("b_y"), p.gradients["W_hy"], p.gradients.get("b_y")
        self.readout = Readout(a.readout, W, b, dW, db, T, B, train)
        self.dfeatures: Array | None = None

    def first(self, batch: Batch, state: State | None, rng: "xp.random.Generator | None") -> list[Parts] | None:
        """The state that the body starts with; None is zero."""
        if state is not None:
            return inward(state)
        if self.encoder is not None and batch.source is not None:
            self.encoder.forward(batch.source, None, batch.source_mask, rng)
            return self.encoder.end()
        if self.front is not None and batch.context is not None:
            return starting(self.architecture, self.front.forward(batch.context))
        return None

    def forward(self, batch: Batch, state: State | None, rng: "xp.random.Generator | None") -> Array:
        """The top layer's h (T, B, H), and the logits."""
        h = self.body.forward(batch.inputs, self.first(batch, state, rng), batch.mask, rng)
        self.readout.forward(h)
        return h

    def backward(self, h: Array, batch: Batch, state: State | None) -> list[Parts]:
        """After `readout.loss`: all gradients, and dL/d(the body's first state)."""
        dfirst = self.body.backward(self.readout.backward(h), None)
        if state is None and self.encoder is not None:
            self.encoder.backward(None, dfirst)
        if state is None and self.front is not None and batch.context is not None:
            self.dfeatures = self.front.backward([parts[0] for parts in dfirst])
        return dfirst


def starting(a: Architecture, h: list[Array]) -> list[Parts]:
    """Each layer's first state, from its h (B, H); an LSTM's c is zero."""
    return [(part, xp.zeros_like(part)) if a.cell == "lstm" else (part,) for part in h]


class Network:
    """A recurrent network and its gradients.

    `parameters` and `gradients` are views of `flat` and `flat_gradient`, under the names of `parameters.py`. Whoever
    writes into them is heard: nothing derived from them outlives a call.
    """

    def __init__(
        self,
        architecture: Architecture,
        seed: "int | xp.random.Generator | None" = 0,
        memory: tuple[Array, Array] | None = None,
    ) -> None:
        """seed: of the first parameters; None leaves them. memory: the two flat arrays, if they exist already."""
        check_parameters(architecture)
        self.architecture = architecture
        self._parameters = p = Parameters(architecture, memory)
        self.flat, self.flat_gradient = p.flat, p.flat_gradient
        self.parameters, self.gradients = p.values, p.gradients
        self.parameter_count = self.flat.size
        if seed is not None:
            initialise(architecture, self.parameters, xp.random.default_rng(seed))
        self._frames: dict[tuple[int, int, int, bool], Frame] = {}
        self._last: tuple[Batch, State | None] | None = None
        self._stepper = Stepper(architecture, self.parameters)

    def zero_state(self, B: int) -> State:
        """The state before anything was seen, for B sequences."""
        a, state = self.architecture, STATES[self.architecture.cell]
        sizes = [a.inputs if a.cell == "input-rnn" and layer == 0 else a.hidden for layer in range(a.layers)]
        return [state(*(xp.zeros((size, B), a.dtype) for _ in state._fields)) for size in sizes]

    def _frame(self, batch: Batch, state: State | None, train: bool) -> Frame:
        """Buffers for a batch, made once for each size; the sizes least recently used give way."""
        T, B = batch.inputs.shape[0], batch.inputs.shape[-1]
        if not T or not B:
            raise ValueError(f"batch: {T} time steps of {B} sequences hold nothing. Give at least one of each.")
        S = 0 if batch.source is None or state is not None else batch.source.shape[0]
        key = T, B, S, train
        frame = self._frames.pop(key, None)
        if frame is None:
            kept = list(self._frames)
            for old in kept:
                if len(self._frames) < KEPT_FRAMES and sum(f.size for f in self._frames.values()) < KEPT_BYTES:
                    break
                del self._frames[old]
            frame = Frame(self.architecture, self._parameters, T, B, S, train)
        self._frames[key] = frame
        return frame

    def learn(
        self,
        batch: Batch,
        state: State | None = None,
        rng: "xp.random.Generator | None" = None,
        total: float | None = None,
    ) -> tuple[float, State]:
        """Forward, loss, backward: the mean loss in nats, and the last state. `gradients` are overwritten.

        A state that is given stands in for an encoder's or the features'. rng draws the dropout masks; without it
        nothing is dropped. total: the sum of all weights, where the batch is a part of a larger one; loss and gradient
        are then its parts of the whole one's. Raises ValueError where the batch does not fit the network, TooLarge
        where memory is short.
        """
        frame = self._frame(batch, state, True)
        self._last = batch, state
        untouched = state is not None or (batch.source is None and batch.context is None)
        if untouched and (self.architecture.source or self.architecture.features):
            self.flat_gradient.fill(0.0)
        h = frame.forward(batch, state, rng)
        loss, total = frame.readout.loss(batch.targets, batch.weights, True, total)
        frame.backward(h, batch, state)
        return loss / total if total > 0.0 else 0.0, outward(self.architecture.cell, frame.body.end())

    def evaluate(self, batch: Batch, state: State | None = None) -> tuple[float, float, State]:
        """Sum of the weighted losses, sum of the weights, and the last state. Nothing is dropped.

        Long batches are read in pieces, so that memory does not grow with T.
        """
        T, B = batch.inputs.shape[0], batch.inputs.shape[-1]
        steps = max(1, AT_A_TIME // max(1, B * max(4 * self.architecture.hidden, self.architecture.outputs)))
        loss = total = 0.0
        last = state
        for start in range(0, max(1, T), steps):
            piece = batch if steps >= T else section(batch, start, start + steps)
            frame = self._frame(piece, last, False)
            frame.forward(piece, last, None)
            part, weight = frame.readout.loss(piece.targets, piece.weights, False)
            loss, total, last = loss + part, total + weight, outward(self.architecture.cell, frame.body.end())
        assert last is not None
        return loss, total, last

    def forward(self, batch: Batch, state: State | None = None, *, gates: bool = False) -> Forward:
        """Everything inside over a batch; targets and weights are not read, nothing is dropped."""
        T, B = batch.inputs.shape[0], batch.inputs.shape[-1]
        S = 0 if batch.source is None or state is not None else batch.source.shape[0]
        frame = Frame(self.architecture, self._parameters, T, B, S, False)
        frame.forward(batch, state, None)
        V = self.architecture.outputs
        logits = frame.readout.logits.reshape(V, T, B).transpose(1, 0, 2).copy()
        outputs = frame.readout.probabilities().reshape(V, T, B).transpose(1, 0, 2).copy()
        encoder = None if frame.encoder is None else activations(frame.encoder, gates)
        body = activations(frame.body, gates)
        return Forward(body.h, body.c, body.gates, body.state, logits, outputs, encoder)

    def backward_states(self, batch: Batch, state: State | None = None, weights: Array | None = None) -> StateGradients:
        """Gradients of a loss with respect to every state, gate and input; those of the parameters stay as they are.

        weights (T, B) say which time steps' losses count (their mean by weight); None takes those of the batch.
        """
        T, B = batch.inputs.shape[0], batch.inputs.shape[-1]
        S = 0 if batch.source is None or state is not None else batch.source.shape[0]
        own = Parameters(self.architecture)
        own.flat[...] = self.flat
        frame = Frame(self.architecture, own, T, B, S, True)
        h = frame.forward(batch, state, None)
        loss, total = frame.readout.loss(batch.targets, batch.weights if weights is None else weights, True)
        dfirst = frame.backward(h, batch, state)
        loss = loss / total if total > 0.0 else 0.0
        found = state_gradients(frame.body, loss, None)
        encoder = None if frame.encoder is None else state_gradients(frame.encoder, loss, dfirst)
        return replace(found, dfeatures=frame.dfeatures, encoder=encoder)

    def statistics(self) -> Statistics:
        """Norms, saturated gates and dead units, for the gradients of the last `learn` and its batch.

        It reads the batch once more with the present parameters: a third of a training step, only when asked for.
        """
        saturated: dict[str, tuple[float, float]] = {}
        still: dict[str, int] = {}
        if self._last is not None:
            batch, state = self._last
            frame = self._frame(batch, state, False)
            frame.forward(batch, state, None)
            saturated, still = saturation(self.architecture, frame.body), dead(frame.body)
        return Statistics(norms(self.gradients), norms(self.parameters), saturated, still)

    def step(self, x: Array, state: State) -> tuple[Array, State]:
        """One time step: ids (B) or values (D, B), and the state -> logits (V, B) and the next state."""
        return self._stepper.step(x, state)

    def encode(
        self, source: Array | None = None, source_mask: Array | None = None, features: Array | None = None
    ) -> State:
        """The decoder's first state, from a source (S, B) with its mask, or from features."""
        a = self.architecture
        if source is not None and a.source:
            S, B = source.shape
            check_batch(a, 1, B, S, False)
            encoder = Stack(a, self.parameters, self.gradients, "encoder.", S, B, False)
            encoder.forward(source, None, source_mask, None)
            return outward(a.cell, encoder.end())
        if features is not None and a.features:
            front = Front(a, self.parameters, self.gradients)
            return outward(a.cell, starting(a, front.forward(features)))
        raise ValueError("encode: this network has nothing to encode that with. Give what its architecture names.")

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


def section(batch: Batch, start: int, stop: int) -> Batch:
    """Time steps start to stop of a batch; what sets the first state goes with the first of them."""
    first = start == 0

    def cut(array: Array | None) -> Array | None:
        return None if array is None else array[start:stop]

    piece = SimpleNamespace(
        inputs=cut(batch.inputs),
        targets=cut(batch.targets),
        weights=cut(batch.weights),
        mask=cut(batch.mask),
        source=batch.source if first else None,
        source_mask=batch.source_mask if first else None,
        context=batch.context if first else None,
    )
    return cast(Batch, piece)
