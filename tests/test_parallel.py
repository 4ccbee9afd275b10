"""A training step on two cores: the same numbers as on one, whoever computes them, and nothing that stays behind."""

import io
import os
import signal
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from driving import follow, last_saved, metrics, of, resumed, small, trained, write_text
from examples import Example, example, some_state

from rnnplay.client import TrainerClient
from rnnplay.engine import Architecture, Network, Optimizer
from rnnplay.machine import available_cores
from rnnplay.parallel import DataParallel, messages, should_split
from rnnplay.parallel.eventfd import EventFd
from rnnplay.parallel.split import total_weight
from rnnplay.protocol import RowsCompleted, Started, Stop, TaskRemarked, Train
from rnnplay.runs import LOG, checkpoint, load_record

SMALL: dict[str, Any] = {"inputs": 7, "hidden": 6, "outputs": 5, "dtype": "float64"}


@pytest.fixture
def every_batch(monkeypatch: pytest.MonkeyPatch) -> None:
    """Halve small batches too."""
    monkeypatch.setattr("rnnplay.parallel.split.MIN_SPLIT_MULS", 0)


@pytest.fixture
def made() -> Iterator[list[DataParallel]]:
    """What a test puts here is closed."""
    found: list[DataParallel] = []
    yield found
    for parallel in found:
        parallel.close()


def parallel(made: list[DataParallel], a: Architecture, alone: bool = False) -> DataParallel:
    """A network with its worker up, or with none."""
    made.append(DataParallel(a, 3))
    if alone:
        made[-1].close()
        return made[-1]
    batch = example(a, 3, 4, 0)
    end = time.monotonic() + 60
    while made[-1]._worker is None or not made[-1]._worker.is_ready:
        made[-1].forward_backward(batch)
        assert time.monotonic() < end
    return made[-1]


def learned(of: DataParallel, a: Architecture, steps: int = 5) -> tuple[list[float], np.ndarray[Any, Any]]:
    """The losses of some steps of unequal batches with carried state, and the parameters after them."""
    optimizer, rng = Optimizer(of.network, "adam", 1e-2), np.random.default_rng(8)
    losses, state = [], None
    for step in range(steps):
        loss, state = of.forward_backward(example(a, 4 + step, 5, step), state, rng)
        optimizer.step(clip_norm=1.0)
        losses.append(loss)
    return losses, of.network.flat.copy()


@pytest.mark.parametrize("cell", ["rnn", "lstm", "gru", "input-rnn"])
@pytest.mark.parametrize("readout", ["softmax", "sigmoid", "linear"])
@pytest.mark.parametrize("by_id", [True, False])
def test_two_halves_give_the_loss_the_gradient_and_the_state_of_the_whole(
    every_batch: None, made: list[DataParallel], cell: str, readout: str, by_id: bool
) -> None:
    a = Architecture(cell=cell, readout=readout, inputs_are_ids=by_id, layers=2, **SMALL)
    two = parallel(made, a, alone=True)
    one = two.network.copy()
    for masked in (False, True):
        batch, state = example(a, 6, 5, 1, masked=masked), some_state(one, 5, 2)
        loss, last = one.forward_backward(batch, state)
        halved, halved_last = two.forward_backward(batch, state)
        assert halved == pytest.approx(loss, rel=1e-12)
        np.testing.assert_allclose(two.network.flat_gradient, one.flat_gradient, rtol=1e-9, atol=1e-14)
        for layer, other in zip(last, halved_last, strict=True):
            for part, halved_part in zip(layer, other, strict=True):
                np.testing.assert_allclose(halved_part, part, rtol=1e-12)


@pytest.mark.parametrize(
    "extra", [{"source_vocabulary_size": 4}, {"context_size": 3}, {"context_size": 5, "picture_shape": (1, 6, 7)}]
)
def test_what_sets_the_first_state_is_halved_too(
    every_batch: None, made: list[DataParallel], extra: dict[str, Any]
) -> None:
    a = Architecture(cell="gru", **SMALL, **extra)
    two = parallel(made, a)
    one = two.network.copy()
    batch = example(a, 6, 3, 1, masked=True)
    assert two.forward_backward(batch)[0] == pytest.approx(one.forward_backward(batch)[0], rel=1e-12)
    np.testing.assert_allclose(two.network.flat_gradient, one.flat_gradient, rtol=1e-9, atol=1e-14)


def test_a_batch_without_weights_counts_every_time_step_alike(every_batch: None, made: list[DataParallel]) -> None:
    a = Architecture(cell="lstm", **SMALL)
    two = parallel(made, a)
    one = two.network.copy()
    whole = example(a, 6, 7, 1)
    batch = Example(whole.inputs, whole.targets)
    assert two.forward_backward(batch)[0] == pytest.approx(one.forward_backward(batch)[0], rel=1e-12)
    np.testing.assert_allclose(two.network.flat_gradient, one.flat_gradient, rtol=1e-9, atol=1e-14)
    nothing = Example(whole.inputs, whole.targets, np.zeros((6, 7)))
    assert total_weight(nothing) == 0.0
    assert two.forward_backward(nothing)[0] == 0.0
    assert not two.network.flat_gradient.any()


@pytest.mark.parametrize("dropped", [{}, {"dropout": 0.4, "weight_dropout": 0.3}])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_the_numbers_do_not_tell_who_computed_them(
    every_batch: None, made: list[DataParallel], dropped: dict[str, Any], dtype: str
) -> None:
    a = Architecture(cell="lstm", layers=2, **{**SMALL, **dropped, "dtype": dtype})
    with_worker, without = parallel(made, a), parallel(made, a, alone=True)
    losses, parameters = learned(with_worker, a)
    assert with_worker._worker is not None
    assert losses == learned(without, a)[0]
    assert parameters.tobytes() == without.network.flat.tobytes()


def test_dropout_draws_another_mask_for_each_half(every_batch: None, made: list[DataParallel]) -> None:
    a = Architecture(cell="rnn", dropout=0.5, **SMALL)
    two = parallel(made, a, alone=True)
    whole = example(a, 9, 1, 4)
    twins = Example(np.repeat(whole.inputs, 2, 1), np.repeat(whole.targets, 2, 1))
    two.forward_backward(twins, None, np.random.default_rng(1))
    assert two._fallback_network is not None
    assert not np.array_equal(two.network.flat_gradient - two._gradient, two._gradient)


def test_a_worker_that_is_killed_is_missed_by_nobody(every_batch: None, made: list[DataParallel]) -> None:
    a = Architecture(cell="gru", **SMALL)
    killed, whole = parallel(made, a), parallel(made, a)
    assert killed._worker is not None
    os.kill(killed._worker._process.pid, signal.SIGKILL)
    assert learned(killed, a)[0] == learned(whole, a)[0]
    assert killed._worker is None
    assert killed.problem is not None and "has ended (exit status -9)" in killed.problem
    assert whole.problem is None
    assert killed.network.flat.tobytes() == whole.network.flat.tobytes()


def test_a_worker_that_dies_over_its_half_is_waited_for_no_longer(every_batch: None, made: list[DataParallel]) -> None:
    a = Architecture(cell="gru", **SMALL)
    killed, whole = parallel(made, a), parallel(made, a)
    assert killed._worker is not None
    process = killed._worker._process
    process.send_signal(signal.SIGSTOP)
    threading.Timer(0.3, process.kill).start()
    assert learned(killed, a)[0] == learned(whole, a)[0]
    assert killed._worker is None


def test_a_batch_and_a_state_larger_than_a_pipe_go_through(every_batch: None, made: list[DataParallel]) -> None:
    a = Architecture(
        cell="lstm", inputs=300, hidden=300, outputs=5, inputs_are_ids=False
    )  # some 80 KB and more a message
    two = parallel(made, a)
    batch, state = example(a, 20, 140, 1), some_state(two.network, 140, 2)
    one = two.network.copy()
    loss, last = one.forward_backward(batch, state)
    halved, halved_last = two.forward_backward(batch, state)
    assert two._worker is not None
    assert halved == pytest.approx(loss, rel=1e-5)
    np.testing.assert_allclose(halved_last[0].h, last[0].h, rtol=1e-4, atol=1e-6)


def test_a_message_of_which_only_a_part_has_come_is_none() -> None:
    whole = io.BytesIO()
    messages.send(whole, messages.StepResult(0.5, []))
    assert messages.receive(io.BytesIO(whole.getvalue()), messages.StepResult) == messages.StepResult(0.5, [])
    for size in range(len(whole.getvalue())):
        assert messages.receive(io.BytesIO(whole.getvalue()[:size]), messages.StepResult) is None


def test_where_nothing_but_a_pipe_wakes_the_numbers_are_the_same(
    every_batch: None, made: list[DataParallel], monkeypatch: pytest.MonkeyPatch
) -> None:
    a = Architecture(cell="gru", **SMALL)
    rung = learned(parallel(made, a), a)[0]
    for name in ("eventfd", "memfd_create"):  # as on macOS
        monkeypatch.delattr(os, name)
    assert EventFd.new() == EventFd(None)
    piped = parallel(made, a)
    assert learned(piped, a)[0] == rung
    assert piped._worker is not None


def test_a_batch_that_does_not_fit_is_refused_and_the_next_one_is_learned_from(
    every_batch: None, made: list[DataParallel]
) -> None:
    a = Architecture(cell="rnn", **SMALL)
    for column in (0, 4):  # in the first half, in the second
        two = parallel(made, a)
        good = example(a, 5, 5, 1)
        targets = good.targets.copy()
        targets[2, column] = 5
        with pytest.raises(ValueError, match="an id is outside"):
            two.forward_backward(Example(good.inputs, targets))
        assert two.forward_backward(good)[0] == pytest.approx(two.network.copy().forward_backward(good)[0], rel=1e-12)


def test_small_batches_stay_whole(made: list[DataParallel]) -> None:
    a = Architecture(cell="lstm", **SMALL)
    made.append(DataParallel(a, 3))
    batch = example(a, 6, 5, 1)
    assert made[0].forward_backward(batch)[0] == made[0].network.copy().forward_backward(batch)[0]
    assert made[0]._worker is None
    assert not should_split(a, 10**9, 1)
    assert should_split(Architecture(cell="lstm", inputs=65, hidden=128, outputs=65), 50, 32)


def test_a_network_over_arrays_that_exist_keeps_what_they_hold() -> None:
    a = Architecture(cell="rnn", **SMALL)
    first = Network(a, 4)
    second = Network(a, None, (first.flat, np.zeros_like(first.flat)))
    first.parameters["W_hy"][0, 0] = 7.0
    assert second.parameters["W_hy"][0, 0] == 7.0


# ------------------------------------------------------------------------------------------------- the trainer's worker


BIG: dict[str, Any] = {"hidden": 96, "batch": 33, "seq_len": 40, "cores": 2}


def workers(trainer: int) -> list[int]:
    """The processes that a process has started."""
    return [int(word) for word in Path(f"/proc/{trainer}/task/{trainer}/children").read_text().split()]


def alive(process: int) -> bool:
    try:
        return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


@pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="tells processes by /proc")
@pytest.mark.skipif(available_cores() < 2, reason="on one core there is no worker")
async def test_a_killed_trainer_leaves_no_worker_and_the_run_is_resumed_bit_for_bit(tmp_path: Path) -> None:
    text = write_text(tmp_path / "text.txt", 4000)
    config = small(text, steps=60, **BIG)
    client = await TrainerClient.start(Train(config=config, root=str(tmp_path / "killed")))
    run, found = None, []
    async for event in client.events():
        if isinstance(event, Started):
            run = Path(event.run)
        if isinstance(event, RowsCompleted) and (found := workers(client.pid)):
            os.kill(client.pid, signal.SIGKILL)
            break
    async for _ in client.events():
        pass
    await client.close()
    assert run is not None and len(found) == 1
    end = time.monotonic() + 30
    while alive(found[0]):
        assert time.monotonic() < end
        time.sleep(0.05)
    await resumed(run)
    whole = await trained(config, tmp_path / "whole")
    assert last_saved(run) == last_saved(whole) == 60
    assert metrics(run) == metrics(whole)
    one, other = (checkpoint.load(checkpoint.checkpoint_path(r, 60)).arrays for r in (run, whole))
    assert all(np.array_equal(one[name], other[name]) for name in other)


@pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="tells processes by /proc")
@pytest.mark.skipif(available_cores() < 2, reason="on one core there is no worker")
async def test_a_killed_worker_is_reported_once_and_logged(tmp_path: Path) -> None:
    text = write_text(tmp_path / "text.txt", 4000)
    client = await TrainerClient.start(Train(config=small(text, **BIG), root=str(tmp_path)))
    run, killed, remarks, after = None, False, [], 0
    async for event in client.events():
        if isinstance(event, Started):
            run = Path(event.run)
        if isinstance(event, RowsCompleted) and not killed and (found := workers(client.pid)):
            os.kill(found[0], signal.SIGKILL)
            killed = True
        if isinstance(event, TaskRemarked):
            remarks.append(event.text)
        if isinstance(event, RowsCompleted) and remarks:
            after += 1
            if after == 3:
                await client.send(Stop())
    await client.close()
    assert run is not None and len(remarks) == 1
    assert "second core's process has ended" in remarks[0]
    assert remarks[0] in (run / LOG).read_text()


async def test_a_run_keeps_to_the_cores_with_which_it_began(tmp_path: Path) -> None:
    text = write_text(tmp_path / "text.txt")
    for asked, kept in ((0, min(available_cores(), 2)), (1, 1), (2, 2)):
        events = await follow(Train(config=small(text, steps=2, cores=asked), root=str(tmp_path)))
        run = Path(of(Started, events)[0].run)
        assert load_record(run).config.cores == kept
