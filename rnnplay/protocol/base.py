"""What every message is made of: the bases of commands and events, and an array on its way through a pipe."""

from typing import TYPE_CHECKING, Any

import msgspec

if TYPE_CHECKING:
    import numpy as np


class Packed(msgspec.Struct, frozen=True):
    """An array on its way through a pipe. NumPy is imported when one is opened: not before the first paint."""

    dtype: str
    shape: tuple[int, ...]
    data: bytes

    @classmethod
    def of(cls, array: "np.ndarray[Any, Any]") -> "Packed":
        return cls(array.dtype.str, array.shape, array.tobytes())

    def array(self) -> "np.ndarray[Any, Any]":
        """The array, read-only, without a copy."""
        import numpy as np

        return np.frombuffer(self.data, dtype=np.dtype(self.dtype)).reshape(self.shape)


class Command(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """From the screen or the command line to the trainer."""


class Event(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """From the trainer to whoever started it."""
