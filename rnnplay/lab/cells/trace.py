"""The activations of all units over a text or over held-out items, and the surprise of each symbol.

A piece is read in several streams side by side, each after a part of the text before it, from the beginning of a
paragraph if one is near.

Of items each time step stands under the name of its input, an item a line, an encoder's source on a line before it.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from rnnplay.config import UserError
from rnnplay.engine import GATES, Network, State
from rnnplay.engine.activations import Activations, ForwardResult
from rnnplay.engine.readout import loss_per_step, softmax
from rnnplay.lab.cells.streams import paragraph_starts, warm_streams
from rnnplay.lab.example import held_out_example
from rnnplay.tasks.base import Array, Batch, Example, Task

STREAMS = 16
WARM = 128  # symbols read before a stream's own
_SHORTEST = 32  # symbols of a stream
_FURTHEST_PARAGRAPH = 256  # symbols before a warm-up: a paragraph that begins so near is read from its beginning
_NUMBERS = 2**20  # held at a time, beside the values: so few that their memory is kept, for fresh pages cost more
_UNITS = 16  # that are turned to bytes at a time
_LARGE = 2**22  # values: from here on their memory is used again
_TOGETHER = 512  # symbols whose candidates are computed at once
MAX_ITEMS = 24
END_OF_LINE = "\n"  # the symbol after each item
_ZERO = 127  # the byte that means zero


@dataclass(frozen=True, eq=False)
class ActivationTrace:
    """A piece of a text as a network read it: N symbols from `start` of `total`."""

    start: int
    total: int
    values: Array  # (L, H, N): activations after each symbol
    surprise: Array  # (N,) bits, of each symbol given those before it; 0 where there is nothing to predict
    ids: Array  # (N,) of the symbols; where inputs are numbers, (N, D) of them

    def symbols(self, vocabulary: tuple[str, ...]) -> tuple[str, ...]:
        """A name for each input: its symbol, or its number, or nothing that would fit."""
        if self.ids.ndim == 1:
            return tuple(vocabulary[i] for i in self.ids)
        return tuple(f"{x[0]:.2g}" if len(x) == 1 else "·" for x in self.ids)


@dataclass(frozen=True, eq=False)
class ItemTrace(ActivationTrace):
    """An ActivationTrace that knows the names of its own time steps."""

    names: tuple[str, ...] = ()

    def symbols(self, vocabulary: tuple[str, ...]) -> tuple[str, ...]:
        return self.names


def states_of(network: Network) -> tuple[str, ...]:
    """Return what can be looked at: h, c and the gates."""
    cell = network.architecture.cell
    gates = tuple(gate for gate in GATES.get(cell, ()) if gate != "h")
    return ("h", "c", *gates) if cell == "lstm" else ("h", *gates)


def trace_text(
    network: Network, ids: Array, start: int, length: int, state: str, task: Task | None = None
) -> ActivationTrace:
    """Read symbols `start` to `start + length` of the text `ids` (any integers). Raises UserError: no such state.

    `task`: knows where paragraphs begin; without it a stream begins to read anywhere.
    """
    check_state(network, state)
    total = len(ids)
    start = min(max(start, 0), max(total - 1, 0))
    stop = min(start + length, total)
    # Where less than a warm-up stands before the piece, it is read from the text's beginning, which needs none.
    begin = 0 if start < WARM else start
    N = stop - begin
    origin = max(0, begin - WARM - _FURTHEST_PARAGRAPH)  # nothing before it is read
    own = ids[origin:stop].astype(np.int32)
    starts = paragraph_starts(task, own) if task is not None else None
    first, last = begin - origin, stop - origin
    streams = warm_streams(first, last, len(own), STREAMS, _SHORTEST, WARM, starts, _FURTHEST_PARAGRAPH)
    values, surprise = _read(network, own[streams.places], ~streams.reads, streams.warm, state)
    inner = slice(start - begin, N)
    return ActivationTrace(start, total, values[:, :, inner], surprise[inner], np.asarray(ids[start:stop]))


def trace_items(network: Network, task: Task, start: int, length: int, state: str) -> ActivationTrace:
    """The same for a task whose items are generated: held-out items one after the other, each from a zero state.

    Raises UserError where none are held out. Nothing is said to be surprising: an item's targets are no text.
    """
    check_state(network, state)
    batch = next(iter(task.evaluation()), None)
    if batch is None:
        raise UserError(f"{task.name} has nothing held out to look at.", "Choose another task.")
    T, B = batch.inputs.shape[0], batch.inputs.shape[-1]
    total = T * B
    start = min(max(start, 0), total - 1)
    stop = min(start + length, total)
    first, last = start // T, -(-stop // T)
    part = batch.select_sequences(slice(first, last))
    result = network.forward(part, gates=state not in ("h", "c"))
    values = state_or_gate(network, result, state).transpose(0, 2, 3, 1)
    inputs = part.inputs.swapaxes(0, -1)  # (B, T) or (B, D, T)
    ids = inputs.reshape(-1) if task.inputs_are_ids else inputs.transpose(0, 2, 1).reshape(-1, inputs.shape[1])
    inner = slice(start - first * T, stop - first * T)
    flat = values.reshape(*values.shape[:2], -1)[:, :, inner].astype(np.float16)
    return ActivationTrace(start, total, flat, np.zeros(stop - start), ids[inner])


def trace_examples(network: Network, task: Task, first: int, length: int, state: str) -> ItemTrace:
    """Return whole items from `first` on until their names fill about `length` cells. Raises UserError: no such state.

    After each item, and after an encoder's source, comes a time step "\\n" at which all units are at zero.
    """
    check_state(network, state)
    names: list[str] = []
    values: list[Array] = []
    surprise: list[Array] = []
    cells = 0
    for index in range(first, first + MAX_ITEMS):
        example = held_out_example(task, index)
        result = network.forward(example.batch, gates=state not in ("h", "c"))
        T = example.batch.inputs.shape[0]
        parts = [
            (named(example.inputs), state_or_gate(network, result, state)[..., 0], _bits(network, example, result))
        ]
        if result.encoder is not None and example.source is not None:
            S = len(example.source)
            parts.insert(0, (named(example.source), state_or_gate(network, result.encoder, state)[..., 0], np.zeros(S)))
        more = sum(len(name) for part, _, _ in parts for name in part) + len(parts)
        if names and cells + more > length:
            break
        cells += more
        for part, activations, bits in parts:
            names += [*part, END_OF_LINE]
            silent = np.zeros((*activations.shape[::2], 1))
            values.append(np.concatenate([activations.transpose(0, 2, 1), silent], axis=2))
            surprise += [bits, np.zeros(1)]
        if length <= T:
            break
    together = np.concatenate(values, axis=2).astype(np.float16)
    return ItemTrace(0, 0, together, np.concatenate(surprise), np.arange(len(names)), tuple(names))


def named(inputs: Sequence[str | None]) -> list[str]:
    """Names that can stand side by side: with a space behind each where some are longer than a letter."""
    gap = " " if any(name is not None and len(name) > 1 for name in inputs) else ""
    return [f"{'·' if name is None else name}{gap}" for name in inputs]


def _bits(network: Network, example: Example, result: ForwardResult) -> Array:
    """The surprise (T,) of each target; where targets are the next inputs, at the input that it is."""
    batch = example.batch
    T = batch.inputs.shape[0]
    bits = np.zeros(T)
    if network.architecture.readout != "softmax":
        return bits
    probabilities = np.clip(result.outputs[np.arange(T), batch.targets[:, 0], 0], 1e-12, 1)
    available = np.array([target is not None for target in example.targets])
    bits[available] = -np.log2(probabilities[available])
    if batch.inputs.ndim == 2 and T > 1 and np.array_equal(batch.inputs[1:], batch.targets[:-1]):
        return np.concatenate([[0.0], bits[:-1]])
    return bits


def _read(network: Network, read: Array, before: Array, warm: int, state: str) -> tuple[Array, Array]:
    """Streams (warm + T, B) -> values (L, H, B*T) and bits (B*T,) of what follows the warm-up.

    before (warm + T, B): where there is no text yet, and the state stays zero.
    """
    a = network.architecture
    steps, B = read.shape
    T = steps - warm
    values = np.empty((a.layers, a.hidden, B, T), np.float16)
    surprise = np.zeros((B, T))
    if a.readout == "softmax":
        surprise[:] = np.log2(a.outputs)  # what nothing stands before is anybody's guess
    chunk = max(16, _NUMBERS // (B * (6 * a.layers * a.hidden + 3 * a.outputs)))
    current: State | None = None
    for begin in range(0, steps, chunk):
        end = min(begin + chunk, steps)
        ids = read[begin:end]
        masked = before[begin:end].any()
        batch = Batch(ids, ids, mask=~before[begin:end] if masked else None)
        result = network.forward(batch, current, gates=state not in ("h", "c"))
        current = result.state
        if end > warm:
            warm_steps = max(warm - begin, 0)  # time steps of the warm-up in this chunk
            inner = state_or_gate(network, result, state)[:, warm_steps:]
            values[..., begin + warm_steps - warm : end - warm] = inner.transpose(0, 2, 3, 1)
        if a.readout == "softmax":
            _surprise(surprise, result.logits, read, before, begin, warm)
    return values.reshape(a.layers, a.hidden, B * T), surprise.reshape(B * T)


def state_or_gate(network: Network, result: Activations, state: str) -> Array:
    """The state or gate after each time step: (L, T, H, B)."""
    a = network.architecture
    if state in ("h", "c"):
        array = result.c if state == "c" else result.h
        assert array is not None
        return array[:, 1:]
    assert result.gates is not None
    block = slice(GATES[a.cell].index(state) * a.hidden, (GATES[a.cell].index(state) + 1) * a.hidden)
    return np.stack([gates[:, block] for gates in result.gates])


def _surprise(surprise: Array, logits: Array, read: Array, before: Array, begin: int, warm: int) -> None:
    """Fill in the bits of the symbols that logits (T, V, B), of time steps from `begin` on, predict."""
    first = max(begin, warm - 1)
    last = min(begin + len(logits), len(read) - 1)
    if last <= first:
        return
    y, following = logits[first - begin : last - begin], read[first + 1 : last + 1]
    bits = loss_per_step(y, following, "softmax") / np.log(2)  # (T, B)
    here = surprise[:, first + 1 - warm : last + 1 - warm]
    np.copyto(here, bits.T, where=~before[first:last].T)


def check_state(network: Network, state: str) -> None:
    """Raises UserError where the cell has no such state or gate."""
    if state not in (available := states_of(network)):
        raise UserError(
            f"A {network.architecture.cell} has no {state!r} to look at.", f"Choose one of: {', '.join(available)}."
        )


def quantize(values: Array) -> tuple[Array, float]:
    """Values as bytes: 0 is -scale, 127 zero, 254 +scale. A large float16 array is used up: its memory has the bytes.

    The scale is 1; where values go beyond it, what 99 of 100 keep within, lest one loud unit pale all others.
    """
    largest = float(np.max([np.abs(part).max(initial=0) for part, _ in _parts(values)]))  # NaN stays NaN
    if not np.isfinite(largest):
        raise UserError("The network's activations are not finite.", "Go back to an earlier checkpoint.")
    scale = (
        1.0 if largest <= 1 else max(1.0, float(np.quantile(np.abs(values[:, :, :: _quantile_stride(values)]), 0.99)))
    )
    out = _byte_buffer(values)
    for part, where in _parts(values):
        part *= _ZERO / scale
        part += _ZERO
        out[where] = np.clip(np.rint(part, part), 0, 2 * _ZERO, part)
    return out, scale


def _byte_buffer(values: Array) -> Array:
    """Return a place for the bytes: unit after unit, each is read before its own or an earlier one is overwritten."""
    if values.size < _LARGE or values.dtype != np.float16 or not values.flags.c_contiguous:
        return np.empty(values.shape, np.uint8)
    return values.reshape(-1).view(np.uint8)[: values.size].reshape(values.shape)


def _parts(values: Array) -> Iterator[tuple[Array, tuple[int, slice]]]:
    """Yield some units at a time as float32, with which arithmetic is quick, and their place."""
    for layer, units in enumerate(values):
        for first in range(0, len(units), _UNITS):
            where = slice(first, first + _UNITS)
            yield units[where].astype(np.float32), (layer, where)


def _quantile_stride(values: Array) -> int:
    """Return which part of the symbols is enough to know the scale: every n-th."""
    return max(values.size // 1_000_000, 1)


def likeliest_next(network: Network, top: Array, most: int) -> tuple[Array, Array]:
    """Return the likeliest symbols after each one, given the top layer's h (H, N): ids and probabilities (most, N)."""
    W, b = network.parameters["W_hy"], network.parameters.get("b_y")
    N = top.shape[1]
    most = min(most, len(W))
    ids, chances = np.empty((most, N), np.uint16), np.empty((most, N), np.float16)
    for start in range(0, N, _TOGETHER):
        part = slice(start, start + _TOGETHER)
        y = W @ top[:, part].astype(W.dtype)
        if b is not None:
            y += b
        p = softmax(y, 0)
        best = np.argpartition(-p, most - 1, axis=0)[:most]
        order = np.argsort(-np.take_along_axis(p, best, axis=0), axis=0, kind="stable")
        best = np.take_along_axis(best, order, axis=0)
        ids[:, part], chances[:, part] = best, np.take_along_axis(p, best, axis=0)
    return ids, chances
