"""One held-out item of a task, or a piece of its text, as a batch of one sequence without padding."""

from dataclasses import replace

import numpy as np

from rnnplay.config import UserError
from rnnplay.tasks.base import Array, Batch, Example, Task


def trim_to_common_end(batch: Batch, count: int) -> Batch:
    """Up to `count` sequences of `batch` that end together, cut at their end; of an encoder's those of one length."""
    B = batch.inputs.shape[-1]
    T = batch.inputs.shape[0]
    counts = np.ones((T, B), bool) if batch.weights is None else batch.weights > 0
    if batch.mask is not None:
        counts = counts & batch.mask
    ends = np.where(counts.any(axis=0), T - 1 - counts[::-1].argmax(axis=0), -1)
    lengths = np.zeros(B, int) if batch.source_mask is None else batch.source_mask.sum(axis=0)
    kinds = [(int(end), int(length)) for end, length in zip(ends, lengths, strict=True)]
    kind_wanted = max(set(kinds), key=lambda kind: (kind[0] + kind[1], kinds.count(kind)))
    chosen = [b for b, kind in enumerate(kinds) if kind == kind_wanted][:count]
    stop = max(kind_wanted[0], 0) + 1
    source = batch.source
    if source is not None:
        source = source[:, chosen]
        if batch.source_mask is not None:
            real_steps = batch.source_mask[:, chosen[0]]
            same = [n for n, b in enumerate(chosen) if (batch.source_mask[:, b] == real_steps).all()]
            chosen, source = [chosen[n] for n in same], source[real_steps][:, same]
    return Batch(
        batch.inputs[:stop][..., chosen],
        batch.targets[:stop][..., chosen],
        None if batch.weights is None else batch.weights[:stop, chosen],
        source=source,
        context=None if batch.context is None else batch.context[..., chosen],
    )


def held_out_example(task: Task, index: int) -> Example:
    """Held-out item `index` of the task, counted from 0, without its padding. Raises UserError if there is none."""
    example = _item(task, index)
    if example is None:
        raise UserError(f"{task.name} is a text: it has no examples.", "Look at a piece of it.")
    return example


def _item(task: Task, index: int) -> Example | None:
    """Return what held_out_example does, but None for a text."""
    if index < 0:
        raise UserError(f"There is no example {index}.", "Examples count from 0.")
    example = task.example(index)
    if example is None:
        return None
    batch = trim_to_common_end(example.batch, 1)
    T = batch.inputs.shape[0]
    return replace(example, inputs=example.inputs[:T], targets=example.targets[:T], batch=batch)


def example_or_text(task: Task, index: int, length: int, ids: Array | None = None) -> tuple[Example, str]:
    """Return item `index` of the task, or a piece of `length` symbols of its held-out text (`ids`), and what was cut.

    Raises UserError if there is no such item or piece.
    """
    if ids is None and (example := _item(task, index)) is not None:
        return example, ""
    text = task.held_out_ids if ids is None else ids
    first = index * length
    if index < 0 or first + 2 > len(text):
        raise UserError(
            f"There is no example {index}.", f"Give a number from 0 to {max(0, (len(text) - 2) // length)}."
        )
    piece = np.asarray(text[first : first + length + 1], np.int32)
    names = [task.vocabulary[i] for i in piece]
    batch = Batch(piece[:-1, None], piece[1:, None])
    size = f"{len(piece) - 1} {task.step_unit}"
    note = f"A text has no short example: {size} of it from {first:,} on, read from a zero state."
    return Example(f"text at {first:,}", list(names[:-1]), list(names[1:]), batch), note


def source_names(task: Task) -> tuple[str, ...]:
    """The names of what an encoder reads."""
    names: tuple[str, ...] = getattr(task, "source_vocabulary", ()) or task.vocabulary
    return names


def class_names(task: Task) -> tuple[str, ...]:
    """Return the names of the outputs; of a single yes or no ("1") both classes: 0, 1."""
    names = task.output_vocabulary or task.vocabulary
    return ("0", *names) if task.outputs == 1 and task.readout.startswith("sigmoid") else names
