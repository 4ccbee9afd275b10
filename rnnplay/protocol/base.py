"""Parts of every message: the bases of commands and events, and an array on its way through a pipe."""

import itertools
from typing import TYPE_CHECKING, Any, TypeVar

import msgspec

if TYPE_CHECKING:
    import numpy as np


class PackedArray(msgspec.Struct, frozen=True):
    """An array on its way through a pipe. NumPy is imported when one is opened: not before the first paint."""

    dtype: str
    shape: tuple[int, ...]
    data: bytes

    @classmethod
    def from_array(cls, array: "np.ndarray[Any, Any]") -> "PackedArray":
        return cls(array.dtype.str, array.shape, array.tobytes())

    def array(self) -> "np.ndarray[Any, Any]":
        """The array, read-only, without a copy."""
        import numpy as np

        return np.frombuffer(self.data, dtype=np.dtype(self.dtype)).reshape(self.shape)


class Candidate(msgspec.Struct, frozen=True):
    """A symbol and the probability that the network gives it."""

    symbol: str
    probability: float


class Command(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """A message from the screen or the command line to the trainer.

    `request` is the command's number, one for each command that a process sends; `numbered` gives it, and so does the
    client for a command that has none. Every event that answers the command carries it.
    """

    request: int = 0


class Event(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """A message from the trainer to the process that started it.

    `run_id` says which run it is about; empty: no run was opened. `request` is the number of the command that it
    answers; 0: it answers none, as Status, the rows of training and its evaluations.
    """

    run_id: str = ""
    request: int = 0


_numbers = itertools.count(1)

AnyCommandT = TypeVar("AnyCommandT", bound=Command)


def numbered(command: AnyCommandT) -> AnyCommandT:
    """`command` with a number that no other command of this process has; one that has a number already, as it is."""
    return command if command.request else msgspec.structs.replace(command, request=next(_numbers))
