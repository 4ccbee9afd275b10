"""What sets the first hidden state: a feature vector through a dense layer, h_0 = tanh(W_fh f + b_fh) for all layers.

In front of it, for pictures, a small convolutional network: 5x5 filters, ReLU, the largest of each 2x2 square, and a
dense layer with tanh, which makes the features.
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
    if a.picture is not None:
        channels, height, width = a.picture
        pooled = FILTERS * (height // POOL) * (width // POOL)
        found["picture.W_conv"] = (FILTERS, channels * KERNEL * KERNEL)
        found["picture.W_dense"] = (a.features, pooled)
        if a.bias:
            found["picture.b_conv"] = (FILTERS, 1)
            found["picture.b_dense"] = (a.features, 1)
    if a.features:
        found["W_fh"] = (a.layers * a.hidden, a.features)
        if a.bias:
            found["b_fh"] = (a.layers * a.hidden, 1)
    return found


class Front:
    """Features or pictures of B sequences -> the first h of every layer, and back."""

    def __init__(self, a: Architecture, values: Mapping[str, Array], gradients: Mapping[str, Array]) -> None:
        self.architecture, self.values, self.gradients = a, values, gradients

    def forward(self, features: Array) -> list[Array]:
        """features (F, B), or pictures (C, height, width, B) -> h (B, H) of each layer."""
        a = self.architecture
        features = features.astype(a.dtype, copy=False)
        wanted = (a.features,) if a.picture is None else a.picture
        if features.shape[:-1] != wanted:
            raise ValueError(f"features: {features.shape[:-1]} does not fit. Give {wanted} for each sequence.")
        self.f = features if a.picture is None else self._see(features)
        self.h = xp.tanh(self._dense("W_fh", "b_fh", self.f))  # (L*H, B)
        return [h.T for h in self.h.reshape(a.layers, a.hidden, -1)]

    def backward(self, dh: list[Array]) -> Array:
        """dL/dh (B, H) of each layer's first state -> the gradients, and dL/dfeatures (F, B)."""
        dz = xp.concatenate([d.T for d in dh]) * (1.0 - self.h * self.h)
        df = self._dense_back("W_fh", "b_fh", self.f, dz)
        if self.architecture.picture is not None:
            self._see_back(df)
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

    def _see(self, picture: Array) -> Array:
        """Pictures (C, height, width, B) -> features (F, B)."""
        C, height, width, B = picture.shape
        edge = KERNEL // 2
        padded = xp.pad(picture, ((0, 0), (edge, edge), (edge, edge), (0, 0)))
        windows = xp.lib.stride_tricks.sliding_window_view(padded, (KERNEL, KERNEL), axis=(1, 2))
        # Each column is what one filter sees at one place: (C*25, height*width*B).
        self.seen = windows.transpose(0, 4, 5, 1, 2, 3).reshape(C * KERNEL * KERNEL, -1)
        z = self._dense("picture.W_conv", "picture.b_conv", self.seen).reshape(FILTERS, height, width, B)
        rows, columns = height // POOL, width // POOL
        squares = z[:, : rows * POOL, : columns * POOL].reshape(FILTERS, rows, POOL, columns, POOL, B)
        squares = squares.transpose(0, 1, 3, 5, 2, 4).reshape(FILTERS, rows, columns, B, POOL * POOL)
        self.winner = squares.argmax(axis=-1)[..., None]
        largest = xp.take_along_axis(squares, self.winner, axis=-1)[..., 0]
        self.alive = largest > 0.0  # ReLU after pooling is pooling after ReLU
        self.size = height, width
        self.pooled = xp.maximum(largest, 0.0).reshape(-1, B)
        self.told = xp.tanh(self._dense("picture.W_dense", "picture.b_dense", self.pooled))
        return self.told

    def _see_back(self, df: Array) -> None:
        """dL/dfeatures (F, B) -> the gradients of filters and dense layer."""
        height, width = self.size
        rows, columns, B = height // POOL, width // POOL, df.shape[1]
        dz = df * (1.0 - self.told * self.told)
        dpooled = self._dense_back("picture.W_dense", "picture.b_dense", self.pooled, dz)
        largest = dpooled.reshape(self.alive.shape) * self.alive
        squares = xp.zeros((FILTERS, rows, columns, B, POOL * POOL), df.dtype)
        xp.put_along_axis(squares, self.winner, largest[..., None], axis=-1)
        dconv = xp.zeros((FILTERS, height, width, B), df.dtype)
        inner = squares.reshape(FILTERS, rows, columns, B, POOL, POOL).transpose(0, 1, 4, 2, 5, 3)
        dconv[:, : rows * POOL, : columns * POOL] = inner.reshape(FILTERS, rows * POOL, columns * POOL, B)
        flat = dconv.reshape(FILTERS, -1)
        xp.matmul(flat, self.seen.T, out=self.gradients["picture.W_conv"])
        if "picture.b_conv" in self.gradients:
            self.gradients["picture.b_conv"][:, 0] = flat.sum(axis=1)
