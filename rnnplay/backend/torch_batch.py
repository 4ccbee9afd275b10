"""A batch as NumPy arrays in the layout of the device, with the dropout masks of its step."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from rnnplay.backend.base import Array, TrainingBatch
from rnnplay.backend.torch_network import DeviceBatch
from rnnplay.engine import Architecture
from rnnplay.engine.parameters import parameter_shapes

_LEAST_WEIGHT = 1e-30


@dataclass(frozen=True)
class StepLayout:
    """Properties of a step that decide which operations it runs, beside the shapes of its arrays.

    spans: the time steps of each part through which a gradient flows back. encoder_masks, body_masks: dropout masks
    that encoder and body take. is_fresh: it begins from the encoder's state, or from zero.
    """

    spans: tuple[tuple[int, int], ...]
    encoder_masks: int
    body_masks: int
    is_fresh: bool
    clips_value: bool
    clips_norm: bool


def spans_of(T: int, tbptt_steps: int) -> tuple[tuple[int, int], ...]:
    """The parts of T time steps through which a gradient flows back."""
    size = tbptt_steps if 0 < tbptt_steps < T else T
    return tuple((begin, min(begin + size, T)) for begin in range(0, T, size))


def host_arrays(a: Architecture, batch: TrainingBatch, spans: tuple[tuple[int, int], ...]) -> dict[str, Array]:
    """The batch's arrays by their names in DeviceBatch. Raises ValueError if an id is outside the vocabulary."""
    arrays: dict[str, Array] = {"share": _shares(batch, spans).astype(a.dtype)}
    if a.inputs_are_ids:
        arrays["inputs"] = _ids("inputs", batch.inputs, a.inputs)
    else:
        arrays["inputs"] = np.ascontiguousarray(batch.inputs.transpose(0, 2, 1), a.dtype)
    if a.readout == "softmax":
        arrays["targets"] = _ids("targets", batch.targets, a.outputs)
    else:
        arrays["targets"] = np.ascontiguousarray(batch.targets.transpose(0, 2, 1), a.dtype)
    if batch.mask is not None and not batch.mask.all():
        arrays["padding"] = ~batch.mask[:, :, None]
    if batch.source is not None and a.source_vocabulary_size:
        arrays["source"] = _ids("source", batch.source, a.source_vocabulary_size)
        if batch.source_mask is not None and not batch.source_mask.all():
            arrays["source_padding"] = ~batch.source_mask[:, :, None]
    if batch.context is not None and a.context_size:
        arrays["context"] = np.ascontiguousarray(np.moveaxis(batch.context, -1, 0), a.dtype)
    return arrays


def _ids(what: str, ids: Array, size: int) -> Array:
    if ids.size and (ids.min() < 0 or ids.max() >= size):
        raise ValueError(f"{what}: an id is outside 0 to {size - 1}. Encode them with the network's vocabulary.")
    return np.ascontiguousarray(ids, np.int32)


def _shares(batch: TrainingBatch, spans: tuple[tuple[int, int], ...]) -> Array:
    """Return the weights of the losses (T, B) in the step's loss: among those of their part, times the part's share."""
    T, B = batch.inputs.shape[0], batch.inputs.shape[-1]
    if batch.weights is None:
        return np.full((T, B), 1.0 / (T * B))
    weights = batch.weights.astype(np.float64)
    shares, total = np.zeros((T, B)), max(float(weights.sum()), _LEAST_WEIGHT)
    for begin, end in spans:
        part = weights[begin:end]
        if (part_total := float(part.sum())) > 0.0:
            shares[begin:end] = part / part_total * (part_total / total)
    return shares


def draw_masks(
    a: Architecture, arrays: Mapping[str, Array], spans: tuple[tuple[int, int], ...], rng: np.random.Generator
) -> Iterator[tuple[str, Array]]:
    """(name, mask) of each dropout mask of a step, bool, in the order in which the engine draws them.

    Names: "encoder 0", ... for the encoder, "0", ... for the body, counted through all parts.
    """
    B, shapes = arrays["inputs"].shape[1], parameter_shapes(a)

    def stack(prefix: str, T: int) -> Iterator[Array]:
        for layer in range(a.layers):
            shape = shapes.get(f"{prefix}l{layer}.W_hh")
            if a.weight_dropout and shape is not None:
                yield rng.random(shape, np.float32) >= a.weight_dropout
            if a.dropout:
                yield rng.random((T, B, a.hidden), np.float32) >= a.dropout

    if "source" in arrays:
        yield from ((f"encoder {k}", mask) for k, mask in enumerate(stack("encoder.", arrays["source"].shape[0])))
    number = 0
    for begin, end in spans:
        for mask in stack("", end - begin):
            yield str(number), mask
            number += 1


def part_of(tensors: Mapping[str, Any], layout: StepLayout, number: int) -> DeviceBatch:
    """Part `number` of a step's batch on the device; what sets the first state goes with the first."""
    begin, end = layout.spans[number]
    is_first = number == 0
    each = layout.body_masks // len(layout.spans)
    names = [f"encoder {k}" for k in range(layout.encoder_masks)] if is_first else []
    names += [str(k) for k in range(number * each, (number + 1) * each)]
    return DeviceBatch(
        inputs=tensors["inputs"][begin:end],
        targets=tensors["targets"][begin:end],
        share=tensors["share"][begin:end],
        padding=tensors["padding"][begin:end] if "padding" in tensors else None,
        source=tensors.get("source") if is_first else None,
        source_padding=tensors.get("source_padding") if is_first else None,
        context=tensors.get("context") if is_first else None,
        dropout=[tensors[name] for name in names],
    )
