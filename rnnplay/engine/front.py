"""Networks for the first hidden state: a context vector through a dense layer, h_0 = tanh(W_fh f + b_fh) in all layers.

In front of it, for pictures, a small convolutional network: 5x5 filters, ReLU, the largest of each 2x2 square, and a
dense layer with tanh, which makes the context.
"""

from collections.abc import Mapping

from rnnplay.engine.architecture import Architecture
from rnnplay.engine.arrays import Array, xp

FILTERS = 8
KERNEL = 5  # height and width of a filter; odd, so that the picture keeps its size
POOL = 2


def front_shapes(a: Architecture) -> dict[str, tuple[int, ...]]:
    """Names and shapes of the front's parameters."""
    found: dict[str, tuple[int, ...]] = {}
    if a.picture_shape is not None:
        channels, height, width = a.picture_shape
        pooled = FILTERS * (height // POOL) * (width // POOL)
        found["picture.W_conv"] = (FILTERS, channels * KERNEL * KERNEL)
        found["picture.W_dense"] = (a.context_size, pooled)
        if a.bias:
            found["picture.b_conv"] = (FILTERS, 1)
            found["picture.b_dense"] = (a.context_size, 1)
    if a.context_size:
        found["W_fh"] = (a.layers * a.hidden, a.context_size)
        if a.bias:
            found["b_fh"] = (a.layers * a.hidden, 1)
    return found


class InitialStateNetwork:
    """A context vector or picture of each of B sequences -> the first h of every layer, and back."""

    def __init__(self, a: Architecture, values: Mapping[str, Array], gradients: Mapping[str, Array]) -> None:
        self.architecture, self.values, self.gradients = a, values, gradients

    def forward(self, context: Array) -> list[Array]:
        """context (F, B), or pictures (C, height, width, B) -> h (B, H) of each layer."""
        a = self.architecture
        context = context.astype(a.dtype, copy=False)
        shape = (a.context_size,) if a.picture_shape is None else a.picture_shape
        if context.shape[:-1] != shape:
            raise ValueError(f"context: {context.shape[:-1]} does not fit. Give {shape} for each sequence.")
        self.f = context if a.picture_shape is None else self._convolve(context)
        self.h = xp.tanh(self._dense("W_fh", "b_fh", self.f))  # (L*H, B)
        return [h.T for h in self.h.reshape(a.layers, a.hidden, -1)]

    def backward(self, dh: list[Array]) -> Array:
        """dL/dh (B, H) of each layer's first state -> the gradients, and dL/dcontext (F, B)."""
        dz = xp.concatenate([d.T for d in dh]) * (1.0 - self.h * self.h)
        df = self._dense_back("W_fh", "b_fh", self.f, dz)
        if self.architecture.picture_shape is not None:
            self._convolve_back(df)
        return df

    def _dense(self, W: str, b: str, x: Array) -> Array:
        z: Array = self.values[W] @ x
        if b in self.values:
            z += self.values[b]
        return z

    def _dense_back(self, W: str, b: str, x: Array, dz: Array) -> Array:
        xp.matmul(dz, x.T, out=self.gradients[W])
        if b in self.gradients:
            self.gradients[b][:, 0] = dz.sum(axis=1)
        dx: Array = self.values[W].T @ dz
        return dx

    def _convolve(self, picture: Array) -> Array:
        """Pictures (C, height, width, B) -> context (F, B)."""
        C, height, width, B = picture.shape
        edge = KERNEL // 2
        padded = xp.pad(picture, ((0, 0), (edge, edge), (edge, edge), (0, 0)))
        windows = xp.lib.stride_tricks.sliding_window_view(padded, (KERNEL, KERNEL), axis=(1, 2))
        # Each column is what one filter sees at one place: (C*25, height*width*B).
        self.patches = windows.transpose(0, 4, 5, 1, 2, 3).reshape(C * KERNEL * KERNEL, -1)
        z = self._dense("picture.W_conv", "picture.b_conv", self.patches).reshape(FILTERS, height, width, B)
        rows, columns = height // POOL, width // POOL
        squares = z[:, : rows * POOL, : columns * POOL].reshape(FILTERS, rows, POOL, columns, POOL, B)
        squares = squares.transpose(0, 1, 3, 5, 2, 4).reshape(FILTERS, rows, columns, B, POOL * POOL)
        self.argmax = squares.argmax(axis=-1)[..., None]
        largest = xp.take_along_axis(squares, self.argmax, axis=-1)[..., 0]
        self.relu_mask = largest > 0.0  # ReLU after pooling is pooling after ReLU
        self.size = height, width
        self.pooled = xp.maximum(largest, 0.0).reshape(-1, B)
        self.context = xp.tanh(self._dense("picture.W_dense", "picture.b_dense", self.pooled))
        return self.context

    def _convolve_back(self, df: Array) -> None:
        """dL/dcontext (F, B) -> the gradients of filters and dense layer."""
        height, width = self.size
        rows, columns, B = height // POOL, width // POOL, df.shape[1]
        dz = df * (1.0 - self.context * self.context)
        dpooled = self._dense_back("picture.W_dense", "picture.b_dense", self.pooled, dz)
        largest = dpooled.reshape(self.relu_mask.shape) * self.relu_mask
        squares = xp.zeros((FILTERS, rows, columns, B, POOL * POOL), df.dtype)
        xp.put_along_axis(squares, self.argmax, largest[..., None], axis=-1)
        dconv = xp.zeros((FILTERS, height, width, B), df.dtype)
        inner = squares.reshape(FILTERS, rows, columns, B, POOL, POOL).transpose(0, 1, 4, 2, 5, 3)
        dconv[:, : rows * POOL, : columns * POOL] = inner.reshape(FILTERS, rows * POOL, columns * POOL, B)
        flat = dconv.reshape(FILTERS, -1)
        xp.matmul(flat, self.patches.T, out=self.gradients["picture.W_conv"])
        if "picture.b_conv" in self.gradients:
            self.gradients["picture.b_conv"][:, 0] = flat.sum(axis=1)
