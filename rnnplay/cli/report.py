"""Reports of a run on the command line: a bar or plain lines on standard error, or lines of JSON on standard output."""

import os
import sys
import time
from collections.abc import Callable, Sequence
from typing import Any, Protocol

import msgspec

from rnnplay.cli.streams import json_text
from rnnplay.config import UserError
from rnnplay.formatting import clock, loss_text, measuring_words, reading_words, short, speed_unit
from rnnplay.protocol import (
    AnyEvent,
    Evaluated,
    Facts,
    QuestionProgressed,
    ReadingText,
    Row,
    RowsCompleted,
    Saved,
    Started,
    Status,
    Stopped,
    TaskRemarked,
)

_HINT = "Ctrl-C saves the run and ends it."


class Report(Protocol):
    """Receives the events of a run, one after the other."""

    def event(self, event: AnyEvent) -> None: ...

    def close(self) -> None:
        """Restore the terminal; nothing is written afterwards."""


def json_line(kind: str, fields: dict[str, Any]) -> None:
    """Write one JSON object as a line and flush."""
    print(json_text({"kind": kind, **fields}, sys.stdout), flush=True)


def evaluated_fields(event: Evaluated) -> dict[str, Any]:
    return {name: getattr(event, name) for name in ("step", "loss", "baseline", "characters", "final", "part")}


class JsonReport:
    """One JSON object a line, its field `kind` one of reading, started, progress, evaluated, saved, stopped."""

    def __init__(self) -> None:
        self._ended_by = ""

    def event(self, event: AnyEvent) -> None:
        match event:
            case ReadingText():
                json_line("reading", {"bytes": event.bytes_read, "progress": event.progress})
            case Started():
                facts = msgspec.to_builtins(event.facts)
                facts["vocabulary"] = len(event.facts.vocabulary)
                facts["baselines"] = dict(event.facts.baselines)
                json_line(
                    "started",
                    {
                        "run": event.run,
                        "step": event.step,
                        "config": msgspec.to_builtins(event.config),
                        "notes": event.notes,
                        **facts,
                    },
                )
            case RowsCompleted(is_history=False):
                for row in event.rows:
                    json_line("progress", msgspec.to_builtins(row))
            case Evaluated(is_history=False):
                json_line("evaluated", evaluated_fields(event))
            case TaskRemarked():
                json_line("remark", {"step": event.step, "text": event.text})
            case Saved():
                json_line("saved", {"step": event.step, "path": event.path})
            case Stopped():
                reason = self._ended_by or event.reason
                json_line("stopped", {"step": event.step, "reason": reason, "run": event.run})
            case Status(state="finished"):
                self._ended_by = event.ended_by
            case _:
                pass

    def close(self) -> None:
        pass


class QuietReport:
    """Report of a quiet run: nothing until the end."""

    def event(self, event: AnyEvent) -> None:
        pass

    def close(self) -> None:
        pass


LINE_SECONDS = 9.0  # between two lines of a log: a step may take a second until the next event


class LineReport:
    """Plain lines on standard error, for a log: one at each evaluation, and one every ten seconds."""

    def __init__(self, now: Callable[[], float] = time.monotonic, hint: str = _HINT) -> None:
        """now: returns seconds; hint: what a run without a limit is begun with."""
        self._now, self._hint = now, hint
        self._started: Started | None = None
        self._rows: list[Row] = []  # since the last line, and the last before
        self._validation: Evaluated | None = None
        self._best: Evaluated | None = None
        self._status: Status | None = None
        self._printed_at = float("-inf")

    def event(self, event: AnyEvent) -> None:
        match event:
            case ReadingText() if self._now() - self._printed_at >= LINE_SECONDS:
                self._printed_at = self._now()
                self._print(reading_words(event.bytes_read, event.progress))
            case QuestionProgressed(question="Evaluate") if self._now() - self._printed_at >= LINE_SECONDS:
                self._printed_at = self._now()
                self._print(measuring_words(event.fraction))
            case Started():
                self._started, self._rows, self._validation, self._best = event, [], None, None
                self._printed_at = self._now()
                for line in header_lines(event, self._hint):
                    self._print(line)
            case RowsCompleted():
                self._rows += event.rows[-1:] if event.is_history else event.rows
            case Evaluated():
                repeats = self._validation is not None and event.step <= self._validation.step
                self._validation = event
                if not event.other_text and event.loss is not None:
                    best = None if self._best is None else self._best.loss
                    self._best = event if best is None or event.loss < best else self._best
                if not event.is_history and not repeats:
                    self._print_line(event.step)
            case TaskRemarked():
                print(event.text, flush=True)  # a line of the task's own
            case Status():
                before, self._status = self._status, event
                if event.state == "paused" and (before is None or before.state != "paused"):
                    self._print(paused_words(event))
                if event.state == "training" and self._now() - self._printed_at >= LINE_SECONDS:
                    self._print_line(event.step)
            case _:
                pass

    def _print_line(self, step: int) -> None:
        """Print how the run stands at `step`; the loss is that of the last row of the metrics up to there."""
        started = self._started
        if started is None:
            return
        rows = [row for row in self._rows if row.step <= step]
        row = rows[-1] if rows else None
        self._rows = [*rows[-1:], *(row for row in self._rows if row.step > step)]
        seconds = row.seconds if row is not None else 0.0
        parts = [f"step {step:,}"]
        if (share := _progress(started, step, seconds)) is not None:
            parts.append(f"{share * 100:.0f} %")
        if row is not None:
            parts.append(f"loss {loss_text(row.loss)}{_at(row.step, step)}")
        if (validation := self._validation) is not None:
            parts.append(f"validation {loss_text(validation.loss)}{_at(validation.step, step)}")
            if self._best is not None and self._best.step != validation.step:
                parts.append(f"best {loss_text(self._best.loss)}{_at(self._best.step, step)}")
        if row is not None and row.chars_per_s is not None:
            parts.append(f"{short(row.chars_per_s)} {speed_unit(started.facts.step_unit)}")
        left = self._status.seconds_left if self._status is not None else None
        parts.append(f"{clock(seconds)} done" if left is None else f"{clock(left)} left")
        self._printed_at = self._now()
        self._print("  ".join(parts))

    def _print(self, line: str) -> None:
        print(line, file=sys.stderr, flush=True)

    def close(self) -> None:
        pass


def _at(step: int, shown_step: int) -> str:
    """Say which step a number is of, if it is not the line's own."""
    return "" if step == shown_step else f" at {step:,}"


def _progress(started: Started, step: int, seconds: float) -> float | None:
    """The share of the run's nearest limit that is done at `step`, after `seconds` of training; None: no limit."""
    config, facts = started.config, started.facts
    shares = [step / config.steps] if config.steps else []
    if config.epochs and facts.epoch_steps:
        shares.append(step / (config.epochs * facts.epoch_steps))
    if config.minutes:
        shares.append(seconds / (config.minutes * 60))
    return min(1.0, max(shares)) if shares else None


def header_lines(event: Started, hint: str) -> list[str]:
    """Return what is trained, notes, and `hint` if the run has no limit."""
    c = event.config
    network = f"{c.cell.upper()} {c.layers}x{c.hidden}, {event.facts.parameters:,} parameters"
    going_on = f", from step {event.step:,} on" if event.step else ""
    lines = [f"{c.task}: {network}, {c.optimizer} {c.lr:g}, {c.seq_len}x{c.batch}{going_on}", *event.notes]
    if not (c.steps or c.epochs or c.minutes):
        lines.append(hint)
    return lines


def paused_words(event: Status) -> str:
    """Say that the run is paused, and why if no person did it."""
    why = f" {event.problem} {event.remedy}" if event.problem else ""
    return f"Paused at step {event.step:,}.{why}"


def make_report(as_json: bool, quiet: bool, hint: str = _HINT) -> Report:
    """The report that the options ask for; without any a bar, or plain lines if standard error is no terminal.

    hint: what a run without a limit is begun with. Raises UserError if they exclude each other.
    """
    if as_json and quiet:
        raise UserError("--json and --quiet exclude each other.", "Leave out one of them.")
    if as_json:
        return JsonReport()
    if quiet:
        return QuietReport()
    has_terminal = sys.stderr.isatty() and os.environ.get("TERM") != "dumb"
    return BarReport(hint) if has_terminal else LineReport(hint=hint)


class BarReport:
    """A bar with the loss, the loss on held-out data, characters a second and the time left, on a terminal."""

    def __init__(self, hint: str = _HINT) -> None:
        """hint: what a run without a limit is begun with."""
        from rich.console import Console
        from rich.progress import BarColumn, TextColumn
        from rich.progress import Progress as Bar

        self.console = Console(stderr=True, highlight=False, soft_wrap=True, force_terminal=True)
        self._bar = Bar(
            TextColumn("{task.fields[percent]}"),
            BarColumn(bar_width=None),
            TextColumn("{task.description}"),
            console=self.console,
            auto_refresh=False,
            transient=True,
        )
        self._line = self._bar.add_task("", total=None, percent="")
        self._hint = hint
        self._row: Row | None = None
        self._validation: float | None = None
        self._speed_unit = "char/s"

    def event(self, event: AnyEvent) -> None:
        match event:
            case ReadingText():
                self._bar.start()
                self._draw(reading_words(event.bytes_read, event.progress), event.progress)
            case QuestionProgressed(question="Evaluate"):
                self._bar.update(self._line, description=measuring_words(event.fraction))
                self._bar.refresh()
            case Started():
                self._print_header(event)
            case RowsCompleted():
                self._row = event.rows[-1] if event.rows else self._row
            case Evaluated():
                self._validation = event.loss
            case TaskRemarked():
                # On a terminal rich prints it above the bar; a pipe must get it unchanged.
                print(event.text, file=sys.stdout if sys.stdout.isatty() else sys.__stdout__, flush=True)
            case Status(state="training"):
                self._update_bar(event)
            case Status(state="paused"):
                self._draw(paused_words(event), event.progress)
            case Stopped():
                self.close()
            case _:
                pass

    def _print_header(self, event: Started) -> None:
        self._speed_unit = speed_unit(event.facts.step_unit)
        first, *more = header_lines(event, self._hint)
        self.console.print(first)
        for line in more:
            self.console.print(line, style="dim")
        self._bar.start()

    def _update_bar(self, event: Status) -> None:
        parts = [f"step {event.step:,}", f"loss {loss_text(event.loss if self._row is None else self._row.loss)}"]
        if self._validation is not None:
            parts.append(f"validation {loss_text(self._validation)}")
        if event.chars_per_s is not None:
            parts.append(f"{short(event.chars_per_s)} {self._speed_unit}")
        parts.append(
            f"{clock(event.seconds)} done" if event.seconds_left is None else f"{clock(event.seconds_left)} left"
        )
        self._draw("  ".join(parts), event.progress)

    def _draw(self, words: str, progress: float | None) -> None:
        """Draw the bar and what stands beside it. progress: 0..1; None: it has no end."""
        total, percent = (None, "") if progress is None else (1.0, f"{100 * progress:3.0f} %")
        self._bar.update(self._line, description=words, total=total, completed=progress or 0, percent=percent)
        self._bar.refresh()

    def close(self) -> None:
        self._bar.stop()


def ending(started: Started, last: Evaluated | None, best: Evaluated | None, finished: Status | None) -> str:
    """A sentence on the best evaluation if it is not the last one, or if the run ended for want of a better one.

    `finished`: the status of a run that has reached its limit.
    """
    if best is None:
        return ""
    best_words = f"{loss_text(best.loss)} at step {best.step:,}"
    if finished is not None and finished.ended_by == "patience":
        return f"No better evaluation in {started.config.patience}: ended. Best: {best_words} (--at best)."
    if last is None or last.step == best.step:
        return ""
    return f"Best: {best_words} (--at best), now {loss_text(last.loss)}."


def verdict(event: Evaluated, facts: Facts) -> str:
    """A sentence on a held-out loss. The number of time steps is left out if items are padded."""
    if event.loss is None:
        return "The loss on held-out data is not finite."
    if facts.unit_of_loss != "nats":
        return f"{event.loss:.4g} {facts.unit_of_loss} on held-out data" + _baseline_text(event.baseline)
    over = f" over {event.characters:,} {facts.step_unit}" if event.characters and facts.characters else ""
    part = f" of {event.part}" if event.part else ""
    return f"validation {event.loss:.4f} nats, {event.loss / 0.6931471805599453:.3f} bits{over}{part}" + _baseline_text(
        event.baseline
    )


def _baseline_text(baseline: float | None) -> str:
    return "" if baseline is None else f" (baseline {f'{baseline:.4f}' if baseline >= 0.001 else f'{baseline:.2g}'})"


def print_notes(notes: Sequence[str]) -> None:
    """Print each note on a line of standard error."""
    for note in notes:
        print(note, file=sys.stderr)
