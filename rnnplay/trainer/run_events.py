"""What a run is, told at its start: facts of its task and network, and the rows and evaluations of its earlier life."""

from collections.abc import Iterator

from rnnplay.catalogue import task_info
from rnnplay.lab.sample import can_sample
from rnnplay.protocol import Evaluated, Event, Facts, RowsCompleted, Started
from rnnplay.trainer.session import Session

_NATS = ("softmax", "sigmoid")  # readouts whose loss is a cross-entropy


def started(session: Session) -> Started:
    learner, task = session.learner, session.learner.task
    facts = Facts(
        io_pattern=task_info(learner.config.task).io_pattern,
        parameters=int(learner.network.flat.size),
        inputs=task.inputs,
        outputs=task.outputs,
        vocabulary=tuple(task.output_vocabulary),
        baselines=session.baselines,
        unit_of_loss="nats" if task.readout in _NATS else "squared error",
        characters=task.training_size,
        held_out=len(task.held_out_ids if session.pieces is None else session.pieces),
        step_unit=task.step_unit,
        epoch_steps=task.epoch_steps,
        features=tuple(task.feature_names()),
        longest_lag=task.longest_lag,
        blas=session.blas,
        examples=task.example(0) is not None,
        question_help=task.question_help,
        samples=can_sample(task),
        text_unavailable=session.text_unavailable,
    )
    notes = tuple(session.notes)
    return Started(run=str(session.run), config=learner.config, facts=facts, step=learner.step, notes=notes)


def past(session: Session) -> Iterator[Event]:
    """All rows up to now in one event, then each evaluation."""
    rows, evaluations = session.past()
    if rows:
        yield RowsCompleted(rows=tuple(rows), past=True)
    for line in evaluations:
        loss, characters = line.get("loss"), line.get("characters")
        other_text = session.is_on_other_text(line)
        yield Evaluated(
            step=line["step"],
            loss=loss if isinstance(loss, float) else None,
            baseline=None if other_text else session.baseline,
            characters=characters if isinstance(characters, int) else 0,
            past=True,
            other_text=other_text,
        )


def evaluated(session: Session, loss: float | None, characters: int, final: bool) -> Evaluated:
    return Evaluated(
        step=session.learner.step, loss=loss, baseline=session.baseline, characters=characters, final=final
    )
