"""Made-up data for the Play screen: what a trainer would tell, without one."""

from __future__ import annotations

import asyncio
import math
from collections.abc import AsyncIterator
from typing import Any

import msgspec
import numpy as np
from textual.strip import Strip

from rnnplay import protocol as say
from rnnplay.catalogue import make_config
from rnnplay.config import RunConfig
from rnnplay.tui.paint.palette import Palette, palettes
from rnnplay.tui.widgets.base import StripWidget

SYSTEMS = {
    "truecolor": {"TERM": "xterm-256color", "COLORTERM": "truecolor"},
    "256": {"TERM": "xterm-256color"},
    "16": {"TERM": "xterm"},
    "none": {"TERM": "xterm", "NO_COLOR": "1"},
}
TEXT = '"Come in," she said.\nHe did\tnot; he "had never" been so early, nor so sure of it.\n' * 9


def palette_of(system: str, encoding: str = "utf-8") -> Palette:
    return palettes(SYSTEMS[system], encoding)[0]


def plain(strips: list[Strip]) -> list[str]:
    return [strip.text for strip in strips]


def config(**choices: Any) -> RunConfig:
    return make_config("prose", **({"hidden": 6, "layers": 2, "seq_len": 64, "batch": 32, "lr": 4e-3} | choices))


def facts(**changes: Any) -> say.Facts:
    fields: dict[str, Any] = {
        "io_pattern": "many to many",
        "parameters": 4_321,
        "inputs": 31,
        "outputs": 31,
        "vocabulary": tuple(sorted(set(TEXT))),
        "baselines": (("bigram", 2.45),),
        "unit_of_loss": "nats",
        "characters": 9_000,
        "held_out": 5_000,
        "epoch_steps": 40,
        "chance_loss": math.log(31),
    }
    return say.Facts(**(fields | changes))


def row(step: int, loss: float | None = None, norm: float | None = None, **changes: Any) -> say.Row:
    loss = 3.4 / (1 + step / 50) + 0.2 if loss is None else loss
    fields: dict[str, Any] = {
        "step": step,
        "loss": loss,
        "loss_min": None if loss is None else loss - 0.1,
        "loss_max": None if loss is None else loss + 0.1,
        "grad_norm": 7.0 / (1 + step / 40) if norm is None else norm,
        "clipped": 0.0,
        "lr": 4e-3,
        "chars_per_s": 198_000.0,
        "seconds": step / 100,
    }
    return say.Row(**(fields | changes))


def trace(step: int = 40, start: int = 0, layers: int = 2, units: int = 6, text: str = TEXT) -> say.Trace:
    """Unit u of layer l has its own constant: each is told from every other."""
    values = np.zeros((layers, units, len(text)), np.uint8)
    for layer in range(layers):
        for unit in range(units):
            values[layer, unit] = 20 + 40 * unit + 7 * layer
    surprise = np.arange(len(text), dtype=np.uint8) % 70
    return say.Trace(
        step=step,
        start=start,
        total=5_000,
        symbols=tuple(text),
        state="h",
        values=say.PackedArray.from_array(values),
        scale=0.9,
        surprise=say.PackedArray.from_array(surprise),
    )


def sampled(text: str, is_first: bool = False, **changes: Any) -> say.Sampled:
    fields: dict[str, Any] = {
        "text": tuple(text),
        "probabilities": tuple(0.1 + 0.8 * (n % 7) / 7 for n in range(len(text))),
        "is_first": is_first,
        "candidates": tuple(say.Candidate(c, p) for c, p in (("e", 0.41), (" ", 0.22), ("\n", 0.09), ("é", 0.02))),
    }
    return say.Sampled(**(fields | changes))


def started(step: int = 0, **changes: Any) -> say.Started:
    return say.Started(run="/nowhere/run-1", config=config(**changes), facts=facts(), step=step)


def status(state: str = "training", step: int = 120, **changes: Any) -> say.Status:
    fields: dict[str, Any] = {"epoch": 3.0, "loss": 1.2, "grad_norm": 0.9, "chars_per_s": 198_000.0, "seconds": 65.0}
    fields |= {"clipped": 12, "recent_steps": 64}
    return say.Status(state=state, step=step, **(fields | changes))


# The command that each event answers, by name.
ASKED_BY = {
    "Census": "WatchCensus",
    "ClampedCounted": "CountClamped",
    "Trace": "WatchTrace",
    "Sampled": "Sample",
    "UnitsFound": "FindUnits",
    "UnitAblated": "AblateUnit",
    "GatesComputed": "ComputeGates",
    "HistoryComputed": "ComputeHistory",
    "ExampleShown": "ShowExample",
    "TaskAnswered": "AskTask",
    "Unrolled": "Unroll",
    "GradientByLagComputed": "ComputeGradientByLag",
    "OneUnitComputed": "ComputeOneUnit",
    "InfluenceComputed": "ComputeInfluence",
    "SwapsComputed": "ComputeSwaps",
    "NetworkDescribed": "DescribeNetwork",
    "MatrixShown": "ShowMatrix",
}


class Recorder:
    """Stands where a client stands, and keeps what it was sent."""

    def __init__(self, opening: say.Command) -> None:
        self.sent: list[say.Command] = [opening]
        self.requests: dict[tuple[str, int], int] = {}  # (command, channel) -> the number of the last one
        self.queue: asyncio.Queue[say.AnyEvent | None] = asyncio.Queue()
        self.closed = self.closed_by_stop = self.detached = False

    async def send(self, command: say.Command) -> None:
        self.requests[type(command).__name__, getattr(command, "channel", 0)] = command.request
        self.sent.append(msgspec.structs.replace(command, request=0))

    async def events(self) -> AsyncIterator[say.AnyEvent]:
        while (event := await self.queue.get()) is not None:
            await asyncio.sleep(0)  # what the event before led to is sent first
            yield self._numbered(event)

    async def detach(self, linger: float | None = None) -> None:
        self.closed = self.detached = True
        self.queue.put_nowait(None)

    async def close(self) -> None:
        self.closed = self.closed_by_stop = True
        self.queue.put_nowait(None)

    def tell(self, *events: say.AnyEvent) -> None:
        for event in events:
            self.queue.put_nowait(event)

    def _numbered(self, event: Any) -> Any:
        """As the trainer sends it: with the number of the command that it answers, the last one of its kind."""
        kind = type(event).__name__
        name = getattr(event, "command", "") or getattr(event, "question", "") or ASKED_BY.get(kind, "")
        number = self.requests.get((name, getattr(event, "channel", 0)), 0)
        return msgspec.structs.replace(event, request=number) if not event.request and number else event

    def commands(self, kind: type[say.Command]) -> list[Any]:
        return [command for command in self.sent if isinstance(command, kind)]


def seen(app: Any) -> str:
    """The text of all widgets that are seen, the line for typing too."""
    screen = app.screen
    shown = [w for w in screen.query("*") if isinstance(w, StripWidget) and w.display and w.size.height]
    lines = [strip.text for widget in shown for strip in widget._strips]
    prompt = getattr(screen, "prompt", None)
    if prompt is not None and prompt.display:
        lines.append(f"{prompt.label.content} {prompt.input.value}▏")
    return "\n".join(lines)
