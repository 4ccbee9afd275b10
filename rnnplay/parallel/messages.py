"""Messages between the trainer and its worker: plain data, no object that could run code."""

from typing import IO, Any, TypeVar

import msgspec

from rnnplay.engine import Architecture, BatchLike, State
from rnnplay.engine.architecture import STATES
from rnnplay.parallel.eventfd import EventFd
from rnnplay.protocol import PackedArray

_ARRAYS = ("inputs", "targets", "weights", "mask", "source", "source_mask", "context")
_LENGTH_BYTES = 4
Message = TypeVar("Message", "WorkerInit", "StepRequest", "StepResult")


class BatchHalf(msgspec.Struct):
    """Some sequences of a batch: what `Network.forward_backward` reads."""

    inputs: Any
    targets: Any
    weights: Any
    mask: Any
    source: Any
    source_mask: Any
    context: Any


class WorkerInit(msgspec.Struct, frozen=True):
    """The first message: the network, and the descriptor of the memory with parameters and second gradient.

    flush: whether to take subnormal numbers as zero, as this process does. requests, results: signalled before each.
    """

    architecture: Architecture
    descriptor: int
    flush: bool
    requests: EventFd
    results: EventFd


class StepRequest(msgspec.Struct, frozen=True):
    """One half to compute. total: sum of the whole batch's weights; seed: of its dropout masks."""

    arrays: dict[str, PackedArray]
    state: list[list[PackedArray]] | None
    total: float
    seed: int | None


class StepResult(msgspec.Struct, frozen=True):
    """The half's part of the mean loss, and its last state. The gradient lies in the shared memory."""

    loss: float
    state: list[list[PackedArray]]


def pack_request(half: BatchLike, state: State | None, total: float, seed: int | None) -> StepRequest:
    arrays = {name: PackedArray.from_array(array) for name in _ARRAYS if (array := getattr(half, name)) is not None}
    return StepRequest(arrays, None if state is None else _pack_state(state), total, seed)


def unpack_request(request: StepRequest, cell: str) -> tuple[BatchHalf, State | None]:
    """The half and its state, as `pack_request` was given them."""
    half = BatchHalf(*(request.arrays[name].array() if name in request.arrays else None for name in _ARRAYS))
    return half, None if request.state is None else unpack_state(request.state, cell)


def pack_result(loss: float, state: State) -> StepResult:
    return StepResult(loss, _pack_state(state))


def _pack_state(state: State) -> list[list[PackedArray]]:
    return [[PackedArray.from_array(array) for array in layer] for layer in state]


def unpack_state(packed: list[list[PackedArray]], cell: str) -> State:
    return [STATES[cell](*(array.array() for array in layer)) for layer in packed]


def send(pipe: IO[bytes], message: WorkerInit | StepRequest | StepResult) -> None:
    """Write one message. Raises OSError if the other end is closed."""
    body = msgspec.msgpack.encode(message)
    pipe.write(len(body).to_bytes(_LENGTH_BYTES, "big") + body)
    pipe.flush()


def receive(pipe: IO[bytes], kind: type[Message]) -> Message | None:
    """The next message; None if the pipe ends before it, or within it."""
    head = pipe.read(_LENGTH_BYTES)
    length = int.from_bytes(head, "big") if len(head) == _LENGTH_BYTES else 0
    body = pipe.read(length)
    return msgspec.msgpack.decode(body, type=kind) if body and len(body) == length else None
