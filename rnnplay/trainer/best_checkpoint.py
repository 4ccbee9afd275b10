"""The checkpoint of the best evaluation: held in memory until the run is saved, then a file of its own."""

import copy
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rnnplay import runs
from rnnplay.runs import RunRecord, checkpoint, writing
from rnnplay.runs.best import BestEvaluation, best_evaluation, evaluations_on, text_marks
from rnnplay.runs.checkpoint import BEST, Array, checkpoint_path, checkpoint_steps

Snapshot = tuple[Mapping[str, Array], Mapping[str, Any]]


@dataclass(eq=False)
class BestCheckpoint:
    """The best evaluation, how many came after it, and its checkpoint until it is written."""

    evaluation: BestEvaluation | None = None
    evaluations_since: int = 0  # on schedule, and not better
    _unsaved: tuple[int, Snapshot] | None = None

    @property
    def is_unsaved(self) -> bool:
        return self._unsaved is not None

    def reopen(self, run: Path, record: RunRecord, step: int) -> None:
        """Read from the files which evaluation up to `step` is the best; what is held in memory is dropped."""
        self.evaluation, self._unsaved = best_evaluation(run, record, step), None
        first_text, text = text_marks(record)
        lines = evaluations_on(text, first_text, runs.read_metrics(run / runs.METRICS)[1])
        best = -1 if self.evaluation is None else self.evaluation.step
        self.evaluations_since = sum(best < line["step"] <= step for line in lines)

    def add(self, step: int, loss: float | None, on_schedule: bool, snapshot: Callable[[], Snapshot]) -> None:
        """Take in an evaluation. If it is the best so far, a copy of `snapshot()` is held.

        on_schedule: it counts as one that is not better, if it is not.
        """
        best = self.evaluation
        if loss is not None and (best is None or loss < best.loss):
            arrays, state = snapshot()
            held = {name: array.copy() for name, array in arrays.items()}
            self._unsaved = step, (held, copy.deepcopy(state))
            self.evaluation, self.evaluations_since = BestEvaluation(step, loss), 0
        elif on_schedule and (best is None or step != best.step):
            self.evaluations_since += 1

    def save(self, run: Path) -> None:
        """Write what is held, synced, then delete the checkpoint that was the best before. Raises WriteError."""
        if self._unsaved is None:
            return
        step, (arrays, state) = self._unsaved
        checkpoint.save(checkpoint_path(run, step, BEST), step, arrays, state)
        self._unsaved = None

    def prune(self, run: Path) -> None:
        """Delete the checkpoints that are not the best any more. Raises WriteError."""
        steps = checkpoint_steps(run, BEST)
        if self.evaluation is None or self.evaluation.step not in steps:
            return
        with writing(run):
            for step in steps:
                if step != self.evaluation.step:
                    checkpoint_path(run, step, BEST).unlink(missing_ok=True)
