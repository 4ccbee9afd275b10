"""Runs a trainer for a command: to the end of its run, for an evaluation, or for a sample."""

import asyncio
import contextlib
import signal
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path

from rnnplay.cli.items import ItemCutter
from rnnplay.cli.output import SampleWriter, printable
from rnnplay.cli.progress import ProgressLine
from rnnplay.cli.report import JsonReport, Report, ending, evaluated_fields, json_line, print_notes, verdict
from rnnplay.client import TrainerClient
from rnnplay.config import UserError
from rnnplay.formatting import spaced
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
_FINAL_SAMPLE = Sample(length=300, temperature=0.8)
_FINAL_SAMPLES = {"hello": Sample(prompt="h", length=4, temperature=0.0)}


class InterruptibleTrainer:
    """A trainer that is sent Stop at the first signal, on which it saves and exits; further signals are ignored."""

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
        """128 plus the number of the signal that came, as shells expect it; 0 without a signal."""
        return 128 + self._interrupted.result() if self.interrupted else 0

    async def close(self) -> None:
        self._stopping.cancel()
        await self.client.close()


@contextmanager
def noting_signals() -> Iterator["asyncio.Future[signal.Signals]"]:
    """Give a future for the first signal that would end us. What was ignored when we were started stays so."""
    loop = asyncio.get_running_loop()
    interrupted: asyncio.Future[signal.Signals] = loop.create_future()

    def note(number: signal.Signals) -> None:
        if not interrupted.done():
            interrupted.set_result(number)

    noted = [number for number in SIGNALS if signal.getsignal(number) is not signal.SIG_IGN]
    for number in noted:
        loop.add_signal_handler(number, note, number)
    try:
        yield interrupted
    finally:
        for number in noted:
            loop.remove_signal_handler(number)


@asynccontextmanager
async def open_trainer(open_command: Train | Resume | Inspect) -> AsyncIterator[InterruptibleTrainer]:
    """Start a trainer; when the block is left, it saves and exits."""
    with noting_signals() as interrupted:
        trainer = InterruptibleTrainer(await TrainerClient.start(open_command), interrupted)
        try:
            yield trainer
        finally:
            await trainer.close()


async def train_to_end(open_command: Train | Resume, report: Report) -> int:
    """Train to the end and report. Returns the exit status. Raises UserError if the run cannot begin or continue."""
    as_json = isinstance(report, JsonReport)
    started: Started | None = None
    evaluated: Evaluated | None = None
    best: Evaluated | None = None
    finished: Status | None = None
    diverged: Status | None = None
    sample: list[str] | None = None
    try:
        async with open_trainer(open_command) as trainer:
            async for event in trainer.client.events():
                report.event(event)
                if isinstance(event, Evaluated) and event.loss is not None and not event.other_text:
                    best = event if best is None or best.loss is None or event.loss < best.loss else best
                match event:
                    case Started():
                        started = event
                    case Evaluated(is_history=False):
                        evaluated = event
                    case Status(state="diverged") if diverged is None:
                        diverged = event
                        await trainer.client.send(Stop())
                    case Status(state="finished") if sample is None and started and not trainer.interrupted:
                        sample, finished = [], event
                        command = _FINAL_SAMPLES.get(started.config.task, _FINAL_SAMPLE)
                        await trainer.client.send(Stop() if as_json else command)
                    case Sampled():
                        vocabulary = started.facts.vocabulary if started else None
                        sample = [*(sample or []), *spaced(event.text, vocabulary)]
                        if event.done:
                            await trainer.client.send(Stop())
                    case Failed() if sample is not None and not event.fatal:  # the task has nothing to sample
                        await trainer.client.send(Stop())
                    case Failed():
                        raise UserError(event.problem, event.remedy)
                    case Stopped(run=""):
                        started = None  # it is gone
                        print_notes(["It was stopped before its first step: no run is kept."])
                    case _:
                        pass
            status = trainer.status
    finally:
        with contextlib.suppress(OSError):
            report.close()
    if started and not as_json:
        _print_ending(started, evaluated, ending(started, evaluated, best, finished), sample or [])
    if diverged:
        print(f"{diverged.problem} {diverged.remedy}", file=sys.stderr)
        return DIVERGED
    return status


def _print_ending(started: Started, evaluated: Evaluated | None, sentence: str, sample: list[str]) -> None:
    """Print the last loss, a sentence on the best one and a sample on standard error, and the run's directory."""
    if evaluated:
        print(verdict(evaluated, started.facts), file=sys.stderr)
    if sentence:
        print(sentence, file=sys.stderr)
    if sample:
        print("\n" + printable("".join(sample), sys.stderr) + "\n", file=sys.stderr, flush=True)
    print(started.run, flush=True)


async def evaluate(inspect: Inspect, command: Evaluate, as_json: bool) -> int:
    """Print a checkpoint's loss on held-out data. Returns the exit status."""
    progress = ProgressLine()
    async with open_trainer(inspect) as trainer:
        async for event in trainer.client.events():
            progress.event(event)
            match event:
                case Started():
                    facts = event.facts
                    print_notes(event.notes)
                    await trainer.client.send(command)
                case Evaluated(is_history=False):
                    print_notes(event.notes)
                    if as_json:
                        json_line("evaluated", evaluated_fields(event))
                    else:
                        print(f"step {event.step:,}: {verdict(event, facts)}")
                    break
                case Failed():
                    raise UserError(event.problem, event.remedy)
                case Stopped():
                    print_notes(["It was stopped before the whole text was measured: there is no loss."])
                case _:
                    pass
        return trainer.status


async def sample(
    inspect: Inspect,
    command: Sample,
    output: Path | None = None,
    *,
    count: int | None = None,
    until: str | None = None,
    unique: bool = False,
) -> int:
    """Write a text as it is drawn, to standard output or to the file `output`. Returns the exit status.

    count, until, unique: write so many whole items, which `until` ends (else what the run learned as an end), and none
    that is in the run's text. Raises UserError if the run has no items.
    """
    writer = SampleWriter(output)
    cutter: ItemCutter | None = None
    progress = ProgressLine()
    async with open_trainer(inspect) as trainer:
        async for event in trainer.client.events():
            progress.event(event)
            match event:
                case Started():
                    facts = event.facts
                    print_notes(event.notes)
                    if count is not None or until is not None or unique:
                        cutter = _item_cutter(event, count, until, unique)
                    writer.open(event.config.read_as_bytes)
                    await trainer.client.send(command)
                case Sampled():
                    if event.unknown_symbols:
                        unseen = " ".join(map(repr, event.unknown_symbols))
                        print_notes([f"The network never saw {unseen}; the prompt is read without it."])
                    text = "".join(spaced(event.text, facts.vocabulary))
                    writer.write(text if cutter is None else cutter.take(text))
                    if event.done or (cutter is not None and cutter.done):
                        break
                case Failed():
                    raise UserError(event.problem, event.remedy)
                case Stopped():
                    break
                case _:
                    pass
        writer.close(ends_line=cutter is None)
        if cutter is not None and (remark := cutter.remark):
            print_notes([remark])
        return trainer.status


def _item_cutter(started: Started, count: int | None, until: str | None, unique: bool) -> ItemCutter:
    """Return what cuts the sample into items. Raises UserError if nothing ends them, or if no items are stored."""
    from rnnplay.runs import task_data
    from rnnplay.tasks.item_index import end_symbol, is_stored, item_hash

    document = started.config.document
    has_items = document not in (None, "none")
    if until is None and not has_items:
        raise UserError("The run learned a text without items.", "Say what ends one with --until TEXT.")
    end = until if until is not None else end_symbol(document)
    shown_end = "\n\n" if until is None and document != "line" else end
    accept = None
    if unique:
        stored = task_data.load(Path(started.run))
        if not has_items or stored is None or "item_hashes" not in stored[0]:
            raise UserError("The run stores no items of its text.", "Leave out --unique.")
        hashes, written = stored[0]["item_hashes"], set[int]()
        if not stored[1].get("stores_all_items", True):
            print_notes([f"The run stores {len(hashes):,} items of its text: others of them may be written."])

        def is_new(item: str) -> bool:
            key = item_hash(item)[0]
            is_known = key in written or is_stored(hashes, item)
            written.add(key)  # nor is one written twice
            return not is_known

        accept = is_new
    return ItemCutter(end, shown_end, 1 if count is None else count, accept)
