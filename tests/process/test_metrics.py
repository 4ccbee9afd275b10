"""Rows of metrics: one a step at first, then blocks that double, the same however often the run was stopped."""

import json
import math
import random
from pathlib import Path

import msgspec
import pytest

from rnnplay.protocol import Row
from rnnplay.runs import MetricsFile, read_metrics
from rnnplay.trainer.metrics import RowRecorder, StepResult, block_length, evaluation_due, evaluation_interval


def step_of(number: int) -> StepResult:
    loss = 1.234567890123 + math.sin(number)
    return StepResult(
        loss=loss, grad_norm=abs(math.cos(number)) * 3.3, clipped=number % 3 == 0, lr=0.001953, characters=1600
    )


def test_a_million_steps_leave_a_small_file_with_512_rows_a_doubling(tmp_path: Path) -> None:
    recorder, metrics = RowRecorder(), MetricsFile(tmp_path)
    covered = 0
    for number in range(1, 1_000_001):
        if recorder.add(number, step_of(number)):
            recorder.block.seconds = 12.345678
            row = recorder.row(number, 0.001953, 1234.567891 * number)
            metrics.append([msgspec.structs.asdict(row)])
            assert number - covered == block_length(number)
            covered = number
        if evaluation_due(number, 500):
            metrics.append([{"kind": "evaluated", "step": number, "loss": 1.2345678901234, "characters": 100_000}])
    assert (tmp_path / "metrics.jsonl").stat().st_size <= 4_000_000
    rows, evaluations, _ = read_metrics(tmp_path / "metrics.jsonl")
    steps = [row["step"] for row in rows]
    assert steps[:1024] == list(range(1, 1025))
    for power in range(10, 19):
        assert sum(2**power < step <= 2 ** (power + 1) for step in steps) == 512
    assert 100 < len(evaluations) < 300


def test_a_row_is_the_mean_of_its_block() -> None:
    recorder = RowRecorder()
    first = 2048 + 4 + 1  # blocks of 4 here
    numbers = range(first, first + 4)
    assert [recorder.add(number, step_of(number)) for number in numbers] == [False, False, False, True]
    row = recorder.row(numbers[-1], 0.5, 7.0)
    losses = [step_of(number).loss for number in numbers]
    assert row.loss == pytest.approx(sum(losses) / 4)
    assert (row.loss_min, row.loss_max) == (min(losses), max(losses))
    assert row.grad_norm == pytest.approx(sum(step_of(number).grad_norm for number in numbers) / 4)
    assert row.clipped == sum(number % 3 == 0 for number in numbers) / 4


def test_an_open_block_survives_being_written_down_at_any_step() -> None:
    draw = random.Random(2)

    def rows(stops: set[int]) -> list[Row]:
        recorder, found = RowRecorder(), []
        for number in range(1, 9000):
            if recorder.add(number, step_of(number)):
                found.append(recorder.row(number, 0.5, 7.0))
            if number in stops:
                state = json.loads(json.dumps(recorder.state(), allow_nan=False))
                recorder = RowRecorder()
                recorder.restore(state)
        return found

    assert rows(set(draw.sample(range(1, 9000), 200))) == rows(set())


def test_a_loss_that_is_not_finite_is_none() -> None:
    recorder = RowRecorder()
    recorder.add(1, StepResult(math.nan, math.inf, True, 0.5, 8))
    row = recorder.row(1, 0.5, 7.0)
    assert (row.loss, row.grad_norm, row.clipped) == (None, None, 1.0)


@pytest.mark.parametrize("every", [1, 7, 500])
def test_evaluations_become_rarer_as_a_run_grows(every: int) -> None:
    due = [step for step in range(1, every * 1024 + 1) if evaluation_due(step, every)]
    assert due[:32] == [every * k for k in range(1, 33)]
    for power in range(5, 10):
        assert sum(every * 2**power < step <= every * 2 ** (power + 1) for step in due) == 16


def test_evaluating_costs_little_beside_training() -> None:
    assert evaluation_interval(500, 1600, 100_000) == 500
    every = evaluation_interval(500, 25, 100_000)
    assert every % 500 == 0
    assert every * 25 >= 3 * 100_000
