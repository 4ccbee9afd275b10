"""Threads and kernel of the trainer's process: safe defaults, the user's wish first, measured once and remembered."""

import json
import os
import platform
import subprocess
import sys
from pathlib import Path

import pytest

from rnnplay import blas, machine

ZEN5 = "model name\t: AMD EPYC 9655\nflags\t\t: fpu avx2 avx512f avx512dq avx512bw avx512vl\n\nmodel name\t: other\n"


@pytest.fixture(autouse=True)
def fresh(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """No variable is set and the cache is empty."""
    for name in blas.VARIABLES:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(blas, "_cache_file", lambda: tmp_path / "cache" / "blas.json")
    return tmp_path / "cache" / "blas.json"


def test_one_thread_unless_the_user_has_said_otherwise(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(blas, "_processor", lambda: "")
    assert blas.trainer_environment() == dict.fromkeys(blas.THREADS, "1")
    monkeypatch.setenv("OMP_NUM_THREADS", "3")
    assert blas.trainer_environment() == {}
    assert blas.trainer_environment(threads=2) == dict.fromkeys(blas.THREADS, "2")


def test_the_processor_needs_all_four_sets_of_instructions(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(platform, "machine", lambda: "x86_64")
    file = tmp_path / "cpuinfo"
    monkeypatch.setattr(blas, "cpu_info", lambda: machine.cpu_info(file))
    assert blas._processor() == ""  # there is no such file
    file.write_text(ZEN5)
    assert blas._processor() == "AMD EPYC 9655"
    file.write_text(ZEN5.replace("avx512vl", ""))
    assert blas._processor() == ""
    file.write_text(ZEN5)
    monkeypatch.setattr(platform, "machine", lambda: "aarch64")
    assert blas._processor() == ""


@pytest.mark.parametrize(
    ("limit", "cores"), [("max 100000", 4), ("200000 100000", 2), ("50000 100000", 1), ("900000 100000", 4), ("", 4)]
)
def test_the_cores_are_those_of_the_control_group(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, limit: str, cores: int
) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda process: {0, 1, 2, 3}, raising=False)
    (tmp_path / "cpu.max").write_text(limit)
    assert machine.available_cores(tmp_path / "cpu.max") == cores
    assert machine.available_cores(tmp_path / "none") == 4


def probe(core: str, whole: float, tiled: float = 9.0) -> blas.Probe:
    return blas.Probe([core], whole, tiled)


KERNEL, SMALL = {blas.KERNEL: "SKYLAKEX"}, {blas.SMALL_GEMM: "1"}


@pytest.mark.parametrize(
    ("own", "other", "chosen"),
    [
        (probe("Haswell", 2.0), probe("SkylakeX", 1.0), KERNEL | {blas.SMALL_GEMM: "0"}),
        (probe("Zen", 2.0), probe("SkylakeX", 1.0, 0.8), KERNEL | SMALL),
        (probe("Haswell", 2.0), probe("SkylakeX", 1.9, 1.5), KERNEL | SMALL),  # in tiles it is faster
        (probe("Haswell", 2.0, 0.5), probe("SkylakeX", 1.9), {blas.SMALL_GEMM: "0"}),  # neither is
        (probe("Haswell", 2.0), None, {blas.SMALL_GEMM: "0"}),  # it crashes
        (probe("SkylakeX", 1.0, 0.8), probe("SkylakeX", 0.1), SMALL),  # OpenBLAS uses the kernel already
        (probe("SkylakeX", 1.0, 0.96), None, {blas.SMALL_GEMM: "0"}),  # not faster by enough
        (blas.Probe([], 2.0, 1.0), probe("SkylakeX", 1.0), {blas.SMALL_GEMM: "0"}),  # no OpenBLAS
    ],
)
def test_kernel_and_small_products_are_chosen_where_they_are_faster_and_remembered(
    monkeypatch: pytest.MonkeyPatch, fresh: Path, own: object, other: object, chosen: dict[str, str]
) -> None:
    asked: list[dict[str, str]] = []

    def run(variables: dict[str, str]) -> object:
        asked.append(variables)
        return other if variables else own

    monkeypatch.setattr(blas, "_processor", lambda: "AMD EPYC 9655")
    monkeypatch.setattr(blas, "_probe", run)
    threads = dict.fromkeys(blas.THREADS, "1")
    assert blas.trainer_environment() == threads | chosen
    measured = len(asked)
    assert blas.trainer_environment() == threads | chosen
    assert len(asked) == measured
    assert list(json.loads(fresh.read_text()).values()) == [chosen]


def test_a_measurement_that_failed_is_not_remembered(monkeypatch: pytest.MonkeyPatch, fresh: Path) -> None:
    monkeypatch.setattr(blas, "_processor", lambda: "AMD EPYC 9655")
    monkeypatch.setattr(blas, "_probe", lambda variables: None)
    assert blas.trainer_environment() == dict.fromkeys(blas.THREADS, "1")
    assert not fresh.exists()
    monkeypatch.setattr(blas, "_probe", lambda variables: probe("SkylakeX", 1.0, 0.5))
    assert blas.trainer_environment()[blas.SMALL_GEMM] == "1"


def test_what_the_user_has_set_wins(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(blas, "_processor", lambda: "AMD EPYC 9655")
    asked: list[dict[str, str]] = []
    monkeypatch.setattr(blas, "_probe", lambda variables: asked.append(variables) or probe("SkylakeX", 1.0, 0.5))
    monkeypatch.setenv(blas.KERNEL, "SKYLAKEX")
    chosen = blas.trainer_environment()
    assert blas.KERNEL not in chosen and chosen[blas.SMALL_GEMM] == "1"
    assert asked == [{}]  # the other kernel is not tried
    monkeypatch.setenv(blas.SMALL_GEMM, "0")
    assert not {blas.KERNEL, blas.SMALL_GEMM} & set(blas.trainer_environment())
    assert asked == [{}]


@pytest.mark.parametrize("content", ["", "[1]", '{"AMD', "null", '{"AMD EPYC 9655": "SKYLAKEX"}'])
def test_a_broken_cache_is_measured_again(monkeypatch: pytest.MonkeyPatch, fresh: Path, content: str) -> None:
    fresh.parent.mkdir()
    fresh.write_text(content)
    monkeypatch.setattr(blas, "_processor", lambda: "AMD EPYC 9655")
    monkeypatch.setattr(blas, "_probe", lambda variables: probe("Haswell", 1.0 if variables else 2.0))
    assert blas.trainer_environment()[blas.KERNEL] == "SKYLAKEX"
    assert list(json.loads(fresh.read_text()).values()) == [KERNEL | {blas.SMALL_GEMM: "0"}]


def test_a_cache_that_cannot_be_written_is_no_obstacle(monkeypatch: pytest.MonkeyPatch, fresh: Path) -> None:
    fresh.parent.write_text("a file where the folder should be")
    monkeypatch.setattr(blas, "_processor", lambda: "AMD EPYC 9655")
    monkeypatch.setattr(blas, "_probe", lambda variables: probe("Haswell", 1.0 if variables else 2.0))
    assert blas.trainer_environment()[blas.KERNEL] == "SKYLAKEX"


def test_a_child_measures_products_and_tells_its_cores() -> None:
    measured = blas._probe({})
    assert measured is not None
    assert measured.whole > 0 and measured.tiled > 0
    assert all(isinstance(core, str) for core in measured.cores)


@pytest.mark.parametrize(("value", "used"), [("1", True), ("0", False), (None, False)])
def test_the_engine_uses_small_products_where_the_environment_says_so(value: str | None, used: bool) -> None:
    script = "from rnnplay.engine import matmul; from rnnplay import blas; print(matmul.USE_TILES, blas.describe())"
    env = {name: text for name, text in os.environ.items() if name != blas.SMALL_GEMM}
    env |= {} if value is None else {blas.SMALL_GEMM: value}
    said = subprocess.run([sys.executable, "-c", script], env=env, capture_output=True, text=True, check=True).stdout
    assert said.startswith(f"{used} ")
    assert said.strip().endswith(", small products") == used


def test_a_process_started_with_the_environment_computes_on_one_thread() -> None:
    script = "import numpy; from rnnplay import blas; print(blas.describe())"
    env = os.environ | blas.trainer_environment()
    said = subprocess.run([sys.executable, "-c", script], env=env, capture_output=True, text=True, check=True).stdout
    assert ", 1 thread" in said or said.strip() == "BLAS unknown"
