"""No message, no question and no answer ends a training run: a mistake is told to whoever asked, and training goes on.

Parts of the trainer are broken on purpose; each time the run has to go on, or to stop at its last good checkpoint.
"""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from driving import last_saved, metrics, small, write_text

import rnnplay.protocol
from rnnplay.protocol import (
    AblateUnit,
    AnyEvent,
    Command,
    Evaluate,
    Failed,
    FindUnits,
    Resume,
    Sample,
    Save,
    Saved,
    ShowExample,
    Status,
    Stop,
    Stopped,
    Train,
    Unroll,
    WatchHealth,
    WatchTrace,
)
from rnnplay.trainer.handlers.base import Handler
from rnnplay.trainer.handlers.cells import CellsHandler
from rnnplay.trainer.handlers.census import CensusHandler
from rnnplay.trainer.handlers.example import ExampleHandler
from rnnplay.trainer.handlers.health import HealthCheck, HealthHandler
from rnnplay.trainer.handlers.loss import LossHandler
from rnnplay.trainer.handlers.network import NetworkHandler
from rnnplay.trainer.handlers.sample import SampleHandler
from rnnplay.trainer.handlers.swap import SwapHandler
from rnnplay.trainer.handlers.time import TimeHandler
from rnnplay.trainer.handlers.trace import TraceHandler
from rnnplay.trainer.handlers.unroll import UnrollHandler
from rnnplay.trainer.learner import Learner
from tests.trainer.serving import serve

PAST = 30  # steps that are done after the failure


@pytest.fixture
def train(tmp_path: Path) -> Train:
    return Train(config=small(write_text(tmp_path / "words.txt")), root=str(tmp_path / "runs"))


def broken(*arguments: Any, **choices: Any) -> Any:
    raise RuntimeError("broken on purpose")


def asking(*commands: Command) -> Callable[[AnyEvent], Iterator[Command]]:
    """Sends `commands` at the first status, and stops when training has gone on for a while after a failure."""
    waiting, until = list(commands), None

    def react(event: AnyEvent) -> Iterator[Command]:
        nonlocal until
        if isinstance(event, Failed):
            until = None if event.fatal else -1
        if isinstance(event, Status) and event.state == "training":
            yield from waiting
            waiting.clear()
            if until == -1:
                until = event.step + PAST
            elif until is not None and event.step >= until:
                yield Stop()

    return react


def of(kind: type, events: list[AnyEvent]) -> list[Any]:
    return [event for event in events if isinstance(event, kind)]


QUESTIONS: list[tuple[type[Handler], Command]] = [
    (LossHandler, Evaluate(request=7)),
    (TraceHandler, WatchTrace(request=7)),
    (CellsHandler, FindUnits(pattern="[aeiou]", request=7)),
    (SampleHandler, Sample(request=7)),
    (ExampleHandler, ShowExample(request=7)),
    (UnrollHandler, Unroll(request=7)),
    (TimeHandler, rnnplay.protocol.ComputeGradientByLag(request=7)),
    (SwapHandler, rnnplay.protocol.ComputeSwaps(request=7)),
    (HealthHandler, WatchHealth(request=7)),
    (CensusHandler, rnnplay.protocol.WatchCensus(request=7)),
    (NetworkHandler, rnnplay.protocol.DescribeNetwork(request=7)),
]


def test_every_handler_is_asked() -> None:
    assert {handler for handler, _ in QUESTIONS} == set(Handler.__subclasses__())


@pytest.mark.parametrize(("handler", "question"), QUESTIONS, ids=lambda each: getattr(each, "__name__", ""))
def test_a_question_that_fails_is_told_and_logged_and_training_goes_on(
    train: Train,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
    handler: type[Handler],
    question: Command,
) -> None:
    monkeypatch.setattr(handler, "handle_command", broken)
    events = serve(train, asking(question))
    (failed,) = of(Failed, events)
    assert not failed.fatal and failed.request == 7 and failed.command == type(question).__name__
    assert "broken on purpose" in failed.problem and "raining goes on" in failed.remedy
    assert isinstance(events[-1], Stopped) and events[-1].reason == "stopped"
    assert "Traceback" in capfd.readouterr().err


@pytest.mark.parametrize(
    ("handler", "method", "question"),
    [
        (TraceHandler, "_trace", WatchTrace(every=0.01, request=7)),
        (CellsHandler, "_label", AblateUnit(layer=0, unit=2, pattern="[aeiou]", request=7)),
        (SampleHandler, "_draw", Sample(length=None, request=7)),
        (HealthHandler, "before_step", WatchHealth(request=7)),
        (HealthHandler, "after_step", WatchHealth(request=7)),
        (HealthHandler, "row", WatchHealth(request=7)),
    ],
)
def test_an_answer_that_fails_later_is_told_once_and_dropped(
    train: Train, monkeypatch: pytest.MonkeyPatch, handler: type[Handler], method: str, question: Command
) -> None:
    handle = handler.handle_command

    def then_break(self: Handler, *arguments: Any) -> bool:
        took = handle(self, *arguments)
        monkeypatch.setattr(handler if hasattr(handler, method) else HealthCheck, method, broken)
        return took

    monkeypatch.setattr(handler, "handle_command", then_break)
    events = serve(train, asking(question))
    (failed,) = of(Failed, events)
    assert not failed.fatal and failed.request == 7
    assert "broken on purpose" in failed.problem
    assert isinstance(events[-1], Stopped) and events[-1].reason == "stopped"


def test_an_event_that_is_too_large_is_told_and_training_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A trace is a whole state and framed late, an answer to Unroll at once: both ways are tried."""
    config = small(write_text(tmp_path / "words.txt"), validation=0.5)
    monkeypatch.setattr(rnnplay.protocol, "MAX_FRAME", 10_000)
    events = serve(
        Train(config=config, root=str(tmp_path)), asking(WatchTrace(length=2000, request=7), Unroll(request=8))
    )
    assert {failed.request for failed in of(Failed, events)} >= {7, 8}  # and rows, perhaps
    assert all("too large" in failed.problem and not failed.fatal for failed in of(Failed, events))
    assert isinstance(events[-1], Stopped) and events[-1].reason == "stopped"


def test_what_cannot_be_read_is_told_so_and_training_goes_on(train: Train, monkeypatch: pytest.MonkeyPatch) -> None:
    def unreadable(*arguments: Any) -> None:
        raise PermissionError(13, "Permission denied", "/some/text")

    monkeypatch.setattr(LossHandler, "handle_command", unreadable)
    events = serve(train, asking(Evaluate(request=7)))
    (failed,) = of(Failed, events)
    assert failed.problem == '"/some/text" cannot be read (Permission denied).'
    assert all(status.state == "training" for status in of(Status, events))


@pytest.mark.parametrize("error", [RuntimeError("broken on purpose"), MemoryError(), KeyError("W_hy")])
def test_a_training_step_that_fails_stops_the_run_at_its_last_good_checkpoint(
    train: Train, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str], error: Exception
) -> None:
    real = Learner.finish_steps

    def fail_at(self: Learner) -> Any:
        results = real(self)
        if self.step > saved:
            self.network.flat[...] = 3.0  # whatever it has done until then is not to be saved
            raise error
        return results

    saved = 10**9

    def react(event: AnyEvent) -> Iterator[Command]:
        nonlocal saved
        if isinstance(event, Status) and event.step > 20 and saved == 10**9:
            yield Save()
        if isinstance(event, Saved) and event.step > 20:
            saved = event.step
            monkeypatch.setattr(Learner, "finish_steps", fail_at)

    events = serve(train, react)
    last = events[-1]
    assert isinstance(last, Failed) and last.fatal
    assert "training step" in last.problem and type(error).__name__ in last.problem
    assert f"checkpoint of step {saved:,}" in last.remedy and "resume" in last.remedy
    assert "Traceback" in capfd.readouterr().err
    (run,) = Path(str(train.root)).iterdir()
    assert last_saved(run) == saved
    monkeypatch.setattr(Learner, "finish_steps", real)
    again = serve(Resume(run=str(run), more_steps=5), lambda event: [Stop()] * getattr(event, "final", False))
    assert of(Stopped, again)[0].step == saved + 5
    steps = [line["step"] for line in metrics(run) if "kind" not in line]
    assert steps == list(range(1, saved + 6))
