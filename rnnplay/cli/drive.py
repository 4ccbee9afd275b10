"""Drives a trainer from the command line: to the end of its run, or for one question."""

import asyncio
import contextlib
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from rnnplay.cli.output import SampleWriter, printable
from rnnplay.cli.report import BarReport, JsonReport, Report, evaluated_fields, json_line, verdict
from rnnplay.client import TrainerClient
from rnnplay.config import UserError
from rnnplay.protocol import (
    Evaluate,
    Evaluated,
    Failed,
    Inspect,
    Resume,
    Sample,
    Sampled,
    Started,
    Status,
    Stop,
    Stopped,
    Train,
)

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
DIVERGED = 1  # exit status
_SAMPLE = Sample(length=300, temperature=0.8)
_SAMPLES = {"hello": Sample(prompt="h", length=4, temperature=0.0)}


class OpenTrainer:
    """A trainer that is told to save and exit at the first signal; further ones change nothing, it is doing so."""

    def __init__(self, client: TrainerClient, interrupted: asyncio.Future[signal.Signals]) -> None:
        self.client, self._interrupted = client, interrupted
        self._stopping = asyncio.create_task(self._stop_when_interrupted())

    async def _stop_when_interrupted(self) -> None:
        await asyncio.shield(self._interrupted)
        await self.client.send(Stop())

    @property
    def interrupted(self) -> bool:
        return self._interrupted.done()

    @property
    def status(self) -> int:
        """The exit status that a shell expects after the signal; 0 without one."""
        return 128 + self._interrupted.result() if self.interrupted else 0

    async def close(self) -> None:
        self._stopping.cancel()
        await self.client.close()


@asynccontextmanager
async def open_trainer(opening: Train | Resume | Inspect) -> AsyncIterator[OpenTrainer]:
    """A trainer that is gone when the block is left, whichever way; what it trained is saved."""
    loop = asyncio.get_running_loop()
    interrupted: asyncio.Future[signal.Signals] = loop.create_future()

    def note(number: signal.Signals) -> None:
        if not interrupted.done():
            interrupted.set_result(number)

    for number in SIGNALS:
        loop.add_signal_handler(number, note, number)
    trainer = OpenTrainer(await TrainerClient.start(opening), interrupted)
    try:
        yield trainer
    finally:
        await trainer.close()


async def follow(opening: Train | Resume, as_json: bool) -> int:
    """Train to the end, reporting. Returns the exit status; raises UserError where the run cannot begin or go on."""
    report: Report = JsonReport() if as_json else BarReport()
    started: Started | None = None
    evaluated: Evaluated | None = None
    diverged: Status | None = None
    sample: list[str] | None = None
    try:
        async with open_trainer(opening) as trainer:
            async for event in trainer.client.events():
                report.event(event)
                match event:
                    case Started():
                        started = event
                    case Evaluated(past=False):
                        evaluated = event
                    case Status(state="diverged") if diverged is None:
                        diverged = event
                        await trainer.client.send(Stop())
                    case Status(state="finished") if sample is None and started and not trainer.interrupted:
                        sample = []
                        command = _SAMPLES.get(started.config.task, _SAMPLE)
                        await trainer.client.send(Stop() if as_json else command)
                    case Sampled():
                        sample = [*(sample or []), *event.text]
                        if event.done:
                            await trainer.client.send(Stop())
                    case Failed() if sample is not None and not event.fatal:  # the task has nothing to sample
                        await trainer.client.send(Stop())
                    case Failed():
                        raise UserError(event.wrong, event.remedy)
                    case _:
                        pass
            status = trainer.status
    finally:
        with contextlib.suppress(OSError):
            report.close()
    if started and not as_json:
        if evaluated:
            print(verdict(evaluated, started.facts))
        if sample:
            print("\n" + printable("".join(sample), sys.stdout) + "\n")
        print(started.run, flush=True)
    if diverged:
        print(f"{diverged.wrong} {diverged.remedy}", file=sys.stderr)
        return DIVERGED
    return status


async def evaluate(inspect: Inspect, command: Evaluate, as_json: bool) -> int:
    """Print a checkpoint's loss on held-out data. Returns the exit status."""
    async with open_trainer(inspect) as trainer:
        async for event in trainer.client.events():
            match event:
                case Started():
                    facts = event.facts
                    say(event.notes)
                    await trainer.client.send(command)
                case Evaluated(past=False):
                    say(event.notes)
                    if as_json:
                        json_line("evaluated", evaluated_fields(event))
                    else:
                        print(f"step {event.step:,}: {verdict(event, facts)}")
                    break
                case Failed():
                    raise UserError(event.wrong, event.remedy)
                case _:
                    pass
        return trainer.status


async def sample(inspect: Inspect, command: Sample, output: Path | None = None) -> int:
    """Write a text as it is drawn, to standard output or to the file `output`. Returns the exit status."""
    writer = SampleWriter(output)
    async with open_trainer(inspect) as trainer:
        async for event in trainer.client.events():
            match event:
                case Started():
                    say(event.notes)
                    writer.open(event.config.read_as_bytes)
                    await trainer.client.send(command)
                case Sampled():
                    if event.unseen:
                        unseen = " ".join(map(repr, event.unseen))
                        say([f"The network never saw {unseen}; the prompt is read without it."])
                    writer.write("".join(event.text))
                    if event.done:
                        break
                case Failed():
                    raise UserError(event.wrong, event.remedy)
                case Stopped():
                    break
                case _:
                    pass
        writer.close()
        return trainer.status


def say(notes: tuple[str, ...] | list[str]) -> None:
    for note in notes:
        print(note, file=sys.stderr)
