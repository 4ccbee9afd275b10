"""The prediction that a question is about: one sequence up to it, of the held-out text, another one, or an item."""

from typing import NamedTuple

import numpy as np

from rnnplay.config import UserError
from rnnplay.lab.example import example_or_text, source_names
from rnnplay.protocol import ComputeInfluence, ComputeSwaps
from rnnplay.tasks.base import Batch
from rnnplay.trainer.session import TrainingSession


class Prediction(NamedTuple):
    """One sequence, and the prediction after its time step `place`."""

    batch: Batch
    symbols: list[str]  # what is read up to the prediction, by an encoder first
    first: int  # position of the first symbol; negative: symbols of an encoder
    place: int  # time step in `batch`
    position: int  # time step in the whole text or item
    total: int  # time steps there


def prediction_of(session: TrainingSession, command: ComputeInfluence | ComputeSwaps) -> Prediction:
    """Return what `command` asks about. Raises UserError if there is no such time step."""
    task, inspected_ids = session.learner.task, session.inspected_ids
    if command.example is None and (len(task.held_out_ids) or inspected_ids is not None):
        text = np.asarray(task.held_out_ids if inspected_ids is None else inspected_ids)
        total = len(text) - 1
        position = min(total - 1, command.past - 1) if command.position is None else command.position
        _check(position, total)
        first = max(0, position + 1 - command.past)
        piece = np.asarray(text[first : position + 2], np.int32)[:, None]
        symbols = [task.vocabulary[i] for i in piece[:-1, 0]]
        return Prediction(Batch(piece[:-1], piece[1:]), symbols, first, position - first, position, total)
    example, _ = example_or_text(task, command.example or 0, command.past)
    batch, total = example.batch, example.batch.inputs.shape[0]
    position = total - 1 if command.position is None else command.position
    _check(position, total)
    source = [] if batch.source is None else [source_names(task)[i] for i in batch.source[:, 0]]
    symbols = [*source, *(text or "·" for text in example.inputs[: position + 1])]
    return Prediction(batch, symbols, -len(source), position, position, total)


def _check(position: int, total: int) -> None:
    if not 0 <= position < total:
        raise UserError(f"There is no time step {position + 1}.", f"Give a number from 1 to {total}.")
