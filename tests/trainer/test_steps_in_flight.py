"""Steps that go on beside the trainer: what is answered meanwhile is as of a step, and nothing of a run changes."""

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest
from driving import last_saved, losses, metrics, of, small, write_text

from rnnplay import protocol
from rnnplay.backend.base import DeviceMemoryError, StepRow
from rnnplay.protocol import (
    AnyEvent,
    Command,
    ComputeGradientByLag,
    Continue,
    DoOneStep,
    Evaluate,
    Failed,
    FindUnits,
    Inspect,
    Pause,
    Resume,
    Sample,
    Sampled,
    Save,
    Saved,
    Started,
    Status,
    Stop,
    Trace,
    Train,
    Unroll,
    WatchHealth,
    WatchTrace,
)
from rnnplay.runs import checkpoint
from rnnplay.trainer.opening import open_session
from rnnplay.trainer.session import TrainingSession
from tests.trainer.serving import serve

torch = pytest.importorskip("torch")
ASKED: tuple[Command, ...] = (WatchTrace(every=0.0), Sample(length=30), WatchHealth(every=0.0), Save())


def at_end(*asked: Command) -> Callable[[AnyEvent], Iterable[Command]]:
    """Give commands when the run has started, and Stop when it has finished or diverged."""

    def react(event: AnyEvent) -> Iterable[Command]:
        if isinstance(event, Started) and event.step == 0:
            yield from asked
        if isinstance(event, Status) and event.state in ("finished", "diverged"):
            yield Stop()

    return react


def run_directory(events: list[AnyEvent]) -> Path:
    return Path(of(Started, events)[0].run)


def arrays(run: Path, step: int) -> dict[str, Any]:
    return checkpoint.load(checkpoint.checkpoint_path(run, step)).arrays


def test_a_run_is_the_same_with_and_without_what_is_asked_meanwhile(tmp_path: Path) -> None:
    config = small(write_text(tmp_path / "words.txt"), device="torch-cpu", steps=90, ema_decay=0.9, dropout=0.1)
    counts: list[int] = []

    def count(session: TrainingSession) -> None:
        start = session.learner.start_steps
        session.learner.start_steps = lambda n: (counts.append(n), start(n))[1]  # type: ignore[method-assign]

    quiet = run_directory(serve(Train(config=config, root=str(tmp_path / "quiet")), at_end(), count))
    assert max(counts) > 1 and sum(counts) == 90
    events = serve(Train(config=config, root=str(tmp_path / "asked")), at_end(*ASKED))
    asked = run_directory(events)
    assert of(Trace, events) and of(Sampled, events) and of(Saved, events)
    assert metrics(asked) == metrics(quiet)
    one, other = arrays(asked, 90), arrays(quiet, 90)
    assert all(np.array_equal(one[name], other[name]) for name in one)
    on_cpu = msgspec.structs.replace(config, device="cpu", cores=1)
    plain = serve(Train(config=on_cpu, root=str(tmp_path / "cpu")), at_end())
    assert losses(events) == pytest.approx(losses(plain), rel=1e-3)


def test_networks_are_as_of_the_step_before_those_in_flight(tmp_path: Path) -> None:
    config = small(write_text(tmp_path / "words.txt"), device="torch-cpu", ema_decay=0.5)
    session = open_session(Train(config=config, root=str(tmp_path / "runs")))
    learner = session.learner
    learner.train_step()
    before, shown = learner.network.flat.copy(), learner.eval_network().flat.copy()
    learner.start_steps(3)
    assert learner.in_flight and learner.step == 1
    np.testing.assert_array_equal(learner.network.flat, before)
    np.testing.assert_array_equal(learner.eval_network().flat, shown)
    assert len(learner.finish_steps()) == 3 and learner.step == 4
    assert not np.array_equal(learner.network.flat, before)
    assert not np.array_equal(learner.eval_network().flat, shown)
    session.close()


def test_one_step_is_one_and_a_pause_leaves_none_in_flight(tmp_path: Path) -> None:
    config = small(write_text(tmp_path / "words.txt"), device="torch-cpu")
    answered: list[str] = []

    def react(event: AnyEvent) -> Iterable[Command]:
        if isinstance(event, Status) and event.state == "training" and event.step > 40 and not answered:
            answered.append("pause")
            yield Pause()
        if isinstance(event, Status) and event.state == "paused":
            answered.append(str(event.step))
            if len(answered) < 4:
                yield DoOneStep()
            else:
                yield Stop()

    events = serve(Train(config=config, root=str(tmp_path / "runs")), react)
    first, second, third = map(int, answered[1:4])
    assert (second, third) == (first + 1, first + 2)
    assert last_saved(run_directory(events)) == third


def test_a_loss_that_is_no_number_goes_back_to_the_checkpoint(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    config = small(write_text(tmp_path / "words.txt"), device="torch-cpu", steps=200)

    def spoil(session: TrainingSession) -> None:
        backend = session.learner._backend
        finish = backend.finish_steps

        def finish_spoiled() -> list[StepRow]:
            first = session.learner.step + 1
            rows = finish()
            return [row._replace(loss=float("nan")) if n == 70 else row for n, row in enumerate(rows, first)]

        monkeypatch.setattr(backend, "finish_steps", finish_spoiled)

    events = serve(Train(config=config, root=str(tmp_path / "runs")), at_end(), spoil)
    diverged = [event for event in of(Status, events) if event.state == "diverged"]
    assert "at step 70" in diverged[0].problem
    assert diverged[0].step == 0  # its last checkpoint
    rows = [line["step"] for line in metrics(run_directory(events)) if "kind" not in line]
    assert rows[-1] == 70  # they are cut when it goes on


def test_when_the_memory_of_the_device_is_full_the_run_is_paused_at_its_checkpoint(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = small(write_text(tmp_path / "words.txt"), device="torch-cpu", steps=60, batch=4)
    sent: list[str] = []

    def fill_memory(session: TrainingSession) -> None:
        network = session.learner._backend._network  # type: ignore[attr-defined]
        loss = network.loss
        calls = iter(range(10_000))

        def full(*given: Any) -> Any:
            if next(calls) == 25:
                raise torch.OutOfMemoryError("CUDA out of memory.")
            return loss(*given)

        monkeypatch.setattr(network, "loss", full)

    def react(event: AnyEvent) -> Iterable[Command]:
        if isinstance(event, Status) and event.problem and event.state == "paused" and not sent:
            sent.append(f"{event.problem} {event.remedy}")
            yield Continue()
        yield from at_end()(event)

    events = serve(Train(config=config, root=str(tmp_path / "runs")), react, fill_memory)
    (message,) = sent
    assert "is too small" in message and "--batch 2" in message and "--device cpu" in message
    assert any(message == f"{event.problem} {event.remedy}" for event in of(Failed, events))
    run = run_directory(events)  # it went on, and is as without
    assert [line["step"] for line in metrics(run) if "kind" not in line] == list(range(1, 61))
    whole = run_directory(serve(Train(config=config, root=str(tmp_path / "whole")), at_end()))
    assert metrics(run) == metrics(whole)
    assert issubclass(DeviceMemoryError, ValueError)


def test_a_run_in_flight_that_is_stopped_goes_on_bit_for_bit(tmp_path: Path) -> None:
    config = small(write_text(tmp_path / "words.txt"), device="torch-cpu", steps=120)

    def stop_early(event: AnyEvent) -> Iterable[Command]:
        if isinstance(event, Status) and event.step > 30:
            yield Stop()

    stopped = run_directory(serve(Train(config=config, root=str(tmp_path / "stopped")), stop_early))
    assert 30 < last_saved(stopped) <= 120
    serve(Resume(run=str(stopped)), at_end())
    whole = run_directory(serve(Train(config=config, root=str(tmp_path / "whole")), at_end()))
    assert metrics(stopped) == metrics(whole)
    one, other = arrays(stopped, 120), arrays(whole, 120)
    assert all(np.array_equal(one[name], other[name]) for name in one)
    inspected = open_session(Inspect(run=str(stopped)))
    assert inspected.learner.step == 120 and not inspected.learner.overlaps


ANSWERS: dict[Command, type[AnyEvent]] = {
    Evaluate(): protocol.Evaluated,
    WatchTrace(): Trace,
    FindUnits(pattern="[aeiou]"): protocol.UnitsFound,
    protocol.ComputeGates(): protocol.GatesComputed,
    Sample(): Sampled,
    Unroll(): protocol.Unrolled,
    ComputeGradientByLag(): protocol.GradientByLagComputed,
    protocol.DescribeNetwork(): protocol.NetworkDescribed,
    WatchHealth(): protocol.Health,
}


def test_everything_that_is_asked_of_a_run_on_a_device_is_answered_while_it_trains(tmp_path: Path) -> None:
    questions = list(ANSWERS)
    waiting: list[type[AnyEvent]] = []
    steps: list[int] = []

    def react(event: AnyEvent) -> Iterable[Command]:
        if waiting and isinstance(event, waiting[0]) and not getattr(event, "is_history", False):
            waiting.clear()
        if isinstance(event, Status) and event.state == "training" and event.step > 5 and not waiting:
            assert event.device is not None and "PyTorch" in event.device.name
            steps.append(event.step)
            if not questions:
                yield Stop()
                return
            question = questions.pop(0)
            waiting.append(ANSWERS[question])
            yield question

    config = small(write_text(tmp_path / "words.txt"), device="torch-cpu", ema_decay=0.9)
    events = serve(Train(config=config, root=str(tmp_path / "runs")), react)
    assert of(Failed, events) == []
    assert len(steps) == len(ANSWERS) + 1 and steps == sorted(set(steps))
