"""What `train` says off a terminal: a line at each evaluation and every ten seconds, each with its own step's loss."""

import itertools
import json
import re

import pytest

from rnnplay.catalogue import make_config
from rnnplay.cli.report import LINE_SECONDS, JsonReport, LineReport, ending
from rnnplay.protocol import (
    Evaluated,
    Facts,
    QuestionProgressed,
    ReadingText,
    Row,
    RowsCompleted,
    Started,
    Status,
    Stopped,
)


def started(**choices: float) -> Started:
    facts = Facts(
        io_pattern="many to many",
        parameters=4_321,
        inputs=5,
        outputs=5,
        vocabulary=(),
        baselines=(("bigram", 2.45),),
        unit_of_loss="nats",
        epoch_steps=500,
    )
    return Started(run="/nowhere/run-1", config=make_config("prose", **choices), facts=facts)


def rows(first: int, last: int, every: int = 1) -> RowsCompleted:
    """A row for each `every` steps; its loss is a function of the step."""
    return RowsCompleted(
        rows=tuple(
            Row(
                step=step,
                loss=10 / step,
                loss_min=None,
                loss_max=None,
                grad_norm=1.0,
                clipped=0.0,
                lr=1e-3,
                chars_per_s=210_000.0,
                seconds=step / 100,
            )
            for step in range(first, last + 1, every)
        )
    )


class Clock:
    def __init__(self) -> None:
        self.seconds = 0.0

    def __call__(self) -> float:
        return self.seconds


def lines(capsys: pytest.CaptureFixture[str]) -> list[str]:
    written = capsys.readouterr()
    assert written.out == ""
    return written.err.splitlines()


def test_a_long_reading_has_a_line_every_ten_seconds(capsys: pytest.CaptureFixture[str]) -> None:
    clock = Clock()
    report = LineReport(clock)
    report.event(ReadingText(bytes_read=80_000_000, progress=0.04))
    report.event(ReadingText(bytes_read=90_000_000, progress=0.045))
    clock.seconds += LINE_SECONDS
    report.event(ReadingText(bytes_read=900_000_000))
    assert lines(capsys) == ["reading the text, 4 %", "reading the text, 900 MB"]


def test_a_long_evaluation_has_a_line_every_ten_seconds(capsys: pytest.CaptureFixture[str]) -> None:
    clock = Clock()
    report = LineReport(clock)
    report.event(started(steps=1_000))
    lines(capsys)
    for fraction in (0.04, 0.08, 0.12):
        report.event(QuestionProgressed(question="Evaluate", fraction=fraction))
        clock.seconds += LINE_SECONDS / 2 + 0.1
    report.event(QuestionProgressed(question="AblateUnit", fraction=0.5))
    assert lines(capsys) == ["measuring the loss, 12 %"]


def test_several_evaluations_in_one_flush_each_have_the_loss_of_their_own_step(
    capsys: pytest.CaptureFixture[str],
) -> None:
    report = LineReport(Clock())
    report.event(started(steps=1_000))
    header = lines(capsys)
    assert header[0].startswith("prose: LSTM 1x")
    report.event(rows(1, 99))
    for step, loss in ((25, 2.0), (50, 1.5), (75, 1.75)):
        report.event(Evaluated(step=step, loss=loss))
    report.event(Status(state="training", step=99, seconds_left=80.0))
    assert lines(capsys) == [
        "step 25  2 %  loss 0.400  validation 2.000  210k char/s  0:00 done",
        "step 50  5 %  loss 0.200  validation 1.500  210k char/s  0:00 done",
        "step 75  8 %  loss 0.133  validation 1.750  best 1.500 at 50  210k char/s  0:01 done",
    ]
    report.event(Evaluated(step=75, loss=1.75, final=True))  # the same evaluation again
    assert lines(capsys) == []


def test_a_row_that_ends_at_another_step_says_which(capsys: pytest.CaptureFixture[str]) -> None:
    report = LineReport(Clock())
    report.event(started(steps=10_000))
    report.event(rows(4_488, 4_520, 8))
    report.event(Status(state="training", step=4_521, seconds_left=61.0))
    lines(capsys)
    report.event(Evaluated(step=4_500, loss=1.5))
    assert lines(capsys) == ["step 4,500  45 %  loss 0.0022 at 4,496  validation 1.500  210k char/s  1:01 left"]


def test_a_line_comes_at_least_every_ten_seconds(capsys: pytest.CaptureFixture[str]) -> None:
    clock = Clock()
    report = LineReport(clock)
    report.event(started(steps=400))
    lines(capsys)
    printed = []
    for step in range(1, 401):
        clock.seconds += 0.25
        report.event(rows(step, step))
        report.event(Status(state="training", step=step, seconds_left=100 - clock.seconds))
        printed += [(clock.seconds, line) for line in lines(capsys)]
    times = [0.0, *(seconds for seconds, _ in printed), 100.0]
    assert max(after - before for before, after in itertools.pairwise(times)) <= 10
    assert len(printed) <= 100 / LINE_SECONDS
    for _, line in printed:
        step, loss = re.match(r"step (\d+)  \d+ %  loss (\S+)  210k char/s  \d:\d\d left", line).groups()  # type: ignore[union-attr]
        assert float(loss) == pytest.approx(10 / int(step), abs=6e-4)


def test_a_pause_is_said_once_and_why_if_no_person_made_it(capsys: pytest.CaptureFixture[str]) -> None:
    report = LineReport(Clock())
    report.event(started(steps=400))
    lines(capsys)
    full = Status(state="paused", step=1_200, problem="The disk is full.", remedy="Make room, then go on.")
    for event in (full, full, Status(state="training", step=1_201), Status(state="paused", step=1_300)):
        report.event(event)
    assert lines(capsys) == [
        "Paused at step 1,200. The disk is full. Make room, then go on.",
        "Paused at step 1,300.",
    ]


def test_history_is_no_news(capsys: pytest.CaptureFixture[str]) -> None:
    report = LineReport(Clock())
    report.event(started(steps=400))
    lines(capsys)
    report.event(RowsCompleted(rows=rows(1, 50).rows, is_history=True))
    report.event(Evaluated(step=25, loss=1.0, is_history=True))
    assert lines(capsys) == []
    report.event(rows(51, 60))
    report.event(Evaluated(step=60, loss=1.2))
    assert lines(capsys) == ["step 60  15 %  loss 0.167  validation 1.200  best 1.000 at 25  210k char/s  0:01 done"]


def test_as_json_a_run_that_ended_for_want_of_a_better_evaluation_says_so(capsys: pytest.CaptureFixture[str]) -> None:
    reasons = []
    for ended_by in ("patience", ""):
        report = JsonReport()
        report.event(Status(state="finished", step=9, ended_by=ended_by))
        report.event(Stopped(run="/nowhere/run-1", step=9, reason="finished"))
        reasons.append(json.loads(capsys.readouterr().out)["reason"])
    assert reasons == ["patience", "finished"]


def test_the_end_says_what_patience_did_and_which_evaluation_was_the_best() -> None:
    best, last = Evaluated(step=400, loss=1.23), Evaluated(step=900, loss=3.775)
    finished = Status(state="finished", step=900, ended_by="patience")
    words = ending(started(patience=5), last, best, finished)
    assert words == "No better evaluation in 5: ended. Best: 1.230 at step 400 (--at best)."
    plain = ending(started(), last, best, Status(state="finished", step=900))
    assert plain == "Best: 1.230 at step 400 (--at best), now 3.775."
    assert ending(started(), last, last, None) == ending(started(), None, None, None) == ""
