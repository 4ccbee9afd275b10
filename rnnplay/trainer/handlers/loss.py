"""Measures the loss on held-out data or on another text when asked to."""

from collections.abc import Callable, Iterator
from typing import Any

from rnnplay import corpora
from rnnplay.config import UserError
from rnnplay.protocol import Evaluate, Evaluated
from rnnplay.tasks.base import Batch
from rnnplay.trainer.connection import Connection
from rnnplay.trainer.handlers.base import Handler, TimeShares
from rnnplay.trainer.session import TrainingSession, unknown_symbols_note


class LossHandler(Handler):
    """Answers Evaluate at once."""

    commands = (Evaluate,)

    def __init__(self, session: TrainingSession, connection: Connection, shares: TimeShares) -> None:
        self._session, self._learner, self._connection = session, session.learner, connection

    def handle_command(self, command: Evaluate, interrupted: Callable[[], bool]) -> bool:
        """Raises UserError if there is nothing to measure on. If it is interrupted, no answer is sent."""
        if command.streams < 1:
            raise UserError(f"{command.streams} streams cannot be read.", "Give at least 1.")
        batches, baseline, notes = self._batches(command)
        result = self._learner.evaluate(batches, interrupted)
        if result is not None:
            loss, characters = result
            step = self._learner.step
            part = self._learner.task.part_words(test=command.test) if self._is_part(command) else ""
            event = Evaluated(step=step, loss=loss, baseline=baseline, characters=characters, part=part, notes=notes)
            self._connection.send(event, command)
        return True

    def _is_part(self, command: Evaluate) -> bool:
        return command.text is None and command.validation is None

    def _batches(self, command: Evaluate) -> tuple[Iterator[Batch], float | None, tuple[str, ...]]:
        task, own = self._learner.task, command.text is None
        notes: tuple[str, ...] = ()
        fraction = command.validation
        if fraction is not None and not 0 < fraction <= 1:
            raise UserError(f"The share is {fraction:g}.", "Give a number above 0 and at most 1.")
        ids: Any
        if command.test:
            if command.text is not None or fraction is not None:
                raise UserError("A test is of the run's own test part.", "Leave out --text and --validation.")
            return task.test_batches(command.streams), None, ()
        if command.text is not None and not task.training_size:
            batches, notes = task.file_batches(command.text, command.encoding)
            return batches, None, notes
        if command.text is not None:
            ids, unseen = task.encode_file(command.text, command.encoding)
            notes = (unknown_symbols_note(unseen),) if unseen else ()
        elif not task.training_size or (fraction is None and task.has_streams_held_out):
            return task.evaluation(), self._session.baseline, ()
        elif fraction is None:
            ids = task.held_out_ids
            if len(ids) < task.held_out_size:
                notes = (f"The run stores {len(ids):,} of the {task.held_out_size:,} held-out {task.step_unit}.",)
        elif not task.has_training_data:
            raise UserError(f"That needs the training text. {self._session.text_unavailable}", "Put the text back.")
        else:
            ids = corpora.joined([task.training_ids, task.held_out_ids], task.training_ids.dtype)
        if fraction is not None:
            ids = ids[int(len(ids) * (1 - fraction)) :]
        if len(ids) < 2:
            raise UserError("There is nothing to measure on.", "Give a text of at least two characters.")
        baseline = self._session.baseline if own and fraction is None else None
        return task.batches_of(ids, command.streams), baseline, notes
