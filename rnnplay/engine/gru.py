"""The GRU as PyTorch has it.

r, z = sigmoid(...); n = tanh(W_xn x + b_n + r*(W_hn h + b_hn)); h_t = (1-z)*n + z*h_{t-1}.

The backward pass takes (da, dr, dz, dn, z*dh) from dh in one call, where a = W_hn h + b_hn. The blocks lie so that
W_hh meets (da, dr, dz) and W_xh (dr, dz, dn), each one stretch of memory.
"""

from collections.abc import Sequence

from rnnplay.engine.arrays import Array, Blocks, xp
from rnnplay.engine.inputs import Steps
from rnnplay.engine.run import Held, Parts, Run, gates_last

add, multiply, subtract, tanh = xp.add, xp.multiply, xp.subtract, xp.tanh


class GRURun(Run):
    """State: h."""

    gates = (0.5, 0.5, 1.0)
    kept = 5
    order = (2, 0, 1)

    def _forward_buffers(self) -> None:
        T, B, H = self.T, self.B, self.H
        self.blocks = blocks = Blocks(5, T, B, H, self.dtype)  # r z a n, and room for one more
        self.b_hn = xp.zeros_like(self.h_at[0])
        self.difference = xp.zeros_like(self.h_at[0])
        self.views = [
            (
                self.recurrent.left(self.h_at[t]),
                self.recurrent.right(blocks.flat(t, 0, 3)),
                self.h_at[t],
                blocks.flat(t, 0, 2),
                blocks.block(t, 0),
                blocks.block(t, 1),
                blocks.block(t, 2),
                blocks.block(t, 3),
                self.h_at[t + 1],
            )
            for t in range(T)
        ]
        rz = slice(0, 2 * H) if B == 1 else slice(0, 2)
        n = slice(2 * H, None) if B == 1 else 2
        self.entered = [[(x_t[rz], x_t[n]) for x_t in s.at] for s in self.stretches]

    def _backward_buffers(self, steps: int) -> None:
        T, B, H = self.T, self.B, self.H
        self.factors = factors = Blocks(5, steps, B, H, self.dtype)
        deltas = self.blocks  # once used, they give way to da dr dz dn z*dh
        self.factor_views = [factors.each(k, 0, 5) for k in range(steps)]
        self.delta_views = [
            (deltas.each(t, 0, 5), self.recurrent_back.left(deltas.flat(t, 0, 3)), deltas.block(t, 4)) for t in range(T)
        ]

    def pack(self, weight_mask: Array | None = None) -> None:
        super().pack(weight_mask)
        if "b_hn" in self.parameters:
            xp.copyto(self.b_hn, self.parameters["b_hn"][:, 0])

    def begin(self, parts: Sequence[Array] | None) -> None:
        if parts is None:
            self.h[0] = 0.0
        else:
            xp.copyto(self.h[0], parts[0])

    def end(self, t: int) -> Parts:
        return (self.h[t],)

    def forward(self, x: Steps, held: Held | None) -> None:
        product, half, b_hn, d = self.recurrent.each(), self.half, self.b_hn, self.difference
        for s, entered in zip(self.stretches, self.entered, strict=True):
            self.input.forward(x, s.start, s.stop, s.whole)
            for t, (x_rz, x_n) in enumerate(entered, s.start):
                h_left, rza_right, h_prev, rz, r, z, a, n, h = self.views[t]
                product(h_left, rza_right)
                add(rz, x_rz, rz)
                tanh(rz, rz)
                multiply(rz, half, rz)
                add(rz, half, rz)
                add(a, b_hn, a)
                multiply(r, a, n)
                add(n, x_n, n)
                tanh(n, n)
                subtract(h_prev, n, d)
                multiply(d, z, d)
                add(n, d, h)
                if held is not None and (hold := held.at[t]) is not None:
                    xp.copyto(h, h_prev, where=hold)

    def _factors(self, a: int, b: int, held: Held | None) -> None:
        """What dh is multiplied by at time steps a to b: all of the backward pass that does not wait for it."""
        G, A = self.blocks.gathered(a, b), self.factors.room(b - a)
        r, z, before_r, n = G[:4]
        rz = G[:2]
        multiply(rz, rz, A[1:3])
        subtract(rz, A[1:3], A[1:3])
        multiply(A[1], before_r, A[1])
        subtract(self.h[a:b], n, A[3])
        multiply(A[2], A[3], A[2])  # dh -> dz_z: (h_prev - n) z (1 - z)
        multiply(n, n, A[3])
        subtract(self.one, A[3], A[3])
        multiply(A[3], z, A[0])
        subtract(A[3], A[0], A[3])  # dh -> dz_n: (1 - z) (1 - n^2)
        multiply(A[3], r, A[0])  # dh -> da: r times as much
        multiply(A[3], A[1], A[1])  # dh -> dz_r: a r (1 - r) times as much
        xp.copyto(A[4], z)  # dh -> dh_prev, past the gates
        if held is not None:
            multiply(A, held.going[a:b], A)
            xp.copyto(A[4], self.one, where=held.padding[a:b])
        self.factors.scatter(A)

    def backward(
        self, x: Steps, dy: Array | None, dlast: Sequence[Array] | None, held: Held | None, dx: Array | None
    ) -> Parts:
        self._begin_backward(None if dlast is None else dlast[0])
        dh = self.dh_at
        product, dh_right = self.recurrent_back.each(), self.dh_right
        dz_all = self.blocks.stacked(1, 4, self.T)
        dy_at = None if dy is None else self.each(dy)
        for a, b in reversed(self.back_stretches):
            self._factors(a, b, held)
            for t in range(b - 1, a - 1, -1):
                d_all, d_arz, past = self.delta_views[t]
                if dy_at is not None:
                    add(dh, dy_at[t], dh)
                multiply(self.factor_views[t - a], dh, d_all)
                product(d_arz, dh_right)
                add(dh, past, dh)
            self._back_stretch(a, b, dz_all, dx)
        self._back_whole(dz_all, dx)
        deltas, T = self.blocks, self.T
        self._weight_gradient(deltas.matrices(1, 3, T), 0, 2)
        da = deltas.matrices(0, 1, T)
        self._weight_gradient(da, 2, 3)
        self._finish_gradient()
        if "b_hn" in self.gradients:
            xp.add.reduce(da[0], 0, out=self.gradients["b_hn"][:, 0])
        self.input.backward(x, deltas.matrices(1, 4, T))
        return (self.dh,)

    def state_gradients(self, dy: Array | None, dlast: Sequence[Array] | None, held: Held | None) -> Parts:
        blocks = self.blocks.array
        recurrent = xp.concatenate([blocks[1], blocks[2], blocks[0]], axis=2)
        return (self._hidden_gradient(recurrent, blocks[4], dy, None if dlast is None else dlast[0], held),)

    def gate_values(self) -> Array:
        r, z, _, n, _ = self.blocks.array
        return xp.concatenate([r, z, n], axis=2)

    def gate_gradients(self) -> Array:
        return gates_last(self.blocks.stacked(1, 4, self.T))
