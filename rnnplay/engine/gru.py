"""The GRU over time, fast: `gru_forward` and `gru_backward` of cells.py for T time steps.

Out of the loop over time: W_xh x + b_h of a chunk of time steps; in the backward pass every factor that does not
depend on dh (`_local_derivatives`); and the products for dW and dx.

a = W_hn h_prev + b_hn is what the reset gate multiplies. Forward a unit's numbers lie as r, z, a, n; backward one call
computes (da, dz_r, dz_z, dz_n, z * dh) from dh, in this order: W_hh is multiplied by the first three, W_xh by the next
three, each one stretch of memory.
"""

from collections.abc import Sequence

from rnnplay.engine.arrays import Array, GateBuffer, xp
from rnnplay.engine.layer import LayerInput, PaddingMask, RecurrentLayer, StateRows

add, multiply, subtract, tanh = xp.add, xp.multiply, xp.subtract, xp.tanh

R, Z, A, N = range(4)
DA, DZ_R, DZ_Z, DZ_N, DH_PREV = range(5)  # DH_PREV: what goes past the gates, z * dh


class GRULayer(RecurrentLayer):
    """h = (1 - z) * n + z * h_prev, computed as n + z * (h_prev - n); state: h."""

    gate_scales = (0.5, 0.5, 1.0)
    backward_blocks = 5
    backward_gate_order = (2, 0, 1)

    def _forward_buffers(self) -> None:
        T, B, H = self.T, self.B, self.H
        self.blocks = blocks = GateBuffer(5, T, B, H, self.dtype)
        self.b_hn = xp.zeros_like(self.h_at[0])
        self.difference = xp.zeros_like(self.h_at[0])
        self.views = []
        for t in range(T):
            h_prev, h = self.h_at[t], self.h_at[t + 1]
            rza, rz = blocks.flat(t, R, N), blocks.flat(t, R, A)
            r, z, a, n = (blocks.block(t, k) for k in (R, Z, A, N))
            lhs, out = self.recurrent.lhs_view(h_prev), self.recurrent.out_view(rza)
            self.views.append((lhs, out, h_prev, rz, r, z, a, n, h))
        rz_rows, n_rows = (slice(0, 2 * H), slice(2 * H, None)) if B == 1 else (slice(0, 2), 2)
        self.projections = [[(x_t[rz_rows], x_t[n_rows]) for x_t in chunk.by_step] for chunk in self.chunks]

    def _backward_buffers(self, steps: int) -> None:
        self.factors = factors = GateBuffer(5, steps, self.B, self.H, self.dtype)
        self.factor_views = [factors.broadcast_view(k, DA, 5) for k in range(steps)]
        # Once read, the gates are overwritten: da, dz_r, dz_z, dz_n, z * dh.
        self.gradient_views = []
        for t in range(self.T):
            d = self.blocks
            dz_hh = self.recurrent_back.lhs_view(d.flat(t, DA, DZ_N))
            self.gradient_views.append((d.broadcast_view(t, DA, 5), dz_hh, d.block(t, DH_PREV)))

    def pack_weights(self, weight_mask: Array | None = None) -> None:
        super().pack_weights(weight_mask)
        if "b_hn" in self.parameters:
            xp.copyto(self.b_hn, self.parameters["b_hn"][:, 0])

    def _forward(self, x: LayerInput, mask: PaddingMask | None) -> None:
        recurrent, half, b_hn, d = self.recurrent.step_function(), self.half, self.b_hn, self.difference
        for chunk, projections in zip(self.chunks, self.projections, strict=True):
            self.input.forward(x, chunk.start, chunk.stop, chunk.projection)
            for t, (x_rz, x_n) in enumerate(projections, chunk.start):
                h_lhs, rza_out, h_prev, rz, r, z, a, n, h = self.views[t]
                recurrent(h_lhs, rza_out)  # W_hh h_prev, halved for r and z
                add(rz, x_rz, rz)  # r, z = sigmoid(z) = tanh(z/2)/2 + 1/2
                tanh(rz, rz)
                multiply(rz, half, rz)
                add(rz, half, rz)
                add(a, b_hn, a)
                multiply(r, a, n)  # n = tanh(W_xn x + b_n + r * a)
                add(n, x_n, n)
                tanh(n, n)
                subtract(h_prev, n, d)  # h = n + z * (h_prev - n)
                multiply(d, z, d)
                add(n, d, h)
                if mask is not None and (padding := mask.by_step[t]) is not None:
                    xp.copyto(h, h_prev, where=padding)

    def _local_derivatives(self, start: int, stop: int, mask: PaddingMask | None) -> None:
        """Compute what dh is multiplied by at time steps start to stop: A_n of dz_n = A_n * dh, and so on.

        A_n = (1 - z) (1 - n^2)    A_z = (h_prev - n) z (1 - z)    A_r = A_n a r (1 - r)    A_a = A_n r    A_prev = z
        """
        values, factors = self.blocks.gather(start, stop), self.factors.work_area(stop - start)
        r, z, a, n, _ = values
        A_a, A_r, A_z, A_n, A_prev = factors
        rz, A_rz = values[R:A], factors[DZ_R:DZ_N]
        multiply(rz, rz, A_rz)
        subtract(rz, A_rz, A_rz)  # r (1 - r), z (1 - z)
        multiply(A_r, a, A_r)
        subtract(self.h[start:stop], n, A_n)
        multiply(A_z, A_n, A_z)  # A_z *= h_prev - n
        multiply(n, n, A_n)
        subtract(self.one, A_n, A_n)
        multiply(A_n, z, A_a)
        subtract(A_n, A_a, A_n)  # A_n = (1 - n^2) - z (1 - n^2)
        multiply(A_n, r, A_a)
        multiply(A_n, A_r, A_r)
        xp.copyto(A_prev, z)
        if mask is not None:  # over padding dh_prev = dh, and nothing else receives a gradient
            multiply(factors, mask.active[start:stop], factors)
            xp.copyto(A_prev, self.one, where=mask.padding[start:stop])
        self.factors.scatter(factors)

    def backward(self, dy: Array | None, dlast: Sequence[Array] | None, dx: Array | None) -> StateRows:
        x, mask = self.x, self.mask
        self._begin_backward(None if dlast is None else dlast[0])
        dh = self.dh_at
        recurrent_back, dh_out = self.recurrent_back.step_function(), self.dh_out
        dz_all = self.blocks.stacked(DZ_R, DH_PREV, self.T)
        dy_at = None if dy is None else self.by_time_step(dy)
        for start, stop in reversed(self.backward_chunks):
            self._local_derivatives(start, stop, mask)
            for t in range(stop - 1, start - 1, -1):
                gradients, dz_hh, dh_direct = self.gradient_views[t]
                if dy_at is not None:
                    add(dh, dy_at[t], dh)
                multiply(self.factor_views[t - start], dh, gradients)  # da, dz_r, dz_z, dz_n, z * dh
                recurrent_back(dz_hh, dh_out)  # dh_prev = W_hh^T (dz_r, dz_z, da) + z * dh
                add(dh, dh_direct, dh)
            self._input_gradient_chunk(start, stop, dz_all, dx)
        self._input_gradient_all(dz_all, dx)
        self._weight_gradient(self.blocks.matrices(DZ_R, DZ_N, self.T), 0, 2)
        da = self.blocks.matrices(DA, DZ_R, self.T)
        self._weight_gradient(da, 2, 3)
        if "b_hn" in self.gradients:
            xp.add.reduce(da[0], 0, out=self.gradients["b_hn"][:, 0])
        self.input.backward(x, self.blocks.matrices(DZ_R, DH_PREV, self.T))
        return (self.dh,)

    def gate_values(self) -> Array:
        r, z, _, n, _ = self.blocks.array
        return xp.concatenate([r, z, n], axis=2)
