"""What enters a layer: W_xh x + b for a stretch of time steps, and the gradients of W_xh, b and x.

Inputs by id never become the one-hot columns of a large batch: W_xh x is a row looked up, and dW_xh a sum over the
time steps that show the same id.
"""

from rnnplay.engine.arrays import Array, xp
from rnnplay.engine.products import Whole

FEW = 1 << 14  # numbers in one-hot columns up to which one product with them beats sorting


class Ids:
    """A batch of ids (T, B), checked against the vocabulary of D."""

    def __init__(self, ids: Array, D: int, dtype: str) -> None:
        self.D, self.B = D, ids.shape[1]
        self.flat = ids.reshape(-1).astype(xp.intp)
        if self.flat.size and int(xp.maximum.reduce(self.flat.view(xp.uintp))) >= D:
            wrong = int(self.flat.max()) if int(self.flat.max()) >= D else int(self.flat.min())
            raise ValueError(f"ids: {wrong} is outside 0 to {D - 1}. Encode the batch with the network's vocabulary.")
        self.dtype = dtype

    def stretch(self, start: int, stop: int) -> Array:
        return self.flat[start * self.B : stop * self.B]

    def one_hot(self) -> Array:
        """(D, T*B)."""
        hot = xp.zeros((self.D, self.flat.size), self.dtype)
        hot[self.flat, xp.arange(self.flat.size)] = 1.0
        return hot

    def sums(self, values: Array, out: Array) -> None:
        """For every id the sum of its rows: values (P, T*B, N) -> out (D, P*N)."""
        P, TB, N = values.shape
        if TB * self.D <= FEW:
            xp.matmul(self.one_hot(), values, out.reshape(self.D, P, N).transpose(1, 0, 2))
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


Steps = Array | Ids
"""The inputs of a layer: values (T, B, D), or ids."""


class Input:
    """W_xh and b_h of one layer, for batches of B sequences.

    W (G*H, D), by id the transposed view of (D, G*H); b (G*H, 1) or None; scale: for each gate what its rows are
    multiplied by (1/2 for a sigmoid that is taken from tanh). dW and db are written by `backward`.
    """

    def __init__(
        self, W: Array, dW: Array, b: Array | None, db: Array | None, scale: tuple[float, ...], by_id: bool, B: int
    ) -> None:
        self.W, self.dW, self.b, self.db, self.scale, self.B = W, dW, b, db, scale, B
        self.G = len(scale)
        self.H, self.D = W.shape[0] // self.G, W.shape[1]
        self.by_id = by_id
        self.row_scale = xp.repeat(xp.array(scale, W.dtype), self.H) if min(scale) < 1.0 else None
        self.gate_scale = xp.array(scale, W.dtype).reshape(-1, 1, 1, 1)
        self.gate_numbers = xp.arange(self.G)[:, None]
        self.bias = xp.zeros((self.G, 1, B, self.H), W.dtype) if b is not None else None
        self.table: Array | None = None
        self.whole = None if by_id else Whole(W, self.G, B, self.row_scale)

    def pack(self, TB: int, backward: bool) -> None:
        """Read the parameters again; TB time steps and sequences will use them, on the way back too if `backward`."""
        if self.whole is not None:
            self.whole.pack(backward)
        elif self.D <= TB and (self.b is not None or self.row_scale is not None):
            if self.table is None:
                self.table = xp.zeros((self.D, self.G * self.H), self.W.dtype)
            W = self.W.T
            if self.row_scale is not None:
                W = xp.multiply(W, self.row_scale, self.table)
            if self.b is not None:
                b = self.b[:, 0]
                xp.add(W, b if self.row_scale is None else b * self.row_scale, self.table)
            return
        else:
            self.table = None
        if self.bias is not None and self.b is not None:
            xp.copyto(self.bias, self.b.reshape(self.G, 1, 1, self.H))
            if self.row_scale is not None:
                self.bias *= self.gate_scale

    def forward(self, x: Steps, start: int, stop: int, out: Array) -> None:
        """Time steps start to stop -> out (G, steps, B, H), with one sequence (1, steps, 1, G*H)."""
        if isinstance(x, Ids):
            ids = x.stretch(start, stop)
            table = self.W.T if self.table is None else self.table
            if out.shape[0] == self.G:
                table = table.reshape(-1, self.H)
                ids = (ids * self.G + self.gate_numbers).reshape(-1)
            table.take(ids, 0, out.reshape(ids.size, -1), "clip")
            if self.table is not None:
                return
            if self.row_scale is not None:
                scale = self.gate_scale if out.shape[0] == self.G else self.row_scale
                xp.multiply(out, scale, out)
        else:
            assert self.whole is not None
            self.whole.forward(x[start:stop], out)
        if self.bias is not None:
            xp.add(out, self.bias.reshape(out.shape[0], 1, self.B, -1), out)

    def backward(self, x: Steps, dz: Array) -> None:
        """dz (P, T*B, width), P*width = G*H, and the inputs -> dW and db."""
        P, TB, width = dz.shape
        if isinstance(x, Ids):
            x.sums(dz, self.dW.T)
            if self.db is not None and self.D <= TB:  # each time step shows one id: the sums over ids say it all
                xp.add.reduce(self.dW, 1, out=self.db[:, 0])
                return
        else:
            xp.matmul(dz.swapaxes(1, 2), x.reshape(TB, self.D), self.dW.reshape(P, width, self.D))
        if self.db is not None:
            xp.matmul(xp.ones(TB, dz.dtype), dz, self.db.reshape(P, width))
