"""Products with a matrix that many time steps share: packed once a training step, used T times.

OpenBLAS copies its operands into its own order at every call, unless a product is small (at most 10^6 multiplications
in its AVX-512 kernels): then it reads them where they lie. So the matrix is cut, once, into contiguous tiles of 32 or
64 columns, and the product is a batch of small ones: 150 GFLOP/s where the whole product reaches 115. Its other kernels
have no such way, and take each gate's matrix whole.
"""

import os
from collections.abc import Callable

from rnnplay.engine.arrays import Array, xp

SMALL_GEMM_MULS = 1_000_000  # multiplications up to which OpenBLAS takes its kernel without copies
TILE_BYTES = 1 << 15  # a tile of 64 columns pays only while it stays in the first cache
LARGE_BYTES = 1 << 18  # from here on a gate's matrix with all time steps at once is best left to OpenBLAS's own order
MIN_SPLIT_ROWS = 128  # the least to which the summed side of a product is cut
ROWS_PER_CALL = 1024  # time steps and sequences that a sum over gates takes at a time


def has_small_gemm_kernels() -> bool:
    """Return whether OpenBLAS multiplies small matrices in place: RNNPLAY_SMALL_GEMM, which `rnnplay.blas` measures."""
    return os.environ.get("RNNPLAY_SMALL_GEMM") == "1"


USE_TILES = has_small_gemm_kernels()


def tiling(K: int, N: int, B: int, itemsize: int) -> tuple[int, int]:
    """Return (pieces of K, columns of a tile) for (B, K) @ (K, N), and (1, N) where cutting does not pay."""
    if USE_TILES and N % 32 == 0:
        for pieces in range(1, max(1, K // MIN_SPLIT_ROWS) + 1):
            rows = K // pieces
            if K % pieces == 0 and B * rows * 32 <= SMALL_GEMM_MULS:
                wide = N % 64 == 0 and rows * 64 * itemsize <= TILE_BYTES and B * rows * 64 <= SMALL_GEMM_MULS
                return pieces, 64 if wide else 32
    return 1, N


class StepMatmul:
    """W (G*N, D), each row scaled, with one time step after the other: x (B, D) -> z (G, B, N).

    For one sequence vectors, x (D) -> z (G*N).
    """

    def __init__(self, W: Array, gates: int, B: int, scale: Array | None) -> None:
        self.W, self.gates, self.B, self.scale = W, gates, B, scale
        self.N, self.D = W.shape[0] // gates, W.shape[1]
        self.pieces, self.width = tiling(self.D, self.N, B, W.itemsize)
        if B == 1:
            self.packed = W if scale is None else xp.zeros_like(W, order="C")
            return
        tiles = self.N // self.width
        self.packed = xp.zeros((self.pieces, gates, tiles, self.D // self.pieces, self.width), W.dtype)
        self.partial_sums = xp.zeros((self.pieces, gates, B, self.N), W.dtype) if self.pieces > 1 else None

    def pack(self, W: Array | None = None) -> None:
        """Read the matrix again; W replaces it where a mask has been laid over it."""
        W = self.W if W is None else W
        if self.B == 1:
            if self.scale is None:
                self.packed = W
            else:
                for gate in range(self.gates):  # one factor for a whole gate: three times as quick as one for each row
                    rows = slice(gate * self.N, (gate + 1) * self.N)
                    xp.multiply(W[rows], self.scale[gate * self.N], self.packed[rows])
            return
        C, G, Q, _, width = self.packed.shape
        tiles = W.reshape(G, Q, width, C, -1).transpose(3, 0, 1, 4, 2)
        if self.scale is None:
            xp.copyto(self.packed, tiles)
        else:
            xp.multiply(tiles, self.scale.reshape(1, G, Q, 1, width), self.packed)

    def lhs_view(self, x: Array) -> Array:
        """x as `each` takes it, a view."""
        return x if self.B == 1 else x.reshape(self.B, self.pieces, 1, 1, -1).transpose(1, 2, 3, 0, 4)

    def out_view(self, z: Array) -> Array:
        """z, without G where there is one gate, as `each` writes it, a view."""
        if self.B == 1:
            return z
        z = z.reshape(1, self.gates, self.B, self.N)
        return z[0] if self.pieces > 1 else self._tiles(z)

    def _tiles(self, z: Array) -> Array:
        C, G, Q, _, width = self.packed.shape
        return z.reshape(C, G, self.B, Q, width).transpose(0, 1, 3, 2, 4)

    def step_function(self) -> Callable[[Array, Array], object]:
        """(left, right) -> None: the product of one time step."""
        packed, matmul, add = self.packed, xp.matmul, xp.add.reduce
        if self.B == 1:
            return packed.dot
        if self.partial_sums is None:
            return lambda x, z: matmul(x, packed, z)
        parts = self.partial_sums
        tiles = self._tiles(parts)

        def product(x: Array, z: Array) -> None:
            matmul(x, packed, tiles)
            add(parts, 0, out=z)

        return product


class TransposedStepMatmul:
    """W (G*N, D) with one time step after the other: dz (G, B, N) -> dx (B, D), the sum over gates of dz @ W.

    For one sequence vectors, dz (G*N) -> dx (D). order: W's gates in the order of dz's.
    """

    def __init__(self, W: Array, gates: int, B: int, order: tuple[int, ...] | None = None) -> None:
        self.W, self.gates, self.B, self.order = W, gates, B, order
        self.N, self.D = W.shape[0] // gates, W.shape[1]
        self.pieces, self.width = tiling(self.N, self.D, B, W.itemsize)
        if B == 1:
            self.packed = W if order is None else xp.zeros_like(W, order="C")
            return
        rows, tiles = self.N // self.pieces, self.D // self.width
        self.packed = xp.zeros((gates, self.pieces, tiles, rows, self.width), W.dtype)
        self.partial_sums = xp.zeros((gates * self.pieces, B, self.D), W.dtype)

    def pack(self, W: Array | None = None) -> None:
        """Read the matrix again; W replaces it where a mask has been laid over it."""
        W = self.W if W is None else W
        if self.B == 1 and self.order is None:
            self.packed = W
            return
        source, packed = W.reshape(self.gates, -1), self.packed.reshape(self.gates, -1)
        if self.B > 1:
            _, C, Q, rows, width = self.packed.shape
            source, packed = W.reshape(-1, C, rows, Q, width).transpose(0, 1, 3, 2, 4), self.packed
        if self.order is None:
            xp.copyto(packed, source)
        else:
            for gate, which in enumerate(self.order):
                xp.copyto(packed[gate], source[which])

    def lhs_view(self, dz: Array) -> Array:
        """dz, without G where there is one gate, as `each` takes it, a view."""
        if self.B == 1:
            return dz
        return dz.reshape(self.gates, self.B, self.pieces, 1, -1).transpose(0, 2, 3, 1, 4)

    def out_view(self, dx: Array) -> Array:
        """dx (B, D), for one sequence (D), as `each` writes it, a view."""
        return dx if self.B == 1 or len(self.partial_sums) > 1 else self._tiles(dx)

    def _tiles(self, dx: Array) -> Array:
        G, C, Q, _, width = self.packed.shape
        return dx.reshape(G, C, self.B, Q, width).transpose(0, 1, 3, 2, 4)

    def step_function(self) -> Callable[[Array, Array], object]:
        """(left, right) -> None: the product of one time step."""
        packed, matmul, add = self.packed, xp.matmul, xp.add.reduce
        if self.B == 1:
            return packed.T.dot
        parts = self.partial_sums
        if len(parts) == 1:
            return lambda dz, dx: matmul(dz, packed, dx)
        tiles = self._tiles(parts)

        def product(dz: Array, dx: Array) -> None:
            matmul(dz, packed, tiles)
            add(parts, 0, out=dx)

        return product


class SequenceMatmul:
    """W (G*N, D) with many time steps at once, forward (each row scaled) and back."""

    def __init__(self, W: Array, gates: int, B: int, scale: Array | None) -> None:
        self.W, self.gates, self.B, self.scale = W, gates, B, scale
        self.N, self.D = W.shape[0] // gates, W.shape[1]
        large = self.N * self.D * W.itemsize >= LARGE_BYTES
        self.tiled = None if B == 1 or large or not USE_TILES else StepMatmul(W, gates, B, scale)
        if self.tiled is not None and self.tiled.pieces > 1:
            self.tiled = None
        self.transposed = None if self.tiled is None else TransposedStepMatmul(W, gates, B)
        self.scaled = W if self.tiled is not None or scale is None else xp.zeros_like(W, order="C")
        self.sum = xp.zeros((0, self.D), W.dtype)

    def steps(self, T: int) -> int:
        """Return how many time steps to give to `forward` together: so many that OpenBLAS's own order pays, or any."""
        return 1 if self.tiled is not None else min(T, max(1, ROWS_PER_CALL // self.B))

    def pack(self, backward: bool) -> None:
        """Read the matrix again."""
        if self.tiled is not None:
            self.tiled.pack()
            if backward and self.transposed is not None:
                self.transposed.pack()
        elif self.scale is not None:
            xp.multiply(self.W, self.scale.reshape(-1, 1), self.scaled)

    def forward(self, x: Array, out: Array) -> None:
        """x (steps, B, D) -> out (G, steps, B, N), or with one sequence (1, steps, 1, G*N)."""
        P, steps, B, width = out.shape
        if self.tiled is None:
            W = self.scaled.reshape(P, width, self.D).swapaxes(1, 2)
            xp.matmul(x.reshape(steps * B, self.D), W, out.reshape(P, steps * B, width))
            return
        packed = self.tiled.packed[0]
        Q, columns = packed.shape[1], packed.shape[3]
        for gate in range(self.gates):
            xp.matmul(x[:, None], packed[gate], out[gate].reshape(steps, B, Q, columns).transpose(0, 2, 1, 3))

    def backward(self, dz: Array, out: Array) -> None:
        """dz (G, steps, B, N), or with one sequence (1, steps, 1, G*N) -> out (steps, B, D)."""
        P, steps, B, width = dz.shape
        if self.transposed is not None:
            product = self.transposed.step_function()
            for t in range(steps):
                product(self.transposed.lhs_view(dz[:, t]), self.transposed.out_view(out[t]))
            return
        W = self.W.reshape(P, width, self.D)
        rows = max(1, min(steps, ROWS_PER_CALL // B))
        for start in range(0, steps, rows):
            piece = dz[:, start : start + rows].reshape(P, -1, width)
            into = out[start : start + rows].reshape(-1, self.D)
            xp.matmul(piece[0], W[0], into)
            if P > 1 and self.sum.shape[0] < into.shape[0]:
                self.sum = xp.zeros_like(into)
            for k in range(1, P):
                added = self.sum[: into.shape[0]]
                xp.matmul(piece[k], W[k], added)
                xp.add(into, added, into)
