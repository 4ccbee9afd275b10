"""A slowed run waits between its steps; nothing but its duration depends on that. A run of no step is not kept."""

import time
from collections.abc import Iterable
from pathlib import Path

import pytest

from rnnplay.catalogue import make_config
from rnnplay.protocol import (
    AnyEvent,
    Command,
    Evaluated,
    RowsCompleted,
    SetSpeed,
    Started,
    Status,
    Stop,
    Stopped,
    Train,
)
from rnnplay.runs import list_runs, load_record, read_lines, save_record
from rnnplay.trainer import pace
from rnnplay.trainer.metrics import SpeedMeter
from rnnplay.trainer.pace import Pacer
from tests.trainer.serving import serve

CLOCK = {"chars_per_s", "seconds"}


class Clock:
    """Stands where `time.perf_counter` stands."""

    def __init__(self) -> None:
        self.now = 1_000.0

    def perf_counter(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(pace, "time", clock)
    return clock


def seconds_for(pacer: Pacer, clock: Clock, steps: int, seconds: float) -> float:
    """How long so many steps take that compute for `seconds` each."""
    begun = clock.now
    for _ in range(steps):
        clock.now += pacer.seconds_until_due() + seconds
        pacer.step_done(clock.now, seconds)
    return clock.now - begun


@pytest.mark.parametrize(("speed", "expected"), [(None, 0.1), (100.0, 0.991), (10.0, 9.9), (1.0, 99.0)])
def test_a_hundred_steps_take_as_long_as_the_speed_asks_for(clock: Clock, speed: float | None, expected: float) -> None:
    pacer = Pacer()
    pacer.set_speed(speed)
    assert seconds_for(pacer, clock, 100, 0.001) == pytest.approx(expected, rel=0.02)


def test_a_step_that_is_late_is_not_made_up_for(clock: Clock) -> None:
    pacer = Pacer()
    pacer.set_speed(10.0)
    seconds_for(pacer, clock, 3, 0.001)
    clock.now += 5.0  # a person had paused
    seconds_for(pacer, clock, 1, 0.001)
    assert seconds_for(pacer, clock, 10, 0.001) == pytest.approx(0.9, rel=0.02)  # the first at once


def test_only_a_run_that_would_be_over_within_a_second_is_slowed(clock: Clock) -> None:
    quick, slow, long = Pacer(500), Pacer(500), Pacer(10_000)
    assert quick.steps_per_second == slow.steps_per_second == pace.WATCHED_STEPS_PER_SECOND
    assert long.steps_per_second is None and Pacer().steps_per_second is None
    seconds_for(quick, clock, 20, 0.0001)
    seconds_for(slow, clock, 20, 0.01)
    assert quick.steps_per_second == pace.WATCHED_STEPS_PER_SECOND and slow.steps_per_second is None


def test_the_time_left_is_that_of_the_slowed_run() -> None:
    speed, config = SpeedMeter(), make_config("alternate")
    for _ in range(20):
        speed.add(16, 0.0001)
    assert speed.progress_and_eta(100, 0.01, config, 0)[1] == pytest.approx(0.04)
    assert speed.progress_and_eta(100, 0.01, config, 0, 0.1)[1] == pytest.approx(40.0)


def trained(root: Path, speed: float | None, watched: bool = False) -> list[AnyEvent]:
    def react(event: AnyEvent) -> Iterable[Command]:
        if isinstance(event, Started) and not watched:
            yield SetSpeed(steps_per_second=speed)
        if isinstance(event, Status) and event.state == "finished":
            yield Stop()

    config = make_config("one-one-zero", steps=40, evaluate_every=10)
    return serve(Train(config=config, root=str(root), watched=watched), react)


def test_a_slowed_run_has_the_same_numbers_and_its_clock_leaves_out_the_waits(tmp_path: Path) -> None:
    lines = []
    for name, speed in (("fast", None), ("slow", 100.0)):
        begun = time.perf_counter()
        events = trained(tmp_path / name, speed)
        wall = time.perf_counter() - begun
        (info,) = list_runs(tmp_path / name)
        rows = read_lines(Path(info.path) / "metrics.jsonl")
        lines.append([{key: value for key, value in row.items() if key not in CLOCK} for row in rows])
        last = [event for event in events if isinstance(event, Status)][-1]
        assert (info.step, last.step, last.steps_per_second) == (40, 40, speed)
        assert speed is None or wall - last.seconds > 0.35  # 39 waits of a hundredth of a second, less the steps
        rates = [row.chars_per_s for event in events if isinstance(event, RowsCompleted) for row in event.rows]
        assert speed is None or (len(rates) == 40 and max(filter(None, rates)) > 12 * 100)  # of 12 symbols a step
        assert [event.step for event in events if isinstance(event, Evaluated)][-1] == 40
    assert lines[0] == lines[1]


def test_a_new_run_that_did_no_step_is_deleted_and_one_that_was_killed_is_not_listed(tmp_path: Path) -> None:
    def stop(event: AnyEvent) -> Iterable[Command]:
        return [Stop()] if isinstance(event, Status) else []

    opening = Train(config=make_config("alternate"), root=str(tmp_path), paused=True)
    *_, last = serve(opening, stop)
    assert isinstance(last, Stopped) and (last.run, last.step) == ("", 0)
    assert list(tmp_path.iterdir()) == []
    serve(opening, stop, lambda session: setattr(session, "is_new", False))  # as a killed trainer leaves it
    (run,) = tmp_path.iterdir()
    assert list_runs(tmp_path) == []
    record = load_record(run)
    save_record(run, type(record)(config=record.config, created=record.created, imported=True))
    assert [info.step for info in list_runs(tmp_path)] == [0]
