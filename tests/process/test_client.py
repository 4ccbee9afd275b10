"""Whoever starts a trainer chooses how it computes: as the user says, else as the run began."""

import os
from pathlib import Path

import pytest

from rnnplay import blas, runs
from rnnplay.client import process
from rnnplay.config import RunConfig
from rnnplay.protocol import Resume, Train
from rnnplay.runs import RunRecord

ONE = {**dict.fromkeys(blas.THREADS, "1"), blas.SMALL_GEMM: "0"}


@pytest.fixture
def here(monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """A machine on which another kernel pays; the user has set nothing."""
    for name in blas.VARIABLES:
        monkeypatch.delenv(name, raising=False)
    chosen = {**ONE, blas.KERNEL: "SKYLAKEX"}
    monkeypatch.setattr(blas, "trainer_environment", lambda: dict(chosen))
    return chosen


def chosen_for(opening: Train | Resume) -> dict[str, str]:
    found = process.trainer_environment(opening)
    return {name: found[name] for name in blas.VARIABLES if name in found}


def begun_with(run: Path, environment: dict[str, str]) -> Resume:
    runs.save_record(run, RunRecord(config=RunConfig(task="hello"), created="", environment=environment))
    return Resume(run=str(run))


def test_a_new_run_gets_what_is_best_here(here: dict[str, str]) -> None:
    assert chosen_for(Train(config=RunConfig(task="hello"))) == here


def test_a_run_that_goes_on_gets_what_it_began_with(here: dict[str, str], tmp_path: Path) -> None:
    assert chosen_for(begun_with(tmp_path, here)) == here
    assert chosen_for(begun_with(tmp_path, ONE)) == ONE
    small = {**ONE, blas.SMALL_GEMM: "1"}
    assert chosen_for(begun_with(tmp_path, small)) == small
    before = {name: value for name, value in ONE.items() if name != blas.SMALL_GEMM}  # an older run
    assert chosen_for(begun_with(tmp_path, before)) == ONE
    two = {**ONE, blas.THREADS[0]: "2"}
    assert chosen_for(begun_with(tmp_path, two)) == two


def test_a_kernel_that_does_not_pay_here_is_not_asked_for(here: dict[str, str], tmp_path: Path) -> None:
    assert chosen_for(begun_with(tmp_path, {**ONE, blas.KERNEL: "COOPERLAKE"})) == here
    del here[blas.KERNEL]
    assert chosen_for(begun_with(tmp_path, {**ONE, blas.KERNEL: "SKYLAKEX"})) == ONE


def test_what_the_user_has_set_wins(here: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(blas.THREADS[0], "3")
    monkeypatch.setenv(blas.KERNEL, "HASWELL")
    here.clear()  # `blas.environment` leaves alone what is set
    found = chosen_for(begun_with(tmp_path, {**ONE, blas.KERNEL: "SKYLAKEX"}))
    assert found[blas.THREADS[0]] == "3"
    assert found[blas.KERNEL] == "HASWELL"


def test_a_run_that_cannot_be_read_is_left_to_the_trainer_to_report(here: dict[str, str], tmp_path: Path) -> None:
    assert chosen_for(Resume(run=str(tmp_path / "none"))) == here
    assert os.environ.get(blas.KERNEL) is None
