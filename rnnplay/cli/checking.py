"""Trains presets one after the other, prints a table of how well they did, and remembers how long it took.

The times stand in the user's cache, each with the preset that they are of: a preset that has changed has no time.
"""

import contextlib
import hashlib
import json
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

import msgspec

from rnnplay.catalogue import GROUPS, TaskInfo, make_config
from rnnplay.cli.report import json_line
from rnnplay.config import RunConfig
from rnnplay.formatting import clock, loss_text

_ROW = "{:<17} {:>4}  {:<6} {:>9} {:>9}  {:>9} {:>9} {:>8} {:>8}  {}"
_HEAD = ("TASK", "SEED", "SOLVED", "MEASURE", "CRITERION", "LOSS", "BASELINE", "STEPS", "SECONDS", "WHAT IS MEASURED")


class Outcome(msgspec.Struct, kw_only=True):
    """What came of one preset with one seed."""

    task: str
    seed: int
    solved: bool = False
    measure: str = ""  # what is measured, or what went wrong
    value: float | None = None
    criterion: float | None = None
    loss: float | None = None
    baseline: float | None = None
    steps: int = 0
    seconds: float = 0.0  # of training


class Known(msgspec.Struct):
    """What was measured of a task: of the slowest seed."""

    preset: str
    solved: bool
    seeds: int
    seconds: float


# ------------------------------------------------------------------------------------------------------- remembering


def _file() -> Path:
    from platformdirs import user_cache_path

    return user_cache_path("rnnplay", appauthor=False) / "checked.json"


def _digest(task: str) -> str:
    """A short name for the preset of `task`, another one when it changes."""
    return hashlib.sha256(msgspec.json.encode(make_config(task), order="sorted")).hexdigest()[:16]


def known_times() -> dict[str, Known]:
    """What was measured on this machine, by task; without what was of another preset."""
    try:
        known = msgspec.json.decode(_file().read_bytes(), type=dict[str, Known])
    except (OSError, msgspec.DecodeError):  # never measured, or damaged: measured anew with the next check
        return {}
    return {task: found for task, found in known.items() if found.preset == _digest(task)}


def _remember(outcomes: Sequence[Outcome]) -> None:
    known = known_times()
    for task in {outcome.task for outcome in outcomes}:
        own = [outcome for outcome in outcomes if outcome.task == task]
        solved, slowest = all(o.solved for o in own), max(o.seconds for o in own)
        known[task] = Known(_digest(task), solved, len(own), round(slowest, 2))
    with contextlib.suppress(OSError):  # a cache that cannot be written costs the times in the list, nothing else
        file = _file()
        file.parent.mkdir(parents=True, exist_ok=True)
        temporary = file.with_suffix(".tmp")
        temporary.write_text(json.dumps(msgspec.to_builtins(known)))
        temporary.replace(file)


def _took(known: Known | None) -> str:
    if known is None:
        return ""
    if not known.solved:
        return "unsolved"
    return f"{known.seconds:.1f} s" if known.seconds < 60 else f"{clock(known.seconds)} min"


def list_tasks(entries: Sequence[TaskInfo], as_json: bool = False) -> None:
    """Print the tasks in their groups, each with the time that it took here."""
    known = {} if not _file().exists() else known_times()
    if as_json:
        for entry in entries:
            fields = {name: getattr(entry, name) for name in ("name", "group", "title", "summary", "io_pattern")}
            json_line("task", fields | {"measured": msgspec.to_builtins(known.get(entry.name))})
        return
    width = max(len(entry.name) for entry in entries)
    times = {entry.name: _took(known.get(entry.name)) for entry in entries}
    wide = max(map(len, times.values()))
    for group in GROUPS:
        members = [entry for entry in entries if entry.group == group]
        if members:
            print(group)
        for entry in members:
            column = f"{times[entry.name]:>{wide}}  " if wide else ""
            print(f"  {entry.name:<{width}}  {column}{entry.summary}")


# ---------------------------------------------------------------------------------------------------------- checking


async def check_all(entries: Sequence[TaskInfo], seeds: int, minutes: float, root: str | None, as_json: bool) -> int:
    """Check every one of `entries` with `seeds` seeds, printing a row for each. Returns the exit status."""
    outcomes: list[Outcome] = []
    if not as_json:
        print(_ROW.format(*_HEAD), flush=True)
    with tempfile.TemporaryDirectory(prefix="rnnplay-check-") as folder:
        for entry in entries:
            own: list[Outcome] = []
            for turn in range(seeds):
                config = _limited(make_config(entry.name), minutes)
                config = msgspec.structs.replace(config, seed=config.seed + turn)
                outcome, interrupted = await _check(config, root or folder)
                if interrupted:
                    return interrupted
                own.append(outcome)
                _print(outcome, as_json)
            _remember(own)
            outcomes += own
    unsolved = sorted({outcome.task for outcome in outcomes if not outcome.solved})
    if not as_json:
        seconds = sum(outcome.seconds for outcome in outcomes)
        verdict = "all solved" if not unsolved else f"not solved: {', '.join(unsolved)}"
        print(f"{len(outcomes)} runs, {clock(seconds)} min of training; {verdict}")
    return 1 if unsolved else 0


def _limited(config: RunConfig, minutes: float) -> RunConfig:
    """With a limit, where a preset has none."""
    if config.steps is None and config.epochs is None and config.minutes is None:
        return msgspec.structs.replace(config, minutes=minutes)
    return config


async def _check(config: RunConfig, root: str) -> tuple[Outcome, int]:
    """Train to the end and measure; and the exit status of a signal that came meanwhile, else 0."""
    from rnnplay.cli.drive import open_trainer
    from rnnplay.protocol import Evaluated, Failed, Measured, MeasureTask, Started, Status, Stop, Train

    outcome = Outcome(task=config.task, seed=config.seed)
    async with open_trainer(Train(config=config, root=root)) as trainer:
        async for event in trainer.client.events():
            match event:
                case Started():
                    baselines = event.facts.baselines
                    outcome.baseline = baselines[0][1] if baselines else None
                case Evaluated(past=False):
                    outcome.loss = event.loss
                case Status(state="finished") if not outcome.measure and not trainer.interrupted:
                    outcome.steps, outcome.seconds = event.step, event.seconds
                    outcome.measure = "measuring"
                    await trainer.client.send(MeasureTask())
                case Status(state="diverged") if not outcome.measure:
                    outcome.steps, outcome.seconds = event.step, event.seconds
                    outcome.measure = event.wrong or "it diverged"
                    await trainer.client.send(Stop())
                case Status():
                    _tell(outcome, event.progress, event.loss)
                case Measured():
                    outcome.measure, outcome.solved = event.name, event.solved
                    outcome.value, outcome.criterion = event.value, event.criterion
                    await trainer.client.send(Stop())
                case Failed():
                    outcome.measure, outcome.solved = f"{event.wrong} {event.remedy}", False
                    await trainer.client.send(Stop())
                case _:
                    pass
        _tell(outcome, None, None)
        return outcome, trainer.status


def _tell(outcome: Outcome, progress: float | None, loss: float | None) -> None:
    """How far it is, on the line where the row will stand; nothing where nobody looks."""
    if not sys.stderr.isatty():
        return
    words = ""
    if progress is not None:
        words = f"{outcome.task:<17} {outcome.seed:>4}  {progress:>4.0%}  loss {loss_text(loss)}"
    sys.stderr.write(f"\r\x1b[K{words}")
    sys.stderr.flush()


def _print(outcome: Outcome, as_json: bool) -> None:
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
