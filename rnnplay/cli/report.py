"""Reports of a run on the command line: a bar on standard error, or lines of JSON on standard output."""

import sys
from collections.abc import Sequence
from typing import Any, Protocol

import msgspec

from rnnplay.formatting import clock, loss_text, short, speed_unit
from rnnplay.protocol import (
    AnyEvent,
    Evaluated,
    Facts,
    Row,
    RowsCompleted,
    Saved,
    Started,
    Status,
    Stopped,
    TaskRemarked,
)


class Report(Protocol):
    """Receives the events of a run, one after the other."""

    def event(self, event: AnyEvent) -> None: ...

    def close(self) -> None:
        """Restore the terminal; nothing is written afterwards."""


def json_line(kind: str, fields: dict[str, Any]) -> None:
    """Write one JSON object as a line and flush."""
    sys.stdout.write(msgspec.json.encode({"kind": kind, **fields}).decode() + "\n")
    sys.stdout.flush()


def evaluated_fields(event: Evaluated) -> dict[str, Any]:
    return {name: getattr(event, name) for name in ("step", "loss", "baseline", "characters", "final")}


class JsonReport:
    """One JSON object a line, its field `kind` one of started, progress, evaluated, saved, stopped."""

    def event(self, event: AnyEvent) -> None:
        match event:
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
                json_line("stopped", {"step": event.step, "reason": event.reason, "run": event.run})
            case _:
                pass

    def close(self) -> None:
        pass


class BarReport:
    """A bar with the loss, the loss on held-out data, characters a second and the time left, all on standard error."""

    def __init__(self) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, TextColumn
        from rich.progress import Progress as Bar

        self.console = Console(stderr=True, highlight=False, soft_wrap=True)
        self._bar = Bar(
            TextColumn("{task.percentage:>3.0f} %"),
            BarColumn(bar_width=None),
            TextColumn("{task.description}"),
            console=self.console,
            auto_refresh=False,
            transient=True,
        )
        self._line = self._bar.add_task("", total=None)
        self._row: Row | None = None
        self._validation: float | None = None
        self._speed_unit = "char/s"

    def event(self, event: AnyEvent) -> None:
        match event:
            case Started():
                self._print_header(event)
            case RowsCompleted():
                self._row = event.rows[-1] if event.rows else self._row
            case Evaluated():
                self._validation = event.loss
                if not self.console.is_terminal and not event.is_history:
                    self._print_evaluation(event)
            case TaskRemarked():
                # On a terminal rich prints it above the bar; a pipe must get it unchanged.
                print(event.text, file=sys.stdout if sys.stdout.isatty() else sys.__stdout__, flush=True)
            case Status(state="training"):
                self._update_bar(event)
            case Stopped():
                self.close()
            case _:
                pass

    def _print_header(self, event: Started) -> None:
        c = event.config
        self._speed_unit = speed_unit(event.facts.step_unit)
        network = f"{c.cell.upper()} {c.layers}x{c.hidden}, {event.facts.parameters:,} parameters"
        going_on = f", from step {event.step:,} on" if event.step else ""
        self.console.print(f"{c.task}: {network}, {c.optimizer} {c.lr:g}, {c.seq_len}x{c.batch}{going_on}")
        for note in event.notes:
            self.console.print(note, style="dim")
        if not (c.steps or c.epochs or c.minutes):
            self.console.print("Ctrl-C saves the run and ends it.", style="dim")
        if self.console.is_terminal:
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
        total = None if event.progress is None else 1.0
        self._bar.update(self._line, description="  ".join(parts), total=total, completed=event.progress or 0)
        self._bar.refresh()

    def _print_evaluation(self, event: Evaluated) -> None:
        row = self._row
        about = f"  loss {loss_text(row.loss)}  {short(row.chars_per_s or 0)} {self._speed_unit}" if row else ""
        self.console.print(f"step {event.step:,}{about}  validation {loss_text(event.loss)}")

    def close(self) -> None:
        if self.console.is_terminal:
            self._bar.stop()


def verdict(event: Evaluated, facts: Facts) -> str:
    """A sentence on a held-out loss. The number of time steps is left out if items are padded."""
    if event.loss is None:
        return "The loss on held-out data is not finite."
    if facts.unit_of_loss != "nats":
        return f"{event.loss:.4g} {facts.unit_of_loss} on held-out data" + _baseline_text(event.baseline)
    over = f" over {event.characters:,} {facts.step_unit}" if event.characters and facts.characters else ""
    return f"validation {event.loss:.4f} nats, {event.loss / 0.6931471805599453:.3f} bits{over}" + _baseline_text(
        event.baseline
    )


def _baseline_text(baseline: float | None) -> str:
    return "" if baseline is None else f" (baseline {f'{baseline:.4f}' if baseline >= 0.001 else f'{baseline:.2g}'})"


def print_notes(notes: Sequence[str]) -> None:
    """Print each note on a line of standard error."""
    for note in notes:
        print(note, file=sys.stderr)
