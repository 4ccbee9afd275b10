"""Runs on the disk as a screen has left them, and the trainer that has read one."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import msgspec
from made_up_play import Recorder, config, row, sampled, status, trace
from made_up_play import started as made_up_started
from waiting import settled, until

from rnnplay import protocol as say
from rnnplay import runs
from rnnplay.runs import RunRecord, ScreenState
from rnnplay.tui.app import Playground

LEFT = ScreenState(
    place="cells",
    panel="found",
    layer=1,
    unit=3,
    feature="inside quotes",
    temperature=0.3,
    prompt="The ",
    seed=7,
    step=40,
    validation=1.47,
)


def make_run(root: Path, step: int = 120, validation: float = 1.31) -> Path:
    """A run of 120 steps that was evaluated once; its checkpoint has a name alone."""
    run = runs.create(root, config())
    runs.save_record(run, RunRecord(config=config(), created="2026-01-01T00:00:00+00:00"))
    rows = [msgspec.to_builtins(row(n)) for n in range(1, step + 1)]
    rows.append({"kind": "evaluated", "step": step, "loss": validation, "characters": 100})
    (run / runs.METRICS).write_text("".join(json.dumps(line) + "\n" for line in rows))
    (run / f"ckpt-{step}.safetensors").touch()
    return run


async def loaded(app: Playground, trainers: list[Recorder], run: Path, **changes: Any) -> None:
    """The trainer has read the run and answers what it was asked."""
    await until(lambda: trainers)
    begun = msgspec.structs.replace(made_up_started(step=120), run=str(run))
    trainers[-1].tell(begun, status("inspecting", 120, **changes), say.Evaluated(step=120, loss=1.31, is_history=True))
    await settled(app, trainers)
    trainers[-1].tell(trace(), sampled("The lamp was ", is_first=True))
    await settled(app, trainers)
