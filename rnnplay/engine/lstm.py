"""The LSTM over time, fast: `lstm_forward` and `lstm_backward` of cells.py for T time steps.

Out of the loop over time: W_xh x + b_h of a chunk of time steps; in the backward pass every factor that does not
depend on dh (`_local_derivatives`); and the products for dW and dx.

The six numbers of a unit and time step lie as tanh_c, o, i, f, g, c_prev, so that one call can serve neighbours: the
sigmoids of (o, i, f); (i, f) * (g, c_prev); and backward (dtanh_c, dz_o) from dh, (dz_i, dz_f, dz_g, dc_prev) from dc.
"""

from collections.abc import Sequence

from rnnplay.engine.arrays import Array, GateBuffer, xp
from rnnplay.engine.layer import LayerInput, PaddingMask, RecurrentLayer, StateRows, gates_last

add, multiply, subtract, tanh = xp.add, xp.multiply, xp.subtract, xp.tanh

TANH_C, O, I, F, G, C_PREV = range(6)  # noqa: E741


class LSTMLayer(RecurrentLayer):
    """c = f * c_prev + i * g; h = o * tanh(c); state: h, c."""

    gate_scales = (0.5, 0.5, 0.5, 1.0)
    backward_blocks = 6

    def _forward_buffers(self) -> None:
        T, B, H = self.T, self.B, self.H
        self.blocks = blocks = GateBuffer(6, T + 1, B, H, self.dtype)
        products = GateBuffer(2, 1, B, H, self.dtype)
        self.products = products.flat(0, 0, 2), products.block(0, 0), products.block(0, 1)
        self.views = []
        for t in range(T):
            h_prev, h, c = self.h_at[t], self.h_at[t + 1], blocks.block(t + 1, C_PREV)
            oifg, oif, i_f = blocks.flat(t, O, C_PREV), blocks.flat(t, O, G), blocks.flat(t, I, G)
            g_c_prev, tanh_c, o = blocks.flat(t, G, 6), blocks.block(t, TANH_C), blocks.block(t, O)
            lhs, out = self.recurrent.lhs_view(h_prev), self.recurrent.out_view(oifg)
            self.views.append((lhs, out, oifg, oif, i_f, g_c_prev, c, tanh_c, o, h))

    def _backward_buffers(self, steps: int) -> None:
        T, B, H = self.T, self.B, self.H
        self.factors = factors = GateBuffer(6, steps, B, H, self.dtype)
        self.factor_views = [
            (factors.broadcast_view(k, TANH_C, I), factors.broadcast_view(k, I, 6)) for k in range(steps)
        ]
        # Once read, the gates are overwritten: dtanh_c, dz_o, dz_i, dz_f, dz_g, dc_prev.
        self.gradient_views = []
        for t in range(T):
            d = self.blocks
            dtanh_c_dz_o, dtanh_c = d.broadcast_view(t, TANH_C, I), d.block(t, TANH_C)
            dz_ifg_dc_prev, dc_prev = d.broadcast_view(t, I, 6), d.block(t, C_PREV)
            dz = self.recurrent_back.lhs_view(d.flat(t, O, C_PREV))
            self.gradient_views.append((dtanh_c_dz_o, dtanh_c, dz_ifg_dc_prev, dz, dc_prev))
        self.dc = xp.zeros_like(self.dh)
        self.dc_at = self.dc[0] if B == 1 else self.dc

    def set_initial_state(self, state: Sequence[Array] | None) -> None:
        super().set_initial_state(state)
        self.blocks.array[C_PREV, 0] = 0.0 if state is None else state[1]

    def state_at(self, t: int) -> StateRows:
        return self.h[t], self.blocks.array[C_PREV, t]

    def _forward(self, x: LayerInput, mask: PaddingMask | None) -> None:
        recurrent, half = self.recurrent.step_function(), self.half
        ig_fc, ig, fc = self.products
        for chunk in self.chunks:
            self.input.forward(x, chunk.start, chunk.stop, chunk.projection)
            for t, x_t in enumerate(chunk.by_step, chunk.start):
                h_lhs, z_out, z, oif, i_f, g_c_prev, c, tanh_c, o, h = self.views[t]
                recurrent(h_lhs, z_out)  # z = W_hh h_prev + (W_xh x + b_h), halved for o, i, f
                add(z, x_t, z)
                tanh(z, z)  # g = tanh(z); o, i, f = sigmoid(z) = tanh(z/2)/2 + 1/2
                multiply(oif, half, oif)
                add(oif, half, oif)
                multiply(i_f, g_c_prev, ig_fc)  # c = i * g + f * c_prev
                add(ig, fc, c)
                tanh(c, tanh_c)  # h = o * tanh(c)
                multiply(o, tanh_c, h)
                if mask is not None and (padding := mask.by_step[t]) is not None:
                    xp.copyto(h, self.h_at[t], where=padding)
                    xp.copyto(c, self.blocks.block(t, C_PREV), where=padding)

    def _local_derivatives(self, a: int, b: int, mask: PaddingMask | None) -> None:
        """Compute what dh and dc are multiplied by at time steps a to b: A_o of dz_o = A_o * dh, and so on.

        dh:  A_tanh = o (1 - tanh(c)^2)    A_o = tanh(c) o (1 - o)
        dc:  A_i = g i (1 - i)    A_f = c_prev f (1 - f)    A_g = i (1 - g^2)    A_prev = f
        """
        values, factors = self.blocks.gather(a, b), self.factors.work_area(b - a)
        tanh_c, o, i, f, g, c_prev = values
        A_tanh, A_o, A_i, A_f, A_g, A_prev = factors
        oif, A_oif = values[O:G], factors[O:G]
        multiply(oif, oif, A_oif)
        subtract(oif, A_oif, A_oif)  # o (1 - o), i (1 - i), f (1 - f)
        multiply(A_o, tanh_c, A_o)
        multiply(A_i, g, A_i)
        multiply(A_f, c_prev, A_f)
        multiply(g, g, A_g)
        subtract(self.one, A_g, A_g)
        multiply(A_g, i, A_g)
        multiply(tanh_c, tanh_c, A_tanh)
        subtract(self.one, A_tanh, A_tanh)
        multiply(A_tanh, o, A_tanh)
        xp.copyto(A_prev, f)
        if mask is not None:  # over padding dc_prev = dc, and nothing else receives a gradient
            multiply(factors, mask.active[a:b], factors)
            xp.copyto(A_prev, self.one, where=mask.padding[a:b])
        self.factors.scatter(factors)

    def backward(self, dy: Array | None, dlast: Sequence[Array] | None, dx: Array | None) -> StateRows:
        x, mask = self.x, self.mask
        self._begin_backward(None if dlast is None else dlast[0])
        dh, dc, dh_padding = self.dh_at, self.dc_at, self.dh_padding
        recurrent_back, dh_out = self.recurrent_back.step_function(), self.dh_out
        dz_all = self.blocks.stacked(O, C_PREV, self.T)
        dc_next = xp.zeros_like(dc)
        if dlast is not None:
            xp.copyto(dc_next, dlast[1].reshape(dc.shape))
        dy_at = None if dy is None else self.by_time_step(dy)
        for a, b in reversed(self.backward_chunks):
            self._local_derivatives(a, b, mask)
            for t in range(b - 1, a - 1, -1):
                A_dh, A_dc = self.factor_views[t - a]
                dtanh_c_dz_o, dtanh_c, dz_ifg_dc_prev, dz, dc_prev = self.gradient_views[t]
                padding = None if mask is None else mask.by_step[t]
                if dy_at is not None:
                    add(dh, dy_at[t], dh)
                multiply(A_dh, dh, dtanh_c_dz_o)  # dh o (1 - tanh(c)^2); dz_o
                add(dc_next, dtanh_c, dc)  # dc = dc_next + dh o (1 - tanh(c)^2)
                multiply(A_dc, dc, dz_ifg_dc_prev)  # dz_i, dz_f, dz_g; dc_prev = dc f
                if padding is None:
                    recurrent_back(dz, dh_out)  # dh_prev = W_hh^T dz
                else:
                    multiply(dh, padding, dh_padding)
                    recurrent_back(dz, dh_out)
                    add(dh, dh_padding, dh)
                dc_next = dc_prev
            self._input_gradient_chunk(a, b, dz_all, dx)
        self._input_gradient_all(dz_all, dx)
        dz_flat = self.blocks.matrices(O, C_PREV, self.T)
        self._weight_gradient(dz_flat, 0, 4)
        self.input.backward(x, dz_flat)
        return self.dh, dc_next.reshape(self.dc.shape)

    def gate_values(self) -> Array:
        return gates_last(self.blocks.stacked(O, C_PREV, self.T))
