"""Input recurrence over time, fast: `input_rnn_forward` and `input_rnn_backward` of cells.py for T time steps.

h_t = f(W_xh x_t + W_ph p_{t-1} + b_h), where the state p is the previous input, p_t = x_t. It remembers one time step
and no more: nothing depends on h_{t-1}, so all time steps are computed at once.
"""

from collections.abc import Sequence

from rnnplay.engine.arrays import Array, xp
from rnnplay.engine.layer import IdBatch, Layer, LayerInput, PaddingMask, StateRows
from rnnplay.engine.rnn import activation_derivative, activation_function


class InputRNNLayer(Layer):
    """State: p, (B, D) in the first layer and (B, H) above it."""

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
        self.D = parameters["W_xh"].shape[1]
        self.activate = activation_function(activation, self.dtype)
        self.p = xp.zeros((T + 1, B, self.D), self.dtype)
        self.columns = xp.zeros((T, B, self.D), self.dtype)
        if train:
            self.dz = xp.zeros((T, B, self.H), self.dtype)
            self.dp = xp.zeros_like(self.p)
            self.dx = xp.zeros_like(self.columns)

    def set_initial_state(self, state: Sequence[Array] | None) -> None:
        self.p[0] = 0.0 if state is None else state[0]

    def state_at(self, t: int) -> StateRows:
        return (self.p[t],)

    def _forward(self, x: LayerInput, mask: PaddingMask | None) -> None:
        if isinstance(x, IdBatch):
            self.columns.fill(0.0)
            self.columns.reshape(-1, self.D)[xp.arange(x.flat.size), x.flat] = 1.0
        else:
            xp.copyto(self.columns, x)
        p, h = self.p, self.h[1:]
        xp.copyto(p[1:], self.columns)
        if mask is not None:
            for t, padding in enumerate(mask.padding):
                xp.copyto(p[t + 1], p[t], where=padding)
        xp.matmul(self.columns, self.parameters["W_xh"].T, h)
        h += p[:-1] @ self.parameters["W_ph"].T
        if "b_h" in self.parameters:
            h += self.parameters["b_h"][:, 0]
        if self.activation == "sigmoid":
            h *= 0.5
        self.activate(h, h)

    def backward(self, dy: Array | None, dlast: Sequence[Array] | None, dx: Array | None) -> StateRows:
        mask = self.mask
        dz, dp = self.dz, self.dp
        dx = self.dx if dx is None else dx
        activation_derivative(self.activation, self.h[1:], dz)
        dz *= 0.0 if dy is None else dy
        flat = dz.reshape(-1, self.H)
        xp.matmul(flat.T, self.columns.reshape(-1, self.D), out=self.gradients["W_xh"])
        xp.matmul(flat.T, self.p[:-1].reshape(-1, self.D), out=self.gradients["W_ph"])
        if "b_h" in self.gradients:
            xp.add.reduce(flat, 0, out=self.gradients["b_h"][:, 0])
        xp.matmul(dz, self.parameters["W_xh"], dx)
        xp.matmul(dz, self.parameters["W_ph"], dp[:-1])
        dp[-1] = 0.0 if dlast is None else dlast[0]
        if mask is None:
            dx += dp[1:]
        else:  # over padding p_t is p_{t-1}, so what reaches it goes on to that
            for t in range(self.T - 1, -1, -1):
                dx[t] += dp[t + 1] * mask.active[t]
                dp[t] += dp[t + 1] * mask.padding[t]
        return (dp[0],)

    def gate_values(self) -> Array:
        return self.h[1:]
