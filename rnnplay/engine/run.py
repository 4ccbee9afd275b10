"""What every cell's way through time shares: buffers for (T, B), stretches of time steps, held states.

h_t waits for h_{t-1}, so the loop over time is the part that cannot be made wide. All that does not wait is done
outside it, for a stretch of time steps whose numbers stay in the second cache.
"""

from abc import ABC, abstractmethod
from collections.abc import Sequence

from rnnplay.engine.arrays import Array, xp
from rnnplay.engine.inputs import Input, Steps
from rnnplay.engine.products import Backward, Forward

STRETCH_BYTES = 1 << 18

Parts = tuple[Array, ...]
"""The parts of a layer's state, or their gradients, each (B, H) as they lie in memory."""


class Held:
    """Which sequences keep their state at which time step: mask (T, B), False over padding."""

    def __init__(self, mask: Array, dtype: str) -> None:
        one = mask.shape[1] == 1
        self.going = mask[:, :, None].astype(dtype)  # (T, B, 1): 1 where the state moves on
        self.padding = ~mask[:, :, None]
        some = [not bool(row.all()) for row in mask]
        where = [padding[0] if one else padding for padding in self.padding]
        self.at: list[Array | None] = [w if s else None for w, s in zip(where, some, strict=True)]


class Stretch:
    """Time steps start to stop; where their W_xh x + b goes, as a whole and for each of them."""

    def __init__(self, start: int, stop: int, G: int, B: int, H: int, memory: Array) -> None:
        self.start, self.stop, steps = start, stop, stop - start
        if B == 1:
            self.whole = memory[: steps * G * H].reshape(1, steps, 1, G * H)
            self.at = list(self.whole[0, :, 0])
        else:
            self.whole = memory[: steps * G * B * H].reshape(G, steps, B, H)
            self.at = [self.whole[0, k] if G == 1 else self.whole[:, k] for k in range(steps)]


class Layer(ABC):
    """One layer for T time steps of B sequences.

    parameters and gradients hold W_xh (G*H, D) and what else the cell has, as (rows, columns) of the equations. After
    `forward`, h (T+1, B, H) holds in row t + 1 what the layer says at time step t; `backward` needs `train`.
    """

    gates: tuple[float, ...] = (1.0,)
    """For each gate what its rows are multiplied by before tanh: 1/2 makes a sigmoid of it."""

    def __init__(self, parameters: dict[str, Array], gradients: dict[str, Array], T: int, B: int, train: bool) -> None:
        W_xh = parameters["W_xh"]
        self.parameters, self.gradients = parameters, gradients
        self.T, self.B, self.G, self.dtype, self.train = T, B, len(self.gates), W_xh.dtype.name, train
        self.H = W_xh.shape[0] // self.G
        self.h = xp.zeros((T + 1, B, self.H), self.dtype)

    @abstractmethod
    def pack(self, weight_mask: Array | None = None) -> None:
        """Read the parameters again. weight_mask (G*H, H) multiplies W_hh until the next call."""

    @abstractmethod
    def begin(self, parts: Sequence[Array] | None) -> None:
        """Set the state carried in, each part (B, H); None is zero."""

    @abstractmethod
    def end(self, t: int) -> Parts:
        """The state after t time steps, views (B, H)."""

    @abstractmethod
    def forward(self, x: Steps, held: Held | None) -> None:
        """Through all time steps; x: values (T, B, D) or ids."""

    @abstractmethod
    def backward(
        self, x: Steps, dy: Array | None, dlast: Sequence[Array] | None, held: Held | None, dx: Array | None
    ) -> Parts:
        """dL/dh from above (T, B, H) and dL/d(last state) -> the gradients, and dL/d(first state).

        dL/dx goes to dx (T, B, D), where it is wanted. The gates' values give way to their gradients.
        """

    @abstractmethod
    def state_gradients(self, dy: Array | None, dlast: Sequence[Array] | None, held: Held | None) -> Parts:
        """dL/d(each part of the state), (T+1, B, H), after `backward` with the same arguments."""

    @abstractmethod
    def gate_values(self) -> Array:
        """The gates (T, B, G*H), before `backward`."""

    @abstractmethod
    def gate_gradients(self) -> Array:
        """dL/d(what the gates' functions were given) (T, B, G*H), after `backward`."""


class Run(Layer):
    """A layer whose state goes through W_hh (G*H, H)."""

    kept = 1
    """Blocks of H numbers that a stretch of the backward pass needs for each time step and sequence."""
    order: tuple[int, ...] | None = None
    """The order in which the backward pass needs the gates of W_hh; None is their own."""

    def __init__(
        self, parameters: dict[str, Array], gradients: dict[str, Array], by_id: bool, T: int, B: int, train: bool
    ) -> None:
        super().__init__(parameters, gradients, T, B, train)
        H, b, db = self.H, parameters.get("b_h"), gradients.get("b_h")
        self.input = Input(parameters["W_xh"], gradients["W_xh"], b, db, self.gates, by_id, B)
        self.h_at = self.each(self.h)
        self.half, self.one = xp.array(0.5, self.dtype), xp.array(1.0, self.dtype)
        steps = max(1, min(T, STRETCH_BYTES // (max(self.G, self.kept) * B * H * self.h.itemsize)))
        self.back_stretches = [(a, min(a + steps, T)) for a in range(0, T, steps)]
        ahead = steps if self.input.whole is None else max(steps, self.input.whole.steps(T))
        entered = xp.zeros(ahead * self.G * B * H, self.dtype)
        self.stretches = [Stretch(a, min(a + ahead, T), self.G, B, H, entered) for a in range(0, T, ahead)]
        W_hh = parameters["W_hh"]
        self.recurrent = Forward(W_hh, self.G, B, self.input.row_scale)
        self.weight_mask: Array | None = None
        self.masked = xp.zeros((0,), self.dtype)
        self._forward_buffers()
        if train:
            self.recurrent_back = Backward(W_hh, self.G, B, self.order)
            self.dh = xp.zeros((B, H), self.dtype)
            self.dh_at = self.dh[0] if B == 1 else self.dh
            self.dh_right = self.recurrent_back.right(self.dh_at)
            self.dh_held = xp.zeros_like(self.dh_at)
            self._backward_buffers(steps)

    @abstractmethod
    def _forward_buffers(self) -> None: ...

    @abstractmethod
    def _backward_buffers(self, steps: int) -> None: ...

    def each(self, array: Array) -> list[Array]:
        """(T, B, H) as a list over time: (B, H), for one sequence (H)."""
        return list(array[:, 0]) if self.B == 1 else list(array)

    def pack(self, weight_mask: Array | None = None) -> None:
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

    def _back_stretch(self, a: int, b: int, dz: Array, dx: Array | None) -> None:
        """dL/dx of time steps a to b, while their dz is in the cache.

        dz (G, T, B, H), with one sequence (1, T, 1, G*H).
        """
        if dx is not None and self.input.whole is not None and self.input.whole.back is not None:
            self.input.whole.backward(dz[:, a:b], dx[a:b])

    def _back_whole(self, dz: Array, dx: Array | None) -> None:
        """dL/dx of all time steps, where it was not taken in stretches."""
        if dx is not None and self.input.whole is not None and self.input.whole.back is None:
            self.input.whole.backward(dz, dx)

    def _begin_backward(self, dlast: Array | None) -> None:
        if dlast is None:
            self.dh.fill(0.0)
        else:
            xp.copyto(self.dh, dlast)

    def _weight_gradient(self, dz: Array, first: int, last: int) -> None:
        """dz (P, T*B, width) -> dW_hh of gates first to last."""
        P, TB, width = dz.shape
        dW = self.gradients["W_hh"][first * self.H : last * self.H]
        xp.matmul(dz.swapaxes(1, 2), self.h[:-1].reshape(TB, self.H), dW.reshape(P, width, self.H))

    def _finish_gradient(self) -> None:
        if self.weight_mask is not None:
            self.gradients["W_hh"] *= self.weight_mask

    def _hidden_gradient(
        self, dz: Array, past: Array | None, dy: Array | None, dlast: Array | None, held: Held | None
    ) -> Array:
        """dL/dh (T+1, B, H) from dz (T, B, G*H) in the order of W_hh's gates, and past: what came round the gates."""
        W = self.parameters["W_hh"] if self.weight_mask is None else self.masked
        dh = xp.zeros_like(self.h)
        dh[:-1] = dz @ W
        if past is not None:
            dh[:-1] += past
        if dlast is not None:
            dh[-1] += dlast
        if dy is not None:
            dh[1:] += dy
        if held is not None and past is None:
            for t in range(self.T - 1, -1, -1):
                dh[t] += dh[t + 1] * held.padding[t]
        return dh


def gates_last(stacked: Array) -> Array:
    """(k, T, B, H), or (1, T, 1, k*H) -> (T, B, k*H), a copy where there are several."""
    k, T, B, H = stacked.shape
    return stacked[0] if k == 1 else stacked.transpose(1, 2, 0, 3).reshape(T, B, k * H)
