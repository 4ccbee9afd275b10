"""Measures the loss on held-out data or on another text when asked to."""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from rnnplay import corpora
from rnnplay.config import UserError
from rnnplay.protocol import Evaluate, Evaluated, QuestionProgressed, ReadingText
from rnnplay.tasks.base import Array, Batch
from rnnplay.trainer.connection import Connection
from rnnplay.trainer.evaluation_progress import PROGRESS_SECONDS, with_progress
from rnnplay.trainer.handlers.base import Handler, TimeShares
from rnnplay.trainer.session import TrainingSession, unknown_symbols_note
from rnnplay.trainer.text_reading import ReadingStopped


@dataclass(frozen=True, eq=False)
class _EvaluationData:
    """Data on which a loss is measured."""

    batches: Iterator[Batch]
    size: int = 0  # time steps; 0: not known
    baseline: float | None = None
    notes: tuple[str, ...] = ()


class LossHandler(Handler):
    """Answers Evaluate at once."""

    commands = (Evaluate,)

    def __init__(self, session: TrainingSession, connection: Connection, shares: TimeShares) -> None:
        self._session, self._learner, self._connection = session, session.learner, connection

    def handle_command(self, command: Evaluate, interrupted: Callable[[], bool]) -> bool:
        """Raises UserError if there is nothing to measure on. If it is interrupted, no answer is sent."""
        if command.streams < 1:
            raise UserError(f"{command.streams} streams cannot be read.", "Give at least 1.")
        reported = time.monotonic()

        def on_reading(done: int, total: int | None) -> None:
            nonlocal reported
            if interrupted():
                raise ReadingStopped
            if time.monotonic() - reported >= PROGRESS_SECONDS:
                reported = time.monotonic()
                progress = min(done / total, 1.0) if total else None
                self._connection.send(ReadingText(bytes_read=done, progress=progress), command)

        try:
            with corpora.reading(self._session.run.parent, on_reading):
                data = self._select_data(command)
        except ReadingStopped:
            return True
        batches = with_progress(data.batches, data.size, lambda fraction: self._send_progress(fraction, command))
        result = self._learner.evaluate(batches, interrupted)
        if result is not None:
            loss, characters = result
            part = self._learner.task.part_words(test=command.test) if self._is_part(command) else ""
            event = Evaluated(
                step=self._learner.step,
                loss=loss,
                baseline=data.baseline,
                characters=characters,
                part=part,
                notes=data.notes,
            )
            self._connection.send(event, command)
        return True

    def _send_progress(self, fraction: float, command: Evaluate) -> None:
        self._connection.send(QuestionProgressed(question="Evaluate", fraction=fraction), command)

    def _is_part(self, command: Evaluate) -> bool:
        return command.text is None and command.validation is None

    def _select_data(self, command: Evaluate) -> _EvaluationData:
        task, own = self._learner.task, command.text is None
        notes: tuple[str, ...] = ()
        fraction = command.validation
        if fraction is not None and not 0 < fraction <= 1:
            raise UserError(f"The share is {fraction:g}.", "Give a number above 0 and at most 1.")
        ids: Array
        if command.test:
            if command.text is not None or fraction is not None:
                raise UserError("A test is of the run's own test part.", "Leave out --text and --validation.")
            return _EvaluationData(task.test_batches(command.streams), len(task.test_ids))
        if command.text is not None and not task.training_size:
            batches, notes = task.file_batches(command.text, command.encoding)
            return _EvaluationData(batches, notes=notes)
        if command.text is not None:
            ids, unseen = task.encode_file(command.text, command.encoding)
            notes = (unknown_symbols_note(unseen),) if unseen else ()
        elif not task.training_size or (fraction is None and task.has_streams_held_out):
            return _EvaluationData(task.evaluation(), len(task.held_out_ids), self._session.baseline)
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
        return _EvaluationData(task.batches_of(ids, command.streams), len(ids), baseline, notes)
