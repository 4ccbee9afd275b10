"""The LSTM: o, i, f = sigmoid(...), g = tanh(...); c_t = f*c_{t-1} + i*g; h_t = o*tanh(c_t).

The order of the blocks, o i f g and then c_{t-1}, lets one call serve neighbours: the sigmoids of o, i, f;
(i, f) * (g, c_{t-1}); and in the backward pass, with a block in front and one behind, (dtanh, do) from dh and
(di, df, dg, dc_{t-1}) from dc.
"""

from collections.abc import Sequence

from rnnplay.engine.arrays import Array, Blocks, xp
from rnnplay.engine.inputs import Steps
from rnnplay.engine.run import Held, Parts, Run, gates_last

add, multiply, subtract, tanh = xp.add, xp.multiply, xp.subtract, xp.tanh


class LSTMRun(Run):
    """State: h, c."""

    gates = (0.5, 0.5, 0.5, 1.0)
    kept = 6

    def _forward_buffers(self) -> None:
        T, B, H = self.T, self.B, self.H
        self.blocks = blocks = Blocks(6, T + 1, B, H, self.dtype)  # tanh_c o i f g c_prev
        products = Blocks(2, 1, B, H, self.dtype)
        self.products = products.flat(0, 0, 2), products.block(0, 0), products.block(0, 1)
        self.views = [
            (
                self.recurrent.left(self.h_at[t]),
                self.recurrent.right(blocks.flat(t, 1, 5)),
                blocks.flat(t, 1, 5),
                blocks.flat(t, 1, 4),
                blocks.flat(t, 2, 4),
                blocks.flat(t, 4, 6),
                blocks.block(t + 1, 5),
                blocks.block(t, 0),
                blocks.block(t, 1),
                self.h_at[t + 1],
            )
            for t in range(T)
        ]

    def _backward_buffers(self, steps: int) -> None:
        T, B, H = self.T, self.B, self.H
        self.factors = factors = Blocks(6, steps, B, H, self.dtype)
        deltas = self.blocks  # once used, they give way to dtanh do di df dg dc_prev
        self.factor_views = [(factors.each(k, 0, 2), factors.each(k, 2, 6)) for k in range(steps)]
        self.delta_views = [
            (
                deltas.each(t, 0, 2),
                deltas.block(t, 0),
                deltas.each(t, 2, 6),
                self.recurrent_back.left(deltas.flat(t, 1, 5)),
                deltas.block(t, 5),
            )
            for t in range(T)
        ]
        self.dc = xp.zeros_like(self.dh)
        self.dc_at = self.dc[0] if B == 1 else self.dc

    def begin(self, parts: Sequence[Array] | None) -> None:
        if parts is None:
            self.h[0] = 0.0
            self.blocks.array[5, 0] = 0.0
        else:
            xp.copyto(self.h[0], parts[0])
            xp.copyto(self.blocks.array[5, 0], parts[1])

    def end(self, t: int) -> Parts:
        return self.h[t], self.blocks.array[5, t]

    def forward(self, x: Steps, held: Held | None) -> None:
        product, half = self.recurrent.each(), self.half
        ig_fc, ig, fc = self.products
        for s in self.stretches:
            a, b = s.start, s.stop
            self.input.forward(x, a, b, s.whole)
            for t, x_t in enumerate(s.at, a):
                h_left, z_right, z, sigmoids, i_f, g_c, c, tanh_c, o, h = self.views[t]
                product(h_left, z_right)
                add(z, x_t, z)
                tanh(z, z)
                multiply(sigmoids, half, sigmoids)
                add(sigmoids, half, sigmoids)
                multiply(i_f, g_c, ig_fc)
                add(ig, fc, c)
                tanh(c, tanh_c)
                multiply(o, tanh_c, h)
                if held is not None and (hold := held.at[t]) is not None:
                    xp.copyto(h, self.h_at[t], where=hold)
                    xp.copyto(c, self.blocks.block(t, 5), where=hold)

    def _factors(self, a: int, b: int, held: Held | None) -> None:
        """What dh and dc are multiplied by at time steps a to b: all of the backward pass that waits for neither."""
        G, A = self.blocks.gathered(a, b), self.factors.room(b - a)
        sigmoids, of_tanh = A[1:4], A[0:5:4]
        multiply(G[1:4], G[1:4], sigmoids)
        subtract(G[1:4], sigmoids, sigmoids)
        multiply(A[1], G[0], A[1])  # dh -> dz_o: tanh(c) o (1 - o)
        multiply(A[2:4], G[4:6], A[2:4])  # dc -> dz_i: g i (1 - i), dz_f: c_prev f (1 - f)
        multiply(G[0:5:4], G[0:5:4], of_tanh)
        subtract(self.one, of_tanh, of_tanh)
        multiply(of_tanh, G[1:3], of_tanh)  # dh -> dc: o (1 - tanh^2 c), dc -> dz_g: i (1 - g^2)
        xp.copyto(A[5], G[3])  # dc -> dc_prev
        if held is not None:
            multiply(A, held.going[a:b], A)
            xp.copyto(A[5], self.one, where=held.padding[a:b])
        self.factors.scatter(A)

    def backward(
        self, x: Steps, dy: Array | None, dlast: Sequence[Array] | None, held: Held | None, dx: Array | None
    ) -> Parts:
        self._begin_backward(None if dlast is None else dlast[0])
        dh, dc, dh_held = self.dh_at, self.dc_at, self.dh_held
        product, dh_right = self.recurrent_back.each(), self.dh_right
        dz_all = self.blocks.stacked(1, 5, self.T)
        dc_next = xp.zeros_like(dc)
        if dlast is not None:
            xp.copyto(dc_next, dlast[1].reshape(dc.shape))
        dy_at = None if dy is None else self.each(dy)
        for a, b in reversed(self.back_stretches):
            self._factors(a, b, held)
            for t in range(b - 1, a - 1, -1):
                from_dh, from_dc = self.factor_views[t - a]
                d_tanh_o, d_tanh, d_ifgc, dz, dc_prev = self.delta_views[t]
                if dy_at is not None:
                    add(dh, dy_at[t], dh)
                multiply(from_dh, dh, d_tanh_o)
                add(dc_next, d_tanh, dc)
                multiply(from_dc, dc, d_ifgc)
                hold = None if held is None else held.at[t]
                if hold is None:
                    product(dz, dh_right)
                else:
                    multiply(dh, hold, dh_held)
                    product(dz, dh_right)
                    add(dh, dh_held, dh)
                dc_next = dc_prev
            self._back_stretch(a, b, dz_all, dx)
        self._back_whole(dz_all, dx)
        dz_flat = self.blocks.matrices(1, 5, self.T)
        self._weight_gradient(dz_flat, 0, 4)
        self._finish_gradient()
        self.input.backward(x, dz_flat)
        return self.dh, dc_next.reshape(self.dc.shape)

    def state_gradients(self, dy: Array | None, dlast: Sequence[Array] | None, held: Held | None) -> Parts:
        dh_last, dc_last = (None, None) if dlast is None else dlast
        dc = xp.zeros_like(self.h)
        if dc_last is not None:
            dc[-1] = dc_last
        dc[:-1] += self.blocks.array[5, :-1]
        dc[1:] += self.blocks.array[0, :-1]
        return self._hidden_gradient(self.gate_gradients(), None, dy, dh_last, held), dc

    def gate_values(self) -> Array:
        return gates_last(self.blocks.stacked(1, 5, self.T))

    def gate_gradients(self) -> Array:
        return gates_last(self.blocks.stacked(1, 5, self.T))
