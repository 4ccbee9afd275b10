"""Base of all cells' layers: input projection, padding, chunks of time steps, and the gradients of the weights.

h_t depends on h_{t-1}, so the loop over time cannot be widened. All that does not depend on it is computed outside the
loop, for a chunk of time steps whose numbers stay in the second-level cache.
"""

from abc import ABC, abstractmethod
from collections.abc import Sequence

from rnnplay.engine.arrays import Array, xp
from rnnplay.engine.matmul import SequenceMatmul, StepMatmul, TransposedStepMatmul

CHUNK_BYTES = 1 << 18
MAX_ONE_HOT_SIZE = 1 << 14  # numbers in one-hot columns up to which one product with them is faster than sorting

StateRows = tuple[Array, ...]
"""The arrays of a layer's state, or their gradients, each (B, H) as it lies in memory."""


class PaddingMask:
    """Mask of padding, by time step and sequence: mask (T, B), False over padding, where the state stays.

    active (T, B, 1): 1.0 or 0.0, of `dtype`. padding (T, B, 1): bool. by_step: for each time step padding (B, 1), with
    one sequence (1), or None without padding.
    """

    def __init__(self, mask: Array, dtype: str) -> None:
        self.active = mask[:, :, None].astype(dtype)
        self.padding = ~mask[:, :, None]
        rows = self.padding[:, 0] if mask.shape[1] == 1 else self.padding
        self.by_step: list[Array | None] = [row if row.any() else None for row in rows]


class TimeChunk:
    """Time steps start to stop: where W_xh x + b of all of them goes, `projection`, and of each, `by_step`."""

    def __init__(self, start: int, stop: int, G: int, B: int, H: int, memory: Array) -> None:
        self.start, self.stop, steps = start, stop, stop - start
        if B == 1:
            self.projection = memory[: steps * G * H].reshape(1, steps, 1, G * H)
            self.by_step = list(self.projection[0, :, 0])
        else:
            self.projection = memory[: steps * G * B * H].reshape(G, steps, B, H)
            self.by_step = [self.projection[0, k] if G == 1 else self.projection[:, k] for k in range(steps)]


class IdBatch:
    """A batch of ids (T, B), checked against the vocabulary of D. Raises ValueError if an id is outside it."""

    def __init__(self, ids: Array, D: int, dtype: str) -> None:
        self.D, self.B, self.dtype = D, ids.shape[1], dtype
        self.flat = ids.reshape(-1).astype(xp.intp)
        if self.flat.size and int(xp.maximum.reduce(self.flat.view(xp.uintp))) >= D:
            wrong = int(self.flat.max()) if int(self.flat.max()) >= D else int(self.flat.min())
            raise ValueError(f"ids: {wrong} is outside 0 to {D - 1}. Encode the batch with the network's vocabulary.")

    def sum_by_id(self, values: Array, out: Array) -> None:
        """Sum the rows of every id: values (P, T*B, N) -> out (D, P*N)."""
        P, TB, N = values.shape
        if TB * self.D <= MAX_ONE_HOT_SIZE:
            one_hot = xp.zeros((self.D, TB), self.dtype)
            one_hot[self.flat, xp.arange(TB)] = 1.0
            xp.matmul(one_hot, values, out.reshape(self.D, P, N).transpose(1, 0, 2))
            return
        out.fill(0.0)
        order = self.flat.argsort(kind="stable")
        ids = self.flat[order]
        first = [0, *(xp.flatnonzero(ids[1:] != ids[:-1]) + 1).tolist()]
        groups = list(zip(ids[first].tolist(), first, [*first[1:], TB], strict=True))
        ones = xp.ones(TB, values.dtype)
        sorted_values = xp.zeros((TB, N), values.dtype)
        for p in range(P):
            values[p].take(order, 0, sorted_values, "clip")
            for which, a, b in groups:
                ones[a:b].dot(sorted_values[a:b], out[which, p * N : (p + 1) * N])


LayerInput = Array | IdBatch
"""The inputs of a layer: values (T, B, D), or ids."""


class InputProjection:
    """W_xh x + b_h of one layer for batches of B sequences, and the gradients of W_xh and b_h.

    W_xh (G*H, D), for ids the transposed view of (D, G*H), so that W_xh x is a row looked up and never a product with
    one-hot columns; b_h (G*H, 1) or none. scales: what the rows of each gate are multiplied by (1/2 for a sigmoid
    computed from tanh).
    """

    def __init__(
        self, parameters: dict[str, Array], gradients: dict[str, Array], scales: tuple[float, ...], is_ids: bool, B: int
    ) -> None:
        self.W, self.dW = W, _ = parameters["W_xh"], gradients["W_xh"]
        self.b, self.db = parameters.get("b_h"), gradients.get("b_h")
        self.G, self.B = len(scales), B
        self.H, self.D = W.shape[0] // self.G, W.shape[1]
        self.row_scale = xp.repeat(xp.array(scales, W.dtype), self.H) if min(scales) < 1.0 else None
        self.gate_scale = xp.array(scales, W.dtype).reshape(-1, 1, 1, 1)
        self.gate_numbers = xp.arange(self.G)[:, None]
        self.bias = xp.zeros((self.G, 1, B, self.H), W.dtype) if self.b is not None else None
        self.projected_rows: Array | None = None  # W_xh x + b_h of each id
        self.matmul = None if is_ids else SequenceMatmul(W, self.G, B, self.row_scale)

    def pack(self, TB: int, backward: bool) -> None:
        """Read the parameters again, for TB columns. backward: the gradient of the inputs is wanted too."""
        if self.matmul is not None:
            self.matmul.pack(backward)
        elif self.D <= TB and (self.b is not None or self.row_scale is not None):
            if self.projected_rows is None:
                self.projected_rows = xp.zeros((self.D, self.G * self.H), self.W.dtype)
            W = self.W.T
            if self.row_scale is not None:
                W = xp.multiply(W, self.row_scale, self.projected_rows)
            if self.b is not None:
                b = self.b[:, 0]
                xp.add(W, b if self.row_scale is None else b * self.row_scale, self.projected_rows)
            return
        else:
            self.projected_rows = None
        if self.bias is not None and self.b is not None:
            xp.copyto(self.bias, self.b.reshape(self.G, 1, 1, self.H))
            if self.row_scale is not None:
                self.bias *= self.gate_scale

    def forward(self, x: LayerInput, start: int, stop: int, out: Array) -> None:
        """Time steps start to stop -> out (G, steps, B, H), with one sequence (1, steps, 1, G*H)."""
        if isinstance(x, IdBatch):
            ids = x.flat[start * self.B : stop * self.B]
            rows = self.W.T if self.projected_rows is None else self.projected_rows
            if out.shape[0] == self.G:
                rows = rows.reshape(-1, self.H)
                ids = (ids * self.G + self.gate_numbers).reshape(-1)
            rows.take(ids, 0, out.reshape(ids.size, -1), "clip")
            if self.projected_rows is not None:
                return
            if self.row_scale is not None:
                scale = self.gate_scale if out.shape[0] == self.G else self.row_scale
                xp.multiply(out, scale, out)
        else:
            assert self.matmul is not None
            self.matmul.forward(x[start:stop], out)
        if self.bias is not None:
            xp.add(out, self.bias.reshape(out.shape[0], 1, self.B, -1), out)

    def backward(self, x: LayerInput, dz: Array) -> None:
        """dz (P, T*B, width), P*width = G*H, and the inputs -> dW_xh and db_h."""
        P, TB, width = dz.shape
        if isinstance(x, IdBatch):
            x.sum_by_id(dz, self.dW.T)
            if self.db is not None and self.D <= TB:  # each column has one id, so the sums by id add up to db
                xp.add.reduce(self.dW, 1, out=self.db[:, 0])
                return
        else:
            xp.matmul(dz.swapaxes(1, 2), x.reshape(TB, self.D), self.dW.reshape(P, width, self.D))
        if self.db is not None:
            xp.matmul(xp.ones(TB, dz.dtype), dz, self.db.reshape(P, width))


class Layer(ABC):
    """One layer for T time steps of B sequences.

    parameters and gradients: W_xh (G*H, D) and what else the cell has, as in cells.py. After `forward`, h (T+1, B, H)
    holds in row t + 1 what the layer says at time step t; `backward` follows `forward` and needs `train`.
    """

    x: LayerInput
    mask: PaddingMask | None

    gate_scales: tuple[float, ...] = (1.0,)
    """Factors of each gate's rows before tanh: 1/2 for sigmoid(z) = tanh(z/2)/2 + 1/2."""

    def __init__(
        self,
        parameters: dict[str, Array],
        gradients: dict[str, Array],
        is_ids: bool,
        activation: str,
        T: int,
        B: int,
        train: bool,
    ) -> None:
        """is_ids: the inputs are ids. activation: of an RNN."""
        W_xh = parameters["W_xh"]
        if activation == "sigmoid":
            self.gate_scales = (0.5,)
        self.parameters, self.gradients, self.activation = parameters, gradients, activation
        self.T, self.B, self.G, self.dtype, self.train = T, B, len(self.gate_scales), W_xh.dtype.name, train
        self.H = W_xh.shape[0] // self.G
        self.h = xp.zeros((T + 1, B, self.H), self.dtype)

    def pack_weights(self, weight_mask: Array | None = None) -> None:  # noqa: B027
        """Read the parameters again. weight_mask (G*H, H) multiplies W_hh until the next call."""

    @abstractmethod
    def set_initial_state(self, state: Sequence[Array] | None) -> None:
        """Set the state before the first time step, each array (B, H); None is zero."""

    @abstractmethod
    def state_at(self, t: int) -> StateRows:
        """The state after t time steps, views (B, H)."""

    def forward(self, x: LayerInput, mask: PaddingMask | None) -> None:
        """Compute all time steps; x: values (T, B, D) or ids."""
        self.x, self.mask = x, mask
        self._forward(x, mask)

    @abstractmethod
    def _forward(self, x: LayerInput, mask: PaddingMask | None) -> None: ...

    @abstractmethod
    def backward(self, dy: Array | None, dlast: Sequence[Array] | None, dx: Array | None) -> StateRows:
        """dL/dh from above (T, B, H) and dL/d(last state) -> the parameters' gradients, and dL/d(first state).

        dL/dx goes to dx (T, B, D), if given. The gates' values are overwritten by their gradients.
        """

    @abstractmethod
    def gate_values(self) -> Array:
        """The gates (T, B, G*H), before `backward`."""


class RecurrentLayer(Layer):
    """A layer whose state h is multiplied by W_hh (G*H, H)."""

    backward_blocks = 1
    """Blocks of H numbers that a chunk of the backward pass keeps for each time step and sequence."""
    backward_gate_order: tuple[int, ...] | None = None
    """The order of W_hh's gates in the backward pass; None is their own."""

    def __init__(
        self,
        parameters: dict[str, Array],
        gradients: dict[str, Array],
        is_ids: bool,
        activation: str,
        T: int,
        B: int,
        train: bool,
    ) -> None:
        super().__init__(parameters, gradients, is_ids, activation, T, B, train)
        H, W_hh = self.H, parameters["W_hh"]
        self.input = InputProjection(parameters, gradients, self.gate_scales, is_ids, B)
        self.h_at = self.by_time_step(self.h)
        self.half, self.one = xp.array(0.5, self.dtype), xp.array(1.0, self.dtype)
        bytes_of_step = max(self.G, self.backward_blocks) * B * H * self.h.itemsize
        steps = max(1, min(T, CHUNK_BYTES // bytes_of_step))
        self.backward_chunks = [(a, min(a + steps, T)) for a in range(0, T, steps)]
        ahead = steps if self.input.matmul is None else max(steps, self.input.matmul.steps(T))
        memory = xp.zeros(ahead * self.G * B * H, self.dtype)
        self.chunks = [TimeChunk(a, min(a + ahead, T), self.G, B, H, memory) for a in range(0, T, ahead)]
        self.recurrent = StepMatmul(W_hh, self.G, B, self.input.row_scale)
        self.weight_mask: Array | None = None
        self.masked = xp.zeros((0,), self.dtype)
        self._forward_buffers()
        if train:
            self.recurrent_back = TransposedStepMatmul(W_hh, self.G, B, self.backward_gate_order)
            self.dh = xp.zeros((B, H), self.dtype)
            self.dh_at = self.dh[0] if B == 1 else self.dh
            self.dh_out = self.recurrent_back.out_view(self.dh_at)
            self.dh_padding = xp.zeros_like(self.dh_at)
            self._backward_buffers(steps)

    @abstractmethod
    def _forward_buffers(self) -> None: ...

    @abstractmethod
    def _backward_buffers(self, steps: int) -> None: ...

    def by_time_step(self, array: Array) -> list[Array]:
        """(T, B, H) as a list over time: (B, H), for one sequence (H)."""
        return list(array[:, 0]) if self.B == 1 else list(array)

    def set_initial_state(self, state: Sequence[Array] | None) -> None:
        self.h[0] = 0.0 if state is None else state[0]

    def state_at(self, t: int) -> StateRows:
        return (self.h[t],)

    def pack_weights(self, weight_mask: Array | None = None) -> None:
        self.input.pack(self.T * self.B, self.train)
        W_hh = self.parameters["W_hh"]
        self.weight_mask = weight_mask
        if weight_mask is not None:
            if self.masked.shape != W_hh.shape:
                self.masked = xp.zeros_like(W_hh)
            W_hh = xp.multiply(W_hh, weight_mask, self.masked)
        self.recurrent.pack(W_hh)
        if self.train:
            self.recurrent_back.pack(W_hh)

    def _begin_backward(self, dh_last: Array | None) -> None:
        if dh_last is None:
            self.dh.fill(0.0)
        else:
            xp.copyto(self.dh, dh_last)

    def _input_gradient_chunk(self, a: int, b: int, dz: Array, dx: Array | None) -> None:
        """dL/dx of time steps a to b, while their dz is in the cache.

        dz (G, T, B, H), with one sequence (1, T, 1, G*H).
        """
        if dx is not None and self.input.matmul is not None and self.input.matmul.transposed is not None:
            self.input.matmul.backward(dz[:, a:b], dx[a:b])

    def _input_gradient_all(self, dz: Array, dx: Array | None) -> None:
        """dL/dx of all time steps, unless it was computed chunk by chunk."""
        if dx is not None and self.input.matmul is not None and self.input.matmul.transposed is None:
            self.input.matmul.backward(dz, dx)

    def _weight_gradient(self, dz: Array, first: int, last: int) -> None:
        """dz (P, T*B, width) -> dW_hh of gates first to last."""
        P, TB, width = dz.shape
        dW = self.gradients["W_hh"][first * self.H : last * self.H]
        xp.matmul(dz.swapaxes(1, 2), self.h[:-1].reshape(TB, self.H), dW.reshape(P, width, self.H))
        if self.weight_mask is not None:
            dW *= self.weight_mask[first * self.H : last * self.H]


def gates_last(stacked: Array) -> Array:
    """(k, T, B, H), or (1, T, 1, k*H) -> (T, B, k*H), a copy if there are several blocks."""
    k, T, B, H = stacked.shape
    return stacked[0] if k == 1 else stacked.transpose(1, 2, 0, 3).reshape(T, B, k * H)
