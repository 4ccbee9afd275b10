"""Starts real trainers for the tests, and compares what they leave behind."""

import json
import random
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import safetensors
from msgspec import structs

from rnnplay.catalogue import make_config
from rnnplay.client import TrainerClient
from rnnplay.config import RunConfig
from rnnplay.protocol import (
    AnyEvent,
    Command,
    Inspect,
    QuestionProgressed,
    ReadingText,
    Resume,
    RowsCompleted,
    Sampled,
    Started,
    Status,
    Stop,
    Stopped,
    Train,
)
from rnnplay.runs import checkpoint, load_record, read_lines

CLOCK = {"chars_per_s", "seconds"}  # of a row: all that may differ from run to run


def write_text(path: Path, words: int = 900, seed: int = 5) -> Path:
    """A text of made-up words: enough to learn a little from, quickly."""
    draw = random.Random(seed)
    stems = ["".join(draw.choices("abdeilnorst", k=draw.randint(2, 6))) for _ in range(40)]
    path.write_text(" ".join(draw.choices(stems, k=words)) + "\n", encoding="utf-8")
    return path


def small(text: Path, **choices: Any) -> RunConfig:
    """A small network on a text; sizes all unequal."""
    given: dict[str, Any] = {"hidden": 11, "batch": 3, "seq_len": 7, "lr": 5e-3, "seed": 4}
    given |= {"evaluate_every": 15, "validation": 0.02}  # so little that it is evaluated as often as is asked
    return make_config("text", text=str(text), **{**given, **choices})


async def follow(
    opening: Train | Resume | Inspect, react: Callable[[AnyEvent], Command | None] | None = None
) -> list[AnyEvent]:
    """All events of a trainer that is told to stop when its run has finished or diverged, or as `react` says."""
    client = await TrainerClient.start(opening)
    events = []
    async for event in client.events():
        events.append(event)
        if react is not None and (command := react(event)) is not None:
            await client.send(command)
        elif isinstance(event, Status) and event.state in ("finished", "diverged"):
            await client.send(Stop())
    await client.close()
    return events


async def trained(config: RunConfig, root: Path, **react: Any) -> Path:
    """The directory of a run that was trained to its end."""
    return run_of(await follow(Train(config=config, root=str(root)), **react))


async def resumed(run: Path, more_steps: int | None = None) -> list[AnyEvent]:
    return await follow(Resume(run=str(run), more_steps=more_steps))


async def answers(opening: Inspect, commands: Sequence[Command]) -> list[AnyEvent]:
    """Started, then the last answer to each command: the next one is sent when one is answered."""
    queue: Iterator[Command] = iter([*commands, Stop()])
    client = await TrainerClient.start(opening)
    found: list[AnyEvent] = []
    async for event in client.events():
        if isinstance(event, Started):
            found.append(event)
            await client.send(next(queue))
        elif isinstance(event, ReadingText) or (isinstance(event, Sampled) and not event.done):
            continue  # a slow machine says how far the reading is
        elif not isinstance(event, Status | QuestionProgressed | Stopped) and not getattr(event, "is_history", False):
            found.append(event)
            await client.send(next(queue, Stop()))
    return found


def without_notes(events: list[AnyEvent]) -> list[Any]:
    """The answers, without the numbers of the commands that they answer."""
    return [structs.replace(event, run_id="", request=0) for event in events if not isinstance(event, Started)]


def of(kind: type, events: list[AnyEvent]) -> list[Any]:
    return [event for event in events if isinstance(event, kind)]


def run_of(events: list[AnyEvent]) -> Path:
    assert of(Started, events), events
    return Path(of(Started, events)[0].run)


def losses(events: list[AnyEvent]) -> list[float | None]:
    return [row.loss for event in of(RowsCompleted, events) if not event.is_history for row in event.rows]


def last_saved(run: Path) -> int:
    return checkpoint.checkpoint_steps(run)[-1]


def metrics(run: Path) -> list[dict[str, Any]]:
    """Every line of the metrics without what depends on the clock."""
    return [{k: v for k, v in line.items() if k not in CLOCK} for line in read_lines(run / "metrics.jsonl")]


def saved_arrays(run: Path, step: int) -> dict[str, tuple[str, tuple[int, ...], bytes]]:
    arrays = checkpoint.load(checkpoint.checkpoint_path(run, step)).arrays
    return {name: (a.dtype.str, a.shape, a.tobytes()) for name, a in arrays.items()}


def saved_values(run: Path, step: int) -> dict[str, Any]:
    """The JSON of a checkpoint, as it lies in the file, without what depends on the clock or names config.json."""
    with safetensors.safe_open(checkpoint.checkpoint_path(run, step), framework="numpy") as file:
        body: dict[str, Any] = json.loads(file.metadata()["rnnplay"])
    del body["digest"]  # it covers the clock too
    del body["state"]["session"]["clock"]
    body["state"].pop("config_digest", None)
    return body


def assert_same_run(one: Path, other: Path, step: int) -> None:
    """Two runs are equal but for their clocks: checkpoint at `step`, metrics, settings."""
    assert saved_arrays(one, step) == saved_arrays(other, step)
    assert saved_values(one, step) == saved_values(other, step)
    assert metrics(one) == metrics(other)
    assert load_record(one).config == load_record(other).config


def alive(pid: int) -> bool:
    """Whether a process is there and is no zombie."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except (FileNotFoundError, ProcessLookupError):
        return False
    return state != "Z"


def gone(pid: int, seconds: float = 30) -> bool:
    """Whether a process that is about to end does so."""
    deadline = time.monotonic() + seconds
    while alive(pid) and time.monotonic() < deadline:
        time.sleep(0.02)
    return not alive(pid)
