"""What a half of a batch is, and what goes between the two processes: plain data, no object that could run code."""

import os
from pathlib import Path
from typing import IO, Any, TypeVar

import msgspec
import numpy as np

from rnnplay.engine import Architecture, Batch, State
from rnnplay.engine.architecture import STATES
from rnnplay.parallel.bell import Bell
from rnnplay.protocol import Packed

Array = np.ndarray[Any, Any]

WORTH = 12_000_000
"""Multiplications of a forward pass from which a step is halved: below, asking takes longer than it saves."""

_ARRAYS = ("inputs", "targets", "weights", "mask", "source", "source_mask", "context")
_HEAD = 4  # bytes that tell a message's length
Message = TypeVar("Message", "Begin", "Ask", "Done")


class Half(msgspec.Struct):
    """Some sequences of a batch: what `Network.learn` reads."""

    inputs: Any
    targets: Any
    weights: Any
    mask: Any
    source: Any
    source_mask: Any
    context: Any


class Begin(msgspec.Struct, frozen=True):
    """The worker's first message: the network, and where its parameters and the second half's gradient lie.

    flush: whether to take subnormal numbers as zero, as this process does, or not; asks, answers: rung before each.
    """

    architecture: Architecture
    descriptor: int
    flush: bool
    asks: Bell
    answers: Bell


class Ask(msgspec.Struct, frozen=True):
    """One half to learn from. total: sum of the whole batch's weights; seed: of its dropout masks."""

    arrays: dict[str, Packed]
    state: list[list[Packed]] | None
    total: float
    seed: int | None


class Done(msgspec.Struct, frozen=True):
    """The half's part of the mean loss, and its last state. The gradient lies where both can read it."""

    loss: float
    state: list[list[Packed]]


def available_cores() -> int:
    """Processor cores that this process may use, within the limit of its control group."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    try:
        quota, period = Path("/sys/fs/cgroup/cpu.max").read_text().split()
        return min(cores, int(int(quota) / int(period)))
    except (OSError, ValueError, ZeroDivisionError):
        return cores  # no control group, or no limit


def worth(a: Architecture, T: int, B: int) -> bool:
    """Whether halving T time steps of B sequences saves time. It asks for nothing but sizes: same run, same answer."""
    gates = {"rnn": 1, "lstm": 4, "gru": 3, "input-rnn": 2}[a.cell]
    read = a.hidden if a.by_id else a.hidden + a.inputs
    products = gates * a.hidden * (read + (a.layers - 1) * 2 * a.hidden) + a.outputs * a.hidden
    return B >= 2 and T * B * products >= WORTH


def weight_of(batch: Batch) -> float:
    """The sum of a batch's weights."""
    if batch.weights is None:
        return float(batch.inputs.shape[0] * batch.inputs.shape[-1])
    return float(batch.weights.sum())


def halves(batch: Batch, state: State | None) -> tuple[tuple[Half, State | None], tuple[Half, State | None]]:
    """The first sequences of a batch, half of them rounded up, and the others; views."""
    B = batch.inputs.shape[-1]
    middle = (B + 1) // 2

    def cut(a: int, b: int) -> tuple[Half, State | None]:
        arrays = (getattr(batch, name) for name in _ARRAYS)
        half = Half(*(None if array is None else array[..., a:b] for array in arrays))
        own = None if state is None else [type(layer)(*(part[:, a:b] for part in layer)) for layer in state]
        return half, own

    return cut(0, middle), cut(middle, B)


def joined(first: State, second: State) -> State:
    """The halves' states as one."""
    return [
        type(a)(*(np.concatenate(parts, axis=1) for parts in zip(a, b, strict=True)))
        for a, b in zip(first, second, strict=True)
    ]


def ask(half: Half, state: State | None, total: float, seed: int | None) -> Ask:
    arrays = {name: Packed.of(array) for name in _ARRAYS if (array := getattr(half, name)) is not None}
    packed = None if state is None else [[Packed.of(part) for part in layer] for layer in state]
    return Ask(arrays, packed, total, seed)


def asked(question: Ask, cell: str) -> tuple[Half, State | None]:
    """What `ask` was given."""
    half = Half(*(question.arrays[name].array() if name in question.arrays else None for name in _ARRAYS))
    return half, None if question.state is None else state_of(question.state, cell)


def done(loss: float, state: State) -> Done:
    return Done(loss, [[Packed.of(part) for part in layer] for layer in state])


def state_of(packed: list[list[Packed]], cell: str) -> State:
    return [STATES[cell](*(part.array() for part in layer)) for layer in packed]


def send(pipe: IO[bytes], message: Begin | Ask | Done) -> None:
    """Raises OSError where nobody reads."""
    body = msgspec.msgpack.encode(message)
    pipe.write(len(body).to_bytes(_HEAD, "big") + body)
    pipe.flush()


def receive(pipe: IO[bytes], kind: type[Message]) -> Message | None:
    """The next message; None where there will be none, or no more than a part of it."""
    head = pipe.read(_HEAD)
    length = int.from_bytes(head, "big") if len(head) == _HEAD else 0
    body = pipe.read(length)
    return msgspec.msgpack.decode(body, type=kind) if body and len(body) == length else None
