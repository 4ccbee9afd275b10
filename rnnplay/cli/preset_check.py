"""Trains presets one after the other, prints a table of their scores, and stores the times in the user's cache.

A time is stored with a digest of its preset: a preset that has changed has no time.
"""

import contextlib
import hashlib
import json
import math
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from rnnplay.catalogue import GROUPS, TaskInfo, make_config
from rnnplay.cli.report import json_line
from rnnplay.config import RunConfig
from rnnplay.formatting import clock, loss_text
from rnnplay.verdicts import GradientVerdict, RunVerdicts, contradictions

if TYPE_CHECKING:
    from rnnplay.protocol import GradientByLag, GradientByLagComputed, Health

_ROW = "{:<17} {:>4}  {:<6} {:>9} {:>9}  {:>9} {:>9} {:>8} {:>8}  {}"
_HEAD = ("TASK", "SEED", "SOLVED", "MEASURE", "CRITERION", "LOSS", "BASELINE", "STEPS", "SECONDS", "WHAT IS MEASURED")


class Outcome(msgspec.Struct, kw_only=True):
    """The result of one preset with one seed."""

    task: str
    seed: int
    solved: bool = False
    measure: str = ""  # the score's name, or the problem
    value: float | None = None
    criterion: float | None = None
    loss: float | None = None
    baseline: float | None = None
    steps: int = 0
    seconds: float = 0.0  # of training
    contradictions: list[str] = []  # statements on the trained network that may not stand together


class CheckedPreset(msgspec.Struct):
    """The stored result of a task's preset; seconds: of the slowest seed."""

    preset: str
    solved: bool
    seeds: int
    seconds: float


# ------------------------------------------------------------------------------------------------------- remembering


def _cache_file() -> Path:
    from rnnplay.folders import cache_folder

    return cache_folder() / "checked.json"


def _preset_digest(task: str) -> str:
    """The first 16 digits of the SHA-256 of the preset of `task`."""
    return hashlib.sha256(msgspec.json.encode(make_config(task), order="sorted")).hexdigest()[:16]


def load_times() -> dict[str, CheckedPreset]:
    """The results stored on this machine, by task, of presets that have not changed."""
    try:
        checked = msgspec.json.decode(_cache_file().read_bytes(), type=dict[str, CheckedPreset])
    except (OSError, msgspec.DecodeError):  # no file, or damaged: the next check writes it
        return {}
    return {task: result for task, result in checked.items() if result.preset == _preset_digest(task)}


def _save_times(outcomes: Sequence[Outcome]) -> None:
    checked = load_times()
    for task in {outcome.task for outcome in outcomes}:
        of_task = [outcome for outcome in outcomes if outcome.task == task]
        solved, slowest = all(o.solved for o in of_task), max(o.seconds for o in of_task)
        checked[task] = CheckedPreset(_preset_digest(task), solved, len(of_task), round(slowest, 2))
    with contextlib.suppress(OSError):  # without a cache the list has no times
        file = _cache_file()
        file.parent.mkdir(parents=True, exist_ok=True)
        temporary = file.with_suffix(".tmp")
        temporary.write_text(json.dumps(msgspec.to_builtins(checked)))
        temporary.replace(file)


def _format_time(checked: CheckedPreset | None) -> str:
    if checked is None:
        return ""
    if not checked.solved:
        return "unsolved"
    return f"{checked.seconds:.1f} s" if checked.seconds < 60 else f"{clock(checked.seconds)} min"


def list_tasks(tasks: Sequence[TaskInfo], as_json: bool = False) -> None:
    """Print the tasks in their groups, each with the time that its preset took on this machine."""
    checked = {} if not _cache_file().exists() else load_times()
    if as_json:
        for task in tasks:
            fields = {name: getattr(task, name) for name in ("name", "group", "summary", "io_pattern")}
            json_line("task", fields | {"measured": msgspec.to_builtins(checked.get(task.name))})
        return
    width = max(len(task.name) for task in tasks)
    times = {task.name: _format_time(checked.get(task.name)) for task in tasks}
    wide = max(map(len, times.values()))
    for group in GROUPS:
        members = [task for task in tasks if task.group == group]
        if members:
            print(group)
        for task in members:
            column = f"{times[task.name]:>{wide}}  " if wide else ""
            print(f"  {task.name:<{width}}  {column}{task.summary}")


# ---------------------------------------------------------------------------------------------------------- checking


async def check_all(tasks: Sequence[TaskInfo], seeds: int, minutes: float, root: str | None, as_json: bool) -> int:
    """Check every one of `entries` with `seeds` seeds, printing a row for each. Returns the exit status."""
    outcomes: list[Outcome] = []
    if not as_json:
        print(_ROW.format(*_HEAD), flush=True)
    with tempfile.TemporaryDirectory(prefix="rnnplay-check-") as folder:
        for task in tasks:
            of_task: list[Outcome] = []
            for turn in range(seeds):
                config = _with_limit(make_config(task.name), minutes)
                config = msgspec.structs.replace(config, seed=config.seed + turn)
                outcome, interrupted = await _train_and_score(config, root or folder)
                if interrupted:
                    return interrupted
                of_task.append(outcome)
                _print_outcome(outcome, as_json)
            _save_times(of_task)
            outcomes += of_task
    unsolved = sorted({outcome.task for outcome in outcomes if not outcome.solved})
    contradicted = sorted({outcome.task for outcome in outcomes if outcome.contradictions})
    if not as_json:
        seconds = sum(outcome.seconds for outcome in outcomes)
        verdict = "all solved" if not unsolved else f"not solved: {', '.join(unsolved)}"
        verdict += f"; statements that contradict each other: {', '.join(contradicted)}" if contradicted else ""
        print(f"{len(outcomes)} runs, {clock(seconds)} min of training; {verdict}")
    return 1 if unsolved or contradicted else 0


def _with_limit(config: RunConfig, minutes: float) -> RunConfig:
    """`config` with a limit of `minutes` if it has none."""
    if config.steps is None and config.epochs is None and config.minutes is None:
        return msgspec.structs.replace(config, minutes=minutes)
    return config


async def _train_and_score(config: RunConfig, root: str) -> tuple[Outcome, int]:
    """Train to the end and score; returns the outcome and the exit status of a signal that came meanwhile, else 0."""
    from rnnplay.cli.trainer_process import open_trainer
    from rnnplay.protocol import (
        ComputeGradientByLag,
        Evaluated,
        Failed,
        GradientByLagComputed,
        Health,
        Measured,
        MeasureTask,
        Started,
        Status,
        Stop,
        Train,
        WatchHealth,
    )

    health: Health | None = None
    outcome = Outcome(task=config.task, seed=config.seed)
    async with open_trainer(Train(config=config, root=root)) as trainer:
        async for event in trainer.client.events():
            match event:
                case Started():
                    baselines = event.facts.baselines
                    outcome.baseline = baselines[0][1] if baselines else None
                case Evaluated(is_history=False):
                    outcome.loss = event.loss
                case Status(state="finished") if not outcome.measure and not trainer.interrupted:
                    outcome.steps, outcome.seconds = event.step, event.seconds
                    outcome.measure = "measuring"
                    await trainer.client.send(MeasureTask())
                case Status(state="diverged") if not outcome.measure:
                    outcome.steps, outcome.seconds = event.step, event.seconds
                    outcome.measure = event.problem or "it diverged"
                    await trainer.client.send(Stop())
                case Status():
                    _show_progress(outcome, event.progress, event.loss)
                case Measured():
                    outcome.measure, outcome.solved = event.name, event.solved
                    outcome.value, outcome.criterion = event.value, event.criterion
                    await trainer.client.send(WatchHealth())
                    await trainer.client.send(ComputeGradientByLag(untrained=False))
                case Health():
                    health = event
                case GradientByLagComputed():
                    outcome.contradictions = contradictions(said_of(event, health, config))
                    await trainer.client.send(Stop())
                case Failed(command="ComputeGradientByLag"):  # nothing is held out: nothing is said
                    await trainer.client.send(Stop())
                case Failed():
                    outcome.measure, outcome.solved = f"{event.problem} {event.remedy}", False
                    await trainer.client.send(Stop())
                case _:
                    pass
        _show_progress(outcome, None, None)
        return outcome, trainer.status


def said_of(event: "GradientByLagComputed", health: "Health | None", config: RunConfig) -> RunVerdicts:
    """Return all that the trainer said of a network, in Time and on the health line."""
    gradient = event.networks[0]
    return RunVerdicts(
        gradient=gradient.verdict,
        left=_left(gradient),
        factor=gradient.factor,
        lag=gradient.lag,
        length=event.length,
        dependency=event.longest_lag,
        horizon=gradient.horizon,
        cell=config.cell,
        radius=gradient.radius,
        reason=gradient.reason,
        learned=event.learned,
        solved=event.solved,
        span=config.tbptt_steps,
        health=frozenset(advice.name for advice in health.advice) if health is not None else frozenset(),
    )


def _left(network: "GradientByLag") -> float:
    """The fraction of the gradient that is left at the lag that decides: NaN and infinity travel as None."""
    if network.left is not None:
        return network.left
    return math.inf if network.verdict == GradientVerdict.EXPLODES else math.nan


def _show_progress(outcome: Outcome, progress: float | None, loss: float | None) -> None:
    """Show the progress on the present line of standard error, if that is a terminal."""
    if not sys.stderr.isatty():
        return
    line = ""
    if progress is not None:
        line = f"{outcome.task:<17} {outcome.seed:>4}  {progress:>4.0%}  loss {loss_text(loss)}"
    sys.stderr.write(f"\r\x1b[K{line}")
    sys.stderr.flush()


def _print_outcome(outcome: Outcome, as_json: bool) -> None:
    if as_json:
        json_line("checked", msgspec.to_builtins(outcome))
        return

    def number(value: float | None) -> str:
        return "" if value is None else f"{value:.4f}"

    row = _ROW.format(
        outcome.task,
        outcome.seed,
        "yes" if outcome.solved else "NO",
        number(outcome.value),
        number(outcome.criterion),
        number(outcome.loss),
        number(outcome.baseline),
        f"{outcome.steps:,}",
        f"{outcome.seconds:.1f}",
        outcome.measure,
    )
    print(row.rstrip(), flush=True)
    for words in outcome.contradictions:
        print(f"{'':17} contradicts itself: {words}", flush=True)
