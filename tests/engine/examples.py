"""Random networks and batches for the engine's tests, and numerical gradients to hold the derived ones against."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import numpy as np

from rnnplay.engine import Architecture, Network, State
from rnnplay.engine.gru import DH_PREV, DZ_R, GRULayer
from rnnplay.engine.input_rnn import InputRNNLayer
from rnnplay.engine.layer import Layer, gates_last
from rnnplay.engine.layer_stack import state_from_rows
from rnnplay.engine.lstm import C_PREV, LSTMLayer, O
from rnnplay.engine.network import BatchBuffers, batch_sizes
from rnnplay.engine.parameters import Parameters
from rnnplay.engine.rnn import RNNLayer
from rnnplay.tasks.base import Batch

Array = np.ndarray[Any, np.dtype[Any]]
SHAPES = ("one to one", "one to many", "many to one", "synced", "encoder-decoder")


Example = Batch


def ends(lengths: Array, T: int) -> Array:
    """(T, B) mask of sequences of these lengths."""
    return np.arange(T)[:, None] < lengths[None]


def example(a: Architecture, T: int, B: int, seed: int, shape: str = "synced", masked: bool = False) -> Example:
    """A random batch of one of the five shapes; weights are uneven, and with `masked` the sequences too."""
    rng = np.random.default_rng(seed)
    T = 1 if shape == "one to one" else T
    inputs = rng.integers(0, a.inputs, (T, B)) if a.inputs_are_ids else rng.normal(size=(T, a.inputs, B))
    if shape == "one to many" and not a.inputs_are_ids:
        inputs[1:] = 0.0
    if a.readout == "softmax":
        targets = rng.integers(0, a.outputs, (T, B))
    elif a.readout == "linear":
        targets = rng.normal(size=(T, a.outputs, B))
    else:
        targets = rng.integers(0, 2, (T, a.outputs, B)).astype(float)
    weights = rng.uniform(0.2, 1.0, (T, B))
    if shape == "many to one":
        weights[:-1] = 0.0
    mask = ends(rng.integers(1, T + 1, B), T) if masked else None
    batch = Example(inputs, targets, weights, mask)
    if a.source_vocabulary_size:
        S = T + 1
        source_mask = ends(rng.integers(1, S + 1, B), S) if masked else None
        batch = replace(batch, source=rng.integers(0, a.source_vocabulary_size, (S, B)), source_mask=source_mask)
    if a.picture_shape is not None:
        batch = replace(batch, context=rng.normal(size=(*a.picture_shape, B)))
    elif a.context_size:
        batch = replace(batch, context=rng.normal(size=(a.context_size, B)))
    return batch


def network(seed: int, scale: float = 0.5, **choices: Any) -> Network:
    """A float64 network whose parameters, biases too, are all random and distinct."""
    made = Network(Architecture(**{"dtype": "float64", **choices}), seed)
    made.flat[...] = np.random.default_rng(seed).normal(size=made.flat.size) * scale
    return made


def some_state(of: Network, B: int, seed: int) -> State:
    """A random state."""
    rng = np.random.default_rng(seed)
    return [type(layer)(*(0.5 * rng.normal(size=part.shape) for part in layer)) for layer in of.zero_state(B)]


def loss_of(n: Network, batch: Example, state: State | None) -> float:
    loss, total, _ = n.evaluate(batch, state)
    return loss / total


def slope(f: Callable[[float], float], step: float) -> float:
    """f'(0), by the five-point formula."""
    return (8.0 * (f(step) - f(-step)) - (f(2.0 * step) - f(-2.0 * step))) / (12.0 * step)


def kinked(n: Network) -> bool:
    a = n.architecture
    return a.activation == "relu" or a.picture_shape is not None


def differences(
    n: Network, batch: Example, state: State | None, directions: Callable[[Array], Iterator[Array]]
) -> Iterator[tuple[str, float]]:
    """(array's name, relative error) of derived against numerical gradients, along `directions` of each array.

    Parameters, value inputs, features and the first state are all asked. Where the loss has kinks, a direction along
    which two step lengths disagree is near one and is left out.
    """
    n.forward_backward(batch, state)
    dx, dcontext, dstate = other_gradients(n, batch, state)
    asked: list[tuple[str, Array, Array]] = [(name, n.parameters[name], g.copy()) for name, g in n.gradients.items()]
    if not n.architecture.inputs_are_ids:
        asked.append(("inputs", batch.inputs, dx))
    if batch.context is not None and state is None and n.architecture.picture_shape is None:
        assert dcontext is not None
        asked.append(("context", batch.context, dcontext))
    if state is not None:
        for layer, (arrays, gradients) in enumerate(zip(state, dstate, strict=True)):
            names = arrays._fields
            asked += [(f"{name} of layer {layer}", *pair) for name, *pair in zip(names, arrays, gradients, strict=True)]
    for name, array, gradient in asked:
        for direction in directions(array):
            before = array.copy()

            def f(x: float, array: Array = array, before: Array = before, direction: Array = direction) -> float:
                array[...] = before + x * direction
                return loss_of(n, batch, state)

            step = 1e-5 if kinked(n) else 2e-3
            numerical = slope(f, step)
            if kinked(n) and abs(numerical - slope(f, step / 7.0)) > 1e-8 * max(1.0, abs(numerical)):
                array[...] = before
                continue
            array[...] = before
            derived = float((gradient * direction).sum())
            yield name, abs(numerical - derived) / max(abs(numerical), abs(derived), 1e-3)


def gate_gradients(layer: Layer) -> Array:
    """dL/d(pre-activations) (T, B, G*H) of a layer after its backward pass."""
    match layer:
        case LSTMLayer():
            return gates_last(layer.blocks.stacked(O, C_PREV, layer.T))
        case GRULayer():
            return gates_last(layer.blocks.stacked(DZ_R, DH_PREV, layer.T))
        case RNNLayer() | InputRNNLayer():
            return layer.dz
    raise TypeError(layer)


def other_gradients(n: Network, batch: Example, state: State | None) -> tuple[Array, Array | None, State]:
    """What training throws away: dL/dx (T, D, B), dL/dcontext, and dL/d(first state); ids count as one-hot columns."""
    own = Parameters(n.architecture)
    own.flat[...] = n.flat
    buffers = BatchBuffers(n.architecture, own, *batch_sizes(batch, state), True)
    h = buffers.forward(batch, state, None)
    buffers.readout.loss(batch.targets, batch.weights, True)
    dfirst = buffers.body.backward(buffers.readout.backward(h), None)
    has_context = state is None and buffers.front is not None
    dcontext = buffers.front.backward([rows[0] for rows in dfirst]) if has_context and buffers.front else None
    layer = buffers.body.layers[0]
    dx = layer.dx if isinstance(layer, InputRNNLayer) else gate_gradients(layer) @ layer.parameters["W_xh"]
    return dx.swapaxes(1, 2), dcontext, state_from_rows(n.architecture.cell, dfirst)


def each_element(array: Array) -> Iterator[Array]:
    for k in range(array.size):
        direction = np.zeros(array.size)
        direction[k] = 1.0
        yield direction.reshape(array.shape)


def random_directions(count: int, seed: int) -> Callable[[Array], Iterator[Array]]:
    rng = np.random.default_rng(seed)

    def directions(array: Array) -> Iterator[Array]:
        for _ in range(count):
            direction = rng.normal(size=array.shape)
            yield direction / np.sqrt((direction**2).sum())

    return directions
