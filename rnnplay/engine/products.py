"""Products with a matrix that many time steps share: packed once a training step, used T times.

OpenBLAS copies its operands into its own order at every call, unless a product is small (at most 10^6 multiplications
in its AVX-512 kernels): then it reads them where they lie. So the matrix is cut, once, into contiguous tiles of 32 or
64 columns, and the product is a batch of small ones: 150 GFLOP/s where the whole product reaches 110.
"""

from collections.abc import Callable

from rnnplay.engine.arrays import Array, xp

SMALL = 1_000_000  # multiplications up to which OpenBLAS takes its kernel without copies
TILE_BYTES = 32_768  # a tile of 64 columns pays only while it stays in the first cache


def tiling(K: int, N: int, B: int, itemsize: int) -> tuple[int, int]:
    """Columns of a tile and parts of the batch for (B, K) @ (K, N); (N, 1) where cutting does not pay."""
    for width in (64, 32):
        if N % width or (width == 64 and K * width * itemsize > TILE_BYTES):
            continue
        for parts in range(1, B // 16 + 1):
            if B % parts == 0 and B // parts * K * width <= SMALL:
                return width, parts
    return N, 1


class Forward:
    """x (..., B, D) -> z (G, ..., B, N) for W (G*N, D), each row scaled; for one sequence x (D) -> z (G*N)."""

    def __init__(self, W: Array, gates: int, B: int, scale: Array | None) -> None:
        self.W, self.gates, self.B = W, gates, B
        self.N, self.D = W.shape[0] // gates, W.shape[1]
        self.scale = scale
        self.width, self.parts = tiling(self.D, self.N, B, W.itemsize)
        if B == 1:
            self.packed = W if scale is None else xp.zeros_like(W, order="C")
        else:
            self.packed = xp.zeros((gates, self.N // self.width, self.D, self.width), W.dtype)

    def pack(self, W: Array | None = None) -> None:
        """Read the matrix again; W replaces it where a mask has been laid over it."""
        W = self.W if W is None else W
        if self.B > 1:
            shape = (self.gates, self.N // self.width, self.width, self.D)
            tiles = W.reshape(shape).transpose(0, 1, 3, 2)
            if self.scale is None:
                xp.copyto(self.packed, tiles)
            else:
                xp.multiply(tiles, self.scale.reshape(*shape[:2], 1, self.width), self.packed)
        elif self.scale is None:
            self.packed = W
        else:
            xp.multiply(W, self.scale.reshape(-1, 1), self.packed)

    def left(self, x: Array) -> Array:
        """x (B, D) as `each` takes it, a view; for one sequence x (D)."""
        return x if self.B == 1 else x.reshape(self.parts, 1, 1, -1, self.D)

    def right(self, z: Array) -> Array:
        """z (G, B, N), without G where there is one gate, as `each` writes it; for one sequence z (G*N)."""
        if self.B == 1:
            return z
        G, Q, _, width = self.packed.shape
        return z.reshape(G, self.parts, -1, Q, width).transpose(1, 0, 3, 2, 4)

    def each(self) -> Callable[[Array, Array], object]:
        """(left, right) -> None: the product of one time step."""
        if self.B == 1:
            return self.packed.dot
        packed, matmul = self.packed, xp.matmul
        return lambda x, z: matmul(x, packed, z)

    def all(self, x: Array, out: Array) -> None:
        """x (steps, B, D) -> out (G, steps, B, N), or with one sequence (1, steps, 1, G*N)."""
        if self.B == 1:
            xp.matmul(x[:, 0], self.packed.T, out[0, :, 0])
            return
        steps, (G, Q, _, width), rows = x.shape[0], self.packed.shape, self.B // self.parts
        x = x.reshape(steps * self.parts, 1, rows, self.D)
        for gate in range(G):
            tiles = out[gate].reshape(steps * self.parts, rows, Q, width).transpose(0, 2, 1, 3)
            xp.matmul(x, self.packed[gate], tiles)


class Backward:
    """dz (G, ..., B, N) -> dx (..., B, D): the sum over gates of dz @ W; for one sequence dz (G*N) -> dx (D)."""

    def __init__(self, W: Array, gates: int, B: int, order: tuple[int, ...] | None = None) -> None:
        self.W, self.gates, self.B, self.order = W, gates, B, order
        self.N, self.D = W.shape[0] // gates, W.shape[1]
        self.width, self.parts = tiling(self.N, self.D, B, W.itemsize)
        if B == 1:
            self.packed = W if order is None else xp.zeros_like(W, order="C")
        else:
            self.packed = xp.zeros((gates, self.D // self.width, self.N, self.width), W.dtype)
        self.sum = xp.zeros((gates, B, self.D), W.dtype)

    def pack(self, W: Array | None = None) -> None:
        """Read the matrix again; W replaces it where a mask has been laid over it."""
        W = self.W if W is None else W
        if self.B == 1 and self.order is None:
            self.packed = W
            return
        shape = (self.gates, self.N, self.D // self.width, self.width)
        source, packed = W.reshape(shape), self.packed.reshape(shape if self.B == 1 else self.packed.shape)
        if self.B > 1:
            source = source.transpose(0, 2, 1, 3)
        if self.order is None:
            xp.copyto(packed, source)
        else:
            for gate, which in enumerate(self.order):
                xp.copyto(packed[gate], source[which])

    def left(self, dz: Array) -> Array:
        """dz (G, B, N), without G where there is one gate, as `each` takes it, a view; for one sequence dz (G*N)."""
        if self.B == 1:
            return dz
        return dz.reshape(self.gates, self.parts, 1, -1, self.N).transpose(1, 0, 2, 3, 4)

    def each(self, out: Array) -> Callable[[Array], object]:
        """(left) -> None: the product of one time step, into out (B, D), for one sequence (D)."""
        packed, matmul, add, total = self.packed, xp.matmul, xp.add.reduce, self.sum
        if self.B == 1:
            dot = packed.T.dot
            return lambda dz: dot(dz, out)
        G, Q, _, width = packed.shape
        tiles = (out if G == 1 else total).reshape(G, self.parts, -1, Q, width).transpose(1, 0, 3, 2, 4)
        if G == 1:
            return lambda dz: matmul(dz, packed, tiles)

        def product(dz: Array) -> None:
            matmul(dz, packed, tiles)
            add(total, 0, out=out)

        return product

    def all(self, dz: Array, out: Array, scratch: Array | None) -> None:
        """dz (G, steps, B, N), or with one sequence (1, steps, 1, G*N) -> out (steps, B, D).

        scratch (G, steps or more, B, D), needed where there are several gates and sequences.
        """
        if self.B == 1:
            xp.matmul(dz[0, :, 0], self.packed, out[:, 0])
            return
        steps, (G, Q, N, width), rows = out.shape[0], self.packed.shape, self.B // self.parts
        whole = out[None] if scratch is None else scratch[:, :steps]
        for gate in range(G):
            tiles = whole[gate].reshape(steps * self.parts, rows, Q, width).transpose(0, 2, 1, 3)
            xp.matmul(dz[gate].reshape(steps * self.parts, 1, rows, N), self.packed[gate], tiles)
        if G > 1:
            xp.add.reduce(whole, 0, out=out)
