"""Settings that a resumed run may change: its limit, its learning rate, its clipping."""

from typing import Any

import msgspec

from rnnplay.config import validate
from rnnplay.protocol import Resume
from rnnplay.runs import RunRecord
from rnnplay.trainer.learner import Learner

_CHANGEABLE = ("lr", "clip", "schedule")


def extend(learner: Learner, record: RunRecord, more_steps: int, schedule: str | None) -> tuple[RunRecord, list[str]]:
    """Let the run end `more_steps` from here, by no other limit; return its new record, and notes for the user.

    A schedule that was to end somewhere else begins again. schedule: the one from here on; None: as before.
    """
    limits = {"steps": learner.step + more_steps, "epochs": None, "minutes": None, "patience": 0}
    learner.config = msgspec.structs.replace(learner.config, **limits)
    record = msgspec.structs.replace(record, config=validate(msgspec.structs.replace(record.config, **limits)))
    schedule = schedule or learner.config.schedule
    if schedule == "constant":
        return record, []
    learner.schedule_start = learner.step
    note = f"The learning rate begins a new schedule over {more_steps:,} steps ({schedule})."
    return msgspec.structs.replace(record, schedule_start=learner.step), [note]


def change_settings(learner: Learner, command: Resume) -> tuple[list[dict[str, Any]], list[str]]:
    """Change what `command` names; return the row of the metrics that says so, if anything is new, and notes.

    A schedule begins at the present step. Raises UserError if a value is not valid.
    """
    before = learner.config
    values = {name: getattr(command, name) for name in _CHANGEABLE}
    given = {name: value for name, value in values.items() if value not in (None, getattr(before, name))}
    if not given:
        return [], []
    learner.config = validate(msgspec.structs.replace(before, **given))
    notes = [f"From here on {name} is {value}, not {getattr(before, name)}." for name, value in given.items()]
    row = {"kind": "changed", "step": learner.step, "lr": learner.config.lr, "clip": learner.config.clip}
    if "schedule" in given:
        learner.schedule_start = learner.step
        row["schedule"] = learner.config.schedule
    return [row], notes
