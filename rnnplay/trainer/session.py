"""Session that the training loop works on: the learner, and the run's files where it may write."""

import shutil
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import msgspec

from rnnplay import runs
from rnnplay.config import UserError
from rnnplay.protocol import Row
from rnnplay.runs import MetricsFile, RunLock, RunRecord, checkpoint, writing
from rnnplay.runs.checkpoint import Checkpoint
from rnnplay.trainer.best_checkpoint import BestCheckpoint
from rnnplay.trainer.learner import Learner
from rnnplay.trainer.metrics import Clock, RowRecorder, evaluation_due, last_step


@dataclass(eq=False)
class TrainingSession:
    """One run, open. `lock` and `metrics` are None where it is only looked at."""

    run: Path
    learner: Learner
    baselines: tuple[tuple[str, float], ...]
    evaluate_every: int  # steps, at first
    evaluation_size: int  # time steps of an evaluation
    blas: str
    notes: list[str]
    record: RunRecord
    config_digest: str = ""  # of config.json as it is now
    best: BestCheckpoint = field(default_factory=BestCheckpoint)
    needs_save: bool = False  # settings were changed since the last checkpoint
    recorder: RowRecorder = field(default_factory=RowRecorder)
    clock: Clock = field(default_factory=Clock)
    lock: RunLock | None = None
    metrics: MetricsFile | None = None
    evaluated: int = -1  # the last step that was evaluated on schedule
    change_count: int = 0  # how often lr or clip was changed
    solved: bool | None = None  # by the task's own measure when it was last taken; None: not known
    inspected_ids: Any = None  # ids of the text that it is looked at on
    paused: bool = False
    is_new: bool = False  # it begins here, with step 0
    watched: bool = False  # by a person, who would see nothing of a run that is over within a second
    text_unavailable: str = ""  # why the training text is not at hand; empty: it is, or there is none
    text: str = ""  # which text it learns from: the beginning of its SHA-256
    first_text: str = ""  # the same of the text that the run began with
    unreachable: str = "Only runs in training can be attached to."  # why no other screen can; empty: one can

    @property
    def baseline(self) -> float | None:
        """The loss to beat first."""
        return self.baselines[0][1] if self.baselines else None

    def state(self) -> dict[str, Any]:
        """Return what a checkpoint must know beside the learner. What depends on the clock stands apart."""
        block = self.recorder.state()
        seconds = block.pop("seconds")
        return {
            "evaluated": self.evaluated,
            "changes": self.change_count,
            "block": block,
            "clock": {"seconds": self.clock.read(), "block_seconds": seconds},
        }

    def restore(self, source: Checkpoint) -> None:
        """Go to where `found` was saved. Raises UserError where it does not fit this run."""
        try:
            state = source.state["session"]
            clock = state["clock"]
            evaluated, change_count = int(state["evaluated"]), int(state["changes"])
            seconds = float(clock["seconds"])
            recorder = RowRecorder()
            recorder.restore({**state["block"], "seconds": clock["block_seconds"]})
        except (KeyError, TypeError, ValueError, msgspec.ValidationError) as error:
            raise UserError(f'"{source.path}" is not a whole checkpoint ({error!r}).', "Use another one.") from None
        self.learner.restore(source)
        self.evaluated, self.change_count, self.recorder = evaluated, change_count, recorder
        self.clock.seconds = seconds

    def truncate_metrics(self) -> None:
        """Forget the rows of metrics that the learner, gone back, has not reached: it will write them again."""
        assert self.metrics is not None
        step, change_count = self.learner.step, 0

        def keep(line: dict[str, Any]) -> bool:
            nonlocal change_count
            match line.get("kind"):
                case "changed":
                    change_count += 1
                    return change_count <= self.change_count
                case "evaluated" if self.is_on_other_text(line):
                    return bool(line["step"] <= step)
                case "evaluated":
                    on_schedule = evaluation_due(line["step"], self.evaluate_every)
                    return bool(line["step"] <= self.evaluated and on_schedule)
                case "ended":
                    return False
                case _:
                    return bool(line["step"] <= step)

        self.metrics.keep_only(keep)
        self.best.reopen(self.run, self.record, step)
        later = [
            checkpoint.checkpoint_path(self.run, other, kind)
            for kind in checkpoint.KINDS
            for other in checkpoint.checkpoint_steps(self.run, kind)
            if other > step
        ]
        with writing(self.run):
            for path in (*self.run.glob(".*.tmp"), *later):  # of a write that was killed, and of steps to come again
                path.unlink(missing_ok=True)

    def is_on_other_text(self, line: dict[str, Any]) -> bool:
        """Return whether an evaluation in metrics.jsonl was made on another text than the run has now."""
        return bool(line.get("text", self.first_text) != self.text)

    def text_mark(self) -> dict[str, str]:
        """Return what marks an evaluation on another text than the run's first; empty on the first."""
        return {} if self.text == self.first_text else {"text": self.text}

    def save(self) -> None:
        """Write a checkpoint, and first the best one if it is new. Raises WriteError; those before are then unchanged.

        In this order a crash in between leaves a best checkpoint that is beyond the last one: resuming deletes it.
        """
        assert self.metrics is not None
        self.best.save(self.run)
        self.metrics.sync()  # what the checkpoint relies on
        arrays, state = self._snapshot()
        checkpoint.save(checkpoint.checkpoint_path(self.run, self.learner.step), self.learner.step, arrays, state)
        checkpoint.prune(self.run)
        self.best.prune(self.run)
        self.needs_save = False

    def _snapshot(self) -> tuple[dict[str, checkpoint.Array], dict[str, Any]]:
        """Return arrays and JSON values of a whole checkpoint."""
        arrays, state = self.learner.snapshot()
        return arrays, {"learner": state, "session": self.state(), "config_digest": self.config_digest}

    def add_evaluation(self, loss: float | None, on_schedule: bool) -> None:
        """Take in an evaluation; the best so far is held as a checkpoint. on_schedule: it counts for the patience."""

        def snapshot() -> tuple[dict[str, checkpoint.Array], dict[str, Any]]:
            arrays, state = self._snapshot()
            return arrays, {**state, "best": {"loss": loss, "text": self.text}}

        self.best.add(self.learner.step, loss if self.learner.finite else None, on_schedule, snapshot)

    @property
    def out_of_patience(self) -> bool:
        """Return whether the run ends because its evaluations have not got better."""
        return 0 < self.learner.config.patience <= self.best.evaluations_since

    @property
    def is_at_limit(self) -> bool:
        """Whether the run ends here: by its steps or epochs, by its time or for want of a better evaluation."""
        config = self.learner.config
        last = last_step(config, self.learner.task.epoch_steps)
        is_last = last is not None and self.learner.step >= last
        is_late = config.minutes is not None and self.clock.read() >= config.minutes * 60
        return is_last or is_late or self.out_of_patience

    def save_weights(self) -> None:
        """Add the network as it is to the run's history. Raises WriteError."""
        step = self.learner.step
        path = checkpoint.checkpoint_path(self.run, step, checkpoint.WEIGHTS)
        checkpoint.save(path, step, self.learner.weights(), {"config_digest": self.config_digest}, durable=False)

    def history(self) -> tuple[list[Row], list[dict[str, Any]]]:
        """The rows and evaluations of the run up to the learner's step. Lines that make no sense are left out."""
        rows, evaluations, _ = runs.read_metrics(self.run / runs.METRICS)
        converted = []
        for row in rows:
            try:
                converted.append(msgspec.convert(row, Row))
            except msgspec.ValidationError as error:
                self.notes.append(f'A row of "{runs.METRICS}" is not understood and left out ({error}).')
        step = self.learner.step
        return [row for row in converted if row.step <= step], [line for line in evaluations if line["step"] <= step]

    def discard(self) -> None:
        """Delete the run, which did no step. Raises WriteError."""
        self.close()
        with writing(self.run):
            shutil.rmtree(self.run)
        runs.remove_unused_texts(self.run.parent, self.record.config)

    def close(self) -> None:
        """Give up the right to write. A second time does nothing."""
        if self.metrics is not None:
            self.metrics.close()
        if self.lock is not None:
            self.lock.release()
        self.metrics = self.lock = None


def restore_last_good(session: TrainingSession, steps: list[int]) -> None:
    """Restore the last good checkpoint of `steps`; say which were damaged. Without any, the run begins again."""
    damaged: UserError | None = None
    for step in reversed(steps):
        try:
            session.restore(checkpoint.load(checkpoint.checkpoint_path(session.run, step)))
        except UserError as error:
            damaged = damaged or error
            session.notes.append(f"{error.problem} The checkpoint before it is used.")
            continue
        return
    if damaged:
        raise damaged


def unknown_symbols_note(unseen: tuple[str, ...]) -> str:
    """Return what to say about symbols of a foreign text that the network does not know."""
    shown = " ".join(map(repr, unseen[:8])) + (" ..." if len(unseen) > 8 else "")
    return f"{len(unseen)} characters that the network does not know were left out: {shown}."
