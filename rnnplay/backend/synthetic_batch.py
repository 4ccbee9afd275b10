"""A batch of random numbers in the shapes that a network reads: to measure its speed."""

from dataclasses import dataclass, replace
from typing import Self

import numpy as np

from rnnplay.backend.base import Array
from rnnplay.engine import Architecture


@dataclass(frozen=True, eq=False)
class SyntheticBatch:
    """A batch like a task's: T time steps of B sequences; a source as long as the sequences, without padding."""

    inputs: Array
    targets: Array
    weights: Array | None = None
    mask: Array | None = None
    source: Array | None = None
    source_mask: Array | None = None
    context: Array | None = None
    resets_state: bool = True

    @classmethod
    def of(cls, a: Architecture, T: int, B: int, seed: int = 1) -> Self:
        """A batch for the network `a`."""
        rng = np.random.default_rng(seed)

        def ids(size: int) -> Array:
            return rng.integers(0, size, (T, B)).astype(np.int32)

        context: Array | None = None
        if a.context_size:
            context = rng.random((*(a.picture_shape or (a.context_size,)), B)).astype(a.dtype)
        return cls(
            inputs=ids(a.inputs) if a.inputs_are_ids else rng.random((T, a.inputs, B)).astype(a.dtype),
            targets=ids(a.outputs) if a.readout == "softmax" else rng.random((T, a.outputs, B)).astype(a.dtype),
            source=ids(a.source_vocabulary_size) if a.source_vocabulary_size else None,
            context=context,
        )

    def slice_time(self, start: int, stop: int) -> Self:
        """Time steps start to stop; source and context stay with step 0."""
        cut = replace(self, inputs=self.inputs[start:stop], targets=self.targets[start:stop])
        return cut if start == 0 else replace(cut, source=None, context=None)

    def select_sequences(self, which: slice) -> Self:
        """Return some of the sequences."""
        names = ("inputs", "targets", "source", "context")
        chosen = {name: array[..., which] for name in names if (array := getattr(self, name)) is not None}
        return replace(self, **chosen)
