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


class Run(ABC):
    """One layer for T time steps of B sequences.

    parameters and gradients hold W_xh (G*H, D), W_hh (G*H, H) and, with biases, b_h (G*H, 1). After `forward`, h
    (T+1, B, H) holds the state carried in and that after each time step; `backward` needs `train`.
    """

    gates: tuple[float, ...] = (1.0,)
    kept = 1
    order: tuple[int, ...] | None = None

    def __init__(
        self, parameters: dict[str, Array], gradients: dict[str, Array], by_id: bool, T: int, B: int, train: bool
    ) -> None:
        W_xh = parameters["W_xh"]
        self.T, self.B, self.G, self.dtype = T, B, len(self.gates), W_xh.dtype.name
        self.H = H = W_xh.shape[0] // self.G
        self.parameters, self.gradients = parameters, gradients
        b, db = parameters.get("b_h"), gradients.get("b_h")
        self.input = Input(W_xh, gradients["W_xh"], b, db, self.gates, by_id, B)
        self.h = xp.zeros((T + 1, B, H), self.dtype)
        self.h_at = self.each(self.h)
        self.half, self.one = xp.array(0.5, self.dtype), xp.array(1.0, self.dtype)
        steps = max(1, min(T, STRETCH_BYTES // (max(self.G, self.kept) * B * H * self.h.itemsize)))
        looked_up = xp.zeros(steps * self.G * B * H, self.dtype)
        self.stretches = [Stretch(a, min(a + steps, T), self.G, B, H, looked_up) for a in range(0, T, steps)]
        self.train = train
        self._recurrence()
        self._forward_buffers()
        if train:
            self.dh = xp.zeros((B, H), self.dtype)
            self.dh_at = self.dh[0] if B == 1 else self.dh
            self.dh_held = xp.zeros_like(self.dh_at)
            several = self.G > 1 and B > 1 and not by_id
            self.sums = xp.zeros((self.G, steps, B, self.input.D), self.dtype) if several else None
            self._backward_buffers(steps)

    def _recurrence(self) -> None:
        W_hh = self.parameters["W_hh"]
        self.recurrent = Forward(W_hh, self.G, self.B, self.input.row_scale)
        if self.train:
            self.recurrent_back = Backward(W_hh, self.G, self.B, self.order)
        self.weight_mask: Array | None = None
        self.masked = xp.zeros((0,), self.dtype)

    def each(self, array: Array) -> list[Array]:
        """(T, B, H) as a list over time: (B, H), for one sequence (H)."""
        return list(array[:, 0]) if self.B == 1 else list(array)

    @abstractmethod
    def _forward_buffers(self) -> None: ...

    @abstractmethod
    def _backward_buffers(self, steps: int) -> None: ...

    def pack(self, weight_mask: Array | None = None) -> None:
        """Read the parameters again. weight_mask (G*H, H) multiplies W_hh until the next call."""
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
    def backward(self, x: Steps, dy: Array | None, dlast: Sequence[Array] | None, held: Held | None) -> Parts:
        """dL/dh from above (T, B, H) and dL/d(last state) -> the gradients, and dL/d(first state)."""

    @abstractmethod
    def input_gradient(self, out: Array) -> None:
        """dL/dx (T, B, D), after `backward`."""

    def _input_gradient(self, dz: Array, out: Array) -> None:
        """dz (G, T, B, H), with one sequence (1, T, 1, G*H) -> out."""
        for s in self.stretches:
            self.input.backward_product.all(dz[:, s.start : s.stop], out[s.start : s.stop], self.sums)

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
