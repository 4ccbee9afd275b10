"""The network: stacked cells, readout and loss; encoder-decoder; the training step without its update."""

from collections.abc import Mapping
from typing import Self

from rnnplay.engine import cells
from rnnplay.engine.activations import ForwardResult, activations
from rnnplay.engine.architecture import STATES, Architecture, BatchLike, SliceableBatch, State
from rnnplay.engine.arrays import Array, xp
from rnnplay.engine.front import InitialStateNetwork
from rnnplay.engine.layer import StateRows
from rnnplay.engine.layer_stack import LayerStack, state_from_rows, state_to_rows
from rnnplay.engine.memory_limits import batch_bytes, check_batch, check_parameters
from rnnplay.engine.parameters import Parameters, initialise, layer_parameters
from rnnplay.engine.readout import Readout

MAX_CACHED_BUFFERS = 8
MAX_CACHED_BYTES = 1 << 29
EVAL_CHUNK_SIZE = 1 << 22  # numbers of one layer's gates that an evaluation computes at a time


class BatchBuffers:
    """All buffers for T time steps of B sequences and S of a source; the way forward and back through them."""

    def __init__(self, a: Architecture, p: Parameters, T: int, B: int, S: int, train: bool) -> None:
        check_batch(a, T, B, S, train)
        self.architecture, self.size = a, batch_bytes(a, T, B, S, train)
        self.encoder = LayerStack(a, p.values, p.gradients, "encoder.", S, B, train) if S else None
        self.front = InitialStateNetwork(a, p.values, p.gradients) if a.context_size else None
        self.body = LayerStack(a, p.values, p.gradients, "", T, B, train)
        W, b, dW, db = p.values["W_hy"], p.values.get("b_y"), p.gradients["W_hy"], p.gradients.get("b_y")
        self.readout = Readout(a.readout, W, b, dW, db, T, B, train)

    def initial_state(
        self, batch: BatchLike, state: State | None, rng: "xp.random.Generator | None"
    ) -> list[StateRows] | None:
        """The state that the body starts with; None is zero."""
        if state is not None:
            return state_to_rows(state)
        if self.encoder is not None and batch.source is not None:
            self.encoder.forward(batch.source, None, batch.source_mask, rng)
            return self.encoder.last_state()
        if self.front is not None and batch.context is not None:
            return state_from_h(self.architecture, self.front.forward(batch.context))
        return None

    def forward(self, batch: BatchLike, state: State | None, rng: "xp.random.Generator | None") -> Array:
        """The top layer's h (T, B, H), and the logits."""
        h = self.body.forward(batch.inputs, self.initial_state(batch, state, rng), batch.mask, rng)
        self.readout.forward(h)
        return h

    def backward(self, h: Array, batch: BatchLike, state: State | None) -> list[StateRows]:
        """Write, after `readout.loss`, all gradients, and dL/d(the body's first state)."""
        dfirst = self.body.backward(self.readout.backward(h), None)
        if state is None and self.encoder is not None:
            self.encoder.backward(None, dfirst)
        if state is None and self.front is not None and batch.context is not None:
            self.front.backward([rows[0] for rows in dfirst])
        return dfirst

    def last_state(self) -> State:
        """The body's last state, a copy."""
        return state_from_rows(self.architecture.cell, self.body.last_state())


def state_from_h(a: Architecture, h: list[Array]) -> list[StateRows]:
    """Each layer's first state, from its h (B, H); an LSTM's c is zero."""
    return [(rows, xp.zeros_like(rows)) if a.cell == "lstm" else (rows,) for rows in h]


class Network:
    """A recurrent network and its gradients.

    `parameters` and `gradients` are views of `flat` and `flat_gradient`, under the names of parameters.py. You may
    write into these arrays: the network reads them again at every call.
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
        self._buffers: dict[tuple[int, int, int, bool], BatchBuffers] = {}
        self._layers = [layer_parameters(self.parameters, f"l{n}.") for n in range(architecture.layers)]

    def zero_state(self, B: int) -> State:
        """The state before anything was seen, for B sequences."""
        a, state = self.architecture, STATES[self.architecture.cell]
        sizes = [a.inputs if a.cell == "input-rnn" and layer == 0 else a.hidden for layer in range(a.layers)]
        return [state(*(xp.zeros((size, B), a.dtype) for _ in state._fields)) for size in sizes]

    def _buffers_for(self, batch: BatchLike, state: State | None, train: bool) -> BatchBuffers:
        """Buffers for a batch, made once for each size; the sizes least recently used are dropped."""
        T, B, S = sizes = batch_sizes(batch, state)
        if not T or not B:
            raise ValueError(f"batch: {T} time steps of {B} sequences hold nothing. Give at least one of each.")
        buffers = self._buffers.pop((*sizes, train), None)
        if buffers is None:
            for old in list(self._buffers):
                size = sum(b.size for b in self._buffers.values())
                if len(self._buffers) < MAX_CACHED_BUFFERS and size < MAX_CACHED_BYTES:
                    break
                del self._buffers[old]
            buffers = BatchBuffers(self.architecture, self._parameters, T, B, S, train)
        self._buffers[*sizes, train] = buffers
        return buffers

    def forward_backward(
        self,
        batch: BatchLike,
        state: State | None = None,
        rng: "xp.random.Generator | None" = None,
        total: float | None = None,
    ) -> tuple[float, State]:
        """The mean loss in nats, and the last state; `gradients` are overwritten by those of the loss.

        state: (H, B) arrays, instead of the encoder's, the context's or zero. rng draws the dropout masks; without it
        nothing is dropped. total: the sum of all weights, if the batch is a part of a larger one; loss and gradient
        are then its parts of the whole one's. Raises ValueError if the batch does not fit the network, TooLargeError
        if memory is short.
        """
        buffers = self._buffers_for(batch, state, True)
        has_encoding = batch.source is not None or batch.context is not None
        if (self.architecture.source_vocabulary_size or self.architecture.context_size) and (
            state is not None or not has_encoding
        ):
            self.flat_gradient.fill(0.0)
        h = buffers.forward(batch, state, rng)
        loss, total = buffers.readout.loss(batch.targets, batch.weights, True, total)
        buffers.backward(h, batch, state)
        return loss / total if total > 0.0 else 0.0, buffers.last_state()

    def evaluate(self, batch: SliceableBatch, state: State | None = None) -> tuple[float, float, State]:
        """Sum of the weighted losses in nats, sum of the weights, and the last state. Nothing is dropped.

        Long batches are read in chunks of time steps, so that memory does not grow with T.
        """
        T, B = batch.inputs.shape[0], batch.inputs.shape[-1]
        steps = max(1, EVAL_CHUNK_SIZE // max(1, B * max(4 * self.architecture.hidden, self.architecture.outputs)))
        loss = total = 0.0
        last = state
        for start in range(0, max(1, T), steps):
            chunk = batch if steps >= T else batch.slice_time(start, start + steps)
            buffers = self._buffers_for(chunk, last, False)
            buffers.forward(chunk, last, None)
            part, weight = buffers.readout.loss(chunk.targets, chunk.weights, False)
            loss, total, last = loss + part, total + weight, buffers.last_state()
        assert last is not None
        return loss, total, last

    def forward(self, batch: BatchLike, state: State | None = None, *, gates: bool = False) -> ForwardResult:
        """Everything inside over a batch; targets and weights are not read, nothing is dropped."""
        T, B, S = batch_sizes(batch, state)
        buffers = BatchBuffers(self.architecture, self._parameters, T, B, S, False)
        buffers.forward(batch, state, None)
        V = self.architecture.outputs
        logits = buffers.readout.logits.reshape(V, T, B).transpose(1, 0, 2).copy()
        outputs = buffers.readout.probabilities().reshape(V, T, B).transpose(1, 0, 2).copy()
        encoder = None if buffers.encoder is None else activations(buffers.encoder, gates)
        body = activations(buffers.body, gates)
        return ForwardResult(body.h, body.c, body.gates, body.state, logits, outputs, encoder)

    def step(self, x: Array, state: State) -> tuple[Array, State]:
        """One time step by the equations of cells.py: ids (B) or values (D, B) -> logits (V, B), the next state."""
        a = self.architecture
        if not a.inputs_are_ids:
            x = x.astype(a.dtype, copy=False)
        next_state: State = []
        for w, layer_state in zip(self._layers, state, strict=True):
            x, following = cells.step(w, x, layer_state, a.activation)
            next_state.append(following)
        y = self.parameters["W_hy"] @ x + self.parameters.get("b_y", 0.0)
        return y, next_state

    def encode(
        self, source: Array | None = None, source_mask: Array | None = None, context: Array | None = None
    ) -> State:
        """The decoder's first state, from a source (S, B) with its mask, or from a context."""
        a = self.architecture
        if source is not None and a.source_vocabulary_size:
            S, B = source.shape
            check_batch(a, 1, B, S, False)
            encoder = LayerStack(a, self.parameters, self.gradients, "encoder.", S, B, False)
            encoder.forward(source, None, source_mask, None)
            return state_from_rows(a.cell, encoder.last_state())
        if context is not None and a.context_size:
            front = InitialStateNetwork(a, self.parameters, self.gradients)
            return state_from_rows(a.cell, state_from_h(a, front.forward(context)))
        raise ValueError("encode: this network has nothing to encode that with. Give what its architecture names.")

    def load_parameters(self, arrays: Mapping[str, Array]) -> None:
        """Replace every parameter; nothing is changed if a name, a shape or a number is wrong (ValueError)."""
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
        """Another network with the same parameters."""
        other = type(self)(self.architecture, None)
        other.flat[...] = self.flat
        return other


def batch_sizes(batch: BatchLike, state: State | None) -> tuple[int, int, int]:
    """(T, B, S); S is 0 if no source is read, because a state is given."""
    S = 0 if batch.source is None or state is not None else batch.source.shape[0]
    return batch.inputs.shape[0], batch.inputs.shape[-1], S
